//! What a model keeps: the same bytes from the same data, the same readings from the same bytes, and what it read
//! before it learned.

use std::collections::BTreeMap;

use super::examples::{Example, Flag, Source};
use super::*;

/// Some messages of three intents that can be told apart, some of them flagged.
fn messages() -> Vec<Example> {
    let one = |intent: &str, text: String, flag| Example {
        intent: intent.into(),
        text,
        flag,
        source: Source::Starter,
    };
    let things = ["parcel", "order", "box", "shoes", "lamp", "package", "jacket", "mug", "chair", "phone"];
    let mut all = Vec::new();
    for (n, thing) in things.iter().enumerate() {
        all.push(one("order_status", format!("where is my {thing} now"), Flag::Plain));
        all.push(one("order_status", format!("where is the {thing} of my sister"), Flag::Trap));
        all.push(one("refund_request", format!("give me my money back for the {thing}"), Flag::None));
        all.push(one("refund_request", format!("i want a refund of the {thing}, {n}"), Flag::None));
        all.push(one("thanks", format!("thank you, the {thing} is lovely"), Flag::None));
    }
    all
}

fn plan() -> Plan {
    Plan { rounds_max: 30, names: false, taught_min: 10, ..Plan::default() }
}

fn trained(examples: Vec<Example>, embed: Option<&dyn Embed>) -> Model {
    train(Training { examples, embed, plan: plan(), progress: &|_, _| () }).unwrap()
}

/// Numbers from the text's length, about of unit length; nothing for a text with `!`.
struct Toy;

impl Embed for Toy {
    fn embed(&self, text: &str) -> Option<Vec<f32>> {
        let number = |place: u32| (text.len() as f32 * 0.1 * place as f32).cos() * 0.2;
        (!text.contains('!')).then(|| (0..50).map(number).collect())
    }

    fn version(&self) -> &str {
        "toy-1"
    }
}

#[test]
fn the_same_data_in_any_order_gives_the_same_bytes() {
    let first = trained(messages(), None);
    let mut turned = messages();
    turned.reverse();
    turned.extend(messages().into_iter().take(7));
    let second = trained(turned, None);
    assert_eq!(first.to_bytes(), second.to_bytes());
    assert_eq!(first.version(), second.version());
    let mut fewer = messages();
    fewer.pop();
    assert_ne!(trained(fewer, None).version(), first.version());
}

#[test]
fn bytes_give_back_the_model_with_every_reading() {
    for embed in [None, Some(&Toy as &dyn Embed)] {
        let model = trained(messages(), embed);
        let bytes = model.to_bytes();
        let again = Model::from_bytes(bytes.clone(), embed.map(|embed| embed.version())).unwrap();
        assert_eq!(&Model::description_of(&bytes).unwrap(), model.description());
        assert!(again == model && again.to_bytes() == bytes);
        for text in ["where is my lamp", "refund please", "thank you", ""] {
            assert_eq!(again.read(text, embed), model.read(text, embed), "{text}");
        }
        let near = again.nearest(&again.read("where is my lamp now", embed), 1);
        let wanted = embed.map(|_| ("where is my lamp now".to_owned(), "order_status".to_owned()));
        assert_eq!(near.into_iter().next().map(|near| (near.text, near.intent)), wanted);
    }
}

#[test]
fn a_model_of_another_embedding_is_refused_by_name_and_one_without_fits_anywhere() {
    let with = trained(messages(), Some(&Toy)).to_bytes();
    for here in [None, Some("toy-2")] {
        let error = Model::from_bytes(with.clone(), here).unwrap_err().to_string();
        assert!(error.contains("toy-1") && error.contains(here.unwrap_or("none")), "{error}");
    }
    let without = trained(messages(), None).to_bytes();
    assert!(Model::from_bytes(without, Some("toy-2")).is_ok());
    let error = Model::from_bytes(b"garbage".as_slice(), None).unwrap_err().to_string();
    assert!(error.contains("not a model"), "{error}");
}

#[test]
fn a_text_that_the_embedding_cannot_read_has_no_opinion_and_is_never_plain() {
    let model = trained(messages(), Some(&Toy));
    let text = "where is my parcel now";
    assert!(model.read(text, Some(&Toy)).plain.unwrap() > 0.5);
    for reading in [model.read(&format!("{text}!"), Some(&Toy)), model.read(text, None)] {
        assert_eq!(reading.plain, Some(0.0));
        let sure = model.confidence(&reading);
        assert!(sure.iter().all(|share| (share - 1.0 / 3.0).abs() < 1e-6), "{sure:?}");
    }
}

