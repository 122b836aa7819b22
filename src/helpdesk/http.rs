//! HTTP to a helpdesk: one call at a time, on a budgeted slot, with a clear word on what is known afterwards.
//!
//! An adapter makes a [`Client`] once and then, for each call, a [`Request`]; [`Client::call`] takes a slot of the
//! [`Permit`], sends, reads the limit headers into the budget, counts, and gives back the [`Answer`] whatever its
//! status. Nothing is retried, no redirect is followed, a write never goes out on a connection that was used before.
//!
//! What may go wrong: without an answer the question is whether the request can have been received. `sent` marks the
//! moment when the first byte of a request is handed to the socket; a failure before that is
//! [`ApiError::Unavailable`] (nothing was sent), a failure after it is [`ApiError::Ambiguous`] for a write.

mod circuit;
mod sent;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::io::Read as _;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;
use ureq::http;

use super::breaker::{Breaker, Settings};
use super::budget::{InFlight, Permit};
use super::{ApiError, Budget};
use crate::clock::Clock;

/// Bytes of an answer's body after decompression; more is not read (reliability, "answers are capped").
pub const MAX_ANSWER_BYTES: usize = 4 * 1024 * 1024;
/// The longest pause that a `Retry-After` can ask for: a slip of the server must not stop us for a week.
pub const MAX_PAUSE: Duration = Duration::from_secs(3600);
/// The pause after a 429 without a readable `Retry-After`: the documented window (richpanel-api §1).
const DEFAULT_PAUSE: Duration = Duration::from_secs(30);
/// The most that connecting may take of the whole time-out, so that a dead host is told from a silent one.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Everything but RFC 3986's unreserved characters is escaped: an unencoded id was answered 200 and nothing was
/// written (richpanel-api §2).
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// What a call may do, and so what its failure means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Changes nothing.
    Read,
    /// May have changed something although no answer came.
    Write,
}

/// One call to make.
#[derive(Debug, Clone)]
pub struct Request<'a> {
    /// Read or write.
    pub access: Access,
    /// `GET`, `PUT`, `POST`.
    pub method: &'static str,
    /// The route as in the documents (`/tickets/{id}`), for counts and messages; never a real id.
    pub route: &'static str,
    /// The path's segments after the base address, as they are: they are escaped here.
    pub segments: &'a [&'a str],
    /// Query parameters, as they are.
    pub query: &'a [(&'a str, String)],
    /// The JSON body, if any.
    pub body: Option<Value>,
}

impl Request<'_> {
    /// Method and route (`GET /tickets/{id}`): the endpoint's name in metrics.
    pub fn endpoint(&self) -> String {
        format!("{} {}", self.method, self.route)
    }
}

/// What came back, whatever the status (429 aside, which is [`ApiError::Throttled`]).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The whole body.
    pub body: Vec<u8>,
    /// Why the body is not whole: cut off, timed out, too long.
    pub broken: Option<String>,
}

/// How often an endpoint was called, with which end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallCount {
    /// Method and route (`GET /tickets/{id}`).
    pub endpoint: String,
    /// The status, or `unreachable` (nothing sent), `no-answer`.
    pub code: String,
    /// Calls.
    pub count: u64,
    /// Their durations, summed, in milliseconds.
    pub total_ms: u64,
}

/// Calls by endpoint and status, since the start of the process.
#[derive(Debug, Default)]
pub struct CallCounts {
    counts: Mutex<BTreeMap<(String, String), (u64, u64)>>,
}

impl CallCounts {
    /// Counts one call.
    pub fn add(&self, endpoint: String, code: String, took: Duration) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let (count, total_ms) = counts.entry((endpoint, code)).or_default();
        *count += 1;
        *total_ms = total_ms.saturating_add(u64::try_from(took.as_millis()).unwrap_or(u64::MAX));
    }

    /// All counts so far, ordered by endpoint and status.
    pub fn snapshot(&self) -> Vec<CallCount> {
        let counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let row = |((endpoint, code), (count, total_ms)): (&(String, String), &(u64, u64))| CallCount {
            endpoint: endpoint.clone(),
            code: code.clone(),
            count: *count,
            total_ms: *total_ms,
        };
        counts.iter().map(row).collect()
    }
}

/// What keeps a [`Client`] from being made: wrong configuration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SetupError {
    /// Not an absolute http or https address without query.
    #[error("base_url is not an http or https address: {0}")]
    BaseUrl(String),
    /// The secret holds characters that no header can carry (a line break in the file, for one).
    #[error("the API key holds characters that cannot stand in an HTTP header")]
    Key,
}

/// A helpdesk's API at one address with one key.
pub struct Client {
    reads: ureq::Agent,
    writes: ureq::Agent,
    base: String,
    key_header: &'static str,
    key: SecretString,
    budget: Budget,
    breaker: Breaker,
    clock: Arc<dyn Clock>,
    counts: CallCounts,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").field("base", &self.base).finish_non_exhaustive()
    }
}

