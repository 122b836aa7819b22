//! The store on SQLite: one writer thread with group commit, one read connection, one file.
//!
//! [`SqliteStore::open`] takes the lock on the state directory first, then checks and opens the file; a second
//! process leaves at once with [`StoreError::Refused`]. Looking from outside is [`reader`].

mod alerts;
pub mod backup;
mod brake;
mod carried;
pub mod contents;
pub mod copy;
mod coverage;
#[cfg(test)]
pub(crate) mod direct;
mod events;
mod gaps;
mod journal;
pub mod lock;
mod migrate;
mod models;
mod open;
pub mod reader;
mod replies;
pub mod restore;
mod upkeep;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rusqlite::Connection;

use crate::clock::Clock;
use crate::event::{Caps, EventId, HelpdeskName, ReplyCounts, State, TicketId, Timestamp};
use crate::store::{
    AcceptDone, Alert, Answer, Begun, Claim, CoverageHour, Due, End, Fetched, Gap, GapsDue, Journal,
    KnownTicket, Look, NewCall, Plan, ReplyState, Seen, Setting, StepPlan, StepState, Store, StoreError,
    Unproven,
};
use lock::StateLock;
use writer::{Task, Writer};

/// [`Options::longest_wait`] with the default configuration: the longest pause that a `Retry-After` can ask for, and
/// some.
const LONGEST_WAIT: Duration = Duration::from_secs(3_660);

/// How the file is opened.
#[derive(Debug, Clone)]
pub struct Options {
    /// The database file; `mw.db.lock` and the WAL stand beside it.
    pub path: PathBuf,
    /// Calls that may wait for one commit.
    pub max_pending: usize,
    /// Free bytes under which nothing new is taken in.
    pub min_free_bytes: u64,
    /// The longest that anything is ever put off, by the configuration: what lies further ahead was written while the
    /// clock was wrong.
    pub longest_wait: Duration,
}

impl Options {
    /// The defaults of `[store]` on this file.
    pub fn at(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            max_pending: 4096,
            min_free_bytes: 64 * 1024 * 1024,
            longest_wait: LONGEST_WAIT,
        }
    }
}

/// The adapter.
pub struct SqliteStore {
    writer: Writer,
    reader: Mutex<Connection>,
    clock: Arc<dyn Clock>,
    longest_wait: Duration,
    _lock: StateLock,
}

impl SqliteStore {
    /// Locks the state directory, opens or creates the file, starts the writer.
    ///
    /// # Errors
    /// [`StoreError::Refused`] when another process holds the lock; [`StoreError::Broken`] when the file is not
    /// usable.
    pub fn open(options: &Options, clock: Arc<dyn Clock>) -> Result<Self, StoreError> {
        let lock = StateLock::take(&options.path)?;
        open::put_aside_foreign_wal(&options.path)?;
        match backup::keep_before_migration(&options.path, clock.now()) {
            Ok(None) => (),
            Ok(Some(kept)) => log::info!("store: the file as it is now is kept as {}", kept.display()),
            // A step is all or nothing; the copy is only for going back to the program before this one.
            Err(error) => log::warn!("store: no copy is kept of the file as it is now: {error}; going on"),
        }
        let connection = open::open_writer(&options.path)?;
        let reader = open::open_reader(&options.path)?;
        let folder = options.path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.map_or_else(|| PathBuf::from("."), Path::to_path_buf);
        let writer = Writer::start(connection, folder, options.max_pending, options.min_free_bytes)
            .map_err(|error| StoreError::Broken(format!("cannot start the writer: {error}")))?;
        let longest_wait = options.longest_wait;
        Ok(Self { writer, reader: Mutex::new(reader), clock, longest_wait, _lock: lock })
    }

