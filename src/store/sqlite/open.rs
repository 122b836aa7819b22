//! Opening the file: checks that it is ours, sets the pragmas and reads them back, creates or migrates the schema.

use std::io::Read as _;
use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use super::copy::{free_name, with_ending};
use super::migrate::{SCHEMA_VERSION, migrate};
use crate::store::StoreError;

/// `'rpmw'` as a big-endian number; what `file` and `sqlite3` show.
pub(crate) const APPLICATION_ID: i64 = 1_919_970_679;

/// Older SQLite has a race between a checkpoint and a WAL restart that can lose a commit.
const OLDEST_SQLITE: i32 = 3_051_003;

/// How long a statement waits for another process's lock (a person's `sqlite3`, a backup).
pub(super) const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// How a refused commit looks from outside.
pub(crate) fn broken(error: &rusqlite::Error) -> StoreError {
    use rusqlite::ErrorCode::{DiskFull, SystemIoFailure};
    match error.sqlite_error_code() {
        Some(DiskFull) => StoreError::DiskFull,
        Some(SystemIoFailure) => StoreError::Unknown(error.to_string()),
        _ => StoreError::Broken(error.to_string()),
    }
}

/// Opens the file for writing: pragmas in force, schema current. Creates it when it is not there.
///
/// # Errors
/// [`StoreError::Broken`] when the file is not ours, newer than this program, or a pragma did not take.
pub(crate) fn open_writer(path: &Path) -> Result<Connection, StoreError> {
    if rusqlite::version_number() < OLDEST_SQLITE {
        return Err(StoreError::Broken(format!(
            "SQLite {} is too old; 3.51.3 is the oldest safe one",
            rusqlite::version()
        )));
    }
    let mut connection = Connection::open(path)
        .map_err(|error| StoreError::Broken(format!("cannot open {}: {error}", path.display())))?;
    refuse_foreign(&connection, path, "choose another [store] path")?;
    set_pragmas(&connection)?;
    migrate(&mut connection, path)?;
    Ok(connection)
}

/// Opens the file for looking only; never creates it, never blocks a writer for long.
///
/// # Errors
/// [`StoreError::Broken`] when it is not there or not ours.
pub(crate) fn open_reader(path: &Path) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)
        .map_err(|error| StoreError::Broken(format!("cannot open {}: {error}", path.display())))?;
    connection.busy_timeout(BUSY_TIMEOUT).map_err(|error| broken(&error))?;
    refuse_foreign(&connection, path, "choose another [store] path")?;
    let version: i64 = pragma(&connection, "user_version")?;
    refuse_newer(path, version)?;
    if version != SCHEMA_VERSION {
        return Err(StoreError::Broken(format!(
            "{} was written by an earlier richpanel-mw (schema {version}, this one reads {SCHEMA_VERSION}); start the \
             daemon once (systemctl start richpanel-mw): it brings the file forward and keeps every event",
            path.display()
        )));
    }
    Ok(connection)
}

/// Opens a file of this or an earlier schema for looking only, and gives its schema version: for copies.
///
/// # Errors
/// [`StoreError::Broken`] when it is not there, not ours, empty, or newer than this program.
pub(super) fn open_any_version(path: &Path) -> Result<(Connection, i64), StoreError> {
    let (connection, version) = open_ours(path)?;
    refuse_newer(path, version)?;
    if version < 1 {
        return Err(StoreError::Broken(format!("{} is empty, not a richpanel-mw database", path.display())));
    }
    Ok((connection, version))
}

/// Opens a file of whatever schema for looking only, and gives its schema version.
///
/// # Errors
/// [`StoreError::Broken`] when it is not there or not ours.
pub(super) fn open_ours(path: &Path) -> Result<(Connection, i64), StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)
        .map_err(|error| StoreError::Broken(format!("cannot open {}: {error}", path.display())))?;
    connection.busy_timeout(BUSY_TIMEOUT).map_err(|error| broken(&error))?;
    refuse_foreign(&connection, path, "it is not a richpanel-mw database, nor a copy of one")?;
    let version = pragma(&connection, "user_version")?;
    Ok((connection, version))
}

/// A copy put in place by hand where another database was: that one's WAL is still there when its daemon was killed,
/// and SQLite would play it into the copy. A file that is in use has WAL mode in its head; a copy has not.
///
/// # Errors
/// [`StoreError::Broken`] when it cannot be moved.
pub(super) fn put_aside_foreign_wal(path: &Path) -> Result<(), StoreError> {
    let wal = with_ending(path, "-wal");
    let mut head = [0; 20];
    let read = std::fs::File::open(path).and_then(|mut file| file.read_exact(&mut head));
    let rollback_mode = read.is_ok() && matches!(head, [.., 1, 1]);
    if !rollback_mode || !std::fs::metadata(&wal).is_ok_and(|wal| wal.len() > 0) {
        return Ok(());
    }
    let aside = free_name(&with_ending(&wal, ".left-behind"));
    log::warn!(
        "store: {} is a copy that was put in place beside another database's {}, which is now {}",
        path.display(),
        wal.display(),
        aside.display()
    );
    std::fs::rename(&wal, &aside)
        .map_err(|error| StoreError::Broken(format!("cannot move {} aside: {error}", wal.display())))
}

