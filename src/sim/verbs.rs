//! What can happen at the helpdesk, and what a driver can ask of the simulator.
//!
//! One enum, so that the Rust handle, the control routes and scripts say the same things.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::faults::{Fault, Script};
use super::limit::RateLimit;
use super::settings::Settings;
use super::targets::{Chances, Shot, Target};

/// What a customer writes.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NewMessage {
    /// An existing ticket to write to; none starts a new one.
    pub ticket: Option<String>,
    /// The id of the new ticket; none makes one up in a shape that fits the channel.
    pub id: Option<String>,
    /// Channel; `email` when none is given.
    pub channel: Option<String>,
    /// Do not show `via.channel` on the ticket.
    pub channel_hidden: bool,
    /// The customer's address.
    pub email: String,
    /// The customer's full name.
    pub name: String,
    /// The customer's telephone number.
    pub phone: String,
    /// Subject of a new ticket.
    pub subject: String,
    /// The message as text.
    pub text: String,
    /// The message as HTML; with an empty `text` there is no `plain_body`.
    pub html: Option<String>,
    /// An order to add and to link to the ticket, in the vendor's shape.
    pub order: Option<Value>,
    /// An automatic answer: shows up in the comment's metadata.
    pub auto_submitted: bool,
    /// Metadata of the comment; an object.
    pub metadata: Option<Value>,
    /// Which of the eight key sets the new ticket has, 0..=7; none draws one.
    pub shape: Option<u8>,
    /// An imported ticket: not found by its number.
    pub imported: bool,
    /// The message lies so many milliseconds in the past.
    pub age_ms: i64,
    /// No automation rule fires.
    pub quiet: bool,
    /// A telephone call rather than text (`VoiceComment`).
    pub voice: bool,
}

/// What came of a customer's message.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Written {
    /// The ticket.
    pub ticket_id: String,
    /// The comment.
    pub message_id: String,
    /// The ticket's number.
    pub conversation_no: u64,
}

/// Something that happens. A missing ticket means: the ticket of the request, in a script.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "verb", rename_all = "snake_case")]
#[allow(missing_docs, reason = "the fields are ticket ids, texts, tags and agent ids, as their names say")]
pub enum Verb {
    /// The customer writes; rules fire.
    CustomerWrites(Box<NewMessage>),
    /// The customer of this very ticket writes again; rules fire.
    CustomerWritesAgain { ticket: Option<String>, text: String },
    /// An agent answers in the vendor's pages.
    AgentReplies {
        ticket: Option<String>,
        text: String,
        #[serde(default)]
        agent: Option<String>,
    },
    /// An agent leaves a private note.
    AgentNotes {
        ticket: Option<String>,
        text: String,
        #[serde(default)]
        agent: Option<String>,
    },
    /// An agent sets tags; they show as UUIDs when the settings say so.
    AgentTags { ticket: Option<String>, tags: Vec<String> },
    /// An agent takes tags away.
    AgentUntags { ticket: Option<String>, tags: Vec<String> },
    /// An agent assigns the ticket; no agent means `unassigned`.
    AgentAssigns {
        ticket: Option<String>,
        #[serde(default)]
        agent: Option<String>,
    },
    /// An agent closes the ticket.
    AgentCloses { ticket: Option<String> },
    /// The ticket is open again.
    Reopen { ticket: Option<String> },
    /// The ticket is put off.
    Snooze { ticket: Option<String> },
    /// The ticket is deleted: 404 from now on.
    DeleteTicket { ticket: Option<String> },
    /// The ticket's order link is set.
    LinkOrder { ticket: Option<String>, order_id: String },
    /// The ticket's order link is gone.
    UnlinkOrder { ticket: Option<String> },
    /// An order is known, or replaces the one with its id.
    AddOrder { order: Value },
    /// The clock moves.
    AdvanceClock { ms: i64 },
    /// A fault is added behind the others.
    SetFault { fault: Fault },
    /// A script is added.
    AddScript { script: Script },
    /// All faults and scripts are forgotten.
    ClearFaults,
    /// The automation rules.
    SetTargets { targets: Vec<Target> },
    /// Odds for lost, doubled and delayed calls.
    SetChances { chances: Chances },
    /// Exactly what becomes of the next calls, one entry each.
    PlanShots { shots: Vec<Shot> },
    /// The rate limit.
    SetRateLimit { limit: RateLimit },
    /// Another client with the same key sends requests now.
    UseUpWindow { requests: u32 },
    /// The tenant's settings.
    Configure { settings: Box<Settings> },
    /// The key stops being valid.
    RevokeKey,
    /// The key is valid again.
    RestoreKey,
    /// Tickets, customers, orders, journal, log, faults, targets: all gone.
    Reset,
}

/// Why a verb could not be done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VerbError {
    /// No such ticket.
    #[error("no ticket {0}")]
    UnknownTicket(String),
    /// A new ticket was given the id of an old one.
    #[error("there is a ticket {0} already")]
    TicketExists(String),
    /// The verb names no ticket and there is no request it could mean.
    #[error("no ticket given")]
    NoTicket,
    /// No such agent.
    #[error("no agent {0}")]
    UnknownAgent(String),
    /// No such order.
    #[error("no order {0}")]
    UnknownOrder(String),
    /// An order without an `orderId`.
    #[error("the order has no orderId")]
    BadOrder,
}
