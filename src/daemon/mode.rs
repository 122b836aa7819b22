//! The mode in force: the latest decision wins, from the command line at run time or from the file.
//!
//! A mode set at run time is kept over restarts. The file's value (or `--mode`) counts as a new decision only when it
//! differs from the value last seen there. A person who sets a mode that replies also lets the brake on harm go.

use crate::event::{Mode, Timestamp};
use crate::store::{Setting, Store, StoreError, brake};

pub use crate::store::marks::{FILE_MODE, MODE};

/// Settles the mode at start.
///
/// # Errors
/// [`StoreError`].
pub fn settle(store: &dyn Store, file: Mode, by: &str, now: Timestamp) -> Result<Mode, StoreError> {
    let last_seen = store.setting(FILE_MODE)?.and_then(|setting| Mode::parse(&setting.value));
    if last_seen != Some(file) {
        store.set(FILE_MODE, Some(file.as_str()), by, now)?;
        store.set(MODE, Some(file.as_str()), by, now)?;
        return Ok(file);
    }
    Ok(in_force(store.setting(MODE)?.as_ref(), file))
}

/// The mode that a kept setting and the file's value come to.
pub fn in_force(kept: Option<&Setting>, file: Mode) -> Mode {
    kept.and_then(|setting| Mode::parse(&setting.value)).unwrap_or(file)
}

/// Sets the mode, or with `None` lets the file decide again. Gives the mode then in force.
///
/// # Errors
/// [`StoreError`].
pub fn choose(store: &dyn Store, mode: Option<Mode>, by: &str, now: Timestamp) -> Result<Mode, StoreError> {
    let file =
        store.setting(FILE_MODE)?.and_then(|setting| Mode::parse(&setting.value)).unwrap_or(Mode::Shadow);
    store.set(MODE, mode.map(Mode::as_str), by, now)?;
    let chosen = mode.unwrap_or(file);
    if matches!(chosen, Mode::Canary | Mode::Live) {
        release(store, by, now)?;
    }
    Ok(chosen)
}

/// Lets replying go on after the brake on harm; only replies sent from now on count again.
fn release(store: &dyn Store, by: &str, now: Timestamp) -> Result<(), StoreError> {
    let stopped = store.setting(brake::HARM)?.is_some_and(|setting| setting.value == brake::STOPPED);
    if stopped {
        store.set(brake::HARM, Some(brake::RELEASED), by, now)?;
        store.clear(brake::HARM_ALERT, now)?;
        log::warn!("the brake on harm was released by {by}: the bot replies again");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::ManualClock;
    use crate::store::sqlite::{Options, SqliteStore};
    use std::sync::Arc;

    #[test]
    fn a_mode_that_replies_lets_the_brake_go_and_no_other_does() {
        let folder = tempfile::tempdir().unwrap();
        let now = Timestamp::UNIX_EPOCH;
        let options = Options { min_free_bytes: 0, ..Options::at(&folder.path().join("mw.db")) };
        let store = SqliteStore::open(&options, Arc::new(ManualClock::at(now))).unwrap();
        let value = || store.setting(brake::HARM).unwrap().map(|setting| (setting.value, setting.by));
        choose(&store, Some(Mode::Live), "lead", now).unwrap();
        assert_eq!(value(), None, "there is nothing to release");
        store.set(brake::HARM, Some(brake::STOPPED), "brake", now).unwrap();
        store.raise(brake::HARM_ALERT, "stopped", now).unwrap();
        for mode in [Mode::Off, Mode::Shadow, Mode::Route] {
            choose(&store, Some(mode), "lead", now).unwrap();
            assert_eq!(value(), Some((brake::STOPPED.into(), "brake".into())), "{mode}");
        }
        choose(&store, Some(Mode::Canary), "lead", now).unwrap();
        assert_eq!(value(), Some((brake::RELEASED.into(), "lead".into())));
        assert_eq!(store.alerts().unwrap(), []);
    }

    #[test]
    fn the_latest_decision_wins_over_restarts() {
        let folder = tempfile::tempdir().unwrap();
        let now = Timestamp::UNIX_EPOCH;
        let options = Options { min_free_bytes: 0, ..Options::at(&folder.path().join("mw.db")) };
        let store = SqliteStore::open(&options, Arc::new(ManualClock::at(now))).unwrap();
        assert_eq!(settle(&store, Mode::Shadow, "config", now), Ok(Mode::Shadow));
        assert_eq!(choose(&store, Some(Mode::Live), "lead", now), Ok(Mode::Live));
        assert_eq!(
            settle(&store, Mode::Shadow, "config", now),
            Ok(Mode::Live),
            "a restart undid a person's choice"
        );
        assert_eq!(
            settle(&store, Mode::Route, "config", now),
            Ok(Mode::Route),
            "an edited file is a new decision"
        );
        choose(&store, Some(Mode::Off), "lead", now).unwrap();
        assert_eq!(choose(&store, None, "lead", now), Ok(Mode::Route), "the file decides again");
        assert_eq!(settle(&store, Mode::Route, "config", now), Ok(Mode::Route));
    }
}
