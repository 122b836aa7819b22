//! Makes a customer's words fit to leave the machine: what [`redact`] masks, and links, handles, numbers and names.
//!
//! Stricter than [`redact`], which is for the shop's own logs: here order numbers go as well. The masks are `[link]`,
//! `[email]`, `[handle]`, `[phone]`, `[card]`, `[number]` and `[name]`; short figures and dates stay, because "two of
//! three" and "since 3 May" are part of a question.
//!
//! What may go wrong: a name in the middle of a sentence that nobody told us, and a street without its number's
//! digits, are words like any other and stay. Too much masked is the lesser harm: the reader of the result can only
//! stop a reply or pick a route.

use std::sync::LazyLock;

use regex::{Captures, Regex};

use super::pattern::{cased, pattern};
use super::redact::redact;

/// A web address, also without its scheme when something follows the host.
static LINK: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"\b(?:[a-z][a-z0-9+.-]{1,12}://|www\.)\S+|\b[\w-]+(?:\.[\w-]+)+[/?]\S+"));
/// An address spelled out: `anna (at) example (dot) com`, `anna＠example.com`.
static SPELLED: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"[\w.+-]+\s?(?:[(\[{<]\s?at\s?[)\]}>]|＠)\s?[\w-]+(?:(?:\s?[(\[{<]\s?dot\s?[)\]}>]\s?|\s+dot\s+|\.)[\w-]+)*",
    )
});
static HANDLE: LazyLock<Regex> = LazyLock::new(|| pattern(r"@[\w.-]*\w"));
/// A date, which stays; or a word with digits in it, which goes when it has four or more.
static NUMBERED: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"\b\d{4}[-./]\d{1,2}[-./]\d{1,2}\b|\b\d{1,2}[-./]\d{1,2}[-./](?:\d\d|(?:19|20)\d\d)\b|#?[\p{L}\d][\p{L}\d_-]*",
    )
});

/// A name as written: words with a capital, and what stands between them.
const NAME: &str = r"\p{Lu}[\p{L}'’.-]*(?:[ \t]+(?:(?:van|von|de|del|der|den|la|le|da|dos|di|bin|al|el)[ \t]+)*\p{Lu}[\p{L}'’.-]*){0,3}";
/// Words that begin a message. With and without a title after them.
const GREETING: &str = r"(?i:hi|hiya|hey|hello|dear|good (?:morning|afternoon|evening)|hallo|guten (?:tag|morgen|abend)|liebe[rs]?|sehr geehrte[rs]?|bonjour|bonsoir|salut|ch[eè]re?|hola|buenos d[ií]as|buenas (?:tardes|noches)|estimad[oa]s?|querid[oa]s?|ol[aá]|bom dia|boa (?:tarde|noite)|prezad[oa]s?|car[oa]s?|goedemorgen|goedemiddag|goedenavond|beste|geachte)";
const TITLE: &str = r"(?i:mr|mrs|ms|miss|mx|dr|prof|sir|madam|herrn?|frau|monsieur|madame|m|mme|se[nñ]or[a]?|sr|sra|senhora?|dhr|mevr|heer|mevrouw)\.?";
/// Words that end one.
const SIGN_OFF: &str = r"(?i:many thanks|thank you(?: (?:so|very) much)?(?: in advance)?|thanks(?: a lot| so much| again| in advance)?|thx|ty|cheers|(?:(?:kind|best|warm)(?:est)? )?regards|best(?: wishes)?|(?:yours )?(?:sincerely|truly|faithfully)|love|take care|vielen dank|danke(?: sch[oö]n)?|(?:mit )?(?:freundlichen|besten|liebe|viele|herzliche|sch[oö]ne|beste) gr[uü](?:[sß]|ss)en?|mfg|lg|gru[sß]{1,2}|merci(?: beaucoup)?|cordialement|bien [aà] vous|cdlt|(?:muchas )?gracias|(?:un )?saludos?(?: cordiales)?|atentamente|(?:muito )?obrigad[oa]|atenciosamente|cumprimentos|abra[cç]os?|bedankt|dank (?:je|u)(?: wel)?|(?:met )?vriendelijke groeten?|groet(?:en|jes)?|mvg)";
const INTRODUCTION: &str = r"(?i:my name is|my name's|the name is|name\s?:|i am|i'm|i’m|this is|it's|mein name ist|ich hei(?:ß|ss)e|ich bin|je m'appelle|je suis|mon nom est|me llamo|mi nombre es|soy|meu nome [eé]|me chamo|mijn naam is|ik ben|ik heet)";

