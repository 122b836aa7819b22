//! The outlook of single messages, with the rules alone so that it does not move with a model.

use super::*;
use crate::classify::model::examples::{Example, Source};
use crate::classify::model::{Plan, Training, train};
use crate::classify::phrases::PhraseClassifier;
use crate::cli::eval::data::Flag;
use crate::cli::eval::shop::{Report, measure};
use crate::clock::SystemClock;

/// The phrase rules under the default configuration.
pub(in crate::cli::eval) fn asked(clock: &SystemClock) -> Asked<'_> {
    let config = Config::default();
    let rules = PhraseClassifier::new(&std::collections::BTreeMap::new(), &[]).unwrap();
    Asked::with(&config, Box::new(rules), None, clock).unwrap()
}

/// The same beside a model that learned these status questions and some thanks.
pub(in crate::cli::eval) fn asked_with_a_model<'a>(clock: &'a SystemClock, learned: &[&str]) -> Asked<'a> {
    let more = ["thank you", "thanks a lot", "many thanks", "ta"].map(|text| ("thanks", text));
    let all = learned.iter().map(|text| ("order_status", *text)).chain(more);
    let examples = all
        .map(|(intent, text)| Example {
            intent: intent.into(),
            text: text.into(),
            flag: crate::classify::model::examples::Flag::None,
            source: Source::Shop,
        })
        .collect();
    let plan = Plan { rounds_max: 3, ..Plan::default() };
    let model = train(Training { examples, embed: None, plan, progress: &|_, _| () }).unwrap();
    Asked { model: Some(model), ..asked(clock) }
}

fn message(text: &str, intent: &str, flag: Flag) -> Labelled {
    Labelled {
        line: 1,
        text: text.into(),
        subject: String::new(),
        language: "en".into(),
        intent: intent.into(),
        also: vec![],
        flag,
    }
}

fn outlook(text: &str) -> Outlook {
    let clock = SystemClock::new();
    asked(&clock).outlook(&message(text, "order_status", Flag::None)).unwrap()
}

#[test]
fn what_explain_would_send_is_sent_and_what_a_gate_stops_names_the_gate() {
    let plain = outlook("Where is my order?");
    assert_eq!((plain.intent.as_str(), plain.said, plain.urgent), ("order_status", Said::Facts, false));
    assert_eq!(
        outlook("Where is my order #606243?").said,
        Said::Facts,
        "the order has the number that is named"
    );
    let two = outlook("Where are my orders #606243 and #606244?");
    assert_eq!(two.said, Said::Nothing("caution".into()));
    let lawyer = outlook("Where is my order? My lawyer will write to you.");
    assert!(lawyer.urgent && matches!(lawyer.said, Said::Nothing(_)), "{lawyer:?}");
    assert_eq!(outlook("Thank you so much!").said, Said::Nothing("intent-allowed".into()));
}

fn report(messages: &[Labelled]) -> Report {
    let clock = SystemClock::new();
    measure(&asked(&clock), "x.csv", messages, |_| {}).unwrap()
}

#[test]
fn every_kind_of_message_is_counted_where_it_belongs() {
    let mut also = message("Where is my order?", "shipping_delay", Flag::None);
    also.also = vec!["order_status".into()];
    let mut german = message("Wo ist meine Bestellung?", "thanks", Flag::None);
    german.language = "de".into();
    let report = report(&[
        message("Where is my order?", "order_status", Flag::Plain),
        message("Where are my orders #606243 and #606244?", "order_status", Flag::Plain),
        message("Where is my order?", "order_status", Flag::Trap),
        message("Where is my order?", "other", Flag::Stranger),
        message("Thank you so much!", "other", Flag::Stranger),
        message("Where is my order?", "refund_request", Flag::None),
        message("My lawyer will write to you.", "legal_threat", Flag::None),
        message("My lawyer will write to you.", "thanks", Flag::NotUrgent),
        message("Thank you so much!", "fraud", Flag::None),
        message("Thank you so much!", "gift_cards", Flag::None),
        also,
        german,
    ]);
    let count = |tally: crate::cli::eval::shop::Tally| (tally.count, tally.of);
    let answers = &report.answers;
    assert_eq!(
        (count(answers.plain), count(answers.traps), count(answers.strangers)),
        ((1, 2), (1, 1), (1, 2))
    );
    assert_eq!(format!("{:?}", answers.plain_stopped_by), "{\"caution\": 1}");
    // The German one too: it is answered in German.
    assert_eq!(answers.others_answered.len(), 2);
    assert_eq!(answers.others_answered[0].said, "refund_request");
    // The lawyer is caught, the fraud that reads like thanks is not; the look-alike is a false alarm.
    assert_eq!((count(report.urgent.recall), count(report.urgent.look_alikes)), ((1, 2), (1, 1)));
    assert_eq!(report.urgent.missed[0].said, "fraud");
    assert_eq!(report.unknown_intents.get("gift_cards"), Some(&1));
    // Right: two plain ones, the trap, the lawyer, and the one that may be read either way.
    assert_eq!((count(report.accuracy.all), count(report.accuracy.other_languages)), ((5, 9), (0, 1)));
    assert_eq!(count(report.strangers_kept_out), (0, 2));
    assert_eq!(report.figures()["wrong"], Some(4.0));
    assert_eq!(report.figures()["traps"], Some(1.0));
    assert!(report.latency_ms.max.unwrap() >= report.latency_ms.median.unwrap());
}

#[test]
fn what_the_file_does_not_have_has_no_figure() {
    let report = report(&[message("Thank you so much!", "thanks", Flag::None)]);
    let figures = report.figures();
    for name in crate::cli::eval::shop::NAMES {
        assert!(figures.contains_key(name), "{name}");
    }
    assert_eq!((figures["plain"], figures["traps"], figures["p0_recall"]), (None, None, None));
    assert_eq!(figures["accuracy"], Some(1.0));
}

#[test]
fn messages_that_the_model_learned_from_are_counted() {
    let clock = SystemClock::new();
    let asked = asked_with_a_model(&clock, &["Where is my parcel?", "Any news?", "has it left yet"]);
    let messages = [
        message("where is my PARCEL?", "order_status", Flag::None),
        message("Thanks a lot", "thanks", Flag::None),
        message("Where is my other parcel?", "order_status", Flag::None),
        message("Any news?", "other", Flag::Stranger),
    ];
    let report = measure(&asked, "x.csv", &messages, |_| {}).unwrap();
    assert_eq!((report.learned_from.count, report.learned_from.of), (3, 4));
}
