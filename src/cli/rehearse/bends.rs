//! What a fault does at the helpdesk, in the simulator's own verbs. Pure: drawn from the cycle's numbers.

use clap::ValueEnum as _;
use fastrand::Rng;

use super::faults::{Fault, Faults};
use crate::sim::{Action, ErrorShape, Fault as Bent, Matcher, Verb};

/// A read of a ticket.
pub(super) const READ: &str = "GET /tickets/{id}";
/// The reply.
pub(super) const SEND: &str = "PUT /tickets/{id}/send-message";
/// Closing, priority, and replies in chats.
pub(super) const PUT: &str = "PUT /tickets/{id}";
/// The tags.
pub(super) const TAGS: &str = "PUT /tickets/{id}/add-tags";
/// Which order is linked.
pub(super) const ORDER_LINK: &str = "GET /order/{id}";

/// Requests before which somebody else acts.
pub(super) const SPOTS: &[&str] = &[READ, READ, ORDER_LINK, SEND, PUT, TAGS];
/// Writes, the reply more often than the others.
const WRITES: &[&str] = &[SEND, SEND, SEND, PUT, TAGS];
/// Faults in a hundred cycles, all together; each of those asked for has its share.
const IN_HUNDRED_CYCLES: usize = 250;
/// One fault alone happens in so many of a hundred cycles at most.
const PERCENT_MAX: u8 = 60;
/// A write answered too late for the daemon's patience of a second.
const HANG_MS: u64 = 1_300;

/// Something that goes wrong in a cycle.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Bend {
    /// From its beginning, or so many milliseconds into it.
    Verb {
        /// When.
        after_ms: u64,
        /// What.
        verb: Verb,
    },
    /// The helpdesk's process stands still.
    Stop {
        /// When.
        after_ms: u64,
        /// How long.
        for_ms: u64,
    },
    /// Another daemon is started on the same database.
    SecondDaemon,
}

/// What goes wrong in one cycle.
pub(super) fn draw(rng: &mut Rng, faults: &Faults) -> Vec<Bend> {
    let mut bends = Vec::new();
    let share = IN_HUNDRED_CYCLES.checked_div(faults.iter().filter(|fault| bends_calls(*fault)).count());
    let percent = share.and_then(|share| u8::try_from(share).ok()).unwrap_or(PERCENT_MAX).min(PERCENT_MAX);
    for fault in Fault::value_variants() {
        // Drawn for every fault, so that leaving one out leaves the others as they were.
        let mut own = rng.fork();
        if own.u8(..100) < percent && faults.has(*fault) {
            bends.append(&mut bend(*fault, &mut own));
        }
    }
    bends
}

/// Whether a fault is one of those that are drawn here; the others are in the messages, the calls, the kills and the
/// sweeps.
const fn bends_calls(fault: Fault) -> bool {
    !matches!(
        fault,
        Fault::Kill9
            | Fault::Sigterm
            | Fault::ListForbidden
            | Fault::AgentFirst
            | Fault::CustomerWritesMeanwhile
            | Fault::DuplicateCalls
            | Fault::LostCalls
            | Fault::BrokenBodies
            | Fault::MailLoops
    )
}

