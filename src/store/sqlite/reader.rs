//! Looking at the file from outside the daemon: what `status`, `events` and `show` print. Never writes, never waits
//! for a writer.

use std::path::Path;

use rusqlite::types::FromSql;
use rusqlite::{Connection, OptionalExtension, Row, named_params};
use serde::Serialize;

use super::open::{broken, open_reader};
use crate::clock::{from_millis, millis};
use crate::event::{EventId, Lane, State, Timestamp};
use crate::store::models::KeptModel;
use crate::store::{Alert, Setting, StoreError};

const EVENT_COLUMNS: &str = "
  select id, helpdesk, ticket_id, ticket_number, source, lane, state, outcome, reason, accepted_at, due_at, finished_at,
         attempt, failures, calls_in, calls_out, channel, intent, confidence
  from events";

const AUDIT_OF_EVENT: &str = "select at, what, rule, answer from audit where event = :event";

const BACKLOG: &str = "
  select lane, count(*) from events
  where finished_at is null and state in ('waiting', 'working', 'backoff') group by lane order by lane";

/// A reply that a cap stopped between the decision and the send is decided once more, and then lacks its writer too.
const HELD_BACK: &str = "
  with said_no as (
    select d.event_id as event, json_extract(g.value, '$.gate') as gate
    from decisions d, json_each(d.detail, '$.gates') g
    where d.decided_at >= :since and json_extract(g.value, '$.passed') = 0)
  select gate, count(*) from said_no
  where gate in ('cap-ticket', 'cap-customer', 'cap-hour', 'brake-unconfirmed')
    and event in (
      select event from said_no group by event
      having sum(gate not in ('cap-ticket', 'cap-customer', 'cap-hour', 'brake-unconfirmed', 'bot-agent')) = 0)
  group by gate order by gate";

/// An event as tables show it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EventRow {
    /// Its number.
    pub event: EventId,
    /// Which helpdesk.
    pub helpdesk: String,
    /// Which ticket.
    pub ticket: String,
    /// The conversation number.
    pub number: Option<i64>,
    /// call, sweep, csv.
    pub source: String,
    /// 0 live chat, 1 e-mail, 2 sweep.
    pub lane: i64,
    /// The state's word.
    pub state: String,
    /// For `done`.
    pub outcome: Option<String>,
    /// One line.
    pub reason: String,
    /// When it was accepted.
    pub accepted_at: Timestamp,
    /// When it falls due, while open.
    pub due_at: Timestamp,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
    /// Claims so far.
    pub attempt: u32,
    /// Failed ones.
    pub failures: u32,
    /// Calls of the helpdesk it stands for.
    pub calls_in: u32,
    /// API calls spent.
    pub calls_out: u32,
    /// The channel's word.
    pub channel: Option<String>,
    /// The primary intent.
    pub intent: Option<String>,
    /// 0..=1.
    pub confidence: Option<f64>,
}

/// A line of an event's story.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AuditLine {
    /// UTC, readable.
    pub at: String,
    /// What happened.
    pub what: String,
    /// What asked for it.
    pub rule: String,
    /// What the helpdesk answered.
    pub answer: String,
}

/// An event with everything that is known of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EventStory {
    /// The row.
    pub event: EventRow,
    /// The decision as journalled (JSON), when there is one.
    pub decision: Option<serde_json::Value>,
    /// Its story, oldest first.
    pub audit: Vec<AuditLine>,
}

/// How many events ended how, and what they cost.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct OutcomeRow {
    /// The outcome's word, or the final state's.
    pub outcome: String,
    /// How many.
    pub events: u64,
    /// API calls spent on all of them.
    pub calls: u64,
}

/// What to list.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Only this state.
    pub state: Option<State>,
    /// Only this ticket.
    pub ticket: Option<String>,
    /// Only events accepted since.
    pub since: Option<Timestamp>,
    /// At most so many, newest first.
    pub limit: u32,
}

/// An open file.
#[derive(Debug)]
pub struct Reader {
    pub(super) connection: Connection,
}

