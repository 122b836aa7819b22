//! Replies: templates with typed variables, facts that know where they came from, the delivery estimate.

use serde::{Deserialize, Serialize};

/// A reply as it would go out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Draft {
    /// The template's name.
    pub template: String,
    /// The text, every variable filled.
    pub text: String,
    /// Whether the ticket is closed after it.
    pub close: bool,
    /// Every fact in it.
    pub facts: Vec<Fact>,
}

/// One filled variable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fact {
    /// The variable (`tracking_number`).
    pub name: String,
    /// What it became.
    pub value: String,
    /// Where it came from: endpoint, field and time of the read, or the configuration key.
    pub source: String,
}
