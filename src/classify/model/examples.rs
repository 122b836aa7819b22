//! What a model learns from: messages with the intent that a person gave them.
//!
//! A file is CSV with a header: `text` and `intent` must be there, `language` and `flag` may be, any other column is
//! left alone. The starter pack is such files (`src/classify/starter/`), a shop's own export is another
//! (`train --data`), and the examples under `[intents.…]` in the configuration add to them.

use std::io::Read;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// The class of messages that are none of the shop's business; read as `other`.
pub const BACKGROUND: &str = "background";
/// Bytes of one text at most; what is behind them is left out.
const TEXT_BYTES_MAX: usize = 20_000;
/// Messages at most: bounds the memory of a training.
pub const EXAMPLES_MAX: usize = 200_000;

/// The starter pack, by file.
const STARTER: &[(&str, &str)] = &[
    ("urgent.csv", include_str!("../starter/urgent.csv")),
    ("orders.csv", include_str!("../starter/orders.csv")),
    ("status.csv", include_str!("../starter/status.csv")),
    ("twins.csv", include_str!("../starter/twins.csv")),
    ("rest.csv", include_str!("../starter/rest.csv")),
    ("languages.csv", include_str!("../starter/languages.csv")),
    ("background.csv", include_str!("../starter/background.csv")),
];

/// Whether facts answer a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, Default)]
#[serde(rename_all = "lowercase")]
pub enum Flag {
    /// Nobody said.
    #[default]
    None,
    /// A plain status question: the state of the customer's own order answers it completely.
    Plain,
    /// Looks like one and must not be answered.
    Trap,
}

/// Where an example comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// The starter pack.
    Starter,
    /// The shop's configuration.
    Config,
    /// The shop's own tickets: only these may set a threshold.
    Shop,
}

/// One message and what it is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Example {
    /// The intent's name, or [`BACKGROUND`].
    pub intent: String,
    /// What was written.
    pub text: String,
    /// Whether facts answer it.
    pub flag: Flag,
    /// Where it comes from.
    pub source: Source,
}

/// Why a file cannot be learned from.
#[derive(Debug, thiserror::Error)]
pub enum ExamplesError {
    /// A column is missing.
    #[error(
        "there is no column \"{0}\"; the first line must name the columns, `text` and `intent` among them"
    )]
    Column(&'static str),
    /// A line does not read.
    #[error("line {line}: {problem}")]
    Line {
        /// Counted from 1.
        line: u64,
        /// What is wrong with it.
        problem: String,
    },
    /// Saved with other marks between the columns.
    #[error("the columns stand apart by \"{0}\"; save the file as CSV with commas between them")]
    Commas(&'static str),
    /// It cannot be read at all.
    #[error("{0}")]
    Unreadable(String),
    /// There is nothing in it.
    #[error("there is no message in it")]
    Empty,
}

/// Reads a CSV file of messages.
///
/// # Errors
/// The first thing that is wrong with it, with its line.
pub fn read(file: impl Read, source: Source) -> Result<Vec<Example>, ExamplesError> {
    Ok(read_lines(file, source)?.into_iter().map(|(_, example)| example).collect())
}

/// The same, each message with its line (from 1).
///
/// # Errors
/// As [`read`].
pub fn read_lines(file: impl Read, source: Source) -> Result<Vec<(u64, Example)>, ExamplesError> {
    let mut reader = csv::ReaderBuilder::new().flexible(false).trim(csv::Trim::Headers).from_reader(file);
    let headers = reader.headers().map_err(|error| broken(&error))?.clone();
    if headers.is_empty() {
        return Err(ExamplesError::Empty);
    }
    let only = headers.get(0).filter(|_| headers.len() == 1).unwrap_or_default();
    for (mark, name) in [(';', ";"), ('\t', "tab")] {
        if only.contains(mark) {
            return Err(ExamplesError::Commas(name));
        }
    }
    let place = |name: &'static str| {
        headers.iter().position(|header| header.trim_start_matches('\u{feff}').eq_ignore_ascii_case(name))
    };
    let text_at = place("text").ok_or(ExamplesError::Column("text"))?;
    let intent_at = place("intent").ok_or(ExamplesError::Column("intent"))?;
    let flag_at = place("flag");
    let mut examples = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|error| broken(&error))?;
        let line = record.position().map_or(0, csv::Position::line);
        let wrong = |problem: String| ExamplesError::Line { line, problem };
        let field = |at: usize| record.get(at).unwrap_or_default().trim();
        let flag = match flag_at.map_or("", field) {
            "plain" => Flag::Plain,
            "trap" => Flag::Trap,
            "" => Flag::None,
            other => {
                return Err(wrong(format!("the flag \"{other}\" is none of plain, trap, or empty")));
            }
        };
        let intent = field(intent_at).to_owned();
        if intent.is_empty() {
            return Err(wrong("the intent is empty; name one, or leave the line out".to_owned()));
        }
        if examples.len() == EXAMPLES_MAX {
            return Err(wrong(format!("more than {EXAMPLES_MAX} messages; take the newest ones")));
        }
        let text = field(text_at);
        if !text.is_empty() {
            let text = text.get(..text.floor_char_boundary(TEXT_BYTES_MAX)).unwrap_or(text).to_owned();
            examples.push((line, Example { intent, text, flag, source }));
        }
    }
    if examples.is_empty() { Err(ExamplesError::Empty) } else { Ok(examples) }
}

