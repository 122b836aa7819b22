//! What happens in which cycle: drawn from the seed alone, so that the same seed plans the same messages, faults and
//! kills. Pure; only the timing of a run is its own.

use fastrand::Rng;

use super::bends::{self, Bend};
use super::faults::{Fault, Faults};
use super::kills::{self, Kill};
use crate::cli::story::{Answer, Said, Trap, morning};
use crate::sim::BodyKind;

/// Messages of one cycle.
const MESSAGES: std::ops::RangeInclusive<usize> = 3..=8;
/// Numbers given to a cycle's messages: more than it has.
const NUMBERS: u64 = 16;
/// How far back a message can look for a ticket to be written on, in cycles.
const BACK: u64 = 6;
/// A cycle's last message is written so late, in milliseconds.
const LAST_MS: u64 = 250;

/// One cycle.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Cycle {
    /// Its number, from 1.
    pub(super) no: u32,
    /// What customers write.
    pub(super) messages: Vec<Message>,
    /// What goes wrong at the helpdesk.
    pub(super) bends: Vec<Bend>,
    /// How the daemon ends.
    pub(super) kill: Kill,
}

/// What a customer writes, and what becomes of the helpdesk's calls for it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Message {
    /// Its number in the run; its customer's too.
    pub(super) no: u64,
    /// The words and what would be right.
    pub(super) said: &'static Said,
    /// Written on the ticket of this message, when there is one.
    pub(super) on: Option<u64>,
    /// What else happens around it.
    pub(super) part: Part,
    /// Milliseconds into the cycle.
    pub(super) at_ms: u64,
    /// How many calls go out at once; none: the call is lost.
    pub(super) calls: u32,
    /// One more call so many milliseconds later.
    pub(super) again_ms: Option<u64>,
    /// How the call's body is written.
    pub(super) body: Body,
}

/// The part a message plays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// A customer writes.
    Plain,
    /// The same, on a ticket that bears `mw-stop`.
    Stopped,
    /// An agent answers just before this request on its ticket.
    Agent(&'static str),
    /// The customer writes again just before this request on the ticket.
    Meanwhile(&'static str),
    /// A machine's answer on a ticket that we may have answered.
    AutoReply,
    /// Nothing is written; the helpdesk calls for a ticket all the same.
    Echo,
}

/// A call's body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Body {
    /// As it should be.
    Whole(BodyKind),
    /// JSON with the customer's words in it as they are.
    Unescaped,
    /// It names no ticket.
    Nameless,
}

/// Draws cycles.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    seed: u64,
    faults: Faults,
    lines: Vec<&'static Said>,
    answerable: Vec<&'static Said>,
}

impl Plan {
    /// Of this seed and these faults.
    pub(super) fn new(seed: u64, faults: Faults) -> Self {
        let lines: Vec<_> =
            morning().into_iter().filter(|said| said.trap == Trap::None && said.thread.is_empty()).collect();
        let answerable = lines.iter().copied().filter(|said| said.answer == Answer::Yes).collect();
        Self { seed, faults, lines, answerable }
    }

