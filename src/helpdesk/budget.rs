//! The call budget: at most `limit` calls in *any* window, whatever happens, and the urgent ones first.
//!
//! Whether the helpdesk counts in fixed or sliding windows is not known (richpanel-api §1), so the strictest reading
//! holds. A call arrives at the server somewhere between its start and its end; a slot is therefore taken when it is
//! reserved and freed one window (and a margin) after the call *ended*. Two calls on one slot then arrive more than a
//! window apart wherever in between they arrived.
//!
//! Used in this order: [`Budget::reserve`] (or `try_reserve`) for the calls of a whole event, [`Permit::begin`] right
//! before each call, [`InFlight::observe`] with the answer's headers, drop of the [`InFlight`] when the call is over,
//! drop of the [`Permit`] to give unused slots back. What may go wrong: another client on the same key uses the limit
//! up; then the server's own count is learned (phantom slots) and a 429 pauses everybody.

mod state;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::ApiError;
use crate::clock::Clock;
use state::{Kind, State};

/// Added to the window, so that a clock running a little fast here or slow there breaks no promise.
const MARGIN: Duration = Duration::from_millis(50);
/// The longest sleep of a waiter before it looks at its stop sign again.
const NAP: Duration = Duration::from_millis(250);
/// The wait suggested when only calls still in flight or reserved can make room.
const UNKNOWN_WAIT: Duration = Duration::from_secs(1);

crate::event::named_enum! {
    /// What a call is for; the most urgent first.
    Use {
        /// Somebody is looking at a chat window.
        LiveChat = "live-chat",
        /// A reply, or an event that may end in one.
        Reply = "reply",
        /// Tags alone.
        Routing = "routing",
        /// A look at whether an unclear reply arrived.
        ReadBack = "read-back",
        /// Reconciliation and directories: only what leaves a quarter of the window to the others.
        Sweep = "sweep",
    }
}

/// The number of lanes.
const LANES: usize = Use::ALL.len();

/// The call budget of one API key. Cheap to clone; all clones are one budget.
#[derive(Clone)]
pub struct Budget {
    inner: Arc<Inner>,
}

struct Inner {
    state: Mutex<State>,
    changed: Condvar,
    clock: Arc<dyn Clock>,
    window: Duration,
}

/// Where the budget stands; a snapshot for `status`, the pages and the metrics.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BudgetStatus {
    /// Calls allowed in any window: as configured, or less when the server said so.
    pub limit: u32,
    /// The window's length.
    pub window: Duration,
    /// Slots taken by calls under way, by calls of the last window and by other clients on the same key.
    pub in_use: u32,
    /// Slots promised to permits and not begun.
    pub reserved: u32,
    /// Slots that could be reserved now.
    pub free: u32,
    /// How long everybody still has to wait after a 429; zero when not paused.
    pub paused_for: Duration,
    /// Waiters in `reserve`, by lane, most urgent first.
    pub waiting: Vec<(Use, usize)>,
    /// Calls begun since the start of the process.
    pub calls_total: u64,
}

impl Budget {
    /// A budget of `limit` calls (at least 1) in any `window`; time comes from `clock.monotonic()`.
    pub fn new(limit: u32, window: Duration, clock: Arc<dyn Clock>) -> Self {
        let state = Mutex::new(State::new(limit.max(1)));
        Self { inner: Arc::new(Inner { state, changed: Condvar::new(), clock, window }) }
    }

    /// Reserves `calls` slots without waiting. More than the limit is cut to the limit: the rest is taken by
    /// [`Permit::begin`] when free.
    ///
    /// # Errors
    /// How long to wait until it could work: a pause, too few free slots, or a `reserve` waiter of the same or a more
    /// urgent lane that must not be overtaken.
    pub fn try_reserve(&self, use_: Use, calls: u32) -> Result<Permit, Duration> {
        let (mut state, now) = self.inner.lock();
        let calls = state.clamp(use_, calls);
        if state.waiter_ahead(use_, None) || !state.fits(use_, calls, now) {
            return Err(state
                .wait_hint(use_, calls, now)
                .unwrap_or(UNKNOWN_WAIT)
                .max(Duration::from_millis(10)));
        }
        state.reserved += calls;
        drop(state);
        Ok(Permit { inner: Arc::clone(&self.inner), use_, left: calls, used: 0 })
    }

