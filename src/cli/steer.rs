//! Changing something: through the running daemon, or, with none running, in the file itself under its lock.

use std::sync::Arc;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use super::Exit;
use super::print::{Tone, clean, paint};
use super::session::{Failure, Session, complain, require_database};
use crate::clock::Clock;
use crate::config::load::Loaded;
use crate::daemon::control::{self, Answer, Request};
use crate::daemon::outside::Schema;
use crate::daemon::{mode, model, outside, restored};
use crate::event::EventId;
use crate::store::{Store, StoreError};

/// The way to whoever may write the file.
pub(super) enum Steering {
    /// A daemon runs: it is asked.
    Daemon(std::path::PathBuf),
    /// None runs: the file is ours for the moment.
    File { store: Arc<dyn Store>, clock: Arc<dyn Clock> },
}

impl Steering {
    /// Finds the daemon, or takes the lock.
    pub(super) fn find(session: &Session, loaded: &Loaded) -> Result<Self> {
        let path = &loaded.config.store.path;
        if asked(path, &Request::Status)?.is_some() {
            return Ok(Self::Daemon(path.clone()));
        }
        require_database(path)?;
        let before = outside::schema(path);
        let store = outside::store(&loaded.config, &session.clock)
            .context("no daemon answers here, and the file cannot be changed without it")?;
        if let Ok(Schema::Older { file, program }) = before {
            complain(&brought_forward(path, file, program));
        }
        // The file's mode counts as seen, so that a mode set now is not undone by the next start.
        mode::settle(store.as_ref(), loaded.config.rollout.mode, "config", session.now())?;
        Ok(Self::File { store, clock: Arc::clone(&session.clock) })
    }

    /// Does it, or says in words why not.
    pub(super) fn ask(&self, request: &Request) -> Result<Answer> {
        match self {
            Self::Daemon(path) => asked(path, request)?
                .ok_or_else(|| Failure::cannot("the daemon stopped in between; try again")),
            Self::File { store, clock } => Ok(in_file(store.as_ref(), clock.as_ref(), request)),
        }
    }
}

/// The file is of this program's schema from now on, which a person who only set a mode would not expect.
fn brought_forward(path: &std::path::Path, file: i64, program: i64) -> String {
    let kept = std::path::PathBuf::from(format!("{}.v{file}", path.display()));
    let kept = if kept.exists() {
        format!("the old file is kept as {}", kept.display())
    } else {
        "the old file could not be kept".to_owned()
    };
    format!("{} was brought forward from schema {file} to {program}; {kept}", path.display())
}

/// Asks the daemon of this database; `None`: none is running.
pub(super) fn asked(database: &std::path::Path, request: &Request) -> Result<Option<Answer>> {
    control::ask(database, request).with_context(|| {
        let socket = control::socket_path(database);
        format!("cannot ask the daemon on {} (run this as its user or with sudo)", socket.display())
    })
}

fn in_file(store: &dyn Store, clock: &dyn Clock, request: &Request) -> Answer {
    let now = clock.now();
    let words = |error: StoreError| error.to_string();
    match request {
        Request::Retry { event, by } => {
            store.retry(*event, by, now).map_err(words)?;
            Ok(json!({ "event": event, "state": "backoff" }))
        }
        Request::Discard { event, reason, by } => {
            store.discard(*event, reason, by, now).map_err(words)?;
            Ok(json!({ "event": event, "state": "discarded" }))
        }
        Request::Mode { mode, by } => {
            let chosen = mode::choose(store, *mode, by, now).map_err(words)?;
            Ok(json!({ "mode": chosen }))
        }
        Request::BackedUp { last, by } => {
            restored::backed_up(store, last, by, now).map_err(words)?;
            Ok(Value::Null)
        }
        Request::AddModel { trained_at, by, bytes, .. } => {
            let model = model::add(store, bytes.clone(), *trained_at, by, now)?;
            Ok(json!({ "model": model.version() }))
        }
        Request::UseModel { version, by } => {
            let model = model::choose(store, version.as_deref(), by, now)?;
            Ok(json!({ "model": model.version() }))
        }
        Request::Status | Request::Reconcile { .. } => Err("this needs the running daemon".into()),
    }
}

/// Asks for each event, prints a line each; [`Exit::No`] when one was refused.
pub(super) fn each_event(
    session: &Session,
    events: &[EventId],
    done: &str,
    request: impl Fn(EventId) -> Request,
) -> Result<Exit> {
    let steering = Steering::find(session, &session.load()?)?;
    let mut answers: Vec<Value> = Vec::new();
    let mut exit = Exit::Good;
    for event in events {
        match steering.ask(&request(*event))? {
            Ok(answer) => {
                answers.push(answer);
                if !session.json {
                    let name = paint(Tone::Strong, &format!("event {event}"));
                    session.say(&format!("{name} {done}\n"))?;
                }
            }
            Err(why) => {
                exit = Exit::No;
                answers.push(json!({ "event": event, "error": why }));
                if !session.json {
                    complain(&clean(&why));
                }
            }
        }
    }
    if session.json {
        session.say(&format!("{:#}\n", Value::Array(answers)))?;
    }
    Ok(exit)
}

/// Who is at the keyboard, for the audit.
pub(super) fn who() -> String {
    let named = |variable: &str| std::env::var(variable).ok().filter(|name| !name.trim().is_empty());
    let name = named("SUDO_USER").or_else(|| named("USER"));
    name.map_or_else(|| format!("uid {}", rustix::process::getuid().as_raw()), |name| clean(&name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::ManualClock;
    use crate::config::Config;
    use crate::event::{Mode, Timestamp};
    use crate::store::sqlite::{Options, SqliteStore};

    fn loaded(folder: &std::path::Path) -> Loaded {
        let mut config = Config::default();
        config.store.path = folder.join("mw.db");
        config.store.min_free_mib = 0;
        Loaded { config, path: folder.join("config.toml") }
    }

    fn session() -> Session {
        let mut session = Session::of_process(None, false);
        session.clock = Arc::new(ManualClock::at(Timestamp::UNIX_EPOCH));
        session
    }

    #[test]
    fn a_mode_set_without_a_daemon_is_kept_when_it_starts() {
        let folder = tempfile::tempdir().unwrap();
        let (session, loaded) = (session(), loaded(folder.path()));
        drop(SqliteStore::open(&Options::at(&loaded.config.store.path), Arc::clone(&session.clock)).unwrap());
        let steering = Steering::find(&session, &loaded).unwrap();
        let answer = steering.ask(&Request::Mode { mode: Some(Mode::Live), by: "lead".into() }).unwrap();
        assert_eq!(answer, Ok(json!({ "mode": "live" })));
        let Steering::File { store, .. } = &steering else { panic!("there is no daemon") };
        assert_eq!(mode::settle(store.as_ref(), Mode::Shadow, "config", session.now()), Ok(Mode::Live));
    }

    #[test]
    fn an_unknown_event_is_refused_in_words() {
        let folder = tempfile::tempdir().unwrap();
        let (session, loaded) = (session(), loaded(folder.path()));
        drop(SqliteStore::open(&Options::at(&loaded.config.store.path), Arc::clone(&session.clock)).unwrap());
        let steering = Steering::find(&session, &loaded).unwrap();
        let answer = steering.ask(&Request::Retry { event: EventId(9), by: "lead".into() }).unwrap();
        assert_eq!(answer, Err("there is no event 9".into()));
    }

    #[test]
    fn nothing_is_created_where_no_daemon_has_run() {
        let folder = tempfile::tempdir().unwrap();
        assert!(Steering::find(&session(), &loaded(folder.path())).is_err());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
