//! Holds `examples/` and the bodies in the README to the code: what a shop copies must be what the daemon does.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::{Config, IntentSettings, load, starter, validate};

/// Keys without a default value: they must stand in the file as comments (`# token_file = …`).
const OPTIONAL: &[(&str, &str)] = &[
    ("server", "token_file"),
    ("admin", "password_file"),
    ("admin", "viewer_password_file"),
    ("admin", "metrics_token_file"),
    ("richpanel", "api_key_file"),
    ("richpanel", "bot_agent_id"),
    ("routing", "assignee_id"),
    ("second_opinion", "base_url"),
    ("second_opinion", "model"),
    ("second_opinion", "api_key_file"),
];

/// The channels' words that the documents tell a shop to write, one Target each.
const CHANNELS: &[&str] =
    &["email", "messenger", "instagram_message", "facebook_message", "whatsapp", "tiktok_shop_message"];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn text_of(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn parse(text: &str) -> Config {
    load::parse(text, Path::new("example")).unwrap_or_else(|error| panic!("{error}"))
}

/// Every key of a table by its path, tables themselves too.
fn paths(table: &toml::Table, prefix: &str, found: &mut BTreeSet<String>) {
    for (key, value) in table {
        let path = format!("{prefix}{key}");
        if let toml::Value::Table(inner) = value {
            paths(inner, &format!("{path}."), found);
        }
        found.insert(path);
    }
}

fn all_paths(text: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    paths(&toml::from_str(text).unwrap(), "", &mut found);
    found
}

/// The lines of a file with the top-level section that each stands in (`server` for `[server.fields]` too).
fn lines_with_section(text: &str) -> Vec<(String, &str)> {
    let mut section = String::new();
    let mut lines = Vec::new();
    for line in text.lines() {
        if let Some(header) = line.strip_prefix('[') {
            header.split([']', '.']).next().unwrap().clone_into(&mut section);
        }
        lines.push((section.clone(), line));
    }
    lines
}

#[test]
fn the_example_is_the_default_configuration() {
    let config = parse(&text_of("examples/config.toml"));
    assert_eq!(config, Config::default());
    assert_eq!(validate::problems(&config), Vec::<String>::new());
}

#[test]
fn the_example_shows_every_key() {
    let defaults = all_paths(&toml::to_string(&Config::default()).unwrap());
    let shown = all_paths(&text_of("examples/config.toml"));
    // The starter intents are a table of comments: their own test below.
    let missing: Vec<_> = defaults.difference(&shown).filter(|path| *path != "intents").collect();
    assert_eq!(missing, Vec::<&String>::new(), "not in examples/config.toml");
}

#[test]
fn the_example_shows_every_optional_key_as_a_comment_in_its_section() {
    let text = text_of("examples/config.toml");
    let lines = lines_with_section(&text);
    for (section, key) in OPTIONAL {
        let wanted = format!("# {key} = ");
        let shown = lines.iter().any(|(at, line)| at == section && line.starts_with(&wanted));
        assert!(shown, "no line `{wanted}…` under [{section}]");
    }
}

#[test]
fn the_example_lists_sections_in_the_codes_order() {
    let headers = |text: &str| -> Vec<String> {
        let mut seen: Vec<String> = Vec::new();
        for (section, _) in lines_with_section(text) {
            if !section.is_empty() && section != "intents" && seen.last() != Some(&section) {
                seen.push(section);
            }
        }
        seen
    };
    let defaults = toml::to_string(&Config::default()).unwrap();
    assert_eq!(headers(&text_of("examples/config.toml")), headers(&defaults));
}

#[test]
fn every_key_of_the_example_has_a_sentence_above_it() {
    let text = text_of("examples/config.toml");
    let mut before = "";
    let mut explained_together = false;
    for line in text.lines() {
        if line.starts_with('[') {
            // Their keys are explained once, above the first of them.
            explained_together = line.starts_with("[routing.teams.") || line.starts_with("[replies.");
        }
        let is_key = line.split_once(" = ").is_some_and(|(key, _)| {
            !key.is_empty() && key.chars().all(|c| c.is_ascii_lowercase() || c == '_')
        });
        if is_key && !explained_together {
            assert!(before.starts_with("# ") && before.ends_with('.'), "no sentence above: {line}");
        }
        before = line;
    }
}

/// The commented table under `# [intents]`, uncommented.
fn commented_intents(text: &str) -> BTreeMap<String, IntentSettings> {
    let table: Vec<&str> = text
        .lines()
        .skip_while(|line| *line != "# [intents]")
        .skip(1)
        .take_while(|line| *line != "#")
        .map(|line| line.strip_prefix("# ").unwrap())
        .collect();
    assert_eq!(table.len(), starter::INTENTS.len(), "one line an intent");
    toml::from_str(&table.join("\n")).unwrap()
}

#[test]
fn the_commented_intents_are_the_starter_packs_in_its_order() {
    let text = text_of("examples/config.toml");
    let shown = commented_intents(&text);
    let mut from = text.find("# [intents]\n").unwrap();
    for known in starter::INTENTS {
        let settings = &shown[known.name];
        let expected = IntentSettings {
            priority: Some(known.priority),
            team: Some(known.team.to_owned()),
            may_answer: Some(known.may_answer),
            reply: known.reply.map(str::to_owned),
            ..IntentSettings::default()
        };
        assert_eq!(*settings, expected, "{}", known.name);
        from +=
            text[from..].find(&format!("\n# {} ", known.name)).unwrap_or_else(|| panic!("{}", known.name));
    }
}

#[test]
fn the_three_things_a_shop_does_with_intents_work_when_uncommented() {
    let text = text_of("examples/config.toml");
    let (_, after) = text.split_once("# Three things a shop does with it:\n#\n").unwrap();
    let block: Vec<&str> = after
        .lines()
        .take_while(|line| !line.starts_with("# ---"))
        .filter_map(|line| line.strip_prefix("# "))
        .collect();
    let config = parse(&format!("[intents]\n{}", block.join("\n")));
    assert_eq!(config.intents.0.len(), 3);
    let replies: Vec<_> = config.intents.0.values().filter_map(|settings| settings.reply.as_ref()).collect();
    assert!(replies.iter().all(|reply| config.replies.0.contains_key(*reply)), "{replies:?}");
}

#[test]
fn the_minimal_example_parses_has_no_problem_and_says_only_what_differs() {
    let config = parse(&text_of("examples/minimal.toml"));
    assert_eq!(validate::problems(&config), Vec::<String>::new());
    assert!(config.server.token_file.is_some() && config.richpanel.api_key_file.is_some());
    let defaults = toml::to_string(&Config::default()).unwrap();
    let (ours, default): (toml::Table, toml::Table) =
        (toml::from_str(&text_of("examples/minimal.toml")).unwrap(), toml::from_str(&defaults).unwrap());
    for (section, keys) in &ours {
        for (key, value) in keys.as_table().unwrap() {
            assert_ne!(default[section].get(key), Some(value), "[{section}] {key} says the default again");
        }
    }
}

/// A placeholder's value, with everything in it that breaks an unescaped body.
fn value_of(placeholder: &str) -> &'static str {
    match placeholder {
        "ticket.id" => "<a+b\"c&d@mail.example.com>",
        "ticket.url" => "https://app.example.com/tickets/1?a=1&b=2",
        "ticket.customer.email" => "ava+shop@example.com",
        "ticket.subject" => "Where's \"my\" order? 50% <off>",
        "ticket.lastMessage.text" => "line one\nline \\two\\ & <b>three</b> a=b+c",
        other => panic!("{{{{{other}}}}} is no placeholder that the helpdesk knows"),
    }
}

