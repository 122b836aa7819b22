//! `backup`: a checked copy of the file of state, made while the daemon goes on.
//!
//! The daemon is not asked and not held up: pages are read beside its writer in one transaction. The copy says of
//! itself that it is one, so that a daemon that finds it in place knows that it was restored.

use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags};

use super::contents::Contents;
use super::copy::{CopyError, Part, SIDE_FILES, Watch, folder_of, free_name, room, unusable, with_ending};
use super::lock::StateLock;
use super::migrate::SCHEMA_VERSION;
use super::open::{broken, open_any_version};
use super::{contents, upkeep};
use crate::event::Timestamp;
use crate::store::StoreError;
use crate::store::marks::{BACKUP_LAST, BACKUP_MADE_AT, BACKUP_OF, LastBackup};

/// What to copy to where.
#[derive(Debug, Clone)]
pub struct Order<'a> {
    /// The file of state.
    pub database: &'a Path,
    /// The copy.
    pub file: &'a Path,
    /// Put it over a file that is there.
    pub force: bool,
    /// Free bytes that the daemon needs on its disk.
    pub floor_bytes: u64,
    /// Who asks.
    pub by: &'a str,
    /// When.
    pub now: Timestamp,
}

/// Makes the copy; when this returns it is checked and on disk under its name.
///
/// # Errors
/// [`CopyError`]; nothing is left behind then, and a file that was there is as it was.
pub fn backup(order: &Order<'_>, watch: Watch<'_>) -> Result<Contents, CopyError> {
    let Order { database, file, .. } = *order;
    refuse(order)?;
    let (source, _) = open_any_version(database).map_err(|error| unusable(&error))?;
    let part = Part::begin(with_ending(file, ".part"))?;
    let needed = contents::bytes(&source).map_err(|error| unusable(&broken(&error)))?;
    room(database, &folder_of(file), needed, order.floor_bytes)?;
    copy(&source, part, order, watch)
}

/// The old file beside the present one before its schema is brought forward: `mw.db.v1`. `None` when one with the same
/// contents is there already, or nothing is to be brought forward.
///
/// # Errors
/// [`CopyError`]; the present file is not touched.
pub(super) fn keep_before_migration(database: &Path, now: Timestamp) -> Result<Option<PathBuf>, CopyError> {
    if !database.try_exists().unwrap_or(false) {
        return Ok(None);
    }
    // What cannot be opened here is refused in words by whoever opens it next.
    let Ok((source, version)) = open_any_version(database) else { return Ok(None) };
    if version >= SCHEMA_VERSION {
        return Ok(None);
    }
    let name = with_ending(database, &format!(".v{version}"));
    let present = contents::figures(&source).map_err(|error| unusable(&broken(&error)))?;
    let needed = contents::bytes(&source).map_err(|error| unusable(&broken(&error)))?;
    let numbered = (2..).map(|number| with_ending(&name, &format!("-{number}")));
    let kept = std::iter::once(name.clone()).chain(numbered).take_while(|name| name.exists());
    for kept in kept {
        if contents::look(&kept).is_ok_and(|kept| kept.figures == present) {
            return Ok(None);
        }
    }
    let file = free_name(&name);
    let order = Order { database, file: &file, force: false, floor_bytes: 0, by: "daemon", now };
    let part = Part::begin(with_ending(&file, ".part"))?;
    room(database, &folder_of(&file), needed, 0)?;
    copy(&source, part, &order, &mut |_| ())?;
    Ok(Some(file))
}

fn copy(source: &Connection, part: Part, order: &Order<'_>, watch: Watch<'_>) -> Result<Contents, CopyError> {
    let figures = part.fill(source, watch)?;
    let of = std::path::absolute(order.database).unwrap_or_else(|_| order.database.to_owned());
    let marks = [(BACKUP_MADE_AT, Some(order.now.to_string())), (BACKUP_OF, Some(of.display().to_string()))];
    let marks: Vec<_> = marks.iter().map(|(key, value)| (*key, value.as_deref())).collect();
    part.mark(&marks, order.by, order.now)?;
    let made = part.check(&figures, watch)?;
    part.into_place(order.file)?;
    Ok(made)
}

/// What is not to be copied over.
fn refuse(order: &Order<'_>) -> Result<(), CopyError> {
    let Order { database, file, force, .. } = *order;
    let wrong = |words: String| Err(CopyError::Wrong(words));
    if file.is_dir() {
        return wrong(format!("{} is a folder; name a file in it", file.display()));
    }
    let own = [".lock", ".sock"].into_iter().chain(SIDE_FILES).map(|ending| with_ending(database, ending));
    let real = |path: &Path| {
        std::fs::canonicalize(folder_of(path)).ok().zip(path.file_name().map(ToOwned::to_owned))
    };
    if own.chain([database.to_owned()]).any(|own| own == file || real(&own) == real(file))
        || same(database, file)
    {
        return wrong(format!("{} belongs to the database itself; name another file", file.display()));
    }
    let there = file.symlink_metadata();
    // The copy takes the name: a device, a pipe or a link that had it would be gone.
    if there.as_ref().is_ok_and(|there| !there.is_file()) {
        return wrong(format!("{} is there and no regular file; name another file", file.display()));
    }
    if !force && there.is_ok() {
        return wrong(format!("{} is there already; name another file, or say --force", file.display()));
    }
    Ok(())
}

