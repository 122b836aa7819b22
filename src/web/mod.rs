//! The listener for people and Prometheus: `/livez`, `/readyz`, `/metrics`, and a page that says where the figures are.
//!
//! Loopback by default. Everything needs to come from this machine or to carry the metrics token; the same plumbing as
//! the public listener keeps slow and silent callers from holding it.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use hyper::body::{Body, Incoming};
use hyper::{Method, Request, StatusCode, Version, header};
use tokio::sync::watch;

use crate::config;
use crate::ingress::answer::{self, Answer, Reply};
use crate::ingress::connection::{Arrival, Handler};
use crate::ingress::listener::Listener;
use crate::ingress::{Client, Health, Limits};
use crate::metrics::{self, Metrics};

const LOOK: &str = "GET, HEAD";

const FRONT: &str = "richpanel-mw runs.\n\nThe figures: run `richpanel-mw status` on this machine.\n\
    For Prometheus: /metrics. For probes: /livez and /readyz.\n";

/// The admin listener, bound and not yet serving.
pub struct Admin {
    listener: Listener,
    pages: Pages,
}

struct Pages {
    health: Arc<Health>,
    metrics: Arc<Metrics>,
}

impl Admin {
    /// Binds `config.listen`; port 0 takes a free one.
    ///
    /// # Errors
    /// Why the address cannot be listened on, and what to do.
    pub fn bind(config: &config::Admin, health: Arc<Health>, metrics: Arc<Metrics>) -> io::Result<Self> {
        let listener = Listener::bind(config.listen, "admin.listen", Limits::default())?;
        Ok(Self { listener, pages: Pages { health, metrics } })
    }

    /// Where it listens.
    pub const fn addr(&self) -> SocketAddr {
        self.listener.addr()
    }

    /// Serves until `stop` holds `true` or its sender is gone.
    ///
    /// # Errors
    /// When the runtime cannot take the socket over.
    pub async fn serve(self, stop: watch::Receiver<bool>) -> io::Result<()> {
        self.listener.serve(Arc::new(self.pages), stop).await
    }
}

impl Handler for Pages {
    async fn answer(self: Arc<Self>, arrival: Arrival, request: Request<Incoming>) -> Reply {
        let close = !request.body().is_end_stream() || arrival.stopping;
        self.page(arrival, &request).await.closing_if(close).into_reply()
    }
}

impl Pages {
    async fn page(&self, arrival: Arrival, request: &Request<Incoming>) -> Answer {
        let hosts = request.headers().get_all(header::HOST).iter().count();
        if hosts > 1 || (hosts == 0 && request.version() != Version::HTTP_10) {
            let message = "the request must have one Host header";
            return Answer::error(StatusCode::BAD_REQUEST, "malformed", message).closing();
        }
        let client = Client::of(arrival.peer, request.headers(), &[]);
        if !self.health.may_look(&client, request.headers()) {
            return answer::unauthorized();
        }
        let (method, path) = (request.method(), request.uri().path());
        if let Some(answer) = self.health.answer(method, path, arrival.stopping).await {
            return answer;
        }
        if !matches!(path, "/" | "/metrics") {
            return Answer::error(StatusCode::NOT_FOUND, "not-found", "there is no such page; see /");
        }
        if method != Method::GET && method != Method::HEAD {
            return answer::wrong_method(LOOK);
        }
        if path == "/" { Answer::text("text/plain; charset=utf-8", FRONT) } else { self.figures().await }
    }

    async fn figures(&self) -> Answer {
        let metrics = Arc::clone(&self.metrics);
        match self.health.look(move || metrics.encode()).await {
            Ok(Ok(text)) => Answer::text(metrics::CONTENT_TYPE, text),
            Ok(Err(_)) => {
                let message = "the figures cannot be written; see the log";
                Answer::error(StatusCode::INTERNAL_SERVER_ERROR, "metrics-failed", message)
            }
            Err(answer) => answer,
        }
    }
}

#[cfg(test)]
mod tests;
