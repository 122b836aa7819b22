//! `rehearse`: kill it again and again, and see what it loses.
//!
//! The simulated helpdesk and the daemon run as processes of their own (`stage`, `child`, `helpdesk`). The seed alone
//! plans each cycle (`plan`: messages, calls; `bends`: faults; `kills`), `drive` plays it with the client of `load`,
//! which writes down every 200. From time to time and at the end everything comes to rest (`settle`). Then the
//! helpdesk's journal of applied effects and the client's 200s are held against each other (`harvest`, `history`,
//! `verdict`) and shown (`show`). It ends with exit code 1 when anything was lost, said twice, or is stuck.
//!
//! What it cannot show: a SIGKILL takes nothing from the page cache, so it says nothing about power cuts.

mod bends;
pub(super) mod child;
mod drive;
mod faults;
mod harvest;
mod helpdesk;
mod history;
mod kills;
mod load;
mod met;
mod plan;
mod settle;
mod show;
mod stage;
mod verdict;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use clap::ValueEnum as _;
use serde_json::json;

use super::Exit;
use super::bar::Bar;
use super::folder::Folder;
use super::print::{Table, Tone};
use super::session::Session;
use super::sim::{Which, stop_on_signal};
use crate::sim::{Effect, RequestEntry};
use crate::store::sqlite::reader::Reader;
use drive::{Drive, Lives};
use faults::{Fault, Faults};
use helpdesk::{Requests, Tail};
use history::History;
use load::Load;
use plan::Plan;
use settle::{Settle, Sweeps};
use show::{Shown, Starts};
use stage::Stage;

/// Cycles between two rests.
const REST_EVERY: u32 = 25;
/// Time for the last timers, which look at what the helpdesk said yes to without showing it.
const LAST_TIMERS: Duration = Duration::from_secs(3);

/// Under `--help`.
const AFTER: &str = "\
A cycle takes 1.5 to 2.5 seconds: 100 cycles take about three minutes.

Exit codes:
  0  nothing was lost, doubled or stuck
  1  something was found (or a start was slower than --ready-within); the records are kept
  2  wrong use
  3  it could not run to its end: the daemon did not start, the disk is full, it was interrupted";

/// Rehearse the worst: kills and faults, and a verdict.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER)]
pub(super) struct Rehearse {
    /// Which helpdesk
    #[arg(long, value_enum, default_value_t = Which::Richpanel)]
    helpdesk: Which,
    /// How often the daemon is killed and started again
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..))]
    cycles: u32,
    /// all, none, list (shows them), or names with commas between them
    #[arg(long, value_name = "NAMES", default_value = "all", value_parser = Asked::parse)]
    faults: Asked,
    /// Plans the same messages, faults and kills again; their timing varies [default: a new one, printed]
    #[arg(long, value_name = "S")]
    seed: Option<u64>,
    /// A start must take calls within so many milliseconds
    #[arg(long, value_name = "MS", default_value_t = 2_000)]
    ready_within: u64,
    /// Make the temporary folder in here: name the disk that the shop's database will be on
    #[arg(long, value_name = "DIR", conflicts_with = "keep")]
    dir: Option<PathBuf>,
    /// Keep the database, the journals and the logs in this (empty) folder
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
}

#[derive(Debug, Clone)]
enum Asked {
    List,
    Run(Faults),
}

impl Asked {
    fn parse(text: &str) -> Result<Self, String> {
        if text == "list" { Ok(Self::List) } else { Faults::parse(text).map(Self::Run) }
    }
}

impl Rehearse {
    pub(super) fn run(self, session: &Session) -> Result<Exit> {
        let Which::Richpanel = self.helpdesk;
        let faults = match &self.faults {
            Asked::List => return list(session),
            Asked::Run(faults) => faults.clone(),
        };
        let stop = Arc::new(AtomicBool::new(false));
        stop_on_signal(&stop)?;
        let seed = self.seed.unwrap_or_else(|| fastrand::u64(..1_000_000_000));
        let bar = Bar::new("rehearse", "cycles", count(self.cycles), &session.clock, session.json);
        bar.remark(&format!(
            "seed {seed}, {} cycles, faults {}: --seed {seed} plans the same again; its timing varies",
            self.cycles,
            faults.names()
        ));
        let folder = Folder::make("rehearse", self.keep.as_deref(), self.dir.as_deref(), false)?;
        let mut stage = Stage::set(folder, seed, &session.clock)?;
        let mut run = Run {
            plan: Plan::new(seed, faults.clone()),
            session,
            stop: &stop,
            bar,
            sweeps: Sweeps::default(),
        };
        let began = session.clock.monotonic();
        let judged = run.play(&mut stage, &self, &faults);
        run.bar.finish();
        let interrupted = stop.load(Ordering::SeqCst);
        let bad = judged.as_ref().map_or(!interrupted, |shown| !shown.verdict.good());
        stage.folder.kept |= bad;
        let mut shown = match judged {
            Ok(shown) => shown,
            Err(error) if stage.folder.kept => {
                return Err(error.context(format!(
                    "the rehearsal with seed {seed} came to no end; everything is in {}",
                    stage.folder.path.display()
                )));
            }
            Err(error) => return Err(error),
        };
        shown.seed = seed;
        shown.seconds = session.clock.monotonic().saturating_sub(began).as_secs_f64();
        shown.kept = stage.folder.kept.then(|| stage.folder.path.clone());
        session.show(&shown.json(), |_| shown.people())?;
        Ok(if bad { Exit::No } else { Exit::Good })
    }
}

/// A run under way.
struct Run<'a> {
    plan: Plan,
    session: &'a Session,
    stop: &'a AtomicBool,
    bar: Bar,
    sweeps: Sweeps,
}

