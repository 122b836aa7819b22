//! Everything but the reply: harmless to repeat, so a step is journalled after it was done and repeated when it was
//! not. The answer to a write is its read-back where it shows the ticket.

use super::{Hands, Stop, answer_of, readback};
use crate::decide::{Decision, TAG_STOP};
use crate::event::{MessageKey, TicketId};
use crate::helpdesk::budget::Permit;
use crate::helpdesk::{ApiError, Applied};
use crate::store::{Answer, Claim, JournalStep, ReplyState, StepPlan, StepState};
use crate::ticket::{Effect, Message, Status, Ticket};

/// Failed attempts after which a step that the ticket can do without is given up.
const OPTIONAL_PATIENCE: u32 = 3;

/// How far the steps got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum StepsEnd {
    /// All done.
    Done,
    /// The close's answer shows the conversation, and our reply is not in it: a 200 that was not applied, or a read
    /// that lags. The reply is `unsure` now and the rest waits for the read-back.
    ReplyMissing,
}

impl Hands<'_> {
    /// Does every step that is still planned, in order.
    pub(super) fn steps(
        &self,
        claim: &Claim,
        permit: &mut Permit,
        mut ticket: Ticket,
    ) -> Result<StepsEnd, Stop> {
        let journal = self.store.journal(claim.event)?.ok_or_else(|| Stop::Journal("no decision".into()))?;
        let decision: Decision =
            serde_json::from_str(&journal.detail).map_err(|error| Stop::Journal(error.to_string()))?;
        let answered = decision.message.as_ref();
        let unconfirmed = journal.reply.filter(|reply| reply.state == ReplyState::Sent);
        let mut to_confirm = unconfirmed.map(|reply| reply.body);
        if decision.send && left_closed(claim, &ticket, answered, &journal.steps) {
            ticket = self.undo_close(claim, permit, ticket)?;
        }
        for step in journal.steps.iter().filter(|step| step.state == StepState::Planned) {
            if let Some(text) = self.no_writes(&ticket) {
                let answer = Answer { status: None, text, calls: permit.used() };
                self.store.step_is(claim, step.seq, StepState::Skipped, &answer, self.now())?;
                continue;
            }
            let effect: Effect =
                serde_json::from_str(&step.body).map_err(|error| Stop::Journal(error.to_string()))?;
            if let Some(why) = (effect == Effect::Close).then(|| still_asked(&ticket, answered)).flatten() {
                let answer = Answer { status: None, text: why.into(), calls: permit.used() };
                self.store.step_is(claim, step.seq, StepState::Skipped, &answer, self.now())?;
                continue;
            }
            if let Some(mut shown) = self.step(claim, permit, &ticket, step, &effect)? {
                if !shown.messages.is_empty()
                    && let Some(body) = to_confirm.take()
                {
                    let arrived = self.confirm(claim, permit, &shown, answered, &body)?;
                    if !arrived {
                        return Ok(StepsEnd::ReplyMissing);
                    }
                }
                if effect == Effect::Close
                    && !shown.messages.is_empty()
                    && still_asked(&shown, answered).is_some()
                {
                    shown = self.undo_close(claim, permit, shown)?;
                }
                ticket = shown;
            }
        }
        // No answer showed the conversation: a 200 alone does not prove that the customer got anything.
        if let Some(body) = to_confirm {
            let shown = self.read(permit, &TicketId::new(claim.ticket.as_str()))?;
            if !self.confirm(claim, permit, &shown, answered, &body)? {
                return Ok(StepsEnd::ReplyMissing);
            }
        }
        Ok(StepsEnd::Done)
    }

    /// Why nothing may be written to this ticket, also not what was planned when it still might.
    fn no_writes(&self, ticket: &Ticket) -> Option<String> {
        let stopped = ticket.has_tag(TAG_STOP).then(|| format!("the ticket carries {TAG_STOP}"));
        let mode = self.policy.mode;
        stopped.or_else(|| (!mode.writes()).then(|| format!("mode {mode} writes nothing")))
    }

    /// The close's answer shows a message that came before it: it must not stay on a closed ticket. Journalled as a
    /// step of its own, which is done last when it cannot be done now.
    fn undo_close(&self, claim: &Claim, permit: &mut Permit, shown: Ticket) -> Result<Ticket, Stop> {
        if self.no_writes(&shown).is_some() {
            return Ok(shown);
        }
        let effect = Effect::Reopen;
        let body = serde_json::to_string(&effect).map_err(|error| Stop::Journal(error.to_string()))?;
        let rule = "closed with a newer message on it → open again".to_owned();
        let plan = StepPlan { kind: effect.kind().into(), body, rule };
        self.store.add_step(claim, &plan, self.now())?;
        let journal = self.store.journal(claim.event)?.ok_or_else(|| Stop::Journal("no decision".into()))?;
        let Some(step) = journal.steps.last().filter(|step| step.body == plan.body) else {
            return Ok(shown);
        };
        let opened = self.step(claim, permit, &shown, step, &effect)?;
        Ok(opened.unwrap_or(shown))
    }

    /// Looks for the reply in a ticket that an answer showed for nothing.
    fn confirm(
        &self,
        claim: &Claim,
        permit: &Permit,
        shown: &Ticket,
        answered: Option<&MessageKey>,
        body: &str,
    ) -> Result<bool, Stop> {
        let arrived = readback::shows_reply(shown, answered, body);
        let (state, text) = if arrived {
            (ReplyState::Confirmed, "seen on the ticket")
        } else {
            (ReplyState::Unsure, "answered 200 and not on the ticket")
        };
        let answer = Answer { status: None, text: text.into(), calls: permit.used() };
        self.store.reply_is(claim, state, &answer, self.now())?;
        Ok(arrived)
    }

    /// One step; the ticket as the answer, or a read after it, shows it.
    fn step(
        &self,
        claim: &Claim,
        permit: &mut Permit,
        ticket: &Ticket,
        step: &JournalStep,
        effect: &Effect,
    ) -> Result<Option<Ticket>, Stop> {
        if let Some(why) = superfluous(effect, ticket) {
            let answer = Answer { status: None, text: why.into(), calls: permit.used() };
            self.store.step_is(claim, step.seq, StepState::Skipped, &answer, self.now())?;
            return Ok(None);
        }
        match self.helpdesk.apply(permit, ticket, effect) {
            Ok(applied) => self.settle(claim, permit, ticket, step, effect, applied),
            Err(error)
                if error.can_pass() && may_repeat(effect, &error) && !given_up(claim, effect, &error) =>
            {
                Err(error.into())
            }
            Err(error) => {
                self.store.step_is(
                    claim,
                    step.seq,
                    StepState::Failed,
                    &answer_of(&error, permit),
                    self.now(),
                )?;
                // A ticket that cannot be tagged was not routed, and one that cannot be opened again hides a question:
                // both are for a person.
                let essential = matches!(effect, Effect::AddTags { .. } | Effect::Reopen);
                if essential { Err(error.into()) } else { Ok(None) }
            }
        }
    }

    fn settle(
        &self,
        claim: &Claim,
        permit: &mut Permit,
        ticket: &Ticket,
        step: &JournalStep,
        effect: &Effect,
        applied: Applied,
    ) -> Result<Option<Ticket>, Stop> {
        let answer = Answer { status: Some(applied.status), text: applied.answer, calls: permit.used() };
        let mut shown = applied.ticket;
        // A 200 does not prove a close; where its answer shows nothing, one read does.
        if *effect == Effect::Close && shown.is_none() {
            shown = Some(self.read(permit, &ticket.id)?);
        }
        let state = match proof(effect, shown.as_ref(), applied.tags.as_deref()) {
            Some(true) => StepState::Applied,
            None => StepState::Unproven,
            Some(false) => {
                return Err(ApiError::Ambiguous(format!(
                    "{} was answered {} and is not there",
                    effect.kind(),
                    applied.status
                ))
                .into());
            }
        };
        self.store.step_is(claim, step.seq, state, &answer, self.now())?;
        Ok(shown)
    }
}

