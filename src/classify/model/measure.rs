//! How good a reader is, counted on messages whose intent a person gave. Pure: what was read goes in, figures come out.
//!
//! [`accuracy`], [`by_class`] and [`confusion`] look at what was read; [`risk_coverage`], [`auroc`] and
//! [`at_threshold`] at how sure it was; [`carried_over`] chooses a threshold on one set and applies it to another, as
//! a shop does (decisions, The threshold). Reliability bars are [`super::calibration`]'s.
//!
//! A figure without anything to count is `None`, never 0 or 1.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::bound::{self, Chosen, Judged};

/// What a person said a message is, and what was read in it.
pub type Pair<'a> = (&'a str, &'a str);

/// `part` of `all`, 0..=1; `None` of nothing.
pub fn share(part: usize, all: usize) -> Option<f64> {
    (all > 0).then(|| part as f64 / all as f64)
}

/// The share read right, 0..=1.
pub fn accuracy(pairs: &[Pair<'_>]) -> Option<f64> {
    share(pairs.iter().filter(|(said, read)| said == read).count(), pairs.len())
}

/// One class of a table.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ClassFigures {
    /// Its name.
    pub class: String,
    /// Messages that are of it.
    pub support: usize,
    /// Messages that were read as it.
    pub read_as: usize,
    /// Messages that are and were.
    pub right: usize,
    /// Of those read as it, the share that is (0..=1).
    pub precision: Option<f64>,
    /// Of those that are, the share that was read as it (0..=1).
    pub recall: Option<f64>,
    /// The harmonic mean of the two (0..=1).
    pub f1: Option<f64>,
}

/// Every class that was said or read, by name.
pub fn by_class(pairs: &[Pair<'_>]) -> Vec<ClassFigures> {
    let mut counts: BTreeMap<&str, (usize, usize, usize)> = BTreeMap::new();
    for (said, read) in pairs {
        counts.entry(said).or_default().0 += 1;
        counts.entry(read).or_default().1 += 1;
        counts.entry(said).or_default().2 += usize::from(said == read);
    }
    let figures = |(class, (support, read_as, right)): (&str, (usize, usize, usize))| ClassFigures {
        class: class.to_owned(),
        support,
        read_as,
        right,
        precision: share(right, read_as),
        recall: share(right, support),
        f1: share(2 * right, support + read_as),
    };
    counts.into_iter().map(figures).collect()
}

/// How often each class was read as each.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Confusion {
    /// The classes, in the order of rows and columns.
    pub classes: Vec<String>,
    /// A row a class that was said, a column a class that was read.
    pub counts: Vec<Vec<usize>>,
}

/// Counts what was read as what.
pub fn confusion(pairs: &[Pair<'_>]) -> Confusion {
    let classes: BTreeSet<&str> = pairs.iter().flat_map(|(said, read)| [*said, *read]).collect();
    let places: BTreeMap<&str, usize> =
        classes.iter().enumerate().map(|(place, class)| (*class, place)).collect();
    let mut counts = vec![vec![0; classes.len()]; classes.len()];
    for (said, read) in pairs {
        let slot = places.get(said).and_then(|row| counts.get_mut(*row));
        if let Some(count) = slot.and_then(|row| row.get_mut(*places.get(read)?)) {
            *count += 1;
        }
    }
    Confusion { classes: classes.into_iter().map(str::to_owned).collect(), counts }
}

/// One class taken for another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Mistake {
    /// What it is.
    pub said: String,
    /// What it was taken for.
    pub read: String,
    /// How often.
    pub count: usize,
}

impl Confusion {
    /// The most frequent mistakes, the most frequent first.
    pub fn mistakes(&self, count_max: usize) -> Vec<Mistake> {
        let mut mistakes: Vec<Mistake> = Vec::new();
        for (said, row) in self.classes.iter().zip(&self.counts) {
            for (read, count) in self.classes.iter().zip(row).filter(|(_, count)| **count > 0) {
                if said != read {
                    mistakes.push(Mistake { said: said.clone(), read: read.clone(), count: *count });
                }
            }
        }
        mistakes
            .sort_by(|a, b| b.count.cmp(&a.count).then_with(|| (&a.said, &a.read).cmp(&(&b.said, &b.read))));
        mistakes.truncate(count_max);
        mistakes
    }
}

/// A point of the risk–coverage curve.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Point {
    /// Answering from this score on …
    pub at: f64,
    /// … answers this share of the messages (0..=1) …
    pub coverage: f64,
    /// … of which this share is wrong (0..=1).
    pub error: f64,
}

fn most_certain_first(judged: &[Judged]) -> Vec<Judged> {
    let mut sorted: Vec<Judged> = judged.to_vec();
    sorted.sort_by(|a, b| b.score.total_cmp(&a.score));
    sorted
}

