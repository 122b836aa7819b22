//! A second opinion on a message, from outside the binary: the port, and what an opinion may change.
//!
//! [`Question::new`] makes of the customer's words what may leave the machine; [`SecondOpinion::ask`] gives an
//! [`Opinion`] or nothing; [`apply`] puts it over our own verdict. An opinion can only stop: it lowers a confidence,
//! vetoes a reply with a caution, adds to what is urgent, and where ours abstains it picks one of the shop's own routes,
//! which is then never answered. It has no words that could reach a customer. Nothing it says makes a verdict
//! answerable that was not.

use super::{Evidence, Ranked, Verdict};
use crate::event::Intent;
use crate::text::anonymise;

/// Characters of a question that leave the machine, at most.
pub const TEXT_CHARS_MAX: usize = 2_000;
/// What stands where the middle of a longer text was.
const CUT: &str = "\n[…]\n";
/// The part of a longer text that is taken from its beginning; the rest is its end, where the question often is.
const HEAD_CHARS: usize = 1_400;

/// The intent that means "none of these".
pub const NONE_OF_THESE: &str = "other";

/// Somebody who reads a message and says what it is. Blocking, with a time-out of its own.
pub trait SecondOpinion: Send + Sync {
    /// Asks. `None`: no answer in time, none that can be used, or nobody may be asked now. Never an error: without an
    /// opinion everything goes on as if there were no such reader.
    fn ask(&self, question: &Question<'_>) -> Option<Opinion>;

    /// How it stands, one plain line for `status` and for logs.
    fn state(&self) -> String;
}

/// What is asked: the words, made anonymous, and the intents to choose from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question<'a> {
    text: String,
    intents: &'a [Known],
}

impl<'a> Question<'a> {
    /// From what the customer newly wrote. `names`: what is known of the customer, to be masked. The only way to make
    /// one, so that nothing else can leave.
    pub fn new(new_text: &str, names: &[&str], intents: &'a [Known]) -> Self {
        Self { text: bounded(&anonymise(new_text, names)), intents }
    }

    /// The words, at most [`TEXT_CHARS_MAX`] characters.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The intents to choose from.
    pub const fn intents(&self) -> &'a [Known] {
        self.intents
    }
}

/// One intent that is configured and switched on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// Its name.
    pub intent: Intent,
    /// What a customer says, in one line; empty for a shop's own, whose name must do.
    pub says: &'static str,
    /// Priority 0.
    pub urgent: bool,
    /// Answered from an order's status.
    pub factual: bool,
}

/// What the reader says.
#[derive(Debug, Clone, PartialEq)]
pub struct Opinion {
    /// One of the question's intents, or `other`.
    pub intent: Intent,
    /// 0..=1.
    pub confidence: f64,
    /// A plain question that the status of the customer's order answers in full.
    pub answerable: bool,
}

/// The figures an opinion is held against.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bounds {
    /// Below this our own verdict abstains from routing (0..=1).
    pub route: f64,
    /// Below this nothing is answered (0..=1).
    pub reply: f64,
}

/// Whether our own verdict abstains. Written so that a confidence that is no number abstains.
pub fn abstains(verdict: &Verdict, bounds: Bounds) -> bool {
    !matches!(verdict.primary().1.partial_cmp(&bounds.route), Some(order) if order.is_ge())
}

/// Our verdict with the opinion put over it. An intent that is not `known` and a confidence outside 0..=1 change nothing.
pub fn apply(verdict: Verdict, opinion: &Opinion, known: &[Known], bounds: Bounds) -> Verdict {
    let Opinion { intent, confidence, .. } = opinion;
    let known_as = known.iter().find(|one| one.intent == *intent);
    let none = intent.as_str() == NONE_OF_THESE;
    if !(0.0..=1.0).contains(confidence) || (known_as.is_none() && !none) {
        return verdict;
    }
    let mut verdict = verdict;
    let abstains = abstains(&verdict, bounds);
    let ours_is_urgent = !verdict.urgent.is_empty();
    let urgent = known_as.is_some_and(|one| one.urgent) && *confidence >= bounds.route;
    if urgent && !verdict.urgent.contains(intent) {
        verdict.urgent.push(intent.clone());
    }
    if abstains {
        // What our own net caught is not to be moved away from by somebody who saw nothing.
        if !none && *confidence >= bounds.route && (urgent || !ours_is_urgent) {
            choose(&mut verdict, intent, *confidence);
        }
        return verdict;
    }
    doubt(&mut verdict, opinion, known_as.is_some_and(|one| one.factual), bounds);
    verdict
}

