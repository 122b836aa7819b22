//! Richpanel's calls to us: HTTP Targets (richpanel-api §4). Pure: no clock, no store, no network.
//!
//! An admin wrote the body by hand with placeholders, values may not be escaped, and the call comes once. So whatever
//! the content type says, the body is tried as JSON, as a form and as XML, and what is left is salvaged: the ticket's
//! id is enough, the rest is read from the ticket anyway.
//!
//! A customer's text inside an unescaped template can forge fields. The first field of a name wins everywhere, so a
//! template that puts the ticket's id before any free text (as `http-target` prints it) cannot be steered to another
//! ticket.

use std::collections::BTreeMap;

use percent_encoding::percent_decode_str;
use secrecy::{ExposeSecret as _, SecretString};
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use subtle::{Choice, ConstantTimeEq as _};

use super::{channel, json, salvage};
use crate::config::{Config, Fields};
use crate::event::{HelpdeskName, TicketId};
use crate::helpdesk::{Call, Unusable, WebhookSource};

/// Where the calls come to.
const PATH: &str = "/richpanel/inbound";
/// The header with the token.
const TOKEN_HEADER: &str = "x-middleware-token";
/// Fields kept besides the known ones.
const EXTRA_FIELDS: usize = 64;
/// Bytes kept of each of them.
const EXTRA_BYTES: usize = 4096;
/// Bytes of the longest ticket id.
const ID_BYTES: usize = 512;
/// Nested elements of an XML body.
const XML_DEPTH: usize = 16;

/// Reads and checks Richpanel's calls.
pub struct RichpanelSource {
    name: HelpdeskName,
    fields: Fields,
    /// SHA-256 of each valid token: of one length, whatever the token's.
    tokens: Vec<[u8; 32]>,
}

impl std::fmt::Debug for RichpanelSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RichpanelSource").field("tokens", &self.tokens.len()).finish_non_exhaustive()
    }
}

impl RichpanelSource {
    /// `tokens`: all of them are valid, for rotation; blank ones are ignored, and with none nobody gets in.
    /// `fields`: what the template calls its fields.
    pub fn new(tokens: &[SecretString], fields: Fields) -> Self {
        let digest = |token: &str| <[u8; 32]>::from(Sha256::digest(token.as_bytes()));
        let tokens = tokens
            .iter()
            .map(|token| token.expose_secret().trim())
            .filter(|token| !token.is_empty())
            .map(digest)
            .collect();
        Self { name: Config::richpanel_name(), fields, tokens }
    }

    /// The call that these fields make, if there is a ticket's id among them.
    fn call(&self, mut found: Found, salvaged: bool) -> Option<Call> {
        let names = &self.fields;
        let id = found
            .take(&[&names.ticket_id, "ticket.id"])
            .and_then(|id| salvage::ticket_id(&id))
            .or_else(|| salvage::id_in_url(found.look(&[&names.ticket_url, "ticket.url"])?))?;
        let channel = found.take(&[&names.channel, "ticket.channel"]);
        let email = found.take(&[&names.customer_email, "ticket.customer.email", "customer.email"]);
        Some(Call {
            ticket_id: TicketId::new(id),
            channel: channel.as_deref().and_then(channel::from_word),
            message: found.take(&[&names.message, "ticket.lastMessage.text"]),
            subject: found.take(&[&names.subject, "ticket.subject"]),
            trigger: found.take(&[&names.trigger]),
            customer_email: email.map(|email| email.trim().to_owned()),
            extra: found.extra(),
            salvaged: salvaged || found.forged(&names.ticket_id),
        })
    }

    fn read(&self, text: &str, lossy: bool) -> Option<Call> {
        let call = match text.trim_start().chars().next()? {
            '{' | '[' | '"' => from_json(text).and_then(|found| self.call(found, lossy)),
            '<' => from_xml(text).and_then(|found| self.call(found, lossy)),
            _ => self.call(from_form(text, &self.fields.ticket_id), lossy),
        };
        call.or_else(|| self.call(salvage::fields(text, &self.fields).into_iter().collect(), true))
    }
}

