//! One event from claim to end, top to bottom: claim, read, understand, decide, journal, act, finish.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use super::policy::LivePolicy;
use crate::act::ending::{Patience, after_failure};
use crate::act::plan::plan_of;
use crate::act::{Hands, ReplyEnd, Stop};
use crate::classify::{Classifier, Input, Verdict};
use crate::clock::{Clock, after, since};
use crate::context;
use crate::decide::{Context, Decision, OrderFinding, Policy, TAG_STOP, decide, recheck};
use crate::event::{Caps, EventId, HelpdeskName, Lane, Mode, Outcome, Source, State, TicketId, Timestamp};
use crate::helpdesk::budget::{Permit, Use};
use crate::helpdesk::{ApiError, Call, Helpdesk};
use crate::store::{Claim, Due, End, Fetched, Journal, ReplyState, StepState, Store, StoreError};
use crate::ticket::{Message, Status, Ticket};

/// How long a new ticket may be "not found" before it counts as gone.
const NEW_ID_GRACE: Duration = Duration::from_secs(120);

/// Attempts after which an order that cannot be read no longer delays the routing. Attempts, not failures: a helpdesk
/// that cannot be reached counts none, and one order can be out of reach for ever.
const ORDER_PATIENCE: u32 = 3;

/// Numbers a worker goes by; from the configuration.
#[derive(Debug, Clone)]
pub struct Settings {
    /// How long an event may be held.
    pub lease: Duration,
    /// When to give up.
    pub patience: Patience,
    /// Caps on replies.
    pub caps: Caps,
    /// Milliseconds after an unclear reply at which it is looked for.
    pub readback_ms: Vec<u64>,
    /// A ticket read longer ago is read again before a reply.
    pub ticket_max_age: Duration,
    /// Look orders up by the number in the message.
    pub order_by_number: bool,
    /// The trigger word that says a new conversation began, when one-call routing is on.
    pub one_call_trigger: Option<String>,
}

/// Everything that working an event needs.
pub struct Desk {
    /// The journal.
    pub store: Arc<dyn Store>,
    /// Every configured helpdesk by name.
    pub helpdesks: BTreeMap<HelpdeskName, Arc<dyn Helpdesk>>,
    /// What understands.
    pub classifier: Arc<dyn Classifier>,
    /// What decides.
    pub policy: Arc<LivePolicy>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Numbers.
    pub settings: Settings,
}

/// What one turn did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ran {
    /// Worked on this event.
    Event(EventId),
    /// Nothing is due before then.
    Idle {
        /// When to look again; `None`: when the bell rings.
        until: Option<Timestamp>,
    },
}

impl Desk {
    /// Works on the most urgent event that is due, if any. Waits for the call budget; `stop` ends that wait.
    ///
    /// # Errors
    /// [`StoreError`] when the queue cannot be read or written; no event is held then.
    pub fn run_once(&self, stop: &dyn Fn() -> bool) -> Result<Ran, StoreError> {
        let policy = self.policy.current();
        if policy.mode == Mode::Off {
            return Ok(Ran::Idle { until: None });
        }
        let now = self.clock.now();
        let Some(due) = self.store.next_due(now)? else { return Ok(Ran::Idle { until: None }) };
        if due.at > now {
            return Ok(Ran::Idle { until: Some(due.at) });
        }
        let Some(helpdesk) = self.helpdesks.get(&due.helpdesk) else {
            log::error!("event for {}: this helpdesk is no longer configured", due.helpdesk);
            return Ok(Ran::Idle { until: Some(after(now, NEW_ID_GRACE)) });
        };
        let (purpose, calls) = needs(&due, &policy);
        let calls = calls.min(helpdesk.budget().status().limit).max(1);
        let give_up = || stop() || self.overtaken(&due);
        let permit = helpdesk.budget().try_reserve(purpose, calls).ok();
        let Some(mut permit) = permit.or_else(|| helpdesk.budget().reserve(purpose, calls, &give_up)) else {
            return Ok(Ran::Idle { until: Some(self.clock.now()) });
        };
        // The wait can be long: the mode may have changed meanwhile.
        let policy = self.policy.current();
        if policy.mode == Mode::Off {
            return Ok(Ran::Idle { until: None });
        }
        let now = self.clock.now();
        let Some(claim) = self.store.claim(now, self.settings.lease)? else {
            return Ok(Ran::Idle { until: None });
        };
        let end = self.guarded(&claim, helpdesk.as_ref(), &policy, &mut permit);
        drop(permit);
        self.close(&claim, &end)?;
        Ok(Ran::Event(claim.event))
    }

