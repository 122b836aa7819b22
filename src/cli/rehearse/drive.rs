//! One cycle: faults are set, customers write, the helpdesk calls, the daemon is killed and started again.

use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result};
use rustix::process::{Pid, Signal, kill_process};

use super::bends::Bend;
use super::faults::Fault as Named;
use super::helpdesk::{Desk, Tail};
use super::kills::{ANSWER_HELD_MS, Kill, PATIENCE_MS};
use super::load::Load;
use super::met::Counted;
use super::nap;
use super::plan::Cycle;
use super::stage::{Stage, WINDOW};
use crate::cli::Exit;
use crate::clock::{Clock, millis};
use crate::sim::{Action, Fault, Matcher, Verb};

/// Between two looks at the helpdesk's journal.
const LOOK_EVERY: Duration = Duration::from_millis(1);
/// After a disturbance the helpdesk's window needs so long to be the daemon's alone again, in milliseconds.
const DISTURBED_MS: i64 = 2_000;

/// What was seen of the daemon's process.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Lives {
    /// Milliseconds from each start after an end until it took calls.
    pub(super) ready_ms: Vec<u64>,
    /// SIGKILLs.
    pub(super) kills: u32,
    /// SIGTERMs.
    pub(super) terms: u32,
    /// Second daemons that left as they must.
    pub(super) seconds: u32,
    /// Writes whose answers were to be held back for a kill.
    pub(super) held: u64,
    /// Faults that the helpdesk's log does not show.
    pub(super) met: Counted,
    /// Ends and refusals that are not as they must be.
    pub(super) misbehaved: Vec<String>,
    /// Times at which others filled the helpdesk's window or kept it from counting, milliseconds since 1970.
    pub(super) disturbed: Vec<(i64, i64)>,
}

/// Plays cycles on the stage.
pub(super) struct Drive<'a> {
    pub(super) stage: &'a mut Stage,
    pub(super) load: &'a Load,
    pub(super) tail: Tail,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) lives: Lives,
}

