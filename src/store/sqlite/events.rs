//! The queue: accept, claim, finish, and what a person or a restart does to an event. One statement a transition;
//! every write of a worker ends `where id = and state = and attempt =`.

use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, Row, named_params, params};

use super::open::broken;
use crate::clock::{after, from_millis, millis};
use crate::event::{EventId, HelpdeskName, Lane, Source, State, TicketId, Timestamp};
use crate::store::{Accepted, Claim, Due, End, NewCall, StoreError};

// What came both ways came by a call, and the call's own words are kept.
const ACCEPT: &str = "
  insert into events (helpdesk, ticket_id, source, lane, state, accepted_at, due_at, fields)
  values (:helpdesk, :ticket, :source, :lane, 'waiting', :now, :now, :fields)
  on conflict (helpdesk, ticket_id) where state = 'waiting'
  do update set
    calls_in = calls_in + 1, lane = min(lane, excluded.lane),
    source = case excluded.source when 'call' then 'call' else source end,
    fields = case when excluded.source = 'call' or source <> 'call' then excluded.fields else fields end
  returning id, calls_in";

const KEEP_CALL: &str = "
  insert into calls (event_id, helpdesk, received_at, result, salvaged, content_type, body)
  values (:event, :helpdesk, :now, :result, :salvaged, :content_type, :body)";

const CLAIM: &str = "
  update events
  set state = 'working', attempt = attempt + 1, lease_until = :lease_until
  where id = (
    select e.id from events e
    where e.finished_at is null and e.state <> 'working' and (e.due_at <= :now or e.state = 'waiting')
      and not exists (
        select 1 from events b
        where b.finished_at is null and b.helpdesk = e.helpdesk and b.ticket_id = e.ticket_id
          and (b.state = 'working' or (b.id < e.id and b.state in ('waiting', 'backoff'))))
    order by e.lane, e.id
    limit 1)
  returning id, attempt, helpdesk, ticket_id, source, lane, failures, accepted_at, fields";

const STATE_OF: &str = "select state from events where id = :event";

/// What [`CLAIM`] would take now: in the same order, so that a long queue costs no sort. A waiting event is always due:
/// a clock set back must not put off what was accepted before.
const DUE_NOW: &str = "
  select min(e.due_at, :now), e.lane, e.helpdesk, e.state from events e
  where e.finished_at is null and e.state <> 'working' and (e.due_at <= :now or e.state = 'waiting')
    and not exists (
      select 1 from events b
      where b.finished_at is null and b.helpdesk = e.helpdesk and b.ticket_id = e.ticket_id
        and (b.state = 'working' or (b.id < e.id and b.state in ('waiting', 'backoff'))))
  order by e.lane, e.id
  limit 1";

/// Asked only when nothing is due now: what is put off is few.
const DUE_LATER: &str = "
  select e.due_at, e.lane, e.helpdesk, e.state from events e
  where e.finished_at is null and e.state in ('backoff', 'held', 'checking') and e.due_at > :now
    and not exists (
      select 1 from events b
      where b.finished_at is null and b.helpdesk = e.helpdesk and b.ticket_id = e.ticket_id
        and (b.state = 'working' or (b.id < e.id and b.state in ('waiting', 'backoff'))))
  order by e.due_at, e.lane
  limit 1";

const FINISH: &str = "
  update events
  set state = :state, outcome = :outcome, reason = :reason, due_at = coalesce(:due_at, due_at), lease_until = null,
      failures = failures + :failed, calls_out = calls_out + :calls, finished_at = :finished_at
  where id = :event and state = 'working' and attempt = :attempt";

const NOTE_TRANSITION: &str = "
  insert into transitions (event_id, at, attempt, from_state, to_state, by, reason)
  select id, :now, attempt, :from, :to, :by, :reason from events where id = :event";

const RELEASE_ALL: &str = "
  update events set state = 'backoff', lease_until = null, due_at = :now, reason = :reason
  where finished_at is null and state = 'working' and (lease_until <= :lease_before or lease_until > :far)
  returning id";

