//! A simulated helpdesk (Richpanel) over real HTTP on the loopback, for `demo`, `rehearse`,
//! the sandbox command and the tests.
//!
//! It is an independent oracle: written from the facts about the API alone (richpanel-api), it
//! imports nothing else of this crate, and what it says was *applied* stands in its own journal.
//!
//! Read in this order: `model` (what it keeps), `world` (the steps that change it), `happenings`
//! (customers and agents), `api`, `api_writes`, `api_shop` (the endpoints), `render` (tickets as
//! odd as the real ones), `limit` and `faults` (what goes wrong), `server` and `wire` (HTTP),
//! `targets` and `firing` (how it calls us), `journal` and `requests` (what a test asks
//! afterwards), `control` (the same from another process), `handle` (the same from Rust).
//!
//! What it cannot do: a path with a bare `<` or `>` is refused with 400 by the HTTP library
//! before the simulator sees it; other unencoded ids are answered as the real API does.

mod api;
mod api_shop;
mod api_writes;
pub mod clock;
mod control;
pub mod errors;
pub mod faults;
mod firing;
mod handle;
mod happenings;
mod ids;
pub mod journal;
pub mod limit;
pub mod model;
pub mod people;
mod render;
pub mod requests;
mod route;
mod server;
pub mod settings;
mod shared;
pub mod targets;
#[cfg(test)]
mod tests;
pub mod verbs;
mod wire;
mod world;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

pub use clock::SimClock;
pub use errors::ErrorShape;
pub use faults::{Action, Fault, FaultReport, Matcher, Script};
pub use handle::{Sim, SimHandle, serve};
pub use journal::{Effect, EffectKind, MessageKey};
pub use limit::RateLimit;
pub use model::{Agent, BOT_AGENT_ID};
pub use requests::{RequestCounts, RequestEntry};
pub use settings::Settings;
pub use targets::{BodyKind, Chances, FiringRecord, Shot, Target};
pub use verbs::{NewMessage, Verb, VerbError, Written};

/// How a simulator starts.
#[derive(Debug, Clone)]
pub struct SimOptions {
    /// Where it listens; port 0 takes a free one.
    pub listen: SocketAddr,
    /// The one key that is let in.
    pub api_key: String,
    /// Who works at the shop; the first is the bot, the last answers when no agent is named.
    pub agents: Vec<Agent>,
    /// Team names.
    pub teams: Vec<String>,
    /// Tags made in the vendor's pages, which show as UUIDs.
    pub ui_tags: Vec<String>,
    /// Channel types the shop has connected.
    pub channels: Vec<String>,
    /// `app_client_id` of tickets and orders.
    pub app_client_id: String,
    /// The shop's own address.
    pub mailbox: String,
    /// The first conversation number.
    pub first_conversation_no: u64,
    /// Automation rules from the start.
    pub targets: Vec<Target>,
    /// The rate limit.
    pub rate_limit: RateLimit,
    /// How the tenant behaves.
    pub settings: Settings,
    /// Seed of ids, shapes and odds.
    pub seed: u64,
    /// Where the journal is also written, one JSON object a line.
    pub journal_path: Option<PathBuf>,
    /// A clock that stands still at this time (milliseconds since 1970); none runs with the wall.
    pub frozen_at_ms: Option<i64>,
}

impl Default for SimOptions {
    fn default() -> Self {
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            api_key: "sim-key".into(),
            agents: vec![
                Agent::new(BOT_AGENT_ID, "Shop Assistant", "bot@example.com"),
                Agent::new("agent-51c8e0aa", "undefined", "temp@example.com"),
                Agent::new("agent-7f20b9d4", "Mia Holm", "mia@example.com"),
            ],
            teams: words(&["Email Support", "Returns Admin", "Live Chat", "Social", "Management"]),
            ui_tags: words(&["vip", "mw-stop", "mw-hold"]),
            channels: words(&["email", "messenger", "instagram_message", "whatsapp"]),
            app_client_id: "demoshop".into(),
            mailbox: "support@example.com".into(),
            first_conversation_no: 1401,
            targets: Vec::new(),
            rate_limit: RateLimit::default(),
            settings: Settings::default(),
            seed: 1,
            journal_path: None,
            frozen_at_ms: None,
        }
    }
}

/// Why a simulator did not start.
#[derive(Debug, thiserror::Error)]
pub enum SimError {
    /// The address is taken or not ours.
    #[error("cannot listen on {0}")]
    Bind(SocketAddr, #[source] io::Error),
    /// The journal file cannot be opened.
    #[error("cannot open the effect journal")]
    Journal(#[source] io::Error),
    /// No thread or runtime.
    #[error("cannot start the simulator")]
    Start(#[source] io::Error),
}
