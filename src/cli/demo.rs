//! `demo`: the whole product on one machine with no account.
//!
//! A simulated helpdesk and the daemon run in this process; a morning of messages is played (`play`) on the
//! `stage`, watched (`progress`), read out (`harvest`), judged (`verdict`) and shown (`show`). It ends with exit code
//! 1 when anything was lost, said twice, left open, or said where the story forbids it.

mod harvest;
mod play;
mod progress;
mod show;
mod stage;
mod verdict;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result};

use super::Exit;
use super::folder::Folder;
use super::session::Session;
use super::sim::{Which, stop_on_signal};
use super::story;
use crate::clock::Clock;
use crate::daemon::Daemon;
use crate::daemon::control::{self, Request};
use crate::sim::SimHandle;
use crate::store::sqlite::reader::Reader;
use crate::timer::reconcile::Report;
use harvest::{ended, events};
use progress::Progress;

/// The longest wait for everything to come to its end.
const PATIENCE: Duration = Duration::from_secs(60);
/// Sweeps that are asked for at most.
const SWEEPS_MAX: u32 = 5;
/// Between two looks while waiting.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Play the morning.
#[derive(Debug, clap::Args)]
pub(super) struct Demo {
    /// Which helpdesk
    #[arg(long, value_enum, default_value_t = Which::Richpanel)]
    helpdesk: Which,
    /// Keep everything running until Ctrl-C, and print where to look
    #[arg(long)]
    stay: bool,
    /// Keep the database and the configuration in this (empty) folder
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
}

impl Demo {
    pub(super) fn run(self, session: &Session) -> Result<Exit> {
        let Which::Richpanel = self.helpdesk;
        let clock = &session.clock;
        let stop = Arc::new(AtomicBool::new(false));
        stop_on_signal(&stop)?;
        let folder = Folder::make("demo", self.keep.as_deref(), None, self.stay)?;
        let (sim, daemon) = stage::set(&folder, clock)?;
        let began = clock.monotonic();
        let shown = morning(&folder, &sim, clock, &stop, session.json).and_then(|mut shown| {
            shown.seconds = (clock.monotonic() - began).as_secs_f64();
            session.show(&shown.json(), |screen| shown.people(*screen))?;
            Ok(shown.verdict.good())
        });
        if self.stay && shown.is_ok() {
            session.say(&show::staying(&folder, &sim, daemon.admin_addr()))?;
            while !stop.load(Ordering::SeqCst) {
                let _ = sim.wait_until(LOOK_EVERY, |_| false);
            }
        }
        end(daemon, &sim);
        Ok(if shown? { Exit::Good } else { Exit::No })
    }
}

/// Plays everything and judges it.
fn morning(
    folder: &Folder,
    sim: &SimHandle,
    clock: &Arc<dyn Clock>,
    stop: &AtomicBool,
    json: bool,
) -> Result<show::Shown> {
    let reader = Reader::open(&folder.database())?;
    let morning = story::morning();
    let mut progress = Progress::new(sim, &reader, clock, morning.len(), json);
    progress.remark(&format!(
            "{} messages, a simulated helpdesk, the daemon in mode live; the helpdesk's 50 calls in 30 s run here as {} \
             in {} s",
            morning.len(),
            stage::CALLS,
            stage::WINDOW.as_secs()
        ));
    let player = play::Player { sim, clock, stop };
    let watch = Watch { sim, clock, stop, reader: &reader };
    let played = player.play(&morning, |written| progress.tick(written))?;
    watch.settle(|| progress.tick(played.len()))?;
    progress.remark("some calls never came: one sweep looks for what nobody called about");
    let swept = sweep(folder, &watch, || progress.tick(played.len()))?;
    progress.finish();
    let harvest = harvest::harvest(&played, sim, &reader, stage::CALLS)?;
    let verdict = verdict::judge(&harvest.facts);
    Ok(show::Shown::new(folder, harvest, verdict, swept))
}

/// Asks the daemon to look for what nobody called about; again while it says that it did not come to an end, for it
/// takes only what the others leave of the helpdesk's calls.
fn sweep(folder: &Folder, watch: &Watch<'_>, mut tick: impl FnMut()) -> Result<Report> {
    let mut all = Report::default();
    for _ in 0..SWEEPS_MAX {
        let answer = control::ask(&folder.database(), &Request::Reconcile { csv: None })
            .context("the daemon's control socket")?
            .context("no daemon is listening at its control socket")?
            .map_err(anyhow::Error::msg)?;
        let report: Report = serde_json::from_value(answer).context("the sweep's report")?;
        let ended = report.notes.is_empty();
        all = Report {
            looked_at: all.looked_at + report.looked_at,
            found: all.found + report.found,
            calls: all.calls + report.calls,
            ..report
        };
        watch.settle(&mut tick)?;
        if ended {
            break;
        }
        watch.pause(stage::WINDOW, &mut tick)?;
    }
    Ok(all)
}

/// Waits for the ends of things.
struct Watch<'a> {
    sim: &'a SimHandle,
    clock: &'a Arc<dyn Clock>,
    stop: &'a AtomicBool,
    reader: &'a Reader,
}

impl Watch<'_> {
    /// Until every call has come in and every event has ended, or the time is up; what is open then is for the
    /// verdict.
    fn settle(&self, mut tick: impl FnMut()) -> Result<()> {
        let deadline = self.clock.monotonic() + PATIENCE;
        loop {
            let fired = self.sim.wait_for_firings(LOOK_EVERY);
            tick();
            anyhow::ensure!(!self.stop.load(Ordering::SeqCst), "interrupted");
            if (fired && events(self.reader)?.iter().all(ended)) || self.clock.monotonic() > deadline {
                return Ok(());
            }
            let _ = self.sim.wait_until(LOOK_EVERY, |_| false);
        }
    }

    /// Lets so much time go by, so that the helpdesk's window empties.
    fn pause(&self, time: Duration, mut tick: impl FnMut()) -> Result<()> {
        let until = self.clock.monotonic() + time;
        while self.clock.monotonic() < until {
            let _ = self.sim.wait_until(LOOK_EVERY, |_| false);
            tick();
            anyhow::ensure!(!self.stop.load(Ordering::SeqCst), "interrupted");
        }
        Ok(())
    }
}

fn end(daemon: Daemon, sim: &SimHandle) {
    daemon.stopper().stop();
    let ended = daemon.wait();
    log::info!("demo: the daemon ended: {ended:?}");
    sim.stop();
}
