//! The phrase classifier: what the files in `phrases/` list, found in a message and weighed.
//!
//! Built once at start ([`PhraseClassifier::new`]), then asked from every worker. Steps for one message: text to
//! sentences (`words`), words to symbols with small slips forgiven (`lexicon`), every phrase looked
//! for (`finder`), wishes under a *not* dropped (`negation`), the rest weighed and ranked
//! (`ranking`, which also defines the confidence).
//!
//! What may go wrong: only a phrase that does not compile, at start, with the phrase in the error.

use std::collections::BTreeMap;

use super::book::Book;
use super::finder::{Draft, Finder, Target};
use super::ranking::{Message, Table, TableCaution, TableIntent};
use super::words::{Sentence, sentences};
use super::{Classifier, Input, Verdict};
use crate::event::Intent;

/// The built-in rules; a person may read and edit them. The English files come first: they give every rank.
const BUILT_IN: &[(&str, &str)] = &[
    ("words.toml", include_str!("phrases/words.toml")),
    ("cautions.toml", include_str!("phrases/cautions.toml")),
    ("urgent.toml", include_str!("phrases/urgent.toml")),
    ("orders.toml", include_str!("phrases/orders.toml")),
    ("parcels.toml", include_str!("phrases/parcels.toml")),
    ("rest.toml", include_str!("phrases/rest.toml")),
    ("es.toml", include_str!("phrases/es.toml")),
    ("de.toml", include_str!("phrases/de.toml")),
    ("fr.toml", include_str!("phrases/fr.toml")),
    ("pt.toml", include_str!("phrases/pt.toml")),
    ("nl.toml", include_str!("phrases/nl.toml")),
];
const VERSION: &str = "phrases-1";

/// Where an intent that only the shop knows stands among the others.
const OWN_INTENT_PRIORITY: u8 = 6;

pub(super) const STRONG: f64 = 0.92;
pub(super) const NORMAL: f64 = 0.74;
pub(super) const WEAK: f64 = 0.5;

/// The subject counts for less than the text, and less again when it is the shop's own ("Re: …").
const SUBJECT_STRENGTH: f64 = 0.6;
const REPLY_SUBJECT_STRENGTH: f64 = 0.3;

/// Why the rules cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PhraseError {
    /// A built-in file does not read; a test keeps this from happening.
    #[error("the built-in phrases in {file} cannot be read: {problem}")]
    Book {
        /// Which.
        file: &'static str,
        /// Where and why.
        problem: toml::de::Error,
    },
    /// One phrase does not compile.
    #[error("the phrase `{phrase}` cannot be used: {problem}")]
    Phrase {
        /// As written.
        phrase: String,
        /// What is wrong with it.
        problem: String,
    },
    /// The built-in files name an intent that they do not list, or never say how urgent it is.
    #[error("the phrases name an intent that is not in the table: {0}")]
    UnknownIntent(String),
}

/// The classifier that lives in the binary.
#[derive(Debug)]
pub struct PhraseClassifier {
    aliases: BTreeMap<String, String>,
    finder: Finder,
    table: Table,
}

impl PhraseClassifier {
    /// Compiles the built-in phrases and the shop's own.
    ///
    /// `extra` holds example phrases per intent, in the same language (see the head of `phrases/words.toml`), each as strong as
    /// a strong built-in one; an intent that the table does not know ranks behind the known ones of priority 6.
    /// A `disabled` intent is never ranked nor raised as urgent, but what speaks for it still stops a factual reply.
    ///
    /// # Errors
    /// [`PhraseError::Phrase`] names the first phrase that does not compile.
    pub fn new(extra: &BTreeMap<Intent, Vec<String>>, disabled: &[Intent]) -> Result<Self, PhraseError> {
        let book = built_in()?;
        let table = table(&book, extra, disabled)?;
        let mut drafts = drafts(&book);
        for (intent, phrases) in extra {
            let place = table.intents.iter().position(|entry| entry.name == *intent);
            let target = Target::Intent(place.unwrap_or_default());
            drafts.extend(phrases.iter().map(|phrase| (target, STRONG, phrase.as_str())));
        }
        let finder = Finder::new(&book, &drafts)?;
        Ok(Self { aliases: book.alias, finder, table })
    }

    /// Whether the intent is known and never claimed.
    pub(super) fn is_disabled(&self, intent: &str) -> bool {
        self.table.intents.iter().any(|known| known.disabled && known.name.as_str() == intent)
    }

