//! What tells a plain status question from a trap: [`fit_plain`] learns it, or leaves it to the embedding's own network.
//!
//! Whoever flags an example `plain` says that the state of the order answers it completely; a `trap` looks like one and
//! must not be answered. A message of any other intent is no plain question; an unflagged one of the factual intents
//! says nothing either way.

use super::examples::{Example, Flag};
use super::head::{HeadPlan, Heads};
use super::regression::Row;
use super::train::{Plan, Prepared, chosen};

/// What tells plain questions.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Plain {
    /// A logistic regression, where the embedding has no network for it, or there is no embedding.
    Heads(Heads),
    /// [`super::Embed::plain_question`].
    Network,
}

/// How probable it is that a text is a plain question, 0..=1.
pub(super) fn probability(heads: &Heads, row: &Row) -> f64 {
    heads.read(row, &[], 0.0).logs.get(1).map_or(0.0, |log| f64::from(log.exp()))
}

/// What tells plain questions; `None` when too few were taught.
pub(super) fn fit_plain(prepared: &Prepared, plans: &[HeadPlan], plan: &Plan) -> Option<Plain> {
    let side = |place: usize| is_plain(prepared.examples.get(place)?, &plan.factual);
    let everything: Vec<usize> = (0..prepared.rows.len()).collect();
    let plain = everything.iter().filter(|place| side(**place) == Some(true)).count();
    let is_trap = |place: &&usize| prepared.examples.get(**place).is_some_and(|one| one.flag == Flag::Trap);
    if plain < plan.taught_min || everything.iter().filter(is_trap).count() < plan.taught_min {
        return None;
    }
    if prepared.reads_questions {
        return Some(Plain::Network);
    }
    let rows = chosen(prepared, &everything, |place| side(place).map(usize::from));
    Some(Plain::Heads(Heads::fit(plans, &rows, 2, prepared.vocabulary.len(), plan.rounds_max)))
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
