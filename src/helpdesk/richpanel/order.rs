//! An order's JSON in our words (richpanel-api §2, "An order"), the order link of a ticket, and the copies kept.
//!
//! The shape of the answer is a guess of the vendor's documents, so wrappers and missing parts are survived. A copy
//! keeps the time it was read at: it ages, and the gate on freshness sees it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::Value;

use super::json::{first_text, integer, list, time};
use crate::clock::Clock;
use crate::event::Timestamp;
use crate::ticket::{Order, OrderItem, OrderRef, Shipment, Tracking};

/// The endpoint an order's facts come from.
pub(super) const SOURCE: &str = "GET /order/{client}/{id}";
/// Copies kept at most.
const CAPACITY: usize = 512;

/// The object itself: under `order` or `orders`, the only element of a list, or bare. `None` when empty.
fn unwrap(body: &Value) -> Option<&Value> {
    let inner = ["order", "orders", "data"].iter().find_map(|key| body.get(*key)).unwrap_or(body);
    let object = match inner {
        Value::Array(items) if items.len() == 1 => items.first()?,
        other => other,
    };
    object.as_object().filter(|fields| !fields.is_empty()).map(|_| object)
}

/// The linked order; `None` for `{}` and whenever one of the two parts is missing.
pub(super) fn link(body: &Value) -> Option<OrderRef> {
    let object = unwrap(body)?;
    Some(OrderRef {
        client_id: first_text(object, &["appClientId", "app_client_id"])?,
        order_id: first_text(object, &["orderId", "order_id"])?,
    })
}

/// Reads an order; `None` when the answer holds none.
pub(super) fn order(body: &Value, asked: &OrderRef, read_at: Timestamp) -> Option<Order> {
    let object = unwrap(body)?;
    let known = ["orderId", "orderName", "status", "fulfillmentStatus", "items", "fulfillment", "processedAt"];
    known.iter().find_map(|key| object.get(*key))?;
    Some(Order {
        id: first_text(object, &["orderId"]).unwrap_or_else(|| asked.order_id.clone()),
        name: first_text(object, &["orderName"]),
        email: first_text(object, &["email"]),
        status: first_text(object, &["status"]),
        fulfillment_status: first_text(object, &["fulfillmentStatus"]),
        payment_status: first_text(object, &["paymentStatus", "financialStatus"]),
        placed_at: time(object.get("processedAt")).or_else(|| time(object.get("createdAt"))),
        shipping_method: first_text(object, &["shippingMethod"]),
        status_url: first_text(object, &["statusUrl"]),
        items: items(object),
        shipments: list(object.get("fulfillment").or_else(|| object.get("fulfillments")))
            .iter()
            .filter(|part| part.is_object())
            .map(shipment)
            .collect(),
        source: SOURCE.to_owned(),
        read_at,
    })
}

fn items(object: &Value) -> Vec<OrderItem> {
    let item = |item: &Value| OrderItem {
        name: first_text(item, &["name"]).unwrap_or_default(),
        quantity: integer(item.get("quantity")).and_then(|count| u32::try_from(count).ok()).unwrap_or(1),
        sku: first_text(item, &["sku"]),
    };
    list(object.get("items")).iter().filter(|part| part.is_object()).map(item).collect()
}

fn shipment(object: &Value) -> Shipment {
    let tracking = |tracking: &Value| Tracking {
        number: first_text(tracking, &["trackingNumber"]),
        company: first_text(tracking, &["trackingCompany"]),
        url: first_text(tracking, &["trackingUrl"]),
        shipped_at: time(tracking.get("shippingDate")),
    };
    Shipment {
        status: first_text(object, &["status"]),
        created_at: time(object.get("createdAt")),
        updated_at: time(object.get("updatedAt")),
        tracking: list(object.get("tracking"))
            .iter()
            .filter(|part| part.is_object())
            .map(tracking)
            .collect(),
        items: items(object),
    }
}

/// Orders read lately. Bounded; the oldest copy leaves first.
pub(super) struct Orders {
    ttl: Duration,
    clock: Arc<dyn Clock>,
    kept: Mutex<HashMap<OrderRef, (Duration, Order)>>,
}

impl Orders {
    pub(super) fn new(ttl: Duration, clock: Arc<dyn Clock>) -> Self {
        Self { ttl, clock, kept: Mutex::default() }
    }

