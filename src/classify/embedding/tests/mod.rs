//! Against what others make of the same model (`golden.jsonl`, made by `minilm/golden.py`), and at the edges.

use sha2::{Digest, Sha256};

use super::*;

#[derive(serde::Deserialize)]
struct Golden {
    text: String,
    ids: Vec<i32>,
    embedding: Option<Vec<f32>>,
}

fn golden() -> Vec<Golden> {
    include_str!("golden.jsonl").lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn embedder() -> Embedder {
    Embedder::new().unwrap()
}

fn cosine(one: &[f32], other: &[f32]) -> f64 {
    one.iter().zip(other).map(|(one, other)| f64::from(*one) * f64::from(*other)).sum()
}

fn bits(numbers: &[f32]) -> Vec<u32> {
    numbers.iter().map(|number| number.to_bits()).collect()
}

#[track_caller]
fn well_formed(numbers: &[f32]) {
    assert_eq!(numbers.len(), Embedder::DIMENSIONS);
    assert!(numbers.iter().all(|number| number.is_finite()));
    let length = cosine(numbers, numbers).sqrt();
    assert!((length - 1.0).abs() < 1e-6, "length {length}");
}

#[test]
fn texts_are_cut_as_the_models_own_tokenizer_cuts_them() {
    let embedder = embedder();
    for row in golden() {
        let ours = embedder.network.pieces.encode(&row.text, Embedder::MAX_TOKENS);
        assert_eq!(ours, row.ids, "{:?}", row.text);
        let count = embedder.tokens(&row.text);
        if count <= Embedder::MAX_TOKENS {
            assert_eq!(count, row.ids.len(), "{:?}", row.text);
        } else {
            assert_eq!(row.ids.len(), Embedder::MAX_TOKENS, "{:?}", row.text);
        }
    }
}

#[test]
fn the_models_own_marks_in_a_text_are_plain_text() {
    let pieces = embedder().network.pieces.encode("[SEP] [CLS]", Embedder::MAX_TOKENS);
    let (first, last) = (pieces.first().copied(), pieces.last().copied());
    assert_eq!((first, last), (Some(101), Some(102)));
    assert!(
        pieces[1..pieces.len() - 1].iter().all(|piece| ![0, 100, 101, 102, 103].contains(piece)),
        "{pieces:?}"
    );
}

#[test]
fn embeddings_are_those_of_onnx_runtime() {
    let embedder = embedder();
    let mut compared = 0;
    for row in golden() {
        let Some(theirs) = row.embedding else { continue };
        let ours = embedder.embed(&row.text).unwrap();
        well_formed(&ours);
        let cosine = cosine(&ours, &theirs);
        let apart = ours.iter().zip(&theirs).map(|(one, other)| (one - other).abs()).fold(0.0, f32::max);
        let start: String = row.text.chars().take(40).collect();
        println!("1 - cosine {:.1e}, furthest number {apart:.1e}: {start:?}", 1.0 - cosine);
        assert!(cosine > 0.9999, "cosine {cosine}: {:?}", row.text);
        assert!(apart < 1e-4, "apart {apart}: {:?}", row.text);
        compared += 1;
    }
    assert_eq!(compared, 8);
}

#[test]
fn what_means_the_same_is_near_and_what_does_not_is_far() {
    let embedder = embedder();
    let embed = |text| embedder.embed(text).unwrap();
    let order = embed("Where is my order?");
    let same = cosine(&order, &embed("my parcel has not arrived yet, can you track it"));
    let other = cosine(&order, &embed("please unsubscribe me from your newsletter"));
    assert!(same > other + 0.2, "same {same}, other {other}");
}

#[test]
fn any_text_has_an_embedding() {
    let embedder = embedder();
    let many = "order ".repeat(10_000);
    let zalgo = "e\u{301}\u{302}\u{303}".repeat(5_000);
    let texts = [
        "",
        " \n\t ",
        "😡😡😡📦",
        "\0",
        "a\0b\0c",
        "\u{fffd}\u{200d}\u{feff}",
        &many,
        &zalgo,
        &"x".repeat(1_000_000),
    ];
    for text in texts {
        well_formed(&embedder.embed(text).unwrap());
    }
    assert_eq!(embedder.tokens(""), 2);
    assert_eq!(embedder.tokens("\0"), 2);
    assert_eq!(embedder.tokens(&many), 10_002);
}

#[test]
fn a_long_text_loses_its_tail_and_nothing_else() {
    let embedder = embedder();
    // 126 pieces and the two marks are all that is read.
    let full = "order ".repeat(126);
    let with_tail = format!("{full} and I want my money back");
    let embedded = embedder.embed(&full).unwrap();
    assert_eq!(embedder.tokens(&full), Embedder::MAX_TOKENS);
    assert_eq!(bits(&embedded), bits(&embedder.embed(&with_tail).unwrap()));
    let one_less = format!("{} money", "order ".repeat(125));
    assert_ne!(bits(&embedded), bits(&embedder.embed(&one_less).unwrap()));
}

#[test]
fn four_threads_get_the_bits_that_one_gets() {
    let embedder = embedder();
    let rows = golden();
    let texts: Vec<&str> = rows.iter().take(7).map(|row| row.text.as_str()).collect();
    let alone: Vec<Vec<u32>> = texts.iter().map(|text| bits(&embedder.embed(text).unwrap())).collect();
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let (texts, alone) = (&texts, &alone);
            let embedder = &embedder;
            scope.spawn(move || {
                for at in 0..texts.len() {
                    let at = (at + thread * 5) % texts.len();
                    assert_eq!(bits(&embedder.embed(texts[at]).unwrap()), alone[at], "{:?}", texts[at]);
                }
            });
        }
    });
}

