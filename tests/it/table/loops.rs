//! Row: mail loops. At most one reply a ticket in 24 h by default, three a customer, sixty an hour in all; the bot's
//! own messages never trigger. What is not answered is routed all the same.

use richpanel_mw::config::Config;

use super::*;

/// The caps as a shop gets them.
fn with_default_caps() -> World {
    let limits = Config::default().limits;
    let (ticket, customer, hour) =
        (limits.replies_per_ticket_per_day, limits.replies_per_customer_per_day, limits.replies_per_hour);
    assert_eq!((ticket, customer, hour), (1, 3, 60));
    let caps =
        format!("limits.replies_per_customer_per_day = {customer}\nlimits.replies_per_hour = {hour}\n");
    World::on(roomy(), "live", &format!("{FAST}{caps}"))
}

/// A mailbox that answers everything and does not say that it is a machine.
fn parrot(n: u64, round: u64) -> String {
    let openings = ["Hello", "Hi there", "Good morning", "Hi", "Dear team"];
    format!("{}, where is my order #{}?", openings[(round % 5) as usize], 800_000 + n)
}

fn is_routed(world: &World, ticket: &str) {
    for tag in ["mw-processed", "mw-intent-order-status", "route-email-support"] {
        assert!(world.has_tag(ticket, tag), "{ticket} lacks {tag}: {:?}", world.tags(ticket));
    }
}

/// A ticket whose customer answers whatever comes, `rounds` times.
pub(super) fn one_ticket(rounds: u64) {
    let world = with_default_caps();
    world.writes(NewMessage { text: parrot(0, 0), ..question(0) });
    for round in 1..=rounds {
        all_ended(&world, Duration::from_secs(20));
        world.again(&id(0), &parrot(0, round));
    }
    all_ended(&world, Duration::from_secs(20));
    assert_eq!(world.events().len() as u64, rounds + 1);
    assert_eq!(world.replies(&id(0)), 1, "one a ticket in 24 h");
    for event in &world.events()[1..] {
        assert_eq!(
            (event.state.as_str(), event.outcome.as_deref()),
            ("done", Some("routed")),
            "{}",
            event.reason
        );
    }
    assert!(
        world.gate(&id(0), "cap-ticket").1.contains("the limit is 1"),
        "{:?}",
        world.gate(&id(0), "cap-ticket")
    );
    is_routed(&world, &id(0));
    assert_eq!(world.status(&id(0)), "OPEN", "the last word is the customer's: a person sees it");
    world.settled();
}

#[test]
fn a_mailbox_that_answers_every_reply_gets_one_and_is_routed_ever_after() {
    one_ticket(50);
}

#[test]
fn one_address_that_opens_a_ticket_each_time_gets_three_replies_a_day() {
    let world = with_default_caps();
    for n in 0..20 {
        let email = "parrot@example.com".to_owned();
        let order = Some(order(OrderState::Shipped, 800_000 + n, &email, now().as_millisecond()));
        world.writes(NewMessage { text: parrot(n, n), email, order, ..question(n) });
        all_ended(&world, Duration::from_secs(20));
    }
    let outcomes: Vec<_> = (0..20).map(|n| world.outcome(&id(n))).collect();
    assert_eq!(&outcomes[..3], ["answered"; 3]);
    assert_eq!(&outcomes[3..], ["routed"; 17]);
    assert!(world.gate(&id(19), "cap-customer").1.contains("the limit is 3"));
    (0..20).for_each(|n| is_routed(&world, &id(n)));
    world.settled();
}

#[test]
fn many_addresses_at_once_get_sixty_replies_an_hour() {
    let world = with_default_caps();
    for n in 0..80 {
        world.writes(NewMessage { text: parrot(n, n), ..question(n) });
    }
    all_ended(&world, Duration::from_secs(20));
    let outcomes = outcomes(&world);
    let answered = outcomes.values().filter(|outcome| *outcome == "answered").count();
    let routed = outcomes.values().filter(|outcome| *outcome == "routed").count();
    assert_eq!((answered, routed), (60, 20));
    assert_eq!(applied(&world, EffectKind::Reply).len(), 60);
    (0..80).for_each(|n| is_routed(&world, &id(n)));
    world.settled();
}

#[test]
fn forty_tickets_of_one_customer_at_once_get_three_replies() {
    // The caps are counted once more where the send is journalled: sixteen workers at once cannot pass them.
    let world = with_default_caps();
    let email = "parrot@example.com";
    for n in 0..40 {
        let order = Some(order(OrderState::Shipped, 800_000 + n, email, now().as_millisecond()));
        world.writes(NewMessage { text: parrot(n, n), email: email.into(), order, ..question(n) });
    }
    all_ended(&world, Duration::from_secs(20));
    assert_eq!(applied(&world, EffectKind::Reply).len(), 3);
    world.settled();
}

