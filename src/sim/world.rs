//! The state of the simulated helpdesk and the small steps that change it.
//!
//! A step changes one thing, appends one effect to the journal and keeps a copy of the ticket as
//! it then was, so that a lagging read can show the past. Verbs (`happenings`) and the API
//! (`api_*`) are both made of these steps. All of it runs under one short lock.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

use fastrand::Rng;
use serde_json::{Map, Value, json};

use super::SimOptions;
use super::clock::SimClock;
use super::faults::FaultQueue;
use super::ids;
use super::journal::{Effect, EffectKind, Journal};
use super::limit::Window;
use super::model::{Agent, Channel, Comment, Customer, Side, Status, Tag, Team, Ticket};
use super::requests::RequestLog;
use super::settings::Settings;
use super::targets::{Chances, FiringRecord, Outgoing, Shot, Target};

/// Past versions kept of each ticket; a lag reaches no further back.
const VERSIONS_KEPT_MAX: usize = 32;

/// Everything the simulator knows.
#[derive(Debug)]
pub(super) struct World {
    pub(super) clock: SimClock,
    pub(super) rng: Rng,
    pub(super) options: SimOptions,
    pub(super) settings: Settings,
    pub(super) key_revoked: bool,
    pub(super) tickets: HashMap<String, Ticket>,
    pub(super) ticket_ids: Vec<String>,
    pub(super) by_number: BTreeMap<u64, String>,
    pub(super) next_number: u64,
    versions: HashMap<String, VecDeque<(i64, Arc<Ticket>)>>,
    pub(super) customers: Vec<Customer>,
    pub(super) customer_index: HashMap<String, usize>,
    pub(super) orders: BTreeMap<(String, String), Value>,
    pub(super) agents: Vec<Agent>,
    pub(super) teams: Vec<Team>,
    pub(super) tags: Vec<Tag>,
    pub(super) channels: Vec<Channel>,
    pub(super) journal: Journal,
    pub(super) log: RequestLog,
    pub(super) window: Window,
    pub(super) faults: FaultQueue,
    pub(super) targets: Vec<Target>,
    pub(super) chances: Chances,
    pub(super) shots: VecDeque<Shot>,
    pub(super) firings: Vec<FiringRecord>,
    pub(super) last_firing: u64,
    pub(super) outbox: Vec<Outgoing>,
}

impl World {
    pub(super) fn new(options: SimOptions, clock: SimClock, journal: Journal) -> Self {
        let mut rng = Rng::with_seed(options.seed);
        let mut named = |names: &[String]| -> Vec<(String, String)> {
            names.iter().map(|name| (ids::uuid(&mut rng), name.clone())).collect()
        };
        let teams = named(&options.teams).into_iter().map(|(id, name)| Team { id, name }).collect();
        let tags = named(&options.ui_tags).into_iter().map(|(id, name)| Tag { id, name }).collect();
        let channels = named(&options.channels)
            .into_iter()
            .map(|(id, kind)| Channel { id, kind, business_brand_name: "Demo Shop".into() })
            .collect();
        Self {
            clock,
            rng,
            settings: options.settings.clone(),
            key_revoked: false,
            tickets: HashMap::new(),
            ticket_ids: Vec::new(),
            by_number: BTreeMap::new(),
            next_number: options.first_conversation_no,
            versions: HashMap::new(),
            customers: Vec::new(),
            customer_index: HashMap::new(),
            orders: BTreeMap::new(),
            agents: options.agents.clone(),
            teams,
            tags,
            channels,
            journal,
            log: RequestLog::default(),
            window: Window::new(options.rate_limit),
            faults: FaultQueue::default(),
            targets: options.targets.clone(),
            chances: Chances::default(),
            shots: VecDeque::new(),
            firings: Vec::new(),
            last_firing: 0,
            outbox: Vec::new(),
            options,
        }
    }

    pub(super) fn now_ms(&self) -> i64 {
        self.clock.now_ms()
    }

    /// The ticket now, or as it was at a time, when that is asked for.
    pub(super) fn view(&self, id: &str, as_of_ms: Option<i64>) -> Option<Arc<Ticket>> {
        let versions = self.versions.get(id)?;
        match as_of_ms {
            None => versions.back(),
            Some(as_of_ms) => versions.iter().rev().find(|(at_ms, _)| *at_ms <= as_of_ms),
        }
        .map(|(_, ticket)| Arc::clone(ticket))
    }

    pub(super) fn is_agent(&self, id: &str) -> bool {
        self.agents.iter().any(|agent| agent.id == id)
    }

    /// Adds a ticket and its first version.
    pub(super) fn insert(&mut self, ticket: Ticket, by: Option<u64>) {
        let id = ticket.id.clone();
        self.by_number.insert(ticket.conversation_no, id.clone());
        self.ticket_ids.push(id.clone());
        self.tickets.insert(id.clone(), ticket);
        self.record(&id, EffectKind::TicketCreated, by, |_| {});
    }

