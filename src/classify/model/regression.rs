//! Regularised multinomial logistic regression over sparse and dense features, fitted by L-BFGS.
//!
//! [`fit`] minimises `C · Σ weight · loss + ½ Σ w²` (the intercepts are free), which is convex: the result does not
//! depend on where it starts. Sums run over fixed blocks of rows in a fixed order, so the same rows give the same bits
//! on one core or eight.

use super::lbfgs;
use super::loss::{Loss, Shape};

/// Known features of one message: place and value, by place.
pub type Sparse = Vec<(u32, f32)>;

/// One message as numbers.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Row {
    /// N-grams.
    pub sparse: Sparse,
    /// Numbers that every message has (an embedding), the same many in every row.
    pub dense: Vec<f32>,
}

/// A row with what it is.
#[derive(Debug, Clone, Copy)]
pub struct Labelled<'a> {
    /// The message.
    pub row: &'a Row,
    /// Its class, below the number of classes.
    pub class: usize,
    /// How much it counts, above 0.
    pub weight: f32,
}

/// How to fit.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// Inverse strength of the regularisation, above 0.
    pub c: f64,
    /// Rounds of L-BFGS at most.
    pub rounds_max: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self { c: 30.0, rounds_max: 100 }
    }
}

/// Weights, feature by feature: those of one feature for all classes stand side by side. Sparse features first, then
/// dense ones, then the intercepts.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Regression {
    pub(super) classes: usize,
    pub(super) sparse: usize,
    pub(super) dense: usize,
    pub(super) weights: Vec<f32>,
}

impl Regression {
    fn zero(classes: usize, sparse: usize, dense: usize) -> Self {
        Self { classes, sparse, dense, weights: vec![0.0; (sparse + dense + 1) * classes] }
    }
}

/// `to += scale · from`.
#[inline]
pub(super) fn add_scaled(to: &mut [f32], from: &[f32], scale: f32) {
    for (to, from) in to.iter_mut().zip(from) {
        *to += scale * from;
    }
}

/// Turns scores into probabilities in place and gives the logarithm of their sum.
pub(super) fn softmax(scores: &mut [f32]) -> f64 {
    let top = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let mut sum = 0.0_f64;
    for score in scores.iter_mut() {
        *score = (*score - top).exp();
        sum += f64::from(*score);
    }
    #[expect(clippy::cast_possible_truncation, reason = "a factor for single-precision numbers")]
    let share = (1.0 / sum) as f32;
    scores.iter_mut().for_each(|score| *score *= share);
    sum.ln() + f64::from(top)
}

/// Fits the classes `0..classes` to the rows. `sparse` is the size of the vocabulary.
///
/// Rows with a class out of range or features out of the vocabulary count for nothing.
pub fn fit(rows: &[Labelled<'_>], classes: usize, sparse: usize, settings: Settings) -> Regression {
    let dense = rows.iter().map(|one| one.row.dense.len()).max().unwrap_or(0);
    let mut model = Regression::zero(classes, sparse, dense);
    if rows.is_empty() || classes == 0 {
        return model;
    }
    let free_from = (sparse + dense) * classes;
    let mut loss = Loss::new(rows, Shape { classes, sparse, dense });
    let objective = |weights: &[f32], gradient: &mut Vec<f32>| -> f64 {
        let loss = loss.at(weights, gradient);
        finish(loss, settings.c, weights, gradient, free_from)
    };
    model.weights = lbfgs::minimise(model.weights, settings.rounds_max, objective);
    model
}

/// Scales the sums by `C` and adds the regularisation.
fn finish(loss: f64, c: f64, weights: &[f32], gradient: &mut [f32], free_from: usize) -> f64 {
    let mut square = 0.0_f64;
    #[expect(clippy::cast_possible_truncation, reason = "weights are single precision")]
    let scale = c as f32;
    for (place, (slope, weight)) in gradient.iter_mut().zip(weights).enumerate() {
        *slope *= scale;
        if place < free_from {
            *slope += weight;
            square += f64::from(*weight) * f64::from(*weight);
        }
    }
    c * loss + 0.5 * square
}
