//! Every text of the starter pack as it goes out, and every value that keeps it back.

use super::*;
use crate::config::{Config, Shop, starter};
use crate::decide::Policy;
use crate::decide::tests::{at, now, shipped_order, unshipped_order};
use crate::event::Mode;
use crate::reply::Calendar;
use crate::ticket::{Customer, Order, OrderItem};

type Change = fn(&mut Order);

fn replies() -> BTreeMap<String, Reply> {
    starter::replies()
        .iter()
        .map(|(name, texts)| (name.clone(), Reply::compile(name, texts).unwrap()))
        .collect()
}

fn written(order: &Order, first_name: &str, chat: bool) -> Result<Draft, NoReply> {
    let customer = Customer { first_name: Some(first_name.into()), ..Customer::default() };
    let shop = Shop { name: "Lamp Shop".into(), timezone: "America/New_York".into(), ..Shop::default() };
    let calendar = Calendar::new(&shop).unwrap();
    let material = Material {
        customer: &customer,
        ticket_read_at: at("2026-02-11T11:59:58Z"),
        order: Some(order),
        calendar: &calendar,
        chat,
        language: "en",
        stall_days: 10,
        now: now(),
    };
    render(&replies(), Ask::Facts("order_status"), &material)
}

#[test]
fn a_shipped_order_as_a_mail() {
    let draft = written(&shipped_order(), "Ava", false).unwrap();
    assert_eq!(
        draft.text,
        "Hi Ava,\n\nYour order #606243 is on its way with USPS. The tracking number is 9400111122223333.\n\
         You can follow it here: https://track.example/9400111122223333\n\n\
         If anything looks wrong, just reply to this message and a person will take over.\n\n\
         Lamp Shop\n(This is an automatic answer from your order's details.)"
    );
    assert_eq!(
        (draft.template.as_str(), draft.close, draft.good_until),
        ("order_status_shipped", true, None)
    );
    let sources: Vec<_> = draft.facts.iter().map(|fact| (fact.name.as_str(), fact.source.as_str())).collect();
    assert_eq!(
        sources,
        [
            ("first_name_or_there", "ticket · customer.firstName · read 2026-02-11T11:59Z"),
            ("order_name", "GET /order/demoshop/11111 · orderName · read 2026-02-11T11:59Z"),
            (
                "carrier",
                "GET /order/demoshop/11111 · fulfillment[0].tracking[0].trackingCompany · read 2026-02-11T11:59Z"
            ),
            (
                "tracking_number",
                "GET /order/demoshop/11111 · fulfillment[0].tracking[0].trackingNumber · read 2026-02-11T11:59Z"
            ),
            (
                "tracking_url",
                "GET /order/demoshop/11111 · fulfillment[0].tracking[0].trackingUrl · read 2026-02-11T11:59Z"
            ),
            ("shop_name", "configuration · shop.name"),
        ]
    );
}

#[test]
fn an_order_that_waits_as_a_chat() {
    let draft = written(&unshipped_order(), "ava@example.com", true).unwrap();
    assert_eq!(
        draft.text,
        "Hi there! We have your order #606243 from 9 February 2026; it has not shipped yet. It goes by Standard and \
         we expect it to reach you between Thursday, 12 February and Monday, 16 February. Need anything before \
         that? Write back and a person will take over. (Automatic answer)"
    );
    let estimate = draft.facts.iter().find(|fact| fact.name == "estimate").unwrap();
    assert!(estimate.source.starts_with("computed · window 3–5 business days of 'Standard'"));
    // Midnight in New York.
    assert_eq!(draft.good_until, Some(at("2026-02-12T05:00:00Z")));
}

#[test]
fn a_parcel_with_the_driver() {
    let mut order = shipped_order();
    order.shipments[0].status = Some("out_for_delivery".into());
    let draft = written(&order, "Ava", false).unwrap();
    assert_eq!(draft.template, "order_status_out_for_delivery");
}

#[test]
fn a_missing_value_is_named_and_stops_the_reply() {
    let rows: &[(Change, &str)] = &[
        (|o| o.name = None, "{order_name}: orderName is missing"),
        (|o| o.name = Some("#1 https://evil.example".into()), "{order_name}"),
        (|o| o.name = Some("9".repeat(41)), "{order_name}"),
        (|o| o.shipments[0].tracking[0].company = Some("\u{7}".into()), "{carrier}"),
        (|o| o.shipments[0].tracking[0].number = None, "{tracking_number}"),
        (|o| o.shipments[0].tracking[0].url = Some("javascript:alert(1)".into()), "{tracking_url}"),
    ];
    for (change, words) in rows {
        let mut order = shipped_order();
        change(&mut order);
        let said = written(&order, "Ava", false).unwrap_err();
        assert!(matches!(said, NoReply::Missing(_)) && said.to_string().contains(words), "{said}");
    }
}

