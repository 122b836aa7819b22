//! What is no question: machines, closed and stopped tickets, and the message after an answer.

use super::{Said, Trap, mail};
use crate::event::Outcome;
use crate::sim::people::OrderState::Shipped;

pub(super) const SAID: &[Said] = &[
    mail(
        "other",
        "Automatic reply: your order",
        "I am out of the office until Monday. Where is my order? Ask my colleague Ines.",
    ),
    Said {
        from: Some("mailer-daemon@example.com"),
        ..mail(
            "other",
            "Undeliverable: your order",
            "Your message could not be delivered to zoe@example.com: mailbox full.",
        )
    },
    mail("order_status", "Stopped", "Where is my order {order}? (An agent put mw-stop on this ticket.)")
        .about(Shipped)
        .trap(Trap::Stopped)
        .ends(&[Outcome::Ignored]),
    mail(
        "order_status",
        "Closed already",
        "Where is my order {order}? (An agent closes the ticket meanwhile.)",
    )
    .about(Shipped)
    .trap(Trap::ClosedBefore)
    .ends(&[Outcome::Seen]),
    mail(
        "exchange_request",
        "",
        "Thanks! One more thing: it is too small, can I exchange it for another size?",
    )
    .trap(Trap::AfterAnswer)
    .thread("first"),
];
