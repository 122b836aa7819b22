//! Finds the one order a customer means, or says that there are several.
//!
//! Three classes, the best one present decides (`shared/facts/intents.md`, "Order numbers in text"):
//! 1 a number announced as an order's ("order number 12345"), 2 `#606243`, 3 a bare number of six to eight
//! digits that is nothing else. Bare `MK-20713` comes last. Two different ones of a class: ambiguous.
//!
//! What may go wrong: a number taken for an order's that is none. It then differs from the linked order and
//! a person looks; so in doubt a number counts, and only clear dates, phones and prices do not.

use std::sync::LazyLock;

use regex::Regex;

use super::clean::first_bytes;
use super::order_words::{
    Announced, announced, is_after_date_word, is_amount, is_in_groups, is_joiner, is_something_else,
};
use super::pattern::pattern;

/// The order a text speaks of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OrderMention {
    /// No number that looks like an order's.
    None,
    /// One, as the customer wrote it, without `#`.
    One(String),
    /// Several different ones of the same class, in the order of the text.
    Ambiguous(Vec<String>),
}

/// A number with its class: 1 is best.
struct Candidate<'a> {
    class: u8,
    number: &'a str,
    end: usize,
}

const BYTES_MAX: usize = 100_000;
/// Text looked at on either side of a number.
const CONTEXT_BYTES: usize = 60;

static NOISE: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?:https?://|www\.)\S+|[^\s<>@]+@[^\s<>@]+"));
/// A run of letters, digits and what may join them, with or without `#`.
static RUN: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"(?P<hash>#[ \t]?)?(?P<run>[\p{L}\p{N}]+(?:[-_/.:–][\p{L}\p{N}]+)*)"));
static SHAPE: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"\A(?:(?P<prefix>[a-z]{1,6})[-_–]?)?(?P<digits>\d{3,12})(?:[-_](?:[a-z]{1,3}|\d{1,3}|[a-z]\d{1,2}))?\z",
    )
});
/// Numbers of some large market places: 3-7-7 digits.
static LONG_SHAPE: LazyLock<Regex> = LazyLock::new(|| pattern(r"\A\d{3}-\d{7}-\d{7}\z"));
static OTHER_PREFIX: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"\A(?:sku|inv|trk|rma|ref|case|tkt|ticket|tel|fax|art|item|no|nr|iso|ean|upc|usps|ups|dhl|v|ver|x|h|pg|po)[-_–]?\d",
    )
});
static CALENDAR: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"\A(?:(?:19|20)\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])|(?:0[1-9]|[12]\d|3[01])(?:0[1-9]|1[0-2])(?:19|20)\d{2}|(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])(?:19|20)\d{2})\z",
    )
});
static SHORT_DATE: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"\A(?:(?:0[1-9]|[12]\d|3[01])(?:0[1-9]|1[0-2])|(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01]))\d{2}\z")
});
static DATE_SHAPE: LazyLock<Regex> = LazyLock::new(|| pattern(r"\A\d{1,4}-\d{1,2}(?:-\d{1,4})?\z"));
static YEAR: LazyLock<Regex> = LazyLock::new(|| pattern(r"\A(?:19|20)\d{2}\z"));

/// Tells which order a text means. Quoted history must be taken away before.
pub fn order_mention(text: &str) -> OrderMention {
    let text = NOISE.replace_all(first_bytes(text, BYTES_MAX), "\u{1}");
    let mut found: Vec<Candidate<'_>> = Vec::new();
    for run in RUN.captures_iter(&text) {
        if let Some(candidate) = candidate(&text, &run, found.last()) {
            found.push(candidate);
        }
    }
    let Some(best) = found.iter().map(|candidate| candidate.class).min() else { return OrderMention::None };
    let mut numbers: Vec<&str> = Vec::new();
    for candidate in found.iter().filter(|candidate| candidate.class == best) {
        if !numbers.iter().any(|known| same_order(known, candidate.number)) {
            numbers.push(candidate.number);
        }
    }
    match numbers.as_slice() {
        [] => OrderMention::None,
        [one] => OrderMention::One((*one).to_owned()),
        several => OrderMention::Ambiguous(several.iter().map(|number| (*number).to_owned()).collect()),
    }
}

