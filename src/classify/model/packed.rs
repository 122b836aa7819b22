//! Weights as they are kept: a byte for each n-gram and class, with one scale an n-gram; a quarter of the room.
//!
//! [`Packed::of`] a fitted [`Regression`]; every figure is measured on packed weights, so what was measured is what
//! runs. The embedding's weights and the intercepts are few and stay as they are.

use bytes::Bytes;

use super::file::{FileError, take, take_numbers};
use super::regression::{Regression, Row};

/// Steps of a byte on each side of zero.
const STEPS: f32 = 127.0;

/// A regression's weights.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Packed {
    classes: usize,
    sparse: usize,
    dense: usize,
    /// One an n-gram: what a step of its bytes is worth.
    scales: Vec<f32>,
    /// By n-gram, then class: two's complement.
    cells: Bytes,
    /// The embedding's weights and the intercepts, by feature, then class.
    plain: Vec<f32>,
}

impl Packed {
    pub(super) fn of(fitted: &Regression) -> Self {
        let Regression { classes, sparse, dense, weights } = fitted;
        let (ngrams, plain) = weights.split_at_checked(sparse * classes).unwrap_or((weights, &[]));
        let (mut scales, mut cells) = (Vec::with_capacity(*sparse), Vec::with_capacity(ngrams.len()));
        for row in ngrams.chunks_exact((*classes).max(1)) {
            let scale = row.iter().fold(0.0_f32, |top, weight| top.max(weight.abs())) / STEPS;
            scales.push(scale);
            #[expect(clippy::cast_possible_truncation, reason = "clamped to the range")]
            let step = |weight: &f32| match scale {
                0.0 => 0,
                _ => ((weight / scale).round().clamp(-STEPS, STEPS) as i8).cast_unsigned(),
            };
            cells.extend(row.iter().map(step));
        }
        Self {
            classes: *classes,
            sparse: *sparse,
            dense: *dense,
            scales,
            cells: cells.into(),
            plain: plain.to_vec(),
        }
    }

    /// Takes its numbers and bytes off the front of what is stored; `sizes`: classes, n-grams, the embedding's.
    ///
    /// # Errors
    /// When there are too few of them.
    pub(super) fn load(
        sizes: (usize, usize, usize),
        numbers: &mut &[u8],
        cells: &mut Bytes,
    ) -> Result<Self, FileError> {
        let (classes, sparse, dense) = sizes;
        let scales = take_numbers(numbers, sparse)?;
        let plain = take_numbers(numbers, dense.saturating_add(1).saturating_mul(classes))?;
        let cells = take(cells, sparse.saturating_mul(classes))?;
        Ok(Self { classes, sparse, dense, scales, cells, plain })
    }

    /// What [`Self::load`] takes: the numbers, then the bytes.
    pub(super) fn stored(&self) -> (impl Iterator<Item = &f32>, &[u8]) {
        (self.scales.iter().chain(&self.plain), &self.cells)
    }

    /// The weights of one n-gram, by class.
    pub(super) fn of_ngram(&self, place: usize) -> Vec<f32> {
        let mut weights = vec![0.0; self.classes];
        self.add_ngram(&mut weights, place, 1.0);
        weights
    }

    fn add_ngram(&self, to: &mut [f32], place: usize, times: f32) {
        let cells = self.cells.get(place * self.classes..(place + 1) * self.classes).unwrap_or_default();
        let factor = times * self.scales.get(place).copied().unwrap_or_default();
        for (to, cell) in to.iter_mut().zip(cells) {
            *to += factor * f32::from(cell.cast_signed());
        }
    }

    fn add_plain(&self, to: &mut [f32], place: usize, times: f32) {
        let weights = self.plain.get(place * self.classes..(place + 1) * self.classes).unwrap_or_default();
        for (to, weight) in to.iter_mut().zip(weights) {
            *to += times * weight;
        }
    }

    /// One number a class: the higher, the likelier (a softmax of them gives probabilities).
    pub(super) fn scores(&self, row: &Row) -> Vec<f32> {
        let mut scores = vec![0.0; self.classes];
        self.add_plain(&mut scores, self.dense, 1.0);
        for (place, value) in &row.sparse {
            if (*place as usize) < self.sparse {
                self.add_ngram(&mut scores, *place as usize, *value);
            }
        }
        for (place, value) in row.dense.iter().take(self.dense).enumerate() {
            self.add_plain(&mut scores, place, *value);
        }
        scores
    }
}

#[cfg(test)]
mod tests {
    use super::super::file::bytes_of;
    use super::*;

    #[test]
    fn packing_keeps_the_scores_and_loading_gives_the_same() {
        let (classes, sparse, dense) = (3, 4, 2);
        let weights: Vec<f32> = (0..(sparse + dense + 1) * classes).map(|n| (n as f32 * 1.7).sin()).collect();
        let fitted = Regression { classes, sparse, dense, weights: weights.clone() };
        let packed = Packed::of(&fitted);
        let row = Row { sparse: vec![(0, 0.5), (3, -1.0), (9, 7.0)], dense: vec![0.25, -0.5] };
        let exact = |class: usize| {
            let of = |feature: usize| weights[feature * classes + class];
            of(0) * 0.5 - of(3) + of(4) * 0.25 - of(5) * 0.5 + of(6)
        };
        for (class, score) in packed.scores(&row).into_iter().enumerate() {
            assert!((score - exact(class)).abs() < 0.02, "{score} for {}", exact(class));
        }
        let (numbers, cells) = packed.stored();
        let numbers = bytes_of(numbers);
        let (mut numbers, mut cells) = (numbers.as_slice(), Bytes::copy_from_slice(cells));
        assert_eq!(Packed::load((classes, sparse, dense), &mut numbers, &mut cells).unwrap(), packed);
        assert!(numbers.is_empty() && cells.is_empty());
        assert!(Packed::load((classes, sparse, dense), &mut numbers, &mut cells).is_err());
    }
}
