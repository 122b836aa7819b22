//! Mail HTML to plain text: blocks become lines, links their words, history and hidden parts go.
//!
//! The parser (html5ever, through html2text) builds a tree, `dom` prunes it, html2text renders it.
//! HTML that would cost the parser more than linear time (deep nesting, thousands of tags or attributes,
//! unclosed formatting) is measured first and goes through a plain tag stripper instead: the words stay,
//! quoted history is then found by [`super::quotes`] only.

use html2text::render::TrivialDecorator;

use super::clean::{first_bytes, tidy, visible};
use super::dom;
use super::entities::decode_entities;

/// Input above this many bytes is cut.
pub const HTML_BYTES_MAX: usize = 256 * 1024;
/// The line that stands for history taken away: a quoted line with a character of no meaning, which no
/// client writes.
pub(super) const QUOTE_MARK: &str = ">\u{E0F1}";
/// Lines are wrapped only beyond this width.
const WIDTH: usize = 10_000;
const TAGS_MAX: usize = 20_000;
const DEPTH_MAX: usize = 150;
/// What the measure allows, and the `p`, `li` and `td` it does not count.
const RENDERED_DEPTH_MAX: usize = 1_000;
const ATTRIBUTES_MAX: usize = 400;
/// Sum over tags of the formatting elements open at each: what the parser may have to rebuild.
const REBUILDS_MAX: usize = 200_000;

/// The words of a mail's HTML part, history removed where the mail client marked it.
///
/// Never fails: what the parser refuses is stripped of its tags. Lines are trimmed, blank lines single.
pub fn html_to_text(html: &str) -> String {
    let marked = html_to_marked_text(html);
    if !marked.contains(QUOTE_MARK) {
        return marked;
    }
    let lines: Vec<&str> = marked.lines().filter(|line| line.trim() != QUOTE_MARK).collect();
    tidy(&lines.join("\n"))
}

/// As [`html_to_text`], with a line [`QUOTE_MARK`] where history was.
pub(super) fn html_to_marked_text(html: &str) -> String {
    let html = first_bytes(html, HTML_BYTES_MAX);
    if costs_too_much(html) {
        return tidy(&visible(&strip_tags(html)));
    }
    let without_signature = render(html, dom::Signatures::Drop);
    match without_signature {
        // A cursor inside the signature block makes the whole message part of it.
        Some(text) if text.lines().all(|line| matches!(line.trim(), "" | QUOTE_MARK)) => {
            render(html, dom::Signatures::Keep).unwrap_or_default()
        }
        Some(text) => text,
        None => tidy(&visible(&strip_tags(html))),
    }
}

/// Whether a text is HTML although it came as plain text.
pub fn looks_like_html(text: &str) -> bool {
    let head = first_bytes(text.trim_start(), 4096).to_ascii_lowercase();
    if head.starts_with("<!doctype") || head.starts_with("<html") || head.starts_with("<body") {
        return true;
    }
    const MARKS: [&str; 14] = [
        "</p>",
        "</div>",
        "</span>",
        "</table>",
        "</td>",
        "</a>",
        "</b>",
        "</strong>",
        "</blockquote>",
        "</ul>",
        "<br>",
        "<br/>",
        "<br />",
        "</font>",
    ];
    MARKS.iter().any(|mark| head.contains(mark))
}

fn render(html: &str, signatures: dom::Signatures) -> Option<String> {
    let config =
        html2text::config::with_decorator(TrivialDecorator::new()).raw_mode(true).allow_width_overflow();
    let tree = config.parse_html(html.as_bytes()).ok()?;
    if dom::is_deeper_than(&tree.document, RENDERED_DEPTH_MAX) {
        return None;
    }
    let mark = config.parse_html(format!("<p>{QUOTE_MARK}</p>").as_bytes()).ok();
    dom::prune(&tree.document, signatures, mark.as_ref().map(|mark| &mark.document));
    let rendered = config.render_to_string(config.dom_to_render_tree(&tree).ok()?, WIDTH).ok()?;
    Some(tidy(&visible(&rendered)))
}

