//! `eval --train --test`: the bare model on any public set: no rules, no configuration, the library's default plan.
//!
//! A message's score is the highest raw probability of a class of the set; the background class is none. The threshold
//! is chosen on the validation set by its one-sided bound and applied to test and strangers, the strangers being wrong
//! whenever they are answered (decisions, The threshold).

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::require::{Figures, Judged as Met};
use crate::classify::model::bound::{CONFIDENCE, Judged};
use crate::classify::model::calibration::{
    Bin, HeldOut, at_temperature, calibration_error, reliability, temperature,
};
use crate::classify::model::examples::{BACKGROUND, Example, in_order};
use crate::classify::model::measure::{
    CarriedOver, ClassFigures, Confusion, Mistake, Point, accuracy, area, auroc, by_class, carried_over,
    confusion, mean_and_spread, risk_coverage, share, thinned,
};
use crate::classify::model::{Embed, Model, Plan, Training, train};

/// The names that `--require` knows here.
pub(super) const NAMES: &[&str] = &["accuracy", "auroc", "coverage", "precision", "calibration_error"];

const MISTAKES_SHOWN: usize = 12;
const CURVE_POINTS: usize = 200;

/// The messages.
#[derive(Debug, Default)]
pub(super) struct Sets {
    pub(super) train: Vec<Example>,
    pub(super) background: Vec<Example>,
    pub(super) test: Vec<Example>,
    pub(super) validation: Vec<Example>,
    pub(super) strangers: Vec<Example>,
    pub(super) strangers_validation: Vec<Example>,
}

impl Sets {
    /// Every text that will be read.
    pub(super) fn texts(&self) -> impl Iterator<Item = &str> {
        let Self { train, background, test, validation, strangers, strangers_validation } = self;
        [train, background, test, validation, strangers, strangers_validation]
            .into_iter()
            .flatten()
            .map(|one| one.text.as_str())
    }
}

/// How to measure.
#[derive(Debug, Clone)]
pub(super) struct Settings {
    /// Examples a class; all when `None`.
    pub(super) shots: Option<usize>,
    /// Draws of that many.
    pub(super) seeds: u64,
    /// What a threshold must promise, 0..1.
    pub(super) target: f64,
}

/// Mean over the draws, and their spread.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(super) struct Figure {
    pub(super) mean: f64,
    pub(super) spread: f64,
}

/// One training and what it gave.
#[derive(Debug, Serialize)]
pub(super) struct Round {
    /// The seed of the draw; `None` when everything was learned from.
    pub(super) seed: Option<u64>,
    pub(super) examples: usize,
    pub(super) accuracy: Option<f64>,
    pub(super) auroc: Option<f64>,
    /// The threshold and what it did.
    pub(super) threshold: Option<CarriedOver>,
    /// Why there is none although there is a validation set.
    pub(super) refused: Option<String>,
    pub(super) calibration_error: Option<f64>,
}

impl Round {
    /// The share answered; where no threshold is proven, nothing is.
    fn coverage(&self) -> Option<f64> {
        let refused = self.refused.as_ref().map(|_| 0.0);
        self.threshold.as_ref().map_or(refused, |carried| carried.test.coverage)
    }

    fn precision(&self) -> Option<f64> {
        self.threshold.as_ref()?.test.precision
    }
}

/// Everything that was measured.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    pub(super) train: String,
    pub(super) test: String,
    pub(super) embedding: Option<String>,
    pub(super) classes: usize,
    pub(super) test_messages: usize,
    pub(super) strangers: usize,
    /// The share of strangers among what the threshold was chosen on: where it is lower than among what is asked, the
    /// promise does not hold there.
    pub(super) strangers_in_validation: Option<f64>,
    pub(super) strangers_in_test: Option<f64>,
    pub(super) target: f64,
    pub(super) bound_confidence: f64,
    pub(super) accuracy: Option<Figure>,
    pub(super) auroc: Option<Figure>,
    /// Share of test and strangers answered.
    pub(super) coverage: Option<Figure>,
    /// Share of those right.
    pub(super) precision: Option<Figure>,
    pub(super) calibration_error: Option<Figure>,
    pub(super) rounds: Vec<Round>,
    /// Intents of the test set that were not learned.
    pub(super) unknown_intents: BTreeSet<String>,
    /// From here on of the first round.
    pub(super) bins: Vec<Bin>,
    pub(super) area: Option<f64>,
    pub(super) points: Vec<Point>,
    pub(super) mistakes: Vec<Mistake>,
    pub(super) by_intent: Vec<ClassFigures>,
    #[serde(skip)]
    pub(super) confusion: Confusion,
    pub(super) requirements: Vec<Met>,
}

