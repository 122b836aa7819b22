//! The bare model on a set of words that tell everything, and on one that tells nothing.

use super::*;
use crate::classify::model::examples::{Flag, Source};

fn example(intent: &str, text: String) -> Example {
    Example { intent: intent.into(), text, flag: Flag::None, source: Source::Shop }
}

/// `count` messages of three intents, each told by a word of its own.
fn set(from: usize, count: usize) -> Vec<Example> {
    let words = [("weather", "rain"), ("music", "song"), ("alarm", "wake")];
    let one = |n: usize| {
        let (intent, word) = words[n % 3];
        example(intent, format!("please {word} number{n} for me {word}"))
    };
    (from..from + count).map(one).collect()
}

fn strangers(from: usize, count: usize) -> Vec<Example> {
    (from..from + count).map(|n| example(BACKGROUND, format!("invoice{n} tax{n} report"))).collect()
}

fn settings() -> Settings {
    let promise = Promise { target: 0.99, confidence: 0.95, strangers: None };
    Settings { shots: None, seeds: 2, promise }
}

#[test]
fn a_set_that_is_easy_is_read_right_and_its_strangers_told_apart() {
    let sets = Sets {
        train: set(0, 60),
        background: strangers(0, 20),
        test: set(1_000, 30),
        validation: set(2_000, 400),
        strangers: strangers(1_000, 30),
        strangers_validation: strangers(2_000, 40),
    };
    let report = measure(&sets, ("a", "b"), &settings(), None, |_, of| assert_eq!(of, 1)).unwrap();
    assert_eq!((report.accuracy.unwrap().mean, report.worth.auroc.unwrap().mean), (1.0, 1.0));
    let carried = report.rounds[0].gate.threshold.as_ref().unwrap();
    assert_eq!((carried.chosen.answered, carried.chosen.wrong), (400, 0));
    assert_eq!((carried.test.messages, carried.test.answered, carried.test.wrong), (60, 30, 0));
    assert_eq!((report.worth.coverage.unwrap().mean, report.worth.precision.unwrap().mean), (0.5, 1.0));
    assert_eq!(report.strangers_in_validation, Some(40.0 / 440.0));
    assert_eq!(report.strangers_in_test, Some(0.5));
    assert_eq!((report.stranger_weight, report.strangers_counted), (10.0, Some(0.5)), "400 beside 400");
    assert_eq!(report.by_probability.auroc.unwrap().mean, 1.0);
    let rare = Promise { strangers: Some(0.2), ..settings().promise };
    let report =
        measure(&sets, ("a", "b"), &Settings { promise: rare, ..settings() }, None, |_, _| {}).unwrap();
    assert_eq!((report.stranger_weight, report.strangers_counted), (2.5, Some(0.2)));
    assert!(report.embedding.is_none() && report.unknown_intents.is_empty());
}

#[test]
fn without_strangers_or_validation_there_are_no_such_figures_and_too_few_promise_nothing() {
    let mut sets = Sets { train: set(0, 30), test: set(1_000, 9), ..Sets::default() };
    sets.test.push(example("unheard", "please rain".into()));
    let report = measure(&sets, ("a", "b"), &settings(), None, |_, _| {}).unwrap();
    assert_eq!((report.worth.auroc, report.worth.coverage, report.worth.precision), (None, None, None));
    assert_eq!(report.accuracy.unwrap().mean, 0.9);
    assert_eq!(report.unknown_intents.iter().collect::<Vec<_>>(), ["unheard"]);
    sets.validation = set(2_000, 50);
    let report = measure(&sets, ("a", "b"), &settings(), None, |_, _| {}).unwrap();
    let refused = report.rounds[0].gate.refused.as_ref().unwrap();
    assert!(refused.contains("299 without an error are needed"), "{refused}");
    assert_eq!(
        (report.worth.coverage.unwrap().mean, report.worth.precision),
        (0.0, None),
        "nothing is answered"
    );
}

#[test]
fn a_draw_has_so_many_of_each_class_and_the_same_seed_draws_the_same() {
    let all = set(0, 90);
    let draw = drawn(&all, 4, 7);
    assert_eq!(draw.len(), 12);
    assert!(
        ["weather", "music", "alarm"].iter().all(|intent| draw
            .iter()
            .filter(|one| one.intent == *intent)
            .count()
            == 4)
    );
    assert_eq!(draw, drawn(&all, 4, 7));
    assert_ne!(draw, drawn(&all, 4, 8));
    let mut mixed = all.clone();
    mixed.reverse();
    assert_eq!(draw, drawn(&mixed, 4, 7), "the order of the file does not matter");
    let sets = Sets { train: all, test: set(1_000, 9), ..Sets::default() };
    let few = Settings { shots: Some(4), ..settings() };
    let report = measure(&sets, ("a", "b"), &few, None, |_, of| assert_eq!(of, 2)).unwrap();
    let seeds: Vec<(Option<u64>, usize)> =
        report.rounds.iter().map(|round| (round.seed, round.examples)).collect();
    assert_eq!(seeds, [(Some(1), 12), (Some(2), 12)]);
}

#[test]
fn one_intent_is_no_choice() {
    let sets = Sets { train: vec![example("a", "x".into())], test: set(0, 3), ..Sets::default() };
    let error = measure(&sets, ("a", "b"), &settings(), None, |_, _| {}).unwrap_err();
    assert!(error.contains("two or more"), "{error}");
}
