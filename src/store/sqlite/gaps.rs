//! Conversation numbers that nothing told us of: noted, looked up by the sweep, closed by whatever meets the ticket.

use rusqlite::{Connection, OptionalExtension, named_params};

use super::events::execute;
use super::open::broken;
use crate::clock::millis;
use crate::event::{HelpdeskName, Timestamp};
use crate::store::{Gap, GapsDue, Look, StoreError};

// What was the highest before the span. On a younger file the number of the very first call: nothing older is ours, and
// a list sweep meets old tickets. That call may be of an old conversation that a customer took up again, so a leap in
// the numbers of calls ends the search too.
const LOW: &str = "
  select coalesce(
    (select number from tickets where helpdesk = :helpdesk and number is not null and first_seen_at < :since
     order by number desc limit 1),
    max((select ticket_number from events
         where helpdesk = :helpdesk and source = 'call' and ticket_number is not null order by id limit 1),
        (select max(number) from
           (select ticket_number as number, ticket_number - lag(ticket_number) over (order by ticket_number) as leap
            from events where helpdesk = :helpdesk and source = 'call' and ticket_number is not null)
         where leap is null or leap > 50)))";

const NOTE: &str = "
  with recursive numbers (number) as (
    select max(:low + 1, :high - :most)
    union all
    select number + 1 from numbers where number + 1 < :high)
  insert into gaps (helpdesk, number, state, noted_at)
  select :helpdesk, number, 'missing', :now from numbers
  where number < :high
    and not exists (select 1 from tickets t where t.helpdesk = :helpdesk and t.number = numbers.number)
  on conflict (helpdesk, number) do nothing";

/// Whoever meets the ticket closes its gap, also one that was given up.
const MET: &str =
    "update gaps set state = 'found' where helpdesk = :helpdesk and number = :number and state <> 'found'";

const DUE: &str = "
  select number, looks from gaps
  where helpdesk = :helpdesk and state = 'missing' and (noted_at <= :noted_by or noted_at > :now)
    and (looked_at is null or looked_at <= :looked_by or looked_at > :now)
  order by number desc limit :limit";

const LOOKED: &str = "
  update gaps set looks = looks + 1, looked_at = :now, state = coalesce(:state, state)
  where helpdesk = :helpdesk and number = :number";

const MISSING: &str = "select count(*) from gaps where helpdesk = :helpdesk and state = 'missing'";

pub(super) const PRUNE: &str = "
  delete from gaps where (helpdesk, number) in (
    select helpdesk, number from gaps where noted_at < :before limit :limit)";

/// Notes the numbers between the low edge and the highest that no ticket has, at most the last `most`.
pub(super) fn note(
    connection: &Connection,
    helpdesk: &HelpdeskName,
    since: Timestamp,
    most: u32,
    now: Timestamp,
) -> Result<u64, StoreError> {
    let Some(high) = super::upkeep::highest_number(connection, helpdesk)? else { return Ok(0) };
    let low: Option<i64> = connection
        .prepare_cached(LOW)
        .and_then(|mut statement| {
            let values = named_params! { ":helpdesk": helpdesk.as_str(), ":since": millis(since) };
            statement.query_row(values, |row| row.get(0)).optional()
        })
        .map_err(|error| broken(&error))?
        .flatten();
    let Some(low) = low else { return Ok(0) };
    let values = named_params! {
        ":helpdesk": helpdesk.as_str(), ":low": low, ":high": high, ":most": most, ":now": millis(now),
    };
    execute(connection, NOTE, values).map(|rows| rows as u64)
}

/// Closes the gap of a ticket that was met.
pub(super) fn met(
    connection: &Connection,
    helpdesk: &HelpdeskName,
    number: Option<i64>,
) -> Result<(), StoreError> {
    let Some(number) = number else { return Ok(()) };
    execute(connection, MET, named_params! { ":helpdesk": helpdesk.as_str(), ":number": number }).map(|_| ())
}

/// Missing numbers to look up now, the highest first.
pub(super) fn due(
    connection: &Connection,
    helpdesk: &HelpdeskName,
    due: GapsDue,
) -> Result<Vec<Gap>, StoreError> {
    connection
        .prepare_cached(DUE)
        .and_then(|mut statement| {
            let values = named_params! {
                ":helpdesk": helpdesk.as_str(), ":noted_by": millis(due.noted_by),
                ":looked_by": millis(due.looked_by), ":now": millis(due.now), ":limit": due.limit,
            };
            statement.query_map(values, |row| Ok(Gap { number: row.get(0)?, looks: row.get(1)? }))?.collect()
        })
        .map_err(|error| broken(&error))
}

/// Notes a look.
pub(super) fn looked(
    connection: &Connection,
    helpdesk: &HelpdeskName,
    number: i64,
    look: Look,
    now: Timestamp,
) -> Result<(), StoreError> {
    let state = match look {
        Look::Found => Some("found"),
        Look::Nothing => Some("nothing"),
        Look::NotYet => None,
    };
    let values = named_params! {
        ":helpdesk": helpdesk.as_str(), ":number": number, ":state": state, ":now": millis(now),
    };
    execute(connection, LOOKED, values).map(|_| ())
}

/// How many numbers are missing.
pub(super) fn missing(connection: &Connection, helpdesk: &HelpdeskName) -> Result<u64, StoreError> {
    connection
        .prepare_cached(MISSING)
        .and_then(|mut statement| {
            statement.query_row(named_params! { ":helpdesk": helpdesk.as_str() }, |row| row.get(0))
        })
        .map_err(|error| broken(&error))
}
