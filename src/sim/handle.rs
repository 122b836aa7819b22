//! Starting, driving and stopping a simulator from Rust.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::watch;

use super::clock::SimClock;
use super::faults::{Fault, FaultReport, Script};
use super::journal::{self, Effect, Journal, MessageKey};
use super::limit::RateLimit;
use super::requests::{RequestCounts, RequestEntry};
use super::server;
use super::settings::Settings;
use super::shared::Shared;
use super::targets::{Chances, FiringRecord, Shot, Target};
use super::verbs::{NewMessage, Verb, VerbError, Written};
use super::world::World;
use super::{SimError, SimOptions};

/// How often `serve` looks at its stop flag.
const STOP_CHECK: Duration = Duration::from_millis(100);

/// Starts simulators.
#[derive(Debug)]
pub struct Sim;

impl Sim {
    /// Starts a simulator on its own thread; it runs until the last handle is dropped.
    ///
    /// # Errors
    /// When the address cannot be bound, or the journal file cannot be opened.
    pub fn start(options: SimOptions) -> Result<SimHandle, SimError> {
        let journal = Journal::open(options.journal_path.as_deref()).map_err(SimError::Journal)?;
        let clock = options.frozen_at_ms.map_or_else(SimClock::wall, SimClock::frozen);
        let (stop, stopping) = watch::channel(false);
        let (ready, started) = mpsc::channel();
        let thread = std::thread::Builder::new()
            .name("sim".into())
            .spawn(move || run(options, clock, journal, stopping, &ready))
            .map_err(SimError::Start)?;
        let (addr, shared) =
            started.recv().map_err(|_| SimError::Start(io::ErrorKind::BrokenPipe.into()))??;
        let running = Running { stop, thread: Mutex::new(Some(thread)) };
        Ok(SimHandle { addr, shared, running: Arc::new(running) })
    }
}

/// Runs a simulator on this thread until `stop` is true; `ready` is called once it listens.
///
/// # Errors
/// As [`Sim::start`].
pub fn serve(options: SimOptions, stop: &AtomicBool, ready: impl FnOnce(&SimHandle)) -> Result<(), SimError> {
    let handle = Sim::start(options)?;
    ready(&handle);
    while !stop.load(Ordering::SeqCst) {
        handle.shared.wait_for_change(STOP_CHECK);
    }
    handle.stop();
    Ok(())
}

type Started = Result<(SocketAddr, Arc<Shared>), SimError>;

fn run(
    options: SimOptions,
    clock: SimClock,
    journal: Journal,
    stopping: watch::Receiver<bool>,
    ready: &mpsc::Sender<Started>,
) {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return drop(ready.send(Err(SimError::Start(error)))),
    };
    runtime.block_on(async {
        let bound =
            TcpListener::bind(options.listen).await.and_then(|bound| Ok((bound.local_addr()?, bound)));
        let (addr, listener) = match bound {
            Ok(bound) => bound,
            Err(error) => return drop(ready.send(Err(SimError::Bind(options.listen, error)))),
        };
        let world = World::new(options, clock, journal);
        let base_url = format!("http://{addr}/v1");
        let shared = Arc::new(Shared::new(world, tokio::runtime::Handle::current(), base_url));
        drop(ready.send(Ok((addr, Arc::clone(&shared)))));
        server::listen(listener, shared, stopping).await;
    });
    runtime.shutdown_background();
}

#[derive(Debug)]
struct Running {
    stop: watch::Sender<bool>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Running {
    fn stop(&self) {
        self.stop.send_replace(true);
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            drop(thread.join());
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop();
    }
}

/// A running simulator. Clones drive the same one; the last one dropped stops it.
#[derive(Debug, Clone)]
pub struct SimHandle {
    addr: SocketAddr,
    shared: Arc<Shared>,
    running: Arc<Running>,
}

impl SimHandle {
    /// Where it listens.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// `http://127.0.0.1:PORT/v1`, without a slash at the end.
    #[must_use]
    pub fn base_url(&self) -> String {
        self.shared.base_url.clone()
    }

    /// Its clock; moving it wakes whatever waits.
    #[must_use]
    pub fn clock(&self) -> SimClock {
        self.shared.clock.clone()
    }

    /// Stops listening and closes every connection. What it knows can still be read.
    pub fn stop(&self) {
        self.running.stop();
    }