/// Puts a route first. It is a route and no more: the caution keeps every reply away from it.
fn choose(verdict: &mut Verdict, intent: &Intent, confidence: f64) {
    let ours = verdict.ranked.iter().find(|one| one.intent == *intent).map(|one| one.why.clone());
    verdict.ranked.retain(|one| one.intent != *intent && one.intent.as_str() != NONE_OF_THESE);
    let mut why = vec![evidence(format!("the route is its choice, {}", percent(confidence)), confidence)];
    why.extend(ours.unwrap_or_default());
    verdict.ranked.insert(0, Ranked { intent: intent.clone(), confidence, why });
    verdict.cautions.push("the route is the second opinion's choice: nothing is answered on its word".into());
}

/// Cautions and a lower confidence where the opinion is not ours; a word for the journal where it is.
fn doubt(verdict: &mut Verdict, opinion: &Opinion, factual: bool, bounds: Bounds) {
    let Opinion { intent, confidence, answerable } = opinion;
    let Some(primary) = verdict.ranked.first_mut() else { return };
    if primary.intent != *intent {
        verdict.cautions.push(format!("the second opinion reads it as {intent} ({})", percent(*confidence)));
        return;
    }
    let ours = primary.confidence;
    // The route stays ours: a doubt stops a reply, it does not send the ticket elsewhere.
    primary.confidence = ours.min(confidence.max(bounds.route));
    let lowered = primary.confidence < ours;
    let words = if lowered {
        format!("the same, {}, which lowers ours from {}", percent(*confidence), percent(ours))
    } else {
        format!("the same, {}", percent(*confidence))
    };
    primary.why.push(evidence(words, *confidence));
    if *confidence < bounds.reply {
        verdict.cautions.push(format!(
            "the second opinion is not sure enough ({}, {} is needed)",
            percent(*confidence),
            percent(bounds.reply)
        ));
    }
    if factual && !answerable {
        verdict.cautions.push("the second opinion: an order's status does not answer all of it".into());
    }
}

fn evidence(rule: String, weight: f64) -> Evidence {
    Evidence { words: "second opinion".into(), rule, weight }
}

/// Whole percent, never rounded up across a threshold.
fn percent(confidence: f64) -> String {
    format!("{:.0} %", (confidence * 100.0 + 1e-6).floor())
}

fn bounded(text: &str) -> String {
    let count = text.chars().count();
    if count <= TEXT_CHARS_MAX {
        return text.to_owned();
    }
    let tail = TEXT_CHARS_MAX - HEAD_CHARS - CUT.chars().count();
    let head = text.chars().take(HEAD_CHARS);
    head.chain(CUT.chars()).chain(text.chars().skip(count - tail)).collect()
}

/// What a customer says who means this intent of the starter pack, in one line (intents, the table); `None` for a shop's own.
pub fn says(intent: &str) -> Option<&'static str> {
    SAYS.iter().find(|(name, _)| *name == intent).map(|(_, says)| *says)
}

const SAYS: &[(&str, &str)] = &[
    ("chargeback", "disputes the charge with the bank or PayPal, or announces it"),
    ("legal_threat", "names a lawyer, a lawsuit, a regulator or the press as a threat"),
    ("harassment", "threatens or sexually harasses staff; swearing alone is not it"),
    ("fraud", "did not place this order, or a card or account was misused"),
    ("safety", "injury, fire, illness, or a child or pet in danger from the product"),
    ("privacy_request", "wants personal data or the account deleted or sent"),
    ("cancel_order", "wants an order cancelled or stopped, also under a condition"),
    ("change_order", "wants the address, size or item changed before it ships"),
    ("cancel_subscription", "wants to cancel, pause or skip a paid plan"),
    ("billing_issue", "charged twice, wrong amount, payment failed, invoice, customs"),
    ("delivered_not_received", "tracking says delivered and nothing is there"),
    ("missing_items", "the parcel came and something is missing"),
    ("wrong_item", "another product or variant came"),
    ("damaged_item", "broken or defective on arrival"),
    ("return_request", "wants to send something back, or asks how"),
    ("exchange_request", "wants another size, colour or model instead"),
    ("refund_request", "wants money back or asks where a refund is"),
    ("order_status", "neutral question where an order is or when it comes"),
    ("shipping_delay", "says that an order is late, does not move or has not shipped"),
    ("technical_support", "does not work in use, set-up, app, manual"),
    ("phone_request", "wants to be called or asks for a number"),
    ("product_question", "asks before buying: fit, stock, compatibility, shipping cost"),
    ("promo_discount", "a code does not work, or asks for a sale"),
    ("partnership", "influencer, wholesale, press, sponsorship"),
    ("unsubscribe", "no more marketing mail or texts"),
    ("thanks", "says thank you and asks nothing"),
    ("other", "none of these"),
];

#[cfg(test)]
#[path = "opinion_tests.rs"]
mod tests;
