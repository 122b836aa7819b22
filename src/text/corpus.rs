//! Made-up mails of all clients and languages with the words that must be left of them.

use proptest::prelude::*;

use super::html::html_to_text;
use super::new_text::{CHARS_MAX, Part, new_text};
use super::quotes::strip_quotes;
use super::signature::strip_signature;

const PLAIN: &str = include_str!("testdata/plain.txt");
const HTML: &str = include_str!("testdata/html.txt");

/// Cases as `=== name`, mail, `---`, expected words; the mail may not hold a line `---`.
fn cases(source: &str) -> Vec<(&str, &str, &str)> {
    let mut found = Vec::new();
    for case in source.split("=== ").skip(1) {
        let (name, rest) = case.split_once('\n').unwrap();
        let (mail, expected) = rest.split_once("\n---\n").unwrap_or_else(|| panic!("{name}: no end"));
        found.push((name, mail, expected.trim_end()));
    }
    found
}

fn run(source: &str, html: bool) -> usize {
    let mut wrong = Vec::new();
    let cases = cases(source);
    for (name, mail, expected) in &cases {
        let part = if html {
            Part { plain: None, html: Some(mail) }
        } else {
            Part { plain: Some(mail), html: None }
        };
        let found = new_text(&[part]).text;
        if found != expected.replace('\r', "") {
            wrong.push(format!("== {name}\n-- expected\n{expected}\n-- found\n{found}\n"));
        }
    }
    assert!(wrong.is_empty(), "{} of {}\n{}", wrong.len(), cases.len(), wrong.join("\n"));
    cases.len()
}

#[test]
fn plain_mails_of_all_clients_leave_their_new_words() {
    assert!(run(PLAIN, false) >= 60);
}

#[test]
fn html_mails_of_all_clients_leave_their_new_words() {
    assert!(run(HTML, true) >= 20);
}

#[test]
fn plain_mails_with_windows_line_ends_leave_the_same_words() {
    run(&PLAIN.replace('\n', "\r\n").replace("\r\n---\r\n", "\n---\n").replace("\r\n=== ", "\n=== "), false);
}

#[test]
fn a_forward_is_marked_and_a_reply_is_not() {
    assert!(strip_quotes("see\n\nBegin forwarded message:\n\nx").forwarded);
    let reply = strip_quotes("see\n\n> x");
    assert!(!reply.forwarded);
    assert_eq!((reply.new.as_str(), reply.quoted.as_str()), ("see", "> x"));
}

#[test]
fn parts_are_joined_oldest_first_and_empty_ones_do_not_count() {
    let part = |text| Part { plain: Some(text), html: None };
    let all = new_text(&[
        part("Cancel #1234 please"),
        part("> quoted only"),
        Part { plain: Some("  "), html: Some("<p>where is it?</p>") },
        Part { plain: Some("plain wins"), html: Some("<p>html</p>") },
        Part::default(),
    ]);
    assert_eq!(all.text, "Cancel #1234 please\n\nwhere is it?\n\nplain wins");
    assert_eq!((all.parts, all.truncated, all.language.code.as_str()), (3, false, "en"));
    assert_eq!(new_text(&[]).parts, 0);
}

#[test]
fn long_text_is_cut_and_says_so() {
    let long = "é".repeat(CHARS_MAX + 1);
    let cut = new_text(&[Part { plain: Some(&long), html: None }]);
    assert!(cut.truncated);
    assert_eq!(cut.text.chars().count(), CHARS_MAX);
    let exact = "e".repeat(CHARS_MAX);
    assert!(!new_text(&[Part { plain: Some(&exact), html: None }]).truncated);
}

