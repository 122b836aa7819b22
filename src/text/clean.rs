//! Characters that carry no words: controls, zero-width marks, bidi overrides, odd spaces.
//!
//! Used first, so that later steps see plain lines ended by `\n`. What may go wrong: a joiner inside an
//! emoji or an Indic word goes too; for reading and routing that is harmless.

/// Normalises line ends and spaces and drops characters that cannot be seen: control characters but tab
/// and newline, zero-width and bidirectional marks, byte-order marks, soft hyphens, and filler characters
/// that newsletters pad their preheaders with.
pub fn visible(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\r' => {
                if chars.peek() != Some(&'\n') {
                    out.push('\n');
                }
            }
            '\u{2028}' | '\u{2029}' | '\u{0085}' | '\u{000B}' | '\u{000C}' => out.push('\n'),
            '\n' => out.push('\n'),
            '\u{FF1A}' => out.push(':'),
            '\u{FF03}' => out.push('#'),
            c if c == '\t' || is_odd_space(c) => out.push(' '),
            c if c.is_control() || is_invisible(c) => {}
            c => out.push(c),
        }
    }
    out
}

/// Trims each line's end, makes runs of blank lines one, and drops blank lines at both ends.
pub fn tidy(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut blank = false;
    for line in text.lines().map(str::trim_end) {
        if line.is_empty() {
            blank = !out.is_empty();
            continue;
        }
        if !out.is_empty() {
            out.push_str(if blank { "\n\n" } else { "\n" });
        }
        blank = false;
        out.push_str(line);
    }
    out
}

/// The first `max` characters (not bytes), and whether something was cut.
pub fn first_chars(text: &str, max: usize) -> (&str, bool) {
    match text.char_indices().nth(max) {
        Some((at, _)) => (text.get(..at).unwrap_or(text), true),
        None => (text, false),
    }
}

/// The first `max` bytes at most, cut where a character ends.
pub fn first_bytes(text: &str, max: usize) -> &str {
    let mut end = max.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or(text)
}

fn is_odd_space(c: char) -> bool {
    matches!(c, '\u{00A0}' | '\u{1680}' | '\u{2000}'..='\u{200A}' | '\u{202F}' | '\u{205F}' | '\u{3000}')
}

fn is_invisible(c: char) -> bool {
    matches!(
        c,
        '\u{00AD}'
            | '\u{034F}'
            | '\u{061C}'
            | '\u{115F}'
            | '\u{1160}'
            | '\u{17B4}'
            | '\u{17B5}'
            | '\u{180E}'
            | '\u{200B}'..='\u{200F}'
            | '\u{202A}'..='\u{202E}'
            | '\u{2060}'..='\u{206F}'
            | '\u{3164}'
            | '\u{FEFF}'
            | '\u{FFA0}'
            | '\u{FFFC}'
            | '\u{E0000}'..='\u{E007F}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invisible_and_bidi_characters_go_and_line_ends_are_one() {
        assert_eq!(
            visible("a\u{200B}b\u{202E}c\r\nd\re\u{2028}f\u{00A0}g\u{0007}\u{FEFF}"),
            "abc\nd\ne\nf g"
        );
    }

    #[test]
    fn blank_lines_collapse() {
        assert_eq!(tidy("\n \na  \n\n\n\nb\nc\n\n"), "a\n\nb\nc");
    }

    #[test]
    fn cuts_fall_between_characters() {
        assert_eq!(first_bytes("aé", 2), "a");
        assert_eq!(first_chars("aéb", 2), ("aé", true));
        assert_eq!(first_chars("aé", 2), ("aé", false));
    }
}
