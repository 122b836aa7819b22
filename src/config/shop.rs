//! `[shop]`: what the delivery estimate needs to know about the shop.

use serde::{Deserialize, Serialize};

/// The shop's name, calendar and shipping methods.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Shop {
    /// The name that replies are signed with.
    pub name: String,
    /// IANA time zone (`America/New_York`); business days and the cut-off count there.
    pub timezone: String,
    /// Orders placed at or after this hour (0..=23) count as placed the next day.
    pub cutoff_hour: i8,
    /// Days on which nothing ships, `YYYY-MM-DD`.
    pub holidays: Vec<jiff::civil::Date>,
    /// Shipping methods, matched as words within the order's method; the longest match wins. Empty: the built-in
    /// table (intents, delivery estimate).
    pub shipping: Vec<Shipping>,
}

impl Default for Shop {
    fn default() -> Self {
        Self {
            name: "our shop".into(),
            timezone: "UTC".into(),
            cutoff_hour: 14,
            holidays: vec![],
            shipping: vec![],
        }
    }
}

/// One shipping method and its window.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shipping {
    /// Words within the method's name, lower-case.
    pub method: String,
    /// Fewest business days.
    pub min_days: u32,
    /// Most business days.
    pub max_days: u32,
}