/// [`Toy`] with a network of its own, which cannot read a text with `?` twice.
struct Asked;

impl Embed for Asked {
    fn embed(&self, text: &str) -> Option<Vec<f32>> {
        Toy.embed(text)
    }

    fn reads_questions(&self) -> bool {
        true
    }

    fn plain_question(&self, text: &str) -> Option<f64> {
        (text.matches('?').count() < 2).then(|| if text.contains("sister") { 0.1 } else { 0.9 })
    }

    fn version(&self) -> &str {
        "asked-1"
    }
}

#[test]
fn the_embeddings_own_network_says_what_is_plain_where_it_has_one() {
    let model = trained(messages(), Some(&Asked));
    let again = Model::from_bytes(model.to_bytes(), Some("asked-1")).unwrap();
    assert!(again == model && again.plain == Some(Plain::Network));
    let plain = |text: &str| again.read(text, Some(&Asked)).plain;
    assert_eq!(plain("where is my parcel now"), Some(0.9));
    assert_eq!(plain("where is the parcel of my sister"), Some(0.1));
    assert_eq!(plain("where is my parcel now??"), Some(0.0), "nobody read it");
    assert_eq!(plain("give me my money back for the lamp"), Some(0.0), "no status question at all");
    // Nobody taught it plain questions and traps: then nothing is claimed of any text.
    let untaught = messages().into_iter().map(|one| Example { flag: Flag::None, ..one }).collect();
    assert_eq!(trained(untaught, Some(&Asked)).read("where is my parcel now", Some(&Asked)).plain, None);
}

#[test]
fn it_keeps_what_it_read_each_example_as_before_it_learned_it() {
    let model = trained(messages(), None);
    let mut right: BTreeMap<bool, usize> = BTreeMap::new();
    for example in messages() {
        let read = model.read_unseen(&example.text).expect("every example was held out once");
        *right.entry(read == example.intent).or_default() += 1;
    }
    let share = right[&true] as f64 / messages().len() as f64;
    assert!((share - model.description().figures.accuracy).abs() < 1e-9, "{share}");
    assert_eq!(model.read_unseen("something else"), None);
}

#[test]
fn the_configurations_examples_are_known_by_their_fingerprint() {
    let mut own = messages();
    own[3].source = Source::Config;
    let model = trained(own.clone(), None);
    assert_eq!(model.description().configured, examples::configured(&own));
    assert_ne!(model.description().configured, examples::configured(&messages()));
}

