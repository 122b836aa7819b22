//! The store port of one process: the production SQL, with everything that a process can meet on its way to the disk.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use super::scheduler::me;
use super::weather::Sabotage;
use super::{Fault, Sim, WORLD};
use crate::clock::Clock;
use crate::event::{Caps, EventId, HelpdeskName, ReplyCounts, State, TicketId, Timestamp};
use crate::store::models::{ModelStore, NewModel};
use crate::store::sqlite::direct::DirectStore;
use crate::store::{
    AcceptDone, Alert, Answer, Begun, Claim, CoverageHour, Due, End, Fetched, Gap, GapsDue, Journal,
    KnownTicket, Look, NewCall, Plan, ReplyState, Seen, Setting, StepPlan, StepState, Store, StoreError,
    Unproven,
};

/// How old a ticket may be at most when a reply begins, by the configuration's default, and what a lagging read adds.
const TICKET_MAX_AGE: Duration = Duration::from_secs(5);
pub(super) const LAG_MAX: Duration = Duration::from_secs(45);

pub(super) struct SimStore {
    pub(super) sim: Arc<Sim>,
    pub(super) process: u32,
    pub(super) commits: AtomicU32,
}

fn dead() -> StoreError {
    StoreError::Unknown("the process is dead".into())
}

impl SimStore {
    pub(super) fn new(sim: &Arc<Sim>, process: u32) -> Self {
        Self { sim: Arc::clone(sim), process, commits: AtomicU32::new(0) }
    }

    fn read<T>(
        &self,
        what: &'static str,
        detail: u64,
        look: impl FnOnce(&DirectStore) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        if self.sim.point(self.process, what, detail) { look(&self.sim.disk) } else { Err(dead()) }
    }

    /// A commit: it may not happen, or happen and not be known of.
    fn write<T>(
        &self,
        what: &'static str,
        detail: u64,
        work: impl FnOnce(&DirectStore) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        if !self.sim.point(self.process, what, detail) {
            return Err(dead());
        }
        let unknown = self.disk_trouble()?;
        if let Some(false) = unknown {
            return Err(StoreError::Unknown("the disk failed".into()));
        }
        let done = work(&self.sim.disk);
        if unknown.is_some() {
            return Err(StoreError::Unknown("the disk failed, the commit is there".into()));
        }
        let commits = self.commits.fetch_add(1, Ordering::AcqRel);
        if commits.is_multiple_of(5) {
            self.sim.disk.sync();
        }
        self.sim.advance(Duration::from_millis(2));
        // Between the commit and whoever waits for it.
        let after = self.sim.lock().rng.u8(..4) == 0;
        if after && !self.sim.point(self.process, "committed", detail) {
            return Err(dead());
        }
        done
    }

    /// `Some(committed)`: nobody knows whether.
    fn disk_trouble(&self) -> Result<Option<bool>, StoreError> {
        let now = self.sim.clock.monotonic();
        let mut state = self.sim.lock();
        if state.store_lost {
            return Err(StoreError::Unknown("an earlier commit failed".into()));
        }
        if state.calm {
            return Ok(None);
        }
        let (full, unknown) = (state.weather.disk_full, state.weather.commit_unknown);
        if full > 0.0 && now >= state.disk_full_until && state.rng.f64() < full {
            state.disk_full_until = now + Duration::from_secs(state.rng.u64(1..90));
        }
        if now < state.disk_full_until {
            self.sim.note(&mut state, "disk full", 0, String::new);
            return Err(StoreError::DiskFull);
        }
        if unknown > 0.0 && state.rng.f64() < unknown {
            state.store_lost = true;
            let committed = state.rng.bool();
            self.sim.note(&mut state, "commit unknown", u64::from(committed), String::new);
            return Ok(Some(committed));
        }
        Ok(None)
    }

