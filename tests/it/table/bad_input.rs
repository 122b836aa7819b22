//! Row: bad input. Whatever comes in, by any door, is answered, refused or read: nothing panics. A thousand cases or
//! more of each; the answers of the helpdesk's API are in [`super::mangled`], an exported CSV in `cli::export`.

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;

use proptest::prelude::*;
use proptest::test_runner::{TestCaseResult, TestRunner};
use richpanel_mw::config::load::parse;
use richpanel_mw::config::validate::problems;
use richpanel_mw::config::{Config, Fields, ReplyTexts, Shop};
use richpanel_mw::daemon::control::{self, Request};
use richpanel_mw::decide::Policy;
use richpanel_mw::event::{Mode, Timestamp};
use richpanel_mw::helpdesk::WebhookSource as _;
use richpanel_mw::helpdesk::richpanel::{RichpanelSource, order_of_json};
use richpanel_mw::reply::values::VARIABLES;
use richpanel_mw::reply::{Ask, Calendar, Material, Reply, render};
use richpanel_mw::ticket::Customer;

use super::*;
use crate::socket::Client;
use crate::world::TOKEN;

const CASES: u32 = 1_000;

fn a_thousand<S: Strategy>(of: &S, test: impl Fn(S::Value) -> TestCaseResult) {
    let mut runner = TestRunner::new(ProptestConfig {
        cases: CASES,
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    if let Err(error) = runner.run(of, test) {
        panic!("{error}");
    }
}

const NUMBERS: [i64; 10] = [0, 1, -1, 23, 24, 100, 1_000, u32::MAX as i64, i64::MAX, i64::MIN];
const FLOATS: [f64; 6] = [0.0, -0.5, 1.5, 1e300, f64::NAN, f64::INFINITY];
const WORDS: [&str; 8] = ["", "live", "127.0.0.1:0", "::1", "10.0.0.0/33", "Mars/Olympus", "{", "2026-02-30"];

/// Any TOML value, the extremes of each kind more often than chance would have it.
fn value() -> impl Strategy<Value = toml::Value> {
    let leaf = prop_oneof![
        4 => prop::sample::select(NUMBERS.to_vec()).prop_map(toml::Value::Integer),
        2 => prop::sample::select(FLOATS.to_vec()).prop_map(toml::Value::Float),
        1 => any::<bool>().prop_map(toml::Value::Boolean),
        2 => prop::sample::select(WORDS.to_vec()).prop_map(|word| toml::Value::String(word.into())),
        2 => ".{0,30}".prop_map(toml::Value::String),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(toml::Value::Array),
            prop::collection::vec(("[a-z_]{0,12}", inner), 0..4)
                .prop_map(|pairs| toml::Value::Table(pairs.into_iter().collect())),
        ]
    })
}

/// A value of the kind that was there, so that the change gets past the reading.
fn alike(before: &toml::Value, drawn: usize) -> toml::Value {
    match before {
        toml::Value::Integer(_) => toml::Value::Integer(NUMBERS[drawn % NUMBERS.len()]),
        toml::Value::Float(_) => toml::Value::Float(FLOATS[drawn % FLOATS.len()]),
        toml::Value::Boolean(before) => toml::Value::Boolean(!before),
        toml::Value::String(_) => toml::Value::String(WORDS[drawn % WORDS.len()].into()),
        toml::Value::Array(items) => {
            let items = items.iter().cycle().take(drawn % 5);
            toml::Value::Array(items.map(|item| alike(item, drawn / 5)).collect())
        }
        other => other.clone(),
    }
}

fn example() -> toml::Table {
    include_str!("../../../examples/config.toml").parse().unwrap()
}

/// Every key of the example, as the way to it.
fn ways(table: &toml::Table, before: &[String]) -> Vec<Vec<String>> {
    let mut all = vec![];
    for (key, value) in table {
        let way = [before, std::slice::from_ref(key)].concat();
        if let toml::Value::Table(inner) = value {
            all.extend(ways(inner, &way));
        }
        all.push(way);
    }
    all
}