impl WebhookSource for RichpanelSource {
    fn name(&self) -> &HelpdeskName {
        &self.name
    }

    fn path(&self) -> &str {
        PATH
    }

    fn credential_header(&self) -> &str {
        TOKEN_HEADER
    }

    /// Every token is compared, in constant time, over the SHA-256 of both; the same work is done without a credential.
    fn verify(&self, credential: Option<&[u8]>) -> bool {
        let given = <[u8; 32]>::from(Sha256::digest(credential.unwrap_or_default().trim_ascii()));
        let known = self.tokens.iter().fold(Choice::from(0), |known, token| known | token.ct_eq(&given));
        bool::from(known) && credential.is_some()
    }

    fn parse(&self, content_type: Option<&str>, body: &[u8]) -> Result<Call, Unusable> {
        let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
        let text = String::from_utf8_lossy(body);
        let lossy = matches!(text, std::borrow::Cow::Owned(_));
        self.read(&text, lossy).ok_or_else(|| {
            let kind = content_type.unwrap_or_default().to_lowercase();
            let known = kind.is_empty() || ["json", "urlencoded", "xml"].iter().any(|word| kind.contains(word));
            if known { Unusable::NoTicketId } else { Unusable::ContentType }
        })
    }
}

/// Fields in the order they came; nested ones by their path (`ticket.id`).
#[derive(Debug, Default)]
struct Found {
    fields: Vec<(String, String)>,
    /// A name came twice at the top, with different values.
    twice: Vec<String>,
}

impl FromIterator<(String, String)> for Found {
    fn from_iter<T: IntoIterator<Item = (String, String)>>(fields: T) -> Self {
        let mut found = Self::default();
        fields.into_iter().for_each(|(name, value)| found.add(name, value));
        found
    }
}

impl Found {
    /// The first of a name wins.
    fn add(&mut self, name: String, value: String) {
        match self.fields.iter().find(|(known, _)| *known == name) {
            Some((_, known)) if *known != value => self.twice.push(name),
            Some(_) => {}
            None if self.fields.len() < 4 * EXTRA_FIELDS => self.fields.push((name, value)),
            None => {}
        }
    }

    fn position(&self, names: &[&str]) -> Option<usize> {
        let usable = |value: &str| !value.trim().is_empty() && !salvage::is_placeholder(value);
        let find = |matches: &dyn Fn(&str) -> bool| {
            self.fields.iter().position(|(name, value)| matches(name) && usable(value))
        };
        names.iter().find_map(|name| {
            // At the top, else one level down under any name.
            find(&|field| field == *name)
                .or_else(|| find(&|field| field.split_once('.').is_some_and(|(_, inner)| inner == *name)))
        })
    }

    fn look(&self, names: &[&str]) -> Option<&str> {
        self.position(names).and_then(|at| self.fields.get(at)).map(|(_, value)| value.as_str())
    }

    fn take(&mut self, names: &[&str]) -> Option<String> {
        self.position(names).map(|at| self.fields.remove(at).1)
    }

    fn forged(&self, name: &str) -> bool {
        self.twice.iter().any(|twice| twice == name)
    }

    fn extra(&mut self) -> BTreeMap<String, String> {
        let bounded = |text: String| match text.char_indices().find(|(at, c)| at + c.len_utf8() > EXTRA_BYTES) {
            Some((at, _)) => text.get(..at).unwrap_or_default().to_owned(),
            None => text,
        };
        std::mem::take(&mut self.fields)
            .into_iter()
            .take(EXTRA_FIELDS)
            .map(|(name, value)| (name.chars().take(128).collect(), bounded(value)))
            .collect()
    }
}