/// Whether two names lead to one file.
pub(super) fn same(one: &Path, other: &Path) -> bool {
    let real = |path: &Path| std::fs::canonicalize(path).ok();
    real(one).is_some_and(|one| Some(one) == real(other))
}

/// Notes in a file of this or an earlier schema, under its lock, that it was backed up: with no daemon running.
///
/// # Errors
/// [`StoreError::Refused`] when a process holds the lock.
pub fn note(database: &Path, last: &LastBackup, by: &str, now: Timestamp) -> Result<(), StoreError> {
    let _lock = StateLock::take(database)?;
    let value = serde_json::to_string(last).map_err(|error| StoreError::Refused(error.to_string()))?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(database, flags).map_err(|error| broken(&error))?;
    let transaction = connection.transaction().map_err(|error| broken(&error))?;
    upkeep::set(&transaction, BACKUP_LAST, Some(&value), by, now)?;
    transaction.commit().map_err(|error| broken(&error))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::super::contents::{accepted_after, check, look};
    use super::super::copy::Progress;
    use super::super::open::open_writer;
    use super::super::{Options, SqliteStore};
    use super::*;
    use crate::clock::ManualClock;
    use crate::event::Lane;
    use crate::store::conformance::{START, accept};

    fn order<'a>(database: &'a Path, file: &'a Path) -> Order<'a> {
        Order { database, file, force: false, floor_bytes: 0, by: "test", now: START }
    }

    fn in_use(database: &Path, events: u32) -> SqliteStore {
        let options = Options { min_free_bytes: 0, ..Options::at(database) };
        let store = SqliteStore::open(&options, std::sync::Arc::new(ManualClock::at(START))).unwrap();
        for event in 0..events {
            accept(&store, &format!("T-{event}"), Lane::Email, START).unwrap();
        }
        store
    }

    fn names(folder: &Path) -> Vec<String> {
        let entries = std::fs::read_dir(folder).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_copy_made_while_others_write_is_one_moment_of_it_in_one_plain_file() {
        let folder = tempfile::tempdir().unwrap();
        let (database, file) = (folder.path().join("mw.db"), folder.path().join("to").join("copy.db"));
        std::fs::create_dir(folder.path().join("to")).unwrap();
        let store = in_use(&database, 200);
        // An event that comes between the count and the last page is in neither.
        let mut came = 200_u32;
        let made = backup(&order(&database, &file), &mut |progress| {
            if let Progress::Copying { .. } = progress {
                accept(&store, &format!("T-{came}"), Lane::Email, START).unwrap();
                came += 1;
            }
        })
        .unwrap();
        assert!(came > 200, "nothing was written meanwhile");
        assert_eq!(made.figures.events(), 200);
        assert_eq!(check(&file), Ok(made.clone()));
        assert_eq!((made.made_at, made.made_of), (Some(START), Some(database.display().to_string())));
        assert_eq!(names(&folder.path().join("to")), ["copy.db"]);
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(accepted_after(&database, None).unwrap(), u64::from(came));
        assert!(look(&database).unwrap().made_at.is_none(), "the database itself is no copy");
    }

    #[test]
    fn what_makes_no_sense_is_refused_and_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let database = folder.path().join("mw.db");
        let _store = in_use(&database, 3);
        let taken = folder.path().join("taken");
        std::fs::write(&taken, "somebody's").unwrap();
        let before = names(folder.path());
        for (file, words) in [
            (taken.clone(), "is there already"),
            (folder.path().to_owned(), "is a folder"),
            (folder.path().join("none").join("x"), "no folder"),
            (database.clone(), "the database itself"),
            (folder.path().join(".").join("mw.db-wal"), "the database itself"),
        ] {
            for force in [false, true] {
                if force && file == taken {
                    continue;
                }
                let error = backup(&Order { force, ..order(&database, &file) }, &mut |_| ()).unwrap_err();
                assert!(matches!(&error, CopyError::Wrong(said) if said.contains(words)), "{error:?}");
            }
        }
        let big = Order { floor_bytes: u64::MAX, ..order(&database, &taken) };
        let error = backup(&Order { force: true, ..big }, &mut |_| ()).unwrap_err();
        assert!(matches!(&error, CopyError::Cannot(said) if said.contains("no room")), "{error:?}");
        assert_eq!(names(folder.path()), before);
        assert_eq!(std::fs::read_to_string(&taken).unwrap(), "somebody's");
        backup(&Order { force: true, ..order(&database, &taken) }, &mut |_| ()).unwrap();
        assert_eq!(look(&taken).unwrap().figures.events(), 3);
    }

    #[test]
    fn what_is_no_regular_file_is_never_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let database = folder.path().join("mw.db");
        let _store = in_use(&database, 1);
        let (pipe, link, real) =
            (folder.path().join("pipe"), folder.path().join("link"), folder.path().join("real"));
        rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
        std::fs::write(&real, "somebody's").unwrap();
        std::os::unix::fs::symlink(&real, &link).unwrap();
        for file in [&pipe, &link, Path::new("/dev/null")] {
            for force in [false, true] {
                let error = backup(&Order { force, ..order(&database, file) }, &mut |_| ()).unwrap_err();
                assert!(
                    matches!(&error, CopyError::Wrong(said) if said.contains("no regular file")),
                    "{error:?}"
                );
                assert!(!file.symlink_metadata().unwrap().is_file(), "{}", file.display());
            }
        }
    }

    #[test]
    fn what_a_killed_backup_left_is_taken_away_by_the_next_one_and_a_running_one_is_not_disturbed() {
        let folder = tempfile::tempdir().unwrap();
        let (database, file) = (folder.path().join("mw.db"), folder.path().join("copy.db"));
        let _store = in_use(&database, 3);
        for left in ["copy.db.part", "copy.db.part-journal", "copy.db.part-wal"] {
            std::fs::write(folder.path().join(left), "half a copy").unwrap();
        }
        backup(&order(&database, &file), &mut |_| {
            let second = backup(&Order { force: true, ..order(&database, &file) }, &mut |_| ());
            assert!(
                matches!(&second, Err(CopyError::Cannot(said)) if said.contains("another copy")),
                "{second:?}"
            );
        })
        .unwrap();
        assert!(!names(folder.path()).iter().any(|name| name.contains("part")));
        assert_eq!(check(&file).unwrap().figures.events(), 3);
    }

    #[test]
    fn a_damaged_copy_is_seen() {
        let folder = tempfile::tempdir().unwrap();
        let (database, file) = (folder.path().join("mw.db"), folder.path().join("copy.db"));
        let _store = in_use(&database, 300);
        backup(&order(&database, &file), &mut |_| ()).unwrap();
        let whole = std::fs::read(&file).unwrap();
        let half = whole.get(..whole.len() / 2).unwrap();
        let mut scribbled = whole.clone();
        let length = scribbled.len();
        scribbled.get_mut(length - 9_000..length - 1_000).unwrap().fill(0x5a);
        for (what, bytes) in
            [("cut", half), ("scribbled over", &scribbled), ("text", b"hello"), ("empty", b"")]
        {
            std::fs::write(&file, bytes).unwrap();
            let problems = check(&file).expect_err(what);
            assert!(!problems.is_empty() && problems.iter().all(|problem| !problem.is_empty()), "{what}");
        }
    }

    #[test]
    fn a_copy_with_a_row_that_belongs_to_nothing_is_seen() {
        let folder = tempfile::tempdir().unwrap();
        let database = folder.path().join("mw.db");
        drop(in_use(&database, 2));
        let connection = Connection::open(&database).unwrap();
        connection.execute_batch("pragma foreign_keys = off; delete from events where id = 1").unwrap();
        drop(connection);
        let error = backup(&order(&database, &folder.path().join("copy.db")), &mut |_| ()).unwrap_err();
        assert!(matches!(&error, CopyError::Bad(said) if said.contains("belongs to nothing")), "{error:?}");
        assert!(!folder.path().join("copy.db").exists() && !folder.path().join("copy.db.part").exists());
    }

    #[test]
    fn the_old_file_is_kept_once_before_it_is_brought_forward() {
        let folder = tempfile::tempdir().unwrap();
        let database = folder.path().join("mw.db");
        let v1 = Connection::open(&database).unwrap();
        v1.execute_batch(include_str!("migrations/v1.sql")).unwrap();
        v1.execute_batch(include_str!("migrations/v1-rows.sql")).unwrap();
        let kept = database.with_file_name("mw.db.v1");
        assert_eq!(keep_before_migration(&database, START), Ok(Some(kept.clone())));
        let copy = check(&kept).unwrap();
        assert_eq!((copy.figures.schema, copy.figures.events(), copy.made_at), (1, 5, Some(START)));
        // A step that failed is tried at each start: one copy is enough.
        assert_eq!(keep_before_migration(&database, START), Ok(None));
        // Gone back, and forward again: what came meanwhile is kept as well.
        v1.execute_batch("delete from events where id = 1").unwrap();
        assert_eq!(keep_before_migration(&database, START), Ok(Some(database.with_file_name("mw.db.v1-2"))));
        assert_eq!(keep_before_migration(&database, START), Ok(None));
        drop(v1);
        drop(open_writer(&database).unwrap());
        assert_eq!(keep_before_migration(&database, START), Ok(None), "it is of today's schema");
    }

    #[test]
    fn where_no_copy_can_be_kept_the_file_is_brought_forward_all_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let database = folder.path().join("mw.db");
        let v1 = Connection::open(&database).unwrap();
        v1.execute_batch(include_str!("migrations/v1.sql")).unwrap();
        drop(v1);
        std::fs::create_dir(folder.path().join("mw.db.v1.part")).unwrap();
        assert!(keep_before_migration(&database, START).is_err());
        drop(in_use(&database, 1));
        assert_eq!(look(&database).unwrap().figures.schema, SCHEMA_VERSION);
        assert!(!folder.path().join("mw.db.v1").exists());
    }
}
