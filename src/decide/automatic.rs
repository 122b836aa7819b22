//! Mail that no person wrote: out-of-office notes, bounces, other robots. It is never answered (two robots would
//! write to each other for ever); where it is all there is, it is no question either.

use crate::text::is_automatic;
use crate::ticket::Ticket;

/// How a message was recognised as automatic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Automatic {
    /// In plain words.
    pub why: String,
    /// The sender or the subject of a ticket with this one message says so: there is nothing else in it. Not sure:
    /// words in the text, or the subject of a longer conversation, in which a person may have written since.
    pub sure: bool,
}

/// Whether the newest customer message was written by a machine; `text` is what was newly written.
pub fn automatic(ticket: &Ticket, text: &str) -> Option<Automatic> {
    let found = |why: String, sure| Some(Automatic { why: why.replace('-', " "), sure });
    if ticket.newest_customer_message().is_some_and(|message| message.auto_submitted) {
        return found("its mail headers say that a machine sent it".to_owned(), true);
    }
    if let Some(kind) = is_automatic("", "", ticket.customer.email.as_deref()) {
        return found(format!("the sender is one of a machine ({kind})"), true);
    }
    if let Some(kind) = is_automatic(&ticket.subject, "", None) {
        let customers = ticket.messages.iter().filter(|message| message.author.may_be_customer()).count();
        return found(format!("the subject is one of a machine ({kind})"), customers <= 1);
    }
    is_automatic("", text, None)
        .and_then(|kind| found(format!("the text is one of a machine ({kind})"), false))
}