/// A JSON object with its fields in order, also when a name comes twice (which `serde_json::Value` forgets).
struct Ordered(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Ordered {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields;
        impl<'de> Visitor<'de> for Fields {
            type Value = Ordered;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Ordered, A::Error> {
                let mut fields = Vec::new();
                while let Some(field) = map.next_entry()? {
                    fields.push(field);
                }
                Ok(Ordered(fields))
            }
        }
        deserializer.deserialize_map(Fields)
    }
}

/// An object, also inside a list of one or inside a JSON string.
fn from_json(text: &str) -> Option<Found> {
    if let Ok(Ordered(fields)) = serde_json::from_str::<Ordered>(text) {
        let mut found = Found::default();
        for (name, value) in &fields {
            flatten(&mut found, name, value, 2);
        }
        return Some(found);
    }
    match serde_json::from_str::<Value>(text).ok()? {
        Value::Array(items) if items.len() == 1 => from_json(&items.first()?.to_string()),
        Value::String(inner) if inner.trim_start().starts_with('{') => from_json(&inner),
        _ => None,
    }
}

fn flatten(found: &mut Found, name: &str, value: &Value, depth: u32) {
    match value {
        Value::Null => {}
        Value::Object(fields) if depth > 0 => {
            for (key, value) in fields {
                flatten(found, &format!("{name}.{key}"), value, depth - 1);
            }
        }
        Value::String(text) => found.add(name.to_owned(), text.clone()),
        other => found.add(name.to_owned(), json::text(Some(other)).unwrap_or_else(|| other.to_string())),
    }
}

/// A form body. A plus sign is a space (but in ids, which hold no spaces and, as Message-IDs, do hold plus signs).
fn from_form(text: &str, id_field: &str) -> Found {
    let decode = |part: &str| percent_decode_str(part).decode_utf8_lossy().into_owned();
    let pair = |pair: &str| {
        let (name, value) = pair.split_once('=')?;
        let name = decode(&name.replace('+', " "));
        let value = if name == id_field { decode(value) } else { decode(&value.replace('+', " ")) };
        Some((name.trim().to_owned(), value))
    };
    text.trim().split('&').filter_map(pair).collect()
}

/// An XML body: an element's name is a field's, its text the value. Only the five predefined entities and character
/// references are known; a document type is not read, so nothing can expand.
fn from_xml(text: &str) -> Option<Found> {
    use quick_xml::events::Event;
    let mut reader = quick_xml::Reader::from_str(text);
    let mut found = Found::default();
    let mut open: Vec<(String, String)> = Vec::new();
    loop {
        match reader.read_event().ok()? {
            Event::Start(start) if open.len() < XML_DEPTH => {
                let name = start.local_name().as_ref().to_owned();
                open.push((name, String::new()));
            }
            Event::Start(_) => return None,
            // Line breaks around the outermost element belong to nobody.
            Event::Text(text) => {
                if let Some((_, value)) = open.last_mut() {
                    value.push_str(&text);
                }
            }
            Event::CData(text) => open.last_mut()?.1.push_str(&text),
            Event::GeneralRef(entity) => {
                let character = match entity.resolve_char_ref().ok()? {
                    Some(character) => character.to_string(),
                    None => quick_xml::escape::resolve_predefined_entity(&entity)?.to_owned(),
                };
                open.last_mut()?.1.push_str(&character);
            }
            Event::End(_) => {
                let (name, value) = open.pop()?;
                // The outermost element is only a wrapper; `<ticket><id>` inside it is `ticket.id`.
                let path: Vec<&str> = open.iter().skip(1).map(|(name, _)| name.as_str()).collect();
                let inside = path.into_iter().chain([name.as_str()]).collect::<Vec<_>>().join(".");
                if !value.trim().is_empty() {
                    found.add(inside, value.trim().to_owned());
                }
            }
            Event::Eof => return open.is_empty().then_some(found),
            _ => {}
        }
    }
}

/// Bytes of the longest id, for [`salvage`].
pub(super) const fn id_bytes() -> usize {
    ID_BYTES
}