    /// Does any verb.
    ///
    /// # Errors
    /// When the verb names something that is not there.
    pub fn run(&self, verb: Verb) -> Result<Written, VerbError> {
        self.shared.with(|world| world.run(verb, None))
    }

    /// A customer writes; rules fire.
    ///
    /// # Errors
    /// When the message names a ticket that is not there, or an order without an id.
    pub fn customer_writes(&self, message: NewMessage) -> Result<Written, VerbError> {
        self.run(Verb::CustomerWrites(Box::new(message)))
    }

    /// An agent answers in the vendor's pages.
    ///
    /// # Errors
    /// When there is no such ticket; the same for the verbs below.
    pub fn agent_replies(&self, ticket: &str, text: &str) -> Result<Written, VerbError> {
        self.run(Verb::AgentReplies { ticket: Some(ticket.into()), text: text.into(), agent: None })
    }

    /// An agent sets a tag.
    ///
    /// # Errors
    /// When there is no such ticket.
    pub fn agent_tags(&self, ticket: &str, tag: &str) -> Result<Written, VerbError> {
        self.run(Verb::AgentTags { ticket: Some(ticket.into()), tags: vec![tag.into()] })
    }

    /// An agent takes a tag away.
    ///
    /// # Errors
    /// When there is no such ticket.
    pub fn agent_untags(&self, ticket: &str, tag: &str) -> Result<Written, VerbError> {
        self.run(Verb::AgentUntags { ticket: Some(ticket.into()), tags: vec![tag.into()] })
    }

    /// An agent assigns the ticket.
    ///
    /// # Errors
    /// When there is no such ticket or agent.
    pub fn agent_assigns(&self, ticket: &str, agent: Option<&str>) -> Result<Written, VerbError> {
        self.run(Verb::AgentAssigns { ticket: Some(ticket.into()), agent: agent.map(str::to_owned) })
    }

    /// An agent closes the ticket.
    ///
    /// # Errors
    /// When there is no such ticket.
    pub fn agent_closes(&self, ticket: &str) -> Result<Written, VerbError> {
        self.run(Verb::AgentCloses { ticket: Some(ticket.into()) })
    }

    /// The ticket is open again.
    ///
    /// # Errors
    /// When there is no such ticket.
    pub fn reopen(&self, ticket: &str) -> Result<Written, VerbError> {
        self.run(Verb::Reopen { ticket: Some(ticket.into()) })
    }

    /// Adds an order in the vendor's shape.
    ///
    /// # Errors
    /// When it has no `orderId`.
    pub fn add_order(&self, order: Value) -> Result<Written, VerbError> {
        self.run(Verb::AddOrder { order })
    }

    /// Links a known order to a ticket.
    ///
    /// # Errors
    /// When there is no such ticket or order.
    pub fn link_order(&self, ticket: &str, order_id: &str) -> Result<Written, VerbError> {
        self.run(Verb::LinkOrder { ticket: Some(ticket.into()), order_id: order_id.into() })
    }

    /// Moves the clock.
    pub fn advance_clock(&self, ms: i64) {
        self.turn(Verb::AdvanceClock { ms });
    }

    /// Adds a fault behind the others.
    pub fn set_fault(&self, fault: Fault) {
        self.turn(Verb::SetFault { fault });
    }

    /// Adds a script.
    pub fn add_script(&self, script: Script) {
        self.turn(Verb::AddScript { script });
    }

    /// Forgets all faults and scripts.
    pub fn clear_faults(&self) {
        self.turn(Verb::ClearFaults);
    }

    /// Sets the automation rules.
    pub fn set_targets(&self, targets: Vec<Target>) {
        self.turn(Verb::SetTargets { targets });
    }

    /// Sets the odds of calls being lost, doubled, delayed.
    pub fn set_chances(&self, chances: Chances) {
        self.turn(Verb::SetChances { chances });
    }

    /// Says exactly what becomes of the next calls.
    pub fn plan_shots(&self, shots: Vec<Shot>) {
        self.turn(Verb::PlanShots { shots });
    }

    /// Sets the rate limit.
    pub fn set_rate_limit(&self, requests: u32, window_ms: i64) {
        self.turn(Verb::SetRateLimit { limit: RateLimit { requests, window_ms } });
    }

