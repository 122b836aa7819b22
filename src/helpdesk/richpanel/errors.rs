//! What an answer means: statuses, and the four shapes of an error body, which may come with status 200.
//!
//! Shapes (richpanel-api §1): `{"error":{"message"}}`, `{"errors":{"message"}}`, a validator list
//! `[{"value","msg","param","location"}]` bare or under `error`/`errors`/`message`, and the gateway's `{"message"}`.
//! The validator's `value` repeats what we sent, a customer's words perhaps: it is never read. The gateway's time-out
//! is an ambiguous write whatever its status, since the backend may have gone on.

use serde_json::Value;

use crate::helpdesk::ApiError;
use crate::helpdesk::http::{Access, Answer};

/// Characters of an error text that are kept.
const TEXT_LIMIT: usize = 160;

/// What can be done twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Call {
    Read,
    /// Tags, close, assign: repeating does no harm, so only a real doubt is a doubt.
    Harmless,
    /// A reply or a note: every doubt counts.
    Once,
}

impl Call {
    pub(super) const fn access(self) -> Access {
        match self {
            Self::Read => Access::Read,
            Self::Harmless | Self::Once => Access::Write,
        }
    }
}

/// The body of a good answer (`Null` when empty), or what the answer means.
pub(super) fn read(call: Call, answer: &Answer) -> Result<Value, ApiError> {
    let body = parse(answer);
    let complaint = body.as_ref().ok().and_then(|body| complaint(body));
    let text = complaint.clone().unwrap_or_default();
    if is_gateway_timeout(&text) {
        return Err(unclear(call, text));
    }
    if !(200..300).contains(&answer.status) {
        let text = complaint.or_else(|| body.ok().as_ref().and_then(message)).unwrap_or_default();
        return Err(by_status(call, answer.status, text));
    }
    if complaint.is_some() {
        return Err(error_in_success(call, answer.status, text));
    }
    body.map_err(|why| match call {
        Call::Read => ApiError::Malformed(why),
        Call::Harmless | Call::Once => ApiError::Ambiguous(why),
    })
}

fn parse(answer: &Answer) -> Result<Value, String> {
    if let Some(why) = &answer.broken {
        return Err(why.clone());
    }
    if answer.body.iter().all(u8::is_ascii_whitespace) {
        return Ok(Value::Null);
    }
    serde_json::from_slice(&answer.body).map_err(|_| format!("{}: the body is not JSON", answer.status))
}

fn unclear(call: Call, text: String) -> ApiError {
    match call {
        Call::Read => ApiError::Unavailable(text),
        Call::Harmless | Call::Once => ApiError::Ambiguous(text),
    }
}

fn by_status(call: Call, status: u16, text: String) -> ApiError {
    let said = if text.is_empty() { status.to_string() } else { format!("{status}: {text}") };
    match (status, call) {
        (401, _) => ApiError::Unauthorized(said),
        (403, _) => ApiError::Forbidden(said),
        (404, _) => ApiError::NotFound,
        (410, Call::Read) => ApiError::NotFound,
        (400 | 413 | 422, _) => ApiError::Rejected { status, message: text },
        // Conflict, time-out, locked, too early: may be different next time, may have been applied.
        (408 | 409 | 423 | 425, _) => unclear(call, said),
        // A status nobody documented: whether a reply went out is anybody's guess.
        (400..=499, Call::Once) => ApiError::Ambiguous(said),
        (400..=499, _) => ApiError::Rejected { status, message: text },
        // 5xx, and redirects, which are not followed.
        _ => unclear(call, said),
    }
}

fn error_in_success(call: Call, status: u16, text: String) -> ApiError {
    let said = format!("an error inside a {status}: {text}");
    if call != Call::Read {
        return ApiError::Ambiguous(said);
    }
    let words = text.to_lowercase();
    if words.contains("not found") || words.contains("does not exist") || words.contains("no such") {
        ApiError::NotFound
    } else if words.contains("invalid") || words.contains("must be") || words.contains("required") {
        ApiError::Rejected { status, message: text }
    } else {
        ApiError::Unavailable(said)
    }
}

