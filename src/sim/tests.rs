//! The simulator driven over real HTTP, as the daemon drives it.

mod driving;
mod faulty;
mod reads;
mod rules;
mod writes;

use std::time::Duration;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use super::*;

/// Long enough for a loaded machine; nothing waits for all of it when things go well.
const PATIENCE: Duration = Duration::from_secs(20);
/// 2026-02-09, in milliseconds since 1970.
const MORNING_MS: i64 = 1_770_596_942_114;

fn start() -> SimHandle {
    start_with(|_| {})
}

fn start_with(change: impl FnOnce(&mut SimOptions)) -> SimHandle {
    let mut options = SimOptions { frozen_at_ms: Some(MORNING_MS), ..SimOptions::default() };
    options.rate_limit.requests = 10_000;
    change(&mut options);
    Sim::start(options).unwrap()
}

fn email(text: &str) -> NewMessage {
    NewMessage {
        email: "ava@example.com".into(),
        name: "Ava Doe".into(),
        subject: "My order".into(),
        text: text.into(),
        shape: Some(0),
        ..NewMessage::default()
    }
}

fn chat(text: &str) -> NewMessage {
    NewMessage { channel: Some("messenger".into()), ..email(text) }
}

/// A ticket from an e-mail whose id is a raw Message-ID.
fn written(sim: &SimHandle) -> Written {
    let message = NewMessage { id: Some("<CAf+1=2@mail.example.com>".into()), ..email("Where is it?") };
    sim.customer_writes(message).unwrap()
}

/// What came back.
#[derive(Debug)]
struct Got {
    status: u16,
    text: String,
    headers: ureq::http::HeaderMap,
}

impl Got {
    fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap()
    }

    fn number(&self, header: &str) -> u64 {
        self.headers[header].to_str().unwrap().parse().unwrap()
    }
}

fn try_call(method: &str, url: &str, key: Option<&str>, body: &str) -> Result<Got, ureq::Error> {
    let agent = ureq::Agent::config_builder()
        .timeout_global(Some(PATIENCE))
        .http_status_as_error(false)
        .max_idle_connections(0)
        .proxy(None)
        .build()
        .new_agent();
    let mut request = ureq::http::Request::builder().method(method).uri(url);
    if let Some(key) = key {
        request = request.header("x-richpanel-key", key);
    }
    let mut response = agent.run(request.body(body.to_owned()).unwrap())?;
    let text = response.body_mut().with_config().limit(16 << 20).read_to_string()?;
    Ok(Got { status: response.status().as_u16(), text, headers: response.headers().clone() })
}

fn ask(sim: &SimHandle, method: &str, path: &str, body: &str) -> Result<Got, ureq::Error> {
    try_call(method, &format!("{}{path}", sim.base_url()), Some("sim-key"), body)
}

fn get(sim: &SimHandle, path: &str) -> Got {
    ask(sim, "GET", path, "").unwrap()
}

fn put(sim: &SimHandle, path: &str, body: &Value) -> Got {
    ask(sim, "PUT", path, &body.to_string()).unwrap()
}

fn post(sim: &SimHandle, path: &str, body: &Value) -> Got {
    ask(sim, "POST", path, &body.to_string()).unwrap()
}

/// `/tickets/<encoded id><rest>`
fn at(id: &str, rest: &str) -> String {
    format!("/tickets/{}{rest}", utf8_percent_encode(id, NON_ALPHANUMERIC))
}

fn kinds(sim: &SimHandle, id: &str) -> Vec<EffectKind> {
    sim.effects_on(id).into_iter().map(|effect| effect.kind).collect()
}

/// What API requests applied to a ticket.
fn applied(sim: &SimHandle, id: &str) -> Vec<EffectKind> {
    let by_request = sim.effects_on(id).into_iter().filter(|effect| effect.applied_by_request.is_some());
    by_request.map(|effect| effect.kind).collect()
}
