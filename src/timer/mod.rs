//! Duties that recur: one file each, each with a `run_once` that tests call by hand. One thread runs what is due.

mod brakes;
pub mod coverage;
mod directory;
mod found;
mod gaps;
mod housekeeping;
mod key;
pub mod outage;
mod prove;
mod quiet;
pub mod reconcile;
mod steady;

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use crate::clock::Clock;
use crate::config::Config;
use crate::event::Timestamp;
use crate::helpdesk::Helpdesk;
use crate::helpdesk::breaker::{Breaker, Circuit};
use crate::store::Store;
use coverage::Calendar;
use quiet::Watch;
use reconcile::{CsvRow, Report};
use steady::Steady;

/// How often the thread looks at what is due.
const TICK: Duration = Duration::from_millis(500);

/// Seconds between looks for leases that ran out.
const RESCUE_EVERY: Duration = Duration::from_secs(5);

/// Seconds between looks at the brakes.
const BRAKES_EVERY: Duration = Duration::from_secs(2);

/// Between prunes; each takes a small slice.
const PRUNE_EVERY: Duration = Duration::from_secs(60);

/// When a duty that found no call budget is tried again.
const SOON: Duration = Duration::from_secs(2);

/// Asked of the timer thread by a person.
pub enum Request {
    /// Sweep now, by the configured method.
    Reconcile(Box<dyn FnOnce(Report) + Send>),
    /// Take in the rows of an exported file.
    Csv(Vec<CsvRow>, Box<dyn FnOnce(Report) + Send>),
    /// Leave.
    Stop,
}

/// One duty; what goes wrong in it is logged there. False: it could not run now, try again soon.
type Duty = fn(&Timer) -> bool;

/// The thread's own state.
pub struct Timer {
    store: Arc<dyn Store>,
    helpdesk: Arc<dyn Helpdesk>,
    clock: Arc<dyn Clock>,
    config: Config,
    /// Whether the mode in force lets anything be written.
    writes: Box<dyn Fn() -> bool + Send>,
    due: [Duration; 9],
    steady: Steady,
    /// Since when the helpdesk is down, once a person was told.
    down: Cell<Option<Timestamp>>,
    /// What a person was last told of the API key: whether it is refused.
    key_told: Cell<Option<bool>>,
    watch: Watch,
    stop: Arc<AtomicBool>,
}

impl Timer {
    /// Everything falls due at once after a start, but for the sweep, which waits one period: the queue comes first.
    pub fn new(
        store: Arc<dyn Store>,
        helpdesk: Arc<dyn Helpdesk>,
        clock: Arc<dyn Clock>,
        config: Config,
        writes: Box<dyn Fn() -> bool + Send>,
    ) -> Self {
        let now = clock.monotonic();
        let sweep = now + every(config.reconcile.every_minutes);
        let steady = Steady::new(clock.now(), now);
        // Down before the restart: a person was told by the process before.
        let down = match helpdesk.breaker().map(Breaker::circuit) {
            Some(Circuit::Open { since, .. }) => Some(since),
            _ => None,
        };
        let down = Cell::new(down);
        let watch = Watch::new(Calendar::new(&config.shop), clock.now(), now);
        let due = [now, now, now, now, now, now, now, now, sweep];
        let key_told = Cell::new(None);
        Self {
            store,
            helpdesk,
            clock,
            config,
            writes,
            due,
            steady,
            down,
            key_told,
            watch,
            stop: Arc::default(),
        }
    }

    /// Set by whoever stops the daemon, before [`Request::Stop`]: a sweep under way then ends before its next call.
    pub fn stop_sign(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.stop)
    }

    fn stopping(&self) -> bool {
        self.stop.load(Ordering::Acquire)
    }

    /// Runs until asked to stop, or until nobody can ask any more.
    pub fn run(mut self, requests: &Receiver<Request>) {
        while !self.stopping() {
            match requests.recv_timeout(TICK) {
                Ok(Request::Stop) | Err(RecvTimeoutError::Disconnected) => return,
                Ok(Request::Reconcile(done)) => done(self.sweep(true)),
                Ok(Request::Csv(rows, done)) => done(self.take_in_csv(&rows)),
                Err(RecvTimeoutError::Timeout) => self.tick(),
            }
        }
    }

    /// Runs what is due now.
    pub fn tick(&mut self) {
        if let Some(ms) = self.steady.look(self.clock.now(), self.clock.monotonic()) {
            log::warn!("timer: the machine's clock jumped by {} s; nothing is pruned for a day", ms / 1_000);
        }
        let duties: [(Duration, Duty); 9] = [
            (Duration::ZERO, Self::watch),
            (Duration::ZERO, Self::key),
            (BRAKES_EVERY, Self::brakes),
            (RESCUE_EVERY, Self::rescue),
            (Duration::from_secs(self.config.readback.steps_after_seconds.max(1)), Self::prove),
            (PRUNE_EVERY, Self::prune),
            (Duration::from_secs(self.config.richpanel.directory_ttl_seconds.max(60)), Self::refresh),
            (quiet::EVERY, Self::watch_channels),
            (every(self.config.reconcile.every_minutes), Self::sweep_quietly),
        ];
        for (index, (period, duty)) in duties.into_iter().enumerate() {
            if self.stopping() {
                return;
            }
            let now = self.clock.monotonic();
            let Some(due) = self.due.get_mut(index) else { continue };
            if now >= *due {
                *due = now + period;
                if !duty(self)
                    && let Some(due) = self.due.get_mut(index)
                {
                    *due = now + SOON;
                }
            }
        }
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn rescue(&self) -> bool {
        match self.store.rescue(self.now()) {
            Ok(0) => (),
            Ok(events) => {
                log::warn!("timer: {events} events were taken back from workers whose lease ran out");
            }
            Err(error) => log::error!("timer: rescue: {error}"),
        }
        true
    }

    fn sweep_quietly(&self) -> bool {
        if self.config.reconcile.every_minutes == 0 {
            return true;
        }
        let may = !self.is_down();
        if may {
            self.sweep(false);
        }
        may
    }
}

/// A period in minutes; 0 means never.
fn every(minutes: u32) -> Duration {
    if minutes == 0 {
        Duration::from_secs(u64::from(u32::MAX))
    } else {
        Duration::from_secs(u64::from(minutes) * 60)
    }
}
