//! The demo as a stranger runs it: the binary alone, and what it says of itself as JSON.

use std::collections::BTreeSet;
use std::process::{Command, Output};

use richpanel_mw::config::starter::INTENTS;
use serde_json::Value;

fn demo(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_richpanel-mw"))
        .arg("demo")
        .args(arguments)
        .env_remove("RUST_LOG")
        .output()
        .unwrap()
}

#[test]
fn a_morning_ends_well_and_says_what_became_of_each_message() {
    let folder = tempfile::tempdir().unwrap();
    let kept = folder.path().join("kept");
    let ran = demo(&["--json", "--keep", kept.to_str().unwrap()]);
    let said = String::from_utf8(ran.stdout).unwrap();
    let complaint = String::from_utf8_lossy(&ran.stderr).into_owned();
    assert_eq!(ran.status.code(), Some(0), "{said}\n{complaint}");
    assert!(!said.contains('\u{1b}') && !complaint.contains('\u{1b}'), "colour in a pipe");
    let said: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(said["good"], true);
    for found in ["lost", "doubled", "stuck", "wrong", "over_limit"] {
        assert_eq!(said["verdict"][found], serde_json::json!([]), "{found}");
    }
    let messages = said["messages"].as_array().unwrap();
    assert!(messages.len() >= 60, "{}", messages.len());
    let expected: BTreeSet<_> = messages.iter().filter_map(|one| one["expected_intent"].as_str()).collect();
    assert_eq!(expected, INTENTS.iter().map(|intent| intent.name).collect());
    let totals = &said["totals"];
    for (name, least) in [("joined", 1), ("broken", 5), ("found_by_sweep", 3), ("storm_429", 1)] {
        assert!(totals[name].as_u64().unwrap() >= least, "{name}: {totals}");
    }
    assert_eq!(totals["found_by_sweep"], totals["calls_lost"]);
    assert_eq!(totals["self_made_429"], 0);
    for (outcome, least) in [("answered", 8), ("routed", 40), ("needs-human", 5), ("seen", 2), ("ignored", 1)]
    {
        assert!(totals["outcomes"][outcome]["events"].as_u64().unwrap() >= least, "{outcome}: {totals}");
    }
    let sources =
        said["replies"].as_array().unwrap().iter().flat_map(|reply| reply["facts"].as_array().unwrap());
    assert!(
        sources.clone().count() > 10
            && sources.clone().all(|fact| !fact["source"].as_str().unwrap().is_empty())
    );

    // What it tells people to look at next works.
    let config = said["config"].as_str().unwrap();
    let event = messages[0]["event"].to_string();
    let show = Command::new(env!("CARGO_BIN_EXE_richpanel-mw"))
        .args(["--config", config, "show", &event])
        .output()
        .unwrap();
    assert!(show.status.success(), "{}", String::from_utf8_lossy(&show.stderr));
    let again = demo(&["--keep", kept.to_str().unwrap()]);
    assert_eq!(again.status.code(), Some(3), "it started on another run's database");
}
