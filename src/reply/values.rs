//! What fills a variable: one fact each, with where it came from. Every value is cleaned before it is said; one that
//! looks wrong counts as missing, and a missing one stops the reply.
//!
//! Nothing is shortened: half an order number or half an address is not a fact.

use super::Fact;
use super::calendar::Calendar;
use super::situation::{estimate_of, only_tracking};
use super::wording::Wording;
use crate::event::Timestamp;
use crate::ticket::{Customer, Order};

/// Every variable a text may use.
pub const VARIABLES: &[&str] = &[
    "greeting",
    "first_name_or_there",
    "shop_name",
    "order_name",
    "order_date",
    "shipping_method",
    "items",
    "status_url",
    "carrier",
    "tracking_number",
    "tracking_url",
    "estimate",
];
/// Variables of a text that the shop wrote for a question, where no order is read out.
pub const FIXED_VARIABLES: &[&str] = &["greeting", "first_name_or_there", "shop_name", "order_name"];
/// Variables that only a parcel fills.
pub const PARCEL_VARIABLES: &[&str] = &["carrier", "tracking_number", "tracking_url"];
/// Variables that only an order fills.
pub const ORDER_VARIABLES: &[&str] = &[
    "order_name",
    "order_date",
    "shipping_method",
    "items",
    "status_url",
    "carrier",
    "tracking_number",
    "tracking_url",
    "estimate",
];
/// Variables whose values are words of the text's language, where [`Wording`] knows it.
pub const WORDED_VARIABLES: &[&str] = &["greeting", "estimate"];
/// Variables whose values are English words.
pub const ENGLISH_VARIABLES: &[&str] = &["items"];

const NAME_CHARS_MAX: usize = 40;
const CODE_CHARS_MAX: usize = 60;
const WORDS_CHARS_MAX: usize = 80;
const URL_CHARS_MAX: usize = 500;
const ITEMS_SHOWN_MAX: usize = 3;

/// What values are taken from.
#[derive(Debug, Clone, Copy)]
pub struct Material<'a> {
    /// Who is written to.
    pub customer: &'a Customer,
    /// When the ticket with the customer on it was read.
    pub ticket_read_at: Timestamp,
    /// The order, when it is certain.
    pub order: Option<&'a Order>,
    /// The shop.
    pub calendar: &'a Calendar,
    /// Written as chat lines.
    pub chat: bool,
    /// The language of the message (ISO 639-1): a text in it goes before the reply's own.
    pub language: &'a str,
    /// A parcel that has not changed for so long does not move.
    pub stall_days: u32,
    /// The time.
    pub now: Timestamp,
}

impl Material<'_> {
    /// The fact for a variable of a text in `language`.
    ///
    /// # Errors
    /// In plain words what is missing.
    pub fn fact(&self, name: &str, language: &str) -> Result<Fact, String> {
        let (value, source) = match name {
            "greeting" => self.greeting(language)?,
            "first_name_or_there" => self.first_name(language)?,
            "shop_name" => {
                let name = one_line(&self.calendar.shop_name, WORDS_CHARS_MAX);
                (name.ok_or("the shop has no name")?, "configuration · shop.name".to_owned())
            }
            _ => self.order_fact(name, language)?,
        };
        Ok(Fact { name: name.to_owned(), value, source })
    }

    fn greeting(&self, language: &str) -> Result<(String, String), String> {
        let wording = worded("greeting", language)?;
        let name = self.customer.first_name.as_deref().and_then(usable_name);
        let source = match &name {
            Some(_) => format!("ticket · customer.firstName · read {}", minute(self.ticket_read_at)),
            None => "no usable first name on the ticket".to_owned(),
        };
        Ok((wording.greeting(name.as_deref()), source))
    }

    fn first_name(&self, language: &str) -> Result<(String, String), String> {
        if let Some(name) = self.customer.first_name.as_deref().and_then(usable_name) {
            let source = format!("ticket · customer.firstName · read {}", minute(self.ticket_read_at));
            return Ok((name, source));
        }
        if language == "en" {
            return Ok(("there".to_owned(), "no usable first name on the ticket".to_owned()));
        }
        Err(format!("no usable first name, and \"there\" is not a word of the text's language ({language})"))
    }

    fn order_fact(&self, name: &str, language: &str) -> Result<(String, String), String> {
        let order = self.order.ok_or_else(|| format!("{{{name}}} needs an order that is certain"))?;
        if name == "estimate" {
            let wording = worded(name, language)?;
            let estimate = estimate_of(order, self.calendar, self.now)
                .map_err(|error| format!("no estimate: {error}"))?;
            return Ok((wording.estimate(&estimate, self.calendar.day(self.now)), estimate.how));
        }
        let parcel = only_tracking(order);
        let text = |value: &Option<String>, max| value.as_deref().and_then(|value| one_line(value, max));
        let (value, field) = match name {
            "order_name" => (text(&order.name, NAME_CHARS_MAX), "orderName"),
            "order_date" => (order.placed_at.map(|at| self.date_words(at, language)), "processedAt"),
            "shipping_method" => (text(&order.shipping_method, WORDS_CHARS_MAX), "shippingMethod"),
            "items" if language != "en" => (None, "items (worded in English only)"),
            "items" => (items(order), "items"),
            "status_url" => (order.status_url.as_deref().and_then(web_address), "statusUrl"),
            "carrier" => (
                parcel.and_then(|tracking| text(&tracking.company, CODE_CHARS_MAX)),
                "fulfillment[0].tracking[0].trackingCompany",
            ),
            "tracking_number" => (
                parcel.and_then(|tracking| tracking.number.as_deref()).and_then(code),
                "fulfillment[0].tracking[0].trackingNumber",
            ),
            "tracking_url" => (
                parcel.and_then(|tracking| tracking.url.as_deref()).and_then(web_address),
                "fulfillment[0].tracking[0].trackingUrl",
            ),
            unknown => return Err(format!("nothing fills {{{unknown}}}")),
        };
        let source = format!("{} · {field} · read {}", order.source, minute(order.read_at));
        value.map(|value| (value, source)).ok_or_else(|| {
            format!("{{{name}}}: {field} is missing from the order, or cannot be said as it is")
        })
    }

    fn date_words(&self, at: Timestamp, language: &str) -> String {
        let day = self.calendar.day(at);
        Wording::of(language).map_or_else(|| day.to_string(), |wording| wording.date(day))
    }
}

