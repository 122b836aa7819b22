//! From matched phrases to a verdict: confidence, rank, urgency, cautions.
//!
//! **Confidence** grows with the evidence. A strong phrase is worth 0.92, a normal one 0.74, a weak one 0.5, in the
//! subject less; phrases over different words add up as `1 − Π(1 − w)`, so that more evidence never lowers it, and end
//! at 0.99. It is then lowered for what speaks against: a long message with nothing but one weak phrase (× 0.6), a more
//! certain intent of another kind beside it (× 0.9), and, for the two intents that may be answered from facts and for
//! thanks, every word beyond a handful that a plain message of this kind would not hold (× 0.96 each): a status
//! question in the middle of a story is not a plain status question. Any such word is also a caution (`plain.rs`).

use std::collections::HashSet;

use super::finder::{Finder, Hit, Target};
use super::lexicon::Read;
use super::phrases::WEAK;
use super::plain::{other_question, strange_words};
use super::words::Sentence;
use super::{Doubts, Evidence, Ground, Ranked, Verdict};
use crate::event::Intent;

/// Below this nothing is claimed.
const CLAIM_MIN: f64 = 0.4;
/// The route goes to the highest priority among those at least so strong, compared with the strongest.
const PRIMARY_SHARE_MIN: f64 = 0.6;
const SECONDARIES_MAX: usize = 2;
const CONFIDENCE_MAX: f64 = 0.99;
const OTHER_CONFIDENCE: f64 = 0.3;
const LONG_WORDS: usize = 120;
const STRANGE_WORDS_FREE: usize = 5;
const STRANGE_WORD_FACTOR: f64 = 0.96;
const THANKS_STRANGE_WORDS_FREE: usize = 10;

const FACTUAL: [&str; 2] = ["order_status", "shipping_delay"];
const THANKS: &str = "thanks";
const OTHER: &str = "other";

/// One intent of the table.
#[derive(Debug)]
pub(super) struct TableIntent {
    /// Its name.
    pub(super) name: Intent,
    /// 0 is the most urgent.
    pub(super) priority: u8,
    /// Places of the intents that are only its outcome.
    pub(super) before: Vec<usize>,
    /// Known, but never claimed.
    pub(super) disabled: bool,
}

impl TableIntent {
    fn is_factual(&self) -> bool {
        FACTUAL.contains(&self.name.as_str())
    }
}

/// The table of intents and the cautions, in the order of the file.
#[derive(Debug)]
pub(super) struct Table {
    /// Intents.
    pub(super) intents: Vec<TableIntent>,
    /// What stops a reply.
    pub(super) cautions: Vec<TableCaution>,
}

/// A caution of the table.
#[derive(Debug)]
pub(super) struct TableCaution {
    /// Its sentence.
    pub(super) say: String,
    /// Often innocent.
    pub(super) weak: bool,
    /// A status question over the same words explains it away.
    pub(super) unless_status: bool,
}

/// A message as read.
#[derive(Debug)]
pub(super) struct Message<'a> {
    /// The text's sentences, then the subject's.
    pub(super) sentences: &'a [Sentence],
    /// How many of them are the text's.
    pub(super) text_sentences: usize,
    /// What a phrase in the subject is worth of its weight.
    pub(super) subject_strength: f64,
    /// Their words as symbols.
    pub(super) read: &'a Read,
    /// Every phrase found.
    pub(super) hits: &'a [Hit],
}

/// What speaks for one intent.
#[derive(Debug)]
struct Claim {
    place: usize,
    confidence: f64,
    best: Hit,
    why: Vec<Evidence>,
}

impl Table {
    /// The verdict on one message.
    pub(super) fn verdict(&self, finder: &Finder, message: &Message<'_>) -> Verdict {
        let counted: Vec<Hit> =
            message.hits.iter().filter(|hit| self.counts(finder, message, hit)).copied().collect();
        let mut claims: Vec<Claim> = (0..self.intents.len())
            .filter_map(|place| self.claim(finder, message, &counted, place))
            .collect();
        let status_hits: Vec<Hit> = counted
            .iter()
            .filter(|hit| self.target_intent(finder, hit).is_some_and(TableIntent::is_factual))
            .copied()
            .collect();
        let (mut cautions, weak) = self.cautions(finder, message, &status_hits);
        cautions.extend(self.wished_beside(message, &claims, &status_hits));
        let doubts = Doubts {
            weak,
            words: Self::strange(finder, message, &status_hits),
            asked: Self::asked_beside(finder, message, &status_hits).into_iter().collect(),
        };
        let urgent = claims
            .iter()
            .filter_map(|claim| self.intents.get(claim.place))
            .filter(|intent| intent.priority == 0 && !intent.disabled)
            .map(|intent| intent.name.clone())
            .collect();
        self.adjust(finder, message, &status_hits, &mut claims);
        Verdict { ranked: self.rank(claims), urgent, cautions, doubts, ground: Ground::Rules }
    }

