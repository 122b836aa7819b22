//! What goes wrong between the daemon and the helpdesk, and what must never come of it: a second reply, a lost
//! message, a ticket nobody sees.

use richpanel_mw::daemon::control::Request;
use richpanel_mw::event::State;
use richpanel_mw::sim::people::{self, OrderState};
use richpanel_mw::sim::{Action, EffectKind, ErrorShape, Fault, Matcher, NewMessage, Script, Verb};
use richpanel_mw::store::sqlite::reader::Filter;

use crate::world::{PATIENCE, World, now, plain};

const WHERE: &str = "Hi, where is my order #606243?";
const RETURN: &str = "I would like to return my shoes, please send me a return label.";
const SEND: &str = "PUT /tickets/{id}/send-message";
const TAGS: &str = "PUT /tickets/{id}/add-tags";
const CLOSE: &str = "PUT /tickets/{id}";
const READ: &str = "GET /tickets/{id}";

fn once(endpoint: &str, action: Action) -> Fault {
    Fault::once(Matcher::endpoint(endpoint), action)
}

/// How often the helpdesk took a reply of ours, delivered or not.
fn sends(world: &World) -> usize {
    world.sim.journal().iter().filter(|effect| effect.kind == EffectKind::Reply).count()
}

#[test]
fn a_reply_that_was_applied_and_its_answer_lost_is_confirmed_never_repeated() {
    for action in [
        Action::ApplyThenReset,
        Action::ApplyThenBadGateway,
        Action::ApplyThenHalfBody,
        Action::ApplyThenGatewayTimeout,
        Action::OkWithError { shape: ErrorShape::Error },
        Action::ApplyThenHang { ms: 60_000 },
    ] {
        let world = World::with("live", "[richpanel]\ntimeout_seconds = 1");
        let name = action.name();
        world.sim.set_fault(once(SEND, action));
        let asked = world.mail_about(OrderState::Shipped, WHERE);
        world.until_state(&asked.ticket_id, State::Done);
        let applied = sends(&world);
        assert!(applied <= 1, "{name}: sent again");
        let expected = if applied == 1 { "answered" } else { "needs-human" };
        assert_eq!(world.outcome(&asked.ticket_id), expected, "{name}");
        world.settled();
    }
}

#[test]
fn a_reply_that_never_arrived_ends_with_a_person_and_is_never_repeated() {
    let world = World::live();
    world.sim.set_fault(once(SEND, Action::ResetBefore));
    let asked = world.mail_about(OrderState::Shipped, WHERE);
    world.until_state(&asked.ticket_id, State::Done);
    assert_eq!(world.outcome(&asked.ticket_id), "needs-human");
    assert_eq!(sends(&world), 0);
    for tag in ["mw-needs-human", "mw-processed", "route-email-support"] {
        assert!(world.has_tag(&asked.ticket_id, tag), "{tag} {:?}", world.tags(&asked.ticket_id));
    }
    assert!(!world.has_tag(&asked.ticket_id, "mw-auto-replied"));
    assert_eq!(world.status(&asked.ticket_id), "OPEN");
    world.settled();
}

#[test]
fn a_reply_answered_200_and_not_applied_is_noticed_and_the_ticket_opened_again() {
    let world = World::live();
    world.sim.set_fault(once(SEND, Action::NotApplied));
    let asked = world.mail_about(OrderState::Shipped, WHERE);
    world.until_state(&asked.ticket_id, State::Done);
    assert_eq!(world.outcome(&asked.ticket_id), "needs-human");
    assert_eq!(sends(&world), 0);
    assert_eq!(world.status(&asked.ticket_id), "OPEN", "a customer without an answer on a closed ticket");
    assert!(world.has_tag(&asked.ticket_id, "mw-needs-human"));
    world.settled();
}