/// A newer file is left alone.
pub(super) fn refuse_newer(path: &Path, version: i64) -> Result<(), StoreError> {
    if version <= SCHEMA_VERSION {
        return Ok(());
    }
    Err(StoreError::Broken(format!(
        "{} was written by a newer richpanel-mw (schema {version}, this one knows {SCHEMA_VERSION}); install that \
         version again or restore a backup",
        path.display()
    )))
}

pub(super) fn pragma<T: rusqlite::types::FromSql>(
    connection: &Connection,
    name: &str,
) -> Result<T, StoreError> {
    connection.pragma_query_value(None, name, |row| row.get(0)).map_err(|error| broken(&error))
}

fn refuse_foreign(connection: &Connection, path: &Path, then: &str) -> Result<(), StoreError> {
    let id: i64 = pragma(connection, "application_id").map_err(|error| match error {
        StoreError::Broken(why) => {
            StoreError::Broken(format!("{} is not a richpanel-mw database: {why}", path.display()))
        }
        disk => disk,
    })?;
    let tables: i64 = connection
        .query_row("select count(*) from sqlite_schema", [], |row| row.get(0))
        .map_err(|error| broken(&error))?;
    if id == APPLICATION_ID || (id == 0 && tables == 0) {
        return Ok(());
    }
    Err(StoreError::Broken(format!("{} is a database of another program; {then}", path.display())))
}

fn set_pragmas(connection: &Connection) -> Result<(), StoreError> {
    connection.busy_timeout(BUSY_TIMEOUT).map_err(|error| broken(&error))?;
    // 8 KiB pages: fewer of them a commit; only a fresh file takes it.
    for (name, value) in [("page_size", "8192"), ("journal_mode", "wal")] {
        connection.pragma_update(None, name, value).map_err(|error| broken(&error))?;
    }
    let wanted = [
        ("synchronous", 2),        // FULL: NORMAL lost 800 rows in 1,000 power losses
        ("foreign_keys", 1),       // history goes with its event
        ("trusted_schema", 0),     // a doctored file runs no functions of ours
        ("cell_size_check", 1),    // damage is seen early
        ("wal_autocheckpoint", 0), // checkpoints happen off the accept path
    ];
    for (name, value) in wanted {
        connection.pragma_update(None, name, value).map_err(|error| broken(&error))?;
        let in_force: i64 = pragma(connection, name)?;
        if in_force != value {
            return Err(StoreError::Broken(format!("pragma {name} is {in_force}, not {value}")));
        }
    }
    let mode: String = pragma(connection, "journal_mode")?;
    if mode != "wal" {
        return Err(StoreError::Broken(format!(
            "the file system does not carry SQLite's WAL (journal mode is {mode}); put [store] path on a local disk"
        )));
    }
    connection.set_prepared_statement_cache_capacity(64);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fresh_file_has_the_schema_and_the_pragmas() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("mw.db");
        let connection = open_writer(&path).unwrap();
        assert_eq!(pragma::<i64>(&connection, "application_id").unwrap(), APPLICATION_ID);
        assert_eq!(pragma::<i64>(&connection, "user_version").unwrap(), SCHEMA_VERSION);
        drop(connection);
        open_writer(&path).unwrap();
        open_reader(&path).unwrap();
    }

    #[test]
    fn a_newer_file_is_refused_with_a_clear_word_and_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("mw.db");
        open_writer(&path).unwrap().pragma_update(None, "user_version", 99).unwrap();
        let error = open_writer(&path).unwrap_err().to_string();
        assert!(error.contains("newer"), "{error}");
    }

    #[test]
    fn somebody_elses_database_and_a_text_file_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let other = folder.path().join("other.db");
        Connection::open(&other).unwrap().execute_batch("create table a (b)").unwrap();
        assert!(open_writer(&other).unwrap_err().to_string().contains("another program"));
        let text = folder.path().join("text");
        std::fs::write(&text, "this is not a database, it is a longer line of plain text").unwrap();
        assert!(open_writer(&text).is_err());
    }

    #[test]
    fn looking_never_creates_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("none.db");
        assert!(open_reader(&path).is_err());
        assert!(!path.exists());
    }
}
