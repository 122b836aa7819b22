//! Mails written to trip the reader: each says what is new in it and which order it names.
//!
//! A case is `=== name | html` (or `plain`, and `crlf`), the mail, a line `---`, then what must hold:
//! `is:` the lines that are left, in order (alone: nothing is left), `has:` and `not:` words that must
//! and must not be left, `order:` a number, `none` or `ambiguous`. Blank lines and runs of blanks do
//! not count. Names in braces stand for characters an editor hides.

use super::new_text::{Part, new_text};
use super::order_number::{OrderMention, order_mention};

const FILES: [(&str, &str); 11] = [
    ("gmail", include_str!("testdata/adversarial/gmail.txt")),
    ("outlook", include_str!("testdata/adversarial/outlook.txt")),
    ("apple", include_str!("testdata/adversarial/apple.txt")),
    ("webmail", include_str!("testdata/adversarial/webmail.txt")),
    ("signatures", include_str!("testdata/adversarial/signatures.txt")),
    ("shop", include_str!("testdata/adversarial/shop.txt")),
    ("html traps", include_str!("testdata/adversarial/html_traps.txt")),
    ("plain traps", include_str!("testdata/adversarial/plain_traps.txt")),
    ("second look", include_str!("testdata/adversarial/second_look.txt")),
    ("third look", include_str!("testdata/adversarial/third_look.txt")),
    ("fourth look", include_str!("testdata/adversarial/fourth_look.txt")),
];
const NUMBERS: &str = include_str!("testdata/adversarial/numbers.txt");

/// Characters that an editor hides or drops.
const HIDDEN: [(&str, &str); 7] = [
    ("{sp}", " "),
    ("{nbsp}", "\u{a0}"),
    ("{zwsp}", "\u{200b}"),
    ("{zwnj}", "\u{200c}"),
    ("{rlm}", "\u{200f}"),
    ("{bom}", "\u{feff}"),
    ("{nnbsp}", "\u{202f}"),
];

/// One mail and what must be found in it.
struct Case {
    name: String,
    mail: String,
    html: bool,
    is: Option<String>,
    has: Vec<String>,
    not: Vec<String>,
    order: Option<String>,
}

fn shown(text: &str) -> String {
    HIDDEN.iter().fold(text.to_owned(), |text, (name, character)| text.replace(name, character))
}

fn one_blank(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn lines(text: &str) -> String {
    text.lines().map(one_blank).filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n")
}

fn case(source: &str) -> Case {
    let (head, rest) = source.split_once('\n').unwrap();
    let (name, flags) = head.split_once(" | ").unwrap_or_else(|| panic!("{head}: plain or html?"));
    let (mail, expected) = rest.split_once("\n---\n").unwrap_or_else(|| panic!("{name}: no end"));
    let line_end = if flags.contains("crlf") { "\r\n" } else { "\n" };
    let mail = shown(mail).replace('\n', line_end);
    let html = flags.contains("html");
    let mut found =
        Case { name: name.to_owned(), mail, html, is: None, has: vec![], not: vec![], order: None };
    for line in expected.lines() {
        let (key, value) = line.split_once(':').unwrap_or_else(|| panic!("{name}: {line}"));
        let value = one_blank(value);
        match key {
            "is" => found.is = Some(format!("{}\n{value}", found.is.unwrap_or_default()).trim().to_owned()),
            "has" => found.has.push(value),
            "not" => found.not.push(value),
            "order" => found.order = Some(value),
            _ => panic!("{name}: {line}"),
        }
    }
    found
}

fn read(source: &str) -> Vec<Case> {
    format!("\n{source}").split("\n=== ").skip(1).map(case).collect()
}

fn order_in(text: &str) -> String {
    match order_mention(text) {
        OrderMention::None => "none".to_owned(),
        OrderMention::One(number) => number,
        OrderMention::Ambiguous(_) => "ambiguous".to_owned(),
    }
}

/// What is wrong with a case, if anything.
fn wrong(case: &Case) -> Option<String> {
    let part = Part {
        plain: (!case.html).then_some(case.mail.as_str()),
        html: case.html.then_some(case.mail.as_str()),
    };
    let text = new_text(&[part]).text;
    let flat = one_blank(&text);
    let order = order_in(&text);
    let mut faults = Vec::new();
    if case.is.as_ref().is_some_and(|is| *is != lines(&text)) {
        faults.push(format!("is not {:?}", case.is.as_deref().unwrap_or_default()));
    }
    faults.extend(
        case.has.iter().filter(|has| !flat.contains(has.as_str())).map(|has| format!("lacks {has:?}")),
    );
    faults.extend(
        case.not.iter().filter(|not| flat.contains(not.as_str())).map(|not| format!("keeps {not:?}")),
    );
    if case.order.as_ref().is_some_and(|expected| *expected != order) {
        faults.push(format!("order is {order}, not {}", case.order.as_deref().unwrap_or_default()));
    }
    (!faults.is_empty()).then(|| format!("== {}: {}\n-- found\n{text}\n", case.name, faults.join("; ")))
}

/// Runs the cases of some files: how many there are, and what is wrong with those that fail.
fn faults(files: &[(&str, &str)]) -> (usize, Vec<String>) {
    let (mut known, mut faults) = (0, Vec::new());
    for (file, source) in files {
        let cases = read(source);
        let found: Vec<String> = cases.iter().filter_map(wrong).collect();
        known += cases.len();
        eprintln!("{file}: {} of {} right", cases.len() - found.len(), cases.len());
        faults.extend(found);
    }
    (known, faults)
}

#[test]
fn adversarial_mails_leave_their_new_words() {
    let (known, faults) = faults(&FILES);
    assert!(faults.is_empty(), "{} of {known} wrong\n{}", faults.len(), faults.join("\n"));
    assert!(known >= 220, "{known}");
}

#[test]
fn numbers_in_a_mail_are_orders_only_when_they_are() {
    let (known, faults) = faults(&[("numbers", NUMBERS)]);
    assert!(faults.is_empty(), "{} of {known} wrong\n{}", faults.len(), faults.join("\n"));
    assert!(known >= 30, "{known}");
}