/// Fills the placeholders, each value escaped for the format.
fn render(template: &str, escape: impl Fn(&str) -> String) -> String {
    let mut out = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once("{{") {
        let (name, following) = after.split_once("}}").unwrap();
        out.push_str(before);
        out.push_str(&escape(value_of(name)));
        rest = following;
    }
    out + rest
}

fn json_fields(body: &str) -> Vec<(String, String)> {
    let escape = |value: &str| serde_json::to_string(value).unwrap().trim_matches('"').to_owned();
    let rendered = render(body, escape);
    let fields: BTreeMap<String, String> = serde_json::from_str(&rendered).unwrap();
    in_order_of(body, fields)
}

fn form_fields(body: &str) -> Vec<(String, String)> {
    let escape = |value: &str| form_urlencoded::byte_serialize(value.as_bytes()).collect();
    form_urlencoded::parse(render(body, escape).trim_end().as_bytes()).into_owned().collect()
}

fn xml_fields(body: &str) -> Vec<(String, String)> {
    use quick_xml::events::Event;
    let rendered = render(body, |value| quick_xml::escape::escape(value).into_owned());
    let mut reader = quick_xml::Reader::from_str(&rendered);
    let (mut fields, mut value) = (Vec::new(), String::new());
    loop {
        match reader.read_event().unwrap() {
            Event::Start(_) => value.clear(),
            Event::Text(text) => value.push_str(&text),
            Event::GeneralRef(entity) => {
                value.push_str(quick_xml::escape::resolve_predefined_entity(&entity).unwrap());
            }
            Event::End(end) => {
                let name = end.local_name();
                let name: &str = name.as_ref();
                if name != "call" {
                    fields.push((name.to_owned(), value.clone()));
                }
            }
            Event::Eof => return fields,
            _ => {}
        }
    }
}

