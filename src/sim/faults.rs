//! Faults and barriers: what to do to which request, in the order they were asked for.
//!
//! A [`Fault`] bends how a request is carried out or answered. A [`Script`] lets something else
//! happen at the helpdesk just before a request is applied, so that a test can put an agent's
//! answer exactly between a read and a write.

use serde::{Deserialize, Serialize};

use super::errors::ErrorShape;
use super::verbs::Verb;

/// Which requests are meant. Every part that is missing matches everything.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Matcher {
    /// `PUT /tickets/{id}/send-message`, or the pattern without a method.
    pub endpoint: Option<String>,
    /// Method alone.
    pub method: Option<String>,
    /// The ticket named by the path.
    pub ticket: Option<String>,
    /// Text that occurs in the request body, to tell one PUT from another.
    pub body_contains: Option<String>,
    /// The first match that counts, from 1; 0 is read as 1.
    pub nth: u32,
}

impl Matcher {
    /// Requests to one endpoint, as `PUT /tickets/{id}/send-message`.
    #[must_use]
    pub fn endpoint(endpoint: &str) -> Self {
        Self { endpoint: Some(endpoint.into()), ..Self::default() }
    }

    /// The same, for one ticket.
    #[must_use]
    pub fn on(mut self, ticket: &str) -> Self {
        self.ticket = Some(ticket.into());
        self
    }

    /// The same, from the n-th match on.
    #[must_use]
    pub fn nth(mut self, nth: u32) -> Self {
        self.nth = nth;
        self
    }

    /// The same, only when the body holds this text.
    #[must_use]
    pub fn with_body(mut self, text: &str) -> Self {
        self.body_contains = Some(text.into());
        self
    }

    fn matches(&self, seen: &Seen<'_>) -> bool {
        let endpoint_fits =
            self.endpoint.as_deref().is_none_or(|want| names_endpoint(want, seen.method, seen.pattern));
        endpoint_fits
            && self.method.as_deref().is_none_or(|want| want == seen.method)
            && self.ticket.as_deref().is_none_or(|want| Some(want) == seen.ticket)
            && self.body_contains.as_deref().is_none_or(|want| seen.body.contains(want))
    }
}

/// Whether `want` (`PUT /x` or `/x`) names this method and pattern.
#[must_use]
pub fn names_endpoint(want: &str, method: &str, pattern: &str) -> bool {
    match want.split_once(' ') {
        Some((want_method, want_pattern)) => want_method == method && want_pattern == pattern,
        None => want == pattern,
    }
}

/// What a matcher looks at.
#[derive(Debug, Clone, Copy)]
pub struct Seen<'a> {
    /// Method.
    pub method: &'a str,
    /// Path pattern.
    pub pattern: &'a str,
    /// Ticket named by the path.
    pub ticket: Option<&'a str>,
    /// Body.
    pub body: &'a str,
}

/// How a request is bent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Action {
    /// The connection is reset and nothing is applied.
    ResetBefore,
    /// Applied; the connection is reset without an answer.
    ApplyThenReset,
    /// Applied; no answer for so many milliseconds, then a reset.
    ApplyThenHang {
        /// Milliseconds.
        ms: u64,
    },
    /// Applied; answered 502.
    ApplyThenBadGateway,
    /// Applied; half the body, then the connection closes.
    ApplyThenHalfBody,
    /// Applied; answered 504 `{"message":"Endpoint request timed out"}`.
    ApplyThenGatewayTimeout,
    /// Answered 504 at once; applied so many milliseconds later.
    ApplyLate {
        /// Milliseconds.
        ms: u64,
    },
    /// Answered 200 as if all were well; nothing is applied.
    NotApplied,
    /// Answered 200 with an error-shaped body; nothing is applied.
    OkWithError {
        /// The shape.
        shape: ErrorShape,
    },
    /// Answered with any status and error shape.
    Status {
        /// HTTP status.
        status: u16,
        /// The shape.
        shape: ErrorShape,
        /// Whether the request is applied first.
        #[serde(default)]
        applied: bool,
    },
    /// 429 with `Retry-After`; not counted as self-made.
    TooMany {
        /// Whole seconds.
        retry_after_s: u64,
    },
    /// A read shows the state of so many milliseconds ago.
    Lag {
        /// Milliseconds.
        ms: i64,
    },
    /// A ticket younger than so many milliseconds reads as "not found"; others are not touched.
    NotFoundWhileNew {
        /// Milliseconds.
        ms: i64,
    },
    /// Applied at once, answered so many milliseconds later.
    Slow {
        /// Milliseconds.
        ms: u64,
    },
    /// 403, as for a route that this key may not use.
    Forbidden,
    /// 401, and every request after it too, until `restore_key`.
    RevokeKey,
    /// Applied; a body that is not JSON, with status 200.
    Garbage,
    /// Applied; a body above 4 MiB, with status 200.
    Huge,
}

