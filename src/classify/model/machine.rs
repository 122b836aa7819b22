//! A support vector machine with a Gaussian kernel over the embedding and a linear one over the n-grams: it tells a
//! plain status question from what only looks like one.
//!
//! Twins that differ by one word lie close together, and a straight line through everything cannot go between them: on
//! the starter pack, at the same number of traps let through, this answers half as many again as a logistic regression,
//! and a tenth more than without the n-grams.
//! [`Sides`] are what it learns from, [`Machine::fit`] learns, [`Machine::probability`] asks.
//!
//! The dual is solved two examples at a time (Fan, Chen and Lin, *Working Set Selection Using Second Order Information
//! for Training Support Vector Machines*); the same examples give the same bits. Its values become probabilities by a logistic curve over values of held-out examples (Platt, *Probabilistic Outputs for Support
//! Vector Machines*).

use bytes::Bytes;

use super::dense::{Lane, Panels, groups};
use super::file::{FileError, take, take_numbers};
use super::head::Shape;
use super::lbfgs;
use super::regression::{Row, Sparse};
use crate::classify::cores::spread;

/// How steeply likeness falls with distance.
const GAMMA: f32 = 1.0;
/// What the product of two texts' n-grams adds to their likeness.
const WORDS_SHARE: f32 = 0.5;
/// What an example on the wrong side costs.
const COST: f32 = 5.0;
/// Ends when no pair of examples is further apart than this from where both belong.
const GAP_MAX: f32 = 1e-2;
const STEPS_MAX: usize = 200_000;
const CURVATURE_MIN: f32 = 1e-6;
/// Examples at most: every pair of them is a number in memory while it learns, 370 MB in all.
pub(super) const EXAMPLES_MAX: usize = 9_600;
/// Parts that are held out in turn for the probabilities.
pub(super) const FOLDS: usize = 4;
/// A number of a stored vector is this share of one: the first vector's, and the inner ones', which are shorter.
const SCALES: [f32; 2] = [400.0, 900.0];

/// The sides: plain or not, with the vectors as the heads see them.
#[derive(Debug, Default)]
pub(super) struct Sides<'a> {
    /// Numbers of the first of a text's vectors.
    pub(super) first: usize,
    /// N-grams that are known.
    pub(super) features: usize,
    /// Each text, whether it is a plain question, and the part it is held out with.
    pub(super) rows: Vec<(&'a Row, bool, usize)>,
}

/// What was learned.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Machine {
    first: usize,
    size: usize,
    /// Of each support vector, its weight (below zero: not plain) and the square of its length.
    weights: Vec<f32>,
    squares: Vec<f32>,
    /// As they are stored: bytes of two's complement.
    vectors: Bytes,
    /// Of each n-gram, what it adds to the value.
    words: Vec<f32>,
    curve: Curve,
}

/// What a value starts from, and how it becomes a probability.
#[derive(Debug, Clone, Copy, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub(super) struct Curve {
    /// Support vectors.
    count: usize,
    bias: f32,
    slope: f32,
    offset: f32,
}

fn scale(first: usize, place: usize) -> f32 {
    let [own, inner] = SCALES;
    if place < first { own } else { inner }
}

#[expect(clippy::cast_possible_truncation, reason = "clamped to the range")]
fn quantised(first: usize, vector: &[f32]) -> impl Iterator<Item = u8> + '_ {
    let step = move |(place, value): (usize, &f32)| {
        ((value * scale(first, place)).round().clamp(-127.0, 127.0) as i8).cast_unsigned()
    };
    vector.iter().enumerate().map(step)
}

fn restored(first: usize, bytes: &[u8]) -> Vec<f32> {
    let number = |(place, byte): (usize, &u8)| f32::from(byte.cast_signed()) / scale(first, place);
    bytes.iter().enumerate().map(number).collect()
}

fn square(vector: &[f32]) -> f32 {
    vector.iter().map(|value| value * value).sum()
}

/// How like each pair is (0..=1, and what their n-grams add), row by row.
fn pairs(vectors: &[Vec<f32>], size: usize, ngrams: &[&Sparse], features: usize) -> Vec<f32> {
    const BLOCK: usize = 64;
    let count = vectors.len();
    // Feature by feature, the examples side by side.
    let mut turned = vec![0.0_f32; size * count];
    for (place, vector) in vectors.iter().enumerate() {
        let column = turned.iter_mut().skip(place).step_by(count.max(1));
        column.zip(vector).for_each(|(to, from)| *to = *from);
    }
    let mut panels = Panels::zero(size, count);
    panels.take(&turned, count);
    drop(turned);
    let squares: Vec<f32> = vectors.iter().map(|vector| square(vector)).collect();
    let places: Vec<usize> = (0..count).step_by(BLOCK).collect();
    let blocks = spread(&places, usize::MAX, |from| {
        let rows: Vec<&[f32]> = vectors.iter().skip(*from).take(BLOCK).map(Vec::as_slice).collect();
        let mut products: Vec<Lane> = vec![Lane::default(); rows.len() * groups(count)];
        panels.add_scores(&rows, &mut products);
        let own = squares.iter().zip(ngrams).skip(*from);
        let mut spread_out = vec![0.0_f32; features];
        let rows = products.chunks_exact(groups(count)).zip(own).flat_map(|(products, (own, words))| {
            lay(&mut spread_out, words, 1.0);
            let likeness = |((product, other), words): ((&f32, &f32), &&Sparse)| {
                (-GAMMA * (own + other - 2.0 * product)).exp() + WORDS_SHARE * found(&spread_out, words)
            };
            let row = products.iter().flatten().zip(&squares).zip(ngrams).map(likeness).collect::<Vec<f32>>();
            lay(&mut spread_out, words, 0.0);
            row
        });
        rows.collect::<Vec<f32>>()
    });
    blocks.concat()
}

