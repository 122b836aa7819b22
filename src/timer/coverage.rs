//! Which channels have gone quiet: pure, from the counts by hour. This is how a disabled automation rule is noticed.
//!
//! Two signs. Against habit: so few calls as now would come by chance less than once in ten thousand times, even if
//! little more than half of the usual traffic were left; the usual is what came in the same hours of earlier days of
//! the same kind (working days, or weekends and the shop's holidays). By finds: the sweep found messages of a channel
//! that no call told us of, and none has come since. What this process did not see itself is never held against a
//! channel: nothing is judged that reaches back before its start, or before a leap of the clock.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};

use crate::clock::since;
use crate::config::Shop;
use crate::store::CoverageHour;

/// Days of counts that are looked at: two weeks, and today.
pub const HISTORY_DAYS: u32 = 15;

/// The longest quiet that is held against a habit, in hours.
pub const WINDOW_HOURS: i64 = 48;

/// No habit without so many hours of history.
const HISTORY_LEAST_HOURS: i64 = 72;

/// Earlier days that an hour is compared with.
const SHIFTS: usize = 14;

/// Fewer usual calls than this prove nothing.
const EXPECTED_LEAST: f64 = 8.0;

/// Quiet is less than this share of the usual: a day at half the traffic is a slow day.
const SHARE_QUIET: f64 = 0.1;

/// What may be left of the usual traffic for reasons of the shop's own, and how rarely chance may look like quiet.
const SHARE_USUAL: f64 = 0.6;
const CHANCE: f64 = 1e-4;

/// Finds in a row that speak against a channel, and how old the first of them must be: a slow call is not blamed.
const FINDS: u32 = 3;
const FINDS_AGE: Duration = Duration::from_secs(600);

/// Usual calls of the other channels after which their silence says something too.
const OTHERS_LEAST: f64 = 3.0;

const HOUR: i64 = 3_600;

/// The shop's days.
#[derive(Debug, Clone)]
pub struct Calendar {
    zone: TimeZone,
    holidays: BTreeSet<Date>,
}

impl Calendar {
    /// From `[shop]`; an unknown time zone counts as UTC (the configuration is checked before).
    pub fn new(shop: &Shop) -> Self {
        let zone = TimeZone::get(&shop.timezone).unwrap_or(TimeZone::UTC);
        Self { zone, holidays: shop.holidays.iter().copied().collect() }
    }

    fn is_free(&self, day: Date) -> bool {
        matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday) || self.holidays.contains(&day)
    }

    /// The same hour on the clock of each earlier day, yesterday first; `None` where that was another kind of day.
    fn earlier(&self, hour: i64) -> [Option<i64>; SHIFTS] {
        let mut hours = [None; SHIFTS];
        let Ok(at) = Timestamp::from_second(hour.saturating_mul(HOUR)) else { return hours };
        let (day, offset) = (self.zone.to_datetime(at).date(), self.zone.to_offset(at));
        let free = self.is_free(day);
        for (slot, days) in hours.iter_mut().zip(1_i64..) {
            let Ok(then) = at.checked_sub((days * 24).hours()) else { continue };
            let same_kind = day.checked_sub(days.days()).is_ok_and(|day| self.is_free(day) == free);
            // Across a change of the clocks the hour on the clock counts, not the span.
            let moved = i64::from(offset.seconds() - self.zone.to_offset(then).seconds());
            *slot = same_kind.then(|| (then.as_second() + moved).div_euclid(HOUR));
        }
        hours
    }

    /// A time for people.
    pub fn show(&self, at: Timestamp) -> String {
        at.to_zoned(self.zone.clone()).strftime("%a %Y-%m-%d %H:%M %Z").to_string()
    }
}

