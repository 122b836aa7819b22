//! Steps that the helpdesk said yes to without showing it: looked at once on leftover budget, repeated when not there.

use super::Timer;
use crate::act::proof_of;
use crate::clock::{from_millis, millis};
use crate::decide::TAG_STOP;
use crate::helpdesk::ApiError;
use crate::helpdesk::budget::Use;
use crate::store::{Answer, StepState, Unproven};
use crate::ticket::Effect;

/// Steps in one run.
const BATCH: u32 = 20;

/// A look, a repeat, and a look at that.
const CALLS: u32 = 3;

impl Timer {
    /// Looks at some of them, oldest first, as far as the budget reaches.
    pub(super) fn prove(&self) -> bool {
        // It may write; a mode that writes nothing stops that too.
        if !(self.writes)() {
            return true;
        }
        if self.is_down() {
            return false;
        }
        let after_ms =
            i64::try_from(self.config.readback.steps_after_seconds.saturating_mul(1000)).unwrap_or(i64::MAX);
        let before = from_millis(millis(self.now()).saturating_sub(after_ms));
        let steps = match self.store.unproven(self.helpdesk.name(), before, BATCH) {
            Ok(steps) => steps,
            Err(error) => {
                log::error!("timer: unproven steps: {error}");
                return true;
            }
        };
        for step in steps {
            if self.stopping() {
                return true;
            }
            match self.prove_one(&step) {
                Ok(()) => (),
                Err(Some(error)) => log::warn!("timer: event={} step={}: {error}", step.event, step.seq),
                Err(None) => return false,
            }
        }
        true
    }

    /// `Err(None)`: no budget is left over.
    fn prove_one(&self, step: &Unproven) -> Result<(), Option<String>> {
        let mut permit = self.helpdesk.budget().try_reserve(Use::ReadBack, CALLS).map_err(|_| None)?;
        let words = |error: &dyn std::fmt::Display| Some(error.to_string());
        let effect: Effect = serde_json::from_str(&step.body).map_err(|error| words(&error))?;
        let settle = |state, text: &str| {
            let answer = Answer { status: None, text: text.into(), calls: 0 };
            self.store.proven(step, state, &answer, self.now()).map_err(|error| words(&error))
        };
        let ticket = match self.helpdesk.ticket(&mut permit, &step.ticket) {
            Ok(ticket) => ticket,
            Err(ApiError::NotFound) => return settle(StepState::Skipped, "the ticket is gone"),
            // A look that will never work must not be repeated for ever, in front of all others.
            Err(error @ (ApiError::Rejected { .. } | ApiError::Malformed(_))) => {
                return settle(StepState::Failed, &format!("cannot be looked at: {error}"));
            }
            Err(error) => return Err(words(&error)),
        };
        if proof_of(&effect, Some(&ticket)) != Some(false) || ticket.has_tag(TAG_STOP) {
            return settle(StepState::Applied, "seen on the ticket");
        }
        log::warn!("event={} step={}: answered 200 and not applied; doing it again", step.event, step.seq);
        let again = match self.helpdesk.apply(&mut permit, &ticket, &effect) {
            Ok(again) => again,
            Err(error @ ApiError::Rejected { .. }) => {
                return settle(StepState::Failed, &format!("cannot be done again: {error}"));
            }
            Err(error) => return Err(words(&error)),
        };
        if proof_of(&effect, again.ticket.as_ref()) == Some(true) {
            return settle(StepState::Applied, "done again");
        }
        let looked = self.helpdesk.ticket(&mut permit, &step.ticket).map_err(|error| words(&error))?;
        match proof_of(&effect, Some(&looked)) {
            Some(false) => settle(StepState::Failed, "answered 200 twice and is not on the ticket"),
            _ => settle(StepState::Applied, "done again, seen on the ticket"),
        }
    }
}