impl Run<'_> {
    fn play(&mut self, stage: &mut Stage, asked: &Rehearse, faults: &Faults) -> Result<Shown> {
        let clock = &self.session.clock;
        let url = format!("http://{}/richpanel/inbound", stage.addr);
        let acknowledged = stage.folder.path.join("acknowledged.jsonl");
        let load = Load::new(stage.helpdesk.desk.clone(), url, stage.token.clone(), &acknowledged, clock)?;
        let journal = stage.journal();
        stage.start()?;
        let mut drive = Drive {
            tail: Tail::of(&journal),
            stage,
            load: &load,
            clock: Arc::clone(clock),
            lives: Lives::default(),
        };
        for no in 1..=asked.cycles {
            anyhow::ensure!(!self.stop.load(Ordering::SeqCst), "interrupted");
            drive.cycle(&self.plan.cycle(no))?;
            self.show(no, asked.cycles, &drive);
            if no % REST_EVERY == 0 && no < asked.cycles {
                self.rest(&drive, no, asked, forbidden(faults, no, asked.cycles))?;
            }
        }
        self.last_rest(&drive, asked, faults)?;
        let (log, effects) = (requests(drive.stage)?, Tail::of(&journal).news()?);
        drive.finish(asked.cycles)?;
        let lives = std::mem::take(&mut drive.lives);
        let rows = harvest::events(&Reader::open(&drive.stage.folder.database())?)?;
        let unauthorized = log.counts.unauthorized;
        let facts = harvest::facts(&load, &rows, effects, log.requests, lives, asked.ready_within);
        Ok(Shown {
            seed: 0,
            cycles: asked.cycles,
            faults: faults.names(),
            met: harvest::met(&load, &facts, faults, unauthorized),
            verdict: verdict::judge(&facts),
            totals: harvest::totals(&load, &facts, &rows),
            sweeps: self.sweeps,
            starts: Starts::of(&facts),
            seconds: 0.0,
            kept: None,
        })
    }

    fn rest(&mut self, drive: &Drive<'_>, no: u32, asked: &Rehearse, list_forbidden: bool) -> Result<()> {
        let words = "everything comes to rest".to_owned();
        self.bar.show(count(no), count(asked.cycles), words.clone());
        let Self { session, stop, bar, sweeps, .. } = self;
        Settle { stage: drive.stage, clock: &session.clock, stop, sweeps }
            .all(list_forbidden, || bar.show(count(no), count(asked.cycles), words.clone()))
    }

    /// As a rest, until the last timer has run out; where lists are forbidden, an export is handed in.
    fn last_rest(&mut self, drive: &Drive<'_>, asked: &Rehearse, faults: &Faults) -> Result<()> {
        self.rest(drive, asked.cycles, asked, forbidden(faults, asked.cycles, asked.cycles))?;
        if faults.has(Fault::ListForbidden) {
            let (log, effects) = (requests(drive.stage)?, Tail::of(&drive.stage.journal()).news()?);
            let neglected = neglected(&effects, &log.requests);
            let Self { session, stop, sweeps, .. } = self;
            Settle { stage: drive.stage, clock: &session.clock, stop, sweeps }.hand_in(neglected, || ())?;
        }
        nap(LAST_TIMERS);
        let Self { session, stop, sweeps, .. } = self;
        Settle { stage: drive.stage, clock: &session.clock, stop, sweeps }.end()
    }

    fn show(&mut self, no: u32, of: u32, drive: &Drive<'_>) {
        let acknowledged = drive.load.seen().acknowledged.len();
        let slowest = drive.lives.ready_ms.iter().max().copied().unwrap_or(0);
        let words =
            format!("{acknowledged} acknowledged, kills: {}, slowest start {slowest} ms", drive.lives.kills);
        self.bar.show(count(no), count(of), words);
    }
}

/// Whether lists of tickets are forbidden at this rest: in the last quarter, for the daemon believes it for a day.
fn forbidden(faults: &Faults, no: u32, of: u32) -> bool {
    faults.has(Fault::ListForbidden) && u64::from(no) * 4 >= u64::from(of) * 3
}

fn neglected(effects: &[Effect], requests: &[RequestEntry]) -> Vec<String> {
    History::of(effects, requests).neglected()
}

/// The helpdesk's log, also written down beside its journal.
fn requests(stage: &Stage) -> Result<Requests> {
    let log = stage.helpdesk.desk.requests()?;
    let total = usize::try_from(log.counts.total).unwrap_or(usize::MAX);
    anyhow::ensure!(
        log.requests.len() == total,
        "the helpdesk keeps the last {} requests of {total}; rehearse fewer cycles at a time",
        log.requests.len()
    );
    let mut lines = String::new();
    for request in &log.requests {
        lines.push_str(&serde_json::to_string(request)?);
        lines.push('\n');
    }
    stage.folder.write("requests.jsonl", &lines).context("the helpdesk's requests")?;
    Ok(log)
}

/// `--faults list`.
fn list(session: &Session) -> Result<Exit> {
    let all = Fault::value_variants();
    let described: Vec<_> =
        all.iter().map(|fault| json!({"fault": fault.name(), "what": fault.words()})).collect();
    session.show(&described, |screen| {
        let mut table = Table::new(&["fault", "what it is"]);
        for fault in all {
            table.row(vec![(Tone::Strong, fault.name()), (Tone::Plain, fault.words())]);
        }
        table.render(*screen)
    })?;
    Ok(Exit::Good)
}

/// Lets time go by.
fn nap(time: Duration) {
    let (_silent, wait) = mpsc::channel::<()>();
    // Nobody speaks: it ends with the time.
    let _ = wait.recv_timeout(time);
}

fn count(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
