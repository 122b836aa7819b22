//! Knows mail that no person wrote: bounces, absence notes, automatic replies.
//!
//! Such mail must never be answered: two robots would write to each other for ever. What may go wrong: an
//! absence note in words not listed here; the daily caps on replies then end the exchange.

use std::sync::LazyLock;

use regex::Regex;

use super::clean::{first_bytes, visible};
use super::pattern::{Sign, pattern};

static BOUNCE_SENDER: LazyLock<Sign> = LazyLock::new(|| {
    Sign::new(
        r"(?:\A|[<\s\x22'])(?:mailer-?daemon|post-?master|mail-?delivery(?:-?subsystem)?|bounces?(?:[+\-=][^@\s]*)?)@|\A\W*mail(?:er-daemon| delivery (?:sub)?system)",
    )
});
static NO_REPLY_SENDER: LazyLock<Sign> = LazyLock::new(|| {
    Sign::new(
        r"(?:\A|[<\s\x22'])[^@<\s]{0,40}?(?:no-?_?\.?reply|do-?_?\.?not-?_?\.?reply|donotreply|noresponder|no-responder|ne-?pas-?repondre|nicht-?antworten|keine-?antwort|nao-?responda|nao-?responder|autoreply|auto-?responder)[^@<\s]{0,40}@",
    )
});
static BOUNCE_SUBJECT: LazyLock<Sign> = LazyLock::new(|| {
    Sign::new(
        r"\A\W*(?:delivery status notification|mail delivery (?:has )?(?:failed|failure|incomplete|delayed)|delivery (?:has )?failed:|delivery failure\W*\z|undeliver(?:able|ed)\b|undelivered mail returned|returned mail|mail delivery (?:failed|failure|system|subsystem)|failure notice|message (?:not delivered|undeliverable)|unzustellbar|mail delivery failed|nicht zustellbar|no se puede entregar|no se ha podido entregar|correo no entregado|non remis|non distribuable|[ée]chec de (?:la )?(?:remise|distribution)|n[ãa]o (?:foi )?(?:poss[íi]vel entregar|entregue|pode ser entregue)|onbestelbaar|niet[- ]bezorgd|niet te bezorgen|mancato recapito|recapito non riuscito)",
    )
});
static REPLY_SUBJECT: LazyLock<Sign> = LazyLock::new(|| {
    Sign::new(
        r"\A\W*(?:auto(?:mat(?:ic|ed))?[ :\-]{0,2}(?:re(?:ply|sponse)|respuesta|antwort)\b|out[ -]of[ -](?:the[ -])?office\b|ooo\b\s*[:\-]|automatische (?:antwort|r[üu]ckmeldung|reactie|afwezigheid)|abwesenheits(?:notiz|nachricht|assistent|meldung)|abwesend\b|abwesenheit\b|nicht im b[üu]ro|r[ée]ponse automatique|absence du bureau|absent du bureau|message d['’]absence|respuesta autom[áa]tica|fuera de (?:la )?oficina|ausente de (?:la )?oficina|resposta autom[áa]tica|fora do escrit[óo]rio|ausência tempor[áa]ria|automatisch antwoord|automatisch bericht|afwezig(?:heid)?(?:sbericht|smelding)?\b|niet op kantoor|risposta automatica|fuori (?:sede|ufficio)|autosvar\b|automatiskt svar|automatisk svar|odpowied[źz] automatyczna|autoresponder\b|vacation (?:reply|response|notice))",
    )
});
/// Said at the very beginning of the text, in the first person, about now.
static ABSENCE_TEXT: LazyLock<Sign> = LazyLock::new(|| {
    Sign::new(
        r"\b(?:i(?:['’]m| am| will be)?(?: currently| now| away and)? (?:out of (?:the )?office|on (?:annual|parental|maternity|sick) leave|away from (?:my desk|the office))|thank you for your (?:e-?mail|message)[.,!]? i (?:am|will be) (?:currently )?(?:out|away|on (?:leave|vacation|holiday))|(?:ich bin|bin ich) .{0,60}(?:nicht im b[üu]ro|nicht im hause|au(?:ß|ss)er haus|abwesend|im urlaub)|(?:estoy|estar[ée]|me encuentro) .{0,40}(?:fuera de (?:la )?oficina|ausente|de vacaciones)|je suis .{0,40}(?:absente?(?: du bureau)?|en cong[ée]s?|hors du bureau)|(?:estou|estarei|encontro-me) .{0,40}(?:fora do escrit[óo]rio|ausente|de f[ée]rias)|ik ben .{0,60}(?:niet op kantoor|afwezig|met (?:vakantie|verlof))|sono .{0,40}(?:fuori (?:sede|ufficio)|assente|in ferie))",
    )
});
/// What an absence note adds: when it ends, or whom to ask meanwhile.
static ABSENCE_DETAIL: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"\b(?:return(?:ing)? (?:on|to)|will be back|limited access|respond (?:when|upon|as soon)|in urgent cases|for urgent|if (?:it is |your (?:matter|request|inquiry) is )?urgent|(?:zur[üu]ck|wieder (?:da|erreichbar|im))|in dringenden|vertretung|weitergeleitet|regres|urgente|urgent|retour|volver[ée]|vuelta|voltarei|terug|bij spoed|rientr|torner[òo])",
    )
});
static ROBOT_TEXT: LazyLock<Sign> = LazyLock::new(|| {
    Sign::new(
        r"^\W{0,3}(?:this (?:is an?|e-?mail is an|message (?:is|was)(?: an)?) (?:automat(?:ed|ic)(?:ally generated)?|auto-?generated)\b|this (?:e-?mail|message) (?:was|is) (?:sent|generated) automatically|(?:this mailbox|this (?:e-?mail )?address|this inbox) is (?:not|no longer|un) ?(?:monitored|in use)|dies(?:e nachricht| ist eine)? .{0,20}automatisch (?:generiert|erzeugt|erstellt|versandt)e?|dies ist eine automatische|(?:este|esto) es un (?:mensaje|correo|respuesta) autom[áa]tic|ceci est (?:un message|une r[ée]ponse) automatique|esta [ée] uma (?:mensagem|resposta) autom[áa]tica|dit is een automatisch|questa [èe] una risposta automatica)",
    )
});
static BOUNCE_TEXT: LazyLock<Sign> = LazyLock::new(|| {
    Sign::new(
        r"\A\W*(?:this is the mail system at host|your message (?:to .{1,120} )?(?:couldn['’]t|could not|wasn['’]t|was not) (?:be )?delivered|address not found|delivery to the following recipient|the following (?:message|address(?:es)?) .{0,60}(?:undeliverable|could not be delivered|permanent fatal errors)|i['’]m sorry to have to inform you that your message could not be delivered|message blocked|diese nachricht wurde automatisch von mail|ihre nachricht (?:an .{1,120} )?konnte nicht zugestellt)",
    )
});

