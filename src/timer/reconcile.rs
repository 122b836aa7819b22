//! The search for tickets that no call told us of. It goes through the same `accept` as a call, on leftover budget.
//!
//! `list` asks for what changed; `number` probes conversation numbers upward from the highest known one, and those
//! below it that nothing told us of (`gaps`); `known` reads open tickets we met again; a CSV export names them outright.
//! `auto` takes what the tenant allows: a 403 on the list is remembered for a day and reported.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Timer;
use crate::clock::{from_millis, millis, since};
use crate::config::SweepMethod;
use crate::event::{TicketId, Timestamp};
use crate::helpdesk::ApiError;
use crate::helpdesk::budget::{Permit, Use};
use crate::store::{KnownTicket, StoreError};

/// The setting that remembers a forbidden list.
pub const LIST_FORBIDDEN: &str = "sweep.list_forbidden";

/// The setting that holds the last sweep's [`Report`].
pub const LAST_SWEEP: &str = "sweep.last";

/// How long a 403 is believed.
const FORBIDDEN_FOR: Duration = Duration::from_secs(24 * 3_600);

/// What a sweep did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// Which ways were gone.
    pub methods: Vec<String>,
    /// Tickets looked at.
    pub looked_at: u32,
    /// Tickets taken in.
    pub found: u32,
    /// API calls spent.
    pub calls: u32,
    /// Why it ended early, or what could not be done.
    pub notes: Vec<String>,
    /// Conversation numbers missing at its end: below the highest, and nothing told us of them.
    #[serde(default)]
    pub missing: u64,
    /// Missing numbers looked up.
    #[serde(default)]
    pub looked_up: u32,
    /// Of these, with a ticket behind them.
    #[serde(default)]
    pub numbers_found: u32,
}

/// A row of an exported file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CsvRow {
    /// The ticket's id, when the file has it.
    pub ticket_id: Option<String>,
    /// The conversation number, when the file has it.
    pub conversation_no: Option<i64>,
    /// Its last change, when the file has it.
    pub updated_at: Option<Timestamp>,
}

/// A sweep under way.
pub(super) struct Run {
    pub(super) report: Report,
    /// Monotonic time until which it waits for a call's slot; the timer's own sweeps do not wait.
    until: Duration,
    calls_max: u32,
    /// Reads that failed although the helpdesk is there.
    failed: u32,
}

/// Tickets in one sweep whose reads may fail as if the helpdesk were down; more of them, and it may be.
const FAILED_MAX: u32 = 3;

/// A person waits at the other end.
const PATIENCE: Duration = Duration::from_secs(10);

/// Why a sweep stops.
pub(super) enum Halt {
    /// No budget is left over, or the sweep's own share is used up.
    Budget,
    Api(ApiError),
    Store(StoreError),
    /// The daemon stops.
    Stopped,
}

impl From<ApiError> for Halt {
    fn from(error: ApiError) -> Self {
        Self::Api(error)
    }
}

impl From<StoreError> for Halt {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl Timer {
    /// One sweep by the configured method. `asked`: a person waits for it.
    pub fn sweep(&self, asked: bool) -> Report {
        let patience = if asked { PATIENCE } else { Duration::ZERO };
        let mut run = self.begin(patience, self.config.reconcile.max_calls);
        for method in self.methods() {
            if self.stopping() {
                break;
            }
            run.report.methods.push(format!("{method:?}").to_lowercase());
            self.by(method, &mut run);
        }
        self.keep(&run.report);
        self.watch_channels();
        run.report
    }

    fn by(&self, method: SweepMethod, run: &mut Run) {
        let done = match method {
            SweepMethod::List => self.by_list(run),
            SweepMethod::Number => self.by_number(run),
            SweepMethod::Known => self.by_known(run),
            SweepMethod::Auto | SweepMethod::Csv => Ok(()),
        };
        let whole = done.is_ok();
        self.conclude(method, done, run);
        let noted = self.note_gaps(run).map_err(Halt::Store);
        self.conclude(SweepMethod::Number, noted, run);
        if whole && matches!(method, SweepMethod::List | SweepMethod::Number) {
            let looked = self.look_up_gaps(method, run);
            self.conclude(SweepMethod::Number, looked, run);
        }
    }

    pub(super) fn begin(&self, patience: Duration, calls_max: u32) -> Run {
        Run { report: Report::default(), until: self.clock.monotonic() + patience, calls_max, failed: 0 }
    }

    fn methods(&self) -> Vec<SweepMethod> {
        match self.config.reconcile.method {
            SweepMethod::Auto if self.list_is_forbidden() => vec![SweepMethod::Number, SweepMethod::Known],
            SweepMethod::Auto => vec![SweepMethod::List],
            SweepMethod::Csv => vec![],
            method => vec![method],
        }
    }

    fn list_is_forbidden(&self) -> bool {
        let setting = self.store.setting(LIST_FORBIDDEN).ok().flatten();
        setting.is_some_and(|setting| since(setting.at, self.now()) < FORBIDDEN_FOR)
    }

    pub(super) fn conclude(&self, method: SweepMethod, done: Result<(), Halt>, run: &mut Run) {
        match done {
            Ok(()) => (),
            Err(Halt::Budget) => {
                run.report.notes.push("the calls left over were used up; the next sweep goes on".into());
            }
            Err(Halt::Api(ApiError::Forbidden(why))) if method == SweepMethod::List => {
                let note =
                    "this API key may not list tickets (403); sweeping by number and known tickets instead";
                log::warn!("sweep: {note}: {why}");
                run.report.notes.push(note.into());
                if let Err(error) = self.store.set(LIST_FORBIDDEN, Some("403"), "sweep", self.now()) {
                    log::error!("sweep: {error}");
                }
            }
            Err(Halt::Api(error)) => run.report.notes.push(format!("{method:?}: {error}").to_lowercase()),
            Err(Halt::Store(error)) => run.report.notes.push(error.to_string()),
            Err(Halt::Stopped) => run.report.notes.push("the daemon is stopping".into()),
        }
    }