/// A JSON object's fields as the text has them: the id must stand before anything that a customer typed.
fn in_order_of(body: &str, fields: BTreeMap<String, String>) -> Vec<(String, String)> {
    let mut fields: Vec<_> = fields.into_iter().collect();
    fields.sort_by_key(|(name, _)| body.find(&format!("\"{name}\"")));
    fields
}

fn minimal_fields(channel: &str) -> Vec<(String, String)> {
    let field = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    vec![
        field("ticket_id", value_of("ticket.id")),
        field("channel", channel),
        field("trigger", "customer_message"),
        field("ticket_url", value_of("ticket.url")),
    ]
}

fn fields_with_message(channel: &str) -> Vec<(String, String)> {
    let field = |name: &str, value: &str| (name.to_owned(), value_of(value).to_owned());
    let mut fields = minimal_fields(channel);
    fields.extend([
        field("customer_email", "ticket.customer.email"),
        field("subject", "ticket.subject"),
        field("message", "ticket.lastMessage.text"),
    ]);
    fields
}

#[test]
fn the_example_bodies_carry_what_they_say_in_every_format() {
    type Read = fn(&str) -> Vec<(String, String)>;
    let formats: [(&str, Read); 3] = [("json", json_fields), ("form", form_fields), ("xml", xml_fields)];
    for (format, read) in formats {
        for (name, expected) in
            [("minimal", minimal_fields("email")), ("with-message", fields_with_message("email"))]
        {
            let path = format!("examples/http-targets/{name}.{format}");
            assert_eq!(read(&text_of(&path)), expected, "{path}");
        }
    }
}

#[test]
fn the_example_bodies_use_the_configured_field_names() {
    let known: toml::Table =
        toml::from_str(&toml::to_string(&Config::default().server.fields).unwrap()).unwrap();
    for (name, _) in fields_with_message("email") {
        assert!(known.values().any(|value| value.as_str() == Some(&name)), "{name}");
    }
}

#[test]
fn the_readmes_example_bodies_are_the_minimal_one_for_each_channel() {
    let readme = text_of("README.md");
    let bodies: Vec<Vec<(String, String)>> = readme
        .split("```json\n")
        .skip(1)
        .map(|block| json_fields(block.split("```").next().unwrap()))
        .collect();
    let expected: Vec<_> = CHANNELS.iter().map(|channel| minimal_fields(channel)).collect();
    assert_eq!(bodies, expected);
    let table = text_of("examples/http-targets/README.md");
    for channel in CHANNELS {
        assert!(table.contains(&format!("`{channel}`")), "{channel} is not in the table of channels");
    }
}
