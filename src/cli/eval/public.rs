//! `eval --train --test`: the bare model on any public set: no rules, no configuration, the library's default plan.
//!
//! A message is read as the likeliest class of the set; the background class is none, and works through the score. The
//! score is [`Reading::familiarity`](crate::classify::model::Reading::familiarity); the highest raw probability of a
//! class of the set is measured beside it. The threshold is chosen on the validation set by its one-sided bound and
//! applied to test and strangers, the strangers being wrong whenever they are answered (decisions, The threshold).

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::gate::{Gate, Mix, Promise, Scored};
use super::require::{Figures, Judged as Met};
use crate::classify::model::bound::Judged;
use crate::classify::model::calibration::{
    Bin, HeldOut, at_temperature, calibration_error, reliability, temperature,
};
use crate::classify::model::examples::{BACKGROUND, Example, in_order};
use crate::classify::model::measure::{
    ClassFigures, Confusion, Mistake, Point, accuracy, area, by_class, confusion, mean_and_spread,
    risk_coverage, thinned,
};
use crate::classify::model::{Embed, Model, Plan, Training, train};

/// The names that `--require` knows here.
pub(super) const NAMES: &[&str] = &["accuracy", "auroc", "coverage", "precision", "calibration_error"];

const MISTAKES_SHOWN: usize = 12;
const CURVE_POINTS: usize = 200;
/// More than the daemon takes, whose intents are few: with hundreds the fit needs them to come to rest.
const ROUNDS_MAX: usize = 200;

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
    /// What a threshold must promise.
    pub(super) promise: Promise,
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
    /// By familiarity.
    #[serde(flatten)]
    pub(super) gate: Gate,
    /// By the raw probability.
    pub(super) by_probability: Gate,
    pub(super) calibration_error: Option<f64>,
}

/// What a score is worth, over the draws.
#[derive(Debug, Serialize)]
pub(super) struct Worth {
    pub(super) auroc: Option<Figure>,
    /// Share of test and strangers answered.
    pub(super) coverage: Option<Figure>,
    /// Share of those right.
    pub(super) precision: Option<Figure>,
}

impl Worth {
    fn of(gates: &[&Gate]) -> Self {
        let over = |value: &dyn Fn(&Gate) -> Option<f64>| Figure::of(gates.iter().copied().filter_map(value));
        Self {
            auroc: over(&|gate| gate.auroc),
            coverage: over(&Gate::coverage),
            precision: over(&Gate::precision),
        }
    }
}

