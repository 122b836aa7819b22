//! Bytes that no training made: refused with a sentence, whatever stands in them, and never a panic.

use serde_json::{Value, json};

use super::examples::{Example, Flag, Source};
use super::*;

/// Numbers from the text's length.
struct Toy;

impl Embed for Toy {
    fn embed(&self, text: &str) -> Option<Vec<f32>> {
        Some((0..6).map(|place| (text.len() as f32 * 0.1 * place as f32).cos() * 0.2).collect())
    }

    fn parts(&self) -> usize {
        2
    }

    fn version(&self) -> &str {
        "toy-1"
    }
}

/// A model of two intents, small enough to be changed at every byte.
fn small(embed: Option<&dyn Embed>) -> Model {
    let one = |intent: &str, text: &str| Example {
        intent: intent.into(),
        text: text.into(),
        flag: Flag::None,
        source: Source::Starter,
    };
    let examples = vec![
        one("order_status", "where is it"),
        one("order_status", "any news"),
        one("thanks", "thank you"),
        one("thanks", "ta, bye"),
    ];
    let plan = Plan { rounds_max: 5, folds: 2, names: false, ..Plan::default() };
    train(Training { examples, embed, plan, progress: &|_, _| () }).unwrap()
}

/// The model's bytes with another head, under a checksum that fits.
fn with_head(model: &Model, change: impl FnOnce(&mut Value)) -> Vec<u8> {
    let bytes = model.to_bytes();
    let parts = file::read(&bytes).unwrap();
    let mut head: Value = serde_json::from_slice(parts.head).unwrap();
    change(&mut head);
    file::write(&Parts { head: head.to_string().as_bytes(), ..parts })
}

fn refused(bytes: &[u8]) -> String {
    let said = Model::description_of(bytes)
        .map(|_| ())
        .and(Model::from_bytes(bytes.to_vec(), Some("toy-1")).map(|_| ()));
    said.expect_err("refused").to_string()
}

#[test]
fn what_no_training_says_of_a_model_is_refused_in_plain_words() {
    let model = small(Some(&Toy));
    let good = with_head(&model, |_| ());
    assert_eq!(Model::from_bytes(good, Some("toy-1")).unwrap().description(), model.description());
    let threshold = json!({ "Ok": { "at": 0.9, "answered": 700, "wrong": 0, "bound": 0.996 } });
    let known = with_head(&model, |head| head["thresholds"] = json!({ "thanks": threshold.clone() }));
    assert!(Model::from_bytes(known, Some("toy-1")).is_ok());
    let unknown = json!({ "refunds": threshold });
    let too_high = json!({ "thanks": { "Ok": { "at": 1.5, "answered": 700, "wrong": 0, "bound": 0.996 } } });
    let more_wrong = json!({ "thanks": { "Ok": { "at": 0.5, "answered": 7, "wrong": 8, "bound": 0.996 } } });
    for (key, value, wanted) in [
        ("classes", json!([]), "fewer than two intents"),
        ("classes", json!(["thanks"]), "fewer than two intents"),
        ("classes", json!(["thanks", "thanks"]), "fewer than two intents"),
        ("classes", json!(["thanks", "other", "thanks"]), "an intent twice"),
        ("classes", json!(["thanks", "other", "fraud"]), "damaged"),
        ("thresholds", unknown, "a threshold for an intent that it does not know"),
        ("thresholds", too_high, "one of its thresholds is none"),
        ("thresholds", more_wrong, "one of its thresholds is none"),
        ("temperature", json!(0.0), "its temperature is none"),
        ("temperature", json!(-1.0), "its temperature is none"),
        ("target", json!(99.5), "its target is no share"),
        ("parts", json!(0), "do not fit their parts"),
        ("dense", json!(u64::MAX), "damaged"),
        ("dense", json!(0), "damaged"),
        ("plans", json!([]), "it has no weights"),
        ("near_weight", json!(1e300), "does not read"),
        ("embedding", Value::Null, "vectors and no embedding"),
    ] {
        let said = refused(&with_head(&model, |head| head[key] = value.clone()));
        assert!(said.contains(wanted) && said.contains("train it again"), "{key} {value}: {said}");
    }
}

#[test]
fn sections_that_do_not_fit_the_head_are_refused() {
    let model = small(Some(&Toy));
    let bytes = model.to_bytes();
    let parts = file::read(&bytes).unwrap();
    let mut numbers = parts.numbers.to_vec();
    numbers[..4].copy_from_slice(&f32::NAN.to_le_bytes());
    let (short, far) = (&parts.numbers[4..], String::from_utf8_lossy(&model.examples).replacen('0', "7", 1));
    for (parts, wanted) in [
        (Parts { numbers: &numbers, ..parts }, "no number"),
        (Parts { numbers: short, ..parts }, "weights are missing"),
        (Parts { cells: &[parts.cells, b"x"].concat(), ..parts }, "more weights"),
        (Parts { vectors: &parts.vectors[1..], ..parts }, "do not fit"),
        (Parts { examples: far.as_bytes(), ..parts }, "an example has no class"),
        (Parts { examples: b"no tab", ..parts }, "an example has no class"),
        (Parts { names: b"\xff", ..parts }, "not UTF-8"),
    ] {
        let said = Model::from_bytes(file::write(&parts), Some("toy-1")).unwrap_err().to_string();
        assert!(said.contains(wanted), "{wanted}: {said}");
    }
}

/// Whoever gets past the checksum gets a model or a sentence; and what is a model reads.
fn survives(bytes: &[u8]) {
    let _ = Model::description_of(bytes);
    let Ok(model) = Model::from_bytes(bytes.to_vec(), Some("toy-1")) else { return };
    for text in ["where is it", "thank you!", ""] {
        let reading = model.read(text, Some(&Toy));
        assert_eq!(reading.logs.len(), model.description().classes.len());
        let _ = (model.confidence(&reading), model.nearest(&reading, 3), model.read_unseen(text));
        let _ = (model.spoken(&reading, 0, 3), model.spoken(&reading, 99, 3), model.to_bytes());
    }
}

#[test]
fn flipped_and_cut_bytes_under_a_checksum_that_fits_never_panic() {
    use sha2::{Digest, Sha256};
    let seed = std::env::var("SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(7);
    println!("SEED={seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    for embed in [None, Some(&Toy as &dyn Embed)] {
        let bytes = small(embed).to_bytes();
        let content = &bytes[..bytes.len() - 32];
        let signed = |content: &[u8]| [content, Sha256::digest(content).as_slice()].concat();
        assert_eq!(signed(content), bytes);
        survives(&bytes);
        for _ in 0..4_000 {
            let mut changed = content.to_vec();
            for _ in 0..random.usize(1..4) {
                let place = random.usize(..changed.len());
                changed[place] ^= 1 << random.u32(..8);
            }
            changed.truncate(if random.u8(..4) == 0 { random.usize(..changed.len()) } else { changed.len() });
            survives(&changed);
            survives(&signed(&changed));
        }
        // Every number of the head, made odd.
        let head = file::read(&bytes).unwrap().head.to_vec();
        let digits: Vec<usize> = (0..head.len()).filter(|place| head[*place].is_ascii_digit()).collect();
        for place in digits {
            for odd in ["0", "9", "-1", "1e308", "18446744073709551615", "null"] {
                let head = [&head[..place], odd.as_bytes(), &head[place + 1..]].concat();
                survives(&file::write(&Parts { head: &head, ..file::read(&bytes).unwrap() }));
            }
        }
    }
}
