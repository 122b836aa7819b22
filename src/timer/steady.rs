//! Whether the wall clock can be believed, before anything is deleted by age. Pure.
//!
//! A machine may boot with a clock that is years off and be set right minutes later, and people set clocks by hand.
//! Everything else here survives that; what was pruned by a wrong clock is gone. So pruning waits after a start, and
//! a whole day after the wall clock moved against the monotonic one.

use std::time::Duration;

use crate::clock::millis;
use crate::event::Timestamp;

/// Time after a start in which a time server usually has its say.
const AFTER_START: Duration = Duration::from_secs(10 * 60);

/// Time after a jump in which somebody may notice and set the clock back.
const AFTER_JUMP: Duration = Duration::from_secs(24 * 3_600);

/// Differences that are no jump: a time server pulls, the machine is slow.
const SLACK_MS: i64 = 10 * 60 * 1_000;

/// Compares the two clocks at each look.
#[derive(Debug)]
pub(super) struct Steady {
    wall: Timestamp,
    monotonic: Duration,
    trusted_from: Duration,
}

impl Steady {
    pub(super) fn new(wall: Timestamp, monotonic: Duration) -> Self {
        Self { wall, monotonic, trusted_from: monotonic.saturating_add(AFTER_START) }
    }

    /// Looks at both clocks. The milliseconds by which the wall clock jumped since the last look, if it did.
    pub(super) fn look(&mut self, wall: Timestamp, monotonic: Duration) -> Option<i64> {
        let ran = i64::try_from(monotonic.saturating_sub(self.monotonic).as_millis()).unwrap_or(i64::MAX);
        let jumped = millis(wall).saturating_sub(millis(self.wall)).saturating_sub(ran);
        (self.wall, self.monotonic) = (wall, monotonic);
        if jumped.abs() <= SLACK_MS {
            return None;
        }
        self.trusted_from = self.trusted_from.max(monotonic.saturating_add(AFTER_JUMP));
        Some(jumped)
    }

    /// Whether things may be deleted by their age.
    pub(super) fn may_prune(&self) -> bool {
        self.monotonic >= self.trusted_from
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::after;

    const START: Timestamp = Timestamp::constant(1_770_000_000, 0);
    const DAY: Duration = Duration::from_secs(24 * 3_600);

    fn minutes(n: u64) -> Duration {
        Duration::from_secs(n * 60)
    }

    #[test]
    fn a_clock_that_runs_is_trusted_ten_minutes_after_the_start() {
        let mut steady = Steady::new(START, minutes(3));
        assert_eq!(steady.look(after(START, minutes(9)), minutes(12)), None);
        assert!(!steady.may_prune(), "a time server may not have answered yet");
        assert_eq!(steady.look(after(START, minutes(10)), minutes(13)), None);
        assert!(steady.may_prune());
    }

    #[test]
    fn a_jump_either_way_stops_pruning_for_a_day() {
        for days in [400, -400] {
            let mut steady = Steady::new(START, Duration::ZERO);
            steady.look(after(START, minutes(30)), minutes(30));
            assert!(steady.may_prune());
            let jumped = crate::clock::from_millis(millis(START) + days * 86_400_000);
            let by = steady.look(jumped, minutes(31)).unwrap();
            assert!(by / 86_400_000 == days || by / 86_400_000 == days - 1, "{by}");
            assert!(!steady.may_prune());
            assert_eq!(steady.look(after(jumped, DAY), minutes(31) + DAY), None);
            assert!(steady.may_prune(), "nobody set it back: it was right");
        }
    }

    #[test]
    fn being_pulled_by_a_time_server_is_no_jump() {
        let mut steady = Steady::new(START, Duration::ZERO);
        assert_eq!(steady.look(after(START, minutes(65)), minutes(60)), None);
        assert!(steady.may_prune());
    }
}