/// What is wrong among the messages answered, from the most certain down. Equal scores are one point.
pub fn risk_coverage(judged: &[Judged]) -> Vec<Point> {
    let sorted = most_certain_first(judged);
    let (mut points, mut wrong) = (Vec::new(), 0_usize);
    for (place, one) in sorted.iter().enumerate() {
        wrong += usize::from(!one.right);
        if sorted.get(place + 1).is_some_and(|next| next.score >= one.score) {
            continue;
        }
        let answered = place + 1;
        points.push(Point {
            at: one.score,
            coverage: answered as f64 / sorted.len() as f64,
            error: wrong as f64 / answered as f64,
        });
    }
    points
}

/// The area under a [`risk_coverage`] curve: the mean error over every coverage, 0..=1. Less is better.
pub fn area(points: &[Point]) -> Option<f64> {
    let mut from = 0.0;
    let mut sum = 0.0;
    for point in points {
        sum += (point.coverage - from) * point.error;
        from = point.coverage;
    }
    (!points.is_empty()).then_some(sum)
}

/// At most so many points of a curve, evenly spread over its coverage, the last one among them.
pub fn thinned(points: &[Point], count_max: usize) -> Vec<Point> {
    let step = 1.0 / count_max.max(1) as f64;
    let mut kept: Vec<Point> = Vec::new();
    for (place, point) in points.iter().enumerate() {
        let far = kept.last().is_none_or(|last| point.coverage - last.coverage >= step);
        if far || place + 1 == points.len() {
            kept.push(*point);
        }
    }
    kept
}

/// The probability that a message of ours scores higher than a stranger's, a tie counting half (0..=1; .5 is chance).
pub fn auroc(inside: &[f64], strangers: &[f64]) -> Option<f64> {
    if inside.is_empty() || strangers.is_empty() {
        return None;
    }
    let mut sorted: Vec<f64> = strangers.to_vec();
    sorted.sort_by(f64::total_cmp);
    let above: f64 = inside
        .iter()
        .map(|score| {
            let below = sorted.partition_point(|other| other < score);
            let equal = sorted.partition_point(|other| other <= score) - below;
            below as f64 + equal as f64 / 2.0
        })
        .sum();
    Some(above / (inside.len() as f64 * strangers.len() as f64))
}

/// What answering from a score on does.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AtThreshold {
    /// The score.
    pub at: f64,
    /// Messages in all.
    pub messages: usize,
    /// Messages answered.
    pub answered: usize,
    /// Of those, wrong.
    pub wrong: usize,
    /// The share answered, 0..=1.
    pub coverage: Option<f64>,
    /// The share of the answered that is right, 0..=1.
    pub precision: Option<f64>,
}

/// Answers every message from a score on.
pub fn at_threshold(judged: &[Judged], at: f64) -> AtThreshold {
    let answered: Vec<&Judged> = judged.iter().filter(|one| one.score >= at).collect();
    let wrong = answered.iter().filter(|one| !one.right).count();
    AtThreshold {
        at,
        messages: judged.len(),
        answered: answered.len(),
        wrong,
        coverage: share(answered.len(), judged.len()),
        precision: share(answered.len() - wrong, answered.len()),
    }
}

/// A threshold and what it did elsewhere.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CarriedOver {
    /// What was chosen on the validation set.
    pub chosen: Chosen,
    /// What it does on the test set.
    pub test: AtThreshold,
}

/// Chooses a threshold by its bound on one set and applies it to another.
///
/// # Errors
/// Why the first promises nothing ([`bound::choose`]).
pub fn carried_over(
    validation: &[Judged],
    test: &[Judged],
    target: f64,
    confidence: f64,
) -> Result<CarriedOver, String> {
    let chosen = bound::choose(validation, target, confidence)?;
    let test = at_threshold(test, chosen.at);
    Ok(CarriedOver { chosen, test })
}

/// The smallest value that this share (0..=1) of the values does not exceed.
pub fn quantile(values: &[f64], share: f64) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let place = (sorted.len() as f64 * share).ceil() as usize;
    sorted.get(place.clamp(1, sorted.len().max(1)) - 1).copied()
}

/// Mean and spread (standard deviation of a sample; 0 of one).
pub fn mean_and_spread(values: &[f64]) -> Option<(f64, f64)> {
    let count = values.len() as f64;
    if values.is_empty() {
        return None;
    }
    let mean = values.iter().sum::<f64>() / count;
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    Some((mean, (squares / (count - 1.0).max(1.0)).sqrt()))
}

#[cfg(test)]
#[path = "measure_tests.rs"]
mod tests;
