//! The journal of *applied* effects: the oracle of every test.
//!
//! Append-only. In memory, and when a path is given one JSON object a line, flushed at each
//! line, so that a killed test run leaves everything that was applied on disk. What the
//! simulator answered plays no part here: an effect is in the journal when it happened.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EffectKind {
    /// A ticket came to be.
    TicketCreated,
    /// A ticket was deleted.
    TicketDeleted,
    /// The customer wrote.
    CustomerMessage,
    /// The helpdesk's own comment about a fired HTTP Target.
    TargetComment,
    /// `send-message` added an operator comment.
    Reply,
    /// A PUT added a public operator comment.
    Comment,
    /// A PUT added a private note.
    Note,
    /// An agent answered in the vendor's pages.
    AgentReply,
    /// An agent left a note in the vendor's pages.
    AgentNote,
    /// Tags that were not there before.
    TagsAdded,
    /// Tags that are gone.
    TagsRemoved,
    /// OPEN or SNOOZED to CLOSED.
    Closed,
    /// To OPEN.
    Reopened,
    /// To SNOOZED.
    Snoozed,
    /// The priority changed; `body` is the new one.
    Priority,
    /// The assignee changed; `body` is the new one, or `unassigned`.
    Assigned,
    /// An order was linked; `body` is `appClientId/orderId`.
    OrderAttached,
    /// Custom fields changed; `body` is their JSON.
    CustomFields,
    /// The team changed; `body` is the new one.
    Team,
    /// The subject changed; `body` is the new one.
    Subject,
}

/// One applied effect.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Effect {
    /// Position in the journal, from 1.
    pub seq: u64,
    /// Simulator's time, milliseconds since 1970.
    pub at_ms: i64,
    /// What happened.
    pub kind: EffectKind,
    /// To which ticket.
    pub ticket_id: String,
    /// Author's id of a comment, where there is one.
    #[serde(default)]
    pub author: Option<String>,
    /// Text of a comment, or the new value of a field.
    #[serde(default)]
    pub body: Option<String>,
    /// Tags added or removed.
    #[serde(default)]
    pub tags: Vec<String>,
    /// True when it reached the customer (or came from them).
    #[serde(default)]
    pub delivered: bool,
    /// Id of the comment this effect added.
    #[serde(default)]
    pub message_id: Option<String>,
    /// The newest customer message of the ticket when this was applied.
    #[serde(default)]
    pub last_customer_message_id: Option<String>,
    /// Sequence number of the API request that did it; none for verbs.
    #[serde(default)]
    pub applied_by_request: Option<u64>,
}

/// A ticket and one of its customer messages.
pub type MessageKey = (String, String);

/// The journal.
#[derive(Debug, Default)]
pub struct Journal {
    effects: Vec<Effect>,
    file: Option<File>,
    write_error: Option<String>,
}

impl Journal {
    /// An empty journal, appended to `path` when one is given.
    ///
    /// # Errors
    /// When the file cannot be opened for appending.
    pub fn open(path: Option<&Path>) -> io::Result<Self> {
        let file = path.map(|path| OpenOptions::new().create(true).append(true).open(path)).transpose()?;
        Ok(Self { effects: Vec::new(), file, write_error: None })
    }

    /// Appends an effect; its `seq` is set here.
    pub fn append(&mut self, mut effect: Effect) {
        effect.seq = self.effects.len() as u64 + 1;
        if let Err(error) = self.write(&effect) {
            self.write_error = Some(error.to_string());
        }
        self.effects.push(effect);
    }

    /// Everything so far, oldest first.
    #[must_use]
    pub fn effects(&self) -> &[Effect] {
        &self.effects
    }

    /// Why the file is incomplete, if it is.
    #[must_use]
    pub fn write_error(&self) -> Option<&str> {
        self.write_error.as_deref()
    }

    /// Forgets what is in memory; the file keeps its lines.
    pub fn clear(&mut self) {
        self.effects.clear();
    }

    fn write(&mut self, effect: &Effect) -> io::Result<()> {
        let Some(file) = self.file.as_mut() else { return Ok(()) };
        let mut line = serde_json::to_vec(effect)?;
        line.push(b'\n');
        file.write_all(&line)?;
        file.flush()
    }
}

/// Delivered replies through the API for each customer message that was the newest then.
#[must_use]
pub fn replies_per_message(effects: &[Effect]) -> BTreeMap<MessageKey, u32> {
    let mut counts = BTreeMap::new();
    for effect in delivered_replies(effects) {
        let message = effect.last_customer_message_id.clone().unwrap_or_default();
        *counts.entry((effect.ticket_id.clone(), message)).or_insert(0) += 1;
    }
    counts
}