    /// The n-th cycle, from 1.
    pub(super) fn cycle(&self, no: u32) -> Cycle {
        let mut rng = Rng::with_seed(self.seed ^ u64::from(no).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let count = rng.usize(MESSAGES);
        let messages = (0..count).filter_map(|index| self.message(&mut rng, no, index)).collect();
        let bends = bends::draw(&mut rng, &self.faults);
        let kill = kills::draw(&mut rng, &self.faults);
        Cycle { no, messages, bends, kill }
    }

    fn message(&self, rng: &mut Rng, cycle: u32, index: usize) -> Option<Message> {
        let no = number(u64::from(cycle), index);
        let lines = if rng.u8(..100) < 50 { &self.answerable } else { &self.lines };
        let said = rng.choice(lines).copied()?;
        // The first of a cycle always begins a ticket, so that a later one can be written on it.
        let part = if index == 0 { Part::Plain } else { self.part(rng) };
        let old = index > 0 && rng.u8(..100) < 20;
        let back = u64::from(cycle).saturating_sub(rng.u64(0..BACK)).max(1);
        // What may be said to a comment or a bounce depends on where it stands: those begin their own tickets.
        let movable = said.channel == "email" && said.from.is_none();
        let on = match part {
            Part::AutoReply | Part::Echo => Some(number(back, 0)),
            Part::Plain if old && movable => Some(number(back, 0)),
            _ => None,
        };
        Some(Message {
            no,
            said,
            on,
            part,
            at_ms: rng.u64(0..LAST_MS),
            calls: self.calls(rng, part),
            again_ms: match part {
                Part::Meanwhile(_) => Some(rng.u64(100..600)),
                _ => (rng.u8(..100) < 10).then(|| rng.u64(0..400)),
            },
            body: self.body(rng),
        })
    }

    fn part(&self, rng: &mut Rng) -> Part {
        let spot = |rng: &mut Rng| rng.choice(bends::SPOTS).copied().unwrap_or(bends::READ);
        match rng.u8(..100) {
            0..5 => Part::Stopped,
            5..15 if self.faults.has(Fault::AgentFirst) => Part::Agent(spot(rng)),
            15..25 if self.faults.has(Fault::CustomerWritesMeanwhile) => Part::Meanwhile(spot(rng)),
            25..31 if self.faults.has(Fault::MailLoops) => Part::AutoReply,
            31..36 if self.faults.has(Fault::MailLoops) => Part::Echo,
            _ => Part::Plain,
        }
    }

    fn calls(&self, rng: &mut Rng, part: Part) -> u32 {
        match rng.u8(..100) {
            // Nothing written and nothing called is nothing at all.
            0..8 if self.faults.has(Fault::LostCalls) && part != Part::Echo => 0,
            8..24 if self.faults.has(Fault::DuplicateCalls) => rng.u32(2..=3),
            24..28 if self.faults.has(Fault::DuplicateCalls) => rng.u32(8..=24),
            _ => 1,
        }
    }

    fn body(&self, rng: &mut Rng) -> Body {
        if !self.faults.has(Fault::BrokenBodies) {
            return Body::Whole(BodyKind::Json);
        }
        match rng.u8(..100) {
            0..20 => Body::Unescaped,
            20..35 => Body::Whole(BodyKind::Form),
            35..50 => Body::Whole(BodyKind::Xml),
            50..53 => Body::Nameless,
            _ => Body::Whole(BodyKind::Json),
        }
    }
}

/// The number of the n-th message of a cycle.
fn number(cycle: u64, index: usize) -> u64 {
    cycle.saturating_mul(NUMBERS).saturating_add(u64::try_from(index).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn cycles(seed: u64, faults: &str) -> Vec<Cycle> {
        let plan = Plan::new(seed, Faults::parse(faults).unwrap());
        (1..=300).map(|no| plan.cycle(no)).collect()
    }

    #[test]
    fn the_same_seed_plans_the_same_messages_faults_and_kills() {
        assert_eq!(cycles(7, "all"), cycles(7, "all"));
        assert_ne!(cycles(7, "all"), cycles(8, "all"));
    }

    #[test]
    fn a_cycle_does_not_depend_on_those_before_it() {
        let plan = Plan::new(7, Faults::all());
        assert_eq!(plan.cycle(200), cycles(7, "all")[199]);
    }

    #[test]
    fn every_number_is_given_once_and_what_is_written_on_was_written_before() {
        let all: Vec<Message> = cycles(1, "all").into_iter().flat_map(|cycle| cycle.messages).collect();
        let numbers: BTreeSet<u64> = all.iter().map(|message| message.no).collect();
        assert_eq!(numbers.len(), all.len());
        for message in all.iter().filter(|message| message.on.is_some()) {
            let on = message.on.unwrap();
            let first = all.iter().find(|other| other.no == on).unwrap();
            assert!(on < message.no && first.on.is_none() && first.part == Part::Plain, "{message:?}");
        }
    }

    #[test]
    fn with_all_faults_every_part_every_body_and_every_way_to_call_comes_up() {
        let all: Vec<Message> = cycles(3, "all").into_iter().flat_map(|cycle| cycle.messages).collect();
        let some = |holds: &dyn Fn(&Message) -> bool| all.iter().filter(|message| holds(message)).count() > 3;
        assert!(some(&|message| message.on.is_some() && message.part == Part::Plain));
        assert!(some(&|message| message.part == Part::Stopped));
        assert!(some(&|message| matches!(message.part, Part::Agent(_))));
        assert!(some(&|message| matches!(message.part, Part::Meanwhile(_)) && message.again_ms.is_some()));
        assert!(some(&|message| message.part == Part::AutoReply && message.on.is_some()));
        assert!(some(&|message| message.part == Part::Echo && message.calls > 0));
        assert!(some(&|message| message.calls == 0) && some(&|message| message.calls > 7));
        for body in [Body::Unescaped, Body::Nameless, Body::Whole(BodyKind::Form), Body::Whole(BodyKind::Xml)]
        {
            assert!(some(&|message| message.body == body), "{body:?}");
        }
        assert!(some(&|message| message.said.answer == Answer::Yes));
        assert!(some(&|message| message.said.answer == Answer::No));
    }

    #[test]
    fn without_faults_calls_come_once_and_whole_and_nobody_is_killed() {
        for cycle in cycles(3, "none") {
            assert_eq!((cycle.kill, cycle.bends.len()), (Kill::None, 0));
            for message in cycle.messages {
                assert_eq!((message.calls, message.body), (1, Body::Whole(BodyKind::Json)));
                assert!(matches!(message.part, Part::Plain | Part::Stopped));
            }
        }
    }
}
