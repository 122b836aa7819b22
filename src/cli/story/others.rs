//! Priorities 5 to 7: questions before buying, help, offers, thanks, and what is none of these.

use super::{Said, mail, said};
use crate::event::Outcome;

const PERHAPS_NOTHING: &[Outcome] = &[Outcome::Routed, Outcome::Ignored, Outcome::Seen];

pub(super) const SAID: &[Said] = &[
    said("messenger", "product_question", "Is the rain jacket in stock in size L?"),
    mail(
        "technical_support",
        "App",
        "The lamp does not connect to the app any more, I have reset it three times.",
    ),
    mail("phone_request", "Please call", "Could somebody call me back? Is there a phone number I can ring?"),
    mail("promo_discount", "Code", "The discount code SPRING10 does not work at the checkout."),
    said(
        "instagram_message",
        "partnership",
        "Hi! I'm a creator with 80k followers and would love a collaboration.",
    ),
    mail(
        "unsubscribe",
        "Stop",
        "Please take me off your newsletter, I do not want any more marketing mails.",
    ),
    mail("thanks", "Re: your answer", "Thank you so much, it all worked out. You are great!"),
    mail("other", "Application", "Dear team, please find attached my CV for the job in your warehouse."),
    said(
        "tiktok_shop_message",
        "product_question",
        "how much is shipping to Norway and how long does it take?",
    ),
    mail("partnership", "Wholesale", "We run four gift shops and would like your wholesale price list."),
    said("facebook_message", "promo_discount", "when is your next sale?"),
    mail("technical_support", "Manual", "How do I set up the desk lamp's timer? I lost the manual."),
    said("whatsapp", "thanks", "all good now, thanks 🙏"),
    Said { voice: true, ..said("phone", "phone_request", "Missed call, 0:42") }.ends(PERHAPS_NOTHING),
    said("facebook_feed_comment", "product_question", "Does this bottle fit in a bike's bottle holder?"),
    said("messenger", "other", "asdf ghjk ??"),
    said("phone", "phone_request", "Transcript: hello, this is Ruth, please call me back about the lamp."),
    mail("unsubscribe", "unsubscribe", "UNSUBSCRIBE me from this list"),
    mail(
        "other",
        "SEO",
        "Dear owner, we can bring your website to page one of every search engine. Reply for a quote.",
    ),
];
