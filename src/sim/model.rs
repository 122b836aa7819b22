//! What the simulated helpdesk keeps: tickets, comments, people, teams, tags, channels.
//!
//! This is the helpdesk's inner truth; `render` turns it into the odd JSON that goes out.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The id of the agent that stands for the bot in a fresh simulator.
pub const BOT_AGENT_ID: &str = "agent-0b9d7c52";

/// Somebody who works at the shop.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Agent {
    /// Opaque id.
    pub id: String,
    /// Display name; the string `undefined` occurs (richpanel-api §2).
    pub name: String,
    /// Address.
    pub email: String,
    /// `ADMIN` or `AGENT`.
    pub role: String,
}

impl Agent {
    /// An agent with the role `AGENT`.
    #[must_use]
    pub fn new(id: &str, name: &str, email: &str) -> Self {
        Self { id: id.into(), name: name.into(), email: email.into(), role: "AGENT".into() }
    }
}

/// A team; tickets do not know about it (richpanel-api §3).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Team {
    /// Opaque id.
    pub id: String,
    /// Display name.
    pub name: String,
}

/// A tag of the catalogue: made in the vendor's pages it shows up on tickets as its UUID.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tag {
    /// UUID.
    pub id: String,
    /// Name.
    pub name: String,
}

/// A channel the shop has connected.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Channel {
    /// Opaque id.
    pub id: String,
    /// `email`, `messenger`, …
    #[serde(rename = "type")]
    pub kind: String,
    /// The brand it belongs to.
    pub business_brand_name: String,
}

/// A customer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Customer {
    /// Opaque id, also the author id of their comments.
    pub id: String,
    /// Address; empty when unknown.
    pub email: String,
    /// Telephone number; empty when unknown.
    pub phone: String,
    /// Given name.
    pub first_name: String,
    /// Family name.
    pub last_name: String,
}

/// Who wrote a comment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// The customer.
    Customer,
    /// An agent, the bot, or the helpdesk itself.
    Operator,
}

/// One comment of a ticket.
#[derive(Debug, Clone)]
pub struct Comment {
    /// Opaque id, always kept here though not always shown.
    pub id: String,
    /// `Comment` or `VoiceComment`.
    pub kind: &'static str,
    /// Author's id; missing on comments the helpdesk itself writes.
    pub author_id: Option<String>,
    /// Which side wrote it.
    pub side: Side,
    /// False for a private note.
    pub public: bool,
    /// The body as shown, HTML for customers.
    pub body: String,
    /// The body as text; missing when the message was HTML alone.
    pub plain_body: Option<String>,
    /// Free object.
    pub metadata: Value,
    /// Milliseconds since 1970.
    pub at_ms: i64,
}

/// `status` of a ticket (richpanel-api §2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Status {
    /// Waiting for somebody.
    Open,
    /// Done.
    Closed,
    /// Put off.
    Snoozed,
}

impl Status {
    /// The word on the wire.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Open => "OPEN",
            Self::Closed => "CLOSED",
            Self::Snoozed => "SNOOZED",
        }
    }

    /// Reads exactly the words the API takes; `closed` or `RESOLVED` are none (richpanel-api §3).
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Open, Self::Closed, Self::Snoozed].into_iter().find(|status| status.word() == word)
    }
}

/// One ticket.
#[derive(Debug, Clone)]
pub struct Ticket {
    /// Opaque id in one of several shapes.
    pub id: String,
    /// The running number people see.
    pub conversation_no: u64,
    /// Subject line.
    pub subject: String,
    /// Status.
    pub status: Status,
    /// `LOW`, `MEDIUM` or `HIGH`.
    pub priority: String,
    /// Agent's id, or none for `unassigned`.
    pub assignee_id: Option<String>,
    /// Names and UUIDs, mixed, in the order they came.
    pub tags: Vec<String>,
    /// The channel it really came by.
    pub channel: String,
    /// True when `via.channel` is not shown.
    pub channel_hidden: bool,
    /// Comments in time order (some shapes show another); shared with the ticket's past versions.
    pub comments: Vec<Arc<Comment>>,
    /// The customer, as known when the ticket was made.
    pub customer: Customer,
    /// `(appClientId, orderId)` of the linked order.
    pub order: Option<(String, String)>,
    /// Custom fields.
    pub custom_fields: Map<String, Value>,
    /// A team, only when the settings say that the tenant takes one.
    pub team_id: Option<String>,
    /// Which of the eight key sets it is shown with, 0..=7.
    pub shape: u8,
    /// Imported tickets cannot be read by number.
    pub imported: bool,
    /// Milliseconds since 1970.
    pub created_at_ms: i64,
    /// Milliseconds since 1970.
    pub updated_at_ms: i64,
}

impl Ticket {
    /// The newest message of the customer that is text (a voice comment is none).
    #[must_use]
    pub fn last_customer_message(&self) -> Option<&Comment> {
        self.comments
            .iter()
            .rev()
            .find(|comment| comment.side == Side::Customer && comment.kind == "Comment")
            .map(Arc::as_ref)
    }

    /// The time for a comment added at `now_ms`: no two comments of a ticket share one.
    #[must_use]
    pub fn next_comment_at_ms(&self, now_ms: i64) -> i64 {
        self.comments.iter().map(|comment| comment.at_ms + 1).max().map_or(now_ms, |next| next.max(now_ms))
    }
}
