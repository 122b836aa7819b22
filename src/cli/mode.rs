//! `mode`: shows how far the daemon may go, sets it, or lets the configuration file decide again.

use anyhow::Result;
use clap::Args;
use serde::Serialize;

use super::Exit;
use super::print::{Tone, clean, moment, paint, pair};
use super::session::{Failure, Session};
use super::steer::{Steering, who};
use crate::config::load::Loaded;
use crate::daemon::control::Request;
use crate::daemon::mode::{FILE_MODE, MODE, in_force};
use crate::daemon::outside::Reader;
use crate::event::{self, Timestamp};

/// Show or set the mode.
#[derive(Debug, Args)]
pub(super) struct Mode {
    /// off: keep and do nothing; shadow: decide and record; route: tags and teams; canary: replies for a share of
    /// the customers; live: replies
    #[arg(value_parser = parse, value_name = "off|shadow|route|canary|live", conflicts_with = "clear")]
    mode: Option<event::Mode>,
    /// Let the configuration file decide again
    #[arg(long)]
    clear: bool,
}

/// Reads a mode's word.
pub(super) fn parse(word: &str) -> Result<event::Mode, String> {
    event::Mode::parse(&word.to_lowercase()).ok_or_else(|| "one of off, shadow, route, canary, live".into())
}

/// The mode in force and where it comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Standing {
    /// Which.
    pub(super) mode: event::Mode,
    /// `config`, `command line` or a user; `config` too before the first start.
    pub(super) by: String,
    /// Since when, where known.
    pub(super) since: Option<Timestamp>,
    /// What the next start will change, in words.
    pub(super) next_start: Option<String>,
}

impl Standing {
    /// As the file of state has it.
    pub(super) fn read(reader: &Reader, loaded: &Loaded) -> Result<Self> {
        let file = loaded.config.rollout.mode;
        let seen = reader.setting(FILE_MODE)?;
        let last_seen = seen.as_ref().and_then(|setting| event::Mode::parse(&setting.value));
        let kept = reader.setting(MODE)?;
        // Without a mode of its own the file decides, as it was last seen.
        let mode = in_force(kept.as_ref(), last_seen.unwrap_or(file));
        let next_start = (last_seen.is_some() && last_seen != Some(file))
            .then(|| format!("the configuration file now says {file}; that counts from the next start"));
        let from = kept.or(seen);
        Ok(Self {
            mode,
            by: from.as_ref().map_or_else(|| "config".to_owned(), |setting| clean(&setting.by)),
            since: from.map(|setting| setting.at),
            next_start,
        })
    }

    /// For people, on lines of their own.
    pub(super) fn lines(&self, now: Timestamp) -> String {
        let since = self.since.map_or_else(String::new, |at| format!(", {}", moment(at, now)));
        let mut text = pair(
            "mode",
            &format!("{}, set by {}{since}", paint(tone(self.mode), self.mode.as_str()), self.by),
        );
        text.push_str(&pair("", &paint(Tone::Dim, meaning(self.mode))));
        if let Some(next) = &self.next_start {
            text.push_str(&pair("", &paint(Tone::Warn, next)));
        }
        text
    }
}

const fn tone(mode: event::Mode) -> Tone {
    match mode {
        event::Mode::Off => Tone::Bad,
        event::Mode::Shadow | event::Mode::Route | event::Mode::Canary => Tone::Warn,
        event::Mode::Live => Tone::Good,
    }
}

const fn meaning(mode: event::Mode) -> &'static str {
    match mode {
        event::Mode::Off => "calls are kept and nothing is done about them",
        event::Mode::Shadow => "decisions are recorded, nothing is written to the helpdesk",
        event::Mode::Route => "tickets are tagged and routed, nothing is said to customers",
        event::Mode::Canary => "a share of the customers is answered, the others are routed",
        event::Mode::Live => "customers are answered wherever every gate passes",
    }
}

