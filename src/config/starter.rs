//! The starter pack: the teams, intents and replies that the daemon knows out of the box (intents, the table).
//!
//! A shop's file merges over it: what the file leaves out stays as it is here.

use std::collections::BTreeMap;

use super::policy::{MayAnswer, ReplyTexts, Team};

/// One intent of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StarterIntent {
    /// Its fixed name.
    pub name: &'static str,
    /// 0 is the most urgent.
    pub priority: u8,
    /// The team that gets it.
    pub team: &'static str,
    /// What may be answered.
    pub may_answer: MayAnswer,
    /// The reply that answers it, when the starter pack has one.
    pub reply: Option<&'static str>,
}

const fn intent(
    name: &'static str,
    priority: u8,
    team: &'static str,
    may_answer: MayAnswer,
) -> StarterIntent {
    StarterIntent { name, priority, team, may_answer, reply: None }
}

const fn factual(name: &'static str, priority: u8, team: &'static str) -> StarterIntent {
    StarterIntent { name, priority, team, may_answer: MayAnswer::Facts, reply: Some("order_status") }
}

use MayAnswer::{Intake, Never, Text};

/// Every intent, in the order of the table: the tie-break within a priority.
pub const INTENTS: &[StarterIntent] = &[
    intent("chargeback", 0, "chargebacks", Never),
    intent("legal_threat", 0, "leadership", Never),
    intent("harassment", 0, "leadership", Never),
    intent("fraud", 0, "leadership", Never),
    intent("safety", 0, "leadership", Never),
    intent("privacy_request", 0, "leadership", Never),
    intent("cancel_order", 1, "email-support", Intake),
    intent("change_order", 1, "email-support", Intake),
    intent("cancel_subscription", 1, "email-support", Intake),
    intent("billing_issue", 1, "email-support", Intake),
    intent("delivered_not_received", 2, "returns-admin", Intake),
    intent("missing_items", 2, "returns-admin", Intake),
    intent("wrong_item", 2, "returns-admin", Intake),
    intent("damaged_item", 2, "returns-admin", Intake),
    intent("return_request", 3, "returns-admin", Intake),
    intent("exchange_request", 3, "returns-admin", Intake),
    intent("refund_request", 3, "returns-admin", Intake),
    factual("order_status", 4, "email-support"),
    factual("shipping_delay", 4, "email-support"),
    intent("technical_support", 5, "technical-support", Text),
    intent("phone_request", 5, "phone-support", Text),
    intent("product_question", 6, "sales", Text),
    intent("promo_discount", 6, "sales", Text),
    intent("partnership", 6, "social-media", Text),
    intent("unsubscribe", 7, "email-support", Never),
    intent("thanks", 7, "email-support", Never),
    intent("other", 7, "email-support", Never),
];

/// The teams that the table names, with the tags that assignment rules read.
pub fn teams() -> BTreeMap<String, Team> {
    INTENTS
        .iter()
        .map(|intent| {
            (intent.team.to_owned(), Team { tag: format!("route-{}", intent.team), assignee_id: None })
        })
        .collect()
}

/// The replies that the table needs. `order_status` has one text a situation; which one is used follows from the
/// order, never from the words of the message.
pub fn replies() -> BTreeMap<String, ReplyTexts> {
    let reply = |email: &str, chat: &str, close: bool| ReplyTexts {
        email: email.to_owned(),
        chat: chat.to_owned(),
        close,
        enabled: true,
        language: "en".to_owned(),
    };
    BTreeMap::from([
        (
            "order_status_shipped".to_owned(),
            reply(
                "Hi {first_name_or_there},\n\n\
                 Your order {order_name} is on its way with {carrier}. The tracking number is {tracking_number}.\n\
                 You can follow it here: {tracking_url}\n\n\
                 If anything looks wrong, just reply to this message and a person will take over.\n\n\
                 {shop_name}\n(This is an automatic answer from your order's details.)",
                "Hi {first_name_or_there}! Your order {order_name} is on its way with {carrier}, tracking number \
                 {tracking_number}: {tracking_url}\nIf anything looks wrong, write back and a person will take over. \
                 (Automatic answer)",
                true,
            ),
        ),
        (
            "order_status_out_for_delivery".to_owned(),
            reply(
                "Hi {first_name_or_there},\n\n\
                 Your order {order_name} is out for delivery with {carrier}, tracking number {tracking_number}: \
                 {tracking_url}\n\n\
                 If it does not reach you, just reply to this message and a person will take over.\n\n\
                 {shop_name}\n(This is an automatic answer from your order's details.)",
                "Hi {first_name_or_there}! Your order {order_name} is out for delivery with {carrier}, tracking number \
                 {tracking_number}: {tracking_url}\nIf it does not reach you, write back and a person will take over. \
                 (Automatic answer)",
                true,
            ),
        ),
        (
            "order_status_not_shipped".to_owned(),
            reply(
                "Hi {first_name_or_there},\n\n\
                 We have your order {order_name} from {order_date} and it has not shipped yet. It goes by \
                 {shipping_method}; counting business days, we expect it to reach you {estimate}.\n\n\
                 You will get the tracking number as soon as it leaves us. If you need anything before that, just \
                 reply to this message and a person will take over.\n\n\
                 {shop_name}\n(This is an automatic answer from your order's details.)",
                "Hi {first_name_or_there}! We have your order {order_name} from {order_date}; it has not shipped yet. It \
                 goes by {shipping_method} and we expect it to reach you {estimate}. Need anything before that? Write \
                 back and a person will take over. (Automatic answer)",
                true,
            ),
        ),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_has_27_intents_and_seven_and_two_teams() {
        assert_eq!(INTENTS.len(), 27);
        let mut names: Vec<_> = INTENTS.iter().map(|intent| intent.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), 27);
        assert_eq!(teams().len(), 8);
    }

    #[test]
    fn only_two_intents_may_be_answered_from_facts() {
        let factual: Vec<_> = INTENTS
            .iter()
            .filter(|intent| intent.may_answer == MayAnswer::Facts)
            .map(|intent| intent.name)
            .collect();
        assert_eq!(factual, ["order_status", "shipping_delay"]);
    }

    #[test]
    fn urgent_intents_are_never_answered() {
        assert!(
            INTENTS.iter().filter(|intent| intent.priority == 0).all(|intent| intent.may_answer == Never)
        );
    }
}
