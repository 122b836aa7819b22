//! Knows the lines by which mail clients introduce history: "On … wrote:", header blocks, separators.
//!
//! What may go wrong: a customer's own sentence that reads like one. Therefore a line alone is never
//! enough: it must end in the verb or a colon *and* carry a time or an address (or stand before `>` lines).

use std::sync::LazyLock;

use regex::Regex;

use super::pattern::{Sign, pattern};

/// Lines that an introduction may be wrapped over.
const WRAPPED_LINES_MAX: usize = 4;
/// Lines in which the fields of a header block must be found.
const HEADER_LINES_MAX: usize = 9;

/// Languages that end in the verb: "On <date>, <name> wrote:".
static VERB_LAST: LazyLock<Sign> = LazyLock::new(|| {
    Sign::new(
        r"\A(?:on|el|le|em|no dia|a|il|il giorno|w dniu|dnia|in data|op|\S{2,12}[.,])\s.{4,300}?[\s,>)](?:wrote|escribi[óo]|a\s+[ée]crit|escreveu|ha\s+scritto|napisa[łl]\(?a?\)?|pisze|schreef het volgende|het volgende geschreven)\s?:\z",
    )
});
/// Languages that name the writer after the verb: "Am <date> schrieb <name>:".
static VERB_WITHIN: LazyLock<Sign> = LazyLock::new(|| {
    Sign::new(
        r"\A(?:am|op|den|på|d\.|tor|ons|tir|man|mån|fre|lör|sön)\b.{4,200}\s(?:schrieb|schreef|skrev)\s.{1,140}:\z",
    )
});
/// The writer first: "<name> wrote on <date>:", "<name> schrieb am <date>:".
static WRITER_FIRST: LazyLock<Sign> = LazyLock::new(|| {
    Sign::new(
        r"\A\S.{0,120}\s(?:wrote|writes|schrieb|escribi[óo]|a\s+[ée]crit|escreveu|schreef|ha\s+scritto|skrev)\s(?:on|am|el|le|em|op|il|den|:|\S{2,4}[.,])?.{4,100}:\z",
    )
});
/// Only a date and an address: "2025-11-03 10:12 GMT+01:00 Shop <help@example.com>:".
static BARE: LazyLock<Sign> = LazyLock::new(|| {
    Sign::new(
        r"\A(?:\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.]\d{4}).{0,120}<[^<>\s]+@[^<>\s]+>\s?:\z",
    )
});
static CLOCK_OR_ADDRESS: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"\b\d{1,2}\s?(?:[:.]|h|uhr)\s?\d{2}\b|\b\d{1,2}\s?(?:am|pm|uhr)\b|[^\s<>@]+@[^\s<>@]+\.[a-z]{2,}",
    )
});
static DATE: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"\b(?:19|20)\d{2}\b|\b\d{1,2}[./-]\d{1,2}(?:[./-]\d{2,4})?\b"));
/// A person talks about themselves or to us: not a client's line, unless `>` lines follow.
static PRONOUN: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"\b(?:i|we|you|they|he|she|ich|wir|sie|yo|usted|je|j'ai|nous|vous|eu|ik|wij|jullie|io|jag|jeg)\s+(?:wrote|schrieb|schreef|escribi[óo]|avez|avons|escreveu|skrev)|\bwrote\s+(?:to\s+)?(?:me|us)\b|\b(?:me|nos|m['’]a|nous\s+a|mi\s+ha|ci\s+ha)\s+(?:escribi[óo]|[ée]crit|escreveu|scritto)|\b(?:schrieb|schreef|skrev)\s+(?:mir|uns|mij|ons|mig|oss|ich|wir|sie|ik|wij|u|jullie|jag|jeg)\b",
    )
});

