//! Takes off what a mail client or a company puts under a text: signatures, banners, disclaimers.
//!
//! Works on whole lines. A typed "Thanks, Anna" stays: it is harmless and may be all there is. What may go
//! wrong: a signature typed by hand stays (its phone number is then no order number, see
//! [`super::order_number`]); a request typed below a `-- ` line goes.

use std::sync::LazyLock;

use regex::Regex;

use super::order_number::{OrderMention, order_mention};
use super::pattern::{Sign, cased, pattern};

const DEVICE: &str = r"(?:iphone|ipad|ipod|ios|apple watch|macbook|mac|galaxy\b.{0,20}|samsung\b.{0,30}|android\b.{0,20}|huawei\b.{0,20}|xiaomi\b.{0,20}|redmi\b.{0,20}|pixel\b.{0,10}|oneplus\b.{0,10}|oppo\b.{0,10}|vivo\b.{0,10}|motorola\b.{0,20}|nokia\b.{0,20}|xperia\b.{0,20}|blackberry\b.{0,40}|windows phone|(?:mobile|cell|smart|i)?\s?-?phone|mobile(?: device)?|smartphone|tablet|handy|handheld|mobilger[äa]t|m[óo]vil|tel[ée]fono(?: m[óo]vil)?|t[ée]l[ée]phone(?: mobile)?|portable|mobiel(?:e telefoon)?|telefoon|telemóvel|celular|cellulare|telefonino|mobil)";
const APP: &str = r"(?:outlook|yahoo|proton|aol|gmail|gmx|web\.de|t-online|telekom|freenet|1&1|ionos|mail for windows|windows mail|mail para windows|mail für windows|the all-new aol|bluemail|spark|airmail|mailbird|hey\b|fastmail|zoho|tutanota|tuta|edison|newton|samsung|the samsung|orange|free mobile|la poste|myMail|mail\.ru|e-?mail app|k-9|thunderbird|correo|courrier|posta|e-mail voor windows|courrier pour windows|correo para windows)";

/// What follows a device's name: an excuse, never a request.
const EXCUSE: &str = r"(?:(?:please |kindly )?(?:excuse|pardon|forgive|ignore|disregard|overlook)|sorry (?:for|about)|apologies for|typos|bitte (?:entschuldig|verzeih)|entschuldig|disculp|perdón por|désolé pour|(?:merci d['’])?excuse[zr]|desculp|scus[ai]|excuses voor)";

