//! Calls as they come: well made, in three formats, and broken in the ways templates break.

use proptest::prelude::*;
use secrecy::SecretString;

use super::super::RichpanelSource;
use crate::config::Fields;
use crate::helpdesk::{Call, Unusable, WebhookSource as _};
use crate::ticket::Channel;

fn source() -> RichpanelSource {
    RichpanelSource::new(
        &[SecretString::from("old-token"), SecretString::from("new-token\n")],
        Fields::default(),
    )
}

fn parse(body: &str) -> Result<Call, Unusable> {
    source().parse(Some("application/json"), body.as_bytes())
}

fn id(body: &str) -> String {
    parse(body).unwrap_or_else(|error| panic!("{error}: {body}")).ticket_id.to_string()
}

#[test]
fn every_configured_token_lets_in_and_nothing_else_does() {
    let source = source();
    assert!(source.verify(Some(b"old-token")) && source.verify(Some(b"new-token")));
    for bad in
        [None, Some(&b""[..]), Some(b"old-toke"), Some(b"old-token2"), Some(b"OLD-TOKEN"), Some(b"\xff")]
    {
        assert!(!source.verify(bad), "{bad:?}");
    }
    let none = RichpanelSource::new(&[SecretString::from(" ")], Fields::default());
    assert!(!none.verify(Some(b"")) && !none.verify(Some(b" ")) && !none.verify(None));
    assert!(!format!("{source:?}").contains("token\""));
}

#[test]
fn a_json_call_is_read_with_all_its_fields() {
    let call = parse(
        r#"{"ticket_id":"t-1","channel":"messenger","message":"hi \"you\"","subject":"S","trigger":"new_conversation",
            "customer_email":"ava@example.com","shop":"eu","n":5,"deep":{"a":[1]},"gone":null}"#,
    )
    .unwrap();
    assert_eq!((call.ticket_id.as_str(), call.channel), ("t-1", Some(Channel::LiveChat)));
    assert_eq!((call.message.as_deref(), call.subject.as_deref()), (Some("hi \"you\""), Some("S")));
    assert_eq!(call.trigger.as_deref(), Some("new_conversation"));
    assert_eq!(call.customer_email.as_deref(), Some("ava@example.com"));
    let extra: Vec<_> = call.extra.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(extra, [("deep.a", "[1]"), ("n", "5"), ("shop", "eu")]);
    assert!(!call.salvaged);
}

