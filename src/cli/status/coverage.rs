//! What came and what did not, as `status` shows it: one line for a day; `--json` has the table by channel and hour.
//! A channel that went quiet is an alert like any other.

use anyhow::Result;
use serde::Serialize;

use crate::cli::print::{Tone, count, paint, pair};
use crate::daemon::outside::Reader;
use crate::event::Timestamp;
use crate::store::CoverageHour;

/// How customer messages came.
#[derive(Debug, Default, Serialize)]
pub(super) struct Coverage {
    calls: u64,
    sweeps: u64,
    csv: u64,
    /// Conversation numbers that nothing told us of, not settled yet.
    missing: u64,
    hours: Vec<CoverageHour>,
}

impl Coverage {
    pub(super) fn read(reader: &Reader, since: Timestamp) -> Result<Self> {
        let hours = reader.coverage(since)?;
        let sum = |of: fn(&CoverageHour) -> u32| hours.iter().map(|row| u64::from(of(row))).sum();
        Ok(Self {
            calls: sum(|row| row.calls),
            sweeps: sum(|row| row.sweeps),
            csv: sum(|row| row.csv),
            missing: sum(|row| row.missing),
            hours,
        })
    }

    pub(super) fn lines(&self) -> String {
        let Self { calls, sweeps, csv, missing, .. } = self;
        let tone = |count: u64| if count > 0 { Tone::Warn } else { Tone::Plain };
        let mut words = vec![
            format!("{calls} by call"),
            paint(tone(*sweeps), &format!("{sweeps} by sweep")),
            paint(
                tone(*missing),
                &format!("{} missing", count(usize::try_from(*missing).unwrap_or(0), "number")),
            ),
        ];
        if *csv > 0 {
            words.insert(2, format!("{csv} by file"));
        }
        pair("messages, 24 h", &words.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_for_the_day() {
        let coverage = Coverage { calls: 94, sweeps: 3, missing: 1, ..Coverage::default() };
        let text = coverage.lines();
        for words in ["94 by call", "3 by sweep", "1 number missing"] {
            assert!(text.contains(words), "{words} not in {text}");
        }
        assert!(!text.contains("by file") && text.lines().count() == 1);
    }
}
