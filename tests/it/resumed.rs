//! What is taken up again after something came in between: a person's word, a newer message, a dead letter.

use std::time::Duration;

use richpanel_mw::clock::{Clock as _, SystemClock};
use richpanel_mw::daemon::control::Request;
use richpanel_mw::event::{Mode, State};
use richpanel_mw::sim::people::OrderState;
use richpanel_mw::sim::{Action, ErrorShape, Fault, Matcher, NewMessage, Script, Verb};
use richpanel_mw::timer::reconcile::CsvRow;

use crate::world::{World, plain};

const WHERE: &str = "Hi, where is my order #606243?";
const RETURN: &str = "I would like to return my shoes, please send me a return label.";
const SEND: &str = "PUT /tickets/{id}/send-message";
const READ: &str = "GET /tickets/{id}";
const TAGS: &str = "PUT /tickets/{id}/add-tags";

fn at(endpoint: &str, verbs: Vec<Verb>) -> Script {
    Script { matcher: Matcher::endpoint(endpoint), verbs }
}

/// Just before the ticket is read for the second time.
fn before_second_look(verbs: Vec<Verb>) -> Script {
    Script { matcher: Matcher::endpoint(READ).nth(2), verbs }
}

fn agent_replies() -> Verb {
    Verb::AgentReplies { ticket: None, text: "I have it.".into(), agent: None }
}

fn again(text: &str) -> Verb {
    Verb::CustomerWritesAgain { ticket: None, text: text.into() }
}

#[test]
fn a_dead_letter_that_is_queued_again_is_carried_out_not_just_ended() {
    let world = World::with("live", "[workers]\nmax_attempts = 2");
    let status = Action::Status { status: 500, shape: ErrorShape::Error, applied: false };
    world.sim.set_fault(Fault::always(Matcher::endpoint(TAGS), status));
    let asked = world.mail(RETURN);
    world.until_state(&asked.ticket_id, State::Dead);
    world.sim.clear_faults();
    let event = world.event(&asked.ticket_id).unwrap().event;
    world.ask(&Request::Retry { event, by: "lead".into() });
    world.until_state(&asked.ticket_id, State::Done);
    assert!(world.has_tag(&asked.ticket_id, "route-returns-admin"), "{:?}", world.tags(&asked.ticket_id));
    world.settled();
}

#[test]
fn a_held_reply_that_was_discarded_and_queued_again_is_never_a_closed_ticket_without_an_answer() {
    let world = World::with("live", "[rollout]\nhold_seconds = 60");
    let asked = world.mail_about(OrderState::Shipped, WHERE);
    world.until_state(&asked.ticket_id, State::Held);
    let event = world.event(&asked.ticket_id).unwrap().event;
    world.ask(&Request::Discard { event, reason: "not so".into(), by: "lead".into() });
    world.ask(&Request::Retry { event, by: "lead".into() });
    world.until("held again, or ended", |world| {
        ["held", "done"].contains(&world.event(&asked.ticket_id).unwrap().state.as_str())
    });
    assert_eq!(world.event(&asked.ticket_id).unwrap().state, "held");
    assert_eq!(world.status(&asked.ticket_id), "OPEN");
    assert!(!world.has_tag(&asked.ticket_id, "mw-auto-replied"));
}

#[test]
fn a_message_written_while_the_reply_went_out_is_not_closed_away() {
    let world = World::live();
    world.sim.add_script(at(SEND, vec![again("Forget that. Please cancel my subscription.")]));
    let asked = world.mail_about(OrderState::Shipped, WHERE);
    world.settled();
    assert_eq!(world.events().len(), 2);
    assert_eq!(world.status(&asked.ticket_id), "OPEN", "closed with an unanswered message on it");
    // Our reply stands after it on the ticket and answers the message before.
    assert_eq!(world.outcome(&asked.ticket_id), "routed", "{:?}", world.event(&asked.ticket_id));
}

#[test]
fn a_message_written_before_a_read_back_is_not_closed_away() {
    let world = World::live();
    world.sim.set_fault(Fault::once(Matcher::endpoint(SEND), Action::ApplyThenReset));
    world.sim.add_script(at(SEND, vec![again("Forget that. Please cancel my subscription.")]));
    let asked = world.mail_about(OrderState::Shipped, WHERE);
    world.settled();
    assert_eq!(world.status(&asked.ticket_id), "OPEN", "closed with an unanswered message on it");
}

#[test]
fn a_plan_that_was_begun_is_ended_and_the_newer_message_handled_by_its_own_event() {
    let world = World::with("live", "[workers]\nmax_attempts = 3\n[automation]\nraise_priority = true");
    let status = Action::Status { status: 500, shape: ErrorShape::Error, applied: false };
    world.sim.set_fault(Fault::once(Matcher::endpoint(TAGS), status));
    world.sim.add_script(before_second_look(vec![again(
        "I also want to return my shoes, please send a return label.",
    )]));
    let asked = world.mail("You will hear from my lawyer.");
    world.until("both ended", |world| {
        world.events().len() == 2 && world.events().iter().all(|event| event.finished_at.is_some())
    });
    for event in world.events() {
        assert_eq!(event.state, "done", "{}", event.reason);
    }
    assert!(world.has_tag(&asked.ticket_id, "mw-needs-human"));
    world.settled();
}