/// Bytes of the text in which a robot says that it is one.
const HEAD_BYTES: usize = 600;

/// Why a mail is taken for a robot's, or `None` when a person wrote it.
///
/// `from` is the sender's address, with or without a name. The reason is a short code for tags and logs:
/// `bounce`, `automatic-reply`, `out-of-office`, `no-reply-sender`, `automatic-message`.
pub fn is_automatic(subject: &str, text: &str, from: Option<&str>) -> Option<&'static str> {
    let subject = visible(first_bytes(subject, HEAD_BYTES));
    let text = visible(first_bytes(text.trim_start(), HEAD_BYTES));
    let from = from.map(|from| first_bytes(from.trim(), HEAD_BYTES)).unwrap_or_default();
    if BOUNCE_SENDER.is_match(from) || BOUNCE_SUBJECT.is_match(&subject) || BOUNCE_TEXT.is_match(&text) {
        return Some("bounce");
    }
    if REPLY_SUBJECT.is_match(&subject) {
        return Some("automatic-reply");
    }
    if ABSENCE_TEXT.is_match(&text) && ABSENCE_DETAIL.is_match(&text) && !text.contains('?') {
        return Some("out-of-office");
    }
    if NO_REPLY_SENDER.is_match(from) {
        return Some("no-reply-sender");
    }
    ROBOT_TEXT.is_match(&text).then_some("automatic-message")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn robots_are_known_by_sender_subject_or_first_words() {
        for (subject, text, from, reason) in [
            ("Undeliverable: Your order", "", None, "bounce"),
            ("Delivery Status Notification (Failure)", "Address not found", None, "bounce"),
            ("Re: order", "x", Some("Mail Delivery Subsystem <mailer-daemon@example.com>"), "bounce"),
            ("Re: order", "x", Some("postmaster@example.com"), "bounce"),
            ("Unzustellbar: Ihre Bestellung", "", None, "bounce"),
            ("", "This is the mail system at host mail.example.com.", None, "bounce"),
            ("Automatic reply: Your order", "I am away", None, "automatic-reply"),
            (
                "Re: Out of Office: Your order",
                "I am out of office and will be back on Monday.",
                None,
                "out-of-office",
            ),
            ("Out of office: order", "", None, "automatic-reply"),
            ("Automatische Antwort: Ihre Bestellung", "", None, "automatic-reply"),
            ("Abwesenheitsnotiz: Ihre Bestellung", "", None, "automatic-reply"),
            ("Réponse automatique : Votre commande", "", None, "automatic-reply"),
            ("Respuesta automática: Su pedido", "", None, "automatic-reply"),
            ("Resposta automática: A sua encomenda", "", None, "automatic-reply"),
            ("Automatisch antwoord: Uw bestelling", "", None, "automatic-reply"),
            ("Risposta automatica: ordine", "", None, "automatic-reply"),
            (
                "Re: order",
                "Ich bin bis zum 10. November nicht im Büro. In dringenden Fällen Bo.",
                None,
                "out-of-office",
            ),
            ("Re: order", "Je suis actuellement en congés, de retour le 10 novembre.", None, "out-of-office"),
            ("Re: order", "Ik ben tot maandag afwezig, terug op 10 november.", None, "out-of-office"),
            ("Your parcel", "Track it", Some("Carrier <no-reply@example.com>"), "no-reply-sender"),
            ("Your parcel", "Track it", Some("carrier.noreply@example.com"), "no-reply-sender"),
            ("Notice", "This is an automated message, please do not reply.", None, "automatic-message"),
        ] {
            assert_eq!(is_automatic(subject, text, from), Some(reason), "{subject} / {text}");
        }
    }

    #[test]
    fn people_are_not_robots() {
        for (subject, text, from) in [
            ("Re: order", "I got an automatic reply from you, but no answer", Some("anna@example.com")),
            ("Your automatic reply", "Why do I only get an automatic reply?", None),
            ("No reply", "Nobody replies to me", Some("Anna <anna@example.com>")),
            ("Delivery failed?", "The courier says the delivery failed", None),
            ("Delivery failed", "The driver never rang", None),
            ("Failed delivery", "where is it", None),
            ("Order", "I am out of the country on Monday, will it come before?", None),
            ("Order", "I'm on holiday from Monday, please hold my parcel, urgent", None),
            ("Order", "Is this an automated message?", None),
            ("Order returned", "I returned mail", None),
            ("Hi", "", Some("bouncer@example.com")),
            ("", "", None),
        ] {
            assert_eq!(is_automatic(subject, text, from), None, "{subject} / {text}");
        }
    }
}
