//! Which faults really happened, and how often: what was planned may have met nobody (no write came, no read either).
//!
//! Counted from what the helpdesk logged and recorded, from the calls, and from the daemon's ends; by the names that
//! `--faults list` shows. Pure.

use std::collections::BTreeMap;

use super::drive::Lives;
use super::faults::{Fault, Faults};
use super::load::AGAIN;
use crate::sim::{Effect, EffectKind, RequestEntry};

/// How often each fault was seen so far, by whoever saw it.
pub(super) type Counted = BTreeMap<Fault, u64>;

/// What the count goes by.
#[derive(Debug)]
pub(super) struct Seen<'a> {
    /// What was seen of the daemon's process and of the helpdesk's.
    pub(super) lives: &'a Lives,
    /// The faults of messages and calls.
    pub(super) calls: &'a Counted,
    /// The helpdesk's journal.
    pub(super) effects: &'a [Effect],
    /// The helpdesk's log.
    pub(super) requests: &'a [RequestEntry],
    /// API calls with a key that was refused; they are not in the log.
    pub(super) unauthorized: u64,
}

/// Each fault that was asked for, with how often it happened.
pub(super) fn met(asked: &Faults, seen: &Seen<'_>) -> Counted {
    let Seen { lives, calls, effects, requests, unauthorized } = *seen;
    let mut counted = calls.clone();
    let mut add = |fault: Fault, count: u64| *counted.entry(fault).or_default() += count;
    for (fault, count) in &lives.met {
        add(*fault, *count);
    }
    add(Fault::Kill9, lives.kills.into());
    // The last one is the end of the rehearsal itself.
    add(Fault::Sigterm, lives.terms.saturating_sub(1).into());
    add(Fault::SecondDaemon, lives.seconds.into());
    add(Fault::RevokedKey, unauthorized);
    for fault in requests.iter().filter_map(bent_by) {
        add(fault, 1);
    }
    add(Fault::SlowHelpdesk, slowed(requests, lives.held));
    for effect in effects {
        match effect.kind {
            EffectKind::AgentReply => add(Fault::AgentFirst, 1),
            EffectKind::CustomerMessage
                if effect.body.as_deref().is_some_and(|body| AGAIN.contains(&body)) =>
            {
                add(Fault::CustomerWritesMeanwhile, 1);
            }
            _ => {}
        }
    }
    asked.iter().map(|fault| (fault, counted.get(&fault).copied().unwrap_or(0))).collect()
}

/// The fault behind what the helpdesk noted for a request. Slowness is counted apart (`slowed`).
fn bent_by(request: &RequestEntry) -> Option<Fault> {
    let Some(bent) = request.fault.as_deref() else {
        let list = request.endpoint == "GET /tickets" && request.status == Some(403);
        return list.then_some(Fault::ListForbidden);
    };
    Some(match bent {
        "apply_then_reset"
        | "apply_then_hang"
        | "apply_then_bad_gateway"
        | "apply_then_half_body"
        | "apply_then_gateway_timeout" => Fault::AppliedAnswerLost,
        "apply_late" => Fault::AppliedLate,
        "not_applied" => Fault::NotApplied,
        "lag" => Fault::ReadLag,
        "status" if request.status == Some(503) => Fault::HelpdeskDown,
        "status" | "ok_with_error" | "garbage" | "huge" => Fault::ErrorShapes,
        "too_many" => Fault::Storm429,
        "not_found_while_new" => Fault::NewTicketHidden,
        _ => return None,
    })
}

/// Slow answers without those that were held back for a kill: one write each, at most `held`.
fn slowed(requests: &[RequestEntry], held: u64) -> u64 {
    let slow = requests.iter().filter(|request| request.fault.as_deref() == Some("slow"));
    let (writes, reads): (Vec<_>, Vec<_>) = slow.partition(|request| request.endpoint.starts_with("PUT "));
    let len = |of: Vec<_>| u64::try_from(of.len()).unwrap_or(u64::MAX);
    len(reads) + len(writes).saturating_sub(held)
}

