//! The outside reader: any endpoint that speaks chat completions, asked over HTTP for a second opinion.
//!
//! [`OutsideReader::new`] once; then `ask` from any worker's thread. One call, one attempt: no retry, no redirect, a
//! time-out for the whole of it, an answer of 64 KiB at most, TLS unless the endpoint is on this machine. `ledger`
//! says whether a call may go out, `wire` writes and reads the words.
//!
//! What may go wrong is everything, and all of it ends as "no opinion", counted by reason. Nothing here logs the text,
//! the answer or the key.

mod ledger;
#[cfg(test)]
mod tests;
mod wire;

use std::fmt;
use std::io::Read as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::tz::TimeZone;
use secrecy::{ExposeSecret as _, SecretString};
use ureq::http;

use self::ledger::{Allowance, Ledger};
use super::opinion::{Opinion, Question, SecondOpinion};
use crate::clock::Clock;

/// Bytes of an answer's body after decompression; more is not read.
pub const MAX_ANSWER_BYTES: usize = 64 * 1024;

/// How it is reached and what it may cost.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Up to what stands before `/chat/completions`.
    pub base_url: String,
    /// The model's name, as the endpoint knows it.
    pub model: String,
    /// Sent as a bearer token; an endpoint on this machine may need none.
    pub key: Option<SecretString>,
    /// For a whole call, name lookup to last byte.
    pub timeout: Duration,
    /// Calls in a day of the shop.
    pub calls_per_day: u32,
    /// Tokens in a day of the shop, as far as answers name them; 0 switches that count off.
    pub tokens_per_day: u64,
    /// Whose midnight ends a day.
    pub time_zone: TimeZone,
}

/// What keeps a reader from being made: wrong configuration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SetupError {
    /// Not an absolute https address (http on this machine) without user, query and fragment.
    #[error("base_url must be an https:// address (http:// only for this machine) without user or query")]
    BaseUrl,
    /// The secret holds characters that no header can carry.
    #[error("the key holds characters that cannot stand in an HTTP header")]
    Key,
}

/// One endpoint.
pub struct OutsideReader {
    agent: ureq::Agent,
    address: String,
    model: String,
    authorization: Option<http::HeaderValue>,
    time_zone: TimeZone,
    clock: Arc<dyn Clock>,
    ledger: Mutex<Ledger>,
}

impl fmt::Debug for OutsideReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OutsideReader").field("address", &self.address).finish_non_exhaustive()
    }
}

impl OutsideReader {
    /// # Errors
    /// [`SetupError`].
    pub fn new(settings: Settings, clock: Arc<dyn Clock>) -> Result<Self, SetupError> {
        let base = settings.base_url.trim().trim_end_matches('/');
        let loopback = check_address(base)?;
        let authorization = settings.key.as_ref().map(authorization).transpose()?;
        let allowance = Allowance { calls: settings.calls_per_day, tokens: settings.tokens_per_day };
        Ok(Self {
            agent: agent(settings.timeout, loopback),
            address: format!("{base}/chat/completions"),
            model: settings.model,
            authorization,
            time_zone: settings.time_zone,
            clock,
            ledger: Mutex::new(Ledger::new(allowance)),
        })
    }

    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The shop's day.
    fn today(&self) -> jiff::civil::Date {
        self.clock.now().to_zoned(self.time_zone.clone()).date()
    }

    /// Writes a change of its state to the log, once.
    fn tell(&self) {
        let turned = self.ledger().turned(self.clock.monotonic());
        if let Some(words) = turned {
            log::warn!("second opinion: {words}");
        }
    }

