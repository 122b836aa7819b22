//! What fires brakes, counted; and what an outage put off, brought forward.

use rusqlite::{Connection, OptionalExtension, named_params};

use super::events::execute;
use super::open::broken;
use crate::clock::{from_millis, millis};
use crate::event::{HelpdeskName, Timestamp};
use crate::store::{StoreError, brake};

const HOUR_MS: i64 = 3_600_000;

/// Looked for by the index on `sending_at`: nothing is read back for so long.
const DAY_MS: i64 = 24 * HOUR_MS;

const HARM: &str = "select value, set_at from settings where key = :key";

/// Bad is what the helpdesk said yes to and nobody ever saw, and what it refused (cancelled, its event routed). A reply
/// whose answer was lost says nothing of the bot: that is an outage, and the circuit's.
const BAD: &str = "
  select count(*) from (
    select state from replies
    where sending_at > :sent_since and ended_at > :since
      and (state = 'confirmed' or (state = 'unconfirmed' and api_status between 200 and 299)
           or (state in ('not-sent', 'cancelled') and api_status in (400, 403, 413, 422)))
    order by ended_at desc, event_id desc limit :last)
  where state <> 'confirmed'";

const HASTEN: &str = "
  update events set due_at = :now
  where finished_at is null and state = 'backoff' and helpdesk = :helpdesk and due_at > :now
    and exists (select 1 from transitions t where t.event_id = events.id and t.to_state = 'backoff' and t.at >= :since)";

/// Of the last replies that ended within an hour, and were sent since a person last let replying go on, those that
/// ended badly; and since when replying is stopped.
pub(super) fn harm(connection: &Connection, now: Timestamp) -> Result<(u32, Option<Timestamp>), StoreError> {
    let kept: Option<(String, i64)> = connection
        .prepare_cached(HARM)
        .and_then(|mut statement| {
            let key = named_params! { ":key": brake::HARM };
            statement.query_row(key, |row| Ok((row.get(0)?, row.get(1)?))).optional()
        })
        .map_err(|error| broken(&error))?;
    let stopped_at = kept.as_ref().filter(|(value, _)| value == brake::STOPPED).map(|(_, at)| *at);
    let released_at = kept.filter(|(value, _)| value == brake::RELEASED).map_or(i64::MIN, |(_, at)| at);
    let values = named_params! {
        ":sent_since": (millis(now) - DAY_MS).max(released_at), ":since": millis(now) - HOUR_MS,
        ":last": brake::LAST,
    };
    let bad = connection
        .prepare_cached(BAD)
        .and_then(|mut statement| statement.query_row(values, |row| row.get(0)))
        .map_err(|error| broken(&error))?;
    Ok((bad, stopped_at.map(from_millis)))
}

/// Makes what was put off since `since` due now.
pub(super) fn hasten(
    connection: &Connection,
    helpdesk: &HelpdeskName,
    since: Timestamp,
    now: Timestamp,
) -> Result<u64, StoreError> {
    let values =
        named_params! { ":helpdesk": helpdesk.as_str(), ":since": millis(since), ":now": millis(now) };
    execute(connection, HASTEN, values).map(|rows| rows as u64)
}
