//! Tables: weekends, holidays, the cut-off, zones, daylight saving, the year's end; and that no date lies behind.

use jiff::civil::date;
use proptest::prelude::*;

use super::*;
use crate::config::Shop;
use crate::reply::Wording;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn calendar(timezone: &str) -> Calendar {
    let holidays = vec![date(2026, 1, 1), date(2026, 2, 16), date(2026, 12, 25)];
    Calendar::new(&Shop { timezone: timezone.into(), holidays, ..Shop::default() }).unwrap()
}

fn said(zone: &str, placed: &str, method: &str, now: &str) -> String {
    let calendar = calendar(zone);
    match estimate(at(placed), method, &calendar, at(now)) {
        Ok(estimate) => format!(
            "{} ({}–{})",
            Wording::of("en").unwrap().estimate(&estimate, calendar.day(at(now))),
            estimate.remaining_min,
            estimate.remaining_max
        ),
        Err(none) => none.to_string(),
    }
}

const UTC: &str = "UTC";
const NY: &str = "America/New_York";

/// (what it shows, zone, ordered, method, now, what is said)
const TABLE: &[(&str, &str, &str, &str, &str, &str)] = &[
    // Wednesday, 4 March 2026, before the cut-off at 14:00.
    (
        "plain",
        UTC,
        "2026-03-04T10:00:00Z",
        "Standard",
        "2026-03-04T12:00:00Z",
        "between Monday, 9 March and Wednesday, 11 March (3–5)",
    ),
    (
        "one gone by",
        UTC,
        "2026-03-04T10:00:00Z",
        "Standard",
        "2026-03-05T12:00:00Z",
        "between Monday, 9 March and Wednesday, 11 March (2–4)",
    ),
    (
        "weekend in between",
        UTC,
        "2026-03-04T10:00:00Z",
        "Standard",
        "2026-03-07T12:00:00Z",
        "between Monday, 9 March and Wednesday, 11 March (1–3)",
    ),
    (
        "the fewest reached",
        UTC,
        "2026-03-04T10:00:00Z",
        "Standard",
        "2026-03-09T12:00:00Z",
        "by Wednesday, 11 March (0–2)",
    ),
    (
        "the last day",
        UTC,
        "2026-03-04T10:00:00Z",
        "Standard",
        "2026-03-11T23:59:59Z",
        "by Wednesday, 11 March (0–0)",
    ),
    (
        "past",
        UTC,
        "2026-03-04T10:00:00Z",
        "Standard",
        "2026-03-12T00:00:00Z",
        "the shipping window ended on 2026-03-11",
    ),
    (
        "past by a weekend",
        UTC,
        "2026-03-06T10:00:00Z",
        "Standard 5 days",
        "2026-03-14T10:00:00Z",
        "the shipping window ended on 2026-03-13",
    ),
    // The cut-off.
    (
        "a minute before",
        UTC,
        "2026-03-04T13:59:00Z",
        "Overnight",
        "2026-03-04T15:00:00Z",
        "by Thursday, 5 March (1–1)",
    ),
    (
        "at the hour",
        UTC,
        "2026-03-04T14:00:00Z",
        "Overnight",
        "2026-03-04T15:00:00Z",
        "by Friday, 6 March (1–1)",
    ),
    (
        "Friday late",
        UTC,
        "2026-03-06T15:00:00Z",
        "Overnight",
        "2026-03-06T16:00:00Z",
        "by Monday, 9 March (1–1)",
    ),
    (
        "Saturday",
        UTC,
        "2026-03-07T09:00:00Z",
        "Overnight",
        "2026-03-07T10:00:00Z",
        "by Monday, 9 March (1–1)",
    ),
    (
        "Sunday late",
        UTC,
        "2026-03-08T20:00:00Z",
        "Overnight",
        "2026-03-08T21:00:00Z",
        "by Tuesday, 10 March (1–1)",
    ),
    // Holidays: Monday, 16 February.
    (
        "a holiday in the window",
        UTC,
        "2026-02-13T10:00:00Z",
        "Two-Day",
        "2026-02-13T12:00:00Z",
        "by Wednesday, 18 February (2–2)",
    ),
    (
        "ordered on a holiday",
        UTC,
        "2026-02-16T10:00:00Z",
        "Overnight",
        "2026-02-16T12:00:00Z",
        "by Tuesday, 17 February (1–1)",
    ),
    // The year's end: Thursday, 1 January 2026 is off.
    (
        "the year's end",
        UTC,
        "2025-12-30T10:00:00Z",
        "Expedited",
        "2025-12-30T12:00:00Z",
        "between Friday, 2 January 2026 and Monday, 5 January 2026 (2–3)",
    ),
    (
        "seen in the new year",
        UTC,
        "2025-12-30T10:00:00Z",
        "Expedited",
        "2026-01-01T12:00:00Z",
        "between Friday, 2 January and Monday, 5 January (1–2)",
    ),
    // Zones: 18:30 UTC is 13:30 in New York, before its cut-off; 19:00 UTC is 14:00 there.
    (
        "before the shop's cut-off",
        NY,
        "2026-03-04T18:59:00Z",
        "Overnight",
        "2026-03-04T19:30:00Z",
        "by Thursday, 5 March (1–1)",
    ),
    (
        "at the shop's cut-off",
        NY,
        "2026-03-04T19:00:00Z",
        "Overnight",
        "2026-03-04T19:30:00Z",
        "by Friday, 6 March (1–1)",
    ),
    (
        "the day before over there",
        NY,
        "2026-03-05T03:00:00Z",
        "Overnight",
        "2026-03-05T03:30:00Z",
        "by Friday, 6 March (1–1)",
    ),
    // Daylight saving began on 8 March 2026: from then 18:00 UTC is 14:00 there.
    (
        "before the change",
        NY,
        "2026-03-06T18:30:00Z",
        "Overnight",
        "2026-03-06T20:00:00Z",
        "by Monday, 9 March (1–1)",
    ),
    (
        "after the change",
        NY,
        "2026-03-09T18:30:00Z",
        "Overnight",
        "2026-03-09T20:00:00Z",
        "by Wednesday, 11 March (1–1)",
    ),
    (
        "across it",
        NY,
        "2026-03-06T15:00:00Z",
        "Two-Day",
        "2026-03-09T15:00:00Z",
        "by Tuesday, 10 March (1–1)",
    ),
    (
        "ahead of the clock",
        UTC,
        "2026-03-05T10:00:00Z",
        "Standard",
        "2026-03-04T12:00:00Z",
        "the order's date 2026-03-05 cannot be counted from",
    ),
    (
        "unknown",
        UTC,
        "2026-03-04T10:00:00Z",
        " Dove ",
        "2026-03-04T12:00:00Z",
        "no shipping window is known for the method \"Dove\"",
    ),
];

