//! What customers write, where, and what would be right: the demo plays it as a morning, the rehearsal draws from it.
//!
//! Every line is ours, written by hand, and carries its own expectation after the starter pack (intents, the table
//! and the edge rules): what it is about, how it should end, and above all whether it may be answered at all. The
//! expectation never reaches the daemon; it is what the outcome is held against.

mod changes;
mod odd;
mod orders;
mod others;
mod returns;
mod urgent;
mod written;

use crate::event::Outcome;
use crate::sim::people::OrderState;

/// Whether a message may be answered without a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    /// A reply from facts is right; none is a chance missed, no harm.
    Yes,
    /// A reply is harm: demo and rehearsal fail.
    No,
    /// Both are right.
    Either,
}

/// What becomes of the helpdesk's call for a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shot {
    /// It goes out once.
    Once,
    /// It goes out twice at the same time.
    Twice,
    /// It never leaves.
    Lost,
}

/// What else happens at the helpdesk around a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trap {
    /// Nothing.
    None,
    /// An agent answers before the daemon has read the ticket.
    AgentFirst,
    /// An agent answers while the daemon's reply waits its moment.
    AgentDuringHold,
    /// The reply is applied and the connection breaks before the answer.
    ReplyAnswerLost,
    /// Closing is answered with 200 and not done.
    CloseNotApplied,
    /// An agent closes the ticket before it is read.
    ClosedBefore,
    /// The ticket bears `mw-stop` before the customer writes.
    Stopped,
    /// Everything is answered with 429 for a while from here on.
    Storm,
    /// The message is written once the ticket's first question was answered.
    AfterAnswer,
}

/// One message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Said {
    /// The vendor's word for the channel; empty: the ticket does not show any.
    pub(super) channel: &'static str,
    /// The subject line; empty for chats.
    pub(super) subject: &'static str,
    /// The words; `{order}` becomes the number of the order that is linked.
    pub(super) text: &'static str,
    /// The mail's HTML, when it has some.
    pub(super) html: Option<&'static str>,
    /// The linked order's state.
    pub(super) order: Option<OrderState>,
    /// The linked order was placed with another address.
    pub(super) of_another: bool,
    /// The sender's address, when it is not an ordinary person's.
    pub(super) from: Option<&'static str>,
    /// A call rather than words.
    pub(super) voice: bool,
    /// What it is about.
    pub(super) intent: &'static str,
    /// How it may end.
    pub(super) ends: &'static [Outcome],
    /// Whether it may be answered.
    pub(super) answer: Answer,
    /// What becomes of the call.
    pub(super) shot: Shot,
    /// What else happens.
    pub(super) trap: Trap,
    /// A name for this ticket, so that a later message can be written on it.
    pub(super) thread: &'static str,
}

const ROUTED: &[Outcome] = &[Outcome::Routed];

/// A message that must not be answered and is to be routed.
const fn said(channel: &'static str, intent: &'static str, text: &'static str) -> Said {
    Said {
        channel,
        subject: "",
        text,
        html: None,
        order: None,
        of_another: false,
        from: None,
        voice: false,
        intent,
        ends: ROUTED,
        answer: Answer::No,
        shot: Shot::Once,
        trap: Trap::None,
        thread: "",
    }
}

/// The same by e-mail.
const fn mail(intent: &'static str, subject: &'static str, text: &'static str) -> Said {
    Said { subject, ..said("email", intent, text) }
}

impl Said {
    const fn about(self, state: OrderState) -> Self {
        Self { order: Some(state), ..self }
    }

    const fn answered(self) -> Self {
        Self { answer: Answer::Yes, ends: &[Outcome::Answered], ..self }
    }

    const fn either(self) -> Self {
        Self { answer: Answer::Either, ends: &[Outcome::Answered, Outcome::Routed], ..self }
    }

    const fn ends(self, ends: &'static [Outcome]) -> Self {
        Self { ends, ..self }
    }

