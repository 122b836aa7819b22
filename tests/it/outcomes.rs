//! What can become of a customer's message, one story each.

use richpanel_mw::daemon::control::Request;
use richpanel_mw::event::{Mode, State};
use richpanel_mw::sim::people::{OrderState, order};
use richpanel_mw::sim::{EffectKind, NewMessage};

use crate::world::{AVA, World, now, plain};

const WHERE: &str = "Hi, where is my order #606243?";
const RETURN: &str = "I would like to return my shoes, please send me a return label.";

#[test]
fn a_plain_status_question_is_answered_closed_and_tagged_in_six_calls() {
    let world = World::live();
    let asked = world.mail_about(OrderState::Shipped, WHERE);
    world.until_state(&asked.ticket_id, State::Done);
    assert_eq!(world.outcome(&asked.ticket_id), "answered");
    assert_eq!(world.replies(&asked.ticket_id), 1);
    assert_eq!(world.status(&asked.ticket_id), "CLOSED");
    assert_eq!(
        world.tags(&asked.ticket_id),
        [
            "mw-auto-replied",
            "mw-intent-order-status",
            "mw-processed",
            "mw-routing-applied",
            "route-email-support"
        ]
    );
    assert_eq!(world.event(&asked.ticket_id).unwrap().calls_out, 6, "{:#?}", world.calls(&asked.ticket_id));
    let deliveries: Vec<_> = world.story(&asked.ticket_id).audit.into_iter().map(|line| line.what).collect();
    assert!(
        deliveries.iter().any(|what| what == "reply confirmed"),
        "the close's answer confirms it: {deliveries:?}"
    );
    world.settled();
}

#[test]
fn a_return_is_routed_in_two_calls_and_nothing_is_said() {
    let world = World::live();
    let asked = world.mail(RETURN);
    world.until_state(&asked.ticket_id, State::Done);
    assert_eq!(world.outcome(&asked.ticket_id), "routed");
    assert_eq!(world.replies(&asked.ticket_id), 0);
    assert_eq!(
        world.tags(&asked.ticket_id),
        ["mw-intent-return-request", "mw-processed", "mw-routing-applied", "route-returns-admin"]
    );
    assert_eq!(world.calls(&asked.ticket_id), ["GET /tickets/{id}", "PUT /tickets/{id}/add-tags"]);
    world.settled();
}

#[test]
fn a_chat_gets_the_chat_text_through_a_comment() {
    let world = World::live();
    world.sim.configure(|settings| settings.put_comment_delivers_chat = true);
    let asked = world.writes(NewMessage {
        channel: Some("messenger".into()),
        text: WHERE.into(),
        order: Some(world.order(OrderState::Shipped)),
        ..plain()
    });
    world.until_state(&asked.ticket_id, State::Done);
    assert_eq!(world.outcome(&asked.ticket_id), "answered");
    let said = world.said(&asked.ticket_id);
    assert_eq!(said.len(), 1);
    assert!(said[0].contains("Automatic answer") && !said[0].contains("\n\n"), "{}", said[0]);
    world.settled();
}

#[test]
fn an_order_not_shipped_yet_gets_an_estimate_with_its_reasons() {
    let world = World::live();
    let asked = world.mail_about(OrderState::Processing, WHERE);
    world.until_state(&asked.ticket_id, State::Done);
    assert_eq!(world.outcome(&asked.ticket_id), "answered");
    let decision = world.story(&asked.ticket_id).decision.unwrap();
    let facts = decision["draft"]["facts"].as_array().unwrap();
    let estimate = facts.iter().find(|fact| fact["name"] == "estimate").unwrap();
    assert!(estimate["source"].as_str().unwrap().contains("business days"), "{estimate}");
    assert!(facts.iter().all(|fact| !fact["source"].as_str().unwrap().is_empty()));
    world.settled();
}

