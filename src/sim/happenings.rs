//! The verbs at work: customers write, agents act, the driver turns its knobs.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::ids;
use super::journal::EffectKind;
use super::model::{Side, Status, Ticket};
use super::render;
use super::requests::RequestLog;
use super::targets::{FiringRecord, Outgoing, Shot, Target};
use super::verbs::{NewMessage, Verb, VerbError, Written};
use super::world::{Draft, World};

impl World {
    /// Does what a verb says. `ticket` stands in where the verb names none.
    pub(super) fn run(&mut self, verb: Verb, ticket: Option<&str>) -> Result<Written, VerbError> {
        match verb {
            Verb::CustomerWrites(message) => self.customer_writes(&message),
            Verb::CustomerWritesAgain { ticket: named, text } => {
                let id = self.existing(named.as_deref().or(ticket))?;
                self.customer_writes(&NewMessage { ticket: Some(id), text, ..NewMessage::default() })
            }
            Verb::AgentReplies { ticket: named, text, agent } => {
                self.agent_comments(named.as_deref().or(ticket), &text, agent, EffectKind::AgentReply)
            }
            Verb::AgentNotes { ticket: named, text, agent } => {
                self.agent_comments(named.as_deref().or(ticket), &text, agent, EffectKind::AgentNote)
            }
            Verb::AgentTags { ticket: named, tags } => {
                self.on(named.as_deref().or(ticket), |world, id| world.agent_tags(id, &tags))
            }
            Verb::AgentUntags { ticket: named, tags } => {
                self.on(named.as_deref().or(ticket), |world, id| world.remove_tags(id, &tags, None))
            }
            Verb::AgentAssigns { ticket: named, agent } => {
                if let Some(agent) = agent.as_deref().filter(|agent| !self.is_agent(agent)) {
                    return Err(VerbError::UnknownAgent(agent.to_owned()));
                }
                self.on(named.as_deref().or(ticket), |world, id| {
                    world.set_assignee(id, agent.as_deref(), None);
                })
            }
            Verb::AgentCloses { ticket: named } => self.puts(named.as_deref().or(ticket), Status::Closed),
            Verb::Reopen { ticket: named } => self.puts(named.as_deref().or(ticket), Status::Open),
            Verb::Snooze { ticket: named } => self.puts(named.as_deref().or(ticket), Status::Snoozed),
            Verb::DeleteTicket { ticket: named } => {
                self.on(named.as_deref().or(ticket), |world, id| world.delete(id))
            }
            Verb::LinkOrder { ticket: named, order_id } => {
                let key = self.order_key(&order_id)?;
                self.on(named.as_deref().or(ticket), |world, id| world.set_order(id, Some(key), None))
            }
            Verb::UnlinkOrder { ticket: named } => {
                self.on(named.as_deref().or(ticket), |world, id| world.set_order(id, None, None))
            }
            Verb::AddOrder { order } => self.add_order(order).map(|_| Written::default()),
            knob => {
                self.turn(knob);
                Ok(Written::default())
            }
        }
    }

    fn turn(&mut self, knob: Verb) {
        match knob {
            Verb::AdvanceClock { ms } => self.clock.advance_ms(ms),
            Verb::SetFault { fault } => self.faults.add(fault),
            Verb::AddScript { script } => self.faults.add_script(script),
            Verb::ClearFaults => self.faults.clear(),
            Verb::SetTargets { targets } => self.targets = targets,
            Verb::SetChances { chances } => self.chances = chances,
            Verb::PlanShots { shots } => self.shots.extend(shots),
            Verb::SetRateLimit { limit } => self.window.set_limit(limit),
            Verb::UseUpWindow { requests } => self.window.use_up(requests, self.clock.now_ms()),
            Verb::Configure { settings } => self.settings = *settings,
            Verb::RevokeKey => self.key_revoked = true,
            Verb::RestoreKey => self.key_revoked = false,
            Verb::Reset => self.reset(),
            _ => {}
        }
    }

    fn reset(&mut self) {
        let mut journal = std::mem::take(&mut self.journal);
        journal.clear();
        // What is still under way must not find its number on somebody else's record.
        let log = RequestLog::after(&self.log);
        let last_firing = self.last_firing;
        *self = Self::new(self.options.clone(), self.clock.clone(), journal);
        self.log = log;
        self.last_firing = last_firing;
    }

    fn existing(&self, id: Option<&str>) -> Result<String, VerbError> {
        let id = id.ok_or(VerbError::NoTicket)?;
        self.tickets
            .get(id)
            .map(|ticket| ticket.id.clone())
            .ok_or_else(|| VerbError::UnknownTicket(id.to_owned()))
    }