/// Why a ticket must not be closed after our reply: somebody said something that the reply does not answer.
fn still_asked(ticket: &Ticket, answered: Option<&MessageKey>) -> Option<&'static str> {
    let newest = ticket.newest_customer_message()?;
    if answered.is_some_and(|answered| newest.key() != *answered) {
        return Some("the customer wrote again");
    }
    ticket.agent_answered_after(newest).then_some("an agent has written")
}

/// Whether an earlier attempt closed the ticket over a newer message, or may have, and stopped before it could open it
/// again. Where an agent closed it meanwhile it is opened once too often: better than a question nobody sees.
fn left_closed(claim: &Claim, ticket: &Ticket, answered: Option<&MessageKey>, steps: &[JournalStep]) -> bool {
    let asked = |newest: &Message| {
        answered.is_some_and(|answered| newest.key() != *answered) && !ticket.agent_answered_after(newest)
    };
    let effect = |step: &JournalStep| serde_json::from_str::<Effect>(&step.body).ok();
    let closed_by_us = steps.iter().any(|step| {
        let tried = claim.attempt > 1 && step.state == StepState::Planned;
        (tried || matches!(step.state, StepState::Applied | StepState::Unproven))
            && effect(step) == Some(Effect::Close)
    });
    ticket.status == Status::Closed
        && closed_by_us
        && !steps.iter().any(|step| effect(step) == Some(Effect::Reopen))
        && ticket.newest_customer_message().is_some_and(asked)
}

