//! The ticket's id out of a body that is neither JSON nor a form nor XML any more.
//!
//! A template breaks where an unescaped text was put in: at a quote, at a line break, at the angle brackets of a
//! Message-ID (richpanel-api §4). What stood before the text is untouched, and an id is easy to tell: it holds no
//! white space and no control character, and a quote only as part of a Message-ID's quoted left side. So the field's
//! name is looked for as a key, and its value is read with that knowledge. The first that makes an id wins.

use percent_encoding::percent_decode_str;

use super::source::id_bytes;
use crate::config::Fields;

/// Takes a raw value if it can be one of this field, cleaned up.
type Accept<'a> = dyn Fn(&str) -> Option<String> + 'a;

/// Places at which a name is tried: a body made of nothing but names must not cost more than others.
const PLACES: usize = 1000;
/// Bytes before a name in which its element must have begun.
const PREFIX_BYTES: usize = 64;
/// Bytes of the body that are looked at for each key found; more is no value of ours.
const VALUE_BYTES: usize = 2048;

/// A ticket's id, or `None` for what cannot be one: empty, too long, with control characters, a placeholder that was
/// not filled in, a word for "nothing", or dots that would change a path.
pub(super) fn ticket_id(value: &str) -> Option<String> {
    let value = value.trim();
    let escaped = value.strip_prefix("&lt;").and_then(|rest| rest.strip_suffix("&gt;"));
    let id = escaped.map_or_else(|| value.to_owned(), |inner| format!("<{inner}>"));
    let nothing = ["null", "undefined", "none", "nil", "n/a", "."];
    let usable = !id.is_empty()
        && id.len() <= id_bytes()
        && !id.chars().any(char::is_control)
        && !id.contains('\u{fffd}')
        && !is_placeholder(&id)
        && id != ".."
        && !nothing.contains(&id.to_lowercase().as_str());
    usable.then_some(id)
}

/// `{{ticket.id}}` as the admin wrote it: the helpdesk did not know it.
pub(super) fn is_placeholder(value: &str) -> bool {
    let value = value.trim();
    value.starts_with("{{") && value.ends_with("}}")
}

/// The last segment of a ticket's page, decoded. It must look like an id: a page's own name (`tickets`) does not.
pub(super) fn id_in_url(url: &str) -> Option<String> {
    let path = url.trim().split_once("://").map_or(url.trim(), |(_, rest)| rest);
    let path = match path.find('<') {
        // Not encoded: the id's own `?`, `#` and `/` are not the address's.
        Some(_) => path,
        None => path.split(['?', '#']).next()?,
    };
    let (_, path) = path.split_once('/')?;
    let last = match path.find('<') {
        Some(at) => path.get(at..)?,
        None => path.trim_end_matches('/').rsplit('/').next()?,
    };
    let decoded = percent_decode_str(last).decode_utf8().ok()?;
    ticket_id(&decoded).filter(|id| {
        id.contains(|c: char| c.is_ascii_digit() || c == '@') && !id.contains(char::is_whitespace)
    })
}

/// What can be found of the known fields in a broken body: the id, the page, and where they are plain words the
/// channel and the trigger. Names are the configured ones.
pub(super) fn fields(text: &str, names: &Fields) -> Vec<(String, String)> {
    // Half a Message-ID is none; white space means that the value ran on into something else.
    let whole = |id: &String| !id.contains(char::is_whitespace) && id.starts_with('<') == id.ends_with('>');
    let id = |value: &str| ticket_id(value).filter(whole);
    let word = |value: &str| {
        let plain = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | ' ');
        (!value.is_empty() && value.len() <= 64 && value.chars().all(plain)).then(|| value.to_owned())
    };
    let url = |value: &str| id_in_url(value).map(|_| value.to_owned());
    let wanted: [(&str, &Accept<'_>); 4] = [
        (&names.ticket_id, &id),
        (&names.ticket_url, &url),
        (&names.channel, &word),
        (&names.trigger, &word),
    ];
    wanted
        .into_iter()
        .filter_map(|(name, accept)| find(text, name, accept).map(|value| (name.to_owned(), value)))
        .collect()
}

