//! Makes a customer's words fit for a log line or a page: no address, phone or card number.
//!
//! Order-like numbers (up to eight digits) stay, because a person who reads the log needs them. What may
//! go wrong: a phone number of eight digits or fewer without punctuation looks like an order number.

use std::sync::LazyLock;

use regex::{Captures, Regex};

use super::pattern::pattern;

static EMAIL: LazyLock<Regex> = LazyLock::new(|| pattern(r#"[^\s<>()\[\]{},;:"'|]+@[^\s<>()\[\]{},;:"'|]+"#));
/// Digits in groups: spaces, dots, dashes, brackets between; a plus in front.
static DIGITS: LazyLock<Regex> = LazyLock::new(|| pattern(r"\+?\(?\d(?:[ \u{00A0}().\-/]{0,2}\d){6,31}"));

/// The longest plain digit run that is taken for an order number and left alone.
const ORDER_DIGITS_MAX: usize = 8;

/// Masks e-mail addresses, phone numbers, card numbers and long digit runs.
///
/// The masks are `[email]`, `[phone]`, `[card]`, `[number]`. Dates and order-like numbers stay.
pub fn redact(text: &str) -> String {
    let text = EMAIL.replace_all(text, "[email]");
    DIGITS
        .replace_all(&text, |found: &Captures<'_>| mask_digits(found.get(0).map_or("", |m| m.as_str())))
        .into_owned()
}

/// One line for a log: white space and control characters become single spaces, at most `max_chars`
/// characters; a cut ends in `…` (which counts).
pub fn one_line(text: &str, max_chars: usize) -> String {
    let mut out = String::new();
    let words = text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty());
    let chars = words.flat_map(|word| std::iter::once(' ').chain(word.chars())).skip(1);
    for (count, c) in chars.enumerate() {
        if count == max_chars {
            out.pop();
            if max_chars > 0 {
                out.push('…');
            }
            break;
        }
        out.push(c);
    }
    out
}

/// [`redact`], then [`one_line`]: what may be shown of a message.
pub fn snippet(text: &str, max_chars: usize) -> String {
    one_line(&redact(text), max_chars)
}

fn mask_digits(found: &str) -> String {
    let digits: String = found.chars().filter(char::is_ascii_digit).collect();
    let plain = digits.len() == found.len();
    let mask = if (13..=19).contains(&digits.len()) && passes_luhn(&digits) {
        "[card]"
    } else if plain && digits.len() <= ORDER_DIGITS_MAX || is_dated(found) {
        return found.to_owned();
    } else if plain {
        if (10..=15).contains(&digits.len()) && digits.starts_with('0') { "[phone]" } else { "[number]" }
    } else if (7..=15).contains(&digits.len()) {
        "[phone]"
    } else {
        "[number]"
    };
    mask.to_owned()
}

/// A date such as `2025-11-03`, `03.11.2025` or `11/3/2025 10`, alone in its run of digits.
fn is_dated(found: &str) -> bool {
    static DATE: LazyLock<Regex> = LazyLock::new(|| {
        pattern(
            r"\A(?:\d{4}([-./])\d{1,2}[-./]\d{1,2}|\d{1,2}[-./]\d{1,2}[-./](?:19|20)\d{2})(?: \d{1,2})?\z",
        )
    });
    DATE.is_match(found)
}

fn passes_luhn(digits: &str) -> bool {
    let sum: u32 = digits
        .bytes()
        .rev()
        .enumerate()
        .map(|(place, digit)| {
            let value = u32::from(digit.saturating_sub(b'0'));
            match (place % 2, value) {
                (0, value) => value,
                (_, value) if value > 4 => value * 2 - 9,
                (_, value) => value * 2,
            }
        })
        .sum();
    sum.is_multiple_of(10)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn addresses_phones_and_cards_are_masked() {
        assert_eq!(
            redact("I am anna.b+x@mail.example.com, call +1 (555) 010-9999"),
            "I am [email], call [phone]"
        );
        assert_eq!(redact("card 4111 1111 1111 1111 ok"), "card [card] ok");
        assert_eq!(redact("track 123456789012345678901"), "track [number]");
        assert_eq!(redact("mobile 07700900123."), "mobile [phone].");
        assert_eq!(redact("<anna@example.com>"), "<[email]>");
    }

    #[test]
    fn order_numbers_and_dates_stay() {
        for text in ["order #606243", "order MK-20713 of 2025-11-03", "12345678", "on 03.11.2025 it came"] {
            assert_eq!(redact(text), text);
        }
    }

    #[test]
    fn a_line_for_the_log_is_one_line_and_short() {
        assert_eq!(one_line(" a\n\tb\u{7}c  ", 10), "a b c");
        assert_eq!(one_line("abcdef", 4), "abc…");
        assert_eq!(one_line("abcd", 4), "abcd");
        assert_eq!(one_line("abcd", 0), "");
        assert_eq!(snippet("write to\nanna@example.com", 40), "write to [email]");
    }

    proptest! {
        #[test]
        fn nothing_that_looks_like_an_address_survives(
            before in ".{0,30}", user in "[a-z0-9._%+-]{1,12}", host in "[a-z0-9-]{1,10}\\.[a-z]{2,6}", after in ".{0,30}"
        ) {
            let text = redact(&format!("{before}{user}@{host}{after}"));
            let plain = Regex::new(r"[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+\.[A-Za-z]{2,}").unwrap();
            prop_assert!(!plain.is_match(&text), "{}", text);
        }

        #[test]
        fn any_text_is_redacted_without_panic_and_fits_its_line(text in "\\PC{0,200}", max in 0usize..50) {
            prop_assert!(snippet(&text, max).chars().count() <= max);
        }
    }
}