impl Mode {
    pub(super) fn run(self, session: &Session) -> Result<Exit> {
        let loaded = session.load()?;
        if self.mode.is_some() || self.clear {
            self.set(session, &loaded)?;
        }
        let reader = Session::reader(&loaded)?;
        let standing = Standing::read(&reader, &loaded)?;
        let brakes = reader.alerts()?.into_iter().filter(|alert| alert.key.starts_with("brake:"));
        let brakes = brakes.map(|alert| clean(&alert.text));
        session.show(&standing, |_| {
            let mut text = standing.lines(session.now());
            for note in notes(standing.mode, &loaded).into_iter().chain(brakes) {
                text.push_str(&pair("", &paint(Tone::Warn, &note)));
            }
            text
        })?;
        Ok(Exit::Good)
    }

    fn set(&self, session: &Session, loaded: &Loaded) -> Result<()> {
        let steering = Steering::find(session, loaded)?;
        let request = Request::Mode { mode: self.mode, by: who() };
        steering.ask(&request)?.map(drop).map_err(|why| Failure::no(clean(&why)))
    }
}

/// What keeps the mode from doing what its name says.
fn notes(mode: event::Mode, loaded: &Loaded) -> Vec<String> {
    let config = &loaded.config;
    let mut notes = Vec::new();
    if matches!(mode, event::Mode::Canary | event::Mode::Live) && config.richpanel.bot_agent_id.is_none() {
        notes.push("no reply will be sent: set [richpanel] bot_agent_id".to_owned());
    }
    if mode == event::Mode::Canary && config.rollout.canary_percent <= 0.0 {
        notes.push("nobody is in the canary: set [rollout] canary_percent".to_owned());
    }
    notes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::{Clock, ManualClock};
    use crate::daemon::{mode, outside};
    use crate::store::Store;
    use std::sync::Arc;

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn shop(folder: &std::path::Path) -> (Loaded, Arc<dyn Store>) {
        let mut loaded = Loaded { config: crate::config::Config::default(), path: "x".into() };
        loaded.config.store.path = folder.join("mw.db");
        let clock: Arc<dyn Clock> = Arc::new(ManualClock::at(NOW));
        let store = outside::store(&loaded.config, &clock).unwrap();
        (loaded, store)
    }

    #[test]
    fn it_says_who_decided_and_what_an_edited_file_will_change() {
        let folder = tempfile::tempdir().unwrap();
        let (mut loaded, store) = shop(folder.path());
        let read = |loaded: &Loaded| Standing::read(&Session::reader(loaded).unwrap(), loaded).unwrap();
        assert_eq!((read(&loaded).by.as_str(), read(&loaded).since), ("config", None), "never started");
        mode::settle(store.as_ref(), event::Mode::Shadow, "config", NOW).unwrap();
        mode::choose(store.as_ref(), Some(event::Mode::Live), "lead", NOW).unwrap();
        let standing = read(&loaded);
        assert_eq!((standing.mode, standing.by.as_str()), (event::Mode::Live, "lead"));
        assert_eq!(standing.next_start, None);
        loaded.config.rollout.mode = event::Mode::Route;
        assert!(read(&loaded).next_start.unwrap().contains("route"));
        mode::choose(store.as_ref(), None, "lead", NOW).unwrap();
        assert_eq!(read(&loaded).mode, event::Mode::Shadow, "the file as last seen decides");
    }

    #[test]
    fn a_mode_that_cannot_do_what_it_says_comes_with_a_note() {
        let mut loaded = Loaded { config: crate::config::Config::default(), path: "x".into() };
        assert_eq!(notes(event::Mode::Canary, &loaded).len(), 2);
        assert_eq!(notes(event::Mode::Route, &loaded), Vec::<String>::new());
        loaded.config.richpanel.bot_agent_id = Some("agent".into());
        assert_eq!(notes(event::Mode::Live, &loaded), Vec::<String>::new());
    }
}
