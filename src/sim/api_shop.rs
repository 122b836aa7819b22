//! Orders, customers and tags of the API (richpanel-api §2).

use serde_json::{Value, json};

use super::api::Call;
use super::errors::Answer;
use super::route::TicketRef;
use super::world::World;

impl World {
    /// `GET /order/{conversationId}`: which order is linked, `{}` when none is.
    pub(super) fn order_link(&self, named: &TicketRef, call: &Call) -> Answer {
        let linked = self
            .view(&named.id, call.as_of_ms)
            .filter(|_| named.encoded)
            .and_then(|ticket| ticket.order.clone())
            .map(|(app, order)| json!({"orderId": order, "appClientId": app}));
        match linked {
            Some(link) => Answer::ok(&wrapped(link, self.settings.order_link_wrapped)),
            None if self.settings.order_link_none_is_404 => Answer::not_found("Order"),
            None => Answer::ok(&json!({})),
        }
    }

    /// `GET /order/{appClientId}/{orderId}`.
    pub(super) fn read_order(&self, app: &str, order: &str) -> Answer {
        let by_id = self.orders.get(&(app.to_owned(), order.to_owned()));
        let by_name = || {
            let named = |value: &Value| {
                value.get("orderName").and_then(Value::as_str).map(|name| name.trim_start_matches('#'))
                    == Some(order)
            };
            self.orders.iter().find(|((of, _), value)| of == app && named(value)).map(|(_, value)| value)
        };
        let found = if self.settings.order_by_name { by_id.or_else(by_name) } else { by_id };
        match found {
            Some(found) => Answer::ok(&wrapped(found.clone(), self.settings.order_wrapped)),
            None => Answer::not_found("Order"),
        }
    }

    /// `POST /order/{appClientId}`: takes orders in; answers a string.
    pub(super) fn post_orders(&mut self, app: &str, call: &Call) -> Answer {
        let body = match call.json() {
            Ok(body) => body,
            Err(answer) => return answer,
        };
        let Some(orders) = body.get("orders").and_then(Value::as_array) else {
            return Answer::invalid("orders is required");
        };
        for order in orders {
            if let Some(id) = order.get("orderId").and_then(Value::as_str) {
                self.orders.insert((app.to_owned(), id.to_owned()), order.clone());
            }
        }
        Answer::ok(&json!("orders queued"))
    }

    /// `GET /customers/email/{v}` and `/customers/phone/{v}`.
    pub(super) fn read_customer(&self, key: &str) -> Answer {
        let by_key = self.customer_index.get(key).and_then(|index| self.customers.get(*index));
        let found = by_key.or_else(|| self.customers.iter().find(|customer| customer.phone == key));
        match found {
            Some(customer) => Answer::ok(&json!({"customer": {
                "id": customer.id,
                "email": customer.email,
                "phone": customer.phone,
                "firstName": customer.first_name,
                "lastName": customer.last_name,
            }})),
            None => Answer::not_found("Customer"),
        }
    }

    /// `POST /customers`.
    pub(super) fn post_customer(&mut self, call: &Call) -> Answer {
        let body = match call.json() {
            Ok(body) => body,
            Err(answer) => return answer,
        };
        let text = |key: &str| {
            body.get("customer")
                .and_then(|customer| customer.get(key))
                .and_then(Value::as_str)
                .unwrap_or_default()
        };
        let (email, phone) = (text("email"), text("phone"));
        if email.is_empty() && phone.is_empty() {
            return Answer::invalid("customer.email is required");
        }
        let name = format!("{} {}", text("firstName"), text("lastName"));
        let customer = self.customer(email, phone, name.trim());
        let uid = if email.is_empty() { phone } else { email };
        Answer::ok(&json!({"message": "Customer saved", "customer": {"id": customer.id, "uid": uid}}))
    }

    /// `POST /tags`.
    pub(super) fn post_tag(&mut self, call: &Call) -> Answer {
        let body = match call.json() {
            Ok(body) => body,
            Err(answer) => return answer,
        };
        let name = body.pointer("/tag/name").or_else(|| body.get("name")).and_then(Value::as_str);
        let Some(name) = name.filter(|name| !name.is_empty()) else {
            return Answer::invalid("name is required");
        };
        let id = self.tag_id(name);
        Answer::ok(&json!({"tag": [{"id": id, "name": name, "description": ""}]}))
    }
}

fn wrapped(value: Value, wrap: bool) -> Value {
    if wrap { json!({"order": value}) } else { value }
}
