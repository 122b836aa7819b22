//! Finds the one order a customer means, or says that there are several.
//!
//! Three classes, the best one present decides (intents, "Order numbers in text"):
//! 1 a number announced as an order's ("order number 12345"), 2 `#606243`, 3 a bare number of six to eight
//! digits that is nothing else. Bare `MK-20713` comes last. Two different ones of a class: ambiguous.
//!
//! What may go wrong: a number taken for an order's that is none. It then differs from the linked order and
//! a person looks; so in doubt a number counts, and only clear dates, phones and prices do not.

use std::sync::LazyLock;

use regex::Regex;

use super::clean::first_bytes;
use super::order_words::{
    Announced, announced, is_after_date_word, is_after_street, is_count, is_in_groups, is_joiner, is_money,
    is_something_else,
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
    LazyLock::new(|| pattern(r"(?P<hash>#[ \t]?)?(?P<run>[\p{L}\p{N}]+(?:[-_–][\p{L}\p{N}]+)*)"));
static SHAPE: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"\A(?:(?P<prefix>[a-z]{1,6})[-_–]?)?(?P<digits>\d{3,20})(?:[-_](?:[a-z]{1,3}|\d{1,3}|[a-z]\d{1,2}))?\z",
    )
});
/// A word stuck to its number: "order-12345", "no12345".
static GLUED: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"\A(?:orders?|pedido|bestellung|commande|no|nr|num|id)[-_]?"));
/// Numbers of some large market places: 3-7-7 digits.
static LONG_SHAPE: LazyLock<Regex> = LazyLock::new(|| pattern(r"\A\d{3}-\d{7}-\d{7}\z"));
/// Shapes believed only when announced: a year or a shop before the number, a country after it.
static ANNOUNCED_SHAPE: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"\A(?:\d{2,8}[-_]\d{4,10}|[a-z]{1,4}[-_]?\d{2,8}[-_]\d{3,10}|[a-z]{1,6}\d{4,12}[a-z]{1,3}|\d{5,12}[a-z]{1,3})\z",
    )
});
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
static DATE_SHAPE: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"\A(?:\d{4}-\d{1,2}-\d{1,2}|\d{1,2}-\d{1,2}-\d{2,4}|(?:19|20)\d{2}-(?:0?[1-9]|1[0-2]))\z")
});
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
    let run_start = run.name("run")?.start();
    let end = run.name("run")?.end();
    let glued = text.get(run_start..end).and_then(|run| GLUED.find(run)).map_or(0, |word| word.end());
    let number = text.get(run_start + glued..end)?;
    let before = tail(text.get(..if glued > 0 { run_start + glued } else { whole.start() })?);
    let after = first_bytes(text.get(end..)?, CONTEXT_BYTES);
    let shape = SHAPE.captures(number);
    let digits = match &shape {
        Some(shape) => shape.name("digits")?.as_str(),
        None if LONG_SHAPE.is_match(number) => number,
        None if announced(before, after) == Some(Announced::Clearly) && is_announced_shape(number) => {
            return Some(Candidate { class: 1, number, end });
        }
        None => return None,
    };
    let prefix = shape.as_ref().and_then(|shape| shape.name("prefix")).map_or("", |prefix| prefix.as_str());
    if DATE_SHAPE.is_match(number) || OTHER_PREFIX.is_match(number) {
        return None;
    }
    let hash = run.name("hash").is_some();
    let own = class_of(before, after, &Number { number, prefix, digits, hash });
    let class = own.into_iter().chain(listed(text, whole.start(), number, last)).min()?;
    Some(Candidate { class, number, end })
}

