//! How much a message is like what was learned: one number that ranks strangers and errors alike.
//!
//! A probability only says which class fits best of those there are: a stranger's words that say nothing, and those of
//! a good message, may give the same shares. [`familiarity`] adds what the shares lose: how much spoke at all
//! ([`evidence`]), and how near the nearest example of the class is. Nothing in it is fitted (decisions, Saying "none
//! of these"). It has no unit and no bounds; the greater, the more familiar.

/// What a likeness of one is worth beside the logarithms: more tells strangers apart a little better where there are
/// hundreds of examples a class, and ranks errors worse where there are ten.
const NEAREST: f64 = 5.0;

/// The logarithm of the sum of the powers; the logarithm of nothing for no values.
fn log_sum(values: impl Iterator<Item = f64> + Clone) -> f64 {
    let top = values.clone().fold(f64::NEG_INFINITY, f64::max);
    if top.is_finite() { top + values.map(|value| (value - top).exp()).sum::<f64>().ln() } else { top }
}

/// How much spoke for any class but `none` (the background's place): the logarithm of the summed powers of the linear
/// scores. Where nothing is known they are all alike and small.
pub(super) fn evidence(scores: &[f32], none: Option<usize>) -> f64 {
    let own = scores.iter().enumerate().filter(|(place, _)| Some(*place) != none);
    log_sum(own.map(|(_, score)| f64::from(*score)))
}

/// How familiar a message read as `class` is: the logit of its raw probability among all classes (`logs`), plus the
/// [`evidence`], plus five times its likeness (-1..=1) to the nearest example of the class.
pub(super) fn familiarity(logs: &[f32], class: usize, evidence: f64, nearest: f32) -> f64 {
    let Some(own) = logs.get(class) else { return f64::NEG_INFINITY };
    // From the others' sum, not as 1 - p, which single precision rounds to nothing.
    let others = logs.iter().enumerate().filter(|(place, _)| *place != class);
    let logit = f64::from(*own) - log_sum(others.map(|(_, log)| f64::from(*log)));
    logit + evidence + NEAREST * f64::from(nearest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(found: f64, wanted: f64) {
        assert!((found - wanted).abs() < 1e-5, "{found}, not {wanted}");
    }

    #[test]
    fn evidence_is_that_of_the_shops_own_classes() {
        near(evidence(&[1.0, 2.0, 30.0], Some(2)), (1.0_f64.exp() + 2.0_f64.exp()).ln());
        near(evidence(&[1.0, 2.0], None), (1.0_f64.exp() + 2.0_f64.exp()).ln());
        near(evidence(&[500.0, 1.0], Some(1)), 500.0);
        assert_eq!(evidence(&[], None), f64::NEG_INFINITY);
    }

    #[test]
    fn familiarity_adds_share_evidence_and_likeness() {
        let logs: Vec<f32> = [0.8_f32, 0.15, 0.05].map(f32::ln).to_vec();
        near(familiarity(&logs, 0, 3.0, 0.7), 4.0_f64.ln() + 3.0 + 3.5);
        near(familiarity(&logs, 2, 0.0, 0.0), (0.05_f64 / 0.95).ln());
        assert_eq!(familiarity(&logs, 3, 9.0, 1.0), f64::NEG_INFINITY, "a class that is none");
    }

    #[test]
    fn what_is_certain_to_single_precision_still_ranks() {
        // 1 - p is nothing in single precision for both.
        let logs = |gap: f32| vec![0.0, -gap];
        near(familiarity(&logs(20.0), 0, 0.0, 0.0), 20.0);
        assert!(familiarity(&logs(30.0), 0, 0.0, 0.0) > familiarity(&logs(20.0), 0, 0.0, 0.0));
    }
}
