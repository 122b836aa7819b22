//! A ticket's JSON in our words (richpanel-api §2, "A ticket").
//!
//! Nothing here fails on odd content: a missing, null or mistyped part is simply not known. Where a guess is needed it
//! is the one that does no harm: a channel nobody can tell is [`Channel::Unknown`] (routed, never answered), an author
//! nobody can tell is [`Author::Unknown`] (routed like a customer's, never answered).

use std::collections::BTreeSet;

use serde_json::Value;

use super::channel;
use super::json::{first_flag, first_text, integer, list, raw_text, text, time};
use crate::event::{MessageId, TicketId, Timestamp};
use crate::ticket::{Author, Channel, Customer, Message, Status, Ticket};

/// What is known beyond the ticket itself.
pub(super) struct Known<'a> {
    /// The agent the bot writes as.
    pub(super) bot_agent_id: Option<&'a str>,
    /// Resolves a tag id to its name.
    pub(super) tag_name: &'a dyn Fn(&str) -> Option<String>,
    /// Whether an id is an agent's.
    pub(super) is_agent: &'a dyn Fn(&str) -> bool,
    /// When the answer was read.
    pub(super) read_at: Timestamp,
}

/// The ticket object of an answer: under `ticket`, as the only element of a list there, or bare.
pub(super) fn ticket_object(body: &Value) -> Option<&Value> {
    let is_ticket = |value: &&Value| {
        value.is_object() && ["id", "status", "comments", "tags"].iter().any(|key| value.get(*key).is_some())
    };
    match body.get("ticket") {
        Some(Value::Array(items)) => items.first().filter(|_| items.len() == 1).filter(is_ticket),
        Some(inner) => Some(inner).filter(is_ticket),
        None => Some(body)
            .filter(is_ticket)
            .filter(|body| body.get("status").is_some() || body.get("comments").is_some()),
    }
}

/// Reads a ticket object. `asked` is the id it was asked by, for an answer without one.
pub(super) fn ticket(object: &Value, asked: Option<&TicketId>, known: &Known<'_>) -> Option<Ticket> {
    let id = text(object.get("id")).map(TicketId::new).or_else(|| asked.cloned())?;
    let customer = customer(object);
    let channel = ticket_channel(object, &id);
    let messages = messages(object, &customer, known);
    Some(Ticket {
        number: integer(object.get("conversation_no")),
        status: status(object.get("status")),
        subject: raw_text(object.get("subject")),
        channel,
        tags: tags(object.get("tags"), known.tag_name).unwrap_or_default(),
        assignee: text(object.get("assignee_id")).filter(|id| id != "unassigned"),
        priority: text(object.get("priority")),
        customer,
        client_id: first_text(object, &["app_client_id", "appClientId"]),
        messages,
        created_at: time(object.get("created_at")),
        updated_at: time(object.get("updated_at")),
        read_at: known.read_at,
        id,
    })
}

/// Tag names, ids resolved where a name is known; `None` when there is no list at all.
pub(super) fn tags(value: Option<&Value>, tag_name: &dyn Fn(&str) -> Option<String>) -> Option<Vec<String>> {
    let items = value?.as_array()?;
    let mut names: Vec<String> = Vec::with_capacity(items.len());
    for item in items {
        let Some(tag) = text(Some(item)).or_else(|| first_text(item, &["name", "id"])) else { continue };
        let name = if is_uuid(&tag) { tag_name(&tag).unwrap_or(tag) } else { tag };
        if !names.contains(&name) {
            names.push(name);
        }
    }
    Some(names)
}