#[test]
fn what_is_not_certain_is_a_persons_and_nothing_is_said() {
    let world = World::live();
    let states = [
        (OrderState::Delayed, "past its window"),
        (OrderState::PartiallyFulfilled, "in two parts"),
        (OrderState::Failure, "a status nobody puts into words"),
        (OrderState::Returned, "sent back"),
        (OrderState::Cancelled, "cancelled"),
        (OrderState::ShippedUntracked, "no tracking number"),
    ];
    for (number, (state, why)) in (700_001..).zip(states) {
        let about = Some(order(state, number, AVA, now().as_millisecond()));
        let asked =
            world.writes(NewMessage { text: "Hi, where is my order?".into(), order: about, ..plain() });
        world.until_state(&asked.ticket_id, State::Done);
        assert_eq!(world.outcome(&asked.ticket_id), "routed", "{why}");
        assert_eq!(world.replies(&asked.ticket_id), 0, "{why}");
        assert_eq!(world.status(&asked.ticket_id), "OPEN", "{why}");
    }
    world.settled();
}

#[test]
fn delivered_is_not_the_end_it_goes_to_the_returns_team() {
    let world = World::live();
    let asked = world.mail_about(OrderState::Delivered, WHERE);
    world.until_state(&asked.ticket_id, State::Done);
    assert_eq!(world.replies(&asked.ticket_id), 0);
    assert!(world.has_tag(&asked.ticket_id, "route-returns-admin"), "{:?}", world.tags(&asked.ticket_id));
    world.settled();
}

#[test]
fn a_lawyer_raises_the_priority_and_calls_a_person() {
    let world = World::live();
    let asked = world.mail_about(OrderState::Shipped, "Where is my order? You will hear from my lawyer.");
    world.until_state(&asked.ticket_id, State::Done);
    assert_eq!(world.outcome(&asked.ticket_id), "needs-human");
    assert_eq!(world.replies(&asked.ticket_id), 0);
    for tag in ["route-leadership", "mw-needs-human", "mw-intent-legal-threat"] {
        assert!(world.has_tag(&asked.ticket_id, tag), "{tag}");
    }
    assert_eq!(world.sim.ticket(&asked.ticket_id).unwrap()["priority"], "HIGH");
    world.settled();
}

#[test]
fn shadow_writes_nothing_and_keeps_what_it_would_have_said() {
    let world = World::with("shadow", "");
    let asked = world.mail_about(OrderState::Shipped, WHERE);
    world.until_state(&asked.ticket_id, State::Done);
    assert_eq!(world.outcome(&asked.ticket_id), "observed");
    assert_eq!(world.sim.ticket(&asked.ticket_id).unwrap()["status"], "OPEN");
    assert_eq!(world.our_writes(&asked.ticket_id), 0);
    let decision = world.story(&asked.ticket_id).decision.unwrap();
    assert!(decision["draft"]["text"].as_str().unwrap().contains("on its way"));
    assert!(!world.gate(&asked.ticket_id, "mode").0);
    world.settled();
}

#[test]
fn route_mode_tags_and_never_looks_at_an_order() {
    let world = World::with("route", "");
    let asked = world.mail_about(OrderState::Shipped, WHERE);
    world.until_state(&asked.ticket_id, State::Done);
    assert_eq!(world.outcome(&asked.ticket_id), "routed");
    assert_eq!(world.calls(&asked.ticket_id), ["GET /tickets/{id}", "PUT /tickets/{id}/add-tags"]);
    world.settled();
}

#[test]
fn off_keeps_every_call_and_works_it_when_it_is_on_again() {
    let world = World::with("off", "");
    let asked = world.mail(RETURN);
    world.until_state(&asked.ticket_id, State::Waiting);
    assert!(world.sim.requests().iter().all(|request| request.ticket_id.is_none()), "off looked at a ticket");
    world.ask(&Request::Mode { mode: Some(Mode::Live), by: "lead".into() });
    world.until_state(&asked.ticket_id, State::Done);
    assert_eq!(world.outcome(&asked.ticket_id), "routed");
    world.settled();
}

