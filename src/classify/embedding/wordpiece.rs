//! Word pieces: the numbers under which the model knows a text's words.
//!
//! A word that the vocabulary lacks is cut into the longest pieces that it has, from the left; a word that cannot be
//! cut, or of more than 100 characters, is one unknown piece. The same numbers come out as from the tokenizer that
//! the model was trained with, except that the model's own marks (`[SEP]` and the like) are plain text in a
//! customer's message, never marks.

use std::collections::HashMap;

use super::words::{Word, words};

/// One piece a line, in the order of their numbers.
const VOCABULARY: &str = include_str!("minilm/vocab.txt");

/// A word's longest beginning that is a piece, its first and its later ones, by text.
pub(super) struct WordPieces {
    first: HashMap<&'static str, i32>,
    later: HashMap<&'static str, i32>,
    /// The longest piece, in bytes.
    longest: usize,
    unknown: i32,
    begin: i32,
    end: i32,
}

impl WordPieces {
    /// Reads the vocabulary; `None` when it lacks one of the model's own marks.
    pub(super) fn new() -> Option<WordPieces> {
        let (mut first, mut later) = (HashMap::new(), HashMap::new());
        for (number, piece) in (0..).zip(VOCABULARY.lines()) {
            match piece.strip_prefix("##") {
                Some(rest) if !rest.is_empty() => later.insert(rest, number),
                _ => first.insert(piece, number),
            };
        }
        let longest = first.keys().chain(later.keys()).map(|piece| piece.len()).max()?;
        let (unknown, begin, end) = (*first.get("[UNK]")?, *first.get("[CLS]")?, *first.get("[SEP]")?);
        Some(WordPieces { first, later, longest, unknown, begin, end })
    }

    /// The numbers of a text between the marks of its beginning and end, at most `most` (2 or more) with them: what
    /// is longer loses its tail.
    pub(super) fn encode(&self, text: &str, most: usize) -> Vec<i32> {
        let mut ids = vec![self.begin];
        for word in words(text) {
            if ids.len() + 1 >= most {
                break;
            }
            self.cut(&word, &mut ids);
        }
        ids.truncate(most.saturating_sub(1));
        ids.push(self.end);
        ids
    }

    /// How many numbers a text has with its two marks, however long it is.
    pub(super) fn count(&self, text: &str) -> usize {
        let mut ids = Vec::new();
        let pieces: usize = words(text)
            .map(|word| {
                ids.clear();
                self.cut(&word, &mut ids);
                ids.len()
            })
            .sum();
        pieces + 2
    }

    fn cut(&self, word: &Word, ids: &mut Vec<i32>) {
        let start = ids.len();
        let Word::Short(word) = word else {
            ids.push(self.unknown);
            return;
        };
        let mut rest = word.as_str();
        while !rest.is_empty() {
            let pieces = if rest.len() == word.len() { &self.first } else { &self.later };
            let Some((piece, number)) = self.longest_of(rest, pieces) else {
                ids.truncate(start);
                ids.push(self.unknown);
                return;
            };
            ids.push(number);
            rest = rest.strip_prefix(piece).unwrap_or_default();
        }
    }

    fn longest_of<'w>(&self, rest: &'w str, pieces: &HashMap<&'static str, i32>) -> Option<(&'w str, i32)> {
        let ends = (1..=rest.len().min(self.longest)).rev();
        ends.filter_map(|end| rest.get(..end)).find_map(|piece| Some((piece, *pieces.get(piece)?)))
    }
}
