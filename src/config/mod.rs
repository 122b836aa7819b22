//! The configuration: one TOML file, every key with a default that is safe for a shop that has just installed it.
//!
//! `examples/config.toml` shows every key at its default; a test holds it to these types. Secrets are never in the
//! file: see [`secrets`]. Reading a file is [`load`]: syntax and unknown keys are refused with the line and the
//! nearest known key; [`validate`] says what is well-formed but would not work.

mod breaker;
#[cfg(test)]
mod example_tests;
pub mod load;
mod policy;
mod second_opinion;
pub mod secrets;
mod shop;
pub mod starter;
pub mod starter_translations;
pub mod validate;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

pub use breaker::Breaker;
pub use policy::{
    Automation, Gates, IntentSettings, Intents, Limits, MayAnswer, Replies, ReplyTexts, Rollout, Routing,
    Team,
};
pub use second_opinion::{OnlyWhen, SecondOpinion};
pub use shop::{Shipping, Shop};

use crate::event::HelpdeskName;

/// The whole file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// A label shown everywhere a person looks (`production`, `sandbox`).
    pub environment: String,
    /// The public listener.
    pub server: Server,
    /// The listener for people: loopback by default.
    pub admin: Admin,
    /// The one file of state.
    pub store: Store,
    /// The helpdesk's API.
    pub richpanel: Richpanel,
    /// What happens while the helpdesk is down.
    pub breaker: Breaker,
    /// The worker pool.
    pub workers: Workers,
    /// How far the daemon may go.
    pub rollout: Rollout,
    /// Teams and the default one.
    pub routing: Routing,
    /// Intents; merges with the starter pack.
    pub intents: Intents,
    /// Reply texts by name.
    pub replies: Replies,
    /// Confidence and freshness limits of the gates.
    pub gates: Gates,
    /// Caps on replies.
    pub limits: Limits,
    /// The outside model, when a shop wants one.
    pub second_opinion: SecondOpinion,
    /// What else is done to a ticket besides tags.
    pub automation: Automation,
    /// The search for missed tickets.
    pub reconcile: Reconcile,
    /// When an unclear reply is read back.
    pub readback: Readback,
    /// The shop's calendar and shipping methods.
    pub shop: Shop,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            environment: "production".into(),
            server: Server::default(),
            admin: Admin::default(),
            store: Store::default(),
            richpanel: Richpanel::default(),
            breaker: Breaker::default(),
            workers: Workers::default(),
            rollout: Rollout::default(),
            routing: Routing::default(),
            intents: Intents::default(),
            replies: Replies::default(),
            gates: Gates::default(),
            limits: Limits::default(),
            second_opinion: SecondOpinion::default(),
            automation: Automation::default(),
            reconcile: Reconcile::default(),
            readback: Readback::default(),
            shop: Shop::default(),
        }
    }
}

/// `[server]`: where the helpdesk's calls come in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Server {
    /// Address and port.
    pub listen: SocketAddr,
    /// The file with the tokens, one a line, all valid. Else `RICHPANEL_MW_TOKEN`.
    pub token_file: Option<PathBuf>,
    /// Only these networks may call; empty means everybody with a token.
    pub allow_from: Vec<ipnet::IpNet>,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<ipnet::IpNet>,
    /// Connections in all.
    pub max_connections: usize,
    /// Connections from one address; 0 means no limit (behind a proxy).
    pub max_connections_per_address: usize,
    /// Bytes of one body.
    pub max_body_bytes: usize,
    /// Seconds until the whole head must be here.
    pub head_timeout_seconds: u64,
    /// Seconds until the whole body must be here.
    pub body_timeout_seconds: u64,
    /// Failed tokens a minute from one address before it gets 429.
    pub bad_tokens_per_minute: u32,
    /// Names of the fields in the helpdesk's call.
    pub fields: Fields,
}

impl Default for Server {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            token_file: None,
            allow_from: vec![],
            trusted_proxies: vec![],
            max_connections: 512,
            max_connections_per_address: 64,
            max_body_bytes: 256 * 1024,
            head_timeout_seconds: 5,
            body_timeout_seconds: 10,
            bad_tokens_per_minute: 20,
            fields: Fields::default(),
        }
    }
}

/// `[server.fields]`: what the trigger's body calls its fields.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Fields {
    /// The ticket's id; the only one that must be there.
    pub ticket_id: String,
    /// The ticket's page; its last path segment serves when the id is missing.
    pub ticket_url: String,
    /// The newest message.
    pub message: String,
    /// The subject line.
    pub subject: String,
    /// Why the rule fired.
    pub trigger: String,
    /// Where the customer wrote.
    pub channel: String,
    /// The customer's address.
    pub customer_email: String,
}

impl Default for Fields {
    fn default() -> Self {
        Self {
            ticket_id: "ticket_id".into(),
            ticket_url: "ticket_url".into(),
            message: "message".into(),
            subject: "subject".into(),
            trigger: "trigger".into(),
            channel: "channel".into(),
            customer_email: "customer_email".into(),
        }
    }
}

/// `[admin]`: pages, health and metrics for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Admin {
    /// Address and port.
    pub listen: SocketAddr,
    /// The file with the admin password. Else `RICHPANEL_MW_ADMIN_PASSWORD`.
    pub password_file: Option<PathBuf>,
    /// The file with the read-only password.
    pub viewer_password_file: Option<PathBuf>,
    /// The file with the token for `/metrics` from elsewhere than loopback.
    pub metrics_token_file: Option<PathBuf>,
}