/// Puts a text's n-grams, so many times, where each has its place.
fn lay(places: &mut [f32], ngrams: &Sparse, times: f32) {
    for (place, value) in ngrams {
        if let Some(slot) = places.get_mut(*place as usize) {
            *slot = value * times;
        }
    }
}

/// The product of what stands in the places and a text's n-grams.
fn found(places: &[f32], ngrams: &Sparse) -> f32 {
    let at = |place: &u32| places.get(*place as usize).copied().unwrap_or(0.0);
    ngrams.iter().map(|(place, value)| value * at(place)).sum()
}

/// The weights of the examples that `learns` says (below zero on the side of the others), and the value of every
/// example: the pair that is furthest from where it belongs is moved until no pair is.
fn solve(pairs: &[f32], sides: &[f32], learns: &dyn Fn(usize) -> bool) -> Solved {
    let count = sides.len();
    let row = |place: usize| pairs.get(place * count..(place + 1) * count).unwrap_or_default();
    let own: Vec<f32> = pairs.iter().step_by(count + 1).copied().collect();
    let learns: Vec<bool> = (0..count).map(learns).collect();
    let mut weights = vec![0.0_f32; count];
    // How far below (above zero) or above its side each example's value is.
    let mut errors = sides.to_vec();
    let mut bias = 0.0;
    for _ in 0..STEPS_MAX {
        let can = || learns.iter().zip(sides).zip(weights.iter().zip(&errors)).enumerate();
        let mut up = (f32::NEG_INFINITY, 0);
        for (place, ((learns, side), (weight, error))) in can() {
            if *learns && *weight < COST * side.max(0.0) && *error > up.0 {
                up = (*error, place);
            }
        }
        let (highest, i) = up;
        let (mut lowest, mut best) = (f32::INFINITY, (0.0_f32, i));
        let own_i = own.get(i).copied().unwrap_or(1.0);
        let curvature = |own: f32, like: f32| (own_i + own - 2.0 * like).max(CURVATURE_MIN);
        for ((place, ((learns, side), (weight, error))), (like, own)) in can().zip(row(i).iter().zip(&own)) {
            if *learns && *weight > COST * side.min(0.0) {
                lowest = lowest.min(*error);
                let gain = (highest - error).max(0.0).powi(2) / curvature(*own, *like);
                if gain > best.0 {
                    best = (gain, place);
                }
            }
        }
        bias = f32::midpoint(highest, lowest);
        if (highest - lowest).partial_cmp(&GAP_MAX) != Some(std::cmp::Ordering::Greater) {
            break;
        }
        let j = best.1;
        let at = |list: &[f32], place: usize| list.get(place).copied().unwrap_or(0.0);
        let wanted = (highest - at(&errors, j)) / curvature(at(&own, j), at(row(i), j));
        let room = COST * at(sides, i).max(0.0) - at(&weights, i);
        let step = wanted.min(room).min(at(&weights, j) - COST * at(sides, j).min(0.0));
        for (place, change) in [(i, step), (j, -step)] {
            if let Some(weight) = weights.get_mut(place) {
                *weight += change;
            }
        }
        let likeness = row(i).iter().zip(row(j));
        errors.iter_mut().zip(likeness).for_each(|(error, (to_i, to_j))| *error -= step * (to_i - to_j));
    }
    let values = sides.iter().zip(&errors).map(|(side, error)| side - error + bias).collect();
    Solved { weights, values, bias }
}

/// See [`solve`].
struct Solved {
    weights: Vec<f32>,
    values: Vec<f32>,
    bias: f32,
}

/// The curve under which the held-out values are likeliest.
fn curve(values: &[f32], sides: &[f32]) -> (f32, f32) {
    #[expect(clippy::cast_precision_loss, reason = "counts of examples")]
    let of = |side: f32| sides.iter().filter(|own| **own * side > 0.0).count() as f64;
    // Not quite certain, by how few there are.
    let (yes, no) = ((of(1.0) + 1.0) / (of(1.0) + 2.0), 1.0 / (of(-1.0) + 2.0));
    let at = lbfgs::minimise(vec![1.0, 0.0], 100, |at, slopes| {
        let (slope, offset) = (at.first().copied().unwrap_or(0.0), at.get(1).copied().unwrap_or(0.0));
        let (mut loss, mut by_slope, mut by_offset) = (0.0_f64, 0.0_f64, 0.0_f64);
        for (value, side) in values.iter().zip(sides) {
            let wanted = if *side > 0.0 { yes } else { no };
            let log_odds = f64::from(slope * value + offset);
            let share = 1.0 / (1.0 + (-log_odds).exp());
            loss += log_odds.max(0.0) - wanted * log_odds + (-log_odds.abs()).exp().ln_1p();
            by_slope += (share - wanted) * f64::from(*value);
            by_offset += share - wanted;
        }
        #[expect(clippy::cast_possible_truncation, reason = "single precision is enough")]
        slopes.clone_from(&vec![by_slope as f32, by_offset as f32]);
        loss
    });
    (at.first().copied().unwrap_or(1.0), at.get(1).copied().unwrap_or(0.0))
}

