//! Trained models: the newest few, at most one in force.

use rusqlite::{Connection, OptionalExtension as _, Row, named_params};

use super::SqliteStore;
use super::events::execute;
use super::open::broken;
use super::upkeep::set;
use crate::clock::{from_millis, millis};
use crate::event::Timestamp;
use crate::store::StoreError;
use crate::store::marks::MODEL;
use crate::store::models::{KEPT_MAX, KeptModel, ModelStore, NewModel};

const ADD: &str = "
  insert into models (version, trained_at, data, figures, bytes, in_force)
  values (:version, :trained_at, :data, :figures, :bytes, 0)
  on conflict (version) do update set trained_at = excluded.trained_at, figures = excluded.figures";

const OUT_OF_FORCE: &str = "update models set in_force = 0 where in_force = 1";

const INTO_FORCE: &str = "update models set in_force = 1 where version = :version";

const LET_GO: &str = "
  delete from models where in_force = 0 and version not in
    (select version from models order by trained_at desc, version limit :kept)";

const BYTES: &str = "select bytes from models where version = :version";

const BYTES_IN_FORCE: &str = "select bytes from models where in_force = 1";

const LIST: &str = "
  select version, trained_at, data, figures, length(bytes), in_force from models order by trained_at desc, version";

/// See [`ModelStore::add_model`].
pub(super) fn add(
    connection: &Connection,
    model: &NewModel,
    by: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    let NewModel { version, trained_at, data, figures, bytes } = model;
    execute(
        connection,
        ADD,
        named_params! {
            ":version": version, ":trained_at": millis(*trained_at), ":data": data, ":figures": figures,
            ":bytes": bytes.as_ref(),
        },
    )?;
    take(connection, Some(version), by, now)?;
    execute(connection, LET_GO, named_params! { ":kept": KEPT_MAX }).map(|_| ())
}

/// See [`ModelStore::use_model`].
pub(super) fn take(
    connection: &Connection,
    version: Option<&str>,
    by: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    // Refused before anything is written.
    if let Some(version) = version
        && bytes(connection, Some(version))?.is_none()
    {
        return Err(StoreError::Refused(format!("no model {version} is kept here")));
    }
    execute(connection, OUT_OF_FORCE, named_params! {})?;
    if let Some(version) = version {
        execute(connection, INTO_FORCE, named_params! { ":version": version })?;
    }
    set(connection, MODEL, Some(version.unwrap_or("starter")), by, now)
}

/// See [`ModelStore::model`].
pub(super) fn bytes(connection: &Connection, version: Option<&str>) -> Result<Option<Vec<u8>>, StoreError> {
    let read = |row: &Row<'_>| row.get(0);
    let found = match version {
        Some(version) => connection.query_row(BYTES, named_params! { ":version": version }, read),
        None => connection.query_row(BYTES_IN_FORCE, [], read),
    };
    found.optional().map_err(|error| broken(&error))
}

/// Every kept model, the newest first.
pub(super) fn list(connection: &Connection) -> Result<Vec<KeptModel>, StoreError> {
    let read = |row: &Row<'_>| {
        Ok(KeptModel {
            version: row.get(0)?,
            trained_at: from_millis(row.get(1)?),
            data: row.get(2)?,
            figures: row.get(3)?,
            size_bytes: row.get(4)?,
            in_force: row.get(5)?,
        })
    };
    connection
        .prepare_cached(LIST)
        .and_then(|mut statement| statement.query_map([], read)?.collect())
        .map_err(|error| broken(&error))
}

impl ModelStore for SqliteStore {
    fn add_model(&self, model: NewModel, by: &str, now: Timestamp) -> Result<(), StoreError> {
        let by = by.to_owned();
        self.writer.run(false, move |connection| add(connection, &model, &by, now))
    }

    fn use_model(&self, version: Option<&str>, by: &str, now: Timestamp) -> Result<(), StoreError> {
        let (version, by) = (version.map(str::to_owned), by.to_owned());
        self.writer.run(false, move |connection| take(connection, version.as_deref(), &by, now))
    }

    fn model(&self, version: Option<&str>) -> Result<Option<Vec<u8>>, StoreError> {
        self.read(|connection| bytes(connection, version))
    }
}
