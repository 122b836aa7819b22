//! How the daemon ends in each cycle: drawn from the seed, and carried out by its process id.

use fastrand::Rng;

use super::faults::{Fault, Faults};

/// The longest wait for the moment of a kill, in milliseconds: what it waits for may never come.
pub(super) const PATIENCE_MS: u64 = 900;
/// A write that a kill waits for is answered so much later than it is applied, in milliseconds.
pub(super) const ANSWER_HELD_MS: u64 = 120;

/// How and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kill {
    /// It goes on.
    None,
    /// SIGKILL so many milliseconds into the cycle.
    At {
        /// Milliseconds.
        ms: u64,
    },
    /// SIGKILL so many microseconds after the n-th 200 of the cycle.
    AtAcknowledgement {
        /// Which, from 1.
        nth: u32,
        /// Microseconds.
        plus_us: u64,
    },
    /// SIGKILL when the n-th write of the cycle is applied and not yet answered.
    AtEffect {
        /// Which, from 1.
        nth: u32,
    },
    /// SIGKILL at a time, and again so many milliseconds into the next start.
    WhileStarting {
        /// Milliseconds into the cycle.
        ms: u64,
        /// Milliseconds into the start.
        start_ms: u64,
    },
    /// SIGTERM so many milliseconds into the cycle.
    Term {
        /// Milliseconds.
        ms: u64,
    },
}

/// How this cycle ends.
pub(super) fn draw(rng: &mut Rng, faults: &Faults) -> Kill {
    let drawn = rng.u8(..100);
    let ms = rng.u64(20..600);
    if !faults.has(Fault::Kill9) {
        return Kill::None;
    }
    match drawn {
        0..12 if faults.has(Fault::Sigterm) => Kill::Term { ms },
        12..22 => {
            // A start takes tens of milliseconds, or half a second where the machine is busy.
            let longest = if rng.bool() { 60 } else { 600 };
            Kill::WhileStarting { ms, start_ms: rng.u64(1..longest) }
        }
        22..42 => Kill::AtAcknowledgement { nth: rng.u32(1..=6), plus_us: rng.u64(0..3_000) },
        42..72 => Kill::AtEffect { nth: rng.u32(1..=5) },
        _ => Kill::At { ms },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_comes_up_and_a_term_only_when_asked_for() {
        let (mut rng, all) = (Rng::with_seed(1), Faults::all());
        let kills: Vec<Kill> = (0..300).map(|_| draw(&mut rng, &all)).collect();
        let some = |holds: &dyn Fn(&Kill) -> bool| kills.iter().any(holds);
        assert!(some(&|kill| matches!(kill, Kill::At { .. })));
        assert!(some(&|kill| matches!(kill, Kill::AtAcknowledgement { .. })));
        assert!(some(&|kill| matches!(kill, Kill::AtEffect { .. })));
        assert!(some(&|kill| matches!(kill, Kill::WhileStarting { .. })));
        assert!(some(&|kill| matches!(kill, Kill::Term { .. })));
        let only = Faults::parse("kill-9").unwrap();
        assert!((0..300).all(|_| !matches!(draw(&mut rng, &only), Kill::Term { .. } | Kill::None)));
    }
}
