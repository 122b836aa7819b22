//! One event from its claim on, top to bottom: read, understand, decide, journal, act.

use std::cell::Cell;
use std::time::Duration;

use super::desk::Desk;
use crate::act::plan::plan_of;
use crate::act::{Hands, ReplyEnd, Stop};
use crate::classify::{Input, Verdict};
use crate::clock::since;
use crate::context;
use crate::decide::{Context, Decision, OrderFinding, Policy, TAG_STOP, decide, recheck};
use crate::event::{EventId, Source, State, TicketId, Timestamp};
use crate::helpdesk::budget::Permit;
use crate::helpdesk::{ApiError, Call, Helpdesk};
use crate::store::{Claim, End, Fetched, Journal, JournalReply, ReplyState, StepState, StoreError};
use crate::ticket::{Message, Status, Ticket};

/// How long a new ticket may be "not found" before it counts as gone.
pub(super) const NEW_ID_GRACE: Duration = Duration::from_secs(120);

/// Attempts after which an order that cannot be read no longer delays the routing. Attempts, not failures: a helpdesk
/// that cannot be reached counts none, and one order can be out of reach for ever.
const ORDER_PATIENCE: u32 = 3;

/// One event at one worker.
pub(super) struct Turn<'a> {
    desk: &'a Desk,
    claim: &'a Claim,
    helpdesk: &'a dyn Helpdesk,
    policy: &'a Policy,
    hands: Hands<'a>,
    /// Whether the ticket changed under a reply already: the second time it is routed, not decided once more.
    changed: Cell<bool>,
}

impl<'a> Turn<'a> {
    pub(super) fn new(
        desk: &'a Desk,
        claim: &'a Claim,
        helpdesk: &'a dyn Helpdesk,
        policy: &'a Policy,
    ) -> Self {
        Self { desk, claim, helpdesk, policy, hands: desk.hands(helpdesk, policy), changed: Cell::new(false) }
    }
}