/// One line that only a client writes.
static CLIENT_LINE: LazyLock<Sign> = LazyLock::new(|| {
    let own = r"(?:my|meinem|mi|mon|ma|meu|minha|mijn|il mio|mio|min|mit|mojego)";
    let from = r"(?:sent (?:from|via|with|using)|gesendet (?:von|mit|über|via)|enviado (?:desde|de|do|a partir do|pelo|con|via)|envoy[ée] (?:de|depuis|[àa] partir de|avec|via)|verzonden (?:vanaf|met|via|vanuit)|verstuurd (?:vanaf|met|via)|inviato (?:da|dal|con|tramite)|skickat från|sendt fra|wysłan[eo] z)";
    Sign::new(&format!(
        r"\A\W{{0,3}}(?:{from}\s(?:{own}\s)?(?:\S+\s){{0,2}}?{DEVICE}(?:[ ,]+(?:with|using|mit|con|avec|met|via) (?:{APP}|\S{{1,20}} mail)\b)?(?:[.,;:!–—-]+ ?(?:so )?{EXCUSE}.{{0,90}})?|{from}\s(?:(?:the|der|dem|la|el|l.|{own})\s)?{APP}\b.{{0,60}}|vo[nm] {own}(?:/meiner)? .{{0,25}}{DEVICE}.{{0,10}} (?:gesendet|geschickt|versandt)|diese nachricht wurde von {own} .{{0,40}}gesendet|(?:get|download|outlook|obtener|obt[eé]n|descargar|t[ée]l[ée]charge[rz]|obtenez|obtenir|obter|baixar|baixe|scarica|ottieni|downloaden?|hent|hämta|pobierz)\s(?:o\s|l['’])?(?:outlook\s)?(?:for|für|para|pour|voor|per|til|för|dla)?\s?(?:ios|android|mac|windows)\b.{{0,60}}|outlook\s(?:for|für|para|pour|voor|per)\s(?:ios|android|mac|windows)\b.{{0,60}}|holen sie sich outlook für .{{0,40}}|yahoo mail(?:\s?[:,–-].{{0,60}}| (?:on|auf|en|sur) .{{0,20}})?|sent from (?:iphone|ipad|mobile|phone))\W{{0,3}}(?:<?https?://\S+>?)?\W{{0,3}}\z"
    ))
});
/// One line that a mail server, a scanner or a company's template puts in.
static BANNER: LazyLock<Sign> = LazyLock::new(|| {
    let virus = r"virus-?\s?free\.?(?:\s*<?(?:https?://|www\.)\S+)?|(?:this (?:e-?mail|message) has been (?:checked|scanned) for viruses|diese e-?mail wurde .{0,40}auf viren (?:gepr|[üu]ber)|virenfrei\.|libre de virus|garanti sans virus|sin virus\.|livre de v[íi]rus|sem v[íi]rus\.|virusvrij|mail priva di virus|privo di virus|este correo electrónico ha sido (?:comprobado|analizado)|l['’]absence de virus dans ce|questa e-?mail è stata controllata|scanned by |avast logo).{0,100}|<?(?:https?://)?(?:www\.)?(?:avast|avg)\.\S+>?";
    let paper = r"(?:please )?(?:consider|think of) the environment before printing.{0,100}|(?:please )?(?:think|consider) before (?:you )?print(?:ing)?(?: this (?:e-?mail|message))?|(?:bitte )?(?:denken sie|prüfen sie|denk) .{0,60}(?:umwelt|(?:e-?mail|nachricht) .{0,30}ausdruck|(?:e-?mail|nachricht) .{0,20}drucken).{0,80}|antes de imprimir .{0,40}(?:correo|e-?mail|mensa|ambiente).{0,100}|avant d['’]imprimer .{0,40}(?:mail|courriel|message|environnement).{0,100}|pensez à l['’]environnement.{0,100}|prima di stampare .{0,40}(?:mail|messaggio|ambiente).{0,100}|denk aan het milieu.{0,100}";
    let outside = r"\[?(?:caution|warning|achtung|external|extern(?:e|al)?)(?: (?:e-?mail|sender|message|mail))?\]?[\s:!*-]{0,4}(?:caution|warning|achtung)?[\s:!*-]{0,4}(?:(?:this|the) (?:e-?mail|message) )?(?:was |has )?(?:sent |originated |came |comes )?from (?:an )?(?:outside|external).{0,300}|\[?(?:external|extern)(?: (?:e-?mail|sender|message))?\]?|(?:some people who received this message|you) don['’]t often get e-?mail from .{0,160}|sie erhalten nicht (?:häufig|oft) e-?mails? von .{0,160}|no suele recibir correos? (?:electrónicos? )?de .{0,160}|vous n['’](?:obtenez|recevez) pas souvent .{0,160}|u ontvangt niet vaak e-?mail van .{0,160}|non si ricevono spesso messaggi .{0,160}|diese (?:e-?mail|nachricht) (?:kommt|stammt) von (?:einem externen|außerhalb).{0,200}";
    let picture = r"\[?(?:cid|image|bild|imagen|logo):?\s?[^\s\]]{1,80}\]?";
    Sign::new(&format!(r"\A\W{{0,3}}(?:{virus}|{paper}|{outside}|{picture})\W{{0,3}}\z"))
});
/// The first line of a disclaimer; what follows up to a blank line belongs to it.
///
/// "Intended" alone is no sign: "this message is intended to cancel my order" is a customer's.
static DISCLAIMER: LazyLock<Sign> = LazyLock::new(|| {
    let headed = r"(?:confidentiality|privacy|legal) (?:notice|note|statement|disclaimer)\b|disclaimer\s?:|vertraulichkeitshinweis|aviso (?:de confidencialidad|legal|de confidencialidade)\b|avis de confidentialit[ée]|avertissement\s?:|avviso di riservatezza";
    let english = r"(?:the (?:information|contents?) (?:contained )?in this|this) (?:e-?mail|message|communication|transmission)\b.{0,160}\b(?:confidential|intended (?:only|solely|exclusively|for the|recipient)|privileged)|if you (?:are not the intended recipient|(?:have )?received? this (?:e-?mail|message) (?:in error|by mistake))";
    let german = r"diese (?:e-?mail|nachricht)\b.{0,120}\b(?:vertraulich|(?:ausschlie|nur )\S{0,12}.{0,60}bestimmt|gesch[üu]tzt)|(?:die|der inhalt) .{0,40}(?:e-?mail|nachricht) .{0,60}(?:ist|sind) vertraulich";
    let romance = r"(?:este (?:mensaje|correo|e-?mail)|la informaci[óo]n contenida)\b.{0,120}\b(?:confidencial|(?:exclusiva|única)mente (?:a|al|para) (?:el|la|los|su)? ?(?:destinatari|uso|persona))|(?:ce|cet) (?:message|courriel|e-?mail)\b.{0,120}\b(?:confidentiel|(?:exclusive|unique)ment (?:destin|réserv|à l))|esta (?:mensagem|e-?mail)\b.{0,120}\bconfidencia|(?:questo messaggio|questa e-?mail|le informazioni contenute)\b.{0,120}\b(?:riservat|confidenzial)";
    let dutch = r"(?:dit|deze|de (?:informatie|inhoud) (?:in|van) (?:dit|deze)) (?:e-?mail-?)?(?:bericht|e-?mail)\b.{0,120}\b(?:vertrouwelijk|(?:uitsluitend|alleen) .{0,20}bestemd)";
    Sign::new(&format!(r"\A\W{{0,3}}(?:{headed}|{english}|{german}|{romance}|{dutch})"))
});
/// Without a word above it, a disclaimer must speak of whom it is for: a customer may begin with "This mail is
/// confidential, …".
static ADDRESSEE: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"recipient|addressee|destinat[aáà]ri|destinataire|adressat|empfänger|geadresseerde|privileged|notice\b|disclaimer",
    )
});
/// A line that law makes a company put under its mails.
static COMPANY: LazyLock<Sign> = LazyLock::new(|| {
    Sign::new(
        r"\bamtsgericht\b.{0,40}\bhr[ab]\b|\bust-?id(?:nr|-nr)?\b|\bhr[ab] ?\d{3,6}\b|\bgeschäftsführer(?:in)?\s?:|\bregistered (?:office|in england)\b|\bcompany (?:no|number|reg\w*)\.?\s?:?\s?\d|\bvat (?:no|reg|number)\b.{0,10}\d|\bsiret\b.{0,6}\d|\bkvk\b.{0,10}\d|\bp\.? ?iva\b.{0,6}\d|\bbtw\b.{0,10}\d|\bcnpj\b.{0,6}\d",
    )
});
static FOOTER: LazyLock<Sign> = LazyLock::new(|| {
    Sign::new(
        r"\A\W{0,3}(?:(?:click here to|to) unsubscribe\b.{0,120}|unsubscribe\s?[|·•].{0,120}|.{0,60}[|·•]\s?unsubscribe\W*|you(?:(?:'re| are) receiving|(?: have|['’]ve)? received) this (?:e-?mail|message|mail) because.{0,200}|you(?:'re| are) receiving this (?:e-?mail|message).{0,160}|(?:sie|du) (?:erhalten|erhältst|bekommst) diese (?:e-?mail|nachricht|mail),? weil.{0,160}|(?:has recibido|recibes?|recibió) este (?:correo|mensaje|e-?mail) porque.{0,160}|vous (?:recevez|avez reçu) (?:ce|cet) (?:message|e-?mail|courriel|mail) (?:car|parce).{0,160}|je ontvangt deze e-?mail omdat.{0,160}|if you no longer wish to receive (?:these|our) e-?mails.{0,120}|(?:hier|um sich) abmelden.{0,80}|(?:para )?darse de baja.{0,20}(?:aquí|clic).{0,60}|(?:pour )?vous d[ée]sabonner.{0,20}cliquez.{0,60})\z",
    )
});

