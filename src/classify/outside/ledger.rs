//! Whether the outside reader may be asked now: the day's budget, and a rest when it keeps failing.
//!
//! Pure: times come in. [`Ledger::admit`] before a call, [`Ledger::ended`] after it; [`Ledger::turned`] tells once of
//! each change, for the log. What may go wrong: the counts live in the process, so a restart starts the day anew; the
//! tokens of a call are known after it, so the last one of a day may overshoot.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::civil::Date;

/// Failures in a row after which it rests.
pub(super) const FAILURES_IN_A_ROW: u32 = 3;
/// The first rest; doubles while the call after it fails too.
pub(super) const REST_FIRST: Duration = Duration::from_secs(5 * 60);
/// The longest rest.
pub(super) const REST_MAX: Duration = Duration::from_secs(60 * 60);

/// What may be spent in a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Allowance {
    /// Calls.
    pub(super) calls: u32,
    /// Tokens, as far as answers name them; 0 means that nobody counts.
    pub(super) tokens: u64,
}

/// A call that may go out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Admitted {
    probe: bool,
}

/// Why none may.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// One may.
    Working,
    /// It failed too often; later again.
    Resting,
    /// The day's budget is used up.
    Spent,
}

/// The books of one reader.
#[derive(Debug)]
pub(super) struct Ledger {
    allowance: Allowance,
    day: Option<Date>,
    calls: u32,
    tokens: u64,
    opinions: u64,
    /// Calls of the day without an opinion, by reason.
    without: BTreeMap<String, u64>,
    row: u32,
    rest: Option<Rest>,
    told: Standing,
}

#[derive(Debug)]
struct Rest {
    until: Duration,
    length: Duration,
    why: String,
}

impl Ledger {
    pub(super) const fn new(allowance: Allowance) -> Self {
        Self {
            allowance,
            day: None,
            calls: 0,
            tokens: 0,
            opinions: 0,
            without: BTreeMap::new(),
            row: 0,
            rest: None,
            told: Standing::Working,
        }
    }

    /// Takes one call out of the day's budget. `today` is the shop's day, `now` monotonic.
    ///
    /// # Errors
    /// Why none may go out; nothing was taken.
    pub(super) fn admit(&mut self, today: Date, now: Duration) -> Result<Admitted, Standing> {
        self.turn_to(today);
        match self.standing(now) {
            Standing::Working => (),
            other => return Err(other),
        }
        let probe = self.rest.is_some();
        if let Some(rest) = &mut self.rest {
            // One looks; the others wait for what it finds, or for another rest when it never tells.
            rest.until = now + rest.length;
        }
        self.calls = self.calls.saturating_add(1);
        Ok(Admitted { probe })
    }

    /// How a call ended: with an opinion, or without one and why.
    pub(super) fn ended(&mut self, admitted: Admitted, tokens: u64, end: Result<(), &str>, now: Duration) {
        self.tokens = self.tokens.saturating_add(tokens);
        match end {
            Ok(()) => {
                self.opinions += 1;
                self.row = 0;
                self.rest = None;
            }
            Err(why) => {
                *self.without.entry(why.to_owned()).or_default() += 1;
                self.failed(admitted, why, now);
            }
        }
    }

    fn failed(&mut self, admitted: Admitted, why: &str, now: Duration) {
        if let Some(rest) = &mut self.rest {
            // Calls that were under way when it went to rest say nothing new.
            if admitted.probe {
                rest.length = rest.length.saturating_mul(2).min(REST_MAX);
                rest.until = now + rest.length;
                why.clone_into(&mut rest.why);
            }
            return;
        }
        self.row += 1;
        if self.row >= FAILURES_IN_A_ROW {
            self.row = 0;
            self.rest = Some(Rest { until: now + REST_FIRST, length: REST_FIRST, why: why.to_owned() });
        }
    }

    /// Begins a day, unless it is the one that was begun.
    pub(super) fn turn_to(&mut self, today: Date) {
        if self.day != Some(today) {
            self.day = Some(today);
            (self.calls, self.tokens, self.opinions) = (0, 0, 0);
            self.without.clear();
        }
    }

    fn standing(&self, now: Duration) -> Standing {
        let spent = self.calls >= self.allowance.calls
            || (self.allowance.tokens > 0 && self.tokens >= self.allowance.tokens);
        if spent {
            Standing::Spent
        } else if self.rest.as_ref().is_some_and(|rest| now < rest.until) {
            Standing::Resting
        } else {
            Standing::Working
        }
    }

