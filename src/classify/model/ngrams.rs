//! Word and character n-grams: what a message looks like to a linear model.
//!
//! [`Vocabulary::learn`] once over the training texts, then [`Vocabulary::row`] for each message. A feature is a word,
//! a pair of neighbouring words, or two to four characters within a word (its ends are marked by a space), weighed by
//! how rare it is (TF-IDF, smoothed as `ln((1 + n) / (1 + df)) + 1`). Words and characters are two blocks of one
//! length, together of unit length, so that neither drowns the other. Every number reads as `0`: an order number must not become a feature.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::regression::Sparse;

/// In a large set a feature seen in fewer texts than this says little about the next one.
const DOCUMENTS_MIN: usize = 2;
/// From so many texts on a set is large.
const LARGE_SET: usize = 2_000;
/// Features kept at most, the most frequent first: bounds the memory of a model trained on a large export.
const FEATURES_MAX: usize = 120_000;
/// Characters of a message that are looked at.
const CHARS_MAX: usize = 4_000;
/// Characters of a word that are looked at; more is a pasted link or noise.
const WORD_CHARS_MAX: usize = 40;
const CHARACTERS: std::ops::RangeInclusive<usize> = 2..=4;
const WORD_MARK: char = 'w';
const CHARACTER_MARK: char = 'c';

/// The known features with their weights.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Vocabulary {
    /// A line each, sorted: found by halving, so that nothing is built when a model is loaded.
    names: Bytes,
    /// Where each name ends in `names`.
    ends: Vec<u32>,
    rarity: Vec<f32>,
}

/// Lower-cased words without punctuation ("where's" is `wheres`, as many write it); any with a digit in it is `0`, and
/// a question mark is a word.
pub(super) fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    for c in text.chars().take(CHARS_MAX).chain([' ']) {
        if c.is_alphanumeric() {
            word.extend(c.to_lowercase());
            continue;
        }
        if matches!(c, '\'' | '’') {
            continue;
        }
        if word.chars().any(char::is_numeric) {
            "0".clone_into(&mut word);
        }
        if !word.is_empty() {
            words.push(word.chars().take(WORD_CHARS_MAX).collect());
            word.clear();
        }
        if c == '?' && words.last().is_none_or(|last| last != "?") {
            words.push("?".to_owned());
        }
    }
    words
}

/// Every feature of a text with how often it is there, in the order of their names.
fn features(text: &str) -> BTreeMap<String, f32> {
    let words = words(text);
    let mut found: BTreeMap<String, f32> = BTreeMap::new();
    let mut add = |feature: String| *found.entry(feature).or_insert(0.0) += 1.0;
    for (place, word) in words.iter().enumerate() {
        add(format!("{WORD_MARK}{word}"));
        if let Some(next) = words.get(place + 1) {
            add(format!("{WORD_MARK}{word} {next}"));
        }
        let padded: Vec<char> = std::iter::once(' ').chain(word.chars()).chain([' ']).collect();
        for size in CHARACTERS {
            for piece in padded.windows(size) {
                let mut feature = String::from(CHARACTER_MARK);
                feature.extend(piece);
                add(feature);
            }
        }
    }
    found
}

