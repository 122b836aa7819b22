//! What reading with the model costs: processor until the first answer, time a message, memory of the daemon. Asked for by
//! name, with the program as it is installed; `.ci/run` does it so:
//!
//!     MW_BINARY=target/release/richpanel-mw cargo test --test it cost:: -- --ignored --nocapture

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use crate::world::{World, binary};

/// Processor time from the start of the program to the answer to one message: loading the model is the most of it.
const FIRST_ANSWER_MS_MAX: f64 = 150.0;
/// Median of messages of 15 words.
const SHORT_MS_MAX: f64 = 15.0;
/// Median of messages of 150 words.
const LONG_MS_MAX: f64 = 100.0;
/// The daemon's resident memory after so many messages.
const RESIDENT_MB_MAX: f64 = 120.0;
const MESSAGES: usize = 50;
const STARTS: usize = 9;

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

/// The median of so many messages of so many sentences, read in one process.
fn median_ms(folder: &Path, sentences: usize) -> f64 {
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
    report["latency_ms"]["median"].as_f64().unwrap()
}

/// Processor time from start to end of a program that reads one short message, the mean of some: other programs that
/// run meanwhile do not count.
fn first_answer_ms() -> f64 {
    let before = children_ms();
    for number in 0..STARTS {
        let text = message(number, 1);
        let output = Command::new(binary()).args(["explain", "--json", &text]).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    (children_ms() - before) / STARTS as f64
}

/// Processor time of this process's children that have ended: fields 16 and 17 of `/proc/self/stat` (proc(5)), in
/// hundredths of a second.
fn children_ms() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let behind_the_name = stat.rsplit_once(')').unwrap().1;
    let fields: Vec<f64> =
        behind_the_name.split_whitespace().filter_map(|field| field.parse().ok()).collect();
    // The state, field 3, is a letter: field 4 is the first number.
    (fields[12] + fields[13]) * 10.0
}

/// What `/proc` says of a process, in MB of a million bytes.
fn resident_mb(pid: u32) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("VmRSS");
    let kib: f64 = line.trim().trim_end_matches("kB").trim().parse().unwrap();
    kib * 1024.0 / 1e6
}

#[test]
#[ignore = "figures of the release build: .ci/run asks for them"]
fn the_model_is_quick_to_load_quick_to_read_and_small() {
    let folder = tempfile::tempdir().unwrap();
    let (first, short, long) = (first_answer_ms(), median_ms(folder.path(), 1), median_ms(folder.path(), 10));
    let world = World::with("route", "[richpanel]\nwindow_seconds = 3");
    world.sim.set_rate_limit(50, 3_000);
    for number in 0..MESSAGES {
        // Every fifth is long: the longest piece that is read takes the most memory.
        world.mail(&message(number, if number % 5 == 0 { 10 } else { 1 }));
    }
    world.settled();
    let resident = resident_mb(world.pid());
    let mut over = Vec::new();
    for (what, figure, max) in [
        ("ms of processor from start to the first answer", first, FIRST_ANSWER_MS_MAX),
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
