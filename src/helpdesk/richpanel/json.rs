//! Lenient looks into JSON: any part may be missing, null or of another type (richpanel-api §2, "key sets differ").

use serde_json::Value;

use crate::event::Timestamp;

/// A non-empty text; numbers are ids somewhere, so they count as text.
pub(super) fn text(value: Option<&Value>) -> Option<String> {
    match value? {
        Value::String(text) if !text.trim().is_empty() => Some(text.trim().to_owned()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// The first of these keys that holds a text.
pub(super) fn first_text(object: &Value, keys: &[&str]) -> Option<String> {
    keys.iter().find_map(|key| text(object.get(*key)))
}

/// A text as it came, untrimmed; empty when there is none.
pub(super) fn raw_text(value: Option<&Value>) -> String {
    value.and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// A flag, also as `"true"`, `"1"` or a number.
pub(super) fn flag(value: Option<&Value>) -> Option<bool> {
    match value? {
        Value::Bool(flag) => Some(*flag),
        Value::String(text) => match text.to_lowercase().as_str() {
            "true" | "1" => Some(true),
            "false" | "0" => Some(false),
            _ => None,
        },
        Value::Number(number) => number.as_i64().map(|number| number != 0),
        _ => None,
    }
}

/// The first of these keys that holds a flag.
pub(super) fn first_flag(object: &Value, keys: &[&str]) -> Option<bool> {
    keys.iter().find_map(|key| flag(object.get(*key)))
}

/// A whole number, also as text.
pub(super) fn integer(value: Option<&Value>) -> Option<i64> {
    match value? {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

/// A time: ISO-8601 in tickets, epoch milliseconds in orders (richpanel-api §2), either as number or text.
pub(super) fn time(value: Option<&Value>) -> Option<Timestamp> {
    let value = value?;
    if let Some(text) = value.as_str()
        && let Ok(at) = text.trim().parse::<Timestamp>()
    {
        return Some(at);
    }
    let number = integer(Some(value)).or_else(|| whole(value.as_f64()?))?;
    // Below this, milliseconds would lie in 1970: such numbers are seconds.
    let millis = if number.unsigned_abs() < 100_000_000_000 { number.checked_mul(1000)? } else { number };
    (number > 0).then(|| Timestamp::from_millisecond(millis).ok()).flatten()
}

/// A number written with a fraction (`1606758898000.0`) as the whole one it stands for.
fn whole(number: f64) -> Option<i64> {
    (number.is_finite() && number.abs() < 9e15).then(|| format!("{number:.0}").parse().ok()).flatten()
}

/// The elements of an array; nothing for anything else.
pub(super) fn list(value: Option<&Value>) -> &[Value] {
    value.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn times_are_read_from_iso_and_from_epoch_numbers() {
        let iso = time(Some(&json!("2026-02-09T00:29:02.114Z"))).unwrap();
        assert_eq!(iso.as_millisecond(), 1_770_596_942_114);
        for value in [json!(1_606_758_898_000_i64), json!("1606758898000"), json!(1_606_758_898_000.0)] {
            assert_eq!(time(Some(&value)).unwrap().as_millisecond(), 1_606_758_898_000, "{value}");
        }
        assert_eq!(time(Some(&json!(1_606_758_898))).unwrap().as_millisecond(), 1_606_758_898_000);
        for value in [json!(null), json!("yesterday"), json!({}), json!(0), json!(-5), json!(1e300)] {
            assert_eq!(time(Some(&value)), None, "{value}");
        }
    }

    #[test]
    fn texts_and_flags_come_in_several_types() {
        assert_eq!(text(Some(&json!(12345))), Some("12345".into()));
        assert_eq!(text(Some(&json!("  "))), None);
        assert_eq!(flag(Some(&json!("true"))), Some(true));
        assert_eq!(flag(Some(&json!([]))), None);
        assert_eq!(integer(Some(&json!("1401"))), Some(1401));
    }
}
