//! This program again, as a process of its own: started, waited for, ended by its process id. It never outlives us:
//! dropped it is killed, and should we be killed ourselves, the kernel kills it (Linux; `--child-of` asks for that).

use std::fs::File;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child as Process, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use rustix::process::{Pid, Signal, kill_process};

use super::nap;
use crate::clock::Clock;

/// Between two looks at whether it has ended.
const LOOK_EVERY: Duration = Duration::from_millis(2);

/// A running process of ours.
#[derive(Debug)]
pub(super) struct Child {
    process: Process,
    ended: Option<ExitStatus>,
}

impl Child {
    /// Starts this program with these arguments; what it says goes to `log`, and to us through a pipe when `listen`.
    /// The kernel's promise to kill it holds as long as the calling thread lives: call it from the main one.
    ///
    /// # Errors
    /// When it cannot be started.
    pub(super) fn start(arguments: &[&str], log: &Path, listen: bool) -> Result<Self> {
        let program = std::env::current_exe().context("cannot find this program's own file")?;
        let log = File::options().create(true).append(true).open(log);
        let log = log.context("cannot open the log of a process")?;
        let process = Command::new(program)
            .args(["--child-of", &std::process::id().to_string()])
            .args(arguments)
            .env("RUST_LOG", "info")
            .env_remove("CREDENTIALS_DIRECTORY")
            .stdin(Stdio::null())
            .stdout(if listen { Stdio::piped() } else { Stdio::null() })
            .stderr(log)
            // Ctrl-C in the terminal is for us; we end our children ourselves.
            .process_group(0)
            .spawn()
            .context("cannot start a process of our own")?;
        Ok(Self { process, ended: None })
    }

    /// What it prints, when somebody listens.
    pub(super) fn stdout(&mut self) -> Option<std::process::ChildStdout> {
        self.process.stdout.take()
    }

    /// SIGKILL, and its end.
    ///
    /// # Errors
    /// When it cannot be waited for.
    pub(super) fn kill(&mut self) -> Result<()> {
        if self.ended.is_none() {
            // Ended by itself a moment ago: then there is nothing to kill, and the wait finds that out.
            let _ = self.process.kill();
            self.ended = Some(self.process.wait().context("cannot wait for a process")?);
        }
        Ok(())
    }

    /// Another signal. Nothing when it has ended.
    pub(super) fn signal(&self, signal: Signal) {
        if self.ended.is_none() {
            let _ = kill_process(Pid::from_child(&self.process), signal);
        }
    }

    /// Its end, if it has come.
    ///
    /// # Errors
    /// When it cannot be asked for.
    pub(super) fn ended(&mut self) -> Result<Option<ExitStatus>> {
        if self.ended.is_none() {
            self.ended = self.process.try_wait().context("cannot wait for a process")?;
        }
        Ok(self.ended)
    }

    /// Waits for its end at most so long.
    ///
    /// # Errors
    /// When it cannot be asked for.
    pub(super) fn wait(&mut self, patience: Duration, clock: &Arc<dyn Clock>) -> Result<Option<ExitStatus>> {
        let deadline = clock.monotonic() + patience;
        while self.ended()?.is_none() && clock.monotonic() < deadline {
            nap(LOOK_EVERY);
        }
        Ok(self.ended)
    }

    /// Its process id, for signals from other threads.
    pub(super) fn pid(&self) -> Pid {
        Pid::from_child(&self.process)
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        if let Err(error) = self.kill() {
            log::warn!("rehearse: {error}");
        }
    }
}

/// In the child: ends with its parent. `parent` is the process that started it; another one as parent means that it
/// has ended already.
pub(in crate::cli) fn end_with(parent: u32) {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::set_parent_process_death_signal(Some(Signal::KILL)) {
        log::warn!("cannot ask to end with the parent: {error}");
    }
    let now = rustix::process::getppid().map(|pid| pid.as_raw_nonzero().get().unsigned_abs());
    if now != Some(parent) {
        std::process::exit(super::super::Exit::CannotRun as i32);
    }
}
