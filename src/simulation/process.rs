//! One process after another on the same file: what `daemon` composes, with the two ports simulated.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use super::desk::SimDesk;
use super::scheduler::Actor;
use super::store::SimStore;
use super::weather::{Sabotage, Weather};
use super::{Sim, State};
use crate::act::ending::Patience;
use crate::classify::phrases::PhraseClassifier;
use crate::classify::{Classifier, Input, Verdict};
use crate::clock::{Clock, ManualClock};
use crate::config::{Config, SweepMethod};
use crate::daemon::mode;
use crate::event::{Caps, Mode};
use crate::helpdesk::Helpdesk;
use crate::helpdesk::budget::Budget;
use crate::store::Store;
use crate::timer::Timer;
use crate::worker::{Desk, LivePolicy, Ran, Settings};

/// A nap that `Budget::reserve` would take.
const BUDGET_NAP: Duration = Duration::from_millis(250);

/// The longest nap of a worker.
const LONGEST_NAP: Duration = Duration::from_secs(5);

pub(super) fn config(weather: &Weather, sabotage: Sabotage) -> Config {
    let mut config = Config::default();
    config.richpanel.bot_agent_id = Some("agent-bot".into());
    config.rollout.mode = Mode::Live;
    config.rollout.hold_seconds = weather.hold.as_secs();
    config.rollout.hold_seconds_live_chat = weather.hold.as_secs();
    config.reconcile.method = SweepMethod::Auto;
    // A stormy seed would soon stop replying for good, and show nothing more.
    config.limits.stop_after_unconfirmed = 0;
    if sabotage == Sabotage::NoSweep {
        config.reconcile.every_minutes = 0;
    }
    config.shop.name = "Lamp Shop".into();
    config
}

fn settings(config: &Config) -> Settings {
    let Config { workers, limits, gates, readback, .. } = config;
    Settings {
        lease: Duration::from_secs(workers.lease_seconds),
        patience: Patience {
            max_attempts: workers.max_attempts,
            first: Duration::from_secs(workers.backoff_first_seconds),
            longest: Duration::from_secs(workers.backoff_max_seconds),
            give_up_after: Duration::from_secs(workers.give_up_after_hours * 3_600),
        },
        caps: Caps {
            per_ticket_day: limits.replies_per_ticket_per_day,
            per_customer_day: limits.replies_per_customer_per_day,
            per_hour: limits.replies_per_hour,
            bad: limits.stop_after_unconfirmed,
        },
        readback_ms: readback.after_ms.clone(),
        ticket_max_age: Duration::from_secs(gates.ticket_max_age_seconds),
        order_by_number: false,
        one_call_trigger: None,
    }
}

/// The real classifier, asked once a text: it is pure, and unoptimised it is slow.
struct Remembering {
    inner: PhraseClassifier,
    known: Mutex<BTreeMap<(String, String), Verdict>>,
}

impl Classifier for Remembering {
    fn classify(&self, input: &Input<'_>) -> Verdict {
        let key = (input.text.to_owned(), input.subject.to_owned());
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.entry(key).or_insert_with(|| self.inner.classify(input)).clone()
    }

    fn version(&self) -> String {
        self.inner.version()
    }
}

static CLASSIFIER: LazyLock<Arc<Remembering>> = LazyLock::new(|| {
    let inner = PhraseClassifier::new(&BTreeMap::new(), &[]).unwrap();
    Arc::new(Remembering { inner, known: Mutex::default() })
});

/// The daemon, while it lives, as the world sees it.
pub(super) struct Live {
    pub(super) store: Arc<SimStore>,
    pub(super) policy: Option<Arc<LivePolicy>>,
    threads: Vec<JoinHandle<()>>,
}

impl Live {
    /// Nothing runs yet.
    pub(super) fn new(sim: &Arc<Sim>) -> Self {
        let ring = Arc::downgrade(sim);
        sim.disk.on_work(Box::new(move || {
            if let Some(sim) = ring.upgrade() {
                sim.ring();
            }
        }));
        Self { store: Arc::new(SimStore::new(sim, u32::MAX)), policy: None, threads: vec![] }
    }

