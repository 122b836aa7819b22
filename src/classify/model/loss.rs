//! The loss of labelled rows and its slopes, block by block on the cores there are.
//!
//! One [`Loss`] lives for a whole fit and keeps its memory from one evaluation to the next. The blocks of rows, and the
//! order in which their sums are added, are fixed: the same rows give the same bits on one core or eight.

use super::dense::{Lane, Panels, groups};
use super::regression::{Labelled, add_scaled, softmax};
use crate::classify::cores::joined;

/// Blocks of rows: fixed, so that sums do not depend on the number of cores.
const BLOCKS: usize = 4;
/// Rows of a block that are read twice, for their scores and their slopes, while they are in the cache.
const TILE: usize = 32;

/// How many numbers of each kind there are.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shape {
    pub(super) classes: usize,
    pub(super) sparse: usize,
    pub(super) dense: usize,
}

/// The rows, and room for what is summed over them.
pub(super) struct Loss<'a> {
    shape: Shape,
    /// The dense numbers of a row that has none.
    none: Vec<f32>,
    /// The dense weights of this evaluation.
    weights: Panels,
    blocks: Vec<Block<'a>>,
}

struct Block<'a> {
    rows: &'a [Labelled<'a>],
    loss: f64,
    slopes: Vec<f32>,
    dense_slopes: Panels,
    scores: Vec<Lane>,
}

impl<'a> Loss<'a> {
    pub(super) fn new(rows: &'a [Labelled<'a>], shape: Shape) -> Self {
        let Shape { classes, sparse, dense } = shape;
        let block = |rows| Block {
            rows,
            loss: 0.0,
            slopes: vec![0.0; (sparse + dense + 1) * classes],
            dense_slopes: Panels::zero(dense, classes),
            scores: vec![Lane::default(); TILE * groups(classes)],
        };
        let size = rows.len().div_ceil(BLOCKS).max(1);
        Self {
            shape,
            none: vec![0.0; dense],
            weights: Panels::zero(dense, classes),
            blocks: rows.chunks(size).map(block).collect(),
        }
    }

    /// The summed loss under these weights; `gradient` gets its slopes.
    pub(super) fn at(&mut self, weights: &[f32], gradient: &mut Vec<f32>) -> f64 {
        let Self { shape, none, weights: panels, blocks } = self;
        let Shape { classes, sparse, .. } = *shape;
        panels.take(weights.get(sparse * classes..).unwrap_or_default(), classes);
        let given = Given { shape: *shape, none, weights, panels };
        std::thread::scope(|scope| {
            let given = &given;
            let workers: Vec<_> =
                blocks.iter_mut().map(|block| scope.spawn(move || block.sum(given))).collect();
            workers.into_iter().for_each(|worker| joined(worker.join()));
        });
        gradient.clear();
        gradient.resize(weights.len(), 0.0);
        for block in blocks.iter() {
            add_scaled(gradient, &block.slopes, 1.0);
        }
        blocks.iter().map(|block| block.loss).sum()
    }
}

/// What every block reads.
struct Given<'a> {
    shape: Shape,
    none: &'a [f32],
    weights: &'a [f32],
    panels: &'a Panels,
}

impl Given<'_> {
    /// The dense numbers of a row.
    fn dense<'r>(&'r self, labelled: &Labelled<'r>) -> &'r [f32] {
        labelled.row.dense.get(..self.shape.dense).unwrap_or(self.none)
    }

    /// The known features of a row.
    fn sparse<'r>(&self, labelled: &Labelled<'r>) -> impl Iterator<Item = (usize, f32)> + 'r {
        let size = self.shape.sparse;
        let features = labelled.row.sparse.iter().map(|(place, value)| (*place as usize, *value));
        features.filter(move |(place, _)| *place < size)
    }
}

impl Block<'_> {
    fn sum(&mut self, given: &Given<'_>) {
        let Shape { classes, sparse, .. } = given.shape;
        self.loss = 0.0;
        self.slopes.fill(0.0);
        self.dense_slopes.clear();
        for tile in self.rows.chunks(TILE) {
            self.add(tile, given);
        }
        self.dense_slopes.give(self.slopes.get_mut(sparse * classes..).unwrap_or_default(), classes);
    }

    fn add(&mut self, tile: &[Labelled<'_>], given: &Given<'_>) {
        let Shape { classes, sparse, dense } = given.shape;
        let groups = groups(classes);
        let of = |feature: usize| feature * classes..(feature + 1) * classes;
        let rows: Vec<&[f32]> = tile.iter().map(|labelled| given.dense(labelled)).collect();
        self.scores.fill(Lane::default());
        for (labelled, scores) in tile.iter().zip(self.scores.chunks_exact_mut(groups)) {
            for (place, value) in given.sparse(labelled) {
                add_scaled(
                    scores.as_flattened_mut(),
                    given.weights.get(of(place)).unwrap_or_default(),
                    value,
                );
            }
        }
        let filled = tile.len() * groups;
        given.panels.add_scores(&rows, self.scores.get_mut(..filled).unwrap_or_default());
        let intercepts = given.weights.get(of(sparse + dense)).unwrap_or_default();
        for (labelled, scores) in tile.iter().zip(self.scores.chunks_exact_mut(groups)) {
            let scores = scores.as_flattened_mut();
            add_scaled(scores, intercepts, 1.0);
            self.loss += missed(labelled, scores, classes);
        }
        self.dense_slopes.add_slopes(&rows, self.scores.get(..filled).unwrap_or_default());
        for (labelled, scores) in tile.iter().zip(self.scores.chunks_exact(groups)) {
            for (place, value) in given.sparse(labelled).chain([(sparse + dense, 1.0)]) {
                if let Some(slopes) = self.slopes.get_mut(of(place)) {
                    add_scaled(slopes, scores.as_flattened(), value);
                }
            }
        }
    }
}

/// A row's loss; its scores become their slopes.
fn missed(labelled: &Labelled<'_>, scores: &mut [f32], classes: usize) -> f64 {
    let (scores, beyond) = scores.split_at_mut_checked(classes).unwrap_or_default();
    beyond.fill(0.0);
    let Some(own) = scores.get(labelled.class).copied() else {
        scores.fill(0.0);
        return 0.0;
    };
    let total = softmax(scores);
    if let Some(own) = scores.get_mut(labelled.class) {
        *own -= 1.0;
    }
    scores.iter_mut().for_each(|slope| *slope *= labelled.weight);
    f64::from(labelled.weight) * (total - f64::from(own))
}
