//! Text to sentences of plain words: lower case, no accents, no punctuation.
//!
//! First step of the phrase classifier; the phrases themselves go through the same steps, so that `Don't` in a message
//! meets `don't` in a rule. Nothing can fail: whatever is not a word is a boundary.

use std::collections::BTreeMap;

/// Longer messages are cut here: nobody states a new wish after twenty thousand characters.
const CHARS_MAX: usize = 20_000;

/// After these, `'s` is short for *is*; anywhere else it is a possessive.
const IS_SHORTENED_AFTER: &[&str] =
    &["where", "what", "it", "that", "there", "here", "he", "she", "who", "how", "when"];

/// One sentence of a message.
#[derive(Debug, Default, Clone)]
pub(super) struct Sentence {
    /// Its words in order.
    pub(super) words: Vec<Word>,
    /// Ended with a question mark.
    pub(super) asks: bool,
}

/// One word, folded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Word {
    /// Lower case, without accents.
    pub(super) text: String,
    /// Number of commas, colons and brackets before it in the message.
    pub(super) clause: usize,
}

/// Spellings that stand for other words (`pls` for `please`), as the phrase files list them.
pub(super) type Aliases = BTreeMap<String, String>;

/// Splits a text. `aliases` are replaced word by word, once.
pub(super) fn sentences(text: &str, aliases: &Aliases) -> Vec<Sentence> {
    let mut reader =
        Reader { aliases, done: Vec::new(), open: Sentence::default(), word: String::new(), clause: 0 };
    let mut chars = text.chars().take(CHARS_MAX).peekable();
    let mut before = ' ';
    while let Some(char) = chars.next() {
        let next = chars.peek().copied().unwrap_or(' ');
        match char {
            '\'' | '\u{2019}' | '\u{2018}' | '`' | '\u{b4}'
                if before.is_alphabetic() && next.is_alphabetic() =>
            {
                reader.word.push('\'');
            }
            _ if char.is_alphanumeric() => fold(char, &mut reader.word),
            '.' if before.is_alphanumeric()
                && next.is_alphanumeric()
                && !(next.is_uppercase() && before.is_lowercase()) =>
            {
                reader.end_word();
            }
            '.' | '!' | ';' | '\u{2026}' => reader.end_sentence(false),
            '?' | '\u{61f}' | '\u{ff1f}' => reader.end_sentence(true),
            '\n' => {
                let mut rest = chars.clone().skip_while(|next| *next == '\r' || *next == ' ');
                let wraps = rest.next().is_some_and(char::is_lowercase) && before != '\n';
                if wraps { reader.end_word() } else { reader.end_sentence(false) }
            }
            ',' | ':' | '(' | ')' | '"' | '\u{bf}' | '\u{a1}' | '\u{2014}' | '\u{2013}' | '=' | '*' => {
                reader.end_clause();
            }
            '-' if before == ' ' => reader.end_clause(),
            _ if u32::from(char) >= 0x2600 => reader.symbol(char),
            _ => reader.end_word(),
        }
        if char != '\r' {
            before = char;
        }
    }
    reader.end_sentence(false);
    reader.done
}

/// The folded words of a short text, as one list: what a phrase or a word list is made of.
pub(super) fn plain_words(text: &str, aliases: &Aliases) -> Vec<String> {
    sentences(text, aliases).into_iter().flat_map(|sentence| sentence.words).map(|word| word.text).collect()
}

struct Reader<'a> {
    aliases: &'a Aliases,
    done: Vec<Sentence>,
    open: Sentence,
    word: String,
    clause: usize,
}

impl Reader<'_> {
    fn end_word(&mut self) {
        if self.word.is_empty() {
            return;
        }
        let word = squeeze(&std::mem::take(&mut self.word));
        if let Some(meant) = self.aliases.get(word.replace('\'', "").as_str()) {
            for part in meant.split_whitespace() {
                self.push(part.to_owned());
            }
            return;
        }
        for part in expand(&word) {
            match self.aliases.get(&part) {
                Some(meant) => meant.split_whitespace().for_each(|part| self.push(part.to_owned())),
                None => self.push(part),
            }
        }
    }

    fn push(&mut self, text: String) {
        self.open.words.push(Word { text, clause: self.clause });
    }

    fn symbol(&mut self, char: char) {
        self.end_word();
        // Skin tones, joiners and variation selectors only dress up the symbol before them.
        let dressing = matches!(u32::from(char), 0xfe00..=0xfe0f | 0x1f3fb..=0x1f3ff);
        if !dressing {
            self.push(char.to_string());
        }
    }

    fn end_clause(&mut self) {
        self.end_word();
        self.clause += 1;
    }

    fn end_sentence(&mut self, asks: bool) {
        self.end_clause();
        if !self.open.words.is_empty() {
            let mut sentence = std::mem::take(&mut self.open);
            sentence.asks = asks;
            self.done.push(sentence);
        } else if asks && let Some(last) = self.done.last_mut() {
            last.asks = true; // "really!?"
        }
    }
}

