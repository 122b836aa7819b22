//! A bar on a terminal, a plain line every few seconds elsewhere. It goes to standard error: standard output is for
//! the result.

use std::io::{IsTerminal as _, Write as _};
use std::sync::Arc;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::clock::Clock;

/// Between two plain lines.
const LINE_EVERY: Duration = Duration::from_secs(3);

/// The display of one command.
pub(super) struct Bar {
    command: &'static str,
    /// What is counted, after the figures (`ended`).
    unit: &'static str,
    clock: Arc<dyn Clock>,
    bar: Option<ProgressBar>,
    /// Plain lines are wanted.
    lines: bool,
    said_at: Option<Duration>,
    /// The last plain line: the same one again tells nothing.
    said: String,
}

impl Bar {
    /// Over so many; `quiet`: nothing but a bar where there is a terminal.
    pub(super) fn new(
        command: &'static str,
        unit: &'static str,
        length: usize,
        clock: &Arc<dyn Clock>,
        quiet: bool,
    ) -> Self {
        let terminal = std::io::stderr().is_terminal();
        let style = ProgressStyle::with_template(&format!(
            "{{bar:10.green}} {{pos:>3}}/{{len}} {unit}  {{wide_msg}}"
        ));
        let bar = style.ok().filter(|_| terminal).map(|style| {
            ProgressBar::with_draw_target(Some(figure(length)), ProgressDrawTarget::stderr())
                .with_style(style)
        });
        let lines = bar.is_none() && !quiet;
        Self { command, unit, clock: Arc::clone(clock), bar, lines, said_at: None, said: String::new() }
    }

    /// How far it is, and what else is known.
    pub(super) fn show(&mut self, done: usize, of: usize, words: String) {
        let now = self.clock.monotonic();
        if let Some(bar) = &self.bar {
            bar.set_length(figure(of));
            bar.set_position(figure(done));
            bar.set_message(words);
        } else if self.lines && self.said_at.is_none_or(|at| now >= at + LINE_EVERY) {
            let line = format!("{done}/{of} {}, {words}", self.unit);
            if line != self.said {
                self.said_at = Some(now);
                self.say(&line);
                self.said = line;
            }
        }
    }

    /// A remark between the figures.
    pub(super) fn remark(&self, words: &str) {
        match &self.bar {
            Some(bar) => bar.println(words),
            None if self.lines => self.say(words),
            None => {}
        }
    }

    /// Takes the bar away.
    pub(super) fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }

    fn say(&self, words: &str) {
        // With standard error closed there is nobody to tell.
        let _ = writeln!(std::io::stderr(), "{}: {words}", self.command);
    }
}

fn figure(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}