    fn target_intent(&self, finder: &Finder, hit: &Hit) -> Option<&TableIntent> {
        match finder.rules.get(hit.rule)?.target {
            Target::Intent(place) => self.intents.get(place),
            _ => None,
        }
    }

    /// Whether a hit stands for its intent: no exception covers it, no *not* reaches it.
    fn counts(&self, finder: &Finder, message: &Message<'_>, hit: &Hit) -> bool {
        let Some(Target::Intent(place)) = finder.rules.get(hit.rule).map(|rule| rule.target) else {
            return false;
        };
        let Some(intent) = self.intents.get(place) else { return false };
        if excepted(finder, message, hit, Target::NotIntent(place)) {
            return false;
        }
        // A question is asked or it is not; and a late "nicht" must not hide a threat.
        let may_be_negated = !intent.is_factual() && intent.name.as_str() != THANKS;
        let look_after = intent.priority > 0;
        !(may_be_negated
            && message
                .sentences
                .get(hit.sentence)
                .is_some_and(|sentence| finder.negation.reaches(sentence, hit.start, hit.end, look_after)))
    }

    fn claim(&self, finder: &Finder, message: &Message<'_>, counted: &[Hit], place: usize) -> Option<Claim> {
        let strength = |hit: &Hit| {
            let weight = finder.rules.get(hit.rule).map_or(0.0, |rule| rule.weight);
            if hit.sentence < message.text_sentences { weight } else { weight * message.subject_strength }
        };
        let mut own: Vec<Hit> = counted
            .iter()
            .filter(|hit| finder.rules.get(hit.rule).is_some_and(|rule| rule.target == Target::Intent(place)))
            .copied()
            .collect();
        own.sort_by(|a, b| {
            strength(b)
                .total_cmp(&strength(a))
                .then((b.end - b.start).cmp(&(a.end - a.start)))
                .then((a.sentence, a.start).cmp(&(b.sentence, b.start)))
        });
        let mut kept: Vec<Hit> = Vec::new();
        for hit in own {
            if !kept.iter().any(|other| other.overlaps(&hit)) {
                kept.push(hit);
            }
        }
        let best = *kept.first()?;
        let doubt: f64 = kept.iter().map(|hit| 1.0 - strength(hit)).product();
        let mut confidence = (1.0 - doubt).min(CONFIDENCE_MAX);
        if message.text_words() > LONG_WORDS && kept.len() == 1 && strength(&best) <= WEAK {
            confidence *= 0.6;
        }
        let name = self.intents.get(place)?.name.as_str();
        let why = kept
            .iter()
            .filter_map(|hit| {
                let rule = finder.rules.get(hit.rule)?;
                Some(Evidence {
                    words: message.words_of(hit),
                    rule: format!("{name}: {}", rule.phrase),
                    weight: strength(hit),
                })
            })
            .collect();
        Some(Claim { place, confidence, best, why })
    }

    /// The cautions that the phrases show, the strong and the weak ones.
    fn cautions(
        &self,
        finder: &Finder,
        message: &Message<'_>,
        status_hits: &[Hit],
    ) -> (Vec<String>, Vec<String>) {
        let (mut strong, mut weak) = (Vec::new(), Vec::new());
        for hit in message.hits {
            let Some(Target::Caution(place)) = finder.rules.get(hit.rule).map(|rule| rule.target) else {
                continue;
            };
            let Some(caution) = self.cautions.get(place) else { continue };
            let explained = caution.unless_status && status_hits.iter().any(|status| status.overlaps(hit));
            if !explained && !excepted(finder, message, hit, Target::NotCaution(place)) {
                let said = format!("{} (\u{201c}{}\u{201d})", caution.say, message.words_of(hit));
                let list = if caution.weak { &mut weak } else { &mut strong };
                if !list.contains(&said) {
                    list.push(said);
                }
            }
        }
        (strong, weak)
    }

    /// What the phrases wish beside a status question.
    fn wished_beside(&self, message: &Message<'_>, claims: &[Claim], status_hits: &[Hit]) -> Vec<String> {
        let mut beside = Vec::new();
        if status_hits.is_empty() {
            return beside;
        }
        for claim in claims {
            let Some(intent) = self.intents.get(claim.place) else { continue };
            if !intent.is_factual() && intent.name.as_str() != THANKS {
                let name = intent.name.as_str().replace('_', " ");
                let words = message.words_of(&claim.best);
                beside.push(format!("The message also reads as {name} (\u{201c}{words}\u{201d})."));
            }
        }
        beside
    }

    /// A sentence beside a status question that asks, and what it asks no phrase knows.
    fn asked_beside(finder: &Finder, message: &Message<'_>, status_hits: &[Hit]) -> Option<String> {
        let asked = if status_hits.is_empty() { None } else { other_question(finder, message, status_hits) };
        let words = message.sentence_text(asked?);
        Some(format!("It asks something that an order's status does not answer (\u{201c}{words}\u{201d})."))
    }