/// The form of the ids that stand for tags made in the vendor's pages (richpanel-api §3, "Tags").
pub(super) fn is_uuid(tag: &str) -> bool {
    let parts: Vec<&str> = tag.split('-').collect();
    parts.iter().map(|part| part.len()).eq([8, 4, 4, 4, 12])
        && parts.iter().all(|part| part.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

fn status(value: Option<&Value>) -> Status {
    let word = text(value).unwrap_or_default();
    match word.to_uppercase().as_str() {
        "OPEN" => Status::Open,
        "CLOSED" => Status::Closed,
        "SNOOZED" => Status::Snoozed,
        _ => Status::Other(word),
    }
}

fn ticket_channel(object: &Value, id: &TicketId) -> Channel {
    let word = text(object.pointer("/via/channel")).unwrap_or_default();
    channel::from_word(&word).unwrap_or_else(|| {
        let mail = |side: &str| {
            text(object.pointer(&format!("/via/source/{side}/address"))).is_some_and(|at| at.contains('@'))
        };
        if mail("from") || mail("to") || is_message_id(id) { Channel::Email } else { Channel::Unknown }
    })
}

/// A raw Message-ID (RFC 5322 §3.6.4): what tickets made by e-mail have for an id.
fn is_message_id(id: &TicketId) -> bool {
    let id = id.as_str();
    id.starts_with('<') && id.ends_with('>') && id.contains('@')
}

fn customer(object: &Value) -> Customer {
    let profile = ["customer_profile", "customer"]
        .iter()
        .find_map(|key| object.get(*key).filter(|value| value.is_object()))
        .unwrap_or(&Value::Null);
    let first_name = first_text(profile, &["firstName", "first_name"]);
    let last_name = first_text(profile, &["lastName", "last_name"]);
    let joined = || match (&first_name, &last_name) {
        (Some(first), Some(last)) => Some(format!("{first} {last}")),
        (first, last) => first.clone().or_else(|| last.clone()),
    };
    Customer {
        id: first_text(profile, &["id", "uid"])
            .or_else(|| first_text(object, &["customer_id", "customerId"])),
        email: first_text(profile, &["email"]).or_else(|| sender_address(object)),
        name: first_text(profile, &["name"]).or_else(joined),
        phone: first_text(profile, &["phone"]),
        first_name,
    }
}

/// The address an e-mail came from, unless it is the shop's own (a ticket that an agent began).
fn sender_address(object: &Value) -> Option<String> {
    let from = text(object.pointer("/via/source/from/address")).filter(|address| address.contains('@'))?;
    let own = text(object.get("recipient")).is_some_and(|own| own.eq_ignore_ascii_case(&from));
    (!own).then_some(from)
}

fn messages(object: &Value, customer: &Customer, known: &Known<'_>) -> Vec<Message> {
    let comments = list(object.get("comments"));
    let mut people = People::of(comments, customer, known);
    people.opener = opener(object, comments);
    let messages = comments.iter().filter(|comment| comment.is_object());
    in_time_order(messages.map(|comment| message(comment, &people)).collect())
}

fn message(comment: &Value, people: &People<'_>) -> Message {
    // What a recording says is not the customer's text (richpanel-api §2); that they called is.
    let spoken = is_voice(comment);
    let words = |key: &str| if spoken { String::new() } else { raw_text(comment.get(key)) };
    let html = words("body");
    Message {
        id: text(comment.get("id")).map(MessageId::new),
        author: people.author(comment),
        plain: words("plain_body"),
        html: (!html.is_empty()).then_some(html),
        public: is_public(comment),
        at: time(comment.get("created_at")),
        attachments: list(comment.get("attachments")).len(),
        auto_submitted: is_auto_submitted(comment),
    }
}

/// Where a comment shows its mail's headers, in `metadata` or below it (the place is a guess: `metadata` is `{}` in the
/// documents), an `Auto-Submitted` other than `no` says that a machine wrote it (RFC 3834 §5).
fn is_auto_submitted(comment: &Value) -> bool {
    let metadata = comment.get("metadata").and_then(Value::as_object);
    let headers = metadata.and_then(|fields| fields.get("headers")).and_then(Value::as_object);
    [metadata, headers].into_iter().flatten().flatten().any(|(name, value)| {
        let said = value.as_str().unwrap_or_default().trim();
        name.eq_ignore_ascii_case("auto-submitted") && !said.is_empty() && !said.eq_ignore_ascii_case("no")
    })
}

fn is_public(comment: &Value) -> bool {
    let hidden =
        first_flag(comment, &["isPrivate", "is_private", "private", "is_internal", "isInternal", "internal"]);
    let kind = text(comment.get("type")).unwrap_or_default().to_lowercase();
    first_flag(comment, &["public", "is_public", "isPublic"]) != Some(false)
        && hidden != Some(true)
        && !kind.ends_with("note")
}

/// Sorts by time (comments come in any order, richpanel-api §2); equal times keep their order, and a message without
/// a time keeps its place in the list.
fn in_time_order(messages: Vec<Message>) -> Vec<Message> {
    let (mut dated, undated): (Vec<_>, Vec<_>) =
        messages.into_iter().enumerate().partition(|(_, message)| message.at.is_some());
    dated.sort_by_key(|(_, message)| message.at);
    let total = dated.len() + undated.len();
    let (mut dated, mut undated) = (dated.into_iter(), undated.into_iter().peekable());
    let place = |index| match undated.next_if(|(at, _)| *at == index) {
        Some((_, message)) => Some(message),
        None => dated.next().map(|(_, message)| message),
    };
    (0..total).filter_map(place).collect()
}

/// Who is who on one ticket.
struct People<'a> {
    known: &'a Known<'a>,
    customer: &'a Customer,
    /// Author ids whose comments on this ticket say that they are (not) an operator's.
    operators: BTreeSet<String>,
    customers: BTreeSet<String>,
    /// The comment that a customer's mail began the ticket with.
    opener: Option<&'a Value>,
}

/// The comment that began the ticket, where the ticket says that it began with a mail of the customer's: its sender is
/// not the shop, and the comment is as old as the ticket.
fn opener<'a>(object: &Value, comments: &'a [Value]) -> Option<&'a Value> {
    sender_address(object)?;
    let began = time(object.get("created_at"))?;
    let written = |comment: &&Value| time(comment.get("created_at"));
    let first = comments.iter().filter(|comment| written(comment).is_some()).min_by_key(written)?;
    (written(&first)? == began).then_some(first)
}