/// A line of a contact block: a labelled or bare phone number, a web or mail address, a street.
static CONTACT: LazyLock<Sign> = LazyLock::new(|| {
    Sign::new(
        r"\A\W{0,3}(?:(?:t|m|f|p|w|e|tel|tél|telefon|teléfono|telefone|phone|mobile|mobil|móvil|cell|fax|office|direct|web|website|e-?mail|mail|address|adresse)\b\.?\s?[:.|]?\s*(?:\+?[\d(](?-u:[0-9\s()./-]){6,24}|\S+@\S+|(?:https?://|www\.)\S+|[\w-]+\.(?:com|de|es|fr|nl|pt|it)\b\S*)|\+?[\d(](?-u:[0-9\s()./-]){7,24}|<?[^\s<>@]+@[^\s<>@]+>?|(?:https?://|www\.)\S+)(?:\s*[|·•].{0,80})?\W{0,3}\z",
    )
});
/// Links to a company's pages: "Facebook | Instagram".
static SOCIAL: LazyLock<Sign> = LazyLock::new(|| {
    let page = r"(?:facebook|instagram|linkedin|twitter|x|tiktok|youtube|pinterest|xing|whatsapp|threads|website|web|blog|shop)";
    Sign::new(&format!(r"\A\W*{page}(?:[\s|·•,/–-]+{page})*\W*\z"))
});
static NAME: LazyLock<Regex> = LazyLock::new(|| {
    cased(
        r"\A\s*\*{0,2}\p{Lu}[\p{L}'’.-]*(?: (?:\p{Lu}[\p{L}'’.-]*|von|van|de|der|da|dos|la|di)){0,4}\*{0,2},?\s*\z",
    )
});

