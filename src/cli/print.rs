//! What people see: tables for a terminal, aligned text without colour for a pipe, times that say how long ago.
//!
//! Colour is written as anstyle codes and dropped by anstream where nobody can see it (a pipe, `NO_COLOR`). Words
//! that a customer or a helpdesk wrote pass [`clean`]: one line, nothing that moves a cursor or turns text around.

use std::fmt::Write as _;
use std::io::{self, IsTerminal as _, Write as _};

use anstyle::{AnsiColor, Style};
use comfy_table::{Attribute, Cell, Color, ContentArrangement, Row, Table as Grid, presets};

use crate::clock::since;
use crate::event::Timestamp;

/// The widest column of aligned text; what is longer runs on.
const COLUMN_CHARS_MAX: usize = 60;

/// What standard output is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Screen {
    /// A person's terminal, with its width where a test says so.
    Terminal(Option<u16>),
    /// A pipe or a file.
    Plain,
}

impl Screen {
    /// Of this process.
    pub(super) fn of_stdout() -> Self {
        if io::stdout().is_terminal() { Self::Terminal(None) } else { Self::Plain }
    }
}

/// How a word looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tone {
    /// As it is.
    Plain,
    /// Fine.
    Good,
    /// Worth a look.
    Warn,
    /// Needs somebody.
    Bad,
    /// In the background.
    Dim,
    /// A heading.
    Strong,
}

/// The text in its tone.
pub(super) fn paint(tone: Tone, text: &str) -> String {
    let colour = |colour: AnsiColor| colour.on_default();
    let style = match tone {
        Tone::Plain => return text.to_owned(),
        Tone::Good => colour(AnsiColor::Green),
        Tone::Warn => colour(AnsiColor::Yellow),
        Tone::Bad => colour(AnsiColor::Red).bold(),
        Tone::Dim => Style::new().dimmed(),
        Tone::Strong => Style::new().bold(),
    };
    format!("{style}{text}{style:#}")
}

/// Writes to standard output at once.
///
/// # Errors
/// As the stream; a closed pipe is for the caller to forgive.
pub(super) fn write_out(text: &str) -> io::Result<()> {
    let mut out = anstream::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}

/// Rows under a head.
#[derive(Debug, Default)]
pub(super) struct Table {
    head: Vec<&'static str>,
    rows: Vec<Vec<(Tone, String)>>,
    one_line: bool,
    first_to_go: &'static [&'static str],
}

impl Table {
    /// A table with these columns.
    pub(super) fn new(head: &[&'static str]) -> Self {
        Self { head: head.to_vec(), rows: vec![], one_line: false, first_to_go: &[] }
    }

    /// A row is one line on a terminal: what does not fit is cut, not wrapped.
    pub(super) fn one_line(mut self) -> Self {
        self.one_line = true;
        self
    }

    /// Columns that a narrow terminal leaves out, in this order, until the rest fits.
    pub(super) fn first_to_go(mut self, columns: &'static [&'static str]) -> Self {
        self.first_to_go = columns;
        self
    }

    /// Adds a row; every field must be [`clean`] already or be our own words.
    pub(super) fn row(&mut self, fields: Vec<(Tone, String)>) {
        self.rows.push(fields);
    }

    /// The table with a newline at its end.
    pub(super) fn render(&self, screen: Screen) -> String {
        match screen {
            Screen::Terminal(width) => self.grid(width),
            Screen::Plain => self.aligned(),
        }
    }

    fn grid(&self, width: Option<u16>) -> String {
        let mut grid = Grid::new();
        grid.load_style(presets::NOTHING)
            .set_content_arrangement(ContentArrangement::Dynamic)
            .enforce_styling();
        if let Some(width) = width {
            grid.set_width(width);
        }
        let shown = self.shown(grid.width().map(usize::from));
        let kept = |(at, _): &(usize, _)| shown.get(*at) == Some(&true);
        let head = self.head.iter().enumerate().filter(|(at, _)| shown.get(*at) == Some(&true));
        grid.set_header(head.map(|(_, name)| Cell::new(name).add_attribute(Attribute::Bold)));
        for row in &self.rows {
            let fields = row.iter().enumerate().filter(kept);
            let mut line = Row::from(fields.map(|(_, (tone, text))| cell(*tone, text)));
            if self.one_line {
                line.max_height(1);
            }
            grid.add_row(line);
        }
        format!("{}\n", grid.trim_fmt())
    }