#[test]
fn the_id_is_found_as_a_number_nested_in_a_list_in_a_string_and_in_the_url() {
    for (body, expected) in [
        (r#"{"ticket_id":12345}"#, "12345"),
        (r#"{"ticket":{"id":"t-2","subject":"x"}}"#, "t-2"),
        (r#"{"data":{"ticket_id":"t-3"}}"#, "t-3"),
        (r#"[{"ticket_id":"t-4"}]"#, "t-4"),
        (r#""{\"ticket_id\":\"t-5\"}""#, "t-5"),
        (
            r#"{"ticket_id":"","ticket_url":"https://app.richpanel.com/c/%3Ca%2Bb%40mail.example%3E?x=1"}"#,
            "<a+b@mail.example>",
        ),
        (r#"{"ticket_id":"{{ticket.id}}","ticket_url":"https://app.richpanel.com/conversations/77/"}"#, "77"),
        (r#"{"ticket":{"url":"https://app.richpanel.com/c/t-6"}}"#, "t-6"),
        ("{\"ticket_id\":\"<a.b@mail.example>\"}", "<a.b@mail.example>"),
        ("{\"ticket_id\":\"&lt;a.b@mail.example&gt;\"}", "<a.b@mail.example>"),
        ("\u{feff}{\"ticket_id\":\"t-7\"}", "t-7"),
    ] {
        assert_eq!(id(body), expected);
    }
}

#[test]
fn a_form_and_an_xml_body_carry_the_same_fields_whatever_the_content_type_says() {
    let form =
        parse("ticket_id=%3Ca%2Bb%40h.example%3E&channel=email&message=two+words&subject=a%26b").unwrap();
    assert_eq!(form.ticket_id.as_str(), "<a+b@h.example>");
    assert_eq!((form.message.as_deref(), form.subject.as_deref()), (Some("two words"), Some("a&b")));
    assert_eq!(id("ticket_id=<a+b@h.example>&x=1"), "<a+b@h.example>", "a plus sign in an id is no space");
    let xml = parse(
        "<?xml version=\"1.0\"?>\n<call><ticket_id>&lt;a@h.example&gt;</ticket_id><channel>email</channel>\
         <message><![CDATA[a < b]]> &amp; c &#33;</message><shop a=\"1\">eu</shop></call>\n",
    )
    .unwrap();
    assert_eq!(xml.ticket_id.as_str(), "<a@h.example>");
    assert_eq!((xml.message.as_deref(), xml.channel), (Some("a < b & c !"), Some(Channel::Email)));
    assert_eq!(xml.extra.get("shop").map(String::as_str), Some("eu"));
    assert!(!xml.salvaged && !form.salvaged);
    assert_eq!(id("<r><ticket><id>t-9</id></ticket></r>"), "t-9");
}

#[test]
fn an_xml_document_type_expands_to_nothing() {
    let bomb = "<!DOCTYPE x [<!ENTITY a \"aaaa\"><!ENTITY b \"&a;&a;\">]><x><ticket_id>t-1</ticket_id><m>&b;</m></x>";
    let call = parse(bomb).unwrap();
    assert_eq!((call.ticket_id.as_str(), call.salvaged), ("t-1", true));
}

#[test]
fn a_body_broken_by_unescaped_values_still_yields_its_id() {
    for (body, expected) in [
        (r#"{"ticket_id":"t-1","message":"she said "hello" to me"}"#, "t-1"),
        ("{\"ticket_id\" : \"t-2\",\n\"message\":\"two\nlines\"}", "t-2"),
        (r#"{"message":"broken " quote","ticket_id":"t-3"}"#, "t-3"),
        (r#"{"message":"a \ b","ticket_id":12345,"x":1}"#, "12345"),
        (r#"{"ticket_id":"<"odd.id"@mail.example>","message":"x"}"#, "<\"odd.id\"@mail.example>"),
        (r#"{"ticket_id":"<a@mail.example>","message":"see "https://x" > there">"}"#, "<a@mail.example>"),
        (r#"{"ticket_id":"t-4","message":"cut off"#, "t-4"),
        (r#"{"ticket_id": <a.b+c@mail.example>, "channel":"email"}"#, "<a.b+c@mail.example>"),
        (r#"{"ticket_id":api-demoshop-3f0c6d1e}"#, "api-demoshop-3f0c6d1e"),
        ("<c><ticket_id><a@mail.example></ticket_id><message>x</message></c>", "<a@mail.example>"),
        ("<c><ticket_id>t-5</ticket_id><message>a < b & c</message></c>", "t-5"),
        ("<c><message>a <b></message><ticket_id>&lt;a@h&gt;</ticket_id></c>", "<a@h>"),
        (
            r#"{"ticket_id":"{{ticket.id}}","ticket_url":"https://app.richpanel.com/c/88","message":"a "b""}"#,
            "88",
        ),
        (r#"'ticket_id': 't-6', 'x': 'it's'"#, "t-6"),
    ] {
        let call = parse(body).unwrap();
        assert_eq!(call.ticket_id.as_str(), expected, "{body}");
        assert!(call.salvaged, "{body}");
    }
}

#[test]
fn no_id_is_taken_rather_than_half_of_one() {
    for body in [
        r#"{"ticket_id":"<"odd id"@mail.example>","m":"x"}"#,
        r#"{"ticket_id":"<cut@mai"#,
        r#"{"ticket_id": {{ticket.id}}, "m":"x"}"#,
        r#"{"ticket_id": <a@b c>}"#,
    ] {
        assert_eq!(parse(body), Err(Unusable::NoTicketId), "{body}");
    }
}

#[test]
fn channel_and_trigger_are_salvaged_where_they_are_plain() {
    let call =
        parse(r#"{"ticket_id":"t","channel":"email","trigger":"new_conversation","message":"a "b" c"}"#)
            .unwrap();
    assert_eq!((call.channel, call.trigger.as_deref()), (Some(Channel::Email), Some("new_conversation")));
    assert_eq!(call.message, None);
}

#[test]
fn text_that_forges_a_second_id_does_not_steer_the_call() {
    let forged = parse(r#"{"ticket_id":"mine","message":"x","ticket_id":"yours"}"#).unwrap();
    assert_eq!((forged.ticket_id.as_str(), forged.salvaged), ("mine", true));
    assert_eq!(id(r#"{"ticket_id":"mine","message":""ticket_id":"yours""}"#), "mine");
    assert_eq!(id("ticket_id=mine&message=a&ticket_id=yours"), "mine");
    assert_eq!(id("<c><ticket_id>mine</ticket_id><m>x</m><ticket_id>yours</ticket_id></c>"), "mine");
    assert_eq!(id(r#"{"ticket_id":"mine","message":"see "http://x/?a=1&ticket_id=yours&b=2"}"#), "mine");
}

#[test]
fn what_cannot_be_an_id_is_none() {
    let long = "x".repeat(513);
    for value in
        ["", " ", "{{ticket.id}}", "{{ ticket.id }}", "null", "undefined", ".", "..", "a\\u0007b", &long]
    {
        let body = format!(r#"{{"ticket_id":"{value}"}}"#);
        assert_eq!(parse(&body), Err(Unusable::NoTicketId), "{body}");
    }
    for body in [
        "",
        " ",
        "{}",
        "hello",
        "[]",
        "null",
        "<a/>",
        r#"{"ticket_url":"https://app.richpanel.com/tickets/"}"#,
    ] {
        assert_eq!(parse(body), Err(Unusable::NoTicketId), "{body}");
    }
}

#[test]
fn an_odd_content_type_matters_only_when_no_id_is_found() {
    let parse = |kind: Option<&str>, body: &str| source().parse(kind, body.as_bytes());
    assert!(parse(Some("text/plain"), r#"{"ticket_id":"t"}"#).is_ok());
    assert_eq!(parse(Some("text/plain"), "hello"), Err(Unusable::ContentType));
    for kind in [None, Some("application/json"), Some("text/xml"), Some("application/x-www-form-urlencoded")]
    {
        assert_eq!(parse(kind, "hello"), Err(Unusable::NoTicketId));
    }
}

#[test]
fn bytes_that_are_not_utf_8_are_read_and_flagged() {
    let call = source().parse(None, b"{\"ticket_id\":\"t-1\",\"message\":\"caf\xe9\"}").unwrap();
    assert_eq!((call.ticket_id.as_str(), call.salvaged), ("t-1", true));
}

#[test]
fn extra_fields_are_bounded_in_number_and_length() {
    let fields: Vec<String> = (0..500).map(|n| format!("\"f{n:03}\":\"{}\"", "é".repeat(3000))).collect();
    let call = parse(&format!("{{\"ticket_id\":\"t\",{}}}", fields.join(","))).unwrap();
    assert_eq!(call.extra.len(), 64);
    assert!(call.extra.values().all(|value| value.len() <= 4096));
}

#[test]
fn the_fields_names_are_configured() {
    let fields = Fields { ticket_id: "conv".into(), ..Fields::default() };
    let source = RichpanelSource::new(&[], fields);
    assert_eq!(source.parse(None, br#"{"conv":"t-1","ticket_id":"x"}"#).unwrap().ticket_id.as_str(), "t-1");
    assert_eq!(source.parse(None, br#"{"conv":"t-1","message":"a "b""}"#).unwrap().ticket_id.as_str(), "t-1");
}

fn ticket_id() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z]{3}-[a-z]{4}-[0-9a-f]{8}",
        "[0-9]{4,9}_name_[0-9]{6}",
        "<[A-Za-z0-9.+=_/-]{1,30}@[a-z]{1,12}\\.example>",
    ]
}

/// What a customer may write: any characters, more of those that break templates.
fn text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("\"".to_owned()),
        Just("\n".to_owned()),
        Just("\\".to_owned()),
        Just("}".to_owned()),
        Just("{".to_owned()),
        Just("\",".to_owned()),
        Just("<b>".to_owned()),
        Just("</".to_owned()),
        Just("&".to_owned()),
        Just("]]>".to_owned()),
        Just("\\u12".to_owned()),
        ".{0,8}",
    ];
    prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn no_body_makes_reading_panic(body in prop::collection::vec(any::<u8>(), 0..400), kind in ".{0,20}") {
        let _ = source().parse(Some(&kind), &body);
    }

    #[test]
    fn no_broken_template_makes_reading_panic(
        head in text(), name in prop_oneof![Just("ticket_id"), Just("ticket_url")], tail in text(),
    ) {
        let _ = parse(&format!("{head}\"{name}\":\"{tail}"));
        let _ = parse(&format!("<{head}><{name}>{tail}</{name}>"));
        let _ = parse(&format!("{head}&{name}={tail}"));
    }

    #[test]
    fn a_json_template_filled_with_any_text_yields_the_true_id(id in ticket_id(), text in text(), subject in text()) {
        for body in [
            format!(r#"{{"ticket_id":"{id}","channel":"email","subject":"{subject}","message":"{text}"}}"#),
            format!("{{\n  \"message\": \"{text}\",\n  \"subject\": \"{subject}\",\n  \"ticket_id\": \"{id}\"\n}}"),
        ] {
            let call = parse(&body);
            prop_assert_eq!(call.as_ref().map(|call| call.ticket_id.as_str()), Ok(id.as_str()), "{}", body);
        }
    }

    #[test]
    fn an_xml_template_filled_with_any_text_yields_the_true_id(id in ticket_id(), text in text()) {
        let body = format!("<call><ticket_id>{id}</ticket_id><message>{text}</message></call>");
        let call = parse(&body);
        prop_assert_eq!(call.as_ref().map(|call| call.ticket_id.as_str()), Ok(id.as_str()), "{}", body);
    }

    #[test]
    fn a_form_template_filled_with_any_text_yields_the_true_id(id in ticket_id(), text in text()) {
        let body = format!("ticket_id={id}&message={text}");
        let call = parse(&body);
        prop_assert_eq!(call.as_ref().map(|call| call.ticket_id.as_str()), Ok(id.as_str()), "{}", body);
    }
}