/// A channel that has gone quiet.
#[derive(Debug, Clone, PartialEq)]
pub struct Quiet {
    /// Which; `None`: all of them.
    pub channel: Option<String>,
    /// Its last call, where one is known.
    pub last_call_at: Option<Timestamp>,
    /// Since when it is quiet: the window's first hour.
    pub since: Timestamp,
    /// Calls since.
    pub calls: u32,
    /// Calls that are usual in that time; `None` when only the finds speak.
    pub usual: Option<f64>,
    /// Messages that the sweep found since the last call.
    pub found: u32,
}

impl Quiet {
    /// The alert's key.
    pub fn key(&self) -> String {
        key(self.channel.as_deref())
    }

    /// One line for people: what, since when, what was usual, what the sweep says, what to look at first.
    pub fn words(&self, calendar: &Calendar) -> String {
        let of = self.channel.as_deref().map_or_else(String::new, |channel| format!(" for {channel}"));
        let last = self.last_call_at.filter(|at| self.calls == 0 || *at <= self.since);
        let what = match (last, self.calls) {
            (Some(at), _) => format!("no call{of} has come since {}", calendar.show(at)),
            (None, 0) => format!("no call{of} has come since {} or earlier", calendar.show(self.since)),
            (None, calls) => format!("only {calls} calls{of} have come since {}", calendar.show(self.since)),
        };
        let usual = self.usual.map_or_else(String::new, |usual| format!(" (usual in that time: {usual:.0})"));
        let (found, perhaps) = match self.found {
            0 => (
                "; the sweep found none either".to_owned(),
                " Is today a holiday? Then put it in [shop] holidays.",
            ),
            found => (format!("; the sweep found {found} meanwhile"), ""),
        };
        let check = if self.channel.is_none() {
            "check the HTTP Target (richpanel-mw http-target prints it) and its token, and that this daemon's address \
             can be reached from outside."
        } else {
            "check this channel's rule at the helpdesk: is it on, does no rule above it skip the rest, does it call \
             the HTTP Target (richpanel-mw http-target prints it)?"
        };
        format!("{what}{usual}{found}; {check}{perhaps}")
    }
}

/// The alert's key of a channel, or of all.
pub fn key(channel: Option<&str>) -> String {
    format!("quiet:{}", channel.unwrap_or("all"))
}

/// What is known of one channel.
#[derive(Debug, Clone, Default)]
struct Series {
    /// The hour that `now` is in, and the calls by hours back from it.
    this: i64,
    calls: Vec<u32>,
    last_call_at: Option<Timestamp>,
    /// Hour, the first find's time, how many.
    finds: Vec<(i64, Timestamp, u32)>,
}

impl Series {
    fn of<'a>(hours: impl Iterator<Item = &'a CoverageHour>, now: Timestamp) -> Self {
        let this = now.as_second().div_euclid(HOUR);
        let mut series = Self { this, calls: vec![0; HISTORY_DAYS as usize * 24 + 1], ..Self::default() };
        // What a clock that ran ahead left behind is no history.
        for row in hours.filter(|row| row.hour <= now) {
            let hour = row.hour.as_second().div_euclid(HOUR);
            if let Some(calls) = usize::try_from(this - hour).ok().and_then(|back| series.calls.get_mut(back))
            {
                *calls += row.calls;
            }
            series.last_call_at = series.last_call_at.max(row.last_call_at.filter(|at| *at <= now));
            series.finds.extend(row.first_find_at.map(|at| (hour, at, row.sweeps)));
        }
        series
    }

    fn calls(&self, hour: i64) -> u32 {
        let back = usize::try_from(self.this.saturating_sub(hour)).ok();
        back.and_then(|back| self.calls.get(back)).copied().unwrap_or(0)
    }

    /// The earliest hour with a call.
    fn first_hour(&self) -> Option<i64> {
        let back = self.calls.iter().rposition(|calls| *calls > 0)?;
        Some(self.this - i64::try_from(back).unwrap_or(0))
    }

    /// The sweep's finds written after the last call, with the first one's time. An hour in which a find is older than
    /// the call does not count.
    fn finds_since(&self, from: Option<Timestamp>) -> (u32, Option<Timestamp>) {
        let later = self.finds.iter().filter(|(_, first, _)| from.is_none_or(|from| *first > from));
        let first = later.clone().map(|(_, first, _)| *first).min();
        (later.map(|(_, _, finds)| finds).sum(), first)
    }
}

