//! Tickets we met, kept settings, pruning and counts: what sweeps, timers and `status` ask for.

use rusqlite::{Connection, OptionalExtension, Row, named_params};

use super::events::execute;
use super::open::broken;
use crate::clock::{from_millis, millis};
use crate::event::{HelpdeskName, MessageKey, State, TicketId, Timestamp};
use crate::store::{KnownTicket, Setting, StoreError};

const KNOWN_ONE: &str = "
  select helpdesk, ticket_id, number, message_key, updated_at, is_open, channel from tickets
  where helpdesk = :helpdesk and ticket_id = :ticket";

const KNOWN_OPEN: &str = "
  select helpdesk, ticket_id, number, message_key, updated_at, is_open, channel from tickets
  where helpdesk = :helpdesk
    and ((is_open = 1 and looked_at >= :since) or (is_open = 0 and updated_at >= :since))
  order by is_open desc, looked_at limit :limit";

const HIGHEST_NUMBER: &str =
    "select max(number) from tickets where helpdesk = :helpdesk and number is not null";

const NUMBERS_MET: &str = "
  select distinct number from tickets where helpdesk = :helpdesk and number is not null and number >= :from
  order by number";

const LOOKED_AT: &str = "
  insert into tickets (helpdesk, ticket_id, number, channel, message_key, updated_at, is_open, first_seen_at, looked_at)
  values (:helpdesk, :ticket, :number, :channel, :message, :updated_at, :open, :now, :now)
  on conflict (helpdesk, ticket_id) do update set
    number = coalesce(excluded.number, number), updated_at = excluded.updated_at, is_open = excluded.is_open,
    looked_at = excluded.looked_at";

const SETTING: &str = "select value, set_by, set_at from settings where key = :key";
const SET: &str = "
  insert into settings (key, value, set_by, set_at) values (:key, :value, :by, :now)
  on conflict (key) do update set value = excluded.value, set_by = excluded.set_by, set_at = excluded.set_at";
const UNSET: &str = "delete from settings where key = :key";
const LOG_SETTING: &str = "insert into settings_log (at, key, value, by) values (:now, :key, :value, :by)";

// Dead letters stay until a person has looked at them.
const PRUNE_EVENTS: &str = "
  delete from events where id in (
    select id from events where finished_at < :before and state <> 'dead' order by finished_at limit :limit)";
const PRUNE_KEPT_CALLS: &str = "
  delete from calls where id in (
    select id from calls where event_id is null and received_at < :before order by received_at limit :limit)";
const PRUNE_KEYS: &str = "
  delete from idempotency where key in (
    select key from idempotency where created_at < :before order by created_at limit :limit)";

// The highest number stays: the search upward begins there.
const PRUNE_TICKETS: &str = "
  delete from tickets where (helpdesk, ticket_id) in (
    select t.helpdesk, t.ticket_id from tickets t
    where t.looked_at < :before
      and t.number is not (select max(number) from tickets where helpdesk = t.helpdesk and number is not null)
    order by t.looked_at limit :limit)";

// Sweeps note their report at each run; what a person set stays.
const PRUNE_SETTINGS_LOG: &str = "delete from settings_log where at < :before and key like 'sweep.%'";

const COUNT_OPEN: &str = "select state, count(*) from events where finished_at is null group by state";
const COUNT_DEAD: &str = "select count(*) from events where state = 'dead'";
const COUNT_RECENT: &str = "
  select state, count(*) from events where finished_at is not null and finished_at > :since and state <> 'dead'
  group by state";

const DAY_MS: i64 = 24 * 3_600_000;

fn read_known(row: &Row<'_>) -> rusqlite::Result<KnownTicket> {
    Ok(KnownTicket {
        helpdesk: HelpdeskName::new(row.get::<_, String>(0)?),
        ticket: TicketId::new(row.get::<_, String>(1)?),
        number: row.get(2)?,
        message: row.get::<_, Option<String>>(3)?.map(MessageKey::stored),
        updated_at: row.get::<_, Option<i64>>(4)?.map(from_millis),
        open: row.get(5)?,
        channel: row.get(6)?,
    })
}

/// What is known of one ticket.
pub(super) fn known_ticket(
    connection: &Connection,
    helpdesk: &HelpdeskName,
    ticket: &TicketId,
) -> Result<Option<KnownTicket>, StoreError> {
    connection
        .prepare_cached(KNOWN_ONE)
        .and_then(|mut statement| {
            let values = named_params! { ":helpdesk": helpdesk.as_str(), ":ticket": ticket.as_str() };
            statement.query_row(values, read_known).optional()
        })
        .map_err(|error| broken(&error))
}

