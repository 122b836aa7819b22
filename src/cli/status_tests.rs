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