static SEPARATOR: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"\A\s*[-_=*—–‐]{2,}\s*(?:original(?: (?:message|e?-?mail|appointment))?|reply message|urspr[üu]ngliche (?:nachricht|e-?mail)|original[- ]?(?:nachricht|mail)|原始邮件|原始郵件|元のメッセージ|исходное сообщение|orijinal (?:mesaj|ileti)|mensaje original|correo original|message (?:d['’]origine|original)|courriel original|mensagem original|oorspronkelijk(?:e)? (?:bericht|e-?mail)|messaggio originale|originalmeddelande|ursprungligt meddelande|oprindelig (?:meddelelse|besked)|(?:wiadomość|wiadomosc) oryginalna|oryginalna wiadomość)\s*[-_=*—–‐]{2,}\s*\z",
    )
});
static FORWARD: LazyLock<Sign> = LazyLock::new(|| {
    Sign::new(
        r"\A\s*[-_=*—–‐]{2,}\s*(?:forwarded (?:message|e?-?mail)(?: (?:from|by) .{1,80})?|forward(?:ed)?|weitergeleitete (?:nachricht|e-?mail)|mensaje reenviado|message transf[ée]r[ée]|mensagem (?:encaminhada|reenviada)|doorgestuurd bericht|messaggio inoltrato|vidarebefordrat (?:meddelande|brev)|videresendt (?:meddelelse|besked)|(?:wiadomość )?przekazana(?: wiadomość)?|转发邮件|轉寄郵件|转发的邮件|転送メッセージ|перес(?:ылаем|ланн)ое сообщение)\s*[-_=*—–‐]{2,}\s*\z",
    )
});
static FORWARD_PLAIN: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"\A\s*(?:begin forwarded message|anfang der weitergeleiteten (?:nachricht|e-?mail)|inicio del mensaje reenviado|d[ée]but du message (?:r[ée]exp[ée]di[ée]|transf[ée]r[ée])|in[íi]cio da mensagem (?:encaminhada|reenviada)|begin doorgestuurd bericht|inizio messaggio inoltrato|b[öo]rjan på vidarebefordrat (?:meddelande|brev)|start på videresendt besked)\s*:\s*\z",
    )
});
static REPLY_ABOVE: LazyLock<Sign> = LazyLock::new(|| {
    Sign::new(
        r"\A\s*(?:##-.{3,120}-##|[-=~*_#]{2,}\s*.{0,20}(?:reply|respond|answer|type).{0,20}\babove (?:this|the) line.{0,40}|[-=~*_#]{2,}\s*bitte (?:antworten|schreiben) sie (?:oberhalb|über) dieser (?:zeile|linie).{0,40}|[-=~*_#]{2,}\s*(?:responda|escriba)\b.{0,30}\b(?:encima|arriba) de esta l[íi]nea.{0,40}|[-=~*_#]{2,}\s*r[ée]pondez.{0,20}au-dessus de cette ligne.{0,40})\s*\z",
    )
});
static RULE: LazyLock<Regex> = LazyLock::new(|| pattern(r"\A\s*[_]{10,}\s*\z"));

/// The names of a header block's fields, in the languages a client may speak.
pub(super) const FROM: &str = "from|von|de|van|da|från|fra|od|expéditeur|remitente|发件人|寄件者|差出人|보낸 사람|от|від|kimden|lähettäjä|من";
pub(super) const SENT: &str = "sent|date|gesendet(?: am)?|datum|enviad[oa](?: el| em)?|fecha|data|envoyé(?: le)?|verzonden(?: op)?|inviato|skickat|sendt|dato|wysłano|发送时间|日期|时间|寄件日期|送信日時|日時|日付|보낸 날짜|날짜|отправлено|дата|gönderilme|gönderildi|tarih|odesláno|lähetetty|päivämäärä|تاريخ";
const TO: &str = "to|an|para|à|aan|a|till|til|do|cc|kopie|copie(?: à)?|收件人|抄送|收件者|宛先|받는 사람|кому|kime|komu|vastaanottaja|إلى";
pub(super) const SUBJECT: &str = "subject|betreff|asunto|objet|assunto|onderwerp|oggetto|ämne|emne|temat|re|主题|主題|主旨|件名|제목|тема|konu|předmět|aihe|الموضوع";
/// A field of a header block.
static FIELD: LazyLock<Regex> = LazyLock::new(|| {
    pattern(&format!(
        r"\A[\s>]*\*{{0,2}}(?:(?P<from>{FROM})|(?P<date>{SENT})|(?P<to>{TO})|(?P<subject>{SUBJECT}))\s?:\*{{0,2}}\s*(?P<value>.*)\z"
    ))
});
/// A header block that lost its line ends.
static FIELDS_IN_LINE: LazyLock<Sign> = LazyLock::new(|| {
    Sign::new(&format!(
        r"\A\W{{0,3}}(?:{FROM})\s?:\s?\S.{{0,160}}\s\W{{0,2}}(?:{SENT})\s?:\s?\S.{{4,80}}\s\W{{0,2}}(?:{TO}|{SUBJECT})\s?:\s?\S"
    ))
});
/// "---- On <date> <name> wrote ----", "-----<name> wrote: -----".
static DASHED: LazyLock<Sign> =
    LazyLock::new(|| Sign::new(&format!(r"\A\s*-{{2,}}\s*\S.{{4,250}}[\s,>]{VERB}\s?:?\s*-{{2,}}\s*\z")));
