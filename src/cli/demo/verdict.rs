//! The verdict: was anything lost, said twice, left open, or said where nothing may be said? Pure.
//!
//! It goes by what the simulated helpdesk saw happen, not by what the daemon says of itself; only the ends of events
//! come from the daemon's file.

use std::collections::BTreeMap;

use serde::Serialize;

/// A customer's message and what is known of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Message {
    /// Its place in the morning.
    pub(super) no: usize,
    /// Its ticket.
    pub(super) ticket: String,
    /// When it was written, milliseconds since 1970.
    pub(super) at_ms: i64,
    /// Calls for it that the daemon answered with 200.
    pub(super) acknowledged: u32,
    /// Replies that reached the customer.
    pub(super) replies: u32,
    /// The story says that no reply may go out.
    pub(super) forbidden: bool,
    /// The ticket shows at the helpdesk that it was looked at (a tag), or the story says that it need not.
    pub(super) visible: bool,
}

/// An event in the daemon's file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Event {
    /// Its number.
    pub(super) event: i64,
    /// Its ticket.
    pub(super) ticket: String,
    /// Its state.
    pub(super) state: String,
    /// When it ended, milliseconds since 1970.
    pub(super) finished_at_ms: Option<i64>,
}

/// Everything that the verdict goes by.
#[derive(Debug, Clone, Default)]
pub(super) struct Facts {
    /// Every message.
    pub(super) messages: Vec<Message>,
    /// Every event.
    pub(super) events: Vec<Event>,
    /// Tickets on which a reply went out after a person's answer to the same message.
    pub(super) after_agent: Vec<String>,
    /// Tickets that were written to while they bore `mw-stop`.
    pub(super) while_stopped: Vec<String>,
    /// 429 answers that the daemon brought on itself.
    pub(super) self_made_429: u64,
    /// The most calls in any window.
    pub(super) most_in_window: u32,
    /// Calls allowed in a window.
    pub(super) limit: u32,
}

/// What was found; every list is empty on a good day. One line a finding, in words.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(super) struct Verdict {
    /// Messages without an ended event, or without a sign of it at the helpdesk.
    pub(super) lost: Vec<String>,
    /// Messages with more than one reply.
    pub(super) doubled: Vec<String>,
    /// Events that are open, or given up.
    pub(super) stuck: Vec<String>,
    /// Replies and writes where there must be none.
    pub(super) wrong: Vec<String>,
    /// Calls beyond what the helpdesk allows.
    pub(super) over_limit: Vec<String>,
}

impl Verdict {
    /// Whether nothing was found.
    pub(super) const fn good(&self) -> bool {
        self.lost.is_empty()
            && self.doubled.is_empty()
            && self.stuck.is_empty()
            && self.wrong.is_empty()
            && self.over_limit.is_empty()
    }
}

/// Judges a morning.
pub(super) fn judge(facts: &Facts) -> Verdict {
    let mut last_end: BTreeMap<&str, i64> = BTreeMap::new();
    for event in &facts.events {
        if let Some(at_ms) = event.finished_at_ms {
            let last = last_end.entry(event.ticket.as_str()).or_insert(at_ms);
            *last = at_ms.max(*last);
        }
    }
    let handled = |one: &&Message| last_end.get(one.ticket.as_str()).is_some_and(|end| *end >= one.at_ms);
    let open = |one: &&Message| {
        facts.events.iter().any(|event| event.ticket == one.ticket && event.finished_at_ms.is_none())
    };
    let lost = facts.messages.iter().filter(|one| !handled(one) && !open(one));
    let unseen = facts.messages.iter().filter(|one| handled(one) && !one.visible);
    let doubled = facts.messages.iter().filter(|one| one.replies > 1);
    let forbidden = facts.messages.iter().filter(|one| one.forbidden && one.replies > 0);
    let stuck = facts.events.iter().filter(|event| event.finished_at_ms.is_none() || event.state == "dead");
    let wrong = forbidden
        .map(|one| format!("message {} must not be answered and was", one.no))
        .chain(
            facts.after_agent.iter().map(|ticket| format!("{ticket}: answered after a person had answered")),
        )
        .chain(facts.while_stopped.iter().map(|ticket| format!("{ticket}: written to in spite of mw-stop")));
    Verdict {
        lost: lost.map(lost_words).chain(unseen.map(unseen_words)).collect(),
        doubled: doubled
            .map(|one| format!("message {} was answered {} times", one.no, one.replies))
            .collect(),
        stuck: stuck
            .map(|event| format!("event {} ({}) is {}", event.event, event.ticket, event.state))
            .collect(),
        wrong: wrong.collect(),
        over_limit: over_limit(facts),
    }
}

