//! Pre-orders: told by the words in an item's name, its article number or the shipping method; dated by a full date
//! in the item's name. A date without a year, two dates, or a pre-order among other items: a person.

use jiff::civil::Date;

use crate::ticket::{Order, OrderItem};

/// What an order's items say about a pre-order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PreOrder {
    /// Nothing.
    No,
    /// All of it is one, and this is the (latest) date in the names.
    Dated(Date),
    /// It is one, and nothing can be said about when.
    Unclear(String),
}

/// Reads an order's items.
pub fn pre_order(order: &Order) -> PreOrder {
    let marked = |item: &&OrderItem| is_marked(&item.name) || item.sku.as_deref().is_some_and(is_marked);
    let count = order.items.iter().filter(marked).count();
    if count == 0 {
        return if order.shipping_method.as_deref().is_some_and(is_marked) {
            PreOrder::Unclear("the order is a pre-order without a date of its own".to_owned())
        } else {
            PreOrder::No
        };
    }
    if count < order.items.len() {
        return PreOrder::Unclear("a part of the order is a pre-order".to_owned());
    }
    let dates: Option<Vec<Date>> = order.items.iter().map(|item| only_date(&item.name)).collect();
    dates.and_then(|dates| dates.into_iter().max()).map_or_else(
        || PreOrder::Unclear("the order is a pre-order without a date of its own".to_owned()),
        PreOrder::Dated,
    )
}

fn is_marked(text: &str) -> bool {
    let folded: String =
        text.to_lowercase().chars().filter(|c| !matches!(c, ' ' | '-' | '_' | '‑')).collect();
    ["preorder", "backorder", "presale"].iter().any(|mark| folded.contains(mark))
}

/// The one full date in a name: `2026-03-15`, `15 March 2026`, `March 15th, 2026`.
fn only_date(text: &str) -> Option<Date> {
    let lower = text.to_lowercase();
    let words: Vec<&str> =
        lower.split(|c: char| !(c.is_alphanumeric() || c == '-')).filter(|word| !word.is_empty()).collect();
    let mut dates: Vec<Date> = words.iter().filter_map(|word| word.parse().ok()).collect();
    dates.extend(words.windows(3).filter_map(|run| match run {
        [a, b, year] => {
            let year = year.parse::<i16>().ok().filter(|year| (2000..=2100).contains(year))?;
            let (month, day) = match (month(a), month(b)) {
                (Some(month), None) => (month, day(b)?),
                (None, Some(month)) => (month, day(a)?),
                _ => return None,
            };
            Date::new(year, month, day).ok()
        }
        _ => None,
    }));
    dates.dedup();
    match dates.as_slice() {
        [only] => Some(*only),
        _ => None,
    }
}

fn day(word: &str) -> Option<i8> {
    word.trim_end_matches(['s', 't', 'n', 'd', 'r', 'h']).parse().ok()
}

fn month(word: &str) -> Option<i8> {
    const MONTHS: [&str; 12] = [
        "january",
        "february",
        "march",
        "april",
        "may",
        "june",
        "july",
        "august",
        "september",
        "october",
        "november",
        "december",
    ];
    if word.len() < 3 {
        return None;
    }
    let at = MONTHS.iter().position(|month| month.starts_with(word))?;
    i8::try_from(at + 1).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn only_one_full_date_counts() {
        for (text, found) in [
            ("Lamp (Pre-order, ships 2026-03-15)", Some(date(2026, 3, 15))),
            ("Pre-Order: March 15th, 2026", Some(date(2026, 3, 15))),
            ("preorder 1 Sept 2026", Some(date(2026, 9, 1))),
            ("Pre-order March 15", None),
            ("Pre-order 03/15/2026", None),
            ("Pre-order March 2026", None),
            ("Pre-order 2026-03-15 or 2026-04-15", None),
            ("Pre-order 31 June 2026", None),
        ] {
            assert_eq!(only_date(text), found, "{text}");
        }
    }
}
