//! What a file of state holds: the figures by which a copy is compared with what it was made of, and what is wrong
//! with it. Works on every schema version so far.

use std::io::Read as _;
use std::path::Path;

use rusqlite::{Connection, OptionalExtension, Row};
use serde::Serialize;

use super::migrate::SCHEMA_VERSION;
use super::open::{APPLICATION_ID, broken, open_any_version, open_ours};
use super::upkeep::setting;
use crate::clock::{from_millis, millis};
use crate::event::{EventId, Timestamp};
use crate::store::StoreError;
use crate::store::marks::{BACKUP_MADE_AT, BACKUP_OF, MODE, RESTORE_AT, time_of};

/// Problems named at most.
const PROBLEMS_MAX: usize = 10;

const BY_STATE: &str = "select state, count(*) from events group by state order by state";
const NEWEST: &str = "select id, accepted_at from events order by id desc limit 1";
const OTHERS: &str = "
  select (select count(*) from calls), (select count(*) from replies), (select max(id) from transitions)";
const ACCEPTED_AFTER: &str = "select count(*) from events where accepted_at > ?1";

/// Events in one state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct InState {
    /// The state's word.
    pub state: String,
    /// How many.
    pub events: u64,
}

/// What two files that hold the same agree on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Figures {
    /// The schema's version.
    pub schema: i64,
    /// Every event, by state.
    pub by_state: Vec<InState>,
    /// The newest event.
    pub newest_event: Option<EventId>,
    /// When it was accepted.
    pub newest_at: Option<Timestamp>,
    /// Calls kept.
    pub calls: u64,
    /// Replies journalled.
    pub replies: u64,
    /// The newest transition's number.
    pub transitions: Option<i64>,
}

impl Figures {
    /// Every event.
    pub fn events(&self) -> u64 {
        self.by_state.iter().map(|one| one.events).sum()
    }
}

/// A file and what it says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Contents {
    /// Its figures.
    #[serde(flatten)]
    pub figures: Figures,
    /// Its size.
    pub bytes: u64,
    /// For a copy: when it was made.
    pub made_at: Option<Timestamp>,
    /// For a copy: of which file.
    pub made_of: Option<String>,
    /// When it was last restored itself.
    pub restored_at: Option<Timestamp>,
    /// The mode in force in it, and who set it.
    pub mode: Option<(String, String)>,
}

/// Counts; inside the caller's transaction when there is one.
pub(super) fn figures(connection: &Connection) -> rusqlite::Result<Figures> {
    let schema = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let state = |row: &Row<'_>| Ok(InState { state: row.get(0)?, events: row.get(1)? });
    let by_state = connection.prepare(BY_STATE)?.query_map([], state)?.collect::<rusqlite::Result<_>>()?;
    let newest: Option<(i64, i64)> =
        connection.query_row(NEWEST, [], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
    let (calls, replies, transitions) =
        connection.query_row(OTHERS, [], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    Ok(Figures {
        schema,
        by_state,
        newest_event: newest.map(|(id, _)| EventId(id)),
        newest_at: newest.map(|(_, at)| from_millis(at)),
        calls,
        replies,
        transitions,
    })
}

/// Pages times their size.
pub(super) fn bytes(connection: &Connection) -> rusqlite::Result<u64> {
    let pragma = |name| connection.pragma_query_value(None, name, |row| row.get::<_, u64>(0));
    Ok(pragma("page_count")?.saturating_mul(pragma("page_size")?))
}

/// What it holds.
fn contents(connection: &Connection) -> Result<Contents, StoreError> {
    let made_at = setting(connection, BACKUP_MADE_AT)?.as_ref().map(time_of);
    let figures = figures(connection).map_err(|error| broken(&error))?;
    Ok(Contents {
        bytes: bytes(connection).map_err(|error| broken(&error))?,
        made_at,
        made_of: setting(connection, BACKUP_OF)?.map(|mark| mark.value),
        restored_at: setting(connection, RESTORE_AT)?.as_ref().map(time_of),
        mode: setting(connection, MODE)?.map(|mode| (mode.value, mode.by)),
        figures,
    })
}

/// Opens a file and says what it holds, without reading every page of it.
///
/// # Errors
/// [`StoreError`]: not there, not ours, newer than this program, or damaged where it was looked at.
pub fn look(path: &Path) -> Result<Contents, StoreError> {
    contents(&open_any_version(path)?.0)
}

/// How the schema of a file stands to the one that this program writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Schema {
    /// It is the same, or the file is empty.
    Current,
    /// The next start brings it forward.
    Older {
        /// The file's.
        file: i64,
        /// This program's.
        program: i64,
    },
    /// This program leaves it alone.
    Newer,
}

/// Looks at a file's schema only.
///
/// # Errors
/// [`StoreError`]: not there, or not ours.
pub fn schema(path: &Path) -> Result<Schema, StoreError> {
    let (_, file) = open_ours(path)?;
    Ok(match file {
        1..SCHEMA_VERSION => Schema::Older { file, program: SCHEMA_VERSION },
        0 | SCHEMA_VERSION => Schema::Current,
        _ => Schema::Newer,
    })
}

/// Whether a file's head says that it is one of ours, however damaged the rest of it is.
pub fn has_our_head(path: &Path) -> bool {
    let mut head = [0_u8; 72];
    let read = std::fs::File::open(path).and_then(|mut file| file.read_exact(&mut head));
    // SQLite's file format: 16 bytes of its own, the application's number at 68.
    let id = head.last_chunk::<4>().map(|id| i64::from(u32::from_be_bytes(*id)));
    read.is_ok() && head.starts_with(b"SQLite format 3\0") && id == Some(APPLICATION_ID)
}

/// The same, and its structure is checked page by page. What a row says is not: SQLite keeps no checksum of it.
///
/// # Errors
/// What is wrong with it, in words for people.
pub fn check(path: &Path) -> Result<Contents, Vec<String>> {
    let words = |error: StoreError| vec![error.to_string()];
    let (connection, _) = open_any_version(path).map_err(words)?;
    let mut problems = rows(&connection, "pragma integrity_check(10)", |row| row.get::<_, String>(0));
    problems.retain(|row| row != "ok");
    problems.extend(rows(&connection, "pragma foreign_key_check", |row| {
        let (table, parent): (String, String) = (row.get(0)?, row.get(2)?);
        Ok(format!("a row of {table} belongs to nothing in {parent}"))
    }));
    problems.truncate(PROBLEMS_MAX);
    if problems.is_empty() { contents(&connection).map_err(words) } else { Err(problems) }
}

/// A damaged file may also fail the question itself.
fn rows(
    connection: &Connection,
    sql: &str,
    read: impl FnMut(&Row<'_>) -> rusqlite::Result<String>,
) -> Vec<String> {
    let asked = connection
        .prepare(sql)
        .and_then(|mut statement| statement.query_map([], read)?.take(PROBLEMS_MAX).collect());
    asked.unwrap_or_else(|error| vec![error.to_string()])
}

/// Events of a file that were accepted after `at`.
///
/// # Errors
/// [`StoreError`].
pub fn accepted_after(path: &Path, at: Option<Timestamp>) -> Result<u64, StoreError> {
    let (connection, _) = open_any_version(path)?;
    connection
        .query_row(ACCEPTED_AFTER, [at.map_or(i64::MIN, millis)], |row| row.get(0))
        .map_err(|error| broken(&error))
}
