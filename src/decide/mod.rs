//! What to do with a message. Pure: (context, verdict, policy, now) in, [`Decision`] with its gate report out.
//!
//! The same code runs in a worker, in `explain` and in any replay of stored inputs; it makes no call and reads no
//! clock.
//!
//! [`Policy::new`] once a configuration and mode. Then for each message: [`match_order`] when
//! [`Policy::needs_order`] says so, [`decide()`], and [`recheck()`] right before its reply goes out.

mod automatic;
mod canary;
mod gates;
mod gates_ground;
mod gates_reply;
mod opinion;
mod order;
mod plan;
pub mod policy;
mod recheck;
mod resolve;
mod restored;
mod steps;
#[cfg(test)]
pub(crate) mod tests;

pub use automatic::{Automatic, automatic};
pub use canary::canary_position;
pub use opinion::worth_asking;
pub use order::match_order;
pub use plan::decide;
pub use policy::{IntentPolicy, Policy};
pub use recheck::recheck;

use serde::{Deserialize, Serialize};

use crate::event::{Intent, MessageKey, Mode, Outcome, ReplyCounts};
use crate::reply::Draft;
use crate::text::new_text::NewText;
use crate::ticket::{Effect, Order, Ticket};

/// Everything a decision is made from.
#[derive(Debug, Clone, PartialEq)]
pub struct Context {
    /// The ticket as read.
    pub ticket: Ticket,
    /// What the customer newly wrote, all of it since the last reply.
    pub new_text: NewText,
    /// Which message that ends with; `None` when the customer wrote nothing.
    pub message: Option<MessageKey>,
    /// Whose order it is about, as far as it was looked for.
    pub order: OrderFinding,
    /// Replies so far.
    pub replies: ReplyCounts,
}

/// Whose order a message is about.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OrderFinding {
    /// Nobody looked: the message does not need it.
    NotNeeded,
    /// The ticket has no order and the text names none that can be looked up.
    None,
    /// One order, certainly the customer's own.
    Certain {
        /// The order.
        order: Box<Order>,
        /// Why it is certain, in words (`linked to the ticket`).
        how: String,
        /// Linked already; one found by its number is not.
        linked: bool,
        /// Where it can be fetched again and attached.
        at: crate::ticket::OrderRef,
    },
    /// An order was found and it is not certain that it is meant, or whose it is. The words say why.
    Uncertain(String),
}

/// One gate's verdict.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gate {
    /// Its name, one of [`GATES`].
    pub gate: String,
    /// Whether a reply may go past it.
    pub passed: bool,
    /// Why, in plain words with the figures.
    pub reason: String,
}

/// Every gate in the order in which they are asked. A reply needs all of them.
pub const GATES: &[&str] = &[
    "mw-stop",
    "mw-hold",
    "ticket-open",
    "no-agent-since",
    "not-answered-already",
    "not-automatic",
    "authors-known",
    "message-age",
    "restored",
    "mode",
    "canary",
    "channel",
    "intent-allowed",
    "urgent-net",
    "several-intents",
    "confidence",
    "agreement",
    "caution",
    "language",
    "order-certain",
    "facts-complete",
    "facts-fresh",
    "cap-ticket",
    "cap-customer",
    "cap-hour",
    "brake-unconfirmed",
    "bot-agent",
];

/// On every ticket the daemon has looked at.
pub const TAG_PROCESSED: &str = "mw-processed";
/// A route was chosen.
pub const TAG_APPLIED: &str = "mw-routing-applied";
/// A reply went out.
pub const TAG_REPLIED: &str = "mw-auto-replied";
/// A person must look: urgent, or a reply whose fate is unknown.
pub const TAG_NEEDS_HUMAN: &str = "mw-needs-human";
/// Not sure enough to route by the intent.
pub const TAG_LOW: &str = "mw-low-confidence";
/// Obeyed: never again on this ticket.
pub const TAG_STOP: &str = "mw-stop";
/// Obeyed: no reply while it is there.
pub const TAG_HOLD: &str = "mw-hold";

/// What will be done and why.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Decision {
    /// The primary intent.
    pub intent: Intent,
    /// How sure the classifier is, 0..=1.
    pub confidence: f64,
    /// Up to two secondary intents.
    pub also: Vec<Intent>,
    /// The mode it was decided under.
    pub mode: Mode,
    /// The team that gets it; `None` when nothing is routed.
    pub team: Option<String>,
    /// How the event will end when everything goes well.
    pub outcome: Outcome,
    /// Every gate that was asked.
    pub gates: Vec<Gate>,
    /// The reply as written, also when a gate stops it (shadow shows it to people).
    pub draft: Option<Draft>,
    /// Whether the draft goes out.
    pub send: bool,
    /// Milliseconds the reply waits for a person to step in.
    pub hold_ms: u64,
    /// Steps after the reply, in order. Empty under a mode that writes nothing.
    pub after: Vec<Planned>,
    /// What would have been done, the reply first, had the mode allowed it; filled under such a mode only.
    #[serde(default)]
    pub would: Vec<Planned>,
    /// One line for people: why it ends like this.
    pub reason: String,
    /// The classifier's version.
    pub classifier: String,
    /// The newest customer message it answers.
    pub message: Option<MessageKey>,
    /// The customer's hash, for the caps.
    pub customer: Option<String>,
    /// The words that spoke for the primary intent.
    pub why: Vec<String>,
}

/// A step and the rule that asked for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Planned {
    /// What to do.
    pub effect: Effect,
    /// By which rule, for the audit (`route order_status → email-support`).
    pub rule: String,
}