impl Action {
    /// The name in logs and counts.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::ResetBefore => "reset_before",
            Self::ApplyThenReset => "apply_then_reset",
            Self::ApplyThenHang { .. } => "apply_then_hang",
            Self::ApplyThenBadGateway => "apply_then_bad_gateway",
            Self::ApplyThenHalfBody => "apply_then_half_body",
            Self::ApplyThenGatewayTimeout => "apply_then_gateway_timeout",
            Self::ApplyLate { .. } => "apply_late",
            Self::NotApplied => "not_applied",
            Self::OkWithError { .. } => "ok_with_error",
            Self::Status { .. } => "status",
            Self::TooMany { .. } => "too_many",
            Self::Lag { .. } => "lag",
            Self::NotFoundWhileNew { .. } => "not_found_while_new",
            Self::Slow { .. } => "slow",
            Self::Forbidden => "forbidden",
            Self::RevokeKey => "revoke_key",
            Self::Garbage => "garbage",
            Self::Huge => "huge",
        }
    }
}

/// A fault: for these requests, so many times, do this.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// Which requests.
    #[serde(default)]
    pub matcher: Matcher,
    /// How many times it fires; none for always.
    #[serde(default = "once")]
    pub count: Option<u32>,
    /// What it does.
    pub action: Action,
}

fn once() -> Option<u32> {
    Some(1)
}

impl Fault {
    /// A fault that fires once.
    #[must_use]
    pub fn once(matcher: Matcher, action: Action) -> Self {
        Self { matcher, count: once(), action }
    }

    /// A fault that fires so many times.
    #[must_use]
    pub fn times(count: u32, matcher: Matcher, action: Action) -> Self {
        Self { matcher, count: Some(count), action }
    }

    /// A fault that never wears out.
    #[must_use]
    pub fn always(matcher: Matcher, action: Action) -> Self {
        Self { matcher, count: None, action }
    }
}

/// A barrier: just before the n-th matching request is applied, run these verbs, once.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Script {
    /// Which request.
    #[serde(default)]
    pub matcher: Matcher,
    /// What happens; a verb without a ticket means the ticket of the request.
    pub verbs: Vec<Verb>,
}

/// A fault and how far it got.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FaultReport {
    /// The fault.
    pub fault: Fault,
    /// Requests that matched so far.
    pub matched: u32,
    /// Times it fired so far.
    pub fired: u32,
}

/// Faults and scripts, in the order they were added.
#[derive(Debug, Default)]
pub struct FaultQueue {
    faults: Vec<FaultReport>,
    scripts: Vec<(Script, u32)>,
}

impl FaultQueue {
    /// Adds a fault behind the others.
    pub fn add(&mut self, fault: Fault) {
        self.faults.push(FaultReport { fault, matched: 0, fired: 0 });
    }

    /// Adds a script behind the others.
    pub fn add_script(&mut self, script: Script) {
        self.scripts.push((script, 0));
    }

