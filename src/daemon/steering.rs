//! What commands ask of the running daemon, and what they reach.

use std::net::SocketAddr;
use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::control::{Answer, Request};
use super::status::{self, Status};
use super::{mode, model, restored};
use crate::classify::combined::CombinedClassifier;
use crate::classify::model::Model;
use crate::classify::opinion::SecondOpinion;
use crate::clock::Clock;
use crate::event::Mode;
use crate::helpdesk::Helpdesk;
use crate::store::{Store, StoreError};
use crate::timer;
use crate::worker::LivePolicy;

/// What the control socket reaches.
pub(super) struct Steering {
    pub(super) store: Arc<dyn Store>,
    pub(super) helpdesk: Arc<dyn Helpdesk>,
    /// Held while a model is put in force, so that file and memory end with the same one.
    pub(super) classifier: Mutex<Arc<CombinedClassifier>>,
    pub(super) second: Option<Arc<dyn SecondOpinion>>,
    pub(super) policy: Arc<LivePolicy>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) timer: Sender<timer::Request>,
    pub(super) config: crate::config::Config,
    pub(super) started: Duration,
    pub(super) addr: SocketAddr,
    pub(super) admin: SocketAddr,
}

impl Steering {
    /// Does what was asked.
    pub(super) fn answer(&self, request: Request) -> Answer {
        let now = self.clock.now();
        let words = |error: StoreError| error.to_string();
        match request {
            Request::Status => serde_json::to_value(self.status()).map_err(|error| error.to_string()),
            Request::Mode { mode, by } => self.set_mode(mode, &by),
            Request::Retry { event, by } => {
                self.store.retry(event, &by, now).map_err(words)?;
                Ok(serde_json::json!({ "event": event, "state": "backoff" }))
            }
            Request::Discard { event, reason, by } => {
                self.store.discard(event, &reason, &by, now).map_err(words)?;
                Ok(serde_json::json!({ "event": event, "state": "discarded" }))
            }
            Request::BackedUp { last, by } => {
                restored::backed_up(self.store.as_ref(), &last, &by, now).map_err(words)?;
                Ok(serde_json::Value::Null)
            }
            Request::AddModel { trained_at, by, bytes, .. } => {
                self.put_in_force(|store| model::add(store, bytes, trained_at, &by, now))
            }
            Request::UseModel { version, by } => {
                self.put_in_force(|store| model::choose(store, version.as_deref(), &by, now))
            }
            Request::Reconcile { csv } => {
                let (done, wait) = mpsc::channel();
                let answer = Box::new(move |report| {
                    let _ = done.send(report);
                });
                let request = match csv {
                    Some(rows) => timer::Request::Csv(rows, answer),
                    None => timer::Request::Reconcile(answer),
                };
                self.timer.send(request).map_err(|_| "the daemon is stopping".to_owned())?;
                let report = wait.recv().map_err(|_| "the daemon is stopping".to_owned())?;
                serde_json::to_value(report).map_err(|error| error.to_string())
            }
        }
    }

    /// In the file first, then for the next message.
    fn put_in_force(&self, choose: impl FnOnce(&dyn Store) -> Result<Model, String>) -> Answer {
        let classifier = self.classifier.lock().unwrap_or_else(PoisonError::into_inner);
        let model = choose(self.store.as_ref())?;
        let version = model.version().to_owned();
        classifier.install(model);
        log::warn!("model: {version} reads from now on");
        Ok(serde_json::json!({ "model": version }))
    }

    fn set_mode(&self, mode: Option<Mode>, by: &str) -> Answer {
        let chosen = mode::choose(self.store.as_ref(), mode, by, self.clock.now())
            .map_err(|error| error.to_string())?;
        self.policy.exchange(&self.config, chosen).map_err(|problems| problems.join("\n"))?;
        log::warn!("mode: {chosen}, set by {by}");
        Ok(serde_json::json!({ "mode": chosen }))
    }

    fn model(&self) -> String {
        let classifier = self.classifier.lock().unwrap_or_else(PoisonError::into_inner);
        classifier.model().version().to_owned()
    }

    fn status(&self) -> Status {
        Status {
            version: env!("CARGO_PKG_VERSION").into(),
            pid: std::process::id(),
            environment: self.config.environment.clone(),
            mode: self.policy.current().mode,
            model: self.model(),
            up_seconds: (self.clock.monotonic() - self.started).as_secs(),
            listen: self.addr.to_string(),
            admin: self.admin.to_string(),
            not_ready: status::not_ready(&self.store),
            helpdesks: vec![status::helpdesk_status(self.helpdesk.as_ref())],
            second_opinion: self.second.as_ref().map(|second| second.state()),
        }
    }
}
