//! Labelled messages to measure on: CSV with `text` and `intent`, and perhaps `also`, `flag`, `language`, `subject`.
//!
//! Other columns are left alone, a row without a text is skipped. An intent that nobody knows is no error here: who
//! measures counts and names it.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use anyhow::Result;

use crate::classify::model::examples::{self, Example, Source};
use crate::cli::session::Failure;

/// What a message is in the file for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flag {
    /// Nothing special.
    None,
    /// A plain status question: an answer from facts is wanted.
    Plain,
    /// Looks like one and must not be answered.
    Trap,
    /// None of the shop's business.
    Stranger,
    /// Sounds urgent and is not of priority 0.
    NotUrgent,
}

/// One message with what a person said of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Labelled {
    /// Line of the file, from 1.
    pub(super) line: u64,
    pub(super) text: String,
    pub(super) subject: String,
    /// `en`, `de`, …; empty when the file does not say.
    pub(super) language: String,
    pub(super) intent: String,
    /// Intents that are right too.
    pub(super) also: Vec<String>,
    pub(super) flag: Flag,
}

impl Labelled {
    /// Every intent that is right.
    pub(super) fn accepted(&self) -> impl Iterator<Item = &str> {
        std::iter::once(&self.intent).chain(&self.also).map(String::as_str)
    }
}

/// Reads messages with their flags.
///
/// # Errors
/// A file that is not there or does not read, with the line.
pub(super) fn labelled(path: &Path) -> Result<Vec<Labelled>> {
    read(open(path)?).map_err(|why| Failure::wrong(format!("{}: {why}", path.display())))
}

/// Reads a public set: `text` and `intent`.
///
/// # Errors
/// As [`labelled`].
pub(super) fn public(path: &Path) -> Result<Vec<Example>> {
    examples::read(open(path)?, Source::Shop)
        .map_err(|why| Failure::wrong(format!("{}: {why}", path.display())))
}

fn open(path: &Path) -> Result<File> {
    File::open(path).map_err(|error| Failure::wrong(format!("cannot read {}: {error}", path.display())))
}

/// Where the columns stand.
struct Columns {
    text: usize,
    intent: usize,
    also: Option<usize>,
    flag: Option<usize>,
    language: Option<usize>,
    subject: Option<usize>,
}

impl Columns {
    fn of(head: &csv::StringRecord) -> Result<Self, String> {
        let place = |name: &str| {
            let named = |field: &str| field.trim().trim_start_matches('\u{feff}').eq_ignore_ascii_case(name);
            head.iter().position(named)
        };
        let needed = |name: &str| {
            place(name).ok_or_else(|| {
                let found: Vec<&str> = head.iter().collect();
                format!(
                    "there is no column \"{name}\" (found: {}); the first line must name the columns, `text` and \
                     `intent` among them",
                    found.join(", ")
                )
            })
        };
        Ok(Self {
            text: needed("text")?,
            intent: needed("intent")?,
            also: place("also"),
            flag: place("flag"),
            language: place("language"),
            subject: place("subject"),
        })
    }

    fn labelled(&self, record: &csv::StringRecord, line: u64) -> Result<Labelled, String> {
        let field = |at: usize| record.get(at).unwrap_or_default().trim();
        let maybe = |at: Option<usize>| at.map_or("", field);
        let intent = field(self.intent);
        if intent.is_empty() {
            return Err("the intent is empty; name one, or leave the line out".into());
        }
        let also = maybe(self.also).split(';').map(str::trim).filter(|name| !name.is_empty());
        Ok(Labelled {
            line,
            text: field(self.text).to_owned(),
            subject: maybe(self.subject).to_owned(),
            language: maybe(self.language).to_lowercase(),
            intent: intent.to_owned(),
            also: also.map(str::to_owned).collect(),
            flag: flag(maybe(self.flag))?,
        })
    }
}

fn flag(word: &str) -> Result<Flag, String> {
    match word {
        "" => Ok(Flag::None),
        "plain" => Ok(Flag::Plain),
        "trap" => Ok(Flag::Trap),
        "stranger" => Ok(Flag::Stranger),
        "notp0" => Ok(Flag::NotUrgent),
        other => Err(format!("the flag \"{other}\" is none of plain, trap, stranger, notp0, or empty")),
    }
}

fn read(file: impl Read) -> Result<Vec<Labelled>, String> {
    let mut reader = csv::ReaderBuilder::new().from_reader(file);
    let head = reader.headers().map_err(|error| broken(&error))?;
    if head.is_empty() {
        return Err("there is no message in it".into());
    }
    let columns = Columns::of(head)?;
    let mut all = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|error| broken(&error))?;
        let line = record.position().map_or(0, csv::Position::line);
        let one = columns.labelled(&record, line).map_err(|why| format!("line {line}: {why}"))?;
        if !one.text.is_empty() {
            all.push(one);
        }
    }
    if all.is_empty() { Err("there is no message in it".into()) } else { Ok(all) }
}

fn broken(error: &csv::Error) -> String {
    let line = error.position().map_or(1, csv::Position::line);
    match error.kind() {
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!(
                "line {line}: {len} fields where the first line names {expected_len}; is a quote missing?"
            )
        }
        csv::ErrorKind::Utf8 { .. } => format!("line {line} is not UTF-8; save the file as UTF-8"),
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_found_by_name_and_what_may_be_missing_may_be_missing() {
        let all = read(
            "\u{feff}Intent,ALSO,note,text,flag,language,subject\n\
             order_status,shipping_delay; thanks,x,\"where, please\",plain,EN,Hi\nother,,,,,,\n"
                .as_bytes(),
        )
        .unwrap();
        assert_eq!(all.len(), 1, "a row without a text is skipped");
        let one = &all[0];
        assert_eq!(one.accepted().collect::<Vec<_>>(), ["order_status", "shipping_delay", "thanks"]);
        assert_eq!((one.text.as_str(), one.flag, one.line), ("where, please", Flag::Plain, 2));
        assert_eq!((one.language.as_str(), one.subject.as_str()), ("en", "Hi"));
        let bare = read("text,intent\nhi,thanks\n".as_bytes()).unwrap();
        assert_eq!((bare[0].flag, bare[0].language.as_str()), (Flag::None, ""));
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line() {
        for (file, wanted) in [
            (&b"message,intent\na,b\n"[..], "no column \"text\" (found: message, intent)"),
            (b"text,label\na,b\n", "no column \"intent\""),
            (b"text,intent\nhi,thanks\nhi\n", "line 3: 1 fields where the first line names 2"),
            (b"text,intent\nhi,\n", "line 2: the intent is empty"),
            (b"text,intent,flag\nhi,thanks,maybe\n", "line 2: the flag \"maybe\""),
            (b"text,intent\n", "there is no message in it"),
            (b"", "there is no message in it"),
            (b"text,intent\n\xff,thanks\n", "not UTF-8"),
        ] {
            let error = read(file).unwrap_err();
            assert!(error.contains(wanted), "{error}");
        }
    }
}
