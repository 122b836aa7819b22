//! Whether the file of state was put back from a backup. [`settle`] at start, before anything is worked on.
//!
//! `restore` marks the file itself. A copy that was put in place by hand still says that it is a copy: it counts as
//! restored at this start, because nobody knows what was answered since it was made.

use crate::event::Timestamp;
use crate::store::marks::{
    BACKUP_LAST, BACKUP_MADE_AT, BACKUP_OF, LastBackup, RESTORE_AT, RESTORE_FROM, restored_at, time_of,
};
use crate::store::{Store, StoreError};

/// When the state was last restored; `None`: never.
///
/// # Errors
/// [`StoreError`].
pub fn settle(store: &dyn Store, now: Timestamp) -> Result<Option<Timestamp>, StoreError> {
    if let Some(made) = store.setting(BACKUP_MADE_AT)? {
        let at = restored_at(now, Some(time_of(&made)));
        let from = format!("a copy of {}, put in place by hand", made.value);
        store.set(RESTORE_AT, Some(&at.to_string()), "daemon", now)?;
        store.set(RESTORE_FROM, Some(&from), "daemon", now)?;
        store.set(BACKUP_OF, None, "daemon", now)?;
        // Last: a process that dies before this finds the copy again and marks it later, which is on the safe side.
        store.set(BACKUP_MADE_AT, None, "daemon", now)?;
        log::warn!(
            "start: the database is {from}: what customers wrote before now is routed, not answered; run reconcile to \
             find what came since the copy was made"
        );
        return Ok(Some(at));
    }
    let at = store.setting(RESTORE_AT)?.as_ref().map(time_of);
    if let Some(at) = at {
        log::info!(
            "start: a backup was put in place at {at}: what customers wrote until then is routed, not answered"
        );
    }
    Ok(at)
}

/// Notes that a backup succeeded.
///
/// # Errors
/// [`StoreError`].
pub fn backed_up(store: &dyn Store, last: &LastBackup, by: &str, now: Timestamp) -> Result<(), StoreError> {
    let value = serde_json::to_string(last).map_err(|error| StoreError::Refused(error.to_string()))?;
    store.set(BACKUP_LAST, Some(&value), by, now)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::ManualClock;
    use crate::store::sqlite::{Options, SqliteStore};
    use std::sync::Arc;

    fn store(folder: &std::path::Path, now: Timestamp) -> SqliteStore {
        let options = Options { min_free_bytes: 0, ..Options::at(&folder.join("mw.db")) };
        SqliteStore::open(&options, Arc::new(ManualClock::at(now))).unwrap()
    }

    #[test]
    fn a_copy_in_place_counts_as_restored_once() {
        let folder = tempfile::tempdir().unwrap();
        let [made, first, later]: [Timestamp; 3] =
            ["2026-02-09T03:00:00Z", "2026-02-10T08:00:00Z", "2026-02-11T09:00:00Z"]
                .map(|at| at.parse().unwrap());
        let store = store(folder.path(), first);
        assert_eq!(settle(&store, first), Ok(None));
        store.set(BACKUP_MADE_AT, Some(&made.to_string()), "backup", made).unwrap();
        assert_eq!(settle(&store, first), Ok(Some(first)));
        assert_eq!(settle(&store, later), Ok(Some(first)), "a restart is no restore");
        assert!(store.setting(BACKUP_MADE_AT).unwrap().is_none());
        assert!(store.setting(RESTORE_FROM).unwrap().unwrap().value.contains("2026-02-09T03:00:00Z"));
    }
}