    /// Forgets all faults and scripts.
    pub fn clear(&mut self) {
        self.faults.clear();
        self.scripts.clear();
    }

    /// Every fault and how often it fired.
    #[must_use]
    pub fn report(&self) -> Vec<FaultReport> {
        self.faults.clone()
    }

    /// Scripts that have not run yet.
    #[must_use]
    pub fn scripts_waiting(&self) -> usize {
        self.scripts.len()
    }

    /// The action for a request: that of the first fault that matches and is due.
    /// `ticket_age_ms` is how long ago the ticket of the path was made, if it exists.
    pub fn next(&mut self, seen: &Seen<'_>, ticket_age_ms: Option<i64>) -> Option<Action> {
        let mut chosen = None;
        for report in self.faults.iter_mut().filter(|report| report.fault.matcher.matches(seen)) {
            if !fits_age(&report.fault.action, ticket_age_ms) {
                continue;
            }
            report.matched += 1;
            let due = report.matched >= report.fault.matcher.nth;
            let left = report.fault.count.is_none_or(|count| report.fired < count);
            if chosen.is_none() && due && left {
                report.fired += 1;
                chosen = Some(report.fault.action.clone());
            }
        }
        chosen
    }

    /// The verbs of every script that is due before this request is applied.
    pub fn due_verbs(&mut self, seen: &Seen<'_>) -> Vec<Verb> {
        let mut due = Vec::new();
        self.scripts.retain_mut(|(script, matched)| {
            if !script.matcher.matches(seen) {
                return true;
            }
            *matched += 1;
            if *matched < script.matcher.nth {
                return true;
            }
            due.append(&mut script.verbs);
            false
        });
        due
    }
}

fn fits_age(action: &Action, ticket_age_ms: Option<i64>) -> bool {
    match action {
        Action::NotFoundWhileNew { ms } => ticket_age_ms.is_some_and(|age| age < *ms),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEND: Seen<'_> =
        Seen { method: "PUT", pattern: "/tickets/{id}/send-message", ticket: Some("t1"), body: "hello" };

    #[test]
    fn faults_fire_in_the_order_they_were_added_and_as_often_as_asked() {
        let mut queue = FaultQueue::default();
        let matcher = Matcher::endpoint("PUT /tickets/{id}/send-message");
        queue.add(Fault::times(2, matcher.clone(), Action::ResetBefore));
        queue.add(Fault::once(matcher, Action::Garbage));
        let names: Vec<_> = (0..4).map(|_| queue.next(&SEND, None).map(|action| action.name())).collect();
        assert_eq!(names, [Some("reset_before"), Some("reset_before"), Some("garbage"), None]);
        assert_eq!(queue.report()[0].fired, 2);
    }

    #[test]
    fn the_nth_match_and_the_ticket_and_the_body_are_looked_at() {
        let mut queue = FaultQueue::default();
        queue.add(Fault::once(Matcher::endpoint("/tickets/{id}/send-message").nth(2), Action::Garbage));
        queue.add(Fault::once(Matcher::default().on("t2"), Action::Huge));
        queue.add(Fault::once(Matcher::default().with_body("goodbye"), Action::Huge));
        assert_eq!(queue.next(&SEND, None), None);
        assert_eq!(queue.next(&SEND, None), Some(Action::Garbage));
        assert_eq!(queue.next(&SEND, None), None);
    }

    #[test]
    fn a_script_runs_once_before_its_request() {
        let mut queue = FaultQueue::default();
        let verbs = vec![Verb::AgentCloses { ticket: None }];
        queue.add_script(Script { matcher: Matcher::default().nth(2), verbs: verbs.clone() });
        assert!(queue.due_verbs(&SEND).is_empty());
        assert_eq!(queue.due_verbs(&SEND), verbs);
        assert!(queue.due_verbs(&SEND).is_empty());
    }
}
