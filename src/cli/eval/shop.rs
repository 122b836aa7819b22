//! `eval --data`: the daemon's own reading and decisions, counted over labelled messages.
//!
//! Strangers (flag `stranger`) are counted apart and are no part of the accuracy; so is a message whose intent this
//! configuration does not have. Where several intents are right, the one that was read counts as the label.

use std::collections::BTreeMap;

use serde::Serialize;

use super::asked::{Asked, Outlook, Said};
use super::data::{Flag, Labelled};
use super::require::{Figures, Judged as Met};
use crate::classify::model::bound::Judged;
use crate::classify::model::calibration::{Bin, calibration_error, reliability};
use crate::classify::model::measure::{
    ClassFigures, Confusion, Mistake, Point, area, by_class, confusion, quantile, risk_coverage, share,
    thinned,
};
use crate::event::Intent;
use crate::text::snippet;

/// The names that `--require` knows here.
pub(super) const NAMES: &[&str] = &[
    "accuracy",
    "accuracy_english",
    "accuracy_other_languages",
    "p0_recall",
    "p0_false",
    "p0_look_alikes",
    "plain",
    "traps",
    "strangers",
    "wrong",
    "calibration_error",
    "latency_median_ms",
    "latency_p95_ms",
    "latency_max_ms",
];

const MISTAKES_SHOWN: usize = 12;
const TEXT_CHARS: usize = 110;
const CURVE_POINTS: usize = 200;

/// So many of so many.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub(super) struct Tally {
    pub(super) count: usize,
    pub(super) of: usize,
    pub(super) share: Option<f64>,
}

impl Tally {
    fn over(hits: impl Iterator<Item = bool>) -> Self {
        let (count, of) = hits.fold((0, 0), |(count, of), hit| (count + usize::from(hit), of + 1));
        Self { count, of, share: share(count, of) }
    }
}

/// A message that a person should look at.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Shown {
    pub(super) line: u64,
    pub(super) text: String,
    /// What it is.
    pub(super) said: String,
    /// What it was read as, and how surely.
    pub(super) read: String,
    pub(super) confidence: f64,
}

/// How much was read right.
#[derive(Debug, Serialize)]
pub(super) struct Accuracy {
    pub(super) all: Tally,
    pub(super) english: Tally,
    pub(super) other_languages: Tally,
    pub(super) by_language: BTreeMap<String, Tally>,
}

/// The P0 net.
#[derive(Debug, Serialize)]
pub(super) struct Urgent {
    /// Of the urgent ones, those that call a person.
    pub(super) recall: Tally,
    /// Of all others, those that do.
    pub(super) false_alarms: Tally,
    /// The same of those that only sound urgent (flag `notp0`).
    pub(super) look_alikes: Tally,
    pub(super) missed: Vec<Shown>,
}

/// What would be answered.
#[derive(Debug, Serialize)]
pub(super) struct Answers {
    /// Plain status questions, from facts.
    pub(super) plain: Tally,
    /// Why the others were not: the first gate that stopped each.
    pub(super) plain_stopped_by: BTreeMap<String, usize>,
    /// Traps, from facts. Each one is a wrong reply.
    pub(super) traps: Tally,
    /// Strangers, in any way.
    pub(super) strangers: Tally,
    /// Others whose intent is none that facts answer. Each one is a wrong reply.
    pub(super) others: Tally,
    pub(super) traps_answered: Vec<Shown>,
    pub(super) strangers_answered: Vec<Shown>,
    pub(super) others_answered: Vec<Shown>,
}

/// Confidence against truth.
#[derive(Debug, Serialize)]
pub(super) struct Calibration {
    pub(super) error: Option<f64>,
    pub(super) bins: Vec<Bin>,
}

/// Error against coverage.
#[derive(Debug, Serialize)]
pub(super) struct Risk {
    pub(super) area: Option<f64>,
    pub(super) points: Vec<Point>,
}

/// Milliseconds a message, and once for the model and its embedding.
#[derive(Debug, Serialize)]
pub(super) struct Latency {
    pub(super) load: Option<f64>,
    pub(super) median: Option<f64>,
    pub(super) p95: Option<f64>,
    pub(super) max: Option<f64>,
}

