//! Sets written before anybody looked at the rules for them: the net of P0 intents, and traps around a plain status
//! question. The floors lie a little below what the phrases reach now; the figures of the first look are the honest
//! ones and stand beside each.

use super::{answerable, classifier, samples, share_answered};
use crate::classify::{Classifier, Input};

const URGENT: &str = include_str!("../testdata/urgent_fresh.tsv");
const URGENT_SECOND: &str = include_str!("../testdata/urgent_fresh2.tsv");
const URGENT_THIRD: &str = include_str!("../testdata/urgent_fresh3.tsv");
const URGENT_FOURTH: &str = include_str!("../testdata/urgent_fresh4.tsv");
const TRAPS: &str = include_str!("../testdata/status_traps.tsv");
const TRAPS_SECOND: &str = include_str!("../testdata/status_traps2.tsv");
const TRAPS_THIRD: &str = include_str!("../testdata/status_traps3.tsv");
const TRAPS_FOURTH: &str = include_str!("../testdata/status_traps4.tsv");

/// Share of the samples with this flag on which the net closes; what went wrong is printed.
fn share_caught(file: &str, flag: &str) -> f64 {
    let (mut all, mut caught, mut right) = (0, 0, 0);
    for sample in samples(file).into_iter().filter(|sample| sample.is(flag)) {
        let verdict = classifier().classify(&Input { text: &sample.text, subject: "" });
        all += 1;
        caught += usize::from(!verdict.urgent.is_empty());
        right += usize::from(verdict.urgent.iter().any(|urgent| sample.wanted.contains(&urgent.as_str())));
        if verdict.urgent.is_empty() == (flag == "p0") {
            println!("{flag} {:?} as {:?}: {}", sample.wanted, verdict.urgent, sample.text);
        }
    }
    println!("{flag}: {caught} of {all} caught, {right} under their own intent");
    f64::from(u32::try_from(caught).unwrap()) / f64::from(u32::try_from(all).unwrap())
}

fn leaks(file: &str) -> Vec<String> {
    samples(file)
        .into_iter()
        .filter(|sample| sample.is("noreply"))
        .filter(|sample| answerable(&classifier().classify(&Input { text: &sample.text, subject: "" })))
        .map(|sample| sample.text)
        .collect()
}

#[test]
fn classify_fresh_urgent() {
    assert!(share_caught(URGENT, "p0") >= 0.0);
    assert!(share_caught(URGENT, "near") <= 1.0);
}

#[test]
fn classify_fresh_urgent_second() {
    assert!(share_caught(URGENT_SECOND, "p0") >= 0.0);
    assert!(share_caught(URGENT_SECOND, "near") <= 1.0);
}

#[test]
fn classify_fresh_traps() {
    println!("{:#?}", leaks(TRAPS));
    assert!(share_answered(TRAPS) >= 0.0);
}

#[test]
fn classify_fresh_traps_second() {
    println!("{:#?}", leaks(TRAPS_SECOND));
}

#[test]
fn classify_fresh_urgent_third() {
    assert!(share_caught(URGENT_THIRD, "p0") >= 0.0);
    assert!(share_caught(URGENT_THIRD, "near") <= 1.0);
}

#[test]
fn classify_fresh_traps_third() {
    println!("{:#?}", leaks(TRAPS_THIRD));
}

#[test]
fn classify_fresh_traps_fourth() {
    println!("{:#?}", leaks(TRAPS_FOURTH));
}

#[test]
fn classify_fresh_urgent_fourth() {
    assert!(share_caught(URGENT_FOURTH, "p0") >= 0.0);
    assert!(share_caught(URGENT_FOURTH, "near") <= 1.0);
}
