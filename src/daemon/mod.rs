//! The composition root: builds the parts, starts them in order, watches them, drains them.
//!
//! Start: lock and open the file → see whether it was restored → put back what a stopped process left → settle the mode → bind the listeners →
//! workers, timer, control socket → serve. Stop: no new calls, running events end, the file is folded up. A part that
//! dies stops the process with a clear word; systemd starts it again, and nothing is lost by that.

pub mod control;
pub mod mode;
pub mod model;
pub mod outside;
pub mod parts;
pub mod restored;
pub mod status;
mod steering;

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::watch;

use crate::classify::combined::CombinedClassifier;
use crate::clock::Clock;
use crate::config::load::Loaded;
use crate::config::secrets::Secrets;
use crate::ingress::Ingress;
use crate::store::{Store, StoreError};
use crate::timer::{self, Timer};
use crate::web::Admin;
use crate::worker::{Doorbell, LivePolicy, Pool};
use control::Control;
use steering::Steering;

/// How often the supervisor looks at the store.
const WATCH: Duration = Duration::from_millis(100);

/// How long running events may take to end when nothing can be recorded any more: the whole way out is to take a
/// second. A worker may be waiting for the helpdesk; what it sent is looked for after the next start.
const LEAVE: Duration = Duration::from_millis(500);

/// Why the daemon did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The configuration is well-formed but would not work.
    #[error("{}", .0.join("\n"))]
    Config(Vec<String>),
    /// The file of state.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A listener, a thread or the socket.
    #[error("{0}")]
    Io(String),
}

/// Why the daemon stopped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// It was asked to.
    Asked,
    /// A part died; the words say which.
    Died(String),
}

/// Tells the supervisor to end.
#[derive(Debug, Clone)]
pub struct Stopper(Sender<Ended>);

impl Stopper {
    /// Asks for an orderly end.
    pub fn stop(&self) {
        let _ = self.0.send(Ended::Asked);
    }
}

/// What to start with.
pub struct Plan {
    /// The configuration and where it stands.
    pub loaded: Loaded,
    /// Its secrets.
    pub secrets: Secrets,
    /// Who chose the mode: `config` or `command line`.
    pub mode_by: String,
    /// Time.
    pub clock: Arc<dyn Clock>,
}

/// A running daemon.
pub struct Daemon {
    addr: SocketAddr,
    admin: SocketAddr,
    store: Arc<dyn Store>,
    pool: Pool,
    bell: Arc<Doorbell>,
    control: Control,
    timer: RunningTimer,
    listeners: (JoinHandle<()>, watch::Sender<bool>),
    ended: Receiver<Ended>,
    stopper: Stopper,
}

impl Daemon {
    /// Starts everything; when it returns, calls are being taken in.
    ///
    /// # Errors
    /// [`StartError`], in words for people; nothing is left running then.
    pub fn start(plan: Plan) -> Result<Self, StartError> {
        let rules = parts::checked(&plan).map_err(StartError::Config)?;
        let Plan { loaded, secrets, mode_by, clock } = plan;
        let config = loaded.config;
        let store = parts::store(&config, &clock)?;
        let restored_at = restored::settle(store.as_ref(), clock.now())?;
        let put_back = store.recover(clock.now())?;
        if put_back > 0 {
            log::warn!(
                "start: {put_back} events were being worked on when the last process stopped; they go on"
            );
        }
        let mode = mode::settle(store.as_ref(), config.rollout.mode, &mode_by, clock.now())?;
        let policy =
            Arc::new(LivePolicy::new(&config, mode).map_err(StartError::Config)?.with_restored(restored_at));
        let restarted = parts::restarted(store.as_ref(), clock.as_ref())?;
        let helpdesk = parts::helpdesk(&config, &secrets, &clock, restarted)?;
        parts::as_last_seen(store.as_ref(), helpdesk.as_ref())?;
        let classifier = parts::classifier(rules, store.as_ref())?;
        let reader = Arc::<CombinedClassifier>::clone(&classifier);
        let second = parts::second_opinion(&config, &secrets, &clock)
            .map_err(|problem| StartError::Config(vec![problem]))?;
        let desk = Arc::new(parts::desk(&config, &store, &helpdesk, &policy, second.clone(), &clock, reader));

        let (tell, ended) = mpsc::channel();
        let stopper = Stopper(tell.clone());
        let died: Arc<dyn Fn(&str) + Send + Sync> = Arc::new(move |what: &str| {
            let _ = tell.send(Ended::Died(what.to_owned()));
        });
        let doors = parts::Doors::bind(&config, &secrets, &store, &clock)?;
        let (addr, admin) = (doors.ingress.addr(), doors.admin.addr());
        let bell = Arc::new(Doorbell::default());
        let ring = Arc::clone(&bell);
        store.on_work(Box::new(move || ring.ring()));
        let pool =
            Pool::start(&desk, &bell, config.workers.threads, &died).map_err(|error| io("worker", &error))?;
        let in_force = Arc::clone(&policy);
        let writes = Box::new(move || in_force.current().mode.writes());
        let timer = start_timer(
            Timer::new(Arc::clone(&store), Arc::clone(&helpdesk), Arc::clone(&clock), config.clone(), writes),
            &died,
        )?;
        let steering = Steering {
            store: Arc::clone(&store),
            helpdesk,
            classifier: Mutex::new(classifier),
            second,
            policy,
            clock: Arc::clone(&clock),
            timer: timer.1.clone(),
            config,
            started: clock.monotonic(),
            addr,
            admin,
        };
        let database = steering.config.store.path.clone();
        let control = Control::listen(&database, Arc::new(move |request| steering.answer(request)))
            .map_err(|error| io("control socket", &error))?;
        let listeners = serve(doors, &died)?;
        log::info!("ready: calls on http://{addr}, people on http://{admin}, mode {mode}");
        Ok(Self { addr, admin, store, pool, bell, control, timer, listeners, ended, stopper })
    }

