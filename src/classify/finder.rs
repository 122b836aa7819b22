//! Every phrase of the book, compiled, and where each of them stands in a message.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::book::Book;
use super::lexicon::{Lexicon, Read, Symbol};
use super::negation::Negation;
use super::pattern::{Lists, Pattern};
use super::phrases::PhraseError;
use super::words::{Sentence, plain_words};

/// A phrase that occurs more often than this in one message says nothing new.
const HITS_PER_PHRASE_MAX: usize = 4;

/// What a phrase speaks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Target {
    /// The intent with this place in the table.
    Intent(usize),
    /// Against counting a match of that intent.
    NotIntent(usize),
    /// The caution with this place.
    Caution(usize),
    /// Against counting a match of that caution.
    NotCaution(usize),
    /// Nothing: small talk around a status question.
    Plain,
}

/// A compiled phrase with what it means.
#[derive(Debug)]
pub(super) struct Rule {
    /// What it speaks for.
    pub(super) target: Target,
    /// 0..=1.
    pub(super) weight: f64,
    /// As written.
    pub(super) phrase: String,
    /// Compiled.
    pub(super) pattern: Pattern,
}

/// A place where a rule matched.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Hit {
    /// Index of the rule.
    pub(super) rule: usize,
    /// Which sentence.
    pub(super) sentence: usize,
    /// First word.
    pub(super) start: usize,
    /// One past the last word.
    pub(super) end: usize,
}

impl Hit {
    /// Shares a word with the other.
    pub(super) fn overlaps(&self, other: &Self) -> bool {
        self.sentence == other.sentence && self.start < other.end && other.start < self.end
    }
}

/// All rules, and an index by the words that they can begin with.
#[derive(Debug)]
pub(super) struct Finder {
    /// Every rule.
    pub(super) rules: Vec<Rule>,
    by_head: HashMap<Symbol, Vec<u32>>,
    /// Known words.
    pub(super) lexicon: Lexicon,
    /// Negation lists.
    pub(super) negation: Negation,
    /// Words that say nothing beyond a status question.
    pub(super) plain: HashSet<String>,
    /// Words that say nothing more in a clause that asks for the status.
    pub(super) beside: HashSet<String>,
}

/// One phrase still to be compiled.
pub(super) type Draft<'a> = (Target, f64, &'a str);

impl Finder {
    /// Compiles all drafts; the first bad one is the error.
    pub(super) fn new(book: &Book, drafts: &[Draft<'_>]) -> Result<Self, PhraseError> {
        let mut lexicon = Lexicon::default();
        let mut lists = Lists::new(&book.words, &book.alias);
        let mut rules = Vec::with_capacity(drafts.len());
        let mut by_head: HashMap<Symbol, Vec<u32>> = HashMap::new();
        for (place, (target, weight, phrase)) in (0..).zip(drafts) {
            let pattern = Pattern::compile(phrase, &mut lists, &mut lexicon)
                .map_err(|problem| PhraseError::Phrase { phrase: (*phrase).to_owned(), problem })?;
            for head in pattern.heads() {
                by_head.entry(head).or_default().push(place);
            }
            rules.push(Rule { target: *target, weight: *weight, phrase: (*phrase).to_owned(), pattern });
        }
        by_head.values_mut().for_each(Vec::shrink_to_fit);
        let negation = Negation::new(&book.negation);
        let set = |list: &str| plain_words(list, &BTreeMap::new()).into_iter().collect::<HashSet<String>>();
        let beside = set(&book.plain.beside);
        // What is English beside a status question may be small talk in another language, and would say too much.
        let plain: HashSet<String> =
            set(&book.plain.words).into_iter().filter(|word| !beside.contains(word)).collect();
        lexicon.protect(negation.all_words().chain(&plain).chain(&beside).cloned());
        lexicon.protect(plain_words(&book.plain.real, &BTreeMap::new()).into_iter());
        lexicon.seal();
        Ok(Self { rules, by_head, lexicon, negation, plain, beside })
    }

    /// Finds every rule in the sentences, in the order of the rules.
    pub(super) fn find(&self, sentences: &[Sentence], read: &Read) -> Vec<Hit> {
        let mut candidates: Vec<u32> =
            read.places.keys().filter_map(|symbol| self.by_head.get(symbol)).flatten().copied().collect();
        candidates.sort_unstable();
        candidates.dedup();
        let mut hits = Vec::new();
        for rule in candidates.into_iter().map(|rule| rule as usize) {
            let Some(found) = self.rules.get(rule) else { continue };
            if found.pattern.possible(|symbol| read.places.contains_key(&symbol)) {
                self.find_rule(rule, &found.pattern, sentences, read, &mut hits);
            }
        }
        hits
    }

    fn find_rule(
        &self,
        rule: usize,
        pattern: &Pattern,
        sentences: &[Sentence],
        read: &Read,
        hits: &mut Vec<Hit>,
    ) {
        let mut places: Vec<(usize, usize)> =
            pattern.heads().iter().filter_map(|head| read.places.get(head)).flatten().copied().collect();
        places.sort_unstable();
        places.dedup();
        let mut found = 0;
        let mut free_from = (0, 0);
        for (sentence, start) in places {
            if (sentence, start) < free_from {
                continue;
            }
            let (Some(symbols), Some(text)) = (read.symbols.get(sentence), sentences.get(sentence)) else {
                continue;
            };
            let negates =
                |at: usize| text.words.get(at).is_some_and(|word| self.negation.is_word(&word.text));
            if let Some(end) = pattern.match_at(symbols, start, negates) {
                hits.push(Hit { rule, sentence, start, end });
                free_from = (sentence, end);
                found += 1;
                if found >= HITS_PER_PHRASE_MAX {
                    return;
                }
            }
        }
    }
}