static GREETED: LazyLock<Regex> = LazyLock::new(|| {
    cased(&format!(
        r"^([ \t]*{GREETING}(?:[ \t]+(?i:there|und|and|et|y|e|en))?[ \t,]+(?:{TITLE}[ \t]+)?){NAME}([ \t]*(?:[,!.:;–—-]|$))"
    ))
});
static SIGNED: LazyLock<Regex> = LazyLock::new(|| {
    cased(&format!(r"(\b{SIGN_OFF}[ \t]*[,.!;:–—-]*\s*(?:[-–—~][ \t]*)?){NAME}([ \t]*[.!]?[ \t]*$)"))
});
/// At the very end in any case, one or two words.
static SIGNED_LAST: LazyLock<Regex> = LazyLock::new(|| {
    cased(&format!(
        r"(\b{SIGN_OFF}[ \t]*(?:[,;:–—-]+\s*|[.!]?\s*\n\s*(?:[-–—~][ \t]*)?)|\n[ \t]*[-–—~][ \t]*)\p{{L}}[\p{{L}}'’.-]*(?:[ \t]+\p{{L}}[\p{{L}}'’.-]*)?\s*\z"
    ))
});
static INTRODUCED: LazyLock<Regex> = LazyLock::new(|| cased(&format!(r"(\b{INTRODUCTION}[ \t]+){NAME}")));

/// Digits in one word from which on it is taken for somebody's number.
const DIGITS_MIN: usize = 4;
/// Letters of a known name from which on it is looked for alone.
const KNOWN_NAME_CHARS_MIN: usize = 2;

/// Names that are words of a message too: masked only with a capital letter.
const ALSO_WORDS: &[&str] = &[
    "al", "an", "april", "art", "august", "bill", "chance", "chase", "con", "das", "de", "dean", "del",
    "den", "der", "di", "die", "do", "dos", "drew", "faith", "fair", "frank", "good", "grace", "grant",
    "hope", "in", "joy", "june", "la", "le", "long", "luz", "mark", "may", "more", "my", "never", "no",
    "pat", "paz", "price", "ray", "rich", "rob", "rose", "so", "sol", "sue", "to", "van", "von", "ward",
    "will", "wish", "you", "young",
];
const MASKS: &[&str] = &["link", "email", "handle", "phone", "card", "number", "name"];

/// The text without what tells who wrote it or about which order.
///
/// `names` are what is known of the customer (whole names, first names); each of their words is masked wherever it
/// stands, one that is a word of its own too ("will") only with a capital letter.
pub fn anonymise(text: &str, names: &[&str]) -> String {
    let text = LINK.replace_all(text, "[link]");
    let text = SPELLED.replace_all(&text, "[email]");
    let text = redact(&text);
    let text = HANDLE.replace_all(&text, "[handle]");
    let text = NUMBERED.replace_all(&text, |found: &Captures<'_>| {
        number(found.get(0).map_or("", |found| found.as_str())).to_owned()
    });
    let text = known(&text, names);
    let text = GREETED.replace_all(&text, "${1}[name]${2}");
    let text = INTRODUCED.replace_all(&text, "${1}[name]");
    let text = SIGNED.replace_all(&text, "${1}[name]${2}");
    SIGNED_LAST.replace_all(&text, "${1}[name]").into_owned()
}

/// Dates hold a separator and no letter; everything else with so many digits is a number of somebody's.
fn number(word: &str) -> &str {
    let digits = word.chars().filter(|c| c.is_numeric()).count();
    let date = !word.starts_with('#') && word.chars().all(|c| c.is_ascii_digit() || "-./".contains(c));
    let date = date && word.contains(['-', '.', '/']) && digits <= 8;
    let order = word.starts_with('#') && digits > 0;
    if order || (digits >= DIGITS_MIN && !date) { "[number]" } else { word }
}

