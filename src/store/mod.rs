//! The store: queue, dedup store and journal in one. [`Store`] is the port, `sqlite` the adapter, `conformance` what
//! any adapter must pass; `queue` and `journal` hold the values that go in and out.
//!
//! Every method returns after the commit; a method that failed may or may not have been committed when the error is
//! [`StoreError::Unknown`], and the process must stop. A write that belongs to a claim carries its [`Claim`]; zero
//! rows touched means that the lease was lost: [`StoreError::Lost`], and the worker drops what it was doing.

pub mod brake;
#[cfg(test)]
pub(crate) mod conformance;
mod journal;
mod ledger;
pub mod marks;
pub mod models;
mod queue;
pub mod sqlite;

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::event::{Caps, EventId, HelpdeskName, MessageKey, ReplyCounts, State, TicketId, Timestamp};

pub use journal::{
    Answer, Begun, Journal, JournalReply, JournalStep, Plan, ReplyPlan, ReplyState, StepPlan, StepState,
    Unproven,
};
pub use ledger::{CoverageHour, Gap, GapsDue, Look};
pub use queue::{Accepted, Claim, Due, End, Fetched, NewCall, Seen};

/// Answers an [`Store::accept`] after its commit; called on the store's own thread, so it must be quick.
pub type AcceptDone = Box<dyn FnOnce(Result<Accepted, StoreError>) + Send>;

/// The port. One adapter lives behind it for the life of the process; shared by reference between threads.
pub trait Store: models::ModelStore + Send + Sync {
    /// Queues an event, or joins the ticket's waiting one (key 1). `done` runs after the commit.
    ///
    /// Does not block: a full queue answers [`StoreError::Busy`] at once through `done`.
    fn accept(&self, call: NewCall, done: AcceptDone);

    /// Takes the most urgent event that is due: lane, then age; never two of one ticket at a time, and in the order
    /// they came unless an earlier one is held or being checked. Counts an attempt and writes the lease.
    ///
    /// # Errors
    /// [`StoreError`].
    fn claim(&self, now: Timestamp, lease: Duration) -> Result<Option<Claim>, StoreError>;

    /// What a claim would take next, now or later: for the pool's sleep and for reserving calls before the claim;
    /// `None` when nothing is queued.
    ///
    /// # Errors
    /// [`StoreError`].
    fn next_due(&self, now: Timestamp) -> Result<Option<Due>, StoreError>;

    /// Records what the read showed and takes key 2.
    ///
    /// # Errors
    /// [`StoreError::Lost`].
    fn fetched(&self, claim: &Claim, seen: &Seen, now: Timestamp) -> Result<Fetched, StoreError>;

    /// Journals a decision and the steps it planned, all in one commit. Replaces an earlier plan of this event only
    /// while nothing of it was started.
    ///
    /// # Errors
    /// [`StoreError::Lost`].
    fn planned(&self, claim: &Claim, plan: &Plan, now: Timestamp) -> Result<(), StoreError>;

    /// The journalled plan of an event with how far it got; `None` before [`Store::planned`].
    ///
    /// # Errors
    /// [`StoreError`].
    fn journal(&self, event: EventId) -> Result<Option<Journal>, StoreError>;

    /// Journals `sending` for the event's reply after checking the caps, the brake on harm and the key (ticket,
    /// message) in the same transaction.
    ///
    /// # Errors
    /// [`StoreError::Lost`].
    fn begin_reply(&self, claim: &Claim, caps: &Caps, now: Timestamp) -> Result<Begun, StoreError>;

    /// Journals what became of the reply. Called on an `unsure` one, it counts a read-back.
    ///
    /// # Errors
    /// [`StoreError::Lost`].
    fn reply_is(
        &self,
        claim: &Claim,
        state: ReplyState,
        answer: &Answer,
        now: Timestamp,
    ) -> Result<(), StoreError>;

    /// Journals the outcome of one other step.
    ///
    /// # Errors
    /// [`StoreError::Lost`].
    fn step_is(
        &self,
        claim: &Claim,
        seq: u32,
        state: StepState,
        answer: &Answer,
        now: Timestamp,
    ) -> Result<(), StoreError>;

    /// Puts other steps in the place of those that were not done yet, which become `Skipped` with `why`; in one
    /// commit (an unconfirmed reply goes to a person).
    ///
    /// # Errors
    /// [`StoreError::Lost`].
    fn replan(
        &self,
        claim: &Claim,
        steps: &[StepPlan],
        why: &Answer,
        now: Timestamp,
    ) -> Result<(), StoreError>;

    /// Adds a step to the plan (the ticket is opened again after a close that came too late).
    ///
    /// # Errors
    /// [`StoreError::Lost`].
    fn add_step(&self, claim: &Claim, step: &StepPlan, now: Timestamp) -> Result<(), StoreError>;