#[test]
fn the_canary_answers_its_share_of_customers_and_no_other() {
    for (percent, answered) in [("0.0", "routed"), ("100.0", "answered")] {
        let world = World::with("canary", &format!("[rollout]\ncanary_percent = {percent}"));
        let asked = world.mail_about(OrderState::Shipped, WHERE);
        world.until_state(&asked.ticket_id, State::Done);
        assert_eq!(world.outcome(&asked.ticket_id), answered, "{percent}");
        world.settled();
    }
}

#[test]
fn mw_stop_made_by_a_person_is_obeyed_with_no_write_of_any_kind() {
    let world = World::live();
    let asked = world.writes(NewMessage {
        text: WHERE.into(),
        quiet: true,
        order: Some(world.order(OrderState::Shipped)),
        ..plain()
    });
    world.sim.agent_tags(&asked.ticket_id, "mw-stop").unwrap();
    assert_eq!(world.call(&asked.ticket_id).0, 200);
    world.until_state(&asked.ticket_id, State::Done);
    assert_eq!(world.outcome(&asked.ticket_id), "ignored");
    assert_eq!(world.our_writes(&asked.ticket_id), 0);
    assert!(world.sim.writes_while_tagged("mw-stop").is_empty());
    world.settled();
}

#[test]
fn mw_hold_stops_the_reply_and_the_ticket_is_routed() {
    let world = World::live();
    let asked = world.writes(NewMessage {
        text: WHERE.into(),
        quiet: true,
        order: Some(world.order(OrderState::Shipped)),
        ..plain()
    });
    world.sim.agent_tags(&asked.ticket_id, "mw-hold").unwrap();
    world.call(&asked.ticket_id);
    world.until_state(&asked.ticket_id, State::Done);
    assert_eq!(world.outcome(&asked.ticket_id), "routed");
    assert!(!world.gate(&asked.ticket_id, "mw-hold").0);
    world.settled();
}

#[test]
fn a_closed_ticket_is_marked_as_seen_and_nothing_else() {
    let world = World::live();
    let asked = world.writes(NewMessage { text: WHERE.into(), quiet: true, ..plain() });
    world.sim.agent_closes(&asked.ticket_id).unwrap();
    world.call(&asked.ticket_id);
    world.until_state(&asked.ticket_id, State::Done);
    assert_eq!(world.outcome(&asked.ticket_id), "seen");
    assert_eq!(world.tags(&asked.ticket_id), ["mw-processed"]);
    world.settled();
}

#[test]
fn where_an_agent_was_faster_the_ticket_is_labelled_and_left_alone() {
    let world = World::live();
    let asked = world.writes(NewMessage { text: WHERE.into(), quiet: true, ..plain() });
    world.sim.agent_replies(&asked.ticket_id, "It is on its way.").unwrap();
    assert_eq!(world.call(&asked.ticket_id).0, 200);
    world.until_state(&asked.ticket_id, State::Done);
    assert_eq!(world.outcome(&asked.ticket_id), "seen");
    assert_eq!(world.tags(&asked.ticket_id), ["mw-intent-order-status", "mw-processed"]);
    assert!(world.sim.replies_after_agent().is_empty());
    world.settled();
}

#[test]
fn the_same_call_again_costs_one_read_and_changes_nothing() {
    let world = World::live();
    let asked = world.mail(RETURN);
    world.until_state(&asked.ticket_id, State::Done);
    let before = world.our_writes(&asked.ticket_id);
    assert_eq!(world.call(&asked.ticket_id).0, 200);
    world.until_state(&asked.ticket_id, State::Duplicate);
    assert_eq!(world.our_writes(&asked.ticket_id), before);
    assert_eq!(world.calls(&asked.ticket_id).len(), 3);
    world.settled();
}

