//! The edge rules of the intents, one by one; negation, cautions, the shop's own phrases, and a hostile message.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::{answerable, classifier, primary, read};
use crate::classify::phrases::PhraseClassifier;
use crate::classify::{Classifier, Input};
use crate::event::Intent;

/// Each text has the primary intent, and none of them may be answered.
fn never_answered(table: &[(&str, &str)]) {
    let classifier = classifier();
    for (text, wanted) in table {
        let verdict = classifier.classify(&Input { text, subject: "" });
        assert_eq!(primary(&verdict), *wanted, "{text}: {verdict:?}");
        assert!(!answerable(&verdict), "{text}: {verdict:?}");
    }
}

fn has(text: &str, intent: &str) -> bool {
    read(text).ranked.iter().any(|ranked| ranked.intent.as_str() == intent)
}

#[test]
fn classify_rule_1_priority_beats_cause_and_the_cause_is_kept() {
    never_answered(&[
        ("My order is a week late. Just cancel it.", "cancel_order"),
        ("The mug arrived broken and I want a refund", "damaged_item"),
        ("I want a refund, the mug arrived broken", "damaged_item"),
    ]);
    assert!(has("My order is a week late. Just cancel it.", "shipping_delay"));
    assert!(has("The mug arrived broken and I want a refund", "refund_request"));
}

#[test]
fn classify_rule_2_a_condition_counts_and_a_negated_wish_does_not() {
    never_answered(&[("if it's not here by Friday I cancel", "cancel_order")]);
    for text in [
        "I don't want a refund, I want to know where it is",
        "I'm not asking to cancel, I only want to know when it ships",
        "I do not want to return anything. When will my order arrive?",
    ] {
        assert_eq!(primary(&read(text)), "order_status", "{text}");
    }
    for text in ["It's not here, I want a refund", "I'm not happy. Please refund me"] {
        assert_eq!(primary(&read(text)), "refund_request", "{text}: {:?}", read(text));
    }
}

#[test]
fn classify_rule_3_a_dispute_announced_and_a_threat_count_a_bad_review_does_not() {
    never_answered(&[
        ("where is my order, tomorrow I file a chargeback", "chargeback"),
        ("I will report you to the ombudsman", "legal_threat"),
        ("I know where you live and I will kill you", "harassment"),
    ]);
    let review = read("Where is my order? I will leave a bad review");
    assert!(review.urgent.is_empty() && !review.cautions.is_empty());
    assert!(read("where the fuck is my order").urgent.is_empty());
}

#[test]
fn classify_rule_4_status_asks_and_delay_states() {
    assert_eq!(primary(&read("When will my order arrive?")), "order_status");
    assert_eq!(primary(&read("My order still hasn't shipped")), "shipping_delay");
    never_answered(&[
        ("My package was lost in transit", "shipping_delay"),
        ("My package was returned to sender", "shipping_delay"),
        ("The tracking hasn't moved in 8 days.", "shipping_delay"),
    ]);
}

#[test]
fn classify_rule_5_broken_at_once_failing_later_and_the_replacement() {
    never_answered(&[
        ("it's defective, doesn't turn on straight out of the box", "damaged_item"),
        ("My headphones stopped working after two months", "technical_support"),
        ("The zipper was torn when it got here. Please send a new one.", "damaged_item"),
    ]);
    assert!(!answerable(&read("Where is my replacement?")));
    assert!(!answerable(&read("Where is the order you were sending as a replacement?")));
}

#[test]
fn classify_rule_6_somebody_elses_order_keeps_its_intent_and_is_not_answered() {
    never_answered(&[
        ("My mother's order, number 88120, where is it?", "order_status"),
        ("Can you give me the address of the person who ordered 30921? He's my ex.", "other"),
    ]);
}

#[test]
fn classify_rule_7_money_wrong_or_short() {
    never_answered(&[
        ("I had to pay customs twice on this parcel", "billing_issue"),
        ("Discount code wasn't applied to the order I paid for", "billing_issue"),
        ("You only refunded me $20, it should have been $35", "refund_request"),
        ("The price dropped the day after I bought it, can you refund the difference?", "refund_request"),
    ]);
}

#[test]
fn classify_rule_8_newsletter_plan_account_illness_and_allergy() {
    never_answered(&[
        ("stop the newsletter", "unsubscribe"),
        ("stop my monthly plan", "cancel_subscription"),
        ("delete my account", "privacy_request"),
        ("our dog got really sick after eating your treats", "safety"),
        ("I have a nut allergy, are your cookies made in a nut free kitchen?", "product_question"),
    ]);
}

