//! The helpdesk port of one process: requests travel, arrive or not, are done or not, and their answers come or not.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::scheduler::Look;
use super::store::LAG_MAX;
use super::tickets::Write;
use super::weather::{Fault, Sabotage};
use super::{Sim, State};
use crate::clock::Clock;
use crate::decide::tests::shipped_order;
use crate::decide::{TAG_HOLD, TAG_STOP};
use crate::event::{HelpdeskName, Mode, TicketId, Timestamp};
use crate::helpdesk::budget::{Budget, Permit};
use crate::helpdesk::{ApiError, Applied, Directory, DirectoryEntry, Helpdesk, TicketPage};
use crate::ticket::{Author, Effect, Message, Order, OrderRef, Status, Ticket};

pub(super) struct SimDesk {
    sim: Arc<Sim>,
    process: u32,
    name: HelpdeskName,
    budget: Budget,
    /// A 401 stops writes until a read succeeds, as in the adapter.
    refused: AtomicBool,
}

/// A write arrives: it is done, and the record is held against what was promised.
pub(super) fn deliver(sim: &Sim, state: &mut State, write: &Write) {
    let at = (sim.clock.monotonic(), sim.clock.now());
    state.tickets.apply(write, at);
    if let Effect::Reply { .. } = write.effect {
        let said = &state.tickets.said;
        let Some(last) = said.last() else { return };
        let same = |other: &&super::tickets::Said| other.ticket == last.ticket && other.to == last.to;
        if said.iter().filter(same).count() > 1 {
            let (ticket, to) = (last.ticket, last.to.clone());
            sim.fail(state, || format!("ticket {ticket}: the customer's message {to:?} was answered twice"));
        }
    }
}

impl SimDesk {
    pub(super) fn new(sim: &Arc<Sim>, process: u32, budget: Budget) -> Self {
        let name = HelpdeskName::from("richpanel");
        Self { sim: Arc::clone(sim), process, name, budget, refused: AtomicBool::new(false) }
    }

    /// The errors that reads and writes share; `None`: nothing of the kind.
    fn common(&self, state: &mut State, fault: Option<Fault>, write: bool) -> Option<ApiError> {
        let now = self.sim.clock.monotonic();
        if fault == Some(Fault::KeyRefused) && now >= state.key_refused_until {
            state.key_refused_until = now + Duration::from_secs(state.rng.u64(1..120));
        }
        if now < state.key_refused_until && !state.calm {
            self.refused.store(true, Ordering::Release);
            return Some(ApiError::Unauthorized("simulated".into()));
        }
        match fault? {
            Fault::Unavailable => Some(ApiError::Unavailable("simulated".into())),
            Fault::Throttled => {
                let retry_after = Duration::from_secs(state.rng.u64(1..60));
                self.budget.pause(retry_after);
                Some(ApiError::Throttled { retry_after })
            }
            Fault::Forbidden => Some(ApiError::Forbidden("simulated".into())),
            // A read that is refused for good kills its event at once: not too often.
            Fault::Rejected if write || state.rng.u8(..8) == 0 => {
                Some(ApiError::Rejected { status: 400, message: "simulated".into() })
            }
            _ => None,
        }
    }

    fn travel(&self, state: &mut State, fault: Option<Fault>) -> Duration {
        match fault {
            Some(Fault::Slow) => Duration::from_millis(state.rng.u64(1_000..10_000)),
            _ => Duration::from_millis(state.rng.u64(20..300)),
        }
    }

    fn read<T>(
        &self,
        permit: &mut Permit,
        what: &'static str,
        detail: u64,
        look: impl FnOnce(&mut State, Duration) -> Result<T, ApiError>,
    ) -> Result<T, ApiError> {
        let dead = || ApiError::Unavailable("the process is dead".into());
        let flight = permit.begin()?;
        if !self.sim.point(self.process, what, detail) {
            return Err(dead());
        }
        let mut state = self.sim.lock();
        let fault = self.sim.fault(&mut state);
        let (there, back) = (self.travel(&mut state, fault), self.travel(&mut state, None));
        drop(state);
        self.sim.advance(there);
        let mut state = self.sim.lock();
        let answer = match self.common(&mut state, fault, false) {
            Some(error) => Err(error),
            None => {
                let lag = match fault {
                    Some(Fault::Lag) => Duration::from_millis(state.rng.u64(1..LAG_MAX.as_millis() as u64)),
                    _ => Duration::ZERO,
                };
                match fault {
                    Some(Fault::Malformed) => Err(ApiError::Malformed("simulated".into())),
                    Some(Fault::AnswerLost | Fault::RequestLost | Fault::Late) => {
                        Err(ApiError::Unavailable("simulated time-out".into()))
                    }
                    _ => look(&mut state, lag),
                }
            }
        };
        if let Some(fault) = fault {
            self.sim.note(&mut state, "fault", detail, || format!("{fault:?}"));
        }
        drop(state);
        self.sim.advance(back);
        drop(flight);
        if !self.sim.point(self.process, "answered", detail) {
            return Err(dead());
        }
        if answer.is_ok() {
            self.refused.store(false, Ordering::Release);
        }
        answer
    }

