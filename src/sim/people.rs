//! Made-up data: people at example.com, products, orders in every state. The same seed gives
//! the same people.

use fastrand::Rng;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

const FIRST: [&str; 24] = [
    "Ava", "Noah", "Mila", "Jonas", "Lena", "Omar", "Ines", "Theo", "Ruth", "Ivan", "Sofia", "Emil", "Nora",
    "Hugo", "Aisha", "Liam", "Greta", "Pablo", "Zoe", "Anton", "Maya", "Felix", "Clara", "Tariq",
];
const LAST: [&str; 24] = [
    "Doe", "Berg", "Costa", "Dahl", "Egan", "Faber", "Gray", "Holm", "Ibsen", "Janko", "Klein", "Lund",
    "Moreau", "Novak", "Okafor", "Pace", "Quist", "Rossi", "Stone", "Tran", "Umber", "Vega", "Wolf", "Young",
];
const PRODUCTS: [(&str, &str, u32); 10] = [
    ("Linen shirt - M", "LS-M", 4999),
    ("Wool socks - 2 pairs", "WS-2", 1850),
    ("Canvas bag - sand", "CB-S", 3400),
    ("Enamel mug - blue", "EM-B", 1600),
    ("Rain jacket - L", "RJ-L", 11900),
    ("Desk lamp - oak", "DL-O", 8900),
    ("Notebook - dotted", "NB-D", 1250),
    ("Water bottle - 0.7 l", "WB-7", 2400),
    ("Running cap - black", "RC-B", 2200),
    ("Cotton blanket - grey", "BL-G", 6900),
];
const CARRIERS: [&str; 4] = ["USPS", "UPS", "DHL", "Royal Mail"];
const SHIPPING: [&str; 4] =
    ["Free Shipping 2-5 Days", "Standard 3-7 Days", "Express 1-2 Days", "International 7-14 Days"];
const DAY_MS: i64 = 86_400_000;

/// A made-up person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// Given name.
    pub first_name: String,
    /// Family name.
    pub last_name: String,
    /// Address at example.com.
    pub email: String,
    /// Telephone number from the range kept for fiction.
    pub phone: String,
}

/// The n-th person of this seed; no two of a seed share an address.
#[must_use]
pub fn person(seed: u64, n: u64) -> Person {
    let mut rng = Rng::with_seed(seed ^ n.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let first = pick(&mut rng, &FIRST);
    let last = pick(&mut rng, &LAST);
    Person {
        first_name: first.to_owned(),
        last_name: last.to_owned(),
        email: format!("{}.{}.{n}@example.com", first.to_lowercase(), last.to_lowercase()),
        phone: format!("+1555010{:04}", n % 10_000),
    }
}

/// In which state an order is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrderState {
    /// Paid, nothing packed.
    Processing,
    /// On its way, with tracking.
    Shipped,
    /// With the carrier's van today.
    OutForDelivery,
    /// Arrived.
    Delivered,
    /// Paid long ago, nothing packed.
    Delayed,
    /// Sold ahead, with a tag that says so.
    PreOrder,
    /// Two items, one of them on its way.
    PartiallyFulfilled,
    /// The carrier reports a failure.
    Failure,
    /// Came back.
    Returned,
    /// Called off.
    Cancelled,
    /// Shipped, but nobody wrote a tracking number down.
    ShippedUntracked,
}

impl OrderState {
    /// Every state.
    pub const ALL: [Self; 11] = [
        Self::Processing,
        Self::Shipped,
        Self::OutForDelivery,
        Self::Delivered,
        Self::Delayed,
        Self::PreOrder,
        Self::PartiallyFulfilled,
        Self::Failure,
        Self::Returned,
        Self::Cancelled,
        Self::ShippedUntracked,
    ];
}

