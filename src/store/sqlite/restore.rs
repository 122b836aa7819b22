//! `restore`: puts a copy in the place of the file of state, with no daemon running.
//!
//! The copy is written and checked beside the present file and marked as restored *before* it goes into place; the
//! present file gets a second name first. So a process killed at any line leaves either the old or the new file under
//! the one name, and another run does the rest. Nothing is deleted: what was there stays as
//! `mw.db.before-restore-…`.

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags};

use super::backup::same;
use super::carried::carried;
use super::contents::{Contents, check};
use super::copy::{
    CopyError, Part, SIDE_FILES, Watch, folder_of, free_name, room, sync, unusable, with_ending,
};
use super::lock::StateLock;
use super::open::open_any_version;
use crate::clock::Clock;
use crate::store::StoreError;
use crate::store::marks::{BACKUP_MADE_AT, BACKUP_OF, RESTORE_AT, RESTORE_FROM, restored_at};

/// What was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restored {
    /// What is in place now.
    pub contents: Contents,
    /// The file that was there, under its new name; `None`: there was none.
    pub kept: Option<PathBuf>,
    /// The mode that the copy had; the more careful one of it and the one before is in force now.
    pub mode_in_copy: Option<String>,
}

/// Puts a checked copy of `file` in the place of `database`.
///
/// # Errors
/// [`CopyError`]; the file in place is then the one that was there.
pub fn restore(
    file: &Path,
    database: &Path,
    by: &str,
    clock: &dyn Clock,
    watch: Watch<'_>,
) -> Result<Restored, CopyError> {
    if same(file, database) {
        let name = database.display();
        return Err(CopyError::Wrong(format!("{name} is the database itself; name the copy to restore")));
    }
    let _lock = lock(database)?;
    let found = check(file).map_err(|problems| {
        CopyError::Bad(format!(
            "{} cannot be restored: {}; nothing was changed",
            file.display(),
            problems.join("; ")
        ))
    })?;
    let folder = folder_of(database);
    room(database, &folder, found.bytes, 0)?;
    let (source, _) = open_any_version(file).map_err(|error| unusable(&error))?;
    let part = Part::begin(with_ending(database, ".restoring"))?;
    let figures = part.fill(&source, watch)?;
    let carried = carried(database, &source);
    drop(source);
    let now = restored_at(clock.now(), found.made_at);
    let from = match found.made_at {
        Some(made) => format!("{}, made {made}", file.display()),
        None => file.display().to_string(),
    };
    let at = now.to_string();
    let mut marks = vec![
        (RESTORE_AT, Some(at.as_str())),
        (RESTORE_FROM, Some(from.as_str())),
        (BACKUP_MADE_AT, None),
        (BACKUP_OF, None),
    ];
    marks.extend(carried.settings.iter().map(|(key, value)| (*key, Some(value.as_str()))));
    part.mark(&marks, by, now)?;
    let contents = part.check(&figures, watch)?;
    belongs_to_whom_it_did(part.path(), database).map_err(|error| io(database, &error))?;
    let kept = put_aside(database, clock).map_err(|error| io(database, &error))?;
    part.into_place(database)?;
    Ok(Restored { contents, kept, mode_in_copy: found.mode.map(|(mode, _)| mode) })
}

fn lock(database: &Path) -> Result<StateLock, CopyError> {
    let fresh = !StateLock::path(database).exists();
    let lock = StateLock::take(database).map_err(|error| match error {
        StoreError::Refused(who) => CopyError::Cannot(format!(
            "{who}; stop it first (systemctl stop richpanel-mw), then restore again"
        )),
        other => CopyError::Cannot(other.to_string()),
    })?;
    if fresh {
        // Made by root here, it must still be the daemon's own.
        belongs_to_whom_it_did(&StateLock::path(database), database).map_err(|error| io(database, &error))?;
    }
    Ok(lock)
}

