//! What a training came to: where the examples are from, how well the model reads, what it may answer, and how it
//! stands against the one in force.

use std::collections::BTreeMap;

use serde::Serialize;

use super::compare::Compared;
use super::data::Gathered;
use crate::classify::model::Model;
use crate::classify::model::examples::Source;
use crate::cli::print::{Screen, Table, Tone, clean, heading, paint, pair};
use crate::config::{Config, MayAnswer};
use crate::decide::Policy;

/// Everything that is shown.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    model: String,
    embedding: Option<String>,
    data: String,
    examples: BTreeMap<Source, usize>,
    /// Examples of intents that are switched off.
    left_out: BTreeMap<String, usize>,
    /// Examples of the starter pack that were kept although the shop's replace it.
    net_kept: usize,
    /// Urgent intents with too few examples to be caught by the model, with how many.
    net_thin: BTreeMap<String, usize>,
    /// Share of held-out messages read right, 0..=1.
    accuracy: f64,
    strangers_kept_out: Option<f64>,
    calibration_error_before: f64,
    calibration_error_after: f64,
    intents: Vec<Line>,
    /// The share right that a threshold promises, 0..1.
    target: f64,
    pub(super) compared: Option<Compared>,
    /// The model that was in force.
    pub(super) in_force_before: Option<String>,
    pub(super) installed: bool,
    /// What became of it, in words.
    pub(super) end: String,
}

/// One intent.
#[derive(Debug, Serialize)]
struct Line {
    intent: String,
    examples: usize,
    precision: f64,
    recall: f64,
    may_answer: bool,
    /// Answered from this raw score on.
    threshold: Option<f64>,
    /// Why there is none, where it may be answered.
    no_threshold: Option<String>,
}

impl Report {
    pub(super) fn of(model: &Model, config: &Config, gathered: &Gathered) -> Self {
        let description = model.description();
        let figures = &description.figures;
        let policy = Policy::new(config, config.rollout.mode).ok();
        let may_answer = |intent: &str| {
            let policy = policy.as_ref().and_then(|policy| policy.intent(&intent.into()));
            policy.is_some_and(|policy| policy.may_answer != MayAnswer::Never)
        };
        let line = |(intent, (examples, precision, recall)): (&String, &(usize, f64, f64))| {
            let chosen = description.thresholds.get(intent).filter(|_| may_answer(intent));
            Line {
                intent: intent.clone(),
                examples: *examples,
                precision: *precision,
                recall: *recall,
                may_answer: may_answer(intent),
                threshold: chosen.and_then(|chosen| chosen.as_ref().ok()).map(|chosen| chosen.at),
                no_threshold: chosen.and_then(|chosen| chosen.as_ref().err()).cloned(),
            }
        };
        Self {
            model: model.version().to_owned(),
            embedding: description.embedding.clone(),
            data: description.data.clone(),
            examples: figures.examples.clone(),
            left_out: gathered.left_out.clone(),
            net_kept: gathered.net_kept,
            net_thin: gathered.net_thin.clone(),
            accuracy: figures.accuracy,
            strangers_kept_out: figures.strangers_kept_out,
            calibration_error_before: figures.calibration_error.0,
            calibration_error_after: figures.calibration_error.1,
            intents: figures.by_class.iter().map(line).collect(),
            target: description.target,
            compared: None,
            in_force_before: None,
            installed: false,
            end: String::new(),
        }
    }

    pub(super) fn page(&self, screen: Screen) -> String {
        let mut text = pair("model", &paint(Tone::Strong, &self.model));
        text.push_str(&pair("examples", &self.sources()));
        if !self.left_out.is_empty() {
            let left: Vec<String> =
                self.left_out.iter().map(|(intent, count)| format!("{count} of {}", clean(intent))).collect();
            text.push_str(&pair("left out", &format!("{} (switched off)", left.join(", "))));
        }
        text.push_str(&self.net());
        let strangers = self.strangers_kept_out.map_or_else(String::new, |share| {
            format!("; {} of what is none of the shop's business is known as that", percent(share))
        });
        text.push_str(&pair(
            "read right",
            &format!("{} of what was held out{strangers}", percent(self.accuracy)),
        ));
        let (before, after) = (self.calibration_error_before, self.calibration_error_after);
        text.push_str(&pair(
            "confidence",
            &format!("off by {} on average, {} before it was calibrated", percent(after), percent(before)),
        ));
        text.push_str(&self.table(screen));
        text.push_str(&heading("against the model in force"));
        text.push_str(&self.against());
        let tone = if self.installed { Tone::Good } else { Tone::Warn };
        text.push_str(&format!("\n{}\n", paint(tone, &self.end)));
        text
    }

