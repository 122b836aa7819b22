//! A sync that fails (EIO): what was to be written may or may not be on disk, so nothing more is promised and the
//! daemon leaves at once; the next start finds out, and nothing is lost or done twice by that.

use richpanel_mw::clock::{Clock as _, SystemClock};
use richpanel_mw::sim::people::OrderState;

use super::load::{Heard, all_is_well, until_gone};
use super::*;
use crate::world::Gone;

/// Seconds from the failure to the end of the process.
const LEAVES_WITHIN: f64 = 1.0;

/// How many seconds ago the first failure was.
fn since_the_failure(strace: &Strace) -> f64 {
    let first = strace.injected().into_iter().next().expect("the injection never fired");
    let at: f64 = first.split_whitespace().nth(1).unwrap().parse().unwrap();
    SystemClock::new().now().as_millisecond() as f64 / 1_000.0 - at
}

fn left_well(strace: &Strace, gone: &Gone, heard: &Heard) {
    let took = since_the_failure(strace);
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
        let (gone, heard) = match world.launch(&strace.launch) {
            Err(gone) => (gone, Heard::default()),
            Ok(()) => {
                let heard = until_gone(&mut world, &known);
                (world.until_gone(), heard)
            }
        };
        eprintln!("{n}: left {} {:?}", heard.statuses.len(), SystemClock::new().now());
        left_well(&strace, &gone, &heard);
        all_is_well(&mut world, &heard.acknowledged);
        eprintln!("{n}: well {:?}", SystemClock::new().now());
        world.kill();
    }
}

#[test]
fn a_checkpoint_whose_sync_fails_is_no_less_a_reason_to_leave() {
    for file in ["mw.db", "mw.db-wal"] {
        let mut world = world();
        world.mail_about(OrderState::Shipped, WHERE);
        world.settled();
        world.kill();
        // Every sync of the WAL is a commit's but the one that begins a checkpoint, and nothing else is going on.
        let strace = Strace::inject_at(&world, Some(file), "fsync,fdatasync", "error=EIO:when=1");
        world.launch(&strace.launch).unwrap();
        let quiet = world.sim.requests().len();
        let gone = world.until_gone();
        assert_eq!(world.sim.requests().len(), quiet);
        left_well(&strace, &gone, &Heard::default());
        all_is_well(&mut world, &[]);
    }
}

/// A worker that waits for the helpdesk when the disk fails is not waited for: what it sent is looked for later.
#[test]
fn a_helpdesk_that_hangs_does_not_keep_a_daemon_whose_disk_failed() {
    let mut world = world();
    world.kill();
    let strace = Strace::inject_at(&world, Some("mw.db-wal"), "fsync,fdatasync", "error=EIO:when=20");
    let hang = richpanel_mw::sim::Action::ApplyThenHang { ms: 20_000 };
    let send = richpanel_mw::sim::Matcher::endpoint("PUT /tickets/{id}/send-message");
    world.sim.set_fault(richpanel_mw::sim::Fault::times(3, send, hang));
    world.forget_port();
    world.launch(&strace.launch).unwrap();
    let heard = until_gone(&mut world, &["nobody".to_owned()]);
    let gone = world.until_gone();
    left_well(&strace, &gone, &heard);
    world.sim.clear_faults();
}