/// The gateway's overload answer (richpanel-api §1) and its relatives.
fn is_gateway_timeout(text: &str) -> bool {
    let words = text.to_lowercase();
    words.contains("request timed out") || words.contains("gateway time") || words.contains("task timed out")
}

/// The error text when the body is shaped like an error; at most [`TEXT_LIMIT`] characters, without addresses.
pub(super) fn complaint(body: &Value) -> Option<String> {
    match body {
        Value::Array(_) => validators(body),
        Value::String(text) => sounds_bad(text).then(|| tidy(text)),
        Value::Object(fields) => {
            for key in ["error", "errors"] {
                if let Some(text) = fields.get(key).and_then(inner) {
                    return Some(text);
                }
            }
            let said = fields.get("message");
            if let Some(text) = said.and_then(validators) {
                return Some(text);
            }
            let failed = ["success", "ok"].iter().any(|key| fields.get(*key) == Some(&Value::Bool(false)))
                || fields.get("statusCode").and_then(Value::as_u64).is_some_and(|code| code >= 400);
            let text = said.and_then(Value::as_str).unwrap_or_default();
            // Some answers to good calls are a bare message too (attach-order, POST /customers).
            (failed || sounds_bad(text)).then(|| tidy(text))
        }
        _ => None,
    }
}

/// Any message at all, for the text of an answer whose status is an error already.
fn message(body: &Value) -> Option<String> {
    body.get("message").and_then(Value::as_str).or_else(|| body.as_str()).map(tidy)
}

/// What stands under `error` or `errors`; `None` for `null`, `false`, and empty ones, which say that all is well.
fn inner(value: &Value) -> Option<String> {
    match value {
        Value::Null | Value::Bool(false) => None,
        Value::String(text) => (!text.is_empty()).then(|| tidy(text)),
        Value::Array(items) if items.is_empty() => None,
        Value::Array(items) => Some(
            validators(value)
                .or_else(|| items.iter().find_map(inner))
                .unwrap_or_else(|| "an error without words".to_owned()),
        ),
        Value::Object(fields) if fields.is_empty() => None,
        Value::Object(fields) => Some(
            ["message", "msg", "error", "errors", "code"]
                .iter()
                .find_map(|key| fields.get(*key).and_then(inner))
                .unwrap_or_else(|| "an error without words".to_owned()),
        ),
        Value::Bool(true) | Value::Number(_) => Some("an error without words".to_owned()),
    }
}

/// A validator list in words: `param: msg`, the first three.
fn validators(value: &Value) -> Option<String> {
    let items = value.as_array()?;
    let word = |item: &Value| {
        let msg = item.get("msg")?.as_str()?;
        let param = item.get("param").or_else(|| item.get("path")).and_then(Value::as_str).unwrap_or("?");
        Some(format!("{param}: {msg}"))
    };
    let words: Vec<String> = items.iter().filter_map(word).take(3).collect();
    (!words.is_empty()).then(|| tidy(&words.join("; ")))
}

fn sounds_bad(text: &str) -> bool {
    const BAD: &[&str] = &[
        "timed out", "timeout", "time-out", "error", "fail", "not found", "unauthorized", "forbidden", "invalid",
        "missing", "denied", "too many", "limit exceeded", "unable", "could not", "cannot", "went wrong", "unavailable",
    ];
    let words = text.to_lowercase();
    BAD.iter().any(|bad| words.contains(bad))
}