/// Put off for longer than anything ever is, or by something that happened in the future: such a time was written while
/// the clock was wrong.
const CLOCK_WAS_WRONG: &str = "
  update events set due_at = :now
  where finished_at is null and state in ('backoff', 'held', 'checking') and due_at > :now
    and (due_at > :far
         or (select t.at from transitions t where t.event_id = events.id order by t.id desc limit 1) > :ahead)";

/// Nothing was accepted in the future. Waits that count from then would last as long as the clock was ahead.
const ACCEPTED_AHEAD: &str = "
  update events set accepted_at = :now where finished_at is null and accepted_at > :ahead";

/// Nor was a reply planned there: its hold would begin anew until then.
const PLANNED_AHEAD: &str = "
  update replies set planned_at = :now
  where planned_at > :ahead and state = 'planned'
    and event_id in (select id from events where finished_at is null)";

/// What a clock may be set back without anybody rewriting what it said.
const AHEAD: Duration = Duration::from_secs(600);

const SENDING_IS_UNSURE: &str = "
  update replies set state = 'unsure', api_answer = 'the process stopped while sending'
  where state = 'sending' and event_id = :event";

const RETRY: &str = "
  update events set state = 'backoff', finished_at = null, failures = 0, due_at = :now, reason = :reason
  where id = :event and state in ('dead', 'discarded')";

// What failed for good is tried again with its event; a note is not, it may have been written.
const PLAN_FAILED: &str = "
  update steps set state = 'planned', ended_at = null
  where event_id = :event and state = 'failed' and kind <> 'note'";

const DISCARD: &str = "
  update events set state = 'discarded', finished_at = :now, lease_until = null, reason = :reason
  where id = :event and state in ('waiting', 'backoff', 'held', 'checking', 'dead')";

const CANCEL_PLANNED: &str = "
  update replies set state = 'cancelled', ended_at = :now where event_id = :event and state in ('planned', 'not-sent')";

const SKIP_PLANNED: &str = "
  update steps set state = 'skipped', ended_at = :now where event_id = :event and state = 'planned'";

/// Queues an event or joins the waiting one, and keeps the bytes.
pub(super) fn accept(connection: &Connection, call: &NewCall) -> Result<Accepted, StoreError> {
    let accepted = match &call.ticket {
        None => Accepted::Kept,
        Some(ticket) => {
            let (id, calls): (i64, i64) = connection
                .prepare_cached(ACCEPT)
                .and_then(|mut statement| {
                    statement.query_row(
                        named_params! {
                            ":helpdesk": call.helpdesk.as_str(), ":ticket": ticket.as_str(),
                            ":source": call.source.as_str(), ":lane": call.lane.rank(), ":now": millis(call.at),
                            ":fields": call.fields,
                        },
                        |row| Ok((row.get(0)?, row.get(1)?)),
                    )
                })
                .map_err(|error| broken(&error))?;
            if calls == 1 { Accepted::New(EventId(id)) } else { Accepted::Joined(EventId(id)) }
        }
    };
    let Some((content_type, body)) = &call.raw else { return Ok(accepted) };
    let (event, result) = match accepted {
        Accepted::New(EventId(id)) => (Some(id), "accepted"),
        Accepted::Joined(EventId(id)) => (Some(id), "joined"),
        Accepted::Kept => (None, "kept"),
    };
    execute(
        connection,
        KEEP_CALL,
        named_params! {
            ":event": event, ":helpdesk": call.helpdesk.as_str(), ":now": millis(call.at), ":result": result,
            ":salvaged": call.salvaged, ":content_type": content_type, ":body": body,
        },
    )?;
    Ok(accepted)
}

