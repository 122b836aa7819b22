//! Automation rules that fire HTTP Targets (richpanel-api §4): what they send, and what becomes
//! of it on the way. The sending itself is in `firing`.

use std::collections::BTreeMap;
use std::fmt::Write;

use fastrand::Rng;
use serde::{Deserialize, Serialize};

/// Content type of a target's body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BodyKind {
    /// `application/json`
    #[default]
    Json,
    /// `application/x-www-form-urlencoded`
    Form,
    /// `application/xml`
    Xml,
}

impl BodyKind {
    /// The `Content-Type`.
    #[must_use]
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Form => "application/x-www-form-urlencoded",
            Self::Xml => "application/xml",
        }
    }

    fn escape(self, value: &str) -> String {
        match self {
            Self::Json => {
                let quoted = serde_json::Value::from(value).to_string();
                quoted
                    .strip_prefix('"')
                    .and_then(|rest| rest.strip_suffix('"'))
                    .unwrap_or_default()
                    .to_owned()
            }
            Self::Form => form_urlencoded::byte_serialize(value.as_bytes()).collect(),
            Self::Xml => quick_xml::escape::escape(value).into_owned(),
        }
    }
}

/// One rule with its HTTP Target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Target {
    /// Its name in records.
    pub name: String,
    /// Where it calls.
    pub url: String,
    /// HTTP method.
    pub method: String,
    /// Static headers.
    pub headers: BTreeMap<String, String>,
    /// Content type.
    pub body_kind: BodyKind,
    /// Body with `{{ticket.id}}` and the like.
    pub body: String,
    /// Whether values are escaped for the content type; the vendor may not do it.
    pub escaped: bool,
    /// Channels it fires for; empty for all. An empty name means tickets that show no channel.
    pub channels: Vec<String>,
    /// Fire only for the first message of a conversation.
    pub new_conversations_only: bool,
    /// Milliseconds until the call is given up.
    pub timeout_ms: u64,
}

impl Default for Target {
    fn default() -> Self {
        Self {
            name: "inbound".into(),
            url: String::new(),
            method: "POST".into(),
            headers: BTreeMap::new(),
            body_kind: BodyKind::Json,
            body: r#"{"ticket_id":"{{ticket.id}}","message":"{{ticket.lastMessage.text}}"}"#.into(),
            escaped: false,
            channels: Vec::new(),
            new_conversations_only: false,
            timeout_ms: 5_000,
        }
    }
}

impl Target {
    /// Whether the rule fires for a message on this shown channel (empty when none is shown).
    #[must_use]
    pub fn fires_for(&self, shown_channel: &str, new_conversation: bool) -> bool {
        let channel_fits =
            self.channels.is_empty() || self.channels.iter().any(|channel| channel == shown_channel);
        channel_fits && (new_conversation || !self.new_conversations_only)
    }

    /// The body with its placeholders filled; an unknown placeholder becomes nothing.
    #[must_use]
    pub fn fill(&self, values: &BTreeMap<&'static str, String>) -> String {
        let mut filled = String::with_capacity(self.body.len());
        let mut rest = self.body.as_str();
        while let Some((before, after)) = rest.split_once("{{") {
            filled.push_str(before);
            let Some((name, tail)) = after.split_once("}}") else {
                let _ = write!(filled, "{{{{{after}");
                return filled;
            };
            let value = values.get(name.trim()).map_or("", String::as_str);
            if self.escaped {
                filled.push_str(&self.body_kind.escape(value));
            } else {
                filled.push_str(value);
            }
            rest = tail;
        }
        filled.push_str(rest);
        filled
    }
}

/// What becomes of one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Shot {
    /// It is sent once.
    Once,
    /// It never leaves.
    Lost,
    /// It is sent twice, at the same time.
    Twice,
    /// It is sent so many milliseconds later.
    Delayed {
        /// Milliseconds.
        ms: u64,
    },
}

/// Odds, each 0.0..=1.0, tried in this order; the rest is sent once.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Chances {
    /// Never leaves.
    pub lost: f64,
    /// Sent twice.
    pub twice: f64,
    /// Sent late.
    pub delayed: f64,
    /// The longest delay, in milliseconds.
    pub delay_ms_max: u64,
}

impl Chances {
    /// Draws what becomes of one call.
    pub fn draw(&self, rng: &mut Rng) -> Shot {
        let x = rng.f64();
        if x < self.lost {
            Shot::Lost
        } else if x < self.lost + self.twice {
            Shot::Twice
        } else if x < self.lost + self.twice + self.delayed {
            Shot::Delayed { ms: rng.u64(0..=self.delay_ms_max) }
        } else {
            Shot::Once
        }
    }
}