/// The form in which two order numbers are compared: lower case, no `#`, no white space, no dash between a
/// prefix and its digits.
pub fn normalise(number: &str) -> String {
    let mut out = String::with_capacity(number.len());
    let trimmed = number.trim().trim_start_matches('#');
    for c in trimmed.chars().filter(|c| !c.is_whitespace() && *c != '#').flat_map(char::to_lowercase) {
        let joins = matches!(c, '-' | '_' | '–' | '‑' | '−');
        if joins && out.chars().all(char::is_alphabetic) {
            continue;
        }
        out.push(if joins { '-' } else { c });
    }
    out.trim_end_matches(['.', ',', '-', ')']).to_owned()
}

/// Whether two ways of writing name the same order; an empty one names none.
pub fn same_order(a: &str, b: &str) -> bool {
    let a = normalise(a);
    !a.is_empty() && a == normalise(b)
}

fn candidate<'a>(
    text: &'a str,
    run: &regex::Captures<'_>,
    last: Option<&Candidate<'_>>,
) -> Option<Candidate<'a>> {
    let whole = run.get(0)?;
    let range = run.name("run")?;
    let number = text.get(range.range())?;
    let shape = SHAPE.captures(number);
    let digits = match &shape {
        Some(shape) => shape.name("digits")?.as_str(),
        None if LONG_SHAPE.is_match(number) => number,
        None => return None,
    };
    let prefix = shape.as_ref().and_then(|shape| shape.name("prefix")).map_or("", |prefix| prefix.as_str());
    let before = tail(text.get(..whole.start())?);
    let after = first_bytes(text.get(range.end()..)?, CONTEXT_BYTES);
    if DATE_SHAPE.is_match(number) || OTHER_PREFIX.is_match(number) || is_amount(before, after) {
        return None;
    }
    let hash = run.name("hash").is_some();
    let class = class_of(before, after, &Number { number, prefix, digits, hash })
        .or_else(|| listed(text, whole.start(), number, last))?;
    Some(Candidate { class, number, end: range.end() })
}

struct Number<'a> {
    number: &'a str,
    prefix: &'a str,
    digits: &'a str,
    hash: bool,
}

fn class_of(before: &str, after: &str, n: &Number<'_>) -> Option<u8> {
    match announced(before, after) {
        Some(Announced::Clearly) => return Some(1),
        Some(Announced::Barely) if n.hash || !n.prefix.is_empty() => return Some(1),
        Some(Announced::Barely) if n.digits.len() >= 4 && !YEAR.is_match(n.digits) => return Some(1),
        _ => {}
    }
    if is_something_else(before, after) {
        return None;
    }
    if n.hash {
        // "#1" is a rank or a colour, not an order.
        return (n.digits.len() >= 3).then_some(2);
    }
    let plain = n.digits.len() == n.number.len();
    if plain && (6..=8).contains(&n.digits.len()) {
        let dated =
            CALENDAR.is_match(n.number) || SHORT_DATE.is_match(n.number) && is_after_date_word(before);
        return (!dated && !is_in_groups(before, after)).then_some(3);
    }
    let named = (2..=4).contains(&n.prefix.len()) && n.prefix.chars().all(char::is_uppercase);
    (named && (4..=8).contains(&n.digits.len())).then_some(4)
}

/// "orders 12345 and 67890": the second one is what the first one is, when it has the same shape.
fn listed(text: &str, start: usize, number: &str, last: Option<&Candidate<'_>>) -> Option<u8> {
    let last = last?;
    let between = text.get(last.end..start)?;
    let alike = last.number.len() == number.len()
        && last.number.starts_with(|c: char| c.is_ascii_digit())
            == number.starts_with(|c: char| c.is_ascii_digit());
    (alike && last.class <= 2 && !between.is_empty() && is_joiner(between)).then_some(last.class)
}

/// The last bytes of a text, cut where a character begins.
fn tail(text: &str) -> &str {
    let mut start = text.len().saturating_sub(CONTEXT_BYTES);
    while !text.is_char_boundary(start) {
        start += 1;
    }
    text.get(start..).unwrap_or_default()
}
