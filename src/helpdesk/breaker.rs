//! The circuit breaker of one helpdesk: one that is down is probed gently, not hammered.
//!
//! Closed: everybody calls, and each call's end is told with [`Breaker::alive`] or [`Breaker::failed`]. A row of
//! failures without a success in between opens it: as many different tickets as configured, or three times no
//! connection at all. Open: [`Breaker::admit`] refuses every call before it costs a slot; only the probe goes out
//! ([`Breaker::begin_probe`], then its verdict), after the first wait, then after twice as long each time, up to the
//! longest. Half open is the time of that one probe. A success closes it.
//!
//! What may go wrong: one ticket that always fails must not stop all others, so a ticket counts once in a row; a
//! helpdesk that answers the probe and fails everything else would be probed fast for ever, so the wait goes on
//! doubling until a call other than a probe succeeds.

#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::ApiError;
use crate::clock::Clock;
use crate::event::Timestamp;

/// Failures further apart do not make a row.
const ROW: Duration = Duration::from_secs(120);
/// Without any connection at all so many failures are enough: that has nothing to do with what was asked for.
const WITHOUT_CONNECTION: usize = 3;
/// The wait after a probe that could not be made (no slot was free).
const AGAIN: Duration = Duration::from_secs(1);

/// How careful it is; from `[breaker]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// Failures in a row, each of another ticket, that open it.
    pub failures: usize,
    /// The wait before the first probe.
    pub probe_first: Duration,
    /// The longest wait between two probes.
    pub probe_max: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self { failures: 5, probe_first: Duration::from_secs(2), probe_max: Duration::from_secs(60) }
    }
}

/// How it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Circuit {
    /// Calls go out.
    Closed,
    /// No call goes out but a probe.
    Open {
        /// When the row of failures began.
        since: Timestamp,
        /// What the last failure was, in words for people.
        why: String,
        /// Until the next probe; zero when it is due or under way.
        probe_in: Duration,
    },
}

impl Circuit {
    /// Whether calls are refused.
    pub const fn is_open(&self) -> bool {
        matches!(self, Self::Open { .. })
    }
}

/// One helpdesk's breaker, shared by everybody who calls it.
pub struct Breaker {
    clock: Arc<dyn Clock>,
    core: Mutex<Core>,
}

impl Breaker {
    /// A closed one; time comes from `clock`.
    pub fn new(settings: Settings, clock: Arc<dyn Clock>) -> Self {
        Self { clock, core: Mutex::new(Core::new(settings)) }
    }

    /// Whether a call may go out.
    ///
    /// # Errors
    /// [`ApiError::Unavailable`] while it is open; nothing was sent.
    pub fn admit(&self) -> Result<(), ApiError> {
        match self.circuit() {
            Circuit::Closed => Ok(()),
            Circuit::Open { why, probe_in, .. } => {
                let next = probe_in.as_secs().max(1);
                Err(ApiError::Unavailable(format!("it cannot be reached ({why}); next look in {next} s")))
            }
        }
    }

    /// A call was answered: the helpdesk is there, whatever it said.
    pub fn alive(&self) {
        self.lock().alive();
    }

    /// A call failed as it does when the helpdesk is down. `about`: the ticket (or route) it was for; `None` when
    /// there was no connection at all.
    pub fn failed(&self, about: Option<&str>, why: &str) {
        let (now, wall) = (self.clock.monotonic(), self.clock.now());
        self.lock().failed(about, why, now, wall, fastrand::f64());
    }

    /// Whether it is open and time for a probe; then it is the caller's, who must tell how it ended.
    pub fn begin_probe(&self) -> bool {
        let now = self.clock.monotonic();
        self.lock().begin_probe(now)
    }

    /// The probe was answered.
    pub fn probe_answered(&self) {
        self.lock().probe_answered();
    }

    /// The probe failed; the next one waits longer.
    pub fn probe_failed(&self, why: &str) {
        let now = self.clock.monotonic();
        self.lock().probe_failed(why, now, fastrand::f64());
    }

    /// The probe could not be made.
    pub fn probe_put_off(&self) {
        let now = self.clock.monotonic();
        self.lock().put_off(now + AGAIN);
    }