fn worded(variable: &str, language: &str) -> Result<&'static Wording, String> {
    Wording::of(language).ok_or_else(|| format!("{{{variable}}} has no words in \"{language}\""))
}

fn minute(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%MZ").to_string()
}

/// Cleans a value to one line; `None` when nothing is left, it is too long, or it carries an address.
pub fn one_line(value: &str, chars_max: usize) -> Option<String> {
    let spaced: String = value.chars().map(|c| if c.is_whitespace() { ' ' } else { c }).collect();
    let visible: String = spaced.chars().filter(|c| !is_invisible(*c)).collect();
    let line = visible.split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
    let lower = line.to_lowercase();
    let address = lower.contains("://") || lower.contains("www.");
    (!line.is_empty() && !address && line.chars().count() <= chars_max).then_some(line)
}

/// Control characters, zero-width ones and those that turn the direction of writing.
fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// A first name that can be said: up to three words of letters. Anything else might be an address, a company, a
/// placeholder or a joke.
pub fn usable_name(name: &str) -> Option<String> {
    const PLACEHOLDERS: &[&str] = &[
        "undefined",
        "null",
        "none",
        "unknown",
        "guest",
        "customer",
        "visitor",
        "anonymous",
        "test",
        "user",
        "admin",
        "info",
        "support",
        "sales",
        "na",
        "no name",
        "first name",
        "firstname",
    ];
    let name = one_line(name, NAME_CHARS_MAX)?;
    let letters = name.chars().all(|c| c.is_alphabetic() || matches!(c, ' ' | '-' | '\'' | '’' | '.'));
    let first = name.chars().next().is_some_and(char::is_alphabetic);
    let words = name.split(' ').count();
    let domain = name.trim_end_matches('.').contains('.') && !name.contains(". ");
    let placeholder = PLACEHOLDERS.contains(&name.to_lowercase().as_str());
    (letters && first && words <= 3 && !domain && !placeholder).then_some(name)
}

/// A tracking number: letters and digits with spaces or hyphens, at least one digit.
fn code(value: &str) -> Option<String> {
    let line = one_line(value, CODE_CHARS_MAX)?;
    let plain = line.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, ' ' | '-'));
    (plain && line.chars().any(|c| c.is_ascii_digit())).then_some(line)
}

/// A plain http or https address with a host, and no user in it.
pub fn web_address(value: &str) -> Option<String> {
    let value = value.trim();
    let lower = value.to_lowercase();
    let rest = lower.strip_prefix("https://").or_else(|| lower.strip_prefix("http://"))?;
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let name = host.split(':').next().unwrap_or_default();
    let host_good = name.contains('.')
        && !name.starts_with('.')
        && host.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':'));
    let plain = value.chars().all(|c| {
        c.is_ascii_graphic() && !matches!(c, '"' | '\'' | '<' | '>' | '\\' | '^' | '`' | '{' | '|' | '}')
    });
    (host_good && plain && value.len() <= URL_CHARS_MAX).then(|| value.to_owned())
}

fn items(order: &Order) -> Option<String> {
    let mut shown = Vec::new();
    for item in order.items.iter().take(ITEMS_SHOWN_MAX) {
        let name = one_line(&item.name, WORDS_CHARS_MAX)?;
        shown.push(if item.quantity > 1 { format!("{} × {name}", item.quantity) } else { name });
    }
    let more = order.items.len().saturating_sub(ITEMS_SHOWN_MAX);
    if more > 0 {
        shown.push(format!("{more} more"));
    }
    let last = shown.pop()?;
    Some(if shown.is_empty() { last } else { format!("{} and {last}", shown.join(", ")) })
}

#[cfg(test)]
#[path = "values_tests.rs"]
mod tests;
