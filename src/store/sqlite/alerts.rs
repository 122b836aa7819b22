//! What a person should know about: raised once, cleared when it is over.

use rusqlite::{Connection, Row, named_params};

use super::events::execute;
use super::open::broken;
use crate::clock::{from_millis, millis};
use crate::event::Timestamp;
use crate::store::{Alert, StoreError};

const RAISE: &str = "
  insert into alerts (key, text, raised_at) values (:key, :text, :now)
  on conflict (key) where cleared_at is null do nothing";

const REWORD: &str =
    "update alerts set text = :text where key = :key and cleared_at is null and text <> :text";

const CLEAR: &str = "update alerts set cleared_at = :now where key = :key and cleared_at is null";

const OPEN: &str = "select key, text, raised_at from alerts where cleared_at is null order by id";

/// Raises one, or gives an open one newer words. True: it was not open before.
pub(super) fn raise(
    connection: &Connection,
    key: &str,
    text: &str,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let raised =
        execute(connection, RAISE, named_params! { ":key": key, ":text": text, ":now": millis(now) })?;
    if raised == 0 {
        execute(connection, REWORD, named_params! { ":key": key, ":text": text })?;
    }
    Ok(raised == 1)
}

/// Clears one. True: it was open.
pub(super) fn clear(connection: &Connection, key: &str, now: Timestamp) -> Result<bool, StoreError> {
    execute(connection, CLEAR, named_params! { ":key": key, ":now": millis(now) }).map(|rows| rows > 0)
}

/// The open ones, oldest first.
pub(super) fn open(connection: &Connection) -> Result<Vec<Alert>, StoreError> {
    let read = |row: &Row<'_>| {
        Ok(Alert { key: row.get(0)?, text: row.get(1)?, raised_at: from_millis(row.get(2)?) })
    };
    connection
        .prepare_cached(OPEN)
        .and_then(|mut statement| statement.query_map([], read)?.collect())
        .map_err(|error| broken(&error))
}
