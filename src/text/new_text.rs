//! Placeholder.
/// Language guess.
#[derive(Debug, Clone, PartialEq)]
pub struct Language {
    /// ISO 639-1 or `und`.
    pub code: String,
    /// 0..=1.
    pub confidence: f64,
}
/// What the customer newly wrote.
#[derive(Debug, Clone, PartialEq)]
pub struct NewText {
    /// The text.
    pub text: String,
    /// Its language.
    pub language: Language,
    /// Cut at the limit.
    pub truncated: bool,
    /// From how many messages.
    pub parts: usize,
}
