//! Linear heads over n-grams and an embedding, whose opinions are added.
//!
//! [`Heads::fit`] trains them over prepared [`Row`]s; [`Heads::read`] gives the logarithm of each class's raw
//! probability. Two heads trained apart and added see more than one over everything (decisions, Accuracy).

use bytes::Bytes;

use super::file::FileError;
use super::packed::Packed;
use super::regression::{Labelled, Row, Settings, fit, softmax};

/// What a head looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum View {
    /// Words and pieces of words.
    Ngrams,
    /// The sentence embedding.
    Embedding,
    /// Both side by side.
    Both,
}

/// How one head is trained and how much it says.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct HeadPlan {
    /// What it looks at.
    pub view: View,
    /// Inverse strength of the regularisation.
    pub c: f64,
    /// What the embedding is multiplied by beside n-grams of unit length.
    pub scale: f32,
    /// The head's part in the sum; the parts need not add up to one.
    pub share: f32,
}

/// Heads with their plans.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Heads {
    /// Classes.
    pub classes: usize,
    pub(super) heads: Vec<(HeadPlan, Packed)>,
}

/// What heads read in a row.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Opinion {
    /// The logarithm of each class's raw probability; all of them together are 1.
    pub logs: Vec<f32>,
    /// Each class's linear score, the heads' parts added: beside the probabilities it tells how much spoke at all.
    pub scores: Vec<f32>,
}

/// The row as a head sees it.
fn seen(plan: &HeadPlan, row: &Row) -> Row {
    let sparse = if plan.view == View::Embedding { Vec::new() } else { row.sparse.clone() };
    let dense = match plan.view {
        View::Ngrams => Vec::new(),
        View::Embedding | View::Both => row.dense.iter().map(|value| value * plan.scale).collect(),
    };
    Row { sparse, dense }
}

/// The logarithms of probabilities with the likest examples' say.
pub(super) fn with_likest(logs: &[f32], likest: &[f32], near_weight: f32) -> Vec<f32> {
    let say = likest.iter().map(|likeness| near_weight * likeness).chain(std::iter::repeat(0.0));
    let mut sum: Vec<f32> = logs.iter().zip(say).map(|(log, say)| log + say).collect();
    let mut shares = sum.clone();
    #[expect(clippy::cast_possible_truncation, reason = "scores are single precision")]
    let total = softmax(&mut shares) as f32;
    sum.iter_mut().for_each(|log| *log -= total);
    sum
}

/// The sizes that stored weights are cut by.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shape {
    /// The vocabulary's.
    pub(super) features: usize,
    /// The embedding's.
    pub(super) dense: usize,
}

impl Heads {
    /// From stored weights, which are taken off `numbers` and `cells`.
    ///
    /// # Errors
    /// When there are too few of them.
    pub(super) fn load(
        plans: &[HeadPlan],
        classes: usize,
        shape: Shape,
        numbers: &mut &[u8],
        cells: &mut Bytes,
    ) -> Result<Self, FileError> {
        let mut heads = Vec::new();
        for plan in plans {
            let sparse = if plan.view == View::Embedding { 0 } else { shape.features };
            let dense = if plan.view == View::Ngrams { 0 } else { shape.dense };
            heads.push((*plan, Packed::load((classes, sparse, dense), numbers, cells)?));
        }
        Ok(Self { classes, heads })
    }

    /// Trains every head on the same rows (class below `classes`, weight). `vocabulary` is its size.
    pub fn fit(
        plans: &[HeadPlan],
        rows: &[(&Row, usize, f32)],
        classes: usize,
        vocabulary: usize,
        rounds_max: usize,
    ) -> Self {
        let heads = plans
            .iter()
            .map(|plan| {
                let views: Vec<Row> = rows.iter().map(|(row, _, _)| seen(plan, row)).collect();
                let labelled: Vec<Labelled<'_>> = views
                    .iter()
                    .zip(rows)
                    .map(|(row, (_, class, weight))| Labelled { row, class: *class, weight: *weight })
                    .collect();
                let sparse = if plan.view == View::Embedding { 0 } else { vocabulary };
                let fitted = fit(&labelled, classes, sparse, Settings { c: plan.c, rounds_max });
                (*plan, Packed::of(&fitted))
            })
            .collect();
        Self { classes, heads }
    }