    /// What a list of known words cannot tell apart from harm: words beyond a plain status question.
    fn strange(finder: &Finder, message: &Message<'_>, status_hits: &[Hit]) -> Vec<String> {
        if status_hits.is_empty() {
            return Vec::new();
        }
        let strange = strange_words(finder, message, status_hits);
        if strange.is_empty() {
            return Vec::new();
        }
        let words = join(strange.into_iter().take(8));
        vec![format!("It says more than a plain status question (\u{201c}{words}\u{201d}).")]
    }

    /// Lowers confidence for what speaks against (see the head of this file).
    fn adjust(&self, finder: &Finder, message: &Message<'_>, status_hits: &[Hit], claims: &mut Vec<Claim>) {
        let strange = strange_words(finder, message, status_hits).len();
        let open_question = other_question(finder, message, status_hits).is_some();
        let others = claims
            .iter()
            .any(|claim| self.intents.get(claim.place).is_some_and(|i| i.name.as_str() != THANKS));
        claims.retain(|claim| {
            let intent = self.intents.get(claim.place);
            intent.is_some_and(|i| !i.disabled && (i.name.as_str() != THANKS || !others))
        });
        let strengths: Vec<(usize, f64)> =
            claims.iter().map(|claim| (claim.place, claim.confidence)).collect();
        for claim in claims {
            let Some(intent) = self.intents.get(claim.place) else { continue };
            let free = match intent.name.as_str() {
                THANKS => Some(THANKS_STRANGE_WORDS_FREE),
                _ if intent.is_factual() => Some(STRANGE_WORDS_FREE),
                _ => None,
            };
            for _ in free.map_or(0..0, |free| free..strange) {
                claim.confidence *= STRANGE_WORD_FACTOR;
            }
            if intent.name.as_str() == THANKS && open_question {
                claim.confidence *= 0.4;
            }
            let rival = strengths.iter().any(|(place, confidence)| {
                *confidence > claim.confidence
                    && self.intents.get(*place).is_some_and(|other| other.priority != intent.priority)
            });
            if rival {
                claim.confidence *= 0.9;
            }
        }
    }

    fn rank(&self, mut claims: Vec<Claim>) -> Vec<Ranked> {
        let priority = |claim: &Claim| self.intents.get(claim.place).map_or(u8::MAX, |i| i.priority);
        claims.retain(|claim| claim.confidence >= CLAIM_MIN);
        let best = claims.iter().map(|claim| claim.confidence).fold(0.0, f64::max);
        let outcomes: HashSet<usize> = claims
            .iter()
            .filter_map(|claim| self.intents.get(claim.place))
            .flat_map(|intent| intent.before.iter().copied())
            .collect();
        claims.sort_by(|a, b| {
            let too_weak = |claim: &Claim| claim.confidence < best * PRIMARY_SHARE_MIN;
            let vague = |claim: &Claim| claim.confidence < 0.7;
            let key = |claim: &Claim| {
                (
                    too_weak(claim),
                    priority(claim),
                    outcomes.contains(&claim.place),
                    vague(claim),
                    claim.best.sentence,
                    claim.best.start,
                    claim.place,
                )
            };
            key(a).cmp(&key(b))
        });
        let mut at = 0;
        claims.retain(|claim| {
            at += 1;
            at <= 1 + SECONDARIES_MAX || priority(claim) == 0
        });
        let mut ranked: Vec<Ranked> = claims
            .into_iter()
            .filter_map(|claim| {
                let intent = self.intents.get(claim.place)?.name.clone();
                Some(Ranked { intent, confidence: claim.confidence, why: claim.why })
            })
            .collect();
        if ranked.is_empty() {
            let intent = Intent::from(OTHER);
            ranked.push(Ranked { intent, confidence: OTHER_CONFIDENCE, why: Vec::new() });
        }
        ranked
    }
}

impl Message<'_> {
    fn text_words(&self) -> usize {
        self.sentences.iter().take(self.text_sentences).map(|sentence| sentence.words.len()).sum()
    }

    fn words_of(&self, hit: &Hit) -> String {
        let words = self.sentences.get(hit.sentence).and_then(|s| s.words.get(hit.start..hit.end));
        join(words.unwrap_or_default().iter().map(|word| word.text.as_str()))
    }

    /// The first words of a sentence.
    fn sentence_text(&self, at: usize) -> String {
        let words = self.sentences.get(at).map(|sentence| sentence.words.as_slice());
        join(words.unwrap_or_default().iter().take(12).map(|word| word.text.as_str()))
    }
}

fn join<'a>(words: impl Iterator<Item = &'a str>) -> String {
    words.collect::<Vec<_>>().join(" ")
}

fn excepted(finder: &Finder, message: &Message<'_>, hit: &Hit, by: Target) -> bool {
    message.hits.iter().any(|other| {
        other.overlaps(hit) && finder.rules.get(other.rule).is_some_and(|rule| rule.target == by)
    })
}
