//! The store for the simulation: the adapter's own SQL on one connection in memory, each method one transaction in
//! the calling thread. No writer thread and no disk: what a seed does depends on nothing but the seed.
//!
//! [`memory`] once a thread, [`DirectStore::over`] once a seed (it empties the tables; the compiled statements stay).
//! [`DirectStore::lag`] makes it the store that we do not want: commits that a crash undoes.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

pub(crate) use rusqlite::Connection as Raw;
use rusqlite::Connection;
use rusqlite::types::ValueRef;

use super::LONGEST_WAIT;
use super::migrate::SCHEMA;
use super::open::broken;
use super::writer::Bell;
use super::{alerts, brake, coverage, events, gaps, journal, models, replies, upkeep};
use crate::clock::Clock;
use crate::event::{Caps, EventId, HelpdeskName, ReplyCounts, State, TicketId, Timestamp};
use crate::store::models::{ModelStore, NewModel};
use crate::store::{
    AcceptDone, Alert, Answer, Begun, Claim, CoverageHour, Due, End, Fetched, Gap, GapsDue, Journal,
    KnownTicket, Look, NewCall, Plan, ReplyState, Seen, Setting, StepPlan, StepState, Store, StoreError,
    Unproven,
};

const TABLES: &[&str] = &[
    "steps",
    "replies",
    "decisions",
    "transitions",
    "calls",
    "events",
    "idempotency",
    "tickets",
    "settings",
    "settings_log",
    "alerts",
    "gaps",
];

/// A fresh database in memory, to be used by one store after another.
pub(crate) fn memory() -> Arc<Mutex<Connection>> {
    let connection = Connection::open_in_memory().unwrap();
    connection.execute_batch(SCHEMA).unwrap();
    connection.pragma_update(None, "foreign_keys", 1).unwrap();
    connection.set_prepared_statement_cache_capacity(256);
    Arc::new(Mutex::new(connection))
}

/// The adapter without its thread and its file.
pub(crate) struct DirectStore {
    connection: Arc<Mutex<Connection>>,
    clock: Arc<dyn Clock>,
    bell: Mutex<Option<Arc<Bell>>>,
    lagging: AtomicBool,
}

impl DirectStore {
    /// An empty store on a connection of [`memory`].
    pub(crate) fn over(connection: &Arc<Mutex<Connection>>, clock: Arc<dyn Clock>) -> Self {
        let store = Self { clock, ..Self::peek(connection) };
        let open = store.lock();
        if !open.is_autocommit() {
            open.execute_batch("rollback").unwrap();
        }
        for table in TABLES {
            open.prepare_cached(&format!("delete from {table}")).unwrap().execute([]).unwrap();
        }
        drop(open);
        store
    }