/// What is done to a key.
#[derive(Debug, Clone)]
enum Change {
    Alike(usize),
    Anything(toml::Value),
    Gone,
}

fn change(table: &mut toml::Table, way: &[String], to: Change) {
    match way {
        [] => (),
        [last] => match (to, table.get_mut(last)) {
            (Change::Alike(drawn), Some(value)) => *value = alike(value, drawn),
            (Change::Alike(_), None) => (),
            (Change::Anything(value), _) => drop(table.insert(last.clone(), value)),
            (Change::Gone, _) => drop(table.remove(last)),
        },
        [first, rest @ ..] => {
            if let Some(toml::Value::Table(inner)) = table.get_mut(first) {
                change(inner, rest, to);
            }
        }
    }
}

/// An error in words with its place, or a configuration that is checked and resolved.
fn takes_or_refuses(text: &str) {
    match parse(text, Path::new("config.toml")) {
        Ok(config) => {
            let _ = problems(&config);
            for mode in [Mode::Live, Mode::Shadow] {
                let _ = Policy::new(&config, mode);
            }
        }
        Err(error) => assert!(error.to_string().starts_with("config.toml:"), "{error}"),
    }
}

#[test]
fn a_configuration_with_any_keys_and_values_is_taken_or_refused() {
    let known = prop::sample::select(ways(&example(), &[]));
    let unknown = prop::collection::vec("[a-z_]{1,10}", 1..3);
    let one = prop_oneof![
        30 => (known.clone(), any::<usize>().prop_map(Change::Alike)),
        2 => (known.clone(), Just(Change::Gone)),
        2 => (known, value().prop_map(Change::Anything)),
        1 => (unknown, value().prop_map(Change::Anything)),
    ];
    let changes = prop::collection::vec(one, 1..5);
    let taken = std::cell::Cell::new(0);
    a_thousand(&changes, |changes| {
        let mut table = example();
        for (way, to) in changes {
            change(&mut table, &way, to);
        }
        let text = toml::to_string(&table).unwrap();
        takes_or_refuses(&text);
        taken.set(taken.get() + u32::from(parse(&text, Path::new("x")).is_ok()));
        Ok(())
    });
    println!("{} of {CASES} taken", taken.get());
    assert!(taken.get() > CASES / 4, "the cases do not reach past the reading");
}

#[test]
fn a_configuration_cut_and_pasted_at_any_place_is_taken_or_refused() {
    let text = include_str!("../../../examples/config.toml");
    let places = (any::<prop::sample::Index>(), any::<prop::sample::Index>(), ".{0,20}");
    a_thousand(&places, |(from, to, put)| {
        let at = |index: prop::sample::Index| {
            let at = index.index(text.len());
            (at..=text.len()).find(|at| text.is_char_boundary(*at)).unwrap()
        };
        takes_or_refuses(&format!("{}{put}{}", &text[..at(from)], &text[at(to)..]));
        Ok(())
    });
}

/// Text as an admin may write it: variables known, mistyped and cut off, braces, anything.
fn template() -> impl Strategy<Value = String> {
    let known = prop::sample::select(VARIABLES.to_vec()).prop_map(|name| format!("{{{name}}}"));
    let odd = prop::sample::select(vec![
        "{",
        "}",
        "{{",
        "}}",
        "{ shop_name }",
        "{{{shop_name}}}",
        "{weather}",
        "{}",
        "\n",
    ]);
    let piece = prop_oneof![
        4 => known,
        1 => odd.prop_map(String::from),
        3 => "[a-zé \u{202e}<>&%]{0,12}",
        1 => any::<String>(),
    ];
    prop::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
}

