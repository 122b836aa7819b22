//! Priority 0: never answered, a person at once.

use super::{Said, mail, said};
use crate::sim::people::OrderState::{Delivered, Shipped};

pub(super) const SAID: &[Said] = &[
    mail(
        "chargeback",
        "Dispute",
        "Where is my order {order}? I have opened a dispute with my bank over this charge.",
    )
    .about(Shipped)
    .urgent(),
    mail(
        "legal_threat",
        "Last warning",
        "This is the third mail I write. My lawyer will file a lawsuit on Monday.",
    )
    .urgent(),
    mail("safety", "Burnt", "The lamp caught fire on the desk last night and my daughter burned her hand.")
        .about(Delivered)
        .urgent()
        .twice(),
    said(
        "instagram_message",
        "harassment",
        "I know where your warehouse is and I will come and hurt one of you.",
    )
    .urgent(),
    mail(
        "fraud",
        "I did not order this",
        "Somebody used my card. I never placed order {order}, this is fraud.",
    )
    .about(Shipped)
    .urgent(),
    mail(
        "privacy_request",
        "GDPR",
        "Please delete all personal data you hold about me and confirm it. GDPR, article 17.",
    )
    .urgent()
    .lost(),
    said("whatsapp", "chargeback", "I'm doing a chargeback through PayPal today.").urgent(),
    mail(
        "legal_threat",
        "UNACCEPTABLE!!!",
        "ABSOLUTELY UNACCEPTABLE!!! Four weeks, no \"order\", no answer.\nI am reporting you to the consumer \
         protection agency and the newspaper hears about it too.",
    )
    .about(Shipped)
    .urgent(),
    said(
        "messenger",
        "safety",
        "my dog chewed the blanket and is really ill now, is it treated with something toxic?",
    )
    .urgent(),
    mail(
        "privacy_request",
        "My data",
        "Under data protection law I want a copy of all the data you store about me.",
    )
    .urgent(),
];
