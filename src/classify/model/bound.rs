//! How sure one may be of a share that was counted: the one-sided Clopper–Pearson lower bound, and the threshold that
//! it allows.
//!
//! "600 answered, none wrong" does not prove 100 %: at 95 % confidence it proves 99.5 %. [`choose`] takes the smallest
//! threshold whose bound meets the target and refuses, with the reason, when there is too little to promise anything.
//!
//! Where strangers are rarer among the held-out messages than in life, each of them stands for several
//! ([`stranger_weight`]). A weight makes errors heavier and proof no larger: the sample that proves is the right
//! answers, each counted once whatever it weighs; a wrong one counts as its weight, at least one, and their sum is
//! rounded up. So no weight proves what the bare counts would not. What weights cannot repair is that few strangers were
//! seen: of a hundred, none answered leaves room for two in a hundred.

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
    /// The score: the higher, the surer.
    pub score: f64,
    /// Whether the answer would have been right.
    pub right: bool,
    /// How many messages it stands for when it is wrong; less than one counts as one.
    pub weight: f64,
}

impl Judged {
    /// One that stands for itself.
    pub const fn new(score: f64, right: bool) -> Self {
        Self { score, right, weight: 1.0 }
    }
}

/// How many strangers each of the held-out ones stands for, so that they make this share (0..1) of all; at least one.
/// Where there are none, none can stand for any.
pub fn stranger_weight(own: usize, strangers: usize, share: f64) -> f64 {
    let wanted = own as f64 * share / (1.0 - share);
    if strangers == 0 || !wanted.is_finite() { 1.0 } else { (wanted / strangers as f64).max(1.0) }
}

/// A threshold and what it was seen to do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Chosen {
    /// Answer from this score on.
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
    let (mut best, mut wrong, mut weight) = (None, 0, 0.0);
    for (place, one) in sorted.iter().enumerate() {
        if !one.right {
            wrong += 1;
            weight += one.weight.max(1.0);
        }
        // Equal scores pass or fail together.
        if sorted.get(place + 1).is_some_and(|next| next.score >= one.score) {
            continue;
        }
        let answered = place + 1;
        let right = answered - wrong;
        let counted = right + rounded_up(weight);
        // What is not right often enough as it was counted is not proven to be.
        if (right as f64) < target * counted as f64 {
            continue;
        }
        let bound = lower_bound(right, counted, confidence);
        if bound >= target {
            best = Some(Chosen { at: one.score, answered, wrong, bound });
        }
    }
    best.ok_or_else(|| refusal(&sorted, target, confidence))
}

/// The bound is one of whole messages: parts of one count in full.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a sum of weights from one up")]
fn rounded_up(weight: f64) -> usize {
    // A sum of whole weights may end a hair above its number.
    (weight - 1e-9).ceil() as usize
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
        vec![Judged::new(score, true); count]
    }

    #[test]
    fn the_smallest_threshold_that_is_proven_is_chosen() {
        let mut judged = rights(700, 0.9);
        judged.extend(rights(300, 0.6));
        judged.extend([Judged::new(0.3, false); 30]);
        let chosen = choose(&judged, 0.995, 0.95).unwrap();
        assert_eq!((chosen.at, chosen.answered, chosen.wrong), (0.6, 1000, 0));
        // One error below the top costs proof; ten cost the threshold.
        judged.extend([Judged::new(0.7, false); 10]);
        assert_eq!(choose(&judged, 0.995, 0.95).unwrap().at, 0.9);
    }

    #[test]
    fn a_stranger_stands_for_those_that_life_has_more_of() {
        // 100 among 3,000, where 18.2 % are expected: 1,000 to 4,500.
        let weight = stranger_weight(3_000, 100, 1_000.0 / 5_500.0);
        assert!((weight - 6.666_667).abs() < 1e-5, "{weight}");
        assert_eq!(stranger_weight(100, 100, 0.1), 1.0, "rarer in life: never lighter than it was counted");
        assert_eq!((stranger_weight(100, 0, 0.5), stranger_weight(100, 5, 1.0)), (1.0, 1.0));
        let stranger = |score| Judged { weight, ..Judged::new(score, false) };
        let mut judged = rights(1000, 0.9);
        judged.extend(rights(1000, 0.6));
        judged.extend([stranger(0.7), stranger(0.7)]);
        // Two weigh 13.3, counted as 14 beside 2,000 right ones: proven from .6 on is lower_bound(2000, 2014).
        assert_eq!(choose(&judged, 0.99, 0.95).unwrap().at, 0.9);
        let chosen = choose(&judged, 0.985, 0.95).unwrap();
        assert_eq!((chosen.at, chosen.answered, chosen.wrong), (0.6, 2002, 2));
        assert!((chosen.bound - lower_bound(2000, 2014, 0.95)).abs() < 1e-12, "{}", chosen.bound);
    }

    #[test]
    fn no_weight_makes_a_promise_easier() {
        let plain: Vec<Judged> =
            (0..900).map(|n| Judged::new(1.0 - f64::from(n) / 1000.0, n % 97 != 96)).collect();
        let alone = choose(&plain, 0.97, 0.95).unwrap();
        for (right, wrong) in [(50.0, 1.0), (1.0, 0.1), (50.0, 0.0), (1.0, f64::NAN), (7.0, -3.0)] {
            let weight = |one: &Judged| if one.right { right } else { wrong };
            let weighted: Vec<Judged> =
                plain.iter().map(|one| Judged { weight: weight(one), ..*one }).collect();
            assert_eq!(choose(&weighted, 0.97, 0.95).unwrap(), alone, "{right} {wrong}");
        }
        let mut before = alone.at;
        for weight in [1.5, 2.0, 3.0, 5.0] {
            let heavier: Vec<Judged> = plain.iter().map(|one| Judged { weight, ..*one }).collect();
            let Ok(chosen) = choose(&heavier, 0.97, 0.95) else { break };
            assert!(chosen.at >= before, "{weight}: {} below {before}", chosen.at);
            before = chosen.at;
        }
        let heavy: Vec<Judged> = plain.iter().map(|one| Judged { weight: 30.0, ..*one }).collect();
        assert_ne!(choose(&heavy, 0.97, 0.95).map(|chosen| chosen.at), Ok(alone.at));
    }

    #[test]
    fn equal_scores_are_answered_together_or_not_at_all() {
        let mut judged = rights(700, 0.9);
        judged.extend([Judged::new(0.9, false); 30]);
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
        assert!(choose(&[Judged::new(f64::NAN, true)], 0.5, 0.95).is_err());
    }
}
