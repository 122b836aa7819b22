//! Replies: templates with typed variables, facts that know where they came from, the delivery estimate.

pub mod calendar;
pub mod estimate;
pub mod lint;
pub mod method;
pub mod pre_order;
pub mod render;
pub mod situation;
pub mod template;
pub mod values;
pub mod wording;

use serde::{Deserialize, Serialize};

pub use calendar::Calendar;
pub use lint::lint;
pub use render::{Ask, NoReply, Reply, render};
pub use situation::Situation;
pub use values::Material;
pub use wording::Wording;

use crate::event::Timestamp;

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
    /// The language of the text (ISO 639-1).
    #[serde(default)]
    pub language: String,
    /// From then on something in it may no longer be true: it must not go out any more.
    #[serde(default)]
    pub good_until: Option<Timestamp>,
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
