//! The phrase language of `phrases/*.toml`: one phrase compiled, and matched against one sentence.
//!
//! | written | means |
//! |---|---|
//! | `where is my order` | these words in this order, whole words only |
//! | `(order\|parcel\|my stuff)` | any one of these |
//! | `is\|was` | any one of these single words |
//! | `{order}` | any one of the list of that name under `[words]` |
//! | `please?`, `(right now)?`, `{order}?` | may be missing |
//! | `refund~` | any word that begins so: refund, refunds, refunded |
//! | `*`, `**` | up to 3, up to 8 words of any kind, but no *not*, *never*, *no* |
//! | `#` | a word with a digit in it |
//! | `^`, `$` at the ends | the sentence begins, ends here |
//!
//! Matching walks a set of positions through the phrase, so that its cost is bounded by the phrase's length times the
//! few positions that a gap opens; no phrase can make a message slow.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::lexicon::{Lexicon, NUMBER, Symbol};
use super::words::{Aliases, plain_words};

const GAP_WORDS: usize = 3;
const WIDE_GAP_WORDS: usize = 8;
const LIST_DEPTH_MAX: usize = 4;

/// What a phrase may refer to while it is compiled.
pub(super) struct Lists<'a> {
    /// `[words]`: name → alternatives, separated by `|`.
    words: &'a BTreeMap<String, String>,
    /// Spellings.
    aliases: &'a Aliases,
    /// What was compiled before: hundreds of phrases name the same list.
    compiled: HashMap<String, Arc<Options>>,
}

impl<'a> Lists<'a> {
    pub(super) fn new(words: &'a BTreeMap<String, String>, aliases: &'a Aliases) -> Self {
        Self { words, aliases, compiled: HashMap::new() }
    }
}

/// One phrase, compiled.
#[derive(Debug)]
pub(super) struct Pattern {
    items: Vec<Item>,
}

#[derive(Debug)]
enum Item {
    Begin,
    End,
    Gap(usize),
    Words { options: Arc<Options>, optional: bool },
}

/// Alternatives one behind the other: a list of its own for each would take ten times the room.
#[derive(Debug)]
struct Options {
    symbols: Box<[Symbol]>,
    /// Where each alternative ends in `symbols`.
    ends: Box<[usize]>,
}

impl Options {
    fn new(options: &[Vec<Symbol>]) -> Self {
        let ends = options.iter().scan(0, |end, option| {
            *end += option.len();
            Some(*end)
        });
        Self { symbols: options.concat().into(), ends: ends.collect() }
    }

    fn iter(&self) -> impl Iterator<Item = &[Symbol]> {
        let starts = std::iter::once(&0).chain(&self.ends);
        starts.zip(&self.ends).filter_map(|(start, end)| self.symbols.get(*start..*end))
    }
}

impl Pattern {
    /// Compiles a phrase; the error says what is wrong with it.
    pub(super) fn compile(
        phrase: &str,
        lists: &mut Lists<'_>,
        lexicon: &mut Lexicon,
    ) -> Result<Self, String> {
        let mut items = Vec::new();
        for part in parts(phrase)? {
            items.push(item(&part, lists, lexicon)?);
        }
        let leads = items.iter().find(|item| !matches!(item, Item::Begin));
        if !matches!(leads, Some(Item::Words { .. })) {
            return Err("it must begin with a word".to_owned());
        }
        if !items.iter().any(|item| matches!(item, Item::Words { optional: false, .. })) {
            return Err("every word in it may be missing".to_owned());
        }
        if matches!(items.last(), Some(Item::Gap(_))) {
            return Err("a gap at the end matches nothing more".to_owned());
        }
        Ok(Self { items })
    }

    /// Every symbol that a match can begin with.
    pub(super) fn heads(&self) -> Vec<Symbol> {
        let mut heads = Vec::new();
        for item in &self.items {
            if let Item::Words { options, optional } = item {
                heads.extend(options.iter().filter_map(|option| option.first().copied()));
                if !optional {
                    break;
                }
            }
        }
        heads.sort_unstable();
        heads.dedup();
        heads
    }

