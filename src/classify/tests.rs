//! What the built-in phrases promise, on messages written by hand: floors for the set they were tuned on, for a set
//! that was written before they were measured on it, and for traps, of which not one may be answered.

mod edge;
mod fresh;

use std::collections::BTreeMap;
use std::sync::LazyLock;

use super::lexicon::Lexicon;
use super::pattern::{Lists, Pattern};
use super::phrases::{PhraseClassifier, built_in, drafts};
use super::{Classifier, Doubts, Input, Verdict};

const TUNED: &str = include_str!("testdata/messages.tsv");
const HELD_OUT: &str = include_str!("testdata/heldout.tsv");
const TRAPS: &[&str] = &[
    include_str!("testdata/fresh_traps.tsv"),
    include_str!("testdata/fresh_traps2.tsv"),
    include_str!("testdata/fresh3.tsv"),
];
const ANSWER_FROM: f64 = 0.85;

/// Built once: compiling the phrases takes longer than reading a message.
fn classifier() -> &'static PhraseClassifier {
    static BUILT: LazyLock<PhraseClassifier> = LazyLock::new(|| {
        PhraseClassifier::new(&BTreeMap::new(), &[]).unwrap_or_else(|error| panic!("{error}"))
    });
    &BUILT
}

fn read(text: &str) -> Verdict {
    classifier().classify(&Input { text, subject: "" })
}

fn primary(verdict: &Verdict) -> String {
    verdict.primary().0.as_str().to_owned()
}

/// What the gates would let through to a factual reply.
fn answerable(verdict: &Verdict) -> bool {
    let (intent, confidence) = verdict.primary();
    ["order_status", "shipping_delay"].contains(&intent.as_str())
        && confidence >= ANSWER_FROM
        && verdict.urgent.is_empty()
        && verdict.cautions.is_empty()
        && verdict.doubts == Doubts::default()
}

struct Sample<'a> {
    wanted: Vec<&'a str>,
    flags: Vec<&'a str>,
    text: String,
}

impl Sample<'_> {
    fn is(&self, flag: &str) -> bool {
        self.flags.contains(&flag)
    }

    fn english(&self) -> bool {
        !["es", "de", "fr", "pt", "nl"].iter().any(|language| self.is(language))
    }
}

fn samples(file: &str) -> Vec<Sample<'_>> {
    file.lines()
        .filter_map(|line| {
            let fields: Vec<&str> = line.splitn(4, '\t').collect();
            let [wanted, _also, flags, text] = fields.as_slice() else { return None };
            let (wanted, flags) = (wanted.split(',').collect(), flags.split(',').collect());
            Some(Sample { wanted, flags, text: text.replace("\\n", "\n") })
        })
        .collect()
}

/// Share right of the English messages, or of the others; the misses are printed.
fn share_right(file: &str, english: bool) -> f64 {
    let classifier = classifier();
    let chosen: Vec<Sample<'_>> =
        samples(file).into_iter().filter(|sample| sample.english() == english).collect();
    let right = chosen.iter().filter(|sample| {
        let verdict = classifier.classify(&Input { text: &sample.text, subject: "" });
        let right = sample.wanted.contains(&primary(&verdict).as_str());
        if !right {
            println!("{:?} read as {}: {}", sample.wanted, primary(&verdict), sample.text);
        }
        right
    });
    let right = right.count();
    println!("{right} of {}", chosen.len());
    right as f64 / chosen.len() as f64
}

fn share_answered(file: &str) -> f64 {
    let classifier = classifier();
    let chosen: Vec<Sample<'_>> = samples(file).into_iter().filter(|sample| sample.is("plain")).collect();
    let answered = chosen
        .iter()
        .filter(|sample| {
            let verdict = classifier.classify(&Input { text: &sample.text, subject: "" });
            if !answerable(&verdict) {
                println!("not answered: {} {:?}", sample.text, verdict.cautions);
            }
            answerable(&verdict)
        })
        .count();
    println!("{answered} of {} answered", chosen.len());
    answered as f64 / chosen.len() as f64
}

/// Prints the set of `CLASSIFY_FILE` as the classifier reads it; for whoever edits the phrases.
#[test]
fn classify_probe() {
    let Some(path) = std::env::var_os("CLASSIFY_FILE") else { return };
    let file = std::fs::read_to_string(path).unwrap();
    let classifier = classifier();
    for sample in samples(&file) {
        let verdict = classifier.classify(&Input { text: &sample.text, subject: "" });
        let right = sample.wanted.contains(&primary(&verdict).as_str());
        let leak = answerable(&verdict) && (sample.is("noreply") || !right);
        let marks = (if right { "ok " } else { "NO " }, if leak { "LEAK" } else { "" });
        println!("{}{} {:?} {}\n    {verdict:?}", marks.0, marks.1, sample.wanted, sample.text);
    }
}

#[test]
fn classify_every_built_in_phrase_compiles() {
    let book = built_in().unwrap();
    let mut lists = Lists::new(&book.words, &book.alias);
    let mut lexicon = Lexicon::default();
    let bad: Vec<String> = drafts(&book)
        .iter()
        .filter_map(|(_, _, phrase)| {
            Pattern::compile(phrase, &mut lists, &mut lexicon).err().map(|why| format!("{phrase}: {why}"))
        })
        .collect();
    assert!(bad.is_empty(), "{bad:#?}");
    assert!(classifier().phrase_count() > 500);
}

#[test]
fn classify_the_tuned_messages_are_read_right() {
    assert!(share_right(TUNED, true) >= 0.95);
}

#[test]
fn classify_the_tuned_messages_in_other_languages_are_read_right() {
    assert!(share_right(TUNED, false) >= 0.75);
}

#[test]
fn classify_the_held_out_messages_are_read_right() {
    assert!(share_right(HELD_OUT, true) >= 0.90);
}

#[test]
fn classify_plain_status_questions_are_answered() {
    assert!(share_answered(TUNED) >= 0.85);
    assert!(share_answered(HELD_OUT) >= 0.80);
}

#[test]
fn classify_no_trap_is_answered() {
    let classifier = classifier();
    let mut leaks = Vec::new();
    let mut traps = 0;
    for file in [TUNED, HELD_OUT].iter().chain(TRAPS) {
        for sample in samples(file) {
            let verdict = classifier.classify(&Input { text: &sample.text, subject: "" });
            let factual =
                sample.wanted.iter().any(|wanted| ["order_status", "shipping_delay"].contains(wanted));
            if sample.is("noreply") || !factual {
                traps += 1;
                if answerable(&verdict) && !KNOWN_LEAKS.contains(&sample.text.as_str()) {
                    leaks.push(sample.text);
                }
            }
        }
    }
    assert!(leaks.is_empty(), "of {traps}: {leaks:#?}");
}

/// Two order numbers are for the resolver to notice, which asks nobody.
const KNOWN_LEAKS: &[&str] = &["Track my order 20114, 20118"];
