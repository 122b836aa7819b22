//! What speaks for and against, on a model small enough to know the answers.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::*;
use crate::classify::combined::CombinedClassifier;
use crate::classify::model::examples::{Example, Flag, Source};
use crate::classify::model::{Embed, Plan, Training, train};
use crate::classify::phrases::PhraseClassifier;
use crate::classify::{Classifier, Input};

/// How often a few words are in a text.
struct Counts;

impl Embed for Counts {
    fn embed(&self, text: &str) -> Option<Vec<f32>> {
        let text = text.to_lowercase();
        let counts: Vec<f32> = ["order", "refund", "lawyer", "weather"]
            .iter()
            .map(|word| text.matches(word).count() as f32 + 0.1)
            .collect();
        let length = counts.iter().map(|count| count * count).sum::<f32>().sqrt();
        Some(counts.iter().map(|count| count / length).collect())
    }

    fn version(&self) -> &str {
        "counts"
    }
}

fn classifier(embed: Option<Arc<dyn Embed>>) -> CombinedClassifier {
    let examples = [
        ("order_status", "where is my order"),
        ("order_status", "where is the order now"),
        ("refund_request", "i want a refund"),
        ("refund_request", "give me my refund"),
        ("legal_threat", "my lawyer will write"),
        ("legal_threat", "you hear from my lawyer"),
        (BACKGROUND, "how is the weather today"),
        (BACKGROUND, "will the weather be nice"),
    ];
    let examples = examples.map(|(intent, text)| Example {
        intent: intent.into(),
        text: text.into(),
        flag: Flag::None,
        source: Source::Starter,
    });
    let plan = Plan { folds: 0, ..Plan::default() };
    let training =
        Training { examples: examples.to_vec(), embed: embed.as_deref(), plan, progress: &|_, _| {} };
    let rules = PhraseClassifier::new(&BTreeMap::new(), &[]).unwrap();
    CombinedClassifier::new(rules, train(training).unwrap(), embed)
}

fn explained(embed: Option<Arc<dyn Embed>>, text: &str, intent: &str) -> Explanation {
    let input = Input { text, subject: "" };
    classifier(embed).explain(&input, &Intent::from(intent)).unwrap()
}

#[test]
fn the_nearest_examples_come_first_and_the_words_stand_on_their_sides() {
    let told = explained(Some(Arc::new(Counts)), "where is my order, or give me a refund", "order_status");
    assert_eq!(told.nearest.len(), 3);
    assert!(told.nearest.windows(2).all(|pair| pair[0].likeness >= pair[1].likeness), "{told:?}");
    assert!(["order_status", "refund_request"].contains(&told.nearest[0].intent.as_str()), "{told:?}");
    let said = |side: &[Spoken], word: &str| side.iter().any(|one| one.words.contains(word));
    assert!(said(&told.spoken_for, "where") && said(&told.spoken_against, "refund"), "{told:?}");
    assert!(told.spoken_for.iter().all(|one| one.weight > 0.0), "{told:?}");
    assert!(told.spoken_against.iter().all(|one| one.weight < 0.0), "{told:?}");
}

#[test]
fn other_is_explained_by_the_background_and_an_unknown_intent_by_what_is_alike() {
    let told = explained(Some(Arc::new(Counts)), "nice weather", "other");
    assert!(told.spoken_for.iter().any(|one| one.words.contains("weather")), "{told:?}");
    assert_eq!(told.nearest[0].intent, BACKGROUND);
    let told = explained(Some(Arc::new(Counts)), "my lawyer", "gift_cards");
    assert!(told.spoken_for.is_empty() && told.nearest[0].intent == "legal_threat", "{told:?}");
}

#[test]
fn without_an_embedding_words_alone_explain_and_rules_alone_explain_nothing() {
    let told = explained(None, "where is my order", "order_status");
    assert!(told.nearest.is_empty() && !told.spoken_for.is_empty());
    let rules = PhraseClassifier::new(&BTreeMap::new(), &[]).unwrap();
    let input = Input { text: "where is my order", subject: "" };
    assert_eq!(rules.explain(&input, &Intent::from("order_status")), None);
}

#[test]
fn of_a_long_mail_the_piece_that_asks_it_is_explained() {
    let story =
        "How is the weather today, will it be nice on the coast when we walk there in the afternoon. "
            .repeat(8);
    let told = explained(Some(Arc::new(Counts)), &format!("{story}Where is my order?"), "order_status");
    assert!(told.spoken_for.iter().any(|one| one.words.contains("order")), "{told:?}");
}