    /// The body of an answer that is one.
    fn call(&self, question: &Question<'_>) -> Result<Vec<u8>, String> {
        let body = wire::body(&self.model, question).to_string();
        let mut request = self.agent.post(&self.address).content_type("application/json");
        request = request.header("accept", "application/json");
        if let Some(key) = &self.authorization {
            request = request.header(http::header::AUTHORIZATION, key);
        }
        let mut response = request.send(body.as_bytes()).map_err(|error| word(&error))?;
        match response.status().as_u16() {
            200 => (),
            300..=399 => return Err("a redirect, which is not followed".into()),
            status => return Err(format!("it answers {status}")),
        }
        if !is_json(&response) {
            return Err("an answer that is not JSON".into());
        }
        let mut body = Vec::new();
        // One byte over the cap tells "too long" from "just fits".
        let cap = MAX_ANSWER_BYTES as u64 + 1;
        let read = response.body_mut().as_reader().take(cap).read_to_end(&mut body);
        read.map_err(|_| "an answer that broke off".to_owned())?;
        if body.len() > MAX_ANSWER_BYTES { Err("an answer that is too long".into()) } else { Ok(body) }
    }
}

impl SecondOpinion for OutsideReader {
    fn ask(&self, question: &Question<'_>) -> Option<Opinion> {
        let admitted = self.ledger().admit(self.today(), self.clock.monotonic());
        self.tell();
        let Ok(admitted) = admitted else { return None };
        let answer = self.call(question);
        let tokens = answer.as_deref().map_or(0, wire::tokens);
        let opinion = answer
            .and_then(|body| wire::opinion(&body, question).map_err(|useless| useless.word().to_owned()));
        let end = opinion.as_ref().map(|_| ()).map_err(String::as_str);
        self.ledger().ended(admitted, tokens, end, self.clock.monotonic());
        if let Err(why) = &opinion {
            log::debug!("second opinion: none: {why}");
        }
        self.tell();
        opinion.ok()
    }

    fn state(&self) -> String {
        let mut ledger = self.ledger();
        ledger.turn_to(self.today());
        ledger.words(self.clock.monotonic())
    }
}

/// Says whether the address is this machine's own, the only one that may do without TLS.
fn check_address(base: &str) -> Result<bool, SetupError> {
    let uri: http::Uri = base.parse().map_err(|_| SetupError::BaseUrl)?;
    let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
    let loopback = host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback());
    let scheme = match uri.scheme_str() {
        Some("https") => true,
        Some("http") => loopback,
        _ => false,
    };
    let user = uri.authority().is_some_and(|authority| authority.as_str().contains('@'));
    let plain = !user && uri.query().is_none() && !base.contains('#');
    if scheme && plain && !host.is_empty() { Ok(loopback) } else { Err(SetupError::BaseUrl) }
}

fn authorization(key: &SecretString) -> Result<http::HeaderValue, SetupError> {
    let mut value = http::HeaderValue::from_str(&format!("Bearer {}", key.expose_secret()))
        .map_err(|_| SetupError::Key)?;
    value.set_sensitive(true);
    Ok(value)
}

fn agent(timeout: Duration, loopback: bool) -> ureq::Agent {
    let settings = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .https_only(!loopback)
        .timeout_global(Some(timeout))
        .max_idle_age(Duration::from_secs(5))
        .user_agent(concat!("richpanel-mw/", env!("CARGO_PKG_VERSION")));
    // A proxy named in the environment is the administrator's choice; never for an endpoint on this machine.
    let settings = if loopback { settings.proxy(None) } else { settings };
    settings.build().new_agent()
}

fn is_json(response: &http::Response<ureq::Body>) -> bool {
    let kind = response.headers().get(http::header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let kind = kind.unwrap_or_default().split(';').next().unwrap_or_default().trim();
    kind.eq_ignore_ascii_case("application/json")
}

/// A failure without an answer, in words that hold no address and no part of a message.
fn word(error: &ureq::Error) -> String {
    match error {
        ureq::Error::Timeout(_) => "no answer in time",
        ureq::Error::HostNotFound => "host not found",
        ureq::Error::Rustls(_) | ureq::Error::Tls(_) | ureq::Error::TlsRequired => "TLS failed",
        ureq::Error::Io(error) if error.kind() == std::io::ErrorKind::InvalidData => "TLS failed",
        ureq::Error::Io(_) | ureq::Error::ConnectionFailed => "no connection",
        ureq::Error::Protocol(_) => "the answer is not HTTP",
        _ => "the call failed",
    }
    .to_owned()
}