static OWN_WORDS: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"\b(?:i|we|my|our|your|please|bitte|unsere?|meine?|mi|nuestr[ao]|por favor|mon|ma|notre|votre|merci|meu|minha|nosso|nossa|mijn|onze|graag|mio|mia|nostr[ao])\b",
    )
});
/// A line drawn by hand or by a template.
static RULE: LazyLock<Regex> = LazyLock::new(|| pattern(r"\A(?:_{3,}|-{3,}|={3,}|\*{3,})\z"));

/// Lines that a signature under `--` may have.
const SIGNATURE_LINES_MAX: usize = 20;
const CONTACT_LINES_MAX: usize = 8;
/// Words in lower case that a line of particulars may have.
const COMPANY_WORDS_MAX: usize = 4;
/// Bytes of a line that a client or a server may have put in.
const LINE_BYTES_MAX: usize = 400;

/// The text without client-made signatures, banners, disclaimers and subscription footers.
pub fn strip_signature(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let lines = above_delimiter(&lines);
    let mut kept = without_small_print(lines);
    drop_blank_end(&mut kept);
    drop_contact_block(&mut kept);
    drop_blank_end(&mut kept);
    let first = kept.iter().position(|line| !line.trim().is_empty()).unwrap_or(kept.len());
    kept.get(first..).unwrap_or_default().join("\n")
}

