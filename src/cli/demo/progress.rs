//! What is seen while the morning runs: a bar on a terminal, a plain line every few seconds elsewhere.
//!
//! It goes to standard error: standard output is for the result.

use std::collections::BTreeMap;
use std::io::{IsTerminal as _, Write as _};
use std::sync::Arc;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::harvest::{ended, events};
use super::stage::{CALLS, WINDOW};
use crate::clock::{Clock, millis};
use crate::sim::SimHandle;
use crate::store::sqlite::reader::{EventRow, Reader};

/// Between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// Between two plain lines.
const LINE_EVERY: Duration = Duration::from_secs(3);

/// The display.
pub(super) struct Progress<'a> {
    sim: &'a SimHandle,
    reader: &'a Reader,
    clock: Arc<dyn Clock>,
    messages: usize,
    bar: Option<ProgressBar>,
    /// Plain lines are wanted.
    lines: bool,
    looked_at: Option<Duration>,
    said_at: Option<Duration>,
}

impl<'a> Progress<'a> {
    /// Over so many messages; `quiet`: nothing but a bar where there is a terminal.
    pub(super) fn new(
        sim: &'a SimHandle,
        reader: &'a Reader,
        clock: &Arc<dyn Clock>,
        messages: usize,
        quiet: bool,
    ) -> Self {
        let terminal = std::io::stderr().is_terminal();
        let length = u64::try_from(messages).unwrap_or(u64::MAX);
        let style = ProgressStyle::with_template("{bar:32.green} {pos:>3}/{len} ended  {msg}");
        let bar = style.ok().filter(|_| terminal).map(|style| {
            ProgressBar::with_draw_target(Some(length), ProgressDrawTarget::stderr()).with_style(style)
        });
        let lines = bar.is_none() && !quiet;
        Self { sim, reader, clock: Arc::clone(clock), messages, bar, lines, looked_at: None, said_at: None }
    }

    /// Looks, when the last look is some time ago, and shows what it sees.
    pub(super) fn tick(&mut self, written: usize) {
        let now = self.clock.monotonic();
        if self.looked_at.is_some_and(|at| now < at + LOOK_EVERY) {
            return;
        }
        self.looked_at = Some(now);
        let Ok(events) = events(self.reader) else { return };
        let done = events.iter().filter(|event| ended(event)).count();
        let line = self.line(written, &events);
        if let Some(bar) = &self.bar {
            bar.set_length(u64::try_from(self.messages.max(events.len())).unwrap_or(u64::MAX));
            bar.set_position(u64::try_from(done).unwrap_or(u64::MAX));
            bar.set_message(line);
        } else if self.lines && self.said_at.is_none_or(|at| now >= at + LINE_EVERY) {
            self.said_at = Some(now);
            say(&format!("{done} ended, {line}"));
        }
    }

    /// A remark between the figures.
    pub(super) fn remark(&self, words: &str) {
        match &self.bar {
            Some(bar) => bar.println(words),
            None if self.lines => say(words),
            None => {}
        }
    }

    /// Takes the bar away.
    pub(super) fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }

    fn line(&self, written: usize, events: &[EventRow]) -> String {
        let mut by_outcome: BTreeMap<&str, u32> = BTreeMap::new();
        for event in events.iter().filter(|event| ended(event)) {
            *by_outcome.entry(event.outcome.as_deref().unwrap_or(&event.state)).or_default() += 1;
        }
        let ends: Vec<String> = by_outcome.iter().map(|(word, count)| format!("{word} {count}")).collect();
        let ends = if ends.is_empty() { String::new() } else { format!(": {}", ends.join(", ")) };
        format!(
            "{written} written, {} accepted{ends}; {}/{CALLS} calls in the window",
            events.len(),
            self.calls_in_window()
        )
    }

    fn calls_in_window(&self) -> usize {
        let window_ms = i64::try_from(WINDOW.as_millis()).unwrap_or(i64::MAX);
        let since_ms = millis(self.clock.now()).saturating_sub(window_ms);
        self.sim.requests().iter().rev().take_while(|request| request.at_ms > since_ms).count()
    }
}

fn say(words: &str) {
    // With standard error closed there is nobody to tell.
    let _ = writeln!(std::io::stderr(), "demo: {words}");
}
