//! What the rehearsal prints at its end: the sums, the verdict, and where to look when it is bad.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::harvest::Totals;
use super::met::{self, Counted};
use super::settle::Sweeps;
use super::stage::{CALLS, WINDOW};
use super::verdict::{Facts, Verdict};
use crate::cli::print::{Tone, clean, heading, paint, pair};

/// Findings of one kind that are printed for people; `--json` has them all.
const FINDINGS_SHOWN: usize = 20;
/// The list of starts that took too long.
const SLOW: &str = "slow to start";

/// Everything there is to show.
#[derive(Debug)]
pub(super) struct Shown {
    pub(super) seed: u64,
    pub(super) cycles: u32,
    pub(super) faults: String,
    /// How often each of them happened.
    pub(super) met: Counted,
    pub(super) verdict: Verdict,
    pub(super) totals: Totals,
    pub(super) sweeps: Sweeps,
    pub(super) starts: Starts,
    pub(super) seconds: f64,
    /// The folder, when it stays.
    pub(super) kept: Option<PathBuf>,
}

/// What was seen of the daemon's starts and ends.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub(super) struct Starts {
    kills: u32,
    terms: u32,
    second_daemons: u32,
    /// Starts after an end.
    starts: usize,
    ready_ms_p50: u64,
    ready_ms_p95: u64,
    ready_ms_max: u64,
    ready_ms_allowed: u64,
}

impl Starts {
    /// From what was measured.
    pub(super) fn of(facts: &Facts) -> Self {
        let lives = &facts.lives;
        let mut sorted = lives.ready_ms.clone();
        sorted.sort_unstable();
        let at = |percent: usize| {
            let index = (sorted.len() * percent).div_ceil(100).saturating_sub(1);
            sorted.get(index).copied().unwrap_or(0)
        };
        Self {
            kills: lives.kills,
            terms: lives.terms,
            second_daemons: lives.seconds,
            starts: sorted.len(),
            ready_ms_p50: at(50),
            ready_ms_p95: at(95),
            ready_ms_max: at(100),
            ready_ms_allowed: facts.ready_ms_max,
        }
    }

    fn words(&self) -> String {
        let allowed = self.ready_ms_allowed;
        match self.starts {
            0 => "not measured: the daemon was not started again".to_owned(),
            1 => format!("{} ms (1 start); {allowed} ms are allowed", self.ready_ms_max),
            starts => format!(
                "{} ms (half of {starts} starts), {} ms (95 %), {} ms (the slowest); {allowed} ms are allowed",
                self.ready_ms_p50, self.ready_ms_p95, self.ready_ms_max
            ),
        }
    }
}

impl Shown {
    /// One document with everything.
    pub(super) fn json(&self) -> Value {
        let counts: BTreeMap<String, usize> =
            self.verdict.lists().iter().map(|(name, found)| (name.replace(' ', "_"), found.len())).collect();
        let met: BTreeMap<String, u64> =
            self.met.iter().map(|(fault, count)| (fault.name(), *count)).collect();
        json!({
            "good": self.verdict.good(),
            "seed": self.seed,
            "cycles": self.cycles,
            "faults": self.faults,
            "met": met,
            "not_met": met::never(&self.met),
            "counts": counts,
            "verdict": self.verdict,
            "totals": self.totals,
            "sweeps": self.sweeps,
            "starts": self.starts,
            "seconds": (self.seconds * 10.0).round() / 10.0,
            "kept": self.kept.as_ref().map(|path| path.display().to_string()),
        })
    }

    /// For people.
    pub(super) fn people(&self) -> String {
        let mut text = self.sums();
        text.push_str(&self.judged());
        if let Some(folder) = &self.kept {
            text.push_str(&left(folder));
        }
        text
    }

    fn sums(&self) -> String {
        let mut text = heading("The rehearsal");
        let (totals, starts) = (&self.totals, &self.starts);
        let mut line = |name: &str, value: String| text.push_str(&pair(name, &value));
        line("seed", self.seed.to_string());
        line("faults", self.faults.clone());
        line("cycles", format!("{} in {:.0} s", self.cycles, self.seconds));
        line(
            "ends",
            format!(
                "{}, {} in good order, {} that left at once",
                counted(starts.kills.into(), "kill"),
                counted(starts.terms.into(), "stop"),
                counted(starts.second_daemons.into(), "second daemon")
            ),
        );
        line("ready after", starts.words());
        line("messages", totals.messages.to_string());
        let refused: u64 = totals.refused.values().sum();
        line(
            "calls to us",
            format!(
                "{}: {} acknowledged ({} joined a waiting event), {refused} refused, {} met a dead daemon",
                totals.calls, totals.acknowledged, totals.joined, totals.unanswered
            ),
        );
        line("acknowledged", format!("and ended as {}", listed(&totals.ended)));
        line("events", format!("{}: {}", totals.events, listed(&totals.outcomes)));
        line(
            "sweeps",
            format!(
                "{} asked for, {} tickets looked at, {} taken in",
                self.sweeps.asked, self.sweeps.looked_at, self.sweeps.found
            ),
        );
        line(
            "replies",
            format!(
                "{}; {} crossed somebody's words on the way (nobody could know; no fault)",
                totals.replies,
                counted(self.verdict.crossed.into(), "write")
            ),
        );
        line(
            "API calls",
            format!(
                "{} ({CALLS} in {} s are allowed; 50 in 30 s in real life)",
                totals.api_calls,
                WINDOW.as_secs()
            ),
        );
        text.push_str(&heading("The faults"));
        text.push_str(&met::lines(&self.met));
        text
    }

