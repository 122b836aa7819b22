//! Where is it: the questions that may be answered from facts, and the many that look like them and may not.

use super::{Said, Shot, Trap, mail, said};
use crate::event::Outcome;
use crate::sim::people::OrderState::{
    Cancelled, Delayed, Delivered, Failure, OutForDelivery, PartiallyFulfilled, PreOrder, Processing,
    Returned, Shipped, ShippedUntracked,
};

const STATUS: &str = "order_status";
const DELAY: &str = "shipping_delay";
const SEEN: &[Outcome] = &[Outcome::Seen];

pub(super) const SAID: &[Said] = &[
    mail(STATUS, "My order", "Hi, where is my order {order}? Thank you")
        .about(Shipped)
        .answered()
        .thread("first"),
    said("messenger", STATUS, "hey, where's my order {order}?").about(Shipped).answered(),
    mail(STATUS, "Re: Order confirmation {order}", "").about(Shipped).html(QUOTED).answered(),
    said("instagram_message", STATUS, "Hi! When will order {order} arrive?").about(OutForDelivery).answered(),
    mail(STATUS, "Tracking", "Could you send me the tracking number for order {order}, please?")
        .about(Shipped)
        .answered()
        .trap(Trap::ReplyAnswerLost),
    said("whatsapp", STATUS, "Hello, what is the status of my order {order}?").about(Processing).answered(),
    mail(STATUS, "Where is my order", "Where is my order {order}?").about(Delivered).delivered(),
    said("facebook_feed_comment", STATUS, "Ordered a week ago. Where is my order {order}??").about(Shipped),
    mail(STATUS, "Order update", "Good morning,\nwhere is my order \"{order}\"?\nBest, Noah")
        .about(Processing)
        .answered()
        .twice(),
    mail(STATUS, "Question", "Where is my parcel?"),
    said("email_from_widget", STATUS, "Where is my order {order}? Thanks & regards, Lena")
        .about(Shipped)
        .answered(),
    mail(DELAY, "Still not shipped", "My order {order} still has not shipped. What is going on?")
        .about(Delayed),
    said("messenger", STATUS, "can you tell me where my order {order} is")
        .about(Shipped)
        .trap(Trap::AgentDuringHold)
        .ends(SEEN),
    mail(STATUS, "Tracking info", "Can I have the tracking for my order {order}?")
        .about(Shipped)
        .trap(Trap::AgentFirst)
        .ends(SEEN),
    said("facebook_message", STATUS, "Hello, where is my order {order}?").about(Shipped).answered(),
    mail(
        STATUS,
        "Two parcels?",
        "Where is my order {order}?\nThe \"tracking\" page shows one of two things.",
    )
    .about(PartiallyFulfilled)
    .ends(&[Outcome::Routed, Outcome::NeedsHuman]),
    said("tiktok_shop_message", STATUS, "where is order {order}? when does it come")
        .about(OutForDelivery)
        .either(),
    mail(STATUS, "Delivery", "When will my order {order} be delivered?")
        .about(Shipped)
        .answered()
        .trap(Trap::CloseNotApplied),
    mail(STATUS, "¿Mi pedido?", "Hola, ¿dónde está mi pedido {order}? Muchas gracias.")
        .about(Shipped)
        .either(),
    said("instagram_comment", STATUS, "so pretty! but when does mine come, order {order}?").about(Shipped),
    mail(STATUS, "Pre-order", "When will my pre-order {order} ship?").about(PreOrder),
    mail(STATUS, "Order status", "What's the status of order {order}?")
        .about(Shipped)
        .answered()
        .trap(Trap::Storm),
    said("", STATUS, "where is my order {order}").about(Shipped),
    mail(
        STATUS,
        "Wo ist meine Bestellung?",
        "Guten Tag, wo bleibt meine Bestellung {order}? Viele Grüße, Jonas",
    )
    .about(Shipped)
    .either(),
    mail(
        STATUS,
        "My mother's order",
        "Hi, my mother ordered a blanket from you, where is her order {order}?",
    )
    .about(Shipped)
    .of_another(),
    mail(STATUS, "Where is it", "Where is my order #699999? It is a lamp.").about(Shipped),
    mail(STATUS, "Order", "Where is my order {order} now, please?").about(Shipped).answered().lost(),
    mail(DELAY, "Late", "My order {order} is late. When will it get here?").about(Shipped).either(),
    mail(STATUS, "Ma commande", "Bonjour, où en est ma commande {order} ? Merci d'avance.")
        .about(Shipped)
        .either()
        .twice(),
    mail(STATUS, "Carrier says failed", "Where is my order {order}?  The driver never rang.")
        .about(Failure)
        .ends(&[Outcome::Routed]),
    mail(STATUS, "Order {order}", "Do you know where my order {order} has got to?").about(Returned),
    mail(STATUS, "Hello", "Hello, when is my order {order} arriving?").about(Cancelled),
    mail(STATUS, "No tracking", "Hi, I never got a tracking number. Where is my order {order}?")
        .about(ShippedUntracked),
    mail(
        STATUS,
        "No refund, just news",
        "I don't want a refund, I only want to know where my order {order} is.",
    )
    .about(Shipped)
    .either(),
    mail(
        DELAY,
        "Stuck",
        "The tracking of {order} has shown no movement since last week, is it lost in transit?",
    )
    .about(Shipped),
    said("messenger", STATUS, "order {order} when will it be here pls").about(Processing).either().twice(),
];

const QUOTED: &str = "<div>Hello,<br><br>where is my order <b>{order}</b>?</div>\
    <div>--&nbsp;<br>Mila Costa<br>12 Harbour Street &middot; +1 555 0100 233</div>\
    <div class=\"gmail_quote\">On Mon, 3 Feb 2025 at 09:12, Demo Shop &lt;support@example.com&gt; wrote:<br>\
    <blockquote>Thank you for your order! If you want to cancel it or ask for a refund, reply to this mail. \
    Your earlier order #611111 was delivered.</blockquote></div>";

impl Said {
    const fn html(self, html: &'static str) -> Self {
        Self { html: Some(html), ..self }
    }

    const fn of_another(self) -> Self {
        Self { of_another: true, ..self }
    }

    /// Delivered is not the end (intents): who asks has not received it.
    const fn delivered(self) -> Self {
        Self { intent: "delivered_not_received", shot: Shot::Once, ..self }
    }
}