/// Measures what would make parser or renderer slow: see the constants. One pass over the bytes, and
/// in doubt too much is counted.
fn costs_too_much(html: &str) -> bool {
    let mut open: Vec<&str> = Vec::new();
    let (mut tags, mut rebuilds) = (0_usize, 0_usize);
    let mut raw: Option<&str> = None;
    let mut rest = html;
    while let Some(at) = rest.find('<') {
        rest = rest.get(at + 1..).unwrap_or_default();
        tags += 1;
        let closing = rest.starts_with('/');
        let word = rest.get(usize::from(closing)..).unwrap_or_default();
        let name_end = word.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(word.len());
        let name = word.get(..name_end).unwrap_or_default();
        if name.is_empty() && tags <= TAGS_MAX {
            continue;
        }
        // Inside a style or script a quote opens nothing: step on without skipping to the tag's end.
        let (tag, attributes) = if raw.is_some() { (name, 0) } else { tag_at(rest) };
        if raw.is_none() {
            rest = rest.get(tag.len()..).unwrap_or_default();
        }
        if closing {
            raw = raw.filter(|raw| !raw.eq_ignore_ascii_case(name));
            close(&mut open, name);
        } else if !is_void(name) {
            rebuilds += open.iter().filter(|name| is_formatting(name)).count();
            raw = raw.or_else(|| one_of(name, &RAW).then_some(name));
            open.push(name);
        }
        let hard = attributes > ATTRIBUTES_MAX || one_of(name, &CHANGES_PARSING);
        if hard || tags > TAGS_MAX || open.len() > DEPTH_MAX || rebuilds > REBUILDS_MAX {
            return true;
        }
    }
    false
}

/// Elements whose content is not parsed.
const RAW: [&str; 7] = ["style", "script", "title", "textarea", "xmp", "iframe", "noembed"];
/// Elements in which tags mean something else than [`costs_too_much`] believes; mail has none.
const CHANGES_PARSING: [&str; 7] = ["svg", "math", "select", "frameset", "template", "plaintext", "noframes"];

fn one_of(name: &str, names: &[&str]) -> bool {
    names.iter().any(|known| known.eq_ignore_ascii_case(name))
}

/// The tag that begins here, without its brackets, and about how many attributes it has.
fn tag_at(rest: &str) -> (&str, usize) {
    let (mut quote, mut after_equals, mut attributes) = (None, false, 0_usize);
    for (at, byte) in rest.bytes().enumerate() {
        match (quote, byte) {
            (Some(open), byte) if open == byte => quote = None,
            (Some(_), _) => {}
            (None, b'>') => return (rest.get(..at).unwrap_or_default(), attributes),
            (None, b'"' | b'\'') if after_equals => {
                quote = Some(byte);
                after_equals = false;
            }
            (None, b'=') => after_equals = true,
            (None, byte) if byte.is_ascii_whitespace() || byte == b'/' => attributes += 1,
            (None, _) => after_equals = false,
        }
        if attributes > ATTRIBUTES_MAX {
            break;
        }
    }
    (rest, attributes)
}

/// Pops what a closing tag surely closes; a misnested one is left, so that depth is never underestimated.
fn close(open: &mut Vec<&str>, name: &str) {
    let at = if is_formatting(name) {
        let last = open.iter().rposition(|other| !is_formatting(other)).map_or(0, |at| at + 1);
        open.iter().skip(last).rposition(|other| other.eq_ignore_ascii_case(name)).map(|at| at + last)
    } else {
        open.iter().rposition(|other| other.eq_ignore_ascii_case(name))
    };
    if let Some(at) = at {
        let left_open: Vec<&str> = if is_formatting(name) {
            Vec::new()
        } else {
            open.iter().skip(at + 1).copied().filter(|name| is_formatting(name)).collect()
        };
        open.truncate(at);
        open.extend(left_open);
    }
}

