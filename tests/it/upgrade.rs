//! Files that earlier and later versions of the program wrote.

use std::process::{Command, Output};

use richpanel_mw::event::{State, Timestamp};
use richpanel_mw::sim::people::OrderState;
use richpanel_mw::sim::{NewMessage, Written};
use rusqlite::Connection;

use crate::said::{Said, mw};
use crate::world::{World, now, plain};

const V1: &str = include_str!("../../src/store/sqlite/migrations/v1.sql");
const V1_ROWS: &str = include_str!("../../src/store/sqlite/migrations/v1-rows.sql");
const WHERE: &str = "Hi, where is my order #606243?";
const RETURN: &str = "I would like to return my shoes, please send me a return label.";

/// A stopped shop whose file is the one that the first version left, with these tickets waiting in it.
fn shop_of_version_1(world: &mut World, waiting: &[&Written]) {
    world.stop();
    for ending in ["", "-wal", "-shm"] {
        let _ = std::fs::remove_file(format!("{}{ending}", world.database().display()));
    }
    let file = Connection::open(world.database()).unwrap();
    file.execute_batch("pragma page_size = 8192; pragma journal_mode = wal").unwrap();
    file.execute_batch(V1).unwrap();
    file.execute_batch(V1_ROWS).unwrap();
    for written in waiting {
        let fields = serde_json::json!({
            "ticket_id": written.ticket_id, "channel": "email", "message": null, "subject": null, "trigger": null,
            "customer_email": null, "extra": {}, "salvaged": false,
        });
        let accepted: Timestamp = now();
        file.execute(
            "insert into events (helpdesk, ticket_id, source, lane, state, accepted_at, due_at, fields)
             values ('richpanel', ?1, 'call', 1, 'waiting', ?2, ?2, ?3)",
            rusqlite::params![written.ticket_id, accepted.as_millisecond(), fields.to_string()],
        )
        .unwrap();
    }
}

fn quietly(world: &World, text: &str, order: Option<serde_json::Value>) -> Written {
    world.writes(NewMessage { text: text.into(), order, quiet: true, ..plain() })
}

#[test]
fn what_waited_in_a_file_of_the_first_version_is_worked_and_the_old_file_is_kept() {
    let mut world = World::live();
    let asked = quietly(&world, WHERE, Some(world.order(OrderState::Shipped)));
    let returned = quietly(&world, RETURN, None);
    shop_of_version_1(&mut world, &[&asked, &returned]);
    for command in ["status", "events"] {
        let Said { code, err, .. } = mw(&world, &[command]);
        assert_eq!(code, Some(3), "{command}: {err}");
        assert!(err.contains("earlier richpanel-mw") && err.contains("systemctl start"), "{err}");
    }
    world.start();
    world.until_state(&asked.ticket_id, State::Done);
    world.until_state(&returned.ticket_id, State::Done);
    assert_eq!(world.outcome(&asked.ticket_id), "answered");
    assert_eq!(world.outcome(&returned.ticket_id), "routed");
    assert_eq!(world.events().len(), 7, "the events of before are kept");
    let kept = world.folder.path().join("mw.db.v1");
    let old = Connection::open(&kept).unwrap();
    let version: i64 = old.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap();
    let waiting: i64 =
        old.query_row("select count(*) from events where state = 'waiting'", [], |row| row.get(0)).unwrap();
    assert_eq!((version, waiting), (1, 2));
    // The copy is good for a restore, and going back and forward says nothing twice.
    world.stop();
    drop(old);
    let output = Command::new(env!("CARGO_BIN_EXE_richpanel-mw"))
        .arg("restore")
        .arg(&kept)
        .arg("--config")
        .arg(world.config())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    world.start();
    world.settled();
    assert_eq!(world.replies(&asked.ticket_id), 1);
}

#[test]
fn a_command_that_brings_the_file_forward_says_so_once_and_check_says_it_before() {
    let mut world = World::live();
    shop_of_version_1(&mut world, &[]);
    let said = |args: &[&str]| {
        let output: Output = Command::new(env!("CARGO_BIN_EXE_richpanel-mw"))
            .args(args)
            .arg("--config")
            .arg(world.config())
            .env_remove("CREDENTIALS_DIRECTORY")
            .output()
            .unwrap();
        let words = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (output.status.code(), words(output.stdout), words(output.stderr))
    };
    let (_, out, _) = said(&["check", "--json"]);
    assert!(
        out.contains("from schema 1 to 3 at the next start") && !out.contains("name another file"),
        "{out}"
    );
    let (code, _, err) = said(&["mode", "route"]);
    assert_eq!(code, Some(0), "{err}");
    assert!(err.contains("brought forward from schema 1 to 3") && err.contains("mw.db.v1"), "{err}");
    assert!(world.folder.path().join("mw.db.v1").exists());
    let (code, _, err) = said(&["mode", "shadow"]);
    assert_eq!((code, err.as_str()), (Some(0), ""), "said twice");
}

#[test]
fn a_file_of_a_newer_version_is_refused_in_words_and_left_alone() {
    let mut world = World::live();
    world.stop();
    Connection::open(world.database()).unwrap().pragma_update(None, "user_version", 99).unwrap();
    for command in ["run", "status", "events"] {
        let Said { code, err, .. } = mw(&world, &[command]);
        assert_eq!(code, Some(3), "{command}: {err}");
        assert!(err.contains("newer richpanel-mw (schema 99"), "{command}: {err}");
    }
    let version: i64 = Connection::open(world.database())
        .unwrap()
        .pragma_query_value(None, "user_version", |row| row.get(0))
        .unwrap();
    assert_eq!(version, 99);
}
