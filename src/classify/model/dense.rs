//! The dense numbers of rows times weights, and back: four rows at a time against eight classes.
//!
//! [`Panels`] hold weights (or slopes) eight classes side by side, so that the loops over them have a fixed length and
//! become vector instructions; [`Panels::add_scores`] and [`Panels::add_slopes`] stay in the first-level cache. Each
//! sum is taken in the order of the features, and of the rows, with no fused products: the bits are the same on
//! every processor, and the same as one row after another would give.

/// Classes side by side.
const LANES: usize = 8;
/// One number for each of eight classes.
pub(super) type Lane = [f32; LANES];
/// Rows taken together; more would not fit the registers.
pub(super) const ROWS: usize = 4;

/// A number for each feature and class, by group of eight classes, then by feature.
#[derive(Debug, Clone, Default)]
pub(super) struct Panels {
    features: usize,
    lanes: Vec<Lane>,
}

/// Groups of eight classes that hold so many.
pub(super) const fn groups(classes: usize) -> usize {
    classes.div_ceil(LANES)
}

impl Panels {
    /// All zero.
    pub(super) fn zero(features: usize, classes: usize) -> Self {
        Self { features, lanes: vec![[0.0; LANES]; features * groups(classes)] }
    }

    pub(super) fn clear(&mut self) {
        self.lanes.fill([0.0; LANES]);
    }

    /// Takes weights that stand feature by feature, those of one feature for all classes side by side.
    pub(super) fn take(&mut self, weights: &[f32], classes: usize) {
        for (group, panel) in self.lanes.chunks_exact_mut(self.features.max(1)).enumerate() {
            for (lane, weights) in panel.iter_mut().zip(weights.chunks_exact(classes.max(1))) {
                let own = weights.get(group * LANES..).unwrap_or_default();
                lane.iter_mut().zip(own).for_each(|(to, from)| *to = *from);
            }
        }
    }

    /// Gives them back in that order.
    pub(super) fn give(&self, weights: &mut [f32], classes: usize) {
        for (group, panel) in self.lanes.chunks_exact(self.features.max(1)).enumerate() {
            for (lane, weights) in panel.iter().zip(weights.chunks_exact_mut(classes.max(1))) {
                let own = weights.get_mut(group * LANES..).unwrap_or_default();
                own.iter_mut().zip(lane).for_each(|(to, from)| *to = *from);
            }
        }
    }

    /// `scores += rows · weights`; the scores stand row by row, [`groups`] of lanes each.
    pub(super) fn add_scores(&self, rows: &[&[f32]], scores: &mut [Lane]) {
        for (group, panel) in self.lanes.chunks_exact(self.features.max(1)).enumerate() {
            let groups = self.lanes.len() / self.features.max(1);
            for (rows, scores) in rows.chunks(ROWS).zip(scores.chunks_mut(ROWS * groups)) {
                let mut own = gathered(scores, group, groups);
                multiply(&mut own, four(rows), panel);
                let places = scores.iter_mut().skip(group).step_by(groups);
                places.zip(own).for_each(|(to, from)| *to = from);
            }
        }
    }

    /// `self += rows transposed · scores`.
    pub(super) fn add_slopes(&mut self, rows: &[&[f32]], scores: &[Lane]) {
        let groups = self.lanes.len() / self.features.max(1);
        for (group, panel) in self.lanes.chunks_exact_mut(self.features.max(1)).enumerate() {
            for (rows, scores) in rows.chunks(ROWS).zip(scores.chunks(ROWS * groups)) {
                spread(panel, four(rows), &gathered(scores, group, groups));
            }
        }
    }
}

/// The lanes of one group of at most four rows; zero beyond them.
fn gathered(scores: &[Lane], group: usize, groups: usize) -> [Lane; ROWS] {
    let mut own = [[0.0; LANES]; ROWS];
    own.iter_mut().zip(scores.iter().skip(group).step_by(groups)).for_each(|(to, from)| *to = *from);
    own
}

/// Four rows of at most four: where there are fewer, the first stands in, and its lanes are zero or unread.
fn four<'a>(rows: &[&'a [f32]]) -> [&'a [f32]; ROWS] {
    let mut four = [rows.first().copied().unwrap_or_default(); ROWS];
    four.iter_mut().zip(rows).for_each(|(to, from)| *to = from);
    four
}

