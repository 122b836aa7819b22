//! Why the model reads an intent in a message: the examples most like it, and the n-grams for and against.

use super::super::model::examples::BACKGROUND;
use super::super::model::{Model, Reading};
use super::super::{Explanation, Spoken};
use crate::event::Intent;

/// Examples shown.
const NEAREST: usize = 3;
/// N-grams shown on each side.
const SPOKEN: usize = 6;

/// About the piece that speaks most clearly for the intent.
pub(super) fn explanation(model: &Model, readings: &[Reading], intent: &Intent) -> Option<Explanation> {
    let log = |reading: &Reading, class: usize| reading.logs.get(class).copied().unwrap_or(f32::NEG_INFINITY);
    // What is none of the shop's business is `other` to everybody else.
    let names = [intent.as_str(), BACKGROUND];
    let names = if intent.as_str() == "other" { names.as_slice() } else { names.get(..1)? };
    let classes: Vec<usize> = names.iter().filter_map(|name| model.class(name)).collect();
    let clearest = readings
        .iter()
        .flat_map(|reading| classes.iter().map(move |class| (reading, *class)))
        .max_by(|a, b| log(a.0, a.1).total_cmp(&log(b.0, b.1)));
    let Some((reading, class)) = clearest else {
        // The model does not know the intent: only what is alike can be shown.
        let nearest = readings.first().map(|reading| model.nearest(reading, NEAREST)).unwrap_or_default();
        return Some(Explanation { nearest, spoken_for: vec![], spoken_against: vec![] });
    };
    let spoken = model.spoken(reading, class, usize::MAX);
    let side = |speaks: fn(f64) -> bool| {
        let own = spoken.iter().filter(|(_, weight)| speaks(*weight)).take(SPOKEN);
        own.map(|(words, weight)| Spoken { words: words.clone(), weight: *weight }).collect()
    };
    Some(Explanation {
        nearest: model.nearest(reading, NEAREST),
        spoken_for: side(|weight| weight > 0.0),
        spoken_against: side(|weight| weight < 0.0),
    })
}

#[cfg(test)]
#[path = "explain_tests.rs"]
mod tests;