/// Whether a run is an order number when the words before it say so: "2026-11873", "LL20713UK".
fn is_announced_shape(number: &str) -> bool {
    ANNOUNCED_SHAPE.is_match(number) && !DATE_SHAPE.is_match(number)
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
        Some(Announced::Barely) if is_money(before, after) || n.digits.len() <= 4 && is_count(after) => {
            return None;
        }
        Some(Announced::Barely) if n.digits.len() >= 4 && !YEAR.is_match(n.digits) => return Some(1),
        _ => {}
    }
    if is_something_else(before, after) || !n.hash && (is_money(before, after) || is_count(after)) {
        return None;
    }
    if n.hash {
        // "#1" is a rank, "#summer2025" a word.
        let word = n.prefix.len() >= 4 && YEAR.is_match(n.digits);
        if word {
            return None;
        }
        return (3..=12).contains(&n.digits.len()).then_some(2);
    }
    let plain = n.digits.len() == n.number.len();
    if plain && (6..=8).contains(&n.digits.len()) {
        let dated =
            CALENDAR.is_match(n.number) || SHORT_DATE.is_match(n.number) && is_after_date_word(before);
        return (!dated && !is_in_groups(before, after) && !is_after_street(before)).then_some(3);
    }
    // "SAVE2025" is a coupon; a dash makes it a name of an order.
    let dashed = n.number.get(n.prefix.len()..).is_some_and(|rest| rest.starts_with(['-', '_', '–']));
    let named = dashed && (2..=4).contains(&n.prefix.len()) && n.prefix.chars().all(char::is_uppercase);
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

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> String {
        match order_mention(text) {
            OrderMention::None => String::new(),
            OrderMention::One(number) => number,
            OrderMention::Ambiguous(numbers) => numbers.join(" | "),
        }
    }

    fn check(cases: &[(&str, &str)]) {
        let wrong: Vec<String> = cases
            .iter()
            .filter(|(text, expected)| found(text) != *expected)
            .map(|(text, expected)| format!("{text}\n   expected {expected:?}, found {:?}", found(text)))
            .collect();
        assert!(wrong.is_empty(), "{} of {}\n{}", wrong.len(), cases.len(), wrong.join("\n"));
    }

    #[test]
    fn an_announced_number_is_an_order_number() {
        check(&[
            ("order number 12345", "12345"),
            ("Order Number: 12345.", "12345"),
            ("my order number is 12345, where is it?", "12345"),
            ("order no. 12345", "12345"),
            ("order nr 12345", "12345"),
            ("order # 12345", "12345"),
            ("order #12345", "12345"),
            ("Order#12345", "12345"),
            ("order: MK-20713", "MK-20713"),
            ("order mk-20713", "mk-20713"),
            ("order 12345", "12345"),
            ("Where is my order 606243?", "606243"),
            ("order id 4711-2", "4711-2"),
            ("order ref: 98765", "98765"),
            ("order (12345)", "12345"),
            ("Order number:\n12345", "12345"),
            ("my order, 12345, is late", "12345"),
            ("order number \"12345\"", "12345"),
            ("order 1234-A", "1234-A"),
            ("12345 is my order number", "12345"),
            ("the number of my order is 12345", "12345"),
            ("order confirmation 70123", "70123"),
            ("order 111-2222222-3333333", "111-2222222-3333333"),
            ("orders 12345 and 12345", "12345"),
            ("cancel order 113542617735902", "113542617735902"),
            ("cancelling purchase 00123842", "00123842"),
            ("order:12345", "12345"),
            ("order-12345", "12345"),
            ("Order12345", "12345"),
            ("order no.12345", "12345"),
            ("order No12345", "12345"),
            ("Order: #606243", "606243"),
            ("order #: 12345", "12345"),
            ("order confirmation number: 606243", "606243"),
            ("order 606243 (tracking 1234567)", "606243"),
            ("I placed order 606243 on 03/11/2025, phone 07700 900123", "606243"),
            ("order no MK-20713's status", "MK-20713"),
        ]);
    }

    #[test]
    fn it_is_announced_in_other_languages_too() {
        check(&[
            ("mi pedido 12345", "12345"),
            ("pedido número 12345", "12345"),
            ("número de pedido: 12345", "12345"),
            ("pedido nº 12345", "12345"),
            ("Bestellung 12345", "12345"),
            ("Bestellnummer: 12345", "12345"),
            ("Meine Bestellnummer lautet 12345", "12345"),
            ("Bestell-Nr. 12345", "12345"),
            ("Auftragsnummer MK-20713", "MK-20713"),
            ("Bestellung Nr. 12345", "12345"),
            ("ma commande 12345", "12345"),
            ("commande n° 12345", "12345"),
            ("numéro de commande : 12345", "12345"),
            ("a minha encomenda 12345", "12345"),
            ("número da encomenda 12345", "12345"),
            ("pedido n.º 12345", "12345"),
            ("mijn bestelling 12345", "12345"),
            ("bestelnummer 12345", "12345"),
            ("ordernummer: 12345", "12345"),
            ("ordine n. 12345", "12345"),
        ]);
    }

    #[test]
    fn a_hash_or_six_to_eight_digits_will_do() {
        check(&[
            ("#606243", "606243"),
            ("any update on #606243?", "606243"),
            ("#MK-20713 please", "MK-20713"),
            ("where is #1042", "1042"),
            ("606243", "606243"),
            ("hi, 606243, where is it", "606243"),
            ("its 12345678", "12345678"),
            ("where is MK-20713", "MK-20713"),
            ("(#606243)", "606243"),
            ("606243 (tracking 1Z99)", "606243"),
            ("Order #606243\nItem: kettle 123456", "606243"),
            ("Order 606243\nItem: kettle", "606243"),
            ("#606243 item missing", "606243"),
            ("I paid. #606243", "606243"),
            ("order 606243,606243", "606243"),
            ("606243\n12 Main Street", "606243"),
            ("606243 10 days ago", "606243"),
            ("03/11 606243", "606243"),
            ("any update on 110325", "110325"),
            ("no sign of my parcel 606243", "606243"),
            ("thanks for the ticket. #606243", "606243"),
            ("where is my item?\n606243", "606243"),
            ("110325 where is it", "110325"),
        ]);
    }

    #[test]
    fn the_best_class_wins() {
        check(&[
            ("order number 12345, not #606243", "12345"),
            ("#606243 and 7654321", "606243"),
            ("order 12345 with phone 07700900123 and invoice 998877", "12345"),
            ("My XR-20713 kettle, #606243", "606243"),
        ]);
    }

    #[test]
    fn two_different_ones_are_ambiguous_and_the_same_twice_is_one() {
        check(&[
            ("order 12345 or order 67890", "12345 | 67890"),
            ("orders 12345 and 67890", "12345 | 67890"),
            ("order numbers: 12345, 67890, 54321", "12345 | 67890 | 54321"),
            ("orders #606243 and #606244", "606243 | 606244"),
            ("order 606243/606244", "606243 | 606244"),
            ("#606243 #606244", "606243 | 606244"),
            ("606243 606244", "606243 | 606244"),
            ("#606243 ... #606243", "606243"),
            ("order MK-20713, I repeat order mk20713", "MK-20713"),
            ("order 12345, order #12345", "12345"),
        ]);
    }

    #[test]
    fn other_numbers_are_not_order_numbers() {
        check(&[
            ("invoice 606243", ""),
            ("invoice no. 606243", ""),
            ("invoice #606243", ""),
            ("ticket #606243", ""),
            ("case number 606243", ""),
            ("tracking number 12345678", ""),
            ("tracking: 12345678", ""),
            ("my order tracking number is 12345678", ""),
            ("SKU 606243", ""),
            ("SKU-606243", ""),
            ("item 606243", ""),
            ("item no. 606243", ""),
            ("model 606243", ""),
            ("call me at 5550109", ""),
            ("phone 5550109", ""),
            ("+4930123456", ""),
            ("555 0109999", ""),
            ("(030) 1234567", ""),
            ("0301 234567", ""),
            ("ref 606243", ""),
            ("zip code 560001", ""),
            ("postcode 560001", ""),
            ("$606243", ""),
            ("606243 EUR", ""),
            ("123456.78", ""),
            ("20251103", ""),
            ("03112025", ""),
            ("it arrived on 031125", ""),
            ("2025-11-03", ""),
            ("03.11.2025", ""),
            ("11/03/2025", ""),
            ("12345", ""),
            ("123456789", ""),
            ("I want to order 5000 pieces", ""),
            ("my order from 2025", ""),
            ("my order 2025", ""),
            ("order in 3 days", ""),
            ("I ordered 2 on 11/12/2025", ""),
            ("https://example.com/orders/606243", ""),
            ("anna606243@example.com", ""),
            ("order total $12345", ""),
            ("Rechnung Nr. 606243", ""),
            ("Rechnungsnummer 606243", ""),
            ("Sendungsnummer 12345678", ""),
            ("numéro de suivi 12345678", ""),
            ("factura 606243", ""),
            ("return number 606243", ""),
            ("12345678 is the tracking number", ""),
            ("we're #1", ""),
            ("1Z999AA10123456784", ""),
            ("#94001111111111111111", ""),
            ("9400 1111 1111 1111", ""),
            ("born 12/11/1980", ""),
            ("my number is on the order form", ""),
            ("my phone is 5550109 and my zip is 560001", ""),
            ("paid 100000 for it", ""),
            ("10:45:30", ""),
            ("v2025.11", ""),
            ("my code SAVE2025 fails", ""),
            ("no number here", ""),
            ("", ""),
        ]);
    }

    #[test]
    fn comparing_forgives_hash_case_and_dash() {
        assert!(same_order("#606243", "606243"));
        assert!(same_order("MK-20713", "#mk20713"));
        assert!(same_order(" # 606243 ", "606243."));
        assert!(!same_order("MK-20713", "20713"));
        assert!(!same_order("1-234", "12-34"));
        assert!(!same_order("606243", "606244"));
        assert!(!same_order("", "#"));
        assert_eq!(normalise("#MK-20713-1"), "mk20713-1");
    }
}
