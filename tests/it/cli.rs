//! The commands as a person types them: the real binary, its exit codes, its output on a pipe.

use std::path::Path;
use std::process::{Command, Output, Stdio};

use richpanel_mw::event::State;
use richpanel_mw::sim::people::OrderState;

use crate::world::World;

mod eval;

const WHERE: &str = "Hi, where is my order #606243?";

fn mw(config: Option<&Path>, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_richpanel-mw"));
    command.args(arguments).env("USER", "lead").env_remove("SUDO_USER").env_remove("CREDENTIALS_DIRECTORY");
    if let Some(config) = config {
        command.arg("--config").arg(config);
    }
    command.output().unwrap()
}

/// Exit code, standard output and standard error.
pub fn said(config: &Path, arguments: &[&str]) -> (Option<i32>, String, String) {
    let Output { status, stdout, stderr } = mw(Some(config), arguments);
    (status.code(), String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
}

pub fn json(config: &Path, arguments: &[&str]) -> serde_json::Value {
    let (_, out, err) = said(config, &[arguments, &["--json"]].concat());
    serde_json::from_str(&out).unwrap_or_else(|error| panic!("{error}: {out}{err}"))
}

#[test]
fn a_missing_or_broken_configuration_is_wrong_use_and_says_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("config.toml");
    for command in ["status", "events", "check", "mode", "run", "reconcile"] {
        let (code, out, err) = said(&config, &[command]);
        assert_eq!((code, out.as_str()), (Some(2), ""), "{command}");
        assert!(err.contains("examples/"), "{command}: {err}");
    }
    std::fs::write(&config, "[server]\nlisten = \"127.0.0.1:1\"\ntoken_fil = \"x\"\n").unwrap();
    for command in ["check", "run"] {
        let (code, _, err) = said(&config, &[command]);
        assert_eq!(code, Some(2), "{command}");
        assert!(err.contains(":3:1") && err.contains("token_file"), "{err}");
    }
}

#[test]
fn a_configuration_without_secrets_is_a_no_to_check_and_wrong_use_to_run() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("config.toml");
    let database = folder.path().join("mw.db");
    let text = format!(
        "[server]\nlisten = \"127.0.0.1:0\"\n[admin]\nlisten = \"127.0.0.1:0\"\n[store]\npath = {database:?}\n"
    );
    std::fs::write(&config, text).unwrap();
    let (code, out, _) = said(&config, &["check"]);
    assert_eq!(code, Some(1), "{out}");
    assert!(out.contains("no API key") && !out.contains('\u{1b}'), "{out}");
    let (code, _, err) = said(&config, &["run"]);
    assert_eq!(code, Some(2), "{err}");
    assert!(err.lines().filter(|line| line.contains("no token") || line.contains("no API key")).count() == 2);
    let (code, _, err) = said(&config, &["status"]);
    assert_eq!(code, Some(3), "{err}");
    assert!(!database.exists(), "looking made a file");
}

#[test]
fn explain_works_out_of_the_box_and_a_closed_pipe_is_no_error() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("texts.jsonl");
    std::fs::write(&file, "{\"text\": \"where is it\"}\n".repeat(2_000)).unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_richpanel-mw"))
        .args(["explain", "--file"])
        .arg(&file)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let ended = child.wait_with_output().unwrap();
    assert_eq!((ended.status.code(), ended.stderr.as_slice()), (Some(0), b"".as_slice()));
    let one = mw(None, &["explain", "Where is my order?", "--json"]);
    let answer: serde_json::Value = serde_json::from_slice(&one.stdout).unwrap();
    assert!(answer["gates"].as_array().is_some_and(|gates| !gates.is_empty()));
}

#[test]
fn a_support_lead_looks_and_steers_while_the_daemon_runs_and_after() {
    let mut world = World::live();
    let asked = world.mail_about(OrderState::Shipped, WHERE);
    world.until_state(&asked.ticket_id, State::Done);
    let config = world.config();
    let event = world.event(&asked.ticket_id).unwrap().event.to_string();

    let status = json(&config, &["status"]);
    assert_eq!(status["mode"]["mode"], "live");
    assert_eq!(status["running"]["environment"], "scenario");
    assert_eq!(status["outcomes_24h"][0]["outcome"], "answered");
    let listed = json(&config, &["events", "--ticket", &asked.ticket_id]);
    assert_eq!(listed["events"].as_array().map(Vec::len), Some(1));
    let (code, page, _) = said(&config, &["show", &event]);
    assert_eq!(code, Some(0));
    assert!(
        page.contains("606243") && page.contains("GET /order/") && page.contains("reply confirmed"),
        "{page}"
    );

    let (code, _, err) = said(&config, &["show", "999"]);
    assert_eq!(code, Some(1), "{err}");
    assert!(err.contains("there is no event 999"), "{err}");
    let (code, _, err) = said(&config, &["discard", &event, "--reason", "test"]);
    assert_eq!(code, Some(1), "{err}");
    let checked = json(&config, &["check", "--online"]);
    assert_eq!(checked["ok"], true, "{checked:#}");
    assert_eq!(json(&config, &["reconcile"])["found"], 0);
    let (code, _, err) = said(&config, &["run"]);
    assert_eq!(code, Some(3), "{err}");

    assert_eq!(json(&config, &["mode", "route"])["by"], "lead");
    assert_eq!(world.stop(), Some(0));
    assert_eq!(json(&config, &["mode", "off"])["mode"], "off");
    let (code, _, err) = said(&config, &["reconcile"]);
    assert_eq!(code, Some(3), "{err}");
    assert!(err.contains("no daemon is running"), "{err}");
    assert_eq!(json(&config, &["status"])["running"], serde_json::Value::Null);
    world.start();
    assert_eq!(json(&config, &["status"])["running"]["mode"], "off", "set while nobody ran");
    world.settled();
}

#[test]
fn explain_and_check_go_by_the_mode_in_force_not_by_the_file_alone() {
    let world = World::with("shadow", "");
    let config = world.config();
    let mode_gate = || {
        let answer = json(&config, &["explain", WHERE]);
        let gates = answer["gates"].as_array().unwrap().clone();
        gates.into_iter().find(|gate| gate["gate"] == "mode").unwrap()
    };
    let reason = || mode_gate()["reason"].as_str().unwrap().to_owned();
    assert!(reason().contains("mode shadow answers nobody"), "{}", reason());
    assert_eq!(said(&config, &["mode", "live"]).0, Some(0));
    assert!(!reason().contains("shadow"), "the file still says so, the daemon does not: {}", reason());
    assert!(said(&config, &["check"]).1.contains("mode live"));
}
