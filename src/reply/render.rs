//! From a certain order and a configured text to a draft whose every value has a source, or to the reason why not.
//!
//! [`Reply::compile`] once a configuration, [`render`] once a message.

use std::collections::BTreeMap;

use super::situation::{Situation, situation};
use super::template::Template;
use super::values::{FIXED_VARIABLES, Material, ORDER_VARIABLES, VARIABLES};
use super::{Draft, Fact};
use crate::config::ReplyTexts;

/// A reply's texts, parsed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// Its name under `[replies]`.
    pub name: String,
    /// The mail.
    pub email: Template,
    /// The chat lines.
    pub chat: Template,
    /// Close the ticket afterwards.
    pub close: bool,
    /// Switched on.
    pub enabled: bool,
    /// ISO 639-1.
    pub language: String,
}

impl Reply {
    /// Parses both texts.
    ///
    /// # Errors
    /// Every mistake with the key and the place in the text.
    pub fn compile(name: &str, texts: &ReplyTexts) -> Result<Self, Vec<String>> {
        let mut errors = Vec::new();
        let mut parse = |form: &str, text: &str| {
            if text.trim().is_empty() {
                errors.push(format!("replies.{name}.{form}: is empty"));
            }
            Template::parse(text, VARIABLES)
                .map_err(|error| errors.push(format!("replies.{name}.{form}: {error}")))
                .ok()
        };
        let (email, chat) = (parse("email", &texts.email), parse("chat", &texts.chat));
        if texts.language.trim().is_empty() {
            errors.push(format!("replies.{name}.language: is empty"));
        }
        match (email, chat) {
            (Some(email), Some(chat)) if errors.is_empty() => Ok(Self {
                name: name.to_owned(),
                email,
                chat,
                close: texts.close,
                enabled: texts.enabled,
                language: texts.language.trim().to_lowercase(),
            }),
            _ => Err(errors),
        }
    }

    /// The text for this channel.
    pub const fn text(&self, chat: bool) -> &Template {
        if chat { &self.chat } else { &self.email }
    }

    /// Whether either text says something that only an order tells.
    pub fn needs_order(&self) -> bool {
        ORDER_VARIABLES.iter().any(|name| self.email.uses(name) || self.chat.uses(name))
    }
}

/// What is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ask<'a> {
    /// The text for the order's situation: the prefix of the replies' names (`order_status`).
    Facts(&'a str),
    /// This very text.
    Fixed(&'a str),
}

/// Why nothing is said, in plain words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoReply {
    /// There is no order to say anything about.
    #[error("no order is certain")]
    NoOrder,
    /// The order calls for a person.
    #[error("a person must answer: {}", .0.why_a_person().unwrap_or_default())]
    Person(Situation),
    /// The configuration has no such text, or it is switched off.
    #[error("{0}")]
    NoText(String),
    /// A value of the text is missing.
    #[error("a fact is missing: {0}")]
    Missing(String),
}

/// Writes the reply.
///
/// # Errors
/// [`NoReply`]: then a person answers.
pub fn render(
    replies: &BTreeMap<String, Reply>,
    ask: Ask<'_>,
    material: &Material<'_>,
) -> Result<Draft, NoReply> {
    let reply = choose(replies, ask, material)?;
    let template = reply.text(material.chat);
    let mut facts: Vec<Fact> = Vec::new();
    let text = template.fill(|name| {
        if matches!(ask, Ask::Fixed(_)) && !FIXED_VARIABLES.contains(&name) {
            return Err(NoReply::Missing(format!("{{{name}}} is not for a text that reads no order out")));
        }
        let fact = material.fact(name, &reply.language).map_err(NoReply::Missing)?;
        let value = fact.value.clone();
        if !facts.contains(&fact) {
            facts.push(fact);
        }
        Ok(value)
    })?;
    let dated = template.uses("estimate");
    Ok(Draft {
        template: reply.name.clone(),
        text,
        close: reply.close,
        facts,
        language: reply.language.clone(),
        // "By Friday" is true until the day is over.
        good_until: dated.then(|| material.calendar.end_of_day(material.now)).flatten(),
    })
}

/// Under which name a reply's text in another language stands: `order_status_shipped_de`.
pub fn translation(name: &str, language: &str) -> String {
    format!("{name}_{language}")
}

/// The reply that an ask leads to, in the language of the message where there is a text in it.
///
/// # Errors
/// [`NoReply`] without [`NoReply::Missing`].
pub fn choose<'a>(
    replies: &'a BTreeMap<String, Reply>,
    ask: Ask<'_>,
    material: &Material<'_>,
) -> Result<&'a Reply, NoReply> {
    let name = match ask {
        Ask::Fixed(name) => name.to_owned(),
        Ask::Facts(prefix) => {
            let order = material.order.ok_or(NoReply::NoOrder)?;
            let situation = situation(order, material.calendar, material.stall_days, material.now);
            match situation.suffix() {
                Some(suffix) => format!("{prefix}{suffix}"),
                None => return Err(NoReply::Person(situation)),
            }
        }
    };
    let translated = replies.get(&translation(&name, material.language)).filter(|reply| reply.enabled);
    let reply = translated
        .or_else(|| replies.get(&name))
        .ok_or_else(|| NoReply::NoText(format!("there is no text under [replies.{name}]")))?;
    if !reply.enabled {
        return Err(NoReply::NoText(format!("the text [replies.{name}] is switched off")));
    }
    Ok(reply)
}

#[cfg(test)]
#[path = "render_tests.rs"]
mod tests;