#[inline(always)]
fn add(to: &mut Lane, from: &Lane, scale: f32) {
    for (to, from) in to.iter_mut().zip(from) {
        *to += scale * from;
    }
}

#[inline(never)]
fn multiply(scores: &mut [Lane; ROWS], [a, b, c, d]: [&[f32]; ROWS], weights: &[Lane]) {
    let [mut of_a, mut of_b, mut of_c, mut of_d] = *scores;
    for ((((weights, a), b), c), d) in weights.iter().zip(a).zip(b).zip(c).zip(d) {
        add(&mut of_a, weights, *a);
        add(&mut of_b, weights, *b);
        add(&mut of_c, weights, *c);
        add(&mut of_d, weights, *d);
    }
    *scores = [of_a, of_b, of_c, of_d];
}

#[inline(never)]
fn spread(slopes: &mut [Lane], [a, b, c, d]: [&[f32]; ROWS], scores: &[Lane; ROWS]) {
    let [of_a, of_b, of_c, of_d] = *scores;
    for ((((slopes, a), b), c), d) in slopes.iter_mut().zip(a).zip(b).zip(c).zip(d) {
        let mut sum = *slopes;
        add(&mut sum, &of_a, *a);
        add(&mut sum, &of_b, *b);
        add(&mut sum, &of_c, *c);
        add(&mut sum, &of_d, *d);
        *slopes = sum;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers of all signs and sizes, always the same ones.
    fn numbers(count: usize, seed: u64) -> Vec<f32> {
        let mut random = fastrand::Rng::with_seed(seed);
        (0..count).map(|_| (random.f32() - 0.5) * 10.0_f32.powi(random.i32(-3..3))).collect()
    }

    #[test]
    fn the_bits_are_those_of_one_row_after_another() {
        for (rows, classes, features) in [(1, 1, 3), (3, 2, 17), (4, 8, 5), (9, 28, 33), (32, 30, 1)] {
            let weights = numbers(features * classes, 1);
            let all: Vec<Vec<f32>> = (0..rows).map(|row| numbers(features, 2 + row as u64)).collect();
            let mut scores = vec![vec![0.5_f32; classes]; rows];
            let mut slopes = numbers(features * classes, 99);
            let mut panels = Panels::zero(features, classes);
            panels.take(&slopes, classes);
            for (row, scores) in all.iter().zip(&mut scores) {
                for (feature, value) in row.iter().enumerate() {
                    let weights = weights[feature * classes..].iter();
                    scores.iter_mut().zip(weights).for_each(|(score, weight)| *score += value * weight);
                }
                for (feature, value) in row.iter().enumerate() {
                    let slopes = slopes[feature * classes..].iter_mut();
                    slopes.zip(&*scores).for_each(|(slope, score)| *slope += value * score);
                }
            }
            let mut lanes = vec![[0.0; LANES]; rows * groups(classes)];
            for own in lanes.chunks_exact_mut(groups(classes)) {
                own.as_flattened_mut()[..classes].fill(0.5);
            }
            let seen: Vec<&[f32]> = all.iter().map(Vec::as_slice).collect();
            let mut weighed = Panels::zero(features, classes);
            weighed.take(&weights, classes);
            weighed.add_scores(&seen, &mut lanes);
            for (own, scores) in lanes.chunks_exact(groups(classes)).zip(&scores) {
                assert_eq!(&own.as_flattened()[..classes], scores.as_slice(), "{rows} {classes} {features}");
            }
            panels.add_slopes(&seen, &lanes);
            let mut given = vec![0.0; features * classes];
            panels.give(&mut given, classes);
            assert_eq!(given, slopes, "{rows} {classes} {features}");
        }
    }

    #[test]
    fn without_dense_numbers_nothing_happens() {
        let mut panels = Panels::zero(0, 5);
        let mut lanes = [[1.0; LANES]; 2];
        panels.add_scores(&[&[], &[]], &mut lanes);
        panels.add_slopes(&[&[], &[]], &lanes);
        assert_eq!(lanes, [[1.0; LANES]; 2]);
    }
}
