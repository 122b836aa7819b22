//! Richpanel: its calls in ([`RichpanelSource`]), ours out ([`Richpanel`]).
//!
//! The facts behind every choice are cited as "richpanel-api §n": what the vendor documents and live tenants showed. One call goes
//! this way: `guard` refuses what the tenant is known to refuse, `http` makes it on a budgeted slot, `errors` says what
//! the answer means, `wire` and `order` put it in our words, `guard` learns.

mod channel;
mod directory;
mod effects;
mod errors;
mod guard;
mod json;
mod order;
mod salvage;
mod source;
#[cfg(test)]
mod tests;
mod wire;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use secrecy::SecretString;
use serde_json::Value;

pub use source::RichpanelSource;

use super::breaker::{self, Breaker};
use super::http::{Access, Answer, CallCount, Client, Request, SetupError};
use super::{
    ApiError, Applied, Budget, Directory, DirectoryEntry, Helpdesk, HelpdeskName, OrderRef, Permit,
    TicketPage,
};
use crate::clock::Clock;
use crate::config::{self, Config};
use crate::event::{TicketId, Timestamp};
use crate::ticket::{Channel, Effect, Order, Ticket};
use directory::{Directories, PER_PAGE};
use effects::Plan;
use errors::Call;
use guard::Guard;
use order::Orders;

/// The header that carries the API key (richpanel-api §1).
const KEY_HEADER: &str = "x-richpanel-key";

/// An order as the vendor's JSON shows it (bare or wrapped), with where it would be fetched; for `explain --order`.
/// `None` when there is no order in it.
pub fn order_of_json(body: &Value, read_at: Timestamp) -> Option<(OrderRef, Order)> {
    let named = order::link(body);
    let unnamed = OrderRef { client_id: String::new(), order_id: String::new() };
    let order = order::order(body, named.as_ref().unwrap_or(&unnamed), read_at)?;
    let order_id =
        [Some(order.id.clone()), order.name.clone()].into_iter().flatten().find(|id| !id.is_empty())?;
    let client_id = named.map_or_else(|| "shop".to_owned(), |named| named.client_id);
    Some((OrderRef { client_id, order_id: order_id.clone() }, Order { id: order_id, ..order }))
}

/// The channel that the vendor's word means; `None` for a word nobody knows.
pub fn channel_of_word(word: &str) -> Option<Channel> {
    channel::from_word(word)
}

/// Richpanel's API with one key. Shared by all workers; every method blocks for at most the configured time-out.
pub struct Richpanel {
    name: HelpdeskName,
    http: Client,
    bot_agent_id: Option<String>,
    clock: Arc<dyn Clock>,
    guard: Guard,
    orders: Orders,
    directories: Directories,
    /// Probes so far.
    probes: AtomicUsize,
}

impl std::fmt::Debug for Richpanel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Richpanel").field("http", &self.http).finish_non_exhaustive()
    }
}