/// As the first of two wishes; a build without the embedding may take it for the second.
fn reads_a_cancellation(world: &World, ticket: &str) -> bool {
    let second = !cfg!(feature = "embedding") && world.has_tag(ticket, "mw-also-cancel-order");
    second || world.has_tag(ticket, "mw-intent-cancel-order")
}

#[test]
fn a_cancellation_before_the_question_is_not_answered_as_a_question() {
    let world = World::with("off", "");
    let first = world.mail_about(OrderState::Shipped, "Please cancel my order #606243");
    world.again(&first.ticket_id, "where is it?");
    world.until_state(&first.ticket_id, State::Waiting);
    world.ask(&Request::Mode { mode: Some(Mode::Live), by: "lead".into() });
    world.until_state(&first.ticket_id, State::Done);
    assert_eq!(world.replies(&first.ticket_id), 0);
    assert!(reads_a_cancellation(&world, &first.ticket_id), "{:?}", world.tags(&first.ticket_id));
    world.settled();
}

#[test]
fn a_later_message_with_another_team_swaps_the_route() {
    let world = World::live();
    let first = world.mail(RETURN);
    world.until_state(&first.ticket_id, State::Done);
    world.again(&first.ticket_id, "My lawyer will contact you, I am going to sue you.");
    world.until("rerouted", |world| world.has_tag(&first.ticket_id, "route-leadership"));
    assert!(!world.has_tag(&first.ticket_id, "route-returns-admin"));
    world.settled();
    let routes = world.tags(&first.ticket_id).iter().filter(|tag| tag.starts_with("route-")).count();
    assert_eq!(routes, 1);
}

#[test]
fn an_unknown_channel_and_a_public_comment_are_routed_never_answered() {
    let world = World::live();
    for message in [
        NewMessage {
            channel_hidden: true,
            id: Some("453347427_ava_186779".into()),
            channel: Some("messenger".into()),
            ..plain()
        },
        NewMessage { channel: Some("facebook_feed_comment".into()), ..plain() },
        NewMessage { channel: Some("phone".into()), ..plain() },
    ] {
        let order = Some(world.order(OrderState::Shipped));
        let asked = world.writes(NewMessage { text: WHERE.into(), order, ..message });
        world.until_state(&asked.ticket_id, State::Done);
        assert_eq!(world.outcome(&asked.ticket_id), "routed");
        assert!(!world.gate(&asked.ticket_id, "channel").0);
        assert_eq!(world.status(&asked.ticket_id), "OPEN");
    }
    world.settled();
}

#[test]
fn somebody_elses_order_and_another_number_are_a_persons() {
    let world = World::live();
    let bens = order(OrderState::Shipped, 515_151, "ben@example.com", now().as_millisecond());
    let asked = world.writes(NewMessage { text: "Where is my order?".into(), order: Some(bens), ..plain() });
    let other_number = world.mail_about(OrderState::Shipped, "Where is my order #777777?");
    for ticket in [&asked.ticket_id, &other_number.ticket_id] {
        world.until_state(ticket, State::Done);
        assert_eq!(world.outcome(ticket), "routed");
        assert!(!world.gate(ticket, "order-certain").0, "{:?}", world.gate(ticket, "order-certain"));
    }
    world.settled();
}

#[test]
fn an_order_found_by_its_number_is_attached_to_the_answered_ticket() {
    let world = World::with("live", "[richpanel]\norder_lookup_by_number = true");
    world.sim.configure(|settings| settings.order_by_name = true);
    world.sim.add_order(world.order(OrderState::Shipped)).unwrap();
    let asked = world.mail(WHERE);
    world.until_state(&asked.ticket_id, State::Done);
    assert_eq!(
        world.outcome(&asked.ticket_id),
        "answered",
        "{:?}",
        world.gate(&asked.ticket_id, "order-certain")
    );
    assert!(
        world.sim.effects_on(&asked.ticket_id).iter().any(|effect| effect.kind == EffectKind::OrderAttached)
    );
    world.settled();
}