    /// Whether the phrase itself names a word with one of these symbols, so that no gap has swallowed it.
    pub(super) fn names(&self, word: &[Symbol]) -> bool {
        self.items.iter().any(|item| match item {
            Item::Words { options, .. } => options.symbols.iter().any(|symbol| word.contains(symbol)),
            _ => false,
        })
    }

    /// A quick no: some word that the phrase needs is nowhere in the message.
    pub(super) fn possible(&self, present: impl Fn(Symbol) -> bool) -> bool {
        self.items.iter().all(|item| match item {
            Item::Words { options, optional: false } => {
                options.iter().any(|option| option.iter().all(|symbol| present(*symbol)))
            }
            _ => true,
        })
    }

    /// Matches from word `start` on; gives the position after the shortest match.
    ///
    /// `negates(at)` tells whether the word at that position is one that a gap must not jump over.
    pub(super) fn match_at(
        &self,
        sentence: &[Vec<Symbol>],
        start: usize,
        negates: impl Fn(usize) -> bool,
    ) -> Option<usize> {
        let mut at = vec![start];
        for item in &self.items {
            let mut next = Vec::with_capacity(at.len());
            for from in &at {
                step(item, sentence, *from, &negates, &mut next);
            }
            next.sort_unstable();
            next.dedup();
            at = next;
            if at.is_empty() {
                return None;
            }
        }
        at.into_iter().find(|end| *end > start)
    }
}

fn step(
    item: &Item,
    sentence: &[Vec<Symbol>],
    from: usize,
    negates: impl Fn(usize) -> bool,
    next: &mut Vec<usize>,
) {
    match item {
        Item::Begin if from == 0 => next.push(from),
        Item::End if from == sentence.len() => next.push(from),
        Item::Begin | Item::End => {}
        Item::Gap(words) => {
            next.push(from);
            for at in from..(from + words).min(sentence.len()) {
                if negates(at) {
                    break;
                }
                next.push(at + 1);
            }
        }
        Item::Words { options, optional } => {
            if *optional {
                next.push(from);
            }
            for option in options.iter() {
                let words = sentence.get(from..from + option.len());
                if words
                    .is_some_and(|words| words.iter().zip(option).all(|(word, symbol)| word.contains(symbol)))
                {
                    next.push(from + option.len());
                }
            }
        }
    }
}

/// Cuts a phrase at spaces outside brackets.
fn parts(phrase: &str) -> Result<Vec<String>, String> {
    let mut parts = vec![String::new()];
    let mut inside = false;
    for char in phrase.chars() {
        match char {
            '(' if inside => return Err("brackets inside brackets".to_owned()),
            ')' if !inside => return Err("a bracket closes that was never opened".to_owned()),
            '(' | ')' => inside = char == '(',
            _ => {}
        }
        if char.is_whitespace() && !inside {
            parts.push(String::new());
        } else if let Some(part) = parts.last_mut() {
            part.push(char);
        }
    }
    if inside {
        return Err("a bracket is left open".to_owned());
    }
    parts.retain(|part| !part.is_empty());
    Ok(parts)
}

fn item(part: &str, lists: &mut Lists<'_>, lexicon: &mut Lexicon) -> Result<Item, String> {
    match part {
        "^" => return Ok(Item::Begin),
        "$" => return Ok(Item::End),
        "*" => return Ok(Item::Gap(GAP_WORDS)),
        "**" => return Ok(Item::Gap(WIDE_GAP_WORDS)),
        _ => {}
    }
    let (body, optional) = part.strip_suffix('?').map_or((part, false), |body| (body, true));
    let body = body.strip_prefix('(').and_then(|body| body.strip_suffix(')')).unwrap_or(body);
    if body.contains(['(', ')', '?', '*']) {
        return Err(format!("`{part}` mixes signs that cannot stand together"));
    }
    if let Some(known) = lists.compiled.get(body) {
        return Ok(Item::Words { options: Arc::clone(known), optional });
    }
    let mut options = Vec::new();
    alternatives(body, lists, lexicon, LIST_DEPTH_MAX, &mut options)?;
    let options = Arc::new(Options::new(&options));
    lists.compiled.insert(body.to_owned(), Arc::clone(&options));
    Ok(Item::Words { options, optional })
}

