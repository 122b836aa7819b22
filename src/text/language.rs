//! Guesses the language of a customer's words.
//!
//! By whatlang (trigrams) for sentences, by a vote of common words for the short texts of chats, where
//! trigrams err. What may go wrong: a short text of mixed or rare words is `und`, which answers nothing.

use std::sync::LazyLock;

use regex::Regex;

use super::clean::first_bytes;
use super::pattern::pattern;
use super::words::COMMON;

/// A guess.
#[derive(Clone, Debug, PartialEq)]
pub struct Language {
    /// ISO 639-1, lower case, or `und`.
    pub code: String,
    /// 0 (no idea) to 1.
    pub confidence: f64,
}

impl Language {
    /// No guess.
    pub fn undetermined() -> Self {
        Self { code: "und".to_owned(), confidence: 0.0 }
    }
}

static NOISE: LazyLock<Regex> = LazyLock::new(|| pattern(r"https?://\S+|www\.\S+|\S+@\S+|#\S+|\b\S*\d\S*"));

/// Under so many letters only the vote counts.
const LETTERS_FOR_TRIGRAMS: usize = 20;
/// From so many letters on trigrams win against the vote.
const LETTERS_FOR_CERTAINTY: usize = 140;
const BYTES_MAX: usize = 4_000;

/// Guesses the language of a text; numbers, addresses and links do not count.
pub fn language_of(text: &str) -> Language {
    let text = NOISE.replace_all(first_bytes(text, BYTES_MAX), " ");
    let letters = text.chars().filter(|c| c.is_alphabetic()).count();
    if letters == 0 {
        return Language::undetermined();
    }
    let foreign = text.chars().filter(|c| c.is_alphabetic() && !is_latin(*c)).count();
    let guess = whatlang::detect(&text);
    if foreign * 2 > letters {
        // Scripts of several languages (Cyrillic, Arabic) need more than a few letters.
        let sure = guess.filter(|info| letters >= LETTERS_FOR_TRIGRAMS || info.confidence() >= 0.99);
        return sure.map_or_else(Language::undetermined, |info| {
            let guess = from_trigrams(&info);
            Language { code: by_letters(&text).map_or(guess.code, str::to_owned), ..guess }
        });
    }
    let vote = vote(&text);
    let guess = guess.filter(|_| letters >= LETTERS_FOR_TRIGRAMS).map(|info| from_trigrams(&info));
    match (vote, guess) {
        (Some(vote), Some(guess)) if vote.code == guess.code => {
            Language { confidence: vote.confidence.max(guess.confidence), ..vote }
        }
        (Some(vote), Some(guess)) => {
            if letters >= LETTERS_FOR_CERTAINTY && guess.confidence > 0.9 {
                guess
            } else {
                vote
            }
        }
        (Some(vote), None) => vote,
        (None, Some(guess)) if guess.confidence >= 0.9 && letters >= 40 => guess,
        (None, _) => Language::undetermined(),
    }
}

/// Cyrillic letters that one language alone has, where trigrams take Russian for Bulgarian.
fn by_letters(text: &str) -> Option<&'static str> {
    let has = |letters: &[char]| text.to_lowercase().contains(letters);
    if has(&['ї', 'є', 'ґ']) {
        Some("uk")
    } else if has(&['ў', 'ј', 'љ', 'њ']) {
        None
    } else {
        has(&['ы', 'э', 'ё']).then_some("ru")
    }
}

fn is_latin(c: char) -> bool {
    c.is_ascii_alphabetic() || matches!(c, '\u{00C0}'..='\u{024F}' | '\u{1E00}'..='\u{1EFF}')
}

fn from_trigrams(info: &whatlang::Info) -> Language {
    match two_letters(info.lang().code()) {
        Some(code) => Language { code: code.to_owned(), confidence: info.confidence().clamp(0.0, 1.0) },
        None => Language::undetermined(),
    }
}

/// The language with most common words, when it leads and its words are a fair share of all.
fn vote(text: &str) -> Option<Language> {
    let text = text.to_lowercase().replace('’', "'");
    let words: Vec<&str> = text
        .split(|c: char| !(c.is_alphanumeric() || c == '\'' || c == '-'))
        .filter(|word| !word.is_empty())
        .take(200)
        .collect();
    let mut counts: Vec<(&str, usize)> = COMMON
        .iter()
        .map(|(code, common)| {
            (
                *code,
                words.iter().filter(|word| common.split_whitespace().any(|known| known == **word)).count(),
            )
        })
        .collect();
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let (code, best) = counts.first().copied()?;
    let second = counts.get(1).map_or(0, |(_, count)| *count);
    // Small numbers on purpose: at most 200 words.
    let share = f64::from(u32::try_from(best).ok()?) / f64::from(u32::try_from(words.len().max(1)).ok()?);
    let lead = f64::from(u32::try_from(best - second).ok()?) / f64::from(u32::try_from(best.max(1)).ok()?);
    // "Los Angeles" is no Spanish: one word decides only when it is long and half of what was said.
    let tellable =
        code == "en" || best >= 2 || words.len() <= 2 && words.iter().all(|word| word.chars().count() >= 4);
    let enough = best >= 1 && best > second && share >= 0.25 && tellable;
    enough.then(|| Language { code: code.to_owned(), confidence: (0.4 + 0.3 * lead + 0.3 * share).min(0.95) })
}

