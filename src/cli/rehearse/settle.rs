//! Between cycles and at the end: no more faults, every timer runs out, and sweeps look for what no call told of.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result};

use super::nap;
use super::stage::{Stage, WINDOW};
use crate::clock::Clock;
use crate::daemon::control::{self, Request};
use crate::sim::{Settings, Verb};
use crate::store::sqlite::reader::Reader;
use crate::timer::reconcile::{CsvRow, Report};

/// The longest wait for every event to end.
const PATIENCE: Duration = Duration::from_secs(60);
/// Sweeps asked for at most in one go: each has a bound on its calls and goes on where the last one stopped.
const SWEEPS_MAX: u32 = 12;
/// The same without lists: such a sweep reads every open ticket it knows again, and does not end in a long run.
const SWEEPS_WITHOUT_LIST: u32 = 2;
/// Between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// What the sweeps did in all.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub(super) struct Sweeps {
    /// How often somebody asked.
    pub(super) asked: u32,
    /// Tickets looked at.
    pub(super) looked_at: u32,
    /// Tickets taken in.
    pub(super) found: u32,
    /// API calls.
    pub(super) calls: u32,
}

/// Lets things come to rest.
pub(super) struct Settle<'a> {
    pub(super) stage: &'a Stage,
    pub(super) clock: &'a Arc<dyn Clock>,
    pub(super) stop: &'a AtomicBool,
    pub(super) sweeps: &'a mut Sweeps,
}

impl Settle<'_> {
    /// Everything to its end. `list_forbidden`: the tenant's lists answer 403 while it is swept.
    ///
    /// # Errors
    /// When the helpdesk or the daemon cannot be reached, or somebody wants to stop.
    pub(super) fn all(&mut self, list_forbidden: bool, mut tick: impl FnMut()) -> Result<()> {
        let desk = &self.stage.helpdesk.desk;
        let settings = Box::new(Settings { list_forbidden, ..Settings::default() });
        for verb in [Verb::ClearFaults, Verb::RestoreKey, Verb::Configure { settings }] {
            desk.run(&verb)?;
        }
        self.wait(&mut tick)?;
        for _ in 0..if list_forbidden { SWEEPS_WITHOUT_LIST } else { SWEEPS_MAX } {
            let report = self.ask(None)?;
            self.wait(&mut tick)?;
            if report.notes.is_empty() {
                break;
            }
            self.pause(WINDOW)?;
        }
        Ok(())
    }

    /// What a shop does that may not list its tickets: it exports them in the vendor's pages and hands them in.
    ///
    /// # Errors
    /// As [`Settle::all`].
    pub(super) fn hand_in(&mut self, tickets: Vec<String>, mut tick: impl FnMut()) -> Result<()> {
        let rows = tickets.into_iter().map(|ticket| CsvRow {
            ticket_id: Some(ticket),
            conversation_no: None,
            updated_at: Some(self.clock.now()),
        });
        self.ask(Some(rows.collect()))?;
        self.wait(&mut tick)
    }

    /// Waits once more.
    ///
    /// # Errors
    /// As [`Settle::all`].
    pub(super) fn end(&self) -> Result<()> {
        self.wait(&mut || ())
    }

    fn ask(&mut self, csv: Option<Vec<CsvRow>>) -> Result<Report> {
        let answer = control::ask(&self.stage.folder.database(), &Request::Reconcile { csv })
            .context("the daemon's control socket")?
            .context("no daemon is listening at its control socket")?
            .map_err(anyhow::Error::msg)?;
        let report: Report = serde_json::from_value(answer).context("the sweep's report")?;
        self.sweeps.asked += 1;
        self.sweeps.looked_at += report.looked_at;
        self.sweeps.found += report.found;
        self.sweeps.calls += report.calls;
        Ok(report)
    }

    /// Until no event is open, or the time is up; what is open then is for the verdict.
    fn wait(&self, tick: &mut impl FnMut()) -> Result<()> {
        let reader = Reader::open(&self.stage.folder.database())?;
        let deadline = self.clock.monotonic() + PATIENCE;
        while reader.oldest_open()?.is_some() && self.clock.monotonic() < deadline {
            self.pause(LOOK_EVERY)?;
            tick();
        }
        Ok(())
    }

    fn pause(&self, time: Duration) -> Result<()> {
        anyhow::ensure!(!self.stop.load(Ordering::SeqCst), "interrupted");
        nap(time);
        Ok(())
    }
}
