//! The watch on a real store: two weeks of calls, then none; and a clock that somebody sets.

use std::path::Path;
use std::sync::Arc;

use crate::clock::{Clock, ManualClock, after, millis};
use crate::config::Config;
use crate::config::secrets::Secrets;
use crate::daemon::outside;
use crate::event::Timestamp;
use crate::timer::Timer;

use super::*;

/// A Tuesday, noon.
const NOON: Timestamp = Timestamp::constant(1_771_329_600, 0);
const MINUTE: Duration = Duration::from_secs(60);

fn shop(folder: &Path) -> (Timer, Arc<ManualClock>) {
    let mut config = Config::default();
    config.store.path = folder.join("mw.db");
    config.store.min_free_mib = 0;
    let manual = Arc::new(ManualClock::at(NOON));
    let clock: Arc<dyn Clock> = Arc::<ManualClock>::clone(&manual);
    let secrets = Secrets { api_key: Some("key".to_owned().into()), ..Secrets::default() };
    let helpdesk = outside::helpdesk(&config, &secrets, &clock).unwrap();
    let store = outside::store(&config, &clock).unwrap();
    (Timer::new(store, helpdesk, clock, config, Box::new(|| false)), manual)
}

/// Calls that were read, written at these times.
fn calls(folder: &Path, channel: &str, times: impl Iterator<Item = Timestamp>) {
    let mut connection = rusqlite::Connection::open(folder.join("mw.db")).unwrap();
    let transaction = connection.transaction().unwrap();
    for at in times {
        let sql = "insert into events (helpdesk, ticket_id, source, lane, state, outcome, accepted_at, due_at, fields,
                     channel, message_key, message_at, finished_at)
                   values ('richpanel', ?1, 'call', 1, 'done', 'routed', ?2, ?2, '{}', ?3, ?1, ?2, ?2)";
        let ticket = format!("{channel}-{}", millis(at));
        transaction.execute(sql, rusqlite::params![ticket, millis(at), channel]).unwrap();
    }
    transaction.commit().unwrap();
}

/// Every five minutes for so long.
fn go_by(timer: &Timer, clock: &ManualClock, minutes: u32, mut meanwhile: impl FnMut()) {
    for _ in 0..minutes / 5 {
        clock.advance(5 * MINUTE);
        meanwhile();
        timer.watch_channels();
    }
}

fn open(timer: &Timer) -> Vec<String> {
    timer.store.alerts().unwrap().into_iter().map(|alert| alert.key).collect()
}

#[test]
fn a_channel_that_stops_raises_one_alert_which_ends_with_its_next_calls() {
    let folder = tempfile::tempdir().unwrap();
    let (timer, clock) = shop(folder.path());
    let fortnight = |every: u64| {
        let back = Duration::from_secs(14 * 24 * 3_600);
        let start = Timestamp::from_millisecond(millis(NOON) - back.as_millis() as i64).unwrap();
        (0..back.as_secs() / every).map(move |n| after(start, Duration::from_secs(n * every)))
    };
    calls(folder.path(), "email", fortnight(360));
    calls(folder.path(), "live_chat", fortnight(900));
    timer.watch_channels();
    let chat = || calls(folder.path(), "live_chat", std::iter::once(clock.now()));
    go_by(&timer, &clock, 60, chat);
    assert_eq!(open(&timer), Vec::<String>::new(), "an hour is not enough for ten calls an hour");
    go_by(&timer, &clock, 120, chat);
    assert_eq!(open(&timer), ["quiet:email"]);
    let words = timer.store.alerts().unwrap().remove(0).text;
    assert!(words.contains("no call for email has come since Tue 2026-02-17 11:54 UTC"), "{words}");
    // Stands still while nothing comes, whatever the time of day; ends by itself.
    go_by(&timer, &clock, 600, chat);
    assert_eq!(open(&timer), ["quiet:email"]);
    go_by(&timer, &clock, 60, || {
        chat();
        calls(folder.path(), "email", (0..3).map(|n| after(clock.now(), Duration::from_secs(n))));
    });
    assert_eq!(open(&timer), Vec::<String>::new());
}

#[test]
fn a_clock_that_was_set_raises_nothing_and_the_watch_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let (timer, clock) = shop(folder.path());
    let start = millis(NOON) - 14 * 24 * 3_600_000;
    calls(
        folder.path(),
        "email",
        (0..14 * 240).map(|n| Timestamp::from_millisecond(start + n * 360_000).unwrap()),
    );
    let mail = || calls(folder.path(), "email", std::iter::once(clock.now()));
    go_by(&timer, &clock, 600, mail);
    for hours in [5_i64, 400 * 24, -400 * 24, -8] {
        let then = Timestamp::from_millisecond(millis(clock.now()) + hours * 3_600_000).unwrap();
        clock.jump_to(then);
        go_by(&timer, &clock, 120, mail);
        assert_eq!(open(&timer), Vec::<String>::new(), "{hours} h");
    }
}
