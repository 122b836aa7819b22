//! `status`, on a file that a stopped daemon left.

use super::*;
use crate::cli::events::tests::row;
use crate::clock::{Clock, ManualClock};
use crate::config::Config;
use crate::daemon::outside;
use crate::event::{HelpdeskName, Lane, Source, TicketId};
use crate::store::{NewCall, Store};
use std::sync::{Arc, mpsc};

const NOW: Timestamp = Timestamp::UNIX_EPOCH;

fn shop(folder: &std::path::Path) -> (Session, Loaded) {
    let mut config = Config::default();
    config.store.path = folder.join("mw.db");
    config.store.min_free_mib = 0;
    let mut session = Session::of_process(None, false);
    session.clock = Arc::new(ManualClock::at(NOW));
    (session, Loaded { config, path: folder.join("config.toml") })
}

fn accept(store: &dyn Store, ticket: Option<&str>) {
    let (done, wait) = mpsc::channel();
    let call = NewCall {
        helpdesk: HelpdeskName::from("richpanel"),
        ticket: ticket.map(TicketId::from),
        source: Source::Call,
        lane: Lane::Email,
        at: NOW,
        fields: "{}".into(),
        raw: Some((None, b"x".to_vec())),
        salvaged: false,
    };
    store.accept(call, Box::new(move |accepted| done.send(accepted).unwrap()));
    wait.recv().unwrap().unwrap();
}

#[test]
fn a_stopped_daemons_file_still_tells_almost_everything() {
    let folder = tempfile::tempdir().unwrap();
    let (session, loaded) = shop(folder.path());
    let clock: Arc<dyn Clock> = Arc::clone(&session.clock);
    let store = outside::store(&loaded.config, &clock).unwrap();
    accept(store.as_ref(), Some("t-1"));
    accept(store.as_ref(), None);
    drop(store);
    let overview = look(&session, &loaded).unwrap();
    let text = page(&overview, NOW, Screen::Plain);
    for words in
        ["production", "shadow", "not running", "1 waiting", "1 call in which nobody", "nothing ended"]
    {
        assert!(text.contains(words), "{words} not in {text}");
    }
    let json = serde_json::to_value(&overview).unwrap();
    assert_eq!(json["last_call_at"], "1970-01-01T00:00:00Z");
    assert_eq!(json["running"], serde_json::Value::Null);
    assert_eq!(json["unusable_bodies"], 1);
}

#[test]
fn open_alerts_and_the_backlog_are_told_with_the_daemon_stopped_too() {
    let folder = tempfile::tempdir().unwrap();
    let (session, loaded) = shop(folder.path());
    let clock: Arc<dyn Clock> = Arc::clone(&session.clock);
    let store = outside::store(&loaded.config, &clock).unwrap();
    for number in 0..200 {
        accept(store.as_ref(), Some(&format!("t-{number}")));
    }
    store.raise("helpdesk-down:richpanel", "it is down\u{1b}[31m", NOW).unwrap();
    store.raise("brake:hour", "it was over quickly", NOW).unwrap();
    store.clear("brake:hour", NOW).unwrap();
    drop(store);
    let overview = look(&session, &loaded).unwrap();
    let text = page(&overview, NOW, Screen::Plain);
    // Shadow reserves 3 calls an event: 600 calls, 50 in 30 s.
    assert!(text.contains("200 email done in about 5 min (3.0 calls an event, as reserved)"), "{text}");
    assert!(text.contains("it is down\\u{1b}[31m") && !text.contains("it was over"), "{text}");
    let json = serde_json::to_value(&overview).unwrap();
    assert_eq!(json["alerts"][0]["key"], "helpdesk-down:richpanel");
    assert_eq!(json["backlog"]["lanes"][0]["seconds"], 330);
    assert_eq!(json["held_back_24h"], serde_json::json!([]));
}

#[test]
fn a_helpdesk_that_is_down_is_shown_with_the_next_try() {
    let folder = tempfile::tempdir().unwrap();
    let (session, loaded) = shop(folder.path());
    drop(outside::store(&loaded.config, &(Arc::clone(&session.clock) as Arc<dyn Clock>)).unwrap());
    let mut overview = look(&session, &loaded).unwrap();
    let down = serde_json::json!({
        "version": "1", "pid": 7, "environment": "e", "mode": "live", "up_seconds": 9, "listen": "l", "admin": "a",
        "not_ready": null, "helpdesks": [{ "name": "richpanel", "limit": 50, "window_seconds": 30, "free": 50,
        "paused_seconds": 0, "calls": 12, "no_replies": null,
        "down": { "since": "1970-01-01T00:00:00Z", "why": "it answers 503", "next_probe_seconds": 17 } }],
    });
    overview.running = Some(serde_json::from_value(down).unwrap());
    overview.held_back_24h = vec![HeldBack { gate: "cap-hour".into(), replies: 95 }];
    let text = page(&overview, NOW, Screen::Plain);
    assert!(
        text.contains("richpanel is down since 1970-01-01 00:00:00 (0 s ago) (it answers 503)"),
        "{text}"
    );
    assert!(text.contains("next try in 17 s") && text.contains("95 by cap-hour"), "{text}");
}

#[test]
fn every_dead_letter_has_a_next_step_and_nothing_else_has() {
    for (reason, words) in [
        ("the helpdesk refuses the API key (401): no", "valid key"),
        ("the helpdesk does not allow this call (403): no", "ask Richpanel"),
        ("the helpdesk refuses the request (400): no", "discard 7"),
        ("the worker panicked; see the log", "keep the log"),
        ("half an answer", "retry 7"),
    ] {
        let step = next_step(&row(7, "dead", reason)).unwrap();
        assert!(step.contains(words), "{reason}: {step}");
    }
    assert_eq!(next_step(&row(7, "backoff", "(401)")), None);
}
