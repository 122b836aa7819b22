//! What becomes of a ticket that a sweep or an exported file brought: taken in when it holds a customer message that
//! nobody handled or answered, through the same `accept` as a call.

use std::sync::mpsc;
use std::time::Duration;

use super::Timer;
use super::reconcile::{CsvRow, Halt, Report, Run};
use crate::config::SweepMethod;
use crate::event::{Lane, Source, TicketId};
use crate::helpdesk::{ApiError, Call};
use crate::store::{Accepted, KnownTicket, NewCall, StoreError};
use crate::ticket::{Message, Status, Ticket};

/// How long a person waits for a file to be taken in.
const PATIENCE_CSV: Duration = Duration::from_secs(120);

impl Timer {
    /// Takes in the rows of an exported file.
    pub fn take_in_csv(&self, rows: &[CsvRow]) -> Report {
        let mut run = self.begin(PATIENCE_CSV, u32::MAX);
        run.report.methods.push("csv".into());
        for (index, row) in rows.iter().enumerate() {
            let done = if self.stopping() { Err(Halt::Stopped) } else { self.one_row(row, &mut run) };
            if let Err(halt) = done {
                let left = rows.len() - index;
                self.conclude(SweepMethod::Csv, Err(halt), &mut run);
                run.report
                    .notes
                    .push(format!("the last {left} rows were not looked at; give the file again"));
                break;
            }
        }
        self.keep(&run.report);
        run.report
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
    pub(super) fn consider(&self, ticket: &Ticket, run: &mut Run) -> Result<(), Halt> {
        run.report.looked_at += 1;
        let known = self.store.known_ticket(self.helpdesk.name(), &ticket.id)?;
        let newest = ticket.newest_customer_message();
        let handled = known
            .as_ref()
            .is_some_and(|known| newest.is_none_or(|message| known.message.as_ref() == Some(&message.key())));
        let answered = match newest {
            Some(message) if ticket.agent_answered_after(message) => true,
            Some(message) if ticket.bot_answered_after(message) => !self.was_overtaken(ticket, message)?,
            _ => false,
        };
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

    /// Whether our reply on the ticket answers an older message: it went out while the customer wrote this one.
    fn was_overtaken(&self, ticket: &Ticket, newest: &Message) -> Result<bool, StoreError> {
        let replies = self.store.reply_counts(self.helpdesk.name(), &ticket.id, None, self.now())?;
        Ok(replies.answers.is_some_and(|answered| answered != newest.key()))
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