/// An order as the vendor shows it (richpanel-api §2); `number` is the one a customer quotes.
/// Times lie before `now_ms` (milliseconds since 1970).
#[must_use]
pub fn order(state: OrderState, number: u64, email: &str, now_ms: i64) -> Value {
    let mut rng = Rng::with_seed(number);
    let first = item(&mut rng, 1);
    let second = item(&mut rng, 2);
    let age_days = if state == OrderState::Delayed { 12 } else { 3 };
    let placed_ms = now_ms - age_days * DAY_MS;
    let (fulfillment_status, fulfillment) = fulfillment(state, &mut rng, placed_ms, now_ms, &first);
    let total = price(&first) + price(&second);
    let mut order = json!({
        "orderId": format!("{}", 5_100_000_000_u64 + number),
        "orderDbKey": 2_589_211_000_000_u64 + number,
        "orderName": format!("#{number}"),
        "amount": total,
        "currency": "USD",
        "status": if state == OrderState::Cancelled { "cancelled" } else { "processing" },
        "fulfillmentStatus": fulfillment_status,
        "paymentStatus": if state == OrderState::Cancelled { "refunded" } else { "paid" },
        "processedAt": placed_ms,
        "shippingMethod": pick(&mut rng, &SHIPPING),
        "statusUrl": format!("https://shop.example.com/orders/{number}"),
        "email": email,
        "items": [first, second],
        "fulfillment": fulfillment,
    });
    if state == OrderState::PreOrder
        && let Some(order) = order.as_object_mut()
    {
        order.insert("tags".into(), json!(["pre-order"]));
    }
    order
}

fn fulfillment(
    state: OrderState,
    rng: &mut Rng,
    placed_ms: i64,
    now_ms: i64,
    item: &Value,
) -> (Value, Vec<Value>) {
    let (whole, status) = match state {
        OrderState::Processing | OrderState::Delayed | OrderState::PreOrder | OrderState::Cancelled => {
            return (Value::Null, Vec::new());
        }
        OrderState::Shipped | OrderState::ShippedUntracked => ("fulfilled", "in_transit"),
        OrderState::OutForDelivery => ("fulfilled", "out_for_delivery"),
        OrderState::Delivered => ("fulfilled", "delivered"),
        OrderState::PartiallyFulfilled => ("partial", "in_transit"),
        OrderState::Failure => ("fulfilled", "failure"),
        OrderState::Returned => ("fulfilled", "returned"),
    };
    let shipped_ms = placed_ms + DAY_MS;
    let number = format!("9400{:016}", rng.u64(..10_000_000_000_000_000));
    let tracking = if state == OrderState::ShippedUntracked {
        json!([])
    } else {
        json!([{
            "trackingNumber": number,
            "trackingCompany": pick(rng, &CARRIERS),
            "shippingDate": shipped_ms,
            "trackingUrl": format!("https://track.example.com/{number}"),
        }])
    };
    let parcel = json!({
        "id": format!("{}", rng.u32(10_000..99_999)),
        "status": status,
        "createdAt": shipped_ms,
        "updatedAt": now_ms - DAY_MS / 4,
        "tracking": tracking,
        "items": [{"id": item.get("id"), "name": item.get("name"), "quantity": 1}],
    });
    (json!(whole), vec![parcel])
}

fn item(rng: &mut Rng, position: u32) -> Value {
    let (name, sku, cents) =
        PRODUCTS.get(rng.usize(..PRODUCTS.len())).copied().unwrap_or(("Gift", "G", 1000));
    json!({
        "id": format!("{}{position}", rng.u32(10_000..99_999)),
        "sku": sku,
        "name": name,
        "price": f64::from(cents) / 100.0,
        "quantity": 1,
    })
}

fn price(item: &Value) -> f64 {
    item.get("price").and_then(Value::as_f64).unwrap_or(0.0)
}

fn pick<'a>(rng: &mut Rng, from: &[&'a str]) -> &'a str {
    from.get(rng.usize(..from.len())).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_of_one_seed_repeat_and_do_not_share_addresses() {
        assert_eq!(person(1, 5), person(1, 5));
        let addresses: std::collections::BTreeSet<_> = (0..500).map(|n| person(1, n).email).collect();
        assert_eq!(addresses.len(), 500);
        assert!(addresses.iter().all(|address| address.ends_with("@example.com")));
    }

    #[test]
    fn a_shipped_order_has_tracking_and_one_in_processing_has_no_parcel() {
        let shipped = order(OrderState::Shipped, 10_001, "ava@example.com", 1_770_000_000_000);
        assert_eq!(shipped["orderName"], "#10001");
        assert_eq!(shipped["fulfillment"][0]["status"], "in_transit");
        assert!(shipped["fulfillment"][0]["tracking"][0]["trackingNumber"].is_string());
        let waiting = order(OrderState::Processing, 10_001, "ava@example.com", 1_770_000_000_000);
        assert_eq!(waiting["fulfillment"], json!([]));
        assert!(waiting["fulfillmentStatus"].is_null());
    }
}
