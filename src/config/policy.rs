//! The part of the configuration that decisions are made by: mode, teams, intents, replies, gates, caps.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::event::{Intent, Mode};

/// `[rollout]`: how far the daemon may go.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rollout {
    /// off, shadow, route, canary, live. A mode set by the `mode` command is newer and wins until this changes.
    pub mode: Mode,
    /// Share of customers that may be answered in canary mode, 0..=100.
    pub canary_percent: f64,
    /// Seconds a reply waits for a person to step in.
    pub hold_seconds: u64,
    /// The same for live chat.
    pub hold_seconds_live_chat: u64,
}

impl Default for Rollout {
    fn default() -> Self {
        Self { mode: Mode::Shadow, canary_percent: 0.0, hold_seconds: 0, hold_seconds_live_chat: 0 }
    }
}

/// `[routing]`: teams by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Routing {
    /// The team that gets what nobody is sure about.
    pub default: String,
    /// Reroute tickets that are already assigned to an agent.
    pub reroute_assigned: bool,
    /// Name to tag; merges with the starter pack's teams.
    pub teams: BTreeMap<String, Team>,
}

impl Default for Routing {
    fn default() -> Self {
        Self { default: "email-support".into(), reroute_assigned: false, teams: super::starter::teams() }
    }
}

/// A team.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Team {
    /// The tag an assignment rule reads (`route-…`).
    pub tag: String,
    /// The agent that gets the ticket at once, when set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assignee_id: Option<String>,
}

/// `[intents.NAME]`: merges field by field with the starter pack.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Intents(pub BTreeMap<Intent, IntentSettings>);

/// What a shop says about one intent; what is left out comes from the starter pack.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct IntentSettings {
    /// False removes the intent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    /// 0 is the most urgent, 7 the least.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub priority: Option<u8>,
    /// The team's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub team: Option<String>,
    /// never, facts, intake, text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub may_answer: Option<MayAnswer>,
    /// The reply's name under `[replies]`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reply: Option<String>,
    /// Answer from this score on (0.5..=1), set by hand. Without it an answer needs proof: your own tickets and
    /// `train`, or for a plain status question the starter pack. It raises a proven threshold, never lowers it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reply_confidence: Option<f64>,
    /// Phrases that speak for this intent.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub examples: Vec<String>,
}

/// What may be said without a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MayAnswer {
    /// Route only.
    Never,
    /// From the customer's own linked order.
    Facts,
    /// Ask for what the team will need.
    Intake,
    /// A fixed text the shop wrote.
    Text,
}

/// `[replies.NAME]`: texts with `{variables}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Replies(pub BTreeMap<String, ReplyTexts>);

impl Default for Replies {
    fn default() -> Self {
        Self(super::starter::replies())
    }
}

/// One reply, as a mail and as chat lines.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReplyTexts {
    /// The text for e-mail.
    pub email: String,
    /// The text for chats.
    pub chat: String,
    /// Close the ticket after this reply.
    #[serde(default)]
    pub close: bool,
    /// False switches the reply off.
    #[serde(default = "yes")]
    pub enabled: bool,
    /// The language (ISO 639-1) the text is in; only messages in it are answered.
    #[serde(default = "english")]
    pub language: String,
}

const fn yes() -> bool {
    true
}

fn english() -> String {
    "en".into()
}

/// `[gates]`: what must hold before anything is said.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Gates {
    /// Below this the default team gets the ticket, with `mw-low-confidence` (0..=1).
    pub route_confidence: f64,
    /// Below this nothing is answered (0..=1).
    pub reply_confidence: f64,
    /// From this on another intent counts as asked too: it is tagged, and may forbid a reply (0..=1).
    pub also_confidence: f64,
    /// Only messages in these languages are answered (ISO 639-1), each in its own. The starter texts are there in all of
    /// the default ones.
    pub reply_languages: Vec<String>,
    /// A parcel that has not changed for so many days does not move: a person answers (1..=60).
    pub tracking_stall_days: u32,
    /// An order read longer ago than this is stale.
    pub order_max_age_seconds: u64,
    /// A ticket read longer ago than this is read again before a reply goes out.
    pub ticket_max_age_seconds: u64,
}

impl Default for Gates {
    fn default() -> Self {
        Self {
            route_confidence: 0.5,
            reply_confidence: 0.85,
            also_confidence: 0.1,
            reply_languages: super::starter_translations::languages(),
            tracking_stall_days: 10,
            order_max_age_seconds: 300,
            ticket_max_age_seconds: 5,
        }
    }
}

/// `[limits]`: caps on replies, checked twice: when deciding and in the transaction that journals the send.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Replies on one ticket in any 24 h.
    pub replies_per_ticket_per_day: u32,
    /// Replies to one customer in any 24 h.
    pub replies_per_customer_per_day: u32,
    /// Replies in all in any hour.
    pub replies_per_hour: u32,
    /// When so many of the last five replies were never seen on their ticket, or refused, within an hour, replying
    /// stops until a person lets it go on (0..=5); 0 switches this off.
    pub stop_after_unconfirmed: u32,
    /// A customer message older than this is routed, not answered.
    pub max_reply_age_hours: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            replies_per_ticket_per_day: 1,
            replies_per_customer_per_day: 3,
            replies_per_hour: 60,
            stop_after_unconfirmed: 3,
            max_reply_age_hours: 24,
        }
    }
}

/// `[automation]`: what else is done to a ticket besides tags.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Automation {
    /// Raise the priority of P0 messages.
    pub raise_priority: bool,
    /// The vendor's word for it.
    pub urgent_priority: String,
    /// Leave a private note with the reason where a person must look.
    pub notes: bool,
}

impl Default for Automation {
    fn default() -> Self {
        Self { raise_priority: true, urgent_priority: "HIGH".into(), notes: false }
    }
}
