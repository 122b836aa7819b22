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
use super::contents::{Contents, check};
use super::copy::{
    CopyError, Part, SIDE_FILES, Watch, folder_of, free_name, room, sync, unusable, with_ending,
};
use super::lock::StateLock;
use super::open::open_any_version;
use crate::clock::Clock;
use crate::store::StoreError;
use crate::store::marks::{BACKUP_MADE_AT, BACKUP_OF, RESTORE_AT, RESTORE_FROM};

/// What was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restored {
    /// What is in place now.
    pub contents: Contents,
    /// The file that was there, under its new name; `None`: there was none.
    pub kept: Option<PathBuf>,
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
    drop(source);
    // Not younger than the copy itself, should the clock have been set back.
    let now = clock.now().max(found.made_at.unwrap_or_else(|| clock.now()));
    let from = match found.made_at {
        Some(made) => format!("{}, made {made}", file.display()),
        None => file.display().to_string(),
    };
    let at = now.to_string();
    let marks = [
        (RESTORE_AT, Some(at.as_str())),
        (RESTORE_FROM, Some(from.as_str())),
        (BACKUP_MADE_AT, None),
        (BACKUP_OF, None),
    ];
    part.mark(&marks, by, now)?;
    let contents = part.check(&figures, watch)?;
    belongs_to_whom_it_did(part.path(), database).map_err(|error| io(database, &error))?;
    let kept = put_aside(database, clock).map_err(|error| io(database, &error))?;
    part.into_place(database)?;
    Ok(Restored { contents, kept })
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
    std::fs::set_permissions(new, std::fs::Permissions::from_mode(mode & 0o666))
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
    fold(database);
    let ending = format!(".before-restore-{}", clock.now().strftime("%Y%m%dT%H%M%SZ"));
    let kept = free_name(&with_ending(database, &ending));
    second_name(database, &kept)?;
    for side in SIDE_FILES {
        let (now, then) = (with_ending(database, side), with_ending(&kept, side));
        // One that could not be folded up belongs to the file that is put aside.
        if side != "-shm" && std::fs::metadata(&now).is_ok_and(|about| about.len() > 0) {
            second_name(&now, &then)?;
        }
    }
    sync(&folder_of(database))?;
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
    let folded = Connection::open_with_flags(database, flags)
        .and_then(|present| present.query_row("pragma wal_checkpoint(truncate)", [], |row| row.get::<_, i64>(0)));
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
