//! What the journal of an event holds: the plan, the reply and the other steps with how far they are.

use serde::{Deserialize, Serialize};

use crate::event::{EventId, Intent, MessageKey, Mode, Outcome, TicketId, Timestamp};

/// Whether a reply may go out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Begun {
    /// Journalled: send it now.
    Yes,
    /// A cap or the key forbids it; the words say which.
    No(String),
}

crate::event::named_enum! {
    /// Where a reply stands.
    ReplyState {
        /// Decided, not started.
        Planned = "planned",
        /// Journalled before the first byte; unknown if we stop here.
        Sending = "sending",
        /// The helpdesk said yes.
        Sent = "sent",
        /// Nobody knows; read back, never sent again.
        Unsure = "unsure",
        /// Seen on the ticket.
        Confirmed = "confirmed",
        /// Looked for to the last read-back and not seen: a person has it.
        Unconfirmed = "unconfirmed",
        /// Proven not sent; may be planned again.
        NotSent = "not-sent",
        /// A gate, a cap or a person stopped it.
        Cancelled = "cancelled",
    }
}

crate::event::named_enum! {
    /// Where a harmless step stands.
    StepState {
        /// To do.
        Planned = "planned",
        /// The helpdesk said yes and its answer showed it.
        Applied = "applied",
        /// The helpdesk said yes, and a later look must confirm it.
        Unproven = "unproven",
        /// It will not work.
        Failed = "failed",
        /// No longer wanted.
        Skipped = "skipped",
    }
}

/// The API's answer, for the journal.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// The HTTP status; `None` when there was none.
    pub status: Option<u16>,
    /// One redacted line.
    pub text: String,
    /// Calls made for this event so far in this attempt.
    pub calls: u32,
}

/// A decision, flat enough for a person with `sqlite3`.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// The primary intent.
    pub intent: Intent,
    /// 0..=1.
    pub confidence: f64,
    /// The mode it was decided under.
    pub mode: Mode,
    /// The team, when routed.
    pub team: Option<String>,
    /// How the event will end when everything goes well.
    pub outcome: Outcome,
    /// One line for people.
    pub reason: String,
    /// The classifier's version.
    pub classifier: String,
    /// The whole decision as JSON: gates, evidence, draft.
    pub detail: String,
    /// The reply, when one goes out.
    pub reply: Option<ReplyPlan>,
    /// Everything else, in order.
    pub steps: Vec<StepPlan>,
}

/// A reply to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplyPlan {
    /// The template's name.
    pub template: String,
    /// The text.
    pub body: String,
    /// The customer message it answers; unique with the ticket.
    pub message: MessageKey,
    /// The customer's hash.
    pub customer: Option<String>,
}

/// A step that may be repeated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepPlan {
    /// The word (`add-tags`).
    pub kind: String,
    /// The effect as JSON.
    pub body: String,
    /// By which rule.
    pub rule: String,
}

/// A plan with how far it got.
#[derive(Debug, Clone, PartialEq)]
pub struct Journal {
    /// The decision as journalled ([`Plan::detail`]).
    pub detail: String,
    /// How the event will end when everything goes well.
    pub outcome: Outcome,
    /// One line for people.
    pub reason: String,
    /// The reply, when one was decided.
    pub reply: Option<JournalReply>,
    /// Every other step in order.
    pub steps: Vec<JournalStep>,
}

/// A journalled reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JournalReply {
    /// Its state.
    pub state: ReplyState,
    /// Read-backs done so far.
    pub checks: u32,
    /// When it was journalled as sending.
    pub sending_at: Option<Timestamp>,
    /// The text.
    pub body: String,
    /// The helpdesk said yes to it, whatever was found later: steps after it may have been sent.
    pub said_yes: bool,
}

/// A journalled step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JournalStep {
    /// Its place in the plan, from 0.
    pub seq: u32,
    /// What to do, as [`StepPlan::body`].
    pub body: String,
    /// How far it is.
    pub state: StepState,
}

/// A step whose effect nobody has seen yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unproven {
    /// The event.
    pub event: EventId,
    /// The ticket.
    pub ticket: TicketId,
    /// Its place in the plan.
    pub seq: u32,
    /// The effect as JSON.
    pub body: String,
}
