//! One verdict of what the rules and the model read.
//!
//! **Intents.** Each piece of a message gives a probability to every class; an intent is as sure as in the piece that
//! asks it most clearly. What the rules found is added as evidence: their confidence raises an intent's odds. The first
//! is the likeliest, except that what the rules caught of priority 0 comes first unless the model is certain that it is
//! nothing of the kind; it stays in the net either way.
//!
//! **The P0 net** is either one: the rules, or the model giving the six urgent intents together
//! [`Starter::urgent_min`] or more in any piece. What only the model caught stops a reply and calls a person, and does
//! not move the route; less than that, from [`Starter::trace_min`] on, only stops the reply.
//!
//! **The ground** of an answer is the shop's own proven threshold where there is one; without it the starter pack may
//! answer a plain status question alone (decisions, The threshold).

use super::super::model::examples::BACKGROUND;
use super::super::model::{Model, Reading};
use super::super::{Evidence, Ground, Ranked, Verdict};
use crate::event::Intent;

/// What the daemon goes by out of the box, without a shop's own confirmed tickets.
#[derive(Debug, Clone, PartialEq)]
pub struct Starter {
    /// Answer from this raw probability of the status intents on, 0..=1.
    pub score_min: f64,
    /// Answer from this raw probability of a plain status question on, 0..=1.
    pub plain_min: f64,
    /// From this raw probability of a plain status question on the rules' weak doubts no longer count, and rules that know
    /// none of its words agree by saying nothing against it, 0..=1.
    pub vouched_min: f64,
    /// What the rules caught of priority 0 is the first intent where the model gives the urgent intents together at
    /// least this raw probability in some piece, 0..=1; below it the words were only borrowed ("my bank holiday").
    pub first_min: f64,
    /// The model's part of the P0 net: from this raw probability of the urgent intents together on, 0..=1.
    pub urgent_min: f64,
    /// From this one on a trace of something urgent stops an answer, without calling anybody.
    pub trace_min: f64,
    /// From this raw probability of anything else in a piece a status question is not plain, 0..=1.
    pub also_min: f64,
    /// How much the rules' confidence (0..=1) adds to the logarithm of an intent's odds.
    pub rules_weight: f64,
}

impl Default for Starter {
    fn default() -> Self {
        Self {
            score_min: 0.7,
            plain_min: 0.4,
            vouched_min: 0.94,
            first_min: 0.02,
            urgent_min: 0.25,
            trace_min: 0.05,
            also_min: 0.1,
            rules_weight: 2.5,
        }
    }
}

const URGENT: [&str; 6] = ["chargeback", "legal_threat", "harassment", "fraud", "safety", "privacy_request"];
const FACTUAL: [&str; 2] = ["order_status", "shipping_delay"];
const OTHER: &str = "other";
const THANKS: &str = "thanks";
/// Below this a further intent is not claimed.
const CLAIM_MIN: f64 = 0.05;
const SECONDARIES_MAX: usize = 2;
/// N-grams shown as evidence.
const SHOWN: usize = 4;

/// `disabled`: intents that are known and never claimed; what the model gives them counts as `other`, and still stops
/// an answer.
pub(super) fn verdict(
    rules: &Verdict,
    model: &Model,
    readings: &[Reading],
    starter: &Starter,
    disabled: &dyn Fn(&str) -> bool,
) -> Verdict {
    let classes = &model.description().classes;
    let raw: Vec<Vec<f64>> =
        readings.iter().map(|one| one.logs.iter().map(|log| f64::from(log.exp())).collect()).collect();
    let merged = merged(model, readings);
    let claimed =
        |class: &String| Intent::from(if class == BACKGROUND || disabled(class) { OTHER } else { class });
    let claimed: Vec<Intent> = classes.iter().map(claimed).collect();
    let weighed = weighed(&claimed, &merged, rules, starter.rules_weight);
    let mut ranked = ranked(&weighed, rules);
    let mut urgent = urgent(classes, &raw, rules, starter);
    urgent.retain(|intent| !disabled(intent.as_str()));
    let mut cautions = rules.cautions.clone();
    cautions.extend(trace(classes, &raw, starter));
    cautions.extend(also_asked(model, readings, starter.also_min));
    put_urgent_first(&mut ranked, rules, |caught| {
        // A model that was never taught the intent does not deny it by saying nothing.
        let denies = |shares: &Vec<f64>| urgent_share(classes, shares).0 < starter.first_min;
        model.class(caught.as_str()).is_some() && raw.iter().all(denies)
    });
    explain(&mut ranked, model, readings);
    let primary = ranked.first().map_or_else(|| Intent::from(OTHER), |top| top.intent.clone());
    let ground = ground(&primary, model, &raw, readings, rules, starter);
    Verdict { ranked, urgent, cautions, doubts: rules.doubts.clone(), ground }
}