fn lost_words(message: &Message) -> String {
    if message.acknowledged > 0 {
        format!("message {} got a 200 and no event of its ticket ended after it", message.no)
    } else {
        format!("message {}: its call was lost and no sweep found it", message.no)
    }
}

fn unseen_words(message: &Message) -> String {
    format!("message {} was let go without a sign on its ticket, though a customer waits", message.no)
}

fn over_limit(facts: &Facts) -> Vec<String> {
    let mut found = Vec::new();
    if facts.self_made_429 > 0 {
        found.push(format!("the helpdesk refused {} calls as too many", facts.self_made_429));
    }
    if facts.most_in_window > facts.limit {
        found.push(format!("{} calls in one window, {} are allowed", facts.most_in_window, facts.limit));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two messages on two tickets, both handled, one answered.
    fn good() -> Facts {
        let message = |no, ticket: &str, replies, forbidden| Message {
            no,
            ticket: ticket.into(),
            at_ms: 100,
            acknowledged: 1,
            replies,
            forbidden,
            visible: true,
        };
        let event = |event, ticket: &str| Event {
            event,
            ticket: ticket.into(),
            state: "done".into(),
            finished_at_ms: Some(150),
        };
        Facts {
            messages: vec![message(1, "t1", 1, false), message(2, "t2", 0, true)],
            events: vec![event(1, "t1"), event(2, "t2")],
            limit: 50,
            most_in_window: 50,
            ..Facts::default()
        }
    }

    fn with(change: impl FnOnce(&mut Facts)) -> Verdict {
        let mut facts = good();
        change(&mut facts);
        judge(&facts)
    }

    #[test]
    fn a_good_morning_has_nothing_to_say() {
        let verdict = judge(&good());
        assert!(verdict.good(), "{verdict:?}");
    }

    #[test]
    fn an_acknowledged_call_without_an_event_is_lost() {
        let verdict = with(|facts| drop(facts.events.remove(1)));
        assert_eq!(verdict.lost, ["message 2 got a 200 and no event of its ticket ended after it"]);
        assert!(verdict.stuck.is_empty() && !verdict.good());
    }

    #[test]
    fn an_event_that_ended_before_the_message_does_not_count_for_it() {
        let verdict = with(|facts| facts.messages[0].at_ms = 151);
        assert_eq!(verdict.lost.len(), 1);
    }

    #[test]
    fn a_lost_call_that_no_sweep_found_is_lost() {
        let verdict = with(|facts| {
            facts.messages[1].acknowledged = 0;
            facts.events.remove(1);
        });
        assert_eq!(verdict.lost, ["message 2: its call was lost and no sweep found it"]);
        let found = with(|facts| facts.messages[1].acknowledged = 0);
        assert!(found.good(), "a sweep's event is as good as a call's");
    }

    #[test]
    fn a_message_that_leaves_no_sign_at_the_helpdesk_is_lost_whatever_its_event_says() {
        let verdict = with(|facts| facts.messages[1].visible = false);
        assert_eq!(
            verdict.lost,
            ["message 2 was let go without a sign on its ticket, though a customer waits"]
        );
    }

    #[test]
    fn an_open_event_is_stuck_and_its_message_is_not_called_lost_as_well() {
        let verdict = with(|facts| {
            facts.events[1].state = "backoff".into();
            facts.events[1].finished_at_ms = None;
        });
        assert_eq!(verdict.stuck, ["event 2 (t2) is backoff"]);
        assert!(verdict.lost.is_empty());
    }

    #[test]
    fn a_dead_letter_is_stuck() {
        let verdict = with(|facts| facts.events[0].state = "dead".into());
        assert_eq!(verdict.stuck, ["event 1 (t1) is dead"]);
    }

    #[test]
    fn two_replies_to_one_message_are_doubled() {
        let verdict = with(|facts| facts.messages[0].replies = 2);
        assert_eq!(verdict.doubled, ["message 1 was answered 2 times"]);
        assert!(verdict.wrong.is_empty());
    }

    #[test]
    fn a_reply_where_none_may_go_is_wrong() {
        let verdict = with(|facts| facts.messages[1].replies = 1);
        assert_eq!(verdict.wrong, ["message 2 must not be answered and was"]);
    }

    #[test]
    fn speaking_after_a_person_or_writing_on_a_stopped_ticket_is_wrong() {
        assert_eq!(with(|facts| facts.after_agent.push("t1".into())).wrong.len(), 1);
        assert_eq!(with(|facts| facts.while_stopped.push("t1".into())).wrong.len(), 1);
    }

    #[test]
    fn calls_beyond_the_limit_are_seen() {
        assert!(!with(|facts| facts.self_made_429 = 1).good());
        assert!(!with(|facts| facts.most_in_window = 51).good());
    }
}