#[test]
fn a_reply_text_of_any_kind_is_refused_or_filled_without_a_hole() {
    let replies = Config::default().replies.0;
    let calendar =
        Calendar::new(&Shop { name: "Demo Shop".into(), timezone: "UTC".into(), ..Shop::default() }).unwrap();
    let states = prop::sample::select(OrderState::ALL.to_vec());
    let filled = std::cell::Cell::new(0);
    a_thousand(
        &(template(), states, any::<u64>(), any::<bool>(), ".{0,20}"),
        |(text, state, seed, chat, name)| {
            // "{{name}}" is how a text says "{name}".
            let literal = text.contains("{{");
            let texts =
                ReplyTexts { email: text.clone(), chat: text, ..replies["order_status_shipped"].clone() };
            let written =
                replies.keys().filter_map(|name| Some((name.clone(), Reply::compile(name, &texts).ok()?)));
            let written: BTreeMap<String, Reply> = written.collect();
            let mut order = order(state, 800_000 + seed % 1_000, "ava@example.com", 1_770_000_000_000);
            super::mangled::mangle(&mut order, &mut fastrand::Rng::with_seed(seed));
            let read_at = Timestamp::from_millisecond(1_770_000_000_000).unwrap();
            let order = order_of_json(&order, read_at);
            let customer = Customer { first_name: Some(name), ..Customer::default() };
            let material = Material {
                customer: &customer,
                ticket_read_at: read_at,
                order: order.as_ref().map(|(_, order)| order),
                calendar: &calendar,
                chat,
                language: "en",
                stall_days: 10,
                now: read_at,
            };
            if let Ok(draft) = render(&written, Ask::Facts("order_status"), &material) {
                filled.set(filled.get() + 1);
                for variable in VARIABLES {
                    let hole = draft.text.contains(&format!("{{{variable}}}"));
                    prop_assert!(literal || !hole, "{}", draft.text);
                }
            }
            Ok(())
        },
    );
    println!("{} of {CASES} filled", filled.get());
    assert!(filled.get() > 50, "hardly a text was filled");
}

#[test]
fn a_call_with_any_bytes_flipped_is_read_or_refused() {
    let source = RichpanelSource::new(&[TOKEN.into()], Fields::default());
    let bodies = prop::sample::select(vec![
        (
            "application/json",
            r#"{"ticket_id":"<a+b@mail.example.com>","channel":"email","message":"Where is \"it\"?\n"}"#,
        ),
        (
            "application/x-www-form-urlencoded",
            "ticket_id=%3Ca%2Bb%40mail.example.com%3E&channel=email&message=a%26b",
        ),
        (
            "text/xml",
            "<?xml version=\"1.0\"?><call><ticket_id>&lt;a@b&gt;</ticket_id><message><![CDATA[x]]></message></call>",
        ),
        ("text/plain; charset=utf-16", "{\"ticket_url\":\"https://helpdesk.example.com/conversations/T-1\"}"),
    ]);
    let flips = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6);
    let cut = any::<prop::sample::Index>();
    let read = std::cell::Cell::new(0);
    a_thousand(&(bodies, flips, cut, any::<bool>()), |((kind, body), flips, cut, whole)| {
        let mut bytes = body.as_bytes().to_vec();
        for (at, byte) in flips {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        let end = if whole { bytes.len() } else { cut.index(bytes.len()) };
        if let Ok(call) = source.parse(Some(kind), &bytes[..end]) {
            read.set(read.get() + 1);
            prop_assert!(!call.ticket_id.as_str().is_empty());
        }
        Ok(())
    });
    println!("{} of {CASES} read", read.get());
}

/// Header lines: known names with odd values, odd names, bytes.
fn header() -> impl Strategy<Value = Vec<u8>> {
    let names = prop::sample::select(vec![
        "Host",
        "Content-Type",
        "Content-Length",
        "Transfer-Encoding",
        "Expect",
        "Connection",
        "X-Forwarded-For",
        "X-Middleware-Token",
        "Content-Encoding",
        "Range",
        "Upgrade",
        "Cookie",
        "Te",
        "Trailer",
        "Authorization",
    ]);
    let values = prop_oneof![
        prop::sample::select(vec![
            "",
            "0",
            "-1",
            "chunked",
            "gzip",
            "100-continue",
            "close",
            "upgrade",
            "1,2",
            "text/xml;;;=",
            "a\tb"
        ])
        .prop_map(|value| value.as_bytes().to_vec()),
        prop::collection::vec(any::<u8>(), 0..60),
        (0..3_000_usize).prop_map(|length| vec![b'x'; length]),
    ];
    let line = (names, values).prop_map(|(name, value)| [name.as_bytes(), b": ", &value, b"\r\n"].concat());
    prop_oneof![6 => line, 1 => prop::collection::vec(any::<u8>(), 0..80)]
}