#[test]
fn an_order_that_can_never_be_read_does_not_keep_the_message_for_ever() {
    let world = World::live();
    let status = Action::Status { status: 500, shape: ErrorShape::Error, applied: false };
    world.sim.set_fault(Fault::always(Matcher::endpoint("GET /order/{app}/{order}"), status));
    let asked = world.mail_about(OrderState::Shipped, WHERE);
    world.until_state(&asked.ticket_id, State::Done);
    assert_eq!(world.outcome(&asked.ticket_id), "routed");
    world.settled();
}

#[test]
fn a_ticket_that_an_agent_closed_is_not_opened_again_by_a_hand_over() {
    let world = World::live();
    world.sim.set_fault(Fault::once(Matcher::endpoint(SEND), Action::ResetBefore));
    world.sim.add_script(before_second_look(vec![agent_replies(), Verb::AgentCloses { ticket: None }]));
    let asked = world.mail_about(OrderState::Shipped, WHERE);
    world.until_state(&asked.ticket_id, State::Done);
    assert_eq!(world.status(&asked.ticket_id), "CLOSED", "the agent's close was undone");
    world.settled();
}

#[test]
fn an_agent_who_answered_before_a_repeat_gets_no_route() {
    let world = World::live();
    let status = Action::Status { status: 500, shape: ErrorShape::Error, applied: false };
    world.sim.set_fault(Fault::once(Matcher::endpoint(TAGS), status));
    world.sim.add_script(before_second_look(vec![agent_replies()]));
    let asked = world.mail(RETURN);
    world.until_state(&asked.ticket_id, State::Done);
    assert_eq!(world.tags(&asked.ticket_id), ["mw-intent-return-request", "mw-processed"]);
    world.settled();
}

#[test]
fn mode_off_also_stops_the_repeat_of_an_unproven_step() {
    let world = World::with("live", "[readback]\nsteps_after_seconds = 2");
    world.sim.configure(|settings| settings.tags_answer_shows_tags = false);
    let asked = world.mail(RETURN);
    world.until_state(&asked.ticket_id, State::Done);
    // As if the 200 had not been applied.
    world.sim.agent_untags(&asked.ticket_id, "route-returns-admin").unwrap();
    world.ask(&Request::Mode { mode: Some(Mode::Off), by: "lead".into() });
    let writes = world.our_writes(&asked.ticket_id);
    let _ = world.sim.wait_until(Duration::from_secs(6), |_| false);
    assert_eq!(world.our_writes(&asked.ticket_id), writes, "written under mode off");
    world.ask(&Request::Mode { mode: Some(Mode::Live), by: "lead".into() });
    world.until("tagged after all", |world| world.has_tag(&asked.ticket_id, "route-returns-admin"));
}

#[test]
fn a_chat_does_not_wait_for_sweeps_that_wait_for_calls() {
    let world = World::with("live", "[richpanel]\nwindow_seconds = 10");
    world.sim.set_rate_limit(50, 10_000);
    let rows = (0..30).map(|_| {
        let quiet = world.writes(NewMessage { text: RETURN.into(), quiet: true, ..plain() });
        CsvRow { ticket_id: Some(quiet.ticket_id), conversation_no: None, updated_at: None }
    });
    world.ask(&Request::Reconcile { csv: Some(rows.collect()) });
    world.until("the sweep's share is used up", |world| world.sim.requests().len() >= 32);
    let _ = world.sim.wait_until(Duration::from_millis(700), |_| false);
    let clock = SystemClock::new();
    let chat = world.writes(NewMessage { text: RETURN.into(), channel: Some("messenger".into()), ..plain() });
    world.until_state(&chat.ticket_id, State::Done);
    let took = clock.monotonic();
    assert!(took < Duration::from_secs(3), "a chat waited {took:?} behind a sweep");
    world.settled();
}

/// The clock was ahead when the reply was planned, and is right after the start.
#[test]
fn a_hold_that_began_while_the_clock_was_ahead_ends() {
    for ms in [2 * 3_600_000, 10 * 86_400_000] {
        let mut world = World::with("live", "[rollout]\nhold_seconds = 2");
        let ticket = world.mail_about(OrderState::Shipped, WHERE).ticket_id;
        world.until_state(&ticket, State::Held);
        world.kill();
        let file = rusqlite::Connection::open(world.database()).unwrap();
        for sql in [
            "update replies set planned_at = planned_at + ?1",
            "update events set due_at = due_at + ?1",
            "update transitions set at = at + ?1",
        ] {
            file.execute(sql, [ms]).unwrap();
        }
        drop(file);
        world.start();
        world.settled();
        assert_eq!(world.replies(&ticket), 1);
    }
}
