//! What happened, in order: a hash of everything, and the last lines in words when somebody wants to read them.

use std::collections::VecDeque;
use std::time::Duration;

/// Lines kept for a failing seed.
const LINES_MAX: usize = 60;

/// The record of one run.
#[derive(Debug, Default)]
pub(super) struct Trace {
    /// Steps so far.
    pub(super) steps: u64,
    /// FNV-1a over every step: two runs of a seed are the same when this is.
    pub(super) hash: u64,
    /// Whether lines are kept; it changes nothing else.
    pub(super) verbose: bool,
    keep: usize,
    lines: VecDeque<String>,
}

impl Trace {
    pub(super) fn new(verbose: bool) -> Self {
        Self { hash: 0xcbf2_9ce4_8422_2325, verbose, keep: lines_kept(), ..Self::default() }
    }

    pub(super) fn add(
        &mut self,
        (wall_ms, monotonic): (i64, Duration),
        (actor, process, name): (usize, u32, &str),
        what: &str,
        detail: u64,
        words: impl FnOnce() -> String,
    ) {
        self.steps += 1;
        for byte in what.bytes() {
            self.mix(u64::from(byte));
        }
        self.mix(actor as u64);
        self.mix(detail);
        self.mix(wall_ms.unsigned_abs());
        if self.verbose {
            if self.lines.len() >= self.keep {
                self.lines.pop_front();
            }
            let step = self.steps;
            let at = monotonic.as_secs_f64();
            let words = words();
            self.lines
                .push_back(format!("{step:>6} {at:>12.3}s p{process} {name:<8} {what} {detail} {words}"));
        }
    }

    fn mix(&mut self, value: u64) {
        self.hash = (self.hash ^ value).wrapping_mul(0x0100_0000_01b3);
    }

    pub(super) fn tail(&self) -> String {
        self.lines.iter().map(|line| format!("{line}\n")).collect()
    }
}

/// `STEPS` asks for more of them.
fn lines_kept() -> usize {
    std::env::var("STEPS").ok().and_then(|text| text.parse().ok()).unwrap_or(LINES_MAX)
}