    /// Which columns a terminal of this width shows.
    fn shown(&self, width: Option<usize>) -> Vec<bool> {
        let mut shown = vec![true; self.head.len()];
        let widths = self.widths();
        for name in self.first_to_go {
            let needed: usize =
                widths.iter().zip(&shown).filter(|(_, shown)| **shown).map(|(width, _)| width + 2).sum();
            if width.is_none_or(|width| needed <= width) {
                break;
            }
            for (shown, head) in shown.iter_mut().zip(&self.head) {
                *shown &= head != name;
            }
        }
        shown
    }

    /// The widest field of each column, within reason.
    fn widths(&self) -> Vec<usize> {
        let mut widths: Vec<usize> = self.head.iter().map(|name| name.chars().count()).collect();
        for row in &self.rows {
            for (width, (_, text)) in widths.iter_mut().zip(row) {
                *width = (*width).max(text.chars().count().min(COLUMN_CHARS_MAX));
            }
        }
        widths
    }

    fn aligned(&self) -> String {
        let widths = self.widths();
        let head = self.head.iter().map(|name| name.to_uppercase());
        let mut text = line(head, &widths);
        for row in &self.rows {
            text.push_str(&line(row.iter().map(|(_, text)| text.clone()), &widths));
        }
        text
    }
}

fn line(fields: impl Iterator<Item = String>, widths: &[usize]) -> String {
    let mut text = String::new();
    for (field, width) in fields.zip(widths) {
        let _ = write!(text, "{field:<width$}  ");
    }
    format!("{}\n", text.trim_end())
}

fn cell(tone: Tone, text: &str) -> Cell {
    let cell = Cell::new(text);
    match tone {
        Tone::Plain => cell,
        Tone::Good => cell.fg(Color::Green),
        Tone::Warn => cell.fg(Color::Yellow),
        Tone::Bad => cell.fg(Color::Red).add_attribute(Attribute::Bold),
        Tone::Dim => cell.add_attribute(Attribute::Dim),
        Tone::Strong => cell.add_attribute(Attribute::Bold),
    }
}

/// `1 problem`, `2 problems`.
pub(super) fn count(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

/// `name` and what it is, on one line, names in a column.
pub(super) fn pair(name: &str, value: &str) -> String {
    format!("{}{value}\n", paint(Tone::Dim, &format!("{name:<16}")))
}

/// A heading on a line of its own, after a blank one.
pub(super) fn heading(text: &str) -> String {
    format!("\n{}\n", paint(Tone::Strong, text))
}

/// One line of somebody's words: control characters and what turns text around are escaped.
pub(super) fn clean(text: &str) -> String {
    text.trim().chars().fold(String::with_capacity(text.len()), |mut line, c| {
        if c.is_control() || is_invisible(c) {
            line.extend(c.escape_default());
        } else {
            line.push(c);
        }
        line
    })
}

/// Several lines, each [`clean`]; for texts whose lines are meant.
pub(super) fn clean_lines(text: &str) -> Vec<String> {
    text.lines().map(clean).collect()
}

/// [`clean`], at most `chars_max` characters; a cut ends in `…`.
pub(super) fn cut(text: &str, chars_max: usize) -> String {
    let line = clean(text);
    if line.chars().count() <= chars_max {
        return line;
    }
    let kept: String = line.chars().take(chars_max.saturating_sub(1)).collect();
    format!("{kept}…")
}

/// Characters without a width that hide or reorder what is around them.
const fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}')
}

/// `2026-02-09 00:31:40 (3 min ago)`, UTC.
pub(super) fn moment(at: Timestamp, now: Timestamp) -> String {
    let (away, ahead) = if at > now { (since(now, at), true) } else { (since(at, now), false) };
    let away = span(away.as_secs());
    let away = if ahead { format!("in {away}") } else { format!("{away} ago") };
    format!("{} ({away})", at.strftime("%Y-%m-%d %H:%M:%S"))
}