/// Owner and mode as the present file has them, or the owner of the folder where there is none.
fn belongs_to_whom_it_did(new: &Path, database: &Path) -> std::io::Result<()> {
    let (like, mode) = match std::fs::metadata(database) {
        Ok(about) => {
            let mode = about.permissions().mode();
            (about, mode)
        }
        Err(_) => (std::fs::metadata(folder_of(database))?, 0o600),
    };
    let about = std::fs::metadata(new)?;
    if (about.uid(), about.gid()) != (like.uid(), like.gid()) {
        chown(new, Some(like.uid()), Some(like.gid()))?;
    }
    std::fs::set_permissions(new, std::fs::Permissions::from_mode(mode & 0o666 | 0o600))
}

/// Gives the present file a second name, and takes away what must not stand beside the new one: SQLite would play an
/// old WAL into it.
fn put_aside(database: &Path, clock: &dyn Clock) -> std::io::Result<Option<PathBuf>> {
    forget_unfinished(database)?;
    if !database.try_exists()? {
        for left in SIDE_FILES.map(|ending| with_ending(database, ending)) {
            if left.try_exists()? {
                std::fs::rename(&left, free_name(&with_ending(&left, ".left-behind")))?;
            }
        }
        return Ok(None);
    }
    let ending = format!(".before-restore-{}", clock.now().strftime("%Y%m%dT%H%M%SZ"));
    let kept = free_name(&with_ending(database, &ending));
    second_name(database, &kept)?;
    // Before anybody opens it: SQLite deletes a WAL whose file has lost its pages.
    let logs = ["-wal", "-journal"].map(|side| (with_ending(database, side), with_ending(&kept, side)));
    for (now, then) in &logs {
        if now.try_exists()? {
            second_name(now, then)?;
        }
    }
    sync(&folder_of(database))?;
    fold(database);
    for (_, then) in &logs {
        // Folded up: its pages are in the file by now.
        if std::fs::metadata(then).is_ok_and(|about| about.len() == 0) {
            std::fs::remove_file(then)?;
        }
    }
    for side in SIDE_FILES.map(|ending| with_ending(database, ending)) {
        if side.try_exists()? {
            std::fs::remove_file(side)?;
        }
    }
    sync(&folder_of(database))?;
    Ok(Some(kept))
}

/// Brings what is in the WAL into the file; a damaged one is put aside as it is.
fn fold(database: &Path) {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let folded = Connection::open_with_flags(database, flags).and_then(|present| {
        present.query_row("pragma wal_checkpoint(truncate)", [], |row| row.get::<_, i64>(0))
    });
    match folded {
        Ok(0) => (),
        Ok(_) => log::warn!("{} is being read by somebody; its WAL is kept beside it", database.display()),
        Err(error) => log::warn!("{} could not be folded up: {error}", database.display()),
    }
}

/// The same bytes under another name: no moment passes in which the first one names nothing.
fn second_name(file: &Path, name: &Path) -> std::io::Result<()> {
    if std::fs::hard_link(file, name).is_err() {
        std::fs::copy(file, name)?;
        sync(name)?;
    }
    Ok(())
}

