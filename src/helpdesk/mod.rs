//! The helpdesk's two sides: [`WebhookSource`] reads the calls it makes, [`Helpdesk`] makes ours.
//!
//! Adapters translate a vendor's HTTP into these traits; `http` and `budget` are what they share. Nothing here
//! retries: what happens after an error depends on what was being done, and the caller knows that.

pub mod breaker;
pub mod budget;
pub mod http;
pub mod richpanel;
#[cfg(test)]
mod testing;

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::event::{HelpdeskName, TicketId, Timestamp};
use crate::ticket::{Channel, Effect, Order, OrderRef, Ticket};
use breaker::Breaker;
use budget::{Budget, Permit};

/// Reads and checks the helpdesk's own calls. Pure: no clock, no store, no network.
pub trait WebhookSource: Send + Sync {
    /// Which helpdesk this is.
    fn name(&self) -> &HelpdeskName;

    /// The path that its calls come to (`/richpanel/inbound`).
    fn path(&self) -> &str;

    /// The header that carries the secret, lower-case.
    fn credential_header(&self) -> &str;

    /// Whether the call comes from the helpdesk: constant time, before the body is read where `body` is `None`.
    fn verify(&self, credential: Option<&[u8]>) -> bool;

    /// Reads a body. Never fails on odd content: what cannot be parsed is salvaged.
    ///
    /// # Errors
    /// [`Unusable`] when no ticket id can be found in it.
    fn parse(&self, content_type: Option<&str>, body: &[u8]) -> Result<Call, Unusable>;
}

/// A helpdesk's call, read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Call {
    /// The ticket it is about.
    pub ticket_id: TicketId,
    /// The channel, when the call says so.
    pub channel: Option<Channel>,
    /// The newest message, when the call carries it.
    pub message: Option<String>,
    /// The subject, when the call carries it.
    pub subject: Option<String>,
    /// Why the rule fired.
    pub trigger: Option<String>,
    /// The customer's address.
    pub customer_email: Option<String>,
    /// Every other field, as it came.
    pub extra: BTreeMap<String, String>,
    /// The body was broken; only what could be salvaged is here.
    pub salvaged: bool,
}

/// A body in which no ticket id can be found.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unusable {
    /// The content type is not JSON, form or XML, and no id was found by looking anyway: 415.
    #[error("unsupported content type and no ticket id in the body")]
    ContentType,
    /// No ticket id: 422.
    #[error("no ticket id in the body")]
    NoTicketId,
}

/// Reads and writes tickets. Blocking; every call spends one slot of a [`Permit`].
pub trait Helpdesk: Send + Sync {
    /// Which helpdesk this is.
    fn name(&self) -> &HelpdeskName;

    /// The budget its calls are made on.
    fn budget(&self) -> &Budget;

    /// Whether replies can be sent at all: an agent to write as is configured, and writes are not stopped by a 401.
    fn can_write(&self) -> Result<(), String>;

    /// What refuses calls while the helpdesk is down; `None` where nothing does.
    fn breaker(&self) -> Option<&Breaker> {
        None
    }

    /// Makes the one call that an open circuit lets through, when it is time for it: read-only, about no ticket. The
    /// breaker learns how it ended. At most one call.
    fn probe(&self, _permit: &mut Permit) {}

    /// Whether the API key was refused (401) by the last call that was answered.
    fn key_refused(&self) -> bool {
        false
    }

    /// One ticket with its messages. One call.
    ///
    /// # Errors
    /// [`ApiError`]; `NotFound` may also mean "not yet" for a new id.
    fn ticket(&self, permit: &mut Permit, id: &TicketId) -> Result<Ticket, ApiError>;

    /// One ticket by its running number. One call; read-only.
    ///
    /// # Errors
    /// [`ApiError`]; `NotFound` for a gap or a number not given out yet.
    fn ticket_by_number(&self, permit: &mut Permit, number: i64) -> Result<Ticket, ApiError>;

    /// Tickets that changed since, newest change first, `page` from 1. One call.
    ///
    /// # Errors
    /// [`ApiError`]; `Forbidden` on tenants that do not allow lists.
    fn changed_tickets(
        &self,
        permit: &mut Permit,
        since: Timestamp,
        page: u32,
    ) -> Result<TicketPage, ApiError>;

    /// The order linked to the ticket, if any. One call.
    ///
    /// # Errors
    /// [`ApiError`].
    fn linked_order(&self, permit: &mut Permit, ticket: &Ticket) -> Result<Option<OrderRef>, ApiError>;