    /// Ends the claim: the event moves on.
    ///
    /// # Errors
    /// [`StoreError::Lost`].
    fn finish(&self, claim: &Claim, end: &End, now: Timestamp) -> Result<(), StoreError>;

    /// Replies counted for the caps and the brake on harm.
    ///
    /// # Errors
    /// [`StoreError`].
    fn reply_counts(
        &self,
        helpdesk: &HelpdeskName,
        ticket: &TicketId,
        customer: Option<&str>,
        now: Timestamp,
    ) -> Result<ReplyCounts, StoreError>;

    /// Puts back what a stopped process left behind: `working` becomes due at once, `sending` becomes `unsure`.
    /// Called before listening; returns how many events were put back.
    ///
    /// # Errors
    /// [`StoreError`].
    fn recover(&self, now: Timestamp) -> Result<u64, StoreError>;

    /// Makes events that were put off (`backoff`) since `since` due now: what put them off is over. Returns how many.
    ///
    /// # Errors
    /// [`StoreError`].
    fn hasten(&self, helpdesk: &HelpdeskName, since: Timestamp, now: Timestamp) -> Result<u64, StoreError>;

    /// Puts back events whose lease ran out (a worker that hangs). Returns how many.
    ///
    /// # Errors
    /// [`StoreError`].
    fn rescue(&self, now: Timestamp) -> Result<u64, StoreError>;

    /// What is known of a ticket, for sweeps.
    ///
    /// # Errors
    /// [`StoreError`].
    fn known_ticket(
        &self,
        helpdesk: &HelpdeskName,
        ticket: &TicketId,
    ) -> Result<Option<KnownTicket>, StoreError>;

    /// Open tickets looked at since `since`, least recently looked at first, then closed ones that changed since; at
    /// most `limit`.
    ///
    /// # Errors
    /// [`StoreError`].
    fn known_tickets(
        &self,
        helpdesk: &HelpdeskName,
        since: Timestamp,
        limit: u32,
    ) -> Result<Vec<KnownTicket>, StoreError>;

    /// The highest conversation number met.
    ///
    /// # Errors
    /// [`StoreError`].
    fn highest_number(&self, helpdesk: &HelpdeskName) -> Result<Option<i64>, StoreError>;

    /// Notes that a sweep looked at a ticket, so that it is not asked for again until it changes.
    ///
    /// # Errors
    /// [`StoreError`].
    fn looked_at(&self, ticket: &KnownTicket, now: Timestamp) -> Result<(), StoreError>;

    /// A value that outlives restarts (`mode`, `list_forbidden`).
    ///
    /// # Errors
    /// [`StoreError`].
    fn setting(&self, key: &str) -> Result<Option<Setting>, StoreError>;

    /// Sets or (with `None`) removes one, and writes it into the audit.
    ///
    /// # Errors
    /// [`StoreError`].
    fn set(&self, key: &str, value: Option<&str>, by: &str, now: Timestamp) -> Result<(), StoreError>;

    /// Queues a dead or discarded event again, by a person.
    ///
    /// # Errors
    /// [`StoreError::Refused`] when its state does not allow it.
    fn retry(&self, event: EventId, by: &str, now: Timestamp) -> Result<(), StoreError>;

    /// Throws an open or dead event away, by a person.
    ///
    /// # Errors
    /// [`StoreError::Refused`] when its state does not allow it.
    fn discard(&self, event: EventId, reason: &str, by: &str, now: Timestamp) -> Result<(), StoreError>;

    /// Deletes at most `limit` ended events (with all that hangs on them) and idempotency keys past their time.
    /// Returns how many events went.
    ///
    /// # Errors
    /// [`StoreError`].
    fn prune(&self, events_before: Timestamp, keys_before: Timestamp, limit: u32) -> Result<u64, StoreError>;

    /// Events by state, for status and metrics.
    ///
    /// # Errors
    /// [`StoreError`].
    fn counts(&self) -> Result<Vec<(State, u64)>, StoreError>;

    /// Whether another event can be taken in: the writer lives, the disk has room.
    ///
    /// # Errors
    /// [`StoreError::Busy`], [`StoreError::DiskFull`] or [`StoreError::Unknown`], as `accept` would answer.
    fn ready(&self) -> Result<(), StoreError>;

    /// Steps that the helpdesk said yes to without showing it, of events that ended before `before`, oldest first.
    ///
    /// # Errors
    /// [`StoreError`].
    fn unproven(
        &self,
        helpdesk: &HelpdeskName,
        before: Timestamp,
        limit: u32,
    ) -> Result<Vec<Unproven>, StoreError>;

