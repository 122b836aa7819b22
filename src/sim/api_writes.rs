//! Writes to tickets: those that work, and those that only look as if they did (richpanel-api §3).

use serde_json::{Map, Value, json};

use super::api::Call;
use super::errors::Answer;
use super::ids;
use super::journal::EffectKind;
use super::model::{Side, Status, Ticket};
use super::world::{Draft, World};

const PRIORITIES: [&str; 3] = ["LOW", "MEDIUM", "HIGH"];

impl World {
    /// `PUT /tickets/{id}`: checks everything first, then applies what the tenant takes and
    /// silently drops the rest.
    pub(super) fn put_ticket(&mut self, id: &str, call: &Call) -> Answer {
        let body = match call.json() {
            Ok(body) => body,
            Err(answer) => return answer,
        };
        let Some(fields) = body.get("ticket").and_then(Value::as_object) else {
            return Answer::invalid("ticket is required");
        };
        if let Err(answer) = check_fields(fields) {
            return answer;
        }
        if !self.tickets.contains_key(id) {
            return Answer::not_found("Ticket");
        }
        if let Some(comment) = fields.get("comment") {
            self.put_comment(id, comment, call.seq);
        }
        self.put_fields(id, fields, call.seq);
        self.tickets
            .get(id)
            .map_or_else(|| Answer::not_found("Ticket"), |ticket| Answer::ok(&self.show(ticket)))
    }

    fn put_fields(&mut self, id: &str, fields: &Map<String, Value>, seq: u64) {
        let by = Some(seq);
        let text = |key: &str| fields.get(key).and_then(Value::as_str);
        if let Some(status) = text("status").and_then(Status::parse) {
            let takes =
                status != Status::Closed || self.settings.status_alone_closes || fields.contains_key("state");
            if takes {
                self.set_status(id, status, by);
            }
        }
        if let Some(priority) = text("priority") {
            self.set_priority(id, priority, by);
        }
        match text("assignee_id") {
            Some("unassigned") => self.set_assignee(id, None, by),
            Some(agent) if self.is_agent(agent) => self.set_assignee(id, Some(agent), by),
            _ => {}
        }
        if let Some(subject) = text("subject") {
            self.set_subject(id, subject, by);
        }
        if let Some(team) = text("team_id").filter(|_| self.settings.put_team_id) {
            self.set_team(id, team, by);
        }
        if let Some(values) = fields.get("customFields").and_then(Value::as_object)
            && self.settings.put_custom_fields
        {
            self.merge_fields(id, values, by);
        }
        if let Some(tags) = fields.get("tags").and_then(Value::as_array)
            && self.settings.put_tags_replace
        {
            self.replace_tags(id, &words(tags), by);
        }
    }

    fn replace_tags(&mut self, id: &str, wanted: &[String], by: Option<u64>) {
        let gone: Vec<String> = self
            .tickets
            .get(id)
            .map(|ticket| ticket.tags.iter().filter(|tag| !wanted.contains(tag)).cloned().collect())
            .unwrap_or_default();
        self.remove_tags(id, &gone, by);
        self.add_tags(id, wanted, by);
    }

    /// A comment by PUT sends no e-mail; whether it reaches a chat is a setting.
    fn put_comment(&mut self, id: &str, comment: &Value, seq: u64) {
        let text = |key: &str| comment.get(key).and_then(Value::as_str);
        let said_public = comment.get("public").and_then(Value::as_bool);
        let public = said_public.unwrap_or(true);
        let body = text("body").unwrap_or_default();
        let author = text("author_id").map(str::to_owned);
        if text("sender_type") == Some("customer") {
            let author_id = self.tickets.get(id).map(|ticket| ticket.customer.id.clone());
            let draft = Draft::operator(EffectKind::CustomerMessage, author_id, body);
            self.add_comment(id, Draft { side: Side::Customer, delivered: true, by: Some(seq), ..draft });
            return;
        }
        let documented = said_public == Some(true) && text("sender_type") == Some("operator");
        let chat = self.tickets.get(id).is_some_and(|ticket| !is_email(ticket));
        let delivered = documented && chat && self.settings.put_comment_delivers_chat;
        let effect = if public { EffectKind::Comment } else { EffectKind::Note };
        let draft = Draft::operator(effect, author, body);
        self.add_comment(id, Draft { public, delivered, by: Some(seq), ..draft });
    }

    /// `send-message`: reaches the customer only with a real agent as its author.
    pub(super) fn send_message(&mut self, id: &str, call: &Call) -> Answer {
        let body = match call.json() {
            Ok(body) => body,
            Err(answer) => return answer,
        };
        let text = |key: &str| body.get(key).and_then(Value::as_str).filter(|text| !text.is_empty());
        let Some(message) = text("body") else { return Answer::invalid("body is required") };
        let Some(ticket) = self.tickets.get(id) else { return Answer::not_found("Ticket") };
        let reaches = is_email(ticket) || self.settings.send_message_delivers_chat;
        let author = text("author_id").map(str::to_owned);
        let delivered = reaches && author.as_deref().is_some_and(|author| self.is_agent(author));
        let draft = Draft::operator(EffectKind::Reply, author, message);
        self.add_comment(id, Draft { delivered, by: Some(call.seq), ..draft });
        self.brief(id)
    }

