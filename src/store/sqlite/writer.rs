//! The one writer thread: drains a bounded channel, runs what is waiting in one transaction, answers after the commit.
//!
//! A job that fails is rolled back alone (savepoint) and the others go on. A commit that fails is *unknown*, not
//! *no*: the writer then refuses everything, and whoever supervises it must stop the process.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender, TrySendError};
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;
use std::time::Duration;

use rusqlite::Connection;

use super::open::broken;
use crate::store::StoreError;

/// Jobs in one transaction at most.
const BATCH_MAX: usize = 256;

/// Idle time after which the WAL is folded back into the file.
const IDLE: Duration = Duration::from_secs(1);

/// Jobs between passive checkpoints: after one, the WAL begins again at its start. By jobs, because the file's size
/// tells only how long the WAL has ever been.
const CHECKPOINT_JOBS: usize = 1_000;

/// WAL size above which the writer itself waits for the checkpoint: 64 MiB of 8 KiB pages.
const TRUNCATE_PAGES: i64 = 8_192;

/// One piece of work for the writer: run inside the transaction, answered once the commit's fate is known.
pub(super) trait Job: Send {
    /// New events are refused first when the disk runs out; what is in flight may still be recorded.
    fn takes_in(&self) -> bool;
    /// Whether workers are woken after the commit.
    fn rings(&self) -> bool;
    /// Does the work; an error undoes this job alone.
    fn run(&mut self, connection: &Connection) -> Result<(), StoreError>;
    /// Tells whoever waits. `fate` is the commit's, or the refusal of a job that was not run.
    fn answer(self: Box<Self>, fate: Result<(), StoreError>);
}

/// The usual [`Job`]: a closure for the work, one for the answer.
pub(super) struct Task<T, W, D> {
    work: Option<W>,
    done: D,
    result: Option<Result<T, StoreError>>,
    takes_in: bool,
    rings: bool,
}

impl<T, W, D> Task<T, W, D>
where
    W: FnOnce(&Connection) -> Result<T, StoreError> + Send,
    D: FnOnce(Result<T, StoreError>) + Send,
    T: Send,
{
    pub(super) const fn new(takes_in: bool, rings: bool, work: W, done: D) -> Self {
        Self { work: Some(work), done, result: None, takes_in, rings }
    }
}

impl<T, W, D> Job for Task<T, W, D>
where
    W: FnOnce(&Connection) -> Result<T, StoreError> + Send,
    D: FnOnce(Result<T, StoreError>) + Send,
    T: Send,
{
    fn takes_in(&self) -> bool {
        self.takes_in
    }

    fn rings(&self) -> bool {
        self.rings
    }

    fn run(&mut self, connection: &Connection) -> Result<(), StoreError> {
        let Some(work) = self.work.take() else { return Ok(()) };
        let result = work(connection);
        let ended = result.as_ref().map(|_| ()).map_err(Clone::clone);
        self.result = Some(result);
        ended
    }

    fn answer(self: Box<Self>, fate: Result<(), StoreError>) {
        let never_ran = || Err(StoreError::Broken("the store did not run this".into()));
        let result = match fate {
            Err(error) => Err(error),
            Ok(()) => self.result.unwrap_or_else(never_ran),
        };
        (self.done)(result);
    }
}

/// What the thread is sent.
enum Message {
    /// Work.
    Job(Box<dyn Job>),
    /// The end; answered when the file is folded up.
    Close(SyncSender<()>),
}

/// A doorbell: rung after a commit that made an event claimable.
pub(super) type Bell = Box<dyn Fn() + Send + Sync>;

/// The thread and the way to it.
pub(super) struct Writer {
    jobs: Option<SyncSender<Message>>,
    thread: Option<JoinHandle<()>>,
    shared: Arc<Shared>,
}

/// What the thread and its callers share.
pub(super) struct Shared {
    /// Set once a commit's fate is unknown: nothing more is taken.
    pub(super) lost: AtomicBool,
    /// Free space fell under the limit.
    pub(super) disk_low: AtomicBool,
    pub(super) bell: OnceLock<Bell>,
}

