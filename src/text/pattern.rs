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

/// A pattern that is only asked whether it is there. Its `.{from,to}` counts bytes, not characters: a character is a
/// network of eight states, a byte is one, and every worker keeps a place for each state.
pub(super) struct Sign(regex::bytes::Regex);

impl Sign {
    /// Compiles a constant pattern, as [`pattern`] does.
    #[allow(clippy::expect_used)] // as above
    pub(super) fn new(source: &str) -> Self {
        let source = source.replace(".{", "(?-u:.){");
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