    /// What became of the urgent intents, where the starter pack was replaced.
    fn net(&self) -> String {
        let mut text = String::new();
        if self.net_kept > 0 {
            let words = format!(
                "{} of the starter pack: its urgent messages, so that they still stop a reply, and background",
                self.net_kept
            );
            text.push_str(&pair("kept", &words));
        }
        if !self.net_thin.is_empty() {
            let thin: Vec<String> =
                self.net_thin.iter().map(|(intent, count)| format!("{} ({count})", clean(intent))).collect();
            let words = format!(
                "too few examples for the model to catch: {}; leave out --without-starter-net, or add more",
                thin.join(", ")
            );
            text.push_str(&pair("urgent", &paint(Tone::Warn, &words)));
        }
        text
    }

    fn sources(&self) -> String {
        let named = |source: &Source| match source {
            Source::Starter => "of the starter pack",
            Source::Config => "of the configuration",
            Source::Shop => "of the shop",
        };
        let parts: Vec<String> =
            self.examples.iter().map(|(source, count)| format!("{count} {}", named(source))).collect();
        parts.join(", ")
    }

    fn table(&self, screen: Screen) -> String {
        let mut table = Table::new(&["intent", "examples", "precision", "recall", "answers"]);
        for line in &self.intents {
            let answers = match (&line.threshold, &line.no_threshold) {
                (Some(at), _) => (Tone::Good, format!("from {at:.3} on")),
                (None, Some(why)) => (Tone::Plain, why.clone()),
                (None, None) => (Tone::Dim, "never".to_owned()),
            };
            table.row(vec![
                (Tone::Strong, clean(&line.intent)),
                (Tone::Plain, line.examples.to_string()),
                (Tone::Plain, percent(line.precision)),
                (Tone::Plain, percent(line.recall)),
                answers,
            ]);
        }
        format!("\n{}", table.render(screen))
    }

    fn against(&self) -> String {
        let Some(compared) = &self.compared else {
            return "not compared: there are too few messages to say anything\n".to_owned();
        };
        let points = (compared.new - compared.in_force) * 100.0;
        let word = match points {
            points if compared.is_worse() => paint(Tone::Bad, &format!("{:.1} points worse", -points)),
            points if points < -0.05 => format!("{:.1} points less, which may be chance", -points),
            points if points < 0.05 => "the same".to_owned(),
            points => paint(Tone::Good, &format!("{points:.1} points better")),
        };
        let of = if compared.shop_only { "of the shop's own messages" } else { "messages" };
        format!(
            "{} {of} that neither had seen: {} read right, {} by {}: {word}\n",
            compared.messages,
            percent(compared.new),
            percent(compared.in_force),
            compared.with,
        )
    }
}

/// One digit behind the point; small shares of error two.
fn percent(share: f64) -> String {
    if share < 0.1 { format!("{:.2} %", share * 100.0) } else { format!("{:.1} %", share * 100.0) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::daemon::model;

    fn report(net_kept: usize, net_thin: &[(&str, usize)]) -> Report {
        let net_thin = net_thin.iter().map(|(intent, count)| ((*intent).to_owned(), *count)).collect();
        let gathered = Gathered { examples: vec![], left_out: BTreeMap::new(), net_kept, net_thin };
        Report::of(&model::starter().unwrap(), &Config::default(), &gathered)
    }

    #[test]
    fn what_became_of_the_urgent_messages_is_told_in_a_line() {
        assert_eq!(report(0, &[]).net(), "");
        let kept = report(2_191, &[]).net();
        assert!(kept.contains("2191 of the starter pack: its urgent messages") && kept.lines().count() == 1);
        let thin = report(0, &[("fraud", 0), ("safety", 7)]).net();
        assert!(thin.contains("fraud (0), safety (7); leave out --without-starter-net"), "{thin}");
        assert_eq!(thin.lines().count(), 1);
    }
}