/// Takes the next due event. The state it comes from is read first: an `update … returning` shows the new one.
pub(super) fn claim(
    connection: &Connection,
    now: Timestamp,
    lease: Duration,
) -> Result<Option<Claim>, StoreError> {
    let claimed = connection
        .prepare_cached(CLAIM)
        .and_then(|mut statement| {
            statement
                .query_row(
                    named_params! { ":now": millis(now), ":lease_until": millis(after(now, lease)) },
                    read_claim,
                )
                .optional()
        })
        .map_err(|error| broken(&error))?;
    Ok(claimed)
}

fn read_claim(row: &Row<'_>) -> rusqlite::Result<Claim> {
    Ok(Claim {
        event: EventId(row.get(0)?),
        attempt: row.get(1)?,
        helpdesk: HelpdeskName::new(row.get::<_, String>(2)?),
        ticket: TicketId::new(row.get::<_, String>(3)?),
        source: Source::parse(&row.get::<_, String>(4)?).unwrap_or(Source::Call),
        lane: Lane::from_rank(row.get(5)?).unwrap_or(Lane::Email),
        failures: row.get(6)?,
        accepted_at: from_millis(row.get(7)?),
        fields: row.get(8)?,
    })
}

/// What a claim could take: now, else the earliest later.
pub(super) fn next_due(connection: &Connection, now: Timestamp) -> Result<Option<Due>, StoreError> {
    match due(connection, DUE_NOW, now)? {
        Some(due) => Ok(Some(due)),
        None => due(connection, DUE_LATER, now),
    }
}

fn due(connection: &Connection, sql: &str, now: Timestamp) -> Result<Option<Due>, StoreError> {
    connection
        .prepare_cached(sql)
        .and_then(|mut statement| {
            statement
                .query_row(named_params! { ":now": millis(now) }, |row| {
                    Ok(Due {
                        at: from_millis(row.get(0)?),
                        lane: Lane::from_rank(row.get(1)?).unwrap_or(Lane::Email),
                        helpdesk: HelpdeskName::new(row.get::<_, String>(2)?),
                        state: State::parse(&row.get::<_, String>(3)?).unwrap_or(State::Waiting),
                    })
                })
                .optional()
        })
        .map_err(|error| broken(&error))
}

/// Ends a claim.
pub(super) fn finish(
    connection: &Connection,
    claim: &Claim,
    end: &End,
    now: Timestamp,
) -> Result<(), StoreError> {
    if !State::Working.may_become(end.state) {
        return Err(StoreError::Refused(format!("a worked event cannot become {}", end.state)));
    }
    let touched = execute(
        connection,
        FINISH,
        named_params! {
            ":state": end.state.as_str(), ":outcome": end.outcome.map(crate::event::Outcome::as_str),
            ":reason": end.reason, ":due_at": end.due_at.map(millis), ":failed": end.failed, ":calls": end.calls,
            ":finished_at": end.state.is_final().then(|| millis(now)),
            ":event": claim.event.0, ":attempt": claim.attempt,
        },
    )?;
    if touched == 0 {
        return Err(StoreError::Lost);
    }
    if matches!(end.state, State::Done | State::Duplicate) {
        // What was planned and never begun will not happen any more. A dead letter keeps its plan: queued again by a
        // person, it must be carried out, not just ended.
        execute(connection, CANCEL_PLANNED, named_params! { ":event": claim.event.0, ":now": millis(now) })?;
        execute(connection, SKIP_PLANNED, named_params! { ":event": claim.event.0, ":now": millis(now) })?;
    }
    note(connection, claim.event, State::Working.as_str(), end.state.as_str(), "worker", &end.reason, now)
}

/// Whether the claim still holds; every journal write asks first, inside its own transaction.
pub(super) fn fence(connection: &Connection, claim: &Claim) -> Result<(), StoreError> {
    let held: bool = connection
        .prepare_cached(
            "select exists (select 1 from events where id = ?1 and state = 'working' and attempt = ?2)",
        )
        .and_then(|mut statement| {
            statement.query_row(params![claim.event.0, claim.attempt], |row| row.get(0))
        })
        .map_err(|error| broken(&error))?;
    if held { Ok(()) } else { Err(StoreError::Lost) }
}