#[test]
fn many_texts_at_once_get_the_bits_that_each_gets_alone() {
    let embedder = embedder();
    let rows = golden();
    let long = "where is my order ".repeat(60);
    // Some of one length, so that they run together; more than once, so that a batch is full.
    let alike = ["where is my parcel", "where is my order", "cancel my order please", "thanks a lot mate"];
    let mut texts: Vec<&str> = rows.iter().map(|row| row.text.as_str()).chain(["", &long]).collect();
    texts.extend(alike.iter().cycle().take(100));
    let read = std::sync::atomic::AtomicUsize::new(0);
    let all = embedder.embed_all(&texts, &|more| {
        read.fetch_add(more, std::sync::atomic::Ordering::Relaxed);
    });
    assert_eq!((all.len(), read.into_inner()), (texts.len(), texts.len()));
    for (text, vectors) in texts.iter().zip(&all).take(texts.len() - 90) {
        let alone = embedder.embed_layers(text).unwrap();
        assert_eq!(vectors.as_deref().map(bits), Some(bits(&alone)), "{text:?}");
    }
    for (at, vectors) in all.iter().enumerate().skip(texts.len() - 90) {
        assert_eq!(vectors, &all[at - 4], "{:?}", texts[at]);
    }
    assert!(embedder.embed_all(&[], &|_| ()).is_empty());
}

#[test]
fn a_second_model_gives_the_same_bits() {
    let (one, other) = (embedder(), embedder());
    let text = "My package says delivered but I never got it.";
    assert_eq!(bits(&one.embed(text).unwrap()), bits(&other.embed(text).unwrap()));
}

#[test]
fn the_version_changes_with_the_files() {
    let short = |files: &[&[u8]]| {
        let mut hash = Sha256::new();
        files.iter().for_each(|file| hash.update(file));
        hash.finalize().iter().take(4).map(|byte| format!("{byte:02x}")).collect::<String>()
    };
    let sentences =
        short(&[GRAPH, include_bytes!("../minilm/minilm.onnx.data"), include_bytes!("../minilm/vocab.txt")]);
    let question = short(&[
        include_bytes!("../question/question.onnx"),
        include_bytes!("../question/question.onnx.data"),
    ]);
    assert_eq!(Embedder::version(), format!("minilm-l6-v2-int8-{sentences}+question-{question}"));
}

#[test]
fn plain_questions_are_read_as_onnx_runtime_reads_them() {
    #[derive(serde::Deserialize)]
    struct Read {
        text: String,
        probability: f64,
    }
    let embedder = embedder();
    let mut compared = 0;
    for line in include_str!("question.jsonl").lines() {
        let Read { text, probability } = serde_json::from_str(line).unwrap();
        let ours = embedder.plain_question(&text).unwrap();
        println!("{ours:.4} {probability:.4} {text:?}");
        // Activations become bytes: what is rounded up here and down there moves the end a little.
        assert!((ours - probability).abs() < 0.02, "{ours}, not {probability}: {text:?}");
        compared += 1;
    }
    assert_eq!(compared, 11);
}

#[test]
fn a_word_that_makes_a_plain_question_a_trap_is_seen() {
    let embedder = embedder();
    let read = |text: &str| embedder.plain_question(text).unwrap();
    for (plain, trap) in [
        ("Is the armchair on its way?", "Is the armchair on its way to my mother's?"),
        ("has my teapot left yet", "has my teapot left yet? if not please cancel it"),
        ("any news of my parcel", "any news of my refund"),
    ] {
        let (plain_read, trap_read) = (read(plain), read(trap));
        assert!(plain_read > 0.7, "{plain_read}: {plain:?}");
        assert!(trap_read < 0.3, "{trap_read}: {trap:?}");
    }
    let bits = |text: &str| read(text).to_bits();
    assert_eq!(bits("where is my parcel"), bits("where is my parcel"));
    for text in ["", "💥", &"where is it ".repeat(500)] {
        assert!((0.0..=1.0).contains(&read(text)));
    }
}

#[test]
fn an_output_without_a_direction_is_an_error() {
    assert!(pooled(&[0.0; Embedder::DIMENSIONS]).is_err());
    assert!(pooled(&[f32::NAN; Embedder::DIMENSIONS]).is_err());
    assert!(pooled(&[]).is_err());
}

#[test]
fn no_more_texts_run_at_once_than_there_are_seats_and_a_panic_gives_its_seat_back() {
    use std::sync::atomic::{AtomicUsize, Ordering};

    let (seats, running, most) = (Seats::new(2), AtomicUsize::new(0), AtomicUsize::new(0));
    std::thread::scope(|threads| {
        for number in 0..8 {
            let (seats, running, most) = (&seats, &running, &most);
            threads.spawn(move || {
                let work = |_| {
                    most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    std::thread::yield_now();
                    running.fetch_sub(1, Ordering::SeqCst);
                    assert!(number % 2 == 0, "on purpose");
                };
                let ended = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| seats.with(work)));
                assert_eq!(ended.is_ok(), number % 2 == 0);
            });
        }
    });
    assert!((1..=2).contains(&most.load(Ordering::SeqCst)));
    assert_eq!(seats.free.lock().unwrap().len(), 2);
}
