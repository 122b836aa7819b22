//! A copy of a file of state: written under a passing name, checked, synced, then given its name in one step.
//!
//! `Part::begin` → `fill` → `mark` → `check` → `into_place`. Whatever stops it on
//! the way leaves nothing behind; a killed process leaves its part, which the next one removes. The source is read in
//! one transaction while others go on writing it; that pins its WAL only while pages are copied, not while they are
//! checked and synced.

use std::fs::{File, OpenOptions};
use std::io::ErrorKind;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::contents::{Contents, Figures, bytes, check, figures};
use super::upkeep::set;
use crate::event::Timestamp;
use crate::store::StoreError;

/// Pages copied between two words about it: 4 MiB of them.
const STEP_PAGES: i32 = 512;

/// What SQLite puts beside a file.
pub(super) const SIDE_FILES: [&str; 3] = ["-wal", "-shm", "-journal"];

/// Why there is no copy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CopyError {
    /// It was asked for in a way that makes no sense.
    #[error("{0}")]
    Wrong(String),
    /// The file to be copied, or the copy, is not good.
    #[error("{0}")]
    Bad(String),
    /// It could not be made.
    #[error("{0}")]
    Cannot(String),
}

/// How far it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// Pages are copied.
    Copying {
        /// Bytes done.
        done: u64,
        /// Bytes in all.
        total: u64,
    },
    /// Every page is read again.
    Checking,
}

/// Told how far it is.
pub type Watch<'a> = &'a mut dyn FnMut(Progress);

/// A copy that has no name yet; removed when dropped.
#[derive(Debug)]
pub(super) struct Part {
    path: PathBuf,
    _lock: File,
}

impl Drop for Part {
    fn drop(&mut self) {
        clear(&self.path);
    }
}

impl Part {
    /// Makes the passing file, for its maker alone; what a killed process left under that name goes first.
    pub(super) fn begin(path: PathBuf) -> Result<Self, CopyError> {
        let folder = folder_of(&path);
        let cannot = |error: std::io::Error| match error.kind() {
            ErrorKind::NotFound | ErrorKind::NotADirectory => {
                CopyError::Wrong(format!("there is no folder {}; create it first", folder.display()))
            }
            _ => CopyError::Cannot(format!("cannot write in {}: {error}", folder.display())),
        };
        if File::open(&path).is_ok_and(|file| file.try_lock().is_err()) {
            return Err(CopyError::Cannot(format!("another copy is being written to {}", path.display())));
        }
        clear(&path);
        let file = OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(&path);
        let file = file.map_err(cannot)?;
        if file.try_lock().is_err() {
            return Err(CopyError::Cannot(format!("another copy is being written to {}", path.display())));
        }
        Ok(Self { path, _lock: file })
    }

    /// Copies the source as it stands now, in one transaction, and gives its figures in that transaction.
    pub(super) fn fill(&self, source: &Connection, watch: Watch<'_>) -> Result<Figures, CopyError> {
        let failed = |error: rusqlite::Error| self.failed(&error);
        source.execute_batch("begin").map_err(failed)?;
        let copied =
            figures(source).and_then(|figures| self.pages(source, watch).map(|()| figures)).map_err(failed);
        let ended = source.execute_batch("rollback").map_err(failed);
        let figures = copied?;
        ended?;
        // One plain file: a copy in WAL mode could not be opened where nothing can be written.
        let mode: String = self
            .open()
            .and_then(|copy| copy.pragma_update_and_check(None, "journal_mode", "delete", |row| row.get(0)))
            .map_err(failed)?;
        if mode != "delete" {
            return Err(CopyError::Cannot(format!("the copy stays in journal mode {mode}")));
        }
        Ok(figures)
    }

