//! What others on the machine take away for a while: the write lock of the file, open files.

use std::time::Duration;

use richpanel_mw::clock::{Clock as _, SystemClock};
use richpanel_mw::sim::people::OrderState;
use richpanel_mw::sim::{Action, Fault, Matcher};
use rusqlite::Connection;

use super::*;
use crate::world::PATIENCE;

const SEND: &str = "PUT /tickets/{id}/send-message";

/// Longer than the daemon waits for a lock (5 s).
const HELD: Duration = Duration::from_secs(8);

/// `door::trouble` shows what callers are told meanwhile; this is about a reply that cannot be recorded.
#[test]
fn a_reply_whose_outcome_meets_a_locked_file_is_found_again_and_not_repeated() {
    let world = world_with("[workers]\nlease_seconds = 30");
    world.sim.set_fault(Fault::once(Matcher::endpoint(SEND), Action::Slow { ms: 1_000 }));
    let asked = world.mail_about(OrderState::Shipped, WHERE).ticket_id;
    world.until("a reply is on its way", |world| world.sim.faults()[0].fired == 1);
    let somebody = Connection::open(world.database()).unwrap();
    somebody.busy_timeout(PATIENCE).unwrap();
    somebody.execute_batch("begin immediate").unwrap();
    let _ = world.sim.wait_until(HELD, |_| false);
    drop(somebody);
    world.settled_within(Duration::from_secs(90));
    assert_eq!(world.replies(&asked), 1);
    assert_eq!(world.outcome(&asked), "answered");
}

/// More connections than the process may open: the others wait or are cut off, and all goes on when they are gone.
#[test]
fn a_daemon_without_a_free_file_loses_nothing_and_goes_on_when_there_is_one() {
    needs("prlimit", "util-linux");
    let mut world = world();
    world.kill();
    let under = ["prlimit", "--nofile=48:48"].map(String::from).to_vec();
    world.forget_port();
    world.launch(&Launch { under, ..Launch::default() }).unwrap();
    let before = world.mail_about(OrderState::Shipped, WHERE).ticket_id;
    let crowd: Vec<_> = (0..60).map(|_| std::net::TcpStream::connect(world.addr()).unwrap()).collect();
    world.until_said("no connection can be accepted");
    let meanwhile = world.mail_about(OrderState::Shipped, WHERE).ticket_id;
    drop(crowd);
    let clock = SystemClock::new();
    let late = world.mail_about(OrderState::Shipped, WHERE).ticket_id;
    world.settled();
    assert!(clock.monotonic() < PATIENCE);
    for ticket in [before, meanwhile, late] {
        // A call that was cut off is the helpdesk's to lose: the sweep finds it. One that got a 200 was worked.
        let acknowledged =
            world.sim.firings().iter().any(|call| call.ticket_id == ticket && call.acknowledged());
        assert_eq!(world.replies(&ticket), u32::from(acknowledged), "{ticket}");
    }
}
