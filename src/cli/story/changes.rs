//! Priority 1: orders and subscriptions to be stopped or changed, money that went wrong.

use super::{Said, mail, said};
use crate::sim::people::OrderState::{Processing, Shipped};

pub(super) const SAID: &[Said] = &[
    mail("cancel_order", "Cancel", "Please cancel my order {order}.").about(Processing).thread("cancel"),
    mail("cancel_order", "", "And where is it now?").thread("cancel"),
    mail(
        "change_order",
        "Wrong address",
        "I typed the wrong street for {order}, can you change the address to 14 Mill Lane?",
    )
    .about(Processing),
    mail("billing_issue", "Charged twice", "You charged my card twice for the same order {order}.")
        .about(Shipped),
    said("messenger", "cancel_order", "if {order} isn't here by friday i want to cancel it").about(Shipped),
    mail(
        "cancel_subscription",
        "Subscription",
        "Please cancel my coffee subscription, I have too much of it.",
    )
    .twice(),
    mail("billing_issue", "Invoice", "I need a VAT invoice for order {order}, made out to our company.")
        .about(Shipped),
    said("facebook_message", "change_order", "Can you change the size to M before it ships? Order {order}")
        .about(Processing),
    mail(
        "cancel_order",
        "Order by mistake",
        "I ordered by mistake, please stop order {order} before it goes out.",
    )
    .about(Processing)
    .twice(),
    mail(
        "cancel_subscription",
        "Skip",
        "Could you skip the next delivery of my subscription and pause it until May?",
    ),
    said("", "billing_issue", "payment failed but the money left my account"),
];
