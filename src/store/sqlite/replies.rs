//! The one effect that must not happen twice: its caps, its key and its states.

use rusqlite::{Connection, OptionalExtension, Row, named_params};

use super::brake;
use super::events::{execute, fence};
use super::open::broken;
use super::upkeep::setting;
use crate::clock::{from_millis, millis};
use crate::event::{Caps, HelpdeskName, MessageKey, ReplyCounts, TicketId, Timestamp};
use crate::store::marks::{RESTORE_AT, time_of};
use crate::store::{Answer, Begun, Claim, ReplyState, StoreError};

const DAY_MS: i64 = 24 * 3_600_000;

const HOUR_MS: i64 = 3_600_000;

const COUNT_TICKET: &str = "
  select count(*), min(sending_at) from replies where helpdesk = :helpdesk and ticket_id = :ticket and sending_at > :since
    and state in ('sending', 'sent', 'unsure', 'confirmed', 'unconfirmed')";

const COUNT_CUSTOMER: &str = "
  select count(*), min(sending_at) from replies where customer = :customer and sending_at > :since
    and state in ('sending', 'sent', 'unsure', 'confirmed', 'unconfirmed')";

const COUNT_ALL: &str = "
  select count(*), min(sending_at) from replies where sending_at > :since
    and state in ('sending', 'sent', 'unsure', 'confirmed', 'unconfirmed')";

const LAST_ANSWERED: &str = "
  select message_key from replies where helpdesk = :helpdesk and ticket_id = :ticket
    and state in ('sending', 'sent', 'unsure', 'confirmed', 'unconfirmed')
  order by sending_at desc limit 1";

const REPLY_TO_SAME_MESSAGE: &str = "
  select exists (select 1 from replies r join replies mine on mine.event_id = :event
    where r.helpdesk = mine.helpdesk and r.ticket_id = mine.ticket_id and r.message_key = mine.message_key
      and r.event_id <> :event and r.state in ('sending', 'sent', 'unsure', 'confirmed', 'unconfirmed'))";

const MESSAGE_AT: &str = "select message_at from events where id = :event";

const BEGIN_REPLY: &str = "
  update replies set state = 'sending', sending_at = :now, attempt = :attempt, ended_at = null, api_status = null,
                     api_answer = ''
  where event_id = :event and state in ('planned', 'not-sent')";

const REPLY_IS: &str = "
  update replies set state = :state, ended_at = :now, checks = checks + (state = 'unsure'), attempt = :attempt,
                     api_status = coalesce(:status, api_status), api_answer = :answer
  where event_id = :event and state in ('planned', 'sending', 'sent', 'unsure', 'not-sent')";

/// Replies that count against the caps.
pub(super) fn reply_counts(
    connection: &Connection,
    helpdesk: &HelpdeskName,
    ticket: &TicketId,
    customer: Option<&str>,
    now: Timestamp,
) -> Result<ReplyCounts, StoreError> {
    type Counted = (u32, Option<Timestamp>);
    let count = |sql: &str, values: &[(&str, &dyn rusqlite::ToSql)]| -> Result<Counted, StoreError> {
        let read = |row: &Row<'_>| Ok((row.get(0)?, row.get::<_, Option<i64>>(1)?.map(from_millis)));
        connection
            .prepare_cached(sql)
            .and_then(|mut statement| statement.query_row(values, read))
            .map_err(|error| broken(&error))
    };
    let day = millis(now) - DAY_MS;
    let (ticket_day, ticket_oldest) = count(
        COUNT_TICKET,
        named_params! { ":helpdesk": helpdesk.as_str(), ":ticket": ticket.as_str(), ":since": day },
    )?;
    let (customer_day, customer_oldest) = match customer {
        Some(customer) => count(COUNT_CUSTOMER, named_params! { ":customer": customer, ":since": day })?,
        None => (0, None),
    };
    let (hour, hour_oldest) = count(COUNT_ALL, named_params! { ":since": millis(now) - HOUR_MS })?;
    let (bad, stopped_at) = brake::harm(connection, now)?;
    Ok(ReplyCounts {
        ticket_day,
        customer_day,
        hour,
        ticket_oldest,
        customer_oldest,
        hour_oldest,
        bad,
        stopped_at,
        answers: connection
            .prepare_cached(LAST_ANSWERED)
            .and_then(|mut statement| {
                let values = named_params! { ":helpdesk": helpdesk.as_str(), ":ticket": ticket.as_str() };
                statement.query_row(values, |row| row.get::<_, String>(0)).optional()
            })
            .map_err(|error| broken(&error))?
            .map(MessageKey::stored),
    })
}

