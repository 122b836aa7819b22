//! Backup, restore, and what a customer must never notice of either: the oracle is the helpdesk's own journal.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use richpanel_mw::clock::{Clock as _, SystemClock};
use richpanel_mw::daemon::control::Request;
use richpanel_mw::event::State;
use richpanel_mw::sim::people::OrderState;
use richpanel_mw::sim::{Action, EffectKind, Fault, Matcher};

use crate::said::mw;
use crate::world::World;

const WHERE: &str = "Hi, where is my order #606243?";
const READ: &str = "GET /tickets/{id}";
const SEND: &str = "PUT /tickets/{id}/send-message";
/// Replies go out two seconds after the message, so that a read can show the time between.
const HELD: &str = "[rollout]\nhold_seconds = 2";
/// By which the helpdesk's clock is moved between a message and its reply.
const APART_MS: i64 = 600_000;

/// A live shop. A short window of calls: after a start it counts as used up.
fn shop(extra: &str) -> World {
    let world = World::with("live", &format!("[richpanel]\nwindow_seconds = 3\n{extra}"));
    world.sim.set_rate_limit(50, 3_000);
    world
}

fn copy(world: &World) -> PathBuf {
    world.folder.path().join("copy.db")
}

fn back_up(world: &World) {
    let said = mw(world, &["backup", copy(world).to_str().unwrap()]);
    assert_eq!(said.code, Some(0), "{}", said.err);
}

/// The daemon stops, the copy is put back, the daemon starts.
fn restore(world: &mut World) {
    assert_eq!(world.stop(), Some(0));
    let said = mw(world, &["restore", copy(world).to_str().unwrap()]);
    assert_eq!(said.code, Some(0), "{}", said.err);
    assert!(said.out.contains("reconcile") && said.out.contains("before-restore"), "{}", said.out);
    world.start();
}

/// Three customers are answered; their tickets.
fn three_are_answered(world: &World) -> Vec<String> {
    let tickets: Vec<String> =
        (0..3).map(|_| world.mail_about(OrderState::Shipped, WHERE).ticket_id).collect();
    for ticket in &tickets {
        world.until_state(ticket, State::Done);
        assert_eq!((world.outcome(ticket).as_str(), world.replies(ticket)), ("answered", 1));
    }
    tickets
}

/// The same, and each reply stands ten minutes after its message on the helpdesk's clock.
fn three_are_answered_after_a_while(world: &World) -> Vec<String> {
    let tickets: Vec<String> =
        (0..3).map(|_| world.mail_about(OrderState::Shipped, WHERE).ticket_id).collect();
    for ticket in &tickets {
        world.until_state(ticket, State::Held);
    }
    world.sim.advance_clock(APART_MS);
    for ticket in &tickets {
        world.until_state(ticket, State::Done);
        assert_eq!(world.replies(ticket), 1);
    }
    tickets
}

/// Reads show the time before the replies.
fn reads_lag(world: &World) {
    for endpoint in [READ, "GET /tickets"] {
        world.sim.set_fault(Fault::always(Matcher::endpoint(endpoint), Action::Lag { ms: APART_MS / 2 }));
    }
}

/// The gate holds by itself: everything else would have let the reply out.
fn held_back_by_the_restore_alone(world: &World, ticket: &str) {
    let decision = world.story(ticket).decision.expect("a decision");
    let gates = decision["gates"].as_array().unwrap();
    let blocked: Vec<_> =
        gates.iter().filter(|gate| gate["passed"] == false).map(|gate| &gate["gate"]).collect();
    assert_eq!(blocked, ["restored"], "{ticket}");
    assert_eq!((world.outcome(ticket).as_str(), world.replies(ticket)), ("routed", 1));
}