/// The record of one call of a target. A doubled call has two records.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FiringRecord {
    /// Position, from 1.
    pub seq: u64,
    /// When the rule fired, milliseconds since 1970.
    pub at_ms: i64,
    /// Name of the target.
    pub target: String,
    /// Ticket it fired for.
    pub ticket_id: String,
    /// Customer message it fired for.
    pub message_id: String,
    /// What was to become of it.
    pub shot: Shot,
    /// The body that was (or would have been) sent.
    pub body: String,
    /// True when nothing more will come of it.
    pub done: bool,
    /// Status of the answer, when there was one.
    #[serde(default)]
    pub status: Option<u16>,
    /// The first 500 characters of the answer.
    #[serde(default)]
    pub answer: Option<String>,
    /// Why there was no answer.
    #[serde(default)]
    pub error: Option<String>,
}

impl FiringRecord {
    /// True when the receiver said 200: from then on the message is its responsibility.
    #[must_use]
    pub fn acknowledged(&self) -> bool {
        self.status == Some(200)
    }
}

/// A call ready to go.
#[derive(Debug, Clone)]
pub struct Outgoing {
    /// Its record.
    pub seq: u64,
    /// Its target.
    pub target: Target,
    /// Its body.
    pub body: String,
    /// When it leaves, milliseconds since 1970.
    pub due_at_ms: i64,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values() -> BTreeMap<&'static str, String> {
        BTreeMap::from([
            ("ticket.id", "<a+b@mail.example.com>".to_owned()),
            ("ticket.lastMessage.text", "say \"hi\"\n& bye".to_owned()),
        ])
    }

    #[test]
    fn unescaped_values_break_the_json_and_escaped_ones_do_not() {
        let mut target = Target::default();
        assert!(serde_json::from_str::<serde_json::Value>(&target.fill(&values())).is_err());
        target.escaped = true;
        let json: serde_json::Value = serde_json::from_str(&target.fill(&values())).unwrap();
        assert_eq!(json["ticket_id"], "<a+b@mail.example.com>");
        assert_eq!(json["message"], "say \"hi\"\n& bye");
    }

    #[test]
    fn escaping_keeps_a_quote_at_either_end_of_a_value() {
        let target = Target { body: "\"{{ticket.id}}\"".into(), escaped: true, ..Target::default() };
        let values = BTreeMap::from([("ticket.id", "\"x\"".to_owned())]);
        assert_eq!(serde_json::from_str::<String>(&target.fill(&values)).unwrap(), "\"x\"");
    }

    #[test]
    fn form_and_xml_have_their_own_escaping_and_unknown_placeholders_become_nothing() {
        let form = Target {
            body_kind: BodyKind::Form,
            body: "id={{ticket.id}}&x={{ticket.nothing}}".into(),
            escaped: true,
            ..Target::default()
        };
        assert_eq!(form.fill(&values()), "id=%3Ca%2Bb%40mail.example.com%3E&x=");
        let xml = Target {
            body_kind: BodyKind::Xml,
            body: "<id>{{ ticket.id }}</id>{{oops".into(),
            escaped: true,
            ..Target::default()
        };
        assert_eq!(xml.fill(&values()), "<id>&lt;a+b@mail.example.com&gt;</id>{{oops");
    }

    #[test]
    fn a_rule_for_a_channel_does_not_fire_for_another_or_for_none() {
        let target = Target { channels: vec!["email".into()], ..Target::default() };
        assert!(target.fires_for("email", false));
        assert!(!target.fires_for("messenger", true));
        assert!(!target.fires_for("", true));
        let first_only = Target { new_conversations_only: true, ..Target::default() };
        assert!(!first_only.fires_for("email", false));
    }

    #[test]
    fn chances_come_out_about_as_often_as_they_say() {
        let chances = Chances { lost: 0.1, twice: 0.2, delayed: 0.3, delay_ms_max: 5 };
        let mut rng = Rng::with_seed(3);
        let shots: Vec<_> = (0..10_000).map(|_| chances.draw(&mut rng)).collect();
        let lost = shots.iter().filter(|shot| **shot == Shot::Lost).count();
        let once = shots.iter().filter(|shot| **shot == Shot::Once).count();
        assert!((900..1_100).contains(&lost), "{lost}");
        assert!((3_800..4_200).contains(&once), "{once}");
    }
}
