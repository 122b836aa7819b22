//! Text handling (placeholder until the text branch lands).
pub mod new_text;
