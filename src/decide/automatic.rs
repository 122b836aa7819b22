//! Mail that no person wrote: out-of-office notes, bounces, other robots. It is never answered (two robots would
//! write to each other for ever); where it is all there is, it is no question either.

use crate::ticket::{Author, Ticket};

/// How a message was recognised as automatic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Automatic {
    /// In plain words.
    pub why: String,
    /// The sender or the subject of a ticket with this one message says so: there is nothing else in it. Not sure:
    /// words in the text, or the subject of a longer conversation, in which a person may have written since.
    pub sure: bool,
}

const SENDERS: &[&str] = &[
    "mailer-daemon",
    "postmaster",
    "noreply",
    "no-reply",
    "no_reply",
    "donotreply",
    "do-not-reply",
    "do_not_reply",
    "bounce",
    "bounces",
    "auto-reply",
    "autoreply",
    "notifications",
    "notification",
];

const SUBJECTS: &[&str] = &[
    "automatic reply",
    "automatic response",
    "automated reply",
    "automated response",
    "auto reply",
    "auto-reply",
    "autoreply",
    "auto response",
    "auto-response",
    "autoresponse",
    "out of office",
    "out of the office",
    "out-of-office",
    "on vacation",
    "automatische antwort",
    "abwesenheit",
    "réponse automatique",
    "respuesta automática",
    "risposta automatica",
    "resposta automática",
    "automatisch antwoord",
    "undeliverable",
    "undelivered mail",
    "delivery status notification",
    "mail delivery failed",
    "mail delivery failure",
    "mail delivery subsystem",
    "mail delivery system",
    "delivery failure",
    "delivery has failed",
    "returned mail",
    "failure notice",
    "message not delivered",
];

const OPENINGS: &[&str] = &[
    "out of the office",
    "out of office",
    "away from the office",
    "on annual leave",
    "on vacation until",
    "on parental leave",
    "on maternity leave",
    "this is an automatic",
    "this is an automated",
    "this is an auto",
    "automatic reply",
    "automated response",
    "automated reply",
    "automated message",
    "do not reply to this",
    "your message could not be delivered",
    "delivery to the following recipient",
    "this mailbox is not monitored",
];

const OPENING_CHARS: usize = 400;

/// Whether the newest customer message was written by a machine; `text` is what was newly written.
pub fn automatic(ticket: &Ticket, text: &str) -> Option<Automatic> {
    let sender = ticket.customer.email.as_deref().unwrap_or_default().trim().to_lowercase();
    let local = sender.split(['@', '+']).next().unwrap_or_default();
    if SENDERS.contains(&local) {
        return Some(Automatic { why: format!("the sender is {local}@…"), sure: true });
    }
    let subject = ticket.subject.trim().to_lowercase();
    if let Some(mark) = SUBJECTS.iter().find(|mark| subject.starts_with(**mark)) {
        let customers = ticket.messages.iter().filter(|message| message.author == Author::Customer).count();
        return Some(Automatic { why: format!("the subject says \"{mark}\""), sure: customers <= 1 });
    }
    let opening: String = text.chars().take(OPENING_CHARS).collect::<String>().to_lowercase();
    OPENINGS
        .iter()
        .find(|mark| opening.contains(**mark))
        .map(|mark| Automatic { why: format!("the text says \"{mark}\""), sure: false })
}