/// A restore that was killed after it named the present file twice: one name is enough.
fn forget_unfinished(database: &Path) -> std::io::Result<()> {
    let Ok(present) = std::fs::metadata(database) else { return Ok(()) };
    let begins = with_ending(database, ".before-restore-");
    let begins = begins.file_name().unwrap_or_default().as_encoded_bytes().to_vec();
    for entry in std::fs::read_dir(folder_of(database))? {
        let entry = entry?;
        let about = entry.metadata()?;
        let ours = entry.file_name().as_encoded_bytes().starts_with(&begins);
        if ours && about.is_file() && (about.dev(), about.ino()) == (present.dev(), present.ino()) {
            std::fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

fn io(database: &Path, error: &std::io::Error) -> CopyError {
    CopyError::Cannot(format!("cannot put the copy beside {}: {error}", database.display()))
}

#[cfg(test)]
mod tests {
    use super::super::backup::{Order, backup};
    use super::super::contents::look;
    use super::super::{Options, SqliteStore};
    use super::*;
    use crate::clock::{ManualClock, after};
    use crate::event::{Lane, Timestamp};
    use crate::store::Store as _;
    use crate::store::conformance::{START, accept};
    use std::sync::Arc;
    use std::time::Duration;

    struct Place {
        folder: tempfile::TempDir,
        clock: Arc<ManualClock>,
    }

    impl Place {
        /// A database with three events, a copy of it, and two events more.
        fn new() -> Self {
            let place =
                Self { folder: tempfile::tempdir().unwrap(), clock: Arc::new(ManualClock::at(START)) };
            let store = place.store();
            for ticket in ["T-1", "T-2", "T-3"] {
                accept(&store, ticket, Lane::Email, START).unwrap();
            }
            let (database, file) = (place.database(), place.copy());
            let order = Order {
                database: &database,
                file: &file,
                force: false,
                floor_bytes: 0,
                by: "test",
                now: START,
            };
            backup(&order, &mut |_| ()).unwrap();
            for ticket in ["T-4", "T-5"] {
                accept(&store, ticket, Lane::Email, START).unwrap();
            }
            place.clock.jump_to(later());
            place
        }

        fn store(&self) -> SqliteStore {
            let options = Options { min_free_bytes: 0, ..Options::at(&self.database()) };
            SqliteStore::open(&options, Arc::<ManualClock>::clone(&self.clock)).unwrap()
        }

        fn database(&self) -> PathBuf {
            self.folder.path().join("mw.db")
        }

        fn copy(&self) -> PathBuf {
            self.folder.path().join("copy.db")
        }

        fn restore(&self) -> Result<Restored, CopyError> {
            restore(&self.copy(), &self.database(), "test", self.clock.as_ref(), &mut |_| ())
        }

        fn names(&self) -> Vec<String> {
            let entries = std::fs::read_dir(self.folder.path()).unwrap();
            let mut names: Vec<_> =
                entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
            names.sort();
            names
        }
    }

    fn later() -> Timestamp {
        after(START, Duration::from_secs(3_600))
    }

    fn events(path: &Path) -> u64 {
        look(path).unwrap().figures.events()
    }

    #[test]
    fn the_copy_takes_the_place_and_says_so_and_what_was_there_is_kept() {
        let place = Place::new();
        let done = place.restore().unwrap();
        let kept = done.kept.unwrap();
        assert_eq!((events(&place.database()), events(&kept)), (3, 5));
        assert_eq!((done.contents.restored_at, done.contents.made_at), (Some(later()), None));
        let store = place.store();
        assert_eq!(store.setting(RESTORE_AT).unwrap().unwrap().value, later().to_string());
        assert!(
            store.setting(BACKUP_MADE_AT).unwrap().is_none() && store.setting(BACKUP_OF).unwrap().is_none()
        );
        assert!(store.setting(RESTORE_FROM).unwrap().unwrap().value.contains("copy.db, made 2026-02-02"));
        drop(store);
        // The copy is still a copy: it can be restored again.
        assert_eq!(look(&place.copy()).unwrap().made_at, Some(START));
        place.restore().unwrap();
        assert_eq!(
            place
                .names()
                .iter()
                .filter(|name| name.contains("before-restore")
                    && !name.contains("-wal")
                    && !name.contains("-shm"))
                .count(),
            2
        );
        assert_eq!(events(&place.database()), 3);
    }

    #[test]
    fn a_running_daemon_and_a_damaged_copy_stop_it_and_nothing_changes() {
        let place = Place::new();
        let store = place.store();
        let error = place.restore().unwrap_err();
        assert!(matches!(&error, CopyError::Cannot(said) if said.contains("systemctl stop")), "{error:?}");
        drop(store);
        let before = place.names();
        let whole = std::fs::read(place.copy()).unwrap();
        std::fs::write(place.copy(), whole.get(..whole.len() / 2).unwrap()).unwrap();
        let error = place.restore().unwrap_err();
        assert!(matches!(&error, CopyError::Bad(said) if said.contains("nothing was changed")), "{error:?}");
        assert_eq!(place.names(), before);
        assert_eq!(events(&place.database()), 5);
        let itself = restore(&place.database(), &place.database(), "test", place.clock.as_ref(), &mut |_| ());
        assert!(matches!(itself, Err(CopyError::Wrong(_))));
    }

    #[test]
    fn a_wal_that_a_killed_daemon_left_is_not_played_into_the_new_file() {
        let place = Place::new();
        // As a kill leaves it: events in the WAL alone. The copies stand in for the dead process's files.
        let aside = tempfile::tempdir().unwrap();
        let store = place.store();
        accept(&store, "T-6", Lane::Email, START).unwrap();
        for name in ["mw.db", "mw.db-wal"] {
            std::fs::copy(place.folder.path().join(name), aside.path().join(name)).unwrap();
        }
        drop(store);
        for name in ["mw.db", "mw.db-wal"] {
            std::fs::copy(aside.path().join(name), place.folder.path().join(name)).unwrap();
        }
        let kept = place.restore().unwrap().kept.unwrap();
        assert_eq!((events(&place.database()), events(&kept)), (3, 6), "the newest event was in the WAL");
        drop(place.store());
        assert_eq!(events(&place.database()), 3);
    }

    #[test]
    fn a_database_beyond_repair_is_put_aside_with_its_wal() {
        let place = Place::new();
        std::fs::write(place.database(), "this was a database once, and now it is only a line of text")
            .unwrap();
        std::fs::write(place.folder.path().join("mw.db-wal"), "and this its log").unwrap();
        let kept = place.restore().unwrap().kept.unwrap();
        assert!(std::fs::read_to_string(&kept).unwrap().starts_with("this was"));
        assert!(std::fs::read_to_string(with_ending(&kept, "-wal")).unwrap().starts_with("and this"));
        assert!(!place.folder.path().join("mw.db-wal").exists());
        assert_eq!(events(&place.database()), 3);
    }

    #[test]
    fn what_a_killed_restore_left_does_not_stand_in_the_way() {
        let place = Place::new();
        // Killed while copying, and killed once more between the second name and the rename.
        std::fs::write(place.folder.path().join("mw.db.restoring"), "half").unwrap();
        std::fs::write(place.folder.path().join("mw.db.restoring-journal"), "half").unwrap();
        let twice = place.folder.path().join("mw.db.before-restore-20260101T000000Z");
        std::fs::hard_link(place.database(), &twice).unwrap();
        assert_eq!(events(&place.database()), 5, "the old one is usable");
        let kept = place.restore().unwrap().kept.unwrap();
        assert_eq!((events(&place.database()), events(&kept)), (3, 5));
        assert!(!twice.exists() && !place.names().iter().any(|name| name.contains("restoring")));
    }

    #[test]
    fn a_copy_can_be_put_where_nothing_was() {
        let place = Place::new();
        for name in place.names().iter().filter(|name| name.starts_with("mw.db")) {
            std::fs::remove_file(place.folder.path().join(name)).unwrap();
        }
        let done = place.restore().unwrap();
        assert_eq!((done.kept, events(&place.database())), (None, 3));
    }

    #[test]
    fn a_copy_put_in_place_by_hand_is_not_mixed_with_the_wal_of_what_was_there() {
        let place = Place::new();
        let store = place.store();
        accept(&store, "T-6", Lane::Email, START).unwrap();
        let wal = std::fs::read(place.folder.path().join("mw.db-wal")).unwrap();
        drop(store);
        std::fs::copy(place.copy(), place.database()).unwrap();
        std::fs::write(place.folder.path().join("mw.db-wal"), wal).unwrap();
        drop(place.store());
        assert_eq!(events(&place.database()), 3);
        assert!(place.names().contains(&"mw.db-wal.left-behind".to_owned()), "{:?}", place.names());
    }
}
