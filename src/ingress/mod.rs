//! The door: takes the helpdesk's calls in, and says 200 only after the store has committed them.
//!
//! A call passes, in this order: [`limits`] on connections (`listener`, `seats`), hyper's parser with `head_guard` before
//! it, and the steps of `intake`. `health` answers `/livez` and `/readyz`. The listener's plumbing (`listener`,
//! `connection`, `answer`) also serves the admin listener in [`crate::web`]. Nothing here blocks, nothing calls the
//! helpdesk. What may go wrong is the caller's or the store's, and each has an answer:
//!
//! | input | answer | by |
//! |---|---|---|
//! | over the connection limits | 503, closed | `listener` |
//! | slow head, silent connection | closed | hyper's timer |
//! | more than 64 headers, head over 16 KiB | 431 | hyper |
//! | unreadable head, two different lengths | 400 | hyper |
//! | two equal lengths, no or two `Host` | 400 | `intake`, shown by `head_guard` |
//! | length and `chunked` | chunked wins, closed | hyper |
//! | not an allowed network | 403, closed | `intake` |
//! | wrong path, wrong method | 404, 405 | `intake` |
//! | bad token | 401, after 20 a minute 429 | `intake`, `throttle` |
//! | large, slow or broken body | 413, 408, 400, closed | `body` |
//! | no ticket id | 422, 415 for an odd type; the bytes are kept | `intake` |
//! | queue, disk, stop | 503 with `Retry-After` | `intake`, `health` |
//!
//! The probes stand before `allow_from`: they have a guard of their own (this machine, or the metrics token). hyper's
//! own 400, 414 and 431 have no body, and a preface of HTTP/2 is closed without a word.

mod address;
pub(crate) mod answer;
mod body;
pub(crate) mod connection;
mod head_guard;
mod health;
mod intake;
pub mod limits;
pub(crate) mod listener;
pub mod metrics;
mod seats;
mod throttle;

#[cfg(test)]
pub(crate) mod tests;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::sync::watch;

pub(crate) use address::Client;
pub use health::Health;
pub use limits::Limits;
pub use metrics::{Ended, IngressMetrics};

use crate::clock::Clock;
use crate::config::Server;
use crate::helpdesk::WebhookSource;
use crate::store::Store;
use intake::Intake;
use listener::Listener;
use throttle::BadTokens;

/// The public listener, bound and not yet serving.
pub struct Ingress {
    listener: Listener,
    intake: Intake,
}

impl Ingress {
    /// Binds `config.listen`; port 0 takes a free one. Calls that come before [`Ingress::serve`] wait in the kernel.
    ///
    /// # Errors
    /// Why the address cannot be listened on, and what to do.
    pub fn bind(
        config: &Server,
        sources: Vec<Arc<dyn WebhookSource>>,
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        metrics: Arc<IngressMetrics>,
    ) -> io::Result<Self> {
        Self::bind_with(config.listen, Limits::from(config), sources, store, clock, metrics)
    }

    /// The same with limits of the caller's choice.
    ///
    /// # Errors
    /// As [`Ingress::bind`].
    pub fn bind_with(
        addr: SocketAddr,
        limits: Limits,
        sources: Vec<Arc<dyn WebhookSource>>,
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        metrics: Arc<IngressMetrics>,
    ) -> io::Result<Self> {
        let listener = Listener::bind(addr, "server.listen", limits.clone())?;
        let intake = Intake {
            sources,
            health: Health::new(Arc::clone(&store), None),
            store,
            clock,
            metrics,
            seats: listener.seats(),
            bad_tokens: BadTokens::new(limits.bad_tokens_per_minute),
            limits,
        };
        Ok(Self { listener, intake })
    }

    /// Lets callers from elsewhere see `/livez` and `/readyz` with the metrics token that `health` knows.
    #[must_use]
    pub fn with_health(mut self, health: Arc<Health>) -> Self {
        self.intake.health = health;
        self
    }

    /// Where it listens.
    pub const fn addr(&self) -> SocketAddr {
        self.listener.addr()
    }

    /// Serves until `stop` holds `true` (or its sender is gone). Then running requests have 5 s to end; what comes
    /// meanwhile gets 503.
    ///
    /// # Errors
    /// When the runtime cannot take the socket over.
    pub async fn serve(self, stop: watch::Receiver<bool>) -> io::Result<()> {
        self.listener.serve(Arc::new(self.intake), stop).await
    }
}
