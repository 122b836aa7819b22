//! Priorities 2 and 3: what came wrong, broken or not at all, and what goes back.

use super::{Said, mail, said};
use crate::sim::people::OrderState::{Delivered, Shipped};

pub(super) const SAID: &[Said] = &[
    mail(
        "return_request",
        "Return",
        "I would like to return the rain jacket. Could you send me a return label?",
    )
    .about(Delivered),
    mail(
        "missing_items",
        "Incomplete",
        "The parcel came today, but one pair of socks is missing from the box.",
    )
    .about(Delivered),
    mail("damaged_item", "Broken mug", "The mug arrived broken into three pieces, I attach a \"photo\".")
        .about(Delivered)
        .twice(),
    said("whatsapp", "wrong_item", "I got the wrong item, I ordered the blue mug and received a green one")
        .about(Delivered),
    mail("exchange_request", "Other size", "The shirt is too small. Can I exchange it for a size L?")
        .about(Delivered),
    mail("refund_request", "Refund", "Where is my refund? I sent the bag back two weeks ago.")
        .about(Delivered),
    said(
        "instagram_message",
        "delivered_not_received",
        "tracking says delivered yesterday but there is nothing here, {order}",
    )
    .about(Delivered),
    mail(
        "damaged_item",
        "Lamp",
        "The lamp was damaged on arrival, the oak foot is cracked. I want my money back.",
    )
    .about(Delivered),
    mail(
        "wrong_item",
        "Not what I ordered",
        "You sent me somebody else's running cap instead of my notebook.",
    )
    .about(Delivered),
    said("email_from_widget", "refund_request", "I want my money back for order {order}.").about(Shipped),
    mail("missing_items", "One bottle short", "I ordered two water bottles and only one was in the package.")
        .about(Delivered)
        .lost(),
    said("messenger", "exchange_request", "could i swap the cap for the red one instead").about(Delivered),
    mail(
        "return_request",
        "Rückgabe",
        "Ich möchte die Jacke zurückschicken, bitte senden Sie mir ein Retourenetikett.",
    )
    .about(Delivered),
];
