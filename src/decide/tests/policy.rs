//! What a configuration resolves to, and what is wrong with it.

use super::*;
use crate::config::{IntentSettings, MayAnswer, ReplyTexts, Shipping, Team};

fn errors(change: Change) -> Vec<String> {
    let mut config = base().config;
    change(&mut config);
    Policy::new(&config, Mode::Live).err().unwrap_or_default()
}

fn set(config: &mut Config, intent: &str, settings: IntentSettings) {
    config.intents.0.insert(Intent::from(intent), settings);
}

#[test]
fn the_default_configuration_resolves_to_the_table() {
    let policy = Policy::new(&Config::default(), Mode::Shadow).unwrap();
    assert_eq!(policy.intents().count(), 27);
    let status = policy.intent(&Intent::from("order_status")).unwrap();
    assert_eq!((status.priority, status.may_answer), (4, MayAnswer::Facts));
    assert_eq!(policy.team_of_tag("route-chargebacks"), Some("chargebacks"));
    assert!(policy.writer.is_err());
    assert!(policy.with_writer(Ok(())).writer.is_ok());
}

#[test]
fn a_partial_intent_keeps_the_rest_and_a_disabled_one_is_gone() {
    let mut config = base().config;
    set(
        &mut config,
        "refund_request",
        IntentSettings { team: Some("sales".into()), ..IntentSettings::default() },
    );
    set(&mut config, "partnership", IntentSettings { enabled: Some(false), ..IntentSettings::default() });
    set(
        &mut config,
        "warranty",
        IntentSettings { team: Some("repairs".into()), priority: Some(5), ..IntentSettings::default() },
    );
    config.routing.teams =
        [("repairs".to_owned(), Team { tag: "route-repairs".into(), assignee_id: None })].into();
    let policy = Policy::new(&config, Mode::Live).unwrap();
    let refund = policy.intent(&Intent::from("refund_request")).unwrap();
    assert_eq!((refund.team.as_str(), refund.priority), ("sales", 3));
    assert_eq!(policy.intent(&Intent::from("partnership")), None);
    assert_eq!(policy.intent(&Intent::from("warranty")).unwrap().may_answer, MayAnswer::Never);
    assert!(policy.team("chargebacks").is_some(), "the starter pack's teams stay");
}

fn team(name: &str) -> IntentSettings {
    IntentSettings { team: Some(name.into()), ..IntentSettings::default() }
}

fn priority(priority: u8) -> IntentSettings {
    IntentSettings { priority: Some(priority), ..IntentSettings::default() }
}

fn may_answer(what: MayAnswer) -> IntentSettings {
    IntentSettings { may_answer: Some(what), ..IntentSettings::default() }
}

fn reply(name: &str) -> IntentSettings {
    IntentSettings { reply: Some(name.into()), ..IntentSettings::default() }
}

fn shipped(config: &mut Config) -> &mut ReplyTexts {
    config.replies.0.get_mut("order_status_shipped").unwrap()
}

fn call_back_with_tracking(config: &mut Config) {
    let text = "{tracking_number}".to_owned();
    let texts = ReplyTexts { email: text, ..shipped(config).clone() };
    config.replies.0.insert("call".into(), texts);
    set(config, "phone_request", reply("call"));
}

fn backward_method(config: &mut Config) {
    config.shop.shipping = vec![Shipping { method: "x".into(), min_days: 3, max_days: 2 }];
}

fn tag_of_sales(config: &mut Config, tag: &str) {
    config.routing.teams.get_mut("sales").unwrap().tag = tag.into();
}

type Change = fn(&mut Config);

