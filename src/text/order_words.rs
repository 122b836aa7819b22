//! The words before and after a number that tell what the number is.
//!
//! Each pattern is matched against the text right before (ending at) or right after the number.

use std::sync::LazyLock;

use regex::Regex;

use super::pattern::{Sign, pattern};

const ORDER: &str = r"(?:orders?|purchases?|compras?|achats?|aankoop|acquisto|pedidos?|orden|bestell?ung(?:en)?|bestell|auftr[aä]g(?:e|s)?|commandes?|encomendas?|bestelling(?:en)?|ordin[ei]|zam[oó]wieni[ea]|ordre|beställning)";
const NUMBERISH: &str = r"(?:numbers?|num|numb|no|nos|nr|nrs|nummer(?:n|s)?|n\.?[°ºo]|n|n[úu]meros?|num[ée]ros?|numero|id|ids|ref|reference|referencia|r[ée]f[ée]rence|refer[êe]ncia|referentie|code|confirmation|name|#)";
const FILLER: &str = r"(?:(?:es|est|é|è) (?:el|la|le|il|o|a)|is|was|are|es|ist|lautet|est|é|e|son|sind|zijn|sono|the|my|mi|meine?|de|der|die|del|di|da|do|du|with|under|was:|called|placed)";

/// "order number is: ", "Bestell-Nr. ", "commande n° ": a number is announced as an order's.
static ORDER_NUMBER: LazyLock<Regex> = LazyLock::new(|| {
    pattern(&format!(
        r"\b(?:(?:{ORDER}[\s_\-]{{0,2}}(?:de\s|{FILLER}\s)?|(?:purchase |web |shop )?order\s?|bestell?|order|ordre|auftrags|bestel)[\s_\-]{{0,2}}{NUMBERISH}|{NUMBERISH}\W{{0,3}}\s(?:of|for|de|da|do|del|della|dell|van|von|der)\s?(?:the|my|la|mi|ma|mon|meiner?|minha|mijn|o|l)?\W?\s?{ORDER})(?:[\s.:=#*(\-]*(?:\b{FILLER}\b|{NUMBERISH}))*[\s.:;=#*(\[\x22'“”„«\-–]*\z"
    ))
});
/// "order: ", "order #": the word, then only marks.
static ORDER_MARKED: LazyLock<Regex> =
    LazyLock::new(|| pattern(&format!(r"\b{ORDER}\s{{0,2}}[:=#(\[\-–\x22'“„«][\s:=#(\[\x22'“„«*]*\z")));
/// "order 12345", "order is 12345": the word alone.
static ORDER_BARE: LazyLock<Regex> =
    LazyLock::new(|| pattern(&format!(r"\b{ORDER},?\s{{0,3}}(?:{FILLER}\s+){{0,2}}[\x22'“*]*\z")));
/// "12345 is my order number".
static IS_MY_ORDER: LazyLock<Regex> = LazyLock::new(|| {
    pattern(&format!(
        r"\A[\x22'”»*]?\s*,?\s*(?:is|was|are|es|ist|est|é|è|sind)\s\s*(?:the|my|our|mi|meine?|ma|le|la|o|a|minha|meu|mijn|il|mio|un)?\s*(?:{NUMBERISH}\s+(?:de|of|da|do|del)\s+(?:my|the|mi|ma|la|o|a)?\s*)?(?:{ORDER}|bestell?nummer|bestelnummer|ordernummer|auftragsnummer)\b"
    ))
});
/// Between two numbers of one list.
static JOINER: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"\A\s*(?:,|;|/|&|\+|and|und|y|et|e|en|or|oder|ou|o|,\s*(?:and|or))?\s*(?:also\s)?\#?\s*\z")
});

/// Words that make the number beside them theirs, with or without "number" between.
const OTHER: &str = r"(?:invoices?|inv\.?|rechnung(?:s)?|facturas?|factures?|faturas?|factuur|fattura|tickets?|cases?|claims?|tracking|trackingnummer|trackingcode|sendung(?:s)?|sendungsverfolgung(?:s)?|seguimiento|suivi|rastreio|rastreamento|paketnummer|waybill|awb|skus?|items?|art(?:icle|ikel|ículo|igo|\.)?|model(?:l|o|le|lo)?|modèle|serial|seriennummer|imei|ean|upc|isbn|barcode|phone|telephone|tel\.?|tél\.?|téléphone|teléfono|telefono|telefone|telefon|telefoon|mobile|m[óo]vil|handy|cell|fax|whatsapp|ref\.?|reference|referencia|référence|referentie|rma|iban|vat|ust|nif|pin|coupon|voucher|subscription|suscripción|abonnement|abo|assinatura|gift ?cards?|gutschein(?:code)?|carte cadeau|tarjeta regalo|colou?rs?|farbe|couleur|kleur|hex|hr[ab]|handelsregister|siret|kvk|cnpj|zip|post ?code|postal code|plz|postleitzahl|c[óo]digo postal|code postal|cep)";
/// Words that do so only with "number", a colon or a `#` between: "my parcel 606243" may be an order.
const PERHAPS_OTHER: &str = r"(?:requests?|conversation|chat|paket|parcel|package|shipment|shipping|consignment|label|ups|usps|fedex|dhl|dpd|gls|hermes|evri|correos|postnl|product(?:o)?|produit|produkt|produto|part|batch|lot|return|retour|account|konto|compte|cuenta|conta|customer|kunden|client|cliente|klant|member|transaction|payment|code|gift ?card|card|karte|po|extension|contact)";

