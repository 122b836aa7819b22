//! A line of the story as a message at the simulated helpdesk.

use serde_json::{Value, json};

use super::Said;
use crate::sim::NewMessage;
use crate::sim::people::{self, OrderState};

/// Seed of names and addresses.
const PEOPLE: u64 = 7;
/// Key sets that the tickets have in turn (`sim::NewMessage::shape`). Comments of 5 and 7 bear no operator flag, so that
/// nobody can tell who wrote them: routed, never answered. They come less often than the others.
const SHAPES: [u8; 14] = [0, 1, 2, 3, 4, 6, 5, 0, 1, 2, 3, 4, 6, 7];
/// The first order's number.
const FIRST_ORDER: u64 = 606_201;

impl Said {
    /// The message as customer `number` writes it, on `ticket` or on a new one; its order's times lie before `now_ms`
    /// (milliseconds since 1970).
    pub(in crate::cli) fn written(&self, number: u64, ticket: Option<&str>, now_ms: i64) -> NewMessage {
        let person = people::person(PEOPLE, number);
        let email = self.from.map_or(person.email, str::to_owned);
        let order_number = FIRST_ORDER + number * 7;
        let owner = if self.of_another { "mother.of.ava@example.com" } else { email.as_str() };
        let order = self.order.map(|state| order(state, order_number, owner, now_ms));
        let fill = |text: &str| text.replace("{order}", &format!("#{order_number}"));
        let shape = usize::try_from(number).unwrap_or_default() % SHAPES.len();
        NewMessage {
            ticket: ticket.map(str::to_owned),
            channel: Some(if self.channel.is_empty() { "sms_gateway" } else { self.channel }.to_owned()),
            channel_hidden: self.channel.is_empty(),
            email,
            name: format!("{} {}", person.first_name, person.last_name),
            phone: person.phone,
            subject: fill(self.subject),
            text: fill(self.text),
            html: self.html.map(fill),
            order,
            voice: self.voice,
            shape: SHAPES.get(shape).copied(),
            ..NewMessage::default()
        }
    }
}

/// An order whose age and shipping method say the same on every day of the week.
fn order(state: OrderState, number: u64, email: &str, now_ms: i64) -> Value {
    let mut order = people::order(state, number, email, now_ms);
    let method = match state {
        OrderState::Delayed => "Express 1-2 Days",
        OrderState::Processing => "International 7-14 Days",
        _ => "Free Shipping 2-5 Days",
    };
    if let Some(order) = order.as_object_mut() {
        order.insert("shippingMethod".into(), json!(method));
    }
    order
}
