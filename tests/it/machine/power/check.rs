//! Looks at what a power loss left: the production store opens it first, as the daemon's next start would; then a plain
//! connection asks SQLite whether the file is whole, and what is in it.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use richpanel_mw::clock::{Clock as _, SystemClock};
use richpanel_mw::store::Store as _;
use richpanel_mw::store::sqlite::{Options, SqliteStore};
use rusqlite::Connection;

use super::losses::Facts;

/// Calls by event: each acknowledged one has its row.
const CALLS: &str =
    "select event_id, count(*) from calls join events on events.id = event_id group by event_id";

/// The states from which no reply is ever begun again.
const REPLIES: &str = "select ticket_id, count(*) from replies
  where state in ('unsure', 'sent', 'confirmed', 'unconfirmed') group by ticket_id";

/// The daemon's file.
pub fn daemon(path: &Path) -> Facts {
    match restarted(path).and_then(|()| facts(path, CALLS, Some(REPLIES))) {
        Ok(facts) => facts,
        Err(why) => Facts { corrupt: Some(why), ..Facts::default() },
    }
}

/// The control's file: one table `kept` of rows.
pub fn control(path: &Path) -> Facts {
    facts(path, "select id, 1 from kept", None)
        .unwrap_or_else(|why| Facts { corrupt: Some(why), ..Facts::default() })
}

/// Opens it as the daemon does, and puts back what the power loss stopped.
fn restarted(path: &Path) -> Result<(), String> {
    let clock = Arc::new(SystemClock::new());
    let options = Options { min_free_bytes: 0, ..Options::at(path) };
    let store =
        SqliteStore::open(&options, Arc::<SystemClock>::clone(&clock)).map_err(|error| error.to_string())?;
    store.recover(clock.now()).map_err(|error| error.to_string())?;
    store.close();
    Ok(())
}

fn facts(path: &Path, kept: &str, replies: Option<&str>) -> Result<Facts, String> {
    let words = |error: rusqlite::Error| error.to_string();
    let connection = Connection::open(path).map_err(words)?;
    let whole: String =
        connection.query_row("pragma integrity_check", [], |row| row.get(0)).map_err(words)?;
    let strays: i64 = connection
        .query_row("select count(*) from pragma_foreign_key_check", [], |row| row.get(0))
        .map_err(words)?;
    if whole != "ok" || strays != 0 {
        return Err(format!("{whole}; {strays} rows point nowhere"));
    }
    let kept = match counted(&connection, kept) {
        // The control's power went before its table was made.
        Err(error) if error.to_string().contains("no such table: kept") => BTreeMap::new(),
        found => found.map_err(words)?,
    };
    let replies = replies.map_or(Ok(BTreeMap::new()), |sql| counted(&connection, sql)).map_err(words)?;
    Ok(Facts { corrupt: None, kept, replies })
}

fn counted<K: rusqlite::types::FromSql + Ord>(
    connection: &Connection,
    sql: &str,
) -> rusqlite::Result<BTreeMap<K, u64>> {
    let mut statement = connection.prepare(sql)?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    rows.collect()
}
