//! How the running daemon stands, for `status` and for pages.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::event::{Mode, Timestamp};
use crate::helpdesk::Helpdesk;
use crate::helpdesk::breaker::{Breaker, Circuit};
use crate::store::Store;

/// What only the running process knows; the rest is in the file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Status {
    /// The program's version.
    pub version: String,
    /// The process.
    pub pid: u32,
    /// The configured label.
    pub environment: String,
    /// The mode in force.
    pub mode: Mode,
    /// Seconds since the start.
    pub up_seconds: u64,
    /// Where calls come in.
    pub listen: String,
    /// Where people look.
    pub admin: String,
    /// Why nothing can be taken in, when so.
    pub not_ready: Option<String>,
    /// A helpdesk each.
    pub helpdesks: Vec<HelpdeskStatus>,
    /// How the outside model stands; `None` when it is switched off.
    #[serde(default)]
    pub second_opinion: Option<String>,
}

/// One helpdesk's budget.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HelpdeskStatus {
    /// Its name.
    pub name: String,
    /// Calls allowed in any window.
    pub limit: u32,
    /// The window in seconds.
    pub window_seconds: u64,
    /// Calls that could be made now.
    pub free: u32,
    /// Seconds until a pause asked for by the helpdesk ends.
    pub paused_seconds: u64,
    /// Calls made since the start.
    pub calls: u64,
    /// Why replies cannot be sent, when so.
    pub no_replies: Option<String>,
    /// While it is down and nobody calls it.
    #[serde(default)]
    pub down: Option<Down>,
}

/// A helpdesk that is down.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Down {
    /// When calls began to fail.
    pub since: Timestamp,
    /// What the last failure was.
    pub why: String,
    /// Seconds until the next probe.
    pub next_probe_seconds: u64,
}

/// Looks at the parts.
pub(super) fn helpdesk_status(helpdesk: &dyn Helpdesk) -> HelpdeskStatus {
    let budget = helpdesk.budget().status();
    HelpdeskStatus {
        name: helpdesk.name().to_string(),
        limit: budget.limit,
        window_seconds: budget.window.as_secs(),
        free: budget.free,
        paused_seconds: budget.paused_for.as_secs(),
        calls: budget.calls_total,
        no_replies: helpdesk.can_write().err(),
        down: helpdesk.breaker().and_then(down),
    }
}

fn down(breaker: &Breaker) -> Option<Down> {
    match breaker.circuit() {
        Circuit::Closed => None,
        Circuit::Open { since, why, probe_in } => {
            Some(Down { since, why, next_probe_seconds: probe_in.as_secs() })
        }
    }
}

/// Why nothing can be taken in.
pub(super) fn not_ready(store: &Arc<dyn Store>) -> Option<String> {
    store.ready().err().map(|error| error.to_string())
}
