//! The page stands alone and a customer's words are words.

use super::*;
use crate::classify::model::bound::Judged as Scored;
use crate::classify::model::calibration::reliability;
use crate::classify::model::measure::{area, by_class, confusion, risk_coverage};
use crate::cli::eval::asked::tests::{asked, asked_with_a_model};
use crate::cli::eval::data::{Flag, Labelled};

const NASTY: &str = "<script>alert(1)</script> \"where\" is 'my' order & \u{202e}more";

fn message(text: &str, intent: &str, flag: Flag) -> Labelled {
    Labelled {
        line: 2,
        text: text.to_owned(),
        subject: String::new(),
        language: "en".into(),
        intent: intent.to_owned(),
        also: vec![],
        flag,
    }
}

fn page() -> String {
    let messages = [
        message("Where is my order?", "order_status", Flag::Trap),
        message(NASTY, "<b>odd</b>", Flag::None),
        message(NASTY, "fraud", Flag::None),
        message("Thank you!", "thanks", Flag::None),
    ];
    let clock = crate::clock::SystemClock::new();
    let report = shop::measure(&asked(&clock), "a<b>.csv", &messages, |_| {}).unwrap();
    shop(&report)
}

#[test]
fn nothing_is_fetched_or_run_and_every_tag_is_closed() {
    let html = page();
    for forbidden in ["<script", "http", "src=", "@import", "url(", "javascript", "onload", "\u{202e}", "<b>"]
    {
        let found = html
            .find(forbidden)
            .map(|at| html[at.saturating_sub(60)..].chars().take(120).collect::<String>());
        assert_eq!(found, None, "{forbidden}");
    }
    assert!(html.contains("&lt;script&gt;") && html.contains("a&lt;b&gt;.csv"), "{html}");
    for tag in ["figure", "svg", "text", "table", "tr", "td", "dl", "figcaption", "title", "style"] {
        let opened = html.matches(&format!("<{tag}>")).count() + html.matches(&format!("<{tag} ")).count();
        assert_eq!(opened, html.matches(&format!("</{tag}>")).count(), "{tag}");
    }
    assert_eq!(html.matches("<figure>").count(), 4);
    assert_eq!(html.matches("<figcaption>").count(), 4, "a sentence under every plot");
}

#[test]
fn messages_that_were_learned_from_are_named_and_otherwise_nothing_is_said() {
    let clock = crate::clock::SystemClock::new();
    let asked = asked_with_a_model(&clock, &["Where is my parcel?", "Any news?"]);
    let messages = ["Any news?", "Where is my order?"].map(|text| message(text, "order_status", Flag::None));
    let report = shop::measure(&asked, "x.csv", &messages, |_| {}).unwrap();
    assert!(shop(&report).contains("1 of 2 messages were learned from; their figures flatter"));
    assert!(!page().contains("learned from"));
}

#[test]
fn no_figure_leaves_a_number_that_is_none() {
    for html in [page(), render_empty()] {
        assert!(!html.contains("NaN") && !html.contains("inf\""), "{html}");
    }
}

fn render_empty() -> String {
    render(&Page {
        title: "empty",
        about: String::new(),
        facts: vec![],
        requirements: &[],
        plots: vec![
            plots::reliability(&reliability(&[]), None),
            plots::risk(&[], None, None),
            grids::classes(&[]),
            grids::confusion(&confusion(&[])),
        ],
        lists: vec![],
    })
}

#[test]
fn the_sentences_say_what_is_drawn() {
    let sure: Vec<(f64, bool)> = (0..100).map(|n| (0.95, n % 2 == 0)).collect();
    let bins = reliability(&sure);
    let plot = plots::reliability(&bins, Some(0.45));
    assert!(
        plot.reading.contains("45.0 points apart; it is most too sure where it says 95.0 %"),
        "{}",
        plot.reading
    );
    let judged = |score, right| Scored::new(score, right);
    let points =
        risk_coverage(&[judged(0.9, true), judged(0.8, true), judged(0.2, false), judged(0.1, true)]);
    let plot = plots::risk(&points, area(&points), Some(0.5));
    assert!(
        plot.reading
            .contains("Of the 50 % that it is most certain of, 0.0 % are wrong; of all messages, 25.0 %")
    );
    assert!(plot.svg.contains("chosen threshold") && plot.svg.contains(">50 %</text>"), "{}", plot.svg);
    let pairs = [("a", "b"), ("a", "b"), ("a", "a"), ("b", "b")];
    let plot = grids::confusion(&confusion(&pairs));
    assert!(plot.reading.contains("a read as b (2 of 3)"), "{}", plot.reading);
    let plot = grids::classes(&by_class(&pairs));
    assert!(plot.reading.starts_with("The weakest first: a (50.0 %), b (50.0 %)"), "{}", plot.reading);
}

#[test]
fn of_a_hundred_classes_the_most_confused_are_drawn() {
    let names: Vec<String> = (0..100).map(|n| format!("class{n:03}")).collect();
    let mut pairs: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), name.as_str())).collect();
    pairs.push((&names[70], &names[90]));
    let plot = grids::confusion(&confusion(&pairs));
    assert!(plot.svg.contains("class070") && plot.svg.contains("class090") && !plot.svg.contains("class001"));
    assert!(plot.reading.contains("Drawn are the 2 intents"), "{}", plot.reading);
}
