//! The API: one request in, one answer out, with every quirk of richpanel-api §2 and §3.
//!
//! Runs under the world's lock and touches nothing else; faults, limits and HTTP are the
//! server's business.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};

use super::errors::{Answer, ErrorShape};
use super::faults::Seen;
use super::model::{Tag, Ticket};
use super::render::{self, Tenant};
use super::route::{Route, TicketRef};
use super::world::World;

/// One request, read and sorted.
#[derive(Debug, Clone)]
pub(super) struct Call {
    /// Its number in the request log.
    pub(super) seq: u64,
    pub(super) method: String,
    pub(super) route: Route,
    pub(super) query: BTreeMap<String, String>,
    pub(super) body: String,
    /// `http://host:port/v1`, for absolute page links.
    pub(super) base_url: String,
    /// Reads show the state of this time instead of now.
    pub(super) as_of_ms: Option<i64>,
}

impl Call {
    /// What faults and scripts look at.
    pub(super) fn seen(&self) -> Seen<'_> {
        Seen {
            method: &self.method,
            pattern: self.route.pattern(),
            ticket: self.route.ticket().map(|ticket| ticket.id.as_str()),
            body: &self.body,
        }
    }

    /// `GET /tickets/{id}`
    pub(super) fn endpoint(&self) -> String {
        format!("{} {}", self.method, self.route.pattern())
    }

    /// The body as JSON; null when there is none.
    pub(super) fn json(&self) -> Result<Value, Answer> {
        if self.body.trim().is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_str(&self.body).map_err(|_| Answer::error(400, ErrorShape::Gateway, "Invalid JSON"))
    }
}

impl World {
    /// Applies a request: first the scripts that wait for it, then the request itself.
    pub(super) fn apply(&mut self, call: &Call) -> Answer {
        let ticket = call.route.ticket().map(|ticket| ticket.id.clone());
        for verb in self.faults.due_verbs(&call.seen()) {
            if let Err(error) = self.run(verb, ticket.as_deref()) {
                log::warn!("sim: a script could not run: {error}");
            }
        }
        self.log.applied(call.seq);
        match call.method.as_str() {
            "GET" => self.read(call),
            "PUT" => self.put(call),
            "POST" => self.post(call),
            _ => Answer::forbidden(),
        }
    }

