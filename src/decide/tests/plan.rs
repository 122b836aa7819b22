//! Steps besides tags, their order, and what modes make of them.

use super::*;
use crate::event::{Outcome, customer_hash};

#[test]
fn every_step_in_its_order() {
    let mut case = base();
    case.config.richpanel.custom_fields.insert("handled_by".into(), "bot".into());
    case.config.routing.teams.get_mut("email-support").unwrap().assignee_id = Some("agent-1".into());
    case.ctx.ticket.tags.push("route-sales".into());
    if let OrderFinding::Certain { linked, .. } = &mut case.ctx.order {
        *linked = false;
    }
    let decision = case.decide();
    assert_eq!(
        kinds(&decision),
        ["attach-order", "custom-fields", "close", "assign", "remove-tags", "add-tags"]
    );
    assert!(decision.after.iter().all(|step| !step.rule.is_empty()));

    // Unanswered, none of the first three happens.
    case.verdict.cautions.push("a condition".into());
    assert_eq!(kinds(&case.decide()), ["assign", "remove-tags", "add-tags"]);

    case.config.automation.notes = true;
    case.says(&[("fraud", 0.9)]);
    case.config.routing.teams.get_mut("leadership").unwrap().assignee_id = Some("agent-2".into());
    assert_eq!(kinds(&case.decide()), ["priority", "assign", "note", "remove-tags", "add-tags"]);
}

#[test]
fn the_order_is_attached_only_when_found_by_number_and_allowed() {
    let mut case = base();
    assert!(!kinds(&case.decide()).contains(&"attach-order"));
    if let OrderFinding::Certain { linked, .. } = &mut case.ctx.order {
        *linked = false;
    }
    assert!(kinds(&case.decide()).contains(&"attach-order"));
    case.config.richpanel.attach_order = false;
    assert!(!kinds(&case.decide()).contains(&"attach-order"));
}

#[test]
fn an_assignee_is_left_alone_unless_configured() {
    let mut case = base();
    case.config.routing.teams.get_mut("email-support").unwrap().assignee_id = Some("agent-1".into());
    assert!(kinds(&case.decide()).contains(&"assign"));
    case.ctx.ticket.assignee = Some("agent-7".into());
    assert!(!kinds(&case.decide()).contains(&"assign"));
    case.config.routing.reroute_assigned = true;
    assert!(kinds(&case.decide()).contains(&"assign"));
    case.ctx.ticket.assignee = Some("agent-1".into());
    assert!(!kinds(&case.decide()).contains(&"assign"));
}

#[test]
fn nothing_is_closed_unless_the_text_says_so_and_the_reply_goes_out() {
    let mut case = base();
    case.config.replies.0.get_mut("order_status_shipped").unwrap().close = false;
    assert_eq!(kinds(&case.decide()), ["add-tags"]);
    let mut case = base();
    case.ctx.ticket.channel = Channel::Unknown;
    assert_eq!(kinds(&case.decide()), ["add-tags"]);
}

#[test]
fn shadow_writes_nothing_and_shows_what_it_would_have_done() {
    let mut case = base();
    case.mode = Mode::Shadow;
    let decision = case.decide();
    assert_eq!((decision.outcome, decision.send, decision.after.len()), (Outcome::Observed, false, 0));
    let would: Vec<_> = decision.would.iter().map(|step| step.effect.kind()).collect();
    assert_eq!(would, ["reply", "close", "add-tags"]);

    case.verdict.cautions.push("a condition".into());
    let decision = case.decide();
    let would: Vec<_> = decision.would.iter().map(|step| step.effect.kind()).collect();
    assert_eq!(would, ["add-tags"]);
    assert!(base().decide().would.is_empty());
}

#[test]
fn route_mode_tags_and_says_nothing() {
    let mut case = base();
    case.mode = Mode::Route;
    case.ctx.order = OrderFinding::NotNeeded;
    let decision = case.decide();
    assert_eq!(
        (decision.outcome, decision.send, kinds(&decision)),
        (Outcome::Routed, false, vec!["add-tags"])
    );
    assert!(!tags(&decision).contains(&"mw-auto-replied"));
    assert_eq!(blocked(&decision), ["mode"]);
}

#[test]
fn the_hold_follows_the_channel_and_bounds_how_long_the_facts_are_good() {
    let mut case = base();
    case.config.rollout.hold_seconds = 600;
    case.config.rollout.hold_seconds_live_chat = 5;
    let decision = case.decide();
    assert_eq!(decision.hold_ms, 600_000);
    assert_eq!(decision.draft.unwrap().good_until, Some(at("2026-02-11T12:14:30Z")));
    case.ctx.ticket.channel = Channel::LiveChat;
    assert_eq!(case.decide().hold_ms, 5_000);
    case.mode = Mode::Shadow;
    assert_eq!(case.decide().hold_ms, 0);
}

#[test]
fn an_estimate_is_good_until_its_day_is_over_however_long_the_hold() {
    let mut case = base();
    *case.order() = unshipped_order();
    let until = |case: &Case| case.decide().draft.unwrap().good_until;
    assert_eq!(until(&case), Some(at("2026-02-11T12:04:30Z")));
    case.config.rollout.hold_seconds = 24 * 3600;
    assert_eq!(until(&case), Some(at("2026-02-12T00:00:00Z")));
}

#[test]
fn the_decision_carries_what_the_journal_needs() {
    let case = base();
    let decision = case.decide().classified_by("phrases-1");
    assert_eq!(decision.customer, Some(customer_hash("ava@example.com")));
    assert_eq!(decision.message, case.ctx.message);
    assert_eq!(decision.why, ["where is (where-is)"]);
    assert_eq!(decision.classifier, "phrases-1");
    assert_eq!(decision.reason, "order_status (0.93): answered with order_status_shipped, email-support");
    let json = serde_json::to_string(&decision).unwrap();
    assert_eq!(serde_json::from_str::<Decision>(&json).unwrap(), decision);
}

#[test]
fn the_reason_names_the_first_gate_in_the_way() {
    let mut case = base();
    case.says(&[("order_status", 0.71)]);
    assert_eq!(
        case.decide().reason,
        "order_status (0.71): to email-support; no reply: confidence: 0.71 is below 0.85"
    );
    case.says(&[("refund_request", 0.9)]);
    assert_eq!(case.decide().reason, "refund_request (0.9): to returns-admin");
}