    /// What this actor now knows of the ticket.
    fn remember(&self, ticket: &Ticket) {
        let newest = ticket.newest_customer_message();
        let look = Look {
            stop: ticket.has_tag(TAG_STOP),
            hold: ticket.has_tag(TAG_HOLD),
            open: ticket.status == Status::Open,
            newest: newest.map(Message::key),
            answered: newest.is_some_and(|message| {
                ticket.agent_answered_after(message) || ticket.bot_answered_after(message)
            }),
        };
        let mut state = self.sim.lock();
        self.sim
            .note(&mut state, "sees", 0, || format!("{look:?} {:?} tags {:?}", ticket.status, ticket.tags));
        state.acting().looks.insert(ticket.id.clone(), look);
    }

    fn shown(
        &self,
        state: &mut State,
        place: usize,
        lag: Duration,
        messages: bool,
    ) -> Result<Ticket, ApiError> {
        let (now, wall) = self.sim.now();
        let mut ticket = state.tickets.shown(place, now, lag).ok_or(ApiError::NotFound)?;
        match self.sim.sabotage {
            Sabotage::BlindReadBack => ticket.messages.retain(|message| message.author != Author::Bot),
            Sabotage::StaleReads => {
                let first = state.tickets.held[place].first_read.get_or_insert(ticket).clone();
                ticket = first;
            }
            _ => (),
        }
        if !messages {
            ticket.messages.clear();
        }
        ticket.read_at = wall;
        Ok(ticket)
    }

    /// Whether this write may be made at all, by what its actor was shown and told.
    fn check_write(&self, state: &mut State, write: &Write) {
        if state.process != self.process {
            return;
        }
        let (mode, since) = state.mode;
        let begun = state.acting().since;
        let reply = matches!(write.effect, Effect::Reply { .. });
        let kind = write.effect.kind();
        let wrong = match &write.look {
            None => Some("without having read it"),
            Some(look) if look.stop => Some("although it carried mw-stop"),
            Some(look) if reply && (look.hold || !look.open || look.answered) => {
                Some("although the last read forbade it")
            }
            _ if since <= begun && !mode.writes() => Some("in a mode that writes nothing"),
            _ if since <= begun && reply && mode != Mode::Live => Some("in a mode that does not reply"),
            _ => None,
        };
        let place = write.ticket;
        if let Some(wrong) = wrong {
            self.sim.fail(state, || format!("{kind} on ticket {place} {wrong}"));
        }
        let waited = state.weather.hold;
        let held = &state.tickets.held[place];
        let newest = write.look.as_ref().and_then(|look| look.newest.as_ref());
        let asked = held.asked_at.iter().find(|(key, _)| Some(key) == newest).map(|(_, at)| *at);
        let early = asked.is_some_and(|asked| self.sim.clock.monotonic() < asked + waited);
        if reply && early && !state.weather.jumps {
            self.sim.fail(state, || format!("a reply on ticket {place} did not wait out its hold"));
        }
    }
}