    fn on(&mut self, id: Option<&str>, act: impl FnOnce(&mut Self, &str)) -> Result<Written, VerbError> {
        let id = self.existing(id)?;
        let conversation_no = self.tickets.get(&id).map_or(0, |ticket| ticket.conversation_no);
        act(self, &id);
        Ok(Written { ticket_id: id, message_id: String::new(), conversation_no })
    }

    fn puts(&mut self, id: Option<&str>, status: Status) -> Result<Written, VerbError> {
        self.on(id, |world, id| world.set_status(id, status, None))
    }

    fn agent_tags(&mut self, id: &str, tags: &[String]) {
        let as_uuid = self.settings.ui_tags_as_uuid;
        let shown: Vec<String> =
            tags.iter().map(|name| if as_uuid { self.tag_id(name) } else { name.clone() }).collect();
        self.add_tags(id, &shown, None);
    }

    fn agent_comments(
        &mut self,
        id: Option<&str>,
        text: &str,
        agent: Option<String>,
        effect: EffectKind,
    ) -> Result<Written, VerbError> {
        let id = self.existing(id)?;
        let agent = agent.or_else(|| self.agents.last().map(|agent| agent.id.clone()));
        let public = effect == EffectKind::AgentReply;
        let draft = Draft { public, delivered: public, ..Draft::operator(effect, agent, text) };
        let message_id = self.add_comment(&id, draft).unwrap_or_default();
        let conversation_no = self.tickets.get(&id).map_or(0, |ticket| ticket.conversation_no);
        Ok(Written { ticket_id: id, message_id, conversation_no })
    }

    /// Keeps an order in the vendor's shape; gives its key.
    pub(super) fn add_order(&mut self, order: Value) -> Result<(String, String), VerbError> {
        let id = order.get("orderId").and_then(Value::as_str).ok_or(VerbError::BadOrder)?.to_owned();
        let key = (self.options.app_client_id.clone(), id);
        self.orders.insert(key.clone(), order);
        Ok(key)
    }

    fn order_key(&self, order_id: &str) -> Result<(String, String), VerbError> {
        self.orders
            .keys()
            .find(|(_, id)| id == order_id)
            .cloned()
            .ok_or_else(|| VerbError::UnknownOrder(order_id.to_owned()))
    }

    fn customer_writes(&mut self, message: &NewMessage) -> Result<Written, VerbError> {
        let new = message.ticket.is_none();
        let id = match &message.ticket {
            Some(_) => self.existing(message.ticket.as_deref())?,
            None => self.new_ticket(message)?,
        };
        if let Some(order) = message.order.clone() {
            let key = self.add_order(order)?;
            self.set_order(&id, Some(key), None);
        }
        if !new {
            self.set_status(&id, Status::Open, None);
        }
        let draft = self.customer_draft(&id, message);
        let message_id = self.add_comment(&id, draft).unwrap_or_default();
        if !message.quiet {
            self.fire_rules(&id, &message_id, &message.text, new);
        }
        let conversation_no = self.tickets.get(&id).map_or(0, |ticket| ticket.conversation_no);
        Ok(Written { ticket_id: id, message_id, conversation_no })
    }

    fn new_ticket(&mut self, message: &NewMessage) -> Result<String, VerbError> {
        let channel = message.channel.clone().unwrap_or_else(|| "email".into());
        let customer = self.customer(&message.email, &message.phone, &message.name);
        let app = self.options.app_client_id.clone();
        let drawn = ids::ticket(&mut self.rng, &channel, &app, &customer.first_name);
        let id = message.id.clone().unwrap_or(drawn);
        if self.tickets.contains_key(&id) {
            return Err(VerbError::TicketExists(id));
        }
        let drawn_shape = if self.settings.quirks { self.rng.u8(..8) } else { 0 };
        let hidden = self.rng.u8(..100) < self.settings.channel_missing_percent;
        let at_ms = self.now_ms() - message.age_ms;
        let ticket = Ticket {
            id: id.clone(),
            conversation_no: self.take_number(),
            subject: message.subject.clone(),
            status: Status::Open,
            priority: "LOW".into(),
            assignee_id: None,
            tags: Vec::new(),
            channel,
            channel_hidden: message.channel_hidden || hidden,
            comments: Vec::new(),
            customer,
            order: None,
            custom_fields: Map::new(),
            team_id: None,
            shape: message.shape.unwrap_or(drawn_shape) % 8,
            imported: message.imported,
            created_at_ms: at_ms,
            updated_at_ms: at_ms,
        };
        self.insert(ticket, None);
        Ok(id)
    }