    /// As `Daemon::start`: puts back, settles the mode, starts the threads. It may die on the way.
    pub(super) fn start(&mut self, sim: &Arc<Sim>) {
        let mut state = sim.lock();
        state.processes += 1;
        let process = state.processes;
        state.process = process;
        state.store_lost = false;
        let workers = state.weather.workers;
        let small = state.weather.small_budget;
        sim.note(&mut state, "starts", u64::from(process), String::new);
        drop(state);
        let store = Arc::new(SimStore::new(sim, process));
        self.store = Arc::clone(&store);
        let put_back = store.recover(sim.clock.now());
        if put_back.is_err() || !left_in_order(sim) {
            return sim.crash("it could not start");
        }
        let settled = mode::settle(store.as_ref(), sim.config.rollout.mode, "config", sim.clock.now());
        let Ok(mode) = settled else { return sim.crash("it could not start") };
        sim.mode_is(mode);
        let policy = Arc::new(LivePolicy::new(&sim.config, mode).unwrap());
        self.policy = Some(Arc::clone(&policy));
        let clock: Arc<dyn Clock> = Arc::<ManualClock>::clone(&sim.clock);
        let budget =
            Budget::new(if small { 12 } else { 1_000_000 }, Duration::from_secs(30), Arc::clone(&clock));
        if small && process > 1 {
            budget.after_restart(workers as u32 + 1);
        }
        let helpdesk: Arc<dyn Helpdesk> = Arc::new(SimDesk::new(sim, process, budget));
        let desk = Arc::new(Desk {
            store: Arc::<SimStore>::clone(&store),
            helpdesks: [(helpdesk.name().clone(), Arc::clone(&helpdesk))].into(),
            classifier: Arc::<Remembering>::clone(&CLASSIFIER),
            second: None,
            policy: Arc::clone(&policy),
            clock: Arc::clone(&clock),
            settings: settings(&sim.config),
        });
        for name in ["worker-0", "worker-1", "worker-2"].into_iter().take(workers) {
            let desk = Arc::clone(&desk);
            self.spawn(sim, name, process, move |sim| worker(sim, &desk, process));
        }
        let writes = Box::new(move || policy.current().mode.writes());
        let timer = Timer::new(store, helpdesk, clock, sim.config.clone(), writes);
        self.spawn(sim, "timer", process, move |sim| tick(sim, timer, process));
    }

    fn spawn(
        &mut self,
        sim: &Arc<Sim>,
        name: &'static str,
        process: u32,
        part: impl FnOnce(&Arc<Sim>) + Send + 'static,
    ) {
        let mut state = sim.lock();
        let place = state.actors.len();
        let seed = state.rng.u64(..);
        let theirs = Arc::clone(sim);
        let thread = std::thread::spawn(move || {
            let inner = Arc::clone(&theirs);
            theirs.play(place, seed, move || part(&inner));
        });
        state.actors.push(Actor::new(name, process, thread.thread().clone()));
        self.threads.push(thread);
    }

    /// Waits for every thread there ever was; the last process must be dead.
    pub(super) fn join(self, sim: &Sim) {
        sim.step("the end", 0);
        for thread in self.threads {
            let _ = thread.join();
        }
    }
}

/// What a start must find after it has put back what was left behind.
fn left_in_order(sim: &Sim) -> bool {
    let sql = "select id from events where state = 'working'
               union all select event_id from replies where state = 'sending'";
    let left = sim.disk.rows(sql).len();
    let ignored = sim.sabotage == Sabotage::NoRecoveryNoRescue;
    if left > 0 && !ignored {
        sim.fail(&mut sim.lock(), || format!("{left} events are in work although nobody works yet"));
    }
    left == 0 || ignored
}

/// As the pool's loop.
fn worker(sim: &Arc<Sim>, desk: &Desk, process: u32) {
    while sim.alive(process) {
        let heard = sim.rings();
        match desk.run_once(&|| true) {
            Ok(Ran::Event(_)) => (),
            Ok(Ran::Idle { until }) => {
                // Where the pool would wait for the budget.
                let no_calls = until.is_some_and(|until| until <= sim.clock.now());
                sim.sleep(heard, if no_calls { Some(sim.later(BUDGET_NAP)) } else { until });
            }
            Err(_) => sim.sleep(heard, Some(sim.later(LONGEST_NAP))),
        }
        sim.lock().acting().event = None;
    }
}

/// As the timer's loop; what falls due meanwhile is done at the next tick.
fn tick(sim: &Arc<Sim>, mut timer: Timer, process: u32) {
    while sim.alive(process) {
        sim.step("tick", 0);
        let now = sim.clock.monotonic();
        let mut state = sim.lock();
        let State { calm, .. } = *state;
        let actor = state.acting();
        actor.since = now;
        actor.looks.clear();
        drop(state);
        timer.tick();
        let heard = sim.rings();
        let nap = Duration::from_secs(if calm { 60 } else { 7 });
        sim.sleep(heard, Some(sim.later(nap)));
    }
}
