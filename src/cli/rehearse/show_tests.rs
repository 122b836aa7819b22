//! What people read at the end: slowness is not loss, and what was not measured is not praised.

use super::*;
use crate::cli::rehearse::drive::Lives;

fn shown(ready_ms: &[u64], verdict: Verdict) -> Shown {
    let lives = Lives { ready_ms: ready_ms.to_vec(), kills: 1, ..Lives::default() };
    let facts = Facts { lives, ready_ms_max: 2_000, ..Facts::default() };
    Shown {
        seed: 7,
        cycles: 1,
        faults: "all".into(),
        met: Counted::default(),
        verdict,
        totals: Totals::default(),
        sweeps: Sweeps::default(),
        starts: Starts::of(&facts),
        seconds: 1.0,
        kept: None,
    }
}

#[test]
fn slow_starts_alone_are_not_told_as_a_loss() {
    let slow_starts = vec!["start 1".to_owned(), "start 2".to_owned(), "start 3".to_owned()];
    let slow = Verdict { slow_starts, ..Verdict::default() };
    let text = shown(&[2_500, 2_600, 2_700], slow.clone()).people();
    let words = "Nothing was lost, doubled or stuck; 3 starts were slower than 2000 ms (--ready-within).";
    assert!(text.contains(words) && !text.contains("FAILED"), "{text}");
    assert!(text.contains("--seed 7 --cycles 1 --faults all"), "{text}");
    let lost = Verdict { lost: vec!["t1: a 200 named event 1".into()], ..slow };
    let text = shown(&[2_500], lost).people();
    assert!(text.contains("The rehearsal FAILED.") && !text.contains("Nothing was lost"), "{text}");
}

#[test]
fn without_a_start_nothing_is_said_of_its_time() {
    let text = shown(&[], Verdict::default()).people();
    assert!(text.contains("not measured: the daemon was not started again"), "{text}");
    assert!(!text.contains("0 ms") && text.contains("not measured: there was no start"), "{text}");
    let one = shown(&[812], Verdict::default()).people();
    assert!(one.contains("812 ms (1 start); 2000 ms are allowed"), "{one}");
    assert!(one.contains("1 kill,") && one.contains("0 stops in good order"), "{one}");
}

#[test]
fn every_list_says_what_it_means() {
    let verdict = Verdict::default();
    let lists = verdict.lists();
    let meanings: std::collections::BTreeSet<_> = lists.iter().map(|(name, _)| meaning(name)).collect();
    assert_eq!(meanings.len(), lists.len(), "each its own words");
}
