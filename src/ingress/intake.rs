//! One call, step by step: who, where, token, body, ticket, store, answer.
//!
//! The order is the promise. Nothing of the body is read before the token is good, nothing is answered 200 before the
//! store has said so, and from the moment the body is here no step can lose it: a body without a ticket id, or one
//! that makes a source panic, is kept for a person, and a caller that hangs up changes nothing.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use hyper::body::{Body, Incoming};
use hyper::{HeaderMap, Method, Request, StatusCode, Version, header};
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::address::{self, AddressKey, Client};
use super::answer::{self, Answer, Reply};
use super::body;
use super::connection::{Arrival, Handler};
use super::head_guard::SECOND_LENGTH;
use super::health::{self, Health};
use super::limits::Limits;
use super::metrics::{Ended, IngressMetrics, NO_SOURCE};
use super::seats::Seats;
use super::throttle::{BadTokens, Refused};
use crate::clock::Clock;
use crate::event::{Lane, Source};
use crate::helpdesk::{Call, Unusable, WebhookSource};
use crate::store::{Accepted, NewCall, Store, StoreError};

/// Everything a call meets.
pub(crate) struct Intake {
    pub(crate) sources: Vec<Arc<dyn WebhookSource>>,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) metrics: Arc<IngressMetrics>,
    pub(crate) health: Arc<Health>,
    pub(crate) limits: Limits,
    pub(crate) seats: Arc<Seats>,
    pub(crate) bad_tokens: BadTokens,
}

/// How a call ended, and the words for it.
type Verdict = (Ended, Answer);

impl Handler for Intake {
    async fn answer(self: Arc<Self>, arrival: Arrival, request: Request<Incoming>) -> Reply {
        // hyper follows `chunked` and drops the length beside it; the connection's framing is not trusted any further.
        let close = request.headers().contains_key(header::TRANSFER_ENCODING);
        // An answer before the body was read leaves it on the connection: no further request can follow it.
        let unread = !request.body().is_end_stream();
        let (source, ended, answer) = self.route(arrival, request).await;
        if let Some(ended) = ended {
            self.metrics.ended(&source, ended);
        }
        let read = ended.is_some_and(Ended::after_body);
        answer.closing_if(close || arrival.stopping || (unread && !read)).into_reply()
    }

    fn turned_away(&self, stopping: bool) {
        let ended = if stopping { Ended::Stopping } else { Ended::TooManyConnections };
        self.metrics.ended(NO_SOURCE, ended);
    }
}

impl Intake {
    async fn route(&self, arrival: Arrival, request: Request<Incoming>) -> (String, Option<Ended>, Answer) {
        let none = || NO_SOURCE.to_owned();
        let client = Client::of(arrival.peer, request.headers(), &self.limits.trusted_proxies);
        if let Err(message) = well_formed(&request) {
            let answer = Answer::error(StatusCode::BAD_REQUEST, "malformed", message).closing();
            return (none(), Some(Ended::Malformed), answer);
        }
        let path = request.uri().path();
        if matches!(path, "/livez" | "/readyz") {
            return (none(), None, self.look(&client, arrival, &request).await);
        }
        if !self.limits.allow_from.is_empty() && !address::is_in(client.address, &self.limits.allow_from) {
            return (none(), Some(Ended::Forbidden), forbidden());
        }
        let Some(source) = self.sources.iter().find(|source| source.path() == path) else {
            return (none(), Some(Ended::NotFound), answer::not_found());
        };
        let name = source.name().as_str().to_owned();
        let (ended, answer) =
            self.call(source.as_ref(), &client, arrival, request).await.unwrap_or_else(|verdict| verdict);
        (name, Some(ended), answer)
    }

    async fn look(&self, client: &Client, arrival: Arrival, request: &Request<Incoming>) -> Answer {
        if !self.health.may_look(client, request.headers()) {
            return self.bad_token(client).1;
        }
        let answer = self.health.answer(request.method(), request.uri().path(), arrival.stopping).await;
        answer.unwrap_or_else(answer::not_found)
    }

    async fn call(
        &self,
        source: &dyn WebhookSource,
        client: &Client,
        arrival: Arrival,
        request: Request<Incoming>,
    ) -> Result<Verdict, Verdict> {
        if request.method() != Method::POST {
            return Err((Ended::WrongMethod, answer::wrong_method("POST")));
        }
        let (head, body) = request.into_parts();
        if !source.verify(only(&head.headers, source.credential_header())) {
            return Err(self.bad_token(client));
        }
        if arrival.stopping {
            return Err((Ended::Stopping, answer::stopping()));
        }
        let _share = match client.proxied.then(|| self.seats.for_request(client.address.into())) {
            Some(None) => return Err((Ended::TooManyConnections, answer::too_many_connections())),
            Some(share) => share,
            None => None,
        };
        let bytes = body::read(body, &self.limits).await?;
        let started = self.clock.monotonic();
        let content_type = head.headers.get(header::CONTENT_TYPE);
        let content_type = content_type.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
        let parsed = parse(source, content_type.as_deref(), &bytes);
        let salvaged = parsed.as_ref().is_ok_and(|call| call.salvaged);
        let call = self.new_call(source, parsed.as_ref().ok(), (content_type, bytes));
        let accepted = self.keep(call).await?;
        let verdict = match (accepted, parsed) {
            (Accepted::New(event), _) => (Ended::Accepted, Answer::event("accepted", event.0)),
            (Accepted::Joined(event), _) => (Ended::Duplicate, Answer::event("duplicate", event.0)),
            (Accepted::Kept, parsed) => return Ok(kept(source, parsed.as_ref().err())),
        };
        let name = source.name().as_str();
        self.metrics.acknowledged(name, self.clock.monotonic().saturating_sub(started), self.clock.as_ref());
        if salvaged {
            self.metrics.salvaged(name);
        }
        if verdict.0 == Ended::Duplicate {
            self.metrics.joined();
        }
        Ok(verdict)
    }