/// Everything that was measured.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    pub(super) data: String,
    pub(super) classifier: String,
    pub(super) messages: usize,
    /// Messages that the model learned from: what it reads in them says little about the next ones.
    pub(super) learned_from: Tally,
    /// Intents of the file that this configuration does not have, with their messages.
    pub(super) unknown_intents: BTreeMap<String, usize>,
    pub(super) accuracy: Accuracy,
    pub(super) urgent: Urgent,
    pub(super) answers: Answers,
    /// Strangers read as `other`.
    pub(super) strangers_kept_out: Tally,
    pub(super) calibration: Calibration,
    pub(super) risk_coverage: Risk,
    pub(super) latency_ms: Latency,
    pub(super) mistakes: Vec<Mistake>,
    pub(super) by_intent: Vec<ClassFigures>,
    pub(super) confusion: Confusion,
    pub(super) requirements: Vec<Met>,
}

/// A message and what became of it.
struct Row<'a> {
    one: &'a Labelled,
    outlook: Outlook,
    /// The intent that counts as its label.
    said: &'a str,
    known: bool,
}

impl Row<'_> {
    fn right(&self) -> bool {
        self.said == self.outlook.intent
    }

    fn is(&self, flag: Flag) -> bool {
        self.one.flag == flag
    }

    fn shown(&self) -> Shown {
        Shown {
            line: self.one.line,
            text: snippet(&self.one.text, TEXT_CHARS),
            said: self.one.intent.clone(),
            read: self.outlook.intent.clone(),
            confidence: self.outlook.confidence,
        }
    }
}

/// Reads every message and counts. `progress` is told how many are done.
///
/// # Errors
/// In words.
pub(super) fn measure(
    asked: &Asked<'_>,
    data: &str,
    messages: &[Labelled],
    mut progress: impl FnMut(usize),
) -> Result<Report, String> {
    let mut rows = Vec::with_capacity(messages.len());
    for (place, one) in messages.iter().enumerate() {
        let outlook = asked.outlook(one)?;
        let said = one.accepted().find(|intent| *intent == outlook.intent).unwrap_or(&one.intent);
        let known = asked.policy().intent(&Intent::from(one.intent.as_str())).is_some();
        rows.push(Row { one, outlook, said, known });
        progress(place + 1);
    }
    Ok(report(asked, data, &rows))
}

fn report(asked: &Asked<'_>, data: &str, rows: &[Row<'_>]) -> Report {
    let own: Vec<&Row<'_>> = rows.iter().filter(|row| row.known && !row.is(Flag::Stranger)).collect();
    let pairs: Vec<(&str, &str)> = own.iter().map(|row| (row.said, row.outlook.intent.as_str())).collect();
    let sure: Vec<(f64, bool)> = own.iter().map(|row| (row.outlook.confidence, row.right())).collect();
    let judged: Vec<Judged> = sure.iter().map(|(score, right)| Judged::new(*score, *right)).collect();
    let curve = risk_coverage(&judged);
    let bins = reliability(&sure);
    let confusion = confusion(&pairs);
    let ms: Vec<f64> = rows.iter().map(|row| row.outlook.ms).collect();
    let mut unknown_intents = BTreeMap::new();
    for row in rows.iter().filter(|row| !row.known && !row.is(Flag::Stranger)) {
        *unknown_intents.entry(row.one.intent.clone()).or_default() += 1;
    }
    Report {
        data: data.to_owned(),
        classifier: asked.version(),
        messages: rows.len(),
        learned_from: Tally::over(rows.iter().map(|row| asked.is_learned(&row.one.text))),
        unknown_intents,
        accuracy: accuracy(&own),
        urgent: urgent(asked, rows),
        answers: answers(asked, rows),
        strangers_kept_out: Tally::over(
            rows.iter().filter(|row| row.is(Flag::Stranger)).map(|row| row.outlook.intent == "other"),
        ),
        calibration: Calibration { error: (!own.is_empty()).then(|| calibration_error(&bins)), bins },
        risk_coverage: Risk { area: area(&curve), points: thinned(&curve, CURVE_POINTS) },
        latency_ms: Latency {
            load: asked.load_ms(),
            median: quantile(&ms, 0.5),
            p95: quantile(&ms, 0.95),
            max: quantile(&ms, 1.0),
        },
        mistakes: confusion.mistakes(MISTAKES_SHOWN),
        by_intent: by_class(&pairs),
        confusion,
        requirements: vec![],
    }
}

