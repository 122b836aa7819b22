//! From words to intents. [`Classifier`] is the port; [`phrases`] is the adapter that lives in the binary. [`opinion`] is
//! the port to a second reader outside it, [`outside`] its adapter.
//!
//! A classifier never decides: it ranks intents, says how sure it is and what spoke for each, and raises the P0 net.

mod book;
pub mod builtin;
pub mod combined;
mod cores;
#[cfg(feature = "embedding")]
pub mod embedding;
mod finder;
mod lexicon;
pub mod model;
mod negation;
pub mod opinion;
pub mod outside;
mod pattern;
pub mod phrases;
mod plain;
mod ranking;
#[cfg(test)]
mod tests;
mod words;

use serde::{Deserialize, Serialize};

use crate::event::Intent;

/// Text in, ranked intents out. Pure and quick; called from worker threads.
pub trait Classifier: Send + Sync {
    /// Reads one message.
    fn classify(&self, input: &Input<'_>) -> Verdict;

    /// Which rules and model, for the journal (`model-1f2e3d4c+phrases-1`).
    fn version(&self) -> String;

    /// Reads one message and says which version did: between two calls a model may be exchanged.
    fn classify_as(&self, input: &Input<'_>) -> (Verdict, String) {
        (self.classify(input), self.version())
    }

    /// What a trained model has to say about an intent of a message, for people; `None` where rules alone read.
    fn explain(&self, _input: &Input<'_>, _intent: &Intent) -> Option<Explanation> {
        None
    }
}

/// Why a model reads an intent in a message.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Explanation {
    /// The examples most like the message, the nearest first; none without an embedding.
    pub nearest: Vec<model::Near>,
    /// Words, and pieces of words in bars, that spoke for the intent, strongest first.
    pub spoken_for: Vec<Spoken>,
    /// The same against it.
    pub spoken_against: Vec<Spoken>,
}

/// Words and how much they said.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Spoken {
    /// A word, two words, or a piece of one in bars.
    pub words: String,
    /// What they add to the logarithm of the intent's odds, against the mean of all intents; negative speaks against.
    pub weight: f64,
}

/// What is classified: the new text only, never quotes or signatures.
#[derive(Debug, Clone, Copy)]
pub struct Input<'a> {
    /// Everything the customer wrote since the last reply.
    pub text: &'a str,
    /// The subject line; counts for less than the text.
    pub subject: &'a str,
}

/// What a classifier says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// The intents that apply, by the table's priority rules (intents, Several at once): the first is the primary.
    /// Never empty: `other` when nothing speaks for anything.
    pub ranked: Vec<Ranked>,
    /// P0 intents that the net caught; any one stops a reply.
    pub urgent: Vec<Intent>,
    /// Why a factual reply must not be given although the primary intent would allow it: a condition ("if it is
    /// not here by Friday"), somebody else's order, a replacement, reported speech. Empty when nothing is in the way.
    pub cautions: Vec<String>,
    /// What the rules alone cannot judge; a model that was taught plain questions and traps may vouch for it.
    #[serde(default)]
    pub doubts: Doubts,
    /// What an answer may rest on.
    #[serde(default)]
    pub ground: Ground,
}

/// What speaks against a plain status question by words alone; each stops an answer unless a model vouches for the
/// message.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Doubts {
    /// Words that are often innocent ("still processing").
    pub weak: Vec<String>,
    /// Words that no rule knows.
    pub words: Vec<String>,
    /// A question that no rule knows, beside the one about the order.
    #[serde(default)]
    pub asked: Vec<String>,
}

/// What an answer to the primary intent may rest on; the gates judge it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ground {
    /// The phrase rules alone: their confidence is all there is.
    #[default]
    Rules,
    /// The starter pack's model beside the rules: it may answer only what both read as a plain status question.
    Starter {
        /// The model's raw probability that facts answer it (of `order_status` and `shipping_delay` together), 0..=1.
        score: f64,
        /// Answer from this score on.
        score_min: f64,
        /// The model's raw probability that it is a plain status question and nothing more, 0..=1.
        plain: f64,
        /// Answer from this one on, where the rules read a status question too and have nothing against it.
        plain_min: f64,
        /// From this one on the rules' weak doubts no longer count, and where no phrase of theirs is in it, it is enough
        /// that they have nothing against it.
        vouched_min: f64,
        /// What the rules alone read; `None` when no phrase of theirs is in it.
        rules: Option<Intent>,
    },
    /// The shop's own held-out tickets prove the answers from a score on.
    Proven {
        /// The model's raw probability, 0..=1.
        score: f64,
        /// The threshold and what it was seen to do.
        chosen: model::bound::Chosen,
        /// The share right that it promises, 0..1.
        target: f64,
    },
    /// Nothing proves an answer.
    Unproven {
        /// The model's raw probability, 0..=1.
        score: f64,
        /// Why, in plain words.
        why: String,
    },
}

/// One intent of a verdict.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ranked {
    /// Which.
    pub intent: Intent,
    /// 0..=1.
    pub confidence: f64,
    /// What spoke for it, strongest first: the words as matched and the rule.
    pub why: Vec<Evidence>,
}

/// A reason.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// The words in the message.
    pub words: String,
    /// The rule or feature that they met.
    pub rule: String,
    /// Its weight; negative speaks against.
    pub weight: f64,
}

impl Verdict {
    /// The primary intent with its confidence.
    pub fn primary(&self) -> (Intent, f64) {
        self.ranked
            .first()
            .map_or_else(|| (Intent::from("other"), 0.0), |top| (top.intent.clone(), top.confidence))
    }
}