#[test]
fn a_close_whose_answer_was_lost_after_a_reply_that_nobody_got_is_undone_and_an_agents_close_is_not() {
    let world = World::live();
    world.sim.set_fault(once(SEND, Action::NotApplied));
    world.sim.set_fault(once(CLOSE, Action::ApplyThenReset));
    let asked = world.mail_about(OrderState::Shipped, WHERE);
    world.until_state(&asked.ticket_id, State::Done);
    assert_eq!((world.outcome(&asked.ticket_id).as_str(), sends(&world)), ("needs-human", 0));
    assert_eq!(world.status(&asked.ticket_id), "OPEN", "a customer without an answer on a closed ticket");
    assert!(world.has_tag(&asked.ticket_id, "mw-needs-human"));

    // A reply of which nobody knows was followed by no close of ours.
    world.sim.set_fault(once(SEND, Action::ResetBefore));
    let other = world.writes(NewMessage {
        email: "noah@example.com".into(),
        order: Some(people::order(OrderState::Shipped, 606_244, "noah@example.com", now().as_millisecond())),
        text: WHERE.replace("606243", "606244"),
        ..plain()
    });
    world.until_state(&other.ticket_id, State::Checking);
    world.sim.agent_closes(&other.ticket_id).unwrap();
    world.until_state(&other.ticket_id, State::Done);
    assert_eq!(world.outcome(&other.ticket_id), "needs-human");
    assert_eq!(world.status(&other.ticket_id), "CLOSED", "the agent's decision");
    world.settled();
}

#[test]
fn a_close_whose_answer_was_lost_over_a_newer_message_is_undone() {
    let world = World::live();
    world.sim.set_fault(once(CLOSE, Action::ApplyThenReset));
    let again = Verb::CustomerWritesAgain { ticket: None, text: RETURN.into() };
    world.sim.add_script(Script { matcher: Matcher::endpoint(CLOSE), verbs: vec![again] });
    let asked = world.mail_about(OrderState::Shipped, WHERE);
    world.until("both messages are handled", |world| {
        let ended = world.events().iter().filter(|event| event.state == "done").count();
        ended == 2 && world.has_tag(&asked.ticket_id, "mw-intent-return-request")
    });
    assert_eq!(world.status(&asked.ticket_id), "OPEN", "the second message waits for a person");
    assert_eq!(world.replies(&asked.ticket_id), 1);
    world.settled();
}

#[test]
fn an_unclear_reply_on_a_ticket_that_was_deleted_ends_as_gone_and_unconfirmed() {
    let world = World::live();
    world.sim.set_fault(once(SEND, Action::ResetBefore));
    let asked = world.mail_about(OrderState::Shipped, WHERE);
    world.until_state(&asked.ticket_id, State::Checking);
    world.sim.run(Verb::DeleteTicket { ticket: Some(asked.ticket_id.clone()) }).unwrap();
    world.until_state(&asked.ticket_id, State::Done);
    assert_eq!(world.outcome(&asked.ticket_id), "gone");
    let told: Vec<_> = world.story(&asked.ticket_id).audit.into_iter().map(|line| line.what).collect();
    assert!(told.contains(&"reply unconfirmed".to_owned()), "{told:?}");
    world.settled();
}

#[test]
fn a_refused_reply_is_routed_instead() {
    let world = World::live();
    let refused = Action::Status { status: 400, shape: ErrorShape::Validator, applied: false };
    world.sim.set_fault(once(SEND, refused));
    let asked = world.mail_about(OrderState::Shipped, WHERE);
    world.until_state(&asked.ticket_id, State::Done);
    assert_eq!(world.outcome(&asked.ticket_id), "routed");
    assert_eq!(sends(&world), 0);
    assert!(
        world.has_tag(&asked.ticket_id, "route-email-support")
            && !world.has_tag(&asked.ticket_id, "mw-auto-replied")
    );
    let told: Vec<_> = world.story(&asked.ticket_id).audit.iter().map(|line| line.what.clone()).collect();
    assert!(told.contains(&"reply cancelled".to_owned()), "{told:?}");
    world.settled();
}

