//! After the morning: what the helpdesk saw and what the daemon's file says, put together message by message.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;
use serde::Serialize;
use serde_json::Value;

use super::play::Played;
use super::verdict::{self, Facts};
use crate::cli::story::{Answer, Shot};
use crate::clock::millis;
use crate::event::{Outcome, State};
use crate::sim::{FiringRecord, SimHandle};
use crate::store::sqlite::reader::{EventRow, EventStory, Filter, Reader};

/// Events read at once; the morning has some hundred.
const EVENTS_MAX: u32 = 10_000;

/// What became of one message.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Row {
    /// Its place in the morning.
    pub(super) no: usize,
    /// The channel as the helpdesk names it; `(none)` where it names none.
    pub(super) channel: String,
    /// What was written.
    pub(super) text: String,
    /// The ticket.
    pub(super) ticket: String,
    /// The event that handled it, when there is one.
    pub(super) event: Option<i64>,
    /// How the helpdesk's call came: `once`, `twice`, `broken`, `lost, swept`, …
    pub(super) came: String,
    /// The intent found.
    pub(super) intent: Option<String>,
    /// The intent that the story has.
    pub(super) expected_intent: &'static str,
    /// 0..=1.
    pub(super) confidence: Option<f64>,
    /// How it ended.
    pub(super) outcome: String,
    /// Whether it ended as the story has it.
    pub(super) as_expected: bool,
    /// Why, in the daemon's words.
    pub(super) reason: String,
    /// The team it was given to.
    pub(super) team: Option<String>,
    /// `yes`, `no`, `either`: whether it may be answered.
    pub(super) may_answer: &'static str,
    /// Replies that reached the customer.
    pub(super) replies: u32,
    /// API calls spent.
    pub(super) calls: u32,
}

/// A reply that went out, with where its facts come from.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Said {
    /// The message it answers.
    pub(super) no: usize,
    /// Where.
    pub(super) channel: String,
    /// What was asked.
    pub(super) asked: String,
    /// What was said.
    pub(super) text: String,
    /// Name, value and source of each fact.
    pub(super) facts: Vec<crate::reply::Fact>,
}

/// How many events ended in one way, and what they cost.
#[derive(Debug, Clone, Default, Serialize)]
pub(super) struct Cost {
    /// Events.
    pub(super) events: u32,
    /// API calls spent on them.
    pub(super) calls: u32,
    /// Calls an event.
    pub(super) mean: f64,
}

/// Sums.
#[derive(Debug, Clone, Default, Serialize)]
pub(super) struct Totals {
    /// Messages written.
    pub(super) messages: usize,
    /// Calls that the helpdesk made.
    pub(super) calls_in: usize,
    /// Of these, answered with 200.
    pub(super) acknowledged: usize,
    /// Of these, joined to an event that was waiting.
    pub(super) joined: usize,
    /// Of these, with a body that could not be parsed.
    pub(super) broken: usize,
    /// Calls that never left the helpdesk.
    pub(super) calls_lost: usize,
    /// Of these, found by the sweep.
    pub(super) found_by_sweep: usize,
    /// Messages that ended as the story has it.
    pub(super) as_expected: usize,
    /// Messages whose intent was found.
    pub(super) intents_found: usize,
    /// Messages that could have been answered and were not.
    pub(super) chances_missed: usize,
    /// Events by how they ended.
    pub(super) outcomes: BTreeMap<String, Cost>,
    /// Answered e-mails alone.
    pub(super) answered_mail: Cost,
    /// API calls in all.
    pub(super) api_calls: u64,
    /// The most in any window.
    pub(super) most_in_window: u32,
    /// Allowed in a window.
    pub(super) limit: u32,
    /// 429 answers of the storm.
    pub(super) storm_429: u32,
    /// 429 answers that the daemon brought on itself.
    pub(super) self_made_429: u64,
}

/// Everything.
#[derive(Debug)]
pub(super) struct Harvest {
    pub(super) rows: Vec<Row>,
    pub(super) replies: Vec<Said>,
    pub(super) totals: Totals,
    pub(super) facts: Facts,
}

/// What the helpdesk knows, read once.
struct Seen<'a> {
    sim: &'a SimHandle,
    firings: Vec<FiringRecord>,
    replies: BTreeMap<(String, String), u32>,
    /// Tickets that bear no tag of ours.
    untouched: BTreeSet<String>,
}

