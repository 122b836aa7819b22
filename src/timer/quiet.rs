//! The watch over the channels: asks [`super::coverage`] every few minutes and after each sweep, raises an alert for a
//! channel that has gone quiet and clears it when its calls come again.

use std::cell::{Cell, RefCell};
use std::time::Duration;

use super::Timer;
use super::coverage::{self, Calendar, HISTORY_DAYS, WINDOW_HOURS};
use crate::clock::{from_millis, millis};
use crate::event::Timestamp;
use crate::store::{CoverageHour, StoreError};

/// Between two looks.
pub(super) const EVERY: Duration = Duration::from_secs(300);

/// The long history hardly changes: read again after so long.
const HISTORY_FOR: Duration = Duration::from_secs(3_600);

/// Wall time that differs by more from the time that went by is a clock that somebody set.
const LEAP_MS: u64 = 120_000;

const HOUR_MS: i64 = 3_600_000;

/// What the watch keeps between two looks.
pub(super) struct Watch {
    calendar: Calendar,
    /// When it last looked: wall and monotonic time.
    looked: Cell<(Timestamp, Duration)>,
    /// Monotonic time since which the clock has run evenly.
    even_since: Cell<Duration>,
    history: RefCell<Option<(Duration, Vec<CoverageHour>)>>,
}

impl Watch {
    pub(super) fn new(calendar: Calendar, now: Timestamp, monotonic: Duration) -> Self {
        Self {
            calendar,
            looked: Cell::new((now, monotonic)),
            even_since: Cell::new(monotonic),
            history: RefCell::new(None),
        }
    }

    /// How long this process has been up on an even clock.
    fn up(&self, now: Timestamp, monotonic: Duration) -> Duration {
        let (then, then_monotonic) = self.looked.replace((now, monotonic));
        let went_by = i64::try_from(monotonic.saturating_sub(then_monotonic).as_millis()).unwrap_or(i64::MAX);
        let on_the_wall = millis(now).saturating_sub(millis(then));
        if on_the_wall.abs_diff(went_by) > LEAP_MS {
            log::warn!("timer: the clock was set; what channels are used to is judged anew from here on");
            self.even_since.set(monotonic);
            self.history.replace(None);
        }
        monotonic.saturating_sub(self.even_since.get())
    }
}

impl Timer {
    /// One look at the channels.
    pub(super) fn watch_channels(&self) -> bool {
        if let Err(error) = self.look_at_channels() {
            log::error!("timer: coverage: {error}");
        }
        true
    }

    fn look_at_channels(&self) -> Result<(), StoreError> {
        let (now, monotonic) = (self.now(), self.clock.monotonic());
        let up = self.watch.up(now, monotonic);
        let hours = self.counts(now, monotonic)?;
        let quiet = coverage::quiet(&hours, &self.watch.calendar, now, up);
        for one in &quiet {
            let words = one.words(&self.watch.calendar);
            if self.store.raise(&one.key(), &words, now)? {
                log::warn!("coverage: {words}");
            }
        }
        for alert in self.store.alerts()?.into_iter().filter(|alert| alert.key.starts_with("quiet:")) {
            let still = quiet.iter().any(|one| one.key() == alert.key);
            if !still
                && coverage::is_over(&hours, &alert.key, alert.raised_at, now)
                && self.store.clear(&alert.key, now)?
            {
                log::info!("coverage: {} is over: calls come again", alert.key);
            }
        }
        Ok(())
    }

    /// The history, the last two days of it fresh.
    fn counts(&self, now: Timestamp, monotonic: Duration) -> Result<Vec<CoverageHour>, StoreError> {
        let back =
            |hours: i64| from_millis((millis(now) / HOUR_MS).saturating_sub(hours).saturating_mul(HOUR_MS));
        let mut history = self.watch.history.borrow_mut();
        let fresh =
            history.as_ref().is_some_and(|(read_at, _)| monotonic.saturating_sub(*read_at) < HISTORY_FOR);
        if !fresh {
            *history = Some((monotonic, self.store.coverage(back(i64::from(HISTORY_DAYS) * 24))?));
        }
        let recent = back(WINDOW_HOURS);
        let older = history.iter().flat_map(|(_, hours)| hours).filter(|row| row.hour < recent).cloned();
        let mut hours: Vec<_> = older.collect();
        hours.extend(self.store.coverage(recent)?);
        Ok(hours)
    }
}

#[cfg(test)]
#[path = "quiet_tests.rs"]
mod tests;
