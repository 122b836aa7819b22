//! The verdict can say no: each way in which a run can be bad, beside a ticket that must stay untouched.

use super::super::bends::{PUT, READ, SEND};
use super::*;

fn effect(kind: EffectKind, ticket: &str, message: &str, at_ms: i64) -> Effect {
    Effect {
        seq: 0,
        at_ms,
        kind,
        ticket_id: ticket.into(),
        author: None,
        body: None,
        tags: vec![],
        delivered: false,
        message_id: None,
        last_customer_message_id: Some(message.into()),
        applied_by_request: None,
    }
}

fn writes(ticket: &str, message: &str, at_ms: i64) -> Effect {
    let message_id = Some(message.to_owned());
    Effect { message_id, delivered: true, ..effect(EffectKind::CustomerMessage, ticket, message, at_ms) }
}

fn reply(ticket: &str, message: &str, request: u64) -> Effect {
    let applied_by_request = Some(request);
    Effect { applied_by_request, delivered: true, ..effect(EffectKind::Reply, ticket, message, 200) }
}

fn tags(ticket: &str, message: &str, tags: &[&str], request: Option<u64>) -> Effect {
    Effect {
        tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
        applied_by_request: request,
        ..effect(EffectKind::TagsAdded, ticket, message, 100)
    }
}

fn request(seq: u64, at_ms: i64, endpoint: &str, ticket: &str) -> RequestEntry {
    RequestEntry {
        seq,
        at_ms,
        endpoint: endpoint.into(),
        ticket_id: Some(ticket.into()),
        status: Some(200),
        fault: None,
        applied: true,
        retry_after_s: None,
    }
}

fn acknowledged(ticket: &str, message: &str, event: i64) -> Acknowledged {
    Acknowledged {
        cycle: 1,
        at_ms: 110,
        ticket: ticket.into(),
        message: message.into(),
        event,
        joined: false,
    }
}

fn event(event: i64, ticket: &str) -> Event {
    Event {
        event,
        ticket: ticket.into(),
        state: "done".into(),
        end: "routed".into(),
        finished_at_ms: Some(300),
    }
}

/// Two messages on two tickets, both acknowledged, read and marked; the first one is answered.
fn good() -> Facts {
    let mut effects = vec![
        writes("t1", "m1", 100),
        writes("t2", "m2", 100),
        reply("t1", "m1", 3),
        tags("t1", "m1", &["mw-processed"], Some(4)),
        tags("t2", "m2", &["mw-processed"], Some(5)),
    ];
    number(&mut effects);
    Facts {
        forbidden: ["m2".to_owned()].into(),
        acknowledged: vec![acknowledged("t1", "m1", 1), acknowledged("t2", "m2", 2)],
        events: vec![event(1, "t1"), event(2, "t2")],
        effects,
        requests: vec![request(1, 150, READ, "t1"), request(2, 150, READ, "t2"), request(3, 160, SEND, "t1")],
        ready_ms_max: 2_000,
        lives: Lives { ready_ms: vec![40, 2_000], kills: 2, ..Lives::default() },
        ..Facts::default()
    }
}

fn number(effects: &mut [Effect]) {
    for (seq, effect) in (1..).zip(effects) {
        effect.seq = seq;
    }
}

fn with(change: impl FnOnce(&mut Facts)) -> Verdict {
    let mut facts = good();
    change(&mut facts);
    number(&mut facts.effects);
    judge(&facts)
}

/// Judges, and checks that all findings are in one list.
fn only(name: &str, change: impl FnOnce(&mut Facts)) -> Vec<String> {
    let verdict = with(change);
    assert!(!verdict.good());
    for (list, found) in verdict.lists() {
        assert_eq!(!found.is_empty(), list == name, "{list}: {verdict:?}");
    }
    let (_, found) = verdict.lists().into_iter().find(|(list, _)| *list == name).unwrap();
    found.to_vec()
}

#[test]
fn a_good_run_has_nothing_to_say() {
    let verdict = judge(&good());
    assert!(verdict.good(), "{verdict:?}");
    assert_eq!(verdict.crossed, 0);
}

#[test]
fn a_200_whose_event_is_gone_or_another_tickets_is_lost() {
    let lost = only("lost", |facts| facts.events[1].event = 7);
    assert_eq!(lost, ["t2: a 200 named event 2, and there is no such event"]);
    only("lost", |facts| facts.acknowledged[1].event = 1);
}

#[test]
fn a_200_without_an_end_after_the_message_is_lost() {
    let lost = only("lost", |facts| facts.events[1].finished_at_ms = Some(99));
    assert_eq!(lost, ["t2: message m2 got a 200, and no event of its ticket ended after it"]);
}

#[test]
fn a_message_that_nobody_heard_and_no_sweep_found_is_missed() {
    let missed = only("missed", |facts| {
        facts.acknowledged.remove(1);
        facts.events.remove(1);
    });
    assert!(missed[0].starts_with("t2: message m2 was never heard of"), "{missed:?}");
    let swept = with(|facts| drop(facts.acknowledged.remove(1)));
    assert!(swept.good(), "a sweep's event is as good as a call's");
    let ignored = with(|facts| {
        facts.acknowledged.remove(1);
        facts.events.remove(1);
        facts.may_be_ignored.insert("m2".into());
    });
    assert!(ignored.good());
}