impl Machine {
    /// Learns to tell the sides.
    pub(super) fn fit(examples: &Sides<'_>) -> Self {
        let first = examples.first;
        let size = examples.rows.first().map_or(0, |(row, ..)| row.dense.len());
        let bytes: Vec<Vec<u8>> =
            examples.rows.iter().map(|(row, ..)| quantised(first, &row.dense).collect()).collect();
        let ngrams: Vec<&Sparse> = examples.rows.iter().map(|(row, ..)| &row.sparse).collect();
        let vectors: Vec<Vec<f32>> = bytes.iter().map(|bytes| restored(first, bytes)).collect();
        let sides: Vec<f32> =
            examples.rows.iter().map(|(_, plain, _)| if *plain { 1.0 } else { -1.0 }).collect();
        let pairs = pairs(&vectors, size, &ngrams, examples.features);
        let part = |place: usize| examples.rows.get(place).map_or(0, |(.., part)| part % FOLDS);
        let jobs: Vec<Option<usize>> = (0..FOLDS).map(Some).chain([None]).collect();
        let solved =
            spread(&jobs, usize::MAX, |job| solve(&pairs, &sides, &|place| Some(part(place)) != *job));
        let held_out: Vec<f32> = (0..sides.len())
            .map(|place| {
                solved.get(part(place)).and_then(|one| one.values.get(place)).copied().unwrap_or(0.0)
            })
            .collect();
        let (slope, offset) = curve(&held_out, &sides);
        let (whole, bias) = solved.last().map(|one| (one.weights.as_slice(), one.bias)).unwrap_or_default();
        let (mut weights, mut squares, mut supporting) = (Vec::new(), Vec::new(), Vec::new());
        let mut words = vec![0.0_f32; examples.features];
        for (((weight, bytes), vector), ngrams) in whole.iter().zip(&bytes).zip(&vectors).zip(ngrams) {
            if *weight != 0.0 {
                for (place, value) in ngrams {
                    if let Some(word) = words.get_mut(*place as usize) {
                        *word += WORDS_SHARE * weight * value;
                    }
                }
                weights.push(*weight);
                squares.push(square(vector));
                supporting.extend(bytes);
            }
        }
        let curve = Curve { count: weights.len(), bias, slope, offset };
        Self { first, size, weights, squares, vectors: supporting.into(), words, curve }
    }

    /// How probable it is that a text is a plain question, 0..=1.
    pub(super) fn probability(&self, row: &Row) -> f64 {
        let dense = &row.dense;
        let number = |(place, value): (usize, &f32)| value / scale(self.first, place);
        let scaled: Vec<f32> = dense.iter().enumerate().map(number).collect();
        let length = square(dense);
        let near = self.vectors.chunks_exact(self.size.max(1)).zip(&self.squares).zip(&self.weights);
        let value: f32 = near
            .map(|((vector, square), weight)| {
                let distance = length + square - 2.0 * super::near::dot(vector, &scaled);
                weight * (-GAMMA * distance).exp()
            })
            .sum();
        let value = value + found(&self.words, &row.sparse) + self.curve.bias;
        let log_odds = f64::from(self.curve.slope * value + self.curve.offset);
        1.0 / (1.0 + (-log_odds).exp())
    }

    /// What [`Self::load`] takes beside the curve: the numbers, then the bytes.
    pub(super) fn stored(&self) -> (impl Iterator<Item = &f32>, &[u8]) {
        (self.weights.iter().chain(&self.squares).chain(&self.words), &self.vectors)
    }

    pub(super) const fn curve(&self) -> Curve {
        self.curve
    }

    /// Takes its numbers and bytes off the front of what is stored. `first`: the numbers of a text's first vector.
    ///
    /// # Errors
    /// When there are too few of them.
    pub(super) fn load(
        curve: Curve,
        Shape { features, dense: size }: Shape,
        first: usize,
        numbers: &mut &[u8],
        cells: &mut Bytes,
    ) -> Result<Self, FileError> {
        let weights = take_numbers(numbers, curve.count)?;
        let squares = take_numbers(numbers, curve.count)?;
        let words = take_numbers(numbers, features)?;
        let vectors = take(cells, curve.count.saturating_mul(size))?;
        Ok(Self { first, size, weights, squares, vectors, words, curve })
    }
}

#[cfg(test)]
#[path = "machine_tests.rs"]
mod tests;