    fn read<T>(&self, look: impl FnOnce(&Connection) -> Result<T, StoreError>) -> Result<T, StoreError> {
        look(&self.reader.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Store for SqliteStore {
    fn accept(&self, call: NewCall, done: AcceptDone) {
        let rings = call.ticket.is_some();
        let task =
            Task::new(true, rings, move |connection: &Connection| events::accept(connection, &call), done);
        if let Err(job) = self.writer.try_send(Box::new(task)) {
            job.answer(Err(StoreError::Busy));
        }
    }

    fn claim(&self, now: Timestamp, lease: Duration) -> Result<Option<Claim>, StoreError> {
        self.writer.run(false, move |connection| events::claim(connection, now, lease))
    }

    fn next_due(&self, now: Timestamp) -> Result<Option<Due>, StoreError> {
        self.read(|connection| events::next_due(connection, now))
    }

    fn fetched(&self, claim: &Claim, seen: &Seen, now: Timestamp) -> Result<Fetched, StoreError> {
        let (claim, seen) = (claim.clone(), seen.clone());
        self.writer.run(false, move |connection| journal::fetched(connection, &claim, &seen, now))
    }

    fn planned(&self, claim: &Claim, plan: &Plan, now: Timestamp) -> Result<(), StoreError> {
        let (claim, plan) = (claim.clone(), plan.clone());
        self.writer.run(false, move |connection| journal::planned(connection, &claim, &plan, now))
    }

    fn journal(&self, event: EventId) -> Result<Option<Journal>, StoreError> {
        self.read(|connection| journal::journal(connection, event))
    }

    fn begin_reply(&self, claim: &Claim, caps: &Caps, now: Timestamp) -> Result<Begun, StoreError> {
        if self.writer.shared().disk_low.load(Ordering::Acquire) {
            return Err(StoreError::DiskFull);
        }
        let (claim, caps) = (claim.clone(), caps.clone());
        self.writer.run(false, move |connection| replies::begin_reply(connection, &claim, &caps, now))
    }

    fn reply_is(
        &self,
        claim: &Claim,
        state: ReplyState,
        answer: &Answer,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let (claim, answer) = (claim.clone(), answer.clone());
        self.writer.run(false, move |connection| replies::reply_is(connection, &claim, state, &answer, now))
    }

    fn step_is(
        &self,
        claim: &Claim,
        seq: u32,
        state: StepState,
        answer: &Answer,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let (claim, answer) = (claim.clone(), answer.clone());
        self.writer
            .run(false, move |connection| journal::step_is(connection, &claim, seq, state, &answer, now))
    }

    fn replan(
        &self,
        claim: &Claim,
        steps: &[StepPlan],
        why: &Answer,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let (claim, steps, why) = (claim.clone(), steps.to_vec(), why.clone());
        self.writer.run(false, move |connection| journal::replan(connection, &claim, &steps, &why, now))
    }

    fn add_step(&self, claim: &Claim, step: &StepPlan, now: Timestamp) -> Result<(), StoreError> {
        let (claim, step) = (claim.clone(), step.clone());
        self.writer.run(false, move |connection| journal::add_step(connection, &claim, &step, now))
    }

    fn finish(&self, claim: &Claim, end: &End, now: Timestamp) -> Result<(), StoreError> {
        let (claim, end) = (claim.clone(), end.clone());
        // Ending one event of a ticket may free the next one.
        self.writer.run(true, move |connection| events::finish(connection, &claim, &end, now))
    }

    fn reply_counts(
        &self,
        helpdesk: &HelpdeskName,
        ticket: &TicketId,
        customer: Option<&str>,
        now: Timestamp,
    ) -> Result<ReplyCounts, StoreError> {
        self.read(|connection| replies::reply_counts(connection, helpdesk, ticket, customer, now))
    }

    fn recover(&self, now: Timestamp) -> Result<u64, StoreError> {
        let why = ("recovery", "the process stopped while working on it");
        let longest_wait = self.longest_wait;
        self.writer
            .run(true, move |connection| events::release(connection, Timestamp::MAX, now, longest_wait, why))
    }

    fn hasten(&self, helpdesk: &HelpdeskName, since: Timestamp, now: Timestamp) -> Result<u64, StoreError> {
        let helpdesk = helpdesk.clone();
        self.writer.run(true, move |connection| brake::hasten(connection, &helpdesk, since, now))
    }

    fn rescue(&self, now: Timestamp) -> Result<u64, StoreError> {
        let longest_wait = self.longest_wait;
        self.writer.run(true, move |connection| {
            events::release(connection, now, now, longest_wait, ("rescue", "the worker's lease ran out"))
        })
    }

    fn known_ticket(
        &self,
        helpdesk: &HelpdeskName,
        ticket: &TicketId,
    ) -> Result<Option<KnownTicket>, StoreError> {
        self.read(|connection| upkeep::known_ticket(connection, helpdesk, ticket))
    }

    fn known_tickets(
        &self,
        helpdesk: &HelpdeskName,
        since: Timestamp,
        limit: u32,
    ) -> Result<Vec<KnownTicket>, StoreError> {
        self.read(|connection| upkeep::known_tickets(connection, helpdesk, since, limit))
    }

    fn highest_number(&self, helpdesk: &HelpdeskName) -> Result<Option<i64>, StoreError> {
        self.read(|connection| upkeep::highest_number(connection, helpdesk))
    }

    fn looked_at(&self, ticket: &KnownTicket, now: Timestamp) -> Result<(), StoreError> {
        let ticket = ticket.clone();
        self.writer.run(false, move |connection| upkeep::looked_at(connection, &ticket, now))
    }

    fn setting(&self, key: &str) -> Result<Option<Setting>, StoreError> {
        self.read(|connection| upkeep::setting(connection, key))
    }

    fn set(&self, key: &str, value: Option<&str>, by: &str, now: Timestamp) -> Result<(), StoreError> {
        let (key, value, by) = (key.to_owned(), value.map(str::to_owned), by.to_owned());
        self.writer.run(true, move |connection| upkeep::set(connection, &key, value.as_deref(), &by, now))
    }

    fn retry(&self, event: EventId, by: &str, now: Timestamp) -> Result<(), StoreError> {
        let by = by.to_owned();
        self.writer.run(true, move |connection| events::retry(connection, event, &by, now))
    }

    fn discard(&self, event: EventId, reason: &str, by: &str, now: Timestamp) -> Result<(), StoreError> {
        let (reason, by) = (reason.to_owned(), by.to_owned());
        self.writer.run(true, move |connection| events::discard(connection, event, &reason, &by, now))
    }

    fn prune(&self, events_before: Timestamp, keys_before: Timestamp, limit: u32) -> Result<u64, StoreError> {
        self.writer.run(false, move |connection| upkeep::prune(connection, events_before, keys_before, limit))
    }

    fn counts(&self) -> Result<Vec<(State, u64)>, StoreError> {
        let now = self.clock.now();
        self.read(|connection| upkeep::counts(connection, now).map_err(|error| open::broken(&error)))
    }

    fn ready(&self) -> Result<(), StoreError> {
        let shared = self.writer.shared();
        if shared.lost.load(Ordering::Acquire) {
            return Err(StoreError::Unknown("an earlier commit failed".into()));
        }
        if shared.disk_low.load(Ordering::Acquire) {
            return Err(StoreError::DiskFull);
        }
        Ok(())
    }

    fn unproven(
        &self,
        helpdesk: &HelpdeskName,
        before: Timestamp,
        limit: u32,
    ) -> Result<Vec<Unproven>, StoreError> {
        self.read(|connection| journal::unproven(connection, helpdesk, before, limit))
    }

    fn proven(
        &self,
        step: &Unproven,
        state: StepState,
        answer: &Answer,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let (step, answer) = (step.clone(), answer.clone());
        self.writer.run(false, move |connection| journal::proven(connection, &step, state, &answer, now))
    }

    fn raise(&self, key: &str, text: &str, now: Timestamp) -> Result<bool, StoreError> {
        let (key, text) = (key.to_owned(), text.to_owned());
        self.writer.run(false, move |connection| alerts::raise(connection, &key, &text, now))
    }

    fn clear(&self, key: &str, now: Timestamp) -> Result<bool, StoreError> {
        let key = key.to_owned();
        self.writer.run(false, move |connection| alerts::clear(connection, &key, now))
    }

    fn alerts(&self) -> Result<Vec<Alert>, StoreError> {
        self.read(alerts::open)
    }

    fn coverage(&self, since: Timestamp) -> Result<Vec<CoverageHour>, StoreError> {
        self.read(|connection| coverage::coverage(connection, since))
    }

    fn note_gaps(
        &self,
        helpdesk: &HelpdeskName,
        since: Timestamp,
        most: u32,
        now: Timestamp,
    ) -> Result<u64, StoreError> {
        let helpdesk = helpdesk.clone();
        self.writer.run(false, move |connection| gaps::note(connection, &helpdesk, since, most, now))
    }

    fn gaps_due(&self, helpdesk: &HelpdeskName, due: GapsDue) -> Result<Vec<Gap>, StoreError> {
        self.read(|connection| gaps::due(connection, helpdesk, due))
    }

    fn gap_looked_at(
        &self,
        helpdesk: &HelpdeskName,
        number: i64,
        look: Look,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let helpdesk = helpdesk.clone();
        self.writer.run(false, move |connection| gaps::looked(connection, &helpdesk, number, look, now))
    }

    fn gaps_missing(&self, helpdesk: &HelpdeskName) -> Result<u64, StoreError> {
        self.read(|connection| gaps::missing(connection, helpdesk))
    }

    fn close(&self) {
        self.writer.close();
    }

    fn on_work(&self, bell: Box<dyn Fn() + Send + Sync>) {
        let _ = self.writer.shared().bell.set(bell);
    }
}

#[cfg(test)]
mod tests;