    /// What the last store left there.
    pub(crate) fn peek(connection: &Arc<Mutex<Connection>>) -> Self {
        let clock = crate::clock::ManualClock::at(Timestamp::UNIX_EPOCH);
        Self {
            connection: Arc::clone(connection),
            clock: Arc::new(clock),
            bell: Mutex::new(None),
            lagging: AtomicBool::new(false),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Connection> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on a commit is safe only after [`DirectStore::sync`], as with `synchronous=NORMAL`.
    pub(crate) fn lag(&self) {
        self.lagging.store(true, Ordering::Release);
        self.batch("begin");
    }

    /// The operating system has written everything out by now.
    pub(crate) fn sync(&self) {
        if self.lagging.load(Ordering::Acquire) {
            self.batch("commit; begin");
        }
    }

    /// The power fails: a lagging store loses what was not synced.
    pub(crate) fn power_fails(&self) {
        if self.lagging.load(Ordering::Acquire) {
            self.batch("rollback; begin");
        }
    }

    fn batch(&self, sql: &str) {
        self.lock().execute_batch(sql).unwrap();
    }

    /// Every row of a query as text; NULL is empty.
    pub(crate) fn rows(&self, sql: &str) -> Vec<Vec<String>> {
        let open = self.lock();
        let mut statement = open.prepare_cached(sql).unwrap();
        let columns = statement.column_count();
        let text = |value: ValueRef<'_>| match value {
            ValueRef::Null => String::new(),
            ValueRef::Integer(number) => number.to_string(),
            ValueRef::Real(number) => number.to_string(),
            ValueRef::Text(bytes) | ValueRef::Blob(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        };
        let rows = statement
            .query_map([], |row| (0..columns).map(|column| Ok(text(row.get_ref(column)?))).collect())
            .unwrap();
        rows.map(Result::unwrap).collect()
    }

    fn read<T>(&self, look: impl FnOnce(&Connection) -> Result<T, StoreError>) -> Result<T, StoreError> {
        look(&self.lock())
    }

    /// As one job of the writer: its own savepoint, undone when it fails.
    fn write<T>(
        &self,
        rings: bool,
        work: impl FnOnce(&Connection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let open = self.lock();
        let run = |sql: &str| {
            open.prepare_cached(sql)
                .and_then(|mut statement| statement.execute([]))
                .map_err(|error| broken(&error))
        };
        run("savepoint job")?;
        let done = work(&open);
        if done.is_err() {
            run("rollback to job")?;
        }
        run("release job")?;
        drop(open);
        if rings && done.is_ok() {
            let bell = self.bell.lock().unwrap_or_else(PoisonError::into_inner).clone();
            if let Some(bell) = bell {
                bell();
            }
        }
        done
    }
}

impl ModelStore for DirectStore {
    fn add_model(&self, model: NewModel, by: &str, now: Timestamp) -> Result<(), StoreError> {
        self.write(false, |open| models::add(open, &model, by, now))
    }

    fn use_model(&self, version: Option<&str>, by: &str, now: Timestamp) -> Result<(), StoreError> {
        self.write(false, |open| models::take(open, version, by, now))
    }

    fn model(&self, version: Option<&str>) -> Result<Option<Vec<u8>>, StoreError> {
        self.read(|open| models::bytes(open, version))
    }
}

impl Store for DirectStore {
    fn accept(&self, call: NewCall, done: AcceptDone) {
        done(self.write(call.ticket.is_some(), |open| events::accept(open, &call)));
    }

    fn claim(&self, now: Timestamp, lease: Duration) -> Result<Option<Claim>, StoreError> {
        self.write(false, |open| events::claim(open, now, lease))
    }

    fn next_due(&self, now: Timestamp) -> Result<Option<Due>, StoreError> {
        self.read(|open| events::next_due(open, now))
    }

    fn fetched(&self, claim: &Claim, seen: &Seen, now: Timestamp) -> Result<Fetched, StoreError> {
        self.write(false, |open| journal::fetched(open, claim, seen, now))
    }

    fn planned(&self, claim: &Claim, plan: &Plan, now: Timestamp) -> Result<(), StoreError> {
        self.write(false, |open| journal::planned(open, claim, plan, now))
    }

    fn journal(&self, event: EventId) -> Result<Option<Journal>, StoreError> {
        self.read(|open| journal::journal(open, event))
    }

    fn begin_reply(&self, claim: &Claim, caps: &Caps, now: Timestamp) -> Result<Begun, StoreError> {
        self.write(false, |open| replies::begin_reply(open, claim, caps, now))
    }

    fn reply_is(
        &self,
        claim: &Claim,
        state: ReplyState,
        answer: &Answer,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.write(false, |open| replies::reply_is(open, claim, state, answer, now))
    }

    fn step_is(
        &self,
        claim: &Claim,
        seq: u32,
        state: StepState,
        answer: &Answer,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.write(false, |open| journal::step_is(open, claim, seq, state, answer, now))
    }

    fn replan(
        &self,
        claim: &Claim,
        steps: &[StepPlan],
        why: &Answer,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.write(false, |open| journal::replan(open, claim, steps, why, now))
    }

    fn add_step(&self, claim: &Claim, step: &StepPlan, now: Timestamp) -> Result<(), StoreError> {
        self.write(false, |open| journal::add_step(open, claim, step, now))
    }

    fn finish(&self, claim: &Claim, end: &End, now: Timestamp) -> Result<(), StoreError> {
        self.write(true, |open| events::finish(open, claim, end, now))
    }

    fn reply_counts(
        &self,
        helpdesk: &HelpdeskName,
        ticket: &TicketId,
        customer: Option<&str>,
        now: Timestamp,
    ) -> Result<ReplyCounts, StoreError> {
        self.read(|open| replies::reply_counts(open, helpdesk, ticket, customer, now))
    }

    fn recover(&self, now: Timestamp) -> Result<u64, StoreError> {
        let why = "the process stopped while working on it";
        self.write(true, |open| events::release(open, Timestamp::MAX, now, LONGEST_WAIT, ("recovery", why)))
    }

    fn rescue(&self, now: Timestamp) -> Result<u64, StoreError> {
        self.write(true, |open| {
            events::release(open, now, now, LONGEST_WAIT, ("rescue", "the worker's lease ran out"))
        })
    }

    fn known_ticket(
        &self,
        helpdesk: &HelpdeskName,
        ticket: &TicketId,
    ) -> Result<Option<KnownTicket>, StoreError> {
        self.read(|open| upkeep::known_ticket(open, helpdesk, ticket))
    }

    fn known_tickets(
        &self,
        helpdesk: &HelpdeskName,
        since: Timestamp,
        limit: u32,
    ) -> Result<Vec<KnownTicket>, StoreError> {
        self.read(|open| upkeep::known_tickets(open, helpdesk, since, limit))
    }

    fn highest_number(&self, helpdesk: &HelpdeskName) -> Result<Option<i64>, StoreError> {
        self.read(|open| upkeep::highest_number(open, helpdesk))
    }

    fn looked_at(&self, ticket: &KnownTicket, now: Timestamp) -> Result<(), StoreError> {
        self.write(false, |open| upkeep::looked_at(open, ticket, now))
    }

    fn setting(&self, key: &str) -> Result<Option<Setting>, StoreError> {
        self.read(|open| upkeep::setting(open, key))
    }

    fn set(&self, key: &str, value: Option<&str>, by: &str, now: Timestamp) -> Result<(), StoreError> {
        self.write(true, |open| upkeep::set(open, key, value, by, now))
    }

    fn retry(&self, event: EventId, by: &str, now: Timestamp) -> Result<(), StoreError> {
        self.write(true, |open| events::retry(open, event, by, now))
    }

    fn discard(&self, event: EventId, reason: &str, by: &str, now: Timestamp) -> Result<(), StoreError> {
        self.write(true, |open| events::discard(open, event, reason, by, now))
    }

    fn prune(&self, events_before: Timestamp, keys_before: Timestamp, limit: u32) -> Result<u64, StoreError> {
        self.write(false, |open| upkeep::prune(open, events_before, keys_before, limit))
    }

    fn counts(&self) -> Result<Vec<(State, u64)>, StoreError> {
        let now = self.clock.now();
        self.read(|open| upkeep::counts(open, now).map_err(|error| broken(&error)))
    }

    fn ready(&self) -> Result<(), StoreError> {
        Ok(())
    }

    fn unproven(
        &self,
        helpdesk: &HelpdeskName,
        before: Timestamp,
        limit: u32,
    ) -> Result<Vec<Unproven>, StoreError> {
        self.read(|open| journal::unproven(open, helpdesk, before, limit))
    }

    fn proven(
        &self,
        step: &Unproven,
        state: StepState,
        answer: &Answer,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.write(false, |open| journal::proven(open, step, state, answer, now))
    }

    fn hasten(&self, helpdesk: &HelpdeskName, since: Timestamp, now: Timestamp) -> Result<u64, StoreError> {
        self.write(true, |open| brake::hasten(open, helpdesk, since, now))
    }

    fn raise(&self, key: &str, text: &str, now: Timestamp) -> Result<bool, StoreError> {
        self.write(false, |open| alerts::raise(open, key, text, now))
    }

    fn clear(&self, key: &str, now: Timestamp) -> Result<bool, StoreError> {
        self.write(false, |open| alerts::clear(open, key, now))
    }

    fn alerts(&self) -> Result<Vec<Alert>, StoreError> {
        self.read(alerts::open)
    }

    fn coverage(&self, since: Timestamp) -> Result<Vec<CoverageHour>, StoreError> {
        self.read(|open| coverage::coverage(open, since))
    }

    fn note_gaps(
        &self,
        helpdesk: &HelpdeskName,
        since: Timestamp,
        most: u32,
        now: Timestamp,
    ) -> Result<u64, StoreError> {
        self.write(false, |open| gaps::note(open, helpdesk, since, most, now))
    }

    fn gaps_due(&self, helpdesk: &HelpdeskName, due: GapsDue) -> Result<Vec<Gap>, StoreError> {
        self.read(|open| gaps::due(open, helpdesk, due))
    }

    fn gap_looked_at(
        &self,
        helpdesk: &HelpdeskName,
        number: i64,
        look: Look,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.write(false, |open| gaps::looked(open, helpdesk, number, look, now))
    }

    fn gaps_missing(&self, helpdesk: &HelpdeskName) -> Result<u64, StoreError> {
        self.read(|open| gaps::missing(open, helpdesk))
    }

    fn close(&self) {}

    fn on_work(&self, bell: Box<dyn Fn() + Send + Sync>) {
        *self.bell.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(bell));
    }
}

mod tests {
    use super::*;
    use crate::clock::ManualClock;

    crate::store::conformance::suite!(|clock: Arc<ManualClock>| {
        let store = DirectStore::over(&memory(), clock);
        (Box::new(store) as Box<dyn Store>, ())
    });
}