impl Default for Admin {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8081)),
            password_file: None,
            viewer_password_file: None,
            metrics_token_file: None,
        }
    }
}

/// `[store]`: the one file of state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Store {
    /// The database file; its folder holds the lock and the socket too.
    pub path: PathBuf,
    /// Days that ended events, raw calls and journals are kept.
    pub retention_days: u32,
    /// Hours in which the same customer message is handled only once (24..=720).
    pub dedup_hours: u32,
    /// Below this much free disk space calls get 503 and nothing new is sent.
    pub min_free_mib: u64,
    /// Calls that may wait for one commit; a full channel is 503.
    pub max_pending: usize,
}

impl Default for Store {
    fn default() -> Self {
        Self {
            path: "/var/lib/richpanel-mw/mw.db".into(),
            retention_days: 90,
            dedup_hours: 72,
            min_free_mib: 64,
            max_pending: 4096,
        }
    }
}

/// `[richpanel]`: the helpdesk's API.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Richpanel {
    /// The API's address up to and with `/v1`.
    pub base_url: String,
    /// The file with the API key. Else `RICHPANEL_API_KEY`.
    pub api_key_file: Option<PathBuf>,
    /// The agent that replies are written as; without one no reply is sent.
    pub bot_agent_id: Option<String>,
    /// Calls allowed in any window (1..=1000).
    pub requests_per_window: u32,
    /// The window's length (1..=3600).
    pub window_seconds: u32,
    /// Seconds until a call without an answer is given up (1..=60).
    pub timeout_seconds: u64,
    /// Look an order up by the number in the message when none is linked.
    pub order_lookup_by_number: bool,
    /// Route a new conversation from the call's own text, without reading the ticket.
    pub one_call_routing: bool,
    /// The value of the trigger field that says a new conversation began.
    pub new_conversation_trigger: String,
    /// Attach an order found by its number to the ticket that was answered from it.
    pub attach_order: bool,
    /// Custom fields set on an answered ticket, name to value.
    pub custom_fields: BTreeMap<String, String>,
    /// Seconds for which teams, tags and users are kept.
    pub directory_ttl_seconds: u64,
    /// Seconds for which an order is kept; bounded by what counts as fresh.
    pub order_ttl_seconds: u64,
}

impl Default for Richpanel {
    fn default() -> Self {
        Self {
            base_url: "https://api.richpanel.com/v1".into(),
            api_key_file: None,
            bot_agent_id: None,
            requests_per_window: 50,
            window_seconds: 30,
            timeout_seconds: 10,
            order_lookup_by_number: false,
            one_call_routing: false,
            new_conversation_trigger: "new_conversation".into(),
            attach_order: true,
            custom_fields: BTreeMap::new(),
            directory_ttl_seconds: 3600,
            order_ttl_seconds: 60,
        }
    }
}

/// `[workers]`: how events are worked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Workers {
    /// Threads (1..=64).
    pub threads: usize,
    /// Attempts before an event is a dead letter (1..=100).
    pub max_attempts: u32,
    /// The first wait after a failure; doubles, with full jitter.
    pub backoff_first_seconds: u64,
    /// The longest wait between attempts.
    pub backoff_max_seconds: u64,
    /// How long a worker may hold an event before another takes it.
    pub lease_seconds: u64,
    /// Hours after which an event that still cannot be worked, for whatever reason, is a dead letter (1..=720). Only
    /// an attempt that fails ends one, and while the helpdesk is known to be down none is made: an outage may be longer.
    pub give_up_after_hours: u64,
}

impl Default for Workers {
    fn default() -> Self {
        Self {
            threads: 4,
            max_attempts: 8,
            backoff_first_seconds: 2,
            backoff_max_seconds: 900,
            lease_seconds: 120,
            give_up_after_hours: 72,
        }
    }
}

/// How missed tickets are looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SweepMethod {
    /// The first that the tenant allows: list, number, known.
    Auto,
    /// GET /tickets, newest change first.
    List,
    /// Conversation numbers upward from the highest known one, and those below it that nothing told us of.
    Number,
    /// Open tickets we met before, read again.
    Known,
    /// Only what `reconcile --csv` is given.
    Csv,
}

/// `[reconcile]`: the search for missed tickets, on the leftover call budget.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Reconcile {
    /// Minutes between sweeps; 0 switches them off.
    pub every_minutes: u32,
    /// Which way.
    pub method: SweepMethod,
    /// How far back a sweep looks.
    pub lookback_hours: u32,
    /// Calls one sweep may use at most.
    pub max_calls: u32,
    /// Unknown numbers in a row after which `number` stops probing.
    pub number_gap: u32,
}

impl Default for Reconcile {
    fn default() -> Self {
        Self {
            every_minutes: 15,
            method: SweepMethod::Auto,
            lookback_hours: 24,
            max_calls: 40,
            number_gap: 5,
        }
    }
}

/// `[readback]`: when a ticket is read again to see whether an unclear reply arrived.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Readback {
    /// Milliseconds after the unclear answer, one entry a look; after the last one a person takes over.
    pub after_ms: Vec<u64>,
    /// Seconds after which a step that the helpdesk said yes to without showing it is looked at, on leftover calls.
    pub steps_after_seconds: u64,
}

impl Default for Readback {
    fn default() -> Self {
        Self { after_ms: vec![2_000, 10_000, 60_000, 600_000], steps_after_seconds: 30 }
    }
}

impl Config {
    /// The helpdesk that `[richpanel]` configures, as events name it.
    pub fn richpanel_name() -> HelpdeskName {
        HelpdeskName::from("richpanel")
    }
}
