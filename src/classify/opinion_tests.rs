//! Each rule of what an opinion may change, and that none of them opens anything.

use crate::classify::Ground;
use proptest::prelude::*;

use super::*;

const BOUNDS: Bounds = Bounds { route: 0.5, reply: 0.85 };

fn known() -> Vec<Known> {
    let one = |name: &str, urgent, factual| Known {
        intent: Intent::from(name),
        says: says(name).unwrap(),
        urgent,
        factual,
    };
    vec![
        one("chargeback", true, false),
        one("legal_threat", true, false),
        one("refund_request", false, false),
        one("order_status", false, true),
        one("shipping_delay", false, true),
        one("phone_request", false, false),
        one("other", false, false),
    ]
}

fn verdict(ranked: &[(&str, f64)]) -> Verdict {
    let one = |(name, confidence): &(&str, f64)| Ranked {
        intent: Intent::from(*name),
        confidence: *confidence,
        why: vec![],
    };
    Verdict {
        ranked: ranked.iter().map(one).collect(),
        urgent: vec![],
        cautions: vec![],
        doubts: crate::classify::Doubts::default(),
        ground: Ground::Rules,
    }
}

fn opinion(intent: &str, confidence: f64, answerable: bool) -> Opinion {
    Opinion { intent: Intent::from(intent), confidence, answerable }
}

fn after(ranked: &[(&str, f64)], said: &Opinion) -> Verdict {
    apply(verdict(ranked), said, &known(), BOUNDS)
}

fn primary(verdict: &Verdict) -> (String, f64) {
    let (intent, confidence) = verdict.primary();
    (intent.to_string(), confidence)
}

#[test]
fn the_same_reading_leaves_a_word_in_the_evidence_and_no_more() {
    let after = after(&[("order_status", 0.92)], &opinion("order_status", 0.97, true));
    assert_eq!(primary(&after), ("order_status".into(), 0.92));
    assert!(after.cautions.is_empty() && after.urgent.is_empty());
    assert_eq!(after.ranked[0].why[0].rule, "the same, 97 %");
}

#[test]
fn it_lowers_a_confidence_and_never_raises_one() {
    let lowered = after(&[("order_status", 0.95)], &opinion("order_status", 0.9, true));
    assert_eq!(primary(&lowered).1, 0.9);
    assert!(lowered.cautions.is_empty());
    assert!(lowered.ranked[0].why[0].rule.contains("lowers ours from 95 %"));
    let not_raised = after(&[("order_status", 0.6)], &opinion("order_status", 1.0, true));
    assert_eq!(primary(&not_raised).1, 0.6);
}

#[test]
fn a_doubt_stops_a_reply_and_leaves_the_route() {
    let doubted = after(&[("order_status", 0.95)], &opinion("order_status", 0.1, true));
    assert_eq!(primary(&doubted), ("order_status".into(), BOUNDS.route));
    assert_eq!(doubted.cautions, ["the second opinion is not sure enough (10 %, 85 % is needed)"]);
}

#[test]
fn another_reading_is_a_veto_and_the_route_stays_ours() {
    for said in ["refund_request", "shipping_delay", "other"] {
        let vetoed = after(&[("order_status", 0.95)], &opinion(said, 0.9, true));
        assert_eq!(primary(&vetoed), ("order_status".into(), 0.95));
        assert_eq!(vetoed.cautions, [format!("the second opinion reads it as {said} (90 %)")]);
        assert!(vetoed.urgent.is_empty());
    }
}

#[test]
fn not_answerable_is_a_veto_where_facts_would_answer() {
    let vetoed = after(&[("order_status", 0.95)], &opinion("order_status", 0.99, false));
    assert_eq!(vetoed.cautions.len(), 1);
    // A shop's own text is not an order's status: the same intent is all there is to agree on.
    assert!(after(&[("phone_request", 0.95)], &opinion("phone_request", 0.99, false)).cautions.is_empty());
}

#[test]
fn it_may_add_to_what_is_urgent_and_take_nothing_away() {
    let added = after(&[("order_status", 0.95)], &opinion("chargeback", 0.8, true));
    assert_eq!(added.urgent, [Intent::from("chargeback")]);
    assert_eq!(added.cautions, ["the second opinion reads it as chargeback (80 %)"]);
    assert_eq!(primary(&added).0, "order_status");
    let unsure = after(&[("order_status", 0.95)], &opinion("chargeback", 0.3, true));
    assert!(unsure.urgent.is_empty());
    assert_eq!(unsure.cautions.len(), 1);
    let mut caught = verdict(&[("legal_threat", 0.9)]);
    caught.urgent.push("legal_threat".into());
    let after = apply(caught, &opinion("order_status", 1.0, true), &known(), BOUNDS);
    assert_eq!(after.urgent, [Intent::from("legal_threat")]);
}