/// A length of time in its largest unit.
pub(super) fn span(seconds: u64) -> String {
    match seconds {
        0..=119 => format!("{seconds} s"),
        120..=7_199 => format!("{} min", seconds / 60),
        7_200..=172_799 => format!("{} h", seconds / 3_600),
        _ => format!("{} days", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn a_moment_says_how_far_away_it_is() {
        let now = at("2026-02-09T00:34:40Z");
        for (then, words) in [
            ("2026-02-09T00:31:40Z", "2026-02-09 00:31:40 (3 min ago)"),
            ("2026-02-09T00:34:40Z", "2026-02-09 00:34:40 (0 s ago)"),
            ("2026-02-08T20:31:40Z", "2026-02-08 20:31:40 (4 h ago)"),
            ("2026-02-01T00:31:40Z", "2026-02-01 00:31:40 (8 days ago)"),
            ("2026-02-09T00:35:10Z", "2026-02-09 00:35:10 (in 30 s)"),
        ] {
            assert_eq!(moment(at(then), now), words);
        }
    }

    #[test]
    fn somebodys_words_stay_on_one_line_and_move_no_cursor() {
        let nasty = "a\nb\u{1b}[2J\u{202e}c\td\r\u{feff}é漢";
        let shown = clean(nasty);
        assert_eq!(shown, "a\\nb\\u{1b}[2J\\u{202e}c\\td\\r\\u{feff}é漢");
        assert!(!shown.chars().any(char::is_control));
        assert_eq!(cut("abcdef", 4), "abc…");
        assert_eq!(cut("abcd", 4), "abcd");
    }

    #[test]
    fn a_row_that_is_to_be_one_line_is_cut_to_it() {
        let text = Table { one_line: true, ..table() }.render(Screen::Terminal(Some(60)));
        assert_eq!(
            text.lines().filter(|line| line.contains("dead") || line.contains("work")).count(),
            1,
            "{text}"
        );
    }

    fn table() -> Table {
        let mut table = Table::new(&["event", "state", "reason"]);
        table.row(vec![
            (Tone::Plain, "7".into()),
            (Tone::Bad, "dead".into()),
            (Tone::Plain, "it will not work ".repeat(8)),
        ]);
        table.row(vec![
            (Tone::Plain, "1234".into()),
            (Tone::Good, "done".into()),
            (Tone::Plain, String::new()),
        ]);
        table
    }

    #[test]
    fn a_pipe_gets_aligned_text_without_colour() {
        let text = table().render(Screen::Plain);
        assert!(text.starts_with("EVENT  STATE  REASON\n7      dead   it will"), "{text}");
        assert!(text.ends_with("\n1234   done\n"), "{text}");
        assert!(!text.contains('\u{1b}'), "{text}");
        let mut stripped = anstream::StripStream::new(Vec::new());
        stripped.write_all(paint(Tone::Bad, "no").as_bytes()).unwrap();
        assert_eq!(stripped.into_inner(), b"no");
    }

    #[test]
    fn a_terminal_gets_a_table_as_wide_as_it_is_in_colour() {
        let text = table().render(Screen::Terminal(Some(40)));
        assert!(text.contains('\u{1b}'), "{text}");
        let mut stripped = anstream::StripStream::new(Vec::new());
        stripped.write_all(text.as_bytes()).unwrap();
        let stripped = String::from_utf8(stripped.into_inner()).unwrap();
        assert!(stripped.lines().all(|line| line.chars().count() <= 40), "{stripped}");
    }

    #[test]
    fn a_narrow_terminal_leaves_out_what_may_go_and_a_wide_one_shows_all() {
        let mut table = Table::new(&["event", "state", "reason"]).first_to_go(&["state", "event"]);
        table.row(vec![
            (Tone::Plain, "12".into()),
            (Tone::Plain, "waiting".into()),
            (Tone::Plain, "it is not known yet".into()),
        ]);
        let shown = |width| table.render(Screen::Terminal(Some(width)));
        assert!(shown(120).contains("waiting") && shown(120).contains("12"));
        assert!(!shown(32).contains("waiting") && shown(32).contains("12"), "{}", shown(32));
        assert!(shown(32).contains("it is not known yet"));
    }
}
