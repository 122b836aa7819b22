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
    let parted = part(text);
    let new: Vec<&str> = parted.new.iter().flatten().copied().collect();
    Stripped { new: join(&new), quoted: join(&parted.quoted), forwarded: parted.forwarded }
}

/// The new text in the pieces that history divides it into, so that a signature above a quotation does not
/// take along what is written below it.
pub(super) fn new_pieces(text: &str) -> Vec<String> {
    part(text).new.iter().map(|lines| join(lines)).filter(|piece| !piece.is_empty()).collect()
}

#[derive(Default)]
struct Parted<'a> {
    new: Vec<Vec<&'a str>>,
    quoted: Vec<&'a str>,
    forwarded: bool,
    /// Whether the last line was history.
    in_history: bool,
}

impl<'a> Parted<'a> {
    fn own(&mut self, lines: &[&'a str]) {
        if self.in_history || self.new.is_empty() {
            self.new.push(Vec::new());
        }
        self.in_history = false;
        if let Some(piece) = self.new.last_mut() {
            piece.extend(lines);
        }
    }

    fn history(&mut self, lines: &[&'a str]) {
        self.in_history = true;
        self.quoted.extend(lines);
    }
}

fn part(text: &str) -> Parted<'_> {
    let lines: Vec<&str> = text.lines().take(LINES_MAX).collect();
    let quote_lines = lines.iter().filter(|line| line.trim_start().starts_with('>')).count();
    let mut parted = Parted::default();
    let mut rest = lines.as_slice();
    while let Some((line, after)) = rest.split_first() {
        if line.trim_start().starts_with('>') {
            if quote_lines == 1 && NOT_A_QUOTE.is_match(line) {
                parted.own(&[line]);
            } else {
                parted.history(&[line]);
            }
            rest = after;
            continue;
        }
        match opening(rest) {
            None => {
                parted.own(&[line]);
                rest = after;
            }
            Some(Opening::Wrote { lines: count, sure }) => {
                let (introduction, mut after) = rest.split_at(count.min(rest.len()));
                match next_word(after) {
                    // Before `>` lines, or at the very end, only the introduction goes.
                    Next::Quote | Next::End => parted.history(introduction),
                    Next::Bars(count) => {
                        parted.history(introduction);
                        let (bars, below) = after.split_at(count.min(after.len()));
                        parted.history(bars);
                        after = below;
                    }
                    Next::Text if sure => {
                        parted.history(rest);
                        break;
                    }
                    Next::Text => parted.own(introduction),
                }
                rest = after;
            }
            Some(history) => {
                parted.forwarded = history == Opening::Forward;
                parted.history(rest);
                break;
            }
        }
    }
    parted
}

enum Next {
    Quote,
    /// Some clients quote with `|`: so many lines, blank ones above them included.
    Bars(usize),
    Text,
    End,
}

fn next_word(lines: &[&str]) -> Next {
    let Some(at) = lines.iter().position(|line| !line.trim().is_empty()) else { return Next::End };
    let starts = |line: &&str, mark: char| line.trim_start().starts_with(mark);
    match lines.get(at) {
        Some(line) if starts(line, '>') => Next::Quote,
        Some(line) if starts(line, '|') => {
            Next::Bars(at + lines.iter().skip(at).take_while(|line| starts(line, '|')).count())
        }
        _ => Next::Text,
    }
}

/// Joins lines, without the blank ones at both ends.
fn join(lines: &[&str]) -> String {
    let is_word = |line: &&str| !line.trim().is_empty();
    let start = lines.iter().position(is_word).unwrap_or(lines.len());
    let end = lines.iter().rposition(is_word).map_or(start, |at| at + 1);
    lines.get(start..end).unwrap_or_default().join("\n")
}
