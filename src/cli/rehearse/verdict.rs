//! The verdict: was anything lost, said twice, left open, said where nothing may be said? Pure.
//!
//! It goes by the helpdesk's journal of applied effects and by the 200s that the client got; only the ends of events
//! come from the daemon's file. One line a finding, with the ticket it is about.

use std::collections::{BTreeMap, HashMap, HashSet};

use serde::Serialize;

use super::drive::Lives;
use super::history::{History, STOP, Sign, Written};
use super::load::Acknowledged;
use crate::sim::{Effect, EffectKind, RequestEntry, journal};

/// An event in the daemon's file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Event {
    /// Its number.
    pub(super) event: i64,
    /// Its ticket.
    pub(super) ticket: String,
    /// Its state.
    pub(super) state: String,
    /// How it ended, in a word.
    pub(super) end: String,
    /// When it ended, milliseconds since 1970.
    pub(super) finished_at_ms: Option<i64>,
}

/// Everything that the verdict goes by.
#[derive(Debug, Clone, Default)]
pub(super) struct Facts {
    /// Messages that must not be answered.
    pub(super) forbidden: HashSet<String>,
    /// Messages that the daemon may let go without a sign.
    pub(super) may_be_ignored: HashSet<String>,
    /// Every 200.
    pub(super) acknowledged: Vec<Acknowledged>,
    /// Answers of the daemon that must never be.
    pub(super) odd: Vec<String>,
    /// Every event.
    pub(super) events: Vec<Event>,
    /// The helpdesk's journal.
    pub(super) effects: Vec<Effect>,
    /// The helpdesk's log.
    pub(super) requests: Vec<RequestEntry>,
    /// What was seen of the daemon's process.
    pub(super) lives: Lives,
    /// A daemon must take calls so soon after a kill, milliseconds.
    pub(super) ready_ms_max: u64,
}

/// What was found; every list is empty on a good day.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(super) struct Verdict {
    /// A 200 without an end.
    pub(super) lost: Vec<String>,
    /// Nobody called, or nobody heard it, and no sweep found it.
    pub(super) missed: Vec<String>,
    /// Ended, and the helpdesk shows no sign of it.
    pub(super) unseen: Vec<String>,
    /// More than one reply to a message.
    pub(super) duplicated: Vec<String>,
    /// Events that are open after the last timer, or given up.
    pub(super) stuck: Vec<String>,
    /// Replies and writes where there must be none.
    pub(super) wrong: Vec<String>,
    /// Calls beyond what the helpdesk allows.
    pub(super) over_limit: Vec<String>,
    /// Starts that took too long.
    pub(super) slow_starts: Vec<String>,
    /// Ends, exit codes and answers that are not as they must be.
    pub(super) misbehaved: Vec<String>,
    /// Replies and closes that crossed an agent's answer or a customer's next message on the way: nobody could know.
    pub(super) crossed: u32,
}