/// "invoice no. ", "tracking number is ", "my phone: "; a new sentence or line begins afresh.
static OTHER_BEFORE: LazyLock<Regex> = LazyLock::new(|| {
    let link = r"(?:\b(?:is|was|es|ist|est|é|at|on|with|via|under|by)\b)";
    pattern(&format!(
        r"\b(?:(?:{OTHER}|{PERHAPS_OTHER}[ _\-]{{0,2}}(?:{NUMBERISH}|nummer|code)\.?|{PERHAPS_OTHER} ?[:#=])(?:[ _\-]{{0,2}}(?:{NUMBERISH}|nummer|code|link)\.?)*|(?:call|text|reach|ring|phone|contact) (?:me|us) (?:at|on|under))(?:[ \t:=#*(\-]*{link})*(?:[ \t:=#*(\[\x22'\-–+]|:\s+)*\z"
    ))
});
/// "12345 is the tracking number".
static IS_OTHER: LazyLock<Regex> = LazyLock::new(|| {
    pattern(&format!(
        r"\A\s*(?:,?\s*(?:is|was|es|ist|est|é)\s\s*(?:the|my|your|our|mi|meine?|ma|la|el|die|der|o|a)?\s*{OTHER}\b|\(\s*{OTHER}\b[^)\d]{{0,20}}\))"
    ))
});
static MONEY_BEFORE: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?:[$€£¥₹₩]|\b(?:usd|eur|euros?|gbp|cad|aud|chf|rs\.?|inr|brl|sek|dkk|pln|kr|jpy|cny|rmb|krw|mxn|paid|price|total|cost|charged|amount))[ \t:]*\z",
    )
});
static MONEY_AFTER: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"\A(?:[.,]\d{1,2}\b|[ \t]?(?:[$€£¥₹%]|(?:usd|eur|euros?|gbp|cad|aud|chf|dollars?|pounds?|rupees|kr|sek|dkk|pln|reais|yen|yuan|won|jpy|cny|rmb|krw|pesos?|mxn|francs?|franken|kroner|kronor|z[łl](?:oty)?|rub(?:les)?|lira|try|huf|czk|lei|ron)\b))",
    )
});
static UNITS_AFTER: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"\A[ \t]?(?:units?|pieces?|pcs|times|days?|weeks?|months?|years?|hours?|minutes?|stück|unidades|pièces|stuks|ml|mg|mm|cm|kg|km|mah|followers|subscribers|people|customers|views|copies)\b",
    )
});
/// A verb of the past and "on", or a word that only dates follow: "any update on 110325" names an order.
static DATE_BEFORE: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"\b(?:dated?|since|until|vom|seit|desde|depuis|sinds|born|dob|(?:arrived?|came|ordered|bought|delivered|placed|shipped|sent|made|purchased) on)[ \t:]*\z",
    )
});
static PHONE_BEFORE: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"(?:\+\d{0,3}|\(\d{2,5}\)|\b(?:0\d{1,4}|[1-9]\d{2}))[ ().\-/]{1,3}\z|\+\z"));
static PHONE_AFTER: LazyLock<Regex> = LazyLock::new(|| pattern(r"\A[ ().\-/]{1,2}\d{3,5}\b"));

/// A street before it in the same sentence: what follows is a postcode.
static STREET_BEFORE: LazyLock<Sign> = LazyLock::new(|| {
    Sign::new(
        r"\d\S{0,4} (?-u:[a-z .'\x80-\xff-]){2,30}\b(?:ave(?:nue)?|st(?:reet)?|road|rd|lane|ln|drive|dr|blvd|boulevard|nagar|sector|way|court|close)\b[.,]?(?-u:[^.\n?!0-9]){0,30}\z",
    )
});

/// Whether a street with its number stands before it, so that it is a postcode.
pub(super) fn is_after_street(before: &str) -> bool {
    STREET_BEFORE.is_match(before)
}

/// How clearly the words before a number call it an order's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Announced {
    /// "order number", "Bestellnummer", "order #", "order:".
    Clearly,
    /// "order 12345".
    Barely,
}

/// What the text before (and after) a number says about it being an order's.
pub(super) fn announced(before: &str, after: &str) -> Option<Announced> {
    if ORDER_NUMBER.is_match(before) || ORDER_MARKED.is_match(before) || IS_MY_ORDER.is_match(after) {
        Some(Announced::Clearly)
    } else if ORDER_BARE.is_match(before) {
        Some(Announced::Barely)
    } else {
        None
    }
}

/// Whether what stands between two numbers makes them one list.
pub(super) fn is_joiner(between: &str) -> bool {
    JOINER.is_match(between)
}

/// Whether the words around call the number something else: an invoice, a parcel, a phone.
pub(super) fn is_something_else(before: &str, after: &str) -> bool {
    OTHER_BEFORE.is_match(before) || IS_OTHER.is_match(after)
}

/// Whether the number is a price.
pub(super) fn is_money(before: &str, after: &str) -> bool {
    MONEY_BEFORE.is_match(before) || MONEY_AFTER.is_match(after)
}

/// Whether the number counts something.
pub(super) fn is_count(after: &str) -> bool {
    UNITS_AFTER.is_match(after)
}

/// Whether "vom", "arrived on" and the like stand before it.
pub(super) fn is_after_date_word(before: &str) -> bool {
    DATE_BEFORE.is_match(before)
}

/// Whether groups of digits around it make it part of a phone or card number.
pub(super) fn is_in_groups(before: &str, after: &str) -> bool {
    PHONE_BEFORE.is_match(before) || PHONE_AFTER.is_match(after)
}
