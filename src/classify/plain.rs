//! What a plain status question is made of: how many words of a message fall outside it, and whether it asks something
//! else as well. A wrong answer is worse than none, so that whatever this cannot place goes to a person.

use std::collections::HashSet;

use super::finder::{Finder, Hit, Target};
use super::ranking::Message;
use super::words::Word;

/// After one of these a name may follow.
const GREETINGS: &[&str] =
    &["hi", "hello", "hey", "dear", "hallo", "hola", "bonjour", "ola", "morning", "afternoon", "evening"];
const FAREWELLS: &[&str] = &[
    "thanks",
    "thank",
    "regards",
    "cheers",
    "sincerely",
    "best",
    "you",
    "gracias",
    "danke",
    "merci",
    "bedankt",
    "obrigado",
    "obrigada",
    "grusse",
    "gruss",
    "saludos",
    "cordialement",
    "groet",
    "groeten",
    "abraco",
    "much",
    "love",
];
const NAME_WORDS_MAX: usize = 2;
const PREFIX_LETTERS_MAX: usize = 3;
const NUMBER_DIGITS_MIN: usize = 4;

const QUESTION_WORDS: &[&str] = &[
    "can", "could", "do", "does", "did", "is", "are", "was", "will", "would", "what", "which", "why", "how",
    "who", "whose", "should", "shall", "may", "have", "has", "kann", "konnen", "ist", "puedo", "pueden",
    "kan", "kunt",
];

/// The first sentence of the text that asks something, without a word about the status and beyond small talk.
pub(super) fn other_question(finder: &Finder, message: &Message<'_>, status_hits: &[Hit]) -> Option<usize> {
    let is_plain = |at: usize| {
        message.hits.iter().any(|hit| {
            hit.sentence == at && finder.rules.get(hit.rule).is_some_and(|rule| rule.target == Target::Plain)
        })
    };
    message.sentences.iter().enumerate().take(message.text_sentences).find_map(|(at, sentence)| {
        let opens = sentence.words.first().is_some_and(|word| QUESTION_WORDS.contains(&word.text.as_str()));
        let asks = (sentence.asks && sentence.words.len() >= 2) || (opens && sentence.words.len() >= 3);
        // A number after "no." is none of its own.
        let asks = asks && !sentence.words.iter().all(|word| is_number(&word.text));
        let about_status = status_hits.iter().any(|hit| hit.sentence == at);
        (asks && !about_status && !is_plain(at)).then_some(at)
    })
}

/// The words of the text that neither ask for the status nor belong to the small talk around it.
pub(super) fn strange_words<'a>(finder: &Finder, message: &Message<'a>, status_hits: &[Hit]) -> Vec<&'a str> {
    let mut covered: HashSet<(usize, usize)> = HashSet::new();
    let asking = asking_clauses(message, status_hits);
    let plain = message
        .hits
        .iter()
        .filter(|hit| finder.rules.get(hit.rule).is_some_and(|rule| rule.target == Target::Plain));
    for hit in status_hits.iter().chain(plain) {
        let Some(rule) = finder.rules.get(hit.rule) else { continue };
        let symbols = message.read.symbols.get(hit.sentence);
        covered.extend((hit.start..hit.end).filter_map(|at| {
            let word = symbols.and_then(|sentence| sentence.get(at))?;
            rule.pattern.names(word).then_some((hit.sentence, at))
        }));
    }
    let mut strange = Vec::new();
    let mut before: &[Word] = &[];
    for (at, sentence) in message.sentences.iter().enumerate().take(message.text_sentences) {
        for (word_at, word) in sentence.words.iter().enumerate() {
            let is_plain = finder.plain.contains(&word.text)
                || (finder.beside.contains(&word.text) && asking.contains(&(at, word.clause)));
            let is_known = is_plain
                || covered.contains(&(at, word_at))
                || word.text.bytes().any(|byte| byte.is_ascii_digit());
            if !is_known && !is_name(&sentence.words, word_at, before) && !is_prefix(&sentence.words, word_at)
            {
                strange.push(word.text.as_str());
            }
        }
        before = &sentence.words;
    }
    strange
}

/// The clauses that ask for the status. Only beside such a question do words like *got*, *want* or *blue* say nothing
/// more: "where is the blue shirt I got" asks, "where is it? I got the blue shirt" tells.
fn asking_clauses(message: &Message<'_>, status_hits: &[Hit]) -> HashSet<(usize, usize)> {
    let clauses = status_hits.iter().flat_map(|hit| {
        let words = message.sentences.get(hit.sentence).and_then(|s| s.words.get(hit.start..hit.end));
        words.unwrap_or_default().iter().map(|word| (hit.sentence, word.clause))
    });
    clauses.collect()
}

/// The letters of an order number, as in `MK-20713`.
fn is_prefix(words: &[Word], at: usize) -> bool {
    let short = words.get(at).is_some_and(|word| word.text.len() <= PREFIX_LETTERS_MAX);
    short
        && words.get(at + 1).is_some_and(|next| next.text.len() >= NUMBER_DIGITS_MIN && is_number(&next.text))
}

fn is_number(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether the word can only be a name: right after a greeting, or alone after a farewell at the end of its sentence.
fn is_name(words: &[Word], at: usize, before: &[Word]) -> bool {
    let is_one =
        |list: &[&str], word: Option<&Word>| word.is_some_and(|word| list.contains(&word.text.as_str()));
    let Some(word) = words.get(at) else { return false };
    if at > NAME_WORDS_MAX && at + NAME_WORDS_MAX < words.len() {
        return false; // far from both ends; also keeps a sentence of thousands of words quick
    }
    let first_of_clause = words.iter().position(|other| other.clause == word.clause).unwrap_or(at);
    let clause_words = words.iter().filter(|other| other.clause == word.clause).count();
    let greeted =
        at <= NAME_WORDS_MAX && is_one(GREETINGS, words.first()) && clause_words <= NAME_WORDS_MAX + 1;
    let ends = words.last().is_some_and(|last| last.clause == word.clause);
    let farewell = first_of_clause
        .checked_sub(1)
        .map_or_else(|| is_one(FAREWELLS, before.last()), |earlier| is_one(FAREWELLS, words.get(earlier)));
    greeted || (ends && clause_words <= NAME_WORDS_MAX && farewell)
}