    /// Whether something more urgent fell due while a sweep's find waits for calls: the quarter of the window that
    /// sweeps leave free is of no use while every worker waits on their behalf.
    fn overtaken(&self, waiting: &Due) -> bool {
        let now = self.clock.now();
        waiting.lane == Lane::Sweep
            && matches!(self.store.next_due(now), Ok(Some(due)) if due.at <= now && due.lane < Lane::Sweep)
    }

    /// Works on one claim; a panic or an error becomes an end like any other.
    fn guarded(&self, claim: &Claim, helpdesk: &dyn Helpdesk, policy: &Policy, permit: &mut Permit) -> End {
        let turn = Turn {
            desk: self,
            claim,
            helpdesk,
            policy,
            hands: self.hands(helpdesk, policy),
            changed: Cell::new(false),
        };
        let worked = catch_unwind(AssertUnwindSafe(|| turn.work(permit)));
        let stop = match worked {
            Ok(Ok(end)) => return end,
            Ok(Err(stop)) => stop,
            Err(_) => Stop::Journal("the worker panicked; see the log".into()),
        };
        after_failure(claim, &stop, self.settings.patience, fastrand::f64(), self.clock.now(), permit.used())
    }

    fn hands<'a>(&'a self, helpdesk: &'a dyn Helpdesk, policy: &'a Policy) -> Hands<'a> {
        Hands {
            policy,
            store: self.store.as_ref(),
            helpdesk,
            clock: self.clock.as_ref(),
            caps: &self.settings.caps,
            readback_ms: &self.settings.readback_ms,
            ticket_max_age: self.settings.ticket_max_age,
        }
    }

    fn close(&self, claim: &Claim, end: &End) -> Result<(), StoreError> {
        let took = since(claim.accepted_at, self.clock.now()).as_millis();
        log::info!(
            "event={} ticket={} attempt={} state={} outcome={} calls={} age_ms={took} reason={:?}",
            claim.event,
            claim.ticket.as_str().escape_debug(),
            claim.attempt,
            end.state,
            end.outcome.map_or("-", Outcome::as_str),
            end.calls,
            end.reason,
        );
        match self.store.finish(claim, end, self.clock.now()) {
            Err(StoreError::Lost) => {
                log::warn!(
                    "event={} attempt={}: the claim was lost, another attempt goes on",
                    claim.event,
                    claim.attempt
                );
                Ok(())
            }
            other => other,
        }
    }
}

/// What to reserve before the claim: enough for the whole event, so that its read is fresh when its reply goes out.
fn needs(due: &Due, policy: &Policy) -> (Use, u32) {
    let calls = match policy.mode {
        Mode::Off => 1,
        Mode::Route => 2,
        Mode::Shadow => 3,
        Mode::Canary | Mode::Live => 6,
    };
    match (due.state, due.lane) {
        (State::Checking, _) => (Use::ReadBack, 3),
        (_, Lane::LiveChat) => (Use::LiveChat, calls),
        (_, Lane::Sweep) => (Use::Sweep, calls),
        (_, Lane::Email) if calls > 3 => (Use::Reply, calls),
        (_, Lane::Email) => (Use::Routing, calls),
    }
}

/// One event at one worker.
struct Turn<'a> {
    desk: &'a Desk,
    claim: &'a Claim,
    helpdesk: &'a dyn Helpdesk,
    policy: &'a Policy,
    hands: Hands<'a>,
    /// Whether the ticket changed under a reply already: the second time it is routed, not decided once more.
    changed: Cell<bool>,
}

impl Turn<'_> {
    fn work(&self, permit: &mut Permit) -> Result<End, Stop> {
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
                self.hands.hand_over(self.claim, permit, ticket, &journal.steps)
            }
            ReplyState::Confirmed => {
                let Some(ticket) = self.read(permit)? else { return Ok(self.hands.gone(permit)) };
                self.finish(permit, ticket, &decision)
            }
            ReplyState::Planned | ReplyState::NotSent => self.resume_reply(permit, decision, &reply.body),
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

    /// A reply that waited, or was proven not sent: goes out if nothing changed and its facts are still fresh.
    fn resume_reply(&self, permit: &mut Permit, decision: Decision, body: &str) -> Result<End, Stop> {
        let Some(ticket) = self.read(permit)? else { return Ok(self.hands.gone(permit)) };
        if recheck(&decision, &ticket, self.policy, self.now()).is_ok() {
            return self.reply(permit, ticket, &decision, body);
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
                decide(&context, verdict, &policy, self.now()).classified_by(self.desk.classifier.version());
            self.desk.store.planned(self.claim, &plan_of(&decision)?, self.now())?;
            if !decision.send {
                return self.finish(permit, context.ticket, &decision);
            }
            let waited = held.is_some_and(|held| held.message == decision.message);
            if decision.hold_ms > 0 && !waited {
                return Ok(self.hands.hold(&decision, permit));
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