#[test]
fn a_held_reply_goes_out_after_its_time_in_seven_calls() {
    let world = World::with("live", "[rollout]\nhold_seconds = 1");
    let asked = world.mail_about(OrderState::Shipped, WHERE);
    world.until_state(&asked.ticket_id, State::Held);
    assert_eq!(world.replies(&asked.ticket_id), 0);
    world.until_state(&asked.ticket_id, State::Done);
    assert_eq!(world.outcome(&asked.ticket_id), "answered");
    assert_eq!(world.event(&asked.ticket_id).unwrap().calls_out, 7, "{:#?}", world.calls(&asked.ticket_id));
    world.settled();
}

#[test]
fn an_agents_touch_cancels_a_held_reply() {
    let world = World::with("live", "[rollout]\nhold_seconds = 1");
    let asked = world.mail_about(OrderState::Shipped, WHERE);
    world.until_state(&asked.ticket_id, State::Held);
    world.sim.agent_replies(&asked.ticket_id, "Let me look.").unwrap();
    world.until_state(&asked.ticket_id, State::Done);
    assert_eq!(world.outcome(&asked.ticket_id), "seen");
    assert_eq!(world.said(&asked.ticket_id), ["Let me look."]);
    world.settled();
}

#[test]
fn a_new_message_during_the_hold_is_answered_once_or_routed_never_twice() {
    let world = World::with("live", "[rollout]\nhold_seconds = 1");
    let asked = world.mail_about(OrderState::Shipped, WHERE);
    world.until_state(&asked.ticket_id, State::Held);
    world.again(&asked.ticket_id, "Actually, please cancel it.");
    world.settled();
    assert_eq!(world.replies(&asked.ticket_id), 0);
    assert!(reads_a_cancellation(&world, &asked.ticket_id), "{:?}", world.tags(&asked.ticket_id));
}

#[test]
fn a_new_conversation_is_routed_from_its_call_alone_in_one_call() {
    let world = World::with("live", "[richpanel]\none_call_routing = true");
    world.sim.set_targets(vec![]);
    let asked = world.writes(NewMessage { text: RETURN.into(), ..plain() });
    let body = serde_json::json!({
        "ticket_id": asked.ticket_id, "channel": "email", "trigger": "new_conversation", "message": RETURN,
    });
    assert_eq!(world.post(&body.to_string(), "application/json").0, 200);
    world.until_state(&asked.ticket_id, State::Done);
    assert_eq!(world.calls(&asked.ticket_id), ["PUT /tickets/{id}/add-tags"]);
    assert!(world.has_tag(&asked.ticket_id, "route-returns-admin"));
    // The same message through a plain call is known to be handled.
    assert_eq!(world.call(&asked.ticket_id).0, 200);
    world.until_state(&asked.ticket_id, State::Duplicate);
    world.settled();
}

#[test]
fn a_question_that_may_be_answered_is_always_read_first() {
    let world = World::with("live", "[richpanel]\none_call_routing = true");
    world.sim.set_targets(vec![]);
    let asked = world.mail_about(OrderState::Shipped, WHERE);
    let body = serde_json::json!({
        "ticket_id": asked.ticket_id, "channel": "email", "trigger": "new_conversation", "message": WHERE,
    });
    world.post(&body.to_string(), "application/json");
    world.until_state(&asked.ticket_id, State::Done);
    assert_eq!(world.outcome(&asked.ticket_id), "answered");
    world.settled();
}