#[test]
fn what_was_answered_after_the_backup_is_not_answered_again_and_what_comes_later_is_answered() {
    let mut world = shop("");
    world.sim.configure(|settings| settings.list_without_comments = false);
    let before = world.mail_about(OrderState::Shipped, WHERE);
    world.until_state(&before.ticket_id, State::Done);
    back_up(&world);
    let tickets = three_are_answered(&world);
    restore(&mut world);
    assert_eq!(world.events().len(), 1, "the file is the one of the backup");
    // The list shows that they are answered: nothing is to be done about them. Calls come all the same.
    let report = world.ask(&Request::Reconcile { csv: None });
    assert_eq!((&report["found"], &report["looked_at"]), (&0.into(), &4.into()), "{report}");
    for ticket in &tickets {
        assert_eq!(world.call(ticket).0, 200);
        assert_eq!(world.call(ticket).0, 200);
    }
    world.settled();
    let replies = world.sim.replies_per_message();
    assert_eq!((replies.len(), replies.values().max()), (4, Some(&1)), "0 new replies");

    let after = world.mail_about(OrderState::Shipped, WHERE);
    world.until_state(&after.ticket_id, State::Done);
    assert_eq!(world.outcome(&after.ticket_id), "answered", "{:?}", world.gate(&after.ticket_id, "restored"));
    world.settled();
}

#[test]
fn a_helpdesk_that_hides_our_replies_does_not_make_us_say_them_again() {
    let mut world = shop(HELD);
    world.sim.configure(|settings| settings.list_without_comments = false);
    back_up(&world);
    let tickets = three_are_answered_after_a_while(&world);
    restore(&mut world);
    reads_lag(&world);
    let report = world.ask(&Request::Reconcile { csv: None });
    assert_eq!(report["found"], 3, "{report}");
    for ticket in &tickets {
        world.until_state(ticket, State::Done);
        held_back_by_the_restore_alone(&world, ticket);
        assert_eq!(world.call(ticket).0, 200);
    }
    // A change of the mode does not forget it.
    world.ask(&Request::Mode { mode: Some(richpanel_mw::event::Mode::Live), by: "lead".into() });
    world.restart();
    for ticket in &tickets {
        assert_eq!(world.call(ticket).0, 200);
    }
    world.settled();
    assert_eq!(world.sim.replies_per_message().values().max(), Some(&1));
    world.sim.clear_faults();
    let after = world.mail_about(OrderState::Shipped, WHERE);
    world.until_state(&after.ticket_id, State::Done);
    assert_eq!(world.outcome(&after.ticket_id), "answered");
    world.settled();
}

#[test]
fn a_copy_put_in_place_by_hand_counts_as_a_restore() {
    let mut world = shop(HELD);
    back_up(&world);
    let tickets = three_are_answered_after_a_while(&world);
    world.kill();
    std::fs::copy(copy(&world), world.database()).unwrap();
    world.start();
    assert!(world.reader().setting("restore.at").unwrap().is_some());
    assert!(world.reader().setting("backup.made_at").unwrap().is_none());
    reads_lag(&world);
    for ticket in &tickets {
        assert_eq!(world.call(ticket).0, 200);
        world.until_state(ticket, State::Done);
        held_back_by_the_restore_alone(&world, ticket);
    }
    world.settled();
}

#[test]
fn a_reply_that_was_waiting_in_the_backup_is_not_sent_after_a_restore() {
    let mut world = shop(HELD);
    let asked = world.mail_about(OrderState::Shipped, WHERE);
    world.until_state(&asked.ticket_id, State::Held);
    back_up(&world);
    world.sim.advance_clock(APART_MS);
    world.until_state(&asked.ticket_id, State::Done);
    assert_eq!(world.replies(&asked.ticket_id), 1);
    assert_eq!(world.stop(), Some(0));
    assert_eq!(mw(&world, &["restore", copy(&world).to_str().unwrap()]).code, Some(0));
    reads_lag(&world);
    world.start();
    world.until_state(&asked.ticket_id, State::Done);
    held_back_by_the_restore_alone(&world, &asked.ticket_id);
    world.settled();
}

#[test]
fn a_reply_that_nobody_was_sure_of_in_the_backup_is_read_back_and_never_sent() {
    let mut world = shop("[readback]\nafter_ms = [3000, 3500, 4000]");
    world.sim.set_fault(Fault::once(Matcher::endpoint(SEND), Action::ApplyThenReset));
    let asked = world.mail_about(OrderState::Shipped, WHERE);
    world.until_state(&asked.ticket_id, State::Checking);
    back_up(&world);
    restore(&mut world);
    world.until_state(&asked.ticket_id, State::Done);
    assert_eq!((world.outcome(&asked.ticket_id).as_str(), world.replies(&asked.ticket_id)), ("answered", 1));
    let sends = world.sim.journal().iter().filter(|effect| effect.kind == EffectKind::Reply).count();
    assert_eq!(sends, 1);
    world.settled();
}

