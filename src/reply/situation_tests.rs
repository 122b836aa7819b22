//! Each way an order can look, and which text it calls for.

use super::*;
use crate::config::Shop;
use crate::decide::tests::{at, now, shipped_order, unshipped_order};
use crate::ticket::OrderItem;

fn read(order: &Order) -> Situation {
    situation(order, &Calendar::new(&Shop::default()).unwrap(), 10, now())
}

type Change = fn(&mut Order);

#[test]
fn a_parcel_under_way() {
    let rows: &[(Change, &str)] = &[
        (|_| {}, "shipped"),
        (|o| o.shipments[0].status = Some("In Transit".into()), "shipped"),
        (|o| o.shipments[0].status = Some("out_for_delivery".into()), "out for delivery"),
        (|o| o.shipping_method = None, "shipped"),
        (|o| o.status = None, "shipped"),
        (|o| o.payment_status = None, "shipped"),
        // Delivered is not the end.
        (|o| o.shipments[0].status = Some("delivered".into()), "Delivered"),
        // Not to be put into words.
        (|o| o.shipments[0].status = None, "does not say how far"),
        (|o| o.shipments[0].status = Some("failure".into()), "a failure"),
        (|o| o.shipments[0].status = Some("returned".into()), "came back"),
        (|o| o.shipments[0].status = Some("label_created".into()), "\"label_created\" is not one we know"),
        (|o| o.shipments[0].tracking.clear(), "0 tracking numbers"),
        (|o| o.shipments[0].tracking.push(Tracking::default()), "2 tracking numbers"),
        (|o| o.shipments.push(o.shipments[0].clone()), "2 parcels"),
        (
            |o| {
                let mut second = o.shipments[0].clone();
                second.status = Some("delivered".into());
                o.shipments.push(second);
            },
            "2 parcels",
        ),
        (|o| o.fulfillment_status = Some("partial".into()), "only a part"),
        (|o| o.fulfillment_status = Some("unfulfilled".into()), "says that nothing was sent"),
        (|o| o.fulfillment_status = Some("scheduled".into()), "\"scheduled\" is not one we know"),
        (|o| o.fulfillment_status = None, "whether everything was sent"),
        (|o| o.shipments.clear(), "shows no parcel"),
        (|o| o.status = Some("weird".into()), "status \"weird\" is not one we know"),
        (|o| o.payment_status = Some("authorized".into()), "payment status \"authorized\""),
        // Called off.
        (|o| o.status = Some("Cancelled".into()), "Cancelled"),
        (|o| o.status = Some("on-hold".into()), "Cancelled"),
        (|o| o.payment_status = Some("refunded".into()), "Cancelled"),
        (|o| o.payment_status = Some("partially refunded".into()), "Cancelled"),
        (|o| o.payment_status = Some("voided".into()), "Cancelled"),
        (|o| o.payment_status = Some("pending".into()), "Cancelled"),
        (
            |o| {
                o.status = Some("cancelled".into());
                o.shipments[0].status = Some("delivered".into());
            },
            "Cancelled",
        ),
        // Does not move.
        (|o| o.shipments[0].updated_at = Some(at("2026-02-01T12:00:00Z")), "not moved for 10 days"),
        (|o| o.shipments[0].updated_at = Some(at("2026-02-01T12:01:00Z")), "shipped"),
        (|o| o.shipments[0].updated_at = None, "when it last moved"),
        (
            |o| {
                o.shipments[0].status = Some("out_for_delivery".into());
                o.shipments[0].updated_at = Some(at("2026-02-10T15:00:00Z"));
            },
            "21 hours ago",
        ),
        // Later than its window (5) and the grace (3): sent on Thursday, 29 January, until Tuesday, 10 February.
        (|o| o.shipments[0].tracking[0].shipped_at = Some(at("2026-01-29T09:00:00Z")), "PastWindow"),
        (|o| o.shipments[0].tracking[0].shipped_at = Some(at("2026-01-30T09:00:00Z")), "shipped"),
    ];
    for (change, words) in rows {
        let mut order = shipped_order();
        change(&mut order);
        assert_reads(&order, words);
    }
}

#[test]
fn nothing_sent_yet() {
    fn pre_order(name: &str) -> Vec<OrderItem> {
        vec![OrderItem { name: name.into(), quantity: 1, sku: None }]
    }
    let rows: &[(Change, &str)] = &[
        (|_| {}, "not shipped"),
        (|o| o.fulfillment_status = Some("unfulfilled".into()), "not shipped"),
        (
            |o| {
                o.fulfillment_status = Some("unfulfilled".into());
                o.status = None;
            },
            "not shipped",
        ),
        (|o| o.status = None, "does not say whether it was sent"),
        (|o| o.status = Some("completed".into()), "does not say whether it was sent"),
        (|o| o.fulfillment_status = Some("fulfilled".into()), "shows no parcel"),
        (|o| o.fulfillment_status = Some("partial".into()), "shows no parcel"),
        (|o| o.placed_at = None, "no date"),
        (|o| o.shipping_method = Some(" ".into()), "no shipping method"),
        (|o| o.shipping_method = Some("Pickup".into()), "no shipping window is known"),
        (|o| o.placed_at = Some(at("2026-02-12T10:00:00Z")), "cannot be counted"),
        (|o| o.payment_status = Some("pending".into()), "Cancelled"),
        // The window's last day is today: what has not left will not arrive.
        (|o| o.placed_at = Some(at("2026-02-04T10:00:00Z")), "PastWindow"),
        (|o| o.placed_at = Some(at("2026-02-05T10:00:00Z")), "not shipped"),
        (|o| o.placed_at = Some(at("2026-01-05T10:00:00Z")), "PastWindow"),
        // Pre-orders.
        (|o| o.items = pre_order("Lamp (pre-order, 2026-03-20)"), "not shipped"),
        (|o| o.items = pre_order("Lamp (Pre Order, 2026-02-11)"), "PastWindow"),
        (|o| o.items = pre_order("Lamp PREORDER"), "without a date of its own"),
        (|o| o.items[0].sku = Some("L1-PREORDER".into()), "without a date of its own"),
        (|o| o.items.extend(pre_order("Lamp (pre-order, 2026-03-20)")), "a part of the order"),
        (|o| o.shipping_method = Some("Standard pre-order".into()), "without a date of its own"),
    ];
    for (change, words) in rows {
        let mut order = unshipped_order();
        change(&mut order);
        assert_reads(&order, words);
    }
}

#[track_caller]
fn assert_reads(order: &Order, words: &str) {
    let found = read(order);
    let matched = match words {
        "shipped" => found == Situation::Shipped,
        "out for delivery" => found == Situation::OutForDelivery,
        "not shipped" => found == Situation::NotShipped,
        words => format!("{found:?}").replace("\\\"", "\"").contains(words),
    };
    assert!(matched, "{found:?} is not {words:?}");
    assert_eq!(found.suffix().is_some(), found.why_a_person().is_none());
}
