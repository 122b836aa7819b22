//! Each gate fails alone, with everything else passing; and its row shows that it can fail.

use super::ground::{read_by_rules, starter, unproven};
use super::*;
use crate::config::{IntentSettings, MayAnswer, ReplyTexts};
use crate::decide::{GATES, canary_position};
use crate::event::Outcome;

type Change = fn(&mut Case);

/// (gate, what is changed, words of its reason)
const ROWS: &[(&str, Change, &str)] = &[
    ("mw-stop", |case| case.ctx.ticket.tags.push("mw-stop".into()), "carries mw-stop"),
    ("mw-hold", |case| case.ctx.ticket.tags.push("mw-hold".into()), "carries mw-hold"),
    ("ticket-open", |case| case.ctx.ticket.status = Status::Closed, "is closed"),
    ("ticket-open", |case| case.ctx.ticket.status = Status::Snoozed, "put the ticket aside"),
    ("ticket-open", |case| case.ctx.ticket.status = Status::Other("parked".into()), "\"parked\""),
    (
        "no-agent-since",
        |case| case.ctx.ticket.messages.push(message("a", Author::Agent(None), "Hi")),
        "an agent answered",
    ),
    (
        "not-answered-already",
        |case| case.ctx.ticket.messages.push(message("b", Author::Bot, "Hi")),
        "the bot answered",
    ),
    ("not-automatic", |case| case.ctx.ticket.subject = "Automatic reply: order".into(), "automatic reply"),
    (
        "not-automatic",
        |case| case.ctx.ticket.customer.email = Some("mailer-daemon@example.com".into()),
        "machine (bounce)",
    ),
    (
        "not-automatic",
        |case| {
            case.ctx.new_text.text =
                "I am out of the office until Monday and have limited access to my e-mail.".into();
        },
        "out of office",
    ),
    (
        "authors-known",
        |case| case.ctx.ticket.messages.insert(0, message("m-0", Author::Unknown, "It is on its way.")),
        "does not say who wrote 1",
    ),
    (
        "message-age",
        |case| case.ctx.ticket.messages[0].at = Some(at("2026-02-10T11:58:00Z")),
        "24:02 h old, the limit is 24 h",
    ),
    ("message-age", |case| case.ctx.ticket.messages[0].at = None, "no time"),
    (
        "message-age",
        |case| case.ctx.ticket.messages[0].at = Some(at("2026-03-10T11:59:00Z")),
        "ahead of our clock",
    ),
    (
        "restored",
        |case| case.restored_at = Some(at("2026-02-11T11:30:00Z")),
        "written 2026-02-11 11:30:00, before the backup was restored",
    ),
    (
        "restored",
        |case| {
            let mut later = message("c-2", Author::Customer, "Where is it?");
            later.at = Some(at("2026-02-11T11:50:00Z"));
            case.ctx.message = Some(later.key());
            case.ctx.ticket.messages.push(later);
            case.restored_at = Some(at("2026-02-11T11:40:00Z"));
        },
        "written 2026-02-11 11:30:00, before the backup was restored",
    ),
    ("mode", |case| case.mode = Mode::Shadow, "mode shadow answers nobody"),
    ("mode", |case| case.mode = Mode::Route, "mode route answers nobody"),
    ("mode", |case| case.mode = Mode::Off, "mode off answers nobody"),
    ("canary", |case| case.mode = Mode::Canary, "not below the share of 0 %"),
    ("channel", |case| case.ctx.ticket.channel = Channel::Unknown, "unknown"),
    (
        "channel",
        |case| case.ctx.ticket.channel = Channel::PublicComment("facebook_feed_comment".into()),
        "public",
    ),
    ("channel", |case| case.ctx.ticket.channel = Channel::Phone, "a call"),
    ("intent-allowed", |case| case.says(&[("thanks", 0.99)]), "never answered"),
    ("intent-allowed", |case| case.says(&[("cancel_order", 0.99)]), "has no reply"),
    ("intent-allowed", |case| case.says(&[("made_up", 0.99)]), "not an intent"),
    ("urgent-net", |case| case.verdict.urgent.push(Intent::from("chargeback")), "caught chargeback"),
    (
        "several-intents",
        |case| case.says(&[("order_status", 0.9), ("refund_request", 0.11)]),
        "refund_request (0.11)",
    ),
    (
        "several-intents",
        |case| case.says(&[("order_status", 0.9), ("thanks", 0.9), ("product_question", 0.5)]),
        "product_question",
    ),
    ("several-intents", |case| case.says(&[("order_status", 0.9), ("unsubscribe", 0.5)]), "unsubscribe"),
    ("several-intents", |case| case.says(&[("order_status", 0.9), ("other", 0.5)]), "other"),
    ("several-intents", |case| case.says(&[("order_status", 0.9), ("made_up", f64::NAN)]), "made_up"),
    ("confidence", |case| case.says(&[("order_status", 0.8499)]), "0.849 is below 0.85"),
    ("confidence", |case| case.says(&[("order_status", f64::NAN)]), "NaN is below"),
    ("confidence", |case| case.verdict.ground = starter(0.6, 0.9), "0.6 is below 0.85"),
    ("confidence", |case| case.verdict.ground = starter(f64::NAN, 0.9), "NaN is below"),
    ("confidence", |case| case.verdict.ground = unproven(), "nothing proves an answer: too few"),
    ("agreement", |case| case.verdict.ground = starter(0.99, 0.3), "0.3 is below 0.5"),
    ("agreement", |case| case.verdict.ground = starter(0.99, f64::NAN), "NaN is below"),
    (
        "agreement",
        |case| case.verdict.ground = read_by_rules(Some("cancel_order")),
        "the rules read cancel_order",
    ),
    ("agreement", |case| case.verdict.ground = read_by_rules(None), "no phrase of the rules"),
    ("caution", |case| case.verdict.doubts.words.push("odd words".into()), "odd words"),
    (
        "caution",
        |case| {
            case.verdict.ground = starter(0.99, 0.8);
            case.verdict.doubts.weak.push("still processing".into());
        },
        "still processing",
    ),
    ("caution", |case| case.verdict.cautions.push("a condition: \"if not\"".into()), "a condition"),
    ("caution", |case| case.ctx.new_text.truncated = true, "too long"),
    (
        "caution",
        |case| case.ctx.new_text.text = "Where? USPS 9400 1111 2222 3333 says nothing".into(),
        "already knows",
    ),
    (
        "language",
        |case| case.ctx.new_text.language.code = "sv".into(),
        "the message is in \"sv\", the reply in \"en\"",
    ),
    (
        "language",
        |case| {
            case.ctx.new_text.language.code = "de".into();
            case.config.gates.reply_languages = vec!["en".into()];
        },
        "\"de\", which [gates] reply_languages does not name",
    ),
    (
        "language",
        |case| {
            case.ctx.new_text.language.code = "und".into();
            case.config.gates.reply_languages = vec!["de".into()];
        },
        "the message is in \"und\"",
    ),
    (
        "language",
        |case| {
            case.ctx.new_text.language.code = "und".into();
            case.ctx.new_text.text = "one two three four five six seven eight nine".into();
        },
        "\"und\"",
    ),
    (
        "language",
        |case| {
            case.ctx.new_text.language.code = "und".into();
            case.ctx.new_text.text = "où est #606243".into();
        },
        "\"und\"",
    ),
    ("order-certain", |case| case.ctx.order = OrderFinding::None, "no order is linked"),
    ("order-certain", |case| case.ctx.order = OrderFinding::NotNeeded, "was not looked up"),
    (
        "order-certain",
        |case| case.ctx.order = OrderFinding::Uncertain("a mismatch of e-mail".into()),
        "a mismatch of e-mail",
    ),
    ("facts-complete", |case| case.order().shipments[0].tracking[0].url = None, "{tracking_url}"),
    (
        "facts-complete",
        |case| case.order().shipments[0].status = Some("delivered".into()),
        "delivered is not the end",
    ),
    ("facts-complete", |case| case.order().name = None, "{order_name}"),
    (
        "facts-complete",
        |case| {
            case.config.replies.0.get_mut("order_status_shipped").unwrap().enabled = false;
        },
        "switched off",
    ),
    (
        "facts-fresh",
        |case| case.order().read_at = at("2026-02-11T11:54:59Z"),
        "301 s ago, the limit is 300 s",
    ),
    ("facts-fresh", |case| case.order().read_at = at("2026-02-11T12:05:01Z"), "the limit is 300 s"),
    (
        "cap-ticket",
        |case| case.ctx.replies.ticket_day = 1,
        "1 reply on this ticket in the last 24 h, the limit is 1",
    ),
    (
        "cap-customer",
        |case| case.ctx.replies.customer_day = 3,
        "3 replies to this customer in the last 24 h, the limit is 3",
    ),
    (
        "cap-customer",
        |case| case.ctx.ticket.customer = Customer { first_name: Some("Ava".into()), ..Customer::default() },
        "cannot be counted",
    ),
    ("cap-hour", |case| case.ctx.replies.hour = 60, "60 replies in the last hour, the limit is 60"),
    (
        "cap-hour",
        |case| {
            case.ctx.replies.hour = 60;
            case.ctx.replies.hour_oldest = Some(at("2026-02-11T11:32:10Z"));
        },
        "60 replies in the last hour, the limit is 60; none before 12:32 UTC",
    ),
    (
        "cap-ticket",
        |case| {
            case.ctx.replies.ticket_day = 1;
            case.ctx.replies.ticket_oldest = Some(at("2026-02-11T09:15:00Z"));
        },
        "none before 2026-02-12 09:15 UTC",
    ),
    ("brake-unconfirmed", |case| case.ctx.replies.bad = 3, "3 of the last replies were not seen"),
    (
        "brake-unconfirmed",
        |case| case.ctx.replies.stopped_at = Some(at("2026-02-11T11:32:10Z")),
        "stopped since 11:32 UTC",
    ),
    ("bot-agent", |case| case.config.richpanel.bot_agent_id = Some(" ".into()), "bot_agent_id is not set"),
];

