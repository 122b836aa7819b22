//! The form of `phrases.toml`, as a person edits it.

use std::collections::BTreeMap;

use serde::Deserialize;

/// The whole file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Book {
    /// Spelling → what it stands for.
    pub(super) alias: BTreeMap<String, String>,
    /// Name → alternatives, for `{name}` in phrases.
    pub(super) words: BTreeMap<String, String>,
    /// What turns a wish into none.
    pub(super) negation: Negation,
    /// What a plain status question is made of.
    pub(super) plain: Plain,
    /// In the order of the table: the tie-break within a priority.
    pub(super) intent: Vec<IntentEntry>,
    /// Reasons against a factual reply.
    pub(super) caution: Vec<CautionEntry>,
}

/// `[negation]`: lists of single words, separated by spaces.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Negation {
    /// not, never, no, …
    pub(super) words: String,
    /// Within two words after a *not*, these make it harmless to a later wish (`not here`, `can't believe`).
    pub(super) harmless: String,
    /// A new thought begins: the *not* before it reaches no further.
    pub(super) breaks: String,
    /// Negations that may come after the verb.
    pub(super) after: String,
}

/// `[plain]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Plain {
    /// Words that say nothing beyond a status question, separated by spaces.
    pub(super) words: String,
    /// Correct words that must not be taken for a slip of a known one.
    pub(super) real: String,
    /// Whole turns of phrase that say nothing beyond a status question.
    pub(super) phrases: Vec<String>,
}

/// `[[intent]]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct IntentEntry {
    /// Its fixed name.
    pub(super) name: String,
    /// 0 is the most urgent.
    pub(super) priority: u8,
    /// Intents of the same priority that are only the outcome of this one.
    #[serde(default)]
    pub(super) before: Vec<String>,
    /// One of these is enough.
    #[serde(default)]
    pub(super) strong: Vec<String>,
    /// Likely.
    #[serde(default)]
    pub(super) normal: Vec<String>,
    /// A hint.
    #[serde(default)]
    pub(super) weak: Vec<String>,
    /// Where one of these covers a match, the match does not count.
    #[serde(default)]
    pub(super) except: Vec<String>,
}

/// `[[caution]]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CautionEntry {
    /// The reason, one plain sentence.
    pub(super) say: String,
    /// What shows it.
    pub(super) phrases: Vec<String>,
    /// A status question over the same words explains them away.
    #[serde(default)]
    pub(super) unless_status: bool,
    /// What looks like it and is not.
    #[serde(default)]
    pub(super) except: Vec<String>,
}
