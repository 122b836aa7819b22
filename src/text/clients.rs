//! A reply holds the same new text whatever client wrote it: `new + quoted` reads as `new`.
//!
//! Mails are put together from an own text, a history and a client's way of joining the two.

use proptest::prelude::*;

use super::new_text::{Part, new_text};
use super::order_number::order_mention;

/// One mail: whether it is HTML, and its body.
type Mail = (bool, String);
/// A client's way of putting an own text and a history together.
type Client = fn(&str, &str) -> Mail;

const CLIENTS: [(&str, Client); 30] = [
    ("gmail", |own, old| {
        html(
            own,
            &format!(
                "<br><div class=\"gmail_quote\"><div class=\"gmail_attr\">On Tue, Mar 3, 2026 at 9:41 AM Care &lt;care@example.com&gt; wrote:<br></div><blockquote class=\"gmail_quote\">{}</blockquote></div>",
                blocks(old)
            ),
        )
    }),
    ("gmail plain", |own, old| {
        plain(own, "On Tue, Mar 3, 2026 at 9:41 AM Care <care@example.com> wrote:", &barred(old))
    }),
    ("gmail plain, wrapped", |own, old| {
        plain(
            own,
            "On Tue, Mar 3, 2026 at 9:41 AM Care and Repair and Returns <\ncare@example.com> wrote:",
            &barred(old),
        )
    }),
    ("gmail german", |own, old| {
        plain(own, "Am Di., 3. März 2026 um 09:41 Uhr schrieb Laden <hilfe@example.com>:", &barred(old))
    }),
    ("gmail dutch, no bars", |own, old| {
        plain(own, "Op di 3 mrt 2026 om 09:41 schreef Winkel <winkel@example.com>:", old)
    }),
    ("gmail japanese", |own, old| plain(own, "2026年3月3日(火) 9:41 お店 <care@example.com>:", &barred(old))),
    ("outlook desktop", |own, old| {
        html(
            own,
            &format!(
                "<div><div style='border:none;border-top:solid #E1E1E1 1.0pt;padding:3.0pt 0in 0in 0in'><p class=MsoNormal><b>From:</b> Care &lt;care@example.com&gt;<br><b>Sent:</b> Tuesday, March 3, 2026 9:41 AM<br><b>To:</b> Ivy<br><b>Subject:</b> Hello</p></div></div>{}",
                blocks(old)
            ),
        )
    }),
    ("outlook plain", |own, old| {
        plain(
            own,
            "From: Care <care@example.com>\nSent: Tuesday, March 3, 2026 9:41 AM\nTo: Ivy\nSubject: Hello\n",
            old,
        )
    }),
    ("outlook plain, french", |own, old| {
        plain(
            own,
            "De : Boutique <aide@example.com>\nEnvoyé : mardi 3 mars 2026 09:41\nÀ : Zoé\nObjet : Salut\n",
            old,
        )
    }),
    ("outlook ruled", |own, old| {
        plain(
            own,
            "________________________________\nVon: Laden <hilfe@example.com>\nGesendet: Dienstag, 3. März 2026 09:41\nAn: Jens\nBetreff: Hallo\n",
            old,
        )
    }),
    ("outlook old", |own, old| {
        plain(own, "-----Original Message-----\nFrom: Care\nSent: Tuesday\nTo: Ivy\n", old)
    }),
    ("outlook web", |own, old| {
        html(
            own,
            &format!(
                "<div id=\"appendonsend\"></div><hr><div id=\"divRplyFwdMsg\"><b>From:</b> Care<br><b>Sent:</b> Tue<br></div>{}",
                blocks(old)
            ),
        )
    }),
    ("outlook ios", |own, old| {
        html(
            own,
            &format!(
                "<div id=\"ms-outlook-mobile-signature\">Get Outlook for iOS</div><hr><div id=\"divRplyFwdMsg\"><b>From:</b> Care</div>{}",
                blocks(old)
            ),
        )
    }),
    ("apple mail", |own, old| {
        html(
            own,
            &format!(
                "<div><br><blockquote type=\"cite\"><div>On 3 Mar 2026, at 09:41, Care &lt;care@example.com&gt; wrote:</div>{}</blockquote></div>",
                blocks(old)
            ),
        )
    }),
    ("ios", |own, old| {
        plain(
            own,
            "Sent from my iPhone\n\n> On Mar 3, 2026, at 9:41 AM, Care <care@example.com> wrote:\n>",
            &barred(old),
        )
    }),
    ("apple forward", |own, old| {
        plain(own, "Begin forwarded message:\n\nFrom: Care <care@example.com>\nSubject: Hello\n", old)
    }),
    ("apple mail, answered below", |own, old| {
        (
            true,
            format!(
                "<div>On 3 Mar 2026, at 09:41, Care &lt;care@example.com&gt; wrote:</div><blockquote type=\"cite\">{}</blockquote>{}",
                blocks(old),
                blocks(own)
            ),
        )
    }),
    ("yahoo", |own, old| {
        html(
            own,
            &format!(
                "<div id=\"yahoo_quoted_1\" class=\"yahoo_quoted\"><div>On Tuesday, March 3, 2026 at 09:41 AM, Care &lt;care@example.com&gt; wrote:</div>{}</div>",
                blocks(old)
            ),
        )
    }),
    ("yahoo mobile", |own, old| {
        plain(
            own,
            "Sent from Yahoo Mail for iPhone\n\nOn Tuesday, March 3, 2026, 9:41 AM, Care <care@example.com> wrote:\n",
            old,
        )
    }),
    ("gmx", |own, old| {
        html(
            own,
            &format!(
                "<div name=\"quote\" style=\"border-left:2px solid #C3D9E5\"><b>Gesendet:</b> Dienstag<br/><b>Von:</b> Laden<div name=\"quoted-content\">{}</div></div>",
                blocks(old)
            ),
        )
    }),
    ("gmx plain", |own, old| {
        plain(
            own,
            "Gesendet: Dienstag, 03. März 2026 um 09:41 Uhr\nVon: \"Laden\" <hilfe@example.com>\nAn: jens@example.com\nBetreff: Hallo\n",
            old,
        )
    }),
    ("t-online", |own, old| plain(own, "-----Original-Nachricht-----\nBetreff: Hallo\nVon: Laden\n", old)),
    ("thunderbird, answered below", |own, old| {
        (false, format!("On 3/3/26 09:41, Care wrote:\n{}\n\n{own}", barred(old)))
    }),
    ("thunderbird html", |own, old| {
        html(
            own,
            &format!(
                "<div class=\"moz-cite-prefix\">Am 03.03.26 um 09:41 schrieb Laden:<br></div><blockquote type=\"cite\" cite=\"mid:a\">{}</blockquote>",
                blocks(old)
            ),
        )
    }),
    ("samsung", |own, old| {
        plain(
            own,
            "Sent from my Galaxy\n\n\n-------- Original message --------\nFrom: Care <care@example.com>\n",
            old,
        )
    }),
    ("proton", |own, old| {
        html(
            own,
            &format!(
                "<div class=\"protonmail_signature_block\">Sent with Proton Mail secure email.</div><div class=\"protonmail_quote\">On Tuesday wrote:<br><blockquote class=\"protonmail_quote\" type=\"cite\">{}</blockquote></div>",
                blocks(old)
            ),
        )
    }),
    ("zoho", |own, old| {
        html(
            own,
            &format!(
                "<div class=\"zmail_extra\"><div>---- On Tue, 03 Mar 2026 09:41:12 +0100 <b>Care</b> wrote ---</div><blockquote>{}</blockquote></div>",
                blocks(old)
            ),
        )
    }),
    ("spark", |own, old| {
        html(
            own,
            &format!(
                "<div name=\"messageReplySection\">On Mar 3, 2026, 09:41 +0100, Care, wrote:<blockquote type=\"cite\">{}</blockquote></div>",
                blocks(old)
            ),
        )
    }),
    ("helpdesk delimiter", |own, old| plain(own, "##- Please type your reply above this line -##\n", old)),
    ("ionos", |own, old| {
        plain(own, "> Laden <hilfe@example.com> hat am 03.03.2026 09:41 CET geschrieben:\n>", &barred(old))
    }),
];