    /// Another client with the same key sends requests now.
    pub fn use_up_window(&self, requests: u32) {
        self.turn(Verb::UseUpWindow { requests });
    }

    /// Changes the tenant's settings.
    pub fn configure(&self, change: impl FnOnce(&mut Settings)) {
        self.shared.with(|world| change(&mut world.settings));
    }

    /// Forgets everything but the options it was started with.
    pub fn reset(&self) {
        self.turn(Verb::Reset);
    }

    fn turn(&self, knob: Verb) {
        if let Err(error) = self.run(knob) {
            log::warn!("sim: {error}");
        }
    }

    /// Every ticket in full, as the API would show it.
    #[must_use]
    pub fn snapshot(&self) -> Vec<Value> {
        self.shared.look(World::snapshot)
    }

    /// One ticket in full, if it is there.
    #[must_use]
    pub fn ticket(&self, id: &str) -> Option<Value> {
        self.shared.look(|world| {
            let shown = world.tickets.get(id).map(|ticket| world.show(ticket));
            shown.and_then(|shown| shown.get("ticket").cloned())
        })
    }

    /// Names of the tags a ticket bears, UUIDs looked up.
    #[must_use]
    pub fn tag_names(&self, id: &str) -> Vec<String> {
        self.shared.look(|world| {
            let tags = world.tickets.get(id).map(|ticket| ticket.tags.as_slice()).unwrap_or_default();
            tags.iter().map(|tag| world.tag_name(tag)).collect()
        })
    }

    /// The journal of applied effects.
    #[must_use]
    pub fn journal(&self) -> Vec<Effect> {
        self.shared.look(|world| world.journal.effects().to_vec())
    }

    /// The effects on one ticket.
    #[must_use]
    pub fn effects_on(&self, id: &str) -> Vec<Effect> {
        self.journal().into_iter().filter(|effect| effect.ticket_id == id).collect()
    }

    /// The request log, newest 200,000.
    #[must_use]
    pub fn requests(&self) -> Vec<RequestEntry> {
        self.shared.look(|world| world.log.entries().cloned().collect())
    }

    /// Numbers over all requests.
    #[must_use]
    pub fn counts(&self) -> RequestCounts {
        self.shared.look(|world| world.log.counts().clone())
    }

    /// Every fault and how often it fired.
    #[must_use]
    pub fn faults(&self) -> Vec<FaultReport> {
        self.shared.look(|world| world.faults.report())
    }

    /// Every call of an HTTP Target and what came of it.
    #[must_use]
    pub fn firings(&self) -> Vec<FiringRecord> {
        self.shared.look(|world| world.firings.clone())
    }

    /// Delivered replies for each customer message.
    #[must_use]
    pub fn replies_per_message(&self) -> BTreeMap<MessageKey, u32> {
        self.shared.look(|world| journal::replies_per_message(world.journal.effects()))
    }

    /// Customer messages with more than one delivered reply.
    #[must_use]
    pub fn duplicated(&self) -> Vec<(MessageKey, u32)> {
        self.shared.look(|world| journal::duplicated(world.journal.effects()))
    }

    /// Delivered replies that came after an agent's answer to the same message.
    #[must_use]
    pub fn replies_after_agent(&self) -> Vec<Effect> {
        self.shared.look(|world| journal::replies_after_agent(world.journal.effects()))
    }

    /// API writes applied to tickets while they bore this tag.
    #[must_use]
    pub fn writes_while_tagged(&self, tag: &str) -> Vec<Effect> {
        self.shared.look(|world| journal::writes_while_tagged(world.journal.effects(), tag))
    }

    /// Tickets without the tag `mw-processed`.
    #[must_use]
    pub fn untouched(&self) -> Vec<String> {
        self.shared.look(|world| world.without_tag("mw-processed"))
    }

    /// Waits (wall time) until `check` holds, looking again at every change.
    #[must_use]
    pub fn wait_until(&self, timeout: Duration, mut check: impl FnMut(&Self) -> bool) -> bool {
        self.shared.wait_until(timeout, || check(self))
    }

    /// Waits until every fired call has come to its end.
    #[must_use]
    pub fn wait_for_firings(&self, timeout: Duration) -> bool {
        self.shared
            .wait_until(timeout, || self.shared.look(|world| world.firings.iter().all(|record| record.done)))
    }
}