/// The first acceptable value of a field, wherever its name stands as a key.
fn find(text: &str, name: &str, accept: &Accept<'_>) -> Option<String> {
    if name.is_empty() {
        return None;
    }
    text.match_indices(name).take(PLACES).find_map(|(at, _)| {
        let before = text.get(..at)?;
        let rest = text.get(at + name.len()..)?;
        json_value(before, rest, accept)
            .or_else(|| xml_value(before, rest, name, accept))
            .or_else(|| form_value(before, rest, accept))
    })
}

/// After `"name"`: a colon, then a string or a number. Also inside a JSON string (`\"name\"`), and single-quoted.
fn json_value(before: &str, rest: &str, accept: &Accept<'_>) -> Option<String> {
    let quote = ["\\\"", "\"", "'"].into_iter().find(|quote| before.ends_with(quote))?;
    let rest = rest.strip_prefix(quote)?.trim_start().strip_prefix(':')?.trim_start();
    let Some(value) = rest.strip_prefix(quote) else {
        // A number, or a placeholder that was pasted without its quotes: the id runs to the next comma, brace or space.
        let rest = head(rest);
        let end = rest.find(|c: char| c == ',' || c == '}' || c.is_whitespace()).unwrap_or(rest.len());
        let opens_more = |value: &String| value.starts_with(['"', '\'', '\\', '{', '[']);
        return accept(rest.get(..end)?).filter(|value| !opens_more(value));
    };
    let value = head(value);
    // A Message-ID ends at its bracket; quotes inside it belong to it.
    let bracket = value.starts_with('<').then(|| value.find(&format!(">{quote}")).map(|at| at + 1)).flatten();
    let ends = [bracket, value.find(quote)];
    ends.into_iter().flatten().find_map(|end| {
        let raw = value.get(..end)?;
        let unescaped = serde_json::from_str::<String>(&format!("\"{raw}\"")).ok();
        accept(unescaped.as_deref().unwrap_or(raw))
    })
}

/// Between `<name>` and `</name>`: the angle brackets of a Message-ID are no elements.
fn xml_value(before: &str, rest: &str, name: &str, accept: &Accept<'_>) -> Option<String> {
    // A prefix (`<mw:ticket_id>`) may stand between.
    let near = before.len().saturating_sub(PREFIX_BYTES);
    let near = (near..=before.len()).find_map(|at| before.get(at..))?;
    let tag = near.rfind('<').and_then(|at| near.get(at + 1..))?;
    if !(tag.is_empty() || tag.ends_with(':')) {
        return None;
    }
    let rest = if rest.starts_with('>') { rest } else { rest.get(rest.find('>')?..)? };
    let value = head(rest.strip_prefix('>')?);
    let end = value.find(&format!("</{tag}{name}"))?;
    let value = value.get(..end)?.trim();
    let value = value.strip_prefix("<![CDATA[").and_then(|inner| inner.strip_suffix("]]>")).unwrap_or(value);
    let plain = value
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&apos;", "'")
        .replace("&amp;", "&");
    accept(&plain)
}

/// After `name=`, at the start of the body, of a line, or of a pair.
fn form_value(before: &str, rest: &str, accept: &Accept<'_>) -> Option<String> {
    if !(before.is_empty() || before.ends_with(['&', '\n', '?'])) {
        return None;
    }
    let value = head(rest.strip_prefix('=')?);
    let end = value.find(['&', '\n', '\r']).unwrap_or(value.len());
    accept(&percent_decode_str(value.get(..end)?).decode_utf8().ok()?)
}

/// As much of the text as a value may take.
fn head(text: &str) -> &str {
    match text.char_indices().find(|(at, _)| *at >= VALUE_BYTES) {
        Some((at, _)) => text.get(..at).unwrap_or(text),
        None => text,
    }
}
