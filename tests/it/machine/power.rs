//! Power loss: the writes and syncs of the real daemon are recorded, cut at every sync with what was not synced dropped
//! or torn, and each disk that may be left is opened with the production store and checked against what the
//! outside had been told by then.
//!
//! [`recording`] runs the daemon under `strace`; [`trace`] reads that as one timeline; [`disk`] holds what is safe
//! and draws the rest; [`losses`] cuts and judges; [`check`] opens. `POWER_SEED` chooses other draws.

mod check;
mod disk;
mod losses;
mod recording;
mod trace;

use disk::{Chance, Disk};
use losses::{Trial, Verdict};
use recording::Recording;

fn seed() -> u64 {
    std::env::var("POWER_SEED").ok().map_or(1, |seed| seed.parse().unwrap())
}

fn cut(recording: &Recording, torn: Option<usize>, deaf: &[&str], look: Look<'_>) -> Verdict {
    let trial = Trial { trace: &recording.trace, base: &recording.base, deaf, seed: seed(), torn, look };
    let verdict = trial.run();
    println!("seed {}: {verdict}", seed());
    verdict
}

type Look<'a> = &'a (dyn Fn(&std::path::Path) -> losses::Facts + Sync);

/// The model is right when all that was written, synced or not, is what the files really hold.
fn same_as_the_real_files(recording: &Recording) {
    let base = recording.base.to_string_lossy().into_owned();
    let mut disk = Disk::new(&base, &[]);
    recording.trace.moments.iter().for_each(|moment| disk.goes_by(&recording.trace, *moment));
    let image = disk.after(Chance::Applied);
    for end in ["", "-wal", "-journal"] {
        let real = std::fs::read(format!("{base}{end}")).ok();
        assert_eq!(image.get(end).map(Vec::len), real.as_ref().map(Vec::len), "the length of mw.db{end}");
        assert!(image.get(end) == real.as_ref(), "mw.db{end} is not what the trace says");
    }
}

#[test]
fn no_power_loss_takes_what_was_acknowledged_or_lets_a_reply_go_out_twice() {
    let day = recording::daemon();
    same_as_the_real_files(&day);
    let verdict = cut(&day, Some(2), &[], &check::daemon);
    assert!(verdict.losses >= 1_000 && verdict.images >= 1_000, "too few: {verdict}");
    assert_eq!((verdict.losing, verdict.repeating, verdict.corrupt), (0, 0, 0), "seed {}: {verdict}", seed());

    // The control: the same recording on a disk that does nothing when the WAL is synced.
    let deaf = cut(&day, None, &["-wal"], &check::daemon);
    assert!(deaf.losing > 0 && deaf.repeating > 0, "the check sees nothing: {deaf}");
}

#[test]
fn the_control_loses_rows_with_synchronous_normal_and_none_with_full() {
    let normal = cut(&recording::sqlite3("NORMAL"), Some(2), &[], &check::control);
    assert!(normal.losses >= 1_000, "too few: {normal}");
    assert!(normal.losing > 0, "the check sees nothing: {normal}");
    assert_eq!(normal.corrupt, 0, "{normal}");
    let full = recording::sqlite3("FULL");
    same_as_the_real_files(&full);
    let full = cut(&full, Some(2), &[], &check::control);
    assert!(full.losses >= 1_000, "too few: {full}");
    assert_eq!((full.losing, full.corrupt), (0, 0), "{full}");
}
