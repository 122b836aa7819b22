//! The journal of one event: what was seen, what was decided, the reply and the other steps with their outcomes.

use rusqlite::{Connection, OptionalExtension, named_params};

use super::events::{execute, fence, note};
use super::open::broken;
use crate::clock::{from_millis, millis};
use crate::event::{EventId, HelpdeskName, Outcome, TicketId, Timestamp, idempotency_key};
use crate::store::{
    Answer, Claim, Fetched, Journal, JournalReply, JournalStep, Plan, ReplyState, Seen, StepPlan, StepState,
    StoreError, Unproven,
};

const TAKE_KEY: &str = "
  insert into idempotency (key, event_id, created_at) values (:key, :event, :now)
  on conflict (key) do nothing";

const KEY_HOLDER: &str = "select event_id from idempotency where key = :key";

const SEEN: &str = "
  update events set ticket_number = :number, channel = :channel, message_key = :message, message_at = :message_at,
                    customer = :customer
  where id = :event and state = 'working' and attempt = :attempt";

const MEET_TICKET: &str = "
  insert into tickets (helpdesk, ticket_id, number, channel, message_key, updated_at, is_open, first_seen_at, looked_at)
  values (:helpdesk, :ticket, :number, :channel, :message, :updated_at, :open, :now, :now)
  on conflict (helpdesk, ticket_id) do update set
    number = coalesce(excluded.number, number), channel = excluded.channel,
    message_key = coalesce(excluded.message_key, message_key),
    updated_at = coalesce(excluded.updated_at, updated_at), is_open = excluded.is_open, looked_at = excluded.looked_at";

const DECIDE: &str = "
  insert into decisions (event_id, decided_at, mode, intent, confidence, team, outcome, reason, classifier, detail)
  values (:event, :now, :mode, :intent, :confidence, :team, :outcome, :reason, :classifier, :detail)
  on conflict (event_id) do update set
    decided_at = excluded.decided_at, mode = excluded.mode, intent = excluded.intent,
    confidence = excluded.confidence, team = excluded.team, outcome = excluded.outcome, reason = excluded.reason,
    classifier = excluded.classifier, detail = excluded.detail";

const DECIDED: &str = "
  update events set intent = :intent, confidence = :confidence
  where id = :event and state = 'working' and attempt = :attempt";

/// Anything of an earlier plan that already reached, or may have reached, the helpdesk.
const STARTED: &str = "
  select exists (select 1 from replies where event_id = :event and state not in ('planned', 'not-sent', 'cancelled'))
      or exists (select 1 from steps where event_id = :event and state in ('applied', 'unproven'))";

const FORGET_STEPS: &str = "delete from steps where event_id = :event";
const DROP_REPLY: &str = "
  update replies set state = 'cancelled', ended_at = :now where event_id = :event and state in ('planned', 'not-sent')";

const PLAN_REPLY: &str = "
  insert into replies (event_id, helpdesk, ticket_id, message_key, customer, template, body, state, planned_at, attempt)
  values (:event, :helpdesk, :ticket, :message, :customer, :template, :body, 'planned', :now, :attempt)
  on conflict (event_id) do update set
    message_key = excluded.message_key, customer = excluded.customer, template = excluded.template,
    body = excluded.body, state = 'planned', planned_at = excluded.planned_at, ended_at = null,
    attempt = excluded.attempt";

const PLAN_STEP: &str = "
  insert into steps (event_id, seq, kind, body, rule, state, planned_at, attempt)
  select :event, coalesce(max(seq) + 1, 0), :kind, :body, :rule, 'planned', :now, :attempt
  from steps where event_id = :event";

const READ_DECISION: &str = "select detail, outcome, reason from decisions where event_id = :event";
const READ_REPLY: &str = "
  select state, checks, sending_at, body, planned_at, coalesce(api_status between 200 and 299, 0) from replies
  where event_id = :event";
const READ_STEPS: &str = "select seq, body, state from steps where event_id = :event order by seq";

const STEP_IS: &str = "
  update steps set state = :state, ended_at = :now, attempt = :attempt, api_status = :status, api_answer = :answer
  where event_id = :event and seq = :seq";

