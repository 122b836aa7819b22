//! The threads and the doorbell that wakes them.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use super::desk::{Desk, Ran};
use crate::clock::since;

/// The longest a worker sleeps without looking, should a bell be missed.
const LONGEST_NAP: Duration = Duration::from_secs(5);

/// Wakes sleeping workers; counts rings so that none is missed between a look and a sleep.
#[derive(Debug, Default)]
pub struct Doorbell {
    rings: Mutex<u64>,
    bell: Condvar,
    stopping: AtomicBool,
}

impl Doorbell {
    /// Wakes everybody.
    pub fn ring(&self) {
        *self.rings.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        self.bell.notify_all();
    }

    /// Asks everybody to leave after the event at hand.
    pub fn stop(&self) {
        self.stopping.store(true, Ordering::Release);
        self.ring();
    }

    /// Whether it is time to leave.
    pub fn stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }

    /// How often it rang so far.
    pub fn rings(&self) -> u64 {
        *self.rings.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sleeps until it rings again after `heard`, or for `nap`.
    pub fn wait(&self, heard: u64, nap: Duration) {
        let rings = self.rings.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = self.bell.wait_timeout_while(rings, nap, |rings| *rings == heard && !self.stopping());
    }
}

/// The running pool.
#[derive(Debug)]
pub struct Pool {
    threads: Vec<JoinHandle<()>>,
    bell: Arc<Doorbell>,
}

impl Pool {
    /// Starts `threads` workers. `died` is called when one leaves without having been asked to.
    ///
    /// # Errors
    /// When a thread cannot be started.
    pub fn start(
        desk: &Arc<Desk>,
        bell: &Arc<Doorbell>,
        threads: usize,
        died: &Arc<dyn Fn(&str) + Send + Sync>,
    ) -> std::io::Result<Self> {
        let mut pool = Self { threads: Vec::with_capacity(threads), bell: Arc::clone(bell) };
        for number in 0..threads {
            let (desk, bell, died) = (Arc::clone(desk), Arc::clone(bell), Arc::clone(died));
            let thread = std::thread::Builder::new().name(format!("worker-{number}")).spawn(move || {
                let watch = Watch { bell: &bell, died: died.as_ref() };
                work(&desk, watch.bell);
            })?;
            pool.threads.push(thread);
        }
        Ok(pool)
    }

    /// Lets every worker end its event, and waits for them.
    pub fn drain(self) {
        self.bell.stop();
        for thread in self.threads {
            let _ = thread.join();
        }
    }
}

/// Tells the supervisor when a worker's thread ends uninvited, also by a panic.
struct Watch<'a> {
    bell: &'a Doorbell,
    died: &'a (dyn Fn(&str) + Send + Sync),
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        if !self.bell.stopping() {
            (self.died)("a worker thread ended");
        }
    }
}

fn work(desk: &Desk, bell: &Doorbell) {
    while !bell.stopping() {
        let heard = bell.rings();
        match desk.run_once(&|| bell.stopping()) {
            Ok(Ran::Event(_)) => (),
            Ok(Ran::Idle { until }) => {
                let nap = until.map_or(LONGEST_NAP, |until| since(desk.clock.now(), until).min(LONGEST_NAP));
                bell.wait(heard, nap.max(Duration::from_millis(1)));
            }
            Err(error) => {
                log::error!("worker: {error}");
                bell.wait(heard, LONGEST_NAP);
            }
        }
    }
}