#[test]
fn the_base_case_is_answered_and_every_gate_is_asked_in_order() {
    let decision = base().decide();
    assert_eq!(blocked(&decision), Vec::<&str>::new());
    assert!(decision.send);
    assert_eq!(decision.outcome, Outcome::Answered);
    let asked: Vec<_> = decision.gates.iter().map(|gate| gate.gate.as_str()).collect();
    assert_eq!(asked, GATES);
    assert_eq!(gate(&decision, "confidence").reason, "0.93 is at or above 0.85");
    assert!(decision.gates.iter().all(|gate| !gate.reason.is_empty()));
}

#[test]
fn each_gate_stops_the_reply_alone_and_says_why() {
    for (name, change, words) in ROWS {
        let mut case = base();
        change(&mut case);
        let decision = case.decide();
        assert_eq!(blocked(&decision), [*name], "{words}");
        assert!(!decision.send, "{name}: {words}");
        let reason = &gate(&decision, name).reason;
        assert!(reason.contains(words), "{name}: {reason:?} lacks {words:?}");
    }
}

#[test]
fn every_gate_has_a_row_and_without_the_gate_that_row_would_send() {
    for name in GATES {
        let rows: Vec<_> = ROWS.iter().filter(|(gate, ..)| gate == name).collect();
        assert!(!rows.is_empty(), "{name} has no row");
        for (_, change, words) in rows {
            let mut case = base();
            change(&mut case);
            let decision = case.decide();
            let without = decision.gates.iter().filter(|gate| gate.gate != **name).all(|gate| gate.passed);
            assert!(without, "{name} ({words}): another gate stops it too, the row proves nothing");
            // Without an allowed intent, a certain order or complete facts there is not even a text to send.
            let textless = ["intent-allowed", "order-certain", "facts-complete"].contains(name);
            assert_eq!(decision.draft.is_none(), textless, "{name} ({words})");
        }
    }
}