impl Drive<'_> {
    /// One cycle from its faults to a daemon that is ready again.
    ///
    /// # Errors
    /// When a process of ours cannot be driven, or the daemon does not come back.
    pub(super) fn cycle(&mut self, cycle: &Cycle) -> Result<()> {
        self.left()?;
        let desk = self.stage.helpdesk.desk.clone();
        let helpdesk = self.stage.helpdesk.child.pid();
        if let Kill::AtEffect { nth } = cycle.kill {
            let writes = Matcher { method: Some("PUT".into()), ..Matcher::default() }.nth(nth);
            let fault = Fault::once(writes, Action::Slow { ms: ANSWER_HELD_MS });
            desk.run(&Verb::SetFault { fault })?;
            self.lives.held += 1;
        }
        self.tail.writes()?;
        let (told, acknowledged) = mpsc::channel();
        let (load, clock) = (self.load, Arc::clone(&self.clock));
        let failed: Mutex<Vec<anyhow::Error>> = Mutex::default();
        let disturbed: Mutex<Vec<(i64, i64)>> = Mutex::default();
        let fail = |done: Result<()>| {
            if let Err(error) = done {
                failed.lock().unwrap_or_else(PoisonError::into_inner).push(error);
            }
        };
        let driven = std::thread::scope(|threads| {
            for bend in &cycle.bends {
                let (desk, clock, disturbed, fail) = (&desk, &clock, &disturbed, &fail);
                threads.spawn(move || fail(bend_now(bend, desk, helpdesk, clock.as_ref(), disturbed)));
            }
            for message in &cycle.messages {
                let (told, fail) = (told.clone(), &fail);
                threads.spawn(move || fail(load.play(cycle.no, message, &told)));
            }
            if cycle.bends.contains(&Bend::SecondDaemon) {
                self.second(cycle.no)?;
            }
            self.end(cycle, &acknowledged)
        });
        self.lives.disturbed.append(&mut disturbed.into_inner().unwrap_or_else(PoisonError::into_inner));
        driven?;
        match failed.into_inner().unwrap_or_else(PoisonError::into_inner).pop() {
            Some(error) => Err(error).with_context(|| format!("cycle {}", cycle.no)),
            None => {
                self.note(&cycle.bends);
                Ok(())
            }
        }
    }

    /// Notes the faults that leave no trace in the helpdesk's log.
    fn note(&mut self, bends: &[Bend]) {
        for bend in bends {
            let fault = match bend {
                Bend::Stop { .. } => Named::HelpdeskDown,
                Bend::Verb { verb: Verb::UseUpWindow { .. }, .. } => Named::OtherClient,
                Bend::Verb { .. } | Bend::SecondDaemon => continue,
            };
            *self.lives.met.entry(fault).or_default() += 1;
        }
    }

    /// A daemon that left by itself is a finding, and is started again.
    fn left(&mut self) -> Result<()> {
        if self.has_left()? { self.again() } else { Ok(()) }
    }

    fn has_left(&mut self) -> Result<bool> {
        let left = self.stage.left()?;
        if let Some(status) = left {
            self.lives.misbehaved.push(format!("the daemon left by itself ({status}); see its log"));
        }
        Ok(left.is_some())
    }

    fn second(&mut self, cycle: u32) -> Result<()> {
        let ended = self.stage.second()?;
        if ended.and_then(|status| status.code()) == Some(Exit::CannotRun as i32) {
            self.lives.seconds += 1;
        } else {
            let how = ended.map_or_else(|| "stayed".to_owned(), |status| format!("left with {status}"));
            self.lives.misbehaved.push(format!(
                "cycle {cycle}: a second daemon on the same database {how}, it must leave with exit code 3"
            ));
        }
        Ok(())
    }

    /// Waits for the moment, ends the daemon, starts it again.
    fn end(&mut self, cycle: &Cycle, acknowledged: &Receiver<()>) -> Result<()> {
        let ms = Duration::from_millis;
        match cycle.kill {
            Kill::None => {
                nap(ms(PATIENCE_MS / 2));
                return Ok(());
            }
            Kill::At { ms: after } => nap(ms(after)),
            Kill::Term { ms: after } => {
                nap(ms(after));
                self.term(cycle.no)?;
                return self.again();
            }
            Kill::AtAcknowledgement { nth, plus_us } => {
                let deadline = self.clock.monotonic() + ms(PATIENCE_MS);
                let seen = (0..nth).all(|_| {
                    let left = deadline.saturating_sub(self.clock.monotonic());
                    acknowledged.recv_timeout(left).is_ok()
                });
                if seen {
                    nap(Duration::from_micros(plus_us));
                }
            }
            Kill::AtEffect { nth } => {
                let deadline = self.clock.monotonic() + ms(PATIENCE_MS);
                let mut seen = 0;
                while seen < nth && self.clock.monotonic() < deadline {
                    nap(LOOK_EVERY);
                    seen += self.tail.writes()?;
                }
            }
            Kill::WhileStarting { ms: after, start_ms } => {
                nap(ms(after));
                self.kill()?;
                self.stage.begin()?;
                nap(ms(start_ms));
            }
        }
        self.kill()?;
        self.again()
    }

    fn kill(&mut self) -> Result<()> {
        if self.has_left()? {
            return Ok(());
        }
        self.lives.kills += 1;
        self.stage.kill()
    }

    fn term(&mut self, cycle: u32) -> Result<()> {
        if self.has_left()? {
            return Ok(());
        }
        self.lives.terms += 1;
        let ended = self.stage.stop()?;
        if ended.and_then(|status| status.code()) != Some(0) {
            let how = ended.map_or_else(|| "did not end".to_owned(), |status| format!("ended with {status}"));
            self.lives.misbehaved.push(format!("cycle {cycle}: asked to stop, the daemon {how}"));
        }
        Ok(())
    }

    /// The last end: in good order.
    ///
    /// # Errors
    /// When its end cannot be waited for.
    pub(super) fn finish(&mut self, cycle: u32) -> Result<()> {
        self.left()?;
        self.term(cycle)
    }

    fn again(&mut self) -> Result<()> {
        let took = self.stage.start()?;
        self.lives.ready_ms.push(u64::try_from(took.as_millis()).unwrap_or(u64::MAX));
        Ok(())
    }
}

/// Lets something go wrong at its time, and notes when others had the window.
fn bend_now(
    bend: &Bend,
    desk: &Desk,
    helpdesk: Pid,
    clock: &dyn Clock,
    disturbed: &Mutex<Vec<(i64, i64)>>,
) -> Result<()> {
    let began = || millis(clock.now());
    let disturbs = |from: i64| {
        let window_ms = i64::try_from(WINDOW.as_millis()).unwrap_or(i64::MAX);
        let until = millis(clock.now()).saturating_add(window_ms).saturating_add(DISTURBED_MS);
        disturbed.lock().unwrap_or_else(PoisonError::into_inner).push((from, until));
    };
    match bend {
        Bend::SecondDaemon => Ok(()),
        Bend::Verb { after_ms, verb } => {
            nap(Duration::from_millis(*after_ms));
            let from = began();
            let done = desk.run(verb);
            if matches!(verb, Verb::UseUpWindow { .. }) {
                disturbs(from);
            }
            done.map(drop)
        }
        Bend::Stop { after_ms, for_ms } => {
            nap(Duration::from_millis(*after_ms));
            let from = began();
            let stopped = kill_process(helpdesk, Signal::STOP);
            nap(Duration::from_millis(*for_ms));
            kill_process(helpdesk, Signal::CONT)
                .and(stopped)
                .context("cannot stop the helpdesk's process")?;
            disturbs(from);
            Ok(())
        }
    }
}