#[test]
fn an_open_event_and_a_dead_one_are_stuck_and_not_lost_as_well() {
    let stuck = only("stuck", |facts| facts.events[1].finished_at_ms = None);
    assert_eq!(stuck, ["t2: event 2 is done"]);
    only("stuck", |facts| facts.events[0].state = "dead".into());
}

#[test]
fn two_replies_to_one_message_are_duplicated() {
    let found = only("duplicated", |facts| {
        let again = facts.effects[2].clone();
        facts.effects.push(again);
    });
    assert_eq!(found, ["t1: message m1 was answered 2 times"]);
}

#[test]
fn an_end_that_the_helpdesk_knows_nothing_of_is_unseen() {
    let unread = only("unseen", |facts| drop(facts.requests.remove(1)));
    assert!(unread[0].ends_with("was never read"), "{unread:?}");
    only("unseen", |facts| facts.requests[1].applied = false);
    let old = |facts: &mut Facts| facts.requests[1].at_ms = -401;
    assert!(only("unseen", old)[0].ends_with("was never read"));
    assert!(with(|facts| facts.requests[1].fault = Some("lag".into())).good(), "it may have shown enough");
    let unmarked = only("unseen", |facts| drop(facts.effects.pop()));
    assert!(unmarked[0].contains("no mw-processed"), "{unmarked:?}");
}

#[test]
fn a_message_on_a_ticket_that_was_closed_over_it_is_unseen() {
    let closes = |ticket: &str, message: &str| Effect {
        applied_by_request: Some(9),
        ..effect(EffectKind::Closed, ticket, message, 210)
    };
    let found = only("unseen", |facts| facts.effects.push(closes("t2", "m2")));
    assert!(found[0].ends_with("closed over it"), "{found:?}");
    assert!(with(|facts| facts.effects.push(closes("t1", "m1"))).good(), "an answered one may be closed");
    let late = with(|facts| {
        facts.effects.push(closes("t2", "m2"));
        facts.requests.push(request(9, 99, PUT, "t2"));
    });
    assert!(late.good() && late.crossed == 1, "sent before the customer wrote: {late:?}");
    // The reply was on its way when the customer wrote again: it does not answer that.
    only("unseen", |facts| {
        facts.effects.insert(2, writes("t1", "m3", 1_170));
        facts.effects.push(closes("t1", "m3"));
        facts.events[0].finished_at_ms = Some(2_000);
        facts.requests.push(request(9, 1_180, READ, "t1"));
    });
}

#[test]
fn a_reply_where_none_may_go_is_wrong_if_the_message_had_been_read() {
    let found = only("wrongly written", |facts| facts.effects.push(reply("t2", "m2", 6)));
    assert_eq!(found, ["t2: message m2 must not be answered and was"]);
    let past = with(|facts| {
        facts.effects.push(reply("t2", "m2", 6));
        facts.requests[1].fault = Some("lag".into());
    });
    assert!(past.good() && past.crossed == 1, "shown the past, it could not know");
    let crossed = with(|facts| facts.effects.push(reply("t2", "m2", 1)));
    assert!(crossed.good() && crossed.crossed == 1, "sent before anybody could read it: {crossed:?}");
}

#[test]
fn a_reply_after_a_person_is_wrong_only_if_the_daemon_had_looked_since() {
    let agent = |at_ms| effect(EffectKind::AgentReply, "t1", "m1", at_ms);
    let found = only("wrongly written", |facts| facts.effects.insert(2, agent(140)));
    assert_eq!(found, ["t1: answered after a person had answered"]);
    let crossed = with(|facts| facts.effects.insert(2, agent(155)));
    assert!(crossed.good() && crossed.crossed == 1, "{crossed:?}");
}

#[test]
fn a_write_on_a_stopped_ticket_is_wrong() {
    let found =
        only("wrongly written", |facts| facts.effects.insert(3, tags("t2", "m2", &["mw-stop"], None)));
    assert_eq!(found, ["t2: written to in spite of mw-stop"]);
}

#[test]
fn a_call_too_many_counts_unless_others_had_the_window() {
    let refused = |facts: &mut Facts| {
        facts.requests.push(RequestEntry { status: Some(429), ..request(8, 500, READ, "t9") });
    };
    assert_eq!(only("over the limit", refused).len(), 1);
    let disturbed = with(|facts| {
        refused(facts);
        facts.lives.disturbed.push((400, 600));
    });
    assert!(disturbed.good());
    let injected = with(|facts| {
        refused(facts);
        facts.requests[3].fault = Some("too_many".into());
    });
    assert!(injected.good());
}

#[test]
fn a_slow_start_and_bad_manners_are_seen() {
    assert_eq!(
        only("slow to start", |facts| facts.lives.ready_ms.push(2_001)),
        ["ready after 2001 ms, 2000 are allowed"]
    );
    only("misbehaved", |facts| facts.lives.misbehaved.push("left by itself".into()));
    only("misbehaved", |facts| facts.odd.push("a 200 without an event".into()));
}
