//! What commands outside the running daemon use of its parts: the file for looking and for steering, the helpdesk for
//! `check --online` and `explain --ticket`, the readers for `explain`. Commands name no adapter themselves.

use std::fs::{File, TryLockError};
use std::path::Path;
use std::sync::Arc;

use serde_json::Value;

use super::{StartError, model, parts};
use crate::classify::Classifier;
use crate::classify::model::Model;
use crate::classify::opinion::SecondOpinion;
use crate::clock::Clock;
use crate::config::Config;
use crate::config::secrets::Secrets;
use crate::event::Timestamp;
use crate::helpdesk::{Helpdesk, richpanel};
use crate::store::sqlite::lock::StateLock;
use crate::store::{Store, StoreError};
use crate::ticket::{Channel, Order, OrderRef};

pub use crate::store::sqlite::backup::{Order as BackupOrder, backup, note as note_backup};
pub use crate::store::sqlite::contents::{
    Contents, Schema, accepted_after, check as check_copy, has_our_head, look as look_into, schema,
};
pub use crate::store::sqlite::copy::{CopyError, Progress};
pub use crate::store::sqlite::reader::{AuditLine, EventRow, EventStory, Filter, OutcomeRow, Reader};
pub use crate::store::sqlite::restore::restore;

/// The file, opened for writing under its lock; for steering while no daemon runs.
///
/// # Errors
/// [`StoreError::Refused`] when another process holds the lock.
pub fn store(config: &Config, clock: &Arc<dyn Clock>) -> Result<Arc<dyn Store>, StoreError> {
    parts::store(config, clock)
}

/// The helpdesk as the daemon would talk to it.
///
/// # Errors
/// [`StartError::Config`]: no key, or an address that cannot be used.
pub fn helpdesk(
    config: &Config,
    secrets: &Secrets,
    clock: &Arc<dyn Clock>,
) -> Result<Arc<dyn Helpdesk>, StartError> {
    // The daemon may be using the same key: what is left of its window is learned from the first answer.
    parts::helpdesk(config, secrets, clock, true)
}

/// The classifier as the daemon would use it, with the model in force where the file of state can be read.
///
/// # Errors
/// The phrase that cannot be read.
pub fn classifier(config: &Config) -> Result<Box<dyn Classifier>, String> {
    Ok(Box::new(model::classifier(parts::rules(config)?, model_in_force(config))?))
}

/// The phrase rules alone, with the shop's own examples.
///
/// # Errors
/// The phrase that cannot be read.
pub fn rules(config: &Config) -> Result<Box<dyn Classifier>, String> {
    Ok(Box::new(parts::rules(config)?))
}

/// The bytes of the model in force; `None` for the built-in one, and where no file of state can be read.
pub fn model_in_force(config: &Config) -> Option<Vec<u8>> {
    Reader::open(&config.store.path).ok()?.model(None).ok()?
}

/// The model as the daemon would read with it: the one in force where it fits this program, else the built-in one.
///
/// # Errors
/// A broken build.
pub fn model(config: &Config) -> Result<Model, String> {
    match model_in_force(config).map(model::fitting) {
        Some(Ok(model)) => Ok(model),
        _ => model::starter(),
    }
}

/// The outside model as the daemon would ask it; `None` when it is switched off. It counts its own budget.
///
/// # Errors
/// An address or a key that cannot be used, in words for people.
pub fn second_opinion(
    config: &Config,
    secrets: &Secrets,
    clock: &Arc<dyn Clock>,
) -> Result<Option<Arc<dyn SecondOpinion>>, String> {
    parts::second_opinion(config, secrets, clock)
}

/// An order in the helpdesk's own JSON, with where it would be fetched.
pub fn order_of_json(body: &Value, now: Timestamp) -> Option<(OrderRef, Order)> {
    richpanel::order_of_json(body, now)
}

/// The channel that the helpdesk's word means; `None` for a word nobody knows.
pub fn channel_of_word(word: &str) -> Option<Channel> {
    richpanel::channel_of_word(word)
}

/// Whether a process holds the lock of this database. Looks only: it makes no file that the daemon's user could then
/// not open.
///
/// # Errors
/// When the lock file is there and cannot be looked at.
pub fn is_locked(database: &Path) -> std::io::Result<bool> {
    let file = match File::open(StateLock::path(database)) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(error),
    };
    match file.try_lock_shared() {
        Ok(()) => Ok(false),
        Err(TryLockError::WouldBlock) => Ok(true),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_is_seen_and_no_file_is_made_by_looking() {
        let folder = tempfile::tempdir().unwrap();
        let database = folder.path().join("mw.db");
        assert!(!is_locked(&database).unwrap());
        assert!(!StateLock::path(&database).exists());
        let lock = StateLock::take(&database).unwrap();
        assert!(is_locked(&database).unwrap());
        drop(lock);
        assert!(!is_locked(&database).unwrap());
    }
}