    /// A copy younger than the TTL, with the time it was read at.
    pub(super) fn get(&self, order: &OrderRef) -> Option<Order> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let (at, order) = kept.get(order)?;
        (self.clock.monotonic().saturating_sub(*at) < self.ttl).then(|| order.clone())
    }

    pub(super) fn put(&self, order_ref: &OrderRef, order: &Order) {
        let now = self.clock.monotonic();
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|_, (at, _)| now.saturating_sub(*at) < self.ttl);
        if kept.len() >= CAPACITY
            && let Some(oldest) = kept.iter().min_by_key(|(_, (at, _))| *at).map(|(key, _)| key.clone())
        {
            kept.remove(&oldest);
        }
        kept.insert(order_ref.clone(), (now, order.clone()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn asked() -> OrderRef {
        OrderRef { client_id: "demoshop".into(), order_id: "11111".into() }
    }

    #[test]
    fn a_link_is_read_bare_and_wrapped_and_is_none_when_a_part_is_missing() {
        for body in [
            json!({"orderId":"11111","appClientId":"demoshop"}),
            json!({"order":{"orderId":11111,"appClientId":"demoshop"}}),
            json!([{"orderId":"11111","appClientId":"demoshop"}]),
        ] {
            assert_eq!(link(&body), Some(asked()), "{body}");
        }
        for body in [
            json!({}),
            json!(null),
            json!([]),
            json!({"order":{}}),
            json!({"order":null}),
            json!({"orderId":"11111"}),
            json!({"orderId":null,"appClientId":"demoshop"}),
            json!("no order"),
        ] {
            assert_eq!(link(&body), None, "{body}");
        }
    }

    #[test]
    fn an_order_is_read_as_the_vendor_ingests_it() {
        let body = json!({"orderId":"11111","orderDbKey":2_589_211_394_106_i64,"orderName":"#606243","amount":169.97,
            "currency":"USD","status":"processing","fulfillmentStatus":"fulfilled","financialStatus":"paid",
            "processedAt":1_606_758_898_000_i64,"shippingMethod":"Free Shipping 2-5 Days",
            "statusUrl":"https://shop.example/o","email":"ava@example.com",
            "items":[{"id":"24939","sku":"A31","name":"Product - L","price":49.99,"quantity":1}],
            "fulfillment":[{"id":"24880","status":"delivered","createdAt":1_608_611_436_000_i64,
                "updatedAt":1_609_187_662_000_i64,"tracking":[{"trackingNumber":"123","trackingCompany":"USPS",
                "shippingDate":1_608_611_436_000_i64,"trackingUrl":"https://t.example"}],
                "items":[{"id":"24939","name":"Product - L","quantity":2}]}]});
        let order = order(&body, &asked(), Timestamp::UNIX_EPOCH).unwrap();
        assert_eq!(order.name.as_deref(), Some("#606243"));
        assert_eq!(order.payment_status.as_deref(), Some("paid"));
        assert_eq!(order.placed_at.unwrap().as_millisecond(), 1_606_758_898_000);
        assert_eq!(order.items[0].sku.as_deref(), Some("A31"));
        let shipment = &order.shipments[0];
        assert_eq!(shipment.status.as_deref(), Some("delivered"));
        assert_eq!(shipment.tracking[0].number.as_deref(), Some("123"));
        assert_eq!(shipment.items[0].quantity, 2);
        assert_eq!(order.source, SOURCE);
    }

    #[test]
    fn any_part_of_an_order_may_be_missing_or_of_the_wrong_type() {
        let body = json!({"orderName":"#1","items":null,"fulfillment":[null,{"tracking":"none"}],"processedAt":"soon"});
        let order = order(&body, &asked(), Timestamp::UNIX_EPOCH).unwrap();
        assert_eq!((order.id.as_str(), order.items.len(), order.shipments.len()), ("11111", 0, 1));
        assert_eq!(super::order(&json!({}), &asked(), Timestamp::UNIX_EPOCH), None);
        assert_eq!(super::order(&json!({"message":"none"}), &asked(), Timestamp::UNIX_EPOCH), None);
    }

    #[test]
    fn a_kept_order_keeps_the_time_it_was_read_at_and_leaves_after_the_ttl() {
        let clock = Arc::new(crate::clock::ManualClock::at(Timestamp::UNIX_EPOCH));
        let orders = Orders::new(Duration::from_secs(60), Arc::<crate::clock::ManualClock>::clone(&clock));
        let order = order(&json!({"orderId":"11111"}), &asked(), clock.now()).unwrap();
        orders.put(&asked(), &order);
        clock.advance(Duration::from_secs(59));
        assert_eq!(orders.get(&asked()).unwrap().read_at, Timestamp::UNIX_EPOCH);
        clock.advance(Duration::from_secs(1));
        assert_eq!(orders.get(&asked()), None);
    }

    #[test]
    fn the_number_of_kept_orders_is_bounded() {
        let clock = Arc::new(crate::clock::ManualClock::at(Timestamp::UNIX_EPOCH));
        let orders = Orders::new(Duration::from_secs(60), clock);
        let order = order(&json!({"orderId":"1"}), &asked(), Timestamp::UNIX_EPOCH).unwrap();
        for number in 0..2 * CAPACITY {
            orders.put(&OrderRef { client_id: "c".into(), order_id: number.to_string() }, &order);
        }
        assert_eq!(orders.kept.lock().unwrap().len(), CAPACITY);
    }
}
