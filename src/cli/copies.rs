//! What `backup` and `restore` share: how a copy is described, how its making is shown, how its errors end.

use std::io::IsTerminal as _;
use std::path::Path;

use indicatif::{HumanBytes, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::print::{Tone, clean, count, moment, paint, pair};
use super::session::Failure;
use crate::daemon::outside::{Contents, CopyError, Progress};
use crate::event::Timestamp;

/// A file below this is copied before a bar could be read.
const BAR_FROM_BYTES: u64 = 32 * 1024 * 1024;

/// The error with its exit code.
pub(super) fn failure(error: CopyError) -> anyhow::Error {
    match error {
        CopyError::Wrong(words) => Failure::wrong(clean(&words)),
        CopyError::Bad(words) => Failure::no(clean(&words)),
        CopyError::Cannot(words) => Failure::cannot(clean(&words)),
    }
}

/// Ends the command when the file to be looked at is not there.
pub(super) fn require_file(file: &Path) -> anyhow::Result<()> {
    match std::fs::File::open(file) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            Err(Failure::wrong(format!("there is no file {}", file.display())))
        }
        Err(error) => Err(Failure::cannot(format!("cannot open {}: {error}", file.display()))),
    }
}

/// What a file holds, on lines of their own.
pub(super) fn holds(contents: &Contents, now: Timestamp) -> String {
    let figures = &contents.figures;
    let states: Vec<String> =
        figures.by_state.iter().map(|one| format!("{} {}", one.events, clean(&one.state))).collect();
    let all = count(usize::try_from(figures.events()).unwrap_or(usize::MAX), "event");
    let words = if states.is_empty() { all } else { format!("{all}: {}", states.join(", ")) };
    let mut text = pair("holds", &words);
    if let (Some(event), Some(at)) = (figures.newest_event, figures.newest_at) {
        text.push_str(&pair("newest event", &format!("{event}, {}", moment(at, now))));
    }
    text.push_str(&pair("size", &format!("{}, schema {}", size(contents.bytes), figures.schema)));
    text
}

/// Bytes for people.
pub(super) fn size(bytes: u64) -> String {
    HumanBytes(bytes).to_string()
}

/// A bar on a terminal, for a file that takes a while.
#[derive(Debug, Default)]
pub(super) struct Bar(Option<ProgressBar>);

impl Bar {
    /// Shows how far it is.
    pub(super) fn show(&mut self, progress: Progress) {
        match progress {
            Progress::Copying { total, .. } if total < BAR_FROM_BYTES => (),
            Progress::Copying { done, total } => {
                if self.0.is_none() && std::io::stderr().is_terminal() {
                    let style =
                        ProgressStyle::with_template("{bar:20.green} {bytes}/{total_bytes}  {wide_msg}");
                    let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr());
                    self.0 = style.ok().map(|style| bar.with_style(style));
                }
                if let Some(bar) = &self.0 {
                    bar.set_position(done);
                }
            }
            Progress::Checking => {
                if let Some(bar) = &self.0 {
                    bar.set_message("reading every page again");
                }
            }
        }
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        if let Some(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}

/// A command to type, as it is typed.
pub(super) fn command(words: &str) -> String {
    paint(Tone::Strong, words)
}