#[test]
fn a_text_in_another_language_says_nothing_in_english() {
    let customer = Customer::default();
    let calendar = Calendar::new(&Shop::default()).unwrap();
    let order = unshipped_order();
    let material = Material {
        customer: &customer,
        ticket_read_at: now(),
        order: Some(&order),
        calendar: &calendar,
        chat: false,
        language: "sv",
        stall_days: 10,
        now: now(),
    };
    for (variable, language, said) in [
        ("order_date", "sv", Ok("2026-02-09")),
        ("order_date", "de", Ok("9. Februar 2026")),
        ("estimate", "sv", Err("no words")),
        ("estimate", "nl", Ok("tussen donderdag 12 februari en maandag 16 februari")),
        ("items", "de", Err("English")),
        ("greeting", "fr", Ok("Bonjour")),
        ("greeting", "sv", Err("no words")),
        ("first_name_or_there", "de", Err("no usable first name")),
    ] {
        match (material.fact(variable, language), said) {
            (Ok(fact), Ok(value)) => assert_eq!(fact.value, value),
            (Err(why), Err(words)) => assert!(why.contains(words), "{why}"),
            (got, wanted) => panic!("{variable}: {got:?}, not {wanted:?}"),
        }
    }
}

#[test]
fn a_message_is_answered_in_its_language_where_there_is_a_text_in_it() {
    let policy = Policy::new(&Config::default(), Mode::Live).unwrap();
    let customer = Customer { first_name: Some("Ava".into()), ..Customer::default() };
    let calendar = Calendar::new(&Shop { name: "Lamp Shop".into(), ..Shop::default() }).unwrap();
    let written = |order: &Order, language: &str| {
        let material = Material {
            customer: &customer,
            ticket_read_at: now(),
            order: Some(order),
            calendar: &calendar,
            chat: false,
            language,
            stall_days: 10,
            now: now(),
        };
        render(&policy.replies, Ask::Facts("order_status"), &material).unwrap()
    };
    let mut with_driver = shipped_order();
    with_driver.shipments[0].status = Some("out_for_delivery".into());
    for (language, greeting) in [
        ("de", "Hallo Ava,"),
        ("es", "Hola, Ava,"),
        ("fr", "Bonjour Ava,"),
        ("nl", "Hallo Ava,"),
        ("pt", "Olá, Ava,"),
    ] {
        for order in [&shipped_order(), &unshipped_order(), &with_driver] {
            let draft = written(order, language);
            assert_eq!(draft.language, language);
            assert!(draft.text.starts_with(greeting) && draft.text.contains("#606243"), "{}", draft.text);
        }
    }
    for language in ["en", "und", "sv"] {
        let draft = written(&shipped_order(), language);
        assert_eq!(draft.language, "en");
    }
}

#[test]
fn items_are_a_short_list() {
    let item = |name: &str, quantity| OrderItem { name: name.into(), quantity, sku: None };
    let list = |items: Vec<OrderItem>| {
        let customer = Customer::default();
        let calendar = Calendar::new(&Shop::default()).unwrap();
        let order = Order { items, ..shipped_order() };
        let material = Material {
            customer: &customer,
            ticket_read_at: now(),
            order: Some(&order),
            calendar: &calendar,
            chat: false,
            language: "en",
            stall_days: 10,
            now: now(),
        };
        material.fact("items", "en").map(|fact| fact.value).ok()
    };
    assert_eq!(list(vec![]), None);
    assert_eq!(list(vec![item("Lamp", 1)]).as_deref(), Some("Lamp"));
    assert_eq!(list(vec![item("Lamp", 2), item("Bulb", 1)]).as_deref(), Some("2 × Lamp and Bulb"));
    let many = vec![item("A", 1), item("B", 1), item("C", 1), item("D", 1), item("E", 1)];
    assert_eq!(list(many).as_deref(), Some("A, B, C and 2 more"));
}

#[test]
fn without_an_order_a_text_or_a_situation_nothing_is_said() {
    let customer = Customer::default();
    let calendar = Calendar::new(&Shop::default()).unwrap();
    let order = shipped_order();
    let mut delivered = shipped_order();
    delivered.shipments[0].status = Some("delivered".into());
    let material = |order| Material {
        customer: &customer,
        ticket_read_at: now(),
        order,
        calendar: &calendar,
        chat: false,
        language: "en",
        stall_days: 10,
        now: now(),
    };
    let facts = Ask::Facts("order_status");
    assert_eq!(render(&replies(), facts, &material(None)), Err(NoReply::NoOrder));
    assert!(matches!(render(&BTreeMap::new(), facts, &material(Some(&order))), Err(NoReply::NoText(_))));
    let fixed = Ask::Fixed("order_status_shipped");
    assert!(matches!(render(&replies(), fixed, &material(Some(&order))), Err(NoReply::Missing(_))));
    let said = render(&replies(), facts, &material(Some(&delivered))).unwrap_err();
    assert_eq!(
        said.to_string(),
        "a person must answer: the order says delivered, and delivered is not the end"
    );
}
