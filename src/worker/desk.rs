//! The worker's desk: takes the most urgent event, reserves its calls, works on it, files how it ended.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use super::event::{NEW_ID_GRACE, Turn};
use super::policy::LivePolicy;
use super::second::Second;
use crate::act::ending::{Patience, after_failure};
use crate::act::{Hands, Stop};
use crate::classify::Classifier;
use crate::clock::{Clock, after, since};
use crate::decide::Policy;
use crate::event::{Caps, EventId, HelpdeskName, Lane, Mode, Outcome, State, Timestamp};
use crate::helpdesk::breaker::Circuit;
use crate::helpdesk::budget::{Permit, Use};
use crate::helpdesk::{ApiError, Helpdesk};
use crate::store::{Claim, Due, End, Store, StoreError};

/// The nap while a probe is under way.
const WHILE_PROBED: Duration = Duration::from_millis(500);

/// Numbers a worker goes by; from the configuration.
#[derive(Debug, Clone)]
pub struct Settings {
    /// How long an event may be held.
    pub lease: Duration,
    /// When to give up.
    pub patience: Patience,
    /// Caps on replies.
    pub caps: Caps,
    /// Milliseconds after an unclear reply at which it is looked for.
    pub readback_ms: Vec<u64>,
    /// A ticket read longer ago is read again before a reply.
    pub ticket_max_age: Duration,
    /// Look orders up by the number in the message.
    pub order_by_number: bool,
    /// The trigger word that says a new conversation began, when one-call routing is on.
    pub one_call_trigger: Option<String>,
}

/// Everything that working an event needs.
pub struct Desk {
    /// The journal.
    pub store: Arc<dyn Store>,
    /// Every configured helpdesk by name.
    pub helpdesks: BTreeMap<HelpdeskName, Arc<dyn Helpdesk>>,
    /// What understands.
    pub classifier: Arc<dyn Classifier>,
    /// Who else is asked, when a shop wants it.
    pub second: Option<Second>,
    /// What decides.
    pub policy: Arc<LivePolicy>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Numbers.
    pub settings: Settings,
}

/// What one turn did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ran {
    /// Worked on this event.
    Event(EventId),
    /// Nothing is due before then.
    Idle {
        /// When to look again; `None`: when the bell rings.
        until: Option<Timestamp>,
    },
}

impl Desk {
    /// Works on the most urgent event that is due, if any. Waits for the call budget; `stop` ends that wait.
    ///
    /// # Errors
    /// [`StoreError`] when the queue cannot be read or written; an event that was claimed comes back with its lease.
    pub fn run_once(&self, stop: &dyn Fn() -> bool) -> Result<Ran, StoreError> {
        let policy = self.policy.current();
        if policy.mode == Mode::Off {
            return Ok(Ran::Idle { until: None });
        }
        let now = self.clock.now();
        let Some(due) = self.store.next_due(now)? else { return Ok(Ran::Idle { until: None }) };
        if due.at > now {
            return Ok(Ran::Idle { until: Some(due.at) });
        }
        let Some(helpdesk) = self.helpdesks.get(&due.helpdesk) else {
            log::error!("event for {}: this helpdesk is no longer configured", due.helpdesk);
            return Ok(Ran::Idle { until: Some(after(now, NEW_ID_GRACE)) });
        };
        if let Some(idle) = self.unreachable(helpdesk.as_ref()) {
            return Ok(idle);
        }
        let (purpose, calls) = needs(&due, &policy);
        let calls = calls.min(helpdesk.budget().status().limit).max(1);
        let give_up = || stop() || self.unreachable(helpdesk.as_ref()).is_some() || self.overtaken(&due);
        let permit = helpdesk.budget().try_reserve(purpose, calls).ok();
        let Some(mut permit) = permit.or_else(|| helpdesk.budget().reserve(purpose, calls, &give_up)) else {
            return Ok(Ran::Idle { until: Some(self.clock.now()) });
        };
        // The wait can be long: the helpdesk may be down by now, and the mode another.
        if let Some(idle) = self.unreachable(helpdesk.as_ref()) {
            return Ok(idle);
        }
        let policy = self.policy.current();
        if policy.mode == Mode::Off {
            return Ok(Ran::Idle { until: None });
        }
        let now = self.clock.now();
        let Some(claim) = self.store.claim(now, self.settings.lease)? else {
            return Ok(Ran::Idle { until: None });
        };
        let end = self.guarded(&claim, helpdesk.as_ref(), &policy, &mut permit);
        drop(permit);
        self.close(&claim, &end)?;
        Ok(Ran::Event(claim.event))
    }

