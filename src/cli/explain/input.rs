//! What is to be explained, and the ticket that it would be.

use serde::Deserialize;
use serde_json::Value;

use crate::daemon::outside::channel_of_word;
use crate::event::{MessageId, TicketId, Timestamp};
use crate::ticket::{Author, Channel, Customer, Status, Ticket};

/// Who writes, when no order says better.
const CUSTOMER: &str = "customer@example.com";

/// One message of a customer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::cli) struct Message {
    text: String,
    html: Option<String>,
    subject: String,
    channel: Channel,
}

/// One line of a file.
#[derive(Debug, Deserialize)]
struct Line {
    #[serde(default)]
    text: String,
    subject: Option<String>,
    channel: Option<String>,
    /// The HTML, or whether `text` is HTML.
    #[serde(default)]
    html: Value,
}

impl Message {
    /// # Errors
    /// A channel that nobody knows.
    pub(in crate::cli) fn new(
        text: String,
        html: Option<String>,
        subject: &str,
        channel: &str,
    ) -> Result<Self, String> {
        let channel = match channel.trim() {
            "" | "unknown" => Channel::Unknown,
            word => channel_of_word(word).ok_or_else(|| {
                format!("\"{word}\" is no channel that is known; email, live_chat, whatsapp, … or unknown")
            })?,
        };
        Ok(Self { text, html, subject: subject.to_owned(), channel })
    }

    /// The ticket as it would be read, with this message as its only one.
    pub(in crate::cli) fn ticket(&self, email: Option<&str>, now: Timestamp) -> Ticket {
        Ticket {
            id: TicketId::from("explain"),
            number: None,
            status: Status::Open,
            subject: self.subject.clone(),
            channel: self.channel.clone(),
            tags: vec![],
            assignee: None,
            priority: None,
            customer: Customer { email: Some(email.unwrap_or(CUSTOMER).to_owned()), ..Customer::default() },
            client_id: None,
            messages: vec![crate::ticket::Message {
                id: Some(MessageId::from("explain")),
                author: Author::Customer,
                plain: self.text.clone(),
                html: self.html.clone(),
                public: true,
                at: Some(now),
                attachments: 0,
                auto_submitted: false,
            }],
            created_at: Some(now),
            updated_at: Some(now),
            read_at: now,
        }
    }
}

/// Reads a line of a file; what it leaves out comes from the command line.
///
/// # Errors
/// In words.
pub(super) fn of_json(line: &str, subject: &str, channel: &str, is_html: bool) -> Result<Message, String> {
    let line: Line = serde_json::from_str(line).map_err(|error| error.to_string())?;
    let (text, html) = match line.html {
        Value::String(html) => (line.text, Some(html)),
        Value::Bool(false) => (line.text, None),
        Value::Bool(true) => (String::new(), Some(line.text)),
        Value::Null if is_html => (String::new(), Some(line.text)),
        Value::Null => (line.text, None),
        other => return Err(format!("html is {other}; the HTML itself, or true when text is HTML")),
    };
    let subject = line.subject.as_deref().unwrap_or(subject);
    Message::new(text, html, subject, line.channel.as_deref().unwrap_or(channel))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_may_leave_out_everything_but_its_braces() {
        let message = of_json("{}", "s", "email", false).unwrap();
        assert_eq!((message.subject.as_str(), message.channel), ("s", Channel::Email));
        let message =
            of_json(r#"{"text":"hi","subject":"t","channel":"messenger","other":1}"#, "s", "email", false)
                .unwrap();
        assert_eq!(
            (message.text.as_str(), message.subject.as_str(), message.channel),
            ("hi", "t", Channel::LiveChat)
        );
    }

    #[test]
    fn html_is_the_html_or_a_word_on_the_text() {
        for (line, is_html, text, html) in [
            (r#"{"text":"a"}"#, false, "a", None),
            (r#"{"text":"a"}"#, true, "", Some("a")),
            (r#"{"text":"a","html":true}"#, false, "", Some("a")),
            (r#"{"text":"a","html":false}"#, true, "a", None),
            (r#"{"text":"a","html":"<b>"}"#, false, "a", Some("<b>")),
        ] {
            let message = of_json(line, "", "", is_html).unwrap();
            assert_eq!((message.text.as_str(), message.html.as_deref()), (text, html), "{line}");
        }
        assert!(of_json(r#"{"html":3}"#, "", "", false).is_err());
        assert!(of_json(r#"{"channel":"pigeon"}"#, "", "", false).is_err());
        assert!(of_json("text", "", "", false).is_err());
    }
}
