//! The gates about what an answer rests on: how sure the model must be, and that the rules do not read otherwise.
//!
//! A shop's own confirmed tickets prove a threshold; a status question is answered only where rules and model both read
//! a plain one (or the model is all but certain and the rules know no word of it), whatever was proven (decisions, The
//! threshold). Comparisons are written so that a number that is none says no.

use super::gates::{Asked, Judged, figure};
use crate::classify::Ground;
use crate::config::MayAnswer;

impl Asked<'_> {
    /// Whether the score is high enough for what it rests on.
    pub(super) fn confidence(&self) -> Judged {
        let (intent, confidence) = self.verdict.primary();
        let by_hand = self.policy.intent(&intent).and_then(|policy| policy.reply_confidence);
        let needed = self.policy.gates.reply_confidence;
        // By hand for this intent or for all: raises what the ground asks for, never lowers it.
        let floor = |at: f64| by_hand.unwrap_or(needed).max(at);
        match &self.verdict.ground {
            Ground::Rules => at_least(confidence, by_hand.unwrap_or(needed), ""),
            Ground::Starter { score, score_min, .. } => {
                at_least(*score, floor(*score_min), ", the starter pack's own threshold")
            }
            Ground::Proven { score, chosen, target } => {
                let proof = format!(
                    ", from where {} of your own tickets prove {} % right",
                    chosen.answered,
                    figure(target * 100.0)
                );
                at_least(*score, floor(chosen.at), &proof)
            }
            Ground::Unproven { score, why } => match by_hand.filter(|_| !self.factual()) {
                Some(by_hand) => {
                    at_least(*score, by_hand, &format!(", set in intents.{intent}.reply_confidence"))
                }
                None => {
                    Err(format!("nothing proves an answer: {why}; `train --data` with your own tickets may"))
                }
            },
        }
    }

    /// The rules' doubts that no model vouches for.
    pub(super) fn doubts(&self) -> Vec<String> {
        let doubts = &self.verdict.doubts;
        let vouched = matches!(
            &self.verdict.ground,
            Ground::Starter { plain, vouched_min, .. } if plain >= vouched_min
        );
        let all = doubts.weak.iter().chain(&doubts.words).chain(&doubts.asked);
        all.filter(|_| !vouched).cloned().collect()
    }

    /// Rules and model must read the same plain status question.
    pub(super) fn agreement(&self) -> Judged {
        let Ground::Starter { plain, plain_min, vouched_min, rules, .. } = &self.verdict.ground else {
            return Ok("not asked: only the answer to a status question needs it".into());
        };
        let Some(intent) = rules else {
            let silent = ", where no phrase of the rules is in it (the model: a plain status question and nothing more)";
            return at_least(*plain, *vouched_min, silent);
        };
        if self.policy.intent(intent).is_none_or(|one| one.may_answer != MayAnswer::Facts) {
            return Err(format!("the rules read {intent}, the model does not"));
        }
        at_least(*plain, *plain_min, " (the model: a plain status question and nothing more)")?;
        Ok(format!("the rules read {intent}, the model a plain status question ({})", figure(*plain)))
    }
}

fn at_least(value: f64, needed: f64, what: &str) -> Judged {
    if value >= needed {
        Ok(format!("{} is at or above {}{what}", figure(value), figure(needed)))
    } else {
        Err(format!("{} is below {}{what}", figure(value), figure(needed)))
    }
}