/// Mail that no person wrote, by the sign that shows it.
fn machines() -> Vec<(&'static str, NewMessage)> {
    let from = |email: &str| NewMessage { email: email.into(), ..NewMessage::default() };
    let about = |subject: &str| NewMessage { subject: subject.into(), ..NewMessage::default() };
    let says = |text: &str| NewMessage { text: text.into(), ..NewMessage::default() };
    vec![
        ("header", NewMessage { auto_submitted: true, ..NewMessage::default() }),
        ("bounce", from("mailer-daemon@example.com")),
        ("bounce", from("postmaster@example.com")),
        ("bounce", from("bounces+42=shop@example.com")),
        ("bounce", about("Undeliverable: Your order")),
        ("bounce", about("Mail delivery failed: returning message to sender")),
        ("bounce", says("This is the mail system at host mx.example.com. Where is my order?")),
        ("no-reply", from("no-reply@example.com")),
        ("no-reply", from("carrier.noreply@example.com")),
        ("auto-reply", about("Automatic reply: Your order")),
        ("auto-reply", about("Automatische Antwort: Ihre Bestellung")),
        ("auto-reply", about("Réponse automatique : Votre commande")),
        ("auto-reply", about("Respuesta automática: Su pedido")),
        ("auto-reply", about("Autosvar: order")),
        ("out of office", about("Out of Office: Where is my order")),
        ("out of office", about("Abwesenheitsnotiz: Where is my order")),
        ("out of office", says("I am out of the office and will be back on Monday. Where is my order.")),
        ("machine", says("This is an automated message. Where is my order?")),
    ]
}

#[test]
fn mail_of_machines_is_never_answered_and_never_silent() {
    let world = with_default_caps();
    for (n, (_, one)) in (0..).zip(machines()) {
        let base = question(n);
        let pick = |own: String, other: String| if own.is_empty() { other } else { own };
        world.writes(NewMessage {
            email: pick(one.email, base.email.clone()),
            subject: pick(one.subject, base.subject.clone()),
            text: pick(one.text, base.text.clone()),
            auto_submitted: one.auto_submitted,
            ..base
        });
    }
    all_ended(&world, Duration::from_secs(20));
    for (n, (sign, _)) in (0..).zip(machines()) {
        assert_eq!(world.replies(&id(n)), 0, "{sign} {n}");
        assert!(
            !world.gate(&id(n), "not-automatic").0,
            "{sign} {n}: {:?}",
            world.gate(&id(n), "not-automatic")
        );
        assert!(world.has_tag(&id(n), "mw-processed"), "{sign} {n}: {:?}", world.tags(&id(n)));
    }
    world.settled();
}

/// A rule that fires on every message, also on the shop's own.
#[test]
fn the_bots_own_messages_trigger_nothing_however_often_they_are_announced() {
    let world = with_default_caps();
    world.writes(question(0));
    all_ended(&world, Duration::from_secs(20));
    let said = world.said(&id(0));
    let writes = world.our_writes(&id(0));
    for _ in 0..50 {
        assert_eq!(world.call(&id(0)).0, 200);
    }
    all_ended(&world, Duration::from_secs(20));
    assert_eq!(world.said(&id(0)), said);
    assert_eq!(world.our_writes(&id(0)), writes, "an echo changed the ticket");
    world.settled();
}

#[test]
fn our_own_words_that_come_back_as_a_customers_are_not_answered() {
    let world = with_default_caps();
    world.writes(question(0));
    all_ended(&world, Duration::from_secs(20));
    let echo = world.said(&id(0)).remove(0);
    // From the customer's mailbox on the same ticket, and from the shop's own on a new one.
    world.again(&id(0), &echo);
    let shop = |n: u64, text: &str| NewMessage {
        email: "support@example.com".into(),
        text: text.into(),
        order: Some(order(OrderState::Shipped, 800_000 + n, "support@example.com", now().as_millisecond())),
        ..question(n)
    };
    world.writes(shop(1, &echo));
    all_ended(&world, Duration::from_secs(20));
    assert_eq!((world.replies(&id(0)), world.replies(&id(1))), (1, 0), "{:#?}", world.story(&id(1)).decision);
    for ticket in [id(0), id(1)] {
        assert!(world.has_tag(&ticket, "mw-processed"), "{:?}", world.tags(&ticket));
    }
    world.settled();
}
