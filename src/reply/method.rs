//! How long a shipping method takes, from its name (intents, Delivery estimate).
//!
//! Figures in the name win ("Free Shipping 2-5 Days" is 2–5); else the longest known method within it, and of two
//! as long the slower. Figures that are not business days ("1-2 weeks", "48h", "5 calendar days", two different
//! ranges) make the method unknown: no window is better than a wrong one.

use super::calendar::{Calendar, WINDOW_DAYS_MAX};

/// Business days from fewest to most, and what said so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Window {
    /// Fewest.
    pub min_days: u32,
    /// Most.
    pub max_days: u32,
    /// What it was read from: `the figures in its name`, or the known method.
    pub from: String,
}

/// The built-in table: words within a method's name, fewest and most business days.
const BUILT_IN: &[(&str, u32, u32)] = &[
    ("next day", 1, 1),
    ("overnight", 1, 1),
    ("priority", 1, 1),
    ("two day", 2, 2),
    ("rush", 1, 2),
    ("express", 1, 2),
    ("expedited", 2, 3),
    ("standard", 3, 5),
    ("ground", 3, 7),
    ("economy", 5, 7),
    ("free", 5, 7),
    ("postal", 5, 7),
];

/// The window of a method as the order names it; `None` when nothing tells.
pub fn window(method: &str, calendar: &Calendar) -> Option<Window> {
    let tokens = tokens(method);
    match figures(&tokens) {
        Figures::Days(min_days, max_days) => {
            return (min_days <= max_days && (1..=WINDOW_DAYS_MAX).contains(&max_days)).then(|| Window {
                min_days,
                max_days,
                from: "the figures in its name".to_owned(),
            });
        }
        Figures::Unclear => return None,
        Figures::None => {}
    }
    let words: Vec<&str> = tokens.iter().filter_map(Token::word).collect();
    let shop = calendar.methods.iter().map(|own| (own.method.as_str(), own.min_days, own.max_days));
    let table: Vec<_> = if calendar.methods.is_empty() { BUILT_IN.to_vec() } else { shop.collect() };
    table
        .into_iter()
        .filter(|(name, ..)| has_words(&words, name))
        .max_by_key(|(name, min, max)| (name.trim().chars().count(), *max, *min))
        .map(|(name, min_days, max_days)| Window { min_days, max_days, from: name.trim().to_owned() })
}

/// Whether `name`'s words stand in `words` one after the other.
fn has_words(words: &[&str], name: &str) -> bool {
    let wanted = tokens(name);
    let wanted: Vec<&str> = wanted.iter().filter_map(Token::word).collect();
    !wanted.is_empty() && words.windows(wanted.len()).any(|run| run == wanted)
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    Number(String),
    Word(String),
    Dash,
    Other,
}

impl Token {
    fn word(&self) -> Option<&str> {
        match self {
            Self::Word(word) | Self::Number(word) => Some(word),
            Self::Dash | Self::Other => None,
        }
    }

    fn is(&self, words: &[&str]) -> bool {
        matches!(self, Self::Word(word) if words.contains(&word.as_str()))
    }

    fn days(&self) -> Option<u32> {
        match self {
            Self::Number(digits) => digits.parse().ok(),
            _ => None,
        }
    }
}

fn tokens(text: &str) -> Vec<Token> {
    let mut found: Vec<Token> = Vec::new();
    let mut joined = false;
    for c in text.chars().flat_map(char::to_lowercase) {
        let last = found.last_mut().filter(|_| joined);
        joined = c.is_alphanumeric();
        match last {
            Some(Token::Number(digits)) if c.is_ascii_digit() => digits.push(c),
            Some(Token::Word(word)) if c.is_alphabetic() => word.push(c),
            _ if c.is_ascii_digit() => found.push(Token::Number(c.to_string())),
            _ if c.is_alphabetic() => found.push(Token::Word(c.to_string())),
            _ if matches!(c, '-' | '–' | '—' | '‑' | '/') => found.push(Token::Dash),
            _ if matches!(c, '+' | '.' | ',' | '<' | '>') => found.push(Token::Other),
            _ => {}
        }
    }
    // "2nd day" counts as "2 day".
    let mut after_number = false;
    found.retain(|token| {
        let ordinal = after_number && token.is(&["st", "nd", "rd", "th"]);
        after_number = matches!(token, Token::Number(_));
        !ordinal
    });
    found
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Figures {
    None,
    Days(u32, u32),
    Unclear,
}

const OTHER_UNITS: &[&str] =
    &["h", "hr", "hrs", "hour", "hours", "week", "weeks", "wk", "wks", "month", "months", "calendar"];

/// Every count of days in a name; more than one, or any in another unit, is unclear.
fn figures(tokens: &[Token]) -> Figures {
    let mut found = Figures::None;
    let mut rest = tokens;
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        let Some(min) = first.days() else { continue };
        let (max, after) = upper(after).unwrap_or((min, after));
        match unit(after) {
            Unit::Days if found == Figures::None => found = Figures::Days(min, max),
            Unit::Days if found == Figures::Days(min, max) => {}
            Unit::Days | Unit::Unclear => return Figures::Unclear,
            Unit::None => continue,
        }
        rest = after;
    }
    found
}