fn alternatives(
    body: &str,
    lists: &Lists<'_>,
    lexicon: &mut Lexicon,
    depth: usize,
    options: &mut Vec<Vec<Symbol>>,
) -> Result<(), String> {
    for option in body.split('|').map(str::trim) {
        if let Some(name) = option.strip_prefix('{').and_then(|name| name.strip_suffix('}')) {
            let list = lists.words.get(name).ok_or_else(|| format!("there is no word list `{name}`"))?;
            let depth = depth.checked_sub(1).ok_or("word lists that name each other in a circle")?;
            alternatives(list, lists, lexicon, depth, options)?;
            continue;
        }
        let mut symbols = Vec::new();
        for word in option.split_whitespace() {
            spell(word, lists, lexicon, &mut symbols)?;
        }
        if symbols.is_empty() {
            return Err("an alternative is empty".to_owned());
        }
        options.push(symbols);
    }
    Ok(())
}

fn spell(
    word: &str,
    lists: &Lists<'_>,
    lexicon: &mut Lexicon,
    symbols: &mut Vec<Symbol>,
) -> Result<(), String> {
    if word == "#" {
        symbols.push(NUMBER);
        return Ok(());
    }
    let (body, is_stem) = word.strip_suffix('~').map_or((word, false), |body| (body, true));
    if body.contains(['~', '{', '}', '^', '$']) {
        return Err(format!("`{word}` mixes signs that cannot stand together"));
    }
    let plain = plain_words(body, if is_stem { &EMPTY } else { lists.aliases });
    let Some((last, before)) = plain.split_last() else {
        return Err(format!("`{word}` holds no word"));
    };
    symbols.extend(before.iter().map(|word| lexicon.word(word)));
    if is_stem && last.chars().count() < 2 {
        return Err(format!("the stem `{word}` is too short"));
    }
    symbols.push(if is_stem { lexicon.stem(last) } else { lexicon.word(last) });
    Ok(())
}

static EMPTY: Aliases = Aliases::new();

#[cfg(test)]
mod tests {
    use super::*;
    use crate::classify::words::sentences;

    fn compile(phrase: &str) -> Result<(Pattern, Lexicon), String> {
        let words = BTreeMap::from([("order".to_owned(), "order|parcel".to_owned())]);
        let mut lexicon = Lexicon::default();
        let aliases = Aliases::new();
        let pattern = Pattern::compile(phrase, &mut Lists::new(&words, &aliases), &mut lexicon)?;
        lexicon.word("not");
        lexicon.seal();
        Ok((pattern, lexicon))
    }

    fn meets(phrase: &str, text: &str) -> bool {
        let (pattern, lexicon) = compile(phrase).unwrap();
        let mut text = sentences(text, &Aliases::new());
        let read = lexicon.read(&mut text);
        let words = &text[0].words;
        (0..words.len())
            .any(|start| pattern.match_at(&read.symbols[0], start, |at| words[at].text == "not").is_some())
    }

    #[test]
    fn classify_a_phrase_meets_whole_words_only() {
        assert!(meets("where is my {order}", "hi where's my parcel now"));
        assert!(!meets("ship", "the relationship of shipping"));
        assert!(meets("ship~", "it shipped"));
        assert!(meets("where (is|can i find) the? order", "where can i find order 7"));
        assert!(meets("order #", "order MK 20713") || meets("order * #", "order MK-20713"));
        assert!(meets("^ stop $", "STOP") && !meets("^ stop $", "stop it"));
    }

    #[test]
    fn classify_a_gap_is_short_and_never_jumps_over_a_not() {
        assert!(meets("want * refund", "I want a full nice refund"));
        assert!(!meets("want * refund", "I want one two three four refund"));
        assert!(!meets("want * refund", "I want you not to refund"));
    }

    #[test]
    fn classify_a_bad_phrase_is_refused_with_the_reason() {
        for phrase in
            ["* order", "order *", "(a|b", "a)", "((a))", "{nobody}", "maybe?", "a|", "", "x~y", "^"]
        {
            assert!(compile(phrase).is_err(), "{phrase}");
        }
    }
}
