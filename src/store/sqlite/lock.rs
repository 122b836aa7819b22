//! One process a state directory: `flock` on a file beside the database, so that `sqlite3` can always look.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};

use crate::store::StoreError;

/// Held for the life of the process; the kernel lets go when it dies.
#[derive(Debug)]
pub struct StateLock {
    _file: File,
}

impl StateLock {
    /// Where the lock of this database stands.
    pub fn path(database: &Path) -> PathBuf {
        let mut name = database.file_name().unwrap_or_default().to_owned();
        name.push(".lock");
        database.with_file_name(name)
    }

    /// Takes the lock, or says who has it.
    ///
    /// # Errors
    /// [`StoreError::Refused`] when another process holds it; [`StoreError::Broken`] when the file cannot be made.
    pub fn take(database: &Path) -> Result<Self, StoreError> {
        let path = Self::path(database);
        let cannot = |error: std::io::Error| {
            let folder = path.parent().unwrap_or_else(|| Path::new(".")).display();
            StoreError::Broken(format!(
                "cannot write in {folder}: {error}; create it or choose another [store] path"
            ))
        };
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(cannot)?;
        match file.try_lock() {
            Ok(()) => (),
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                let _ = file.read_to_string(&mut holder);
                return Err(StoreError::Refused(format!(
                    "another richpanel-mw (process {}) is using {}",
                    holder.trim(),
                    database.display()
                )));
            }
            Err(TryLockError::Error(error)) => return Err(cannot(error)),
        }
        // Only a note for people; the lock itself is the kernel's.
        let _ = file
            .set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| write!(file, "{}", std::process::id()));
        Ok(Self { _file: file })
    }
}