impl Turn<'_> {
    pub(super) fn work(&self, permit: &mut Permit) -> Result<End, Stop> {
        match self.desk.store.journal(self.claim.event)? {
            Some(journal) => self.resume(permit, &journal),
            None => self.first_look(permit),
        }
    }

    /// Takes up a journalled plan where it stopped.
    fn resume(&self, permit: &mut Permit, journal: &Journal) -> Result<End, Stop> {
        let decision: Decision =
            serde_json::from_str(&journal.detail).map_err(|error| Stop::Journal(error.to_string()))?;
        let begun =
            journal.steps.iter().any(|step| matches!(step.state, StepState::Applied | StepState::Unproven));
        let Some(reply) = &journal.reply else { return self.resume_steps(permit, &decision, begun) };
        match reply.state {
            // Said yes to and not seen yet counts as unsure: this read looks for it.
            ReplyState::Unsure | ReplyState::Sending | ReplyState::Sent => {
                self.hands.read_back(self.claim, permit, &decision, reply, &journal.steps)
            }
            ReplyState::Unconfirmed => {
                let Some(ticket) = self.read(permit)? else { return Ok(self.hands.gone(permit)) };
                self.hands.hand_over(self.claim, permit, ticket, reply, &journal.steps)
            }
            ReplyState::Confirmed => {
                let Some(ticket) = self.read(permit)? else { return Ok(self.hands.gone(permit)) };
                self.finish(permit, ticket, &decision)
            }
            ReplyState::Planned | ReplyState::NotSent => self.resume_reply(permit, decision, reply),
            // Discarded, and queued again by a person: the steps assume a reply that did not go out.
            ReplyState::Cancelled if decision.send => match self.read(permit)? {
                Some(ticket) => self.understand(permit, ticket, None),
                None => Ok(self.hands.gone(permit)),
            },
            ReplyState::Cancelled => self.resume_steps(permit, &decision, begun),
        }
    }

    /// A routed event whose steps were not all done: nothing is repeated that was. A ticket that changed since is
    /// decided anew while nothing was begun; a plan that was begun is ended (what came since has its own event).
    fn resume_steps(&self, permit: &mut Permit, decision: &Decision, begun: bool) -> Result<End, Stop> {
        let Some(ticket) = self.read(permit)? else { return Ok(self.hands.gone(permit)) };
        let newest = ticket.newest_customer_message();
        let same = newest.map(Message::key) == decision.message
            && ticket.status != Status::Closed
            && !newest.is_some_and(|message| ticket.agent_answered_after(message));
        let stopped = ticket.has_tag(TAG_STOP);
        if begun || (same && !stopped && decision.mode == self.policy.mode && self.policy.mode.writes()) {
            return self.finish(permit, ticket, decision);
        }
        self.understand(permit, ticket, None)
    }

    /// A reply that waited, or was proven not sent: goes out if nothing changed and its facts are still fresh. A
    /// process that died between the plan and its hold has not waited.
    fn resume_reply(
        &self,
        permit: &mut Permit,
        decision: Decision,
        reply: &JournalReply,
    ) -> Result<End, Stop> {
        let hold = Duration::from_millis(decision.hold_ms);
        let now = self.now();
        // Planned ahead of now: the clock was set back, and would hold it for as long again each time.
        let waited = if reply.planned_at > now { hold } else { since(reply.planned_at, now) };
        let left = hold.saturating_sub(waited);
        if reply.state == ReplyState::Planned && !left.is_zero() {
            return Ok(self.hands.hold(left, permit));
        }
        let Some(ticket) = self.read(permit)? else { return Ok(self.hands.gone(permit)) };
        if recheck(&decision, &ticket, self.policy, self.now()).is_ok() {
            return self.reply(permit, ticket, &decision, &reply.body);
        }
        let held = (decision.hold_ms > 0).then_some(decision);
        self.understand(permit, ticket, held.as_ref())
    }

    /// The first read of the ticket, or none at all where its call said enough.
    fn first_look(&self, permit: &mut Permit) -> Result<End, Stop> {
        if let Some(end) = self.route_from_call(permit)? {
            return Ok(end);
        }
        match self.read(permit)? {
            Some(ticket) => self.understand(permit, ticket, None),
            None => Ok(self.hands.gone(permit)),
        }
    }

    /// One-call routing (contract, Richpanel): a new conversation on a ticket never seen before, whose text came with
    /// the call and needs no answer, is tagged without being read.
    fn route_from_call(&self, permit: &mut Permit) -> Result<Option<End>, Stop> {
        let Some(trigger) = &self.desk.settings.one_call_trigger else { return Ok(None) };
        let Ok(call) = serde_json::from_str::<Call>(&self.claim.fields) else { return Ok(None) };
        let began = call.trigger.as_ref() == Some(trigger) && self.claim.source == Source::Call;
        if !began || self.claim.attempt > 1 || !self.policy.mode.writes() {
            return Ok(None);
        }
        if self.desk.store.known_ticket(self.helpdesk.name(), &self.claim.ticket)?.is_some() {
            return Ok(None);
        }
        let Some(ticket) = context::ticket_from_call(&call, self.now()) else { return Ok(None) };
        let context = self.context(ticket)?;
        let verdict = self.classify(&context);
        if self.policy.ask(&verdict.primary().0).is_ok() {
            return Ok(None);
        }
        if let Some(of) = self.duplicate_of(&context)? {
            return Ok(Some(self.duplicate(of, permit)));
        }
        let verdict = self.hear_second(&context, verdict);
        self.decide_and_act(permit, context, &verdict, None).map(Some)
    }

    /// From a read ticket to the end.
    fn understand(&self, permit: &mut Permit, ticket: Ticket, held: Option<&Decision>) -> Result<End, Stop> {
        let mut context = self.context(ticket)?;
        if let Some(of) = self.duplicate_of(&context)? {
            return Ok(self.duplicate(of, permit));
        }
        let verdict = self.classify(&context);
        if self.policy.needs_order(&context, &verdict) {
            context.order = self.find_order(permit, &context)?;
        }
        let verdict = self.hear_second(&context, verdict);
        self.decide_and_act(permit, context, &verdict, held)
    }

    fn decide_and_act(
        &self,
        permit: &mut Permit,
        mut context: Context,
        verdict: &Verdict,
        held: Option<&Decision>,
    ) -> Result<End, Stop> {
        let mut can_send = self.policy.writer.clone().and_then(|()| self.helpdesk.can_write());
        // Once more without the reply when the journal or the helpdesk forbids it; a third time cannot be.
        for _ in 0..2 {
            let policy = self.policy.clone().with_writer(can_send);
            let decision =
                decide(&context, verdict, &policy, self.now()).classified_by(&self.desk.classifier.version());
            self.desk.store.planned(self.claim, &plan_of(&decision)?, self.now())?;
            if !decision.send {
                return self.finish(permit, context.ticket, &decision);
            }
            let waited = held.is_some_and(|held| held.message == decision.message);
            if decision.hold_ms > 0 && !waited {
                return Ok(self.hands.hold(Duration::from_millis(decision.hold_ms), permit));
            }
            let body = decision.draft.as_ref().map(|draft| draft.text.clone()).unwrap_or_default();
            let (ticket, why) =
                match self.hands.reply(self.claim, permit, context.ticket, &decision, &body)? {
                    ReplyEnd::Sent(ticket) => return self.finish(permit, *ticket, &decision),
                    ReplyEnd::Unsure => return Ok(self.hands.check_later(0, self.now(), permit)),
                    ReplyEnd::Changed(ticket, _) if self.first_change() => {
                        return self.understand(permit, *ticket, Some(&decision));
                    }
                    ReplyEnd::Changed(ticket, why) | ReplyEnd::Refused(ticket, why) => (*ticket, why),
                };
            context = self.context(ticket)?;
            can_send = Err(why);
        }
        Err(Stop::Journal("the decision did not settle".into()))
    }

    fn finish(&self, permit: &mut Permit, ticket: Ticket, decision: &Decision) -> Result<End, Stop> {
        self.hands.finish_plan(self.claim, permit, ticket, decision.outcome, &decision.reason)
    }

    fn context(&self, ticket: Ticket) -> Result<Context, StoreError> {
        context::of_ticket(ticket, self.desk.store.as_ref(), self.helpdesk, self.now())
    }

    /// Sends a reply that was decided earlier; what has changed since is decided anew.
    fn reply(
        &self,
        permit: &mut Permit,
        ticket: Ticket,
        decision: &Decision,
        body: &str,
    ) -> Result<End, Stop> {
        match self.hands.reply(self.claim, permit, ticket, decision, body)? {
            ReplyEnd::Sent(ticket) => self.finish(permit, *ticket, decision),
            ReplyEnd::Unsure => Ok(self.hands.check_later(0, self.now(), permit)),
            ReplyEnd::Changed(ticket, _) if self.first_change() => {
                self.understand(permit, *ticket, Some(decision))
            }
            ReplyEnd::Changed(ticket, why) | ReplyEnd::Refused(ticket, why) => {
                let policy = self.policy.clone().with_writer(Err(why));
                let hands = self.desk.hands(self.helpdesk, &policy);
                let turn = Turn { policy: &policy, hands, changed: Cell::new(true), ..*self };
                turn.understand(permit, *ticket, Some(decision))
            }
        }
    }

    /// The ticket; `None` when the helpdesk no longer has it. A new id may be unknown for some seconds.
    fn read(&self, permit: &mut Permit) -> Result<Option<Ticket>, Stop> {
        match self.hands.read(permit, &TicketId::new(self.claim.ticket.as_str())) {
            Ok(ticket) => Ok(Some(ticket)),
            Err(ApiError::NotFound) if since(self.claim.accepted_at, self.now()) < NEW_ID_GRACE => {
                Err(ApiError::Unavailable("it does not know this ticket yet".into()).into())
            }
            Err(ApiError::NotFound) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    fn duplicate_of(&self, context: &Context) -> Result<Option<EventId>, Stop> {
        let seen = context::seen(&context.ticket, self.desk.settings.one_call_trigger.is_some());
        Ok(match self.desk.store.fetched(self.claim, &seen, self.now())? {
            Fetched::Fresh => None,
            Fetched::DuplicateOf(event) => Some(event),
        })
    }

    fn classify(&self, context: &Context) -> Verdict {
        self.desk
            .classifier
            .classify(&Input { text: &context.new_text.text, subject: &context.ticket.subject })
    }

    /// The verdict with a second opinion over it, where one is configured and came. What replies are written as counts
    /// here: without it none would go out, and nobody need be asked about one.
    fn hear_second(&self, context: &Context, verdict: Verdict) -> Verdict {
        let Some(second) = &self.desk.second else { return verdict };
        let can_write = self.policy.writer.clone().and_then(|()| self.helpdesk.can_write());
        let policy = self.policy.clone().with_writer(can_write);
        second.hear(context, verdict, &policy, self.now()).0
    }

    fn find_order(&self, permit: &mut Permit, context: &Context) -> Result<OrderFinding, Stop> {
        match context::find_order(self.helpdesk, permit, context, self.desk.settings.order_by_number) {
            Ok(finding) => Ok(finding),
            Err(error)
                if self.claim.attempt >= ORDER_PATIENCE && !matches!(error, ApiError::Throttled { .. }) =>
            {
                Ok(OrderFinding::Uncertain(format!("the order could not be read: {error}")))
            }
            Err(error) => Err(error.into()),
        }
    }

    fn duplicate(&self, of: EventId, permit: &Permit) -> End {
        End {
            state: State::Duplicate,
            outcome: None,
            due_at: None,
            failed: false,
            reason: format!("the same customer message was handled by event {of}"),
            calls: permit.used(),
        }
    }

    fn first_change(&self) -> bool {
        !self.changed.replace(true)
    }

    fn now(&self) -> Timestamp {
        self.desk.clock.now()
    }
}
