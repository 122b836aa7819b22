//! Which text an order calls for: read from the order alone, never from the words of the message.
//!
//! Three situations have a text. Everything else is a person's: delivered ("delivered is not the end"), cancelled,
//! late, several parcels, a state in a word we do not know. Words are allowed one by one; one that is not on a list
//! is never put into words.

use super::calendar::Calendar;
use super::estimate::{Estimate, NoEstimate, estimate, own_date};
use super::method::window;
use super::pre_order::{PreOrder, pre_order};
use crate::event::Timestamp;
use crate::ticket::{Order, Shipment, Tracking};

/// What an order calls for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Situation {
    /// One parcel with one tracking number, moving.
    Shipped,
    /// The same parcel is with the driver.
    OutForDelivery,
    /// Nothing has left, and the shipping window is open.
    NotShipped,
    /// It says delivered: a person's.
    Delivered,
    /// Later than its shipping window: a person's.
    PastWindow,
    /// Cancelled, refunded, on hold or unpaid: a person's.
    Cancelled,
    /// Not to be put into words, and why: a person's.
    Unclear(String),
}

impl Situation {
    /// The ending of the reply's name (`order_status` + `_shipped`); `None` where a person answers.
    pub const fn suffix(&self) -> Option<&'static str> {
        match self {
            Self::Shipped => Some("_shipped"),
            Self::OutForDelivery => Some("_out_for_delivery"),
            Self::NotShipped => Some("_not_shipped"),
            Self::Delivered | Self::PastWindow | Self::Cancelled | Self::Unclear(_) => None,
        }
    }

    /// Why a person answers, in plain words; `None` where a text does.
    pub fn why_a_person(&self) -> Option<String> {
        match self {
            Self::Shipped | Self::OutForDelivery | Self::NotShipped => None,
            Self::Delivered => Some("the order says delivered, and delivered is not the end".to_owned()),
            Self::PastWindow => Some("the order is later than its shipping window".to_owned()),
            Self::Cancelled => Some("the order is cancelled, refunded, on hold or not paid".to_owned()),
            Self::Unclear(why) => Some(why.clone()),
        }
    }
}

/// What an order calls for as of `now`. A parcel that has not changed for `stall_days` does not move.
pub fn situation(order: &Order, calendar: &Calendar, stall_days: u32, now: Timestamp) -> Situation {
    let read = || -> Result<Situation, Situation> {
        not_called_off(order)?;
        let covered = coverage(order)?;
        if !order.shipments.is_empty() && order.shipments.iter().all(|parcel| state(parcel) == "delivered") {
            return match covered {
                Coverage::Part => Err(unclear("only a part of the order was sent, and that is delivered")),
                Coverage::Whole | Coverage::Unsaid | Coverage::Nothing => Ok(Situation::Delivered),
            };
        }
        match (order.shipments.as_slice(), covered) {
            ([], Coverage::Nothing) => not_shipped(order, calendar, now),
            ([], _) => Err(unclear("the order says it was sent and shows no parcel")),
            ([_], Coverage::Nothing) => {
                Err(unclear("there is a parcel and the order says that nothing was sent"))
            }
            ([_], Coverage::Part) => Err(unclear("only a part of the order was sent")),
            ([parcel], Coverage::Unsaid) if !holds_everything(order, parcel) => {
                Err(unclear("the order does not say whether everything was sent"))
            }
            ([parcel], Coverage::Whole | Coverage::Unsaid) => {
                under_way(order, parcel, calendar, stall_days, now)
            }
            (parcels, _) => {
                Err(Situation::Unclear(format!("the order went out in {} parcels", parcels.len())))
            }
        }
    };
    read().unwrap_or_else(|person| person)
}

/// The one parcel's one tracking entry with their positions; `None` when there are none or several.
pub fn only_tracking(order: &Order) -> Option<&Tracking> {
    match order.shipments.as_slice() {
        [Shipment { tracking, .. }] => match tracking.as_slice() {
            [only] => Some(only),
            _ => None,
        },
        _ => None,
    }
}

/// The estimate of an order that has not shipped.
///
/// # Errors
/// In words, which part of the order is missing, or what [`NoEstimate`] says.
pub fn estimate_of(order: &Order, calendar: &Calendar, now: Timestamp) -> Result<Estimate, EstimateError> {
    match pre_order(order) {
        PreOrder::No => {}
        PreOrder::Dated(date) => return Ok(own_date(date, calendar, now)?),
        PreOrder::Unclear(why) => return Err(EstimateError::Order(why)),
    }
    let placed_at = order.placed_at.ok_or_else(|| EstimateError::Order("the order has no date".into()))?;
    let method = order
        .shipping_method
        .as_deref()
        .map(str::trim)
        .filter(|method| !method.is_empty())
        .ok_or_else(|| EstimateError::Order("the order names no shipping method".into()))?;
    Ok(estimate(placed_at, method, calendar, now)?)
}

/// Why an order has no estimate.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EstimateError {
    /// Something about the order, in words.
    #[error("{0}")]
    Order(String),
    /// Something about the dates.
    #[error(transparent)]
    Dates(#[from] NoEstimate),
}

const HOURS_OUT_FOR_DELIVERY_MAX: i64 = 20;
/// Business days beyond the window after which a parcel under way is late enough for a person.
const LATE_GRACE_DAYS: u32 = 3;

const OPEN: &[&str] =
    &["open", "processing", "confirmed", "in_progress", "fulfilled", "shipped", "completed", "complete"];