/// Whether a ticket as read shows the effect: `None` when it cannot show it.
pub fn proof_of(effect: &Effect, shown: Option<&Ticket>) -> Option<bool> {
    proof(effect, shown, shown.map(|ticket| ticket.tags.as_slice()))
}

/// Whether an answer shows the effect: `None` when it shows nothing either way. `tags` are those it lists; a partial
/// ticket without any says nothing of them.
fn proof(effect: &Effect, shown: Option<&Ticket>, tags: Option<&[String]>) -> Option<bool> {
    match effect {
        Effect::AddTags { tags: wanted } => {
            let has = tags?;
            Some(wanted.iter().all(|tag| has.contains(tag)))
        }
        Effect::RemoveTags { tags: gone } => {
            let has = tags?;
            Some(!gone.iter().any(|tag| has.contains(tag)))
        }
        Effect::Close => shown.map(|ticket| ticket.status == Status::Closed),
        Effect::Reopen => shown.map(|ticket| ticket.status != Status::Closed),
        // What an answer does not carry is taken at its word: none of these reaches a customer.
        Effect::Priority { .. }
        | Effect::Assign { .. }
        | Effect::AttachOrder { .. }
        | Effect::CustomFields { .. }
        | Effect::Note { .. }
        | Effect::Reply { .. } => Some(true),
    }
}

/// What a ticket can do without must not keep it from its tags: it is tried a few times, and not at all where the
/// helpdesk says that there is no such thing. A pause or an outage is waited out like everything else.
const fn given_up(claim: &Claim, effect: &Effect, error: &ApiError) -> bool {
    let waits =
        matches!(error, ApiError::Throttled { .. } | ApiError::Unavailable(_) | ApiError::Unauthorized(_));
    let essential = matches!(effect, Effect::AddTags { .. } | Effect::RemoveTags { .. } | Effect::Reopen);
    !essential
        && !waits
        && (matches!(error, ApiError::NotFound | ApiError::Forbidden(_))
            || claim.failures >= OPTIONAL_PATIENCE)
}

/// A note is not harmless to repeat: after an unclear answer it is left alone.
const fn may_repeat(effect: &Effect, error: &ApiError) -> bool {
    !matches!(effect, Effect::Note { .. }) || error.proves_not_applied()
}

fn superfluous(effect: &Effect, ticket: &Ticket) -> Option<&'static str> {
    match effect {
        Effect::Close if ticket.status == Status::Closed => Some("already closed"),
        Effect::Reopen if ticket.status != Status::Closed => Some("already open"),
        Effect::AddTags { tags } if tags.iter().all(|tag| ticket.has_tag(tag)) => Some("already there"),
        Effect::RemoveTags { tags } if !tags.iter().any(|tag| ticket.has_tag(tag)) => Some("already gone"),
        Effect::Note { body }
            if ticket.messages.iter().any(|note| !note.public && readback::says(note, body)) =>
        {
            Some("already written")
        }
        Effect::Assign { agent_id } if ticket.assignee.as_ref() == Some(agent_id) => Some("already assigned"),
        _ => None,
    }
}
