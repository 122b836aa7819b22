//! What may be said as it is, and what counts as missing.

use proptest::prelude::*;

use super::*;

#[test]
fn a_first_name_is_a_name_or_is_not_said() {
    for (given, said) in [
        ("Ava", Some("Ava")),
        (" Ava \t Maria ", Some("Ava Maria")),
        ("Jean-Luc", Some("Jean-Luc")),
        ("O'Neil", Some("O'Neil")),
        ("José", Some("José")),
        ("J. R.", Some("J. R.")),
        ("美咲", Some("美咲")),
        ("Ava\u{202e}\u{200b}", Some("Ava")),
        ("Ava\nBcc: x", None),
        ("", None),
        (" ", None),
        ("{order_name}", None),
        ("ava@example.com", None),
        ("Ava2000", None),
        ("https://evil.example", None),
        ("www.evil.example", None),
        ("evil.example", None),
        ("Click here to win", None),
        ("<b>Ava</b>", None),
        ("undefined", None),
        ("Guest", None),
        ("-", None),
        ("Maximilianalexanderferdinandtheodorjohannes", None),
    ] {
        assert_eq!(usable_name(given).as_deref(), said, "{given:?}");
    }
}

#[test]
fn only_plain_web_addresses_are_said() {
    for good in ["https://track.example/1?a=b&c=%20#x", "http://a.example", "HTTPS://a.example:8443/x"] {
        assert_eq!(web_address(good).as_deref(), Some(good));
    }
    for bad in [
        "",
        "track.example/1",
        "ftp://a.example",
        "javascript://a.example/%0aalert(1)",
        "https://",
        "https://localhost",
        "https://bank.example@evil.example/",
        "https://a.example/x y",
        "https://a.example/\nx",
        "https://a.example/\"onclick",
        "https://a.example/<b>",
        "https://a.example/{x}",
        "https://exämple.example",
    ] {
        assert_eq!(web_address(bad), None, "{bad:?}");
    }
    assert_eq!(web_address(&format!("https://a.example/{}", "x".repeat(500))), None);
}

#[test]
fn a_tracking_number_looks_like_one() {
    assert_eq!(code(" 1Z 999-AA1 ").as_deref(), Some("1Z 999-AA1"));
    for bad in ["", "pending", "123…", "12/34", "see https://x.example 1"] {
        assert_eq!(code(bad), None, "{bad}");
    }
}

proptest! {
    #[test]
    fn a_line_is_one_line_within_its_bound(value in any::<String>(), max in 1_usize..60) {
        if let Some(line) = one_line(&value, max) {
            prop_assert!(line.chars().count() <= max && !line.is_empty());
            let hidden = line.chars().any(|c| c.is_control() || c == '\u{202e}');
            prop_assert!(!hidden);
            prop_assert_eq!(line.trim(), &line);
        }
    }
}
