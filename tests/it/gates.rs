//! Each gate that the other stories do not meet: closed alone, with its reason in words, and nothing is said.

use richpanel_mw::event::State;
use richpanel_mw::sim::NewMessage;
use richpanel_mw::sim::people::{OrderState, order};

use crate::world::{World, now, plain};

/// A shipped order of its own for each question, so that no cap and no kept copy is in the way.
fn ask(world: &World, number: u64, text: &str) -> String {
    let email = format!("customer{number}@example.com");
    let about = order(OrderState::Shipped, number, &email, now().as_millisecond());
    let message = NewMessage { text: text.into(), order: Some(about), email, ..plain() };
    let written = world.writes(message);
    world.until_state(&written.ticket_id, State::Done);
    written.ticket_id
}

#[test]
fn each_kind_of_doubt_closes_its_own_gate() {
    let one_language = "[richpanel]\nwindow_seconds = 2\n[gates]\nreply_languages = [\"en\"]";
    let world = World::with("live", one_language);
    world.sim.set_rate_limit(50, 2_000);
    assert_eq!(
        world.outcome(&ask(&world, 710_000, "Where is my order?")),
        "answered",
        "the base of all others"
    );
    for (number, (gate, text)) in (710_001..).zip([
        ("intent-allowed", "I want to return my lamp, please send a label."),
        ("urgent-net", "Where is my order? I have opened a dispute with my bank."),
        ("several-intents", "Where is my order? Also please cancel my subscription."),
        ("caution", "Where is my order? If it is not here by Friday I will be very cross."),
        ("caution", "Where is my friend's order?"),
        ("language", "¿Dónde está mi pedido? Muchas gracias por su ayuda."),
    ]) {
        let ticket = ask(&world, number, text);
        let (passed, reason) = world.gate(&ticket, gate);
        assert!(!passed, "{gate} let through: {text:?} ({reason})");
        assert!(!reason.is_empty());
        assert_eq!(world.replies(&ticket), 0, "{text:?}");
        assert_ne!(world.outcome(&ticket), "answered");
    }
    world.settled();
}

#[test]
fn a_confidence_under_the_limit_is_not_enough() {
    let world = World::with("live", "[gates]\nreply_confidence = 1.0");
    let ticket = ask(&world, 711_000, "Where is my order?");
    assert_eq!(world.outcome(&ticket), "routed");
    let (passed, reason) = world.gate(&ticket, "confidence");
    assert!(!passed && reason.contains("below 1"), "{reason}");
    world.settled();
}

#[test]
fn a_missing_fact_closes_the_gate_and_leaves_no_hole() {
    let world = World::live();
    let mut about = order(OrderState::Shipped, 712_000, "ava@example.com", now().as_millisecond());
    about["fulfillment"][0]["tracking"][0]["trackingCompany"] = serde_json::Value::Null;
    let written =
        world.writes(NewMessage { text: "Where is my order?".into(), order: Some(about), ..plain() });
    world.until_state(&written.ticket_id, State::Done);
    assert_eq!(world.outcome(&written.ticket_id), "routed");
    assert!(!world.gate(&written.ticket_id, "facts-complete").0);
    world.settled();
}

#[test]
fn facts_that_grew_old_are_not_repeated() {
    let world = World::with("live", "[gates]\norder_max_age_seconds = 0");
    let ticket = ask(&world, 713_000, "Where is my order?");
    assert_eq!(world.outcome(&ticket), "routed");
    assert!(!world.gate(&ticket, "facts-fresh").0);
    world.settled();
}

#[test]
fn the_hours_cap_stops_the_whole_bot_and_the_routing_goes_on() {
    let world = World::with("live", "[limits]\nreplies_per_hour = 1");
    assert_eq!(world.outcome(&ask(&world, 714_000, "Where is my order?")), "answered");
    let second = ask(&world, 714_001, "Where is my order?");
    assert_eq!(world.outcome(&second), "routed");
    assert!(
        world.gate(&second, "cap-hour").1.contains("the limit is 1"),
        "{:?}",
        world.gate(&second, "cap-hour")
    );
    assert!(world.has_tag(&second, "route-email-support"));
    world.settled();
}

#[test]
fn what_the_bot_answered_is_not_answered_again_when_its_key_has_gone() {
    let world = World::live();
    let ticket = ask(&world, 715_000, "Where is my order?");
    assert_eq!(world.outcome(&ticket), "answered");
    world.sim.reopen(&ticket).unwrap();
    // As after dedup_hours: the store no longer knows the message, the ticket still shows the answer.
    let database = rusqlite::Connection::open(world.database()).unwrap();
    database.execute("delete from idempotency", []).unwrap();
    database.execute("update replies set sending_at = sending_at - 200000000", []).unwrap();
    drop(database);
    assert_eq!(world.call(&ticket).0, 200);
    world.until("the second event ended", |world| {
        world.events().iter().filter(|event| event.finished_at.is_some()).count() == 2
    });
    assert_eq!(world.outcome(&ticket), "seen");
    assert_eq!(world.replies(&ticket), 1);
    world.settled();
}

#[test]
fn a_spanish_question_is_answered_in_spanish() {
    let world = World::with("live", "[richpanel]\nwindow_seconds = 2");
    let ticket = ask(&world, 710_100, "¿Dónde está mi pedido? Muchas gracias por su ayuda.");
    assert_eq!(world.outcome(&ticket), "answered", "{:?}", world.gate(&ticket, "language"));
    let said = world.said(&ticket).concat();
    assert!(said.contains("está en camino"), "{said}");
    world.settled();
}
