//! Deterministic simulation: the production worker, timer and SQL under one seeded scheduler that picks who runs, what
//! the helpdesk does, when time passes and where the process dies. Test code only.
//!
//! A seed decides everything: `scheduler` gives the baton to one thread at a time, `weather` says what can go wrong,
//! `people` write and click, `process` starts the daemon's parts and kills them, `store` and `desk` are the two ports
//! with their faults, `tickets` is the truth at the helpdesk, `oracle` holds it against what was promised. `stories` tells
//! without chance what seeds have found.
//!
//! ```text
//! cargo nextest run simulation                         # some hundred seeds
//! SEEDS=10000 cargo nextest run simulation             # as CI does
//! SEED=123 cargo nextest run --no-capture simulation::tests::one_seed     # that one, with its last steps
//! SEED=123 STEPS=9999 cargo nextest run …              # … and with all of them
//! ```
//!
//! What may go wrong with it: anything that asks the machine's clock, iterates over a `HashMap` or draws from an
//! unseeded generator makes a seed irreproducible; a test runs seeds twice and compares every step.

mod desk;
mod oracle;
mod people;
mod process;
mod scheduler;
mod store;
mod stories;
mod tests;
mod tickets;
mod trace;
mod weather;

use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use fastrand::Rng;

use crate::clock::{Clock, ManualClock, after};
use crate::config::Config;
use crate::event::{EventId, MessageKey, Mode, Timestamp};
use crate::store::sqlite::direct::{DirectStore, Raw};
use process::Live;
use scheduler::{Actor, WORLD};
use tickets::Tickets;
use trace::Trace;
use weather::{Fault, Sabotage, Weather};

/// A Wednesday noon; every seed begins here.
const START: Timestamp = Timestamp::constant(1_770_811_200, 0);

/// Points around which a crash leaves the most open.
const HOT: &[&str] = &[
    "planned",
    "begin reply",
    "reply",
    "sent",
    "unsure",
    "not-sent",
    "confirmed",
    "close",
    "step is",
    "add step",
    "reopen",
    "replan",
    "finish",
];

/// One seed's whole world.
struct Sim {
    state: Mutex<State>,
    /// Which actor runs.
    holder: AtomicUsize,
    clock: Arc<ManualClock>,
    /// The file: it outlives processes.
    disk: DirectStore,
    config: Config,
    sabotage: Sabotage,
}

/// What the baton's holder may change.
struct State {
    rng: Rng,
    weather: Weather,
    trace: Trace,
    actors: Vec<Actor>,
    /// The living process; 0 when there is none.
    process: u32,
    processes: u32,
    crashes: u32,
    rings: u64,
    /// The world moves only when nobody else can.
    world_waits: bool,
    /// Nothing goes wrong any more.
    calm: bool,
    tickets: Tickets,
    /// Monotonic times until which the disk is full and the key refused.
    disk_full_until: Duration,
    key_refused_until: Duration,
    /// A commit's fate is unknown: this process writes nothing more.
    store_lost: bool,
    /// The mode in force and since when (monotonic).
    mode: (Mode, Duration),
    mode_changed: bool,
    /// Calls that got a 200, with the newest customer message at that time.
    acknowledged: Vec<(EventId, usize, Option<MessageKey>)>,
    violation: Option<String>,
    /// For a story instead of a seed.
    script: Vec<Cue>,
    forced: Vec<(&'static str, Fault)>,
}

/// At the `nth` time (from 1) that a process comes to this point, this happens first.
struct Cue {
    at: &'static str,
    nth: u32,
    what: fn(&Sim),
}

/// How a seed ended.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Ended {
    hash: u64,
    steps: u64,
    crashes: u32,
    replies: usize,
    events: usize,
    violation: Option<String>,
    tail: String,
}

/// Runs one seed to its end.
fn run(seed: u64, sabotage: Sabotage, verbose: bool, disk: &Arc<Mutex<Raw>>) -> Ended {
    let mut rng = Rng::with_seed(seed);
    let mut weather = Weather::of(&mut rng);
    weather.suit(sabotage);
    fastrand::seed(seed);
    let sim = world(rng, weather, sabotage, verbose, disk);
    if sabotage == Sabotage::CommitsAreLost {
        sim.disk.lag();
    }
    let mut live = Live::new(&sim);
    people::active_phase(&sim, &mut live);
    people::settle(&sim, &mut live);
    end(&sim, live)
}

fn world(rng: Rng, weather: Weather, sabotage: Sabotage, verbose: bool, disk: &Arc<Mutex<Raw>>) -> Arc<Sim> {
    let clock = Arc::new(ManualClock::at(START));
    let time: Arc<dyn Clock> = Arc::<ManualClock>::clone(&clock);
    let config = process::config(&weather, sabotage);
    let state = State {
        rng,
        weather,
        trace: Trace::new(verbose),
        actors: vec![Actor::new("world", 0, std::thread::current())],
        process: 0,
        processes: 0,
        crashes: 0,
        rings: 0,
        world_waits: false,
        calm: false,
        tickets: Tickets::default(),
        disk_full_until: Duration::ZERO,
        key_refused_until: Duration::ZERO,
        store_lost: false,
        mode: (Mode::Live, Duration::ZERO),
        mode_changed: false,
        acknowledged: vec![],
        violation: None,
        script: vec![],
        forced: vec![],
    };
    Arc::new(Sim {
        state: Mutex::new(state),
        holder: AtomicUsize::new(WORLD),
        clock,
        disk: DirectStore::over(disk, time),
        config,
        sabotage,
    })
}

