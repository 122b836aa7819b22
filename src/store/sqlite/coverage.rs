//! The ledger of what came: derived from the events, nothing of it is kept. The views `ledger` and `coverage` of the
//! schema say the same in readable times.

use rusqlite::{Connection, Row, named_params};

use super::open::broken;
use super::reader::Reader;
use crate::clock::{from_millis, millis};
use crate::event::Timestamp;
use crate::store::{CoverageHour, StoreError};

// One row a customer message: several events may stand for it (a late call ends as a duplicate of a sweep's find).
const COVERAGE: &str = "
  with message as (
    select max(channel) as channel, min(case source when 'call' then 0 when 'sweep' then 1 else 2 end) as came,
           min(coalesce(message_at, accepted_at)) as at, max(case source when 'call' then accepted_at end) as called_at
    from events where accepted_at >= :since
    group by helpdesk, ticket_id, coalesce(message_key, id))
  select at / 3600000 * 3600000 as hour, channel, sum(came = 0), sum(came = 1), sum(came = 2), 0 as missing,
         max(called_at), min(case came when 1 then at end)
  from message where at >= :since group by hour, channel
  union all
  select noted_at / 3600000 * 3600000, null, 0, 0, 0, count(*), null, null
  from gaps where state = 'missing' and noted_at >= :since group by 1
  order by 1, 2, 6";

/// Counts by hour and channel, oldest first.
pub(super) fn coverage(connection: &Connection, since: Timestamp) -> Result<Vec<CoverageHour>, StoreError> {
    connection
        .prepare_cached(COVERAGE)
        .and_then(|mut statement| {
            statement.query_map(named_params! { ":since": millis(since) }, read)?.collect()
        })
        .map_err(|error| broken(&error))
}

fn read(row: &Row<'_>) -> rusqlite::Result<CoverageHour> {
    let time = |column: usize| row.get::<_, Option<i64>>(column).map(|at| at.map(from_millis));
    Ok(CoverageHour {
        hour: from_millis(row.get(0)?),
        channel: row.get(1)?,
        calls: row.get(2)?,
        sweeps: row.get(3)?,
        csv: row.get(4)?,
        missing: row.get(5)?,
        last_call_at: time(6)?,
        first_find_at: time(7)?,
    })
}

impl Reader {
    /// As [`crate::store::Store::coverage`].
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn coverage(&self, since: Timestamp) -> Result<Vec<CoverageHour>, StoreError> {
        coverage(&self.connection, since)
    }
}

#[cfg(test)]
mod tests {
    use super::super::open::open_writer;
    use super::*;

    #[test]
    fn the_views_say_what_the_port_says() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("mw.db");
        let writer = open_writer(&path).unwrap();
        // Ten days; most messages came twice, in one way or in two, some were never read; and gaps.
        writer
            .execute_batch(
                "with recursive n (i) as (select 0 union all select i + 1 from n where i < 900)
                 insert into events (helpdesk, ticket_id, source, lane, state, outcome, accepted_at, due_at, fields,
                   ticket_number, channel, message_key, message_at, finished_at)
                 select 'richpanel', 't' || (i / 2), case i % 7 when 0 then 'sweep' when 1 then 'csv' else 'call' end, 1,
                   'done', 'routed', unixepoch('now') * 1000 - i * 960000, 0, '{}', i % 400,
                   iif(i % 3, 'email', 'live_chat'), iif(i % 5, 'm' || (i / 2), null),
                   iif(i % 4, unixepoch('now') * 1000 - i * 960000 - 5000, null), 1 from n;
                 insert into gaps (helpdesk, number, state, noted_at)
                   values ('richpanel', 7, 'missing', unixepoch('now') * 1000), ('richpanel', 8, 'nothing', unixepoch('now') * 1000),
                          ('richpanel', 9, 'missing', (unixepoch('now') - 8 * 86400) * 1000);",
            )
            .unwrap();
        let sql = "select (unixepoch('now') - 7 * 86400) * 1000";
        let week = from_millis(writer.query_row(sql, [], |row| row.get(0)).unwrap());
        let rows = Reader::open(&path).unwrap().coverage(week).unwrap();
        let mut shown: Vec<String> = rows
            .iter()
            .map(|row| {
                let channel = row.channel.as_deref().unwrap_or("(not known)");
                let hour = row.hour.strftime("%Y-%m-%d %H:%M");
                format!("{hour} {channel} {} {} {} {}", row.calls, row.sweeps, row.csv, row.missing)
            })
            .collect();
        let sql =
            "select hour || ' ' || channel || ' ' || calls || ' ' || sweeps || ' ' || csv || ' ' || missing
                   from coverage order by hour, channel";
        let mut statement = writer.prepare(sql).unwrap();
        let view: Vec<String> =
            statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
        shown.sort();
        assert_eq!(shown, view);
        assert!(rows.iter().map(|row| row.sweeps).sum::<u32>() > 20);
        assert_eq!(rows.iter().map(|row| row.missing).sum::<u32>(), 1);
    }
}