    /// Waits for `calls` slots: first come first served within a lane, more urgent lanes first. `None` once `stop`
    /// says so, which is asked at least four times a second.
    pub fn reserve(&self, use_: Use, calls: u32, stop: &dyn Fn() -> bool) -> Option<Permit> {
        let waiter = Waiter::join(&self.inner, use_);
        loop {
            if stop() {
                return None;
            }
            let (mut state, now) = self.inner.lock();
            // The limit can be learned down while we wait.
            let calls = state.clamp(use_, calls);
            if !state.waiter_ahead(use_, Some(waiter.id)) && state.fits(use_, calls, now) {
                state.reserved += calls;
                drop(state);
                return Some(Permit { inner: Arc::clone(&self.inner), use_, left: calls, used: 0 });
            }
            let nap = state.wait_hint(use_, calls, now).unwrap_or(NAP).clamp(Duration::from_millis(1), NAP);
            drop(self.inner.changed.wait_timeout(state, nap).unwrap_or_else(PoisonError::into_inner));
        }
    }

    /// Learns from `X-RateLimit-Limit` and `X-RateLimit-Remaining`: a lower limit counts, a higher one never exceeds
    /// the configured one; when the server has counted more calls than we know of, somebody else made them, and as
    /// many slots are taken for a window. Prefer [`InFlight::observe`], which knows what was under way.
    pub fn observe(&self, limit: Option<u32>, remaining: Option<u32>) {
        let (mut state, now) = self.inner.lock();
        let known = u64::from(state.busy());
        state.observe(limit, remaining, known, now + self.inner.window + MARGIN);
        drop(state);
        self.inner.changed.notify_all();
    }

    /// After a 429: nobody calls for this long. A longer pause already running stays.
    pub fn pause(&self, retry_after: Duration) {
        let (mut state, now) = self.inner.lock();
        let until = now.saturating_add(retry_after).saturating_add(MARGIN);
        state.paused_until = state.paused_until.max(until);
    }

    /// What an earlier process did with the key is not known: the window counts as full but for one call, until that
    /// call's headers tell the truth (contract, "Budget after a restart") or a window has gone by.
    ///
    /// `under_way`: calls that the killed process may have sent and the helpdesk may not have counted yet when it
    /// answers ours; they keep their slots for a whole window.
    pub fn after_restart(&self, under_way: u32) {
        let (mut state, now) = self.inner.lock();
        let kept = under_way.min(state.limit.saturating_sub(1));
        state.cool(Kind::UnderWay, kept, now + self.inner.window + MARGIN);
        drop(state);
        self.distrust();
    }

    /// Our own count has proven wrong (a 429): until an answer tells the truth, or a window has gone by, everything
    /// counts as taken but for one call.
    pub fn distrust(&self) {
        let (mut state, now) = self.inner.lock();
        let phantoms = state.limit.saturating_sub(1).saturating_sub(state.busy());
        state.add(Kind::Unsure, phantoms, now + self.inner.window + MARGIN);
    }

    /// Where the budget stands.
    pub fn status(&self) -> BudgetStatus {
        let (state, now) = self.inner.lock();
        BudgetStatus {
            limit: state.limit,
            window: self.inner.window,
            in_use: state.busy(),
            reserved: state.reserved,
            free: state.free(),
            paused_for: state.paused_until.saturating_sub(now),
            waiting: Use::ALL.iter().copied().zip(state.waiting.iter().map(|lane| lane.len())).collect(),
            calls_total: state.begun_total,
        }
    }
}

impl fmt::Debug for Budget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Budget").field(&self.status()).finish()
    }
}

