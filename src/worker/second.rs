//! The second reader at a worker: asked where it can change something, its opinion put over our own verdict.
//!
//! After the order was looked for and before the decision, so that it is known whether a reply would go out. It blocks
//! for its own time-out at most; the calls reserved at the helpdesk wait as long.

use std::sync::Arc;

use crate::classify::Verdict;
use crate::classify::opinion::{Opinion, Question, SecondOpinion, apply};
use crate::config::OnlyWhen;
use crate::decide::{Context, Policy, worth_asking};
use crate::event::Timestamp;

/// Who is asked, and when.
#[derive(Clone)]
pub struct Second {
    /// The reader.
    pub reader: Arc<dyn SecondOpinion>,
    /// Which messages.
    pub when: OnlyWhen,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq)]
pub enum Heard {
    /// It could have changed nothing.
    NotAsked,
    /// No opinion came; the verdict is ours alone.
    Nothing,
    /// An opinion; the verdict shows what it changed.
    Opinion(Opinion),
}

impl Second {
    /// The verdict after the second reader was heard, and what it said.
    pub fn hear(&self, ctx: &Context, verdict: Verdict, policy: &Policy, now: Timestamp) -> (Verdict, Heard) {
        if !worth_asking(ctx, &verdict, policy, self.when, now) {
            return (verdict, Heard::NotAsked);
        }
        let customer = &ctx.ticket.customer;
        let names: Vec<&str> =
            [&customer.name, &customer.first_name].into_iter().flatten().map(String::as_str).collect();
        let intents = policy.opinion_intents();
        let Some(opinion) = self.reader.ask(&Question::new(&ctx.new_text.text, &names, &intents)) else {
            return (verdict, Heard::Nothing);
        };
        let verdict = apply(verdict, &opinion, &intents, policy.opinion_bounds());
        (verdict, Heard::Opinion(opinion))
    }
}