#[test]
fn a_draft_is_shown_although_a_gate_stops_it() {
    let mut case = base();
    case.verdict.cautions.push("a condition".into());
    let decision = case.decide();
    assert!(decision.draft.is_some_and(|draft| draft.text.contains("9400111122223333")));
    assert_eq!(decision.hold_ms, 0);
}

#[test]
fn what_does_not_stop_a_reply() {
    let rows: &[(&str, Change)] = &[
        ("a thank-you besides", |case| case.says(&[("order_status", 0.9), ("thanks", 0.8)])),
        ("the other factual question", |case| case.says(&[("shipping_delay", 0.9), ("order_status", 0.8)])),
        ("a faint second intent", |case| case.says(&[("order_status", 0.9), ("refund_request", 0.09)])),
        ("exactly at the threshold", |case| case.says(&[("order_status", 0.85)])),
        ("two bad ends", |case| case.ctx.replies.bad = 2),
        ("a brake that is switched off", |case| {
            case.config.limits.stop_after_unconfirmed = 0;
            case.ctx.replies.bad = 5;
            case.ctx.replies.stopped_at = Some(now());
        }),
        ("an assignee", |case| case.ctx.ticket.assignee = Some("agent-7".into())),
        ("a note", |case| {
            let mut note = message("n", Author::Agent(None), "look");
            note.public = false;
            case.ctx.ticket.messages.push(note);
        }),
        ("an earlier answer", |case| {
            case.ctx.ticket.messages.insert(0, message("a", Author::Agent(None), "Hi"));
        }),
        ("a language with a text", |case| case.ctx.new_text.language.code = "pt".into()),
        ("a short text without a language", |case| case.ctx.new_text.language.code = "und".into()),
        ("a chat", |case| case.ctx.ticket.channel = Channel::LiveChat),
        ("a private message", |case| case.ctx.ticket.channel = Channel::Social("whatsapp".into())),
        ("an answer to our mail", |case| case.ctx.ticket.subject = "Re: Automatic reply".into()),
        ("a customer without e-mail", |case| case.ctx.ticket.customer.email = None),
    ];
    for (what, change) in rows {
        let mut case = base();
        change(&mut case);
        let decision = case.decide();
        assert!(decision.send, "{what}: {:?}", blocked(&decision));
    }
}