    /// `add-tags` and `remove-tags`.
    pub(super) fn put_tags(&mut self, id: &str, call: &Call, add: bool) -> Answer {
        let body = match call.json() {
            Ok(body) => body,
            Err(answer) => return answer,
        };
        let Some(tags) = body.get("tags").and_then(Value::as_array).map(|tags| words(tags)) else {
            return Answer::invalid("tags is required");
        };
        if !self.tickets.contains_key(id) {
            return Answer::not_found("Ticket");
        }
        if add {
            for name in &tags {
                self.tag_id(name);
            }
            self.add_tags(id, &tags, Some(call.seq));
        } else {
            self.remove_tags(id, &tags, Some(call.seq));
        }
        if !self.settings.tags_answer_shows_tags {
            return self.brief(id);
        }
        let shown =
            self.tickets.get(id).map(|ticket| json!({"ticket": {"id": ticket.id, "tags": ticket.tags}}));
        Answer::ok(&shown.unwrap_or_default())
    }

    /// `attach-order`: links an order that exists.
    pub(super) fn attach_order(&mut self, id: &str, app: &str, order: &str, call: &Call) -> Answer {
        let key = (app.to_owned(), order.to_owned());
        if !self.tickets.contains_key(id) {
            return Answer::not_found("Ticket");
        }
        if !self.orders.contains_key(&key) {
            return Answer::not_found("Order");
        }
        self.set_order(id, Some(key), Some(call.seq));
        Answer::ok(&json!({"message": "Order attached"}))
    }

    /// `POST /tickets`.
    pub(super) fn post_ticket(&mut self, call: &Call) -> Answer {
        let body = match call.json() {
            Ok(body) => body,
            Err(answer) => return answer,
        };
        let Some(fields) = body.get("ticket").and_then(Value::as_object) else {
            return Answer::invalid("ticket is required");
        };
        if let Err(answer) = check_fields(fields) {
            return answer;
        }
        let id = self.ticket_from(&body, call.seq);
        let comment = fields.get("comment").cloned().unwrap_or_default();
        if comment.is_object() {
            self.put_comment(&id, &comment, call.seq);
        }
        self.put_fields(&id, fields, call.seq);
        if comment.get("sender_type").and_then(Value::as_str) == Some("customer") {
            let message = self.tickets.get(&id).and_then(Ticket::last_customer_message);
            let (message_id, text) =
                message.map(|said| (said.id.clone(), said.body.clone())).unwrap_or_default();
            self.fire_rules(&id, &message_id, &text, true);
        }
        self.tickets
            .get(&id)
            .map_or_else(|| Answer::not_found("Ticket"), |ticket| Answer::ok(&self.show(ticket)))
    }

    fn ticket_from(&mut self, body: &Value, seq: u64) -> String {
        let at = |pointer: &str| body.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
        let app = self.options.app_client_id.clone();
        let email = at("/ticket/via/source/from/address");
        let customer = self.customer(&email, "", &at("/ticket/via/source/from/name"));
        let channel = Some(at("/ticket/via/channel")).filter(|channel| !channel.is_empty());
        let id = ids::api_ticket(&mut self.rng, &app);
        let at_ms = self.now_ms();
        let ticket = Ticket {
            id: id.clone(),
            conversation_no: self.take_number(),
            subject: at("/ticket/subject"),
            status: Status::Open,
            priority: "LOW".into(),
            assignee_id: None,
            tags: Vec::new(),
            channel: channel.unwrap_or_else(|| "email".into()),
            channel_hidden: false,
            comments: Vec::new(),
            customer,
            order: None,
            custom_fields: Map::new(),
            team_id: None,
            shape: 0,
            imported: false,
            created_at_ms: at_ms,
            updated_at_ms: at_ms,
        };
        self.insert(ticket, Some(seq));
        id
    }

    /// A short object that shows neither comments nor tags.
    fn brief(&self, id: &str) -> Answer {
        let shown = self.tickets.get(id).map(|ticket| {
            json!({"ticket": {"id": ticket.id, "conversation_no": ticket.conversation_no, "status": ticket.status.word()}})
        });
        Answer::ok(&shown.unwrap_or_default())
    }
}

/// What is wrong enough for a 400; everything else is taken or dropped.
fn check_fields(fields: &Map<String, Value>) -> Result<(), Answer> {
    let bad = |key: &str, good: &dyn Fn(&str) -> bool| {
        fields.get(key).is_some_and(|value| !value.as_str().is_some_and(good))
    };
    if bad("status", &|word| Status::parse(word).is_some()) {
        return Err(Answer::invalid("status must be one of OPEN, CLOSED, SNOOZED"));
    }
    if bad("priority", &|word| PRIORITIES.contains(&word)) {
        return Err(Answer::invalid("priority must be one of LOW, MEDIUM, HIGH"));
    }
    let comment = fields.get("comment");
    let empty = |comment: &Value| comment.get("body").and_then(Value::as_str).is_none_or(str::is_empty);
    if comment.is_some_and(empty) {
        return Err(Answer::invalid("comment.body is required"));
    }
    Ok(())
}

fn words(values: &[Value]) -> Vec<String> {
    values.iter().filter_map(Value::as_str).map(str::to_owned).collect()
}

fn is_email(ticket: &Ticket) -> bool {
    ticket.channel.starts_with("email")
}
