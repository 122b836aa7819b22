//! `backup`: a checked copy of the file of state, made while the daemon goes on.
//!
//! The daemon is not asked and not held up: pages are read beside its writer in one transaction. The copy says of
//! itself that it is one, so that a daemon that finds it in place knows that it was restored.

use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags};

use super::contents::Contents;
use super::copy::{
    CopyError, Part, SIDE_FILES, Watch, folder_of, free_name, room, unusable, with_ending,
};
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
    let marks = [
        (BACKUP_MADE_AT, Some(order.now.to_string())),
        (BACKUP_OF, Some(of.display().to_string())),
    ];
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
    let real = |path: &Path| std::fs::canonicalize(folder_of(path)).ok().zip(path.file_name().map(ToOwned::to_owned));
    if own.chain([database.to_owned()]).any(|own| own == file || real(&own) == real(file)) || same(database, file) {
        return wrong(format!("{} belongs to the database itself; name another file", file.display()));
    }
    if !force && file.symlink_metadata().is_ok() {
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
