//! Tests.

use super::*;
use crate::decide::tests::shipped_order;

fn found(id: &str) -> Option<(OrderRef, Order)> {
    Some((OrderRef { client_id: "demoshop".into(), order_id: id.into() }, shipped_order()))
}

fn without_email(id: &str) -> Option<(OrderRef, Order)> {
    found(id).map(|(at, order)| (at, Order { email: None, ..order }))
}

fn judged(
    mention: &OrderMention,
    linked: Option<(OrderRef, Order)>,
    by_number: Option<(OrderRef, Order)>,
    email: Option<&str>,
) -> String {
    match match_order(mention, linked, by_number, email) {
        OrderFinding::Certain { how, linked, .. } => format!("certain, linked {linked}: {how}"),
        OrderFinding::Uncertain(why) => format!("uncertain: {why}"),
        OrderFinding::None => "none".into(),
        OrderFinding::NotNeeded => "not needed".into(),
    }
}

#[test]
fn the_table_of_who_agrees_with_whom() {
    let ava = Some(" AVA@example.com ");
    let ben = Some("ben@example.com");
    let one = |number: &str| OrderMention::One(number.into());
    for (mention, linked, by_number, email, said) in [
        (OrderMention::None, None, None, ava, "none"),
        (one("606243"), None, None, ava, "none"),
        (
            OrderMention::Ambiguous(vec!["1".into(), "606243".into()]),
            found("11111"),
            None,
            ava,
            "uncertain: the message names different orders: 1 and 606243",
        ),
        // Linked.
        (OrderMention::None, found("11111"), None, ava, "certain, linked true: linked to the ticket, same"),
        (one("606243"), found("11111"), None, ava, "certain, linked true: linked to the ticket, named"),
        (one("#606243"), found("11111"), None, ava, "certain, linked true"),
        (one("11111"), found("11111"), None, ava, "certain, linked true"),
        (
            one("606244"),
            found("11111"),
            None,
            ava,
            "uncertain: the message names order 606244, the order found is #606243",
        ),
        (one("606244"), found("11111"), found("606244"), ava, "uncertain"),
        (one("#"), found("11111"), None, ava, "uncertain"),
        (OrderMention::None, found("11111"), None, ben, "uncertain: a mismatch of e-mail"),
        (one("606243"), found("11111"), None, ben, "uncertain: a mismatch of e-mail"),
        (
            OrderMention::None,
            without_email("11111"),
            None,
            ava,
            "uncertain: linked to the ticket, but there is no e-mail",
        ),
        (
            OrderMention::None,
            found("11111"),
            None,
            None,
            "uncertain: linked to the ticket, but there is no e-mail",
        ),
        (OrderMention::None, found("11111"), None, Some("  "), "uncertain"),
        (one("606243"), without_email("11111"), None, ava, "certain, linked true"),
        (one("606243"), found("11111"), None, None, "certain, linked true"),
        (OrderMention::None, found("22222"), None, ava, "uncertain: the link names order 22222"),
        // By number.
        (one("606243"), None, found("606243"), ava, "certain, linked false"),
        (one("606243"), None, found("606243"), ben, "uncertain: a mismatch of e-mail"),
        (one("606243"), None, found("606243"), None, "uncertain: found by its number, but"),
        (one("606243"), None, without_email("606243"), ava, "uncertain: found by its number, but"),
        (one("606244"), None, found("606244"), ava, "uncertain: the look-up names order 606244"),
        (OrderMention::None, None, found("606243"), ava, "uncertain: an order was found although"),
    ] {
        let got = judged(&mention, linked, by_number, email);
        assert!(got.starts_with(said), "{mention:?} {email:?}: {got:?}, not {said:?}");
    }
}

#[test]
fn numbers_are_the_same_however_they_are_written() {
    assert!(same_order("#MK-20713", " mk-20713 "));
    assert!(!same_order("20713", "MK-20713"));
    assert!(!same_order("", "#"));
}