    /// An order; no call when a fresh enough copy is kept. `None`: it does not exist.
    ///
    /// # Errors
    /// [`ApiError`].
    fn order(&self, permit: &mut Permit, order: &OrderRef) -> Result<Option<Order>, ApiError>;

    /// Does one thing to a ticket. One call.
    ///
    /// # Errors
    /// [`ApiError`]; [`ApiError::proves_not_applied`] says whether it may be done again.
    fn apply(&self, permit: &mut Permit, ticket: &Ticket, effect: &Effect) -> Result<Applied, ApiError>;

    /// Teams, agents, tags and channels, for `check`.
    ///
    /// # Errors
    /// [`ApiError`].
    fn directory(&self, permit: &mut Permit, what: Directory) -> Result<Vec<DirectoryEntry>, ApiError>;
}

/// What [`Helpdesk::directory`] lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Directory {
    /// Teams.
    Teams,
    /// Agents.
    Users,
    /// Tags.
    Tags,
    /// Channels.
    Channels,
}

/// A team, agent, tag or channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DirectoryEntry {
    /// The helpdesk's id.
    pub id: String,
    /// Its name.
    pub name: String,
}

/// One page of [`Helpdesk::changed_tickets`]. List items may come without messages.
#[derive(Debug, Clone, PartialEq)]
pub struct TicketPage {
    /// The tickets.
    pub tickets: Vec<Ticket>,
    /// Whether another page follows.
    pub more: bool,
}

/// What the helpdesk answered to a write.
#[derive(Debug, Clone, PartialEq)]
pub struct Applied {
    /// The HTTP status.
    pub status: u16,
    /// The ticket as the answer shows it: a read-back for nothing.
    pub ticket: Option<Ticket>,
    /// The tags as the answer shows them.
    pub tags: Option<Vec<String>>,
    /// The answer in one redacted line of at most 200 characters, for the journal.
    pub answer: String,
}

/// What went wrong with a call. What happens next depends on the variant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ApiError {
    /// 429, or our own budget has no slot: wait this long. Nothing was applied.
    #[error("the helpdesk's call limit is used up for {} s", .retry_after.as_secs())]
    Throttled {
        /// How long to wait.
        retry_after: Duration,
    },
    /// No connection: nothing was sent. For reads also time-outs and 5xx.
    #[error("the helpdesk cannot do this now: {0}")]
    Unavailable(String),
    /// 401: the key is wrong or revoked. All writes stop.
    #[error("the helpdesk refuses the API key (401): {0}")]
    Unauthorized(String),
    /// 403: this route is not for this key.
    #[error("the helpdesk does not allow this call (403): {0}")]
    Forbidden(String),
    /// 400, 413 and their like: it will not work next time either. Nothing was applied.
    #[error("the helpdesk refuses the request ({status}): {message}")]
    Rejected {
        /// The HTTP status.
        status: u16,
        /// What it said.
        message: String,
    },
    /// 404.
    #[error("not found at the helpdesk")]
    NotFound,
    /// A read was answered with something we cannot read.
    #[error("the helpdesk's answer cannot be read: {0}")]
    Malformed(String),
    /// A write whose fate is unknown: time-out, reset, 5xx, an error inside a 200.
    #[error("it is not known whether the helpdesk did it: {0}")]
    Ambiguous(String),
}

impl ApiError {
    /// Whether a write that failed so was certainly not applied and may be tried again.
    pub const fn proves_not_applied(&self) -> bool {
        match self {
            Self::Throttled { .. } | Self::Unavailable(_) | Self::Unauthorized(_) | Self::Forbidden(_) => {
                true
            }
            Self::Rejected { .. } | Self::NotFound => true,
            Self::Malformed(_) | Self::Ambiguous(_) => false,
        }
    }

    /// Whether trying again later can help.
    pub const fn can_pass(&self) -> bool {
        !matches!(self, Self::Rejected { .. })
    }

    /// The word in metrics and in the journal.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Throttled { .. } => "throttled",
            Self::Unavailable(_) => "unavailable",
            Self::Unauthorized(_) => "unauthorized",
            Self::Forbidden(_) => "forbidden",
            Self::Rejected { .. } => "rejected",
            Self::NotFound => "not-found",
            Self::Malformed(_) => "malformed",
            Self::Ambiguous(_) => "ambiguous",
        }
    }
}