/// Puts everything together.
///
/// # Errors
/// When the daemon's file cannot be read.
pub(super) fn harvest(played: &[Played], sim: &SimHandle, reader: &Reader, limit: u32) -> Result<Harvest> {
    let events = events(reader)?;
    let seen = Seen {
        sim,
        firings: sim.firings(),
        replies: sim.replies_per_message(),
        untouched: sim.untouched().into_iter().collect(),
    };
    let mut rows = Vec::with_capacity(played.len());
    let mut replies = Vec::new();
    let mut facts = facts_of(&seen, &events, limit);
    for one in played {
        let event = event_of(one, &seen, &events);
        let story = event.map(|event| reader.story(event.event)).transpose()?;
        let row = row(one, &seen, story.as_ref());
        facts.messages.push(verdict::Message {
            no: one.no,
            ticket: one.ticket.clone(),
            at_ms: one.at_ms,
            acknowledged: count(&seen.firings, one, FiringRecord::acknowledged),
            replies: row.replies,
            forbidden: one.said.answer == Answer::No,
            visible: !seen.untouched.contains(&one.ticket) || one.said.ends.contains(&Outcome::Ignored),
        });
        replies.extend(story.filter(|_| row.replies > 0).and_then(|story| said(&row, &story)));
        rows.push(row);
    }
    let totals = totals(played, &rows, &seen, &events, limit);
    Ok(Harvest { rows, replies, totals, facts })
}

/// Every event, oldest first.
///
/// # Errors
/// When the daemon's file cannot be read.
pub(super) fn events(reader: &Reader) -> Result<Vec<EventRow>> {
    let mut events = reader.events(&Filter { limit: EVENTS_MAX, ..Filter::default() })?;
    events.reverse();
    Ok(events)
}

/// Whether the event has come to its end.
pub(super) fn ended(event: &EventRow) -> bool {
    State::parse(&event.state).is_some_and(State::is_final)
}

fn facts_of(seen: &Seen<'_>, events: &[EventRow], limit: u32) -> Facts {
    let counts = seen.sim.counts();
    let tickets =
        |effects: Vec<crate::sim::Effect>| effects.into_iter().map(|effect| effect.ticket_id).collect();
    let events = events.iter().map(|event| verdict::Event {
        event: event.event.0,
        ticket: event.ticket.clone(),
        state: event.state.clone(),
        finished_at_ms: event.finished_at.map(millis),
    });
    Facts {
        messages: Vec::new(),
        events: events.collect(),
        after_agent: tickets(seen.sim.replies_after_agent()),
        while_stopped: tickets(seen.sim.writes_while_tagged("mw-stop")),
        self_made_429: counts.self_made_429,
        most_in_window: counts.most_in_any_window,
        limit,
    }
}

fn of<'a>(firings: &'a [FiringRecord], one: &'a Played) -> impl Iterator<Item = &'a FiringRecord> {
    firings.iter().filter(|firing| firing.ticket_id == one.ticket && firing.message_id == one.message)
}

fn count(firings: &[FiringRecord], one: &Played, holds: impl Fn(&FiringRecord) -> bool) -> u32 {
    u32::try_from(of(firings, one).filter(|firing| holds(firing)).count()).unwrap_or(u32::MAX)
}

/// What the daemon answered to a call.
fn answer(firing: &FiringRecord) -> Option<Value> {
    serde_json::from_str(firing.answer.as_deref()?).ok()
}

fn joined(firing: &FiringRecord) -> bool {
    answer(firing).is_some_and(|answer| answer.get("status").and_then(Value::as_str) == Some("duplicate"))
}

/// The event that handled a message: of those its calls were told, the one that did something; without any, the last
/// of its ticket.
fn event_of<'a>(one: &Played, seen: &Seen<'_>, events: &'a [EventRow]) -> Option<&'a EventRow> {
    let told: Vec<i64> = of(&seen.firings, one)
        .filter_map(answer)
        .filter_map(|answer| answer.get("event_id").and_then(Value::as_i64))
        .collect();
    let duplicate = State::Duplicate.as_str();
    let mut candidates: Vec<&EventRow> =
        events.iter().filter(|event| told.contains(&event.event.0)).collect();
    if candidates.is_empty() {
        candidates = events.iter().filter(|event| event.ticket == one.ticket).collect();
    }
    let acting = candidates.iter().rev().find(|event| event.state != duplicate);
    acting.or(candidates.last()).copied()
}