    fn customer_draft(&self, id: &str, message: &NewMessage) -> Draft {
        let author_id = self.tickets.get(id).map(|ticket| ticket.customer.id.clone());
        let body = message.html.clone().unwrap_or_else(|| paragraphs(&message.text));
        let mut metadata = message.metadata.clone().unwrap_or_else(|| json!({}));
        if let Some(metadata) = metadata.as_object_mut().filter(|_| message.auto_submitted) {
            metadata.insert("headers".into(), json!({"Auto-Submitted": "auto-replied"}));
        }
        let plain_body = (message.html.is_none() || !message.text.is_empty()).then(|| message.text.clone());
        Draft {
            side: Side::Customer,
            author_id,
            body,
            plain_body,
            metadata: Some(metadata),
            voice: message.voice,
            age_ms: message.age_ms,
            delivered: true,
            ..Draft::operator(EffectKind::CustomerMessage, None, "")
        }
    }

    /// Fires every rule that fits; each firing leaves the helpdesk's own comment on the ticket.
    pub(super) fn fire_rules(&mut self, id: &str, message_id: &str, text: &str, new: bool) {
        let Some(ticket) = self.tickets.get(id) else { return };
        let shown_channel = if ticket.channel_hidden { String::new() } else { ticket.channel.clone() };
        let fitting: Vec<Target> =
            self.targets.iter().filter(|target| target.fires_for(&shown_channel, new)).cloned().collect();
        for target in fitting {
            let values = self.placeholders(id, text);
            let body = target.fill(&values);
            let said = json!({
                "actionName": "HTTP_TARGET_TRIGGERED_TO_COVERSATION",
                "targetName": target.name,
                "url": target.url,
            });
            let mut draft = Draft::operator(EffectKind::TargetComment, None, &said.to_string());
            draft.plain_body = None;
            self.add_comment(id, draft);
            let drawn = self.chances.draw(&mut self.rng);
            let shot = self.shots.pop_front().unwrap_or(drawn);
            self.shoot(&target, &body, shot, id, message_id);
        }
    }

    fn shoot(&mut self, target: &Target, body: &str, shot: Shot, ticket_id: &str, message_id: &str) {
        let (copies, delay_ms) = match shot {
            Shot::Once | Shot::Lost => (1, 0),
            Shot::Twice => (2, 0),
            Shot::Delayed { ms } => (1, ms),
        };
        let due_at_ms = self.clock.in_ms(delay_ms);
        for _ in 0..copies {
            self.last_firing += 1;
            let seq = self.last_firing;
            self.firings.push(FiringRecord {
                seq,
                at_ms: self.now_ms(),
                target: target.name.clone(),
                ticket_id: ticket_id.to_owned(),
                message_id: message_id.to_owned(),
                shot,
                body: body.to_owned(),
                done: shot == Shot::Lost,
                status: None,
                answer: None,
                error: None,
            });
            if shot != Shot::Lost {
                self.outbox.push(Outgoing { seq, target: target.clone(), body: body.to_owned(), due_at_ms });
            }
        }
    }

    fn placeholders(&self, id: &str, text: &str) -> BTreeMap<&'static str, String> {
        let Some(ticket) = self.tickets.get(id) else { return BTreeMap::new() };
        let customer = &ticket.customer;
        let order = ticket.order.as_ref().and_then(|key| self.orders.get(key));
        let order_name =
            order.and_then(|order| order.get("orderName")).and_then(Value::as_str).unwrap_or_default();
        BTreeMap::from([
            ("ticket.id", ticket.id.clone()),
            ("ticket.url", render::url(ticket)),
            ("ticket.subject", ticket.subject.clone()),
            ("ticket.status", ticket.status.word().to_owned()),
            ("ticket.createdAt", super::clock::iso(ticket.created_at_ms)),
            (
                "ticket.customer.name",
                format!("{} {}", customer.first_name, customer.last_name).trim().to_owned(),
            ),
            ("ticket.customer.email", customer.email.clone()),
            ("ticket.customer.phone", customer.phone.clone()),
            ("ticket.customer.lastOrderNumber", order_name.to_owned()),
            ("ticket.lastMessage.text", text.to_owned()),
        ])
    }
}

fn paragraphs(text: &str) -> String {
    let escaped = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    format!("<p>{}</p>", escaped.replace("\n\n", "</p><p>").replace('\n', "<br>"))
}