/// What all channels are judged by.
struct Judge {
    now: Timestamp,
    up: Duration,
    /// By hours back from now: the same hour of earlier days.
    earlier: Vec<[Option<i64>; SHIFTS]>,
    unread: Series,
}

/// Channels that have gone quiet. `hours`: the last [`HISTORY_DAYS`]; `up`: how long this process has been running on
/// a clock that did not leap.
pub fn quiet(hours: &[CoverageHour], calendar: &Calendar, now: Timestamp, up: Duration) -> Vec<Quiet> {
    let all = Series::of(hours.iter(), now);
    let unread = Series::of(hours.iter().filter(|row| row.channel.is_none()), now);
    let judge = Judge::new(&all, unread, calendar, now, up);
    let names: BTreeSet<&str> =
        hours.iter().filter(|row| row.calls > 0).filter_map(|row| row.channel.as_deref()).collect();
    let of = |name: &str| Series::of(hours.iter().filter(|row| row.channel.as_deref() == Some(name)), now);
    let quiet: Vec<Quiet> = names.iter().filter_map(|name| judge.verdict(Some(*name), &of(name))).collect();
    let Some(everything) = judge.verdict(None, &all).filter(|all| all.calls == 0) else { return quiet };
    // One channel's silence is not all channels': the others must have had something to say.
    let silent_too = match quiet.as_slice() {
        [one] if names.len() > 1 => {
            let others = hours.iter().filter(|row| row.channel != one.channel);
            let after = everything.last_call_at.unwrap_or(everything.since);
            judge.usual_since(&Series::of(others, now), after) >= OTHERS_LEAST
        }
        _ => true,
    };
    if silent_too { vec![everything] } else { quiet }
}

/// Whether an open alert is over although nothing is judged any more: a call came after it, or the channel is no
/// longer in the history at all.
pub fn is_over(hours: &[CoverageHour], key_of_alert: &str, raised_at: Timestamp, now: Timestamp) -> bool {
    let all = key(None);
    let rows = || {
        hours.iter().filter(|row| {
            let one = row.channel.as_deref().is_some_and(|channel| key(Some(channel)) == key_of_alert);
            one || key_of_alert == all
        })
    };
    // An alert from a time ahead of now was raised under a wrong clock: any call of the last hour ends it.
    let after = if raised_at > now { now.checked_sub(1.hour()).unwrap_or(now) } else { raised_at };
    let called = rows().filter_map(|row| row.last_call_at).any(|at| at > after && at <= now);
    let forgotten = rows().next().is_none() && hours.iter().any(|row| row.calls > 0);
    called || forgotten
}

impl Judge {
    fn new(all: &Series, unread: Series, calendar: &Calendar, now: Timestamp, up: Duration) -> Self {
        let this = now.as_second().div_euclid(HOUR);
        let start = all.first_hour().unwrap_or(i64::MAX);
        let known = this.saturating_sub(start) >= HISTORY_LEAST_HOURS;
        let in_history = |hour: Option<i64>| hour.filter(|hour| known && *hour >= start);
        let earlier = (0..WINDOW_HOURS).map(|back| calendar.earlier(this - back).map(in_history));
        Self { now, up, earlier: earlier.collect(), unread }
    }

    fn verdict(&self, channel: Option<&str>, series: &Series) -> Option<Quiet> {
        // A call that nobody has read yet may be of any channel.
        let newest = series.last_call_at.max(self.unread.last_call_at);
        let (found, first) = series.finds_since(newest);
        let channel = channel.map(str::to_owned);
        let habit = self.silence(series, channel.is_some());
        if let Some((since, calls, usual)) = habit {
            return Some(Quiet { channel, last_call_at: newest, since, calls, usual: Some(usual), found });
        }
        let first = first?;
        let seen_by_us = since(first, self.now) <= self.up && since(first, self.now) >= FINDS_AGE;
        let told = found >= FINDS && seen_by_us && first <= self.now && newest.is_some();
        told.then_some(Quiet { channel, last_call_at: newest, since: first, calls: 0, usual: None, found })
    }