fn blocks(text: &str) -> String {
    let escaped = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    escaped
        .lines()
        .map(|line| format!("<div>{}</div>", if line.is_empty() { "<br>" } else { line }))
        .collect()
}

fn html(own: &str, rest: &str) -> Mail {
    (true, format!("<html><body><div dir=\"ltr\">{}</div>{rest}</body></html>", blocks(own)))
}

fn barred(old: &str) -> String {
    old.lines().map(|line| format!("> {line}\n")).collect()
}

fn plain(own: &str, introduction: &str, old: &str) -> Mail {
    (false, format!("{own}\n\n{introduction}\n{old}"))
}

/// The words left, blanks and blank lines evened out.
fn left_of((html, body): &Mail) -> String {
    let part = Part { plain: (!html).then_some(body.as_str()), html: html.then_some(body.as_str()) };
    let text = new_text(&[part]).text;
    let lines = text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
    lines.filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n")
}

/// Lines that customers write, odd ones among them.
fn own_text() -> impl Strategy<Value = String> {
    let line = prop::sample::select(vec![
        "Where is my order #60511?",
        "I never got it.",
        "",
        "- the cup",
        "Size: M, colour: red",
        "Wo bleibt das Paket? Ich warte seit dem 3.3.",
        "Je n'ai rien reçu",
        "El paquete no llegó",
        "On Monday I was at home all day.",
        "From what I see it was sent to the wrong town",
        "Please refund 12.50 < 20 & be quick",
        "我的包裹还没到。",
        "Thanks",
        "Anna",
        "PS: ring twice!",
        "a b c 😀",
    ]);
    proptest::collection::vec(line, 1..8).prop_map(|lines| lines.join("\n"))
}