#[test]
fn the_canary_is_sticky_a_share_and_grows_without_dropping_anybody() {
    let position = canary_position("ava@example.com");
    assert!((position - canary_position(" AVA@example.com")).abs() < f64::EPSILON);
    let below = |percent: f64| {
        (0..10_000).filter(|n| canary_position(&format!("customer-{n}@example.com")) < percent).count()
    };
    assert_eq!((below(0.0), below(100.0)), (0, 10_000));
    assert!((400..600).contains(&below(5.0)), "{}", below(5.0));
    assert!((30..75).contains(&below(0.5)), "{}", below(0.5));

    let mut case = base();
    case.mode = Mode::Canary;
    case.config.rollout.canary_percent = position + 0.0001;
    assert!(case.decide().send);
    case.config.rollout.canary_percent = position;
    assert_eq!(blocked(&case.decide()), ["canary"]);
    case.config.rollout.canary_percent = 100.0;
    assert!(case.decide().send);
    case.ctx.ticket.customer = Customer::default();
    assert!(blocked(&case.decide()).contains(&"canary"));
}

#[test]
fn a_shops_own_text_needs_no_order() {
    let mut case = base();
    case.config.replies.0.insert(
        "phone".into(),
        ReplyTexts {
            email: "Hi {first_name_or_there}, our number is 555. {shop_name}".into(),
            chat: "555".into(),
            close: false,
            enabled: true,
            language: "en".into(),
        },
    );
    let settings = IntentSettings {
        may_answer: Some(MayAnswer::Text),
        reply: Some("phone".into()),
        ..IntentSettings::default()
    };
    case.config.intents.0.insert(Intent::from("phone_request"), settings);
    case.says(&[("phone_request", 0.95)]);
    case.ctx.order = OrderFinding::NotNeeded;
    assert!(!case.policy().needs_order(&case.ctx, &case.verdict));
    let decision = case.decide();
    assert!(decision.send, "{:?}", blocked(&decision));
    assert_eq!(decision.draft.as_ref().unwrap().text, "Hi Ava, our number is 555. Lamp Shop");
    assert!(gate(&decision, "order-certain").reason.starts_with("not asked"));

    // A text that names the order needs it for certain.
    case.config.replies.0.get_mut("phone").unwrap().email.push_str(" {order_name}");
    assert!(case.policy().needs_order(&case.ctx, &case.verdict));
    assert_eq!(blocked(&case.decide()), ["order-certain"]);
    // Where a status is asked as well, the fixed text does not answer it.
    case.says(&[("phone_request", 0.95), ("order_status", 0.3)]);
    assert!(blocked(&case.decide()).contains(&"several-intents"));
}

#[test]
fn the_order_is_looked_up_only_where_it_can_matter() {
    let look = |change: Change| {
        let mut case = base();
        change(&mut case);
        case.ctx.order = OrderFinding::NotNeeded;
        case.policy().needs_order(&case.ctx, &case.verdict)
    };
    assert!(look(|_| {}));
    assert!(look(|case| case.mode = Mode::Shadow));
    assert!(look(|case| case.mode = Mode::Canary));
    assert!(!look(|case| case.mode = Mode::Route));
    assert!(!look(|case| case.mode = Mode::Off));
    let cheap = ROWS.iter().filter(|(gate, ..)| {
        !["mode", "canary", "order-certain", "facts-complete", "facts-fresh", "bot-agent"].contains(gate)
    });
    for (gate, change, words) in cheap.filter(|(.., words)| *words != "already knows") {
        assert!(!look(*change), "{gate}: {words}");
    }
}

#[test]
fn a_cap_that_keeps_the_order_from_being_looked_up_is_the_only_gate_that_says_no() {
    let mut case = base();
    case.ctx.replies.hour = 60;
    case.ctx.order = OrderFinding::NotNeeded;
    assert_eq!(blocked(&case.decide()), ["cap-hour"]);
}

#[test]
fn what_was_written_after_a_restore_is_answered() {
    let mut case = base();
    case.restored_at = Some(at("2026-02-11T11:29:59Z"));
    assert!(case.decide().send);
    assert!(case.policy().needs_order(&case.ctx, &case.verdict));
}

#[test]
fn no_order_is_looked_up_for_what_may_have_been_answered_before_a_restore() {
    let mut case = base();
    case.restored_at = Some(at("2026-02-11T11:30:00Z"));
    assert!(!case.policy().needs_order(&case.ctx, &case.verdict));
}

#[test]
fn after_a_restore_a_message_without_a_time_counts_as_older() {
    let mut case = base();
    case.restored_at = Some(at("2020-01-01T00:00:00Z"));
    case.ctx.ticket.messages[0].at = None;
    let decision = case.decide();
    assert!(gate(&decision, "restored").reason.contains("has no time"));
    assert!(!decision.send);
}
