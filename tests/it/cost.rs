//! What reading with the model costs: time to load it, time a message, memory of the daemon. Asked for by name,
//! with the program as it is installed; `.ci/run` does it so:
//!
//!     MW_BINARY=target/release/richpanel-mw cargo test --test it cost:: -- --ignored --nocapture

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use crate::world::{Launch, World, binary};

/// The model and its embedding, from the program's own bytes.
const LOAD_MS_MAX: f64 = 150.0;
/// Median of messages of 15 words.
const SHORT_MS_MAX: f64 = 15.0;
/// Median of messages of 150 words.
const LONG_MS_MAX: f64 = 100.0;
/// The daemon's resident memory after so many messages, with the environment of its unit.
const RESIDENT_MB_MAX: f64 = 120.0;
const MESSAGES: usize = 50;

/// Fifteen words each.
const SENTENCES: [&str; 10] = [
    "hello there i ordered two lamps last week and would like to know more please",
    "my sister told me that the blue jacket runs small so i took the large",
    "the parcel was left with a neighbour who has been away for days by now",
    "could you tell me where my order is because the link shows nothing at all",
    "i have tried to reset the app twice and it still does not find it",
    "the invoice names another street than the one that i typed in at the checkout",
    "please send the label again since the printer ate the first one this very morning",
    "we are very happy with the chairs and will surely come back for the table",
    "one of the four mugs in the box came without a handle and looks scratched",
    "is there any way to have it delivered to my office on monday before noon",
];

/// Whole sentences, another order of them each time.
fn message(number: usize, sentences: usize) -> String {
    let chosen = (0..sentences).map(|place| SENTENCES[(number + place * 3) % SENTENCES.len()]);
    let mut text = chosen.collect::<Vec<_>>().join(". ");
    text.push('.');
    assert_eq!(text.split_whitespace().count(), sentences * 15, "{text}");
    text
}

/// The load, and the median of so many messages of so many sentences, in one process.
fn load_and_median_ms(folder: &Path, sentences: usize) -> (f64, f64) {
    let mut data = "text,intent\n".to_owned();
    for number in 0..MESSAGES {
        let _ = writeln!(data, "\"{}\",other", message(number, sentences));
    }
    let file = folder.join(format!("{sentences}.csv"));
    std::fs::write(&file, data).unwrap();
    let output = Command::new(binary()).args(["eval", "--json", "--data"]).arg(&file).output().unwrap();
    let words = String::from_utf8_lossy(&output.stderr).into_owned();
    let report: serde_json::Value =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {words}"));
    let ms = |figure: &str| report["latency_ms"][figure].as_f64().unwrap();
    (ms("load"), ms("median"))
}

/// What `/proc` says of a process, in MB of a million bytes.
fn resident_mb(pid: u32) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("VmRSS");
    let kib: f64 = line.trim().trim_end_matches("kB").trim().parse().unwrap();
    kib * 1024.0 / 1e6
}

/// What the unit sets for the daemon.
fn environment_of_the_unit() -> Vec<(String, String)> {
    let lines = include_str!("../../richpanel-mw.service").lines();
    let pairs = lines.filter_map(|line| line.strip_prefix("Environment=")?.split_once('='));
    let pairs: Vec<_> = pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    assert!(!pairs.is_empty(), "the unit sets nothing: start the daemon without a way of its own");
    pairs
}

#[test]
#[ignore = "figures of the release build: .ci/run asks for them"]
fn the_model_is_quick_to_load_quick_to_read_and_small() {
    let folder = tempfile::tempdir().unwrap();
    let (load, short) = load_and_median_ms(folder.path(), 1);
    let (_, long) = load_and_median_ms(folder.path(), 10);
    let mut world = World::with("route", "[richpanel]\nwindow_seconds = 3");
    assert_eq!(world.stop(), Some(0));
    let as_installed = Launch { env: environment_of_the_unit(), ..Launch::default() };
    world.launch(&as_installed).unwrap_or_else(|gone| panic!("the daemon did not start:\n{}", gone.log));
    world.sim.set_rate_limit(50, 3_000);
    for number in 0..MESSAGES {
        // Every fifth is long: the longest piece that is read takes the most memory.
        world.mail(&message(number, if number % 5 == 0 { 10 } else { 1 }));
    }
    world.settled();
    let resident = resident_mb(world.pid());
    let mut over = Vec::new();
    for (what, figure, max) in [
        ("ms to load the model and its embedding", load, LOAD_MS_MAX),
        ("ms a message of 15 words", short, SHORT_MS_MAX),
        ("ms a message of 150 words", long, LONG_MS_MAX),
        ("MB of the daemon after 50 messages", resident, RESIDENT_MB_MAX),
    ] {
        println!("model cost: {figure:6.1} {what} (below {max:.0})");
        if figure >= max {
            over.push(what);
        }
    }
    assert!(over.is_empty(), "over the bound: {}", over.join("; "));
}
