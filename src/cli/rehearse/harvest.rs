//! After the run: what the helpdesk recorded, what the client heard and what the daemon's file says, put together.

use std::collections::BTreeMap;

use anyhow::Result;
use serde::Serialize;

use super::drive::Lives;
use super::faults::Faults;
use super::history::end_of;
use super::load::{Load, Placed};
use super::met::{self, Counted};
use super::verdict::{Event, Facts};
use crate::clock::millis;
use crate::sim::{Effect, EffectKind, RequestEntry};
use crate::store::sqlite::reader::{EventRow, Filter, Reader};

/// Sums, for people and for `--json`.
#[derive(Debug, Clone, Default, Serialize)]
pub(super) struct Totals {
    /// Customers' messages at the helpdesk.
    pub(super) messages: usize,
    /// Calls that were sent.
    pub(super) calls: u64,
    /// Calls that got no answer: the daemon was dead, or died.
    pub(super) unanswered: u64,
    /// Calls that were answered with something else than 200, by status.
    pub(super) refused: BTreeMap<u16, u64>,
    /// 200s.
    pub(super) acknowledged: usize,
    /// Of these, joined to an event that was waiting.
    pub(super) joined: usize,
    /// 200s by how their event ended.
    pub(super) ended: BTreeMap<String, usize>,
    /// Events.
    pub(super) events: usize,
    /// Of these, begun by a sweep or an export.
    pub(super) swept: usize,
    /// Events by how they ended.
    pub(super) outcomes: BTreeMap<String, usize>,
    /// Replies that reached a customer.
    pub(super) replies: usize,
    /// API calls.
    pub(super) api_calls: usize,
    /// API calls that a fault bent, by what it did.
    pub(super) bent: BTreeMap<String, usize>,
}

/// Puts the facts together.
pub(super) fn facts(
    load: &Load,
    rows: &[EventRow],
    effects: Vec<Effect>,
    requests: Vec<RequestEntry>,
    lives: Lives,
    ready_ms_max: u64,
) -> Facts {
    let seen = load.seen();
    let named = |holds: fn(&Placed) -> bool| {
        seen.placed.values().filter(|placed| holds(placed)).map(|placed| placed.message.clone()).collect()
    };
    let event = |row: &EventRow| Event {
        event: row.event.0,
        ticket: row.ticket.clone(),
        state: row.state.clone(),
        end: end_of(&row.state, row.outcome.as_deref()),
        finished_at_ms: row.finished_at.map(millis),
    };
    Facts {
        forbidden: named(|placed| placed.forbidden),
        may_be_ignored: named(|placed| placed.may_be_ignored),
        acknowledged: seen.acknowledged.clone(),
        odd: seen.odd.clone(),
        events: rows.iter().map(event).collect(),
        effects,
        requests,
        lives,
        ready_ms_max,
    }
}

/// Adds up.
pub(super) fn totals(load: &Load, facts: &Facts, rows: &[EventRow]) -> Totals {
    use std::sync::atomic::Ordering::Relaxed;
    let ends: BTreeMap<i64, &str> =
        facts.events.iter().map(|event| (event.event, event.end.as_str())).collect();
    let mut totals = Totals {
        messages: count(&facts.effects, |effect| effect.kind == EffectKind::CustomerMessage),
        calls: load.sent.load(Relaxed),
        unanswered: load.unanswered.load(Relaxed),
        refused: load.seen().refused.clone(),
        acknowledged: facts.acknowledged.len(),
        joined: count(&facts.acknowledged, |one| one.joined),
        events: rows.len(),
        swept: count(rows, |row| row.source != "call"),
        replies: count(&facts.effects, |effect| {
            effect.delivered && matches!(effect.kind, EffectKind::Reply | EffectKind::Comment)
        }),
        api_calls: facts.requests.len(),
        ..Totals::default()
    };
    for one in &facts.acknowledged {
        let end = ends.get(&one.event).copied().unwrap_or("gone from the file");
        *totals.ended.entry(end.to_owned()).or_default() += 1;
    }
    for event in &facts.events {
        *totals.outcomes.entry(event.end.clone()).or_default() += 1;
    }
    for fault in facts.requests.iter().filter_map(|request| request.fault.as_ref()) {
        *totals.bent.entry(fault.clone()).or_default() += 1;
    }
    totals
}

/// Which of the faults happened. `unauthorized`: API calls refused for their key.
pub(super) fn met(load: &Load, facts: &Facts, asked: &Faults, unauthorized: u64) -> Counted {
    let seen = load.seen();
    met::met(
        asked,
        &met::Seen {
            lives: &facts.lives,
            calls: &seen.met,
            effects: &facts.effects,
            requests: &facts.requests,
            unauthorized,
        },
    )
}

/// Every event in the file.
///
/// # Errors
/// When it cannot be read.
pub(super) fn events(reader: &Reader) -> Result<Vec<EventRow>> {
    Ok(reader.events(&Filter { limit: u32::MAX, ..Filter::default() })?)
}

fn count<T>(of: &[T], holds: impl Fn(&T) -> bool) -> usize {
    of.iter().filter(|one| holds(one)).count()
}