/// Records what the read showed and takes key 2, in both its forms.
pub(super) fn fetched(
    connection: &Connection,
    claim: &Claim,
    seen: &Seen,
    now: Timestamp,
) -> Result<Fetched, StoreError> {
    let touched = execute(
        connection,
        SEEN,
        named_params! {
            ":number": seen.number, ":channel": seen.channel, ":message": seen.message.as_ref().map(|key| key.as_str()),
            ":message_at": seen.message_at.map(millis), ":customer": seen.customer, ":event": claim.event.0,
            ":attempt": claim.attempt,
        },
    )?;
    if touched == 0 {
        return Err(StoreError::Lost);
    }
    execute(
        connection,
        MEET_TICKET,
        named_params! {
            ":helpdesk": claim.helpdesk.as_str(), ":ticket": claim.ticket.as_str(), ":number": seen.number,
            ":channel": seen.channel, ":message": seen.message.as_ref().map(|key| key.as_str()),
            ":updated_at": seen.updated_at.map(millis), ":open": seen.open, ":now": millis(now),
        },
    )?;
    super::gaps::met(connection, &claim.helpdesk, seen.number)?;
    for message in [&seen.message, &seen.also].into_iter().flatten() {
        let key = idempotency_key(&claim.helpdesk, &claim.ticket, message);
        execute(
            connection,
            TAKE_KEY,
            named_params! { ":key": key, ":event": claim.event.0, ":now": millis(now) },
        )?;
        let holder: i64 = connection
            .prepare_cached(KEY_HOLDER)
            .and_then(|mut statement| statement.query_row(named_params! { ":key": key }, |row| row.get(0)))
            .map_err(|error| broken(&error))?;
        if holder != claim.event.0 {
            return Ok(Fetched::DuplicateOf(EventId(holder)));
        }
    }
    Ok(Fetched::Fresh)
}

/// Journals a decision with its plan.
pub(super) fn planned(
    connection: &Connection,
    claim: &Claim,
    plan: &Plan,
    now: Timestamp,
) -> Result<(), StoreError> {
    fence(connection, claim)?;
    let event = claim.event.0;
    let started: bool = connection
        .prepare_cached(STARTED)
        .and_then(|mut statement| statement.query_row(named_params! { ":event": event }, |row| row.get(0)))
        .map_err(|error| broken(&error))?;
    if started {
        return Err(StoreError::Refused(format!("event {event} has begun to act; its plan cannot change")));
    }
    execute(connection, FORGET_STEPS, named_params! { ":event": event })?;
    execute(connection, DROP_REPLY, named_params! { ":event": event, ":now": millis(now) })?;
    execute(
        connection,
        DECIDE,
        named_params! {
            ":event": event, ":now": millis(now), ":mode": plan.mode.as_str(), ":intent": plan.intent.as_str(),
            ":confidence": plan.confidence.clamp(0.0, 1.0), ":team": plan.team, ":outcome": plan.outcome.as_str(),
            ":reason": plan.reason, ":classifier": plan.classifier, ":detail": plan.detail,
        },
    )?;
    execute(
        connection,
        DECIDED,
        named_params! {
            ":intent": plan.intent.as_str(), ":confidence": plan.confidence, ":event": event, ":attempt": claim.attempt,
        },
    )?;
    if let Some(reply) = &plan.reply {
        execute(
            connection,
            PLAN_REPLY,
            named_params! {
                ":event": event, ":helpdesk": claim.helpdesk.as_str(), ":ticket": claim.ticket.as_str(),
                ":message": reply.message.as_str(), ":customer": reply.customer, ":template": reply.template,
                ":body": reply.body, ":now": millis(now), ":attempt": claim.attempt,
            },
        )?;
    }
    plan.steps.iter().try_for_each(|step| insert_step(connection, claim, step, now))
}

const SKIP_REST: &str = "
  update steps set state = 'skipped', ended_at = :now, attempt = :attempt, api_answer = :answer
  where event_id = :event and state = 'planned'";

/// Other steps in the place of those still planned.
pub(super) fn replan(
    connection: &Connection,
    claim: &Claim,
    steps: &[StepPlan],
    why: &Answer,
    now: Timestamp,
) -> Result<(), StoreError> {
    fence(connection, claim)?;
    execute(
        connection,
        SKIP_REST,
        named_params! {
            ":now": millis(now), ":attempt": claim.attempt, ":answer": why.text, ":event": claim.event.0,
        },
    )?;
    steps.iter().try_for_each(|step| insert_step(connection, claim, step, now))
}

/// Adds a step at the end of the plan.
pub(super) fn add_step(
    connection: &Connection,
    claim: &Claim,
    step: &StepPlan,
    now: Timestamp,
) -> Result<(), StoreError> {
    fence(connection, claim)?;
    insert_step(connection, claim, step, now)
}

fn insert_step(
    connection: &Connection,
    claim: &Claim,
    step: &StepPlan,
    now: Timestamp,
) -> Result<(), StoreError> {
    execute(
        connection,
        PLAN_STEP,
        named_params! {
            ":event": claim.event.0, ":kind": step.kind, ":body": step.body, ":rule": step.rule, ":now": millis(now),
            ":attempt": claim.attempt,
        },
    )
    .map(|_| ())
}

/// Reads a plan back.
pub(super) fn journal(connection: &Connection, event: EventId) -> Result<Option<Journal>, StoreError> {
    read_journal(connection, event).map_err(|error| broken(&error))
}

