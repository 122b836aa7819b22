//! `http-target`: the HTTP Targets to paste into Richpanel, one a channel with the channel written into the body.
//!
//! The ticket's id stands before any free text, so that what a customer writes cannot name another ticket, and the
//! minimal body comes first: it holds nothing that an unescaped value could break (richpanel-api §4).

use anyhow::Result;
use clap::{Args, ValueEnum};
use serde::Serialize;

use super::Exit;
use super::print::{Tone, heading, paint, pair};
use super::session::{Failure, Session};
use crate::config::Fields;
use crate::config::load::Loaded;
use crate::daemon::outside::channel_of_word;

/// Where the calls go.
const PATH: &str = "/richpanel/inbound";
/// The address until somebody says better.
const EXAMPLE: &str = "https://mw.example.com";
/// The header with the token.
const HEADER: &str = "X-Middleware-Token";
/// Why the rule fires, as the examples have it.
const TRIGGER: &str = "customer_message";
/// One Target each, when no channel is named.
const CHANNELS: &[&str] = &[
    "email",
    "live_chat",
    "facebook_message",
    "instagram_message",
    "whatsapp",
    "tiktok_shop_message",
    "facebook_feed_comment",
    "instagram_comment",
    "phone",
];

/// Print HTTP Targets.
#[derive(Debug, Args)]
pub(super) struct HttpTarget {
    /// Only this channel (may be given several times): email, live_chat, instagram_message, …
    #[arg(long, value_name = "CHANNEL")]
    channel: Vec<String>,
    /// The body's form; JSON where there is a choice
    #[arg(long, value_enum, default_value_t = Format::Json)]
    format: Format,
    /// Where the daemon is reached from outside
    #[arg(long, value_name = "https://…", default_value = EXAMPLE)]
    url: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Json,
    Form,
    Xml,
}

/// One Target, ready to paste.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Target {
    name: String,
    channel: String,
    method: &'static str,
    url: String,
    header: &'static str,
    content_type: &'static str,
    /// Works whatever the message holds.
    body: String,
    /// Only after the escaping test.
    body_with_message: String,
}

#[derive(Debug, Serialize)]
struct Printed {
    targets: Vec<Target>,
    token: String,
    advice: Vec<&'static str>,
}

/// What an admin must know besides.
const ADVICE: &[&str] = &[
    "Fire each Target from a tagging rule at the top of its list, condition \"channel is …\", with \"skip all \
     subsequent rules\" off. An assignment rule with \"skip subsequent\" above it silences it without any error.",
    "Let the rule fire on every customer message, not only on new conversations.",
    "Start with the first body. The second spares nothing but a read in one-call routing.",
    "Escaping test for the second body: write a message with a quotation mark and a line break and <b>&</b> in it. If \
     `richpanel-mw show` then says \"body was broken\", values are not escaped: stay with the first body.",
    "A call is never repeated; `reconcile` finds what was lost.",
];

impl HttpTarget {
    pub(super) fn run(self, session: &Session) -> Result<Exit> {
        let loaded = session.load_or_defaults()?;
        let url = address(&self.url).map_err(Failure::wrong)?;
        let channels = self.channels().map_err(Failure::wrong)?;
        let targets = channels
            .iter()
            .map(|channel| target(channel, self.format, &url, &loaded.config.server.fields))
            .collect();
        let printed = Printed { targets, token: token_words(&loaded), advice: ADVICE.to_vec() };
        session.show(&printed, |_| page(&printed))?;
        Ok(Exit::Good)
    }

    fn channels(&self) -> Result<Vec<String>, String> {
        if self.channel.is_empty() {
            return Ok(CHANNELS.iter().map(|channel| (*channel).to_owned()).collect());
        }
        let known = |word: &String| match channel_of_word(word) {
            Some(channel) => Ok(channel.as_str().to_owned()),
            None => Err(format!("\"{word}\" is no channel that is known; one of {}", CHANNELS.join(", "))),
        };
        self.channel.iter().map(known).collect()
    }
}

fn address(url: &str) -> Result<String, String> {
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    let Some(rest) = rest.filter(|rest| !rest.is_empty() && !rest.contains(char::is_whitespace)) else {
        return Err(format!("--url \"{url}\" must be https:// and a name"));
    };
    let bare = url.trim_end_matches('/');
    Ok(if rest.trim_end_matches('/').contains('/') { bare.to_owned() } else { format!("{bare}{PATH}") })
}

fn target(channel: &str, form: Format, url: &str, fields: &Fields) -> Target {
    let minimal = [
        (fields.ticket_id.as_str(), "{{ticket.id}}"),
        (fields.channel.as_str(), channel),
        (fields.trigger.as_str(), TRIGGER),
        (fields.ticket_url.as_str(), "{{ticket.url}}"),
    ];
    let further = [
        (fields.customer_email.as_str(), "{{ticket.customer.email}}"),
        (fields.subject.as_str(), "{{ticket.subject}}"),
        (fields.message.as_str(), "{{ticket.lastMessage.text}}"),
    ];
    let all: Vec<_> = minimal.iter().chain(&further).copied().collect();
    Target {
        name: format!("richpanel-mw {channel}"),
        channel: channel.to_owned(),
        method: "POST",
        url: url.to_owned(),
        header: HEADER,
        content_type: match form {
            Format::Json => "application/json",
            Format::Form => "application/x-www-form-urlencoded",
            Format::Xml => "application/xml",
        },
        body: form.body(&minimal),
        body_with_message: form.body(&all),
    }
}