/// Takes `can't` apart into `can not`, `where's` into `where is`, `j'ai` into `j ai`.
fn expand(word: &str) -> Vec<String> {
    let Some((head, tail)) = word.split_once('\'') else { return vec![word.to_owned()] };
    let pair = |first: &str, second: &str| vec![first.to_owned(), second.to_owned()];
    match tail {
        "t" => match head.strip_suffix('n') {
            Some("wo") => pair("will", "not"),
            Some("ca") => pair("can", "not"),
            Some(verb) if !verb.is_empty() => pair(verb, "not"),
            _ => pair(head, tail),
        },
        "s" if IS_SHORTENED_AFTER.contains(&head) => pair(head, "is"),
        "m" => pair(head, "am"),
        "ve" => pair(head, "have"),
        "re" => pair(head, "are"),
        "ll" => pair(head, "will"),
        "d" => pair(head, "would"),
        _ => word.split('\'').filter(|part| !part.is_empty()).map(str::to_owned).collect(),
    }
}

/// `pleaseee` and `soooo` as `please` and `so`; digits are left alone.
fn squeeze(word: &str) -> String {
    let chars: Vec<char> = word.chars().collect();
    let run = |char: char, rest: &[char]| rest.iter().take_while(|next| **next == char).count();
    let mut squeezed = String::with_capacity(word.len());
    let mut rest = chars.as_slice();
    while let Some((char, after)) = rest.split_first() {
        let more = run(*char, after);
        squeezed.push(*char);
        if more >= 2 && char.is_alphabetic() {
            rest = after.get(more..).unwrap_or_default();
        } else {
            rest = after;
        }
    }
    squeezed
}

fn fold(char: char, word: &mut String) {
    for lower in char.to_lowercase() {
        match lower {
            'à' | 'á' | 'â' | 'ã' | 'ä' | 'å' => word.push('a'),
            'ç' => word.push('c'),
            'è' | 'é' | 'ê' | 'ë' => word.push('e'),
            'ì' | 'í' | 'î' | 'ï' => word.push('i'),
            'ñ' => word.push('n'),
            'ò' | 'ó' | 'ô' | 'õ' | 'ö' | 'ø' => word.push('o'),
            'ù' | 'ú' | 'û' | 'ü' => word.push('u'),
            'ß' => word.push_str("ss"),
            'œ' => word.push_str("oe"),
            'æ' => word.push_str("ae"),
            // Accents written as a sign of their own.
            '\u{300}'..='\u{36f}' => {}
            _ => word.push(lower),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<String> {
        let aliases = BTreeMap::from([("pls".to_owned(), "please".to_owned())]);
        sentences(text, &aliases)
            .iter()
            .map(|sentence| {
                sentence.words.iter().map(|word| word.text.as_str()).collect::<Vec<_>>().join(" ")
            })
            .collect()
    }

    #[test]
    fn classify_words_are_lower_case_without_accents_and_short_forms() {
        assert_eq!(
            read("Don't, PLS! Where’s Müller's Größe?"),
            ["do not please", "where is muller s grosse"]
        );
        assert_eq!(read("J'ai reçu"), ["j ai recu"]);
        assert_eq!(read("soooo pleaseee 10000"), ["so please 10000"]);
    }

    #[test]
    fn classify_sentences_end_at_marks_and_blank_lines_but_not_inside_addresses_or_wrapped_lines() {
        assert_eq!(read("see a.shop.com now.Then go"), ["see a shop com now", "then go"]);
        assert_eq!(read("where is\nmy order\n\nthanks"), ["where is my order", "thanks"]);
        assert_eq!(read("Hi\nWhere"), ["hi", "where"]);
    }
}
