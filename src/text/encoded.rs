//! Undoes quoted-printable (RFC 2045, section 6.7) that a relay left in a text: `Gr=C3=BC=C3=9Fe=20`.
//!
//! Used before anything else. What may go wrong: a customer's own "size=20" or an address with `?id=30`.
//! Therefore nothing is touched unless the text shows the encoding beyond doubt: a letter written as
//! several bytes, or several lines that end in `=` or `=20`, or an HTML attribute that begins `=3D"`.

use std::borrow::Cow;
use std::sync::LazyLock;

use regex::Regex;

use super::pattern::cased;

/// A letter beyond ASCII as its UTF-8 bytes.
static LETTER: LazyLock<Regex> = LazyLock::new(|| {
    cased(r"=C[2-9A-F]=[89AB][0-9A-F]|=D[0-9A-F]=[89AB][0-9A-F]|=E[0-9A-F](?:=[89AB][0-9A-F]){2}")
});
/// A line that the encoding broke, or whose last blank it wrote out.
static BROKEN: LazyLock<Regex> = LazyLock::new(|| cased(r"[^\s=]=(?:20)?\r?$"));
static ATTRIBUTE: LazyLock<Regex> = LazyLock::new(|| cased(r#"\b[a-z]{2,12}=3D["']"#));

/// The text as it was before the encoding; itself when it shows no sure sign of one.
pub(super) fn decoded(text: &str) -> Cow<'_, str> {
    let shows = text.contains('=')
        && (LETTER.is_match(text) || ATTRIBUTE.is_match(text) || BROKEN.find_iter(text).take(2).count() == 2);
    if !shows {
        return Cow::Borrowed(text);
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        match (byte, after) {
            (b'=', [b'\r', b'\n', beyond @ ..] | [b'\n', beyond @ ..]) => rest = beyond,
            (b'=', [high, low, beyond @ ..]) => match escaped(*high, *low) {
                Some(decoded) => {
                    bytes.push(decoded);
                    rest = beyond;
                }
                None => bytes.push(byte),
            },
            _ => bytes.push(byte),
        }
    }
    Cow::Owned(String::from_utf8_lossy(&bytes).into_owned())
}

/// The byte that two upper-case hexadecimal digits write.
fn escaped(high: u8, low: u8) -> Option<u8> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    };
    Some(digit(high)? << 4 | digit(low)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leftovers_are_decoded() {
        assert_eq!(decoded("Gr=C3=BC=C3=9Fe=20\nAnna"), "Grüße \nAnna");
        assert_eq!(decoded("my par=\r\ncel is la=\r\nte"), "my parcel is late");
        assert_eq!(decoded("<p class=3D\"x\">a</p>"), "<p class=\"x\">a</p>");
    }

    #[test]
    fn a_text_without_a_sure_sign_is_left_alone() {
        for own in ["size=20", "https://example.com/?id=30&x=AB", "1+1=\n2", "a = b", "=C3", "a=3D"] {
            assert_eq!(decoded(own), own);
        }
    }
}