/// Customer messages that got more than one delivered reply, with how many.
#[must_use]
pub fn duplicated(effects: &[Effect]) -> Vec<(MessageKey, u32)> {
    replies_per_message(effects).into_iter().filter(|(_, count)| *count > 1).collect()
}

/// Delivered replies that went out although an agent had answered the same message before.
#[must_use]
pub fn replies_after_agent(effects: &[Effect]) -> Vec<Effect> {
    let mut answered = BTreeSet::new();
    let mut late = Vec::new();
    for effect in effects {
        let key = (effect.ticket_id.clone(), effect.last_customer_message_id.clone());
        match effect.kind {
            EffectKind::AgentReply => drop(answered.insert(key)),
            EffectKind::Reply | EffectKind::Comment if effect.delivered && answered.contains(&key) => {
                late.push(effect.clone());
            }
            _ => {}
        }
    }
    late
}

/// Writes of API requests applied to a ticket while it bore `tag` (say `mw-stop`), by its name.
#[must_use]
pub fn writes_while_tagged(effects: &[Effect], tag: &str) -> Vec<Effect> {
    let mut tagged = BTreeSet::new();
    let mut wrong = Vec::new();
    for effect in effects {
        if effect.applied_by_request.is_some() && tagged.contains(&effect.ticket_id) {
            wrong.push(effect.clone());
        }
        let names_it = effect.tags.iter().any(|name| name == tag);
        match effect.kind {
            EffectKind::TagsAdded if names_it => drop(tagged.insert(effect.ticket_id.clone())),
            EffectKind::TagsRemoved if names_it => drop(tagged.remove(&effect.ticket_id)),
            _ => {}
        }
    }
    wrong
}

fn delivered_replies(effects: &[Effect]) -> impl Iterator<Item = &Effect> {
    effects
        .iter()
        .filter(|effect| effect.delivered && matches!(effect.kind, EffectKind::Reply | EffectKind::Comment))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn effect(kind: EffectKind, ticket: &str, message: &str, delivered: bool) -> Effect {
        Effect {
            seq: 0,
            at_ms: 0,
            kind,
            ticket_id: ticket.into(),
            author: None,
            body: None,
            tags: Vec::new(),
            delivered,
            message_id: None,
            last_customer_message_id: Some(message.into()),
            applied_by_request: Some(1),
        }
    }

    #[test]
    fn two_delivered_replies_to_one_message_are_a_duplicate_and_other_messages_are_not() {
        let effects = [
            effect(EffectKind::Reply, "t1", "m1", true),
            effect(EffectKind::Comment, "t1", "m1", true),
            effect(EffectKind::Reply, "t1", "m2", true),
            effect(EffectKind::Reply, "t2", "m3", true),
            effect(EffectKind::Reply, "t2", "m3", false),
            effect(EffectKind::Note, "t2", "m3", true),
        ];
        assert_eq!(duplicated(&effects), [(("t1".into(), "m1".into()), 2)]);
        assert_eq!(replies_per_message(&effects).len(), 3);
    }

    #[test]
    fn a_reply_after_an_agents_answer_is_seen_and_one_before_it_is_not() {
        let agent = effect(EffectKind::AgentReply, "t1", "m1", true);
        let reply = effect(EffectKind::Reply, "t1", "m1", true);
        assert_eq!(replies_after_agent(&[agent.clone(), reply.clone()]).len(), 1);
        assert_eq!(replies_after_agent(&[reply, agent]).len(), 0);
    }

    #[test]
    fn a_write_while_the_ticket_is_stopped_is_seen() {
        let mut stop = effect(EffectKind::TagsAdded, "t1", "m1", false);
        stop.tags = vec!["mw-stop".into()];
        stop.applied_by_request = None;
        let write = effect(EffectKind::Closed, "t1", "m1", false);
        let other = effect(EffectKind::Closed, "t2", "m1", false);
        assert_eq!(writes_while_tagged(&[stop, write.clone(), other], "mw-stop"), [write]);
    }

    #[test]
    fn every_effect_is_a_line_in_the_file_at_once() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("effects.jsonl");
        let mut journal = Journal::open(Some(&path)).unwrap();
        journal.append(effect(EffectKind::Reply, "t1", "m1", true));
        journal.append(effect(EffectKind::Closed, "t1", "m1", false));
        let text = std::fs::read_to_string(&path).unwrap();
        let read: Vec<Effect> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(read, journal.effects());
        assert_eq!(read[1].seq, 2);
    }
}
