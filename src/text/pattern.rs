//! Compiles the constant patterns of this module, once each.
//!
//! A pattern is a literal in our source: one that does not compile is a mistake of ours, found by the
//! first test that touches it, never by a customer's text.

use regex::Regex;

/// Compiles a constant pattern, case-insensitive and multi-line (`^`, `$` at each line).
#[allow(clippy::expect_used)] // constant input: every static is forced by a test in its own file
pub(super) fn pattern(source: &str) -> Regex {
    regex::RegexBuilder::new(source)
        .case_insensitive(true)
        .multi_line(true)
        .build()
        .expect("a constant pattern compiles")
}

/// Compiles a constant pattern in which upper and lower case differ.
#[allow(clippy::expect_used)] // as above
pub(super) fn cased(source: &str) -> Regex {
    regex::RegexBuilder::new(source).multi_line(true).build().expect("a constant pattern compiles")
}