    pub(super) fn keep(&self, report: &Report) {
        log::info!(
            "sweep methods={} looked_at={} found={} missing={} calls={} notes={:?}",
            report.methods.join("+"),
            report.looked_at,
            report.found,
            report.missing,
            report.calls,
            report.notes
        );
        let kept = serde_json::to_string(report).map_err(|error| error.to_string()).and_then(|json| {
            self.store.set(LAST_SWEEP, Some(&json), "sweep", self.now()).map_err(|error| error.to_string())
        });
        if let Err(error) = kept {
            log::error!("sweep: {error}");
        }
    }

    /// One call, if the sweep's share and the leftover budget allow it.
    pub(super) fn call<T>(
        &self,
        run: &mut Run,
        call: impl FnOnce(&mut Permit) -> Result<T, ApiError>,
    ) -> Result<T, Halt> {
        if self.stopping() {
            return Err(Halt::Stopped);
        }
        if run.report.calls >= run.calls_max {
            return Err(Halt::Budget);
        }
        let budget = self.helpdesk.budget();
        let give_up = || self.stopping() || self.clock.monotonic() >= run.until;
        let permit =
            budget.try_reserve(Use::Sweep, 1).ok().or_else(|| budget.reserve(Use::Sweep, 1, &give_up));
        let mut permit = permit.ok_or(Halt::Budget)?;
        let answer = call(&mut permit);
        run.report.calls += permit.used();
        answer.map_err(
            |error| if matches!(error, ApiError::Throttled { .. }) { Halt::Budget } else { error.into() },
        )
    }

    /// Whether a read failed for this ticket's own reasons: it must not keep the sweep from the others, each time anew.
    pub(super) fn fails_alone(&self, error: &ApiError, run: &mut Run) -> bool {
        if matches!(error, ApiError::Unavailable(_)) {
            run.failed += 1;
            return run.failed <= FAILED_MAX && !self.is_down();
        }
        matches!(error, ApiError::Rejected { .. } | ApiError::Malformed(_))
    }

    fn lookback(&self) -> Timestamp {
        let hours = i64::from(self.config.reconcile.lookback_hours);
        from_millis(millis(self.now()).saturating_sub(hours.saturating_mul(3_600_000)))
    }

    fn by_list(&self, run: &mut Run) -> Result<(), Halt> {
        let since = self.lookback();
        for page in 1..=self.config.reconcile.max_calls {
            let listed = self.call(run, |permit| self.helpdesk.changed_tickets(permit, since, page))?;
            let old = listed.tickets.iter().any(|ticket| ticket.updated_at.is_some_and(|at| at < since));
            let mut met_before = Vec::new();
            // What nobody met costs no call here and comes first.
            for ticket in listed.tickets {
                match self.store.known_ticket(self.helpdesk.name(), &ticket.id)? {
                    Some(known) if ticket.messages.is_empty() => met_before.push((known, ticket)),
                    _ => self.consider(&ticket, run)?,
                }
            }
            for (known, ticket) in
                met_before.iter().filter(|(known, ticket)| known.updated_at < ticket.updated_at)
            {
                self.look_again(known, &ticket.id, run)?;
            }
            if !listed.more || old {
                break;
            }
        }
        Ok(())
    }

    fn by_number(&self, run: &mut Run) -> Result<(), Halt> {
        let Some(highest) = self.store.highest_number(self.helpdesk.name())? else {
            run.report.notes.push(
                "no conversation number is known yet: the first call or a CSV export brings one".into(),
            );
            return Ok(());
        };
        let mut missing = 0;
        for number in highest + 1.. {
            match self.call(run, |permit| self.helpdesk.ticket_by_number(permit, number)) {
                Ok(ticket) => {
                    missing = 0;
                    self.consider(&ticket, run)?;
                }
                // A number can fail for good: not given out yet, or an imported ticket (richpanel-api §2).
                Err(Halt::Api(error)) if error == ApiError::NotFound || self.fails_alone(&error, run) => {
                    missing += 1;
                }
                Err(halt) => return Err(halt),
            }
            if missing >= self.config.reconcile.number_gap {
                break;
            }
        }
        Ok(())
    }

    fn by_known(&self, run: &mut Run) -> Result<(), Halt> {
        let limit = self.config.reconcile.max_calls;
        for known in self.store.known_tickets(self.helpdesk.name(), self.lookback(), limit)? {
            self.look_again(&known, &known.ticket, run)?;
        }
        Ok(())
    }

    /// Reads a ticket we met before; whether it holds something new, only its messages can tell.
    fn look_again(&self, known: &KnownTicket, id: &TicketId, run: &mut Run) -> Result<(), Halt> {
        match self.call(run, |permit| self.helpdesk.ticket(permit, id)) {
            Ok(ticket) => self.consider(&ticket, run),
            Err(Halt::Api(ApiError::NotFound)) => {
                Ok(self.store.looked_at(&KnownTicket { open: false, ..known.clone() }, self.now())?)
            }
            Err(Halt::Api(error)) if self.fails_alone(&error, run) => {
                run.report.notes.push(format!("ticket {id}: {error}"));
                Ok(self.store.looked_at(known, self.now())?)
            }
            Err(halt) => Err(halt),
        }
    }
}
