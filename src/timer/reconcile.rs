//! The search for tickets that no call told us of. It goes through the same `accept` as a call, on leftover budget.
//!
//! `list` asks for what changed; `number` probes conversation numbers upward from the highest known one, then those
//! between that nobody told us of (`gaps`); `known` reads open tickets we met again; a CSV export names them outright. `auto` takes what the tenant allows: a 403 on
//! the list is remembered for a day and reported.

mod gaps;

use std::sync::mpsc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Timer;
use crate::clock::{from_millis, millis, since};
use crate::config::SweepMethod;
use crate::event::{Lane, Source, TicketId, Timestamp};
use crate::helpdesk::budget::{Permit, Use};
use crate::helpdesk::{ApiError, Call};
use crate::store::{Accepted, KnownTicket, NewCall, StoreError};
use crate::ticket::{Message, Status, Ticket};

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
struct Run {
    report: Report,
    /// Monotonic time until which it waits for a call's slot; the timer's own sweeps do not wait.
    until: Duration,
    calls_max: u32,
}

/// A person waits at the other end: so long for a sweep, so long for a file.
const PATIENCE: Duration = Duration::from_secs(10);
const PATIENCE_CSV: Duration = Duration::from_secs(120);

/// Why a sweep stops.
enum Halt {
    /// No budget is left over, or the sweep's own share is used up.
    Budget,
    Api(ApiError),
    Store(StoreError),
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
            run.report.methods.push(format!("{method:?}").to_lowercase());
            let done = match method {
                SweepMethod::List => self.by_list(&mut run),
                SweepMethod::Number => self.by_number(&mut run),
                SweepMethod::Known => self.by_known(&mut run),
                SweepMethod::Auto | SweepMethod::Csv => Ok(()),
            };
            self.conclude(method, done, &mut run);
        }
        self.keep(&run.report);
        run.report
    }

    fn begin(&self, patience: Duration, calls_max: u32) -> Run {
        Run { report: Report::default(), until: self.clock.monotonic() + patience, calls_max }
    }

    /// Takes in the rows of an exported file.
    pub fn take_in_csv(&self, rows: &[CsvRow]) -> Report {
        let mut run = self.begin(PATIENCE_CSV, u32::MAX);
        run.report.methods.push("csv".into());
        for row in rows {
            if let Err(halt) = self.one_row(row, &mut run) {
                self.conclude(SweepMethod::Csv, Err(halt), &mut run);
                break;
            }
        }
        self.keep(&run.report);
        run.report
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

    fn conclude(&self, method: SweepMethod, done: Result<(), Halt>, run: &mut Run) {
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
        }
    }

    fn keep(&self, report: &Report) {
        log::info!(
            "sweep methods={} looked_at={} found={} calls={} notes={:?}",
            report.methods.join("+"),
            report.looked_at,
            report.found,
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
    fn call<T>(
        &self,
        run: &mut Run,
        call: impl FnOnce(&mut Permit) -> Result<T, ApiError>,
    ) -> Result<T, Halt> {
        if run.report.calls >= run.calls_max {
            return Err(Halt::Budget);
        }
        let budget = self.helpdesk.budget();
        let give_up = || self.clock.monotonic() >= run.until;
        let permit =
            budget.try_reserve(Use::Sweep, 1).ok().or_else(|| budget.reserve(Use::Sweep, 1, &give_up));
        let mut permit = permit.ok_or(Halt::Budget)?;
        let answer = call(&mut permit);
        run.report.calls += permit.used();
        answer.map_err(
            |error| if matches!(error, ApiError::Throttled { .. }) { Halt::Budget } else { error.into() },
        )
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
                Err(Halt::Api(ApiError::NotFound | ApiError::Rejected { .. } | ApiError::Malformed(_))) => {
                    missing += 1;
                }
                Err(halt) => return Err(halt),
            }
            if missing >= self.config.reconcile.number_gap {
                break;
            }
        }
        self.by_gaps(highest, run)
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
            Err(Halt::Api(error @ (ApiError::Rejected { .. } | ApiError::Malformed(_)))) => {
                run.report.notes.push(format!("ticket {id}: {error}"));
                Ok(self.store.looked_at(known, self.now())?)
            }
            Err(halt) => Err(halt),
        }
    }

    fn one_row(&self, row: &CsvRow, run: &mut Run) -> Result<(), Halt> {
        let Some(id) = row.ticket_id.as_deref().map(TicketId::from) else {
            let Some(number) = row.conversation_no else { return Ok(()) };
            return match self.call(run, |permit| self.helpdesk.ticket_by_number(permit, number)) {
                Ok(ticket) => self.consider(&ticket, run),
                Err(Halt::Api(ApiError::NotFound)) => {
                    run.report.notes.push(format!("conversation {number} is not at the helpdesk"));
                    Ok(())
                }
                Err(halt) => Err(halt),
            };
        };
        run.report.looked_at += 1;
        let known = self.store.known_ticket(self.helpdesk.name(), &id)?;
        let unchanged = known.is_some_and(|known| match (known.updated_at, row.updated_at) {
            (Some(seen), Some(changed)) => seen >= changed,
            // Without a time in the file, a ticket we met is left to the other methods.
            _ => row.updated_at.is_none(),
        });
        if unchanged { Ok(()) } else { self.take_in(id, None, Source::Csv, run) }
    }

    /// Takes a ticket in when it holds a customer message that nobody handled or answered.
    fn consider(&self, ticket: &Ticket, run: &mut Run) -> Result<(), Halt> {
        run.report.looked_at += 1;
        let known = self.store.known_ticket(self.helpdesk.name(), &ticket.id)?;
        let newest = ticket.newest_customer_message();
        let handled = known
            .as_ref()
            .is_some_and(|known| newest.is_none_or(|message| known.message.as_ref() == Some(&message.key())));
        let answered = newest.is_some_and(|message| {
            ticket.agent_answered_after(message) || ticket.bot_answered_after(message)
        });
        if ticket.status != Status::Closed && !handled && !answered {
            return self.take_in(ticket.id.clone(), newest, Source::Sweep, run);
        }
        let looked = KnownTicket {
            helpdesk: self.helpdesk.name().clone(),
            ticket: ticket.id.clone(),
            number: ticket.number,
            message: known.and_then(|known| known.message),
            updated_at: ticket.updated_at,
            open: ticket.status != Status::Closed,
            channel: ticket.channel.as_str().to_owned(),
        };
        Ok(self.store.looked_at(&looked, self.now())?)
    }

    fn take_in(
        &self,
        id: TicketId,
        newest: Option<&Message>,
        source: Source,
        run: &mut Run,
    ) -> Result<(), Halt> {
        let call = Call {
            ticket_id: id.clone(),
            channel: None,
            message: None,
            subject: None,
            trigger: Some("sweep".into()),
            customer_email: None,
            extra: [(
                "message_at".to_owned(),
                newest.and_then(|message| message.at).map_or_else(String::new, |at| at.to_string()),
            )]
            .into(),
            salvaged: false,
        };
        let new = NewCall {
            helpdesk: self.helpdesk.name().clone(),
            ticket: Some(id),
            source,
            lane: Lane::Sweep,
            at: self.now(),
            fields: serde_json::to_string(&call).unwrap_or_else(|_| "{}".into()),
            raw: None,
            salvaged: false,
        };
        let (done, wait) = mpsc::sync_channel(1);
        self.store.accept(
            new,
            Box::new(move |accepted| {
                let _ = done.send(accepted);
            }),
        );
        let accepted = wait.recv().unwrap_or(Err(StoreError::Busy))?;
        run.report.found += u32::from(matches!(accepted, Accepted::New(_)));
        Ok(())
    }
}
