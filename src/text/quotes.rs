//! Parts what was written now from what is quoted, in plain text.
//!
//! Works on whole lines: every line of the result is a line of the input. Answers typed between `>` lines
//! are new text. What may go wrong: history without any mark stays as new text; an answer typed below
//! history whose lines carry no `>` goes with it.

use std::sync::LazyLock;

use regex::Regex;

use super::attribution::{Opening, opening};
use super::pattern::pattern;

/// A text, parted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stripped {
    /// What was written now; no blank lines at either end.
    pub new: String,
    /// The history that was taken away, in its order.
    pub quoted: String,
    /// Whether a forwarded mail was among it.
    pub forwarded: bool,
}

/// A `>` that opens no quotation: "> 3 weeks", ">:(".
static NOT_A_QUOTE: LazyLock<Regex> = LazyLock::new(|| pattern(r"\A\s*>\s*(?:\d+\s|[:;=]-?[\[({/|])"));

/// Lines looked at; what lies below is history by any measure.
pub(super) const LINES_MAX: usize = 20_000;

/// Takes quoted history and forwarded mail out of a plain text.
pub fn strip_quotes(text: &str) -> Stripped {
    let lines: Vec<&str> = text.lines().take(LINES_MAX).collect();
    let quote_lines = lines.iter().filter(|line| line.trim_start().starts_with('>')).count();
    let mut new: Vec<&str> = Vec::new();
    let mut quoted: Vec<&str> = Vec::new();
    let mut forwarded = false;
    let mut rest = lines.as_slice();
    while let Some((line, after)) = rest.split_first() {
        if line.trim_start().starts_with('>') {
            let own = quote_lines == 1 && NOT_A_QUOTE.is_match(line);
            if own {
                new.push(line);
            } else {
                quoted.push(line);
            }
            rest = after;
            continue;
        }
        match opening(rest) {
            None => {
                new.push(line);
                rest = after;
            }
            Some(Opening::Wrote { lines: count, sure }) => {
                let (introduction, after) = rest.split_at(count.min(rest.len()));
                match next_word(after) {
                    // Before `>` lines, or at the very end, only the introduction goes.
                    Next::Quote | Next::End => quoted.extend(introduction),
                    Next::Text if sure => {
                        quoted.extend(rest);
                        break;
                    }
                    Next::Text => new.extend(introduction),
                }
                rest = after;
            }
            Some(history) => {
                forwarded = history == Opening::Forward;
                quoted.extend(rest);
                break;
            }
        }
    }
    Stripped { new: join(&new), quoted: join(&quoted), forwarded }
}

enum Next {
    Quote,
    Text,
    End,
}

fn next_word(lines: &[&str]) -> Next {
    match lines.iter().map(|line| line.trim()).find(|line| !line.is_empty()) {
        None => Next::End,
        Some(line) if line.starts_with('>') => Next::Quote,
        Some(_) => Next::Text,
    }
}

/// Joins lines, without the blank ones at both ends.
fn join(lines: &[&str]) -> String {
    let is_word = |line: &&str| !line.trim().is_empty();
    let start = lines.iter().position(is_word).unwrap_or(lines.len());
    let end = lines.iter().rposition(is_word).map_or(start, |at| at + 1);
    lines.get(start..end).unwrap_or_default().join("\n")
}