impl Format {
    /// The fields in their order; placeholders stay as they are.
    fn body(self, fields: &[(&str, &str)]) -> String {
        let join = |each: &dyn Fn(&str, &str) -> String, between: &str| {
            fields.iter().map(|(name, value)| each(name, value)).collect::<Vec<_>>().join(between)
        };
        match self {
            Self::Json => {
                let quoted = |text: &str| serde_json::Value::from(text).to_string();
                format!("{{{}}}", join(&|name, value| format!("{}:{}", quoted(name), quoted(value)), ","))
            }
            Self::Form => join(&|name, value| format!("{name}={value}"), "&"),
            // A Message-ID has angle brackets: CDATA keeps them whole where the vendor does not escape.
            Self::Xml => {
                let element = |name: &str, value: &str| format!("<{name}><![CDATA[{value}]]></{name}>");
                format!("<call>{}</call>", join(&element, ""))
            }
        }
    }
}

fn token_words(loaded: &Loaded) -> String {
    match &loaded.config.server.token_file {
        Some(file) => format!("the token in {} ([server] token_file), its first line", file.display()),
        None => "the token in RICHPANEL_MW_TOKEN, or set [server] token_file; make one with `openssl rand -hex 32`".into(),
    }
}

fn page(printed: &Printed) -> String {
    let mut text = String::new();
    for target in &printed.targets {
        text.push_str(&heading(&target.name));
        text.push_str(&pair("method", target.method));
        text.push_str(&pair("URL", &target.url));
        text.push_str(&pair("header", &format!("{}: PASTE-THE-TOKEN-HERE", target.header)));
        text.push_str(&pair("content type", target.content_type));
        text.push_str(&pair("body", &target.body));
        text.push_str(&pair("or, once tested", &target.body_with_message));
    }
    text.push_str(&heading("notes"));
    text.push_str(&format!("- {HEADER} is {}.\n", printed.token));
    for advice in &printed.advice {
        text.push_str(&format!("- {advice}\n"));
    }
    let example = printed.targets.iter().any(|target| target.url.starts_with(EXAMPLE));
    if example {
        let words = "the URL is an example: --url https://YOUR-NAME prints yours";
        text.push_str(&format!("- {}\n", paint(Tone::Warn, words)));
    }
    if printed.targets.iter().any(|target| target.url.starts_with("http://")) {
        let words = "http:// shows the token to everybody on the way: use https:// outside of a test";
        text.push_str(&format!("- {}\n", paint(Tone::Bad, words)));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::helpdesk::WebhookSource as _;
    use crate::helpdesk::richpanel::RichpanelSource;
    use crate::ticket::Channel;
    use std::collections::BTreeMap;

    const ID: &str = "<a+b=c@mail.example.com>";

    fn filled(body: &str, text: &str) -> String {
        let values =
            BTreeMap::from([("ticket.id", ID.to_owned()), ("ticket.lastMessage.text", text.to_owned())]);
        crate::sim::Target { body: body.into(), escaped: false, ..crate::sim::Target::default() }
            .fill(&values)
    }

    #[test]
    fn what_is_printed_is_understood_whatever_the_ids_look_like() {
        let fields = Fields::default();
        let source = RichpanelSource::new(&[], fields.clone());
        for form in [Format::Json, Format::Form, Format::Xml] {
            for channel in CHANNELS {
                let target = target(channel, form, "https://mw.example.com/richpanel/inbound", &fields);
                let call =
                    source.parse(Some(target.content_type), filled(&target.body, "").as_bytes()).unwrap();
                assert_eq!(call.ticket_id.as_str(), ID, "{form:?} {channel}");
                assert_eq!(call.channel.as_ref().map(Channel::as_str), Some(*channel), "{form:?}");
                let nasty = "say \"hi\"\n& <b>bye</b>\",\"ticket_id\":\"evil";
                let rich = filled(&target.body_with_message, nasty);
                let call = source.parse(Some(target.content_type), rich.as_bytes()).unwrap();
                assert_eq!(call.ticket_id.as_str(), ID, "{form:?} {channel}: {rich}");
            }
        }
    }

    #[test]
    fn an_address_gets_the_path_unless_it_has_one() {
        for (given, wanted) in [
            ("https://mw.example.com", "https://mw.example.com/richpanel/inbound"),
            ("https://mw.example.com/", "https://mw.example.com/richpanel/inbound"),
            ("https://mw.example.com:8443", "https://mw.example.com:8443/richpanel/inbound"),
            ("https://example.com/mw/richpanel/inbound", "https://example.com/mw/richpanel/inbound"),
        ] {
            assert_eq!(address(given).unwrap(), wanted);
        }
        for wrong in ["mw.example.com", "ftp://x", "https://", "https://a b"] {
            assert!(address(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn an_unknown_channel_is_refused() {
        let printer =
            HttpTarget { channel: vec!["pigeon".into()], format: Format::Json, url: EXAMPLE.into() };
        assert!(printer.channels().unwrap_err().contains("email, live_chat"));
    }
}
