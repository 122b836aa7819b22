//! Everything the customer wrote since the last reply, as one text.
//!
//! This is what is classified and searched for order numbers. What may go wrong: see [`super::quotes`] and
//! [`super::signature`]; a text that is too long is cut and says so, and is then nobody's to answer alone.

use std::borrow::Cow;

use super::clean::{first_bytes, first_chars, tidy, visible};
use super::encoded::decoded;
use super::html::{HTML_BYTES_MAX, html_to_marked_text, looks_like_html};
use super::language::{Language, language_of};
use super::quotes::{LINES_MAX, new_pieces};
use super::shrink::shrunk;
use super::signature::strip_signature;

/// Characters kept of all parts together.
pub const CHARS_MAX: usize = 20_000;
/// Messages looked at, newest kept.
pub const PARTS_MAX: usize = 100;

/// One message as the helpdesk holds it; either form may be missing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Part<'a> {
    /// The plain text, preferred when it has any words.
    pub plain: Option<&'a str>,
    /// The HTML, used when there is no plain text.
    pub html: Option<&'a str>,
}

/// What the customer wrote, cleaned.
#[derive(Clone, Debug, PartialEq)]
pub struct NewText {
    /// The words, parts joined by a blank line; empty when nothing new was written.
    pub text: String,
    /// The language of these words.
    pub language: Language,
    /// Whether something was cut off, here or before a conversion.
    pub truncated: bool,
    /// How many messages had words of their own.
    pub parts: usize,
}

/// Joins the new words of the customer's messages since the last reply, oldest first.
///
/// When there are too many, the oldest are left out and `truncated` is set.
pub fn new_text(parts: &[Part<'_>]) -> NewText {
    let skipped = parts.len().saturating_sub(PARTS_MAX);
    let mut truncated = skipped > 0;
    let mut words: Vec<String> = Vec::new();
    for part in parts.iter().skip(skipped) {
        let (text, cut) = words_of(part);
        truncated |= cut;
        if !text.is_empty() {
            words.push(text);
        }
    }
    let joined = words.join("\n\n");
    let (text, cut) = first_chars(&joined, CHARS_MAX);
    NewText {
        language: language_of(text),
        truncated: truncated || cut,
        parts: words.len(),
        text: text.to_owned(),
    }
}

/// The new words of one message, and whether its source was cut.
fn words_of(part: &Part<'_>) -> (String, bool) {
    let plain = part.plain.map(str::trim).filter(|text| !text.is_empty());
    let html = part.html.map(str::trim).filter(|text| !text.is_empty());
    let (source, is_html) = match (plain, html) {
        (Some(plain), None) if looks_like_html(plain) => (plain, true),
        (Some(plain), Some(html)) if looks_like_html(plain) => (html, true),
        (Some(plain), _) => (plain, false),
        (None, Some(html)) => (html, true),
        (None, None) => return (String::new(), false),
    };
    let source = if is_html { shrunk(source, HTML_BYTES_MAX) } else { Cow::Borrowed(source) };
    let cut = source.len() > HTML_BYTES_MAX;
    let source = decoded(first_bytes(&source, HTML_BYTES_MAX));
    let text = if is_html { html_to_marked_text(&source) } else { visible(&source) };
    let cut = cut || text.lines().nth(LINES_MAX).is_some();
    let pieces: Vec<String> = new_pieces(&text)
        .iter()
        .map(|piece| tidy(&strip_signature(piece)))
        .filter(|piece| !piece.is_empty())
        .collect();
    (pieces.join("\n"), cut)
}