/// Cuts at `-- ` (RFC 3676), or at a `--` whose space was lost when what follows asks nothing.
fn above_delimiter<'a, 'b>(lines: &'b [&'a str]) -> &'b [&'a str] {
    for (at, line) in lines.iter().enumerate() {
        let bare = line.trim();
        let ruled = RULE.is_match(bare);
        if bare != "--" && bare != "—" && bare != "__" && !ruled {
            continue;
        }
        let (above, below) = lines.split_at(at);
        let below = below.get(1..).unwrap_or_default();
        let words = below.iter().filter(|line| !line.trim().is_empty());
        if words.take(SIGNATURE_LINES_MAX + 1).count() > SIGNATURE_LINES_MAX {
            continue;
        }
        // Without its space the line may be the customer's own: then nothing below may ask or run long.
        let plain = below
            .iter()
            .all(|line| is_client_line(line.trim()) || !line.contains('?') && line.chars().count() < 70);
        let announces = above.iter().rfind(|line| !line.trim().is_empty());
        let announced = announces.is_some_and(|line| line.trim_end().ends_with(':'));
        if ruled && (announced || !is_contact_card(below)) {
            continue;
        }
        if plain && !announced || line.starts_with("-- ") {
            return above;
        }
    }
    lines
}

fn is_client_line(line: &str) -> bool {
    line.len() < LINE_BYTES_MAX && (CLIENT_LINE.is_match(line) || BANNER.is_match(line))
}

/// Whether a line is a company's particulars and not a sentence about them.
fn is_company_line(line: &str) -> bool {
    let words = line.split(|c: char| !c.is_alphanumeric()).filter(|word| word.len() > 1);
    line.len() < LINE_BYTES_MAX
        && !line.contains('?')
        && COMPANY.is_match(line)
        && words.filter(|word| word.starts_with(char::is_lowercase)).count() <= COMPANY_WORDS_MAX
        && !OWN_WORDS.is_match(line)
}

/// Whether the lines under a drawn rule are a signature: a name first, a phone or an address, no order.
fn is_contact_card(lines: &[&str]) -> bool {
    let first = lines.iter().find(|line| !line.trim().is_empty());
    first.is_some_and(|line| line.split(',').next().is_some_and(|name| NAME.is_match(name)))
        && lines.iter().any(|line| is_contact(line))
        && order_mention(&lines.join("\n")) == OrderMention::None
}

/// Drops single client lines anywhere and disclaimers paragraph by paragraph.
fn without_small_print<'a>(lines: &[&'a str]) -> Vec<&'a str> {
    let mut kept: Vec<&str> = Vec::with_capacity(lines.len());
    let (mut in_disclaimer, mut has_text) = (false, false);
    for line in lines {
        let bare = line.trim();
        if bare.is_empty() {
            in_disclaimer = false;
            kept.push(line);
            continue;
        }
        in_disclaimer |= DISCLAIMER.is_match(bare) && (has_text || ADDRESSEE.is_match(bare));
        let small_print = in_disclaimer
            || is_client_line(bare)
            || has_text && is_company_line(bare)
            || has_text && FOOTER.is_match(bare);
        if !small_print {
            has_text = true;
            kept.push(line);
        }
    }
    kept
}

fn is_contact(line: &str) -> bool {
    CONTACT.is_match(line.trim()) || SOCIAL.is_match(line.trim())
}

/// Drops phone, web and address lines under a name at the end; the name and its greeting stay.
fn drop_contact_block(kept: &mut Vec<&str>) {
    let start = kept.iter().rposition(|line| line.trim().is_empty()).map_or(0, |at| at + 1);
    let Some(block) = kept.get(start..) else { return };
    // The block must stand apart, and what is above must not announce it ("my new address is:").
    let announced = start >= 2 && kept.get(start - 2).is_some_and(|line| line.trim_end().ends_with(':'));
    if start == 0 || announced || block.iter().any(|line| line.contains('?') || line.chars().count() > 90) {
        return;
    }
    let contacts = block.iter().filter(|line| is_contact(line)).count();
    let Some(name) = block.iter().position(|line| NAME.is_match(line)) else { return };
    let after_name =
        name + 1 + block.iter().skip(name + 1).take_while(|line| NAME.is_match(line)).count().min(1);
    let below = block.len().saturating_sub(after_name);
    if name <= 1 && contacts >= 2 && (2..=CONTACT_LINES_MAX).contains(&below) {
        kept.truncate(start + after_name);
    }
}

fn drop_blank_end(lines: &mut Vec<&str>) {
    while lines.last().is_some_and(|line| line.trim().is_empty()) {
        lines.pop();
    }
}
