//! What the tenant has refused: writes after a 401, routes after a 403. Refused calls cost no slot.
//!
//! A 403 can mean a route that the key may not use, or one odd ticket (richpanel-api §1, "statuses"). A route is
//! therefore given up at once only when it has not worked lately, else after three refusals in a row; and it is tried
//! again after a quarter of an hour.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::clock::Clock;
use crate::helpdesk::ApiError;
use crate::helpdesk::http::{Access, Request};

/// How long a refused route is left alone, and how long a success speaks for it.
const MEMORY: Duration = Duration::from_secs(15 * 60);
/// Refusals in a row after which even a route that worked lately is given up.
const REFUSALS: u32 = 3;

#[derive(Debug, Default)]
struct Route {
    worked_at: Option<Duration>,
    refusals: u32,
    closed_until: Option<Duration>,
}

pub(super) struct Guard {
    clock: Arc<dyn Clock>,
    writes_stopped: AtomicBool,
    routes: Mutex<HashMap<String, Route>>,
}

impl Guard {
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, writes_stopped: AtomicBool::new(false), routes: Mutex::default() }
    }

    pub(super) fn writes_stopped(&self) -> bool {
        self.writes_stopped.load(Ordering::Acquire)
    }

    /// The routes left alone at the moment.
    pub(super) fn closed_routes(&self) -> Vec<String> {
        let now = self.clock.monotonic();
        let routes = self.routes.lock().unwrap_or_else(PoisonError::into_inner);
        let closed = routes.iter().filter(|(_, route)| route.closed_until.is_some_and(|until| now < until));
        let mut names: Vec<String> = closed.map(|(name, _)| name.clone()).collect();
        names.sort();
        names
    }

    /// Refuses a call that is known to be refused.
    pub(super) fn check(&self, request: &Request<'_>) -> Result<(), ApiError> {
        if request.access == Access::Write && self.writes_stopped() {
            return Err(ApiError::Unauthorized("writes are stopped until a read succeeds".to_owned()));
        }
        let endpoint = request.endpoint();
        let routes = self.routes.lock().unwrap_or_else(PoisonError::into_inner);
        let closed = routes.get(&endpoint).and_then(|route| route.closed_until);
        if closed.is_some_and(|until| self.clock.monotonic() < until) {
            return Err(ApiError::Forbidden(format!("{endpoint} was refused lately; not tried again yet")));
        }
        Ok(())
    }

    /// Learns from a call's end.
    pub(super) fn learn<T>(&self, request: &Request<'_>, result: &Result<T, ApiError>) {
        match result {
            Err(ApiError::Unauthorized(_)) => {
                if !self.writes_stopped.swap(true, Ordering::AcqRel) {
                    log::error!(endpoint = request.endpoint(); "the API key is refused (401): all writes stop until a read succeeds");
                }
            }
            Err(ApiError::Forbidden(_)) => self.refused(request),
            Ok(_) | Err(ApiError::NotFound) => {
                self.worked(request);
                if request.access == Access::Read && self.writes_stopped.swap(false, Ordering::AcqRel) {
                    log::warn!("the API key is accepted again: writes go on");
                }
            }
            Err(_) => {}
        }
    }

    fn worked(&self, request: &Request<'_>) {
        let worked_at = Some(self.clock.monotonic());
        let mut routes = self.routes.lock().unwrap_or_else(PoisonError::into_inner);
        routes.insert(request.endpoint(), Route { worked_at, ..Route::default() });
    }

    fn refused(&self, request: &Request<'_>) {
        let now = self.clock.monotonic();
        let mut routes = self.routes.lock().unwrap_or_else(PoisonError::into_inner);
        let route = routes.entry(request.endpoint()).or_default();
        route.refusals += 1;
        let worked_lately = route.worked_at.is_some_and(|at| now.saturating_sub(at) < MEMORY);
        if !worked_lately || route.refusals >= REFUSALS {
            route.closed_until = Some(now + MEMORY);
            log::warn!(endpoint = request.endpoint(); "refused by the helpdesk (403); left alone for 15 minutes");
        }
    }
}
