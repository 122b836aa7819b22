//! Placeholder until the classify branch lands.
use super::*;
use std::collections::BTreeMap;
/// Placeholder.
#[derive(Debug)]
pub struct PhraseClassifier;
impl PhraseClassifier {
    /// Placeholder.
    pub fn new(_: &BTreeMap<Intent, Vec<String>>, _: &[Intent]) -> Result<Self, String> {
        Ok(Self)
    }
}
impl Classifier for PhraseClassifier {
    fn classify(&self, input: &Input<'_>) -> Verdict {
        let text = input.text.to_lowercase();
        let intent = if text.contains("where is") {
            "order_status"
        } else if text.contains("lawyer") {
            "legal_threat"
        } else {
            "return_request"
        };
        let urgent = if intent == "legal_threat" { vec![Intent::from(intent)] } else { vec![] };
        Verdict {
            ranked: vec![Ranked { intent: Intent::from(intent), confidence: 0.95, why: vec![] }],
            urgent,
            cautions: vec![],
        }
    }
    fn version(&self) -> &str {
        "stub"
    }
}
