//! What becomes of a reply nobody is sure about: the ticket is read again and again; found, it is confirmed, not
//! found to the last, a person gets the ticket. It is never sent again.

use super::{Hands, Stop};
use crate::decide::{Decision, TAG_NEEDS_HUMAN, TAG_REPLIED};
use crate::event::{MessageKey, Outcome, TicketId};
use crate::helpdesk::ApiError;
use crate::helpdesk::budget::Permit;
use crate::store::{Answer, Claim, End, JournalReply, JournalStep, ReplyState, StepPlan, StepState};
use crate::text::html::looks_like_html;
use crate::text::html_to_text;
use crate::ticket::{Author, Effect, Message, Ticket};

impl Hands<'_> {
    /// One look for an unsure reply, and what follows from it.
    ///
    /// # Errors
    /// [`Stop`]; the look is then made later and does not count.
    pub fn read_back(
        &self,
        claim: &Claim,
        permit: &mut Permit,
        decision: &Decision,
        reply: &JournalReply,
        steps: &[JournalStep],
    ) -> Result<End, Stop> {
        let id = TicketId::new(claim.ticket.as_str());
        let ticket = match self.read(permit, &id) {
            Ok(ticket) => Some(ticket),
            // A new id can be unknown for some seconds; after the last look it is deleted.
            Err(ApiError::NotFound) => None,
            Err(error) => return Err(error.into()),
        };
        let answer = |text: &str| Answer { status: None, text: text.into(), calls: permit.used() };
        let arrived = |ticket: &Ticket| shows_reply(ticket, decision.message.as_ref(), &reply.body);
        if ticket.as_ref().is_some_and(arrived)
            && let Some(ticket) = ticket
        {
            self.store.reply_is(claim, ReplyState::Confirmed, &answer("seen on the ticket"), self.now())?;
            return self.finish_plan(claim, permit, ticket, decision.outcome, &decision.reason);
        }
        let looks = reply.checks + 1;
        if usize::try_from(looks).is_ok_and(|looks| looks < self.readback_ms.len()) {
            self.store.reply_is(claim, ReplyState::Unsure, &answer("not on the ticket yet"), self.now())?;
            return Ok(self.check_later(looks, reply.sending_at.unwrap_or_else(|| self.now()), permit));
        }
        self.store.reply_is(
            claim,
            ReplyState::Unconfirmed,
            &answer("never seen on the ticket"),
            self.now(),
        )?;
        match ticket {
            Some(ticket) => self.hand_over(claim, permit, ticket, reply, steps),
            // A deleted ticket takes no tags; there is nothing left to do to it.
            None => Ok(self.gone(permit)),
        }
    }

    /// Routes the ticket to a person instead of ending it as answered.
    ///
    /// # Errors
    /// [`Stop`].
    pub fn hand_over(
        &self,
        claim: &Claim,
        permit: &mut Permit,
        ticket: Ticket,
        reply: &JournalReply,
        steps: &[JournalStep],
    ) -> Result<End, Stop> {
        let reason = "a reply may or may not have arrived: a person must look, it is not sent again";
        if !steps.iter().any(|step| step.body.contains(TAG_NEEDS_HUMAN)) {
            let answered =
                ticket.newest_customer_message().is_some_and(|newest| ticket.agent_answered_after(newest));
            self.plan_hand_over(claim, permit, steps, reply.said_yes && !answered)?;
        }
        self.finish_plan(claim, permit, ticket, Outcome::NeedsHuman, reason)
    }

    /// Puts the tags for a person in the place of what was planned for an answered ticket, in one commit.
    /// `maybe_closed`: a close that is not journalled as done may have been sent, and its answer lost.
    fn plan_hand_over(
        &self,
        claim: &Claim,
        permit: &Permit,
        steps: &[JournalStep],
        maybe_closed: bool,
    ) -> Result<(), Stop> {
        let mut tags = vec![TAG_NEEDS_HUMAN.to_owned()];
        let mut effects = Vec::new();
        for step in steps {
            match (serde_json::from_str(&step.body), step.state) {
                (Ok(Effect::AddTags { tags: planned }), StepState::Planned) => {
                    tags.extend(planned.into_iter().filter(|tag| tag != TAG_REPLIED));
                }
                // A ticket that we closed after a reply nobody got must not stay closed; one that an agent closed must.
                (Ok(Effect::Close), StepState::Applied | StepState::Unproven) => effects.push(Effect::Reopen),
                (Ok(Effect::Close), StepState::Planned | StepState::Failed) if maybe_closed => {
                    effects.push(Effect::Reopen);
                }
                _ => (),
            }
        }
        // The tags come last, as always.
        effects.push(Effect::AddTags { tags });
        let step = |effect: &Effect| {
            let body = serde_json::to_string(effect).map_err(|error| Stop::Journal(error.to_string()))?;
            Ok(StepPlan { kind: effect.kind().into(), body, rule: "unconfirmed reply → a person".into() })
        };
        let plan = effects.iter().map(step).collect::<Result<Vec<_>, Stop>>()?;
        let why = Answer { status: None, text: "the reply was not confirmed".into(), calls: permit.used() };
        self.store.replan(claim, &plan, &why, self.now())?;
        Ok(())
    }

    /// The end of an event whose ticket the helpdesk no longer has.
    pub fn gone(&self, permit: &Permit) -> End {
        End {
            state: crate::event::State::Done,
            outcome: Some(Outcome::Gone),
            due_at: None,
            failed: false,
            reason: "the helpdesk says that this ticket does not exist".into(),
            calls: permit.used(),
        }
    }
}

/// Whether the ticket shows our reply: by author and text, after the message it answers.
pub fn shows_reply(ticket: &Ticket, after: Option<&MessageKey>, body: &str) -> bool {
    let asked = after.and_then(|key| ticket.messages.iter().rposition(|message| message.key() == *key));
    ticket
        .messages
        .iter()
        .skip(asked.map_or(0, |index| index + 1))
        .filter(|message| message.public && matches!(message.author, Author::Bot | Author::Agent(_)))
        .any(|message| says(message, body))
}

/// Whether a message says just this.
pub(super) fn says(message: &Message, body: &str) -> bool {
    let wanted = words(body);
    words(&message.plain) == wanted || message.html.as_deref().is_some_and(|html| words(html) == wanted)
}

/// A text as its words: mark-up and spacing are the helpdesk's business.
fn words(text: &str) -> String {
    let plain = if looks_like_html(text) { html_to_text(text) } else { text.to_owned() };
    plain.split_whitespace().collect::<Vec<_>>().join(" ")
}