    /// Where calls come in.
    pub const fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Where people look.
    pub const fn admin_addr(&self) -> SocketAddr {
        self.admin
    }

    /// The store, for callers in the same process (`demo`).
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    /// A way to end it from another thread.
    pub fn stopper(&self) -> Stopper {
        self.stopper.clone()
    }

    /// Runs until asked to stop or until a part dies, then drains what runs. When the database failed, nothing that
    /// still runs can be kept, and it is not waited for.
    pub fn wait(self) -> Ended {
        let (why, database_failed) = loop {
            match self.ended.recv_timeout(WATCH) {
                Ok(why) => break (why, self.database_failure().is_some()),
                Err(RecvTimeoutError::Disconnected) => break (Ended::Asked, false),
                Err(RecvTimeoutError::Timeout) => {
                    if let Some(why) = self.database_failure() {
                        break (Ended::Died(why), true);
                    }
                }
            }
        };
        match &why {
            Ended::Asked => log::info!("stopping: no new calls, running events end"),
            Ended::Died(what) => log::error!("stopping: {what}"),
        }
        if database_failed {
            self.leave();
        } else {
            self.drain();
        }
        why
    }

    fn database_failure(&self) -> Option<String> {
        match self.store.ready() {
            Err(StoreError::Unknown(why)) => {
                Some(format!("the database: {why}; start again to find out what is on disk"))
            }
            _ => None,
        }
    }

    fn leave(self) {
        let (done, drained) = mpsc::sync_channel(1);
        let drain = move || {
            self.drain();
            let _ = done.send(());
        };
        let thread = std::thread::Builder::new().name("drain".into()).spawn(drain);
        if thread.is_err() || drained.recv_timeout(LEAVE).is_err() {
            log::warn!("stopped with events in work; they go on at the next start");
        }
    }

    fn drain(self) {
        self.bell.stop();
        let _ = self.listeners.1.send(true);
        let _ = self.listeners.0.join();
        drop(self.control);
        // A sweep that runs now ends before its next call.
        self.timer.2.store(true, Ordering::Release);
        let _ = self.timer.1.send(timer::Request::Stop);
        self.pool.drain();
        let _ = self.timer.0.join();
        self.store.close();
        log::info!("stopped");
    }
}

fn io(what: &str, error: &std::io::Error) -> StartError {
    StartError::Io(format!("{what}: {error}"))
}

type Died = Arc<dyn Fn(&str) + Send + Sync>;

/// Its thread, the way to ask it, and the sign that stops a sweep under way.
type RunningTimer = (JoinHandle<()>, Sender<timer::Request>, Arc<AtomicBool>);

fn start_timer(timer: Timer, died: &Died) -> Result<RunningTimer, StartError> {
    let stop = timer.stop_sign();
    let (ask, requests) = mpsc::channel();
    let died = Arc::clone(died);
    let run = move || {
        let worked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| timer.run(&requests)));
        if worked.is_err() {
            died("the timer thread panicked");
        }
    };
    let thread =
        std::thread::Builder::new().name("timer".into()).spawn(run).map_err(|error| io("timer", &error))?;
    Ok((thread, ask, stop))
}

/// The two listeners on a small runtime of their own; the only async code that runs.
fn serve(doors: parts::Doors, died: &Died) -> Result<(JoinHandle<()>, watch::Sender<bool>), StartError> {
    let (stop, stopped) = watch::channel(false);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| io("listener", &error))?;
    let died = Arc::clone(died);
    let run = move || {
        let parts::Doors { ingress, admin } = doors;
        let asked = stopped.clone();
        let ended = runtime.block_on(both(ingress, admin, stopped));
        if let Err(error) = ended {
            died(&format!("a listener: {error}"));
        } else if !*asked.borrow() {
            died("the listeners ended");
        }
    };
    let thread = std::thread::Builder::new()
        .name("listen".into())
        .spawn(run)
        .map_err(|error| io("listener", &error))?;
    Ok((thread, stop))
}

async fn both(ingress: Ingress, admin: Admin, stopped: watch::Receiver<bool>) -> std::io::Result<()> {
    tokio::try_join!(ingress.serve(stopped.clone()), admin.serve(stopped)).map(|_| ())
}
