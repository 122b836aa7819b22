//! Makes an oversized HTML part smaller before it is cut: pictures written into the text, styles and
//! comments go, so that what was typed below a pasted photo is still read.
//!
//! Used only on parts above the limit. What may go wrong: a body whose words alone exceed the limit is
//! still cut, and says so.

use std::borrow::Cow;

/// Bytes looked at; what lies beyond is not read in any case.
const BYTES_MAX: usize = 16 * 1024 * 1024;
/// Shorter `data:` addresses are no burden.
const DATA_BYTES_MIN: usize = 200;

/// What is dropped: where it begins and by what it ends.
const BULK: [(&str, &str); 3] = [("<style", "</style>"), ("<!--", "-->"), ("<script", "</script>")];

/// The part without its bulk when it is longer than `limit` bytes; one pass, linear.
pub(super) fn shrunk(html: &str, limit: usize) -> Cow<'_, str> {
    if html.len() <= limit {
        return Cow::Borrowed(html);
    }
    let mut out = String::with_capacity(limit);
    let mut rest = super::clean::first_bytes(html, BYTES_MAX);
    let mut absent = [false; BULK.len()];
    while out.len() <= limit {
        let Some(at) = rest.find(['<', ':']) else { break };
        let (before, found) = rest.split_at(at);
        out.push_str(before);
        let end = if found.starts_with(':') { data_end(before, found) } else { bulk_end(found, &mut absent) };
        match end.and_then(|end| found.get(end..)) {
            Some(after) => rest = after,
            None => {
                out.push_str(found.get(..1).unwrap_or_default());
                rest = found.get(1..).unwrap_or_default();
            }
        }
    }
    out.push_str(super::clean::first_bytes(rest, limit));
    Cow::Owned(out)
}

/// Where a long `data:` address ends, seen from its colon.
fn data_end(before: &str, found: &str) -> Option<usize> {
    let word = before.len().checked_sub(4).and_then(|at| before.get(at..))?;
    if !word.eq_ignore_ascii_case("data") {
        return None;
    }
    let end = found.find(['"', '\'', ')', '>', ' ']).unwrap_or(found.len());
    (end > DATA_BYTES_MIN).then_some(end)
}

/// Where a style, comment or script that begins here ends. One that never ends is remembered in `absent`.
fn bulk_end(found: &str, absent: &mut [bool]) -> Option<usize> {
    for ((open, close), absent) in BULK.iter().zip(absent) {
        if *absent || !found.get(..open.len()).is_some_and(|head| head.eq_ignore_ascii_case(open)) {
            continue;
        }
        // Tags are written in lower case by every client that writes long styles.
        match found.find(close) {
            Some(at) => return Some(at + close.len()),
            None => *absent = true,
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_and_styles_go_and_words_stay() {
        let picture = "A".repeat(5_000);
        let html = format!(
            "<style>{picture}</style><p>a: b</p><img src=\"data:image/png;base64,{picture}\"><!--{picture}-->c"
        );
        assert_eq!(shrunk(&html, 1_000), "<p>a: b</p><img src=\"data\">c");
        assert_eq!(shrunk(&html, 1_000_000), html);
    }

    #[test]
    fn what_never_ends_stays_and_costs_one_look() {
        let html = "<style>x<!--".repeat(100_000);
        assert!(shrunk(&html, 1_000).len() <= 2_100);
    }
}
