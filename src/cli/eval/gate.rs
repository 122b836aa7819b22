//! From which score on the bare model may answer: chosen on the validation set and its strangers, applied to the test
//! set and others.
//!
//! The strangers of the validation set count as many as are expected in life ([`Promise::weight`]); where there are
//! none, nothing can make up for them, and the report says so.

use serde::Serialize;

use crate::classify::model::bound::{Judged, stranger_weight};
use crate::classify::model::measure::{CarriedOver, auroc, carried_over};

/// What a threshold must promise, and for what mix of messages.
#[derive(Debug, Clone, Copy)]
pub(super) struct Promise {
    /// The share of right answers, 0..1.
    pub(super) target: f64,
    /// How sure one must be of it, 0..1.
    pub(super) confidence: f64,
    /// The share of strangers that is expected, 0..1; `None`: as many as among what is asked.
    pub(super) strangers: Option<f64>,
}

impl Promise {
    /// How many strangers each of the validation set stands for, at least one.
    pub(super) fn weight(&self, validation: Mix, asked: Mix) -> f64 {
        let expected = self.strangers.or_else(|| asked.share_of_strangers(1.0)).unwrap_or(0.0);
        stranger_weight(validation.own, validation.strangers, expected)
    }
}

/// How many of each there are.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mix {
    pub(super) own: usize,
    pub(super) strangers: usize,
}

impl Mix {
    /// The share of strangers where each stands for so many; `None` of nothing.
    pub(super) fn share_of_strangers(self, weight: f64) -> Option<f64> {
        let strangers = weight * self.strangers as f64;
        let all = strangers + self.own as f64;
        (all > 0.0).then(|| strangers / all)
    }
}

/// Messages of the shop's and strangers, with one score each.
#[derive(Debug, Clone, Default)]
pub(super) struct Scored {
    pub(super) own: Vec<Judged>,
    pub(super) strangers: Vec<Judged>,
}

impl Scored {
    /// All of them, each stranger standing for so many.
    pub(super) fn together(&self, weight: f64) -> Vec<Judged> {
        let strangers = self.strangers.iter().map(|one| Judged { weight, ..*one });
        self.own.iter().copied().chain(strangers).collect()
    }

    fn mix(&self) -> Mix {
        Mix { own: self.own.len(), strangers: self.strangers.len() }
    }
}

/// What one score is worth.
#[derive(Debug, Default, Serialize)]
pub(super) struct Gate {
    pub(super) auroc: Option<f64>,
    /// The threshold and what it did.
    pub(super) threshold: Option<CarriedOver>,
    /// Why there is none although there is a validation set.
    pub(super) refused: Option<String>,
}

impl Gate {
    pub(super) fn measured(validation: &Scored, asked: &Scored, promise: &Promise) -> Self {
        let scores = |judged: &[Judged]| judged.iter().map(|one| one.score).collect::<Vec<f64>>();
        let proof = validation.together(promise.weight(validation.mix(), asked.mix()));
        let carried = carried_over(&proof, &asked.together(1.0), promise.target, promise.confidence);
        let (threshold, refused) = match carried {
            Ok(carried) => (Some(carried), None),
            Err(why) => (None, (!proof.is_empty()).then_some(why)),
        };
        Self { auroc: auroc(&scores(&asked.own), &scores(&asked.strangers)), threshold, refused }
    }

    /// The share answered; where no threshold is proven, nothing is.
    pub(super) fn coverage(&self) -> Option<f64> {
        let refused = self.refused.as_ref().map(|_| 0.0);
        self.threshold.as_ref().map_or(refused, |carried| carried.test.coverage)
    }

    /// The share of the answered that is right.
    pub(super) fn precision(&self) -> Option<f64> {
        self.threshold.as_ref()?.test.precision
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scored(own: &[(f64, usize)], strangers: &[(f64, usize)]) -> Scored {
        let all = |list: &[(f64, usize)], right| -> Vec<Judged> {
            let each = list.iter().flat_map(|(score, count)| std::iter::repeat_n(*score, *count));
            each.map(|score| Judged::new(score, right)).collect()
        };
        Scored { own: all(own, true), strangers: all(strangers, false) }
    }

    const PROMISE: Promise = Promise { target: 0.99, confidence: 0.9, strangers: None };

    #[test]
    fn strangers_count_as_many_as_are_asked_or_expected() {
        let validation = scored(&[(0.9, 800), (0.5, 200)], &[(0.6, 2), (0.1, 8)]);
        let asked = scored(&[(0.9, 70), (0.5, 10)], &[(0.6, 10), (0.1, 10)]);
        assert_eq!(
            PROMISE.weight(validation.mix(), asked.mix()),
            25.0,
            "20 of 100 are strangers: 250 beside 1,000"
        );
        assert_eq!(validation.mix().share_of_strangers(25.0), Some(0.2));
        let gate = Gate::measured(&validation, &asked, &PROMISE);
        let at = |gate: &Gate| gate.threshold.as_ref().map(|carried| carried.chosen.at);
        assert_eq!((at(&gate), gate.coverage(), gate.precision()), (Some(0.9), Some(0.7), Some(1.0)));
        // 80 · 20 pairs; 10 of ours at .5 are below 10 strangers at .6.
        assert_eq!(gate.auroc, Some(1500.0 / 1600.0));
        // Where hardly any are expected, two in a thousand are no harm.
        let rare = Promise { strangers: Some(0.01), ..PROMISE };
        assert!((rare.weight(validation.mix(), asked.mix()) - 10.0 / 9.9).abs() < 1e-9);
        assert_eq!(at(&Gate::measured(&validation, &asked, &rare)), Some(0.5));
    }

    #[test]
    fn nothing_is_made_up_for_strangers_that_are_not_there() {
        let validation = scored(&[(0.9, 500)], &[]);
        let asked = scored(&[(0.9, 10)], &[(0.9, 10)]);
        assert_eq!(PROMISE.weight(validation.mix(), asked.mix()), 1.0);
        assert_eq!(validation.mix().share_of_strangers(1.0), Some(0.0));
        assert_eq!(Gate::measured(&validation, &asked, &PROMISE).precision(), Some(0.5));
        let nothing = Gate::measured(&Scored::default(), &asked, &PROMISE);
        assert_eq!((nothing.coverage(), nothing.refused), (None, None), "no validation set, no threshold");
        let few = Gate::measured(&scored(&[(0.9, 9)], &[]), &asked, &PROMISE);
        assert_eq!((few.coverage(), few.precision()), (Some(0.0), None), "refused: nothing is answered");
    }
}