/// Every message of a CSV file of this repository: its lower-cased letters and digits, and the text.
fn texts(file: &std::path::Path) -> Vec<(String, String)> {
    let mut table =
        csv::Reader::from_path(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let text_at = table.headers().unwrap().iter().position(|name| name == "text").unwrap();
    let bare =
        |text: &str| match text.to_lowercase().chars().filter(|c| c.is_alphanumeric()).collect::<String>() {
            none if none.is_empty() => text.trim().to_owned(),
            bare => bare,
        };
    table.records().map(|row| row.unwrap()[text_at].to_owned()).map(|text| (bare(&text), text)).collect()
}

#[test]
fn nothing_that_measures_is_in_the_starter_pack() {
    let top = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut pack: BTreeMap<String, String> = BTreeMap::new();
    for entry in std::fs::read_dir(top.join("src/classify/starter")).unwrap() {
        let file = entry.unwrap().path();
        if file.extension().is_some_and(|ending| ending == "csv") {
            let name = file.file_name().unwrap().to_string_lossy().into_owned();
            pack.extend(texts(&file).into_iter().map(|(bare, _)| (bare, name.clone())));
        }
    }
    assert!(pack.len() > 5_000, "{}", pack.len());
    for file in ["tests/data/own_test.csv", "tests/data/own_dev.csv"] {
        let measured = texts(&top.join(file));
        assert!(measured.len() > 300, "{file}: {}", measured.len());
        let both: Vec<_> =
            measured.iter().filter_map(|(bare, text)| pack.get(bare).map(|name| (name, text))).collect();
        assert!(both.is_empty(), "of {file}, to be taken out of the starter pack: {both:#?}");
    }
}

/// Minutes without optimisation: `tests/run-all`.
mod retrained {
    use super::super::packed::Packed;
    use super::super::regression::{Labelled, Regression, Settings, fit};
    use super::*;

    /// Held-out figures are left out: they take five times as long, and hang on the same arithmetic.
    #[test]
    fn the_starter_pack_gives_the_model_that_is_here() {
        let built_in = Model::from_bytes(include_bytes!("starter-ngrams.bin").as_slice(), None).unwrap();
        let plan = Plan { folds: 0, ..Plan::default() };
        let examples = examples::starter().unwrap();
        let again = train(Training { examples, embed: None, plan, progress: &|_, _| () }).unwrap();
        let said = "starter-ngrams.bin comes out differently; train again as starter/README.md says";
        assert!(again.description.data == built_in.description.data && again.near == built_in.near, "{said}");
        assert!(again.vocabulary == built_in.vocabulary && again.examples == built_in.examples, "{said}");
        assert!(again.intents == built_in.intents && again.plain == built_in.plain, "{said}");
    }

    #[test]
    fn a_byte_for_each_weight_costs_no_accuracy() {
        let all = examples::in_order(examples::starter().unwrap());
        let names: std::collections::BTreeSet<&str> = all.iter().map(|one| one.intent.as_str()).collect();
        let class = |example: &Example| names.iter().position(|name| *name == example.intent).unwrap();
        let vocabulary = Vocabulary::learn(all.iter().map(|one| one.text.as_str()));
        let row = |text: &str| Row { sparse: vocabulary.row(text), dense: Vec::new() };
        let rows: Vec<Row> = all.iter().map(|one| row(&one.text)).collect();
        let held_out = |place: usize| place.is_multiple_of(5);
        let learn: Vec<Labelled<'_>> = (0..all.len())
            .filter(|place| !held_out(*place))
            .map(|place| Labelled { row: &rows[place], class: class(&all[place]), weight: 1.0 })
            .collect();
        let settings = Settings { rounds_max: 60, ..Settings::default() };
        let fitted = fit(&learn, names.len(), vocabulary.len(), settings);
        let packed = Packed::of(&fitted);
        let best =
            |scores: &[f32]| (0..scores.len()).max_by(|a, b| scores[*a].total_cmp(&scores[*b])).unwrap();
        let (mut exact, mut kept, mut other, mut count) = (0, 0, 0, 0);
        for place in (0..all.len()).filter(|place| held_out(*place)) {
            let (a, b) = (best(&exact_scores(&fitted, &rows[place])), best(&packed.scores(&rows[place])));
            exact += usize::from(a == class(&all[place]));
            kept += usize::from(b == class(&all[place]));
            other += usize::from(a != b);
            count += 1;
        }
        println!("{count} held out: {exact} right exact, {kept} right packed, {other} read otherwise");
        assert!(
            other * 200 <= count && exact.abs_diff(kept) * 500 <= count,
            "{exact} {kept} {other} of {count}"
        );
    }

    fn exact_scores(fitted: &Regression, row: &Row) -> Vec<f32> {
        let of = |feature: usize| &fitted.weights[feature * fitted.classes..(feature + 1) * fitted.classes];
        let mut scores = of(fitted.sparse).to_vec();
        for (place, value) in &row.sparse {
            for (score, weight) in scores.iter_mut().zip(of(*place as usize)) {
                *score += value * weight;
            }
        }
        scores
    }
}

#[test]
fn what_was_learned_is_familiar_and_what_was_not_is_less_so() {
    let strangers = ["the weather in york", "my tax return is late", "a song for the piano"];
    let unlike = |text: &&str| Example {
        intent: examples::BACKGROUND.into(),
        text: (*text).into(),
        ..messages()[0].clone()
    };
    let examples: Vec<Example> = messages().into_iter().chain(strangers.iter().map(unlike)).collect();
    for embed in [None, Some(&Toy as &dyn Embed)] {
        let model = trained(examples.clone(), embed);
        let thanks = model.class("thanks").unwrap();
        let familiar = |text: &str| model.read(text, embed).familiarity(thanks);
        let known = familiar("thank you, the lamp is lovely");
        for other in ["where is my lamp now", "the weather in york", "qqq zzz"] {
            assert!(familiar(other) < known, "{other}: {} and {known}", familiar(other));
        }
        assert_eq!(model.read("thank you", embed).familiarity(99), f64::NEG_INFINITY);
    }
    // What the embedding cannot read is as unfamiliar as anything can be.
    let model = trained(examples, Some(&Toy));
    assert_eq!(model.read("thank you!", Some(&Toy)).familiarity(0), f64::NEG_INFINITY);
}
