//! The helpdesk's own side: tickets as they truly are, what was done to them and when, and what is still on its way.
//!
//! `said` only grows: it is the oracle's record of what reached customers.

use std::time::Duration;

use super::scheduler::Look;
use crate::event::{EventId, MessageId, MessageKey, TicketId, Timestamp};
use crate::ticket::{Author, Channel, Customer, Effect, Message, Status, Ticket};

/// One ticket with its past.
pub(super) struct Held {
    /// As it is.
    pub(super) now: Ticket,
    /// As it was until then (monotonic), oldest first.
    pub(super) past: Vec<(Duration, Ticket)>,
    /// Reads say "not found" before that.
    pub(super) known_from: Duration,
    pub(super) deleted: bool,
    pub(super) has_order: bool,
    /// Monotonic times of the customer's messages and of the agents' public answers.
    pub(super) asked_at: Vec<(MessageKey, Duration)>,
    pub(super) answered_at: Vec<Duration>,
    /// The tag was set at some time.
    pub(super) ever_stopped: bool,
    /// Whose hand closed it last.
    pub(super) closed_by_us: bool,
    /// … and it was a request that nobody waited for any more.
    pub(super) closed_late: bool,
    /// The first read, for the stale one.
    pub(super) first_read: Option<Ticket>,
}

/// A reply that reached a customer.
#[derive(Debug, Clone)]
pub(super) struct Said {
    pub(super) ticket: usize,
    pub(super) event: Option<EventId>,
    /// The customer message it was written to: the newest one that its sender had seen.
    pub(super) to: Option<MessageKey>,
    pub(super) sent_at: Timestamp,
    pub(super) applied_at: Duration,
}

/// A write that reached the helpdesk's door.
#[derive(Debug, Clone)]
pub(super) struct Write {
    pub(super) ticket: usize,
    pub(super) effect: Effect,
    pub(super) event: Option<EventId>,
    pub(super) look: Option<Look>,
    pub(super) sent_at: Timestamp,
    /// Its sender no longer waits for it.
    pub(super) late: bool,
}

/// Everything at the helpdesk.
#[derive(Default)]
pub(super) struct Tickets {
    pub(super) held: Vec<Held>,
    pub(super) said: Vec<Said>,
    /// Accepted and not applied yet, with its monotonic time.
    pub(super) late: Vec<(Duration, Write)>,
    messages: u32,
}

const FIRST_NUMBER: i64 = 1_400;

impl Tickets {
    pub(super) fn open(&mut self, channel: Channel, customer: &str, at: (Duration, Timestamp)) -> usize {
        let place = self.held.len();
        let now = Ticket {
            id: TicketId::new(format!("<t{place}@mail.example>")),
            number: Some(FIRST_NUMBER + place as i64),
            status: Status::Open,
            subject: String::new(),
            channel,
            tags: vec![],
            assignee: None,
            priority: None,
            customer: Customer { email: Some(customer.to_owned()), ..Customer::default() },
            client_id: Some("demoshop".into()),
            messages: vec![],
            created_at: Some(at.1),
            updated_at: Some(at.1),
            read_at: at.1,
        };
        self.held.push(Held {
            now,
            past: vec![],
            known_from: at.0,
            deleted: false,
            has_order: true,
            asked_at: vec![],
            answered_at: vec![],
            ever_stopped: false,
            closed_by_us: false,
            closed_late: false,
            first_read: None,
        });
        place
    }

    pub(super) fn place(&self, id: &TicketId) -> Option<usize> {
        self.held.iter().position(|held| held.now.id == *id)
    }

    /// Changes a ticket and keeps what it was.
    fn change(&mut self, place: usize, at: (Duration, Timestamp), change: impl FnOnce(&mut Ticket)) {
        let held = &mut self.held[place];
        held.past.push((at.0, held.now.clone()));
        change(&mut held.now);
        held.now.updated_at = Some(at.1);
    }

    /// Somebody writes; a customer's words open the ticket again.
    pub(super) fn write(&mut self, place: usize, author: &Author, text: &str, at: (Duration, Timestamp)) {
        self.messages += 1;
        let message = Message {
            id: Some(MessageId::new(format!("m{}", self.messages))),
            author: author.clone(),
            plain: text.to_owned(),
            html: None,
            public: true,
            at: Some(at.1),
            attachments: 0,
            auto_submitted: text.contains("out of the office"),
        };
        match author {
            Author::Customer => self.held[place].asked_at.push((message.key(), at.0)),
            Author::Agent(_) => self.held[place].answered_at.push(at.0),
            _ => (),
        }
        self.change(place, at, |ticket| {
            if *author == Author::Customer {
                ticket.status = Status::Open;
            }
            ticket.messages.push(message);
        });
    }

    pub(super) fn set_status(&mut self, place: usize, status: Status, at: (Duration, Timestamp)) {
        self.held[place].closed_by_us = false;
        self.change(place, at, |ticket| ticket.status = status);
    }

    pub(super) fn tag(&mut self, place: usize, tag: &str, on: bool, at: (Duration, Timestamp)) {
        self.change(place, at, |ticket| {
            ticket.tags.retain(|known| known != tag);
            if on {
                ticket.tags.push(tag.to_owned());
            }
        });
    }

    /// A ticket as a read that lags by so much shows it; `None`: not known (yet).
    pub(super) fn shown(&self, place: usize, now: Duration, lag: Duration) -> Option<Ticket> {
        let held = &self.held[place];
        if held.deleted || now < held.known_from {
            return None;
        }
        let then = now.saturating_sub(lag);
        let old = held.past.iter().find(|(until, _)| *until > then).map(|(_, old)| old);
        // What was there before its first message never shows.
        let shown = old.filter(|old| !old.messages.is_empty());
        Some(shown.unwrap_or(&held.now).clone())
    }

    /// Does what was asked for.
    pub(super) fn apply(&mut self, write: &Write, at: (Duration, Timestamp)) {
        let place = write.ticket;
        if self.held[place].deleted {
            return;
        }
        match &write.effect {
            Effect::Reply { body } => {
                let reply = Said {
                    ticket: place,
                    event: write.event,
                    to: write.look.as_ref().and_then(|look| look.newest.clone()),
                    sent_at: write.sent_at,
                    applied_at: at.0,
                };
                self.said.push(reply);
                self.write(place, &Author::Bot, body, at);
            }
            Effect::AddTags { tags } => self.change(place, at, |ticket| {
                for tag in tags {
                    if !ticket.has_tag(tag) {
                        ticket.tags.push(tag.clone());
                    }
                }
            }),
            Effect::RemoveTags { tags } => {
                self.change(place, at, |ticket| ticket.tags.retain(|tag| !tags.contains(tag)));
            }
            Effect::Close => {
                self.set_status(place, Status::Closed, at);
                self.held[place].closed_by_us = true;
                self.held[place].closed_late = write.late;
            }
            Effect::Reopen => self.set_status(place, Status::Open, at),
            Effect::Priority { level } => {
                self.change(place, at, |ticket| ticket.priority = Some(level.clone()));
            }
            _ => (),
        }
    }
}