#[test]
fn classify_rule_9_languages_sellers_and_sponsors() {
    never_answered(&[
        ("Ich möchte meine Bestellung stornieren.", "cancel_order"),
        ("Quiero cancelar mi pedido por favor", "cancel_order"),
        ("We can improve your website's SEO ranking", "other"),
        ("would you sponsor our charity run?", "partnership"),
    ]);
    assert_eq!(primary(&read("Wo ist meine Bestellung?")), "order_status");
}

#[test]
fn classify_rule_10_order_numbers_neither_help_nor_harm() {
    for number in ["#606243", "MK-20713", "order number 12345"] {
        assert!(answerable(&read(&format!("Where is my order? {number}"))), "{number}");
    }
    assert!(!answerable(&read("I have two orders, 30112 and 30144. When are they coming?")));
}

#[test]
fn classify_cautions_say_why() {
    for (text, word) in [
        ("where is my order? unless it is here soon i am gone", "condition"),
        ("where is my husband's order", "somebody else"),
        ("when will the replacement ship", "replacement"),
        ("where is my order, the tracking says pending", "tracking"),
        ("where is my order, the courier tried to deliver it", "on the way"),
        ("where is my order, ups said tomorrow", "said something"),
        ("where are my two orders", "More than one"),
        ("where is the rest of my order", "part of it"),
        ("I want a human. where is my order", "person is wanted"),
        ("where is my order, third time I ask, nobody answers", "written before"),
        ("where is my order, this is ridiculous", "upset"),
        ("where is my order, it is a birthday gift", "Time matters"),
        ("where is my amazon order", "elsewhere"),
        ("where is my order and my address is wrong", "address"),
        ("where is my order? is it waterproof?", "something that an order's status"),
        ("where is my order, the zebra enclosure floods", "more than a plain"),
    ] {
        let verdict = read(text);
        let doubts = verdict.doubts.weak.iter().chain(&verdict.doubts.words).chain(&verdict.doubts.asked);
        let said = verdict.cautions.iter().chain(doubts).any(|caution| caution.contains(word));
        assert!(said, "{text}: {verdict:?}");
        assert!(!answerable(&verdict), "{text}");
    }
}

#[test]
fn classify_a_shops_own_phrase_works_and_a_broken_one_is_named() {
    let own = Intent::from("engraving");
    let extra = BTreeMap::from([(own, vec!["(laser|hand) engraving".to_owned()])]);
    let classifier = PhraseClassifier::new(&extra, &[]).unwrap();
    let verdict = classifier.classify(&Input { text: "do you do laser engraving", subject: "" });
    assert_eq!(primary(&verdict), "engraving");

    let extra = BTreeMap::from([(Intent::from("order_status"), vec!["where (is my".to_owned()])]);
    let error = PhraseClassifier::new(&extra, &[]).unwrap_err().to_string();
    assert!(error.contains("where (is my") && error.contains("left open"), "{error}");
}

#[test]
fn classify_a_disabled_intent_is_not_ranked_but_still_stops_a_reply() {
    let off = PhraseClassifier::new(&BTreeMap::new(), &[Intent::from("cancel_order")]).unwrap();
    let verdict = off.classify(&Input { text: "Where is my order? Please cancel my order", subject: "" });
    assert!(verdict.ranked.iter().all(|ranked| ranked.intent.as_str() != "cancel_order"));
    assert_eq!(primary(&verdict), "order_status");
    assert!(!answerable(&verdict));
}

#[test]
#[expect(clippy::disallowed_methods, reason = "the test measures how long reading takes")]
fn classify_twenty_thousand_hostile_characters_are_read_quickly() {
    let classifier = classifier();
    let bricks = [
        "where is my order ",
        "not my my my ",
        "when will it ",
        "i ",
        "if a, if b, ",
        "\u{1f4a9}",
        "aaaaaaaaab",
        "# 1 # 2 ",
    ];
    for brick in bricks {
        let text: String = brick.chars().cycle().take(20_000).collect();
        // The best of several: the machine may be busy with other tests.
        let took = (0..4).map(|_| {
            let start = Instant::now();
            let verdict = classifier.classify(&Input { text: &text, subject: &text });
            assert!(!verdict.ranked.is_empty());
            start.elapsed()
        });
        let took = took.min().unwrap_or_default();
        println!("{took:?} for {brick}");
        assert!(took < Duration::from_millis(200), "{took:?} for {brick}");
    }
}