fn row(one: &Played, seen: &Seen<'_>, story: Option<&EventStory>) -> Row {
    let event = story.map(|story| &story.event);
    let outcome = event.map_or_else(
        || "no event".to_owned(),
        |event| event.outcome.clone().unwrap_or_else(|| event.state.clone()),
    );
    let expected = Outcome::parse(&outcome).is_some_and(|outcome| one.said.ends.contains(&outcome));
    let key = (one.ticket.clone(), one.message.clone());
    let decision = story.and_then(|story| story.decision.as_ref());
    let team = decision.and_then(|decision| decision.get("team")).and_then(Value::as_str).map(str::to_owned);
    Row {
        no: one.no,
        channel: if one.said.channel.is_empty() { "(none)" } else { one.said.channel }.to_owned(),
        text: one.text.clone(),
        ticket: one.ticket.clone(),
        event: event.map(|event| event.event.0),
        came: came(one, seen, story),
        intent: event.and_then(|event| event.intent.clone()),
        expected_intent: one.said.intent,
        confidence: event.and_then(|event| event.confidence),
        as_expected: expected || outcome == State::Duplicate.as_str(),
        outcome,
        reason: event.map(|event| event.reason.clone()).unwrap_or_default(),
        team,
        may_answer: match one.said.answer {
            Answer::Yes => "yes",
            Answer::No => "no",
            Answer::Either => "either",
        },
        replies: seen.replies.get(&key).copied().unwrap_or(0),
        calls: event.map_or(0, |event| event.calls_out),
    }
}

fn came(one: &Played, seen: &Seen<'_>, story: Option<&EventStory>) -> String {
    let mut words = vec![match one.said.shot {
        Shot::Lost if story.is_some_and(|story| story.event.source == "sweep") => "lost, swept",
        Shot::Lost => "lost",
        Shot::Twice => "twice",
        Shot::Once => "once",
    }];
    let broken =
        story.is_some_and(|story| story.audit.iter().any(|line| line.what.contains("body was broken")));
    if broken && count(&seen.firings, one, FiringRecord::acknowledged) > 0 {
        words.push("broken");
    }
    words.join(", ").replace("once, broken", "broken")
}

fn said(row: &Row, story: &EventStory) -> Option<Said> {
    let draft = story.decision.as_ref()?.get("draft")?;
    let draft: crate::reply::Draft = serde_json::from_value(draft.clone()).ok()?;
    Some(Said {
        no: row.no,
        channel: row.channel.clone(),
        asked: row.text.clone(),
        text: draft.text,
        facts: draft.facts,
    })
}

fn totals(played: &[Played], rows: &[Row], seen: &Seen<'_>, events: &[EventRow], limit: u32) -> Totals {
    let counts = seen.sim.counts();
    let lost = |row: &&Row| row.came.starts_with("lost");
    let mail: Vec<i64> = rows
        .iter()
        .filter(|row| row.channel.starts_with("email") && row.outcome == Outcome::Answered.as_str())
        .filter_map(|row| row.event)
        .collect();
    let mut outcomes: BTreeMap<String, Cost> = BTreeMap::new();
    let mut answered_mail = Cost::default();
    for event in events {
        let word = event.outcome.clone().unwrap_or_else(|| event.state.clone());
        outcomes.entry(word).or_default().add(event.calls_out);
        if mail.contains(&event.event.0) {
            answered_mail.add(event.calls_out);
        }
    }
    let storm = seen.sim.faults().into_iter().filter(|report| report.fault.action.name() == "too_many");
    Totals {
        messages: played.len(),
        calls_in: seen.firings.iter().filter(|firing| firing.shot != crate::sim::Shot::Lost).count(),
        acknowledged: seen.firings.iter().filter(|firing| firing.acknowledged()).count(),
        joined: seen.firings.iter().filter(|firing| joined(firing)).count(),
        broken: rows.iter().filter(|row| row.came.contains("broken")).count(),
        calls_lost: rows.iter().filter(lost).count(),
        found_by_sweep: rows.iter().filter(|row| row.came == "lost, swept").count(),
        as_expected: rows.iter().filter(|row| row.as_expected).count(),
        intents_found: rows.iter().filter(|row| row.intent.as_deref() == Some(row.expected_intent)).count(),
        chances_missed: rows.iter().filter(|row| row.may_answer == "yes" && row.replies == 0).count(),
        outcomes,
        answered_mail,
        api_calls: counts.total,
        most_in_window: counts.most_in_any_window,
        limit,
        storm_429: storm.map(|report| report.fired).sum(),
        self_made_429: counts.self_made_429,
    }
}

impl Cost {
    fn add(&mut self, calls: u32) {
        self.events += 1;
        self.calls += calls;
        self.mean = f64::from(self.calls) / f64::from(self.events);
    }
}