/// "On <date>, <name><address> wrote:   <what was written>": a client that lost the line's end.
static RUN_ON: LazyLock<Sign> = LazyLock::new(|| {
    Sign::new(&format!(r"\A\s*(?:on|am|el|le|em|il|op|den)\s.{{8,200}}<[^<>\s]+@[^<>\s]+>\s*{VERB}\s?:\s+\S"))
});
/// "Quoting <name> <address>:", "Zitat von …".
static QUOTING: LazyLock<Sign> = LazyLock::new(|| {
    Sign::new(
        r"\A(?:quoting|zitat von|citando a|citando|en réponse à|citerar)\s.{0,100}<?[^<>\s]+@[^<>\s]+>?\s?:\z",
    )
});
/// "<name> <address> wrote:" without a date.
static NAMED: LazyLock<Sign> =
    LazyLock::new(|| Sign::new(&format!(r"\A\S.{{0,80}}<[^<>\s]+@[^<>\s]+>\s{VERB}\s?:\z")));
/// Words of somebody who speaks of themselves.
static SELF: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"\b(?:i|i'm|we|me|my|us|our|ich|wir|mir|mich|mein\w*|uns\w*|yo|nos|je|j'ai|nous|mon|ma|mes|eu|meu|minha|ik|wij|mij|mijn|io|noi|mio|mia)\b",
    )
});
static FOREIGN_VERB: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"\b(?:wrote|geschrieben|napsala?|napísala?|kirjoitti|írta|a scris|yazdı|kirjutas|rašė|napisala?|je napisao)\b",
    )
});
/// Any language at all: a date, a time and an address in angles, and a colon not far from them.
static ANY_LANGUAGE: LazyLock<Sign> = LazyLock::new(|| {
    Sign::new(
        r"\A.{0,160}<[^<>\s]+@[^<>\s]+>.{0,24}:\z|\A.{0,100}<[^<>\s]+@[^<>\s]+>.{0,60}\d{1,2}[:.]\d{2}.{0,40}:\z",
    )
});
const VERB: &str = r"(?:wrote|writes|schrieb|escribi[óo]|a\s+[ée]crit|escreveu|schreef|ha\s+scritto|skrev|napisa[łl]\(?a?\)?)";
static TIME: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?:\A|\D)\d{1,2}[:.h]\d{2}(?:\D|\z)"));
/// A date with its year.
static FULL_DATE: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"(?:\A|\D)(?:19|20)\d{2}(?:\D|\z)|\b\d{1,2}[./-]\d{1,2}[./-]\d{2,4}\b"));

/// What begins at a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Opening {
    /// An introduction over so many lines; it counts when `>` lines or nothing follow, or when `sure`.
    Wrote { lines: usize, sure: bool },
    /// All that follows is history.
    History,
    /// All that follows is somebody else's mail.
    Forward,
}

/// Tells what history, if any, begins at the first of these lines.
pub(super) fn opening(lines: &[&str]) -> Option<Opening> {
    let first = lines.first()?.trim();
    if first.is_empty() || first.starts_with('>') {
        return None;
    }
    if FORWARD.is_match(first) || FORWARD_PLAIN.is_match(first) {
        return Some(Opening::Forward);
    }
    if SEPARATOR.is_match(first) || REPLY_ABOVE.is_match(first) {
        return Some(Opening::History);
    }
    if RULE.is_match(first) {
        let next = lines.iter().skip(1).position(|line| !line.trim().is_empty())?;
        return lines.get(next + 1..).is_some_and(is_header_block).then_some(Opening::History);
    }
    if is_header_block(lines) {
        return Some(Opening::History);
    }
    if DASHED.is_match(first) && (CLOCK_OR_ADDRESS.is_match(first) || DATE.is_match(first)) {
        return Some(Opening::Wrote { lines: 1, sure: true });
    }
    if FIELDS_IN_LINE.is_match(first) && CLOCK_OR_ADDRESS.is_match(first) {
        return Some(Opening::History);
    }
    if RUN_ON.is_match(first) && FULL_DATE.is_match(first) && !PRONOUN.is_match(first) {
        return Some(Opening::History);
    }
    if QUOTING.is_match(first) {
        return Some(Opening::Wrote { lines: 1, sure: false });
    }
    wrote(lines)
}