#[test]
fn the_table() {
    for (what, zone, placed, method, now, words) in TABLE {
        assert_eq!(said(zone, placed, method, now), *words, "{what}");
    }
}

#[test]
fn it_says_how_it_was_computed() {
    let found =
        estimate(at("2026-03-04T15:00:00Z"), "Standard", &calendar("UTC"), at("2026-03-06T12:00:00Z"));
    assert_eq!(
        found.unwrap().how,
        "computed · window 3–5 business days of 'Standard' (standard), counted after 2026-03-05, 1 gone by"
    );
}

#[test]
fn a_pre_order_has_its_own_date_and_nothing_is_promised_before_it() {
    let calendar = calendar("UTC");
    let now = at("2026-03-04T12:00:00Z");
    let found = own_date(date(2026, 3, 16), &calendar, now).unwrap();
    assert_eq!(Wording::of("en").unwrap().estimate(&found, date(2026, 3, 4)), "not before Monday, 16 March");
    assert!(own_date(date(2026, 3, 4), &calendar, now).is_err());
}

#[test]
fn a_shop_that_never_works_promises_nothing() {
    let holidays: Vec<_> =
        std::iter::successors(Some(date(2026, 3, 1)), |day| day.tomorrow().ok()).take(4_000).collect();
    let calendar = Calendar::new(&Shop { holidays, ..Shop::default() }).unwrap();
    let now = at("2026-03-04T12:00:00Z");
    assert!(matches!(estimate(now, "Standard", &calendar, now), Err(NoEstimate::Uncountable(_))));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn no_date_lies_behind_and_none_is_out_of_order(
        placed in 1_700_000_000_i64..1_900_000_000,
        later in 0_i64..3_000_000,
        method in proptest::sample::select(vec!["Overnight", "Standard", "Free 2-5 days", "Ground", "0-1 days"]),
        zone in proptest::sample::select(vec!["UTC", "America/New_York", "Pacific/Apia", "Asia/Kolkata"]),
        holidays in prop::collection::vec(0_i32..3_000, 0..20),
    ) {
        use jiff::ToSpan as _;
        let holidays = holidays.into_iter().map(|days| date(2023, 11, 1) + days.days()).collect();
        let shop = Shop { timezone: zone.into(), holidays, ..Shop::default() };
        let calendar = Calendar::new(&shop).unwrap();
        let placed = Timestamp::from_second(placed).unwrap();
        let now = placed + later.seconds();
        let today = calendar.day(now);
        match estimate(placed, method, &calendar, now) {
            Ok(found) => {
                prop_assert!(today <= found.earliest && found.earliest <= found.latest);
                prop_assert!(calendar.is_business_day(found.latest) && calendar.is_business_day(found.earliest));
                prop_assert!(found.remaining_min <= found.remaining_max);
                prop_assert_eq!(found.remaining_max, calendar.business_days_between(today.max(calendar.counted_day(placed).unwrap()), found.latest));
            }
            Err(NoEstimate::Past(latest)) => prop_assert!(latest < today),
            Err(other) => prop_assert!(false, "{}", other),
        }
    }
}