impl Reader {
    /// Opens the file for looking.
    ///
    /// # Errors
    /// [`StoreError::Broken`] when it is not there or not ours.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        open_reader(path).map(|connection| Self { connection })
    }

    /// Events, newest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn events(&self, filter: &Filter) -> Result<Vec<EventRow>, StoreError> {
        // One statement for each way to look, so that each can use its index.
        let condition = match (&filter.state, &filter.ticket) {
            (_, Some(_)) => "ticket_id = :ticket and (:state is null or state = :state)",
            (Some(state), None) if state.is_final() => {
                ":ticket is null and finished_at is not null and state = :state"
            }
            (Some(_), None) => ":ticket is null and finished_at is null and state = :state",
            (None, None) => ":ticket is null and :state is null",
        };
        let sql = format!(
            "{EVENT_COLUMNS} where {condition} and accepted_at >= :since order by id desc limit :limit"
        );
        self.connection
            .prepare_cached(&sql)
            .and_then(|mut statement| {
                let values = named_params! {
                    ":ticket": filter.ticket, ":state": filter.state.map(State::as_str),
                    ":since": filter.since.map_or(i64::MIN, millis), ":limit": filter.limit,
                };
                statement.query_map(values, read_event)?.collect()
            })
            .map_err(|error| broken(&error))
    }

    /// One event with its story.
    ///
    /// # Errors
    /// [`StoreError::NoSuchEvent`].
    pub fn story(&self, event: EventId) -> Result<EventStory, StoreError> {
        self.read_story(event).map_err(|error| broken(&error))?.ok_or(StoreError::NoSuchEvent(event))
    }

    fn read_story(&self, event: EventId) -> rusqlite::Result<Option<EventStory>> {
        let by_event = named_params! { ":event": event.0 };
        let row = self
            .connection
            .prepare_cached(&format!("{EVENT_COLUMNS} where id = :event"))?
            .query_row(by_event, read_event)
            .optional()?;
        let Some(row) = row else { return Ok(None) };
        let decision: Option<String> = self
            .connection
            .prepare_cached("select detail from decisions where event_id = :event")?
            .query_row(by_event, |row| row.get(0))
            .optional()?;
        let audit = self
            .connection
            .prepare_cached(AUDIT_OF_EVENT)?
            .query_map(by_event, |row| {
                Ok(AuditLine { at: row.get(0)?, what: row.get(1)?, rule: row.get(2)?, answer: row.get(3)? })
            })?
            .collect::<rusqlite::Result<_>>()?;
        let decision = decision.and_then(|json| serde_json::from_str(&json).ok());
        Ok(Some(EventStory { event: row, decision, audit }))
    }

    /// Events by state: open and dead ones as they stand, other ended ones of the last 24 h.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn counts(&self, now: Timestamp) -> Result<Vec<(State, u64)>, StoreError> {
        super::upkeep::counts(&self.connection, now).map_err(|error| broken(&error))
    }

    /// Events that ended since, by outcome, with the API calls they took.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn outcomes(&self, since: Timestamp) -> Result<Vec<OutcomeRow>, StoreError> {
        self.connection
            .prepare_cached(
                "select coalesce(outcome, state), count(*), sum(calls_out) from events
                 where finished_at is not null and finished_at >= :since group by 1 order by 2 desc, 1",
            )
            .and_then(|mut statement| {
                statement
                    .query_map(named_params! { ":since": millis(since) }, |row| {
                        Ok(OutcomeRow { outcome: row.get(0)?, events: row.get(1)?, calls: row.get(2)? })
                    })?
                    .collect()
            })
            .map_err(|error| broken(&error))
    }

    /// When the oldest open event was accepted.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn oldest_open(&self) -> Result<Option<Timestamp>, StoreError> {
        self.connection
            .query_row("select min(accepted_at) from events where finished_at is null", [], |row| {
                row.get::<_, Option<i64>>(0)
            })
            .map(|at| at.map(from_millis))
            .map_err(|error| broken(&error))
    }

    /// When the last call came, and how many could not be used.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn intake(&self) -> Result<(Option<Timestamp>, u64), StoreError> {
        self.connection
            .query_row(
                "select (select received_at from calls order by id desc limit 1),
                        (select count(*) from calls where event_id is null)",
                [],
                |row| Ok((row.get::<_, Option<i64>>(0)?.map(from_millis), row.get(1)?)),
            )
            .map_err(|error| broken(&error))
    }

    /// Events that a worker could take or holds, by lane (0 live chat, 1 e-mail, 2 sweep).
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn backlog(&self) -> Result<Vec<(Lane, u64)>, StoreError> {
        let pairs: Vec<(i64, u64)> = self.pairs(BACKLOG, named_params! {})?;
        Ok(pairs.into_iter().filter_map(|(rank, events)| Some((Lane::from_rank(rank)?, events))).collect())
    }

    /// Replies that nothing but caps and the brake on harm held back, by gate, decided since.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn held_back(&self, since: Timestamp) -> Result<Vec<(String, u64)>, StoreError> {
        self.pairs(HELD_BACK, named_params! { ":since": millis(since) })
    }

    /// What a person should know about now, oldest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn alerts(&self) -> Result<Vec<Alert>, StoreError> {
        super::alerts::open(&self.connection)
    }

    fn pairs<K: FromSql>(
        &self,
        sql: &str,
        values: &[(&str, &dyn rusqlite::ToSql)],
    ) -> Result<Vec<(K, u64)>, StoreError> {
        self.connection
            .prepare_cached(sql)
            .and_then(|mut statement| {
                statement.query_map(values, |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
            })
            .map_err(|error| broken(&error))
    }

    /// One kept value.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn setting(&self, key: &str) -> Result<Option<Setting>, StoreError> {
        super::upkeep::setting(&self.connection, key)
    }

    /// Every kept model, the newest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn models(&self) -> Result<Vec<KeptModel>, StoreError> {
        super::models::list(&self.connection)
    }

    /// The bytes of a kept model, or (with `None`) of the one in force.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn model(&self, version: Option<&str>) -> Result<Option<Vec<u8>>, StoreError> {
        super::models::bytes(&self.connection, version)
    }
}

fn read_event(row: &Row<'_>) -> rusqlite::Result<EventRow> {
    Ok(EventRow {
        event: EventId(row.get(0)?),
        helpdesk: row.get(1)?,
        ticket: row.get(2)?,
        number: row.get(3)?,
        source: row.get(4)?,
        lane: row.get(5)?,
        state: row.get(6)?,
        outcome: row.get(7)?,
        reason: row.get(8)?,
        accepted_at: from_millis(row.get(9)?),
        due_at: from_millis(row.get(10)?),
        finished_at: row.get::<_, Option<i64>>(11)?.map(from_millis),
        attempt: row.get(12)?,
        failures: row.get(13)?,
        calls_in: row.get(14)?,
        calls_out: row.get(15)?,
        channel: row.get(16)?,
        intent: row.get(17)?,
        confidence: row.get(18)?,
    })
}
