//! The starter texts in the other languages of the starter pack. They say what the English ones say, no more.

use super::policy::ReplyTexts;
use super::starter;

/// The sentences of one language.
struct Sentences {
    language: &'static str,
    shipped: &'static str,
    follow: &'static str,
    out_for_delivery: &'static str,
    not_shipped: &'static str,
    /// After each of these: what to do when something is not so.
    wrong: &'static str,
    not_here: &'static str,
    later: &'static str,
    automatic: &'static str,
}

const TRANSLATIONS: &[Sentences] = &[
    Sentences {
        language: "de",
        shipped: "Ihre Bestellung {order_name} ist mit {carrier} unterwegs. Die Sendungsnummer ist {tracking_number}.",
        follow: "Hier können Sie die Sendung verfolgen: {tracking_url}",
        out_for_delivery: "Ihre Bestellung {order_name} wird gerade von {carrier} zugestellt, Sendungsnummer \
            {tracking_number}: {tracking_url}",
        not_shipped: "Ihre Bestellung {order_name} vom {order_date} liegt uns vor und ist noch nicht versandt. \
            Versandart: {shipping_method}. Nach Werktagen gerechnet kommt sie voraussichtlich an: {estimate}.",
        wrong: "Falls etwas nicht stimmt, antworten Sie einfach auf diese Nachricht; dann kümmert sich ein Mensch darum.",
        not_here: "Falls sie nicht ankommt, antworten Sie einfach auf diese Nachricht; dann kümmert sich ein Mensch \
            darum.",
        later: "Die Sendungsnummer bekommen Sie, sobald die Bestellung uns verlässt. Wenn Sie vorher etwas brauchen, \
            antworten Sie einfach auf diese Nachricht; dann kümmert sich ein Mensch darum.",
        automatic: "Dies ist eine automatische Antwort aus den Daten Ihrer Bestellung.",
    },
    Sentences {
        language: "es",
        shipped: "Su pedido {order_name} está en camino con {carrier}. El número de seguimiento es {tracking_number}.",
        follow: "Puede seguirlo aquí: {tracking_url}",
        out_for_delivery: "Su pedido {order_name} está en reparto con {carrier}, número de seguimiento \
            {tracking_number}: {tracking_url}",
        not_shipped: "Tenemos su pedido {order_name} del {order_date} y todavía no se ha enviado. Forma de envío: \
            {shipping_method}. Contando días laborables, la entrega está prevista {estimate}.",
        wrong: "Si algo no es correcto, responda a este mensaje y le atenderá una persona.",
        not_here: "Si no le llega, responda a este mensaje y le atenderá una persona.",
        later: "Recibirá el número de seguimiento en cuanto el pedido salga. Si necesita algo antes, responda a este \
            mensaje y le atenderá una persona.",
        automatic: "Esta es una respuesta automática con los datos de su pedido.",
    },
    Sentences {
        language: "fr",
        shipped: "Votre commande {order_name} est en route avec {carrier}. Le numéro de suivi est {tracking_number}.",
        follow: "Vous pouvez la suivre ici : {tracking_url}",
        out_for_delivery: "Votre commande {order_name} est en cours de livraison avec {carrier}, numéro de suivi \
            {tracking_number} : {tracking_url}",
        not_shipped: "Nous avons bien votre commande {order_name} du {order_date} ; elle n'est pas encore expédiée. \
            Mode d'expédition : {shipping_method}. En jours ouvrés, la livraison est prévue {estimate}.",
        wrong: "Si quelque chose ne va pas, répondez à ce message et une personne prendra le relais.",
        not_here: "Si elle n'arrive pas, répondez à ce message et une personne prendra le relais.",
        later: "Vous recevrez le numéro de suivi dès que la commande nous quittera. Si vous avez besoin de quelque \
            chose d'ici là, répondez à ce message et une personne prendra le relais.",
        automatic: "Ceci est une réponse automatique d'après les données de votre commande.",
    },
    Sentences {
        language: "nl",
        shipped: "Je bestelling {order_name} is onderweg met {carrier}. Het trackingnummer is {tracking_number}.",
        follow: "Je kunt het pakket hier volgen: {tracking_url}",
        out_for_delivery: "Je bestelling {order_name} wordt nu bezorgd door {carrier}, trackingnummer \
            {tracking_number}: {tracking_url}",
        not_shipped: "We hebben je bestelling {order_name} van {order_date}; ze is nog niet verzonden. Verzendwijze: \
            {shipping_method}. In werkdagen gerekend verwachten we de levering {estimate}.",
        wrong: "Klopt er iets niet, antwoord dan op dit bericht; dan helpt een medewerker je verder.",
        not_here: "Komt ze niet aan, antwoord dan op dit bericht; dan helpt een medewerker je verder.",
        later: "Je krijgt het trackingnummer zodra de bestelling bij ons vertrekt. Heb je eerder iets nodig, antwoord \
            dan op dit bericht; dan helpt een medewerker je verder.",
        automatic: "Dit is een automatisch antwoord met de gegevens van je bestelling.",
    },
    Sentences {
        language: "pt",
        shipped: "O seu pedido {order_name} está a caminho com {carrier}. O número de rastreio é {tracking_number}.",
        follow: "Pode acompanhar aqui: {tracking_url}",
        out_for_delivery: "O seu pedido {order_name} saiu para entrega com {carrier}, número de rastreio \
            {tracking_number}: {tracking_url}",
        not_shipped: "Temos o seu pedido {order_name} de {order_date}, que ainda não foi enviado. Forma de envio: \
            {shipping_method}. Em dias úteis, a entrega está prevista {estimate}.",
        wrong: "Se algo não estiver certo, responda a esta mensagem e uma pessoa vai ajudar.",
        not_here: "Se não chegar, responda a esta mensagem e uma pessoa vai ajudar.",
        later: "Vai receber o número de rastreio assim que o pedido sair. Se precisar de algo antes, responda a esta \
            mensagem e uma pessoa vai ajudar.",
        automatic: "Esta é uma resposta automática com os dados do seu pedido.",
    },
];