impl Verdict {
    /// Each list with its name.
    pub(super) fn lists(&self) -> [(&'static str, &[String]); 9] {
        [
            ("lost", &self.lost),
            ("duplicated", &self.duplicated),
            ("stuck", &self.stuck),
            ("missed", &self.missed),
            ("unseen", &self.unseen),
            ("wrongly written", &self.wrong),
            ("over the limit", &self.over_limit),
            ("slow to start", &self.slow_starts),
            ("misbehaved", &self.misbehaved),
        ]
    }

    /// Whether nothing was found.
    pub(super) fn good(&self) -> bool {
        self.lists().iter().all(|(_, found)| found.is_empty())
    }
}

/// Judges a run.
pub(super) fn judge(facts: &Facts) -> Verdict {
    let history = History::of(&facts.effects, &facts.requests);
    let mut verdict = Verdict {
        lost: unknown_events(facts),
        duplicated: duplicated(facts),
        stuck: stuck(facts),
        over_limit: over_limit(facts),
        slow_starts: slow_starts(facts),
        misbehaved: facts.lives.misbehaved.iter().chain(&facts.odd).cloned().collect(),
        ..Verdict::default()
    };
    messages(facts, &history, &mut verdict);
    words(facts, &history, &mut verdict);
    verdict
}

/// 200s that name an event which is not in the file, or is another ticket's.
fn unknown_events(facts: &Facts) -> Vec<String> {
    let known: HashMap<i64, &str> =
        facts.events.iter().map(|event| (event.event, event.ticket.as_str())).collect();
    let unknown = facts.acknowledged.iter().filter(|one| known.get(&one.event) != Some(&one.ticket.as_str()));
    unknown
        .map(|one| format!("{}: a 200 named event {}, and there is no such event", one.ticket, one.event))
        .collect()
}

fn stuck(facts: &Facts) -> Vec<String> {
    let open = facts.events.iter().filter(|event| event.finished_at_ms.is_none() || event.state == "dead");
    open.map(|event| format!("{}: event {} is {}", event.ticket, event.event, event.state)).collect()
}

fn duplicated(facts: &Facts) -> Vec<String> {
    journal::duplicated(&facts.effects)
        .into_iter()
        .map(|((ticket, message), count)| format!("{ticket}: message {message} was answered {count} times"))
        .collect()
}

fn over_limit(facts: &Facts) -> Vec<String> {
    let disturbed =
        |at_ms: i64| facts.lives.disturbed.iter().any(|(from, to)| (*from..=*to).contains(&at_ms));
    let refused =
        facts.requests.iter().filter(|request| request.status == Some(429) && request.fault.is_none());
    refused
        .filter(|request| !disturbed(request.at_ms))
        .map(|request| format!("request {} ({}) was one too many", request.seq, request.endpoint))
        .collect()
}

fn slow_starts(facts: &Facts) -> Vec<String> {
    let slow = facts.lives.ready_ms.iter().filter(|ms| **ms > facts.ready_ms_max);
    slow.map(|ms| format!("ready after {ms} ms, {} are allowed", facts.ready_ms_max)).collect()
}

/// Every message of a customer: did it come to an end, and can a person see it?
fn messages(facts: &Facts, history: &History<'_>, verdict: &mut Verdict) {
    let mut ends: HashMap<&str, (Option<i64>, bool)> = HashMap::new();
    for event in &facts.events {
        let (last, open) = ends.entry(event.ticket.as_str()).or_default();
        *last = (*last).max(event.finished_at_ms);
        *open |= event.finished_at_ms.is_none();
    }
    let heard: HashSet<&str> = facts.acknowledged.iter().map(|one| one.message.as_str()).collect();
    for message in &history.written {
        let (last, open) = ends.get(message.ticket.as_str()).copied().unwrap_or_default();
        let words = |what: &str| format!("{}: message {} {what}", message.ticket, message.message);
        if !open && last.is_none_or(|last| last < message.at_ms) {
            // What an agent's note on a stopped ticket, or a machine, left unheard, nobody waits for.
            if heard.contains(message.message.as_str()) {
                verdict.lost.push(words("got a 200, and no event of its ticket ended after it"));
            } else if needs_sign(facts, history, message) {
                verdict.missed.push(words("was never heard of: its calls were lost and no sweep found it"));
            }
        } else if !open && needs_sign(facts, history, message) {
            match history.sign(message) {
                Sign::There => {}
                Sign::Crossed => verdict.crossed += 1,
                Sign::Missing(what) => verdict.unseen.push(words(what)),
            }
        }
    }
}

fn needs_sign(facts: &Facts, history: &History<'_>, message: &Written) -> bool {
    !facts.may_be_ignored.contains(&message.message) && history.stopped_at_ms(&message.ticket).is_none()
}

/// Everything the daemon said or wrote: was it allowed, as far as it could know?
fn words(facts: &Facts, history: &History<'_>, verdict: &mut Verdict) {
    let written: HashMap<&str, i64> =
        history.written.iter().map(|message| (message.message.as_str(), message.at_ms)).collect();
    let mut judge = |effect: &Effect, since_ms: i64, what: &str| {
        let request = effect.applied_by_request.unwrap_or(u64::MAX);
        if history.knew(&effect.ticket_id, since_ms, request) {
            verdict.wrong.push(format!("{}: {what}", effect.ticket_id));
        } else {
            verdict.crossed += 1;
        }
    };
    for reply in facts.effects.iter().filter(|effect| is_reply(effect)) {
        let message = reply.last_customer_message_id.as_deref().unwrap_or_default();
        if facts.forbidden.contains(message) {
            let since_ms = written.get(message).copied().unwrap_or(0);
            judge(reply, since_ms, &format!("message {message} must not be answered and was"));
        }
    }
    let mut agents: BTreeMap<(&str, Option<&str>), i64> = BTreeMap::new();
    for effect in facts.effects.iter().filter(|effect| effect.kind == EffectKind::AgentReply) {
        let key = (effect.ticket_id.as_str(), effect.last_customer_message_id.as_deref());
        agents.entry(key).or_insert(effect.at_ms);
    }
    for reply in journal::replies_after_agent(&facts.effects) {
        let key = (reply.ticket_id.as_str(), reply.last_customer_message_id.as_deref());
        judge(&reply, agents.get(&key).copied().unwrap_or(0), "answered after a person had answered");
    }
    for write in journal::writes_while_tagged(&facts.effects, STOP) {
        let since_ms = history.stopped_at_ms(&write.ticket_id).unwrap_or(0);
        judge(&write, since_ms, "written to in spite of mw-stop");
    }
}

fn is_reply(effect: &Effect) -> bool {
    effect.delivered && matches!(effect.kind, EffectKind::Reply | EffectKind::Comment)
}

#[cfg(test)]
#[path = "verdict_tests.rs"]
mod tests;
