//! What is seen while the morning runs.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::harvest::{ended, events};
use super::stage::{CALLS, WINDOW};
use crate::cli::bar::Bar;
use crate::clock::{Clock, millis};
use crate::sim::SimHandle;
use crate::store::sqlite::reader::{EventRow, Reader};

/// Between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// The display.
pub(super) struct Progress<'a> {
    sim: &'a SimHandle,
    reader: &'a Reader,
    clock: Arc<dyn Clock>,
    messages: usize,
    bar: Bar,
    looked_at: Option<Duration>,
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
        let bar = Bar::new("demo", "ended", messages, clock, quiet);
        Self { sim, reader, clock: Arc::clone(clock), messages, bar, looked_at: None }
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
        self.bar.show(done, self.messages.max(events.len()), line);
    }

    /// A remark between the figures.
    pub(super) fn remark(&self, words: &str) {
        self.bar.remark(words);
    }

    /// Takes the bar away.
    pub(super) fn finish(&self) {
        self.bar.finish();
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
