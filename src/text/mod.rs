//! What a customer wrote, cleaned of everything they did not write.
//!
//! A message arrives as mail: HTML, quoted history, signatures, disclaimers. The order of use is
//! [`new_text::new_text`] (which undoes a transfer encoding, then calls [`html`], [`quotes`], [`signature`],
//! [`clean`] and [`language`]), then [`order_number::order_mention`] on its text. [`automatic::is_automatic`] looks at
//! the mail as a whole, [`mod@redact`] makes any of it fit for a log, [`mod@anonymise`] fit to leave the machine.
//!
//! Everything here is pure: text in, text out, no clock, no I/O, bounded input. What may go wrong is
//! always one of two things: history kept as new text (an old "cancel" blocks an answer, a person looks),
//! or new text taken for history. The second is the dangerous one, so a doubtful line stays.

pub mod anonymise;
pub mod automatic;
pub mod clean;
pub mod html;
pub mod language;
pub mod new_text;
pub mod order_number;
pub mod quotes;
pub mod redact;
pub mod signature;

mod attribution;
mod dom;
mod encoded;
mod entities;
mod order_subject;
mod order_words;
mod pattern;
mod shrink;
mod words;

#[cfg(test)]
mod adversarial;
#[cfg(test)]
mod clients;
#[cfg(test)]
mod corpus;

pub use anonymise::anonymise;
pub use automatic::is_automatic;
pub use html::html_to_text;
pub use language::{Language, language_of};
pub use new_text::{NewText, Part, new_text};
pub use order_number::{OrderMention, normalise, order_mention, same_order};
pub use order_subject::order_mention_with_subject;
pub use quotes::{Stripped, strip_quotes};
pub use redact::{one_line, redact, snippet};
pub use signature::strip_signature;