fn bend(fault: Fault, rng: &mut Rng) -> Vec<Bend> {
    match fault {
        Fault::AppliedAnswerLost => {
            let ways = [
                Action::ApplyThenReset,
                Action::ApplyThenHang { ms: HANG_MS },
                Action::ApplyThenBadGateway,
                Action::ApplyThenHalfBody,
                Action::ApplyThenGatewayTimeout,
            ];
            let write = write(rng);
            times(rng, 1..=2, write, &ways)
        }
        Fault::AppliedLate => {
            let late = [Action::ApplyLate { ms: rng.u64(100..2_000) }];
            let write = write(rng);
            times(rng, 1..=1, write, &late)
        }
        Fault::NotApplied => {
            // Not the tags: a helpdesk that twice says yes to them and does not set them is given up on.
            let write = Matcher::endpoint(if rng.bool() { SEND } else { PUT });
            times(rng, 1..=1, write, &[Action::NotApplied])
        }
        Fault::ReadLag => {
            let lag = [Action::Lag { ms: rng.i64(50..1_500) }];
            times(rng, 1..=3, Matcher::endpoint(READ), &lag)
        }
        Fault::ErrorShapes => error_shapes(rng),
        Fault::Storm429 => times(rng, 3..=8, Matcher::default(), &[Action::TooMany { retry_after_s: 1 }]),
        Fault::OtherClient => {
            let requests = rng.u32(5..=50);
            vec![Bend::Verb { after_ms: rng.u64(0..300), verb: Verb::UseUpWindow { requests } }]
        }
        Fault::HelpdeskDown if rng.bool() => {
            vec![Bend::Stop { after_ms: rng.u64(0..200), for_ms: rng.u64(200..700) }]
        }
        Fault::HelpdeskDown => {
            let down = Action::Status { status: 503, shape: ErrorShape::Gateway, applied: false };
            times(rng, 5..=15, Matcher::default(), &[down])
        }
        Fault::SlowHelpdesk => {
            let slow = [Action::Slow { ms: rng.u64(50..500) }];
            times(rng, 3..=10, Matcher::default(), &slow)
        }
        Fault::NewTicketHidden => {
            let hidden = [Action::NotFoundWhileNew { ms: rng.i64(100..600) }];
            times(rng, 2..=4, Matcher::endpoint(READ), &hidden)
        }
        Fault::RevokedKey => {
            let (from, long) = (rng.u64(0..200), rng.u64(100..600));
            vec![
                Bend::Verb { after_ms: from, verb: Verb::RevokeKey },
                Bend::Verb { after_ms: from + long, verb: Verb::RestoreKey },
            ]
        }
        Fault::SecondDaemon => vec![Bend::SecondDaemon],
        _ => vec![],
    }
}

fn error_shapes(rng: &mut Rng) -> Vec<Bend> {
    let shape = rng.choice(ErrorShape::ALL).unwrap_or_default();
    let (matcher, action) = match rng.u8(..6) {
        // Refused for good: what a person must do then, the daemon cannot. A reply can be left out.
        0 => (Matcher::endpoint(SEND), Action::Status { status: 400, shape, applied: false }),
        1 => (write(rng), Action::Status { status: 500, shape, applied: rng.bool() }),
        2 => (Matcher::default(), Action::Status { status: 500, shape, applied: false }),
        3 => (write(rng), Action::OkWithError { shape }),
        4 => (Matcher::default(), Action::Garbage),
        _ => (Matcher::default(), Action::Huge),
    };
    times(rng, 1..=2, matcher, &[action])
}

fn write(rng: &mut Rng) -> Matcher {
    Matcher::endpoint(rng.choice(WRITES).copied().unwrap_or(SEND))
}

fn times(rng: &mut Rng, count: std::ops::RangeInclusive<u32>, matcher: Matcher, of: &[Action]) -> Vec<Bend> {
    let count = rng.u32(count);
    let Some(action) = rng.choice(of).cloned() else { return vec![] };
    let fault = Bent::times(count, matcher, action);
    vec![Bend::Verb { after_ms: 0, verb: Verb::SetFault { fault } }]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(faults: &str) -> Vec<Bend> {
        let (mut rng, faults) = (Rng::with_seed(5), Faults::parse(faults).unwrap());
        (0..400).flat_map(|_| draw(&mut rng, &faults)).collect()
    }

    #[test]
    fn a_fault_that_is_not_asked_for_does_not_happen() {
        assert!(all("kill-9").is_empty() && all("none").is_empty());
        let storms = all("storm-429");
        assert!(storms.len() > 20);
        let storm = |bend: &Bend| matches!(bend, Bend::Verb { verb: Verb::SetFault { fault }, .. } if fault.action.name() == "too_many");
        assert!(storms.iter().all(storm));
    }

    #[test]
    fn every_way_to_lose_an_answer_comes_up() {
        let names: std::collections::BTreeSet<_> = all("applied-answer-lost")
            .iter()
            .filter_map(|bend| match bend {
                Bend::Verb { verb: Verb::SetFault { fault }, .. } => Some(fault.action.name()),
                _ => None,
            })
            .collect();
        assert_eq!(names.len(), 5, "{names:?}");
    }

    #[test]
    fn a_fault_wears_out_so_that_a_run_can_end() {
        for fault in Fault::value_variants() {
            for bend in all(&fault.name()) {
                if let Bend::Verb { verb: Verb::SetFault { fault }, .. } = bend {
                    assert!(fault.count.is_some(), "{fault:?}");
                }
            }
        }
    }
}