/// What a shop wrote before.
fn history() -> impl Strategy<Value = String> {
    let line = prop::sample::select(vec![
        "Hello Ivy,",
        "",
        "Order #10234 confirmed",
        "Tracking number: 1Z999AA10123456784",
        "You can cancel within two hours.",
        "On Mon, Mar 2, 2026 at 8:00 PM Ivy <ivy@example.com> wrote:",
        "> where is it?",
        "-- ",
        "Care Team",
        "Sent from my iPhone",
        "From: Ivy <ivy@example.com>",
        "Unsubscribe",
    ]);
    // A history without bars that begins with a bar cannot be told from an answer below a quotation.
    proptest::collection::vec(line, 1..10).prop_map(|lines| format!("Hello,\n{}", lines.join("\n")))
}

proptest! {
    // Each case is read once by every client.
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_client_leaves_the_same_new_text(own in own_text(), old in history()) {
        let alone = left_of(&(false, own.clone()));
        for (name, client) in CLIENTS {
            let mail = client(&own, &old);
            prop_assert_eq!(&left_of(&mail), &alone, "{}:\n{}", name, mail.1);
        }
    }

    #[test]
    fn random_bytes_make_nothing_panic(bytes in proptest::collection::vec(any::<u8>(), 0..2_000), html in any::<bool>()) {
        let body = String::from_utf8_lossy(&bytes).into_owned();
        let tagged = format!("<div>{body}</div>");
        for body in [body, tagged] {
            order_mention(&left_of(&(html, body)));
        }
    }

    #[test]
    fn broken_html_of_mail_makes_nothing_panic(html in "(<(/?)(div|p|table|td|blockquote|span|o:p|hr|!--|!\\[if mso\\]|style|template)( (class|id|name|style|type)=(gmail_quote|\"yahoo_quoted|'divRplyFwdMsg'|\"font-size:0\"|cite))?>?|On 3/3/26 09:41, Care wrote:|From: a@example.com|=\n|=C3=BC|data:|>|\n| |&#x0;|&nbsp;){0,80}") {
        order_mention(&left_of(&(true, html)));
    }
}

/// Tests may read the clock: they measure.
#[allow(clippy::disallowed_methods)]
fn took(work: impl FnOnce()) -> u128 {
    let begun = std::time::Instant::now();
    work();
    begun.elapsed().as_millis()
}

#[test]
fn five_megabytes_take_no_time_and_keep_what_stands_below_a_pasted_picture() {
    let picture = "iVBORw0KGgo".repeat(480_000);
    let pasted = (
        true,
        format!("<p>Look:</p><img src=\"data:image/png;base64,{picture}\"><p>it is broken, order 60511</p>"),
    );
    // The first mail pays for compiling the patterns.
    left_of(&(true, "<p>a</p>".to_owned()));
    let spent = took(|| assert_eq!(left_of(&pasted), "Look:\nit is broken, order 60511"));
    assert!(spent < 5_000, "{spent} ms");
    for (html, piece) in [
        (false, "On 3/3/2026 at 9:41 <a@example.com>\n"),
        (false, "> a\nb\n"),
        (false, "--\nAnna\n"),
        (false, "a=C3=BC=\n"),
        (false, "_____\nAnna Berg\na@example.com\n"),
        (true, "<div style=\"font-size:0\">"),
        (true, "<blockquote>a</blockquote>b"),
        (true, "<style>a"),
        (true, "data:"),
        (true, "<!--"),
    ] {
        let mail = (html, piece.repeat(5_000_000 / piece.len()));
        let spent = took(|| {
            order_mention(&left_of(&mail));
        });
        assert!(spent < 5_000, "{piece}: {spent} ms");
    }
}
