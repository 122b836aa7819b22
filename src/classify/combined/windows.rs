//! Long mails in pieces: an embedding reads 128 tokens, and three sentences of wish drown in thirty of story.
//!
//! A text of up to [`WHOLE_WORDS`] words is read whole. A longer one is cut at sentence ends into pieces of about that
//! length ([`windows`]), which are read one by one; `merge` then keeps what each asks.

/// Words that are read in one piece.
pub(super) const WHOLE_WORDS: usize = 60;
/// Pieces at most: the wish stands at the beginning or at the end.
const PIECES_MAX: usize = 6;

/// Whether [`windows`] leaves out a part of the text.
pub(super) fn is_cut(text: &str) -> bool {
    let words = |text: &str| text.split_whitespace().count();
    windows(text).into_iter().map(words).sum::<usize>() < words(text)
}

/// A text's pieces, in order; the text itself when it is short. Of a very long one the first and the last pieces.
pub(super) fn windows(text: &str) -> Vec<&str> {
    if text.split_whitespace().count() <= WHOLE_WORDS {
        return vec![text];
    }
    let mut pieces = Vec::new();
    let (mut start, mut words) = (0, 0);
    for (from, to) in sentence_ranges(text) {
        let count = text.get(from..to).unwrap_or_default().split_whitespace().count();
        if words > 0 && words + count > WHOLE_WORDS {
            pieces.push(text.get(start..from).unwrap_or_default());
            (start, words) = (from, 0);
        }
        words += count;
    }
    pieces.push(text.get(start..).unwrap_or_default());
    pieces.retain(|piece| !piece.trim().is_empty());
    if pieces.len() > PIECES_MAX {
        let tail = pieces.split_off(pieces.len() - PIECES_MAX / 2);
        pieces.truncate(PIECES_MAX - PIECES_MAX / 2);
        pieces.extend(tail);
    }
    pieces
}

/// Where sentences begin and end, in bytes: at `.`, `!`, `?` before a space, at line ends, and after
/// [`WHOLE_WORDS`] words without any.
fn sentence_ranges(text: &str) -> Vec<(usize, usize)> {
    let mut ranges = Vec::new();
    let (mut start, mut words) = (0, 0);
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        let next = chars.peek().map(|(_, next)| *next);
        let space_follows = next.is_none_or(char::is_whitespace);
        words += usize::from(!c.is_whitespace() && space_follows);
        let ends = c == '\n' || (matches!(c, '.' | '!' | '?' | '…') && space_follows);
        if ends || (words >= WHOLE_WORDS && c.is_whitespace()) {
            let end = at + c.len_utf8();
            ranges.push((start, end));
            (start, words) = (end, 0);
        }
    }
    if start < text.len() {
        ranges.push((start, text.len()));
    }
    ranges
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_text_stays_whole_and_a_long_one_is_cut_at_sentence_ends() {
        assert_eq!(windows("Where is my order? Thanks."), ["Where is my order? Thanks."]);
        assert_eq!(windows(""), [""]);
        let story = "I bought it for my sister on a rainy day in May. ".repeat(12);
        let text = format!("{story}Where is it?");
        let pieces = windows(&text);
        assert!(pieces.len() == 3 && pieces.last().unwrap().ends_with("Where is it?"), "{pieces:#?}");
        assert_eq!(pieces.concat(), text, "nothing is lost");
        for piece in &pieces {
            assert!(
                piece.split_whitespace().count() <= WHOLE_WORDS && piece.trim_end().ends_with(['.', '?'])
            );
        }
    }

    #[test]
    fn a_text_without_any_end_and_a_very_long_one_are_bounded() {
        let endless = "word ".repeat(150);
        assert_eq!(windows(&endless).concat(), endless);
        assert!(windows(&endless).iter().all(|piece| piece.split_whitespace().count() <= WHOLE_WORDS));
        let book = format!("First. {} Last wish?", "A line of a story that goes on. ".repeat(500));
        let pieces = windows(&book);
        assert_eq!(pieces.len(), PIECES_MAX);
        assert!(is_cut(&book) && !is_cut(&endless));
        assert!(pieces[0].starts_with("First.") && pieces[PIECES_MAX - 1].ends_with("Last wish?"));
    }
}