/// One short line: no control characters, no e-mail addresses.
pub(super) fn tidy(text: &str) -> String {
    let words = text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty());
    let shown = words.map(|word| if word.contains('@') { "<address>" } else { word });
    shown.collect::<Vec<_>>().join(" ").chars().take(TEXT_LIMIT).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, body: &str) -> Answer {
        Answer { status, body: body.as_bytes().to_vec(), broken: None }
    }

    fn failure(call: Call, status: u16, body: &str) -> ApiError {
        read(call, &answer(status, body)).unwrap_err()
    }

    const SHAPES: [&str; 7] = [
        r#"{"error":{"message":"something broke"}}"#,
        r#"{"errors":{"message":"something broke"}}"#,
        r#"[{"value":"ava@example.com wrote","msg":"Invalid value","param":"ticket","location":"body"}]"#,
        r#"{"error":[{"value":"x","msg":"Invalid value","param":"ticket","location":"body"}]}"#,
        r#"{"errors":[{"value":"x","msg":"Invalid value","param":"ticket","location":"body"}]}"#,
        r#"{"message":[{"value":"x","msg":"Invalid value","param":"ticket","location":"body"}]}"#,
        r#"{"message":"Endpoint request timed out"}"#,
    ];

    #[test]
    fn every_error_shape_inside_a_200_leaves_a_write_in_doubt() {
        for body in SHAPES {
            for call in [Call::Once, Call::Harmless] {
                assert!(matches!(failure(call, 200, body), ApiError::Ambiguous(_)), "{body}");
            }
            assert!(!matches!(failure(Call::Read, 200, body), ApiError::Ambiguous(_)), "{body}");
        }
    }

    #[test]
    fn an_error_inside_a_200_means_for_a_read_what_its_words_say() {
        assert_eq!(failure(Call::Read, 200, r#"{"error":{"message":"Ticket not found"}}"#), ApiError::NotFound);
        assert!(matches!(failure(Call::Read, 200, SHAPES[2]), ApiError::Rejected { status: 200, .. }));
        assert!(matches!(failure(Call::Read, 200, SHAPES[0]), ApiError::Unavailable(_)));
    }

    #[test]
    fn the_gateways_time_out_is_an_ambiguous_write_whatever_its_status() {
        for status in [200, 400, 404, 502, 504] {
            let body = SHAPES[6];
            assert!(matches!(failure(Call::Once, status, body), ApiError::Ambiguous(_)), "{status}");
            assert!(matches!(failure(Call::Read, status, body), ApiError::Unavailable(_)), "{status}");
        }
    }

    #[test]
    fn answers_that_merely_hold_a_message_or_an_empty_error_are_good() {
        for body in [
            r#"{"message":"Order attached"}"#,
            r#"{"error":null,"ticket":{"id":"a"}}"#,
            r#"{"errors":[],"ticket":{"id":"a"}}"#,
            r#""ok""#,
            "[]",
            "  ",
            "",
            "{}",
        ] {
            assert!(read(Call::Once, &answer(200, body)).is_ok(), "{body}");
        }
    }

    #[test]
    fn a_status_decides_even_when_the_body_is_unreadable() {
        assert_eq!(failure(Call::Once, 404, "<html>"), ApiError::NotFound);
        assert!(matches!(failure(Call::Once, 401, ""), ApiError::Unauthorized(_)));
        assert!(matches!(failure(Call::Read, 403, r#"{"message":"Forbidden"}"#), ApiError::Forbidden(_)));
        for status in [400, 413, 422] {
            assert!(matches!(failure(Call::Once, status, "<html>"), ApiError::Rejected { .. }));
        }
        for status in [302, 405, 408, 409, 500, 502, 503, 504] {
            assert!(matches!(failure(Call::Once, status, "<html>"), ApiError::Ambiguous(_)), "{status}");
        }
        assert!(matches!(failure(Call::Harmless, 405, ""), ApiError::Rejected { .. }));
        assert!(matches!(failure(Call::Harmless, 409, ""), ApiError::Ambiguous(_)));
        for status in [302, 408, 409, 500, 503] {
            assert!(matches!(failure(Call::Read, status, ""), ApiError::Unavailable(_)), "{status}");
        }
    }

    #[test]
    fn a_2xx_whose_body_cannot_be_read_leaves_a_write_in_doubt() {
        assert!(matches!(failure(Call::Once, 200, r#"{"ticket":{"#), ApiError::Ambiguous(_)));
        assert!(matches!(failure(Call::Read, 200, "<html>"), ApiError::Malformed(_)));
        let cut = Answer { status: 200, body: vec![], broken: Some("cut".into()) };
        assert!(matches!(read(Call::Once, &cut), Err(ApiError::Ambiguous(_))));
    }

    #[test]
    fn an_error_text_repeats_neither_what_we_sent_nor_an_address() {
        let text = complaint(&serde_json::from_str(SHAPES[2]).unwrap()).unwrap();
        assert_eq!(text, "ticket: Invalid value");
        assert_eq!(tidy("no\nmail to ava@example.com"), "no mail to <address>");
    }
}
