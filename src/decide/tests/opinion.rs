//! Who is asked for a second opinion, and that behind every gate it can only stop a reply.

use proptest::prelude::*;

use super::properties::{any_case, intent};
use super::*;
use crate::classify::opinion::{Opinion, apply, says};
use crate::config::OnlyWhen;
use crate::decide::worth_asking;

fn worth(case: &Case, when: OnlyWhen) -> bool {
    worth_asking(&case.ctx, &case.verdict, &case.policy(), when, case.now)
}

#[test]
fn a_message_that_would_be_answered_is_worth_a_question() {
    let case = base();
    assert!(case.decide().send);
    assert!(worth(&case, OnlyWhen::Both) && worth(&case, OnlyWhen::Answering));
    assert!(!worth(&case, OnlyWhen::Unsure));
}

#[test]
fn shadow_asks_as_live_would() {
    let case = Case { mode: Mode::Shadow, ..base() };
    assert!(worth(&case, OnlyWhen::Answering));
    assert!(!worth(&Case { mode: Mode::Route, ..base() }, OnlyWhen::Both), "route answers nobody");
}

#[test]
fn a_message_that_we_cannot_route_is_worth_a_question() {
    let mut case = base();
    case.says(&[("other", 0.3)]);
    for mode in [Mode::Shadow, Mode::Route, Mode::Live] {
        case.mode = mode;
        assert!(worth(&case, OnlyWhen::Both) && worth(&case, OnlyWhen::Unsure), "{mode}");
        assert!(!worth(&case, OnlyWhen::Answering), "{mode}");
    }
}

#[test]
fn where_nothing_can_change_nobody_is_asked() {
    let mut sure = base();
    sure.says(&[("refund_request", 0.9)]);
    let mut answered = base();
    answered.says(&[("other", 0.3)]);
    answered.ctx.ticket.messages.push(message("a-1", Author::Agent(None), "Here you are."));
    let mut silent = base();
    silent.says(&[]);
    silent.ctx.new_text.text = " \n".into();
    let mut machine = base();
    machine.says(&[("other", 0.3)]);
    machine.ctx.ticket.messages[0].auto_submitted = true;
    let mut stopped = base();
    stopped.says(&[("other", 0.3)]);
    stopped.ctx.ticket.tags.push("mw-stop".into());
    let mut held = base();
    held.ctx.ticket.tags.push("mw-hold".into());
    for (case, what) in [
        (sure, "routed with confidence, never answered"),
        (answered, "an agent answered"),
        (silent, "no words"),
        (machine, "a machine"),
        (stopped, "mw-stop"),
        (held, "mw-hold"),
    ] {
        assert!(!worth(&case, OnlyWhen::Both), "{what}");
    }
}

#[test]
fn the_choice_is_the_shops_own_intents_most_urgent_first() {
    let mut case = base();
    case.config.intents.0.insert(
        "phone_request".into(),
        crate::config::IntentSettings { enabled: Some(false), ..Default::default() },
    );
    let intents = case.policy().opinion_intents();
    assert_eq!(intents.len(), crate::config::starter::INTENTS.len() - 1);
    assert!(intents[0].urgent && intents.iter().all(|one| one.intent.as_str() != "phone_request"));
    let factual: Vec<&str> =
        intents.iter().filter(|one| one.factual).map(|one| one.intent.as_str()).collect();
    assert_eq!(factual, ["order_status", "shipping_delay"]);
    for known in crate::config::starter::INTENTS {
        assert!(says(known.name).is_some_and(|says| !says.is_empty()), "{}", known.name);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn no_opinion_sends_what_would_not_have_been_sent_or_changes_its_words(
        case in any_case(), intent in intent(), confidence in -0.2..1.2_f64, answerable in any::<bool>()
    ) {
        let policy = case.policy();
        let opinion = Opinion { intent: Intent::from(intent), confidence, answerable };
        let verdict =
            apply(case.verdict.clone(), &opinion, &policy.opinion_intents(), policy.opinion_bounds());
        let (before, after) = (case.decide(), decide(&case.ctx, &verdict, &policy, case.now));
        prop_assert!(!after.send || before.send);
        if after.send {
            prop_assert_eq!(before.draft, after.draft);
            prop_assert_eq!(&before.team, &after.team);
        }
    }
}