    /// How many phrases are in force.
    pub fn phrase_count(&self) -> usize {
        self.finder.rules.len()
    }
}

impl Classifier for PhraseClassifier {
    fn classify(&self, input: &Input<'_>) -> Verdict {
        let mut read: Vec<Sentence> = sentences(input.text, &self.aliases);
        let text_sentences = read.len();
        let from_subject = sentences(subject_text(input.subject), &self.aliases);
        let subject_strength = match (text_sentences, is_reply(input.subject)) {
            (0, false) => 1.0,
            (_, false) => SUBJECT_STRENGTH,
            (_, true) => REPLY_SUBJECT_STRENGTH,
        };
        read.extend(from_subject);
        let symbols = self.finder.lexicon.read(&mut read);
        let hits = self.finder.find(&read, &symbols);
        let message =
            Message { sentences: &read, text_sentences, subject_strength, read: &symbols, hits: &hits };
        self.table.verdict(&self.finder, &message)
    }

    fn version(&self) -> String {
        VERSION.to_owned()
    }
}

pub(super) fn built_in() -> Result<Book, PhraseError> {
    let mut book = Book::default();
    for (file, text) in BUILT_IN {
        book.merge(toml::from_str(text).map_err(|problem| PhraseError::Book { file, problem })?);
    }
    Ok(book)
}

fn table(
    book: &Book,
    extra: &BTreeMap<Intent, Vec<String>>,
    disabled: &[Intent],
) -> Result<Table, PhraseError> {
    let place = |name: &str| {
        let found = book.intent.iter().position(|entry| entry.name == name);
        found.ok_or_else(|| PhraseError::UnknownIntent(name.to_owned()))
    };
    let mut intents = Vec::new();
    for entry in &book.intent {
        intents.push(TableIntent {
            name: Intent::from(entry.name.as_str()),
            priority: entry.priority.ok_or_else(|| PhraseError::UnknownIntent(entry.name.clone()))?,
            before: entry.before.iter().map(|name| place(name)).collect::<Result<_, _>>()?,
            disabled: disabled.iter().any(|intent| intent.as_str() == entry.name),
        });
    }
    for name in extra.keys() {
        if intents.iter().all(|intent| intent.name != *name) {
            let disabled = disabled.contains(name);
            let before = Vec::new();
            intents.push(TableIntent { name: name.clone(), priority: OWN_INTENT_PRIORITY, before, disabled });
        }
    }
    let cautions = book.caution.iter().map(|caution| TableCaution {
        say: caution.say.clone(),
        weak: caution.weak,
        unless_status: caution.unless_status,
    });
    let cautions = cautions.collect();
    Ok(Table { intents, cautions })
}

pub(super) fn drafts(book: &Book) -> Vec<Draft<'_>> {
    let mut drafts: Vec<Draft<'_>> = Vec::new();
    for (place, entry) in book.intent.iter().enumerate() {
        for (weight, phrases) in [(STRONG, &entry.strong), (NORMAL, &entry.normal), (WEAK, &entry.weak)] {
            drafts.extend(phrases.iter().map(|phrase| (Target::Intent(place), weight, phrase.as_str())));
        }
        drafts.extend(entry.except.iter().map(|phrase| (Target::NotIntent(place), 0.0, phrase.as_str())));
    }
    for (place, entry) in book.caution.iter().enumerate() {
        drafts.extend(entry.phrases.iter().map(|phrase| (Target::Caution(place), 0.0, phrase.as_str())));
        drafts.extend(entry.except.iter().map(|phrase| (Target::NotCaution(place), 0.0, phrase.as_str())));
    }
    drafts.extend(book.plain.phrases.iter().map(|phrase| (Target::Plain, 0.0, phrase.as_str())));
    drafts
}

const REPLY_MARKS: &[&str] = &["re:", "fw:", "fwd:", "aw:", "wg:", "sv:", "antw:", "tr:", "rv:", "res:"];

fn is_reply(subject: &str) -> bool {
    let subject = subject.trim_start().to_lowercase();
    REPLY_MARKS.iter().any(|mark| subject.starts_with(mark))
}

fn subject_text(subject: &str) -> &str {
    if is_reply(subject) { subject.split_once(':').map_or("", |(_, rest)| rest) } else { subject }
}
