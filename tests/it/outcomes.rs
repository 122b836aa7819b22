//! What can become of a customer's message, one story each.

use richpanel_mw::event::State;
use richpanel_mw::sim::people::OrderState;

use crate::world::World;

#[test]
fn a_plain_status_question_is_answered_closed_and_tagged_in_six_calls() {
    let world = World::live();
    let asked = world.mail_about(OrderState::Shipped, "Hi, where is my order #606243?");
    world.until_state(&asked.ticket_id, State::Done);
    assert_eq!(world.outcome(&asked.ticket_id), "answered");
    assert_eq!(world.replies(&asked.ticket_id), 1);
    assert_eq!(world.status(&asked.ticket_id), "CLOSED");
    assert_eq!(
        world.tags(&asked.ticket_id),
        ["mw-auto-replied", "mw-intent-order-status", "mw-processed", "mw-routing-applied", "route-email-support"]
    );
    let calls = world.calls(&asked.ticket_id);
    assert!(calls.len() <= 6, "{calls:#?}");
    world.settled();
}

#[test]
fn a_return_is_routed_in_two_calls_and_nothing_is_said() {
    let world = World::live();
    let asked = world.mail("I would like to return my shoes, please send me a return label.");
    world.until_state(&asked.ticket_id, State::Done);
    assert_eq!(world.outcome(&asked.ticket_id), "routed");
    assert_eq!(world.replies(&asked.ticket_id), 0);
    assert!(world.tags(&asked.ticket_id).contains(&"route-returns-admin".to_owned()));
    assert_eq!(world.calls(&asked.ticket_id), ["GET /tickets/{id}", "PUT /tickets/{id}/add-tags"]);
    world.settled();
}