impl Writer {
    /// Starts the thread on an opened connection.
    pub(super) fn start(
        connection: Connection,
        folder: PathBuf,
        max_pending: usize,
        min_free_bytes: u64,
    ) -> std::io::Result<Self> {
        let (jobs, inbox) = mpsc::sync_channel(max_pending.max(1));
        let shared = Arc::new(Shared {
            lost: AtomicBool::new(false),
            disk_low: AtomicBool::new(false),
            bell: OnceLock::new(),
        });
        let inner = Loop {
            connection,
            inbox,
            shared: Arc::clone(&shared),
            folder,
            min_free_bytes,
            jobs_since: 0,
            dirty: false,
        };
        let thread = std::thread::Builder::new().name("store-writer".into()).spawn(move || inner.run())?;
        Ok(Self { jobs: Some(jobs), thread: Some(thread), shared })
    }

    pub(super) fn shared(&self) -> &Shared {
        &self.shared
    }

    /// Hands a job over without waiting; gives it back when the channel is full or the writer is gone.
    pub(super) fn try_send(&self, job: Box<dyn Job>) -> Result<(), Box<dyn Job>> {
        match &self.jobs {
            None => Err(job),
            Some(jobs) => jobs.try_send(Message::Job(job)).or_else(|error| match error {
                TrySendError::Full(Message::Job(job)) | TrySendError::Disconnected(Message::Job(job)) => {
                    Err(job)
                }
                TrySendError::Full(Message::Close(_)) | TrySendError::Disconnected(Message::Close(_)) => {
                    Ok(())
                }
            }),
        }
    }

    /// Ends the thread after what is queued; the file is folded up then. Later jobs are refused.
    pub(super) fn close(&self) {
        let (folded, wait) = mpsc::sync_channel(1);
        let sent = self.jobs.as_ref().is_some_and(|jobs| jobs.send(Message::Close(folded)).is_ok());
        if sent {
            let _ = wait.recv();
        }
    }