#[test]
fn the_cap_of_a_ticket_and_of_a_customer_hold() {
    let world = World::with(
        "live",
        "[limits]\nreplies_per_customer_per_day = 2\n[replies.order_status_shipped]\nemail = \"On its way: {tracking_number}\"\nchat = \"On its way: {tracking_number}\"",
    );
    let first = world.mail_about(OrderState::Shipped, WHERE);
    world.until_state(&first.ticket_id, State::Done);
    world.again(&first.ticket_id, "Thanks. And where is my order #606243 now?");
    world.settled();
    assert_eq!(world.replies(&first.ticket_id), 1, "one a ticket a day");
    let second = world.mail_about(OrderState::Shipped, WHERE);
    world.until_state(&second.ticket_id, State::Done);
    assert_eq!(world.outcome(&second.ticket_id), "answered");
    let third = world.mail_about(OrderState::Shipped, WHERE);
    world.until_state(&third.ticket_id, State::Done);
    assert_eq!(world.outcome(&third.ticket_id), "routed");
    assert!(!world.gate(&third.ticket_id, "cap-customer").0);
    world.settled();
}

#[test]
fn without_an_agent_to_write_as_nothing_is_said_and_the_gate_says_so() {
    let world = World::with("live", "[richpanel]\nbot_agent_id = \"\"");
    let asked = world.mail_about(OrderState::Shipped, WHERE);
    world.until_state(&asked.ticket_id, State::Done);
    assert_eq!(world.outcome(&asked.ticket_id), "routed");
    assert!(world.gate(&asked.ticket_id, "bot-agent").1.contains("bot_agent_id"));
    world.settled();
}

#[test]
fn machine_mail_is_never_answered() {
    let world = World::live();
    let order = Some(world.order(OrderState::Shipped));
    for message in [
        NewMessage { auto_submitted: true, ..plain() },
        NewMessage { subject: "Automatic reply: Your order".into(), ..plain() },
        NewMessage { email: "mailer-daemon@example.com".into(), ..plain() },
    ] {
        let sent = world.writes(NewMessage { text: WHERE.into(), order: order.clone(), ..message });
        world.until_state(&sent.ticket_id, State::Done);
        assert_eq!(world.replies(&sent.ticket_id), 0);
        assert!(!world.gate(&sent.ticket_id, "not-automatic").0);
    }
    world.settled();
}

#[test]
fn an_old_message_is_routed_not_answered() {
    let world = World::live();
    let order = Some(world.order(OrderState::Shipped));
    let asked = world.writes(NewMessage { text: WHERE.into(), order, age_ms: 25 * 3_600_000, ..plain() });
    world.until_state(&asked.ticket_id, State::Done);
    assert_eq!(world.outcome(&asked.ticket_id), "routed");
    assert!(!world.gate(&asked.ticket_id, "message-age").0);
    world.settled();
}

#[test]
fn every_shape_of_ticket_is_worked() {
    let world = World::with("live", "[richpanel]\nwindow_seconds = 2");
    world.sim.set_rate_limit(50, 2_000);
    let mut tickets = vec![];
    for shape in 0..8 {
        for id in [
            None,
            Some(format!("<shape.{shape}+a@mail.example.com>")),
            Some(format!("45334742{shape}_ava_186779")),
        ] {
            let message =
                NewMessage { shape: Some(shape), id, text: RETURN.into(), email: AVA.into(), ..plain() };
            tickets.push(world.writes(message).ticket_id);
        }
    }
    world.settled();
    for ticket in tickets {
        assert_eq!(world.outcome(&ticket), "routed", "{ticket}");
        assert!(world.has_tag(&ticket, "route-returns-admin"), "{ticket}: {:?}", world.tags(&ticket));
    }
}

#[test]
fn a_question_whose_author_nobody_can_tell_is_routed_never_answered() {
    let world = World::live();
    let order = Some(world.order(OrderState::Shipped));
    let chat = NewMessage { channel: Some("messenger".into()), shape: Some(7), ..plain() };
    let asked = world.writes(NewMessage { text: WHERE.into(), order, ..chat });
    world.until_state(&asked.ticket_id, State::Done);
    assert_eq!(world.outcome(&asked.ticket_id), "routed");
    assert!(!world.gate(&asked.ticket_id, "authors-known").0);
    world.settled();
}