impl Figure {
    fn of(values: impl Iterator<Item = f64>) -> Option<Self> {
        let values: Vec<f64> = values.collect();
        mean_and_spread(&values).map(|(mean, spread)| Self { mean, spread })
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
    /// The share of strangers among what the threshold was chosen on, as they are.
    pub(super) strangers_in_validation: Option<f64>,
    pub(super) strangers_in_test: Option<f64>,
    /// How many strangers each one of the validation set stood for.
    pub(super) stranger_weight: f64,
    /// The share that they made then: where it is lower than what is asked, the promise does not hold there.
    pub(super) strangers_counted: Option<f64>,
    pub(super) target: f64,
    pub(super) bound_confidence: f64,
    pub(super) accuracy: Option<Figure>,
    /// By familiarity.
    #[serde(flatten)]
    pub(super) worth: Worth,
    pub(super) by_probability: Worth,
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
    /// The class of the set with the highest probability.
    best: Vec<String>,
    by_familiarity: Vec<Judged>,
    by_probability: Vec<Judged>,
}

fn read(model: &Model, messages: &[Example], embed: Option<&dyn Embed>) -> Read {
    let classes = &model.description().classes;
    let mut all = Read { held_out: vec![], best: vec![], by_familiarity: vec![], by_probability: vec![] };
    for one in messages {
        let reading = model.read(&one.text, embed);
        let own =
            classes.iter().zip(&reading.logs).enumerate().filter(|(_, (class, _))| *class != BACKGROUND);
        let Some((class, (name, log))) = own.max_by(|a, b| a.1.1.total_cmp(b.1.1)) else { continue };
        let right = *name == one.intent && one.intent != BACKGROUND;
        all.by_familiarity.push(Judged::new(reading.familiarity(class), right));
        all.by_probability.push(Judged::new(f64::from(*log).exp(), right));
        all.best.push(name.clone());
        all.held_out.push((reading.logs, model.class(&one.intent).unwrap_or(usize::MAX)));
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
    let plan = Plan { folds: 0, rounds_max: ROUNDS_MAX, ..Plan::default() };
    let training = Training { examples, embed, plan, progress: &|_, _| {} };
    let model = train(training).map_err(|error| error.to_string())?;
    let test = read(&model, &sets.test, embed);
    let strangers = read(&model, &sets.strangers, embed);
    let validation = read(&model, &sets.validation, embed);
    let strangers_validation = read(&model, &sets.strangers_validation, embed);
    let scored = |own: &Read, strangers: &Read, by: &dyn Fn(&Read) -> &Vec<Judged>| Scored {
        own: by(own).clone(),
        strangers: by(strangers).clone(),
    };
    let gate = |by: &dyn Fn(&Read) -> &Vec<Judged>| {
        let proof = scored(&validation, &strangers_validation, by);
        Gate::measured(&proof, &scored(&test, &strangers, by), &settings.promise)
    };
    let pairs: Vec<(&str, &str)> =
        sets.test.iter().map(|one| one.intent.as_str()).zip(test.best.iter().map(String::as_str)).collect();
    // Cooled on the validation set, as a model in force is on what it held out.
    let cooled = temperature(&validation.held_out);
    let sure: Vec<(f64, bool)> = test
        .held_out
        .iter()
        .zip(&pairs)
        .map(|((logs, _), (said, read))| {
            let sure = model.class(read).and_then(|class| at_temperature(logs, cooled).get(class).copied());
            (sure.unwrap_or(0.0), said == read)
        })
        .collect();
    let bins = reliability(&sure);
    let round = Round {
        seed,
        examples: count,
        accuracy: accuracy(&pairs),
        gate: gate(&|read| &read.by_familiarity),
        by_probability: gate(&|read| &read.by_probability),
        calibration_error: Some(calibration_error(&bins)),
    };
    let asked = scored(&test, &strangers, &|read| &read.by_familiarity);
    let points = risk_coverage(&asked.together(1.0));
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
    let over = |value: &dyn Fn(&Round) -> Option<f64>| Figure::of(rounds.iter().filter_map(value));
    let validation = Mix { own: sets.validation.len(), strangers: sets.strangers_validation.len() };
    let test = Mix { own: sets.test.len(), strangers: sets.strangers.len() };
    let weight = settings.promise.weight(validation, test);
    let learned: BTreeSet<&str> = sets.train.iter().map(|one| one.intent.as_str()).collect();
    let asked = sets.test.iter().map(|one| one.intent.as_str());
    Ok(Report {
        train: names.0.to_owned(),
        test: names.1.to_owned(),
        embedding: embed.map(|embed| embed.version().to_owned()),
        classes: learned.len(),
        test_messages: sets.test.len(),
        strangers: sets.strangers.len(),
        strangers_in_validation: validation.share_of_strangers(1.0),
        strangers_in_test: test.share_of_strangers(1.0),
        stranger_weight: weight,
        strangers_counted: validation.share_of_strangers(weight),
        target: settings.promise.target,
        bound_confidence: settings.promise.confidence,
        accuracy: over(&|round| round.accuracy),
        worth: Worth::of(&rounds.iter().map(|round| &round.gate).collect::<Vec<_>>()),
        by_probability: Worth::of(&rounds.iter().map(|round| &round.by_probability).collect::<Vec<_>>()),
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
            ("auroc", mean(self.worth.auroc)),
            ("coverage", mean(self.worth.coverage)),
            ("precision", mean(self.worth.precision)),
            ("calibration_error", mean(self.calibration_error)),
        ])
    }
}

#[cfg(test)]
#[path = "public_tests.rs"]
mod tests;
