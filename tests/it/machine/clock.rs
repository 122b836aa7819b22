//! A clock that jumps 400 days either way or runs ten times too fast while messages are in every state there is:
//! waiting, in work, backed off, held, being checked. Nothing is said twice, nothing waits for the clock to come back.
//!
//! The simulated helpdesk keeps the true time: to a daemon 400 days ahead every message is old and goes to a person.

use std::time::Duration;

use richpanel_mw::event::State;
use richpanel_mw::sim::people::OrderState;
use richpanel_mw::sim::{Action, ErrorShape, Fault, Matcher};

use super::*;

const SEND: &str = "PUT /tickets/{id}/send-message";
const READ: &str = "GET /tickets/{id}";
const RETURN: &str = "I would like to return my shoes, please send me a return label.";

/// What is in work when the clock jumps back comes back at the latest with its lease (30 s).
const LEASE_AND_MORE: Duration = Duration::from_secs(90);

/// Long leases of history: what is pruned after a jump ahead is another test's matter.
const KEEP: &str = "
[workers]
lease_seconds = 30
[store]
retention_days = 3650
[rollout]
hold_seconds = 2
";

/// The daemon's wall clock, set from outside while it runs. Intervals stay true.
struct Faked {
    file: PathBuf,
    launch: Launch,
}

impl Faked {
    fn at(world: &World, offset: &str) -> Self {
        let folders = std::fs::read_dir("/usr/lib").into_iter().flatten().flatten();
        let found =
            folders.map(|folder| folder.path().join("faketime/libfaketimeMT.so.1")).find(|lib| lib.exists());
        let library = found.expect("this test needs libfaketime: apt-get install libfaketime");
        let file = world.folder.path().join("faketime");
        let env = [
            ("LD_PRELOAD", library.display().to_string()),
            ("FAKETIME_TIMESTAMP_FILE", file.display().to_string()),
            ("FAKETIME_NO_CACHE", "1".into()),
            ("DONT_FAKE_MONOTONIC", "1".into()),
        ];
        let env = env.map(|(name, value)| (name.to_owned(), value)).to_vec();
        let faked = Self { file, launch: Launch { env, ..Launch::default() } };
        faked.jump(offset);
        faked
    }

    /// `+400d`, `-400d`, `+0`; `+0 x10` runs ten times as fast.
    fn jump(&self, offset: &str) {
        let next = self.file.with_extension("next");
        std::fs::write(&next, format!("{offset}\n")).unwrap();
        std::fs::rename(next, &self.file).unwrap();
    }
}

fn down() -> Action {
    Action::Status { status: 503, shape: ErrorShape::Gateway, applied: false }
}

/// Tickets whose events are in work, being checked, backed off, held and waiting. A daemon whose clock is wrong
/// already answers nobody: then only backed off and waiting ones.
fn in_every_state(world: &World, clock_is_right: bool) -> Vec<String> {
    let mut tickets = vec![];
    world.sim.clear_faults();
    let asks = || world.mail_about(OrderState::Shipped, WHERE).ticket_id;
    if clock_is_right {
        world.sim.set_fault(Fault::once(Matcher::endpoint(SEND), Action::Slow { ms: 2_500 }));
        tickets.push(asks());
        world.until("a reply is on its way", |world| world.sim.faults()[0].fired == 1);
        world.sim.set_fault(Fault::once(Matcher::endpoint(SEND), Action::ApplyThenReset));
        tickets.push(asks());
        world.until("a reply is unclear", |world| world.sim.faults()[1].fired == 1);
        tickets.push(asks());
        world.until_state(&tickets[2], State::Held);
    }
    let put_off = asks();
    world.sim.set_fault(Fault::times(3, Matcher::endpoint(READ).on(&put_off), down()));
    world.until("it is put off", |world| {
        world.sim.faults().last().unwrap().fired >= 1 || ended(world, &put_off)
    });
    tickets.push(put_off);
    tickets.extend((0..12).map(|_| world.mail(RETURN).ticket_id));
    tickets
}

fn ended(world: &World, ticket: &str) -> bool {
    world.event(ticket).is_some_and(|event| event.finished_at.is_some())
}

/// The daemon's own time, as it stamped the newest event, in days from now.
fn days_off(world: &World) -> i64 {
    let newest = world.events().last().unwrap().accepted_at;
    (newest.as_second() - crate::world::now().as_second()) / 86_400
}

fn jumps(from: &str, to: &[&str]) {
    let mut world = world_with(KEEP);
    world.kill();
    let faked = Faked::at(&world, from);
    world.forget_port();
    world.launch(&faked.launch).unwrap();
    let mut right = from == "+0";
    for offset in to {
        let tickets = in_every_state(&world, right);
        right = *offset == "+0";
        faked.jump(offset);
        world.settled_within(LEASE_AND_MORE);
        let after = world.mail(RETURN).ticket_id;
        world.until_state(&after, State::Done);
        let days: i64 = offset.trim_end_matches('d').parse().unwrap();
        assert!((days_off(&world) - days).abs() <= 1, "the clock did not jump: {} days", days_off(&world));
        for ticket in tickets {
            assert!(world.replies(&ticket) <= 1, "{ticket} was answered twice");
            assert!(world.has_tag(&ticket, "mw-processed"), "{ticket}: {}", world.outcome(&ticket));
            // A call repeated after the jump meets what is known of the message, or the answer on the ticket.
            assert_eq!(world.call(&ticket).0, 200);
        }
        world.settled_within(LEASE_AND_MORE);
    }
}

#[test]
fn jumps_ahead_and_back_again_double_nothing_and_keep_nothing_waiting() {
    jumps("+0", &["+400d", "+0"]);
}

#[test]
fn jumps_back_and_ahead_again_double_nothing_and_keep_nothing_waiting() {
    jumps("+0", &["-400d", "+0"]);
}

#[test]
fn a_clock_that_runs_ten_times_too_fast_doubles_nothing() {
    let mut world = world_with(KEEP);
    world.kill();
    let faked = Faked::at(&world, "+0 x10");
    world.forget_port();
    world.launch(&faked.launch).unwrap();
    for _ in 0..3 {
        for ticket in in_every_state(&world, true) {
            world.until("it ended", |world| ended(world, &ticket));
            assert!(world.replies(&ticket) <= 1, "{ticket} was answered twice");
        }
    }
    world.settled_within(LEASE_AND_MORE);
}

/// 400 days ahead all history is old and goes, ten minutes after the start (here at once, by hand); a repeated call
/// then finds our answer on the ticket itself.
#[test]
fn history_pruned_by_a_wrong_clock_leads_to_no_second_answer() {
    let mut world = world();
    let tickets: Vec<_> = (0..5).map(|_| world.mail_about(OrderState::Shipped, WHERE).ticket_id).collect();
    world.settled();
    assert!(tickets.iter().all(|ticket| world.replies(ticket) == 1));
    for offset in ["+400d", "+0"] {
        world.kill();
        let file = rusqlite::Connection::open(world.database()).unwrap();
        let forget =
            "pragma foreign_keys = on; delete from events; delete from idempotency; delete from tickets";
        file.execute_batch(forget).unwrap();
        drop(file);
        let faked = Faked::at(&world, offset);
        world.forget_port();
        world.launch(&faked.launch).unwrap();
        for ticket in &tickets {
            assert_eq!(world.call(ticket).0, 200);
            world.until("the repeated call ended", |world| ended(world, ticket));
            assert_eq!(world.replies(ticket), 1, "{}", world.outcome(ticket));
        }
    }
    assert_eq!(world.sim.duplicated(), []);
}
