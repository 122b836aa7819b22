//! What the helpdesk's own records tell of each ticket: who wrote, who looked when, what was sent knowing what. Pure.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::bends::{PUT, READ};
use crate::sim::{Effect, EffectKind, RequestEntry};

/// The tag of a ticket that was looked at.
const PROCESSED: &str = "mw-processed";
/// The tag that forbids every write.
pub(super) const STOP: &str = "mw-stop";

/// A read is logged when it arrives, and shows what has happened until it is carried out: at most so much later, in
/// milliseconds.
const APPLIED_WITHIN_MS: i64 = 500;

/// A customer's message, by the helpdesk's journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Written {
    pub(super) ticket: String,
    pub(super) message: String,
    /// Milliseconds since 1970.
    pub(super) at_ms: i64,
    seq: u64,
}

/// A read of a ticket.
#[derive(Debug, Clone, Copy)]
struct Look {
    /// The request's number.
    seq: u64,
    /// Milliseconds since 1970.
    at_ms: i64,
    /// It certainly showed the ticket as it was. A bent one may have shown the past, or nothing.
    whole: bool,
}

/// What happened on one ticket.
#[derive(Debug, Default)]
struct Ticket<'a> {
    looks: Vec<Look>,
    tags: BTreeSet<&'a str>,
    /// Closed, and not by a person: by this request.
    closed_by: Option<u64>,
    /// Public words of the shop: effect number, and the request that brought them.
    said: Vec<(u64, Option<u64>)>,
    /// The newest message of the customer.
    newest: Option<usize>,
}

/// What a person can see of a message's fate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sign {
    /// All that must be there.
    There,
    /// A close that was sent before the customer wrote came to be after it: nobody could know.
    Crossed,
    /// This is not as it must be.
    Missing(&'static str),
}

/// Everything, by ticket.
#[derive(Debug)]
pub(super) struct History<'a> {
    pub(super) written: Vec<Written>,
    tickets: HashMap<&'a str, Ticket<'a>>,
    /// When each close was sent, by its request.
    close_sent_ms: HashMap<u64, i64>,
    /// When each `mw-stop` was set.
    stopped_at_ms: BTreeMap<&'a str, i64>,
}

impl<'a> History<'a> {
    /// From the helpdesk's journal and its log of requests.
    pub(super) fn of(effects: &'a [Effect], requests: &'a [RequestEntry]) -> Self {
        let puts = requests.iter().filter(|request| request.endpoint == PUT);
        let mut history = Self {
            written: Vec::new(),
            tickets: HashMap::new(),
            close_sent_ms: puts.map(|request| (request.seq, request.at_ms)).collect(),
            stopped_at_ms: BTreeMap::new(),
        };
        for effect in effects {
            history.happened(effect);
        }
        let reads = requests.iter().filter(|request| request.endpoint == READ && request.applied);
        for request in reads {
            let Some(id) = request.ticket_id.as_deref() else { continue };
            let whole =
                request.status == Some(200) && matches!(request.fault.as_deref(), None | Some("slow"));
            let look = Look { seq: request.seq, at_ms: request.at_ms, whole };
            history.tickets.entry(id).or_default().looks.push(look);
        }
        history
    }

    fn happened(&mut self, effect: &'a Effect) {
        let ticket = self.tickets.entry(effect.ticket_id.as_str()).or_default();
        let tags = effect.tags.iter().map(String::as_str);
        match effect.kind {
            EffectKind::CustomerMessage => {
                ticket.newest = Some(self.written.len());
                self.written.push(Written {
                    ticket: effect.ticket_id.clone(),
                    message: effect.message_id.clone().unwrap_or_default(),
                    at_ms: effect.at_ms,
                    seq: effect.seq,
                });
            }
            EffectKind::TagsAdded => {
                if effect.tags.iter().any(|tag| tag == STOP) {
                    self.stopped_at_ms.insert(effect.ticket_id.as_str(), effect.at_ms);
                }
                ticket.tags.extend(tags);
            }
            EffectKind::TagsRemoved => ticket.tags.retain(|tag| !effect.tags.iter().any(|gone| gone == tag)),
            EffectKind::Closed => ticket.closed_by = effect.applied_by_request,
            EffectKind::Reopened | EffectKind::Snoozed => ticket.closed_by = None,
            EffectKind::Reply | EffectKind::Comment | EffectKind::AgentReply if effect.delivered => {
                ticket.said.push((effect.seq, effect.applied_by_request));
            }
            _ => {}
        }
    }

    /// Whether the daemon was certainly shown the ticket after `since_ms` and before it sent this request. Without, it
    /// could not know: between its last look and its words there is a moment that belongs to others.
    pub(super) fn knew(&self, ticket: &str, since_ms: i64, request: u64) -> bool {
        self.looks(ticket).any(|look| look.whole && look.at_ms > since_ms && look.seq < request)
    }

    /// Whether the daemon may have been shown it: what speaks for it counts in its favour.
    fn may_have_known(&self, ticket: &str, since_ms: i64, request: u64) -> bool {
        self.looks(ticket).any(|look| look.at_ms + APPLIED_WITHIN_MS >= since_ms && look.seq < request)
    }

    fn looks(&self, ticket: &str) -> impl Iterator<Item = Look> {
        let looks = self.tickets.get(ticket).map(|ticket| ticket.looks.as_slice()).unwrap_or_default();
        looks.iter().copied()
    }

    /// When `mw-stop` was set on a ticket, milliseconds since 1970.
    pub(super) fn stopped_at_ms(&self, ticket: &str) -> Option<i64> {
        self.stopped_at_ms.get(ticket).copied()
    }

    /// What a person can see at the helpdesk of this message's fate.
    pub(super) fn sign(&self, message: &Written) -> Sign {
        let Some(ticket) = self.tickets.get(message.ticket.as_str()) else {
            return Sign::Missing("has no ticket");
        };
        if ticket.tags.contains(STOP) {
            return Sign::There;
        }
        if !self.may_have_known(&message.ticket, message.at_ms, u64::MAX) {
            return Sign::Missing("was never read");
        }
        if !ticket.tags.contains(PROCESSED) {
            return Sign::Missing("left no mw-processed on its ticket");
        }
        let newest = ticket.newest.and_then(|index| self.written.get(index));
        let is_newest = newest.is_some_and(|newest| newest.seq == message.seq);
        let answered = ticket.said.iter().any(|(seq, request)| {
            *seq > message.seq
                && request.is_none_or(|by| self.may_have_known(&message.ticket, message.at_ms, by))
        });
        match ticket.closed_by {
            Some(close) if is_newest && !answered => {
                let sent_ms = self.close_sent_ms.get(&close).copied();
                if sent_ms.is_some_and(|sent_ms| sent_ms < message.at_ms) {
                    Sign::Crossed
                } else {
                    Sign::Missing("lies unanswered on a ticket that was closed over it")
                }
            }
            _ => Sign::There,
        }
    }

    /// Tickets with a message that nobody cared for so far.
    pub(super) fn neglected(&self) -> Vec<String> {
        let unseen = self.written.iter().filter(|message| self.sign(message) != Sign::There);
        let tickets: BTreeSet<&str> = unseen.map(|message| message.ticket.as_str()).collect();
        tickets.into_iter().map(str::to_owned).collect()
    }
}

/// How an event ended, in a word: its outcome, or its state.
pub(super) fn end_of(state: &str, outcome: Option<&str>) -> String {
    outcome.unwrap_or(state).to_owned()
}
