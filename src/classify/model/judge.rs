//! What the held-out readings show: the figures people see, and from which score on an answer is proven.

use std::collections::{BTreeMap, BTreeSet};

use super::Figures;
use super::bound::{self, Judged};
use super::calibration::{at_temperature, calibration_error, reliability};
use super::examples::{BACKGROUND, Example, Flag, Source};
use super::ngrams::words;
use super::train::{Plan, Prepared};

/// A message as the model read it that had not seen it.
pub(super) struct HeldOutRow {
    /// Its place among the examples.
    pub(super) place: usize,
    /// Its class.
    pub(super) class: usize,
    /// Logarithms of the raw probabilities; before the training has weighed the nearest examples, without them.
    pub(super) logs: Vec<f32>,
    /// How like the likest example of each class is.
    pub(super) likest: Vec<f32>,
}

/// The highest value and its place.
pub(super) fn best(values: &[f64]) -> Option<(usize, f64)> {
    values.iter().copied().enumerate().max_by(|a, b| a.1.total_cmp(&b.1))
}

/// How many examples each source gave.
pub(super) fn by_source(examples: &[Example]) -> BTreeMap<Source, usize> {
    let mut by_source = BTreeMap::new();
    for example in examples {
        *by_source.entry(example.source).or_insert(0) += 1;
    }
    by_source
}

/// The figures of a training.
pub(super) fn figures(prepared: &Prepared, held_out: &[HeldOutRow], temperature: f64) -> Figures {
    let (mut raw, mut scaled) = (Vec::new(), Vec::new());
    let mut counts = vec![(0_usize, 0_usize, 0_usize); prepared.classes.len()];
    for one in held_out {
        let Some((read, raw_share)) = best(&at_temperature(&one.logs, 1.0)) else { continue };
        let share = best(&at_temperature(&one.logs, temperature)).map_or(0.0, |(_, share)| share);
        let right = read == one.class;
        raw.push((raw_share, right));
        scaled.push((share, right));
        for (place, (own, read_as, hit)) in counts.iter_mut().enumerate() {
            *own += usize::from(place == one.class);
            *read_as += usize::from(place == read);
            *hit += usize::from(place == read && right);
        }
    }
    let share = |part: usize, of: usize| if of == 0 { 0.0 } else { part as f64 / of as f64 };
    let by_class: BTreeMap<String, (usize, f64, f64)> = prepared
        .classes
        .iter()
        .zip(&counts)
        .map(|(class, (own, read_as, hit))| (class.clone(), (*own, share(*hit, *read_as), share(*hit, *own))))
        .collect();
    let bins = reliability(&scaled);
    Figures {
        examples: by_source(&prepared.examples),
        accuracy: share(scaled.iter().filter(|(_, right)| *right).count(), scaled.len()),
        strangers_kept_out: by_class.get(BACKGROUND).map(|(_, _, recall)| *recall),
        calibration_error: (calibration_error(&reliability(&raw)), calibration_error(&bins)),
        reliability: bins,
        by_class,
    }
}

/// For each intent: from which raw score on the shop's own tickets prove its answers.
pub(super) fn thresholds(
    prepared: &Prepared,
    held_out: &[HeldOutRow],
    plan: &Plan,
) -> BTreeMap<String, Result<bound::Chosen, String>> {
    let mut judged: BTreeMap<&str, Vec<Judged>> = BTreeMap::new();
    let mut seen = BTreeSet::new();
    for one in held_out {
        let Some(example) = prepared.examples.get(one.place) else { continue };
        // Strangers count whoever wrote them down: they are wrong wherever they are answered.
        if example.source != Source::Shop && example.intent != BACKGROUND {
            continue;
        }
        // One sentence with a thousand order numbers is one proof, not a thousand.
        if !seen.insert(words(&example.text)) {
            continue;
        }
        let Some((read, score)) = best(&at_temperature(&one.logs, 1.0)) else { continue };
        let Some(class) = prepared.classes.get(read) else { continue };
        let same = *class == example.intent
            || (plan.factual.contains(class) && plan.factual.contains(&example.intent));
        let right = same && example.flag != Flag::Trap;
        judged.entry(class).or_default().push(Judged::new(score, right));
    }
    let classes = prepared.classes.iter().filter(|class| *class != BACKGROUND);
    classes
        .map(|class| {
            let judged = judged.get(class.as_str()).map(Vec::as_slice).unwrap_or_default();
            (class.clone(), bound::choose(judged, plan.target, bound::CONFIDENCE))
        })
        .collect()
}
