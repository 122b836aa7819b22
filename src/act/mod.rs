//! Carries out a plan step by step: journal first, then the call, then its outcome. Everything here can stop at any
//! line and be taken up again from the journal.
//!
//! Order: the reply (at most once), then the harmless steps in the plan's order; tags come last, so that a ticket
//! that carries `mw-processed` is one where everything else was done. What may go wrong is an [`ApiError`] (the
//! event waits and goes on later) or a lost claim (somebody else goes on).

pub mod ending;
pub mod plan;
pub mod readback;
mod reply;
mod steps;

use std::time::Duration;

use crate::clock::{Clock, after};
use crate::decide::Policy;
use crate::event::{Caps, Outcome, State, TicketId, Timestamp};
use crate::helpdesk::budget::Permit;
use crate::helpdesk::{ApiError, Helpdesk};
use crate::store::{Answer, Claim, End, Store, StoreError};
use crate::ticket::Ticket;

pub use reply::ReplyEnd;
use steps::StepsEnd;
pub use steps::proof_of;

/// What acting needs; borrowed for one event.
pub struct Hands<'a> {
    /// The journal.
    pub store: &'a dyn Store,
    /// Where the effects go.
    pub helpdesk: &'a dyn Helpdesk,
    /// Time.
    pub clock: &'a dyn Clock,
    /// The policy in force.
    pub policy: &'a Policy,
    /// Caps, asked again in the transaction that journals the send.
    pub caps: &'a Caps,
    /// Milliseconds after an unclear reply at which the ticket is read back.
    pub readback_ms: &'a [u64],
    /// A ticket read longer ago than this is read again before a reply goes out.
    pub ticket_max_age: Duration,
}

/// Why acting stopped before its end.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Stop {
    /// The helpdesk.
    #[error(transparent)]
    Api(#[from] ApiError),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What the journal holds cannot be read; never expected.
    #[error("the journal of this event cannot be read: {0}")]
    Journal(String),
}

impl Hands<'_> {
    /// Reads the ticket.
    ///
    /// # Errors
    /// [`ApiError`].
    pub fn read(&self, permit: &mut Permit, ticket: &TicketId) -> Result<Ticket, ApiError> {
        self.helpdesk.ticket(permit, ticket)
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The harmless steps and the end of an event whose reply is settled (or that has none).
    ///
    /// # Errors
    /// [`Stop`].
    pub fn finish_plan(
        &self,
        claim: &Claim,
        permit: &mut Permit,
        ticket: Ticket,
        outcome: Outcome,
        reason: &str,
    ) -> Result<End, Stop> {
        if let StepsEnd::ReplyMissing = self.steps(claim, permit, ticket)? {
            return Ok(self.check_later(0, self.now(), permit));
        }
        Ok(End {
            state: State::Done,
            outcome: Some(outcome),
            due_at: None,
            failed: false,
            reason: reason.to_owned(),
            calls: permit.used(),
        })
    }

    /// An end that waits for a read-back. `checks` read-backs were made so far.
    pub fn check_later(&self, checks: u32, since: Timestamp, permit: &Permit) -> End {
        let wait = usize::try_from(checks).ok().and_then(|index| self.readback_ms.get(index)).copied();
        // Sent while the clock was ahead: the wait counts from now.
        let due = after(since.min(self.now()), Duration::from_millis(wait.unwrap_or_default()));
        End {
            state: State::Checking,
            outcome: None,
            due_at: Some(due.max(self.now())),
            failed: false,
            reason: format!(
                "it is not known whether the reply arrived; read-back {} of {}",
                checks + 1,
                self.readback_ms.len()
            ),
            calls: permit.used(),
        }
    }

    /// An end that waits for a person to step in before the reply goes out.
    pub fn hold(&self, wait: Duration, permit: &Permit) -> End {
        End {
            state: State::Held,
            outcome: None,
            due_at: Some(after(self.now(), wait)),
            failed: false,
            reason: "the reply waits for a person to step in".into(),
            calls: permit.used(),
        }
    }
}

fn answer_of(error: &ApiError, permit: &Permit) -> Answer {
    let status = match error {
        ApiError::Throttled { .. } => Some(429),
        ApiError::Unauthorized(_) => Some(401),
        ApiError::Forbidden(_) => Some(403),
        ApiError::NotFound => Some(404),
        ApiError::Rejected { status, .. } => Some(*status),
        ApiError::Unavailable(_) | ApiError::Malformed(_) | ApiError::Ambiguous(_) => None,
    };
    Answer {
        status,
        text: crate::text::one_line(&crate::text::redact(&error.to_string()), 200),
        calls: permit.used(),
    }
}
