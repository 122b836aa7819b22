//! What the listener, the firing tasks and the handles share: the world behind a short lock, a
//! doorbell that rings at every change, and the runtime that sends what the rules fired.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::Semaphore;

use super::clock::{SimClock, wall_ms};
use super::firing;
use super::world::World;

/// Calls of HTTP Targets under way at once; more wait.
const CALLS_AT_ONCE_MAX: usize = 32;

/// The shared part. Never locked across an await.
#[derive(Debug)]
pub(super) struct Shared {
    world: Mutex<World>,
    changes: Mutex<u64>,
    doorbell: Condvar,
    runtime: Handle,
    pub(super) clock: SimClock,
    pub(super) calls: Arc<Semaphore>,
    pub(super) base_url: String,
}

impl Shared {
    pub(super) fn new(world: World, runtime: Handle, base_url: String) -> Self {
        Self {
            clock: world.clock.clone(),
            world: Mutex::new(world),
            changes: Mutex::new(0),
            doorbell: Condvar::new(),
            runtime,
            calls: Arc::new(Semaphore::new(CALLS_AT_ONCE_MAX)),
            base_url,
        }
    }

    /// Looks at the world or changes it; sends what was fired, and rings.
    pub(super) fn with<T>(self: &Arc<Self>, act: impl FnOnce(&mut World) -> T) -> T {
        let mut world = lock(&self.world);
        let result = act(&mut world);
        let outgoing = std::mem::take(&mut world.outbox);
        drop(world);
        for call in outgoing {
            self.runtime.spawn(firing::send(Arc::clone(self), call));
        }
        self.ring();
        result
    }

    /// Looks at the world.
    pub(super) fn look<T>(&self, act: impl FnOnce(&World) -> T) -> T {
        act(&lock(&self.world))
    }

    /// Waits until `check` holds, looking again at every change; no lock is held while it looks.
    /// False when `timeout` (wall time) ran out first.
    pub(super) fn wait_until(&self, timeout: Duration, mut check: impl FnMut() -> bool) -> bool {
        let deadline_ms = wall_ms().saturating_add(i64::try_from(timeout.as_millis()).unwrap_or(i64::MAX));
        loop {
            let seen = *lock(&self.changes);
            if check() {
                return true;
            }
            let left_ms = u64::try_from(deadline_ms - wall_ms()).unwrap_or(0);
            if left_ms == 0 {
                return false;
            }
            let left = Duration::from_millis(left_ms);
            let changes = lock(&self.changes);
            drop(self.doorbell.wait_timeout_while(changes, left, |changes| *changes == seen));
        }
    }

    /// Waits for a change or the timeout, whichever is first.
    pub(super) fn wait_for_change(&self, timeout: Duration) {
        let changes = lock(&self.changes);
        drop(self.doorbell.wait_timeout(changes, timeout));
    }

    fn ring(&self) {
        let mut changes = lock(&self.changes);
        *changes = changes.wrapping_add(1);
        self.doorbell.notify_all();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
