//! Each tag rule (contract, Tags).

use super::*;
use crate::event::Outcome;

const ROUTED: &[&str] =
    &["mw-processed", "route-email-support", "mw-routing-applied", "mw-intent-order-status"];

#[test]
fn an_answered_ticket_carries_route_intent_and_the_reply_tag_in_one_step() {
    let decision = base().decide();
    assert_eq!(kinds(&decision), ["close", "add-tags"]);
    assert_eq!(tags(&decision), [ROUTED, &["mw-auto-replied"]].concat());
    assert_eq!(decision.team.as_deref(), Some("email-support"));
}

#[test]
fn a_routed_ticket_carries_its_secondaries_and_no_urgent_mark() {
    let mut case = base();
    case.says(&[("cancel_order", 0.9), ("order_status", 0.7), ("thanks", 0.6), ("other", 0.5)]);
    let decision = case.decide();
    assert_eq!(
        tags(&decision),
        [
            "mw-processed",
            "route-email-support",
            "mw-routing-applied",
            "mw-intent-cancel-order",
            "mw-also-order-status",
            "mw-also-thanks"
        ]
    );
    assert_eq!(decision.outcome, Outcome::Routed);
    assert_eq!(decision.also, [Intent::from("order_status"), Intent::from("thanks")]);
}

#[test]
fn below_the_routing_confidence_the_default_team_gets_it() {
    let mut case = base();
    case.says(&[("refund_request", 0.499)]);
    let decision = case.decide();
    assert_eq!(
        tags(&decision),
        [
            "mw-processed",
            "route-email-support",
            "mw-routing-applied",
            "mw-intent-refund-request",
            "mw-low-confidence"
        ]
    );
    case.says(&[("refund_request", 0.5)]);
    assert_eq!(
        tags(&case.decide()),
        ["mw-processed", "route-returns-admin", "mw-routing-applied", "mw-intent-refund-request"]
    );
}

#[test]
fn priority_0_is_a_persons_at_once() {
    let mut case = base();
    case.says(&[("chargeback", 0.9), ("order_status", 0.8)]);
    let decision = case.decide();
    assert_eq!(kinds(&decision), ["priority", "add-tags"]);
    assert_eq!(decision.outcome, Outcome::NeedsHuman);
    assert_eq!(
        tags(&decision),
        [
            "mw-processed",
            "route-chargebacks",
            "mw-routing-applied",
            "mw-intent-chargeback",
            "mw-also-order-status",
            "mw-needs-human"
        ]
    );
    case.config.automation.raise_priority = false;
    assert_eq!(kinds(&case.decide()), ["add-tags"]);
    case.config.automation.raise_priority = true;
    case.ctx.ticket.priority = Some("high".into());
    assert_eq!(kinds(&case.decide()), ["add-tags"]);
    // Not sure enough to route by it is still sure enough for a person's eyes.
    case.says(&[("safety", 0.3)]);
    let decision = case.decide();
    assert!(tags(&decision).contains(&"mw-low-confidence") && tags(&decision).contains(&"mw-needs-human"));
}

#[test]
fn what_the_net_caught_is_a_persons_although_the_route_is_anothers() {
    let mut case = base();
    case.verdict.urgent.push(Intent::from("legal_threat"));
    let decision = case.decide();
    assert_eq!(tags(&decision), [ROUTED, &["mw-also-legal-threat", "mw-needs-human"]].concat());
    assert_eq!(decision.outcome, Outcome::NeedsHuman);
}

#[test]
fn another_route_of_ours_is_swapped_while_no_agent_has_written() {
    let mut case = base();
    case.ctx.ticket.tags = vec!["route-sales".into(), "route-of-somebody-else".into(), "mw-processed".into()];
    let decision = case.decide();
    assert_eq!(kinds(&decision), ["close", "remove-tags", "add-tags"]);
    assert_eq!(decision.after[1].effect, Effect::RemoveTags { tags: vec!["route-sales".into()] });
    assert!(tags(&decision).contains(&"route-email-support"));
    // An assignment is no touch, an agent's note is none either.
    case.ctx.ticket.assignee = Some("agent-7".into());
    let mut note = message("n", Author::Agent(None), "hm");
    note.public = false;
    case.ctx.ticket.messages.insert(0, note);
    assert!(kinds(&case.decide()).contains(&"remove-tags"));
}

#[test]
fn another_route_of_ours_stays_once_an_agent_has_written() {
    let mut case = base();
    case.ctx.ticket.tags = vec!["route-sales".into()];
    case.ctx.ticket.messages.insert(0, message("a", Author::Agent(None), "Hello"));
    let decision = case.decide();
    assert_eq!(kinds(&decision), ["close", "add-tags"]);
    assert!(!tags(&decision).iter().any(|tag| tag.starts_with("route-")));
    assert_eq!(decision.team.as_deref(), Some("sales"));
}

#[test]
fn of_several_routes_the_right_one_alone_is_left() {
    let mut case = base();
    case.ctx.ticket.tags =
        vec!["route-sales".into(), "route-email-support".into(), "route-leadership".into()];
    let decision = case.decide();
    assert_eq!(
        decision.after[1].effect,
        Effect::RemoveTags { tags: vec!["route-sales".into(), "route-leadership".into()] }
    );
    assert!(!tags(&decision).contains(&"route-email-support"));
}