fn accuracy(own: &[&Row<'_>]) -> Accuracy {
    let over = |wanted: &dyn Fn(&str) -> bool| {
        Tally::over(own.iter().filter(|row| wanted(&row.one.language)).map(|row| row.right()))
    };
    let languages: std::collections::BTreeSet<&str> =
        own.iter().map(|row| row.one.language.as_str()).filter(|code| !code.is_empty()).collect();
    Accuracy {
        all: over(&|_| true),
        english: over(&|code| code == "en"),
        other_languages: over(&|code| !code.is_empty() && code != "en"),
        by_language: languages
            .into_iter()
            .map(|wanted| (wanted.to_owned(), over(&|code| code == wanted)))
            .collect(),
    }
}

fn urgent(asked: &Asked<'_>, rows: &[Row<'_>]) -> Urgent {
    let is_urgent = |intent: &str| asked.policy().is_urgent(&Intent::from(intent));
    let urgent = || rows.iter().filter(|row| is_urgent(&row.one.intent));
    let calm = || rows.iter().filter(|row| !row.one.accepted().any(is_urgent));
    Urgent {
        recall: Tally::over(urgent().map(|row| row.outlook.urgent)),
        false_alarms: Tally::over(calm().map(|row| row.outlook.urgent)),
        look_alikes: Tally::over(calm().filter(|row| row.is(Flag::NotUrgent)).map(|row| row.outlook.urgent)),
        missed: urgent().filter(|row| !row.outlook.urgent).map(Row::shown).collect(),
    }
}

fn answers(asked: &Asked<'_>, rows: &[Row<'_>]) -> Answers {
    let from_facts = |row: &Row<'_>| row.outlook.said == Said::Facts;
    let anyhow = |row: &Row<'_>| !matches!(row.outlook.said, Said::Nothing(_));
    let flagged = |flag| rows.iter().filter(move |row| row.is(flag));
    let factual = |intent: &str| {
        let ask = asked.policy().ask(&Intent::from(intent));
        matches!(ask, Ok(crate::reply::Ask::Facts(_)))
    };
    let others = || {
        let rest = rows.iter().filter(|row| row.known && (row.is(Flag::None) || row.is(Flag::NotUrgent)));
        rest.filter(|row| !row.one.accepted().any(factual))
    };
    let mut plain_stopped_by = BTreeMap::new();
    for row in flagged(Flag::Plain) {
        if let Said::Nothing(gate) = &row.outlook.said {
            *plain_stopped_by.entry(gate.clone()).or_default() += 1;
        }
    }
    Answers {
        plain: Tally::over(flagged(Flag::Plain).map(from_facts)),
        plain_stopped_by,
        traps: Tally::over(flagged(Flag::Trap).map(from_facts)),
        strangers: Tally::over(flagged(Flag::Stranger).map(anyhow)),
        others: Tally::over(others().map(from_facts)),
        traps_answered: flagged(Flag::Trap).filter(|row| from_facts(row)).map(Row::shown).collect(),
        strangers_answered: flagged(Flag::Stranger).filter(|row| anyhow(row)).map(Row::shown).collect(),
        others_answered: others().filter(|row| from_facts(row)).map(Row::shown).collect(),
    }
}

impl Report {
    /// A word of warning when messages were learned from.
    pub(super) fn flattered(&self) -> Option<String> {
        let Tally { count, of, .. } = self.learned_from;
        let words = || format!("{count} of {of} messages were learned from; their figures flatter");
        (count > 0).then(words)
    }

    /// What `--require` compares.
    pub(super) fn figures(&self) -> Figures {
        let count = |tally: Tally| (tally.of > 0).then_some(tally.count as f64);
        let Self { accuracy, urgent, answers, .. } = self;
        let wrong = answers.traps.count + answers.strangers.count + answers.others.count;
        Figures::from([
            ("accuracy", accuracy.all.share),
            ("accuracy_english", accuracy.english.share),
            ("accuracy_other_languages", accuracy.other_languages.share),
            ("p0_recall", urgent.recall.share),
            ("p0_false", urgent.false_alarms.share),
            ("p0_look_alikes", urgent.look_alikes.share),
            ("plain", answers.plain.share),
            ("traps", count(answers.traps)),
            ("strangers", count(answers.strangers)),
            ("wrong", Some(wrong as f64)),
            ("calibration_error", self.calibration.error),
            ("latency_median_ms", self.latency_ms.median),
            ("latency_p95_ms", self.latency_ms.p95),
            ("latency_max_ms", self.latency_ms.max),
        ])
    }
}
