//! Rules and a small model read together: what stops an answer, what calls a person, what a swap changes.

use std::collections::BTreeMap;

use super::super::Ground;
use super::super::model::examples::{Example, Flag, Source};
use super::super::model::{Plan, Training, train};
use super::*;

/// Four intents of few words, some messages flagged; without an embedding.
fn model(names: &[(&str, &str, Flag)]) -> Model {
    let things = ["parcel", "lamp", "mug", "chair", "jacket", "phone", "book", "plant"];
    let mut examples = Vec::new();
    for thing in things {
        for (intent, text, flag) in names {
            let text = text.replace("THING", thing);
            let source = Source::Starter;
            examples.push(Example { intent: (*intent).to_owned(), text, flag: *flag, source });
        }
    }
    let plan = Plan { folds: 0, names: false, taught_min: 5, ..Plan::default() };
    train(Training { examples, embed: None, plan, progress: &|_, _| () }).unwrap()
}

fn taught() -> Model {
    model(&[
        ("order_status", "where is my THING", Flag::Plain),
        ("order_status", "where is my sisters THING", Flag::Trap),
        ("safety", "the THING exploded and burned my hand", Flag::None),
        ("cancel_order", "please cancel the THING", Flag::None),
        ("background", "nice weather for a THING today", Flag::None),
    ])
}

fn read(text: &str, subject: &str) -> Verdict {
    let rules = PhraseClassifier::new(&BTreeMap::new(), &[]).unwrap();
    CombinedClassifier::new(rules, taught(), None).classify(&Input { text, subject })
}

fn warned(verdict: &Verdict, word: &str) -> bool {
    verdict.cautions.iter().any(|caution| caution.contains(word))
}

#[test]
fn a_plain_question_rests_on_the_starter_pack_and_carries_no_caution() {
    let verdict = read("where is my parcel", "");
    assert_eq!(verdict.primary().0.as_str(), "order_status");
    assert!(verdict.cautions.is_empty() && verdict.urgent.is_empty(), "{verdict:#?}");
    let Ground::Starter { score, plain, rules, .. } = verdict.ground else { panic!("{:?}", verdict.ground) };
    assert!(score > 0.7 && plain > 0.5 && rules.is_some_and(|rules| rules.as_str() == "order_status"));
}

#[test]
fn no_text_another_subject_and_an_end_that_was_not_read_are_cautions() {
    assert!(warned(&read("", "where is my parcel"), "no text"));
    assert!(warned(&read(" \n", "Re: where is my parcel"), "no text"));
    assert!(warned(&read("where is my parcel", "please cancel the lamp"), "subject"));
    let book = format!("where is my parcel. {}", "It was a fine day. ".repeat(400));
    assert!(warned(&read(&book, ""), "too long"));
}

#[test]
fn what_only_the_model_smells_of_harm_stops_an_answer_and_calls_a_person() {
    let verdict = read("the lamp exploded and burned my hand", "");
    assert!(verdict.urgent.iter().any(|intent| intent.as_str() == "safety"), "{verdict:#?}");
    // In one piece of a long mail too.
    let story = "It was a fine day in the garden. ".repeat(12);
    let verdict = read(&format!("{story}the lamp exploded and burned my hand. {story}"), "");
    assert!(verdict.urgent.iter().any(|intent| intent.as_str() == "safety"), "{verdict:#?}");
}

#[test]
fn what_the_rules_caught_leads_unless_the_model_denies_it_and_stays_in_the_net_either_way() {
    let read = |text: &str, first_min: f64| {
        let rules = PhraseClassifier::new(&BTreeMap::new(), &[]).unwrap();
        let mut classifier = CombinedClassifier::new(rules, taught(), None);
        classifier.starter.first_min = first_min;
        classifier.classify(&Input { text, subject: "" })
    };
    let text = "where is my mug, it caught fire";
    for (first_min, leads) in [(0.0, "safety"), (1.0, "order_status")] {
        let verdict = read(text, first_min);
        assert_eq!(verdict.primary().0.as_str(), leads, "{verdict:#?}");
        assert!(verdict.urgent.iter().any(|intent| intent.as_str() == "safety"), "{verdict:#?}");
    }
    // It was never taught chargebacks, and so cannot deny one.
    let verdict = read("I have filed a chargeback with my bank, where is my mug", 1.0);
    assert_eq!(verdict.primary().0.as_str(), "chargeback", "{verdict:#?}");
}

#[test]
fn a_second_wish_that_the_model_reads_is_a_caution() {
    assert!(warned(&read("please cancel the mug, where is my mug", ""), "something else"));
    assert!(!warned(&read("where is my mug", ""), "something else"));
}

#[test]
fn a_model_that_was_taught_no_traps_answers_no_status_question() {
    let rules = PhraseClassifier::new(&BTreeMap::new(), &[]).unwrap();
    let classifier = CombinedClassifier::new(rules, taught(), None);
    let input = Input { text: "where is my parcel", subject: "" };
    let (verdict, before) = classifier.classify_as(&input);
    assert!(matches!(verdict.ground, Ground::Starter { .. }));
    classifier.install(model(&[
        ("order_status", "where is my THING", Flag::Plain),
        ("thanks", "thank you for the THING", Flag::None),
    ]));
    let (verdict, after) = classifier.classify_as(&input);
    assert!(matches!(verdict.ground, Ground::Unproven { .. }), "{:?}", verdict.ground);
    assert_ne!(before, after, "the verdict names the model that gave it");
}

#[test]
fn an_intent_that_is_switched_off_is_never_claimed_and_still_stops_an_answer() {
    let off = |names: &[&str]| {
        let names: Vec<Intent> = names.iter().map(|name| Intent::from(*name)).collect();
        let rules = PhraseClassifier::new(&BTreeMap::new(), &names).unwrap();
        CombinedClassifier::new(rules, taught(), None)
    };
    let verdict =
        off(&["safety"]).classify(&Input { text: "the lamp exploded and burned my hand", subject: "" });
    assert!(verdict.urgent.is_empty(), "{verdict:#?}");
    assert!(verdict.ranked.iter().all(|one| one.intent.as_str() != "safety"), "{verdict:#?}");
    assert!(warned(&verdict, "urgent"), "{verdict:#?}");
    let verdict = off(&["cancel_order"]).classify(&Input { text: "please cancel the mug", subject: "" });
    assert_eq!(verdict.primary().0.as_str(), "other");
}