    /// Hands a job over and waits for its commit.
    pub(super) fn run<T: Send + 'static>(
        &self,
        rings: bool,
        work: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (answer, wait) = mpsc::sync_channel(1);
        let task = Task::new(false, rings, work, move |result| {
            let _ = answer.send(result);
        });
        let gone = || StoreError::Broken("the store has stopped".into());
        self.jobs.as_ref().ok_or_else(gone)?.send(Message::Job(Box::new(task))).map_err(|_| gone())?;
        wait.recv().map_err(|_| gone())?
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        drop(self.jobs.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// The thread's own state.
struct Loop {
    connection: Connection,
    inbox: Receiver<Message>,
    shared: Arc<Shared>,
    folder: PathBuf,
    min_free_bytes: u64,
    jobs_since: usize,
    dirty: bool,
}

impl Loop {
    fn run(mut self) {
        let closed = loop {
            let ended = match self.inbox.recv_timeout(IDLE) {
                Ok(Message::Job(first)) => self.batch(first),
                Ok(Message::Close(folded)) => Some(folded),
                Err(RecvTimeoutError::Timeout) => {
                    self.idle();
                    None
                }
                Err(RecvTimeoutError::Disconnected) => break None,
            };
            if ended.is_some() {
                break ended;
            }
        };
        self.idle();
        if let Some(folded) = closed {
            // Nothing more is received: whoever still sends is refused.
            drop(self);
            let _ = folded.send(());
        }
    }

    /// Works on what is waiting, in one commit; gives back a request to close that came with it.
    fn batch(&mut self, first: Box<dyn Job>) -> Option<SyncSender<()>> {
        let mut jobs = Vec::with_capacity(16);
        jobs.push(first);
        let mut close = None;
        while jobs.len() < BATCH_MAX && close.is_none() {
            match self.inbox.try_recv() {
                Ok(Message::Job(job)) => jobs.push(job),
                Ok(Message::Close(folded)) => close = Some(folded),
                Err(_) => break,
            }
        }
        self.commit_batch(jobs);
        close
    }

    fn commit_batch(&mut self, jobs: Vec<Box<dyn Job>>) {
        let mut run = Vec::with_capacity(jobs.len());
        let disk_low = self.measure_disk();
        for job in jobs {
            if job.takes_in() && disk_low {
                job.answer(Err(StoreError::DiskFull));
            } else {
                run.push(job);
            }
        }
        let fate = self.transaction(&mut run);
        self.jobs_since += run.len();
        let rings = fate.is_ok() && run.iter().any(|job| job.rings());
        for job in run {
            job.answer(fate.clone());
        }
        if rings && let Some(bell) = self.shared.bell.get() {
            bell();
        }
        if fate.is_ok() {
            self.dirty = true;
            self.checkpoint_when_long();
        }
    }

    /// All jobs in one transaction; the error is the fate of every one of them.
    fn transaction(&self, jobs: &mut [Box<dyn Job>]) -> Result<(), StoreError> {
        if self.shared.lost.load(Ordering::Acquire) {
            return Err(StoreError::Unknown("an earlier commit failed".into()));
        }
        let done = self
            .connection
            .execute_batch("begin immediate")
            .map_err(|error| broken(&error))
            .and_then(|()| jobs.iter_mut().try_for_each(|job| self.one(job.as_mut())))
            .and_then(|()| self.connection.execute_batch("commit").map_err(|error| broken(&error)));
        if let Err(error) = &done {
            if !self.connection.is_autocommit() {
                let _ = self.connection.execute_batch("rollback");
            }
            self.give_up_if_unknown(error);
        }
        done
    }

    /// After a failed sync nobody knows what is on disk, and a second one that succeeds proves nothing.
    fn give_up_if_unknown(&self, error: &StoreError) {
        if matches!(error, StoreError::Unknown(_)) {
            self.shared.lost.store(true, Ordering::Release);
            log::error!("store: {error}; nothing more is accepted, the process must start again");
        }
    }

    /// One job inside its savepoint. An error means that the whole transaction is gone, not that the job failed.
    fn one(&self, job: &mut dyn Job) -> Result<(), StoreError> {
        self.connection.execute_batch("savepoint job").map_err(|error| broken(&error))?;
        let ended = match job.run(&self.connection) {
            Ok(()) => self.connection.execute_batch("release job"),
            // A full disk and I/O errors may have rolled back everything, other jobs included.
            Err(error) if self.connection.is_autocommit() => return Err(error),
            Err(error @ (StoreError::DiskFull | StoreError::Unknown(_))) => return Err(error),
            Err(_) => self.connection.execute_batch("rollback to job; release job"),
        };
        ended.map_err(|error| broken(&error))
    }

    /// Free space of the state directory against the configured floor; a file system that cannot say is trusted.
    fn measure_disk(&self) -> bool {
        let low = rustix::fs::statvfs(&self.folder)
            .is_ok_and(|disk| disk.f_bavail.saturating_mul(disk.f_frsize) < self.min_free_bytes);
        if low != self.shared.disk_low.swap(low, Ordering::AcqRel) {
            if low {
                log::error!(
                    "store: the disk is nearly full; calls get 503 and nothing new is sent until there is room"
                );
            } else {
                log::info!("store: there is room on the disk again");
            }
        }
        low
    }

    fn checkpoint_when_long(&mut self) {
        if self.wal_frames() >= TRUNCATE_PAGES {
            self.checkpoint("truncate");
        } else if self.jobs_since >= CHECKPOINT_JOBS {
            self.checkpoint("passive");
        }
    }

    fn idle(&mut self) {
        self.measure_disk();
        if self.dirty && !self.shared.lost.load(Ordering::Acquire) {
            self.checkpoint("truncate");
        }
    }

    fn checkpoint(&mut self, kind: &str) {
        self.jobs_since = 0;
        match self
            .connection
            .query_row(&format!("pragma wal_checkpoint({kind})"), [], |row| row.get::<_, i64>(0))
        {
            Ok(busy) if kind == "truncate" => self.dirty = busy != 0,
            Ok(_) => (),
            Err(error) => {
                log::warn!("store: checkpoint: {error}");
                self.give_up_if_unknown(&broken(&error));
            }
        }
    }

    /// Frames in the WAL, from its size: cheaper than asking SQLite, exact enough to decide on.
    fn wal_frames(&self) -> i64 {
        let Some(path) = self.connection.path() else { return 0 };
        let bytes = std::fs::metadata(format!("{path}-wal")).map_or(0, |file| file.len());
        i64::try_from(bytes / 8_192).unwrap_or(i64::MAX)
    }
}