    /// The next conversation number; numbers run on with occasional gaps.
    pub(super) fn take_number(&mut self) -> u64 {
        if self.rng.u8(..100) < self.settings.conversation_gap_percent {
            self.next_number += self.rng.u64(1..=3);
        }
        let number = self.next_number;
        self.next_number += 1;
        number
    }

    /// The customer of an address or number, made when new.
    pub(super) fn customer(&mut self, email: &str, phone: &str, name: &str) -> Customer {
        let key = if email.is_empty() { phone.to_owned() } else { email.to_lowercase() };
        if let Some(known) = self.customer_index.get(&key).and_then(|index| self.customers.get(*index)) {
            return known.clone();
        }
        let (first, last) = name.split_once(' ').unwrap_or((name, ""));
        let customer = Customer {
            id: format!("cust-{}", ids::uuid(&mut self.rng)),
            email: email.to_owned(),
            phone: phone.to_owned(),
            first_name: first.to_owned(),
            last_name: last.to_owned(),
        };
        if !key.is_empty() {
            self.customer_index.insert(key, self.customers.len());
            self.customers.push(customer.clone());
        }
        customer
    }

    /// Adds a comment; its time moves on when the ticket has a later one. Gives its id.
    pub(super) fn add_comment(&mut self, id: &str, draft: Draft) -> Option<String> {
        let message_id = format!("c-{}", ids::uuid(&mut self.rng));
        let now_ms = self.now_ms() - draft.age_ms;
        let ticket = self.tickets.get_mut(id)?;
        let comment = Comment {
            id: message_id.clone(),
            kind: if draft.voice { "VoiceComment" } else { "Comment" },
            author_id: draft.author_id.clone(),
            side: draft.side,
            public: draft.public,
            body: draft.body.clone(),
            plain_body: draft.plain_body.clone(),
            metadata: draft.metadata.unwrap_or_else(|| json!({})),
            at_ms: ticket.next_comment_at_ms(now_ms),
        };
        ticket.comments.push(Arc::new(comment));
        let text = draft.plain_body.unwrap_or(draft.body);
        self.record(id, draft.effect, draft.by, |effect| {
            effect.author = draft.author_id;
            effect.body = Some(text);
            effect.delivered = draft.delivered;
            effect.message_id = Some(message_id.clone());
        });
        Some(message_id)
    }

    pub(super) fn set_status(&mut self, id: &str, status: Status, by: Option<u64>) {
        let kind = match status {
            Status::Open => EffectKind::Reopened,
            Status::Closed => EffectKind::Closed,
            Status::Snoozed => EffectKind::Snoozed,
        };
        self.change(id, kind, by, |ticket| replace(&mut ticket.status, status).then_some(None));
    }

    pub(super) fn set_priority(&mut self, id: &str, priority: &str, by: Option<u64>) {
        self.change(id, EffectKind::Priority, by, |ticket| {
            replace(&mut ticket.priority, priority.to_owned()).then(|| Some(priority.to_owned()))
        });
    }

    pub(super) fn set_assignee(&mut self, id: &str, agent: Option<&str>, by: Option<u64>) {
        self.change(id, EffectKind::Assigned, by, |ticket| {
            replace(&mut ticket.assignee_id, agent.map(str::to_owned))
                .then(|| Some(agent.unwrap_or("unassigned").to_owned()))
        });
    }

    pub(super) fn set_subject(&mut self, id: &str, subject: &str, by: Option<u64>) {
        self.change(id, EffectKind::Subject, by, |ticket| {
            replace(&mut ticket.subject, subject.to_owned()).then(|| Some(subject.to_owned()))
        });
    }

    pub(super) fn set_team(&mut self, id: &str, team: &str, by: Option<u64>) {
        self.change(id, EffectKind::Team, by, |ticket| {
            replace(&mut ticket.team_id, Some(team.to_owned())).then(|| Some(team.to_owned()))
        });
    }

    pub(super) fn set_order(&mut self, id: &str, order: Option<(String, String)>, by: Option<u64>) {
        let said = order.as_ref().map(|(app, order)| format!("{app}/{order}"));
        self.change(id, EffectKind::OrderAttached, by, |ticket| {
            replace(&mut ticket.order, order).then_some(said)
        });
    }

    pub(super) fn merge_fields(&mut self, id: &str, fields: &Map<String, Value>, by: Option<u64>) {
        self.change(id, EffectKind::CustomFields, by, |ticket| {
            let before = ticket.custom_fields.clone();
            ticket.custom_fields.extend(fields.clone());
            (before != ticket.custom_fields).then(|| Some(Value::Object(fields.clone()).to_string()))
        });
    }