/// What is counted.
const fn unit(fault: Fault) -> &'static str {
    match fault {
        Fault::Kill9 => "kills",
        Fault::Sigterm => "stops in good order",
        Fault::AppliedAnswerLost | Fault::AppliedLate | Fault::NotApplied => "writes",
        Fault::ReadLag | Fault::NewTicketHidden => "reads",
        Fault::ListForbidden => "lists refused",
        Fault::ErrorShapes | Fault::Storm429 | Fault::SlowHelpdesk => "answers",
        Fault::OtherClient => "times",
        Fault::HelpdeskDown => "answers 503 and standstills",
        Fault::AgentFirst => "agents' answers",
        Fault::CustomerWritesMeanwhile => "messages",
        Fault::DuplicateCalls => "messages called for many times at once",
        Fault::LostCalls => "messages nobody called for",
        Fault::BrokenBodies => "calls",
        Fault::MailLoops => "automatic answers, and calls for our own words",
        Fault::SecondDaemon => "that left at once, as they must",
        Fault::RevokedKey => "API calls refused",
    }
}

/// A line for each that happened, and one for all that did not.
pub(super) fn lines(met: &Counted) -> String {
    let mut text = String::new();
    for (fault, count) in met.iter().filter(|(_, count)| **count > 0) {
        text.push_str(&format!("{:<26}{count:>6}  {}\n", fault.name(), unit(*fault)));
    }
    let never = never(met);
    if met.is_empty() {
        text.push_str("none were asked for\n");
    } else if !never.is_empty() {
        text.push_str(&format!("not met in so few cycles: {}\n", never.join(", ")));
    }
    text
}

/// Asked for, and it never happened.
pub(super) fn never(met: &Counted) -> Vec<String> {
    met.iter().filter(|(_, count)| **count == 0).map(|(fault, _)| fault.name()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(endpoint: &str, status: u16, fault: Option<&str>) -> RequestEntry {
        RequestEntry {
            seq: 1,
            at_ms: 0,
            endpoint: endpoint.into(),
            ticket_id: None,
            status: Some(status),
            fault: fault.map(ToOwned::to_owned),
            applied: true,
            retry_after_s: None,
        }
    }

    fn of(asked: &str, requests: &[RequestEntry], lives: &Lives) -> Counted {
        let calls = Counted::from([(Fault::LostCalls, 2)]);
        let seen = Seen { lives, calls: &calls, effects: &[], requests, unauthorized: 3 };
        met(&Faults::parse(asked).unwrap(), &seen)
    }

    #[test]
    fn what_the_helpdesk_did_is_counted_by_the_names_that_are_asked_for() {
        let requests = [
            request("PUT /tickets/{id}", 502, Some("apply_then_bad_gateway")),
            request("PUT /tickets/{id}", 200, Some("apply_then_half_body")),
            request("GET /tickets/{id}", 503, Some("status")),
            request("GET /tickets/{id}", 500, Some("status")),
            request("GET /tickets", 403, None),
            request("GET /tickets", 200, None),
        ];
        let lives = Lives { kills: 4, terms: 1, seconds: 1, ..Lives::default() };
        let met = of("all", &requests, &lives);
        let some: Vec<_> = met.iter().filter(|(_, n)| **n > 0).map(|(fault, n)| (fault.name(), *n)).collect();
        let named = |name: &str, count: u64| (name.to_owned(), count);
        assert_eq!(
            some,
            [
                named("kill-9", 4),
                named("applied-answer-lost", 2),
                named("list-forbidden", 1),
                named("error-shapes", 1),
                named("helpdesk-down", 1),
                named("lost-calls", 2),
                named("second-daemon", 1),
                named("revoked-key", 3),
            ]
        );
        let never = never(&met);
        assert!(never.contains(&"sigterm".to_owned()) && never.contains(&"read-lag".to_owned()), "{never:?}");
        let text = lines(&met);
        assert!(text.contains("applied-answer-lost            2  writes\n"), "{text}");
        assert!(text.contains("not met in so few cycles: sigterm, applied-late,"), "{text}");
    }

    #[test]
    fn a_write_held_back_for_a_kill_is_no_slow_helpdesk() {
        let slow = |endpoint| request(endpoint, 200, Some("slow"));
        let requests = [slow("PUT /tickets/{id}"), slow("PUT /tickets/{id}"), slow("GET /tickets/{id}")];
        let count = |held| {
            let met = of("slow-helpdesk", &requests, &Lives { held, ..Lives::default() });
            met.get(&Fault::SlowHelpdesk).copied()
        };
        assert_eq!((count(0), count(2), count(5)), (Some(3), Some(1), Some(1)));
    }

    #[test]
    fn what_was_not_asked_for_is_not_named() {
        assert_eq!(of("read-lag", &[], &Lives::default()).len(), 2, "the kills are always in");
        assert_eq!(lines(&of("none", &[], &Lives::default())), "none were asked for\n");
    }
}