    /// When a reply begins, nothing may stand on the ticket that a read of the last seconds had to show.
    fn check_begin(&self, claim: &Claim) {
        let now = self.sim.clock.monotonic();
        let mut state = self.sim.lock();
        let lag = if state.weather.has(Fault::Lag) { LAG_MAX } else { Duration::ZERO };
        let Some(place) = state.tickets.place(&claim.ticket) else { return };
        let newest = state.acting().looks.get(&claim.ticket).and_then(|look| look.newest.clone());
        let held = &state.tickets.held[place];
        let asked = held.asked_at.iter().find(|(key, _)| Some(key) == newest.as_ref()).map(|(_, at)| *at);
        let Some(asked) = asked else { return };
        let seen = |at: Duration| at > asked && now.saturating_sub(at) > TICKET_MAX_AGE + lag;
        let agent = held.answered_at.iter().any(|at| seen(*at));
        let newer = held.asked_at.iter().any(|(_, at)| seen(*at));
        if (agent || newer) && !state.weather.jumps && state.process == self.process {
            let who = if agent { "an agent has answered" } else { "the customer has written again" };
            self.sim.fail(&mut state, || format!("event {}: a reply begins although {who}", claim.event));
        }
    }

    /// A reply is given up that has been on the ticket all the time.
    fn check_unconfirmed(&self, claim: &Claim) {
        let now = self.sim.clock.monotonic();
        let mut state = self.sim.lock();
        let there =
            state.tickets.said.iter().any(|said| {
                said.event == Some(claim.event) && now.saturating_sub(said.applied_at) > LAG_MAX * 2
            });
        let readable =
            state.tickets.place(&claim.ticket).is_some_and(|place| !state.tickets.held[place].deleted);
        if there && readable && state.process == self.process {
            let event = claim.event;
            self.sim.fail(&mut state, || format!("event {event}: a reply that is there was not found"));
        }
    }
}

fn number(event: EventId) -> u64 {
    event.0.unsigned_abs()
}

impl ModelStore for SimStore {
    fn add_model(&self, model: NewModel, by: &str, now: Timestamp) -> Result<(), StoreError> {
        self.write("add model", 0, |disk| disk.add_model(model.clone(), by, now))
    }

    fn use_model(&self, version: Option<&str>, by: &str, now: Timestamp) -> Result<(), StoreError> {
        self.write("use model", 0, |disk| disk.use_model(version, by, now))
    }

    fn model(&self, version: Option<&str>) -> Result<Option<Vec<u8>>, StoreError> {
        self.sim.disk.model(version)
    }
}

impl Store for SimStore {
    fn accept(&self, call: NewCall, done: AcceptDone) {
        done(self.write("accept", 0, |disk| {
            let (tell, told) = std::sync::mpsc::channel();
            disk.accept(call, Box::new(move |result| drop(tell.send(result))));
            told.recv().unwrap_or(Err(StoreError::Busy))
        }));
    }

    fn claim(&self, now: Timestamp, lease: Duration) -> Result<Option<Claim>, StoreError> {
        // The policy it will be worked under was taken before this.
        let at = self.sim.clock.monotonic();
        let claimed = self.write("claim", 0, |disk| disk.claim(now, lease))?;
        if let Some(claim) = &claimed {
            let mut state = self.sim.lock();
            let actor = state.acting();
            (actor.event, actor.since) = (Some(claim.event), at);
            actor.looks.clear();
            self.sim.note(&mut state, "claimed", number(claim.event), || {
                format!("attempt {} ticket {}", claim.attempt, claim.ticket)
            });
        }
        Ok(claimed)
    }

    fn next_due(&self, now: Timestamp) -> Result<Option<Due>, StoreError> {
        self.read("next due?", 0, |disk| disk.next_due(now))
    }

    fn fetched(&self, claim: &Claim, seen: &Seen, now: Timestamp) -> Result<Fetched, StoreError> {
        self.write("fetched", number(claim.event), |disk| disk.fetched(claim, seen, now))
    }

