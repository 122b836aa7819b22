//! Who runs: actors are threads, and only the one that holds the baton moves.
//!
//! Every port call passes through [`Sim::step`], where the seeded generator says who goes on. What an actor does
//! between two steps is atomic to the others, as a statement of the store or a request at the helpdesk is in life.
//! A process that died (see `process.rs`) is ended first: its threads run out through the errors that dead ports give.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::MutexGuard;
use std::sync::atomic::Ordering;
use std::thread::Thread;
use std::time::Duration;

use super::{Sim, State};
use crate::clock::{Clock, millis};
use crate::event::{EventId, MessageKey, TicketId, Timestamp};

thread_local! {
    static ME: Cell<usize> = const { Cell::new(0) };
}

/// The outside world: customers, agents, the shop's lead, the operating system. Runs on the test's own thread.
pub(super) const WORLD: usize = 0;

/// Nobody needs so many steps; more is a livelock.
const STEPS_MAX: u64 = 40_000;

/// One thread of a process, or the world.
pub(super) struct Actor {
    /// For the trace.
    pub(super) name: &'static str,
    /// The process it belongs to; the world belongs to none (0).
    pub(super) process: u32,
    /// `Some`: it waits for the bell, or for this time.
    pub(super) asleep: Option<Option<Timestamp>>,
    /// It has left.
    pub(super) over: bool,
    /// The event it works on, when it claimed it, and what it last saw of each ticket since.
    pub(super) event: Option<EventId>,
    /// Monotonic time of the claim, or of the duty's start.
    pub(super) since: Duration,
    pub(super) looks: BTreeMap<TicketId, Look>,
    thread: Thread,
}

/// What an actor was last shown of a ticket: what its next write is held against.
#[derive(Debug, Clone)]
pub(super) struct Look {
    pub(super) stop: bool,
    pub(super) hold: bool,
    pub(super) open: bool,
    pub(super) newest: Option<MessageKey>,
    pub(super) answered: bool,
}

impl Actor {
    pub(super) fn new(name: &'static str, process: u32, thread: Thread) -> Self {
        Self {
            name,
            process,
            asleep: None,
            over: false,
            event: None,
            since: Duration::ZERO,
            looks: BTreeMap::new(),
            thread,
        }
    }
}

/// This thread's place in the list of actors.
pub(super) fn me() -> usize {
    ME.get()
}

impl State {
    pub(super) fn acting(&mut self) -> &mut Actor {
        let me = me();
        &mut self.actors[me]
    }

    /// Whether anybody but the world could move now.
    pub(super) fn somebody_is_awake(&self, now: Timestamp) -> bool {
        self.actors.iter().skip(1).any(|actor| awake(actor, now))
    }

    /// When the first sleeper wakes.
    pub(super) fn next_wake(&self) -> Option<Timestamp> {
        self.actors.iter().filter(|actor| !actor.over).filter_map(|actor| actor.asleep.flatten()).min()
    }

    fn pick(&mut self, me: usize, now: Timestamp) -> usize {
        let dead = |actor: &Actor| !actor.over && actor.process != 0 && actor.process != self.process;
        if let Some(dying) = self.actors.iter().position(dead) {
            return dying;
        }
        let others = self.world_waits && self.somebody_is_awake(now);
        let from = usize::from(others);
        let ready = |actor: &Actor| awake(actor, now);
        if (me > 0 || !others) && ready(&self.actors[me]) && self.rng.f64() < self.weather.sticky {
            return me;
        }
        let count = self.actors.iter().skip(from).filter(|actor| ready(actor)).count();
        let nth = self.rng.usize(..count);
        let mut places = self.actors.iter().enumerate().skip(from).filter(|(_, actor)| awake(actor, now));
        places.nth(nth).map_or(WORLD, |(place, _)| place)
    }
}

fn awake(actor: &Actor, now: Timestamp) -> bool {
    let due = |until: Option<Timestamp>| until.is_some_and(|until| until <= now);
    !actor.over && actor.asleep.is_none_or(due)
}

impl Sim {
    /// Notes what is about to happen and lets the seed decide who goes on.
    pub(super) fn step(&self, what: &'static str, detail: u64) {
        let mut state = self.lock();
        self.note(&mut state, what, detail, String::new);
        if state.trace.steps > STEPS_MAX && state.violation.is_none() {
            self.fail(&mut state, || "no end in sight: too many steps".into());
        }
        self.pass_on(state);
    }

    /// Waits for the bell (unless it rang after `heard`), or until this time.
    pub(super) fn sleep(&self, heard: u64, until: Option<Timestamp>) {
        let mut state = self.lock();
        if state.rings == heard {
            state.acting().asleep = Some(until);
        }
        self.pass_on(state);
        self.lock().acting().asleep = None;
    }

    /// Wakes every sleeper of the living process.
    pub(super) fn ring(&self) {
        let mut state = self.lock();
        state.rings += 1;
        for actor in state.actors.iter_mut().skip(1) {
            actor.asleep = None;
        }
    }

    pub(super) fn rings(&self) -> u64 {
        self.lock().rings
    }

    /// What an actor's thread does first and last.
    pub(super) fn play(&self, me: usize, seed: u64, part: impl FnOnce()) {
        ME.set(me);
        fastrand::seed(seed);
        self.wait_for_baton(me);
        part();
        let mut state = self.lock();
        state.acting().over = true;
        self.note(&mut state, "leaves", 0, String::new);
        let next = state.pick(WORLD, self.clock.now());
        let thread = state.actors[next].thread.clone();
        drop(state);
        self.holder.store(next, Ordering::Release);
        thread.unpark();
    }

    fn pass_on(&self, mut state: MutexGuard<'_, State>) {
        let me = me();
        let next = state.pick(me, self.clock.now());
        if next == me {
            return;
        }
        let thread = state.actors[next].thread.clone();
        drop(state);
        self.holder.store(next, Ordering::Release);
        thread.unpark();
        self.wait_for_baton(me);
    }

    fn wait_for_baton(&self, me: usize) {
        while self.holder.load(Ordering::Acquire) != me {
            std::thread::park();
        }
    }

    /// Writes a line into the trace; `words` only when somebody reads it.
    pub(super) fn note(
        &self,
        state: &mut State,
        what: &'static str,
        detail: u64,
        words: impl FnOnce() -> String,
    ) {
        let me = me();
        let (name, process) = state.actors.get(me).map_or(("world", 0), |actor| (actor.name, actor.process));
        let at = (millis(self.clock.now()), self.clock.monotonic());
        state.trace.add(at, (me, process, name), what, detail, words);
    }
}
