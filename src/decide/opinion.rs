//! Whether a second opinion could change what becomes of a message, and what it may choose from. Pure.

use super::automatic::automatic;
use super::plan::decide;
use super::{Context, Policy};
use crate::classify::Verdict;
use crate::classify::opinion::{Bounds, Known, abstains, says};
use crate::config::{MayAnswer, OnlyWhen};
use crate::event::Timestamp;
use crate::ticket::Effect;

/// Whether somebody is worth asking: our own verdict abstains on a message that is to be routed, or a reply would go
/// out (in a mode that writes nothing: would have). `ctx` already has its order.
pub fn worth_asking(
    ctx: &Context,
    verdict: &Verdict,
    policy: &Policy,
    when: OnlyWhen,
    now: Timestamp,
) -> bool {
    let text = &ctx.new_text.text;
    if text.trim().is_empty() || automatic(&ctx.ticket, text).is_some_and(|found| found.sure) {
        return false;
    }
    let decision = decide(ctx, verdict, policy, now);
    let unsure = decision.team.is_some() && abstains(verdict, policy.opinion_bounds());
    let replies =
        decision.send || decision.would.iter().any(|step| matches!(step.effect, Effect::Reply { .. }));
    (when.unsure() && unsure) || (when.answering() && replies)
}

impl Policy {
    /// The intents that are configured and switched on, most urgent first.
    pub fn opinion_intents(&self) -> Vec<Known> {
        let mut intents: Vec<_> = self.intents().collect();
        intents.sort_by_key(|(_, policy)| policy.priority);
        intents
            .into_iter()
            .map(|(intent, policy)| Known {
                intent: intent.clone(),
                says: says(intent.as_str()).unwrap_or_default(),
                urgent: policy.priority == 0,
                factual: policy.may_answer == MayAnswer::Facts,
            })
            .collect()
    }

    /// What an opinion is held against.
    pub const fn opinion_bounds(&self) -> Bounds {
        Bounds { route: self.gates.route_confidence, reply: self.gates.reply_confidence }
    }
}
