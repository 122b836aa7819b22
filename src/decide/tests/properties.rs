//! What holds for any input.

use proptest::prelude::*;

use super::*;

pub(super) fn intent() -> impl Strategy<Value = &'static str> {
    let names: Vec<&'static str> =
        crate::config::starter::INTENTS.iter().map(|intent| intent.name).chain(["made_up"]).collect();
    proptest::sample::select(names)
}

prop_compose! {
    pub(super) fn any_case()(
        ranked in prop::collection::vec((intent(), 0.0..=1.0_f64), 0..4),
        sure in any::<bool>(),
        urgent in prop::collection::vec(intent(), 0..2),
        tags in prop::collection::vec(
            proptest::sample::select(vec!["mw-stop", "mw-hold", "route-sales", "mw-processed", "vip"]), 0..4),
        mode in prop_oneof![Just(Mode::Live), proptest::sample::select(Mode::ALL.to_vec())],
        authors in prop::collection::vec(0..4, 0..4),
        state in proptest::sample::select(vec!["in_transit", "out_for_delivery", "delivered", "lost", ""]),
        shipped in any::<bool>(),
        name in any::<String>(),
        text in any::<String>(),
    ) -> Case {
        let mut case = base();
        if sure {
            case.says(&[("order_status", 0.95)]);
        } else {
            case.says(&ranked);
        }
        case.verdict.urgent = urgent.into_iter().map(Intent::from).collect();
        case.ctx.ticket.tags = tags.into_iter().map(str::to_owned).collect();
        case.mode = mode;
        for (n, author) in authors.into_iter().enumerate() {
            let author = match author {
                0 => Author::Customer,
                1 => Author::Agent(None),
                2 => Author::Bot,
                _ => Author::System,
            };
            case.ctx.ticket.messages.push(message(&format!("m-{n}"), author, "x"));
        }
        case.ctx.message = case.ctx.ticket.newest_customer_message().map(Message::key);
        case.order().shipments[0].status = Some(state.to_owned());
        if !shipped {
            *case.order() = unshipped_order();
        }
        case.ctx.ticket.customer.first_name = Some(name);
        case.ctx.new_text.text = text;
        case
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn nothing_is_sent_past_a_gate_an_urgent_word_or_a_mode(case in any_case()) {
        let decision = case.decide();
        let all = decision.gates.iter().all(|gate| gate.passed);
        prop_assert!(!decision.send || all);
        if !case.verdict.urgent.is_empty() || !matches!(case.mode, Mode::Live | Mode::Canary) {
            prop_assert!(!decision.send);
        }
        if case.ctx.ticket.has_tag("mw-stop") {
            prop_assert!(decision.after.is_empty() && decision.would.is_empty());
        }
        if !case.mode.writes() {
            prop_assert!(decision.after.is_empty());
        }
        if decision.send {
            let answer = decision.draft.as_ref().map(|draft| draft.text.clone()).unwrap_or_default();
            prop_assert!(answer.contains("#606243"));
            let braces = answer.contains(['{', '}']);
            prop_assert!(!braces);
        }
    }

    #[test]
    fn exactly_one_route_of_ours_is_left(case in any_case()) {
        let decision = case.decide();
        let policy = case.policy();
        let mut left = case.ctx.ticket.tags.clone();
        for step in &decision.after {
            match &step.effect {
                Effect::AddTags { tags } => left.extend(tags.clone()),
                Effect::RemoveTags { tags } => left.retain(|tag| !tags.contains(tag)),
                _ => {}
            }
        }
        left.sort();
        left.dedup();
        let routes = left.iter().filter(|tag| policy.team_of_tag(tag).is_some()).count();
        if decision.team.is_some() && case.mode.writes() {
            prop_assert_eq!(routes, 1);
        }
        let calls = decision.after.iter().filter(|step| step.effect.kind() == "add-tags").count();
        prop_assert!(calls <= 1);
        let last = decision.after.last().is_none_or(|step| step.effect.kind() == "add-tags");
        prop_assert!(calls == 0 || last);
    }
}