    fn planned(&self, claim: &Claim, plan: &Plan, now: Timestamp) -> Result<(), StoreError> {
        let mut state = self.sim.lock();
        self.sim.note(&mut state, "plans", number(claim.event), || plan.reason.clone());
        drop(state);
        self.write("planned", number(claim.event), |disk| disk.planned(claim, plan, now))
    }

    fn journal(&self, event: EventId) -> Result<Option<Journal>, StoreError> {
        self.read("journal?", number(event), |disk| disk.journal(event))
    }

    fn begin_reply(&self, claim: &Claim, caps: &Caps, now: Timestamp) -> Result<Begun, StoreError> {
        self.check_begin(claim);
        self.write("begin reply", number(claim.event), |disk| disk.begin_reply(claim, caps, now))
    }

    fn reply_is(
        &self,
        claim: &Claim,
        state: ReplyState,
        answer: &Answer,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        if state == ReplyState::Unconfirmed {
            self.check_unconfirmed(claim);
        }
        self.write(state.as_str(), number(claim.event), |disk| disk.reply_is(claim, state, answer, now))
    }

    fn step_is(
        &self,
        claim: &Claim,
        seq: u32,
        state: StepState,
        answer: &Answer,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let mut inner = self.sim.lock();
        self.sim.note(&mut inner, "step", u64::from(seq), || format!("{state} {}", answer.text));
        drop(inner);
        self.write("step is", number(claim.event), |disk| disk.step_is(claim, seq, state, answer, now))
    }

    fn replan(
        &self,
        claim: &Claim,
        steps: &[StepPlan],
        why: &Answer,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.write("replan", number(claim.event), |disk| disk.replan(claim, steps, why, now))
    }

    fn add_step(&self, claim: &Claim, step: &StepPlan, now: Timestamp) -> Result<(), StoreError> {
        self.write("add step", number(claim.event), |disk| disk.add_step(claim, step, now))
    }

    fn finish(&self, claim: &Claim, end: &End, now: Timestamp) -> Result<(), StoreError> {
        let mut state = self.sim.lock();
        self.sim.note(&mut state, "ends", number(claim.event), || format!("{} {}", end.state, end.reason));
        drop(state);
        let done = self.write("finish", number(claim.event), |disk| disk.finish(claim, end, now));
        if me() != WORLD {
            self.sim.lock().acting().event = None;
        }
        done
    }

    fn reply_counts(
        &self,
        helpdesk: &HelpdeskName,
        ticket: &TicketId,
        customer: Option<&str>,
        now: Timestamp,
    ) -> Result<ReplyCounts, StoreError> {
        self.read("reply counts?", 0, |disk| disk.reply_counts(helpdesk, ticket, customer, now))
    }

    fn recover(&self, now: Timestamp) -> Result<u64, StoreError> {
        match self.sim.sabotage {
            Sabotage::NoRecovery | Sabotage::NoRecoveryNoRescue => Ok(0),
            _ => self.write("recover", 0, |disk| disk.recover(now)),
        }
    }

    fn rescue(&self, now: Timestamp) -> Result<u64, StoreError> {
        match self.sim.sabotage {
            Sabotage::NoRecoveryNoRescue => Ok(0),
            _ => self.write("rescue", 0, |disk| disk.rescue(now)),
        }
    }

    fn known_ticket(
        &self,
        helpdesk: &HelpdeskName,
        ticket: &TicketId,
    ) -> Result<Option<KnownTicket>, StoreError> {
        self.read("known ticket?", 0, |disk| disk.known_ticket(helpdesk, ticket))
    }

    fn known_tickets(
        &self,
        helpdesk: &HelpdeskName,
        since: Timestamp,
        limit: u32,
    ) -> Result<Vec<KnownTicket>, StoreError> {
        self.read("known tickets?", 0, |disk| disk.known_tickets(helpdesk, since, limit))
    }

    fn highest_number(&self, helpdesk: &HelpdeskName) -> Result<Option<i64>, StoreError> {
        self.read("highest?", 0, |disk| disk.highest_number(helpdesk))
    }