/// What a model reads in a set.
struct Read {
    /// Logarithms of the raw probabilities, and the class (past the end for one that was not learned).
    held_out: Vec<HeldOut>,
    /// The class with the highest probability.
    best: Vec<String>,
    judged: Vec<Judged>,
}

fn read(model: &Model, messages: &[Example], embed: Option<&dyn Embed>) -> Read {
    let classes = &model.description().classes;
    let mut all = Read { held_out: vec![], best: vec![], judged: vec![] };
    for one in messages {
        let logs = model.read(&one.text, embed).logs;
        let ranked = |own: bool| {
            let places = classes.iter().zip(&logs).filter(|(class, _)| !own || *class != BACKGROUND);
            places.max_by(|a, b| a.1.total_cmp(b.1))
        };
        let (name, log) = ranked(true).map_or(("", f32::NEG_INFINITY), |(name, log)| (name.as_str(), *log));
        all.judged.push(Judged {
            score: f64::from(log).exp(),
            right: name == one.intent && one.intent != BACKGROUND,
        });
        all.best.push(ranked(false).map(|(name, _)| name.clone()).unwrap_or_default());
        all.held_out.push((logs, model.class(&one.intent).unwrap_or(usize::MAX)));
    }
    all
}

/// So many examples of each class, drawn at random; the same seed draws the same.
fn drawn(examples: &[Example], shots: usize, seed: u64) -> Vec<Example> {
    let mut by_intent: BTreeMap<String, Vec<Example>> = BTreeMap::new();
    for one in in_order(examples.to_vec()) {
        by_intent.entry(one.intent.clone()).or_default().push(one);
    }
    let mut random = fastrand::Rng::with_seed(seed);
    let mut all = Vec::new();
    for mut own in by_intent.into_values() {
        random.shuffle(&mut own);
        all.extend(own.into_iter().take(shots));
    }
    all
}

fn among(strangers: &[Example], own: &[Example]) -> Option<f64> {
    share(strangers.len(), strangers.len() + own.len())
}

/// What the first round shows beside its figures.
struct Detail {
    bins: Vec<Bin>,
    points: Vec<Point>,
    confusion: Confusion,
    by_intent: Vec<ClassFigures>,
}

fn round(
    sets: &Sets,
    settings: &Settings,
    seed: Option<u64>,
    embed: Option<&dyn Embed>,
) -> Result<(Round, Detail), String> {
    let mut examples = match (settings.shots, seed) {
        (Some(shots), Some(seed)) => drawn(&sets.train, shots, seed),
        _ => sets.train.clone(),
    };
    let count = examples.len();
    examples.extend(sets.background.iter().cloned());
    let plan = Plan { folds: 0, ..Plan::default() };
    let training = Training { examples, embed, plan, progress: &|_, _| {} };
    let model = train(training).map_err(|error| error.to_string())?;
    let test = read(&model, &sets.test, embed);
    let strangers = read(&model, &sets.strangers, embed);
    let validation = read(&model, &sets.validation, embed);
    let mut proof = validation.judged;
    proof.extend(read(&model, &sets.strangers_validation, embed).judged);
    let mut asked = test.judged.clone();
    asked.extend(&strangers.judged);
    let pairs: Vec<(&str, &str)> =
        sets.test.iter().map(|one| one.intent.as_str()).zip(test.best.iter().map(String::as_str)).collect();
    // Cooled on the validation set, as a model in force is on what it held out.
    let cooled = temperature(&validation.held_out);
    let sure: Vec<(f64, bool)> = test
        .held_out
        .iter()
        .zip(&pairs)
        .map(|((logs, _), (said, read))| {
            (at_temperature(logs, cooled).into_iter().fold(0.0, f64::max), said == read)
        })
        .collect();
    let bins = reliability(&sure);
    let scores = |judged: &[Judged]| judged.iter().map(|one| one.score).collect::<Vec<f64>>();
    let (threshold, refused) = match carried_over(&proof, &asked, settings.target, CONFIDENCE) {
        Ok(carried) => (Some(carried), None),
        Err(why) => (None, (!proof.is_empty()).then_some(why)),
    };
    let round = Round {
        seed,
        examples: count,
        accuracy: accuracy(&pairs),
        auroc: auroc(&scores(&test.judged), &scores(&strangers.judged)),
        threshold,
        refused,
        calibration_error: Some(calibration_error(&bins)),
    };
    let points = risk_coverage(&asked);
    Ok((round, Detail { bins, points, confusion: confusion(&pairs), by_intent: by_class(&pairs) }))
}

