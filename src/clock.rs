//! Time. Everything that asks what time it is, or waits, goes through [`Clock`]; clippy bans the rest.

use std::sync::Mutex;
use std::time::Duration;

use crate::event::Timestamp;

/// Wall time for people and deadlines on disk, monotonic time for intervals.
pub trait Clock: Send + Sync {
    /// Wall time, UTC. May jump when somebody sets the machine's clock.
    fn now(&self) -> Timestamp;

    /// Time since an arbitrary start that never jumps.
    fn monotonic(&self) -> Duration;
}

/// The machine's clock.
#[derive(Debug)]
pub struct SystemClock {
    start: std::time::Instant,
}

impl SystemClock {
    /// Starts the monotonic count.
    #[allow(clippy::disallowed_methods, reason = "the one place where time comes from")]
    pub fn new() -> Self {
        Self { start: std::time::Instant::now() }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    #[allow(clippy::disallowed_methods, reason = "the one place where time comes from")]
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    fn monotonic(&self) -> Duration {
        self.start.elapsed()
    }
}

/// A clock that stands still until told otherwise; for tests and simulations.
#[derive(Debug)]
pub struct ManualClock {
    state: Mutex<(Timestamp, Duration)>,
}

impl ManualClock {
    /// Stands at `now`.
    pub const fn at(now: Timestamp) -> Self {
        Self { state: Mutex::new((now, Duration::ZERO)) }
    }

    /// Moves both wall and monotonic time forward.
    pub fn advance(&self, by: Duration) {
        let mut state = self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        state.0 = state
            .0
            .saturating_add(jiff::SignedDuration::try_from(by).unwrap_or(jiff::SignedDuration::MAX))
            .unwrap_or(Timestamp::MAX);
        state.1 += by;
    }

    /// Sets wall time alone, as an administrator or a bad time server would.
    pub fn jump_to(&self, now: Timestamp) {
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner).0 = now;
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner).0
    }

    fn monotonic(&self) -> Duration {
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner).1
    }
}

/// Milliseconds since the epoch, the store's form of a time.
pub fn millis(at: Timestamp) -> i64 {
    at.as_millisecond()
}

/// Reads the store's form back; out-of-range values end at the bounds instead of failing a whole row.
pub fn from_millis(millis: i64) -> Timestamp {
    Timestamp::from_millisecond(millis).unwrap_or(if millis < 0 { Timestamp::MIN } else { Timestamp::MAX })
}

/// `at` plus a duration, ending at the end of time instead of overflowing.
pub fn after(at: Timestamp, wait: Duration) -> Timestamp {
    from_millis(millis(at).saturating_add(i64::try_from(wait.as_millis()).unwrap_or(i64::MAX)))
}

/// How long ago `then` was, zero when it lies ahead.
pub fn since(then: Timestamp, now: Timestamp) -> Duration {
    Duration::from_millis(u64::try_from(millis(now).saturating_sub(millis(then))).unwrap_or(0))
}

/// A time for people who read it about `now`: `12:03 UTC`, with the date when it is another day.
pub fn minute(at: Timestamp, now: Timestamp) -> String {
    let same_day = at.strftime("%F").to_string() == now.strftime("%F").to_string();
    at.strftime(if same_day { "%H:%M UTC" } else { "%F %H:%M UTC" }).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_of_another_day_has_its_date() {
        let at: Timestamp = "2026-02-11T23:03:59Z".parse().unwrap();
        assert_eq!(minute(at, "2026-02-11T01:00:00Z".parse().unwrap()), "23:03 UTC");
        assert_eq!(minute(at, "2026-02-12T01:00:00Z".parse().unwrap()), "2026-02-11 23:03 UTC");
    }
}