/// ISO 639-3 (and whatlang's `cmn`) to ISO 639-1.
fn two_letters(code: &str) -> Option<&'static str> {
    const CODES: &str = "epo eo eng en rus ru cmn zh spa es por pt ita it ben bn fra fr deu de ukr uk kat ka ara ar \
        hin hi jpn ja heb he yid yi pol pl amh am jav jv kor ko nob nb dan da swe sv fin fi tur tr nld nl hun hu \
        ces cs ell el bul bg bel be mar mr kan kn ron ro slv sl hrv hr srp sr mkd mk lit lt lav lv est et tam ta \
        vie vi urd ur tha th guj gu uzb uz pan pa aze az ind id tel te pes fa mal ml ori or mya my nep ne sin si \
        khm km tuk tk aka ak zul zu sna sn afr af lat la slk sk cat ca tgl tl hye hy cym cy";
    let mut codes = CODES.split_whitespace();
    while let (Some(three), Some(two)) = (codes.next(), codes.next()) {
        if three == code {
            return Some(two);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_english_chat_is_english_or_undetermined() {
        for text in [
            "where is my order",
            "any update??",
            "hi",
            "hello",
            "tracking?",
            "where's my stuff",
            "ok",
            "thanks!",
            "refund pls",
            "any news",
            "hey any update on #606243",
            "status?",
            "help",
            "Where is it",
            "is it shipped",
            "its late",
            "cancel my order",
            "lol",
            "no",
            "yes please",
            "when will it arrive",
            "did it ship yet",
            "wheres my package",
            "order MK-20713",
            "still waiting",
            "so late",
            "hi there",
            "WISMO",
            "??",
            "👍",
            "never arrived",
            "no tracking",
            "nothing yet",
            "wrong size",
            "broken lid",
            "damaged box",
            "Los Angeles",
            "El Paso",
            "he has no tracking",
            "come on",
            "La Jolla",
            "van came, no parcel",
            "das boot size 9",
            "the son has it",
            "me no get",
            "has it come",
            "o m g",
            "Anna de la Cruz",
            "Miguel",
            "pls",
            "plz refund me",
            "usps says delivered",
            "u there?",
            "ETA?",
            "still no email",
        ] {
            let guess = language_of(text).code;
            assert!(guess == "en" || guess == "und", "{text}: {guess}");
        }
        for text in ["where is my order", "any update??", "when will it arrive", "did it ship yet"] {
            assert_eq!(language_of(text).code, "en", "{text}");
        }
    }

    #[test]
    fn sentences_are_known_in_their_language() {
        for (text, code) in [
            ("Hola, ¿dónde está mi pedido? Gracias", "es"),
            ("Wo bleibt meine Bestellung? Danke", "de"),
            ("Bonjour, où est ma commande ?", "fr"),
            ("Olá, onde está a minha encomenda?", "pt"),
            ("Hallo, waar is mijn bestelling?", "nl"),
            ("Ciao, dove è il mio ordine?", "it"),
            (
                "Здравствуйте! Я сделал заказ две недели назад, но он до сих пор не пришёл. Что случилось?",
                "ru",
            ),
            ("我的订单在哪里", "zh"),
            ("注文した商品はどこですか", "ja"),
            ("Gdzie jest moje zamówienie? Czekam już dwa tygodnie i nadal nic nie dostałem.", "pl"),
            ("Var är mitt paket? Jag har väntat i två veckor nu och ingenting har kommit fram ännu.", "sv"),
            (
                "I ordered two weeks ago and the tracking page has not changed since Monday, could you look into it?",
                "en",
            ),
        ] {
            assert_eq!(language_of(text).code, code, "{text}");
        }
    }

    #[test]
    fn numbers_links_and_addresses_say_nothing() {
        assert_eq!(
            language_of("#606243 anna@example.com https://example.com/de/bestellung 12345"),
            Language::undetermined()
        );
        assert_eq!(language_of(""), Language::undetermined());
    }

    #[test]
    fn every_language_of_the_guesser_has_a_two_letter_code() {
        for lang in whatlang::Lang::all() {
            assert!(two_letters(lang.code()).is_some(), "{}", lang.code());
        }
    }
}