/// "From: / Sent: / To: / Subject:" in any of the languages, close together: a writer, a date and one more,
/// and a sign that a machine wrote it (a subject, an address, a time). A block that begins with another
/// field must have no blank line and an address or a time in it.
fn is_header_block(lines: &[&str]) -> bool {
    let Some(first) = lines.first().and_then(|line| FIELD.captures(line.trim())) else { return false };
    let value = first.name("value").map_or("", |value| value.as_str().trim());
    let from_first = first.name("from").is_some();
    if value.is_empty() {
        return false;
    }
    let (mut from, mut date, mut others, mut machine) = (false, false, 0_usize, false);
    for line in lines.iter().take(HEADER_LINES_MAX + 1).map(|line| line.trim()) {
        if line.is_empty() && !from_first {
            break;
        }
        let Some(field) = FIELD.captures(line) else { continue };
        from |= field.name("from").is_some();
        date |= field.name("date").is_some();
        others += usize::from(field.name("to").is_some() || field.name("subject").is_some());
        machine |= CLOCK_OR_ADDRESS.is_match(line) || from_first && field.name("subject").is_some();
    }
    from && date && machine && others >= if from_first { 1 } else { 2 }
}

fn wrote(lines: &[&str]) -> Option<Opening> {
    let mut joined = String::new();
    for (count, line) in lines.iter().take(WRAPPED_LINES_MAX).enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('>') {
            return None;
        }
        if count > 0 && !joined.ends_with('<') {
            joined.push(' ');
        }
        joined.push_str(line);
        if joined.chars().count() > 320 {
            return None;
        }
        if !line.ends_with(':') || joined.contains(['?', '!']) {
            continue;
        }
        let wrapped = lines.get(..=count).unwrap_or_default();
        if is_known(&joined) && (CLOCK_OR_ADDRESS.is_match(&joined) || DATE.is_match(&joined)) {
            if begins_later(wrapped) {
                return None;
            }
            let sure = CLOCK_OR_ADDRESS.is_match(&joined) && !PRONOUN.is_match(&joined);
            return Some(Opening::Wrote { lines: count + 1, sure });
        }
        if is_of_any_language(wrapped, &joined) {
            let sure = is_foreign(&joined) && !PRONOUN.is_match(&joined) && !SELF.is_match(&joined);
            return Some(Opening::Wrote { lines: count + 1, sure });
        }
        if count == 0 && NAMED.is_match(&joined) {
            return Some(Opening::Wrote { lines: 1, sure: false });
        }
    }
    None
}

fn is_known(joined: &str) -> bool {
    VERB_LAST.is_match(joined)
        || VERB_WITHIN.is_match(joined)
        || WRITER_FIRST.is_match(joined)
        || BARE.is_match(joined)
}

/// Whether the introduction stands whole in the later lines: then the first is the customer's own, such as
/// "El paquete no llega" right above "El mar, 3 mar 2026, … escribió:".
fn begins_later(lines: &[&str]) -> bool {
    (1..lines.len()).any(|from| {
        let rest: Vec<&str> = lines.iter().skip(from).map(|line| line.trim()).collect();
        let rest = rest.join(" ");
        is_known(&rest) && DATE.is_match(&rest)
    })
}

/// Whether no sentence of a language we read could be meant: another script, or a client's verb.
fn is_foreign(line: &str) -> bool {
    line.chars().any(|c| c.is_alphabetic() && c > '\u{36f}') || FOREIGN_VERB.is_match(line)
}

fn is_of_any_language(lines: &[&str], joined: &str) -> bool {
    let begins_here = lines.len() == 1 || lines.first().is_some_and(|line| FULL_DATE.is_match(line));
    begins_here && ANY_LANGUAGE.is_match(joined) && TIME.is_match(joined) && FULL_DATE.is_match(joined)
}