fn read_journal(connection: &Connection, event: EventId) -> rusqlite::Result<Option<Journal>> {
    let by_event = named_params! { ":event": event.0 };
    let decision = connection
        .prepare_cached(READ_DECISION)?
        .query_row(by_event, |row| Ok((row.get(0)?, row.get::<_, String>(1)?, row.get(2)?)))
        .optional()?;
    let Some((detail, outcome, reason)) = decision else { return Ok(None) };
    let reply = connection
        .prepare_cached(READ_REPLY)?
        .query_row(by_event, |row| {
            Ok(JournalReply {
                state: ReplyState::parse(&row.get::<_, String>(0)?).unwrap_or(ReplyState::Unsure),
                checks: row.get(1)?,
                sending_at: row.get::<_, Option<i64>>(2)?.map(from_millis),
                body: row.get(3)?,
                planned_at: from_millis(row.get(4)?),
                said_yes: row.get(5)?,
            })
        })
        .optional()?;
    let steps = connection
        .prepare_cached(READ_STEPS)?
        .query_map(by_event, |row| {
            Ok(JournalStep {
                seq: row.get(0)?,
                body: row.get(1)?,
                state: StepState::parse(&row.get::<_, String>(2)?).unwrap_or(StepState::Planned),
            })
        })?
        .collect::<rusqlite::Result<_>>()?;
    Ok(Some(Journal {
        detail,
        outcome: Outcome::parse(&outcome).unwrap_or(Outcome::Routed),
        reason,
        reply,
        steps,
    }))
}

/// Journals the outcome of a step.
pub(super) fn step_is(
    connection: &Connection,
    claim: &Claim,
    seq: u32,
    state: StepState,
    answer: &Answer,
    now: Timestamp,
) -> Result<(), StoreError> {
    fence(connection, claim)?;
    let touched = execute(
        connection,
        STEP_IS,
        named_params! {
            ":state": state.as_str(), ":now": millis(now), ":attempt": claim.attempt, ":status": answer.status,
            ":answer": answer.text, ":event": claim.event.0, ":seq": seq,
        },
    )?;
    if touched == 1 { Ok(()) } else { Err(StoreError::Lost) }
}

const UNPROVEN: &str = "
  select s.event_id, e.ticket_id, s.seq, s.body from steps s join events e on e.id = s.event_id
  where s.state = 'unproven' and e.helpdesk = :helpdesk and e.finished_at < :before
    -- What a later event did to the ticket is newer than this.
    and not exists (select 1 from events later where later.ticket_id = e.ticket_id and later.id > e.id)
  order by s.event_id limit :limit";

const PROVEN: &str = "
  update steps set state = :state, ended_at = :now, api_status = coalesce(:status, api_status), api_answer = :answer
  where event_id = :event and seq = :seq and state = 'unproven'";

/// A ticket without its tags was not routed: that is for a person.
const UNTAGGED: &str = "
  update events set state = 'dead', outcome = null, reason = :reason, finished_at = :now
  where id = :event and state = 'done'
    and exists (select 1 from steps where event_id = :event and seq = :seq and kind = 'add-tags')";

/// Steps of ended events whose effect nobody has seen.
pub(super) fn unproven(
    connection: &Connection,
    helpdesk: &HelpdeskName,
    before: Timestamp,
    limit: u32,
) -> Result<Vec<Unproven>, StoreError> {
    connection
        .prepare_cached(UNPROVEN)
        .and_then(|mut statement| {
            let values =
                named_params! { ":helpdesk": helpdesk.as_str(), ":before": millis(before), ":limit": limit };
            statement
                .query_map(values, |row| {
                    Ok(Unproven {
                        event: EventId(row.get(0)?),
                        ticket: TicketId::new(row.get::<_, String>(1)?),
                        seq: row.get(2)?,
                        body: row.get(3)?,
                    })
                })?
                .collect()
        })
        .map_err(|error| broken(&error))
}

/// Settles one.
pub(super) fn proven(
    connection: &Connection,
    step: &Unproven,
    state: StepState,
    answer: &Answer,
    now: Timestamp,
) -> Result<(), StoreError> {
    let values = named_params! {
        ":state": state.as_str(), ":now": millis(now), ":status": answer.status, ":answer": answer.text,
        ":event": step.event.0, ":seq": step.seq,
    };
    if execute(connection, PROVEN, values)? == 0 {
        return Err(StoreError::Lost);
    }
    if state != StepState::Failed {
        return Ok(());
    }
    let reason = format!("its tags are not on the ticket: {}", answer.text);
    let values =
        named_params! { ":event": step.event.0, ":seq": step.seq, ":now": millis(now), ":reason": reason };
    if execute(connection, UNTAGGED, values)? == 1 {
        note(connection, step.event, "done", "dead", "a later look", &reason, now)?;
    }
    Ok(())
}