#[test]
fn once_an_agent_has_written_no_route_is_taken_away() {
    let mut case = base();
    case.ctx.ticket.tags = vec!["route-sales".into(), "route-email-support".into()];
    case.ctx.ticket.messages.insert(0, message("a", Author::Agent(None), "Hello"));
    let decision = case.decide();
    assert_eq!(kinds(&decision), ["close", "add-tags"]);
    assert_eq!(decision.team.as_deref(), Some("email-support"));
}

#[test]
fn tags_that_are_there_are_not_added_again() {
    let mut case = base();
    case.mode = Mode::Route;
    case.ctx.order = OrderFinding::NotNeeded;
    case.ctx.ticket.tags = ROUTED.iter().map(|tag| (*tag).to_owned()).collect();
    let decision = case.decide();
    assert_eq!(decision.after, []);
    assert_eq!(decision.outcome, Outcome::Routed);
    case.ctx.ticket.tags.pop();
    assert_eq!(tags(&case.decide()), ["mw-intent-order-status"]);
}

#[test]
fn mw_stop_means_no_write_of_any_kind() {
    for mode in Mode::ALL {
        let mut case = base();
        case.mode = *mode;
        case.says(&[("chargeback", 0.9)]);
        case.ctx.ticket.tags.push("mw-stop".into());
        let decision = case.decide();
        assert_eq!((decision.after, decision.would, decision.send), (vec![], vec![], false));
        assert_eq!((decision.outcome, decision.team), (Outcome::Ignored, None));
    }
}

#[test]
fn mw_hold_routes_and_says_nothing() {
    let mut case = base();
    case.ctx.ticket.tags.push("mw-hold".into());
    let decision = case.decide();
    assert_eq!(tags(&decision), ROUTED);
    assert_eq!((decision.outcome, decision.send), (Outcome::Routed, false));
}

#[test]
fn a_closed_ticket_is_marked_as_processed_alone() {
    let mut case = base();
    case.ctx.ticket.status = Status::Closed;
    case.says(&[("chargeback", 0.9)]);
    let decision = case.decide();
    assert_eq!((tags(&decision), kinds(&decision)), (vec!["mw-processed"], vec!["add-tags"]));
    assert_eq!((decision.outcome, decision.team), (Outcome::Seen, None));
}

#[test]
fn an_answered_message_is_marked_with_its_intent_and_not_routed() {
    for author in [Author::Agent(None), Author::Bot] {
        let mut case = base();
        case.ctx.ticket.messages.push(message("a", author, "Hello"));
        let decision = case.decide();
        assert_eq!(tags(&decision), ["mw-processed", "mw-intent-order-status"]);
        assert_eq!((decision.outcome, decision.team, decision.send), (Outcome::Seen, None, false));
    }
}

#[test]
fn nothing_from_the_customer_is_nothing_to_do() {
    let mut case = base();
    case.ctx.message = None;
    case.ctx.ticket.messages = vec![message("b", Author::Bot, "Hello")];
    let decision = case.decide();
    assert_eq!((decision.after, decision.outcome, decision.send), (vec![], Outcome::Ignored, false));
}

#[test]
fn a_machines_mail_is_other_and_never_moves_a_routed_ticket() {
    let mut case = base();
    case.ctx.ticket.subject = "Undeliverable: your order".into();
    let decision = case.decide();
    assert_eq!(
        tags(&decision),
        ["mw-processed", "route-email-support", "mw-routing-applied", "mw-intent-other"]
    );
    assert_eq!((decision.outcome, decision.send), (Outcome::Routed, false));
    case.ctx.ticket.tags = vec!["route-sales".into()];
    let decision = case.decide();
    assert_eq!(tags(&decision), ["mw-processed", "mw-intent-other"]);
    assert_eq!((decision.outcome, decision.team), (Outcome::Seen, None));
    // A person's danger in it is never put aside.
    case.verdict.urgent.push(Intent::from("safety"));
    assert!(tags(&case.decide()).contains(&"mw-needs-human"));
    // In a conversation that merely began with one, a person may be writing.
    case.verdict.urgent.clear();
    case.ctx.ticket.messages.insert(0, message("c-0", Author::Customer, "bounce"));
    let decision = case.decide();
    assert!(tags(&decision).contains(&"mw-intent-order-status"));
    assert_eq!(blocked(&decision), ["not-automatic"]);
}

#[test]
fn who_asks_for_a_delivered_order_has_not_received_it() {
    let mut case = base();
    case.order().shipments[0].status = Some("delivered".into());
    let decision = case.decide();
    assert_eq!(
        tags(&decision),
        [
            "mw-processed",
            "route-returns-admin",
            "mw-routing-applied",
            "mw-intent-delivered-not-received",
            "mw-also-order-status"
        ]
    );
    assert!(!decision.send && decision.draft.is_none());
    // Another question about a delivered order stays what it is.
    case.says(&[("refund_request", 0.9)]);
    assert!(tags(&case.decide()).contains(&"mw-intent-refund-request"));
}