/// Puts `working` events back whose lease ended before `lease_before`; their `sending` replies become `unsure`. What is
/// put off for more than `longest_wait` becomes due at once.
pub(super) fn release(
    connection: &Connection,
    lease_before: Timestamp,
    now: Timestamp,
    longest_wait: Duration,
    (by, reason): (&str, &str),
) -> Result<u64, StoreError> {
    let far = millis(after(now, longest_wait));
    let ahead = millis(after(now, AHEAD));
    let wrong = named_params! { ":now": millis(now), ":far": far, ":ahead": ahead };
    execute(connection, CLOCK_WAS_WRONG, wrong)?;
    let ahead = named_params! { ":now": millis(now), ":ahead": ahead };
    execute(connection, ACCEPTED_AHEAD, ahead)?;
    execute(connection, PLANNED_AHEAD, ahead)?;
    let ids: Vec<i64> = connection
        .prepare_cached(RELEASE_ALL)
        .and_then(|mut statement| {
            statement
                .query_map(
                    named_params! { ":now": millis(now), ":lease_before": millis(lease_before), ":far": far, ":reason": reason },
                    |row| row.get(0),
                )?
                .collect()
        })
        .map_err(|error| broken(&error))?;
    for id in &ids {
        execute(connection, SENDING_IS_UNSURE, named_params! { ":event": id })?;
        note(connection, EventId(*id), "working", "backoff", by, reason, now)?;
    }
    Ok(ids.len() as u64)
}

/// Queues a dead or discarded event again.
pub(super) fn retry(
    connection: &Connection,
    event: EventId,
    by: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    let from = state_of(connection, event)?;
    let reason = format!("queued again by {by}");
    let touched = execute(
        connection,
        RETRY,
        named_params! { ":event": event.0, ":now": millis(now), ":reason": reason },
    )?;
    if touched == 0 {
        return Err(StoreError::Refused(format!(
            "event {event} is {from}; only dead or discarded events can be queued again"
        )));
    }
    execute(connection, PLAN_FAILED, named_params! { ":event": event.0 })?;
    note(connection, event, &from, "backoff", by, &reason, now)
}

/// Throws an event away.
pub(super) fn discard(
    connection: &Connection,
    event: EventId,
    reason: &str,
    by: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    let from = state_of(connection, event)?;
    let touched = execute(
        connection,
        DISCARD,
        named_params! { ":event": event.0, ":now": millis(now), ":reason": reason },
    )?;
    if touched == 0 {
        let hint =
            if from == "working" { "; it is being worked right now, try again in a moment" } else { "" };
        return Err(StoreError::Refused(format!("event {event} is {from} and cannot be discarded{hint}")));
    }
    execute(connection, CANCEL_PLANNED, named_params! { ":event": event.0, ":now": millis(now) })?;
    note(connection, event, &from, "discarded", by, reason, now)
}

fn state_of(connection: &Connection, event: EventId) -> Result<String, StoreError> {
    connection
        .prepare_cached(STATE_OF)
        .and_then(|mut statement| {
            statement.query_row(named_params! { ":event": event.0 }, |row| row.get(0)).optional()
        })
        .map_err(|error| broken(&error))?
        .ok_or(StoreError::NoSuchEvent(event))
}

/// Writes a transition into the history.
pub(super) fn note(
    connection: &Connection,
    event: EventId,
    from: &str,
    to: &str,
    by: &str,
    reason: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    execute(
        connection,
        NOTE_TRANSITION,
        named_params! {
            ":event": event.0, ":now": millis(now), ":from": from, ":to": to, ":by": by, ":reason": reason,
        },
    )
    .map(|_| ())
}

/// Runs a cached statement; how many rows it touched.
pub(super) fn execute(
    connection: &Connection,
    sql: &str,
    values: &[(&str, &dyn rusqlite::ToSql)],
) -> Result<usize, StoreError> {
    connection
        .prepare_cached(sql)
        .and_then(|mut statement| statement.execute(values))
        .map_err(|error| broken(&error))
}