fn is_urgent(intent: &Intent) -> bool {
    URGENT.contains(&intent.as_str())
}

/// For each class the probability in the piece that asks it most clearly, calibrated for people; they add up to one.
fn merged(model: &Model, readings: &[Reading]) -> Vec<f64> {
    let mut merged = vec![0.0_f64; model.description().classes.len()];
    let background = model.class(BACKGROUND);
    let mut least_background = 1.0_f64;
    for reading in readings {
        for (place, (merged, share)) in merged.iter_mut().zip(model.confidence(reading)).enumerate() {
            *merged = merged.max(share);
            if Some(place) == background {
                least_background = least_background.min(share);
            }
        }
    }
    // A story around the wish is not a reason to doubt the wish.
    if let Some(slot) = background.and_then(|place| merged.get_mut(place)) {
        *slot = least_background;
    }
    let sum: f64 = merged.iter().sum();
    merged.iter_mut().for_each(|share| *share /= sum.max(f64::MIN_POSITIVE));
    merged
}

/// The probabilities with the rules' evidence added. `claimed` is the intent that each class counts as.
fn weighed(claimed: &[Intent], merged: &[f64], rules: &Verdict, weight: f64) -> Vec<(Intent, f64)> {
    let mut weighed: Vec<(Intent, f64)> = Vec::new();
    for (intent, share) in claimed.iter().zip(merged) {
        let said = rules.ranked.iter().find(|one| one.intent == *intent && !one.why.is_empty());
        let odds = share * said.map_or(1.0, |one| (weight * one.confidence).exp());
        match weighed.iter_mut().find(|(known, _)| known == intent) {
            Some((_, sum)) => *sum += odds,
            None => weighed.push((intent.clone(), odds)),
        }
    }
    // What only the rules know (a shop's own intent without examples in the model).
    for one in rules.ranked.iter().filter(|one| !one.why.is_empty()) {
        if weighed.iter().all(|(known, _)| *known != one.intent) {
            weighed.push((one.intent.clone(), 0.05 * (weight * one.confidence).exp()));
        }
    }
    let sum: f64 = weighed.iter().map(|(_, odds)| odds).sum();
    weighed.iter_mut().for_each(|(_, odds)| *odds /= sum.max(f64::MIN_POSITIVE));
    weighed.sort_by(|a, b| b.1.total_cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    weighed
}

fn ranked(weighed: &[(Intent, f64)], rules: &Verdict) -> Vec<Ranked> {
    let by_rules = |intent: &Intent| rules.ranked.iter().find(|one| one.intent == *intent);
    let kept = weighed
        .iter()
        .enumerate()
        .filter(|(place, (intent, share))| *place == 0 || (*share >= CLAIM_MIN && intent.as_str() != OTHER));
    let mut ranked: Vec<Ranked> = Vec::new();
    for (place, (intent, share)) in kept {
        if place > 0 && ranked.len() > SECONDARIES_MAX && !is_urgent(intent) {
            continue;
        }
        let why = by_rules(intent).map(|one| one.why.clone()).unwrap_or_default();
        ranked.push(Ranked { intent: intent.clone(), confidence: *share, why });
    }
    ranked
}

/// What the rules caught of priority 0 is the first intent, however much surer the model is of another, unless it
/// denies that it is anything of the kind.
fn put_urgent_first(ranked: &mut Vec<Ranked>, rules: &Verdict, denied: impl Fn(&Intent) -> bool) {
    let urgent = |intent: &Intent| is_urgent(intent) && rules.urgent.contains(intent) && !denied(intent);
    let Some(caught) = rules.ranked.first().filter(|top| urgent(&top.intent)) else {
        return;
    };
    let place = ranked.iter().position(|one| one.intent == caught.intent);
    let mut first = place.map_or_else(|| caught.clone(), |place| ranked.remove(place));
    first.confidence = first.confidence.max(caught.confidence);
    ranked.insert(0, first);
}

/// The urgent intents together in one piece, and the likeliest of them.
fn urgent_share<'a>(classes: &'a [String], shares: &[f64]) -> (f64, Option<&'a str>) {
    let of_urgent = || classes.iter().zip(shares).filter(|(class, _)| URGENT.contains(&class.as_str()));
    let likeliest = of_urgent().max_by(|a, b| a.1.total_cmp(b.1));
    (of_urgent().map(|(_, share)| share).sum(), likeliest.map(|(class, _)| class.as_str()))
}

