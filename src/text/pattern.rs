//! Compiles the constant patterns of this module, once each.
//!
//! A pattern is a literal in our source: one that does not compile is a mistake of ours, found by the
//! first test that touches it, never by a customer's text.

use regex::Regex;

/// What a pattern may remember of what it met, in bytes, for each thread that searches with it. Without a word from us
/// it is 2 MB, for a few dozen patterns and every worker; an eighth costs a tenth of the time.
const MEMORY_BYTES: usize = 256 << 10;

/// Compiles a constant pattern, case-insensitive and multi-line (`^`, `$` at each line).
#[allow(clippy::expect_used)] // constant input: every static is forced by a test in its own file
pub(super) fn pattern(source: &str) -> Regex {
    regex::RegexBuilder::new(source)
        .case_insensitive(true)
        .multi_line(true)
        .dfa_size_limit(MEMORY_BYTES)
        .build()
        .expect("a constant pattern compiles")
}

/// Compiles a constant pattern in which upper and lower case differ.
#[allow(clippy::expect_used)] // as above
pub(super) fn cased(source: &str) -> Regex {
    regex::RegexBuilder::new(source)
        .multi_line(true)
        .dfa_size_limit(MEMORY_BYTES)
        .build()
        .expect("a constant pattern compiles")
}

/// What a [`Sign`] takes for no letter and no digit: punctuation, blanks, symbols, emoji. All that Unicode calls so are
/// seven hundred ranges.
const NO_WORD: &str = r"(?-i:[\x00-/:-@\[-\^`{-\u{a9}\u{ab}-\u{b4}\u{b6}-\u{b9}\u{bb}-\u{bf}\u{2000}-\u{200b}\u{200e}-\u{203e}\u{2041}-\u{2053}\u{2055}-\u{2070}\u{20a0}-\u{20bf}\u{2190}-\u{24b5}\u{2500}-\u{2bff}\u{3001}-\u{3004}\u{3008}-\u{3020}\u{1f000}-\u{1f12f}\u{1f1e6}-\u{1faff}])";

/// A pattern that is only asked whether it is there. Its `.{from,to}` counts bytes, not characters: a character is a
/// network of eight states, a byte is one, and every worker keeps a place for each state. Its `\S{from,to}` counts bytes
/// too, and takes Unicode's own blanks for none; its `\W` is [`NO_WORD`].
pub(super) struct Sign(regex::bytes::Regex);

impl Sign {
    /// Compiles a constant pattern, as [`pattern`] does.
    #[allow(clippy::expect_used)] // as above
    pub(super) fn new(source: &str) -> Self {
        debug_assert!(!source.contains(r"\.{"), "a full stop so many times would become any byte: {source}");
        let source = source.replace(".{", "(?-u:.){").replace(r"\S{", r"(?-u:\S){").replace(r"\W", NO_WORD);
        let built = regex::bytes::RegexBuilder::new(&source)
            .case_insensitive(true)
            .multi_line(true)
            .dfa_size_limit(MEMORY_BYTES)
            .build();
        Self(built.expect("a constant pattern compiles"))
    }

    pub(super) fn is_match(&self, text: &str) -> bool {
        self.0.is_match(text.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_sign_takes_for_no_word_is_none_and_all_of_ascii_and_of_emoji_is_there() {
        let (ours, of_unicode) = (pattern(&format!(r"\A{NO_WORD}\z")), pattern(r"\A\W\z"));
        for letter in (0..0x2_0000).filter_map(char::from_u32) {
            let text = letter.to_string();
            if ours.is_match(&text) {
                assert!(of_unicode.is_match(&text), "{letter:?}");
            } else if letter.is_ascii() || ('\u{1f300}'..'\u{1f650}').contains(&letter) {
                assert!(!of_unicode.is_match(&text), "{letter:?}");
            }
        }
    }

    #[test]
    fn a_sign_counts_bytes_and_takes_punctuation_of_any_kind_before_it() {
        let sign = Sign::new(r"\A\W{0,3}gone.{0,4}\z");
        for (text, there) in
            [("„gone", true), ("🙂 gone…", true), ("gone home", false), ("é gone", false), ("x gone", false)]
        {
            assert_eq!(sign.is_match(text), there, "{text}");
        }
    }
}