    fn looked_at(&self, ticket: &KnownTicket, now: Timestamp) -> Result<(), StoreError> {
        self.write("looked at", 0, |disk| disk.looked_at(ticket, now))
    }

    fn setting(&self, key: &str) -> Result<Option<Setting>, StoreError> {
        self.read("setting?", 0, |disk| disk.setting(key))
    }

    fn set(&self, key: &str, value: Option<&str>, by: &str, now: Timestamp) -> Result<(), StoreError> {
        self.write("set", 0, |disk| disk.set(key, value, by, now))
    }

    fn retry(&self, event: EventId, by: &str, now: Timestamp) -> Result<(), StoreError> {
        self.write("retry", number(event), |disk| disk.retry(event, by, now))
    }

    fn discard(&self, event: EventId, reason: &str, by: &str, now: Timestamp) -> Result<(), StoreError> {
        self.write("discard", number(event), |disk| disk.discard(event, reason, by, now))
    }

    fn prune(&self, events_before: Timestamp, keys_before: Timestamp, limit: u32) -> Result<u64, StoreError> {
        self.write("prune", 0, |disk| disk.prune(events_before, keys_before, limit))
    }

    fn counts(&self) -> Result<Vec<(State, u64)>, StoreError> {
        self.read("counts?", 0, DirectStore::counts)
    }

    fn ready(&self) -> Result<(), StoreError> {
        if self.sim.lock().store_lost { Err(dead()) } else { Ok(()) }
    }

    fn unproven(
        &self,
        helpdesk: &HelpdeskName,
        before: Timestamp,
        limit: u32,
    ) -> Result<Vec<Unproven>, StoreError> {
        self.read("unproven?", 0, |disk| disk.unproven(helpdesk, before, limit))
    }

    fn proven(
        &self,
        step: &Unproven,
        state: StepState,
        answer: &Answer,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.write("proven", number(step.event), |disk| disk.proven(step, state, answer, now))
    }

    fn hasten(&self, helpdesk: &HelpdeskName, since: Timestamp, now: Timestamp) -> Result<u64, StoreError> {
        self.write("hasten", 0, |disk| disk.hasten(helpdesk, since, now))
    }

    fn raise(&self, key: &str, text: &str, now: Timestamp) -> Result<bool, StoreError> {
        self.write("raise", 0, |disk| disk.raise(key, text, now))
    }

    fn clear(&self, key: &str, now: Timestamp) -> Result<bool, StoreError> {
        self.write("clear", 0, |disk| disk.clear(key, now))
    }

    // Reads that nothing is decided by are no point of the schedule.
    fn alerts(&self) -> Result<Vec<Alert>, StoreError> {
        self.sim.disk.alerts()
    }

    fn coverage(&self, since: Timestamp) -> Result<Vec<CoverageHour>, StoreError> {
        self.sim.disk.coverage(since)
    }

    fn note_gaps(
        &self,
        helpdesk: &HelpdeskName,
        since: Timestamp,
        most: u32,
        now: Timestamp,
    ) -> Result<u64, StoreError> {
        self.write("note gaps", 0, |disk| disk.note_gaps(helpdesk, since, most, now))
    }

    fn gaps_due(&self, helpdesk: &HelpdeskName, due: GapsDue) -> Result<Vec<Gap>, StoreError> {
        self.sim.disk.gaps_due(helpdesk, due)
    }

    fn gap_looked_at(
        &self,
        helpdesk: &HelpdeskName,
        number: i64,
        look: Look,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.write("gap looked at", 0, |disk| disk.gap_looked_at(helpdesk, number, look, now))
    }

    fn gaps_missing(&self, helpdesk: &HelpdeskName) -> Result<u64, StoreError> {
        self.sim.disk.gaps_missing(helpdesk)
    }

    fn close(&self) {}

    fn on_work(&self, bell: Box<dyn Fn() + Send + Sync>) {
        self.sim.disk.on_work(bell);
    }
}
