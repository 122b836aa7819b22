//! What vouches for an answer: a proven threshold, or rules and model of one mind; and what does not.

use super::*;

pub(super) fn starter(score: f64, plain: f64) -> Ground {
    let rules = Some(Intent::from("order_status"));
    Ground::Starter { score, score_min: 0.7, plain, plain_min: 0.5, vouched_min: 0.9, rules }
}

pub(super) fn read_by_rules(intent: Option<&str>) -> Ground {
    let rules = intent.map(Intent::from);
    Ground::Starter { score: 0.99, score_min: 0.7, plain: 0.8, plain_min: 0.5, vouched_min: 0.9, rules }
}

pub(super) fn unproven() -> Ground {
    Ground::Unproven { score: 0.99, why: "too few".into() }
}

#[test]
fn a_model_that_is_very_sure_vouches_for_words_and_weak_doubts() {
    let mut case = base();
    case.verdict.ground = starter(0.99, 0.95);
    case.verdict.doubts.words.push("odd words".into());
    assert!(case.decide().send, "{:#?}", case.decide().gates);
    case.verdict.doubts.weak.push("still processing".into());
    assert!(case.decide().send, "{:#?}", case.decide().gates);
    case.verdict.ground = starter(0.99, 0.89);
    assert!(!case.decide().send);
}

#[test]
fn a_question_that_the_rules_do_not_know_needs_a_model_that_vouches() {
    let mut case = base();
    case.verdict.doubts.asked.push("is it wise".into());
    for (plain, sends) in [(0.89, false), (0.91, true)] {
        case.verdict.ground = starter(0.99, plain);
        assert_eq!(case.decide().send, sends, "{plain}");
    }
    case.verdict.ground = Ground::Rules;
    assert!(!case.decide().send);
}

#[test]
fn a_model_that_is_certain_needs_no_word_of_the_rules_but_none_of_them_against_it() {
    let certain = |case: &mut Case| {
        case.verdict.ground = starter(0.99, 0.96);
        if let Ground::Starter { rules, .. } = &mut case.verdict.ground {
            *rules = None;
        }
    };
    let mut case = base();
    certain(&mut case);
    assert!(case.decide().send, "{:#?}", case.decide().gates);
    case.verdict.cautions.push("a condition".into());
    assert_eq!(blocked(&case.decide()), ["caution"]);
    let mut case = base();
    certain(&mut case);
    if let Ground::Starter { plain, .. } = &mut case.verdict.ground {
        *plain = 0.89;
    }
    assert_eq!(blocked(&case.decide()), ["agreement"]);
}

#[test]
fn a_threshold_set_by_hand_answers_a_text_and_never_a_status_question() {
    let mut case = base();
    case.verdict.ground = unproven();
    let settings = case.config.intents.0.entry(Intent::from("order_status")).or_default();
    settings.reply_confidence = Some(0.9);
    assert!(!case.decide().send);
}
