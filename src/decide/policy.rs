//! What the configuration means: every intent with its team, its reply and its limits, resolved once.
//!
//! Built at start, on reload and when the mode changes; [`super::decide`] reads nothing else. `resolve.rs` builds it
//! and says what is wrong with the configuration.

use std::collections::BTreeMap;

use super::resolve;
use crate::classify::Verdict;
use crate::config::{Automation, Config, Gates, Limits, MayAnswer, Team};
use crate::event::{Intent, Mode, Timestamp};
use crate::reply::render::translation;
use crate::reply::{Ask, Calendar, Reply};

use super::Context;
use super::gates::passes_without_order;

/// Everything that decides what may be said and done.
#[derive(Debug, Clone)]
pub struct Policy {
    /// The mode in force.
    pub mode: Mode,
    /// Share of customers answered in canary mode, 0..=100.
    pub canary_percent: f64,
    /// Milliseconds a reply waits.
    pub hold_ms: u64,
    /// The same for live chat.
    pub hold_live_chat_ms: u64,
    /// Confidence and freshness.
    pub gates: Gates,
    /// Caps.
    pub limits: Limits,
    /// What else is done to a ticket.
    pub automation: Automation,
    /// Reroute tickets that an agent is assigned to.
    pub reroute_assigned: bool,
    /// Attach an order found by its number.
    pub attach_order: bool,
    /// Set on an answered ticket.
    pub custom_fields: BTreeMap<String, String>,
    /// The shop.
    pub calendar: Calendar,
    /// Every reply, parsed, by name.
    pub replies: BTreeMap<String, Reply>,
    /// Whether replies can be written at all; see [`Policy::with_writer`].
    pub writer: Result<(), String>,
    /// When a backup was last put in place: nothing written until then is answered. See [`Policy::with_restored`].
    pub restored_at: Option<Timestamp>,
    pub(super) intents: BTreeMap<Intent, IntentPolicy>,
    pub(super) teams: BTreeMap<String, Team>,
    pub(super) default_team: String,
}

/// One intent, resolved.
#[derive(Debug, Clone, PartialEq)]
pub struct IntentPolicy {
    /// 0 is the most urgent.
    pub priority: u8,
    /// The team's name; it exists.
    pub team: String,
    /// What may be said.
    pub may_answer: MayAnswer,
    /// The reply's name, or the prefix of the names for [`MayAnswer::Facts`]; it exists.
    pub reply: Option<String>,
    /// Answer from this score on (0..=1), set by hand; a proven threshold is only ever raised by it.
    pub reply_confidence: Option<f64>,
}

impl Policy {
    /// Resolves the configuration under a mode.
    ///
    /// # Errors
    /// Everything that would not work, in plain words with the key.
    pub fn new(config: &Config, mode: Mode) -> Result<Self, Vec<String>> {
        resolve::policy(config, mode)
    }

    /// The same policy with the helpdesk's own word on whether replies can be sent (`Helpdesk::can_write`), which
    /// knows of revoked keys. Without it, whether `richpanel.bot_agent_id` is set decides.
    #[must_use]
    pub fn with_writer(mut self, can_write: Result<(), String>) -> Self {
        self.writer = can_write;
        self
    }

    /// The same policy in a state that was restored from a backup at this time.
    #[must_use]
    pub const fn with_restored(mut self, restored_at: Option<Timestamp>) -> Self {
        self.restored_at = restored_at;
        self
    }

    /// One intent; `None` for one that is unknown or removed.
    pub fn intent(&self, intent: &Intent) -> Option<&IntentPolicy> {
        self.intents.get(intent)
    }

    /// Every intent with its policy.
    pub fn intents(&self) -> impl Iterator<Item = (&Intent, &IntentPolicy)> {
        self.intents.iter()
    }

    /// Whether the intent is of priority 0.
    pub fn is_urgent(&self, intent: &Intent) -> bool {
        self.intent(intent).is_some_and(|policy| policy.priority == 0)
    }

    /// The default team's name and itself.
    pub fn default_team(&self) -> (&str, Option<&Team>) {
        (&self.default_team, self.teams.get(&self.default_team))
    }

    /// A team by name.
    pub fn team(&self, name: &str) -> Option<&Team> {
        self.teams.get(name)
    }

    /// The team whose tag this is.
    pub fn team_of_tag(&self, tag: &str) -> Option<&str> {
        self.teams.iter().find(|(_, team)| team.tag == tag).map(|(name, _)| name.as_str())
    }

    /// What would be said to this intent; the words say why nothing.
    ///
    /// # Errors
    /// In plain words.
    pub fn ask(&self, intent: &Intent) -> Result<Ask<'_>, String> {
        let policy =
            self.intent(intent).ok_or_else(|| format!("{intent} is not an intent of this configuration"))?;
        let reply = |what: &str| {
            policy
                .reply
                .as_deref()
                .ok_or_else(|| format!("{intent} may be answered {what}, but has no reply"))
        };
        match policy.may_answer {
            MayAnswer::Never => Err(format!("{intent} is never answered, only routed")),
            MayAnswer::Facts => reply("from facts").map(Ask::Facts),
            MayAnswer::Intake => reply("by asking for what the team needs").map(Ask::Fixed),
            MayAnswer::Text => reply("by the shop's own text").map(Ask::Fixed),
        }
    }

    /// The replies an ask may lead to, switched on.
    pub fn candidates(&self, ask: Ask<'_>) -> impl Iterator<Item = &Reply> {
        const SUFFIXES: &[&str] = &["_shipped", "_out_for_delivery", "_not_shipped"];
        let names: Vec<String> = match ask {
            Ask::Fixed(name) => vec![name.to_owned()],
            Ask::Facts(prefix) => SUFFIXES.iter().map(|suffix| format!("{prefix}{suffix}")).collect(),
        };
        let of = move |reply: &&Reply| {
            names.iter().any(|name| *name == reply.name || translation(name, &reply.language) == reply.name)
        };
        self.replies.values().filter(of).filter(|reply| reply.enabled)
    }

    /// Whether the answer says anything from an order.
    pub fn ask_needs_order(&self, ask: Ask<'_>) -> bool {
        match ask {
            Ask::Facts(_) => true,
            Ask::Fixed(_) => self.candidates(ask).any(Reply::needs_order),
        }
    }

    /// Whether looking for the order is worth its calls: a reply is wanted that reads from it, and every gate that
    /// can be asked before it passes, mode and canary aside. Shadow looks too, so that people see what would have
    /// been said; `route` and `off` do not spend the calls.
    ///
    /// The time is when the ticket was read.
    pub fn needs_order(&self, ctx: &Context, verdict: &Verdict) -> bool {
        let mode = matches!(self.mode, Mode::Shadow | Mode::Canary | Mode::Live);
        let wanted = self.ask(&verdict.primary().0).is_ok_and(|ask| self.ask_needs_order(ask));
        mode && wanted && passes_without_order(ctx, verdict, self, ctx.ticket.read_at)
    }
}