#[test]
fn a_reply_met_by_429_waits_and_goes_out_once() {
    let world = World::live();
    world.sim.set_fault(once(SEND, Action::TooMany { retry_after_s: 1 }));
    let asked = world.mail_about(OrderState::Shipped, WHERE);
    world.until_state(&asked.ticket_id, State::Done);
    assert_eq!(world.outcome(&asked.ticket_id), "answered");
    assert_eq!(sends(&world), 1);
    let requests = world.sim.requests();
    let storm = requests.iter().find(|request| request.status == Some(429)).unwrap();
    let next = requests.iter().find(|request| request.seq > storm.seq).unwrap();
    assert!(next.at_ms - storm.at_ms >= 1_000, "a call {} ms after the 429", next.at_ms - storm.at_ms);
    world.settled();
}

#[test]
fn tags_that_fail_in_any_way_are_there_in_the_end() {
    let shapes = [
        ErrorShape::Error,
        ErrorShape::Errors,
        ErrorShape::Validator,
        ErrorShape::ValidatorInErrors,
        ErrorShape::Gateway,
    ];
    let mut actions: Vec<Action> = shapes.into_iter().map(|shape| Action::OkWithError { shape }).collect();
    actions.extend([
        Action::ApplyThenReset,
        Action::ResetBefore,
        Action::ApplyThenGatewayTimeout,
        Action::Garbage,
        Action::Status { status: 500, shape: ErrorShape::Error, applied: false },
        Action::TooMany { retry_after_s: 1 },
    ]);
    let world = World::live();
    for action in actions {
        let name = action.name();
        world.sim.set_fault(once(TAGS, action));
        let asked = world.mail(RETURN);
        world.until_state(&asked.ticket_id, State::Done);
        assert_eq!(world.outcome(&asked.ticket_id), "routed", "{name}");
        assert!(world.has_tag(&asked.ticket_id, "route-returns-admin"), "{name}");
    }
    world.settled();
}

#[test]
fn tags_answered_200_and_not_applied_are_noticed_and_set_again() {
    for answer_shows_tags in [true, false] {
        let world = World::live();
        world.sim.configure(|settings| settings.tags_answer_shows_tags = answer_shows_tags);
        world.sim.set_fault(once(TAGS, Action::NotApplied));
        let asked = world.mail(RETURN);
        world.until("tagged after all", |world| world.has_tag(&asked.ticket_id, "route-returns-admin"));
        world.until("seen", |world| {
            let told = world.story(&asked.ticket_id).audit;
            told.iter().any(|line| line.what.starts_with("add-tags applied"))
        });
        world.settled();
    }
}

#[test]
fn a_close_that_did_not_close_is_repeated() {
    let world = World::live();
    world.sim.set_fault(once(CLOSE, Action::NotApplied));
    let asked = world.mail_about(OrderState::Shipped, WHERE);
    world.until_state(&asked.ticket_id, State::Done);
    assert_eq!(world.outcome(&asked.ticket_id), "answered");
    assert_eq!(world.status(&asked.ticket_id), "CLOSED");
    assert_eq!(sends(&world), 1);
    world.settled();
}

#[test]
fn reads_that_fail_in_any_way_delay_and_lose_nothing() {
    let world = World::with("live", "[richpanel]\ntimeout_seconds = 1");
    for action in [
        Action::ResetBefore,
        Action::Garbage,
        Action::Huge,
        Action::Slow { ms: 3_000 },
        Action::Status { status: 503, shape: ErrorShape::Gateway, applied: false },
        Action::OkWithError { shape: ErrorShape::Errors },
        Action::TooMany { retry_after_s: 1 },
    ] {
        let name = action.name();
        world.sim.set_fault(once(READ, action));
        let asked = world.mail(RETURN);
        world.until_state(&asked.ticket_id, State::Done);
        assert_eq!(world.outcome(&asked.ticket_id), "routed", "{name}");
    }
    world.settled();
}