impl Richpanel {
    /// Calls go to `settings.base_url` with `key`, on `budget` (which is made from `requests_per_window` and
    /// `window_seconds` by whoever composes the daemon, and told of a restart there).
    ///
    /// # Errors
    /// [`SetupError`]: the address or the key cannot be used.
    pub fn new(
        settings: &config::Richpanel,
        key: SecretString,
        budget: Budget,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, SetupError> {
        let timeout = Duration::from_secs(settings.timeout_seconds.clamp(1, 60));
        let http = Client::new(&settings.base_url, KEY_HEADER, key, timeout, budget, Arc::clone(&clock))?;
        let bot = settings.bot_agent_id.as_ref().map(|id| id.trim().to_owned()).filter(|id| !id.is_empty());
        Ok(Self {
            name: Config::richpanel_name(),
            http,
            bot_agent_id: bot,
            guard: Guard::new(Arc::clone(&clock)),
            orders: Orders::new(Duration::from_secs(settings.order_ttl_seconds), Arc::clone(&clock)),
            directories: Directories::new(
                Duration::from_secs(settings.directory_ttl_seconds),
                Arc::clone(&clock),
            ),
            probes: AtomicUsize::new(0),
            clock,
        })
    }

    /// The same adapter with another breaker.
    #[must_use]
    pub fn with_breaker(mut self, settings: breaker::Settings) -> Self {
        self.http = self.http.with_breaker(settings);
        self
    }

    /// Calls by endpoint and status, for the metrics.
    pub fn call_counts(&self) -> Vec<CallCount> {
        self.http.counts().snapshot()
    }

    /// Endpoints that answered 403 and are left alone for now (`GET /tickets`), for pages and `check`.
    pub fn closed_routes(&self) -> Vec<String> {
        self.guard.closed_routes()
    }

    /// Whether a 401 has stopped all writes; the next read that succeeds lets them go on.
    pub fn writes_stopped(&self) -> bool {
        self.guard.writes_stopped()
    }

    /// One call, guarded before and learned from after. Also gives the status.
    fn exchange(
        &self,
        permit: &mut Permit,
        call: Call,
        request: &Request<'_>,
    ) -> Result<(u16, Value), ApiError> {
        self.guard.check(request)?;
        let answer = self.http.call(permit, request)?;
        let Answer { status, .. } = answer;
        let result = errors::read(call, &answer).map(|body| (status, body));
        self.guard.learn(request, &result);
        result
    }

    fn get(
        &self,
        permit: &mut Permit,
        route: &'static str,
        segments: &[&str],
        query: &[(&str, String)],
    ) -> Result<Value, ApiError> {
        let request = Request { access: Access::Read, method: "GET", route, segments, query, body: None };
        self.exchange(permit, Call::Read, &request).map(|(_, body)| body)
    }

    fn read_ticket(&self, object: &Value, asked: Option<&TicketId>) -> Option<Ticket> {
        let known = wire::Known {
            bot_agent_id: self.bot_agent_id.as_deref(),
            tag_name: &|id| self.directories.tag_name(id),
            is_agent: &|id| self.directories.is_agent(id),
            read_at: self.clock.now(),
        };
        wire::ticket(object, asked, &known)
    }

    fn one_ticket(&self, body: &Value, asked: Option<&TicketId>) -> Result<Ticket, ApiError> {
        wire::ticket_object(body).and_then(|object| self.read_ticket(object, asked)).ok_or_else(|| {
            ApiError::Malformed(format!("no ticket in the answer: {}", effects::line(200, body)))
        })
    }

    /// What a write's answer shows. A ticket counts only when its status is there and it is the one written to.
    fn applied(&self, status: u16, body: &Value, id: &TicketId) -> Applied {
        let object = wire::ticket_object(body);
        let ticket = object
            .filter(|object| object.get("status").is_some_and(Value::is_string))
            .and_then(|object| self.read_ticket(object, Some(id)))
            .filter(|ticket| ticket.id == *id);
        let shown = body.get("tags").or_else(|| object.and_then(|object| object.get("tags")));
        let tags = wire::tags(shown, &|id| self.directories.tag_name(id));
        Applied { status, ticket, tags, answer: effects::line(status, body) }
    }
}

impl Helpdesk for Richpanel {
    fn name(&self) -> &HelpdeskName {
        &self.name
    }

    fn budget(&self) -> &Budget {
        self.http.budget()
    }

    fn key_refused(&self) -> bool {
        self.writes_stopped()
    }

    fn can_write(&self) -> Result<(), String> {
        if self.writes_stopped() {
            return Err("the API key was refused (401); writes are stopped until a read succeeds".to_owned());
        }
        match self.bot_agent_id {
            Some(_) => Ok(()),
            None => Err("richpanel.bot_agent_id is not set: nobody to write as".to_owned()),
        }
    }

    fn breaker(&self) -> Option<&Breaker> {
        Some(self.http.breaker())
    }

    fn probe(&self, permit: &mut Permit) {
        // Short, and about no ticket: one that always fails must not keep the circuit open.
        // Another listing each time: a listing that always fails must not either.
        let listings = [Directory::Tags, Directory::Users, Directory::Teams, Directory::Channels];
        let turn = self.probes.fetch_add(1, Ordering::Relaxed) % listings.len();
        let listing = listings.get(turn).copied().unwrap_or(Directory::Tags);
        let query = [("page", "1".to_owned()), ("per_page", "1".to_owned())];
        let (route, segment) = directory::route(listing);
        let (access, segments) = (Access::Read, &[segment]);
        let request = Request { access, method: "GET", route, segments, query: &query, body: None };
        self.http.probe(permit, &request);
    }

    fn ticket(&self, permit: &mut Permit, id: &TicketId) -> Result<Ticket, ApiError> {
        let body = self.get(permit, "/tickets/{id}", &["tickets", id.as_str()], &[])?;
        let ticket = self.one_ticket(&body, Some(id))?;
        if !self.directories.worth_asking(&ticket.tags) {
            return Ok(ticket);
        }
        match self.list(permit, Directory::Tags) {
            // A key that may not list tags will not learn their names; the ticket is worked as it shows.
            Ok(_) | Err(ApiError::Forbidden(_) | ApiError::NotFound) => (),
            Err(error) => return Err(error),
        }
        let ticket = self.one_ticket(&body, Some(id))?;
        self.directories.note_nameless(&ticket.tags);
        Ok(ticket)
    }