const OPEN_AND_UNSENT: &[&str] = &["open", "processing", "confirmed", "in_progress"];
const CALLED_OFF: &[&str] = &[
    "cancelled",
    "canceled",
    "cancelling",
    "refunded",
    "partially_refunded",
    "voided",
    "on_hold",
    "hold",
    "pending",
    "pending_payment",
    "payment_pending",
    "awaiting_payment",
    "unpaid",
    "partially_paid",
    "failed",
    "declined",
    "expired",
    "chargeback",
    "disputed",
];

fn unclear(why: &str) -> Situation {
    Situation::Unclear(why.to_owned())
}

/// A vendor's word in one form: lower-case, underscores; empty when missing.
fn word(text: Option<&str>) -> String {
    let folded = text.unwrap_or_default().trim().to_lowercase().replace([' ', '-'], "_");
    if matches!(folded.as_str(), "null" | "none" | "undefined") { String::new() } else { folded }
}

fn state(parcel: &Shipment) -> String {
    word(parcel.status.as_deref())
}

/// Passes an order that is alive and paid; a missing word passes, an unknown one does not.
fn not_called_off(order: &Order) -> Result<(), Situation> {
    for (text, good, what) in
        [(&order.status, OPEN, "status"), (&order.payment_status, &["paid"][..], "payment status")]
    {
        let said = word(text.as_deref());
        if CALLED_OFF.contains(&said.as_str()) {
            return Err(Situation::Cancelled);
        }
        if !said.is_empty() && !good.contains(&said.as_str()) {
            return Err(Situation::Unclear(format!("the order's {what} \"{said}\" is not one we know")));
        }
    }
    Ok(())
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Coverage {
    Nothing,
    Part,
    Whole,
    Unsaid,
}

fn coverage(order: &Order) -> Result<Coverage, Situation> {
    let said = word(order.fulfillment_status.as_deref());
    match said.as_str() {
        "unfulfilled" | "not_fulfilled" | "not_shipped" | "unshipped" => Ok(Coverage::Nothing),
        "partial" | "partially_fulfilled" | "partially_shipped" => Ok(Coverage::Part),
        "fulfilled" | "shipped" | "delivered" => Ok(Coverage::Whole),
        // Nothing sent is said by leaving the word out; believed when the order itself is plainly open.
        "" if order.shipments.is_empty() => {
            if OPEN_AND_UNSENT.contains(&word(order.status.as_deref()).as_str()) {
                Ok(Coverage::Nothing)
            } else {
                Err(unclear("the order does not say whether it was sent"))
            }
        }
        "" => Ok(Coverage::Unsaid),
        "on_hold" | "cancelled" | "canceled" | "restocked" => Err(Situation::Cancelled),
        _ => Err(Situation::Unclear(format!("the order's fulfilment status \"{said}\" is not one we know"))),
    }
}

fn holds_everything(order: &Order, parcel: &Shipment) -> bool {
    let count = |items: &[crate::ticket::OrderItem]| -> u64 {
        items.iter().map(|item| u64::from(item.quantity)).sum()
    };
    !order.items.is_empty() && count(&order.items) == count(&parcel.items)
}

fn under_way(
    order: &Order,
    parcel: &Shipment,
    calendar: &Calendar,
    stall_days: u32,
    now: Timestamp,
) -> Result<Situation, Situation> {
    let state = state(parcel);
    let situation = match state.as_str() {
        "in_transit" => Situation::Shipped,
        "out_for_delivery" => Situation::OutForDelivery,
        "" => return Err(unclear("the parcel does not say how far it is")),
        "failure" => return Err(unclear("the carrier reports a failure")),
        "returned" => return Err(unclear("the parcel came back")),
        _ => return Err(Situation::Unclear(format!("the parcel's state \"{state}\" is not one we know"))),
    };
    let Some(tracking) = only_tracking(order) else {
        return Err(Situation::Unclear(format!("the parcel has {} tracking numbers", parcel.tracking.len())));
    };
    let changed_at =
        parcel.updated_at.ok_or_else(|| unclear("the parcel does not say when it last moved"))?;
    let still_hours = now.duration_since(changed_at).as_hours();
    if still_hours >= i64::from(stall_days) * 24 {
        return Err(Situation::Unclear(format!("the parcel has not moved for {} days", still_hours / 24)));
    }
    if situation == Situation::OutForDelivery && still_hours >= HOURS_OUT_FOR_DELIVERY_MAX {
        return Err(Situation::Unclear(format!("out for delivery was said {still_hours} hours ago")));
    }
    let sent_at = tracking.shipped_at.or(parcel.created_at);
    let window = order.shipping_method.as_deref().and_then(|method| window(method, calendar));
    if let (Some(sent_at), Some(window)) = (sent_at, window) {
        let last = calendar.business_days_after(calendar.day(sent_at), window.max_days + LATE_GRACE_DAYS);
        if last.is_none_or(|last| last < calendar.day(now)) {
            return Err(Situation::PastWindow);
        }
    }
    Ok(situation)
}

fn not_shipped(order: &Order, calendar: &Calendar, now: Timestamp) -> Result<Situation, Situation> {
    let estimate = estimate_of(order, calendar, now).map_err(|error| match error {
        EstimateError::Dates(NoEstimate::Past(_)) => Situation::PastWindow,
        other => Situation::Unclear(other.to_string()),
    })?;
    // What has not left by the last day of its window will not arrive within it.
    if estimate.latest <= calendar.day(now) { Err(Situation::PastWindow) } else { Ok(Situation::NotShipped) }
}

#[cfg(test)]
#[path = "situation_tests.rs"]
mod tests;