#[test]
fn a_new_ticket_that_is_not_found_yet_is_found_later_and_a_deleted_one_is_gone() {
    let world = World::live();
    world.sim.configure(|settings| settings.new_ticket_hidden_ms = 1_500);
    let asked = world.mail(RETURN);
    world.until_state(&asked.ticket_id, State::Done);
    assert_eq!(world.outcome(&asked.ticket_id), "routed");
    world.settled();
}

#[test]
fn a_revoked_key_stops_all_writes_and_a_working_one_lets_them_go_on() {
    let world = World::live();
    world.sim.run(Verb::RevokeKey).unwrap();
    let asked = world.mail(RETURN);
    world.until_state(&asked.ticket_id, State::Backoff);
    let status = world.ask(&Request::Status);
    assert!(status["helpdesks"][0]["no_replies"].as_str().unwrap().contains("401"), "{status}");
    let told = |world: &World| world.reader().alerts().unwrap();
    world.until("a person is told", |world| {
        told(world).iter().any(|alert| alert.key == "key-refused:richpanel")
    });
    world.sim.run(Verb::RestoreKey).unwrap();
    world.until_state(&asked.ticket_id, State::Done);
    world.until("and that it is over", |world| told(world).is_empty());
    assert_eq!(world.outcome(&asked.ticket_id), "routed");
    assert_eq!(world.event(&asked.ticket_id).unwrap().failures, 0, "a bad key is not the event's fault");
    world.settled();
}

#[test]
fn an_order_that_may_not_be_read_leaves_a_routed_ticket() {
    let world = World::live();
    world.sim.configure(|settings| settings.forbidden_routes = vec!["GET /order/{id}".into()]);
    let asked = world.mail_about(OrderState::Shipped, WHERE);
    world.until_state(&asked.ticket_id, State::Done);
    assert_eq!(world.outcome(&asked.ticket_id), "routed");
    world.settled();
}

#[test]
fn an_agent_who_answers_between_the_read_and_the_send_wins_when_the_read_grew_old() {
    let world = World::with("live", "[gates]\nticket_max_age_seconds = 0");
    world.sim.add_script(Script {
        matcher: Matcher::endpoint("GET /order/{app}/{order}"),
        verbs: vec![Verb::AgentReplies { ticket: None, text: "I have it.".into(), agent: None }],
    });
    let asked = world.mail_about(OrderState::Shipped, WHERE);
    world.until_state(&asked.ticket_id, State::Done);
    assert!(world.sim.replies_after_agent().is_empty() || world.outcome(&asked.ticket_id) == "seen");
    world.settled();
}

#[test]
fn a_customer_who_writes_again_meanwhile_is_never_answered_twice_for_one_message() {
    let world = World::live();
    world.sim.add_script(Script {
        matcher: Matcher::endpoint(SEND),
        verbs: vec![Verb::CustomerWritesAgain {
            ticket: None,
            text: "hello? where is my order #606243?".into(),
        }],
    });
    let asked = world.mail_about(OrderState::Shipped, WHERE);
    world.settled();
    assert!(world.replies(&asked.ticket_id) <= 1, "the cap of one a day");
}

#[test]
fn kill_while_sending_ends_as_confirmed_after_the_restart() {
    let mut world = World::live();
    world.sim.set_fault(once(SEND, Action::ApplyThenHang { ms: 30_000 }));
    let asked = world.mail_about(OrderState::Shipped, WHERE);
    assert!(
        world
            .sim
            .wait_until(PATIENCE, |sim| sim.journal().iter().any(|effect| effect.kind == EffectKind::Reply))
    );
    world.kill();
    assert_eq!(world.reader().events(&Filter { limit: 9, ..Filter::default() }).unwrap()[0].state, "working");
    world.start();
    world.until_state(&asked.ticket_id, State::Done);
    assert_eq!(world.outcome(&asked.ticket_id), "answered");
    assert_eq!(sends(&world), 1);
    world.settled();
}

