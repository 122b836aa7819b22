//! What the daemon would make of one message: its own classifier and its own decision.
//!
//! The message stands alone on a ticket whose linked order is certain, as `explain --order` does it, in mode live: what
//! then holds a reply back is the text. An answer counts as given when it is given for either of two orders, one that
//! moves and one that has not left yet.

use serde_json::{Value, json};

use super::data::Labelled;
use crate::classify::model::Model;
use crate::classify::{Classifier, Input, builtin};
use crate::cli::explain::input::Message;
use crate::clock::Clock;
use crate::config::Config;
use crate::context::of_unknown_customer;
use crate::daemon::outside;
use crate::decide::{Decision, Policy, decide, match_order};
use crate::event::{Mode, Outcome, Timestamp};
use crate::reply::Ask;
use crate::text::{OrderMention, order_mention_with_subject};
use crate::ticket::{Order, OrderRef};

/// Whose orders they are.
const EMAIL: &str = "customer@example.com";

/// What became of one message.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Outlook {
    /// The intent it would be tagged with.
    pub(super) intent: String,
    /// 0..=1.
    pub(super) confidence: f64,
    /// Whether a person would be called: priority 0.
    pub(super) urgent: bool,
    /// What would be said.
    pub(super) said: Said,
    /// Milliseconds that the classifier took.
    pub(super) ms: f64,
}

/// What would be said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Said {
    /// Facts of the order.
    Facts,
    /// A text of the shop's own.
    Text,
    /// Nothing: the first gate that stops it.
    Nothing(String),
}

/// The daemon's parts that read and decide.
pub(super) struct Asked<'a> {
    policy: Policy,
    classifier: Box<dyn Classifier>,
    /// What the model learned from; `None` where rules alone read.
    model: Option<Model>,
    /// Milliseconds that the model and its embedding took to load.
    load_ms: Option<f64>,
    orders: Vec<(OrderRef, Order)>,
    clock: &'a dyn Clock,
    now: Timestamp,
}

impl<'a> Asked<'a> {
    /// # Errors
    /// What does not fit together in the configuration.
    pub(super) fn new(config: &Config, clock: &'a dyn Clock) -> Result<Self, Vec<String>> {
        let classifier = outside::classifier(config).map_err(|problem| vec![problem])?;
        // Loaded once more, so that its own time is known: for looking up what it learned from.
        let started = clock.monotonic();
        let model = outside::model(config).map_err(|problem| vec![problem])?;
        drop(builtin::embedding().map_err(|problem| vec![problem])?);
        let load_ms = (clock.monotonic() - started).as_secs_f64() * 1000.0;
        let asked = Self::with(config, classifier, Some(model), clock)?;
        Ok(Self { load_ms: Some(load_ms), ..asked })
    }

    fn with(
        config: &Config,
        classifier: Box<dyn Classifier>,
        model: Option<Model>,
        clock: &'a dyn Clock,
    ) -> Result<Self, Vec<String>> {
        let now = clock.now();
        let policy = Policy::new(config, Mode::Live)?.with_writer(Ok(()));
        let orders = [moving(now), waiting(now)];
        let orders = orders.iter().filter_map(|order| outside::order_of_json(order, now)).collect();
        // The first message pays for what is loaded late.
        classifier.classify(&Input { text: "Where is my order?", subject: "" });
        Ok(Self { policy, classifier, model, load_ms: None, orders, clock, now })
    }

    pub(super) fn version(&self) -> String {
        self.classifier.version()
    }

    /// Whether the model learned from this very text: then it is no measure of what comes next.
    pub(super) fn is_learned(&self, text: &str) -> bool {
        self.model.as_ref().is_some_and(|model| model.read_unseen(text).is_some())
    }

    pub(super) const fn load_ms(&self) -> Option<f64> {
        self.load_ms
    }

    pub(super) const fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Reads and decides.
    ///
    /// # Errors
    /// Never for a message of e-mail; in words.
    pub(super) fn outlook(&self, one: &Labelled) -> Result<Outlook, String> {
        let message = Message::new(one.text.clone(), None, &one.subject, "email")?;
        let ticket = message.ticket(Some(EMAIL), self.now);
        let mut context = of_unknown_customer(ticket);
        let started = self.clock.monotonic();
        let verdict = self
            .classifier
            .classify(&Input { text: &context.new_text.text, subject: &context.ticket.subject });
        let ms = (self.clock.monotonic() - started).as_secs_f64() * 1000.0;
        let mut decision = decide(&context, &verdict, &self.policy, self.now);
        if self.policy.needs_order(&context, &verdict) {
            for (at, order) in &self.orders {
                let mention = order_mention_with_subject(&context.new_text.text, &context.ticket.subject);
                let order = named(order, &mention);
                context.order = match_order(&mention, Some((at.clone(), order)), None, Some(EMAIL));
                decision = decide(&context, &verdict, &self.policy, self.now);
                if decision.send {
                    break;
                }
            }
        }
        Ok(Outlook {
            said: self.said(&decision),
            urgent: decision.outcome == Outcome::NeedsHuman,
            confidence: decision.confidence,
            intent: decision.intent.to_string(),
            ms,
        })
    }

    fn said(&self, decision: &Decision) -> Said {
        if decision.send {
            let facts = matches!(self.policy.ask(&decision.intent), Ok(Ask::Facts(_)));
            return if facts { Said::Facts } else { Said::Text };
        }
        let gate = decision.gates.iter().find(|gate| !gate.passed);
        Said::Nothing(gate.map_or_else(|| "no draft".to_owned(), |gate| gate.gate.clone()))
    }
}

/// The order under the number that the message names, if it names one.
fn named(order: &Order, mention: &OrderMention) -> Order {
    match mention {
        OrderMention::One(number) => Order { name: Some(number.clone()), ..order.clone() },
        OrderMention::None | OrderMention::Ambiguous(_) => order.clone(),
    }
}

#[cfg(test)]
#[path = "asked_tests.rs"]
pub(super) mod tests;

const HOUR_MS: i64 = 3_600_000;

/// Sent three days ago, seen by the carrier an hour ago.
fn moving(now: Timestamp) -> Value {
    let ago = |hours: i64| now.as_millisecond() - hours * HOUR_MS;
    json!({
        "orderId": "11111", "orderName": "#10001", "status": "processing", "fulfillmentStatus": "fulfilled",
        "processedAt": ago(96), "shippingMethod": "Standard 3-7 Days", "email": EMAIL,
        "fulfillment": [{"id": "1", "status": "in_transit", "createdAt": ago(72), "updatedAt": ago(1),
            "tracking": [{"trackingNumber": "9400100000000000000000", "trackingCompany": "USPS",
                "trackingUrl": "https://track.example.com/9400100000000000000000"}]}],
    })
}

/// Placed an hour ago, nothing sent.
fn waiting(now: Timestamp) -> Value {
    json!({
        "orderId": "22222", "orderName": "#10002", "status": "processing", "fulfillmentStatus": "unfulfilled",
        "processedAt": now.as_millisecond() - HOUR_MS, "shippingMethod": "Standard 3-7 Days", "email": EMAIL,
        "fulfillment": [],
    })
}