/// Elements that hold nothing or that their next sibling closes.
fn is_void(name: &str) -> bool {
    const NAMES: [&str; 21] = [
        "br", "img", "hr", "meta", "link", "input", "col", "area", "base", "wbr", "embed", "source", "p",
        "li", "td", "tr", "th", "dd", "dt", "o", "option",
    ];
    one_of(name, &NAMES)
}

fn is_formatting(name: &str) -> bool {
    const NAMES: [&str; 14] =
        ["a", "b", "big", "code", "em", "font", "i", "nobr", "s", "small", "strike", "strong", "tt", "u"];
    one_of(name, &NAMES)
}

/// Drops tags, comments, styles, scripts and cited blocks in one pass; block tags become line ends.
fn strip_tags(html: &str) -> String {
    let mut out = String::with_capacity(html.len() / 2);
    let mut cited = 0_usize;
    let mut rest = html;
    while let Some(at) = rest.find('<') {
        own(&mut out, cited, rest.get(..at).unwrap_or_default());
        rest = rest.get(at..).unwrap_or_default();
        if rest.starts_with("<!--") {
            rest = after(rest, "-->");
            continue;
        }
        let next = rest.chars().nth(1).unwrap_or(' ');
        if !(next.is_ascii_alphabetic() || next == '/' || next == '!' || next == '?') {
            own(&mut out, cited, "<");
            rest = rest.get(1..).unwrap_or_default();
            continue;
        }
        let name: String =
            rest.chars().skip(1).take(12).take_while(|c| c.is_ascii_alphanumeric() || *c == '/').collect();
        let name = name.to_ascii_lowercase();
        let tag = rest;
        rest = after(rest, ">");
        match (name.trim_matches('/'), name.starts_with('/')) {
            ("style" | "script" | "head" | "title" | "template", false) => {
                rest = after_closing(rest, name.trim_matches('/'));
            }
            ("blockquote", false) if cited > 0 || is_cited(tag) => {
                if cited == 0 {
                    out.push_str(&format!("\n{QUOTE_MARK}\n"));
                }
                cited += 1;
            }
            ("blockquote", true) => {
                cited = cited.saturating_sub(1);
                own(&mut out, cited, "\n");
            }
            (
                "br" | "p" | "div" | "tr" | "li" | "table" | "h1" | "h2" | "h3" | "h4" | "blockquote" | "hr",
                _,
            ) => own(&mut out, cited, "\n"),
            ("td" | "th", _) => own(&mut out, cited, " "),
            _ => {}
        }
    }
    own(&mut out, cited, rest);
    decode_entities(&out)
}

/// Adds what is not cited.
fn own(out: &mut String, cited: usize, text: &str) {
    if cited == 0 {
        out.push_str(text);
    }
}

/// Whether the tag of a `blockquote` marks a citation; an indentation has no border.
fn is_cited(tag: &str) -> bool {
    const BYTES_MAX: usize = 400;
    let tag = first_bytes(tag, BYTES_MAX).split('>').next().unwrap_or_default().to_ascii_lowercase();
    tag.contains("cite") || tag.contains("gmail_quote") || !tag.replace(' ', "").contains("border:none")
}

/// What follows `mark`; nothing when it never comes.
fn after<'a>(rest: &'a str, mark: &str) -> &'a str {
    rest.find(mark).and_then(|at| rest.get(at + mark.len()..)).unwrap_or_default()
}

fn after_closing<'a>(rest: &'a str, name: &str) -> &'a str {
    let bytes = rest.as_bytes();
    let at = bytes.windows(name.len() + 2).position(|window| {
        window.starts_with(b"</")
            && window.get(2..).is_some_and(|found| found.eq_ignore_ascii_case(name.as_bytes()))
    });
    at.and_then(|at| rest.get(at..)).map(|rest| after(rest, ">")).unwrap_or_default()
}
