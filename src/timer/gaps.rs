//! Missing conversation numbers: noted at each sweep, looked up on leftover budget.
//!
//! A number that nothing told us of may be a lost call, and may be nothing: skipped numbers and imported tickets exist
//! (richpanel-api §2). Where the list is allowed it finds lost calls by itself; what it leaves is asked for once, half
//! an hour later. Where it is not, a number is asked for at once and twice more within the hour.

use std::time::Duration;

use super::Timer;
use super::reconcile::{Halt, Run};
use crate::clock::{from_millis, millis};
use crate::config::SweepMethod;
use crate::event::{State, Timestamp};
use crate::helpdesk::ApiError;
use crate::store::{GapsDue, Look, StoreError};

/// Numbers below the highest that are searched for gaps; what was noted stays.
const NUMBERS_MAX: u32 = 1_000;

/// Between two looks at one number, and before the first where a list sweep may still find it.
const BETWEEN_LOOKS: Duration = Duration::from_secs(1_800);

/// Looks at one number before it is given up.
const LOOKS: u32 = 3;

/// With so many events waiting, the missing numbers are most likely among them.
const QUEUE_MAX: u64 = 20;

impl Timer {
    /// Notes what is missing; costs no call.
    pub(super) fn note_gaps(&self, run: &mut Run) -> Result<(), StoreError> {
        let hours =
            self.config.reconcile.lookback_hours.min(self.config.store.retention_days.saturating_mul(24));
        let since = self.ago(Duration::from_secs(u64::from(hours) * 3_600));
        self.store.note_gaps(self.helpdesk.name(), since, NUMBERS_MAX, self.now())?;
        run.report.missing = self.store.gaps_missing(self.helpdesk.name())?;
        Ok(())
    }

    /// Looks some of them up, the newest first; at most half of the sweep's calls.
    pub(super) fn look_up_gaps(&self, method: SweepMethod, run: &mut Run) -> Result<(), Halt> {
        let queued = self.store.counts()?.into_iter().find(|(state, _)| *state == State::Waiting);
        if queued.is_some_and(|(_, events)| events > QUEUE_MAX) {
            return Ok(());
        }
        let listed = method == SweepMethod::List;
        let due = GapsDue {
            noted_by: if listed { self.ago(BETWEEN_LOOKS) } else { self.now() },
            looked_by: self.ago(BETWEEN_LOOKS),
            now: self.now(),
            limit: (self.config.reconcile.max_calls / 2).max(1),
        };
        for gap in self.store.gaps_due(self.helpdesk.name(), due)? {
            let number = gap.number;
            let look = match self.call(run, |permit| self.helpdesk.ticket_by_number(permit, number)) {
                Ok(ticket) => {
                    self.consider(&ticket, run)?;
                    run.report.numbers_found += 1;
                    Look::Found
                }
                Err(Halt::Api(error)) if error == ApiError::NotFound || self.fails_alone(&error, run) => {
                    if listed || gap.looks + 1 >= LOOKS {
                        Look::Nothing
                    } else {
                        Look::NotYet
                    }
                }
                Err(halt) => return Err(halt),
            };
            run.report.looked_up += 1;
            self.store.gap_looked_at(self.helpdesk.name(), number, look, self.now())?;
        }
        run.report.missing = self.store.gaps_missing(self.helpdesk.name())?;
        Ok(())
    }

    fn ago(&self, back: Duration) -> Timestamp {
        let back = i64::try_from(back.as_millis()).unwrap_or(i64::MAX);
        from_millis(millis(self.now()).saturating_sub(back))
    }
}