    /// Settles such a step after a look: `Applied`, `Skipped`, or `Failed` when it cannot be brought about. An event
    /// whose tags failed becomes a dead letter: nobody was told of its ticket.
    ///
    /// # Errors
    /// [`StoreError`].
    fn proven(
        &self,
        step: &Unproven,
        state: StepState,
        answer: &Answer,
        now: Timestamp,
    ) -> Result<(), StoreError>;

    /// Says that a person should know of something, once until it is cleared; an open one takes the newer words. True:
    /// it was not open before.
    ///
    /// # Errors
    /// [`StoreError`].
    fn raise(&self, key: &str, text: &str, now: Timestamp) -> Result<bool, StoreError>;

    /// Says that it is over. True: it was open.
    ///
    /// # Errors
    /// [`StoreError`].
    fn clear(&self, key: &str, now: Timestamp) -> Result<bool, StoreError>;

    /// What a person should know of now, oldest first.
    ///
    /// # Errors
    /// [`StoreError`].
    fn alerts(&self) -> Result<Vec<Alert>, StoreError>;

    /// How customer messages came since, by hour and channel, with the numbers noted as missing; oldest first.
    ///
    /// # Errors
    /// [`StoreError`].
    fn coverage(&self, since: Timestamp) -> Result<Vec<CoverageHour>, StoreError>;

    /// Notes as missing the conversation numbers that no ticket has, between what was the highest before `since` (on
    /// a younger file: that of the very first call) and the highest now, at most the last `most`. How many were new.
    ///
    /// # Errors
    /// [`StoreError`].
    fn note_gaps(
        &self,
        helpdesk: &HelpdeskName,
        since: Timestamp,
        most: u32,
        now: Timestamp,
    ) -> Result<u64, StoreError>;

    /// Missing numbers to look up, the highest first.
    ///
    /// # Errors
    /// [`StoreError`].
    fn gaps_due(&self, helpdesk: &HelpdeskName, due: GapsDue) -> Result<Vec<Gap>, StoreError>;

    /// Notes what a look at one showed. A ticket that is met closes its gap by itself.
    ///
    /// # Errors
    /// [`StoreError`].
    fn gap_looked_at(
        &self,
        helpdesk: &HelpdeskName,
        number: i64,
        look: Look,
        now: Timestamp,
    ) -> Result<(), StoreError>;

    /// How many numbers are missing.
    ///
    /// # Errors
    /// [`StoreError`].
    fn gaps_missing(&self, helpdesk: &HelpdeskName) -> Result<u64, StoreError>;

    /// An orderly end: what is queued is committed, the file is left whole in one piece. Later calls are refused.
    fn close(&self);

    /// Runs `bell` after each commit that made an event claimable.
    fn on_work(&self, bell: Box<dyn Fn() + Send + Sync>);
}

/// A ticket we met.
#[derive(Debug, Clone, PartialEq)]
pub struct KnownTicket {
    /// Which helpdesk.
    pub helpdesk: HelpdeskName,
    /// Which ticket.
    pub ticket: TicketId,
    /// Its conversation number.
    pub number: Option<i64>,
    /// The newest customer message we handled.
    pub message: Option<MessageKey>,
    /// The helpdesk's last change as we last saw it.
    pub updated_at: Option<Timestamp>,
    /// Whether it was open then.
    pub open: bool,
    /// The channel's word.
    pub channel: String,
}

/// Something that a person should know about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alert {
    /// What it is about (`helpdesk-down:richpanel`, `brake:hour`); one is open at a time.
    pub key: String,
    /// One line for people: what is wrong, and what to do.
    pub text: String,
    /// Since when.
    pub raised_at: Timestamp,
}

/// A kept value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Setting {
    /// The value.
    pub value: String,
    /// Who set it.
    pub by: String,
    /// When.
    pub at: Timestamp,
}

/// What the store cannot do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// Too much waits for the disk, or the store is stopping: 503, try again.
    #[error("too many events wait for the disk; try again in a moment")]
    Busy,
    /// The disk is (nearly) full. Nothing was written.
    #[error("the disk is full or nearly so; make room in the state directory")]
    DiskFull,
    /// The claim was lost: its lease ran out and another took it, or a person steered the event.
    #[error("the claim was lost")]
    Lost,
    /// A person asked for something the event's state does not allow.
    #[error("{0}")]
    Refused(String),
    /// No such event.
    #[error("there is no event {0}")]
    NoSuchEvent(EventId),
    /// The file is not ours, too new, damaged, or a statement failed in a way that leaves nothing half done.
    #[error("the database cannot be used: {0}")]
    Broken(String),
    /// An I/O error in a commit: it may have happened or not. The process must stop and start again.
    #[error("a commit failed and may or may not be on disk: {0}")]
    Unknown(String),
}