const MISTAKES: &[(Change, &str)] = &[
    (|c| c.routing.default = "nobody".into(), "routing.default: there is no team \"nobody\""),
    (|c| tag_of_sales(c, "mw-stop"), "tags in mw- are the daemon's own"),
    (|c| tag_of_sales(c, ""), "is empty"),
    (|c| tag_of_sales(c, "route-leadership"), "another team's tag"),
    (|c| set(c, "thanks", team("x")), "intents.thanks.team: there is no team \"x\""),
    (
        |c| set(c, "order_statsu", team("sales")),
        "intents.order_statsu: is not in the starter pack and needs a priority",
    ),
    (|c| set(c, "new", priority(5)), "needs a team"),
    (|c| set(c, "thanks", priority(8)), "8 is not between 0 and 7"),
    (|c| set(c, "thanks", may_answer(MayAnswer::Text)), "thanks is never answered"),
    (|c| set(c, "fraud", may_answer(MayAnswer::Text)), "priority 0 is never answered"),
    (|c| set(c, "order_status", priority(1)), "facts may only answer"),
    (|c| set(c, "cancel_order", may_answer(MayAnswer::Facts)), "facts may only answer"),
    (|c| set(c, "refund_request", may_answer(MayAnswer::Facts)), "facts may only answer"),
    (|c| set(c, "product_question", may_answer(MayAnswer::Facts)), "facts may only answer"),
    (|c| set(c, "order_status", reply("nope")), "[replies.nope_shipped]"),
    (|c| set(c, "phone_request", reply("call")), "there is no text [replies.call]"),
    (call_back_with_tracking, "{tracking_number} is not for the text of phone_request"),
    (
        |c| shipped(c).chat = "{tracking}".into(),
        "replies.order_status_shipped.chat: line 1, column 1: unknown variable {tracking}",
    ),
    (|c| shipped(c).email = " ".into(), "is empty"),
    (|c| c.shop.timezone = "Mars/Olympus".into(), "\"Mars/Olympus\" is no time zone"),
    (|c| c.shop.cutoff_hour = 24, "24 is not between 0 and 23"),
    (backward_method, "takes 3 to 2 days"),
    (|c| c.gates.reply_confidence = 1.5, "gates.reply_confidence: 1.5"),
    (|c| c.gates.route_confidence = f64::NAN, "gates.route_confidence: NaN"),
    (|c| c.gates.reply_languages.clear(), "gates.reply_languages: is empty"),
    (|c| c.gates.reply_languages.push("Deutsch".into()), "\"Deutsch\" is no language code"),
    (|c| c.gates.tracking_stall_days = 0, "gates.tracking_stall_days: 0"),
    (|c| c.rollout.canary_percent = 101.0, "rollout.canary_percent: 101"),
];

#[test]
fn what_would_not_work_is_said_with_its_key() {
    for (change, words) in MISTAKES {
        let said = errors(*change);
        assert!(said.iter().any(|error| error.contains(words)), "{said:?} lacks {words:?}");
    }
}

#[test]
fn every_mistake_is_said_at_once() {
    let said = errors(|config| {
        config.routing.default = "nobody".into();
        config.shop.timezone = "Mars/Olympus".into();
        config.gates.route_confidence = -1.0;
    });
    assert_eq!(said.len(), 3, "{said:?}");
}

#[test]
fn a_text_that_the_shop_wrote_anew_stands_in_no_other_language_until_it_is_written_there() {
    let german = |config: &Config| {
        let policy = Policy::new(config, Mode::Live).unwrap();
        let text = |name: &str| policy.replies.get(name).map(|reply| reply.email.clone());
        (text("order_status_shipped_de"), text("order_status_not_shipped_de"))
    };
    let mut config = Config::default();
    assert!(matches!(german(&config), (Some(_), Some(_))));
    shipped(&mut config).email = "{order_name} left us.".into();
    assert!(matches!(german(&config), (None, Some(_))));
    let own = ReplyTexts { language: "de".into(), ..shipped(&mut config).clone() };
    config.replies.0.insert("order_status_shipped_de".into(), own);
    assert!(matches!(german(&config), (Some(_), Some(_))));
}
