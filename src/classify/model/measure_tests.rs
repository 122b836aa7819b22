//! Every figure against one worked out by hand.

use super::*;

const PAIRS: &[Pair<'static>] =
    &[("a", "a"), ("a", "a"), ("a", "b"), ("b", "b"), ("b", "c"), ("b", "c"), ("c", "c"), ("c", "a")];

#[test]
fn classes_and_accuracy_are_counted() {
    assert_eq!(accuracy(PAIRS), Some(0.5));
    assert_eq!(accuracy(&[]), None);
    let classes = by_class(PAIRS);
    let figures = |at: usize| (classes[at].support, classes[at].read_as, classes[at].right);
    assert_eq!((figures(0), figures(1), figures(2)), ((3, 3, 2), (3, 2, 1), (2, 3, 1)));
    assert_eq!((classes[1].precision, classes[1].recall), (Some(0.5), Some(1.0 / 3.0)));
    // 2 · ½ · ⅓ / (½ + ⅓)
    assert!((classes[1].f1.unwrap() - 0.4).abs() < 1e-12);
    let never_read = by_class(&[("x", "y")]);
    assert_eq!((never_read[0].precision, never_read[0].recall), (None, Some(0.0)));
    assert_eq!((never_read[1].precision, never_read[1].recall), (Some(0.0), None));
}

#[test]
fn a_row_of_the_confusion_is_what_was_said() {
    let confusion = confusion(PAIRS);
    assert_eq!(confusion.classes, ["a", "b", "c"]);
    assert_eq!(confusion.counts, [[2, 1, 0], [0, 1, 2], [1, 0, 1]]);
    let mistakes = confusion.mistakes(2);
    assert_eq!((mistakes[0].said.as_str(), mistakes[0].read.as_str(), mistakes[0].count), ("b", "c", 2));
    assert_eq!((mistakes[1].said.as_str(), mistakes[1].read.as_str(), mistakes.len()), ("a", "b", 2));
}

fn judged(list: &[(f64, bool)]) -> Vec<Judged> {
    list.iter().map(|(score, right)| Judged::new(*score, *right)).collect()
}

#[test]
fn the_curve_goes_from_the_most_certain_down_and_ties_are_one_point() {
    let list = judged(&[(0.5, false), (0.9, true), (0.5, true), (0.8, true), (0.2, false)]);
    let points = risk_coverage(&list);
    let seen: Vec<(f64, f64)> = points.iter().map(|point| (point.coverage, point.error)).collect();
    assert_eq!(seen, [(0.2, 0.0), (0.4, 0.0), (0.8, 0.25), (1.0, 0.4)]);
    // 0.4 · 0.25 + 0.2 · 0.4
    assert!((area(&points).unwrap() - 0.18).abs() < 1e-12);
    assert_eq!(area(&[]), None);
    let thin = thinned(&points, 2);
    assert_eq!(thin.iter().map(|point| point.coverage).collect::<Vec<_>>(), [0.2, 0.8, 1.0]);
}

#[test]
fn the_ranking_of_strangers_counts_pairs_and_ties_half() {
    // Of six pairs: .9 beats three; .4 beats .1 and .3 and ties with .4.
    assert_eq!(auroc(&[0.9, 0.4], &[0.1, 0.3, 0.4]), Some(5.5 / 6.0));
    assert_eq!(auroc(&[0.2], &[0.8]), Some(0.0));
    assert_eq!(auroc(&[0.5; 3], &[0.5; 2]), Some(0.5));
    assert_eq!((auroc(&[], &[0.5]), auroc(&[0.5], &[])), (None, None));
}

#[test]
fn a_threshold_answers_from_its_score_on() {
    let list = judged(&[(0.9, true), (0.7, false), (0.7, true), (0.1, false)]);
    let at = at_threshold(&list, 0.7);
    assert_eq!((at.answered, at.wrong, at.coverage, at.precision), (3, 1, Some(0.75), Some(2.0 / 3.0)));
    let none = at_threshold(&list, 0.95);
    assert_eq!((none.answered, none.coverage, none.precision), (0, Some(0.0), None));
}

#[test]
fn a_threshold_chosen_here_is_judged_there() {
    let mut validation = vec![(0.8, true); 400];
    validation.extend([(0.5, false); 20]);
    let test = judged(&[(0.9, true), (0.8, true), (0.8, false), (0.5, true)]);
    let carried = carried_over(&judged(&validation), &test, 0.99, 0.95).unwrap();
    assert_eq!((carried.chosen.at, carried.chosen.answered, carried.chosen.wrong), (0.8, 400, 0));
    assert_eq!((carried.test.answered, carried.test.wrong, carried.test.coverage), (3, 1, Some(0.75)));
    let refused = carried_over(&judged(&validation[..50]), &test, 0.99, 0.95).unwrap_err();
    assert!(refused.contains("299 without an error are needed"), "{refused}");
}

#[test]
fn quantiles_means_and_spreads_are_those_of_the_values() {
    let values: Vec<f64> = (1..=20).rev().map(f64::from).collect();
    let at = |share| quantile(&values, share);
    assert_eq!((at(0.0), at(0.5), at(0.95), at(1.0)), (Some(1.0), Some(10.0), Some(19.0), Some(20.0)));
    assert_eq!(quantile(&[], 0.5), None);
    assert_eq!(mean_and_spread(&[2.0, 4.0, 6.0]), Some((4.0, 2.0)));
    assert_eq!((mean_and_spread(&[3.0]), mean_and_spread(&[])), (Some((3.0, 0.0)), None));
}