impl Client {
    /// `base_url`: up to and with the version (`https://api.richpanel.com/v1`); `key_header`: the header that carries
    /// `key`, lower-case; `timeout`: for a whole call, name lookup to last byte.
    ///
    /// # Errors
    /// [`SetupError`].
    pub fn new(
        base_url: &str,
        key_header: &'static str,
        key: SecretString,
        timeout: Duration,
        budget: Budget,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, SetupError> {
        let base = base_url.trim_end_matches('/').to_owned();
        let loopback = check_base_url(&base)?;
        http::HeaderValue::from_str(key.expose_secret()).map_err(|_| SetupError::Key)?;
        // A short idle age: a connection that the server is about to close costs a failed read and a slot.
        let reads = sent::agent(settings(timeout, loopback).max_idle_age(Duration::from_secs(5)).build());
        let writes = sent::agent(settings(timeout, loopback).max_idle_connections(0).build());
        let breaker = Breaker::new(Settings::default(), Arc::clone(&clock));
        let counts = CallCounts::default();
        Ok(Self { reads, writes, base, key_header, key, budget, breaker, clock, counts })
    }

    /// The budget that every call is made on.
    pub const fn budget(&self) -> &Budget {
        &self.budget
    }

    /// Calls so far, for the metrics.
    pub const fn counts(&self) -> &CallCounts {
        &self.counts
    }

    /// Sends one call; the second value says whether any of it can have left the machine.
    ///
    /// # Errors
    /// [`ApiError::Throttled`]: no slot, nothing was done.
    fn send(
        &self,
        permit: &mut Permit,
        request: &Request<'_>,
        message: http::Request<Vec<u8>>,
    ) -> Result<(Result<Answer, ApiError>, bool), ApiError> {
        let in_flight = permit.begin()?;
        let started = self.clock.monotonic();
        let agent = if request.access == Access::Write { &self.writes } else { &self.reads };
        let (result, sent) =
            sent::watch(|| match message.body().is_empty() && request.access == Access::Read {
                // No body at all: an empty one would put a `content-length` on a GET.
                true => agent.run(message.map(|_| ())),
                false => agent.run(message),
            });
        let outcome = match result {
            Ok(response) => self.receive(response, &in_flight),
            Err(error) => Err(no_answer(request.access, &error, sent)),
        };
        // The call is over: its slot counts from here.
        drop(in_flight);
        let code = match &outcome {
            Ok(answer) => answer.status.to_string(),
            Err(ApiError::Throttled { .. }) => "429".to_owned(),
            Err(_) if sent => "no-answer".to_owned(),
            Err(_) => "unreachable".to_owned(),
        };
        self.counts.add(request.endpoint(), code, self.clock.monotonic().saturating_sub(started));
        Ok((outcome, sent))
    }

    fn message(&self, request: &Request<'_>) -> Result<http::Request<Vec<u8>>, ApiError> {
        let refuse = |message: &str| ApiError::Rejected { status: 0, message: message.to_owned() };
        let mut uri = self.base.clone();
        for segment in request.segments {
            // `/tickets/` would list tickets, `/tickets/..` is another route.
            if matches!(*segment, "" | "." | "..") {
                return Err(refuse("an id that cannot stand in a path"));
            }
            uri.push('/');
            uri.extend(utf8_percent_encode(segment, SEGMENT));
        }
        for (index, (name, value)) in request.query.iter().enumerate() {
            uri.push(if index == 0 { '?' } else { '&' });
            uri.extend(utf8_percent_encode(name, SEGMENT));
            uri.push('=');
            uri.extend(utf8_percent_encode(value, SEGMENT));
        }
        let mut key =
            http::HeaderValue::from_str(self.key.expose_secret()).map_err(|_| refuse("the API key"))?;
        key.set_sensitive(true);
        let mut builder = http::Request::builder()
            .method(request.method)
            .uri(uri)
            .header("accept", "application/json")
            .header(self.key_header, key);
        let body = request.body.as_ref().map(|body| body.to_string().into_bytes());
        if body.is_some() {
            builder = builder.header("content-type", "application/json");
        }
        builder.body(body.unwrap_or_default()).map_err(|_| refuse("an id that cannot stand in a path"))
    }

    fn receive(
        &self,
        mut response: http::Response<ureq::Body>,
        in_flight: &InFlight,
    ) -> Result<Answer, ApiError> {
        let status = response.status().as_u16();
        let number = |name: &str| header(&response, name).and_then(|text| text.parse::<u32>().ok());
        let (limit, remaining) = (number("x-ratelimit-limit"), number("x-ratelimit-remaining"));
        if status == 429 {
            // What the server counts now is past when the pause is over: a probe will tell then. Without the headers
            // no answer ever tells, and the pause is all there is.
            in_flight.observe(limit, None);
            if remaining.is_some() {
                self.budget.distrust();
            }
            let retry_after = header(&response, "retry-after")
                .and_then(|text| parse_retry_after(text, self.clock.now()))
                .unwrap_or(DEFAULT_PAUSE)
                .min(MAX_PAUSE);
            self.budget.pause(retry_after);
            return Err(ApiError::Throttled { retry_after });
        }
        in_flight.observe(limit, remaining);
        let mut body = Vec::new();
        // One byte over the cap tells "too long" from "just fits"; counted after decompression.
        let cap = MAX_ANSWER_BYTES as u64 + 1;
        let mut broken = match response.body_mut().as_reader().take(cap).read_to_end(&mut body) {
            Ok(_) => None,
            Err(error) => Some(format!("the answer broke off: {}", error.kind())),
        };
        if body.len() > MAX_ANSWER_BYTES {
            broken = Some(format!("the answer is longer than {MAX_ANSWER_BYTES} bytes"));
        }
        if broken.is_some() {
            body.clear();
        }
        Ok(Answer { status, body, broken })
    }
}

/// Says whether the address is the machine's own; such an address is never reached through a proxy.
fn check_base_url(base: &str) -> Result<bool, SetupError> {
    let wrong = || SetupError::BaseUrl(base.chars().take(200).collect());
    let uri: http::Uri = base.parse().map_err(|_| wrong())?;
    let host = uri.host().unwrap_or_default();
    let scheme = matches!(uri.scheme_str(), Some("http" | "https"));
    // Credentials in the address would end up in logs; the key has its header.
    let user = uri.authority().is_some_and(|authority| authority.as_str().contains('@'));
    if !scheme || host.is_empty() || user || uri.query().is_some() {
        return Err(wrong());
    }
    let bare = host.trim_matches(['[', ']']);
    Ok(bare == "localhost" || bare.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback()))
}