    fn pages(&self, source: &Connection, watch: Watch<'_>) -> rusqlite::Result<()> {
        let mut copy = self.open()?;
        // A copy that was not finished is thrown away; the finished one is synced before it gets its name.
        copy.execute_batch("pragma journal_mode = off; pragma synchronous = off")?;
        let total = bytes(source)?;
        let backup = Backup::new(source, &mut copy)?;
        loop {
            let step = backup.step(STEP_PAGES)?;
            let progress = backup.progress();
            let (all, left) = (u64::try_from(progress.pagecount), u64::try_from(progress.remaining));
            let (all, left) = (all.unwrap_or(0).max(1), left.unwrap_or(0));
            watch(Progress::Copying { done: total / all * all.saturating_sub(left), total });
            match step {
                StepResult::Done => return Ok(()),
                StepResult::Busy | StepResult::Locked => {
                    return Err(rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(5), None));
                }
                _ => (),
            }
        }
    }

    fn open(&self) -> rusqlite::Result<Connection> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        Connection::open_with_flags(&self.path, flags)
    }

    /// Sets or removes settings inside the copy, with their lines in its audit.
    pub(super) fn mark(
        &self,
        marks: &[(&str, Option<&str>)],
        by: &str,
        now: Timestamp,
    ) -> Result<(), CopyError> {
        let failed = |error: rusqlite::Error| self.failed(&error);
        let mut copy = self.open().map_err(failed)?;
        let transaction = copy.transaction().map_err(failed)?;
        for (key, value) in marks {
            set(&transaction, key, *value, by, now)
                .map_err(|error| CopyError::Cannot(format!("the copy could not be marked: {error}")))?;
        }
        transaction.commit().map_err(failed)
    }

    /// Syncs it, reads every page again and compares the figures.
    pub(super) fn check(&self, wanted: &Figures, watch: Watch<'_>) -> Result<Contents, CopyError> {
        sync(&self.path).map_err(|error| self.cannot(&error))?;
        watch(Progress::Checking);
        let contents = check(&self.path).map_err(|problems| {
            CopyError::Bad(format!("what was copied is damaged: {}", problems.join("; ")))
        })?;
        if contents.figures == *wanted {
            return Ok(contents);
        }
        Err(CopyError::Bad(format!(
            "the copy does not hold what was read: {} events, not {}",
            contents.figures.events(),
            wanted.events()
        )))
    }

    /// Gives it its name, over whatever has it now; on disk when this returns.
    pub(super) fn into_place(self, name: &Path) -> Result<(), CopyError> {
        let cannot = |error: std::io::Error| self.cannot(&error);
        std::fs::rename(&self.path, name).map_err(cannot)?;
        sync(&folder_of(name)).map_err(|error| {
            CopyError::Cannot(format!(
                "{} is in place, but its folder could not be synced ({error}): a power cut may undo it",
                name.display()
            ))
        })
    }

    /// Where it stands.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    fn failed(&self, error: &rusqlite::Error) -> CopyError {
        let folder = folder_of(&self.path);
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => {
                CopyError::Cannot(format!("the disk of {} is full; nothing was left there", folder.display()))
            }
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
                CopyError::Bad(format!("what is to be copied is damaged: {error}"))
            }
            _ => CopyError::Cannot(format!("cannot write {}: {error}", self.path.display())),
        }
    }

    fn cannot(&self, error: &std::io::Error) -> CopyError {
        if error.kind() == ErrorKind::StorageFull {
            let folder = folder_of(&self.path);
            return CopyError::Cannot(format!(
                "the disk of {} is full; nothing was left there",
                folder.display()
            ));
        }
        CopyError::Cannot(format!("cannot write {}: {error}", self.path.display()))
    }
}

/// Refuses a copy for which there is no room. On the source's own disk the daemon's floor stays free as well.
pub(super) fn room(source: &Path, folder: &Path, needed: u64, floor: u64) -> Result<(), CopyError> {
    let Ok(disk) = rustix::fs::statvfs(folder) else { return Ok(()) };
    let device = |path: &Path| std::fs::metadata(path).map(|about| about.dev()).ok();
    let floor = if device(source) == device(folder) { floor } else { 0 };
    let (free, needed) = (disk.f_bavail.saturating_mul(disk.f_frsize), needed.saturating_add(floor));
    if free >= needed {
        return Ok(());
    }
    Err(CopyError::Cannot(format!(
        "there is no room in {}: {} MiB are free, {} are needed",
        folder.display(),
        free / 1_048_576,
        needed.div_ceil(1_048_576)
    )))
}

/// The folder that a file stands in.
pub(super) fn folder_of(file: &Path) -> PathBuf {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
    folder.map_or_else(|| PathBuf::from("."), Path::to_path_buf)
}

/// The same name with more at its end.
pub(super) fn with_ending(file: &Path, ending: &str) -> PathBuf {
    let mut name = file.file_name().unwrap_or_default().to_owned();
    name.push(ending);
    file.with_file_name(name)
}

/// The first of `name`, `name-2`, `name-3` … that is not taken.
pub(super) fn free_name(name: &Path) -> PathBuf {
    let taken = |path: &Path| path.symlink_metadata().is_ok();
    let mut free = name.to_owned();
    let mut number = 2_u32;
    while taken(&free) {
        free = with_ending(name, &format!("-{number}"));
        number = number.saturating_add(1);
    }
    free
}

/// A file's or a folder's entries on disk.
pub(super) fn sync(path: &Path) -> std::io::Result<()> {
    File::open(path)?.sync_all()
}

/// Removes a passing file with what SQLite put beside it.
fn clear(path: &Path) {
    for name in SIDE_FILES.iter().map(|ending| with_ending(path, ending)).chain([path.to_owned()]) {
        if let Err(error) = std::fs::remove_file(&name)
            && error.kind() != ErrorKind::NotFound
        {
            log::debug!("{} could not be removed: {error}", name.display());
        }
    }
}

/// What a file that cannot be opened is to a copy.
pub(super) fn unusable(error: &StoreError) -> CopyError {
    match error {
        StoreError::Broken(why) => CopyError::Bad(why.clone()),
        StoreError::Unknown(why) => {
            CopyError::Cannot(format!("the disk does not answer as it should: {why}"))
        }
        other => CopyError::Cannot(other.to_string()),
    }
}