    fn judged(&self) -> String {
        let mut text = heading("The verdict");
        for (name, found) in self.verdict.lists() {
            let measured = self.starts.starts > 0 || name != SLOW;
            let (tone, mark) = match (found.is_empty(), measured) {
                (true, true) => (Tone::Good, "✓"),
                (true, false) => (Tone::Dim, "–"),
                (false, _) => (Tone::Bad, "✗"),
            };
            let meaning = if measured { meaning(name) } else { "not measured: there was no start" };
            let counted = format!("{} {name}", found.len());
            let _ = writeln!(text, "{} {counted:<18} {}", paint(tone, mark), paint(Tone::Dim, meaning));
            for line in found.iter().take(FINDINGS_SHOWN) {
                let _ = writeln!(text, "    {}", clean(line));
            }
            if found.len() > FINDINGS_SHOWN {
                let _ = writeln!(text, "    and {} more; --json has them all", found.len() - FINDINGS_SHOWN);
            }
        }
        let (tone, words) = self.last_words();
        let _ = writeln!(text, "{}", paint(tone, &words));
        text
    }

    fn last_words(&self) -> (Tone, String) {
        let again = format!(
            "The same plan again (its timing varies): --seed {} --cycles {} --faults {}",
            self.seed, self.cycles, self.faults
        );
        let slow = u64::try_from(self.verdict.slow_starts.len()).unwrap_or(u64::MAX);
        let only_slow = self.verdict.lists().iter().all(|(name, found)| *name == SLOW || found.is_empty());
        if self.verdict.good() {
            let words = "Nothing acknowledged was lost, nothing was said twice, nothing is stuck.";
            (Tone::Good, words.to_owned())
        } else if only_slow {
            let (was, allowed) = (if slow == 1 { "was" } else { "were" }, self.starts.ready_ms_allowed);
            let starts = counted(slow, "start");
            let words = format!(
                "Nothing was lost, doubled or stuck; {starts} {was} slower than {allowed} ms (--ready-within)."
            );
            (Tone::Warn, format!("{words}\n{again}"))
        } else {
            (Tone::Bad, format!("The rehearsal FAILED. {again}"))
        }
    }
}

/// What a list of the verdict holds, in a line.
fn meaning(name: &str) -> &'static str {
    match name {
        "lost" => "acknowledged with a 200, and no event is left of it",
        "duplicated" => "a customer was answered twice",
        "stuck" => "events still open after the last timer, or given up",
        "missed" => "no call for it got a 200, and no sweep found it",
        "unseen" => "ended for us, but the ticket shows no tag or reply of it",
        "wrongly written" => "replies or writes where a person had answered, or nothing may be said",
        "over the limit" => "more API calls in a window than the helpdesk allows",
        SLOW => "took calls later than --ready-within",
        _ => "wrong exit codes or answers, or the daemon left by itself",
    }
}

/// `1 kill`, `2 kills`.
fn counted(count: u64, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

/// Where everything is.
pub(super) fn left(folder: &Path) -> String {
    let at = |name: &str| folder.join(name).display().to_string();
    let mut text = heading("Kept");
    for (name, file) in [
        ("database", "mw.db"),
        ("configuration", "config.toml"),
        ("daemon's log", "daemon.log"),
        ("acknowledged", "acknowledged.jsonl"),
        ("applied effects", "helpdesk.jsonl"),
        ("API requests", "requests.jsonl"),
    ] {
        text.push_str(&pair(name, &at(file)));
    }
    text
}

fn listed(counts: &BTreeMap<String, usize>) -> String {
    let words: Vec<String> = counts.iter().map(|(word, count)| format!("{word} {count}")).collect();
    if words.is_empty() { "none".to_owned() } else { words.join(", ") }
}

#[cfg(test)]
#[path = "show_tests.rs"]
mod tests;
