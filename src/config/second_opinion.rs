//! `[second_opinion]`: an outside model that may stop a reply or pick a route, when a shop wants one.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Whether, whom and how often somebody outside is asked. Off until a shop switches it on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SecondOpinion {
    /// Whether anybody is asked.
    pub enabled: bool,
    /// The endpoint's address, up to what stands before `/chat/completions`.
    pub base_url: Option<String>,
    /// The model's name at that endpoint.
    pub model: Option<String>,
    /// The file with its key. Else `RICHPANEL_MW_OPINION_KEY`; an endpoint on this machine may need none.
    pub api_key_file: Option<PathBuf>,
    /// Seconds until a call without an answer is given up (1..=30).
    pub timeout_seconds: u64,
    /// Calls in a day of the shop (1..).
    pub calls_per_day: u32,
    /// Tokens in a day of the shop, as far as answers name them; 0 switches that count off.
    pub tokens_per_day: u64,
    /// Which messages it is asked about.
    pub only_when: OnlyWhen,
}

impl Default for SecondOpinion {
    fn default() -> Self {
        Self {
            enabled: false,
            base_url: None,
            model: None,
            api_key_file: None,
            timeout_seconds: 4,
            calls_per_day: 500,
            tokens_per_day: 1_000_000,
            only_when: OnlyWhen::Both,
        }
    }
}

/// When an opinion can change something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnlyWhen {
    /// Our own reading is not sure enough to route by.
    Unsure,
    /// A reply would go out.
    Answering,
    /// Either.
    Both,
}

impl OnlyWhen {
    /// Whether messages that we cannot route are asked about.
    pub const fn unsure(self) -> bool {
        matches!(self, Self::Unsure | Self::Both)
    }

    /// Whether messages that would be answered are asked about.
    pub const fn answering(self) -> bool {
        matches!(self, Self::Answering | Self::Both)
    }
}