impl Inner {
    /// The state with everything that has expired taken out, and the time it is true for. The clock is read under the
    /// lock, so that times in the state never run backwards.
    fn lock(&self) -> (MutexGuard<'_, State>, Duration) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.clock.monotonic();
        state.expire(now);
        (state, now)
    }
}

/// A place in the queue; left on drop, also when `stop` panics.
struct Waiter<'a> {
    inner: &'a Inner,
    use_: Use,
    id: u64,
}

impl<'a> Waiter<'a> {
    fn join(inner: &'a Inner, use_: Use) -> Self {
        let id = inner.lock().0.join(use_);
        Self { inner, use_, id }
    }
}

impl Drop for Waiter<'_> {
    fn drop(&mut self) {
        self.inner.lock().0.leave(self.use_, self.id);
        self.inner.changed.notify_all();
    }
}

/// Slots reserved for the calls of one event. Unused ones go back when it is dropped.
pub struct Permit {
    inner: Arc<Inner>,
    use_: Use,
    left: u32,
    used: u32,
}

impl Permit {
    /// Starts a call: on a reserved slot, else on a free one if there is one now, also past those who wait for theirs
    /// (work that has begun is finished first).
    ///
    /// # Errors
    /// [`ApiError::Throttled`] with the time to wait, while everybody is paused by a 429, while the server counts more
    /// calls than were known when the slots were reserved, or when no slot is left. Nothing was sent.
    pub fn begin(&mut self) -> Result<InFlight, ApiError> {
        let (mut state, now) = self.inner.lock();
        let reserved = self.left > 0;
        let may = now >= state.paused_until
            && if reserved { state.busy() < state.limit } else { state.fits(self.use_, 1, now) };
        if !may {
            let retry_after = state.wait_hint(self.use_, 1, now).unwrap_or(UNKNOWN_WAIT);
            return Err(ApiError::Throttled { retry_after: retry_after.max(MARGIN) });
        }
        if reserved {
            state.reserved -= 1;
            self.left -= 1;
        }
        self.used += 1;
        state.in_flight += 1;
        state.begun_total += 1;
        state.seen_total += 1;
        // Everything that the server can still have in its window when this call arrives, this call included.
        let known_before = u64::from(state.busy()).wrapping_sub(state.seen_total);
        drop(state);
        Ok(InFlight { inner: Arc::clone(&self.inner), known_before })
    }

    /// Calls begun on this permit.
    pub const fn used(&self) -> u32 {
        self.used
    }

    /// Reserved slots not begun yet.
    pub const fn remaining(&self) -> u32 {
        self.left
    }

    /// What it was reserved for.
    pub const fn purpose(&self) -> Use {
        self.use_
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if self.left > 0 {
            let (mut state, _) = self.inner.lock();
            state.reserved = state.reserved.saturating_sub(self.left);
            drop(state);
            self.inner.changed.notify_all();
        }
    }
}

impl fmt::Debug for Permit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { use_, left, used, .. } = self;
        f.debug_struct("Permit").field("use", use_).field("left", left).field("used", used).finish()
    }
}

/// A call under way. Drop it when the call is over, however it ended: its slot is free a window later.
#[must_use = "dropping it says that the call has ended"]
pub struct InFlight {
    inner: Arc<Inner>,
    known_before: u64,
}

impl InFlight {
    /// As [`Budget::observe`], for this call's own answer: what the server counted is held against everything that
    /// was or came under way between the call's start and now, so that a slow answer is not taken for a stranger.
    pub fn observe(&self, limit: Option<u32>, remaining: Option<u32>) {
        let (mut state, now) = self.inner.lock();
        let known = self.known_before.wrapping_add(state.seen_total);
        state.observe(limit, remaining, known, now + self.inner.window + MARGIN);
        drop(state);
        self.inner.changed.notify_all();
    }
}

impl fmt::Debug for InFlight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("InFlight")
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        let (mut state, now) = self.inner.lock();
        state.in_flight = state.in_flight.saturating_sub(1);
        state.cool(Kind::Call, 1, now + self.inner.window + MARGIN);
    }
}