    /// Reads a row. `likest` is how like the likest example of each class is, and counts so much in the probabilities.
    pub fn read(&self, row: &Row, likest: &[f32], near_weight: f32) -> Opinion {
        let (mut sum, mut all) = (vec![0.0_f32; self.classes], vec![0.0_f32; self.classes]);
        for (plan, weights) in &self.heads {
            let scores = weights.scores(&seen(plan, row));
            let mut shares = scores.clone();
            #[expect(clippy::cast_possible_truncation, reason = "scores are single precision")]
            let total = softmax(&mut shares) as f32;
            for ((sum, all), score) in sum.iter_mut().zip(&mut all).zip(&scores) {
                *sum += plan.share * (score - total);
                *all += plan.share * score;
            }
        }
        Opinion { logs: with_likest(&sum, likest, near_weight), scores: all }
    }

    /// What each n-gram of a row adds to a class against the mean of all classes, by its place in the vocabulary.
    pub fn speaking(&self, row: &Row, class: usize) -> Vec<(u32, f32)> {
        let mut spoken: Vec<(u32, f32)> = row.sparse.iter().map(|(place, _)| (*place, 0.0)).collect();
        for (plan, packed) in self.heads.iter().filter(|(plan, _)| plan.view != View::Embedding) {
            for ((_, total), (place, value)) in spoken.iter_mut().zip(&row.sparse) {
                let weights = packed.of_ngram(*place as usize);
                let own = weights.get(class).copied().unwrap_or_default();
                #[expect(clippy::cast_precision_loss, reason = "a few hundred classes")]
                let mean = weights.iter().sum::<f32>() / weights.len().max(1) as f32;
                *total += plan.share * value * (own - mean);
            }
        }
        spoken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(sparse: &[(u32, f32)], dense: &[f32]) -> Row {
        Row { sparse: sparse.to_vec(), dense: dense.to_vec() }
    }

    fn plan(view: View) -> HeadPlan {
        HeadPlan { view, c: 30.0, scale: 2.0, share: 1.0 }
    }

    #[test]
    fn each_view_learns_from_what_it_sees_and_probabilities_add_up() {
        // The n-gram says the class in the first pair, the embedding in the second.
        let rows = [
            row(&[(0, 1.0)], &[0.5, 0.5]),
            row(&[(1, 1.0)], &[0.5, 0.5]),
            row(&[(2, 1.0)], &[1.0, 0.0]),
            row(&[(2, 1.0)], &[0.0, 1.0]),
        ];
        let given: Vec<(&Row, usize, f32)> =
            rows.iter().zip([0, 1, 0, 1]).map(|(row, c)| (row, c, 1.0)).collect();
        let both = Heads::fit(&[plan(View::Ngrams), plan(View::Embedding)], &given, 2, 3, 100);
        for (row, class, _) in &given {
            let logs = both.read(row, &[], 0.0).logs;
            let sum: f32 = logs.iter().map(|log| log.exp()).sum();
            assert!((sum - 1.0).abs() < 1e-5 && logs[*class].exp() > 0.7, "{logs:?} for {class}");
        }
        let blind = Heads::fit(&[plan(View::Ngrams)], &given, 2, 3, 100);
        assert!(
            (blind.read(&rows[2], &[], 0.0).logs[0].exp() - 0.5).abs() < 0.01,
            "n-grams alone cannot tell the second pair"
        );
        let spoken = both.speaking(&rows[0], 0);
        assert!(spoken[0].0 == 0 && spoken[0].1 > 0.5, "{spoken:?}");
    }

    #[test]
    fn the_same_rows_give_the_same_bits() {
        let rows: Vec<Row> = (0..200_u32)
            .map(|n| row(&[(n % 17, 1.0), (n % 31 + 17, 0.5)], &[(n as f32).sin(), (n as f32).cos()]))
            .collect();
        let given: Vec<(&Row, usize, f32)> =
            rows.iter().enumerate().map(|(n, row)| (row, n % 5, 1.0)).collect();
        let fit = || Heads::fit(&[plan(View::Both)], &given, 5, 48, 30);
        assert_eq!(fit(), fit());
    }
}