    /// Adds tags that the ticket does not have yet; each as it is to be shown.
    pub(super) fn add_tags(&mut self, id: &str, shown: &[String], by: Option<u64>) {
        let Some(ticket) = self.tickets.get_mut(id) else { return };
        let mut new = Vec::new();
        for tag in shown {
            if !ticket.tags.contains(tag) {
                ticket.tags.push(tag.clone());
                new.push(tag.clone());
            }
        }
        self.record_tags(id, EffectKind::TagsAdded, &new, by);
    }

    /// Takes tags away, given by name or UUID, however they are shown.
    pub(super) fn remove_tags(&mut self, id: &str, named: &[String], by: Option<u64>) {
        let known = &self.tags;
        let same = |shown: &String, name: &String| {
            shown == name || known.iter().any(|tag| (&tag.id, &tag.name) == (shown, name))
        };
        let Some(ticket) = self.tickets.get_mut(id) else { return };
        let (gone, kept): (Vec<String>, Vec<String>) =
            ticket.tags.drain(..).partition(|shown| named.iter().any(|name| same(shown, name)));
        ticket.tags = kept;
        self.record_tags(id, EffectKind::TagsRemoved, &gone, by);
    }

    /// The UUID of a tag made in the vendor's pages; the tag is made when it is new.
    pub(super) fn tag_id(&mut self, name: &str) -> String {
        if let Some(tag) = self.tags.iter().find(|tag| tag.name == name) {
            return tag.id.clone();
        }
        let id = ids::uuid(&mut self.rng);
        self.tags.push(Tag { id: id.clone(), name: name.to_owned() });
        id
    }

    /// The name of a tag shown on a ticket: UUIDs are looked up.
    pub(super) fn tag_name(&self, shown: &str) -> String {
        self.tags.iter().find(|tag| tag.id == shown).map_or(shown, |tag| tag.name.as_str()).to_owned()
    }

    pub(super) fn delete(&mut self, id: &str) {
        self.record(id, EffectKind::TicketDeleted, None, |_| {});
        if let Some(ticket) = self.tickets.remove(id) {
            self.by_number.remove(&ticket.conversation_no);
        }
        self.versions.remove(id);
        self.ticket_ids.retain(|known| known != id);
    }

    fn record_tags(&mut self, id: &str, kind: EffectKind, shown: &[String], by: Option<u64>) {
        if shown.is_empty() {
            return;
        }
        let names = shown.iter().map(|tag| self.tag_name(tag)).collect();
        self.record(id, kind, by, |effect| effect.tags = names);
    }

    /// Changes a ticket; the closure says `None` when nothing changed, else the effect's body.
    fn change(
        &mut self,
        id: &str,
        kind: EffectKind,
        by: Option<u64>,
        change: impl FnOnce(&mut Ticket) -> Option<Option<String>>,
    ) {
        let changed = self.tickets.get_mut(id).and_then(change);
        if let Some(body) = changed {
            self.record(id, kind, by, |effect| effect.body = body);
        }
    }

    fn record(&mut self, id: &str, kind: EffectKind, by: Option<u64>, fill: impl FnOnce(&mut Effect)) {
        let now_ms = self.now_ms();
        let Some(ticket) = self.tickets.get_mut(id) else { return };
        ticket.updated_at_ms = now_ms.max(ticket.updated_at_ms);
        let mut effect = Effect {
            seq: 0,
            at_ms: now_ms,
            kind,
            ticket_id: id.to_owned(),
            author: None,
            body: None,
            tags: Vec::new(),
            delivered: false,
            message_id: None,
            last_customer_message_id: ticket.last_customer_message().map(|comment| comment.id.clone()),
            applied_by_request: by,
        };
        let version = Arc::new(ticket.clone());
        let versions = self.versions.entry(id.to_owned()).or_default();
        if versions.len() == VERSIONS_KEPT_MAX {
            versions.pop_front();
        }
        versions.push_back((now_ms, version));
        fill(&mut effect);
        self.journal.append(effect);
    }
}

/// A comment about to be added.
#[derive(Debug)]
pub(super) struct Draft {
    pub(super) effect: EffectKind,
    pub(super) side: Side,
    pub(super) author_id: Option<String>,
    pub(super) public: bool,
    pub(super) body: String,
    pub(super) plain_body: Option<String>,
    pub(super) metadata: Option<Value>,
    pub(super) voice: bool,
    pub(super) age_ms: i64,
    pub(super) delivered: bool,
    pub(super) by: Option<u64>,
}

impl Draft {
    /// An operator's public text.
    pub(super) fn operator(effect: EffectKind, author_id: Option<String>, text: &str) -> Self {
        Self {
            effect,
            side: Side::Operator,
            author_id,
            public: true,
            body: text.to_owned(),
            plain_body: Some(text.to_owned()),
            metadata: None,
            voice: false,
            age_ms: 0,
            delivered: false,
            by: None,
        }
    }
}

fn replace<T: PartialEq>(slot: &mut T, value: T) -> bool {
    if *slot == value {
        return false;
    }
    *slot = value;
    true
}