    const fn urgent(self) -> Self {
        self.ends(&[Outcome::NeedsHuman])
    }

    const fn twice(self) -> Self {
        Self { shot: Shot::Twice, ..self }
    }

    const fn lost(self) -> Self {
        Self { shot: Shot::Lost, ..self }
    }

    const fn trap(self, trap: Trap) -> Self {
        Self { trap, ..self }
    }

    const fn thread(self, thread: &'static str) -> Self {
        Self { thread, ..self }
    }
}

/// Every message in the order of the morning: the parts take turns, and each keeps its own order.
pub(super) fn morning() -> Vec<&'static Said> {
    let parts: [&[Said]; 6] =
        [orders::SAID, others::SAID, changes::SAID, returns::SAID, urgent::SAID, odd::SAID];
    let longest = parts.iter().map(|part| part.len()).max().unwrap_or(0);
    let mut all: Vec<&Said> =
        (0..longest).flat_map(|turn| parts.iter().filter_map(move |part| part.get(turn))).collect();
    // What waits for an answer comes last, so that nothing waits for it.
    all.sort_by_key(|said| said.trap == Trap::AfterAnswer);
    all
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;
    use crate::config::MayAnswer;
    use crate::config::starter::INTENTS;

    #[test]
    fn the_morning_has_every_intent_every_channel_and_every_state_of_an_order() {
        let all = morning();
        assert!(all.len() >= 64, "{}", all.len());
        let intents: BTreeSet<_> = all.iter().map(|said| said.intent).collect();
        let known: BTreeSet<_> = INTENTS.iter().map(|intent| intent.name).collect();
        assert_eq!(intents, known);
        let channels: BTreeSet<_> = all.iter().map(|said| said.channel).collect();
        for channel in [
            "email",
            "email_from_widget",
            "messenger",
            "facebook_message",
            "facebook_feed_comment",
            "instagram_message",
            "instagram_comment",
            "tiktok_shop_message",
            "whatsapp",
            "phone",
            "",
        ] {
            assert!(channels.contains(channel), "{channel}");
        }
        for state in OrderState::ALL {
            assert!(all.iter().any(|said| said.order == Some(state)), "{state:?}");
        }
    }

    #[test]
    fn only_what_the_table_lets_be_answered_from_facts_may_be_answered() {
        for said in morning().into_iter().filter(|said| said.answer != Answer::No) {
            let may = INTENTS.iter().find(|intent| intent.name == said.intent).unwrap().may_answer;
            assert_eq!(may, MayAnswer::Facts, "{}", said.text);
            assert!(said.order.is_some(), "{}", said.text);
            assert!(!said.channel.ends_with("_comment") && said.channel != "phone", "{}", said.text);
        }
    }

    #[test]
    fn no_two_messages_are_alike_and_a_second_part_comes_after_its_first() {
        let all = morning();
        let texts: BTreeSet<_> = all.iter().map(|said| (said.text, said.html)).collect();
        assert_eq!(texts.len(), all.len());
        let mut threads: BTreeMap<&str, u32> = BTreeMap::new();
        for said in all.iter().filter(|said| !said.thread.is_empty()) {
            *threads.entry(said.thread).or_default() += 1;
        }
        assert!(threads.values().all(|count| *count == 2), "{threads:?}");
    }

    #[test]
    fn calls_are_doubled_and_lost_and_every_trap_is_set() {
        let all = morning();
        assert!(all.iter().filter(|said| said.shot == Shot::Twice).count() >= 5);
        assert!(all.iter().filter(|said| said.shot == Shot::Lost).count() >= 3);
        for trap in [
            Trap::AgentFirst,
            Trap::AgentDuringHold,
            Trap::ReplyAnswerLost,
            Trap::CloseNotApplied,
            Trap::ClosedBefore,
            Trap::Stopped,
            Trap::Storm,
            Trap::AfterAnswer,
        ] {
            assert_eq!(all.iter().filter(|said| said.trap == trap).count(), 1, "{trap:?}");
        }
    }
}