/// Open tickets, least recently looked at first; then closed ones that changed lately: a customer opens them again.
pub(super) fn known_tickets(
    connection: &Connection,
    helpdesk: &HelpdeskName,
    since: Timestamp,
    limit: u32,
) -> Result<Vec<KnownTicket>, StoreError> {
    connection
        .prepare_cached(KNOWN_OPEN)
        .and_then(|mut statement| {
            let values =
                named_params! { ":helpdesk": helpdesk.as_str(), ":since": millis(since), ":limit": limit };
            statement.query_map(values, read_known)?.collect()
        })
        .map_err(|error| broken(&error))
}

/// The highest conversation number met.
pub(super) fn highest_number(
    connection: &Connection,
    helpdesk: &HelpdeskName,
) -> Result<Option<i64>, StoreError> {
    connection
        .prepare_cached(HIGHEST_NUMBER)
        .and_then(|mut statement| {
            statement.query_row(named_params! { ":helpdesk": helpdesk.as_str() }, |row| row.get(0))
        })
        .map_err(|error| broken(&error))
}

/// Conversation numbers met, from this one up.
pub(super) fn numbers_met(
    connection: &Connection,
    helpdesk: &HelpdeskName,
    from: i64,
) -> Result<Vec<i64>, StoreError> {
    connection
        .prepare_cached(NUMBERS_MET)
        .and_then(|mut statement| {
            let values = named_params! { ":helpdesk": helpdesk.as_str(), ":from": from };
            statement.query_map(values, |row| row.get(0))?.collect()
        })
        .map_err(|error| broken(&error))
}

/// Notes a sweep's look.
pub(super) fn looked_at(
    connection: &Connection,
    ticket: &KnownTicket,
    now: Timestamp,
) -> Result<(), StoreError> {
    execute(
        connection,
        LOOKED_AT,
        named_params! {
            ":helpdesk": ticket.helpdesk.as_str(), ":ticket": ticket.ticket.as_str(), ":number": ticket.number,
            ":channel": ticket.channel, ":message": ticket.message.as_ref().map(|key| key.as_str()),
            ":updated_at": ticket.updated_at.map(millis), ":open": ticket.open, ":now": millis(now),
        },
    )
    .map(|_| ())
}

/// One kept value.
pub(super) fn setting(connection: &Connection, key: &str) -> Result<Option<Setting>, StoreError> {
    connection
        .prepare_cached(SETTING)
        .and_then(|mut statement| {
            statement
                .query_row(named_params! { ":key": key }, |row| {
                    Ok(Setting { value: row.get(0)?, by: row.get(1)?, at: from_millis(row.get(2)?) })
                })
                .optional()
        })
        .map_err(|error| broken(&error))
}

/// Sets or removes one, with a line in the log.
pub(super) fn set(
    connection: &Connection,
    key: &str,
    value: Option<&str>,
    by: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    match value {
        Some(value) => execute(
            connection,
            SET,
            named_params! { ":key": key, ":value": value, ":by": by, ":now": millis(now) },
        )?,
        None => execute(connection, UNSET, named_params! { ":key": key })?,
    };
    execute(
        connection,
        LOG_SETTING,
        named_params! { ":key": key, ":value": value, ":by": by, ":now": millis(now) },
    )
    .map(|_| ())
}

/// Deletes a bounded slice of what is past its time; how many events went.
pub(super) fn prune(
    connection: &Connection,
    events_before: Timestamp,
    keys_before: Timestamp,
    limit: u32,
) -> Result<u64, StoreError> {
    execute(connection, PRUNE_KEYS, named_params! { ":before": millis(keys_before), ":limit": limit })?;
    let old = named_params! { ":before": millis(events_before), ":limit": limit };
    execute(connection, PRUNE_KEPT_CALLS, old)?;
    execute(connection, PRUNE_TICKETS, old)?;
    execute(connection, PRUNE_SETTINGS_LOG, named_params! { ":before": millis(events_before) })?;
    execute(connection, PRUNE_EVENTS, old).map(|events| events as u64)
}

/// Open events and dead letters as they stand; other ended ones of the last 24 h.
pub(super) fn counts(connection: &Connection, now: Timestamp) -> rusqlite::Result<Vec<(State, u64)>> {
    let mut counts = Vec::new();
    let pair = |row: &Row<'_>| Ok((row.get::<_, String>(0)?, row.get::<_, u64>(1)?));
    for (word, count) in
        connection.prepare_cached(COUNT_OPEN)?.query_map([], pair)?.collect::<Result<Vec<_>, _>>()?
    {
        counts.extend(State::parse(&word).map(|state| (state, count)));
    }
    let since = named_params! { ":since": millis(now) - DAY_MS };
    for (word, count) in
        connection.prepare_cached(COUNT_RECENT)?.query_map(since, pair)?.collect::<Result<Vec<_>, _>>()?
    {
        counts.extend(State::parse(&word).map(|state| (state, count)));
    }
    let dead = connection.prepare_cached(COUNT_DEAD)?.query_row([], |row| row.get(0))?;
    counts.push((State::Dead, dead));
    counts.sort_by_key(|(state, _)| *state);
    Ok(counts)
}
