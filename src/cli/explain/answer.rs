//! The answer: contract's fields, and beside them the decision that people are shown.

use serde::Serialize;

use super::input::Message;
use crate::classify::{Classifier, Explanation, Input};
use crate::config::Config;
use crate::context::of_unknown_customer;
use crate::daemon::outside;
use crate::decide::{Context, Decision, Gate, OrderFinding, Policy, decide, match_order};
use crate::event::{Mode, Timestamp};
use crate::reply::Fact;
use crate::text::{OrderMention, order_mention_with_subject};
use crate::ticket::{Order, OrderRef, Ticket};
use crate::worker::{Heard, Second};

/// What is said about one message; the fields of contract, "Commands".
#[derive(Debug, Serialize)]
pub(super) struct Answer {
    pub(super) intent: String,
    pub(super) confidence: f64,
    pub(super) also: Vec<String>,
    pub(super) new_text: String,
    /// The number, nothing, or `ambiguous`.
    pub(super) order_number: Option<String>,
    pub(super) route: Option<String>,
    pub(super) gates: Vec<Gate>,
    /// The text, when every gate passes.
    pub(super) reply: Option<String>,
    /// The facts in it.
    pub(super) facts: Vec<Fact>,
    /// What the outside model said, when it was to be asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) second_opinion: Option<String>,
    /// What the trained model knows beside that; nothing where rules alone read.
    #[serde(flatten)]
    pub(super) explanation: Option<Explanation>,
    #[serde(skip)]
    pub(super) decision: Decision,
}

/// Understands and decides as the daemon would with everything switched on.
pub(super) struct Explainer {
    policy: Policy,
    configured: Policy,
    classifier: Box<dyn Classifier>,
    second: Option<Second>,
}

impl Explainer {
    /// `restored_at`: when a backup was last put in place, if ever.
    ///
    /// # Errors
    /// What does not fit together in the configuration.
    pub(super) fn new(config: &Config, restored_at: Option<Timestamp>) -> Result<Self, Vec<String>> {
        Ok(Self {
            policy: Policy::new(config, Mode::Live)?.with_writer(Ok(())).with_restored(restored_at),
            configured: Policy::new(config, config.rollout.mode)?.with_restored(restored_at),
            classifier: outside::classifier(config).map_err(|problem| vec![problem])?,
            second: None,
        })
    }

    /// The same with the outside model asked too, where it can change something.
    pub(super) fn with_second(mut self, second: Second) -> Self {
        self.second = Some(second);
        self
    }

    /// A message on a ticket of its own; the order counts as the customer's and as linked to it.
    pub(super) fn message(
        &self,
        message: &Message,
        order: Option<&(OrderRef, Order)>,
        now: Timestamp,
    ) -> Answer {
        let email = order.and_then(|(_, order)| order.email.clone());
        let ticket = message.ticket(email.as_deref(), now);
        let email = ticket.customer.email.clone();
        let own = order.map(|(at, order)| (at.clone(), Order { email: email.clone(), ..order.clone() }));
        let find = |context: &Context| {
            let mention = order_mention_with_subject(&context.new_text.text, &context.ticket.subject);
            Ok::<_, std::convert::Infallible>(match_order(&mention, own, None, email.as_deref()))
        };
        match self.ticket(ticket, now, find) {
            Ok(answer) => answer,
            Err(never) => match never {},
        }
    }

    /// A ticket as it was read; `find` looks for its order where a reply is in reach.
    ///
    /// # Errors
    /// Those of `find`.
    pub(super) fn ticket<E>(
        &self,
        ticket: Ticket,
        now: Timestamp,
        find: impl FnOnce(&Context) -> Result<OrderFinding, E>,
    ) -> Result<Answer, E> {
        let mut context = of_unknown_customer(ticket);
        let input = Input { text: &context.new_text.text, subject: &context.ticket.subject };
        let verdict = self.classifier.classify(&input);
        let explanation = self.classifier.explain(&input, &verdict.primary().0);
        if self.policy.needs_order(&context, &verdict) {
            context.order = find(&context)?;
        }
        let (verdict, heard) = match &self.second {
            Some(second) => {
                let (verdict, heard) = second.hear(&context, verdict, &self.policy, now);
                (verdict, Some(said(second, &heard)))
            }
            None => (verdict, None),
        };
        let mut decision =
            decide(&context, &verdict, &self.policy, now).classified_by(&self.classifier.version());
        let configured = decide(&context, &verdict, &self.configured, now);
        for gate in decision.gates.iter_mut().filter(|gate| gate.gate == "mode") {
            let real = configured.gates.iter().find(|real| real.gate == "mode");
            let real = real.map_or("", |real| real.reason.as_str());
            gate.reason = format!("explained as if live; the configured {real}");
        }
        // Without an agent to write as, nothing would be sent: said here, so that `explain` promises no more than `show`.
        for gate in decision.gates.iter_mut().filter(|gate| gate.gate == "bot-agent") {
            if let Some(real) = configured.gates.iter().find(|real| real.gate == "bot-agent" && !real.passed)
            {
                gate.reason = format!("explained as if there were one; {}", real.reason);
            }
        }
        Ok(Answer { second_opinion: heard, explanation, ..answer(&context, decision) })
    }
}

fn said(second: &Second, heard: &Heard) -> String {
    match heard {
        Heard::NotAsked => "not asked: it could change nothing here".into(),
        Heard::Nothing => format!("none came: {}", second.reader.state()),
        Heard::Opinion(opinion) => {
            let answerable = if opinion.answerable { "" } else { "not " };
            format!("{} {:.2}, {answerable}answered by a status", opinion.intent, opinion.confidence)
        }
    }
}

fn answer(context: &Context, decision: Decision) -> Answer {
    let sent = decision.draft.as_ref().filter(|_| decision.send);
    Answer {
        intent: decision.intent.to_string(),
        confidence: decision.confidence,
        also: decision.also.iter().map(ToString::to_string).collect(),
        new_text: context.new_text.text.clone(),
        order_number: match order_mention_with_subject(&context.new_text.text, &context.ticket.subject) {
            OrderMention::None => None,
            OrderMention::One(number) => Some(number),
            OrderMention::Ambiguous(_) => Some("ambiguous".into()),
        },
        route: decision.team.clone(),
        gates: decision.gates.clone(),
        reply: sent.map(|draft| draft.text.clone()),
        facts: sent.map(|draft| draft.facts.clone()).unwrap_or_default(),
        second_opinion: None,
        explanation: None,
        decision,
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
