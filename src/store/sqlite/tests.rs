//! What this adapter promises beyond the port: its lock, its file, its disk.

use super::*;
use crate::clock::ManualClock;

crate::store::conformance::suite!(|clock: Arc<ManualClock>| {
    let folder = tempfile::tempdir().unwrap();
    let options = Options { min_free_bytes: 0, ..Options::at(&folder.path().join("mw.db")) };
    let store = SqliteStore::open(&options, clock).unwrap();
    (Box::new(store) as Box<dyn Store>, folder)
});

#[test]
fn somebody_who_reads_for_long_does_not_hold_up_the_writer() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options { min_free_bytes: 0, ..Options::at(&folder.path().join("mw.db")) };
    let (now, clock) = (Timestamp::UNIX_EPOCH, crate::clock::SystemClock::new());
    let store = SqliteStore::open(&options, Arc::new(ManualClock::at(now))).unwrap();
    let long = open::open_reader(&options.path).unwrap();
    long.execute_batch("begin; select count(*) from settings").unwrap();
    store.set("a", Some("1"), "test", now).unwrap();
    // Past the idle time: the writer folds its WAL up, or would like to.
    let (_keep, never) = std::sync::mpsc::channel::<()>();
    let _ = never.recv_timeout(Duration::from_millis(1_300));
    let before = clock.monotonic();
    store.set("a", Some("2"), "test", now).unwrap();
    let took = clock.monotonic() - before;
    assert!(took < Duration::from_secs(1), "a write waited {took:?} for a reader");
    long.execute_batch("commit").unwrap();
}

#[test]
fn a_second_process_is_turned_away_and_the_first_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options { min_free_bytes: 0, ..Options::at(&folder.path().join("mw.db")) };
    let clock: Arc<dyn Clock> = Arc::new(ManualClock::at(Timestamp::UNIX_EPOCH));
    let first = SqliteStore::open(&options, Arc::clone(&clock)).unwrap();
    let Err(error) = SqliteStore::open(&options, Arc::clone(&clock)) else { panic!("two at once") };
    assert!(matches!(&error, StoreError::Refused(why) if why.contains("another")), "{error}");
    drop(first);
    SqliteStore::open(&options, clock).unwrap();
}

#[test]
fn a_disk_without_room_takes_nothing_in_and_sends_nothing_but_still_records() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options { min_free_bytes: u64::MAX, ..Options::at(&folder.path().join("mw.db")) };
    let now = Timestamp::UNIX_EPOCH;
    let store = SqliteStore::open(&options, Arc::new(ManualClock::at(now))).unwrap();
    let answer = crate::store::conformance::accept(&store, "T-1", crate::event::Lane::Email, now);
    assert_eq!(answer, Err(StoreError::DiskFull));
    assert_eq!(store.ready(), Err(StoreError::DiskFull));
    store.set("mode", Some("off"), "test", now).unwrap();
    assert_eq!(store.setting("mode").unwrap().unwrap().value, "off");
}

#[test]
fn an_orderly_end_leaves_one_whole_file_and_takes_nothing_more() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options { min_free_bytes: 0, ..Options::at(&folder.path().join("mw.db")) };
    let now = Timestamp::UNIX_EPOCH;
    let store = SqliteStore::open(&options, Arc::new(ManualClock::at(now))).unwrap();
    for number in 0..20 {
        let ticket = format!("T-{number}");
        crate::store::conformance::accept(&store, &ticket, crate::event::Lane::Email, now).unwrap();
    }
    store.close();
    let wal = std::fs::metadata(folder.path().join("mw.db-wal")).map_or(0, |file| file.len());
    assert_eq!(wal, 0, "the WAL was left behind");
    assert!(store.set("mode", Some("off"), "test", now).is_err());
    let late = crate::store::conformance::accept(&store, "late", crate::event::Lane::Email, now);
    assert_eq!(late, Err(StoreError::Busy));
}

#[test]
fn the_wal_stays_short_under_load() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options { min_free_bytes: 0, ..Options::at(&folder.path().join("mw.db")) };
    let now = Timestamp::UNIX_EPOCH;
    let store = SqliteStore::open(&options, Arc::new(ManualClock::at(now))).unwrap();
    let wal = folder.path().join("mw.db-wal");
    let mut longest = [0_u64; 2];
    for (half, longest) in longest.iter_mut().enumerate() {
        for number in 0..1_100 {
            store.set("key", Some(&format!("{half} {number} {}", "x".repeat(500))), "test", now).unwrap();
            *longest = (*longest).max(std::fs::metadata(&wal).map_or(0, |file| file.len()));
        }
    }
    assert!(longest[1] <= longest[0] + longest[0] / 4, "it grows: {longest:?}");
}
