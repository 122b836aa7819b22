//! The fault table, row by row: every fault that the simulated helpdesk alone can make, each with its number of cases
//! and what must hold afterwards. The oracle is the simulator's journal of applied effects and its request log, never
//! the daemon's own word.
//!
//! | row | where |
//! |---|---|
//! | applied, answer lost; and a naive client beside it, to show that a duplicate would be seen | [`lost`] |
//! | applied long after the answer | [`late`] |
//! | 200 and not applied, reads that lag, 403 on lists, four error bodies, odd ids | [`lies`] |
//! | 429 storm, another client on the same key | [`busy`] |
//! | duplicates racing | [`racing`] |
//! | an agent, a customer, a tag, a close, a deletion between any two calls; sweep meets webhook | [`between`] |
//! | mail loops | [`loops`] |
//! | bad input | [`bad_input`], [`mangled`], [`extremes`] |
//! | the same rows with their full numbers, minutes rather than seconds | [`full`] |
//!
//! `cargo nextest run table::` runs all of it; a failing case prints its seed, and `TABLE_SEED=…` runs it again.

mod bad_input;
mod between;
mod busy;
mod extremes;
mod full;
mod late;
mod lies;
mod loops;
mod lost;
mod mangled;
mod racing;

use std::collections::BTreeMap;
use std::time::Duration;

use richpanel_mw::clock::{Clock as _, SystemClock};
use richpanel_mw::event::State;
use richpanel_mw::sim::people::{OrderState, order};
use richpanel_mw::sim::{EffectKind, NewMessage, RateLimit, SimOptions};
use rusqlite::{Connection, OpenFlags};

use crate::world::{World, now, plain};

const WHERE: &str = "Hi, where is my order?";
const RETURN: &str = "I would like to return my shoes, please send me a return label.";
const READ: &str = "GET /tickets/{id}";
const LINK: &str = "GET /order/{id}";
const ORDER: &str = "GET /order/{app}/{order}";
const SEND: &str = "PUT /tickets/{id}/send-message";
const CLOSE: &str = "PUT /tickets/{id}";
const TAGS: &str = "PUT /tickets/{id}/add-tags";

/// As fast as the configuration allows, and neither the circuit nor the brake on harm ends a row early (`outage` and
/// `brakes` tell of those). Dotted keys, so that more can follow.
const FAST: &str = "richpanel.requests_per_window = 1000\nrichpanel.window_seconds = 1\nworkers.threads = 16\n\
                    reconcile.every_minutes = 0\nbreaker.failures = 50\nlimits.stop_after_unconfirmed = 0\n";

/// A helpdesk that takes 1,000 requests in any second.
fn roomy() -> SimOptions {
    SimOptions { rate_limit: RateLimit { requests: 1_000, window_ms: 1_000 }, ..SimOptions::default() }
}

/// A quick daemon beside it, with the cap of an hour out of the way.
fn fast(more: &str) -> World {
    World::on(roomy(), "live", &format!("{FAST}limits.replies_per_hour = 1000000\n{more}"))
}

/// `TABLE_SEED`, or another one each run; printed, so that a failure can be repeated.
fn seed() -> u64 {
    let given = std::env::var("TABLE_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = given.unwrap_or_else(|| fastrand::u64(..));
    println!("TABLE_SEED={seed}");
    seed
}

/// The question of customer `n` about a shipped order of their own, on a ticket whose id is hard on URLs.
fn question(n: u64) -> NewMessage {
    let email = format!("customer{n}@example.com");
    let order = Some(order(OrderState::Shipped, 800_000 + n, &email, now().as_millisecond()));
    NewMessage { id: Some(id(n)), text: WHERE.into(), order, email, ..plain() }
}

fn id(n: u64) -> String {
    format!("<question.{n}+a@mail.example.com>")
}

/// Waits until the helpdesk has called and every event has ended. Four times the patience of a quiet machine: reading a
/// message is work for the processor, and other tests want it too.
fn all_ended(world: &World, patience: Duration) {
    let patience = patience * 4;
    assert!(world.sim.wait_for_firings(patience), "the helpdesk's calls did not end");
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY;
    let file = Connection::open_with_flags(world.database(), flags).unwrap();
    let mut open = file.prepare("select count(*) from events where finished_at is null").unwrap();
    let clock = SystemClock::new();
    loop {
        let left: i64 = open.query_row([], |row| row.get(0)).unwrap();
        if left == 0 {
            return;
        }
        if clock.monotonic() > patience {
            let open: Vec<_> =
                world.events().into_iter().filter(|event| event.finished_at.is_none()).collect();
            panic!("{left} events are still open after {patience:?}, the first: {:#?}", open.first());
        }
        // Bounded; ends at once when nothing is left.
        let _ = world.sim.wait_until(Duration::from_millis(50), |_| false);
    }
}

/// How the newest event of each ticket ended: its outcome, or its state where it has none.
fn outcomes(world: &World) -> BTreeMap<String, String> {
    let events = world.events();
    events.into_iter().map(|event| (event.ticket, event.outcome.unwrap_or(event.state))).collect()
}

/// Effects of one kind on each ticket.
fn applied(world: &World, kind: EffectKind) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for effect in world.sim.journal().into_iter().filter(|effect| effect.kind == kind) {
        *counts.entry(effect.ticket_id).or_default() += 1;
    }
    counts
}

/// Whoever looks at this ticket sees that a person is needed, and where it went.
fn is_with_a_person(world: &World, ticket: &str) {
    for tag in ["mw-needs-human", "mw-processed", "route-email-support"] {
        assert!(world.has_tag(ticket, tag), "{ticket} lacks {tag}: {:?}", world.tags(ticket));
    }
    assert!(!world.has_tag(ticket, "mw-auto-replied"), "{ticket}");
    assert_eq!(world.status(ticket), "OPEN", "{ticket}");
}

/// Every event that has ended, in whatever order.
fn ended(world: &World) -> usize {
    let is_final = |state: &str| State::parse(state).is_some_and(State::is_final);
    world.events().iter().filter(|event| is_final(&event.state)).count()
}
