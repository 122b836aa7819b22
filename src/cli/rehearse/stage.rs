//! The stage: a folder, the simulated helpdesk and the daemon, each a process of its own, all on the loopback.
//!
//! Everything is as in a shop but for the schedules: the helpdesk's 50 calls in 30 s are 50 in one here, an unclear
//! reply is looked for after tenths of a second, and no cap on replies is in the way of a reply too many.

use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use rustix::process::Signal;

use super::child::Child;
use super::helpdesk::{Helpdesk, agent};
use super::nap;
use crate::cli::folder::Folder;
use crate::cli::print::cut;
use crate::cli::session::Failure;
use crate::clock::Clock;
use crate::sim::{BOT_AGENT_ID, RateLimit, Verb};

/// Calls that the simulated helpdesk allows in any window.
pub(super) const CALLS: u32 = 50;
/// The window.
pub(super) const WINDOW: Duration = Duration::from_secs(1);
/// The longest wait for a daemon that starts; longer than any that passes.
const START_PATIENCE: Duration = Duration::from_secs(30);
/// Lines of a log that are shown, and characters of each.
const LAST_LINES: usize = 3;
const LINE_CHARS_MAX: usize = 400;
/// The longest wait for a daemon that was asked to stop, or that must leave at once.
const STOP_PATIENCE: Duration = Duration::from_secs(15);
/// Between two looks while it starts.
const LOOK_EVERY: Duration = Duration::from_millis(2);

const CONFIG: &str = include_str!("rehearse.toml");

/// The processes and where they keep what.
pub(super) struct Stage {
    // The processes go before the folder does.
    daemon: Option<Child>,
    pub(super) helpdesk: Helpdesk,
    pub(super) token: String,
    pub(super) addr: SocketAddr,
    clock: Arc<dyn Clock>,
    agent: ureq::Agent,
    pub(super) folder: Folder,
}

impl Stage {
    /// Starts the helpdesk and writes the daemon's configuration; the daemon is not started yet.
    ///
    /// # Errors
    /// When the helpdesk does not start, or a file cannot be written.
    pub(super) fn set(folder: Folder, seed: u64, clock: &Arc<dyn Clock>) -> Result<Self> {
        let helpdesk =
            Helpdesk::start(&folder.path.join("helpdesk.jsonl"), &folder.path.join("helpdesk.log"), seed)?;
        let window_ms = i64::try_from(WINDOW.as_millis()).unwrap_or(i64::MAX);
        helpdesk.desk.run(&Verb::SetRateLimit { limit: RateLimit { requests: CALLS, window_ms } })?;
        let free = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
        let addr = free.context("there is no free port on the loopback")?;
        let token = format!("{:032x}", fastrand::u128(..));
        let config = CONFIG
            .replace("@LISTEN@", &addr.to_string())
            .replace("@DB@", &folder.database().display().to_string())
            .replace("@SIM@", &helpdesk.base_url)
            .replace("@BOT@", BOT_AGENT_ID)
            .replace("@CALLS@", &CALLS.to_string())
            .replace("@WINDOW@", &WINDOW.as_secs().to_string());
        folder.write("config.toml", &config)?;
        folder.write("token", &token)?;
        folder.write("key", "sim-key")?;
        let agent = agent(Duration::from_millis(500));
        Ok(Self { daemon: None, helpdesk, token, addr, clock: Arc::clone(clock), agent, folder })
    }

    pub(super) fn journal(&self) -> PathBuf {
        self.folder.path.join("helpdesk.jsonl")
    }

    pub(super) fn log(&self) -> PathBuf {
        self.folder.path.join("daemon.log")
    }

    /// Starts the daemon and does not wait for it.
    ///
    /// # Errors
    /// When the process cannot be started.
    pub(super) fn begin(&mut self) -> Result<()> {
        self.daemon = Some(self.run()?);
        Ok(())
    }

    /// Starts the daemon; how long it took until it takes calls.
    ///
    /// # Errors
    /// When it leaves, or is not ready within half a minute.
    pub(super) fn start(&mut self) -> Result<Duration> {
        let began = self.clock.monotonic();
        self.begin()?;
        let url = format!("http://{}/readyz", self.addr);
        loop {
            let ready = self.agent.get(&url).call().is_ok_and(|answer| answer.status() == 200);
            let took = self.clock.monotonic().saturating_sub(began);
            if ready {
                return Ok(took);
            }
            let daemon = self.daemon.as_mut().context("no daemon")?;
            if let Some(status) = daemon.ended()? {
                return Err(self.fails(&format!("the daemon did not start ({status})")));
            }
            if took > START_PATIENCE {
                return Err(self.fails(&format!("the daemon is not ready after {took:.0?}")));
            }
            nap(LOOK_EVERY);
        }
    }

    /// With the daemon's last words: they name the reason, a full disk for one.
    fn fails(&self, what: &str) -> anyhow::Error {
        let log = self.log();
        let said = std::fs::read_to_string(&log).unwrap_or_default();
        Failure::cannot(format!("{what}; its log, {}, ends with:\n{}", log.display(), last_lines(&said)))
    }

    /// `kill -9`.
    ///
    /// # Errors
    /// When its end cannot be waited for.
    pub(super) fn kill(&mut self) -> Result<()> {
        self.daemon.as_mut().map_or(Ok(()), Child::kill)
    }

    /// SIGTERM, as systemd sends it. `None`: it did not end in time and was killed.
    ///
    /// # Errors
    /// When its end cannot be waited for.
    pub(super) fn stop(&mut self) -> Result<Option<ExitStatus>> {
        let Some(daemon) = self.daemon.as_mut() else { return Ok(None) };
        daemon.signal(Signal::TERM);
        let ended = daemon.wait(STOP_PATIENCE, &self.clock)?;
        daemon.kill()?;
        Ok(ended)
    }

    /// Whether the daemon has left by itself.
    ///
    /// # Errors
    /// When it cannot be asked.
    pub(super) fn left(&mut self) -> Result<Option<ExitStatus>> {
        self.daemon.as_mut().map_or(Ok(None), Child::ended)
    }

    /// Starts a second daemon on the same database; how it left. `None`: it stayed, and was killed.
    ///
    /// # Errors
    /// When the process cannot be started.
    pub(super) fn second(&self) -> Result<Option<ExitStatus>> {
        let mut second = self.run()?;
        let ended = second.wait(STOP_PATIENCE, &self.clock)?;
        second.kill()?;
        Ok(ended)
    }

    fn run(&self) -> Result<Child> {
        let config = self.folder.config().display().to_string();
        Child::start(&["--config", &config, "run"], &self.log(), false)
    }
}

/// The last lines of a log, indented.
fn last_lines(log: &str) -> String {
    let lines: Vec<&str> = log.lines().filter(|line| !line.trim().is_empty()).collect();
    let last = lines.get(lines.len().saturating_sub(LAST_LINES)..).unwrap_or_default();
    if last.is_empty() {
        return "  (nothing)".to_owned();
    }
    let last: Vec<String> = last.iter().map(|line| format!("  {}", cut(line, LINE_CHARS_MAX))).collect();
    last.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_lines_of_a_log_are_few_and_short() {
        assert_eq!(last_lines("one\ntwo\n\nthree\nfour\n"), "  two\n  three\n  four");
        assert_eq!(last_lines(""), "  (nothing)");
        assert_eq!(last_lines(&"x".repeat(5_000)).chars().count(), 2 + LINE_CHARS_MAX);
    }
}
