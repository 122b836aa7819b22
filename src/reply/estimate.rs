//! When an order that has not shipped should arrive (intents, Delivery estimate).
//!
//! The window of the shipping method counts in business days from the day of the order, which is not counted itself;
//! what has elapsed comes off. Past the window there is no estimate: a person answers. Dates that lie behind are
//! never said.

use jiff::civil::Date;

use super::calendar::Calendar;
use super::method::window;
use crate::event::Timestamp;

/// When it should arrive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Estimate {
    /// The first day, today or later.
    pub earliest: Date,
    /// The last day, never before `earliest`.
    pub latest: Date,
    /// Business days left at least: the window's fewest, less those gone by, never below zero.
    pub remaining_min: u32,
    /// Business days left at most.
    pub remaining_max: u32,
    /// A pre-order's own date stands in for a window: nothing is promised but "not before".
    pub own_date: bool,
    /// How it was computed, for the fact's source.
    pub how: String,
}

/// Why there is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoEstimate {
    /// The method's name tells no window.
    #[error("no shipping window is known for the method \"{0}\"")]
    UnknownMethod(String),
    /// The window is over.
    #[error("the shipping window ended on {0}")]
    Past(Date),
    /// The order lies in the future, or the calendar has no business days left.
    #[error("the order's date {0} cannot be counted from")]
    Uncountable(Date),
}

/// The estimate for an order placed at `placed_at` by `method`, as of `now`.
///
/// # Errors
/// [`NoEstimate`]: then nothing is promised.
pub fn estimate(
    placed_at: Timestamp,
    method: &str,
    calendar: &Calendar,
    now: Timestamp,
) -> Result<Estimate, NoEstimate> {
    let placed = calendar.day(placed_at);
    let today = calendar.day(now);
    let uncountable = NoEstimate::Uncountable(placed);
    let window =
        window(method, calendar).ok_or_else(|| NoEstimate::UnknownMethod(method.trim().to_owned()))?;
    if placed_at > now {
        return Err(uncountable);
    }
    let counted = calendar.counted_day(placed_at).ok_or_else(|| uncountable.clone())?;
    let latest = calendar.business_days_after(counted, window.max_days).ok_or_else(|| uncountable.clone())?;
    let first = calendar.business_days_after(counted, window.min_days).ok_or_else(|| uncountable.clone())?;
    if latest < today {
        return Err(NoEstimate::Past(latest));
    }
    let from_today = calendar.business_days_after(today, 0).ok_or(uncountable)?;
    let elapsed = calendar.business_days_between(counted, today);
    Ok(Estimate {
        earliest: first.max(from_today).min(latest),
        latest,
        remaining_min: window.min_days.saturating_sub(elapsed),
        remaining_max: window.max_days.saturating_sub(elapsed),
        own_date: false,
        how: format!(
            "computed · window {}–{} business days of '{}' ({}), counted after {counted}, {elapsed} gone by",
            window.min_days,
            window.max_days,
            method.trim(),
            window.from
        ),
    })
}

/// A pre-order's own date as an estimate.
///
/// # Errors
/// [`NoEstimate::Past`] when it is not ahead.
pub fn own_date(date: Date, calendar: &Calendar, now: Timestamp) -> Result<Estimate, NoEstimate> {
    let today = calendar.day(now);
    if date <= today {
        return Err(NoEstimate::Past(date));
    }
    let left = calendar.business_days_between(today, date);
    Ok(Estimate {
        earliest: date,
        latest: date,
        remaining_min: left,
        remaining_max: left,
        own_date: true,
        how: format!("the pre-order's own date {date}, in its item's name"),
    })
}

#[cfg(test)]
#[path = "estimate_tests.rs"]
mod tests;
