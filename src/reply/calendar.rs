//! The shop's calendar: business days, holidays, the cut-off hour and the time zone they count in.
//!
//! Built once from `[shop]`; the zone is looked up in the system's time zone data there and nowhere else.

use std::collections::BTreeSet;

use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;

use crate::config::{Shipping, Shop};
use crate::event::Timestamp;

/// No window is longer than this; it bounds every walk over days.
pub const WINDOW_DAYS_MAX: u32 = 90;
const WALK_DAYS_MAX: usize = 2_000;

/// When the shop works, and how long its shipping methods take.
#[derive(Debug, Clone)]
pub struct Calendar {
    /// The name replies are signed with.
    pub shop_name: String,
    /// The shop's own shipping methods; empty means the built-in table.
    pub methods: Vec<Shipping>,
    zone: TimeZone,
    cutoff_hour: i8,
    holidays: BTreeSet<Date>,
}

impl Calendar {
    /// Reads `[shop]`.
    ///
    /// # Errors
    /// Every mistake in plain words: an unknown zone, an hour that is none, a window that ends before it begins.
    pub fn new(shop: &Shop) -> Result<Self, Vec<String>> {
        let mut errors = Vec::new();
        let zone = TimeZone::get(&shop.timezone).unwrap_or_else(|_| {
            errors.push(format!(
                "shop.timezone: \"{}\" is no time zone this machine knows (write it as \"America/New_York\")",
                shop.timezone
            ));
            TimeZone::UTC
        });
        if !(0..=23).contains(&shop.cutoff_hour) {
            errors.push(format!("shop.cutoff_hour: {} is not between 0 and 23", shop.cutoff_hour));
        }
        if shop.name.trim().is_empty() {
            errors.push("shop.name: is empty; replies are signed with it".to_owned());
        }
        for method in &shop.shipping {
            if method.method.trim().is_empty() {
                errors.push("shop.shipping: a method without words".to_owned());
            }
            if method.min_days > method.max_days || method.max_days > WINDOW_DAYS_MAX {
                errors.push(format!(
                    "shop.shipping: \"{}\" takes {} to {} days; it must not end before it begins, nor take over \
                     {WINDOW_DAYS_MAX}",
                    method.method, method.min_days, method.max_days
                ));
            }
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        Ok(Self {
            shop_name: shop.name.trim().to_owned(),
            methods: shop.shipping.clone(),
            zone,
            cutoff_hour: shop.cutoff_hour,
            holidays: shop.holidays.iter().copied().collect(),
        })
    }

    /// The day in the shop's time zone.
    pub fn day(&self, at: Timestamp) -> Date {
        at.to_zoned(self.zone.clone()).date()
    }

    /// The day an order counts as placed on: from the cut-off hour on it is the next one.
    pub fn counted_day(&self, placed_at: Timestamp) -> Option<Date> {
        let local = placed_at.to_zoned(self.zone.clone());
        if local.hour() >= self.cutoff_hour { local.date().tomorrow().ok() } else { Some(local.date()) }
    }

    /// The first moment after `at`'s day in the shop's time zone.
    pub fn end_of_day(&self, at: Timestamp) -> Option<Timestamp> {
        let tomorrow = self.day(at).tomorrow().ok()?;
        Some(tomorrow.to_zoned(self.zone.clone()).ok()?.timestamp())
    }

    /// Monday to Friday, less the shop's holidays.
    pub fn is_business_day(&self, day: Date) -> bool {
        !matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday) && !self.holidays.contains(&day)
    }

    /// The `count`-th business day after `start`, which is itself not counted; for 0 the first one from `start` on.
    /// `None` at the end of time, or when the holidays leave no business day within years.
    pub fn business_days_after(&self, start: Date, count: u32) -> Option<Date> {
        if count == 0 {
            return self.days_from(start).find(|day| self.is_business_day(*day));
        }
        self.days_from(start.tomorrow().ok()?)
            .filter(|day| self.is_business_day(*day))
            .nth(usize::try_from(count).ok()?.checked_sub(1)?)
    }

    /// Business days after `start` up to and with `until`; 0 when `until` is not after it.
    pub fn business_days_between(&self, start: Date, until: Date) -> u32 {
        let days = start.tomorrow().ok().map(|first| {
            self.days_from(first)
                .take_while(|day| *day <= until)
                .filter(|day| self.is_business_day(*day))
                .count()
        });
        u32::try_from(days.unwrap_or(0)).unwrap_or(u32::MAX)
    }

    fn days_from(&self, first: Date) -> impl Iterator<Item = Date> {
        std::iter::successors(Some(first), |day| day.tomorrow().ok()).take(WALK_DAYS_MAX)
    }
}
