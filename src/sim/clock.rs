//! The simulator's own clock: wall time plus an offset that a test can move.
//!
//! Everything in the simulator that has a time (comments, the rate window, late effects, lag)
//! reads it here, and everything that waits, waits here: moving the clock wakes the waiters.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::sync::watch;

/// A clock that can be moved. Clones share the same time.
#[derive(Debug, Clone)]
pub struct SimClock {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    frozen_at_ms: Option<i64>,
    offset_ms: AtomicI64,
    moved: watch::Sender<()>,
}

impl SimClock {
    /// A clock that runs with the wall clock.
    #[must_use]
    pub fn wall() -> Self {
        Self::with_base(None)
    }

    /// A clock that stands still at `at_ms` (milliseconds since 1970) until it is moved.
    #[must_use]
    pub fn frozen(at_ms: i64) -> Self {
        Self::with_base(Some(at_ms))
    }

    fn with_base(frozen_at_ms: Option<i64>) -> Self {
        let (moved, _) = watch::channel(());
        Self { inner: Arc::new(Inner { frozen_at_ms, offset_ms: AtomicI64::new(0), moved }) }
    }

    /// Milliseconds since 1970, as the simulator sees them.
    #[must_use]
    pub fn now_ms(&self) -> i64 {
        let base = self.inner.frozen_at_ms.unwrap_or_else(wall_ms);
        base.saturating_add(self.inner.offset_ms.load(Ordering::SeqCst))
    }

    /// Moves the clock by `ms` (negative moves it back) and wakes whoever waits on it.
    pub fn advance_ms(&self, ms: i64) {
        self.inner.offset_ms.fetch_add(ms, Ordering::SeqCst);
        self.inner.moved.send_replace(());
    }

    /// The time `ms` from now. Taken before something is seen to happen, so that a driver who
    /// moves the clock as soon as it sees it cannot outrun the wait.
    #[must_use]
    pub fn in_ms(&self, ms: u64) -> i64 {
        self.now_ms().saturating_add(i64::try_from(ms).unwrap_or(i64::MAX))
    }

    /// Waits until this clock shows `until_ms`, by itself or because it was moved.
    pub async fn sleep_until_ms(&self, until_ms: i64) {
        let mut moved = self.inner.moved.subscribe();
        loop {
            let left_ms = until_ms.saturating_sub(self.now_ms());
            let Ok(left_ms) = u64::try_from(left_ms) else { return };
            if left_ms == 0 {
                return;
            }
            let wait = if self.inner.frozen_at_ms.is_some() { 3_600_000 } else { left_ms };
            tokio::select! {
                () = tokio::time::sleep(Duration::from_millis(wait)) => {}
                _ = moved.changed() => {}
            }
        }
    }
}

#[allow(
    clippy::disallowed_methods,
    reason = "the simulator is its own world: its one clock reads the wall here"
)]
pub(super) fn wall_ms() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |past| i64::try_from(past.as_millis()).unwrap_or(i64::MAX))
}

/// ISO-8601 in UTC with milliseconds, as the helpdesk writes times (richpanel-api §2).
#[must_use]
pub fn iso(at_ms: i64) -> String {
    jiff::Timestamp::from_millisecond(at_ms).map_or_else(|_| String::new(), |at| format!("{at:.3}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frozen_clock_moves_only_when_it_is_moved() {
        let clock = SimClock::frozen(1_000);
        assert_eq!(clock.now_ms(), 1_000);
        let same = clock.clone();
        same.advance_ms(30_000);
        assert_eq!((clock.now_ms(), same.now_ms()), (31_000, 31_000));
    }

    #[test]
    fn times_are_written_with_milliseconds_even_when_they_are_zero() {
        assert_eq!(iso(1_770_596_942_114), "2026-02-09T00:29:02.114Z");
        assert_eq!(iso(1_770_596_942_000), "2026-02-09T00:29:02.000Z");
    }
}
