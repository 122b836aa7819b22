//! Whose order a message is about. Pure: what was found goes in, [`OrderFinding`] comes out.
//!
//! An order is certain only when two independent things agree: the link the helpdesk made, the number the customer
//! wrote, the e-mail address of ticket and order. Any disagreement is a person's (contract, Richpanel).

use super::OrderFinding;
use crate::ticket::{Order, OrderRef};

/// The order number in the message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mention {
    /// None.
    None,
    /// One.
    One(String),
    /// Different ones, equally good.
    Ambiguous(Vec<String>),
}

/// Decides whether an order is certainly the customer's own and the one that is meant.
///
/// `linked` is the order linked to the ticket, `by_number` the one found by the number in the message; either comes
/// with where it was fetched from.
///
/// - Two different numbers in the message: uncertain.
/// - Linked: a number in the message must be its name or id; both e-mail addresses, where both are known, must be
///   the same; with an address missing only a matching number makes it certain.
/// - By number: only when the order's e-mail address is the customer's.
pub fn match_order(
    mention: &Mention,
    linked: Option<(OrderRef, Order)>,
    by_number: Option<(OrderRef, Order)>,
    customer_email: Option<&str>,
) -> OrderFinding {
    let number = match mention {
        Mention::Ambiguous(numbers) => {
            let numbers = numbers.join(" and ");
            return OrderFinding::Uncertain(format!("the message names different orders: {numbers}"));
        }
        Mention::None => None,
        Mention::One(number) => Some(number.as_str()),
    };
    let (at, order, linked) = match (linked, by_number) {
        (Some((at, order)), _) => (at, order, true),
        (None, Some((at, order))) => (at, order, false),
        (None, None) => return OrderFinding::None,
    };
    let judged = if linked {
        judge_linked(number, &at, &order, customer_email)
    } else {
        judge_by_number(number, &at, &order, customer_email)
    };
    match judged {
        Ok(how) => OrderFinding::Certain { order: Box::new(order), how, linked, at },
        Err(why) => OrderFinding::Uncertain(why),
    }
}

fn judge_linked(
    number: Option<&str>,
    at: &OrderRef,
    order: &Order,
    customer_email: Option<&str>,
) -> Result<String, String> {
    answers_to(order, &at.order_id, "the link")?;
    if let Some(number) = number {
        answers_to(order, number, "the message")?;
    }
    match (same_address(order.email.as_deref(), customer_email), number) {
        (Some(false), _) => {
            Err("a mismatch of e-mail: the linked order was placed with another address".into())
        }
        (Some(true), Some(_)) => Ok("linked to the ticket, named in the message, same e-mail address".into()),
        (Some(true), None) => Ok("linked to the ticket, same e-mail address".into()),
        (None, Some(_)) => Ok("linked to the ticket and named in the message".into()),
        (None, None) => Err(
            "linked to the ticket, but there is no e-mail address to compare and no number in the message"
                .into(),
        ),
    }
}

fn judge_by_number(
    number: Option<&str>,
    at: &OrderRef,
    order: &Order,
    customer_email: Option<&str>,
) -> Result<String, String> {
    let number = number.ok_or("an order was found although the message names none")?;
    answers_to(order, &at.order_id, "the look-up")?;
    answers_to(order, number, "the message")?;
    match same_address(order.email.as_deref(), customer_email) {
        Some(true) => Ok("found by the number in the message, same e-mail address".into()),
        Some(false) => {
            Err("a mismatch of e-mail: the order with this number was placed with another address".into())
        }
        None => Err("found by its number, but there is no e-mail address to compare".into()),
    }
}

/// Whether the order's name or id is this number.
fn answers_to(order: &Order, number: &str, who: &str) -> Result<(), String> {
    let name = order.name.as_deref().unwrap_or_default();
    if same_number(number, name) || same_number(number, &order.id) {
        return Ok(());
    }
    let found = if name.is_empty() { &order.id } else { name };
    Err(format!("{who} names order {number}, the order found is {found}"))
}

/// Whether two order numbers are the same: spaces around, leading `#` and case do not count. An empty one is no
/// number.
pub fn same_number(a: &str, b: &str) -> bool {
    let (a, b) = (normalise(a), normalise(b));
    !a.is_empty() && a == b
}

fn normalise(number: &str) -> String {
    number.trim().trim_start_matches('#').trim().to_lowercase()
}

/// `None` when either is missing.
fn same_address(a: Option<&str>, b: Option<&str>) -> Option<bool> {
    let fold = |address: Option<&str>| {
        address.map(|address| address.trim().to_lowercase()).filter(|address| !address.is_empty())
    };
    Some(fold(a)? == fold(b)?)
}

#[cfg(test)]
#[path = "tests/order.rs"]
mod tests;