#[test]
fn hostile_html_neither_overflows_nor_takes_long() {
    let attributes: String = (0..60_000).map(|n| format!(" a{n}")).collect();
    let fonts: String = (0..4_000).map(|n| format!("<font a={n}>")).collect();
    let open_tables = "<font a=1><table><td></font></td></table>".repeat(5_000);
    for (name, html) in [
        ("div", "<div>".repeat(60_000)),
        ("table", "<table><tr><td>".repeat(20_000)),
        ("blockquote", "<blockquote style='border:none'>".repeat(10_000)),
        ("p in button", "<p><button>".repeat(20_000)),
        ("bold", "<b>".repeat(80_000)),
        ("fonts rebuilt", format!("<p>{fonts}</p>{}", "<p>x</p>".repeat(20_000))),
        ("fonts left open", format!("{open_tables}{}", "<p>x".repeat(10_000))),
        ("attributes", format!("<p{attributes}>x")),
        ("foster parents", format!("<table>{}", "<x>".repeat(80_000))),
        ("foster parents below the limit", format!("<table>{}", "<br>a".repeat(19_000))),
        ("list items", "<li>".repeat(60_000)),
        ("nested lists", "<ul><li>".repeat(30_000)),
        ("moderate depth", format!("{}{}", "<div>".repeat(140), "<p>x</p>".repeat(19_000))),
        ("nested quotes of moderate depth", format!("{}hi", "<blockquote style='border:none'>".repeat(140))),
        ("tables of moderate depth", "<table><tr><td>".repeat(140) + &"x ".repeat(50_000)),
        ("rules", "<hr>".repeat(19_000)),
        ("open comment", format!("<!--{}", "x".repeat(200_000))),
        ("angles and names", "<a".repeat(120_000)),
        ("hidden in a style", format!("<style><a x=\"</style>{}", "<div>".repeat(40_000))),
        ("hidden in a comment", format!("<!-->{}", "<div>".repeat(40_000))),
        ("angles", "<".repeat(250_000)),
        ("ampersands", "&".repeat(250_000)),
        ("huge", "<p>x</p>".repeat(200_000)),
        ("svg", "<svg>".repeat(50_000)),
        ("select", "<select><option>".repeat(20_000)),
    ] {
        let begun = begin();
        let text = html_to_text(&html);
        let took = begun.elapsed();
        eprintln!("{name}: {took:?}, {} bytes", text.len());
        assert!(took.as_millis() < 5_000, "{name}: {took:?}");
    }
}

/// Tests may read the clock: they measure.
#[allow(clippy::disallowed_methods)]
fn begin() -> std::time::Instant {
    std::time::Instant::now()
}

#[test]
fn words_survive_the_tag_stripper() {
    let html = format!("{}<style>p{{}}</style>Where is&nbsp;it?<br>Anna &amp; Bo", "<div>".repeat(1_000));
    assert_eq!(html_to_text(&html), "Where is it?\nAnna & Bo");
}

#[test]
fn hostile_plain_text_takes_no_time() {
    for text in [
        "On Mon, Nov 3, 2025 at 10:12 AM Shop ".repeat(6_000),
        "From: a\n".repeat(30_000),
        "On a\n".repeat(40_000),
        "-- \n".repeat(60_000),
        "Anna\n".repeat(50_000),
        "order number ".repeat(20_000),
        "#606243 ".repeat(30_000),
    ] {
        let begun = begin();
        let found = new_text(&[Part { plain: Some(&text), html: None }]);
        super::order_number::order_mention(&found.text);
        super::redact::redact(&text);
        assert!(begun.elapsed().as_millis() < 4_000, "{:?}: {:?}", &text[..20], begun.elapsed());
    }
}

/// Lines of all kinds in any order: closer to mail than random characters.
fn mail_like() -> impl Strategy<Value = String> {
    let line = prop_oneof![
        Just("On Mon, Nov 3, 2025 at 10:12 AM Shop <help@example.com> wrote:".to_owned()),
        Just("> quoted".to_owned()),
        Just("-- ".to_owned()),
        Just("From: Shop <help@example.com>".to_owned()),
        Just("Sent: Monday".to_owned()),
        Just("To: Anna".to_owned()),
        Just("Anna Example".to_owned()),
        Just("Tel: +1 555 010 9999".to_owned()),
        Just(String::new()),
        "\\PC{0,40}",
    ];
    proptest::collection::vec(line, 0..20).prop_map(|lines| lines.join("\n"))
}

proptest! {
    #[test]
    fn what_is_left_is_made_of_lines_of_the_mail(text in mail_like()) {
        let stripped = strip_quotes(&text);
        for line in stripped.new.lines().chain(stripped.quoted.lines()).chain(strip_signature(&text).lines()) {
            prop_assert!(text.lines().any(|known| known == line), "{line:?}");
        }
    }

    #[test]
    fn no_text_makes_anything_panic(text in "(?s).{0,300}", other in mail_like()) {
        for text in [text.as_str(), other.as_str()] {
            let found = new_text(&[Part { plain: Some(text), html: Some(text) }]);
            super::order_number::order_mention(&found.text);
            super::order_number::normalise(text);
            super::automatic::is_automatic(text, text, Some(text));
            html_to_text(text);
            super::redact::snippet(text, 20);
        }
    }

    #[test]
    fn no_html_makes_anything_panic(html in "(<(/?)(div|p|table|td|b|a|blockquote|li|ul|pre)( class=gmail_quote| style=\"display:none\")?>|x|&amp;|<!--|-->|>){0,60}") {
        html_to_text(&html);
    }

    #[test]
    fn stripping_twice_changes_nothing_more(text in mail_like()) {
        let once = strip_quotes(&text).new;
        prop_assert!(strip_quotes(&once).new.len() <= once.len());
    }
}
