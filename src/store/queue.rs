//! An event on its way through the queue: how it comes in, who holds it, how it ends.

use crate::event::{EventId, HelpdeskName, Lane, MessageKey, Outcome, Source, State, TicketId, Timestamp};

/// A call or a sweep's find, to be kept.
#[derive(Debug, Clone, PartialEq)]
pub struct NewCall {
    /// Which helpdesk.
    pub helpdesk: HelpdeskName,
    /// The ticket; `None` keeps the bytes for a person and queues nothing.
    pub ticket: Option<TicketId>,
    /// Where it came from.
    pub source: Source,
    /// The lane it waits in.
    pub lane: Lane,
    /// When it came.
    pub at: Timestamp,
    /// The call, read, as JSON; what one-call routing works from.
    pub fields: String,
    /// The bytes as they came, with their content type.
    pub raw: Option<(Option<String>, Vec<u8>)>,
    /// The body was broken and salvaged.
    pub salvaged: bool,
}

/// What became of a [`NewCall`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Accepted {
    /// A new event.
    New(EventId),
    /// It joined the ticket's waiting event.
    Joined(EventId),
    /// Kept for a person; no event.
    Kept,
}

/// The next event that a claim could take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Due {
    /// When.
    pub at: Timestamp,
    /// Its lane.
    pub lane: Lane,
    /// Which helpdesk's budget it needs.
    pub helpdesk: HelpdeskName,
    /// The state it waits in.
    pub state: State,
}

/// A worker's hold on an event: the fence of every write it makes.
#[derive(Debug, Clone, PartialEq)]
pub struct Claim {
    /// The event.
    pub event: EventId,
    /// Which attempt; grows with each claim.
    pub attempt: u32,
    /// Which helpdesk.
    pub helpdesk: HelpdeskName,
    /// Which ticket.
    pub ticket: TicketId,
    /// Where it came from.
    pub source: Source,
    /// Its lane.
    pub lane: Lane,
    /// Failed attempts so far: those that count toward the dead letter.
    pub failures: u32,
    /// When it was accepted.
    pub accepted_at: Timestamp,
    /// The newest call's fields (JSON).
    pub fields: String,
}

/// What a read of the ticket showed.
#[derive(Debug, Clone, PartialEq)]
pub struct Seen {
    /// The conversation number.
    pub number: Option<i64>,
    /// The newest customer message; `None` when there is none.
    pub message: Option<MessageKey>,
    /// A second form of the same key (the text's hash, for one-call routing), also taken.
    pub also: Option<MessageKey>,
    /// When that message was written.
    pub message_at: Option<Timestamp>,
    /// The channel's word.
    pub channel: String,
    /// Whether the ticket is open.
    pub open: bool,
    /// When the helpdesk last changed it.
    pub updated_at: Option<Timestamp>,
    /// The customer's hash.
    pub customer: Option<String>,
}

/// Whether this event may go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fetched {
    /// Key 2 is ours.
    Fresh,
    /// Another event handled this message.
    DuplicateOf(EventId),
}

/// How a claim ends.
#[derive(Debug, Clone, PartialEq)]
pub struct End {
    /// The next state.
    pub state: State,
    /// For `done`.
    pub outcome: Option<Outcome>,
    /// For `backoff`, `held`, `checking`: when to go on.
    pub due_at: Option<Timestamp>,
    /// Whether this counts toward the dead letter.
    pub failed: bool,
    /// One line for people.
    pub reason: String,
    /// API calls this attempt used.
    pub calls: u32,
}