    /// The shortest window that is too quiet, made as long as no further call is in it.
    fn silence(&self, series: &Series, and_unread: bool) -> Option<(Timestamp, u32, f64)> {
        let mut found: Option<(Timestamp, u32, f64)> = None;
        for (since, calls, usual) in self.windows(series, and_unread) {
            match found {
                None if !is_quiet(calls, usual) => (),
                Some((_, before, _)) if before != calls => break,
                _ => found = Some((since, calls, usual)),
            }
        }
        found
    }

    /// Windows that end now, shortest first: since when, how many calls, how many are usual.
    fn windows<'s>(
        &'s self,
        series: &'s Series,
        and_unread: bool,
    ) -> impl Iterator<Item = (Timestamp, u32, f64)> + 's {
        let this = self.now.as_second().div_euclid(HOUR);
        let mut sums = [Some(0.0); SHIFTS];
        let mut calls = 0;
        let rows = (0_i64..).zip(&self.earlier).map_while(move |(back, earlier)| {
            let hour = this - back;
            let from = Timestamp::from_second(hour * HOUR).ok()?;
            if since(from, self.now) > self.up {
                return None;
            }
            let into_hour = since(from, self.now).as_secs_f64() / 3_600.0;
            for (sum, then) in sums.iter_mut().zip(earlier) {
                *sum = sum
                    .zip(*then)
                    .map(|(sum, then)| sum + f64::from(series.calls(then)) * into_hour.min(1.0));
            }
            calls += series.calls(hour) + if and_unread { self.unread.calls(hour) } else { 0 };
            // A call about an older message counts by when it came.
            let lately = series.last_call_at.max(self.unread.last_call_at).is_some_and(|at| at >= from);
            Some((from, calls.max(u32::from(lately)), usual(&sums)))
        });
        rows.filter_map(|(from, calls, usual)| usual.map(|usual| (from, calls, usual)))
    }

    /// How many calls are usual from then to now; 0 when nothing is known.
    fn usual_since(&self, series: &Series, from: Timestamp) -> f64 {
        self.windows(series, false)
            .take_while(|(since, _, _)| *since >= from)
            .last()
            .map_or(0.0, |last| last.2)
    }
}

/// The usual count by those of earlier days: their median, or last week's same day when that is lower. One day alone
/// says nothing unless it is the same day of the week.
fn usual(sums: &[Option<f64>; SHIFTS]) -> Option<f64> {
    let mut days: Vec<f64> = sums.iter().copied().flatten().collect();
    let weeks: Vec<f64> = sums.iter().skip(6).step_by(7).copied().flatten().collect();
    if days.len() < 2 && weeks.is_empty() {
        return None;
    }
    days.sort_by(f64::total_cmp);
    let median = days.get(days.len().saturating_sub(1) / 2).copied()?;
    // At most two weeks: exact in a double.
    #[allow(clippy::cast_precision_loss, reason = "one or two")]
    let week = weeks.iter().sum::<f64>() / weeks.len().max(1) as f64;
    Some(if weeks.is_empty() { median } else { median.min(week) })
}

fn is_quiet(calls: u32, usual: f64) -> bool {
    usual >= EXPECTED_LEAST
        && f64::from(calls) <= usual * SHARE_QUIET
        && at_most(calls, usual * SHARE_USUAL) < CHANCE
}

/// The probability that a Poisson variable of this mean is at most `count`.
fn at_most(count: u32, mean: f64) -> f64 {
    let mut term = (-mean).exp();
    let mut sum = term;
    for i in 1..=count {
        term *= mean / f64::from(i);
        sum += term;
    }
    sum
}

#[cfg(test)]
#[path = "coverage_tests.rs"]
mod tests;
