//! What waits, and about when it will be worked off: lane by lane, at the pace that the call budget allows. Pure.

use serde::Serialize;

use super::print::span;
use crate::daemon::outside::OutcomeRow;
use crate::event::{Lane, Mode};
use crate::worker::calls_of;

/// Ended events from which on their calls tell what an event takes; before that the reservation does.
const MEASURED_MIN: u64 = 20;

/// What waits.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Backlog {
    /// Most urgent first; only lanes in which something waits.
    pub(super) lanes: Vec<Waiting>,
    /// API calls that an event takes, on average.
    pub(super) calls_per_event: f64,
    /// Whether that was measured in the last 24 h.
    pub(super) measured: bool,
}

/// One lane.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Waiting {
    pub(super) lane: Lane,
    pub(super) events: u64,
    /// Seconds until it is worked off, more urgent lanes first, from when the helpdesk is there; `None`: the mode is
    /// off.
    pub(super) seconds: Option<u64>,
}

/// The pace: calls in any window, and the window's length in seconds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    pub(super) limit: u32,
    pub(super) window_seconds: u64,
}

/// Works it out.
pub(super) fn backlog(lanes: &[(Lane, u64)], outcomes: &[OutcomeRow], mode: Mode, pace: Pace) -> Backlog {
    let (events, calls) =
        outcomes.iter().fold((0, 0), |(events, calls), row| (events + row.events, calls + row.calls));
    let measured = events >= MEASURED_MIN && calls > 0;
    // Counts of one day: exact in a double.
    #[allow(clippy::cast_precision_loss, reason = "an estimate")]
    let each = if measured { calls as f64 / events as f64 } else { f64::from(calls_of(mode)) };
    let mut before = 0.0;
    let lanes = lanes.iter().filter(|(_, events)| *events > 0).map(|(lane, events)| {
        #[allow(clippy::cast_precision_loss, reason = "an estimate")]
        let calls = *events as f64 * each;
        // Sweeps leave a quarter of the budget to the others.
        before += if *lane == Lane::Sweep { calls / 0.75 } else { calls };
        let seconds = (mode != Mode::Off).then(|| pace.seconds(before));
        Waiting { lane: *lane, events: *events, seconds }
    });
    Backlog { lanes: lanes.collect(), calls_per_event: each, measured }
}

impl Pace {
    /// How long so many calls take. The first window's calls go out at once.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "an estimate, not below 0")]
    #[allow(clippy::cast_precision_loss, reason = "at most an hour")]
    fn seconds(self, calls: f64) -> u64 {
        let limit = f64::from(self.limit.max(1));
        ((calls - limit).max(0.0) / limit * self.window_seconds as f64).ceil() as u64
    }
}

impl Backlog {
    /// In a line: `3 live-chat in about a minute, 211 email in about 13 min`.
    pub(super) fn words(&self) -> String {
        let lanes = self.lanes.iter().map(|Waiting { lane, events, seconds }| {
            let when = match seconds {
                None => "kept until the mode is no longer off".to_owned(),
                Some(0..=60) => "done in about a minute".to_owned(),
                Some(seconds) => format!("done in about {}", span((*seconds).max(120))),
            };
            format!("{events} {lane} {when}")
        });
        let each = if self.measured { "as measured today" } else { "as reserved" };
        format!(
            "{} ({:.1} calls an event, {each})",
            lanes.collect::<Vec<_>>().join(", "),
            self.calls_per_event
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PACE: Pace = Pace { limit: 50, window_seconds: 30 };

    fn ended(events: u64, calls: u64) -> Vec<OutcomeRow> {
        vec![OutcomeRow { outcome: "routed".into(), events, calls }]
    }

    fn seconds(backlog: &Backlog) -> Vec<Option<u64>> {
        backlog.lanes.iter().map(|lane| lane.seconds).collect()
    }

    #[test]
    fn lanes_are_worked_off_one_after_the_other_at_the_budgets_pace() {
        // 1,000 events of 2 calls are 2,000 calls: 50 at once, 1,950 at 50 in 30 s.
        let lanes = [(Lane::LiveChat, 100), (Lane::Email, 900), (Lane::Sweep, 0)];
        let backlog = backlog(&lanes, &ended(100, 200), Mode::Live, PACE);
        assert_eq!(seconds(&backlog), [Some(90), Some(1_170)]);
        let words = "100 live-chat done in about 2 min, 900 email done in about 19 min (2.0 calls an event, as \
                     measured today)";
        assert_eq!(backlog.words(), words);
    }

    #[test]
    fn before_enough_was_measured_the_reservation_counts() {
        let lanes = [(Lane::Email, 50)];
        let of = |mode, outcomes: &[OutcomeRow]| seconds(&backlog(&lanes, outcomes, mode, PACE));
        assert_eq!(of(Mode::Live, &ended(19, 19)), [Some(150)], "6 calls an event");
        assert_eq!(of(Mode::Route, &[]), [Some(30)], "2 calls an event");
        assert_eq!(of(Mode::Live, &ended(20, 20)), [Some(0)], "1 call an event");
        assert_eq!(of(Mode::Off, &[]), [None]);
    }

    #[test]
    fn sweeps_get_three_quarters_of_the_budget() {
        let backlog = backlog(&[(Lane::Sweep, 300)], &ended(100, 100), Mode::Live, PACE);
        assert_eq!(seconds(&backlog), [Some(210)]);
    }

    #[test]
    fn nothing_waits_nothing_is_said_wrong() {
        let empty = backlog(&[], &[], Mode::Live, Pace { limit: 0, window_seconds: 0 });
        assert!(empty.lanes.is_empty());
    }
}
