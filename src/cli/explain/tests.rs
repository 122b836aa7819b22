//! `explain` on several texts: the fields are contract's, and the reasons are there.

use super::*;
use crate::cli::explain::{input, report};
use crate::cli::print::Screen;
use crate::decide::GATES;
use serde_json::{Value, json};

const NOW: &str = "2026-02-09T12:00:00Z";

fn explainer() -> Explainer {
    Explainer::new(&Config::default(), None).unwrap()
}

fn message(text: &str) -> Message {
    Message::new(text.into(), None, "", "email").unwrap()
}

fn explain(text: &str, order: Option<Value>) -> Answer {
    let now = NOW.parse().unwrap();
    let order = order.map(|order| outside::order_of_json(&order, now).unwrap());
    explainer().message(&message(text), order.as_ref(), now)
}

fn shipped() -> Value {
    json!({
        "orderId": "11111", "orderName": "#10001", "status": "processing", "fulfillmentStatus": "fulfilled",
        "processedAt": 1_770_200_000_000_i64, "shippingMethod": "Standard 3-7 Days", "email": "ava@example.com",
        "fulfillment": [{"id": "1", "status": "in_transit", "createdAt": 1_770_400_000_000_i64,
            "updatedAt": 1_770_600_000_000_i64,
            "tracking": [{"trackingNumber": "9400100000000000000000", "trackingCompany": "USPS",
                "trackingUrl": "https://track.example.com/9400100000000000000000"}]}],
    })
}

#[test]
fn the_json_has_contracts_fields_and_no_others_whatever_is_written() {
    for text in [
        "Where is my order #10001?",
        "Where are 10001 and 10002?",
        "",
        "I will sue you \u{1b}[31m",
        "Wo ist meine Bestellung?",
        "Thanks!\n\nOn Monday Ava wrote:\n> where is it",
    ] {
        for order in [None, Some(shipped())] {
            let json = serde_json::to_value(explain(text, order)).unwrap();
            let names: Vec<&String> = json.as_object().unwrap().keys().collect();
            let mut wanted = [
                "intent",
                "confidence",
                "also",
                "new_text",
                "order_number",
                "route",
                "gates",
                "reply",
                "facts",
            ];
            wanted.sort_unstable();
            let mut names: Vec<&str> = names.into_iter().map(String::as_str).collect();
            // A trained model adds its own.
            names.retain(|name| !["nearest", "spoken_for", "spoken_against"].contains(name));
            names.sort_unstable();
            assert_eq!(names, wanted, "{text}");
            assert!(json["confidence"].as_f64().is_some_and(|sure| (0.0..=1.0).contains(&sure)), "{text}");
            assert!(
                json["intent"].is_string() && json["also"].is_array() && json["facts"].is_array(),
                "{text}"
            );
            let gates: Vec<&str> =
                json["gates"].as_array().unwrap().iter().map(|gate| gate["gate"].as_str().unwrap()).collect();
            assert_eq!(gates, GATES, "{text}");
            assert!(json["gates"][0]["passed"].is_boolean() && json["gates"][0]["reason"].is_string());
        }
    }
}

#[test]
fn an_order_number_is_a_word_nothing_or_ambiguous() {
    for (text, number) in [
        ("where is order 10001", json!("10001")),
        ("where is it", json!(null)),
        ("where are order 10001 and order 10002", json!("ambiguous")),
    ] {
        assert_eq!(serde_json::to_value(explain(text, None)).unwrap()["order_number"], number, "{text}");
    }
}

#[test]
fn a_plain_question_about_ones_own_order_is_answered_with_a_source_behind_every_fact() {
    let answer = explain("Where is my order #10001?", Some(shipped()));
    let stopped: Vec<&Gate> = answer.gates.iter().filter(|gate| !gate.passed).collect();
    assert_eq!(stopped, Vec::<&Gate>::new());
    let reply = answer.reply.clone().unwrap();
    assert!(reply.contains("9400100000000000000000") && reply.contains("USPS"), "{reply}");
    assert!(!answer.facts.is_empty() && answer.facts.iter().all(|fact| !fact.source.is_empty()));
    let text = report::page(&answer, Screen::Plain);
    assert!(text.contains("reply (order_status_shipped") && text.contains("GET /order/"), "{text}");
}

#[test]
fn the_mode_gate_says_what_the_configured_mode_would_do() {
    let answer = explain("Where is my order #10001?", Some(shipped()));
    let gate = answer.gates.iter().find(|gate| gate.gate == "mode").unwrap();
    assert!(gate.passed && gate.reason.contains("mode shadow answers nobody"), "{gate:?}");
}

#[test]
fn without_an_order_nothing_is_said() {
    let answer = explain("Where is my order #10001?", None);
    assert!(answer.reply.is_none() && answer.facts.is_empty());
    assert!(answer.gates.iter().any(|gate| gate.gate == "order-certain" && !gate.passed));
}

#[test]
fn what_a_customer_wrote_moves_no_cursor() {
    let answer = explain("where is \u{1b}[2J\u{202e}it\nplease", None);
    let text = report::page(&answer, Screen::Plain);
    assert!(!text.contains("\u{1b}[2J") && !text.contains('\u{202e}'), "{text}");
}

#[test]
fn html_is_read_as_text() {
    let message =
        input::of_json(r#"{"html":"<p>Where is <b>my order</b>?</p>"}"#, "", "email", false).unwrap();
    let answer = explainer().message(&message, None, NOW.parse().unwrap());
    assert!(answer.new_text.contains("my order") && !answer.new_text.contains('<'), "{}", answer.new_text);
}

#[test]
fn what_the_model_knows_stands_beside_the_decision() {
    use crate::classify::model::Near;
    use crate::classify::{Explanation, Spoken};
    let spoken = |words: &str, weight| vec![Spoken { words: words.into(), weight }];
    let near =
        Near { text: "wheres my\u{1b}[2J order".into(), intent: "order_status".into(), likeness: 0.87 };
    let explanation = Explanation {
        nearest: vec![near],
        spoken_for: spoken("where is", 1.25),
        spoken_against: spoken("refund", -0.5),
    };
    let answer = Answer { explanation: Some(explanation), ..explain("Where is my order?", None) };
    let json = serde_json::to_value(&answer).unwrap();
    assert_eq!(json["nearest"][0]["intent"], "order_status");
    assert_eq!(
        (&json["spoken_for"][0]["words"], &json["spoken_against"][0]["weight"]),
        (&json!("where is"), &json!(-0.5))
    );
    let text = report::page(&answer, Screen::Plain);
    for wanted in ["where is (+1.25)", "refund (-0.50)", "nearest examples", "0.87   order_status  wheres my"]
    {
        assert!(text.contains(wanted), "{wanted}: {text}");
    }
    assert!(!text.contains("\u{1b}[2J"), "{text}");
    let rules_only = Answer { explanation: None, ..answer };
    assert_eq!(serde_json::to_value(&rules_only).unwrap().get("nearest"), None);
}