    fn new_call(
        &self,
        source: &dyn WebhookSource,
        call: Option<&Call>,
        raw: (Option<String>, Vec<u8>),
    ) -> NewCall {
        NewCall {
            helpdesk: source.name().clone(),
            ticket: call.map(|call| call.ticket_id.clone()),
            source: Source::Call,
            lane: call.and_then(|call| call.channel.as_ref()).map_or(Lane::Email, |channel| channel.lane()),
            at: self.clock.now(),
            fields: call.and_then(|call| serde_json::to_string(call).ok()).unwrap_or_else(|| "{}".into()),
            raw: Some(raw),
            salvaged: call.is_some_and(|call| call.salvaged),
        }
    }

    /// Hands the call to the store and waits for its word. The store keeps it even when nobody waits any more.
    async fn keep(&self, call: NewCall) -> Result<Accepted, Verdict> {
        let (done, word) = oneshot::channel();
        self.store.accept(
            call,
            Box::new(move |result| {
                // The caller may have hung up; the event is kept all the same.
                let _ = done.send(result);
            }),
        );
        match timeout(self.limits.store_timeout, word).await {
            Ok(Ok(Ok(accepted))) => Ok(accepted),
            Ok(Ok(Err(error))) => Err(refused_by_store(&error)),
            Ok(Err(_)) => Err((Ended::Failed, health::store_failed())),
            Err(_) => Err((Ended::Busy, health::store_error(&StoreError::Busy))),
        }
    }

    fn bad_token(&self, client: &Client) -> Verdict {
        let address = AddressKey::from(client.address);
        match self.bad_tokens.failed(address, self.clock.monotonic()) {
            Refused::Unauthorized { first } => {
                if first {
                    log::warn!("door=unauthorized from={address} a call came with no token or a wrong one");
                }
                (Ended::Unauthorized, answer::unauthorized())
            }
            Refused::TooMany { retry_after, first } => {
                if first {
                    log::warn!("door=too-many-bad-tokens from={address} this address gets 429 for a minute");
                }
                (Ended::TooManyBadTokens, too_many_bad_tokens(retry_after))
            }
        }
    }
}

/// What hyper lets through and we do not (RFC 9112 sections 3.2 and 6.3).
fn well_formed(request: &Request<Incoming>) -> Result<(), &'static str> {
    let hosts = request.headers().get_all(header::HOST).iter().count();
    if hosts > 1 || (hosts == 0 && request.version() != Version::HTTP_10) {
        return Err("the request must have one Host header");
    }
    if request.headers().contains_key(SECOND_LENGTH) {
        return Err("the request must have one Content-Length header at most");
    }
    Ok(())
}

/// The header's value, when there is exactly one.
fn only<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a [u8]> {
    let mut values = headers.get_all(name).iter();
    values.next().filter(|_| values.next().is_none()).map(|value| value.as_bytes())
}

/// A source promises not to fail on odd content. Should it panic, the bytes must not be lost with it.
fn parse(source: &dyn WebhookSource, content_type: Option<&str>, bytes: &[u8]) -> Result<Call, Unusable> {
    catch_unwind(AssertUnwindSafe(|| source.parse(content_type, bytes))).unwrap_or_else(|_| {
        log::error!("door=panic source={} a call could not be read", source.name());
        Err(Unusable::NoTicketId)
    })
}

fn refused_by_store(error: &StoreError) -> Verdict {
    let ended = match error {
        StoreError::Busy => Ended::Busy,
        StoreError::DiskFull => Ended::DiskFull,
        _ => {
            log::error!("door=failed a call could not be kept: {error}");
            Ended::Failed
        }
    };
    (ended, health::store_error(error))
}

fn kept(source: &dyn WebhookSource, why: Option<&Unusable>) -> Verdict {
    log::warn!("door=unusable source={} a call without a ticket id was kept for a person", source.name());
    let answer = match why {
        Some(Unusable::ContentType) => Answer::error(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "unsupported-content-type",
            "no ticket id was found; send JSON, a form or XML with the ticket's id",
        ),
        _ => Answer::error(
            StatusCode::UNPROCESSABLE_ENTITY,
            "no-ticket-id",
            "no ticket id was found in the body; `richpanel-mw http-target` prints the body to send",
        ),
    };
    (Ended::Unusable, answer)
}

fn too_many_bad_tokens(retry_after: Duration) -> Answer {
    let message = "too many calls with a bad token; correct the token, then send this again";
    Answer::error(StatusCode::TOO_MANY_REQUESTS, "too-many-bad-tokens", message).retry_after(retry_after)
}

fn forbidden() -> Answer {
    let message = "calls are not taken from this address; see `server.allow_from` in the configuration";
    Answer::error(StatusCode::FORBIDDEN, "forbidden", message).closing()
}
