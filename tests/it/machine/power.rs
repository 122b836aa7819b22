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

use std::path::Path;

use disk::{Chance, Disk, Image};
use losses::{Facts, Trial, Verdict};
use recording::Recording;
use trace::{Call, Heard};

fn seed() -> u64 {
    std::env::var("POWER_SEED").ok().map_or(1, |seed| seed.parse().unwrap())
}

type Look<'a> = &'a (dyn Fn(&Path) -> Facts + Sync);

/// The usual way to cut.
fn trial<'a>(recording: &'a Recording, look: Look<'a>) -> Trial<'a> {
    let (trace, base) = (&recording.trace, recording.base.as_path());
    Trial { trace, base, deaf: &[], seed: seed(), torn: Some(2), closely: false, look }
}

fn run(trial: &Trial<'_>) -> Verdict {
    let verdict = trial.run();
    println!("seed {}: {verdict}", trial.seed);
    verdict
}

fn harmless(verdict: &Verdict) {
    let bad = (verdict.losing, verdict.repeating, verdict.corrupt);
    assert_eq!(bad, (0, 0, 0), "seed {}: {verdict}", seed());
}

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

/// The recording shows what it is meant to show, or the losses in it prove less than they seem to.
fn saw_everything(day: &Recording) {
    let base = day.base.to_string_lossy().into_owned();
    let wal = format!("{base}-wal");
    let folder = day.base.parent().unwrap().to_string_lossy().into_owned();
    let count = |is: &dyn Fn(&Call) -> bool| day.trace.calls.iter().filter(|call| is(call)).count();
    assert!(count(&|call| *call == Call::Sync(folder.clone())) >= 2, "the folder's names are never synced");
    let journal = format!("{base}-journal");
    assert!(
        count(&|call| *call == Call::Create(journal.clone())) >= 1,
        "the file was not made before our eyes"
    );
    let cut_off = count(&|call| *call == Call::Length { file: wal.clone(), bytes: 0 });
    assert!(cut_off >= 2, "the WAL was cut off {cut_off} times");
    let begun = count(&|call| matches!(call, Call::Write { file, at: 0, .. } if *file == wal));
    // One start is the new file's, one follows each cut but the last; the day ends with a cut.
    assert!(
        begun > cut_off,
        "no checkpoint in passing let the WAL begin again: {begun} starts, {cut_off} cuts"
    );
}

#[test]
fn no_power_loss_takes_what_was_acknowledged_or_lets_a_reply_go_out_twice() {
    let day = recording::daemon();
    same_as_the_real_files(&day);
    saw_everything(&day);
    let verdict = run(&trial(&day, &check::daemon));
    assert!(verdict.losses >= 1_000 && verdict.images >= 1_000, "too few: {verdict}");
    harmless(&verdict);

    // The control: the same recording on a disk that does nothing when the WAL is synced.
    let deaf = run(&Trial { deaf: &["-wal"], torn: None, ..trial(&day, &check::daemon) });
    assert!(deaf.losing > 0 && deaf.repeating > 0, "the check sees nothing: {deaf}");
}

#[test]
fn the_file_is_whole_when_power_goes_at_any_write_of_its_making_folding_and_closing() {
    let life = recording::daemon_for_a_moment();
    same_as_the_real_files(&life);
    let closely = Trial { closely: true, torn: Some(4), ..trial(&life, &check::daemon) };
    let verdict = run(&closely);
    assert!(verdict.images >= 200, "too few: {verdict}");
    harmless(&verdict);
    the_file_alone_has_everything(&closely);

    // The control: on a disk that does nothing when the file itself is synced, a fold of the WAL damages it.
    let deaf = run(&Trial { deaf: &[""], torn: Some(4), ..trial(&life, &check::daemon) });
    assert!(deaf.corrupt > 0, "the check sees no damage: {deaf}");
}

/// After an orderly end the one file has it all, safe on the disk: what a person copies is not half of it.
fn the_file_alone_has_everything(trial: &Trial<'_>) {
    let mut disk = Disk::new(&trial.base.to_string_lossy(), &[]);
    trial.trace.moments.iter().for_each(|moment| disk.goes_by(trial.trace, *moment));
    let alone: Image = disk.after(Chance::Dropped).into_iter().filter(|(end, _)| end.is_empty()).collect();
    let facts = trial.open(&alone);
    assert_eq!(facts.corrupt, None);
    for heard in trial.heard() {
        match heard {
            Heard::Kept(row) => assert!(facts.kept.contains_key(row), "event {row} is not in mw.db itself"),
            Heard::Reply(ticket) => {
                assert!(facts.replies.contains_key(ticket), "the reply to {ticket} is not");
            }
        }
    }
}

#[test]
fn the_control_loses_rows_with_synchronous_normal_and_none_with_full() {
    let normal = run(&trial(&recording::sqlite3("NORMAL"), &check::control));
    assert!(normal.losses >= 1_000, "too few: {normal}");
    assert!(normal.losing > 0, "the check sees nothing: {normal}");
    assert_eq!(normal.corrupt, 0, "{normal}");
    let full = recording::sqlite3("FULL");
    same_as_the_real_files(&full);
    let full = run(&trial(&full, &check::control));
    assert!(full.losses >= 1_000, "too few: {full}");
    harmless(&full);
}