#[test]
fn a_support_lead_backs_up_looks_at_the_copy_and_is_told_what_is_not_possible() {
    let world = World::live();
    let file = copy(&world);
    let file = file.to_str().unwrap();
    let first = world.mail_about(OrderState::Shipped, WHERE);
    world.until_state(&first.ticket_id, State::Done);
    let none = mw(&world, &["status"]);
    assert!(none.out.contains("backup FILE makes one"), "{}", none.out);
    let made = mw(&world, &["backup", file, "--json"]).json();
    assert_eq!((&made["by_state"][0]["state"], &made["by_state"][0]["events"]), (&"done".into(), &1.into()));
    assert_eq!(made["not_noted"], serde_json::Value::Null);
    let status = mw(&world, &["status", "--json"]).json();
    assert_eq!((&status["last_backup"]["file"], &status["last_backup"]["events"]), (&file.into(), &1.into()));
    let same = mw(&world, &["backup", "--verify", file, "--json"]).json();
    assert_eq!((&same["ok"], &same["compared"]["newer"]), (&true.into(), &"neither".into()), "{same:#}");
    let second = world.mail("I would like to return my shoes, please send me a return label.");
    world.until_state(&second.ticket_id, State::Done);
    let older = mw(&world, &["backup", "--verify", file]);
    assert!(older.out.contains("is newer: 1 event came after"), "{}", older.out);

    let again = mw(&world, &["backup", file]);
    assert_eq!(again.code, Some(2), "{}", again.err);
    assert!(again.err.contains("--force"), "{}", again.err);
    assert_eq!(mw(&world, &["backup", file, "--force"]).code, Some(0));
    assert_eq!(mw(&world, &["backup", "/nonexistent/x.db"]).code, Some(2));
    let running = mw(&world, &["restore", file]);
    assert_eq!(running.code, Some(3), "{}", running.err);
    assert!(running.err.contains("systemctl stop"), "{}", running.err);
    assert_eq!(mw(&world, &["restore", "/nonexistent/x.db"]).code, Some(2));

    let whole = std::fs::read(file).unwrap();
    std::fs::write(file, &whole[..whole.len() / 2]).unwrap();
    let broken = mw(&world, &["backup", "--verify", file]);
    assert_eq!(broken.code, Some(1), "{}", broken.err);
    assert!(broken.out.contains("is broken"), "{}", broken.out);
    std::fs::write(file, "a shopping list").unwrap();
    let other = mw(&world, &["backup", "--verify", file]);
    assert_eq!(other.code, Some(1), "{}", other.err);
    assert!(other.out.contains("is not a copy of a richpanel-mw database"), "{}", other.out);
    assert!(!other.out.contains("[store] path"), "{}", other.out);
    world.settled();
}

#[test]
fn a_restore_that_is_killed_leaves_a_usable_database_and_the_next_one_succeeds() {
    let mut world = World::live();
    let first = world.mail_about(OrderState::Shipped, WHERE);
    world.until_state(&first.ticket_id, State::Done);
    back_up(&world);
    let second = world.mail_about(OrderState::Shipped, WHERE);
    world.until_state(&second.ticket_id, State::Done);
    assert_eq!(world.stop(), Some(0));
    let file = copy(&world);
    let clock = SystemClock::new();
    for wait_ms in [2, 4, 6, 8, 10, 14, 18, 25, 35, 50] {
        let mut killed = Command::new(env!("CARGO_BIN_EXE_richpanel-mw"))
            .args(["restore", file.to_str().unwrap(), "--config"])
            .arg(world.config())
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .spawn()
            .unwrap();
        let _ = world.sim.wait_until(Duration::from_millis(wait_ms), |_| false);
        killed.kill().unwrap();
        killed.wait().unwrap();
        let events = world.events().len();
        assert!(events == 1 || events == 2, "after {wait_ms} ms: {events} events");
        assert!(world.reader().setting("mode").unwrap().is_some());
    }
    assert!(clock.monotonic() < Duration::from_secs(60));
    assert_eq!(mw(&world, &["restore", file.to_str().unwrap()]).code, Some(0));
    world.start();
    assert_eq!(world.events().len(), 1);
    assert_eq!(world.call(&second.ticket_id).0, 200);
    world.settled();
}
