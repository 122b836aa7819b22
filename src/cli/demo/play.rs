//! Plays the morning: each message at its time, with whatever else happens around it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result};

use crate::cli::story::{Said, Shot as Fate, Trap};
use crate::clock::{Clock, millis};
use crate::sim::{Action, EffectKind, Fault, Matcher, NewMessage, Script, Shot, SimHandle, Verb};

/// Between two messages.
const PACE: Duration = Duration::from_millis(90);
/// The longest wait for the answer that a later message follows.
const ANSWER_PATIENCE: Duration = Duration::from_secs(30);
/// 429 answers of the storm.
pub(super) const STORM: u32 = 6;
const READ: &str = "GET /tickets/{id}";
const SEND: &str = "PUT /tickets/{id}/send-message";
const PUT: &str = "PUT /tickets/{id}";
const ORDER_LINK: &str = "GET /order/{id}";

/// One message as it stands at the helpdesk.
#[derive(Debug, Clone)]
pub(super) struct Played {
    /// Its place in the morning, from 1.
    pub(super) no: usize,
    /// What was to be written.
    pub(super) said: &'static Said,
    /// What was written.
    pub(super) text: String,
    /// The ticket.
    pub(super) ticket: String,
    /// The comment.
    pub(super) message: String,
    /// When, milliseconds since 1970.
    pub(super) at_ms: i64,
}

/// Writes the morning into the helpdesk.
pub(super) struct Player<'a> {
    pub(super) sim: &'a SimHandle,
    pub(super) clock: &'a Arc<dyn Clock>,
    pub(super) stop: &'a AtomicBool,
}

impl Player<'_> {
    /// Every message in its turn; `tick` is called often, with how many are written.
    ///
    /// # Errors
    /// When the helpdesk refuses a message, or somebody wants to stop.
    pub(super) fn play(&self, morning: &[&'static Said], mut tick: impl FnMut(usize)) -> Result<Vec<Played>> {
        let began = self.clock.monotonic();
        let mut played: Vec<Played> = Vec::with_capacity(morning.len());
        for (index, said) in morning.iter().enumerate() {
            let due = began + PACE.saturating_mul(u32::try_from(index).unwrap_or(u32::MAX));
            while let Some(left) = due.checked_sub(self.clock.monotonic()).filter(|left| !left.is_zero()) {
                // A pause between messages; whatever happens meanwhile is shown.
                let _ = self.sim.wait_until(left.min(Duration::from_millis(50)), |_| false);
                tick(played.len());
            }
            anyhow::ensure!(!self.stop.load(Ordering::SeqCst), "interrupted");
            let written = self.one(index + 1, said, &played, || tick(index));
            played.push(written.with_context(|| format!("message {}: {}", index + 1, said.text))?);
        }
        tick(played.len());
        Ok(played)
    }

    fn one(&self, no: usize, said: &'static Said, before: &[Played], tick: impl FnMut()) -> Result<Played> {
        let now_ms = millis(self.clock.now());
        let earlier = before.iter().find(|one| !said.thread.is_empty() && one.said.thread == said.thread);
        let ticket = earlier.map(|earlier| earlier.ticket.as_str());
        let mut message = said.written(u64::try_from(no).unwrap_or_default(), ticket, now_ms);
        // Traps need to know the ticket before it is there.
        message.id =
            (said.trap != Trap::None && earlier.is_none()).then(|| format!("<CA+demo{no}@mail.example.com>"));
        if let (Trap::AfterAnswer, Some(earlier)) = (said.trap, earlier) {
            self.wait_for_answer(&earlier.ticket, tick);
        }
        self.set_trap(said.trap, &mut message)?;
        match said.shot {
            Fate::Once => {}
            Fate::Twice => self.sim.plan_shots(vec![Shot::Twice]),
            Fate::Lost => self.sim.plan_shots(vec![Shot::Lost]),
        }
        let text = if message.text.is_empty() { message.subject.clone() } else { message.text.clone() };
        let written = self.sim.customer_writes(message)?;
        Ok(Played { no, said, text, ticket: written.ticket_id, message: written.message_id, at_ms: now_ms })
    }

    /// Arranges what else happens on the ticket of this message.
    fn set_trap(&self, trap: Trap, message: &mut NewMessage) -> Result<()> {
        let ticket = message.id.clone().unwrap_or_default();
        let on = |endpoint: &str| Matcher::endpoint(endpoint).on(&ticket);
        let agent = |text: &str| Verb::AgentReplies { ticket: None, text: text.into(), agent: None };
        let script =
            |matcher: Matcher, verb: Verb| self.sim.add_script(Script { matcher, verbs: vec![verb] });
        let fault = |matcher: Matcher, action: Action| self.sim.set_fault(Fault::once(matcher, action));
        match trap {
            Trap::None | Trap::AfterAnswer => {}
            Trap::AgentFirst => {
                script(on(READ), agent("Hi, Mia here: it left us yesterday, I will keep an eye on it."));
            }
            Trap::AgentDuringHold => {
                script(on(ORDER_LINK), agent("Hi! Mia here, let me look that up for you."));
            }
            Trap::ReplyAnswerLost => fault(on(SEND), Action::ApplyThenReset),
            Trap::CloseNotApplied => fault(on(PUT), Action::NotApplied),
            Trap::ClosedBefore => script(on(READ), Verb::AgentCloses { ticket: None }),
            Trap::Storm => {
                let storm = Fault::times(STORM, Matcher::default(), Action::TooMany { retry_after_s: 1 });
                self.sim.set_fault(storm);
            }
            Trap::Stopped => {
                let first = NewMessage { text: "Hello?".into(), quiet: true, order: None, ..message.clone() };
                let written = self.sim.customer_writes(first)?;
                self.sim.agent_tags(&written.ticket_id, "mw-stop")?;
                message.ticket = Some(written.ticket_id);
            }
        }
        Ok(())
    }

    /// Waits until the daemon has answered and closed the ticket, or the time is up: then the message comes earlier
    /// than planned, which must do no harm either.
    fn wait_for_answer(&self, ticket: &str, mut tick: impl FnMut()) {
        let answered = |sim: &SimHandle| {
            let effects = sim.effects_on(ticket);
            let closed = effects.iter().any(|effect| effect.kind == EffectKind::Closed);
            closed && sim.tag_names(ticket).iter().any(|tag| tag == "mw-auto-replied")
        };
        let deadline = self.clock.monotonic() + ANSWER_PATIENCE;
        while !self.sim.wait_until(Duration::from_millis(100), answered) {
            tick();
            if self.clock.monotonic() > deadline || self.stop.load(Ordering::SeqCst) {
                return;
            }
        }
    }
}