/// The `-5` or `to 5` after a first figure.
fn upper(tokens: &[Token]) -> Option<(u32, &[Token])> {
    let (joint, after) = tokens.split_first()?;
    if *joint != Token::Dash && !joint.is(&["to", "or", "and"]) {
        return None;
    }
    let (number, after) = after.split_first()?;
    Some((number.days()?, after))
}

enum Unit {
    Days,
    None,
    Unclear,
}

fn unit(tokens: &[Token]) -> Unit {
    for token in tokens {
        match token {
            Token::Dash => {}
            token if token.is(&["business", "working", "work", "bus", "full"]) => {}
            token if token.is(&["day", "days", "bd"]) => return Unit::Days,
            token if token.is(OTHER_UNITS) => return Unit::Unclear,
            // "5+ days", "2.5 days": not a figure we can stand by.
            Token::Other if tokens.iter().skip(1).take(2).any(|next| next.is(&["day", "days"])) => {
                return Unit::Unclear;
            }
            _ => return Unit::None,
        }
    }
    Unit::None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Shipping, Shop};

    fn found(method: &str, shop: &Shop) -> Option<(u32, u32)> {
        window(method, &Calendar::new(shop).unwrap()).map(|window| (window.min_days, window.max_days))
    }

    #[test]
    fn every_row_of_the_table_and_every_name_with_figures() {
        let shop = Shop::default();
        for (method, days) in [
            ("Next-Day Delivery", Some((1, 1))),
            ("FedEx Overnight", Some((1, 1))),
            ("USPS Priority Mail", Some((1, 1))),
            ("UPS Two-Day", Some((2, 2))),
            ("two day air", Some((2, 2))),
            ("Rush", Some((1, 2))),
            ("DHL Express", Some((1, 2))),
            ("Expedited Parcel", Some((2, 3))),
            ("STANDARD SHIPPING", Some((3, 5))),
            ("UPS® Ground", Some((3, 7))),
            ("Economy", Some((5, 7))),
            ("Free shipping", Some((5, 7))),
            ("Postal service", Some((5, 7))),
            // Figures win.
            ("Free Shipping 2-5 Days", Some((2, 5))),
            ("Standard (5–7 business days)", Some((5, 7))),
            ("Express 2 to 3 working days", Some((2, 3))),
            ("UPS 3 Day Select", Some((3, 3))),
            ("UPS 2nd Day Air", Some((2, 2))),
            ("2-Day", Some((2, 2))),
            ("Free shipping over $50 (3-5 days)", Some((3, 5))),
            ("Free shipping over 50", Some((5, 7))),
            ("Ground 3-5 days / 3-5 days", Some((3, 5))),
            // Nothing tells.
            ("", None),
            ("Local pickup", None),
            ("Expressway courier", None),
            ("Economy 2-3 weeks", None),
            ("Express 48h", None),
            ("Standard 5 calendar days", None),
            ("Ships in 1-2 days, arrives in 5-7 days", None),
            ("Standard 5-3 days", None),
            ("Free 5+ days", None),
            ("Standard 2.5 days", None),
            ("Standard 0 days", None),
            ("Standard 99999999999 days", Some((3, 5))),
            ("Standard 400 days", None),
            // The longest name wins, and of two as long the slower.
            ("Expedited Ground", Some((2, 3))),
            ("Free Standard Shipping", Some((3, 5))),
            ("Standard Priority", Some((3, 5))),
            ("Two-Day Express", Some((2, 2))),
        ] {
            assert_eq!(found(method, &shop), days, "{method:?}");
        }
    }

    #[test]
    fn the_shops_own_methods_replace_the_table_but_not_the_figures() {
        let own = |method: &str, min_days, max_days| Shipping { method: method.into(), min_days, max_days };
        let shop =
            Shop { shipping: vec![own("express", 3, 4), own("Alpine Express", 6, 8)], ..Shop::default() };
        assert_eq!(found("DHL Express", &shop), Some((3, 4)));
        assert_eq!(found("alpine-express", &shop), Some((6, 8)));
        assert_eq!(found("Standard", &shop), None);
        assert_eq!(found("Alpine Express 1-2 days", &shop), Some((1, 2)));
    }
}
