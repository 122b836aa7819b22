//! SIGKILL at the N-th sync, as it is about to begin, for every N: what was acknowledged before is worked to its end
//! after the next start, and nothing twice.
//!
//! N counts the syncs of one thread since the start: those of the main thread belong to opening the file, a fresh one
//! has some eight of them; all others are the writer's.

use std::os::unix::process::ExitStatusExt as _;

use richpanel_mw::event::State;
use richpanel_mw::sim::NewMessage;
use richpanel_mw::sim::people::OrderState;

use super::load::{all_is_well, until_gone};
use super::*;
use crate::world::plain;

/// Deaths between two looks at the oracle; each of the later ones meets what the earlier ones left open.
const DEATHS: usize = 10;

fn kill_at_each(syncs: std::ops::RangeInclusive<usize>) {
    let mut world = world();
    let known: Vec<String> = (0..3).map(|_| world.mail_about(OrderState::Shipped, WHERE).ticket_id).collect();
    world.settled();
    world.kill();
    let last = *syncs.end();
    let mut acknowledged = vec![];
    for n in syncs {
        acknowledged.extend(kill_at(&mut world, n, &known));
        if n % DEATHS == 0 || n == last {
            all_is_well(&mut world, &acknowledged);
            world.kill();
        }
    }
}

/// Kills at sync `n` under load; the events that were promised by a 200 meanwhile.
fn kill_at(world: &mut World, n: usize, known: &[String]) -> Vec<i64> {
    let strace = Strace::inject(world, "fsync,fdatasync", &format!("signal=SIGKILL:when={n}"));
    world.forget_port();
    let (gone, acknowledged) = match world.launch(&strace.launch) {
        Err(gone) => (gone, vec![]),
        Ok(()) => {
            let heard = until_gone(world, known);
            (world.until_gone(), heard.acknowledged)
        }
    };
    assert_eq!(gone.status.signal(), Some(9), "sync {n}: {}", gone.log);
    assert_eq!(sync_that_killed(&strace), Some(n), "{:#?}", strace.calls());
    acknowledged
}

/// The number, on its thread, of the sync that never returned.
fn sync_that_killed(strace: &Strace) -> Option<usize> {
    let calls = strace.calls();
    let thread = |line: &str| line.split(' ').next().unwrap_or_default().to_owned();
    let killed = calls.iter().filter(|line| line.contains("sync") && line.ends_with("= ?"));
    let of = |line: &String| {
        calls.iter().filter(|one| thread(one) == thread(line) && one.contains("sync(")).count()
    };
    killed.map(of).max()
}

#[test]
fn sigkill_at_each_sync_of_an_old_file_1_to_70_loses_and_doubles_nothing() {
    kill_at_each(1..=70);
}

#[test]
fn sigkill_at_each_sync_of_an_old_file_71_to_120_loses_and_doubles_nothing() {
    kill_at_each(71..=120);
}

#[test]
fn sigkill_at_each_sync_of_an_old_file_121_to_160_loses_and_doubles_nothing() {
    kill_at_each(121..=160);
}

#[test]
fn sigkill_at_each_sync_of_an_old_file_161_to_200_loses_and_doubles_nothing() {
    kill_at_each(161..=200);
}

/// A fresh file: the first syncs make it. A file that was cut off there is taken up by the next start.
#[test]
fn sigkill_at_each_sync_of_a_fresh_file_leaves_one_that_can_be_used() {
    for n in 1..=12 {
        let mut world = world();
        let quiet = NewMessage { text: WHERE.into(), quiet: true, ..plain() };
        let known = world.writes(quiet).ticket_id;
        world.kill();
        for file in ["mw.db", "mw.db-wal", "mw.db-shm"] {
            let _ = std::fs::remove_file(world.folder.path().join(file));
        }
        let acknowledged = kill_at(&mut world, n, &[known]);
        all_is_well(&mut world, &acknowledged);
        let asked = world.mail_about(OrderState::Shipped, WHERE);
        world.until_state(&asked.ticket_id, State::Done);
        assert_eq!(world.outcome(&asked.ticket_id), "answered");
        world.settled();
    }
}
