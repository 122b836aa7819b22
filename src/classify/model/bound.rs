//! How sure one may be of a share that was counted: the one-sided Clopper–Pearson lower bound, and the threshold that
//! it allows.
//!
//! "600 answered, none wrong" does not prove 100 %: at 95 % confidence it proves 99.5 %. [`choose`] takes the smallest
//! threshold whose bound meets the target and refuses, with the reason, when there is too little to promise anything.

use serde::{Deserialize, Serialize};

/// Confidence of the bound (decisions, The threshold).
pub const CONFIDENCE: f64 = 0.95;

/// The share that `right` of `all` proves at least, at this confidence (0..1).
///
/// Exact: the `p` at which so many right, or more, would still be seen with probability `1 − confidence`.
pub fn lower_bound(right: usize, all: usize, confidence: f64) -> f64 {
    if right == 0 || right > all {
        return 0.0;
    }
    let (mut low, mut high) = (0.0_f64, 1.0_f64);
    for _ in 0..60 {
        let middle = f64::midpoint(low, high);
        if tail(right, all, middle) > 1.0 - confidence {
            high = middle;
        } else {
            low = middle;
        }
    }
    low
}

/// The probability of `right` or more of `all` when each is right with probability `p`.
fn tail(right: usize, all: usize, p: f64) -> f64 {
    // From "all of them" down to `right`: each term from the one before, in logarithms.
    let mut term = all as f64 * p.ln();
    let mut sum = term.exp();
    for wrong in 1..=(all - right) {
        term += ((all - wrong + 1) as f64 / wrong as f64).ln() + (1.0 - p).ln() - p.ln();
        sum += term.exp();
    }
    sum
}

/// One held-out message on which an answer would have hung.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Judged {
    /// The raw score, 0..=1.
    pub score: f64,
    /// Whether the answer would have been right.
    pub right: bool,
}

/// A threshold and what it was seen to do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Chosen {
    /// Answer from this raw score on.
    pub at: f64,
    /// Held-out messages at or above it.
    pub answered: usize,
    /// Of those, wrong.
    pub wrong: usize,
    /// The share right that they prove.
    pub bound: f64,
}

/// The smallest threshold whose proven share of right answers meets `target`.
///
/// # Errors
/// Why there is none, in plain words.
pub fn choose(judged: &[Judged], target: f64, confidence: f64) -> Result<Chosen, String> {
    let mut sorted: Vec<Judged> = judged.iter().copied().filter(|one| one.score.is_finite()).collect();
    sorted.sort_by(|a, b| b.score.total_cmp(&a.score));
    let (mut best, mut wrong) = (None, 0);
    for (place, one) in sorted.iter().enumerate() {
        wrong += usize::from(!one.right);
        // Equal scores pass or fail together.
        if sorted.get(place + 1).is_some_and(|next| next.score >= one.score) {
            continue;
        }
        let answered = place + 1;
        // What is not right often enough as it was counted is not proven to be.
        if ((answered - wrong) as f64) < target * answered as f64 {
            continue;
        }
        let bound = lower_bound(answered - wrong, answered, confidence);
        if bound >= target {
            best = Some(Chosen { at: one.score, answered, wrong, bound });
        }
    }
    best.ok_or_else(|| refusal(&sorted, target, confidence))
}

/// Held-out messages without one error that the target needs.
pub fn needed(target: f64, confidence: f64) -> usize {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a small positive count")]
    let count = ((1.0 - confidence).ln() / target.ln()).ceil() as usize;
    count
}

fn refusal(sorted: &[Judged], target: f64, confidence: f64) -> String {
    let (percent, needed) = (target * 100.0, needed(target, confidence));
    let (have, wrong) = (sorted.len(), sorted.iter().filter(|one| !one.right).count());
    if have < needed {
        format!(
            "{have} held-out messages are too few to promise {percent} %: {needed} without an error are needed"
        )
    } else {
        format!(
            "no threshold promises {percent} %: {wrong} of {have} held-out messages would be answered wrongly"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bound_is_clopper_and_pearsons() {
        // Known values: 0.05^(1/n) when all are right; 0.9398 for 180 of 185 (R, binom.test, one-sided 95 %).
        assert!((lower_bound(600, 600, 0.95) - 0.05_f64.powf(1.0 / 600.0)).abs() < 1e-9);
        assert!((lower_bound(9, 10, 0.95) - 0.605_84).abs() < 1e-4, "{}", lower_bound(9, 10, 0.95));
        assert!((lower_bound(1, 1, 0.95) - 0.05).abs() < 1e-9);
        assert_eq!(lower_bound(0, 10, 0.95), 0.0);
        assert!(lower_bound(49_990, 50_000, 0.95) > 0.999);
        assert_eq!(needed(0.995, 0.95), 598);
        assert_eq!(needed(0.99, 0.95), 299);
    }

    fn rights(count: usize, score: f64) -> Vec<Judged> {
        vec![Judged { score, right: true }; count]
    }

    #[test]
    fn the_smallest_threshold_that_is_proven_is_chosen() {
        let mut judged = rights(700, 0.9);
        judged.extend(rights(300, 0.6));
        judged.extend([Judged { score: 0.3, right: false }; 30]);
        let chosen = choose(&judged, 0.995, 0.95).unwrap();
        assert_eq!((chosen.at, chosen.answered, chosen.wrong), (0.6, 1000, 0));
        // One error below the top costs proof; ten cost the threshold.
        judged.extend([Judged { score: 0.7, right: false }; 10]);
        assert_eq!(choose(&judged, 0.995, 0.95).unwrap().at, 0.9);
    }

    #[test]
    fn equal_scores_are_answered_together_or_not_at_all() {
        let mut judged = rights(700, 0.9);
        judged.extend([Judged { score: 0.9, right: false }; 30]);
        assert!(choose(&judged, 0.995, 0.95).unwrap_err().contains("no threshold promises 99.5 %"));
    }

    #[test]
    fn too_little_is_refused_with_the_figure_that_is_missing() {
        let refused = choose(&rights(100, 0.99), 0.995, 0.95).unwrap_err();
        assert_eq!(
            refused,
            "100 held-out messages are too few to promise 99.5 %: 598 without an error are needed"
        );
        assert!(choose(&[], 0.995, 0.95).is_err());
        assert!(choose(&[Judged { score: f64::NAN, right: true }], 0.5, 0.95).is_err());
    }
}