    fn ticket_by_number(&self, permit: &mut Permit, number: i64) -> Result<Ticket, ApiError> {
        let number = number.to_string();
        let body = self.get(permit, "/tickets/number/{n}", &["tickets", "number", &number], &[])?;
        self.one_ticket(&body, None)
    }

    fn changed_tickets(
        &self,
        permit: &mut Permit,
        since: Timestamp,
        page: u32,
    ) -> Result<TicketPage, ApiError> {
        let query = [
            ("page", page.max(1).to_string()),
            ("per_page", PER_PAGE.to_string()),
            ("sortKey", "updatedAt".to_owned()),
            ("order", "DESC".to_owned()),
            ("updated_after", since.as_millisecond().to_string()),
        ];
        let body = self.get(permit, "/tickets", &["tickets"], &query)?;
        let key = ["ticket", "tickets"].into_iter().find(|key| body.get(*key).is_some_and(Value::is_array));
        let Some(key) = key else {
            let line = effects::line(200, &body);
            return Err(ApiError::Malformed(format!("no tickets in the answer: {line}")));
        };
        let items = json::list(body.get(key));
        let tickets = items.iter().filter_map(|item| self.read_ticket(item, None)).collect();
        Ok(TicketPage { tickets, more: directory::has_more(&body, items.len()) })
    }

    fn linked_order(&self, permit: &mut Permit, ticket: &Ticket) -> Result<Option<OrderRef>, ApiError> {
        match self.get(permit, "/order/{conversation}", &["order", ticket.id.as_str()], &[]) {
            Ok(body) => Ok(order::link(&body)),
            Err(ApiError::NotFound) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn order(&self, permit: &mut Permit, order: &OrderRef) -> Result<Option<Order>, ApiError> {
        if let Some(kept) = self.orders.get(order) {
            return Ok(Some(kept));
        }
        let segments = ["order", order.client_id.as_str(), order.order_id.as_str()];
        let body = match self.get(permit, "/order/{client}/{id}", &segments, &[]) {
            Ok(body) => body,
            Err(ApiError::NotFound) => return Ok(None),
            Err(error) => return Err(error),
        };
        let read = order::order(&body, order, self.clock.now());
        if let Some(read) = &read {
            self.orders.put(order, read);
        }
        Ok(read)
    }

    fn apply(&self, permit: &mut Permit, ticket: &Ticket, effect: &Effect) -> Result<Applied, ApiError> {
        let bot = self.bot_agent_id.as_deref();
        let plan = Plan::of(ticket, effect, bot, &|name| self.directories.tag_ids(name))?;
        let segments = plan.segments(&ticket.id);
        let (status, body) = self.exchange(permit, plan.call, &plan.request(&segments))?;
        effects::verify(effect, self.applied(status, &body, &ticket.id))
    }

    fn directory(&self, permit: &mut Permit, what: Directory) -> Result<Vec<DirectoryEntry>, ApiError> {
        match self.directories.fresh(what) {
            Some(kept) => Ok(kept),
            None => self.list(permit, what),
        }
    }
}

impl Richpanel {
    /// Reads a listing anew, whatever copy there is.
    fn list(&self, permit: &mut Permit, what: Directory) -> Result<Vec<DirectoryEntry>, ApiError> {
        let (route, segment) = directory::route(what);
        let mut entries: Vec<DirectoryEntry> = Vec::new();
        let mut pages_without_news = 0;
        for page in 1..=directory::PAGES_MAX {
            let query = [("page", page.to_string()), ("per_page", PER_PAGE.to_string())];
            let body = self.get(permit, route, &[segment], &query)?;
            let found = directory::entries(&body, what);
            let more = directory::has_more(&body, found.len());
            let before = entries.len();
            for entry in found {
                if !entries.iter().any(|known| known.id == entry.id) {
                    entries.push(entry);
                }
            }
            // One page may be a gap (richpanel-api §1); two in a row are a server that does not turn pages.
            pages_without_news = if entries.len() == before { pages_without_news + 1 } else { 0 };
            if !more || pages_without_news == 2 {
                break;
            }
        }
        self.directories.put(what, entries.clone());
        Ok(entries)
    }
}