impl Vocabulary {
    /// The features of these texts that are worth keeping.
    pub fn learn<'a>(texts: impl Iterator<Item = &'a str>) -> Self {
        let mut documents: BTreeMap<String, usize> = BTreeMap::new();
        let mut count = 0_usize;
        for text in texts {
            count += 1;
            for feature in features(text).into_keys() {
                *documents.entry(feature).or_insert(0) += 1;
            }
        }
        let mut kept: Vec<(String, usize)> =
            documents.into_iter().filter(|(_, seen)| count < LARGE_SET || *seen >= DOCUMENTS_MIN).collect();
        if kept.len() > FEATURES_MAX {
            kept.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
            kept.truncate(FEATURES_MAX);
            kept.sort();
        }
        let rarity = kept.iter().map(|(_, seen)| inverse_frequency(count, *seen)).collect();
        let names: Vec<String> = kept.into_iter().map(|(name, _)| name).collect();
        Self::new(names.join("\n").into(), rarity)
    }

    /// From stored parts: the names, sorted, a line each, and the rarity of each.
    pub(super) fn new(names: Bytes, rarity: Vec<f32>) -> Self {
        let lines = names.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at);
        let last = Some(names.len()).filter(|length| *length > 0);
        let ends = lines.chain(last).map_while(|end| u32::try_from(end).ok()).collect();
        Self { names, ends, rarity }
    }

    /// How many features are known.
    pub const fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether none is.
    pub const fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    pub(super) fn names(&self) -> &[u8] {
        &self.names
    }

    fn name(&self, place: usize) -> &[u8] {
        let start = place.checked_sub(1).and_then(|before| self.ends.get(before)).map_or(0, |end| end + 1);
        let own = self.ends.get(place).and_then(|end| self.names.get(start as usize..*end as usize));
        own.unwrap_or_default()
    }

    fn place(&self, name: &str) -> Option<usize> {
        let (mut from, mut to) = (0, self.len());
        while from < to {
            let middle = from.midpoint(to);
            match self.name(middle).cmp(name.as_bytes()) {
                std::cmp::Ordering::Equal => return Some(middle),
                std::cmp::Ordering::Less => from = middle + 1,
                std::cmp::Ordering::Greater => to = middle,
            }
        }
        None
    }

    pub(super) fn rarity(&self) -> &[f32] {
        &self.rarity
    }

    /// A feature as a person reads it: the word or words, or the piece of a word in bars.
    pub fn label(&self, place: u32) -> String {
        let name = String::from_utf8_lossy(self.name(place as usize));
        match name.strip_prefix(CHARACTER_MARK) {
            Some(piece) => format!("|{piece}|"),
            None => name.strip_prefix(WORD_MARK).unwrap_or(&name).to_owned(),
        }
    }

    /// A message as its known features, of unit length, words and characters sharing it evenly.
    pub fn row(&self, text: &str) -> Sparse {
        let mut row: Vec<(u32, f32, bool)> = Vec::new();
        let (mut word_square, mut character_square) = (0.0_f32, 0.0_f32);
        for (feature, times) in features(text) {
            let Some(place) = self.place(&feature) else { continue };
            let (Some(rarity), Ok(number)) = (self.rarity.get(place), u32::try_from(place)) else { continue };
            let value = (1.0 + times.ln()) * rarity;
            let is_word = feature.starts_with(WORD_MARK);
            *(if is_word { &mut word_square } else { &mut character_square }) += value * value;
            row.push((number, value, is_word));
        }
        let unit = |(place, value, is_word): (u32, f32, bool)| {
            (place, value / (2.0 * if is_word { word_square } else { character_square }).sqrt())
        };
        row.into_iter().map(unit).collect()
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "counts of messages")]
fn inverse_frequency(texts: usize, seen: usize) -> f32 {
    (((1 + texts) as f64 / (1 + seen) as f64).ln() + 1.0) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_case_and_punctuation_do_not_count_and_a_question_mark_does() {
        assert_eq!(words("Where's ORDER #10234, please??"), ["wheres", "order", "0", "please", "?"]);
        assert_eq!(words("MK-20713 kommt NICHT an"), ["mk", "0", "kommt", "nicht", "an"]);
        assert_eq!(words(""), Vec::<String>::new());
    }

    #[test]
    fn a_row_has_two_even_blocks_and_knows_only_what_was_learned() {
        let vocabulary = Vocabulary::learn(["where is my order", "where is my parcel", "refund"].into_iter());
        let row = vocabulary.row("where is my refund zzz");
        let block = |mark: char| -> f32 {
            let of = |place: &u32| vocabulary.name(*place as usize).starts_with(&[mark as u8]);
            row.iter().filter(|(place, _)| of(place)).map(|(_, value)| value * value).sum()
        };
        assert!((block(WORD_MARK) - 0.5).abs() < 1e-5 && (block(CHARACTER_MARK) - 0.5).abs() < 1e-5);
        let labels: Vec<String> = row.iter().map(|(place, _)| vocabulary.label(*place)).collect();
        assert!(
            labels.contains(&"where is".to_owned()) && labels.contains(&"| wh|".to_owned()),
            "{labels:?}"
        );
        assert!(!labels.iter().any(|label| label.contains("zz")), "{labels:?}");
        assert!(vocabulary.row("").is_empty());
    }
}
