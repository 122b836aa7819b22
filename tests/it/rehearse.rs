//! The rehearsal as a shop runs it: the binary alone, its children, its exit code, and what it leaves behind.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::{Value, json};

fn rehearse(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_richpanel-mw"))
        .arg("rehearse")
        .args(arguments)
        .env_remove("RUST_LOG")
        .output()
        .unwrap()
}

/// Processes that were started with a file of this folder.
fn alive(folder: &Path) -> Vec<String> {
    let folder = folder.to_str().unwrap();
    std::fs::read_dir("/proc")
        .unwrap()
        .flatten()
        .filter_map(|entry| std::fs::read(entry.path().join("cmdline")).ok())
        .map(|words| String::from_utf8_lossy(&words).replace('\0', " "))
        .filter(|words| words.contains(folder) && words.contains("--child-of"))
        .collect()
}

#[test]
fn a_few_kills_with_every_fault_lose_nothing_and_the_records_stay() {
    let folder = tempfile::tempdir().unwrap();
    let kept = folder.path().join("kept");
    let seed = fastrand::u64(..1_000_000).to_string();
    // Debug builds beside other tests start slowly; how long a start may take is for the release build to show.
    let ran = rehearse(&[
        "--cycles",
        "4",
        "--seed",
        &seed,
        "--ready-within",
        "60000",
        "--json",
        "--keep",
        kept.to_str().unwrap(),
    ]);
    let said = String::from_utf8_lossy(&ran.stdout).into_owned();
    let complaint = String::from_utf8_lossy(&ran.stderr).into_owned();
    assert_eq!(ran.status.code(), Some(0), "seed {seed}\n{said}\n{complaint}");
    let said: Value = serde_json::from_str(&said).unwrap();
    assert_eq!((&said["good"], &said["cycles"], &said["faults"]), (&json!(true), &json!(4), &json!("all")));
    assert_eq!(said["seed"].to_string(), seed);
    for (name, count) in said["counts"].as_object().unwrap() {
        assert_eq!(count, 0, "{name}");
    }
    // Every fault is named, the kills with their number, and what was not met is not counted.
    let (met, not_met) = (said["met"].as_object().unwrap(), said["not_met"].as_array().unwrap());
    assert!(met.len() > 15 && met["kill-9"] == said["starts"]["kills"], "{met:?}");
    for (fault, count) in met {
        assert_eq!(not_met.contains(&json!(fault)), *count == 0, "{fault}");
    }

    let (totals, starts) = (&said["totals"], &said["starts"]);
    assert!(starts["starts"].as_u64().unwrap() >= 4, "{starts}");
    assert!(starts["kills"].as_u64().unwrap() + starts["terms"].as_u64().unwrap() >= 5, "{starts}");
    assert!(totals["messages"].as_u64().unwrap() >= 12, "{totals}");

    // The 200s stand in the client's file, the effects in the helpdesk's, and nobody is left running.
    let lines = |name: &str| std::fs::read_to_string(kept.join(name)).unwrap().lines().count();
    assert_eq!(json!(lines("acknowledged.jsonl")), totals["acknowledged"]);
    assert_eq!(json!(lines("requests.jsonl")), totals["api_calls"]);
    assert!(lines("helpdesk.jsonl") >= lines("acknowledged.jsonl") / 10 && kept.join("mw.db").exists());
    assert_eq!(alive(&kept), Vec::<String>::new());
}

#[test]
fn a_daemon_that_does_not_start_shows_its_last_words_and_ends_with_3() {
    let folder = tempfile::tempdir().unwrap();
    let kept = folder.path().join("kept");
    let program = Path::new(env!("CARGO_BIN_EXE_richpanel-mw"));
    // A file of 16 KiB at most is as good as a full disk: the database does not fit.
    let ran = Command::new("sh")
        .args(["-c", "ulimit -f 16; trap '' XFSZ; exec \"$@\"", "sh"])
        .arg(program)
        .args(["rehearse", "--cycles", "1", "--faults", "none", "--keep"])
        .arg(&kept)
        .output()
        .unwrap();
    let complaint = String::from_utf8_lossy(&ran.stderr).into_owned();
    assert_eq!(ran.status.code(), Some(3), "{complaint}");
    let last = std::fs::read_to_string(kept.join("daemon.log")).unwrap();
    let last = last.lines().last().unwrap().trim();
    assert!(complaint.contains("the daemon did not start") && complaint.contains(last), "{complaint}");
}

#[test]
fn slow_starts_alone_are_named_as_such_and_the_bar_says_nothing_twice() {
    let ran = rehearse(&["--cycles", "2", "--faults", "kill-9", "--ready-within", "0"]);
    let (said, bar) = (String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    assert_eq!(ran.status.code(), Some(1), "{said}\n{bar}");
    assert!(said.contains("Nothing was lost, doubled or stuck; ") && !said.contains("FAILED"), "{said}");
    let lines: Vec<&str> = bar.lines().collect();
    let once: std::collections::BTreeSet<&&str> = lines.iter().collect();
    assert_eq!(once.len(), lines.len(), "{bar}");
    if let Some(line) = said.lines().find_map(|line| line.strip_prefix("database        ")) {
        std::fs::remove_dir_all(Path::new(line).parent().unwrap()).unwrap();
    }
}

#[test]
fn whoever_kills_the_rehearsal_itself_leaves_no_process_behind() {
    let folder = tempfile::tempdir().unwrap();
    let kept = folder.path().join("kept");
    let mut rehearsal = Command::new(env!("CARGO_BIN_EXE_richpanel-mw"))
        .args([
            "rehearse",
            "--cycles",
            "1000",
            "--faults",
            "none",
            "--json",
            "--keep",
            kept.to_str().unwrap(),
        ])
        .spawn()
        .unwrap();
    let (_silent, wait) = std::sync::mpsc::channel::<()>();
    let look = || {
        let _ = wait.recv_timeout(std::time::Duration::from_millis(20));
    };
    for _ in 0..1_500 {
        if alive(&kept).len() >= 2 {
            break;
        }
        look();
    }
    assert_eq!(alive(&kept).len(), 2, "the helpdesk and the daemon");
    rehearsal.kill().unwrap();
    rehearsal.wait().unwrap();
    for _ in 0..500 {
        if alive(&kept).is_empty() {
            break;
        }
        look();
    }
    assert_eq!(alive(&kept), Vec::<String>::new());
}

#[test]
fn an_unknown_fault_names_the_nearest_one_and_the_list_has_them_all() {
    let ran = rehearse(&["--faults", "kill-9,red-lag"]);
    assert_eq!(ran.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&ran.stderr).contains("did you mean `read-lag`?"));
    let listed = rehearse(&["--faults", "list", "--json"]);
    let listed: Value = serde_json::from_slice(&listed.stdout).unwrap();
    assert!(listed.as_array().unwrap().iter().any(|fault| fault["fault"] == "second-daemon"));
    assert!(listed.as_array().unwrap().len() > 15);
}
