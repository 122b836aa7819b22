//! Everything but the reply: harmless to repeat, so a step is journalled after it was done and repeated when it was
//! not. The answer to a write is its read-back where it shows the ticket.

use super::{Hands, Stop, answer_of, readback};
use crate::helpdesk::budget::Permit;
use crate::helpdesk::{ApiError, Applied};
use crate::store::{Answer, Claim, JournalStep, ReplyState, StepState};
use crate::ticket::{Effect, Status, Ticket};

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
    pub(super) fn steps(&self, claim: &Claim, permit: &mut Permit, mut ticket: Ticket) -> Result<StepsEnd, Stop> {
        let journal = self.store.journal(claim.event)?.ok_or_else(|| Stop::Journal("no decision".into()))?;
        let unconfirmed = journal.reply.filter(|reply| reply.state == ReplyState::Sent);
        let mut to_confirm = unconfirmed.map(|reply| reply.body);
        for step in journal.steps.iter().filter(|step| step.state == StepState::Planned) {
            let effect: Effect =
                serde_json::from_str(&step.body).map_err(|error| Stop::Journal(error.to_string()))?;
            if let Some(shown) = self.step(claim, permit, &ticket, step, &effect)? {
                if !shown.messages.is_empty() && let Some(body) = to_confirm.take() {
                    let arrived = self.confirm(claim, permit, &shown, &body)?;
                    if !arrived {
                        return Ok(StepsEnd::ReplyMissing);
                    }
                }
                ticket = shown;
            }
        }
        Ok(StepsEnd::Done)
    }

    /// Looks for the reply in a ticket that an answer showed for nothing.
    fn confirm(&self, claim: &Claim, permit: &Permit, shown: &Ticket, body: &str) -> Result<bool, Stop> {
        let arrived = readback::shows_reply(shown, None, body);
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
            Err(error) if error.can_pass() && may_repeat(effect, &error) => Err(error.into()),
            Err(error) => {
                self.store.step_is(claim, step.seq, StepState::Failed, &answer_of(&error, permit), self.now())?;
                // A ticket that cannot be tagged was not routed: that is for a person.
                if matches!(effect, Effect::AddTags { .. }) { Err(error.into()) } else { Ok(None) }
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
            Some(false) => return Err(ApiError::Ambiguous(format!("{} was answered {} and is not there", effect.kind(), applied.status)).into()),
        };
        self.store.step_is(claim, step.seq, state, &answer, self.now())?;
        Ok(shown)
    }
}

/// Whether a ticket as read shows the effect: `None` when it cannot show it.
pub fn proof_of(effect: &Effect, shown: Option<&Ticket>) -> Option<bool> {
    proof(effect, shown, None)
}

/// Whether an answer shows the effect: `None` when it shows nothing either way.
fn proof(effect: &Effect, shown: Option<&Ticket>, tags: Option<&[String]>) -> Option<bool> {
    match effect {
        Effect::AddTags { tags: wanted } => {
            let has = tags.or(shown.map(|ticket| ticket.tags.as_slice()))?;
            Some(wanted.iter().all(|tag| has.contains(tag)))
        }
        Effect::RemoveTags { tags: gone } => {
            let has = tags.or(shown.map(|ticket| ticket.tags.as_slice()))?;
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
        Effect::Assign { agent_id } if ticket.assignee.as_ref() == Some(agent_id) => Some("already assigned"),
        _ => None,
    }
}
