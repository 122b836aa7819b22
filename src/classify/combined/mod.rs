//! The classifier of the daemon: phrase rules and the trained model, read together.
//!
//! For one message: the rules read it whole ([`PhraseClassifier`]), the model reads it piece by piece (`windows`), and
//! `merge` makes one verdict of them. The model is swapped while the daemon runs ([`CombinedClassifier::install`]); a
//! message is read by one model from beginning to end.

mod explain;
mod merge;
#[cfg(test)]
mod tests;
mod windows;

use std::sync::{Arc, PoisonError, RwLock};

use super::model::{Embed, Model, Reading};
use super::phrases::PhraseClassifier;
use super::{Classifier, Explanation, Input, Verdict};
use crate::event::Intent;

pub use merge::Starter;

/// From this raw probability on a subject asks for something else than the text, 0..=1: a few words of a subject are
/// read with less certainty than a message.
const SUBJECT_MIN: f64 = 0.4;

/// Rules and model.
pub struct CombinedClassifier {
    rules: PhraseClassifier,
    embed: Option<Arc<dyn Embed>>,
    starter: Starter,
    installed: RwLock<Installed>,
}

#[derive(Clone)]
struct Installed {
    model: Arc<Model>,
    version: Arc<str>,
}

impl Installed {
    fn new(model: Model, rules: &PhraseClassifier) -> Self {
        let version = format!("{}+{}", model.version(), rules.version()).into();
        Self { model: Arc::new(model), version }
    }
}

impl CombinedClassifier {
    /// Rules and a model. `embed` is the embedding that the model was trained with, if any.
    pub fn new(rules: PhraseClassifier, model: Model, embed: Option<Arc<dyn Embed>>) -> Self {
        let installed = RwLock::new(Installed::new(model, &rules));
        Self { rules, embed, starter: Starter::default(), installed }
    }

    /// Reads with another model from the next message on.
    pub fn install(&self, model: Model) {
        let installed = Installed::new(model, &self.rules);
        *self.installed.write().unwrap_or_else(PoisonError::into_inner) = installed;
    }

    fn installed(&self) -> Installed {
        self.installed.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The model in force.
    pub fn model(&self) -> Arc<Model> {
        self.installed().model
    }

    /// What the model reads in each piece of a message, for `explain`.
    pub fn readings<'a>(&self, model: &Model, input: &Input<'a>) -> Vec<(&'a str, Reading)> {
        let text = if input.text.trim().is_empty() { input.subject } else { input.text };
        windows::windows(text)
            .into_iter()
            .map(|piece| (piece, model.read(piece, self.embed.as_deref())))
            .collect()
    }

    /// What speaks against an answer beside the text's own words: nothing but a subject, a subject that asks for
    /// something else, a text too long to be read to its end.
    fn outside_the_text(&self, model: &Model, input: &Input<'_>) -> Vec<String> {
        let mut cautions = Vec::new();
        if input.text.trim().is_empty() {
            cautions.push("There is no text, only a subject.".to_owned());
        } else if !input.subject.trim().is_empty() {
            let subject = model.read(input.subject, self.embed.as_deref());
            cautions.extend(
                merge::asks_else(model, &subject, SUBJECT_MIN)
                    .map(|what| format!("The subject reads as something else ({what}).")),
            );
        }
        if windows::is_cut(input.text) {
            cautions.push("The message is too long to be read to its end.".to_owned());
        }
        cautions
    }
}

impl Classifier for CombinedClassifier {
    fn classify(&self, input: &Input<'_>) -> Verdict {
        self.classify_as(input).0
    }

    fn classify_as(&self, input: &Input<'_>) -> (Verdict, String) {
        let rules = self.rules.classify(input);
        let Installed { model, version } = self.installed();
        let readings: Vec<Reading> =
            self.readings(&model, input).into_iter().map(|(_, reading)| reading).collect();
        let mut verdict = merge::verdict(&rules, &model, &readings, &self.starter, &|intent| {
            self.rules.is_disabled(intent)
        });
        verdict.cautions.extend(self.outside_the_text(&model, input));
        (verdict, version.to_string())
    }

    fn version(&self) -> String {
        self.installed().version.to_string()
    }

    fn explain(&self, input: &Input<'_>, intent: &Intent) -> Option<Explanation> {
        let model = self.installed().model;
        let readings: Vec<Reading> =
            self.readings(&model, input).into_iter().map(|(_, reading)| reading).collect();
        explain::explanation(&model, &readings, intent)
    }
}
