//! `/livez` and `/readyz`, on both listeners: open to this machine, from elsewhere with the metrics token.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use hyper::{HeaderMap, Method, header};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use tokio::sync::Semaphore;

use super::address::Client;
use super::answer::{self, Answer};
use crate::store::{Store, StoreError};

/// What may be done at a path that only looks.
pub(crate) const LOOK: &str = "GET, HEAD";

/// Looks that may block a thread at a time.
const LOOKS_MAX: usize = 4;

/// Answers "does it run" and "can it take a call in"; shared by both listeners.
pub struct Health {
    store: Arc<dyn Store>,
    token: Option<SecretString>,
    looks: Arc<Semaphore>,
}

impl fmt::Debug for Health {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Health").field("token", &self.token).finish_non_exhaustive()
    }
}

impl Health {
    /// Asks `store`; `token` is the metrics token, `None` closes the paths to everybody but this machine.
    pub fn new(store: Arc<dyn Store>, token: Option<SecretString>) -> Arc<Self> {
        Arc::new(Self { store, token, looks: Arc::new(Semaphore::new(LOOKS_MAX)) })
    }

    /// Whether this caller may look: from this machine, or with `Authorization: Bearer` and the metrics token.
    pub(crate) fn may_look(&self, client: &Client, headers: &HeaderMap) -> bool {
        if client.local {
            return true;
        }
        let given = headers.get(header::AUTHORIZATION).and_then(|value| bearer(value.as_bytes()));
        let (Some(given), Some(token)) = (given, &self.token) else { return false };
        let expected = Sha256::digest(token.expose_secret().as_bytes());
        Sha256::digest(given).as_slice().ct_eq(expected.as_slice()).into()
    }

    /// Answers `/livez` and `/readyz`; `None` for other paths. The caller has asked [`Health::may_look`].
    pub(crate) async fn answer(&self, method: &Method, path: &str, stopping: bool) -> Option<Answer> {
        let ready = match path {
            "/livez" => false,
            "/readyz" => true,
            _ => return None,
        };
        if method != Method::GET && method != Method::HEAD {
            return Some(answer::wrong_method(LOOK));
        }
        Some(match (ready, stopping) {
            (false, _) => Answer::text("text/plain; charset=utf-8", "alive\n"),
            (true, true) => answer::stopping(),
            (true, false) => self.ready().await,
        })
    }

    /// Does something that blocks, on a thread that may.
    pub(crate) async fn look<T: Send + 'static>(
        &self,
        at: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Answer> {
        let busy = || answer::unavailable("busy", "too many ask at once", Duration::from_secs(1));
        let _permit = self.looks.try_acquire().map_err(|_| busy())?;
        tokio::task::spawn_blocking(at).await.map_err(|_| store_failed())
    }

    async fn ready(&self) -> Answer {
        let store = Arc::clone(&self.store);
        match self.look(move || store.ready()).await {
            Ok(Ok(())) => Answer::text("text/plain; charset=utf-8", "ready\n"),
            Ok(Err(error)) => store_error(&error),
            Err(answer) => answer,
        }
    }
}

fn bearer(value: &[u8]) -> Option<&[u8]> {
    let (scheme, token) = value.split_at_checked(7)?;
    scheme.eq_ignore_ascii_case(b"Bearer ").then(|| token.trim_ascii())
}

/// What a caller hears of a store that did not keep its call: always 503, because sending it again is right.
pub(crate) fn store_error(error: &StoreError) -> Answer {
    match error {
        StoreError::Busy => answer::unavailable(
            "busy",
            "too many calls wait to be written; send this again in a moment",
            Duration::from_secs(1),
        ),
        StoreError::DiskFull => answer::unavailable(
            "disk-full",
            "the service's disk is full; send this again after its operator made room",
            Duration::from_secs(30),
        ),
        _ => store_failed(),
    }
}

/// 503 when nobody can say whether the call was kept.
pub(crate) fn store_failed() -> Answer {
    answer::unavailable(
        "store-failed",
        "the call could not be written down; send this again in a moment",
        Duration::from_secs(5),
    )
}