/// The next fault that a story has for this kind of write.
fn next_forced(forced: &mut Vec<(&'static str, Fault)>, kind: &str) -> Option<Fault> {
    let place = forced.iter().position(|(of, _)| *of == kind)?;
    Some(forced.remove(place).1)
}

/// What became of a write at the helpdesk.
enum Fate {
    Done,
    NotDone,
    /// Done so much later.
    After(Duration),
}

impl SimDesk {
    /// A request whose process died while it was on its way.
    fn orphaned(&self, write: Write) -> ApiError {
        let write = Write { late: true, ..write };
        let mut state = self.sim.lock();
        match state.rng.u8(..3) {
            0 => (),
            1 if state.violation.is_none() => {
                self.sim.note(&mut state, "arrives orphaned", write.ticket as u64, String::new);
                deliver(&self.sim, &mut state, &write);
            }
            _ => {
                let wait = Duration::from_millis(state.rng.u64(1..900_000));
                let at = self.sim.clock.monotonic() + wait;
                state.tickets.late.push((at, write));
            }
        }
        ApiError::Ambiguous("the process is dead".into())
    }

    fn fate(&self, state: &mut State, fault: Option<Fault>) -> (Fate, Result<(), ApiError>) {
        let unclear = || Err(ApiError::Ambiguous("simulated".into()));
        let lost = match self.sim.sabotage {
            Sabotage::LostAnswerMeansNotApplied => Err(ApiError::Unavailable("simulated lie".into())),
            _ => unclear(),
        };
        let wait = |state: &mut State| {
            let most = if state.rng.u8(..3) == 0 { 1_500_000 } else { 20_000 };
            Fate::After(Duration::from_millis(state.rng.u64(1..most)))
        };
        match fault {
            Some(Fault::AnswerLost | Fault::Malformed) => (Fate::Done, lost),
            Some(Fault::RequestLost) => (Fate::NotDone, unclear()),
            Some(Fault::OnlySaidSo) => (Fate::NotDone, Ok(())),
            Some(Fault::Late) => (wait(state), lost),
            Some(Fault::Queued) => (wait(state), Ok(())),
            _ => (Fate::Done, Ok(())),
        }
    }

    /// What a good answer shows of the ticket (richpanel-api §2): a PUT all of it, add-tags its tags, send-message
    /// nothing.
    fn shows(&self, state: &mut State, place: usize, effect: &Effect) -> Applied {
        let email = state.tickets.held[place].now.channel == crate::ticket::Channel::Email;
        let put = match effect {
            Effect::Reply { .. } => !email,
            Effect::AddTags { .. } | Effect::RemoveTags { .. } | Effect::AttachOrder { .. } => false,
            _ => true,
        };
        let ticket = (put && state.weather.puts_show)
            .then(|| self.shown(state, place, Duration::ZERO, true).ok())
            .flatten();
        let tags =
            matches!(effect, Effect::AddTags { .. } | Effect::RemoveTags { .. }) && state.weather.tags_show;
        let tags = tags.then(|| state.tickets.held[place].now.tags.clone());
        let tags = tags.or_else(|| ticket.as_ref().map(|ticket| ticket.tags.clone()));
        Applied { status: 200, ticket, tags, answer: "200 simulated".into() }
    }

    fn send(&self, permit: &mut Permit, write: Write) -> Result<Applied, ApiError> {
        let (place, kind) = (write.ticket, write.effect.kind());
        let flight = permit.begin()?;
        if !self.sim.point(self.process, kind, place as u64) {
            return Err(self.orphaned(write));
        }
        let mut state = self.sim.lock();
        let State { calm, weather, rng, forced, .. } = &mut *state;
        let forced = next_forced(forced, kind);
        let fault = match &write.effect {
            _ if forced.is_some() => forced,
            _ if *calm => None,
            Effect::Reply { .. } => weather.reply_fault(rng),
            _ => weather.fault(rng),
        };
        let (there, back) = (self.travel(&mut state, None), self.travel(&mut state, fault));
        drop(state);
        self.sim.advance(there);
        let mut state = self.sim.lock();
        if let Some(fault) = fault {
            self.sim.note(&mut state, "fault", place as u64, || format!("{fault:?}"));
        }
        let gone = self.shown(&mut state, place, Duration::ZERO, false).is_err();
        let answer = if gone { Some(ApiError::NotFound) } else { self.common(&mut state, fault, true) };
        let answer = match answer {
            Some(error) => Err(error),
            None => {
                let (fate, answer) = self.fate(&mut state, fault);
                match fate {
                    Fate::NotDone => (),
                    Fate::Done => deliver(&self.sim, &mut state, &write),
                    Fate::After(wait) => {
                        let at = self.sim.clock.monotonic() + wait;
                        state.tickets.late.push((at, Write { late: true, ..write.clone() }));
                    }
                }
                answer.map(|()| self.shows(&mut state, place, &write.effect))
            }
        };
        drop(state);
        self.sim.advance(back);
        drop(flight);
        if !self.sim.point(self.process, "answered", place as u64) {
            return Err(ApiError::Ambiguous("the process is dead".into()));
        }
        answer
    }
}

impl Helpdesk for SimDesk {
    fn name(&self) -> &HelpdeskName {
        &self.name
    }

    fn budget(&self) -> &Budget {
        &self.budget
    }

    fn can_write(&self) -> Result<(), String> {
        if self.refused.load(Ordering::Acquire) { Err("the key is refused".into()) } else { Ok(()) }
    }

    fn ticket(&self, permit: &mut Permit, id: &TicketId) -> Result<Ticket, ApiError> {
        let place = self.sim.lock().tickets.place(id).ok_or(ApiError::NotFound)?;
        let ticket =
            self.read(permit, "ticket?", place as u64, |state, lag| self.shown(state, place, lag, true))?;
        self.remember(&ticket);
        Ok(ticket)
    }

    fn ticket_by_number(&self, permit: &mut Permit, number: i64) -> Result<Ticket, ApiError> {
        self.read(permit, "number?", number.unsigned_abs(), |state, lag| {
            let place = state.tickets.held.iter().position(|held| held.now.number == Some(number));
            self.shown(state, place.ok_or(ApiError::NotFound)?, lag, true)
        })
    }

    fn changed_tickets(
        &self,
        permit: &mut Permit,
        since: Timestamp,
        page: u32,
    ) -> Result<TicketPage, ApiError> {
        self.read(permit, "list?", u64::from(page), |state, lag| {
            if state.weather.lists_forbidden {
                return Err(ApiError::Forbidden("simulated".into()));
            }
            let messages = state.weather.lists_show;
            let mut tickets: Vec<Ticket> = (0..state.tickets.held.len())
                .filter_map(|place| self.shown(state, place, lag, messages).ok())
                .filter(|ticket| ticket.updated_at.is_some_and(|at| at >= since))
                .collect();
            tickets.sort_by_key(|ticket| std::cmp::Reverse(ticket.updated_at));
            let (from, size) = ((page.max(1) as usize - 1) * 3, 3);
            let more = tickets.len() > from + size;
            Ok(TicketPage { tickets: tickets.into_iter().skip(from).take(size).collect(), more })
        })
    }

    fn linked_order(&self, permit: &mut Permit, ticket: &Ticket) -> Result<Option<OrderRef>, ApiError> {
        let place = self.sim.lock().tickets.place(&ticket.id).ok_or(ApiError::NotFound)?;
        self.read(permit, "linked order?", place as u64, |state, _| {
            let link = || OrderRef { client_id: "demoshop".into(), order_id: place.to_string() };
            Ok(state.tickets.held[place].has_order.then(link))
        })
    }

    fn order(&self, permit: &mut Permit, order: &OrderRef) -> Result<Option<Order>, ApiError> {
        let place: usize = order.order_id.parse().map_err(|_| ApiError::NotFound)?;
        self.read(permit, "order?", place as u64, |state, _| {
            let read_at = self.sim.clock.now();
            let email = state.tickets.held[place].now.customer.email.clone();
            let id = order.order_id.clone();
            Ok(Some(Order { id, email, read_at, ..shipped_order() }))
        })
    }

    fn apply(&self, permit: &mut Permit, ticket: &Ticket, effect: &Effect) -> Result<Applied, ApiError> {
        if self.refused.load(Ordering::Acquire) {
            return Err(ApiError::Unauthorized("writes are stopped until a read succeeds".into()));
        }
        let mut state = self.sim.lock();
        let place = state.tickets.place(&ticket.id).ok_or(ApiError::NotFound)?;
        let sent_at = self.sim.clock.now();
        let actor = state.acting();
        let (event, look) = (actor.event, actor.looks.get(&ticket.id).cloned());
        let write = Write { ticket: place, effect: effect.clone(), event, look, sent_at, late: false };
        self.check_write(&mut state, &write);
        drop(state);
        let applied = self.send(permit, write)?;
        if let Some(shown) = &applied.ticket {
            self.remember(shown);
        }
        // As the adapter does: a 200 does not prove a close.
        let open = applied.ticket.as_ref().is_some_and(|shown| shown.status != Status::Closed);
        if *effect == Effect::Close && open {
            return Err(ApiError::Ambiguous("200, but the answer shows the ticket not closed".into()));
        }
        Ok(applied)
    }

    fn directory(&self, permit: &mut Permit, _: Directory) -> Result<Vec<DirectoryEntry>, ApiError> {
        self.read(permit, "directory?", 0, |_, _| Ok(vec![]))
    }
}