    /// The new state in words, once after each change. A probe that is due is no change: only its answer is.
    pub(super) fn turned(&mut self, now: Duration) -> Option<String> {
        let standing = match self.standing(now) {
            Standing::Working if self.rest.is_some() => Standing::Resting,
            standing => standing,
        };
        (standing != self.told).then(|| {
            self.told = standing;
            self.words(now)
        })
    }

    /// How it stands, in one line.
    pub(super) fn words(&self, now: Duration) -> String {
        let head = match self.standing(now) {
            Standing::Spent => "nobody is asked until tomorrow, the day's budget is used up".to_owned(),
            Standing::Resting => {
                let (seconds, why) = self
                    .rest
                    .as_ref()
                    .map_or((0, ""), |rest| (rest.until.saturating_sub(now).as_secs(), rest.why.as_str()));
                format!("resting for {seconds} s after failures in a row ({why})")
            }
            Standing::Working => "asked when it can change something".to_owned(),
        };
        let Allowance { calls: calls_max, tokens: tokens_max } = self.allowance;
        let of_tokens = if tokens_max > 0 { format!(" of {tokens_max}") } else { String::new() };
        let mut words = format!(
            "{head}; today {} of {calls_max} calls, {}{of_tokens} tokens, {} opinions",
            self.calls, self.tokens, self.opinions
        );
        for (why, count) in &self.without {
            words.push_str(&format!(", {why}: {count}"));
        }
        words
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Date = jiff::civil::date(2026, 2, 9);

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn fail(ledger: &mut Ledger, at: u64) {
        let admitted = ledger.admit(DAY, seconds(at)).unwrap();
        ledger.ended(admitted, 0, Err("no answer in time"), seconds(at));
    }

    #[test]
    fn the_days_calls_and_tokens_end_at_the_shops_midnight() {
        let mut ledger = Ledger::new(Allowance { calls: 2, tokens: 100 });
        for _ in 0..2 {
            let admitted = ledger.admit(DAY, seconds(0)).unwrap();
            ledger.ended(admitted, 10, Ok(()), seconds(0));
        }
        assert_eq!(ledger.admit(DAY, seconds(0)), Err(Standing::Spent));
        assert!(ledger.turned(seconds(0)).unwrap().contains("until tomorrow"));
        assert_eq!(ledger.turned(seconds(0)), None, "told once");
        let admitted = ledger.admit(DAY.tomorrow().unwrap(), seconds(1)).unwrap();
        assert!(ledger.turned(seconds(1)).unwrap().contains("1 of 2 calls"));
        ledger.ended(admitted, 100, Ok(()), seconds(1));
        assert_eq!(ledger.admit(DAY.tomorrow().unwrap(), seconds(1)), Err(Standing::Spent), "tokens");
    }

    #[test]
    fn failures_in_a_row_bring_a_rest_and_one_call_ends_it() {
        let mut ledger = Ledger::new(Allowance { calls: 100, tokens: 0 });
        fail(&mut ledger, 0);
        fail(&mut ledger, 0);
        let admitted = ledger.admit(DAY, seconds(0)).unwrap();
        ledger.ended(admitted, 0, Ok(()), seconds(0));
        for at in 0..u64::from(FAILURES_IN_A_ROW) {
            assert_eq!(ledger.turned(seconds(at)), None);
            fail(&mut ledger, at);
        }
        assert!(ledger.turned(seconds(2)).unwrap().contains("resting for 300 s"));
        assert_eq!(ledger.admit(DAY, seconds(301)), Err(Standing::Resting));
        let probe = ledger.admit(DAY, seconds(302)).unwrap();
        assert_eq!(ledger.admit(DAY, seconds(302)), Err(Standing::Resting), "one looks");
        ledger.ended(probe, 0, Err("it answers 500"), seconds(302));
        assert_eq!(ledger.admit(DAY, seconds(302 + 599)), Err(Standing::Resting), "twice as long");
        let probe = ledger.admit(DAY, seconds(302 + 600)).unwrap();
        assert_eq!(ledger.turned(seconds(302 + 600)), None);
        ledger.ended(probe, 0, Ok(()), seconds(903));
        assert!(ledger.turned(seconds(903)).unwrap().starts_with("asked when"));
        assert!(ledger.admit(DAY, seconds(903)).is_ok());
    }

    #[test]
    fn calls_that_were_under_way_when_it_went_to_rest_do_not_prolong_it() {
        let mut ledger = Ledger::new(Allowance { calls: 100, tokens: 0 });
        let late: Vec<_> = (0..5).map(|_| ledger.admit(DAY, seconds(0)).unwrap()).collect();
        for admitted in late {
            ledger.ended(admitted, 0, Err("it answers 500"), seconds(1));
        }
        assert!(ledger.words(seconds(1)).contains("resting for 300 s"), "{}", ledger.words(seconds(1)));
    }
}
