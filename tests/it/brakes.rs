//! Loops and harm: when a brake fires the bot stops replying, keeps routing, and says so.

use richpanel_mw::daemon::control::Request;
use richpanel_mw::event::{Mode, State};
use richpanel_mw::sim::people::{OrderState, order};
use richpanel_mw::sim::{Action, Fault, Matcher, NewMessage};
use richpanel_mw::store::Alert;

use crate::world::{World, now, plain};

const WHERE: &str = "Where is my order?";
const SEND: &str = "PUT /tickets/{id}/send-message";
const WIDE: &str = "[richpanel]\nrequests_per_window = 1000\nwindow_seconds = 30";

fn world(extra: &str) -> World {
    let world = World::with("live", &format!("{WIDE}\n{extra}"));
    world.sim.set_rate_limit(1_000, 30_000);
    world
}

/// A customer of their own asks where an order of their own is.
fn ask(world: &World, number: u64) -> String {
    let email = format!("customer{number}@example.com");
    let about = order(OrderState::Shipped, number, &email, now().as_millisecond());
    world.writes(NewMessage { text: WHERE.into(), order: Some(about), email, ..plain() }).ticket_id
}

fn ask_and_wait(world: &World, number: u64) -> String {
    let ticket = ask(world, number);
    world.until_state(&ticket, State::Done);
    ticket
}

fn alert(world: &World, key: &str) -> Option<Alert> {
    world.reader().alerts().unwrap().into_iter().find(|alert| alert.key == key)
}

#[test]
fn a_flood_gets_as_many_replies_as_the_hour_allows_and_everybody_else_a_team() {
    let world = world("[limits]\nreplies_per_hour = 5");
    let tickets: Vec<String> = (0..100).map(|number| ask(&world, 720_000 + number)).collect();
    for ticket in &tickets {
        world.until_state(ticket, State::Done);
    }
    let answered = tickets.iter().filter(|ticket| world.outcome(ticket) == "answered").count();
    let said: u32 = tickets.iter().map(|ticket| world.replies(ticket)).sum();
    assert_eq!((answered, said), (5, 5));
    for ticket in tickets.iter().filter(|ticket| world.outcome(ticket) != "answered") {
        assert_eq!(world.outcome(ticket), "routed");
        assert!(world.has_tag(ticket, "route-email-support"), "{:?}", world.tags(ticket));
        let (passed, reason) = world.gate(ticket, "cap-hour");
        assert!(
            !passed && reason.contains("5 replies in the last hour, the limit is 5; none before"),
            "{reason}"
        );
    }
    world.until("a person is told", |world| alert(world, "brake:hour").is_some());
    let text = alert(&world, "brake:hour").unwrap().text;
    assert!(text.contains("stops replying until") && text.contains("replies_per_hour"), "{text}");
    let status = crate::cli::json(&world.config(), &["status"]);
    assert_eq!(status["alerts"][0]["key"], "brake:hour");
    assert_eq!(status["held_back_24h"], serde_json::json!([{ "gate": "cap-hour", "replies": 95 }]));
    world.settled();

    // An hour later there is room again, and it says so.
    let database = rusqlite::Connection::open(world.database()).unwrap();
    database.execute("update replies set sending_at = sending_at - 3600000", []).unwrap();
    drop(database);
    world.until("over", |world| alert(world, "brake:hour").is_none());
    assert_eq!(world.outcome(&ask_and_wait(&world, 720_200)), "answered");
    world.settled();
}

#[test]
fn a_mailbox_that_answers_every_mail_gets_one_reply_and_then_a_person() {
    let world = world("");
    let ticket = ask_and_wait(&world, 721_000);
    assert_eq!(world.outcome(&ticket), "answered");
    // A robot whose words look like a person's; each message opens the ticket again.
    for round in 0..5 {
        let email = "customer721000@example.com".to_owned();
        let text = format!("Where is my order? ({round})");
        world.writes(NewMessage { ticket: Some(ticket.clone()), text, email, ..plain() });
        world.until("worked", |world| {
            world.sim.wait_for_firings(crate::world::PATIENCE)
                && world.events().iter().all(|event| event.finished_at.is_some())
        });
    }
    assert_eq!(world.replies(&ticket), 1);
    assert_ne!(world.outcome(&ticket), "answered");
    let (passed, reason) = world.gate(&ticket, "cap-ticket");
    assert!(
        !passed && reason.contains("1 reply on this ticket in the last 24 h, the limit is 1; none before"),
        "{reason}"
    );
    world.settled();
}

#[test]
fn replies_that_never_arrive_stop_replying_until_a_person_lets_it_go_on() {
    let world = world("[limits]\nstop_after_unconfirmed = 3");
    world.sim.set_fault(Fault::always(Matcher::endpoint(SEND), Action::NotApplied));
    for number in 0..3 {
        assert_eq!(world.outcome(&ask_and_wait(&world, 722_000 + number)), "needs-human");
    }
    // The fourth meets the brake at once, not when a timer gets to it.
    let fourth = ask_and_wait(&world, 722_003);
    assert_eq!(world.outcome(&fourth), "routed");
    assert!(!world.gate(&fourth, "brake-unconfirmed").0);
    assert!(world.has_tag(&fourth, "route-email-support"));
    world.until("a person is told", |world| alert(world, "brake:unconfirmed").is_some());
    let text = alert(&world, "brake:unconfirmed").unwrap().text;
    assert!(text.contains("3 of the last 5") && text.contains("richpanel-mw mode live"), "{text}");
    let shown = crate::cli::said(&world.config(), &["mode"]).1;
    assert!(shown.contains("the bot stopped replying"), "{shown}");

    // The cause is gone, and it still stops: a person decides.
    world.sim.clear_faults();
    let fifth = ask_and_wait(&world, 722_004);
    assert_eq!(world.outcome(&fifth), "routed");
    let (passed, reason) = world.gate(&fifth, "brake-unconfirmed");
    assert!(!passed && reason.contains("stopped since"), "{reason}");
    let status = crate::cli::json(&world.config(), &["status"]);
    assert_eq!(status["held_back_24h"], serde_json::json!([{ "gate": "brake-unconfirmed", "replies": 2 }]));
    world.ask(&Request::Mode { mode: Some(Mode::Live), by: "lead".into() });
    assert_eq!(alert(&world, "brake:unconfirmed"), None);
    assert_eq!(world.outcome(&ask_and_wait(&world, 722_005)), "answered");
    world.settled();
}

#[test]
fn the_brake_outlives_a_restart() {
    let mut world = world("");
    let database = rusqlite::Connection::open(world.database()).unwrap();
    database
        .execute(
            "insert into settings values ('brake.unconfirmed', 'stopped', 'brake', ?1)",
            [now().as_millisecond()],
        )
        .unwrap();
    drop(database);
    world.restart();
    assert_eq!(world.outcome(&ask_and_wait(&world, 723_000)), "routed");
    world.until("a person is told", |world| alert(world, "brake:unconfirmed").is_some());
    world.ask(&Request::Mode { mode: Some(Mode::Live), by: "lead".into() });
    assert_eq!(world.outcome(&ask_and_wait(&world, 723_001)), "answered");
    world.settled();
}