#[test]
fn kill_in_the_middle_of_a_burst_loses_and_doubles_nothing() {
    let mut world = World::with("live", "[richpanel]\nwindow_seconds = 2");
    world.sim.set_rate_limit(50, 2_000);
    let mut tickets = vec![];
    for round in 0..4 {
        for number in 0..8 {
            let order = Some(richpanel_mw::sim::people::order(
                OrderState::Shipped,
                800_000 + round * 10 + number,
                &format!("c{round}{number}@example.com"),
                crate::world::now().as_millisecond(),
            ));
            let text = if number % 2 == 0 { "Hi, where is my order?" } else { RETURN };
            let email = format!("c{round}{number}@example.com");
            tickets.push(world.writes(NewMessage { text: text.into(), order, email, ..plain() }).ticket_id);
        }
        let done = 3 + round as usize * 8;
        world.until("some are done", |world| {
            world.events().iter().filter(|event| event.state == "done").count() >= done
        });
        assert!(world.sim.wait_for_firings(PATIENCE));
        world.restart();
    }
    world.settled();
    for ticket in &tickets {
        assert!(
            ["answered", "routed", "needs-human"].contains(&world.outcome(ticket).as_str()),
            "{}",
            world.outcome(ticket)
        );
        assert!(world.replies(ticket) <= 1);
    }
}

#[test]
fn what_cannot_be_done_is_a_dead_letter_with_its_history_until_a_person_retries() {
    let world = World::with("live", "[workers]\nmax_attempts = 2");
    world.sim.set_fault(Fault::times(2, Matcher::endpoint(READ), Action::Garbage));
    let asked = world.mail(RETURN);
    world.until_state(&asked.ticket_id, State::Dead);
    let event = world.event(&asked.ticket_id).unwrap();
    assert!(event.reason.contains("cannot be read"), "{}", event.reason);
    let history = world.story(&asked.ticket_id).audit;
    assert!(history.iter().filter(|line| line.what.contains("working →")).count() == 2, "{history:#?}");
    world.ask(&Request::Retry { event: event.event, by: "lead".into() });
    world.until_state(&asked.ticket_id, State::Done);
    assert_eq!(world.outcome(&asked.ticket_id), "routed");
    world.settled();
}

#[test]
fn a_second_daemon_on_the_same_state_leaves_at_once_and_says_why() {
    let world = World::live();
    let second = std::process::Command::new(env!("CARGO_BIN_EXE_richpanel-mw"))
        .args(["run", "--config"])
        .arg(world.config())
        .output()
        .unwrap();
    assert_eq!(second.status.code(), Some(3));
    assert!(String::from_utf8_lossy(&second.stderr).contains("another richpanel-mw"));
    let asked = world.mail(RETURN);
    world.until_state(&asked.ticket_id, State::Done);
    world.settled();
}

#[test]
fn sigterm_ends_with_zero_and_the_work_goes_on_after_the_next_start() {
    let mut world = World::live();
    let asked = world.mail(RETURN);
    world.until_state(&asked.ticket_id, State::Done);
    assert_eq!(world.stop(), Some(0));
    assert!(!world.folder.path().join("mw.db.sock").exists());
    world.start();
    let again = world.mail(RETURN);
    world.until_state(&again.ticket_id, State::Done);
    world.settled();
}

#[test]
fn another_client_on_the_same_key_is_made_room_for() {
    let world = World::with("live", "[richpanel]\nwindow_seconds = 2");
    world.sim.set_rate_limit(50, 2_000);
    world.sim.use_up_window(40);
    let tickets: Vec<_> = (0..12).map(|_| world.mail(RETURN).ticket_id).collect();
    for ticket in &tickets {
        world.until_state(ticket, State::Done);
    }
    world.settled();
}
