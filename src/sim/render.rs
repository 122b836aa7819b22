//! Tickets as the API shows them (richpanel-api §2): the keys differ from ticket to ticket, the
//! operator flag has two names or none, comments are not always in time order.
//!
//! | shape | how it differs from 0 |
//! |---|---|
//! | 0 | every key, `is_operator`, time order |
//! | 1 | no `recipient`, no `satisfaction_rating`; empty `tags` are null |
//! | 2 | no `cookieId`, no `customFields`; the last two comments are swapped |
//! | 3 | `isOperator`; no `first_response_time`; comments without `via` |
//! | 4 | no `url`; comments newest first |
//! | 5 | no `via.source`; customer comments without the flag; empty `tags` are null |
//! | 6 | `isOperator`; customer comments without `id`; comments without `attachments`, `metadata` |
//! | 7 | no operator flag at all; no `customer_profile` |

use serde_json::{Map, Value, json};

use super::clock::iso;
use super::model::{Comment, Side, Ticket};

/// What a ticket's JSON needs from the tenant.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tenant<'a> {
    pub(super) app_client_id: &'a str,
    pub(super) mailbox: &'a str,
}

/// The ticket object, without its `ticket` wrapper.
pub(super) fn ticket(ticket: &Ticket, tenant: Tenant<'_>, with_comments: bool) -> Value {
    let mut shown = Map::new();
    let mut put = |key: &str, value: Value| drop(shown.insert(key.to_owned(), value));
    put("id", json!(ticket.id));
    put("conversation_no", json!(ticket.conversation_no));
    put("cookieId", json!(format!("{}_{}", tenant.app_client_id, ticket.customer.email)));
    put("app_client_id", json!(tenant.app_client_id));
    put("organization_id", json!(format!("{}1", tenant.app_client_id)));
    put("created_at", json!(iso(ticket.created_at_ms)));
    put("updated_at", json!(iso(ticket.updated_at_ms)));
    if let Some(first) = ticket.comments.iter().find(|comment| is_answer(comment)) {
        put("first_response_time", json!(iso(first.at_ms)));
    }
    put("assignee_id", json!(ticket.assignee_id.as_deref().unwrap_or("unassigned")));
    put("priority", json!(ticket.priority));
    put("recipient", json!(tenant.mailbox));
    put("status", json!(ticket.status.word()));
    put("subject", json!(ticket.subject));
    if let Some(via) = via(ticket, tenant) {
        put("via", via);
    }
    if with_comments {
        put("comments", Value::Array(comments(ticket)));
    }
    put("url", json!(url(ticket)));
    put(
        "tags",
        if ticket.tags.is_empty() && matches!(ticket.shape, 1 | 5) {
            Value::Null
        } else {
            json!(ticket.tags)
        },
    );
    put("customer_profile", profile(ticket));
    put("satisfaction_rating", Value::Null);
    put("customFields", Value::Object(ticket.custom_fields.clone()));
    if let Some(team) = &ticket.team_id {
        put("team_id", json!(team));
    }
    for key in missing_keys(ticket) {
        shown.remove(*key);
    }
    Value::Object(shown)
}

/// Where a person would look at the ticket.
pub(super) fn url(ticket: &Ticket) -> String {
    format!("https://helpdesk.example.com/conversations?number={}", ticket.conversation_no)
}

fn missing_keys(ticket: &Ticket) -> &'static [&'static str] {
    match ticket.shape {
        1 => &["recipient", "satisfaction_rating"],
        2 if ticket.custom_fields.is_empty() => &["cookieId", "customFields"],
        2 => &["cookieId"],
        3 => &["first_response_time"],
        4 => &["url"],
        7 => &["customer_profile"],
        _ => &[],
    }
}

fn is_answer(comment: &Comment) -> bool {
    comment.side == Side::Operator && comment.public && comment.author_id.is_some()
}

fn profile(ticket: &Ticket) -> Value {
    let customer = &ticket.customer;
    let mut profile = json!({
        "email": customer.email,
        "firstName": customer.first_name,
        "lastName": customer.last_name,
    });
    if let Some(object) = profile.as_object_mut()
        && !customer.phone.is_empty()
    {
        object.insert("phone".into(), json!(customer.phone));
    }
    profile
}

fn via(ticket: &Ticket, tenant: Tenant<'_>) -> Option<Value> {
    let mut via = Map::new();
    if !ticket.channel_hidden {
        via.insert("channel".into(), json!(ticket.channel));
    }
    if ticket.channel.starts_with("email") && ticket.shape != 5 {
        let source = json!({"from": {"address": ticket.customer.email}, "to": {"address": tenant.mailbox}});
        via.insert("source".into(), source);
    }
    (!via.is_empty()).then_some(Value::Object(via))
}

fn comments(ticket: &Ticket) -> Vec<Value> {
    let mut shown: Vec<Value> = ticket.comments.iter().map(|each| comment(each, ticket)).collect();
    let count = shown.len();
    match ticket.shape {
        2 if count >= 2 => shown.swap(count - 1, count - 2),
        4 => shown.reverse(),
        _ => {}
    }
    shown
}

fn comment(comment: &Comment, ticket: &Ticket) -> Value {
    let mut shown = Map::new();
    let mut put = |key: &str, value: Value| drop(shown.insert(key.to_owned(), value));
    let customer = comment.side == Side::Customer;
    if !(customer && ticket.shape == 6) {
        put("id", json!(comment.id));
    }
    put("type", json!(comment.kind));
    if let Some(author) = &comment.author_id {
        put("author_id", json!(author));
    }
    match ticket.shape {
        3 | 6 => put("isOperator", json!(!customer)),
        5 if customer => {}
        7 => {}
        _ => put("is_operator", json!(!customer)),
    }
    if !comment.public {
        put("public", json!(false));
    }
    put("body", json!(comment.body));
    if let Some(plain) = &comment.plain_body {
        put("plain_body", json!(plain));
    }
    if ticket.shape != 6 {
        put("attachments", json!([]));
        put("metadata", comment.metadata.clone());
    }
    if ticket.shape != 3 && !ticket.channel_hidden {
        put("via", json!({"channel": ticket.channel}));
    }
    put("created_at", json!(iso(comment.at_ms)));
    Value::Object(shown)
}