/// Journals `sending`, with the caps, the brake and the key checked in the same transaction.
pub(super) fn begin_reply(
    connection: &Connection,
    claim: &Claim,
    caps: &Caps,
    now: Timestamp,
) -> Result<Begun, StoreError> {
    fence(connection, claim)?;
    if older_than_restore(connection, claim)? {
        return Ok(Begun::No("it may have been answered before the backup was restored".into()));
    }
    let customer: Option<String> = connection
        .prepare_cached("select customer from replies where event_id = ?1")
        .and_then(|mut statement| statement.query_row([claim.event.0], |row| row.get(0)))
        .map_err(|error| broken(&error))?;
    let counts = reply_counts(connection, &claim.helpdesk, &claim.ticket, customer.as_deref(), now)?;
    for (count, cap, of) in [
        (counts.ticket_day, caps.per_ticket_day, "on this ticket in the last 24 h"),
        (counts.customer_day, caps.per_customer_day, "to this customer in the last 24 h"),
        (counts.hour, caps.per_hour, "in the last hour"),
    ] {
        if count >= cap {
            let replies = if count == 1 { "reply" } else { "replies" };
            return Ok(Begun::No(format!("{count} {replies} {of}, the limit is {cap}")));
        }
    }
    if caps.bad > 0 && (counts.stopped_at.is_some() || counts.bad >= caps.bad) {
        return Ok(Begun::No("replying is stopped: too many of the last replies ended badly".into()));
    }
    let answered: bool = connection
        .prepare_cached(REPLY_TO_SAME_MESSAGE)
        .and_then(|mut statement| {
            statement.query_row(named_params! { ":event": claim.event.0 }, |row| row.get(0))
        })
        .map_err(|error| broken(&error))?;
    if answered {
        return Ok(Begun::No("this customer message already has a reply".into()));
    }
    let touched = execute(
        connection,
        BEGIN_REPLY,
        named_params! { ":event": claim.event.0, ":now": millis(now), ":attempt": claim.attempt },
    )?;
    Ok(if touched == 1 { Begun::Yes } else { Begun::No("the reply is no longer planned".into()) })
}

/// Whether the message was written before this file was restored from a backup, or nobody knows when.
fn older_than_restore(connection: &Connection, claim: &Claim) -> Result<bool, StoreError> {
    let Some(restored) = setting(connection, RESTORE_AT)? else { return Ok(false) };
    let at: Option<i64> = connection
        .prepare_cached(MESSAGE_AT)
        .and_then(|mut statement| {
            statement.query_row(named_params! { ":event": claim.event.0 }, |row| row.get(0))
        })
        .map_err(|error| broken(&error))?;
    Ok(at.is_none_or(|at| from_millis(at) <= time_of(&restored)))
}

/// Journals what became of the reply.
pub(super) fn reply_is(
    connection: &Connection,
    claim: &Claim,
    state: ReplyState,
    answer: &Answer,
    now: Timestamp,
) -> Result<(), StoreError> {
    fence(connection, claim)?;
    let touched = execute(
        connection,
        REPLY_IS,
        named_params! {
            ":state": state.as_str(), ":now": millis(now), ":attempt": claim.attempt,
            ":status": answer.status, ":answer": answer.text, ":event": claim.event.0,
        },
    )?;
    if touched == 1 { Ok(()) } else { Err(StoreError::Lost) }
}
