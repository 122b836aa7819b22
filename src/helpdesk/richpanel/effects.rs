//! Effects as Richpanel's calls (richpanel-api §2 and §3), and what their answers show.
//!
//! A reply by e-mail goes through `send-message`, the only call proven to reach an inbox; its text is sent as it is,
//! line breaks included, since nothing says that the route takes HTML. Replies elsewhere and notes are operator
//! comments inside a PUT; they carry the bot's `author_id` too, which is dropped silently if unknown and lets us know
//! our own words again if not. `tags` inside a PUT may replace the list and is never sent.

use serde_json::{Value, json};

use super::errors::Call;
use crate::event::TicketId;
use crate::helpdesk::http::Request;
use crate::helpdesk::{ApiError, Applied};
use crate::ticket::{Channel, Effect, Status, Ticket};

/// The longest line that goes into the journal.
const LINE_LIMIT: usize = 200;

/// A call without its path's values.
pub(super) struct Plan {
    pub(super) call: Call,
    pub(super) route: &'static str,
    /// Path segments after `/tickets/{id}`.
    tail: Vec<String>,
    body: Option<Value>,
}

impl Plan {
    /// The call for an effect. `tag_ids`: the ids by which a tag may also be known.
    ///
    /// # Errors
    /// [`ApiError::Rejected`] with status 0 for a reply by e-mail without an agent to write as.
    pub(super) fn of(
        ticket: &Ticket,
        effect: &Effect,
        bot_agent_id: Option<&str>,
        tag_ids: &dyn Fn(&str) -> Vec<String>,
    ) -> Result<Self, ApiError> {
        let plan = match effect {
            Effect::Reply { body } if ticket.channel == Channel::Email => {
                let Some(author) = bot_agent_id else {
                    let message = "no bot_agent_id is configured".to_owned();
                    return Err(ApiError::Rejected { status: 0, message });
                };
                let body = json!({"body": body, "author_id": author});
                Self::new(Call::Once, "/tickets/{id}/send-message", &["send-message"], Some(body))
            }
            Effect::Reply { body } => Self::put(Call::Once, comment(body, true, bot_agent_id)),
            Effect::Note { body } => Self::put(Call::Once, comment(body, false, bot_agent_id)),
            Effect::AddTags { tags } => {
                let body = json!({"tags": tags});
                Self::new(Call::Harmless, "/tickets/{id}/add-tags", &["add-tags"], Some(body))
            }
            Effect::RemoveTags { tags } => {
                // A tag made in the vendor's pages is known by its id (richpanel-api §3): both are taken off.
                let both: Vec<String> =
                    tags.iter().flat_map(|tag| std::iter::once(tag.clone()).chain(tag_ids(tag))).collect();
                let body = json!({"tags": both});
                Self::new(Call::Harmless, "/tickets/{id}/remove-tags", &["remove-tags"], Some(body))
            }
            // The one body known to close (richpanel-api §3).
            Effect::Close => Self::put(Call::Harmless, json!({"status": "CLOSED", "state": "closed"})),
            Effect::Reopen => Self::put(Call::Harmless, json!({"status": "OPEN", "state": "open"})),
            Effect::Priority { level } => Self::put(Call::Harmless, json!({"priority": level})),
            Effect::Assign { agent_id } => Self::put(Call::Harmless, json!({"assignee_id": agent_id})),
            Effect::CustomFields { fields } => Self::put(Call::Harmless, json!({"customFields": fields})),
            Effect::AttachOrder { order } => Self::new(
                Call::Harmless,
                "/tickets/{id}/attach-order/{client}/{order}",
                &["attach-order", &order.client_id, &order.order_id],
                None,
            ),
        };
        Ok(plan)
    }

    fn new(call: Call, route: &'static str, tail: &[&str], body: Option<Value>) -> Self {
        Self { call, route, tail: tail.iter().map(|part| (*part).to_owned()).collect(), body }
    }

    fn put(call: Call, ticket: Value) -> Self {
        Self::new(call, "/tickets/{id}", &[], Some(json!({"ticket": ticket})))
    }

    /// The path after the base address.
    pub(super) fn segments<'a>(&'a self, id: &'a TicketId) -> Vec<&'a str> {
        ["tickets", id.as_str()].into_iter().chain(self.tail.iter().map(String::as_str)).collect()
    }

    /// The call itself.
    pub(super) fn request<'a>(&self, segments: &'a [&'a str]) -> Request<'a> {
        Request {
            access: self.call.access(),
            method: "PUT",
            route: self.route,
            segments,
            query: &[],
            body: self.body.clone(),
        }
    }
}

fn comment(body: &str, public: bool, bot_agent_id: Option<&str>) -> Value {
    let mut comment = json!({"body": body, "sender_type": "operator", "public": public});
    if let (Some(fields), Some(author)) = (comment.as_object_mut(), bot_agent_id) {
        fields.insert("author_id".to_owned(), json!(author));
    }
    json!({"comment": comment})
}

/// Holds a good answer against what was wanted.
///
/// # Errors
/// [`ApiError::Ambiguous`] when the answer shows the ticket and it is not closed: a 200 does not prove a write
/// (richpanel-api §3), and closing again does no harm.
pub(super) fn verify(effect: &Effect, applied: Applied) -> Result<Applied, ApiError> {
    let shown = applied.ticket.as_ref().map(|ticket| &ticket.status);
    if *effect == Effect::Close && shown.is_some_and(|status| *status != Status::Closed) {
        return Err(ApiError::Ambiguous("200, but the answer shows the ticket not closed".to_owned()));
    }
    Ok(applied)
}

/// The answer in one line without anybody's words: the status, and which parts came with how many elements.
pub(super) fn line(status: u16, body: &Value) -> String {
    let mut line = format!("{status} {}", outline(body, 2));
    if let Some(said) = body.get("message").and_then(Value::as_str) {
        line = format!("{line} message: {}", super::errors::tidy(said));
    }
    line.chars().take(LINE_LIMIT).collect()
}

fn outline(value: &Value, depth: u32) -> String {
    match value {
        Value::Null => "empty".to_owned(),
        Value::Object(_) if depth == 0 => "{…}".to_owned(),
        Value::Object(fields) => {
            let parts = fields.iter().take(16).map(|(key, value)| {
                let key: String = key.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '_').take(24).collect();
                match value {
                    Value::Array(items) => format!("{key}[{}]", items.len()),
                    // The vendor's own short words, never free text.
                    Value::String(word) if matches!(key.as_str(), "status" | "priority") => {
                        format!("{key}={}", super::errors::tidy(word))
                    }
                    Value::Object(_) => format!("{key}{}", outline(value, depth - 1)),
                    _ => key,
                }
            });
            format!("{{{}}}", parts.collect::<Vec<_>>().join(","))
        }
        Value::Array(items) => format!("[{}]", items.len()),
        Value::String(_) => "text".to_owned(),
        Value::Bool(_) | Value::Number(_) => "value".to_owned(),
    }
}