    pub(super) fn tenant(&self) -> Tenant<'_> {
        Tenant { app_client_id: &self.options.app_client_id, mailbox: &self.options.mailbox }
    }

    /// `{"ticket":{…}}`
    pub(super) fn show(&self, ticket: &Ticket) -> Value {
        json!({"ticket": render::ticket(ticket, self.tenant(), true)})
    }

    fn read(&mut self, call: &Call) -> Answer {
        match &call.route {
            Route::Ticket(ticket) => self.read_ticket(ticket, call),
            Route::TicketByNumber(number) => self.read_by_number(number, call),
            Route::TicketsByEmail(value) => {
                self.tickets_of(|ticket| ticket.customer.email.eq_ignore_ascii_case(value))
            }
            Route::TicketsByPhone(value) => self.tickets_of(|ticket| &ticket.customer.phone == value),
            Route::Tickets => self.list_tickets(call),
            Route::OrderLink(ticket) => self.order_link(ticket, call),
            Route::Order(app, order) => self.read_order(app, order),
            Route::CustomerByEmail(value) => self.read_customer(&value.to_lowercase()),
            Route::CustomerByPhone(value) => self.read_customer(value),
            Route::Teams => self.page("team", self.team_items(), call),
            Route::Users => self.page("user", to_items(&self.agents), call),
            Route::User(id) => match self.agents.iter().find(|agent| &agent.id == id) {
                Some(agent) => Answer::ok(&json!({"user": [agent]})),
                None => Answer::not_found("User"),
            },
            Route::Tags => self.page("tag", self.tags.iter().map(tag_item).collect(), call),
            Route::Channels => self.page("channels", to_items(&self.channels), call),
            Route::Channel(id) => match self.channels.iter().find(|channel| &channel.id == id) {
                Some(channel) => Answer::ok(&json!({"channels": [channel]})),
                None => Answer::not_found("Channel"),
            },
            _ => Answer::forbidden(),
        }
    }

    fn put(&mut self, call: &Call) -> Answer {
        if let Some(ticket) = call.route.ticket().filter(|ticket| !ticket.encoded) {
            log::debug!("sim: nothing written, id not encoded in the path: {}", ticket.id);
            return Answer::ok(&json!({"ticket": {}}));
        }
        match &call.route {
            Route::Ticket(ticket) => self.put_ticket(&ticket.id, call),
            Route::SendMessage(ticket) => self.send_message(&ticket.id, call),
            Route::AddTags(ticket) => self.put_tags(&ticket.id, call, true),
            Route::RemoveTags(ticket) => self.put_tags(&ticket.id, call, false),
            Route::AttachOrder(ticket, app, order) => self.attach_order(&ticket.id, app, order, call),
            Route::TicketByNumber(_) => Answer::not_found("Route"),
            _ => Answer::forbidden(),
        }
    }

    fn post(&mut self, call: &Call) -> Answer {
        match &call.route {
            Route::Tickets => self.post_ticket(call),
            Route::OrderLink(app) => self.post_orders(&app.id, call),
            Route::Customers => self.post_customer(call),
            Route::Tags => self.post_tag(call),
            Route::Upload => {
                let id = super::ids::uuid(&mut self.rng);
                Answer::ok(&json!({"file": {"id": id, "url": format!("https://files.example.com/{id}")}}))
            }
            _ => Answer::forbidden(),
        }
    }

    fn read_ticket(&self, named: &TicketRef, call: &Call) -> Answer {
        let hidden_ms = self.settings.new_ticket_hidden_ms;
        self.view(&named.id, call.as_of_ms)
            .filter(|ticket| named.encoded && self.now_ms() - ticket.created_at_ms >= hidden_ms)
            .map_or_else(|| Answer::not_found("Ticket"), |ticket| Answer::ok(&self.show(&ticket)))
    }

    fn read_by_number(&self, number: &str, call: &Call) -> Answer {
        let id = number.parse::<u64>().ok().and_then(|number| self.by_number.get(&number));
        match id.and_then(|id| self.view(id, call.as_of_ms)).filter(|ticket| !ticket.imported) {
            Some(ticket) => self.read_ticket(&TicketRef { id: ticket.id.clone(), encoded: true }, call),
            None => Answer::not_found("Ticket"),
        }
    }

    fn tickets_of(&self, fits: impl Fn(&Ticket) -> bool) -> Answer {
        let tickets: Vec<Value> = self
            .ticket_ids
            .iter()
            .filter_map(|id| self.tickets.get(id))
            .filter(|ticket| fits(ticket))
            .map(|ticket| render::ticket(ticket, self.tenant(), true))
            .collect();
        Answer::ok(&json!({"ticket": tickets}))
    }

    fn list_tickets(&self, call: &Call) -> Answer {
        let wanted = |key: &str| call.query.get(key).map(String::as_str);
        let after_ms = wanted("updated_after").and_then(|ms| ms.parse::<i64>().ok()).unwrap_or(i64::MIN);
        let mut found: Vec<Arc<Ticket>> = self
            .ticket_ids
            .iter()
            .filter_map(|id| self.view(id, call.as_of_ms))
            .filter(|ticket| wanted("status").is_none_or(|status| status == ticket.status.word()))
            .filter(|ticket| ticket.updated_at_ms > after_ms)
            .collect();
        found.sort_by_key(|ticket| (ticket.updated_at_ms, ticket.conversation_no));
        if wanted("order") != Some("ASC") {
            found.reverse();
        }
        let with_comments = !self.settings.list_without_comments;
        let gap = self.settings.list_gap_every;
        let items = found
            .iter()
            .enumerate()
            .filter(|(index, _)| gap == 0 || !(index + 1).is_multiple_of(gap))
            .map(|(_, ticket)| render::ticket(ticket, self.tenant(), with_comments))
            .collect();
        self.page("ticket", items, call)
    }

    /// One page of a list: `page` from 1, `per_page` up to 100 (10 when it is not sent).
    fn page(&self, key: &str, items: Vec<Value>, call: &Call) -> Answer {
        let number = |key: &str, default: usize| {
            call.query.get(key).and_then(|text| text.parse::<usize>().ok()).unwrap_or(default)
        };
        let page = number("page", 1).max(1);
        let per_page = number("per_page", 10).clamp(1, 100);
        let count = items.len();
        let link = |page: usize| {
            format!("{}{}?page={page}&per_page={per_page}", call.base_url, call.route.pattern())
        };
        let next = page.saturating_mul(per_page) < count;
        let shown: Vec<Value> =
            items.into_iter().skip((page - 1).saturating_mul(per_page)).take(per_page).collect();
        Answer::ok(&json!({
            key: shown,
            "count": count,
            "next_page": next.then(|| link(page + 1)),
            "previous_page": (page > 1).then(|| link(page - 1)),
        }))
    }

    fn team_items(&self) -> Vec<Value> {
        let organization = format!("{}1", self.options.app_client_id);
        let made = "2025-03-01T09:00:00.000Z";
        let item = |team: &super::model::Team| {
            json!({"id": team.id, "name": team.name, "organization_id": organization,
                   "created_at": made, "updated_at": made})
        };
        self.teams.iter().map(item).collect()
    }
}

fn tag_item(tag: &Tag) -> Value {
    json!({"id": tag.id, "name": tag.name, "description": ""})
}

fn to_items<T: serde::Serialize>(items: &[T]) -> Vec<Value> {
    items.iter().map(|item| json!(item)).collect()
}