/// The verdict, and the end of every thread.
fn end(sim: &Arc<Sim>, live: Live) -> Ended {
    oracle::verdict(sim);
    sim.crash("the seed is over");
    live.join(sim);
    let events = sim.disk.rows("select id from events").len();
    let picture = if sim.lock().trace.verbose { oracle::picture(sim) } else { String::new() };
    let mut state = sim.lock();
    Ended {
        hash: state.trace.hash,
        steps: state.trace.steps,
        crashes: state.crashes,
        replies: state.tickets.said.len(),
        events,
        violation: state.violation.take(),
        tail: format!("{}{picture}", state.trace.tail()),
    }
}

impl Sim {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> (Duration, Timestamp) {
        (self.clock.monotonic(), self.clock.now())
    }

    /// The first thing that is wrong ends the seed.
    fn fail(&self, state: &mut State, what: impl FnOnce() -> String) {
        if state.violation.is_none() {
            let what = what();
            self.note(state, "VIOLATION", 0, || what.clone());
            state.violation = Some(what);
        }
        state.process = 0;
    }

    fn failed(&self) -> bool {
        self.lock().violation.is_some()
    }

    fn alive(&self, process: u32) -> bool {
        self.lock().process == process
    }

    /// Time goes by; what was on its way to the helpdesk arrives.
    fn advance(&self, by: Duration) {
        let until = self.clock.monotonic() + by;
        let mut state = self.lock();
        loop {
            let due = state.tickets.late.iter().map(|(at, _)| *at).min().filter(|at| *at <= until);
            let now = self.clock.monotonic();
            self.clock.advance(due.unwrap_or(until).saturating_sub(now));
            let Some(due) = due else { return };
            let place = state.tickets.late.iter().position(|(at, _)| *at == due);
            let Some(place) = place else { return };
            let (_, write) = state.tickets.late.remove(place);
            self.note(&mut state, "arrives late", write.ticket as u64, || write.effect.kind().into());
            desk::deliver(self, &mut state, &write);
        }
    }

    /// The process dies here and now; what it still wants to do comes to nothing.
    fn crash(&self, why: &str) {
        let mut state = self.lock();
        if state.process != 0 {
            state.process = 0;
            state.crashes += 1;
            state.store_lost = false;
            self.note(&mut state, "CRASH", 0, || why.to_owned());
            drop(state);
            self.disk.power_fails();
        }
    }

    /// A point in a process where anything may come between: another thread, time, the end. Whether it still lives.
    fn point(&self, process: u32, what: &'static str, detail: u64) -> bool {
        if !self.alive(process) {
            return false;
        }
        self.step(what, detail);
        self.cue(what);
        let mut state = self.lock();
        if state.process != process {
            return false;
        }
        if state.calm {
            return true;
        }
        let hot = if HOT.contains(&what) { state.weather.hot_crash } else { 0.0 };
        let (crash, stall) = (state.weather.crash + hot, state.weather.stall);
        if crash > 0.0 && state.crashes < state.weather.crashes_max && state.rng.f64() < crash {
            drop(state);
            self.crash("by chance");
            return false;
        }
        if stall > 0.0 && state.rng.f64() < stall {
            let most = if state.rng.u8(..4) == 0 { 900_000 } else { 8_000 };
            let by = Duration::from_millis(state.rng.u64(1..most));
            self.note(&mut state, "stands still", by.as_millis() as u64, String::new);
            drop(state);
            self.advance(by);
        }
        true
    }

    fn cue(&self, what: &'static str) {
        let mut now = Vec::new();
        let mut state = self.lock();
        for cue in state.script.iter_mut().filter(|cue| cue.at == what && cue.nth > 0) {
            cue.nth -= 1;
            if cue.nth == 0 {
                now.push(cue.what);
            }
        }
        drop(state);
        now.into_iter().for_each(|act| act(self));
    }

    /// The mode in force from now on; a start can find another one than was answered for.
    fn mode_is(&self, mode: Mode) {
        let at = self.clock.monotonic();
        let mut state = self.lock();
        if state.mode.0 != mode {
            state.mode = (mode, at);
            state.mode_changed = true;
            self.note(&mut state, "mode", mode as u64, || mode.to_string());
        }
    }

    /// Whether a fault of this kind happens to this call.
    fn fault(&self, state: &mut State) -> Option<Fault> {
        if state.calm { None } else { state.weather.fault(&mut state.rng) }
    }

    fn lock_rng<T>(&self, draw: impl FnOnce(&mut Rng) -> T) -> T {
        draw(&mut self.lock().rng)
    }

    fn later(&self, by: Duration) -> Timestamp {
        after(self.clock.now(), by)
    }
}
