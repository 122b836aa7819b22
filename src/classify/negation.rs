//! Whether a *not* reaches a matched phrase: "I don't want a refund" is no wish for one, "it's not here, I want a
//! refund" is.

use std::collections::HashSet;

use super::book;
use super::words::Sentence;

/// So many words back a *not* can still reach.
const REACH_WORDS: usize = 5;
/// So many words on a *nicht*, *niet* can still reach back.
const REACH_AFTER_WORDS: usize = 2;

/// The word lists of `[negation]`.
#[derive(Debug)]
pub(super) struct Negation {
    words: HashSet<String>,
    harmless: HashSet<String>,
    breaks: HashSet<String>,
    after: HashSet<String>,
}

impl Negation {
    /// Takes the lists over.
    pub(super) fn new(lists: &book::Negation) -> Self {
        let set = |list: &str| list.split_whitespace().map(str::to_owned).collect();
        Self {
            words: set(&lists.words),
            harmless: set(&lists.harmless),
            breaks: set(&lists.breaks),
            after: set(&lists.after),
        }
    }

    /// Whether this is *not*, *never*, *no* or the like.
    pub(super) fn is_word(&self, text: &str) -> bool {
        self.words.contains(text)
    }

    /// Every word of the lists, so that none of them is taken for a slip.
    pub(super) fn all_words(&self) -> impl Iterator<Item = &String> {
        self.words.iter().chain(&self.harmless).chain(&self.breaks)
    }

    /// Whether the words `start..end` are negated from outside. `look_after`: also by a *nicht* behind them.
    pub(super) fn reaches(&self, sentence: &Sentence, start: usize, end: usize, look_after: bool) -> bool {
        let words = &sentence.words;
        let Some(first) = words.get(start) else { return false };
        let inside = words.get(start..end).unwrap_or_default();
        if inside.iter().any(|word| self.is_word(&word.text)) {
            return false; // the phrase has its own
        }
        if self.before(sentence, start, first.clause) {
            return true;
        }
        let after = words.get(end..(end + REACH_AFTER_WORDS).min(words.len())).unwrap_or_default();
        look_after
            && after
                .iter()
                .take_while(|word| word.clause == first.clause && !self.breaks.contains(&word.text))
                .any(|word| self.after.contains(&word.text))
    }

    fn before(&self, sentence: &Sentence, start: usize, clause: usize) -> bool {
        let words = &sentence.words;
        if words.get(start).is_some_and(|word| self.breaks.contains(&word.text)) {
            return false;
        }
        for at in (start.saturating_sub(REACH_WORDS)..start).rev() {
            let Some(word) = words.get(at).filter(|word| word.clause == clause) else { return false };
            if self.is_word(&word.text) {
                let next = words.get(at + 1..(at + 3).min(start)).unwrap_or_default();
                return !next.iter().any(|word| self.harmless.contains(&word.text));
            }
            if self.breaks.contains(&word.text) {
                return false;
            }
        }
        false
    }
}
