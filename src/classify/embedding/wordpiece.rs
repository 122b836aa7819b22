//! Word pieces: the numbers under which the model knows a text's words.
//!
//! A word that the vocabulary lacks is cut into the longest pieces that it has, from the left; a word that cannot be
//! cut, or of more than 100 characters, is one unknown piece. The same numbers come out as from the tokenizer that
//! the model was trained with, except that the model's own marks (`[SEP]` and the like) are plain text in a
//! customer's message, never marks.

use super::words::{Word, words};

/// One piece a line, in the order of their numbers.
const VOCABULARY: &str = include_str!("minilm/vocab.txt");

/// A word's longest beginning that is a piece, its first and its later ones, by text.
pub(super) struct WordPieces {
    first: Pieces,
    later: Pieces,
    /// The longest piece, in bytes.
    longest: usize,
    unknown: i32,
    begin: i32,
    end: i32,
}

/// Pieces by text, found by halving: a map of thirty thousand would take a megabyte.
#[derive(Default)]
struct Pieces {
    /// Where each stands in [`VOCABULARY`], and its number; sorted by text.
    places: Vec<(u32, i32)>,
}

impl Pieces {
    fn new(mut places: Vec<(u32, i32)>) -> Pieces {
        places.sort_unstable_by_key(|(place, _)| Self::text(*place));
        places.shrink_to_fit();
        Pieces { places }
    }

    fn text(place: u32) -> &'static str {
        VOCABULARY.get(place as usize..).and_then(|rest| rest.lines().next()).unwrap_or_default()
    }

    fn get(&self, piece: &str) -> Option<i32> {
        let found = self.places.binary_search_by_key(&piece, |(place, _)| Self::text(*place));
        found.ok().and_then(|at| self.places.get(at)).map(|(_, number)| *number)
    }
}

impl WordPieces {
    /// Reads the vocabulary; `None` when it lacks one of the model's own marks.
    pub(super) fn new() -> Option<WordPieces> {
        let (mut first, mut later) = (Vec::new(), Vec::new());
        let (mut place, mut longest) = (0_u32, 0);
        for (number, line) in (0..).zip(VOCABULARY.split_inclusive('\n')) {
            let piece = line.trim_end_matches('\n');
            match piece.strip_prefix("##") {
                Some(rest) if !rest.is_empty() => later.push((place + 2, number)),
                _ => first.push((place, number)),
            }
            longest = longest.max(piece.len());
            place += u32::try_from(line.len()).ok()?;
        }
        let (first, later) = (Pieces::new(first), Pieces::new(later));
        let (unknown, begin, end) = (first.get("[UNK]")?, first.get("[CLS]")?, first.get("[SEP]")?);
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

    fn longest_of<'w>(&self, rest: &'w str, pieces: &Pieces) -> Option<(&'w str, i32)> {
        let ends = (1..=rest.len().min(self.longest)).rev();
        ends.filter_map(|end| rest.get(..end)).find_map(|piece| Some((piece, pieces.get(piece)?)))
    }
}