#[test]
fn heads_of_any_kind_are_answered_or_hung_up_on_and_the_next_call_is_taken() {
    let world = fast(
        "server.bad_tokens_per_minute = 1000000\nserver.head_timeout_seconds = 1\nserver.body_timeout_seconds = 1\n\
                      server.max_connections_per_address = 0\n",
    );
    let body = serde_json::json!({ "ticket_id": "T-1", "channel": "email" }).to_string();
    let request = |headers: &[Vec<u8>]| {
        let first = b"POST /richpanel/inbound HTTP/1.1\r\n".to_vec();
        let good = format!("Host: mw\r\nX-Middleware-Token: {TOKEN}\r\nContent-Length: {}\r\n", body.len());
        [first, headers.concat(), good.into_bytes(), b"\r\n".to_vec(), body.clone().into_bytes()].concat()
    };
    a_thousand(&prop::collection::vec(header(), 0..6), |headers| {
        let mut client = Client::to(world.addr());
        client.try_send(request(&headers));
        client.close_sending();
        while let Some(reply) = client.try_reply() {
            prop_assert!((100..=599).contains(&reply.status), "{:?}", reply);
            prop_assert_ne!(reply.status, 500, "{:?}", reply);
        }
        Ok(())
    });
    world.writes(question(0));
    // What came before may still be looked for: only this one has to end.
    world.until_state(&id(0), State::Done);
    assert_eq!(world.outcome(&id(0)), "answered");
}

#[test]
fn any_line_on_the_control_socket_is_answered_and_the_next_one_too() {
    let world = fast("");
    let socket = control::socket_path(&world.database());
    let good = prop::sample::select(vec![
        r#"{"do":"status"}"#,
        r#"{"do":"retry","event":1,"by":"lead"}"#,
        r#"{"do":"discard","event":9223372036854775807,"reason":"x","by":"lead"}"#,
        r#"{"do":"reconcile","csv":[{"ticket_id":"x","conversation_no":-1,"updated_at":null}]}"#,
        r#"{"do":"mode","mode":"live","by":"lead"}"#,
    ]);
    let flips = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4);
    let line = prop_oneof![
        3 => (good, flips).prop_map(|(line, flips)| {
            let mut bytes = line.as_bytes().to_vec();
            for (at, byte) in flips {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
            bytes
        }),
        1 => prop::collection::vec(any::<u8>(), 0..200),
        1 => (1..2_000_usize).prop_map(|depth| b"[".repeat(depth)),
    ];
    let answered = std::cell::Cell::new(0);
    a_thousand(&line, |line| {
        let mut stream = UnixStream::connect(&socket).unwrap();
        stream.set_read_timeout(Some(crate::world::PATIENCE)).unwrap();
        stream.write_all(&line).unwrap();
        // It may have hung up already.
        let _ = stream.write_all(b"\n");
        let mut answer = String::new();
        // What is not text is hung up on without a word.
        if BufReader::new(&stream).read_line(&mut answer).is_ok_and(|read| read > 0) {
            answered.set(answered.get() + 1);
            prop_assert!(serde_json::from_str::<control::Answer>(&answer).is_ok(), "{}", answer);
        }
        Ok(())
    });
    println!("{} of {CASES} answered", answered.get());
    assert!(world.ask(&Request::Status).is_object());
    world.ask(&Request::Mode { mode: Some(Mode::Live), by: "lead".into() });
    world.writes(question(0));
    // What came before may still be looked for: only this one has to end.
    world.until_state(&id(0), State::Done);
    assert_eq!(world.outcome(&id(0)), "answered");
}
