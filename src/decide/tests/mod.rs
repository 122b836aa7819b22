//! The base case is answered; every test changes one thing about it.

mod gates;
mod ground;
mod opinion;
mod plan;
mod policy;
mod properties;
mod recheck;
mod tags;

use crate::classify::{Evidence, Ground, Ranked, Verdict};
use crate::config::Config;
use crate::decide::{Context, Decision, Gate, OrderFinding, Policy, decide};
use crate::event::{Intent, MessageId, Mode, ReplyCounts, TicketId, Timestamp};
use crate::text::{Language, NewText};
use crate::ticket::{
    Author, Channel, Customer, Effect, Message, Order, OrderItem, OrderRef, Shipment, Status, Ticket,
    Tracking,
};

/// Wednesday, 11 February 2026, noon UTC.
pub(crate) fn now() -> Timestamp {
    at("2026-02-11T12:00:00Z")
}

pub(crate) fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

#[derive(Debug)]
pub(crate) struct Case {
    pub(crate) ctx: Context,
    pub(crate) verdict: Verdict,
    pub(crate) config: Config,
    pub(crate) mode: Mode,
    pub(crate) now: Timestamp,
    pub(crate) restored_at: Option<Timestamp>,
}

impl Case {
    pub(crate) fn policy(&self) -> Policy {
        Policy::new(&self.config, self.mode).unwrap().with_restored(self.restored_at)
    }

    pub(crate) fn decide(&self) -> Decision {
        decide(&self.ctx, &self.verdict, &self.policy(), self.now)
    }

    pub(crate) fn order(&mut self) -> &mut Order {
        match &mut self.ctx.order {
            OrderFinding::Certain { order, .. } => order,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn says(&mut self, ranked: &[(&str, f64)]) {
        self.verdict.ranked = ranked.iter().map(|(intent, confidence)| one(intent, *confidence)).collect();
    }
}

pub(crate) fn one(intent: &str, confidence: f64) -> Ranked {
    let why = vec![
        Evidence { words: "where is".into(), rule: "where-is".into(), weight: 2.0 },
        Evidence { words: "not".into(), rule: "negation".into(), weight: -1.0 },
    ];
    Ranked { intent: Intent::from(intent), confidence, why }
}

pub(crate) fn message(id: &str, author: Author, text: &str) -> Message {
    Message {
        id: Some(MessageId::from(id)),
        author,
        plain: text.into(),
        html: None,
        public: true,
        at: Some(at("2026-02-11T11:30:00Z")),
        attachments: 0,
        auto_submitted: false,
    }
}

/// Shipped yesterday, seen by the carrier six hours ago.
pub(crate) fn shipped_order() -> Order {
    Order {
        id: "11111".into(),
        name: Some("#606243".into()),
        email: Some("Ava@Example.com".into()),
        status: Some("processing".into()),
        fulfillment_status: Some("fulfilled".into()),
        payment_status: Some("paid".into()),
        placed_at: Some(at("2026-02-09T10:00:00Z")),
        shipping_method: Some("Standard".into()),
        status_url: Some("https://shop.example/status/1".into()),
        items: vec![OrderItem { name: "Lamp".into(), quantity: 1, sku: Some("L1".into()) }],
        shipments: vec![Shipment {
            status: Some("in_transit".into()),
            created_at: Some(at("2026-02-10T09:00:00Z")),
            updated_at: Some(at("2026-02-11T06:00:00Z")),
            tracking: vec![Tracking {
                number: Some("9400111122223333".into()),
                company: Some("USPS".into()),
                url: Some("https://track.example/9400111122223333".into()),
                shipped_at: Some(at("2026-02-10T09:00:00Z")),
            }],
            items: vec![],
        }],
        tags: vec![],
        source: "GET /order/demoshop/11111".into(),
        read_at: at("2026-02-11T11:59:30Z"),
    }
}

pub(crate) fn unshipped_order() -> Order {
    Order { fulfillment_status: None, shipments: vec![], ..shipped_order() }
}

pub(crate) fn base() -> Case {
    let text = "Where is my order #606243?";
    let question = message("c-1", Author::Customer, text);
    let mut config = Config::default();
    config.richpanel.bot_agent_id = Some("agent-bot".into());
    config.shop.name = "Lamp Shop".into();
    Case {
        ctx: Context {
            message: Some(question.key()),
            ticket: Ticket {
                id: TicketId::from("t-1"),
                number: Some(1401),
                status: Status::Open,
                subject: "Where is my order?".into(),
                channel: Channel::Email,
                tags: vec!["vip".into()],
                assignee: None,
                priority: Some("LOW".into()),
                customer: Customer {
                    id: Some("cust-1".into()),
                    email: Some("ava@example.com".into()),
                    first_name: Some("Ava".into()),
                    name: Some("Ava Doe".into()),
                    phone: None,
                },
                client_id: Some("demoshop".into()),
                messages: vec![question],
                created_at: None,
                updated_at: None,
                read_at: at("2026-02-11T11:59:58Z"),
            },
            new_text: NewText {
                text: text.into(),
                language: Language { code: "en".into(), confidence: 0.9 },
                truncated: false,
                parts: 1,
            },
            order: OrderFinding::Certain {
                order: Box::new(shipped_order()),
                how: "linked to the ticket".into(),
                linked: true,
                at: OrderRef { client_id: "demoshop".into(), order_id: "11111".into() },
            },
            replies: ReplyCounts::default(),
        },
        verdict: Verdict {
            ranked: vec![one("order_status", 0.93)],
            urgent: vec![],
            cautions: vec![],
            doubts: crate::classify::Doubts::default(),
            ground: Ground::Rules,
        },
        config,
        mode: Mode::Live,
        now: now(),
        restored_at: None,
    }
}

pub(crate) fn blocked(decision: &Decision) -> Vec<&str> {
    decision.gates.iter().filter(|gate| !gate.passed).map(|gate| gate.gate.as_str()).collect()
}

pub(crate) fn gate<'a>(decision: &'a Decision, name: &str) -> &'a Gate {
    decision.gates.iter().find(|gate| gate.gate == name).unwrap()
}

/// The tags that are added, in order.
pub(crate) fn tags(decision: &Decision) -> Vec<&str> {
    decision
        .after
        .iter()
        .filter_map(|step| match &step.effect {
            Effect::AddTags { tags } => Some(tags),
            _ => None,
        })
        .flatten()
        .map(String::as_str)
        .collect()
}

pub(crate) fn kinds(decision: &Decision) -> Vec<&str> {
    decision.after.iter().map(|step| step.effect.kind()).collect()
}
