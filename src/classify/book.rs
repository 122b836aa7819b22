//! The form of the phrase files (`phrases/*.toml`), as a person edits them, and how several of them become one book:
//! every section is optional, lists grow, and what an earlier file says about an intent's rank stands.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use serde::Deserialize;

/// One file, or all of them together.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Book {
    /// Spelling → what it stands for.
    pub(super) alias: BTreeMap<String, String>,
    /// Name → alternatives, for `{name}` in phrases.
    pub(super) words: BTreeMap<String, String>,
    /// What turns a wish into none.
    pub(super) negation: Negation,
    /// What a plain status question is made of.
    pub(super) plain: Plain,
    /// In the order of the table: the tie-break within a priority.
    pub(super) intent: Vec<IntentEntry>,
    /// Reasons against a factual reply.
    pub(super) caution: Vec<CautionEntry>,
}

/// `[negation]`: lists of single words, separated by spaces.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Negation {
    /// not, never, no, …
    pub(super) words: String,
    /// Within two words after a *not*, these make it harmless to a later wish (`not here`, `can't believe`).
    pub(super) harmless: String,
    /// A new thought begins: the *not* before it reaches no further.
    pub(super) breaks: String,
    /// Negations that may come after the verb.
    pub(super) after: String,
}

/// `[plain]`.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Plain {
    /// Words that say nothing beyond a status question wherever they stand, separated by spaces.
    pub(super) words: String,
    /// Words that say nothing more only in the clause that asks for the status.
    pub(super) beside: String,
    /// Correct words that must not be taken for a slip of a known one.
    pub(super) real: String,
    /// Whole turns of phrase that say nothing beyond a status question.
    pub(super) phrases: Vec<String>,
}

/// `[[intent]]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct IntentEntry {
    /// Its fixed name.
    pub(super) name: String,
    /// 0 is the most urgent; given once, in the English files.
    #[serde(default)]
    pub(super) priority: Option<u8>,
    /// Intents of the same priority that are only the outcome of this one.
    #[serde(default)]
    pub(super) before: Vec<String>,
    /// One of these is enough.
    #[serde(default)]
    pub(super) strong: Vec<String>,
    /// Likely.
    #[serde(default)]
    pub(super) normal: Vec<String>,
    /// A hint.
    #[serde(default)]
    pub(super) weak: Vec<String>,
    /// Where one of these covers a match, the match does not count.
    #[serde(default)]
    pub(super) except: Vec<String>,
}

/// `[[caution]]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CautionEntry {
    /// The reason, one plain sentence.
    pub(super) say: String,
    /// What shows it.
    #[serde(default)]
    pub(super) phrases: Vec<String>,
    /// The words are often innocent: a model that is very sure of a plain question overrules it.
    #[serde(default)]
    pub(super) weak: bool,
    /// A status question over the same words explains them away.
    #[serde(default)]
    pub(super) unless_status: bool,
    /// What looks like it and is not.
    #[serde(default)]
    pub(super) except: Vec<String>,
}

impl Book {
    /// Takes another file in. A spelling that both list keeps its first meaning; everything else adds up.
    pub(super) fn merge(&mut self, other: Self) {
        for (spelling, meant) in other.alias {
            self.alias.entry(spelling).or_insert(meant);
        }
        for (name, alternatives) in other.words {
            match self.words.entry(name) {
                Entry::Vacant(free) => {
                    free.insert(alternatives);
                }
                Entry::Occupied(mut known) => join(known.get_mut(), '|', &alternatives),
            }
        }
        join(&mut self.negation.words, ' ', &other.negation.words);
        join(&mut self.negation.harmless, ' ', &other.negation.harmless);
        join(&mut self.negation.breaks, ' ', &other.negation.breaks);
        join(&mut self.negation.after, ' ', &other.negation.after);
        join(&mut self.plain.words, ' ', &other.plain.words);
        join(&mut self.plain.beside, ' ', &other.plain.beside);
        join(&mut self.plain.real, ' ', &other.plain.real);
        self.plain.phrases.extend(other.plain.phrases);
        for entry in other.intent {
            match self.intent.iter_mut().find(|known| known.name == entry.name) {
                Some(known) => known.merge(entry),
                None => self.intent.push(entry),
            }
        }
        for entry in other.caution {
            match self.caution.iter_mut().find(|known| known.say == entry.say && known.weak == entry.weak) {
                Some(known) => known.merge(entry),
                None => self.caution.push(entry),
            }
        }
    }
}

impl IntentEntry {
    fn merge(&mut self, other: Self) {
        self.priority = self.priority.or(other.priority);
        self.before.extend(other.before);
        self.strong.extend(other.strong);
        self.normal.extend(other.normal);
        self.weak.extend(other.weak);
        self.except.extend(other.except);
    }
}

impl CautionEntry {
    fn merge(&mut self, other: Self) {
        self.phrases.extend(other.phrases);
        self.unless_status |= other.unless_status;
        self.except.extend(other.except);
    }
}

fn join(list: &mut String, between: char, more: &str) {
    if !list.is_empty() && !more.is_empty() {
        list.push(between);
    }
    list.push_str(more);
}
