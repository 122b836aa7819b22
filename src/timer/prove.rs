//! Steps that the helpdesk said yes to without showing it: looked at once on leftover budget, repeated when not there.

use std::time::Duration;

use super::Timer;
use crate::act::proof_of;
use crate::clock::{from_millis, millis};
use crate::helpdesk::ApiError;
use crate::helpdesk::budget::Use;
use crate::store::{Answer, StepState, Unproven};
use crate::ticket::Effect;

/// An event is left alone for this long after its end.
const AFTER: Duration = Duration::from_secs(30);

/// Steps in one run.
const BATCH: u32 = 20;

/// A look, and a repeat.
const CALLS: u32 = 2;

impl Timer {
    /// Looks at some of them, oldest first, as far as the budget reaches.
    pub(super) fn prove(&self) {
        let before = from_millis(millis(self.now()) - i64::try_from(AFTER.as_millis()).unwrap_or(0));
        let steps = match self.store.unproven(self.helpdesk.name(), before, BATCH) {
            Ok(steps) => steps,
            Err(error) => return log::error!("timer: unproven steps: {error}"),
        };
        for step in steps {
            match self.prove_one(&step) {
                Ok(()) => (),
                Err(Some(error)) => log::warn!("timer: event={} step={}: {error}", step.event, step.seq),
                Err(None) => return,
            }
        }
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
            Err(ApiError::NotFound) => return settle(StepState::Failed, "the ticket is gone"),
            Err(error) => return Err(words(&error)),
        };
        if proof_of(&effect, Some(&ticket)) != Some(false) || ticket.has_tag("mw-stop") {
            return settle(StepState::Applied, "seen on the ticket");
        }
        log::warn!("event={} step={}: answered 200 and not applied; doing it again", step.event, step.seq);
        let again = self.helpdesk.apply(&mut permit, &ticket, &effect).map_err(|error| words(&error))?;
        match proof_of(&effect, again.ticket.as_ref()) {
            Some(true) => settle(StepState::Applied, "done again"),
            // Stays unproven: looked at in the next run.
            _ => Ok(()),
        }
    }
}
