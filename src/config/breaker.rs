//! `[breaker]`: how carefully a helpdesk that is down is looked at.

use serde::{Deserialize, Serialize};

/// When calls stop, and how often one call looks whether the helpdesk is back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Breaker {
    /// Failures in a row, each of another ticket, after which nobody calls (2..=50). Without any connection three are
    /// enough.
    pub failures: u32,
    /// Seconds until the first probe (1..=60); each next one waits twice as long.
    pub probe_first_seconds: u64,
    /// The longest wait between two probes (up to 600).
    pub probe_max_seconds: u64,
}

impl Default for Breaker {
    fn default() -> Self {
        Self { failures: 5, probe_first_seconds: 2, probe_max_seconds: 60 }
    }
}