    /// While the helpdesk is down nothing is claimed. The timer's probe finds out when it is back, and the bell rings.
    fn unreachable(&self, helpdesk: &dyn Helpdesk) -> Option<Ran> {
        match helpdesk.breaker()?.circuit() {
            Circuit::Closed => None,
            Circuit::Open { probe_in, .. } => {
                Some(Ran::Idle { until: Some(after(self.clock.now(), probe_in.max(WHILE_PROBED))) })
            }
        }
    }

    /// Whether something more urgent fell due while a sweep's find waits for calls: the quarter of the window that
    /// sweeps leave free is of no use while every worker waits on their behalf.
    fn overtaken(&self, waiting: &Due) -> bool {
        let now = self.clock.now();
        waiting.lane == Lane::Sweep
            && matches!(self.store.next_due(now), Ok(Some(due)) if due.at <= now && due.lane < Lane::Sweep)
    }

    /// Works on one claim; a panic or an error becomes an end like any other.
    fn guarded(&self, claim: &Claim, helpdesk: &dyn Helpdesk, policy: &Policy, permit: &mut Permit) -> End {
        let turn = Turn::new(self, claim, helpdesk, policy);
        let worked = catch_unwind(AssertUnwindSafe(|| turn.work(permit)));
        let stop = match worked {
            Ok(Ok(end)) => return end,
            Ok(Err(stop)) => stop,
            Err(_) => Stop::Journal("the worker panicked; see the log".into()),
        };
        let stop = match stop {
            // What a helpdesk that is down does to a call says nothing about the event.
            Stop::Api(ApiError::Ambiguous(why)) if self.unreachable(helpdesk).is_some() => {
                Stop::Api(ApiError::Unavailable(why))
            }
            stop => stop,
        };
        after_failure(claim, &stop, self.settings.patience, fastrand::f64(), self.clock.now(), permit.used())
    }

    pub(super) fn hands<'a>(&'a self, helpdesk: &'a dyn Helpdesk, policy: &'a Policy) -> Hands<'a> {
        Hands {
            policy,
            store: self.store.as_ref(),
            helpdesk,
            clock: self.clock.as_ref(),
            caps: &self.settings.caps,
            readback_ms: &self.settings.readback_ms,
            ticket_max_age: self.settings.ticket_max_age,
        }
    }

    fn close(&self, claim: &Claim, end: &End) -> Result<(), StoreError> {
        let took = since(claim.accepted_at, self.clock.now()).as_millis();
        let urgent = end.state == State::Dead || end.outcome == Some(Outcome::NeedsHuman);
        log::log!(
            if urgent { log::Level::Warn } else { log::Level::Info },
            "event={} ticket={} attempt={} state={} outcome={} calls={} age_ms={took} reason={:?}",
            claim.event,
            claim.ticket.as_str().escape_debug(),
            claim.attempt,
            end.state,
            end.outcome.map_or("-", Outcome::as_str),
            end.calls,
            end.reason,
        );
        match self.store.finish(claim, end, self.clock.now()) {
            Err(StoreError::Lost) => {
                log::warn!(
                    "event={} attempt={}: the claim was lost, another attempt goes on",
                    claim.event,
                    claim.attempt
                );
                Ok(())
            }
            other => other,
        }
    }
}

/// The calls that an event takes at most when nothing is odd about it.
pub const fn calls_of(mode: Mode) -> u32 {
    match mode {
        Mode::Off => 1,
        Mode::Route => 2,
        Mode::Shadow => 3,
        Mode::Canary | Mode::Live => 6,
    }
}

/// What to reserve before the claim: enough for the whole event, so that its read is fresh when its reply goes out.
fn needs(due: &Due, policy: &Policy) -> (Use, u32) {
    let calls = calls_of(policy.mode);
    match (due.state, due.lane) {
        (State::Checking, _) => (Use::ReadBack, 3),
        (_, Lane::LiveChat) => (Use::LiveChat, calls),
        (_, Lane::Sweep) => (Use::Sweep, calls),
        (_, Lane::Email) if calls > 3 => (Use::Reply, calls),
        (_, Lane::Email) => (Use::Routing, calls),
    }
}