/// Trains and measures, once a seed. `progress` is told which training begins, and of how many.
///
/// # Errors
/// Why nothing can be learned.
pub(super) fn measure(
    sets: &Sets,
    names: (&str, &str),
    settings: &Settings,
    embed: Option<&dyn Embed>,
    mut progress: impl FnMut(usize, usize),
) -> Result<Report, String> {
    let seeds: Vec<Option<u64>> = match settings.shots {
        Some(_) => (1..=settings.seeds).map(Some).collect(),
        None => vec![None],
    };
    let (mut rounds, mut details) = (Vec::new(), None);
    for (place, seed) in seeds.iter().enumerate() {
        progress(place, seeds.len());
        let (round, detail) = round(sets, settings, *seed, embed)?;
        rounds.push(round);
        details.get_or_insert(detail);
    }
    let detail = details.ok_or("no seed, no training")?;
    let over = |value: &dyn Fn(&Round) -> Option<f64>| {
        let values: Vec<f64> = rounds.iter().filter_map(value).collect();
        mean_and_spread(&values).map(|(mean, spread)| Figure { mean, spread })
    };
    let learned: BTreeSet<&str> = sets.train.iter().map(|one| one.intent.as_str()).collect();
    let asked = sets.test.iter().map(|one| one.intent.as_str());
    Ok(Report {
        train: names.0.to_owned(),
        test: names.1.to_owned(),
        embedding: embed.map(|embed| embed.version().to_owned()),
        classes: learned.len(),
        test_messages: sets.test.len(),
        strangers: sets.strangers.len(),
        strangers_in_validation: among(&sets.strangers_validation, &sets.validation),
        strangers_in_test: among(&sets.strangers, &sets.test),
        target: settings.target,
        bound_confidence: CONFIDENCE,
        accuracy: over(&|round| round.accuracy),
        auroc: over(&|round| round.auroc),
        coverage: over(&Round::coverage),
        precision: over(&Round::precision),
        calibration_error: over(&|round| round.calibration_error),
        unknown_intents: asked.filter(|intent| !learned.contains(intent)).map(str::to_owned).collect(),
        bins: detail.bins,
        area: area(&detail.points),
        points: thinned(&detail.points, CURVE_POINTS),
        mistakes: detail.confusion.mistakes(MISTAKES_SHOWN),
        by_intent: detail.by_intent,
        confusion: detail.confusion,
        rounds,
        requirements: vec![],
    })
}

impl Report {
    /// What `--require` compares.
    pub(super) fn figures(&self) -> Figures {
        let mean = |figure: Option<Figure>| figure.map(|figure| figure.mean);
        Figures::from([
            ("accuracy", mean(self.accuracy)),
            ("auroc", mean(self.auroc)),
            ("coverage", mean(self.coverage)),
            ("precision", mean(self.precision)),
            ("calibration_error", mean(self.calibration_error)),
        ])
    }
}

#[cfg(test)]
#[path = "public_tests.rs"]
mod tests;
