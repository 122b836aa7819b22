//! A sync that fails (EIO): what was to be written may or may not be on disk, so nothing more is promised and the
//! daemon leaves at once; the next start finds out, and nothing is lost or done twice by that.

use richpanel_mw::clock::{Clock as _, SystemClock};
use richpanel_mw::sim::people::OrderState;
use richpanel_mw::sim::{Action, Fault, Matcher, NewMessage};

use super::load::{Heard, all_is_well, until_gone};
use super::*;
use crate::world::{Gone, plain};

/// Seconds from the failure to the end of the process.
const LEAVES_WITHIN: f64 = 1.0;

/// How many seconds ago the first failure was; one that came before calls were taken in counts from then.
fn since_the_failure(strace: &Strace, ready_at: f64) -> f64 {
    let first = strace.injected().into_iter().next().expect("the injection never fired");
    let at: f64 = first.split_whitespace().nth(1).unwrap().parse().unwrap();
    now() - at.max(ready_at)
}

fn now() -> f64 {
    SystemClock::new().now().as_millisecond() as f64 / 1_000.0
}

fn left_well(strace: &Strace, ready_at: f64, gone: &Gone, heard: &Heard) {
    let took = since_the_failure(strace, ready_at);
    assert_eq!(gone.status.code(), Some(3), "{}", gone.log);
    assert!(gone.log.contains("disk I/O error"), "no clear word: {}", gone.log);
    assert!(took <= LEAVES_WITHIN, "left after {took} s: {}", gone.log);
    let refused = heard.statuses.iter().position(|status| *status != 200).unwrap_or(heard.statuses.len());
    let (before, after) = heard.statuses.split_at(refused);
    assert!(!after.contains(&200), "{} good answers, then {after:?}", before.len());
}

#[test]
fn a_commit_whose_sync_fails_is_no_200_and_the_daemon_leaves_within_a_second() {
    let mut world = world();
    let known: Vec<String> = (0..3).map(|_| world.mail_about(OrderState::Shipped, WHERE).ticket_id).collect();
    world.settled();
    world.kill();
    for n in [1, 2, 3, 5, 8, 13, 21, 34, 55, 89] {
        let strace =
            Strace::inject_at(&world, Some("mw.db-wal"), "fsync,fdatasync", &format!("error=EIO:when={n}"));
        world.forget_port();
        let launched = world.launch(&strace.launch);
        let ready_at = now();
        let (gone, heard) = match launched {
            Err(gone) => (gone, Heard::default()),
            Ok(()) => {
                let heard = until_gone(&mut world, &known);
                (world.until_gone(), heard)
            }
        };
        left_well(&strace, ready_at, &gone, &heard);
        all_is_well(&mut world, &heard.acknowledged);
        world.kill();
    }
}

#[test]
fn a_checkpoint_whose_sync_fails_is_no_less_a_reason_to_leave() {
    for when in [1, 2] {
        let mut world = world();
        world.mail_about(OrderState::Shipped, WHERE);
        world.settled();
        world.kill();
        // Only a checkpoint syncs the database itself; with no calls coming in, one follows after a second.
        let strace =
            Strace::inject_at(&world, Some("mw.db"), "fsync,fdatasync", &format!("error=EIO:when={when}"));
        world.launch(&strace.launch).unwrap();
        if when > 1 {
            // One checkpoint passes, a message later the next one does not.
            world.until("a checkpoint", |_| !strace.calls().is_empty());
            world.mail_about(OrderState::Shipped, WHERE);
        }
        let ready_at = now();
        let gone = world.until_gone();
        left_well(&strace, ready_at, &gone, &Heard::default());
        all_is_well(&mut world, &[]);
    }
}

/// A worker that waits for the helpdesk when the disk fails is not waited for: what it sent is looked for later.
#[test]
fn a_helpdesk_that_hangs_does_not_keep_a_daemon_whose_disk_failed() {
    // How many syncs there are before a worker sends depends on the machine: later and later, until one waited.
    let waited = [30, 60, 120, 240].into_iter().any(|when| fails_beside_a_hanging_send(when) > 0);
    assert!(waited, "no worker was waiting");
}

/// How many sends hung when the disk failed.
fn fails_beside_a_hanging_send(when: u32) -> u32 {
    let mut world = world();
    let quiet = NewMessage { text: WHERE.into(), quiet: true, ..plain() };
    let known = world.writes(quiet).ticket_id;
    world.kill();
    let strace =
        Strace::inject_at(&world, Some("mw.db-wal"), "fsync,fdatasync", &format!("error=EIO:when={when}"));
    let send = Matcher::endpoint("PUT /tickets/{id}/send-message");
    world.sim.set_fault(Fault::times(3, send, Action::ApplyThenHang { ms: 20_000 }));
    world.forget_port();
    world.launch(&strace.launch).unwrap();
    let ready_at = now();
    let heard = until_gone(&mut world, &[known]);
    let gone = world.until_gone();
    left_well(&strace, ready_at, &gone, &heard);
    let hung = world.sim.faults()[0].fired;
    world.sim.clear_faults();
    all_is_well(&mut world, &heard.acknowledged);
    hung
}