    /// An earlier process found it down: open from the start, with the first probe due at once.
    pub fn presume_down(&self, since: Timestamp) {
        let now = self.clock.monotonic();
        self.lock().presume_down(since, now);
    }

    /// How it stands now.
    pub fn circuit(&self) -> Circuit {
        let now = self.clock.monotonic();
        self.lock().circuit(now)
    }

    fn lock(&self) -> MutexGuard<'_, Core> {
        self.core.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Breaker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Breaker").field(&self.circuit()).finish()
    }
}

/// The states, as plain functions of values.
#[derive(Debug)]
struct Core {
    settings: Settings,
    /// Failures since the last success, at most one a ticket.
    row: Vec<Failure>,
    /// `None`: closed.
    outage: Option<Outage>,
    /// The last wait before a probe; zero once a call succeeded.
    wait: Duration,
}

#[derive(Debug)]
struct Failure {
    about: Option<String>,
    at: Duration,
    wall: Timestamp,
}

#[derive(Debug)]
struct Outage {
    since: Timestamp,
    why: String,
    /// Monotonic time of the next probe.
    probe_at: Duration,
    /// A probe is under way: half open.
    probing: bool,
}

impl Core {
    const fn new(settings: Settings) -> Self {
        Self { settings, row: Vec::new(), outage: None, wait: Duration::ZERO }
    }

    fn alive(&mut self) {
        self.row.clear();
        self.outage = None;
        self.wait = Duration::ZERO;
    }

    fn failed(&mut self, about: Option<&str>, why: &str, now: Duration, wall: Timestamp, jitter: f64) {
        // Calls that were under way when it opened say nothing new.
        if self.outage.is_some() {
            return;
        }
        self.row.retain(|failure| now.saturating_sub(failure.at) <= ROW);
        let known = about.is_some() && self.row.iter().any(|failure| failure.about.as_deref() == about);
        if !known {
            self.row.push(Failure { about: about.map(str::to_owned), at: now, wall });
        }
        let unconnected = self.row.iter().filter(|failure| failure.about.is_none()).count();
        let enough = self.settings.failures.max(1);
        if self.row.len() >= enough || unconnected >= WITHOUT_CONNECTION.min(enough) {
            let since = self.row.first().map_or(wall, |first| first.wall);
            self.row.clear();
            let probe_at = now + self.next_wait(jitter);
            self.outage = Some(Outage { since, why: why.to_owned(), probe_at, probing: false });
        }
    }

    fn begin_probe(&mut self, now: Duration) -> bool {
        match &mut self.outage {
            Some(outage) if !outage.probing && now >= outage.probe_at => {
                outage.probing = true;
                true
            }
            _ => false,
        }
    }

    /// Closed again; the wait is kept until a call other than a probe succeeds.
    fn probe_answered(&mut self) {
        self.row.clear();
        self.outage = None;
    }

    fn probe_failed(&mut self, why: &str, now: Duration, jitter: f64) {
        let wait = self.next_wait(jitter);
        if let Some(outage) = &mut self.outage {
            why.clone_into(&mut outage.why);
        }
        self.put_off(now + wait);
    }

    fn put_off(&mut self, until: Duration) {
        if let Some(outage) = &mut self.outage {
            outage.probing = false;
            outage.probe_at = until;
        }
    }

    fn presume_down(&mut self, since: Timestamp, now: Duration) {
        let why = "as before the restart".to_owned();
        self.outage = Some(Outage { since, why, probe_at: now, probing: false });
    }

    fn circuit(&self, now: Duration) -> Circuit {
        match &self.outage {
            None => Circuit::Closed,
            Some(Outage { since, why, probe_at, .. }) => {
                Circuit::Open { since: *since, why: why.clone(), probe_in: probe_at.saturating_sub(now) }
            }
        }
    }

    /// Doubles the wait; up to a quarter of it is taken off by `jitter` (0..1), so that several daemons do not probe
    /// in step.
    fn next_wait(&mut self, jitter: f64) -> Duration {
        let Settings { probe_first, probe_max, .. } = self.settings;
        self.wait =
            if self.wait.is_zero() { probe_first } else { self.wait.saturating_mul(2).min(probe_max) };
        self.wait.mul_f64(1.0 - 0.25 * jitter.clamp(0.0, 1.0))
    }
}