impl<'a> People<'a> {
    fn of(comments: &[Value], customer: &'a Customer, known: &'a Known<'a>) -> Self {
        let ids = |operator: bool| {
            let said = comments.iter().filter(|comment| is_operator(comment) == Some(operator));
            said.filter_map(author_id).collect()
        };
        Self { known, customer, operators: ids(true), customers: ids(false), opener: None }
    }

    fn author(&self, comment: &Value) -> Author {
        // First: an echo may carry the id of the agent the bot writes as, and is no reply of the bot's.
        if is_machine_made(comment) {
            return Author::System;
        }
        let id = author_id(comment);
        if id.is_some() && id.as_deref() == self.known.bot_agent_id {
            return Author::Bot;
        }
        match is_operator(comment) {
            Some(true) => Author::Agent(id),
            Some(false) => Author::Customer,
            None => self.guess(comment, id),
        }
    }

    /// No operator flag. An agent's text taken for a customer's would have us answer an agent; a customer's passed over
    /// would be lost: without evidence it is neither.
    fn guess(&self, comment: &Value, id: Option<String>) -> Author {
        let is = |one: &Option<String>, other: Option<&String>| {
            one.as_ref().zip(other).is_some_and(|(one, other)| one.eq_ignore_ascii_case(other))
        };
        let operator = id.as_ref().is_some_and(|id| self.operators.contains(id) || (self.known.is_agent)(id));
        if operator {
            return Author::Agent(id);
        }
        let wrote = ["/via/source/from/address", "/author/email", "/from/address"];
        let address = wrote.iter().find_map(|path| text(comment.pointer(path)));
        let customer = is(&self.customer.id, id.as_ref())
            || id.as_ref().is_some_and(|id| self.customers.contains(id))
            || is(&self.customer.email, address.as_ref())
            || self.opener.is_some_and(|opener| {
                std::ptr::eq(opener, comment) || (id.is_some() && author_id(opener) == id)
            });
        if customer { Author::Customer } else { Author::Unknown }
    }
}

/// `is_operator` live, `isOperator` in the documents, or missing (richpanel-api §2).
fn is_operator(comment: &Value) -> Option<bool> {
    first_flag(comment, &["is_operator", "isOperator"])
}

fn author_id(comment: &Value) -> Option<String> {
    first_text(comment, &["author_id", "authorId"]).or_else(|| text(comment.pointer("/author/id")))
}

/// The echo of an HTTP Target: neither a customer's words nor an agent's. Whatever the flags say: an echo taken for a
/// customer's message would call us again and again.
fn is_machine_made(comment: &Value) -> bool {
    ["plain_body", "body"].iter().any(|key| is_action_json(&raw_text(comment.get(*key))))
}

/// A call or its recording.
fn is_voice(comment: &Value) -> bool {
    text(comment.get("type")).is_some_and(|kind| kind.eq_ignore_ascii_case("VoiceComment"))
}

/// `{"actionName": …}`, bare or wrapped in a tag or escaped for HTML.
fn is_action_json(body: &str) -> bool {
    let body = body.trim_start();
    let inner = body.strip_prefix("<p>").or_else(|| body.strip_prefix("<div>")).unwrap_or(body).trim_start();
    let Some(rest) = inner.strip_prefix('{') else { return false };
    let rest = rest.trim_start();
    let key = rest.strip_prefix('"').or_else(|| rest.strip_prefix("&quot;"));
    key.is_some_and(|key| key.starts_with("actionName"))
}