/// The starter reply of this name in every other language.
pub fn translations(name: &str) -> impl Iterator<Item = ReplyTexts> {
    TRANSLATIONS.iter().filter_map(move |words| words.texts(name))
}

/// Every language that a starter text is in.
pub fn languages() -> Vec<String> {
    let mut languages: Vec<String> =
        TRANSLATIONS.iter().map(|words| words.language.to_owned()).chain(["en".to_owned()]).collect();
    languages.sort_unstable();
    languages
}

impl Sentences {
    fn texts(&self, name: &str) -> Option<ReplyTexts> {
        let (said, wrong) = match name {
            "order_status_shipped" => (format!("{}\n{}", self.shipped, self.follow), self.wrong),
            "order_status_out_for_delivery" => (self.out_for_delivery.to_owned(), self.not_here),
            "order_status_not_shipped" => (self.not_shipped.to_owned(), self.later),
            _ => return None,
        };
        let automatic = self.automatic;
        let english = starter::replies().remove(name)?;
        Some(ReplyTexts {
            email: format!("{{greeting}},\n\n{said}\n\n{wrong}\n\n{{shop_name}}\n({automatic})"),
            chat: format!("{{greeting}}. {said}\n{wrong} ({automatic})"),
            language: self.language.to_owned(),
            ..english
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn variables(text: &str) -> BTreeSet<&str> {
        text.split('{').skip(1).filter_map(|rest| rest.split('}').next()).collect()
    }

    #[test]
    fn every_text_is_there_in_every_language_and_says_the_same_facts() {
        for (name, english) in starter::replies() {
            let translated: Vec<_> = translations(&name).collect();
            let mut found: Vec<_> = translated.iter().map(|texts| texts.language.clone()).collect();
            found.push("en".into());
            found.sort();
            assert_eq!(found, languages(), "{name}");
            for texts in translated {
                let facts = |text| {
                    let mut facts = variables(text);
                    facts.remove("greeting");
                    facts.remove("first_name_or_there");
                    facts
                };
                let language = &texts.language;
                assert_eq!(facts(&texts.email), facts(&english.email), "{name} in {language}");
                assert_eq!(facts(&texts.chat), facts(&english.chat), "{name} in {language}");
                assert_eq!((texts.close, texts.enabled), (english.close, english.enabled));
            }
        }
        assert_eq!(translations("phone_hours").count(), 0);
    }
}
