//! What tells a plain status question from a trap: [`fit_plain`] learns it, [`Plain::probability`] says it.
//!
//! Whoever flags an example `plain` says that the state of the order answers it completely; a `trap` looks like one and
//! must not be answered. A message of any other intent is no plain question; an unflagged one of the factual intents
//! says nothing either way.

use super::examples::{Example, Flag};
use super::head::{HeadPlan, Heads};
use super::machine::{self, Machine, Sides};
use super::near::{Label, Neighbours};
use super::regression::Row;
use super::train::{Plan, Prepared, chosen, fold};
use crate::classify::cores::spread;

/// From this likeness to a plain question on an unflagged message is shown to the machine that tells them apart.
const ASKED_LIKENESS_MIN: f32 = 0.65;

/// What tells plain questions: a machine over embedding and n-grams; without an embedding a logistic regression.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Plain {
    Heads(Heads),
    Machine(Machine),
}

impl Plain {
    /// How probable it is that a text is a plain question, 0..=1.
    pub(super) fn probability(&self, row: &Row) -> f64 {
        match self {
            Self::Heads(heads) => {
                heads.read(row, &[], 0.0).logs.get(1).map_or(0.0, |log| f64::from(log.exp()))
            }
            Self::Machine(machine) => machine.probability(row),
        }
    }
}

/// What tells plain questions; `None` when too few were taught.
pub(super) fn fit_plain(prepared: &Prepared, plans: &[HeadPlan], plan: &Plan) -> Option<Plain> {
    let side = |place: usize| is_plain(prepared.examples.get(place)?, &plan.factual);
    let everything: Vec<usize> = (0..prepared.rows.len()).collect();
    let plain: Vec<usize> = everything.iter().copied().filter(|place| side(*place) == Some(true)).collect();
    let is_trap = |place: &&usize| prepared.examples.get(**place).is_some_and(|one| one.flag == Flag::Trap);
    if plain.len() < plan.taught_min || everything.iter().filter(is_trap).count() < plan.taught_min {
        return None;
    }
    if prepared.lens.size() == 0 {
        let rows = chosen(prepared, &everything, |place| side(place).map(usize::from));
        return Some(Plain::Heads(Heads::fit(plans, &rows, 2, prepared.vocabulary.len(), plan.rounds_max)));
    }
    Some(Plain::Machine(Machine::fit(&sides(prepared, &plain, &side))))
}

/// What a machine learns from: what was flagged, and of all the rest what is like a plain question.
fn sides<'a>(prepared: &'a Prepared, plain: &[usize], side: &dyn Fn(usize) -> Option<bool>) -> Sides<'a> {
    let first = prepared.lens.size();
    let label = Label { class: 0, plain: None };
    let dense = |place: usize| prepared.rows.get(place).map_or(&[][..], |row| row.dense.as_slice());
    let likest = Neighbours::learn(first, plain.iter().map(|place| (dense(*place), label)));
    let others: Vec<usize> = (0..prepared.rows.len()).filter(|place| side(*place) == Some(false)).collect();
    let likeness = spread(&others, usize::MAX, |place| {
        let flagged = prepared.examples.get(*place).is_some_and(|one| one.flag == Flag::Trap);
        let likest = likest.likeness(dense(*place)).fold(0.0_f32, f32::max);
        if flagged { 1.0 + likest } else { likest }
    });
    let mut others: Vec<(f32, usize)> = likeness.into_iter().zip(others).collect();
    others.retain(|(likeness, _)| *likeness >= ASKED_LIKENESS_MIN);
    others.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    let plain: Vec<usize> = plain.iter().take(machine::EXAMPLES_MAX / 2).copied().collect();
    others.truncate(machine::EXAMPLES_MAX.saturating_sub(plain.len()));
    let plain = plain.into_iter().map(|place| (place, true));
    let part = |place: usize| prepared.examples.get(place).map_or(0, |one| fold(&one.text, machine::FOLDS));
    let rows = plain.chain(others.into_iter().map(|(_, place)| (place, false)));
    let read = rows.filter(|(place, _)| dense(*place).len() >= first);
    let row = |(place, plain): (usize, bool)| Some((prepared.rows.get(place)?, plain, part(place)));
    Sides { first, features: prepared.vocabulary.len(), rows: read.filter_map(row).collect() }
}

/// Whether facts answer an example; `None` when nobody said.
pub(super) fn is_plain(example: &Example, factual: &[String]) -> Option<bool> {
    match example.flag {
        Flag::Plain => Some(true),
        Flag::Trap => Some(false),
        Flag::None if factual.contains(&example.intent) => None,
        Flag::None => Some(false),
    }
}
