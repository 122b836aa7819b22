//! The one effect that must not happen twice.
//!
//! `planned` → caps and key checked, `sending` journalled and synced → the call → `sent`, `not-sent` or `unsure`.
//! A process that dies in between finds `sending` and calls it `unsure`. Nothing here ever sends an unsure reply
//! again.

use super::{Hands, Stop, answer_of};
use crate::decide::{Decision, recheck};
use crate::event::TicketId;
use crate::helpdesk::ApiError;
use crate::helpdesk::budget::Permit;
use crate::store::{Answer, Begun, Claim, ReplyState};
use crate::ticket::{Effect, Ticket};

/// How the attempt to reply ended.
#[derive(Debug, Clone, PartialEq)]
pub enum ReplyEnd {
    /// The helpdesk said yes. The ticket as it was last read.
    Sent(Box<Ticket>),
    /// Nobody knows.
    Unsure,
    /// It must not or cannot go out, for this reason; the event is to be routed instead.
    Refused(Box<Ticket>, String),
    /// Something changed since the decision, for this reason; decide again on this newer read.
    Changed(Box<Ticket>, String),
}

impl Hands<'_> {
    /// Sends the journalled reply, once.
    ///
    /// # Errors
    /// [`Stop`]; the reply is then proven not sent and may be tried again.
    pub fn reply(
        &self,
        claim: &Claim,
        permit: &mut Permit,
        ticket: Ticket,
        decision: &Decision,
        body: &str,
    ) -> Result<ReplyEnd, Stop> {
        let ticket = self.fresh(permit, ticket)?;
        if let Err(why) = recheck(decision, &ticket, self.policy, self.now()) {
            return Ok(ReplyEnd::Changed(Box::new(ticket), why));
        }
        if let Begun::No(why) = self.store.begin_reply(claim, self.caps, self.now())? {
            return Ok(ReplyEnd::Refused(Box::new(ticket), why));
        }
        let sent = self.helpdesk.apply(permit, &ticket, &Effect::Reply { body: body.to_owned() });
        let (state, answer) = match &sent {
            Ok(applied) => (
                ReplyState::Sent,
                Answer { status: Some(applied.status), text: applied.answer.clone(), calls: permit.used() },
            ),
            Err(error) if error.proves_not_applied() => (ReplyState::NotSent, answer_of(error, permit)),
            Err(error) => (ReplyState::Unsure, answer_of(error, permit)),
        };
        self.store.reply_is(claim, state, &answer, self.now())?;
        match sent {
            // An answer that shows the conversation is the newer read: a person may have stopped us since.
            Ok(applied) => {
                let shown = applied.ticket.filter(|shown| !shown.messages.is_empty());
                Ok(ReplyEnd::Sent(Box::new(shown.unwrap_or(ticket))))
            }
            Err(error @ (ApiError::Rejected { .. } | ApiError::NotFound | ApiError::Forbidden(_))) => {
                Ok(ReplyEnd::Refused(Box::new(ticket), format!("the helpdesk refused the reply: {error}")))
            }
            Err(error) if error.proves_not_applied() => Err(error.into()),
            Err(_) => Ok(ReplyEnd::Unsure),
        }
    }

    /// The ticket, read again when the read is too old to act on.
    fn fresh(&self, permit: &mut Permit, ticket: Ticket) -> Result<Ticket, ApiError> {
        let age = crate::clock::since(ticket.read_at, self.now());
        if age <= self.ticket_max_age {
            Ok(ticket)
        } else {
            self.read(permit, &TicketId::new(ticket.id.as_str()))
        }
    }
}
