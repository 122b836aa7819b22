//! A new model against the one in force, on messages that neither had seen when it read them.
//!
//! Both keep what they read each of their own examples as before they learned it; the one in force simply reads what it
//! never learned. So both are judged on the same messages, and more data, or harder data, is no reason to look worse.
//! The shop's own messages count where there are enough of them: they are what comes next.

use serde::Serialize;

use crate::classify::model::examples::{BACKGROUND, Example, Source, in_order};
use crate::classify::model::{Embed, Model};

/// The shop's own messages from which on they alone count.
const SHOP_MIN: usize = 50;
/// Messages under which nothing is said: one more or less would be points.
const MESSAGES_MIN: usize = 50;
/// Messages compared at most: the one in force needs some ten milliseconds for each that it does not know.
const MESSAGES_MAX: usize = 1_000;
/// How much worse a model may be and still go into force by itself: below that it is chance.
pub(super) const WORSE_MAX: f64 = 0.02;

/// Two models on the same messages.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Compared {
    /// The version of the model in force.
    pub(super) with: String,
    /// On how many messages.
    pub(super) messages: usize,
    /// Whether they are the shop's own.
    pub(super) shop_only: bool,
    /// The new one's share right, 0..=1.
    pub(super) new: f64,
    /// The share right of the one in force, 0..=1.
    pub(super) in_force: f64,
}

impl Compared {
    /// Whether it is worse than chance explains.
    pub(super) fn is_worse(&self) -> bool {
        self.new + WORSE_MAX < self.in_force
    }
}

/// Compares; `None` when there are too few messages to say anything.
pub(super) fn compare(
    new: &Model,
    in_force: &Model,
    examples: &[Example],
    embed: Option<&dyn Embed>,
) -> Option<Compared> {
    let all = in_order(examples.to_vec());
    let shop: Vec<Example> = all.iter().filter(|example| example.source == Source::Shop).cloned().collect();
    let shop_only = shop.len() >= SHOP_MIN;
    let chosen = if shop_only { shop } else { all };
    let step = chosen.len().div_ceil(MESSAGES_MAX).max(1);
    let messages: Vec<&Example> = chosen.iter().step_by(step).collect();
    if messages.len() < MESSAGES_MIN {
        return None;
    }
    let new_right = right(&messages, |example| new.read_unseen(&example.text).map(str::to_owned));
    let in_force_right = right(&messages, |example| {
        let own = in_force.read_unseen(&example.text).map(str::to_owned);
        own.or_else(|| read(in_force, &example.text, embed))
    });
    Some(Compared {
        with: in_force.version().to_owned(),
        messages: messages.len(),
        shop_only,
        new: new_right,
        in_force: in_force_right,
    })
}

/// The share of messages read as what they are, on two threads.
fn right(messages: &[&Example], read: impl Fn(&Example) -> Option<String> + Sync) -> f64 {
    let half = messages.len().div_ceil(2).max(1);
    let hits = |messages: &[&Example]| {
        let hit = |example: &&&Example| read(example).is_some_and(|class| same(&class, &example.intent));
        messages.iter().filter(hit).count()
    };
    let hits = &hits;
    let right: usize = std::thread::scope(|scope| {
        let workers: Vec<_> =
            messages.chunks(half).map(|messages| scope.spawn(move || hits(messages))).collect();
        workers.into_iter().map(|worker| worker.join().unwrap_or_default()).sum()
    });
    right as f64 / messages.len() as f64
}

/// Background is read as `other`.
fn same(read: &str, intent: &str) -> bool {
    let named = |class: &str| if class == BACKGROUND { "other".to_owned() } else { class.to_owned() };
    named(read) == named(intent)
}

fn read(model: &Model, text: &str, embed: Option<&dyn Embed>) -> Option<String> {
    let reading = model.read(text, embed);
    let best = reading.logs.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1))?.0;
    model.description().classes.get(best).cloned()
}
