//! The words that the phrases know, as numbers, and the small typing errors that still count as them.
//!
//! Built while phrases are compiled; asked once a message. A word of six letters or more that no phrase knows is read
//! as the known word one slip away (a letter missing, doubled, changed or swapped with its neighbour) when both start
//! with the same letter and no other known word is as near.

use std::collections::{BTreeSet, HashMap};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use super::words::Sentence;

/// A known word, a stem, or [`NUMBER`].
pub(super) type Symbol = u32;

/// Any word with a digit in it.
pub(super) const NUMBER: Symbol = 0;

const TYPO_LETTERS_MIN: usize = 6;
const TYPO_LETTERS_MAX: usize = 24;
const STEM_LETTERS_MIN: usize = 2;

/// Every known word and stem.
#[derive(Debug, Default)]
pub(super) struct Lexicon {
    words: HashMap<String, Symbol>,
    stems: HashMap<String, Symbol>,
    count: Symbol,
    /// The known words that a slip may stand for.
    correctable: Vec<String>,
    /// The hash of such a word with one letter left out, and its place; sorted. Words that share a hash by chance are
    /// told apart when they are compared.
    slips: Vec<(u32, u32)>,
    /// Real words that must never be read as a slip of another.
    real: BTreeSet<String>,
}

/// A message's words as symbols.
#[derive(Debug, Default)]
pub(super) struct Read {
    /// By sentence, by word: all symbols that the word stands for.
    pub(super) symbols: Vec<Vec<Vec<Symbol>>>,
    /// Where each symbol occurs: (sentence, word), in order.
    pub(super) places: HashMap<Symbol, Vec<(usize, usize)>>,
}

impl Lexicon {
    /// The number of a word, given out on first sight.
    pub(super) fn word(&mut self, text: &str) -> Symbol {
        if let Some(symbol) = self.words.get(text) {
            return *symbol;
        }
        self.count += 1;
        self.words.insert(text.to_owned(), self.count);
        self.count
    }

    /// The number of a stem: whatever begins with these letters.
    pub(super) fn stem(&mut self, text: &str) -> Symbol {
        if let Some(symbol) = self.stems.get(text) {
            return *symbol;
        }
        self.count += 1;
        self.stems.insert(text.to_owned(), self.count);
        self.count
    }

    /// Whether a phrase or list knows the word as it is.
    pub(super) fn knows(&self, text: &str) -> bool {
        self.words.contains_key(text)
    }

    /// Words that are right as they are, although no phrase has them.
    pub(super) fn protect(&mut self, words: impl Iterator<Item = String>) {
        self.real.extend(words);
    }

    /// Prepares the search for typing errors; call once, after the last phrase.
    pub(super) fn seal(&mut self) {
        self.correctable = self.words.keys().filter(|word| correctable(word)).cloned().collect();
        self.correctable.sort_unstable();
        for (place, word) in (0..).zip(&self.correctable) {
            self.slips.extend(one_letter_less(word).map(|form| (hashed(&form), place)));
        }
        self.slips.sort_unstable();
        self.slips.dedup();
        self.slips.shrink_to_fit();
    }

    /// Reads a message: corrects slips in place and gives every word its symbols.
    pub(super) fn read(&self, sentences: &mut [Sentence]) -> Read {
        let mut read = Read::default();
        let mut corrections: HashMap<String, Option<String>> = HashMap::new();
        for (sentence_at, sentence) in sentences.iter_mut().enumerate() {
            let mut line = Vec::with_capacity(sentence.words.len());
            for (word_at, word) in sentence.words.iter_mut().enumerate() {
                let mut symbols = self.symbols(&word.text);
                if !self.knows(&word.text) && correctable(&word.text) && !self.real.contains(&word.text) {
                    let known = corrections.entry(word.text.clone()).or_insert_with(|| {
                        if symbols.is_empty() { self.corrected(&word.text) } else { None }
                    });
                    if let Some(known) = known {
                        symbols = self.symbols(known);
                        word.text.clone_from(known);
                    }
                }
                for symbol in &symbols {
                    read.places.entry(*symbol).or_default().push((sentence_at, word_at));
                }
                line.push(symbols);
            }
            read.symbols.push(line);
        }
        read
    }

    fn symbols(&self, word: &str) -> Vec<Symbol> {
        let mut symbols: Vec<Symbol> = self.words.get(word).copied().into_iter().collect();
        if word.bytes().any(|byte| byte.is_ascii_digit()) {
            symbols.push(NUMBER);
        }
        for (end, _) in word.char_indices().skip(STEM_LETTERS_MIN).chain([(word.len(), ' ')]) {
            symbols.extend(word.get(..end).and_then(|head| self.stems.get(head)));
        }
        symbols.dedup();
        symbols
    }

    fn corrected(&self, word: &str) -> Option<String> {
        let mut near: BTreeSet<&String> = BTreeSet::new();
        for form in one_letter_less(word).chain([word.to_owned()]) {
            let hash = hashed(&form);
            let from = self.slips.partition_point(|(other, _)| *other < hash);
            let same = self.slips.iter().skip(from).take_while(|(other, _)| *other == hash);
            near.extend(same.filter_map(|(_, place)| self.correctable.get(*place as usize)));
            if let Some((known, _)) = self.words.get_key_value(&form) {
                near.insert(known);
            }
        }
        near.retain(|known| {
            known.chars().next() == word.chars().next()
                && correctable(known)
                && strsim::osa_distance(known, word) == 1
        });
        match near.len() {
            1 => near.first().map(|known| (*known).clone()),
            _ => None,
        }
    }
}

fn correctable(word: &str) -> bool {
    (TYPO_LETTERS_MIN..=TYPO_LETTERS_MAX).contains(&word.len())
        && word.bytes().all(|byte| byte.is_ascii_lowercase())
}

#[expect(clippy::cast_possible_truncation, reason = "half of the hash tells well enough")]
fn hashed(form: &str) -> u32 {
    let mut hasher = DefaultHasher::new();
    form.hash(&mut hasher);
    hasher.finish() as u32
}

fn one_letter_less(word: &str) -> impl Iterator<Item = String> + '_ {
    word.char_indices().map(|(at, char)| {
        let mut shorter = String::with_capacity(word.len());
        shorter.push_str(word.get(..at).unwrap_or_default());
        shorter.push_str(word.get(at + char.len_utf8()..).unwrap_or_default());
        shorter
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::classify::words::{Aliases, sentences};

    #[test]
    fn classify_a_slip_in_a_long_word_is_forgiven_and_a_short_or_real_word_is_left() {
        let mut lexicon = Lexicon::default();
        for word in ["package", "refund", "charged", "size"] {
            lexicon.word(word);
        }
        lexicon.protect(["changed".to_owned()].into_iter());
        lexicon.seal();
        let mut text = sentences("pakcage packge packagee refnud sise changed backage", &Aliases::new());
        let read = lexicon.read(&mut text);
        let words: Vec<_> = text[0].words.iter().map(|word| word.text.as_str()).collect();
        assert_eq!(words, ["package", "package", "package", "refund", "sise", "changed", "backage"]);
        assert!(read.symbols[0][4].is_empty());
    }
}
