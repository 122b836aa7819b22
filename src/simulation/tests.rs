//! The seeds, the controls that must fail, and the proof that a seed is a seed.

use std::sync::{Arc, Mutex};

use super::run;
use super::weather::Sabotage;
use crate::store::sqlite::direct::{Raw, memory};

/// How many seeds, over all shares; CI sets `SEEDS`.
fn seeds() -> u64 {
    std::env::var("SEEDS").ok().and_then(|text| text.parse().ok()).unwrap_or(400)
}

fn complain(seed: u64, sabotage: Sabotage, disk: &Arc<Mutex<Raw>>) -> String {
    let again = run(seed, sabotage, true, disk);
    format!(
        "seed {seed}: {}\n{}replay: SEED={seed} cargo nextest run --no-capture simulation::tests::one_seed",
        again.violation.unwrap_or_else(|| "it did not happen again: the seed is not deterministic".into()),
        again.tail,
    )
}

/// One share of the seeds: `first`, `first + SHARES`, …
fn share(first: u64) {
    let disk = memory();
    let mut sum = (0, 0, 0, 0);
    for seed in (first..seeds()).step_by(SHARES) {
        let ended = run(seed, Sabotage::None, false, &disk);
        assert!(ended.violation.is_none(), "{}", complain(seed, Sabotage::None, &disk));
        sum = (sum.0 + ended.steps, sum.1 + ended.events, sum.2 + ended.replies, sum.3 + ended.crashes);
    }
    println!("{} steps, {} events, {} replies, {} crashes", sum.0, sum.1, sum.2, sum.3);
}

/// As many tests, so that they run side by side.
const SHARES: usize = 8;

macro_rules! shares {
    ($($name:ident: $first:literal),+ $(,)?) => {
        $(#[test] fn $name() { share($first); })+
    };
}

shares! {
    every_seed_keeps_its_promises_1_of_8: 0,
    every_seed_keeps_its_promises_2_of_8: 1,
    every_seed_keeps_its_promises_3_of_8: 2,
    every_seed_keeps_its_promises_4_of_8: 3,
    every_seed_keeps_its_promises_5_of_8: 4,
    every_seed_keeps_its_promises_6_of_8: 5,
    every_seed_keeps_its_promises_7_of_8: 6,
    every_seed_keeps_its_promises_8_of_8: 7,
}

/// Replays `SEED` and prints its last steps; without one it runs seed 0.
#[test]
fn one_seed() {
    let seed = std::env::var("SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(0);
    let ended = run(seed, Sabotage::None, true, &memory());
    println!("{}", ended.tail);
    assert_eq!(ended.violation, None, "seed {seed}");
}

#[test]
fn a_seed_run_twice_takes_the_same_steps() {
    let disk = memory();
    for seed in 0..40 {
        let first = run(seed, Sabotage::None, false, &disk);
        let again = run(seed, Sabotage::None, false, &disk);
        let elsewhere = run(seed, Sabotage::None, true, &memory());
        assert_eq!(first, again, "seed {seed}");
        assert_eq!((first.hash, first.steps), (elsewhere.hash, elsewhere.steps), "seed {seed}");
    }
}

/// Seeds in which a control must show.
const SEEDS_OF_A_CONTROL: u64 = 2_000;

/// A control: with this broken, the oracle must say so in some seed, in one of these words.
fn is_caught(sabotage: Sabotage, words: &[&str]) {
    let disk = memory();
    let mut others = Vec::new();
    for seed in 0..SEEDS_OF_A_CONTROL {
        let Some(said) = run(seed, sabotage, false, &disk).violation else { continue };
        if words.iter().any(|words| said.contains(words)) {
            println!("{sabotage:?}: seed {seed}: {said}");
            return;
        }
        others.push((seed, said));
    }
    panic!("{sabotage:?}: {SEEDS_OF_A_CONTROL} seeds and not once {words:?}, only {others:?}");
}

#[test]
fn a_lost_answer_taken_for_a_no_is_seen_as_a_second_reply() {
    is_caught(Sabotage::LostAnswerMeansNotApplied, &["answered twice"]);
}

#[test]
fn commits_that_a_crash_undoes_are_seen() {
    is_caught(Sabotage::CommitsAreLost, &["got a 200 and is gone"]);
    is_caught(Sabotage::CommitsAreLost, &["answered twice", "with 2 replies", "two replies in a day"]);
}

#[test]
fn a_read_back_that_is_blind_to_our_words_is_seen() {
    is_caught(Sabotage::BlindReadBack, &["was not found"]);
}

#[test]
fn a_last_look_that_is_not_fresh_is_seen() {
    is_caught(Sabotage::StaleReads, &["a reply begins although"]);
}

#[test]
fn a_start_that_puts_nothing_back_is_seen() {
    is_caught(Sabotage::NoRecovery, &["are in work although nobody works yet"]);
    is_caught(Sabotage::NoRecoveryNoRescue, &["stuck"]);
}

#[test]
fn a_lost_call_that_no_sweep_looks_for_is_seen() {
    is_caught(Sabotage::NoSweep, &["nobody looked at"]);
}
