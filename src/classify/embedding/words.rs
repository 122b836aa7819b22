//! A text as the words that the vocabulary knows: lower case, no accents, each punctuation mark and each Chinese
//! character a word of its own, control characters gone.
//!
//! Lazy: a caller that has enough stops, and the rest of a text of any size is not looked at.

use std::iter::Peekable;

use unicode_normalization::UnicodeNormalization;
use unicode_properties::{GeneralCategory, GeneralCategoryGroup, UnicodeGeneralCategory};

/// More characters than this and a word has no pieces.
const LONGEST: usize = 100;

/// A word, as far as it matters.
pub(super) enum Word {
    Short(String),
    /// Of more than [`LONGEST`] characters.
    Long,
}

/// The words of a text, in order.
pub(super) fn words(text: &str) -> impl Iterator<Item = Word> {
    let letters = text
        .chars()
        .filter_map(cleaned)
        .flat_map(apart)
        .nfd()
        .filter(|letter| letter.is_ascii() || letter.general_category() != GeneralCategory::NonspacingMark)
        .flat_map(char::to_lowercase);
    Words { letters: letters.peekable() }
}

struct Words<I: Iterator<Item = char>> {
    letters: Peekable<I>,
}

impl<I: Iterator<Item = char>> Iterator for Words<I> {
    type Item = Word;

    fn next(&mut self) -> Option<Word> {
        while self.letters.next_if(|letter| letter.is_whitespace()).is_some() {}
        let first = self.letters.next()?;
        let mut word = String::from(first);
        if is_punctuation(first) {
            return Some(Word::Short(word));
        }
        let mut length = 1;
        while let Some(letter) =
            self.letters.next_if(|letter| !letter.is_whitespace() && !is_punctuation(*letter))
        {
            length += 1;
            if length <= LONGEST {
                word.push(letter);
            }
        }
        Some(if length > LONGEST { Word::Long } else { Word::Short(word) })
    }
}

/// What prints nothing is nothing, form feeds and the like among it; other white space is a blank.
fn cleaned(letter: char) -> Option<char> {
    if matches!(letter, ' ' | '\t' | '\n' | '\r') {
        return Some(' ');
    }
    if letter.is_ascii() {
        return (!letter.is_ascii_control()).then_some(letter);
    }
    let unseen = matches!(
        letter.general_category(),
        GeneralCategory::Control | GeneralCategory::Format | GeneralCategory::PrivateUse
    );
    if unseen || letter == char::REPLACEMENT_CHARACTER {
        return None;
    }
    Some(if letter.is_whitespace() { ' ' } else { letter })
}

/// Blanks around a Chinese character: each is a word.
fn apart(letter: char) -> impl Iterator<Item = char> {
    let blank = is_chinese(letter).then_some(' ');
    blank.into_iter().chain([letter]).chain(blank)
}

/// What the tokenizers library takes for Chinese: CJK ideographs, their extensions A to E (of E from 2B920 only, as
/// there) and the compatibility ones. Not kana, not Hangul.
fn is_chinese(letter: char) -> bool {
    matches!(
        u32::from(letter),
        0x4E00..=0x9FFF
            | 0x3400..=0x4DBF
            | 0x20000..=0x2A6DF
            | 0x2A700..=0x2B73F
            | 0x2B740..=0x2B81F
            | 0x2B920..=0x2CEAF
            | 0xF900..=0xFAFF
            | 0x2F800..=0x2FA1F
    )
}

fn is_punctuation(letter: char) -> bool {
    letter.is_ascii_punctuation()
        || (!letter.is_ascii() && letter.general_category_group() == GeneralCategoryGroup::Punctuation)
}