fn broken(error: &csv::Error) -> ExamplesError {
    let line = error.position().map_or(1, csv::Position::line);
    let problem = match error.kind() {
        csv::ErrorKind::Io(error) => return ExamplesError::Unreadable(error.to_string()),
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!("{len} fields where the first line names {expected_len}; is a quote missing?")
        }
        csv::ErrorKind::Utf8 { .. } => "is not UTF-8; save the file as UTF-8".to_owned(),
        _ => error.to_string(),
    };
    ExamplesError::Line { line, problem }
}

/// The starter pack.
///
/// # Errors
/// A built-in file that does not read; a test keeps this from happening.
pub fn starter() -> Result<Vec<Example>, ExamplesError> {
    let mut all = Vec::new();
    for (_, file) in STARTER {
        all.extend(read(file.as_bytes(), Source::Starter)?);
    }
    Ok(all)
}

/// In one order, and each text once: the same examples give the same model however they were given.
///
/// A text that comes twice with different intents keeps the shop's word over the starter pack's, and of two of the
/// shop's the first by name.
pub fn in_order(mut examples: Vec<Example>) -> Vec<Example> {
    examples.sort_by(|a, b| {
        let folded = |example: &Example| example.text.to_lowercase();
        folded(a)
            .cmp(&folded(b))
            .then(b.source.cmp(&a.source))
            .then_with(|| a.intent.cmp(&b.intent))
            .then(b.flag.cmp(&a.flag))
            .then_with(|| a.text.cmp(&b.text))
    });
    examples.dedup_by(|later, first| {
        let same = later.text.to_lowercase() == first.text.to_lowercase();
        if same {
            // A trap that somebody knew stays one.
            first.flag = first.flag.max(later.flag);
        }
        same
    });
    examples
}

/// The fingerprint of what was learned from (SHA-256, hexadecimal), in the order of [`in_order`].
pub fn fingerprint(examples: &[Example]) -> String {
    let mut hash = Sha256::new();
    for example in examples {
        for field in [example.intent.as_str(), &example.text, &format!("{:?}", example.flag)] {
            hash.update((field.len() as u64).to_le_bytes());
            hash.update(field.as_bytes());
        }
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The fingerprint of the configuration's own examples among these.
pub fn configured(examples: &[Example]) -> String {
    let own = examples.iter().filter(|example| example.source == Source::Config).cloned();
    fingerprint(&in_order(own.collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_text(text: &str) -> Result<Vec<Example>, String> {
        read(text.as_bytes(), Source::Shop).map_err(|error| error.to_string())
    }

    #[test]
    fn columns_are_found_by_name_and_empty_texts_are_left_out() {
        let read = read_text("Intent,note,TEXT\nthanks,x,\"Thank you,\nAnna\"\nthanks,y,\n").unwrap();
        assert_eq!(read.len(), 1);
        assert_eq!((read[0].intent.as_str(), read[0].text.as_str()), ("thanks", "Thank you,\nAnna"));
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line() {
        for (file, wanted) in [
            ("message,intent\na,b\n", "there is no column \"text\""),
            ("text,intent\nhi,thanks\nhi\n", "line 3: 1 fields where the first line names 2"),
            ("text,intent,flag\nhi,thanks,maybe\n", "line 2: the flag \"maybe\""),
            ("text,intent\nhi,\n", "line 2: the intent is empty"),
            ("text,intent\n", "there is no message in it"),
            ("", "there is no message in it"),
            ("text;intent\nhi;thanks\n", "by \";\"; save the file as CSV with commas"),
            ("text\tintent\nhi\tthanks\n", "by \"tab\"; save the file as CSV with commas"),
        ] {
            let error = read_text(file).unwrap_err();
            assert!(error.contains(wanted), "{error}");
        }
        let error = read(&b"text,intent\n\xff\xfe,thanks\n"[..], Source::Shop).unwrap_err().to_string();
        assert!(error.contains("UTF-8"), "{error}");
    }

    #[test]
    fn the_order_does_not_matter_and_the_shops_word_counts() {
        let one = |intent: &str, text: &str, source| Example {
            intent: intent.into(),
            text: text.into(),
            flag: Flag::None,
            source,
        };
        let a = one("thanks", "ok bye", Source::Starter);
        let b = one("other", "OK bye", Source::Shop);
        let c = one("thanks", "ta", Source::Starter);
        let ordered = in_order(vec![a.clone(), b.clone(), c.clone()]);
        assert_eq!(ordered, in_order(vec![c.clone(), b.clone(), a]));
        assert_eq!(ordered, [b, c]);
        assert_ne!(fingerprint(&ordered), fingerprint(&ordered[..1]));
    }
}
