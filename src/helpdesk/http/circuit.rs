//! A call with its circuit: refused while the helpdesk is down, and what its end says about whether it is.
//!
//! Signs of being down: no connection, no answer, a 5xx. Signs of life: any other status, a 429 too (the budget's
//! pause sees to that), and a 4xx. A redirect and an answer that broke off say nothing either way.

use super::{Answer, Client, Request};
use crate::helpdesk::ApiError;
use crate::helpdesk::breaker::{Breaker, Settings};
use crate::helpdesk::budget::Permit;

/// What a call's end says.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Sign {
    /// It is there.
    Alive,
    /// It seems to be down; `connected` tells whether it took the request at all.
    Down { connected: bool, why: String },
    /// Neither.
    Nothing,
}

impl Client {
    /// The same client with another breaker.
    #[must_use]
    pub fn with_breaker(mut self, settings: Settings) -> Self {
        self.breaker = Breaker::new(settings, std::sync::Arc::clone(&self.clock));
        self
    }

    /// What refuses calls while the helpdesk is down.
    pub const fn breaker(&self) -> &Breaker {
        &self.breaker
    }

    /// Makes one call on one slot of `permit`.
    ///
    /// # Errors
    /// [`ApiError::Throttled`]: no slot, or 429 (everybody pauses). [`ApiError::Unavailable`]: the circuit is open or
    /// there was no connection, nothing was sent; or a read without an answer. [`ApiError::Ambiguous`]: a write whose
    /// answer never came. [`ApiError::Rejected`] with status 0: a path segment that cannot be one (empty or dots),
    /// nothing was sent.
    pub fn call(&self, permit: &mut Permit, request: &Request<'_>) -> Result<Answer, ApiError> {
        let message = self.message(request)?;
        self.breaker.admit()?;
        let (outcome, sent) = self.send(permit, request, message)?;
        match sign(&outcome, sent) {
            Sign::Alive => self.breaker.alive(),
            Sign::Down { connected, why } => self.breaker.failed(connected.then(|| about(request)), &why),
            Sign::Nothing => (),
        }
        outcome
    }

    /// Makes the probe of an open circuit, when it is time for it.
    pub fn probe(&self, permit: &mut Permit, request: &Request<'_>) {
        if !self.breaker.begin_probe() {
            return;
        }
        let sent = self.message(request).and_then(|message| self.send(permit, request, message));
        match sent.map(|(outcome, sent)| sign(&outcome, sent)) {
            Ok(Sign::Alive) => self.breaker.probe_answered(),
            Ok(Sign::Down { why, .. }) => self.breaker.probe_failed(&why),
            Ok(Sign::Nothing) => self.breaker.probe_failed("its answers cannot be read"),
            Err(_) => self.breaker.probe_put_off(),
        }
    }
}

fn sign(outcome: &Result<Answer, ApiError>, sent: bool) -> Sign {
    match outcome {
        Ok(Answer { status: status @ 500.., .. }) => {
            Sign::Down { connected: true, why: format!("it answers {status}") }
        }
        Ok(Answer { status: 300..=399, .. } | Answer { broken: Some(_), .. }) => Sign::Nothing,
        Ok(_) | Err(ApiError::Throttled { .. }) => Sign::Alive,
        Err(ApiError::Unavailable(why) | ApiError::Ambiguous(why)) => {
            let why = why.strip_prefix("connection: ").unwrap_or(why);
            Sign::Down { connected: sent, why: why.to_owned() }
        }
        Err(_) => Sign::Nothing,
    }
}

/// What a call is about, so that one ticket counts once: its id, or the route where there is none.
fn about<'a>(request: &Request<'a>) -> &'a str {
    request.segments.get(1).copied().unwrap_or(request.route)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn answered(status: u16) -> Result<Answer, ApiError> {
        Ok(Answer { status, body: vec![], broken: None })
    }

    #[test]
    fn only_what_a_helpdesk_that_is_down_does_is_a_sign_of_it() {
        for status in [200, 400, 401, 403, 404, 409, 413, 422] {
            assert_eq!(sign(&answered(status), true), Sign::Alive, "{status}");
        }
        assert_eq!(sign(&Err(ApiError::Throttled { retry_after: Duration::ZERO }), true), Sign::Alive);
        for status in [500, 502, 503, 504, 529] {
            assert!(matches!(sign(&answered(status), true), Sign::Down { connected: true, .. }), "{status}");
        }
        for (error, sent) in [
            (ApiError::Unavailable("connection: connection refused".into()), false),
            (ApiError::Unavailable("no answer in time".into()), true),
            (ApiError::Ambiguous("no answer in time".into()), true),
        ] {
            let sign = sign(&Err(error.clone()), sent);
            assert!(matches!(&sign, Sign::Down { connected, .. } if *connected == sent), "{error}");
        }
        assert_eq!(sign(&answered(302), true), Sign::Nothing);
        let cut = Ok(Answer { status: 200, body: vec![], broken: Some("cut".into()) });
        assert_eq!(sign(&cut, true), Sign::Nothing);
    }

    #[test]
    fn a_call_counts_for_its_ticket() {
        let request = |route, segments| Request {
            access: super::super::Access::Read,
            method: "GET",
            route,
            segments,
            query: &[],
            body: None,
        };
        assert_eq!(about(&request("/tickets/{id}", &["tickets", "a"])), "a");
        assert_eq!(about(&request("/tags", &["tags"])), "/tags");
    }
}