fn settings(timeout: Duration, loopback: bool) -> ureq::config::ConfigBuilder<ureq::typestate::AgentScope> {
    let builder = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .timeout_global(Some(timeout))
        .timeout_connect(Some(timeout.min(CONNECT_TIMEOUT)))
        .user_agent(concat!("richpanel-mw/", env!("CARGO_PKG_VERSION")));
    // A proxy named in the environment is the administrator's choice; never for a helpdesk on this machine.
    if loopback { builder.proxy(None) } else { builder }
}

fn header<'a>(response: &'a http::Response<ureq::Body>, name: &str) -> Option<&'a str> {
    response.headers().get(name).and_then(|value| value.to_str().ok()).map(str::trim)
}

/// Whole seconds (richpanel-api §1) or an HTTP date (RFC 9110 §10.2.3).
fn parse_retry_after(text: &str, now: jiff::Timestamp) -> Option<Duration> {
    if let Ok(seconds) = text.parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let at = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(text).ok()?;
    Some(crate::clock::since(now, at))
}

/// What a failure without an answer means.
///
/// Both must hold for "nothing was sent": no byte of the request was handed to the socket (see `sent`), and the error
/// is one that ureq gives before it sends. Any doubt is ambiguous.
fn no_answer(access: Access, error: &ureq::Error, sent: bool) -> ApiError {
    let what = word(error);
    match access {
        Access::Write if sent || !before_sending(error) => ApiError::Ambiguous(what),
        _ => ApiError::Unavailable(what),
    }
}

/// Whether ureq (3.5, `run.rs`: `call_run` builds headers, connects with TLS and all, and only then sends) can give
/// this error before the request is written. `Io`, `Timeout(Global)` and `Rustls` come from both sides of that line:
/// there the mark of `sent` decides alone.
fn before_sending(error: &ureq::Error) -> bool {
    use ureq::Error as E;
    match error {
        E::Timeout(phase) => {
            matches!(
                phase,
                ureq::Timeout::Resolve
                    | ureq::Timeout::Connect
                    | ureq::Timeout::Global
                    | ureq::Timeout::PerCall
            )
        }
        E::Io(_) | E::Rustls(_) | E::Tls(_) | E::Pem(_) | E::TlsRequired => true,
        E::HostNotFound | E::ConnectionFailed | E::ConnectProxyFailed(_) | E::InvalidProxyUrl => true,
        E::BadUri(_) | E::Http(_) | E::RequireHttpsOnly(_) => true,
        _ => false,
    }
}

/// The failure in words that hold no address and no part of a message.
fn word(error: &ureq::Error) -> String {
    match error {
        // Of all I/O errors this one comes from TLS, whose words an administrator needs (a wrong certificate).
        ureq::Error::Io(error) if error.kind() == std::io::ErrorKind::InvalidData => {
            format!("TLS: {error}").chars().take(160).collect()
        }
        ureq::Error::Io(error) => format!("connection: {}", error.kind()),
        ureq::Error::Timeout(ureq::Timeout::Resolve) => "the name server gave no answer in time".to_owned(),
        ureq::Error::Timeout(ureq::Timeout::Connect) => "no connection in time".to_owned(),
        ureq::Error::Timeout(_) => "no answer in time".to_owned(),
        ureq::Error::HostNotFound => "host not found".to_owned(),
        ureq::Error::Rustls(_) | ureq::Error::Tls(_) => "TLS failed".to_owned(),
        ureq::Error::Protocol(_) => "the answer is not HTTP".to_owned(),
        ureq::Error::LargeResponseHeader(..) => "the answer's head is too long".to_owned(),
        ureq::Error::ConnectProxyFailed(_) => "the proxy refused".to_owned(),
        _ => "the call failed".to_owned(),
    }
}
