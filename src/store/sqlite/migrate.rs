//! From the schema a file has to the one this program knows, forward only and in one transaction.
//!
//! A fresh file gets [`SCHEMA`] at once. An older one takes one step a version: `migrations/vN.sql` leads from N - 1
//! to N. Either every step is on disk or none is: the version number is written in the same transaction. Old schemas
//! stay in the repository (`migrations/v1.sql` and `migrations/v2-fresh.sql` as they were), so that each step has its test.

use std::path::Path;

use rusqlite::{Connection, TransactionBehavior};

use super::open::{broken, pragma, refuse_newer};
use crate::store::StoreError;

/// The version `schema.sql` describes.
pub(crate) const SCHEMA_VERSION: i64 = 3;

/// The whole schema of a fresh file.
pub(crate) const SCHEMA: &str = include_str!("../../../schema.sql");

/// The step to each version from 2 on.
const STEPS: [(i64, &str); 2] =
    [(2, include_str!("migrations/v2.sql")), (3, include_str!("migrations/v3.sql"))];

/// Brings the schema up to date.
///
/// # Errors
/// [`StoreError::Broken`] when the file is newer than this program (it is left alone) or a step fails (nothing of it
/// stays).
pub(super) fn migrate(connection: &mut Connection, path: &Path) -> Result<(), StoreError> {
    let version: i64 = pragma(connection, "user_version")?;
    if version == SCHEMA_VERSION {
        return Ok(());
    }
    refuse_newer(path, version)?;
    let transaction = connection
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .map_err(|error| broken(&error))?;
    if version == 0 {
        transaction.execute_batch(SCHEMA).map_err(|error| broken(&error))?;
    } else {
        for (to, step) in STEPS.into_iter().filter(|(to, _)| *to > version) {
            transaction.execute_batch(step).map_err(|error| {
                StoreError::Broken(format!(
                    "{} could not be brought from schema {version} to {to}, and was left as it is: {error}",
                    path.display()
                ))
            })?;
        }
        transaction.pragma_update(None, "user_version", SCHEMA_VERSION).map_err(|error| broken(&error))?;
    }
    transaction.commit().map_err(|error| broken(&error))?;
    if version > 0 {
        log::info!("store: {} was brought from schema {version} to {SCHEMA_VERSION}", path.display());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::open::{open_reader, open_writer};
    use super::*;

    /// The first schema, as it was.
    const V1: &str = include_str!("migrations/v1.sql");
    /// The second one.
    const V2: &str = include_str!("migrations/v2-fresh.sql");
    /// What a daemon of the first one's time wrote.
    const V1_ROWS: &str = include_str!("migrations/v1-rows.sql");

    /// What came with the second.
    const V2_ROWS: &str = "
      insert into alerts (key, text, raised_at) values ('brake:hour', 'too many', 5);
      insert into gaps (helpdesk, number, state, noted_at) values ('richpanel', 7, 'missing', 5);";

    fn file_of_version_1(path: &Path, more: &str) {
        file(path, V1, more);
    }

    fn file(path: &Path, schema: &str, more: &str) {
        let connection = Connection::open(path).unwrap();
        connection.execute_batch(schema).unwrap();
        connection.execute_batch(V1_ROWS).unwrap();
        connection.execute_batch(more).unwrap();
    }

    fn objects(connection: &Connection) -> Vec<(String, String, String)> {
        let sql = "select type, name, coalesce(sql, '') from sqlite_schema where name not like 'sqlite_%' order by 1, 2";
        let mut statement = connection.prepare(sql).unwrap();
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).unwrap();
        rows.map(Result::unwrap).collect()
    }

    fn rows(connection: &Connection, table: &str) -> Vec<String> {
        let mut statement = connection.prepare(&format!("select * from {table} order by 1, 2")).unwrap();
        let columns = statement.column_count();
        let read = |row: &rusqlite::Row<'_>| {
            let values = (0..columns).map(|column| format!("{:?}", row.get_ref(column).unwrap()));
            Ok(values.collect::<Vec<_>>().join("|"))
        };
        statement.query_map([], read).unwrap().map(Result::unwrap).collect()
    }

    #[test]
    fn a_file_of_each_earlier_version_becomes_a_fresh_one_with_its_rows() {
        for (version, schema, rows_of_it, more_tables) in
            [(1, V1, "", &[][..]), (2, V2, V2_ROWS, &["alerts", "gaps"][..])]
        {
            let folder = tempfile::tempdir().unwrap();
            let (old, fresh) = (folder.path().join("old.db"), folder.path().join("fresh.db"));
            file(&old, schema, rows_of_it);
            let tables = [
                "events",
                "calls",
                "idempotency",
                "decisions",
                "replies",
                "steps",
                "transitions",
                "tickets",
                "settings",
            ];
            let tables = || tables.iter().chain(more_tables);
            let before: Vec<_> = {
                let connection = Connection::open(&old).unwrap();
                assert_eq!(pragma::<i64>(&connection, "user_version").unwrap(), version);
                tables().map(|table| rows(&connection, table)).collect()
            };
            assert!(before.iter().all(|rows| !rows.is_empty()), "the sample has a row of everything");
            let migrated = open_writer(&old).unwrap();
            assert_eq!(pragma::<i64>(&migrated, "user_version").unwrap(), SCHEMA_VERSION);
            assert_eq!(objects(&migrated), objects(&open_writer(&fresh).unwrap()));
            let after: Vec<_> = tables().map(|table| rows(&migrated, table)).collect();
            assert_eq!(before, after);
            open_reader(&old).unwrap();
        }
    }

    #[test]
    fn a_step_that_fails_leaves_the_file_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("mw.db");
        file_of_version_1(&path, "create table gaps (a)");
        let error = open_writer(&path).unwrap_err().to_string();
        assert!(error.contains("left as it is"), "{error}");
        let connection = Connection::open(&path).unwrap();
        assert_eq!(pragma::<i64>(&connection, "user_version").unwrap(), 1);
        assert!(!objects(&connection).iter().any(|(_, name, _)| name == "alerts"), "half a step stayed");
        assert_eq!(rows(&connection, "events").len(), 5);
    }

    #[test]
    fn there_is_a_step_to_every_version() {
        let steps: Vec<i64> = STEPS.iter().map(|(to, _)| *to).collect();
        assert_eq!(steps, (2..=SCHEMA_VERSION).collect::<Vec<_>>());
    }
}
