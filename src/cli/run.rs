//! `run`: the daemon, until SIGTERM or SIGINT. A second signal ends the process at once.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use clap::Args;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use super::Exit;
use super::logging::{self, LogFormat};
use super::session::{Session, complain};
use crate::config::load::Loaded;
use crate::config::secrets::{Secrets, Surroundings};
use crate::daemon::{Daemon, Ended, Plan, StartError, Stopper};
use crate::event::Mode;

/// Run the daemon. Flags override the configuration file.
#[derive(Debug, Args)]
pub(super) struct Run {
    /// Where the helpdesk's calls come in
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<SocketAddr>,
    /// The database file
    #[arg(long, value_name = "FILE")]
    db: Option<PathBuf>,
    /// off, shadow, route, canary or live
    #[arg(long, value_parser = super::mode::parse)]
    mode: Option<Mode>,
    /// Worker threads
    #[arg(long, value_name = "N")]
    workers: Option<usize>,
    /// How log lines look
    #[arg(long, value_enum, default_value_t = LogFormat::Text)]
    log_format: LogFormat,
}

impl Run {
    pub(super) fn run(self, session: &Session) -> Result<Exit> {
        logging::start(self.log_format, &session.clock);
        let mut loaded = session.load()?;
        let mode_by = if self.mode.is_some() { "command line" } else { "config" };
        self.override_file(&mut loaded);
        let secrets = Secrets::find(&loaded, &Surroundings::of_process());
        // Before the start: a signal that comes while it lasts ends what was started, in order, and not in the midst.
        let signals = Signals::new([SIGTERM, SIGINT, SIGHUP]).context("cannot watch for signals")?;
        let plan = Plan { loaded, secrets, mode_by: mode_by.to_owned(), clock: Arc::clone(&session.clock) };
        let daemon = match Daemon::start(plan) {
            Ok(daemon) => daemon,
            Err(StartError::Config(problems)) => {
                problems.iter().for_each(|problem| complain(problem));
                complain("not started; `richpanel-mw check` says more");
                return Ok(Exit::Wrong);
            }
            Err(error) => return Err(error).context("not started"),
        };
        obey(signals, daemon.stopper())?;
        Ok(match daemon.wait() {
            Ended::Asked => Exit::Good,
            Ended::Died(_) => Exit::CannotRun,
        })
    }

    fn override_file(self, loaded: &mut Loaded) {
        let config = &mut loaded.config;
        config.server.listen = self.listen.unwrap_or(config.server.listen);
        config.rollout.mode = self.mode.unwrap_or(config.rollout.mode);
        config.workers.threads = self.workers.unwrap_or(config.workers.threads);
        if let Some(path) = self.db {
            config.store.path = path;
        }
    }
}

/// Obeys signals on a thread of its own, those that came meanwhile first.
fn obey(mut signals: Signals, stopper: Stopper) -> Result<()> {
    let watch = move || {
        let mut stopping = false;
        for signal in signals.forever() {
            match signal {
                SIGHUP => log::warn!("SIGHUP: the configuration is not read again yet; restart to change it"),
                _ if stopping => {
                    log::error!(
                        "a second signal: ending at once; what was running goes on at the next start"
                    );
                    std::process::exit(Exit::CannotRun as i32);
                }
                _ => {
                    stopping = true;
                    stopper.stop();
                }
            }
        }
    };
    std::thread::Builder::new().name("signals".into()).spawn(watch).context("cannot watch for signals")?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    #[test]
    fn flags_win_over_the_file_and_leave_the_rest_alone() {
        let mut loaded = Loaded { config: Config::default(), path: "x".into() };
        let run = Run {
            listen: Some(SocketAddr::from(([127, 0, 0, 1], 9))),
            db: Some("x.db".into()),
            mode: Some(Mode::Off),
            workers: None,
            log_format: LogFormat::Text,
        };
        run.override_file(&mut loaded);
        assert_eq!(loaded.config.server.listen.port(), 9);
        assert_eq!(loaded.config.store.path, PathBuf::from("x.db"));
        assert_eq!(loaded.config.rollout.mode, Mode::Off);
        assert_eq!(loaded.config.workers, Config::default().workers);
    }
}