fn known(text: &str, names: &[&str]) -> String {
    let mut words: Vec<String> = names
        .iter()
        .flat_map(|name| name.split(|c: char| !c.is_alphanumeric()))
        .filter(|word| word.chars().count() >= KNOWN_NAME_CHARS_MIN)
        .map(str::to_lowercase)
        .collect();
    words.sort_unstable();
    words.dedup();
    if words.is_empty() {
        return text.to_owned();
    }
    static WORD: LazyLock<Regex> = LazyLock::new(|| pattern(r"\p{L}[\p{L}\p{M}]*"));
    WORD.replace_all(text, |found: &Captures<'_>| {
        let word = found.get(0).map_or("", |found| found.as_str());
        let lower = word.to_lowercase();
        // Our own masks are in small letters, and so are words that only happen to be names.
        let only_capital = ALSO_WORDS.contains(&lower.as_str()) || MASKS.contains(&lower.as_str());
        let fits = !only_capital || word.chars().next().is_some_and(char::is_uppercase);
        if fits && words.contains(&lower) { "[name]".to_owned() } else { word.to_owned() }
    })
    .into_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn masked(text: &str) -> String {
        anonymise(text, &[])
    }

    #[test]
    fn what_tells_who_wrote_or_about_which_order_is_masked() {
        for (text, masked_text) in [
            ("I am at anna@example.com or +1 (555) 010-9999", "I am at [email] or [phone]"),
            ("anna (at) example (dot) com", "[email]"),
            ("card 4111 1111 1111 1111", "card [card]"),
            ("order #1001 and MK-20713 and 606243", "order [number] and [number] and [number]"),
            ("#12", "[number]"),
            ("tracking 1Z999AA10123456784 please", "tracking [number][number] please"),
            ("see https://shop.example.com/o/1?email=a%40b&key=x now", "see [link] now"),
            ("see shop.example.com/o?token=abc", "see [link]"),
            ("find me as @anna.b on the app", "find me as [handle] on the app"),
            ("IBAN DE89 3704 0044 0532 0130 00", "IBAN DE[number]"),
        ] {
            assert_eq!(masked(text), masked_text, "{text}");
        }
    }

    #[test]
    fn names_where_a_letter_has_them_are_masked() {
        for (text, masked_text) in [
            ("Hi Anna,\nwhere is it?", "Hi [name],\nwhere is it?"),
            ("Dear Ms. Smith, where is it?", "Dear Ms. [name], where is it?"),
            ("Sehr geehrte Frau Müller,\nwo bleibt es?", "Sehr geehrte Frau [name],\nwo bleibt es?"),
            ("Where is it?\n\nBest regards,\nAnna van der Berg", "Where is it?\n\nBest regards,\n[name]"),
            ("Where is it? Thanks, Anna", "Where is it? Thanks, [name]"),
            ("Where is it? Thanks Anna Smith.", "Where is it? Thanks [name]"),
            ("where is it? thanks, anna", "where is it? thanks, [name]"),
            ("¿Dónde está? Gracias,\nMaría José", "¿Dónde está? Gracias,\n[name]"),
            ("Where is it?\n- anna", "Where is it?\n- [name]"),
            ("My name is Anna Smith and it is late", "My name is [name] and it is late"),
            ("I'm Anna, where is it", "I'm [name], where is it"),
        ] {
            assert_eq!(masked(text), masked_text, "{text}");
        }
    }

    #[test]
    fn what_is_asked_stays() {
        for text in [
            "Where is my order? I waited since 2025-11-03, 3 weeks!",
            "Thanks for your help, where is it now and when does it come?",
            "Hello, where is my parcel?",
            "I am very upset. It came on 03.11.2025 with 2 of 3 items.",
            "Danke, die Lieferung fehlt noch immer",
            "Hi, please cancel and/or refund it, i.e. all of it",
        ] {
            assert_eq!(masked(text), text);
        }
    }

    #[test]
    fn what_is_known_of_the_customer_is_found_anywhere() {
        let names = ["Anna", "Anna Smith-Jones"];
        assert_eq!(
            anonymise("ANNA here, it was sent to a Mrs Jones; will it come?", &names),
            "[name] here, it was sent to a Mrs [name]; will it come?"
        );
        assert_eq!(anonymise("this is [anna] smith", &names), "this is [[name]] [name]");
        assert_eq!(anonymise("Will it come? I will wait", &["Will May"]), "[name] it come? I will wait");
        assert_eq!(anonymise("mail a@example.com, Card", &["Email Card"]), "mail [email], [name]");
    }

    proptest! {
        #[test]
        fn no_address_and_no_long_number_survives(
            before in "\\PC{0,20}", user in "[a-z0-9._%+-]{1,12}", host in "[a-z0-9-]{1,10}\\.[a-z]{2,6}",
            figures in "[0-9]{5,20}", after in "\\PC{0,20}"
        ) {
            let text = masked(&format!("{before} {user}@{host} {figures} {after}"));
            let plain = Regex::new(r"[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+\.[A-Za-z]{2,}").unwrap();
            prop_assert!(!plain.is_match(&text), "{}", text);
            prop_assert!(!text.contains(&figures), "{}", text);
        }

        #[test]
        fn any_text_goes_through_and_grows_little(text in "\\PC{0,200}", name in "\\PC{0,20}") {
            let masked = anonymise(&text, &[&name]);
            prop_assert!(masked.chars().count() <= text.chars().count() * 10 + 10);
        }
    }
}