fn urgent(classes: &[String], raw: &[Vec<f64>], rules: &Verdict, starter: &Starter) -> Vec<Intent> {
    let mut urgent = rules.urgent.clone();
    for shares in raw {
        let (together, likeliest) = urgent_share(classes, shares);
        let caught = likeliest.filter(|_| together >= starter.urgent_min).map(Intent::from);
        if let Some(intent) = caught.filter(|intent| !urgent.contains(intent)) {
            urgent.push(intent);
        }
    }
    urgent
}

/// What a piece asks, when that is something else than the state of an order: the likeliest such intent from this raw
/// probability on. Background, `other` and thanks ask nothing. A number that is none counts as asked.
pub(super) fn asks_else(model: &Model, reading: &Reading, from: f64) -> Option<String> {
    let asks = |class: &str| !FACTUAL.contains(&class) && ![BACKGROUND, OTHER, THANKS].contains(&class);
    let shares = model.description().classes.iter().zip(&reading.logs);
    let (class, share) = shares
        .filter(|(class, _)| asks(class))
        .map(|(class, log)| (class, f64::from(log.exp())))
        .max_by(|a, b| a.1.total_cmp(&b.1))?;
    let below = share.partial_cmp(&from) == Some(std::cmp::Ordering::Less);
    (!below).then(|| format!("{}, {:.0} %", class.replace('_', " "), share * 100.0))
}

fn also_asked(model: &Model, readings: &[Reading], from: f64) -> Option<String> {
    let asked = readings.iter().find_map(|reading| asks_else(model, reading, from))?;
    Some(format!("The model also reads something else ({asked})."))
}

/// What the model smells of something urgent, too faint to call a person and enough to stop an answer.
fn trace(classes: &[String], raw: &[Vec<f64>], starter: &Starter) -> Option<String> {
    let shares = raw.iter().map(|shares| urgent_share(classes, shares));
    let (share, likeliest) = shares.max_by(|a, b| a.0.total_cmp(&b.0))?;
    let name = likeliest.filter(|_| share >= starter.trace_min)?.replace('_', " ");
    Some(format!("The model reads a trace of something urgent ({name}, {:.0} %).", share * 100.0))
}

/// Adds the n-grams that spoke for and against the first intent.
fn explain(ranked: &mut [Ranked], model: &Model, readings: &[Reading]) {
    let Some(top) = ranked.first_mut() else { return };
    let Some(class) = model.class(top.intent.as_str()) else { return };
    let clearest = readings.iter().max_by(|a, b| {
        let share = |reading: &Reading| reading.logs.get(class).copied().unwrap_or(f32::NEG_INFINITY);
        share(a).total_cmp(&share(b))
    });
    let Some(reading) = clearest else { return };
    let name = top.intent.as_str().to_owned();
    top.why.extend(model.spoken(reading, class, SHOWN).into_iter().map(|(words, weight)| Evidence {
        words,
        rule: format!("{name}: model"),
        weight,
    }));
}

fn ground(
    primary: &Intent,
    model: &Model,
    raw: &[Vec<f64>],
    readings: &[Reading],
    rules: &Verdict,
    starter: &Starter,
) -> Ground {
    let description = model.description();
    let factual = FACTUAL.contains(&primary.as_str());
    let counted = |class: &str| if factual { FACTUAL.contains(&class) } else { class == primary.as_str() };
    // The piece that speaks least for it: an answer must fit all of the message. What is no number speaks against it.
    let least = |values: &mut dyn Iterator<Item = f64>| {
        values.fold(1.0_f64, |least, value| if value.is_finite() { least.min(value) } else { 0.0 })
    };
    let score = least(&mut raw.iter().map(|shares| {
        let own = description.classes.iter().zip(shares).filter(|(class, _)| counted(class));
        own.map(|(_, share)| share).sum::<f64>()
    }));
    let threshold = description.thresholds.get(primary.as_str());
    if !factual {
        return match threshold {
            Some(Ok(chosen)) => Ground::Proven { score, chosen: chosen.clone(), target: description.target },
            Some(Err(why)) => Ground::Unproven { score, why: why.clone() },
            None => Ground::Unproven { score, why: "the model does not know this intent".to_owned() },
        };
    }
    if readings.iter().any(|one| one.plain.is_none()) {
        let why = "the model was not taught plain status questions and traps".to_owned();
        return Ground::Unproven { score, why };
    }
    // Own tickets prove what an intent is, not that facts answer it: for a status question they only move the score.
    let score_min = match threshold {
        Some(Ok(chosen)) => chosen.at.max(starter.score_min),
        _ => starter.score_min,
    };
    Ground::Starter {
        score,
        score_min,
        plain: least(&mut readings.iter().filter_map(|one| one.plain)),
        plain_min: starter.plain_min,
        vouched_min: starter.vouched_min,
        rules: rules.ranked.first().filter(|one| !one.why.is_empty()).map(|one| one.intent.clone()),
    }
}