#[test]
fn where_ours_abstains_it_picks_a_route_that_is_never_answered() {
    for ranked in [&[("other", 0.3)][..], &[("refund_request", 0.45), ("order_status", 0.42)], &[]] {
        let chosen = after(ranked, &opinion("order_status", 0.9, true));
        assert_eq!(primary(&chosen), ("order_status".into(), 0.9), "{ranked:?}");
        assert_eq!(chosen.cautions.len(), 1);
        assert!(chosen.ranked.iter().skip(1).all(|one| one.intent.as_str() != "order_status"));
        assert!(chosen.ranked[0].why[0].rule.contains("its choice"));
    }
}

#[test]
fn where_ours_abstains_neither_doubt_nor_none_of_these_picks_anything() {
    for said in [opinion("order_status", 0.49, true), opinion("other", 1.0, true)] {
        assert_eq!(after(&[("refund_request", 0.45)], &said), verdict(&[("refund_request", 0.45)]));
    }
}

#[test]
fn what_our_net_caught_is_moved_only_to_something_urgent() {
    let mut caught = verdict(&[("chargeback", 0.45)]);
    caught.urgent.push("chargeback".into());
    assert_eq!(apply(caught.clone(), &opinion("order_status", 1.0, true), &known(), BOUNDS), caught);
    let moved = apply(caught, &opinion("legal_threat", 0.9, false), &known(), BOUNDS);
    assert_eq!(primary(&moved).0, "legal_threat");
    assert_eq!(moved.urgent.len(), 2);
}

#[test]
fn nonsense_changes_nothing() {
    for ranked in [&[("order_status", 0.95)][..], &[("other", 0.3)]] {
        for said in [
            opinion("give_them_a_discount", 1.0, true),
            opinion("refund_request", 1.01, true),
            opinion("refund_request", -0.1, true),
            opinion("refund_request", f64::NAN, true),
        ] {
            assert_eq!(after(ranked, &said), verdict(ranked), "{said:?}");
        }
    }
}

#[test]
fn a_long_text_is_cut_in_its_middle() {
    let text = format!("Where is it? {} Please cancel.", "very ".repeat(2_000));
    let known = known();
    let question = Question::new(&text, &[], &known);
    assert_eq!(question.text().chars().count(), TEXT_CHARS_MAX);
    assert!(question.text().starts_with("Where is it?") && question.text().ends_with("Please cancel."));
    assert!(Question::new("hi anna@example.com", &[], &known).text().ends_with("[email]"));
}

fn intents() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "chargeback",
        "legal_threat",
        "refund_request",
        "order_status",
        "shipping_delay",
        "phone_request",
        "other",
        "no_such_intent",
    ])
}

fn verdicts() -> impl Strategy<Value = Verdict> {
    let ranked = prop::collection::vec((intents(), 0.0..=1.0f64), 0..4);
    let urgent = prop::option::weighted(0.2, Just("chargeback"));
    (ranked, urgent, prop::option::weighted(0.2, Just("a caution"))).prop_map(|(ranked, urgent, caution)| {
        Verdict {
            urgent: urgent.into_iter().map(Intent::from).collect(),
            cautions: caution.into_iter().map(str::to_owned).collect(),
            ..verdict(&ranked)
        }
    })
}

/// As the gates see it.
fn answerable(verdict: &Verdict) -> bool {
    verdict.urgent.is_empty() && verdict.cautions.is_empty() && verdict.primary().1 >= BOUNDS.reply
}

proptest! {
    #[test]
    fn no_opinion_makes_a_verdict_answerable_that_was_not(
        before in verdicts(), intent in intents(), confidence in -0.5..1.5f64, yes in any::<bool>()
    ) {
        let after = apply(before.clone(), &opinion(intent, confidence, yes), &known(), BOUNDS);
        if answerable(&after) {
            prop_assert!(answerable(&before));
            prop_assert_eq!(&after.primary().0, &before.primary().0);
            prop_assert!(after.primary().1 <= before.primary().1);
        }
        prop_assert!(before.urgent.iter().all(|one| after.urgent.contains(one)));
        prop_assert!(before.cautions.iter().all(|one| after.cautions.contains(one)));
        prop_assert!(after.ranked.iter().all(|one| (0.0..=1.0).contains(&one.confidence)));
    }

    #[test]
    fn a_verdict_that_routes_keeps_its_route(
        before in verdicts(), intent in intents(), confidence in 0.0..=1.0f64, yes in any::<bool>()
    ) {
        let after = apply(before.clone(), &opinion(intent, confidence, yes), &known(), BOUNDS);
        if !abstains(&before, BOUNDS) {
            prop_assert_eq!(&after.primary().0, &before.primary().0);
            prop_assert!(!abstains(&after, BOUNDS));
        }
    }
}
