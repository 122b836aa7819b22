//! What a failed attempt becomes: another try later, or a dead letter. Pure.

use std::time::Duration;

use super::Stop;
use crate::clock::{after, since};
use crate::event::{State, Timestamp};
use crate::helpdesk::ApiError;
use crate::store::{Claim, End, StoreError};

/// How patient the daemon is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// Failed attempts before an event is a dead letter.
    pub max_attempts: u32,
    /// The first wait.
    pub first: Duration,
    /// The longest wait.
    pub longest: Duration,
    /// An event this old that was tried `max_attempts` times is a dead letter at its next failed attempt, whatever keeps
    /// it, so that each one ends where a person can see it. While the helpdesk is known to be down nothing is attempted,
    /// so an outage alone ends nothing.
    pub give_up_after: Duration,
}

/// Turns an error into an end. `jitter` is 0..1: the wait is anywhere up to the doubled bound (full jitter), so that
/// events that failed together do not come back together.
pub fn after_failure(
    claim: &Claim,
    stop: &Stop,
    patience: Patience,
    jitter: f64,
    now: Timestamp,
    calls: u32,
) -> End {
    let counts = counts_toward_dead(stop);
    let failures = claim.failures + u32::from(counts);
    let hopeless = matches!(stop, Stop::Api(error) if !error.can_pass());
    let wait = match stop {
        Stop::Api(ApiError::Throttled { retry_after }) => *retry_after,
        _ => backoff(if counts { failures } else { claim.attempt }, patience, jitter),
    };
    let reason = crate::text::one_line(&crate::text::redact(&stop.to_string()), 300);
    // By the clock alone, one that jumped ahead or a long time under mode `off` would cost a message all its tries.
    let too_old =
        claim.attempt >= patience.max_attempts && since(claim.accepted_at, now) >= patience.give_up_after;
    if hopeless || too_old || (counts && failures >= patience.max_attempts) {
        return End { state: State::Dead, outcome: None, due_at: None, failed: counts, reason, calls };
    }
    End {
        state: State::Backoff,
        outcome: None,
        due_at: Some(after(now, wait)),
        failed: counts,
        reason,
        calls,
    }
}

/// A helpdesk that is down, busy or refuses the key says nothing about the event: it waits with no attempt used up.
const fn counts_toward_dead(stop: &Stop) -> bool {
    !matches!(
        stop,
        Stop::Api(
            ApiError::Throttled { .. }
                | ApiError::Unavailable(_)
                | ApiError::Unauthorized(_)
                | ApiError::Forbidden(_)
        ) | Stop::Store(StoreError::DiskFull | StoreError::Busy)
    )
}

fn backoff(failures: u32, patience: Patience, jitter: f64) -> Duration {
    let doubled = patience.first.saturating_mul(2_u32.saturating_pow(failures.saturating_sub(1).min(20)));
    let bound = doubled.min(patience.longest);
    bound.mul_f64(jitter.clamp(0.05, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{EventId, HelpdeskName, Lane, Source, TicketId};

    const PATIENCE: Patience = Patience {
        max_attempts: 3,
        first: Duration::from_secs(2),
        longest: Duration::from_secs(60),
        give_up_after: Duration::from_secs(86_400),
    };
    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn claim(failures: u32, attempt: u32) -> Claim {
        Claim {
            event: EventId(1),
            attempt,
            helpdesk: HelpdeskName::from("richpanel"),
            ticket: TicketId::from("t"),
            source: Source::Call,
            lane: Lane::Email,
            failures,
            accepted_at: NOW,
            fields: String::new(),
        }
    }

    fn wait_of(stop: &Stop, failures: u32, attempt: u32) -> Duration {
        let end = after_failure(&claim(failures, attempt), stop, PATIENCE, 1.0, NOW, 0);
        assert_eq!(end.state, State::Backoff);
        crate::clock::since(NOW, end.due_at.unwrap())
    }

    #[test]
    fn waits_double_up_to_the_longest() {
        let unclear = Stop::Api(ApiError::Ambiguous("x".into()));
        assert_eq!(wait_of(&unclear, 0, 1).as_secs(), 2);
        assert_eq!(wait_of(&unclear, 1, 2).as_secs(), 4);
        let down = Stop::Api(ApiError::Unavailable("x".into()));
        assert_eq!(wait_of(&down, 0, 30).as_secs(), 60);
    }

    #[test]
    fn retry_after_is_honoured_to_the_second_and_costs_no_attempt() {
        let throttled = Stop::Api(ApiError::Throttled { retry_after: Duration::from_secs(17) });
        assert_eq!(wait_of(&throttled, 0, 99).as_secs(), 17);
        assert!(!after_failure(&claim(0, 99), &throttled, PATIENCE, 0.5, NOW, 0).failed);
    }

    #[test]
    fn the_last_attempt_ends_as_a_dead_letter_with_its_reason() {
        let unclear = Stop::Api(ApiError::Ambiguous("half an answer".into()));
        let end = after_failure(&claim(2, 3), &unclear, PATIENCE, 1.0, NOW, 0);
        assert_eq!(end.state, State::Dead);
        assert!(end.reason.contains("half an answer"));
    }

    #[test]
    fn a_refused_request_is_not_repeated() {
        let refused = Stop::Api(ApiError::Rejected { status: 400, message: "no".into() });
        assert_eq!(after_failure(&claim(0, 1), &refused, PATIENCE, 1.0, NOW, 0).state, State::Dead);
    }

    #[test]
    fn a_helpdesk_that_is_down_kills_nothing_for_a_day_and_then_a_person_sees_it() {
        let down = Stop::Api(ApiError::Unavailable("refused".into()));
        let after_hours = |hours: u64| {
            let now = after(NOW, Duration::from_secs(hours * 3_600));
            after_failure(&claim(0, 500), &down, PATIENCE, 1.0, now, 0).state
        };
        assert_eq!(after_hours(23), State::Backoff);
        assert_eq!(after_hours(24), State::Dead);
    }

    #[test]
    fn an_old_event_is_tried_as_often_as_a_young_one() {
        let down = Stop::Api(ApiError::Unavailable("refused".into()));
        let much_later = after(NOW, Duration::from_secs(400 * 86_400));
        let at = |attempt| after_failure(&claim(0, attempt), &down, PATIENCE, 1.0, much_later, 0).state;
        assert_eq!((at(1), at(2), at(3)), (State::Backoff, State::Backoff, State::Dead));
    }
}
