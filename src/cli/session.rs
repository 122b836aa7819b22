//! What every command shares: the configuration it was given, the clock, the way to print, and how errors end.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Result;
use serde::Serialize;

use super::Exit;
use super::mode::Standing;
use super::print::{Screen, Tone, clean_lines, paint, write_out};
use crate::clock::{Clock, SystemClock};
use crate::config::Config;
use crate::config::load::{DEFAULT_PATH, LoadError, Loaded, load};
use crate::daemon::StartError;
use crate::daemon::outside::Reader;
use crate::event::Timestamp;
use crate::store::StoreError;

/// One run of the program.
pub(super) struct Session {
    pub(super) config: Option<PathBuf>,
    pub(super) json: bool,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) screen: Screen,
}

/// An end other than good, with words for people.
#[derive(Debug)]
pub(super) struct Failure {
    exit: Exit,
    words: String,
}

impl Failure {
    /// Wrong use or configuration.
    pub(super) fn wrong(words: impl Into<String>) -> anyhow::Error {
        Self { exit: Exit::Wrong, words: words.into() }.into()
    }

    /// The answer is no.
    pub(super) fn no(words: impl Into<String>) -> anyhow::Error {
        Self { exit: Exit::No, words: words.into() }.into()
    }

    /// It could not run.
    pub(super) fn cannot(words: impl Into<String>) -> anyhow::Error {
        Self { exit: Exit::CannotRun, words: words.into() }.into()
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words)
    }
}

impl std::error::Error for Failure {}

impl Session {
    /// With the machine's clock and this process's standard output.
    pub(super) fn of_process(config: Option<PathBuf>, json: bool) -> Self {
        Self { config, json, clock: Arc::new(SystemClock::new()), screen: Screen::of_stdout() }
    }

    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn path(&self) -> &Path {
        self.config.as_deref().unwrap_or_else(|| Path::new(DEFAULT_PATH))
    }

    /// The configuration; a missing or wrong file ends the command with [`Exit::Wrong`].
    pub(super) fn load(&self) -> Result<Loaded> {
        Ok(load(self.path())?)
    }

    /// The configuration, or the defaults when nobody named a file and none is in the usual place.
    pub(super) fn load_or_defaults(&self) -> Result<Loaded> {
        if self.config.is_none() && !self.path().exists() {
            return Ok(Loaded { config: Config::default(), path: self.path().to_owned() });
        }
        self.load()
    }

    /// The configuration as a running daemon has it: with the mode that somebody set at run time, where the file of
    /// state can be read.
    pub(super) fn in_force(mut loaded: Loaded) -> Loaded {
        if let Some(standing) = Self::standing(&loaded) {
            loaded.config.rollout.mode = standing.mode;
        }
        loaded
    }

    /// The configuration as the next start will take it: a mode edited in the file counts more than one set earlier.
    pub(super) fn at_next_start(loaded: Loaded) -> Loaded {
        let edited = Self::standing(&loaded).is_some_and(|standing| standing.next_start.is_some());
        if edited { loaded } else { Self::in_force(loaded) }
    }

    fn standing(loaded: &Loaded) -> Option<Standing> {
        Self::reader(loaded).and_then(|reader| Standing::read(&reader, loaded)).ok()
    }

    /// The database, for looking.
    pub(super) fn reader(loaded: &Loaded) -> Result<Reader> {
        let path = &loaded.config.store.path;
        require_database(path)?;
        Ok(Reader::open(path)?)
    }

    /// Prints one JSON document with `--json`, else what `people` writes.
    pub(super) fn show(&self, value: &impl Serialize, people: impl FnOnce(&Screen) -> String) -> Result<()> {
        if self.json {
            return self.say(&format!("{}\n", serde_json::to_string_pretty(value)?));
        }
        self.say(&people(&self.screen))
    }

    /// Prints to standard output; colours go where nobody sees them.
    pub(super) fn say(&self, text: &str) -> Result<()> {
        Ok(write_out(text)?)
    }
}

/// Ends the command when the daemon has never run with this file.
pub(super) fn require_database(path: &Path) -> Result<()> {
    match path.try_exists() {
        Ok(true) => Ok(()),
        Ok(false) => Err(Failure::cannot(format!(
            "there is no database at {}; the daemon has not run here yet (or --config names another shop's file)",
            path.display()
        ))),
        Err(error) => Err(Failure::cannot(format!(
            "cannot look at {}: {error}; run this as the daemon's user or with sudo",
            path.display()
        ))),
    }
}

/// Says on standard error what went wrong, and how the command ends. A closed pipe is nobody's error.
pub(super) fn report(error: &anyhow::Error) -> Exit {
    let closed = |cause: &&(dyn std::error::Error + 'static)| {
        cause.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
    };
    if error.chain().any(|cause| closed(&cause)) {
        return Exit::Good;
    }
    complain(&format!("{error:#}"));
    exit_of(error)
}

/// One complaint on standard error.
pub(super) fn complain(words: &str) {
    use std::io::Write as _;
    let words = clean_lines(words).join("\n");
    // With standard error closed there is nobody left to tell.
    let _ = writeln!(anstream::stderr(), "{} {words}", paint(Tone::Bad, "richpanel-mw:"));
}

fn exit_of(error: &anyhow::Error) -> Exit {
    for cause in error.chain() {
        if let Some(failure) = cause.downcast_ref::<Failure>() {
            return failure.exit;
        }
        if cause.is::<LoadError>() || matches!(cause.downcast_ref(), Some(StartError::Config(_))) {
            return Exit::Wrong;
        }
        if matches!(cause.downcast_ref(), Some(StoreError::NoSuchEvent(_))) {
            return Exit::No;
        }
    }
    Exit::CannotRun
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::EventId;
    use anyhow::Context as _;

    #[test]
    fn each_error_ends_with_its_own_code() {
        let missing = load(Path::new("/nonexistent/x.toml")).unwrap_err();
        for (error, exit) in [
            (Failure::no("x"), Exit::No),
            (Failure::wrong("x"), Exit::Wrong),
            (Failure::cannot("x"), Exit::CannotRun),
            (missing.into(), Exit::Wrong),
            (StoreError::NoSuchEvent(EventId(1)).into(), Exit::No),
            (StoreError::Refused("locked".into()).into(), Exit::CannotRun),
            (StartError::Config(vec![]).into(), Exit::Wrong),
            (StartError::Io("port".into()).into(), Exit::CannotRun),
            (io::Error::other("x").into(), Exit::CannotRun),
        ] {
            assert_eq!(exit_of(&error), exit, "{error}");
        }
    }

    #[test]
    fn a_closed_pipe_is_no_error_whatever_is_wrapped_around_it() {
        let closed =
            Err::<(), _>(io::Error::from(io::ErrorKind::BrokenPipe)).context("printing").unwrap_err();
        assert_eq!(report(&closed), Exit::Good);
    }

    #[test]
    fn a_missing_database_says_what_it_means() {
        let error = require_database(Path::new("/nonexistent/mw.db")).unwrap_err().to_string();
        assert!(error.contains("has not run here yet"), "{error}");
    }
}
