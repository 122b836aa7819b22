//! Conversation numbers below the highest known one that nobody told us of: a call was lost and later ones came.
//!
//! Walked downward from the newest, not below the lowest number met, at most [`SPAN`] numbers and half of a sweep's
//! calls at a time. A ticket that has not changed within the lookback ends the walk: what lies below is older still.
//! A number can be missing for good (not given out, imported: richpanel-api §2); after some looks it is let be.

use std::collections::{BTreeMap, BTreeSet};

use super::{Halt, Run};
use crate::helpdesk::ApiError;
use crate::timer::Timer;

/// The setting that holds the numbers that were not there: number to looks, as JSON.
const NOT_THERE: &str = "sweep.not_there";

/// How far below the highest known number is looked.
const SPAN: i64 = 1_000;

/// Looks after which a number is believed not to be there; a new ticket may be hidden for a moment.
const LOOKS_MAX: u32 = 3;

/// Numbers that were not there, and how often.
type NotThere = BTreeMap<i64, u32>;

impl Timer {
    /// Looks at numbers between those met, newest first.
    pub(super) fn by_gaps(&self, highest: i64, run: &mut Run) -> Result<(), Halt> {
        let lowest = highest.saturating_sub(SPAN);
        let met = self.store.numbers_met(self.helpdesk.name(), lowest)?;
        let kept = self.store.setting(NOT_THERE)?;
        let mut not_there: NotThere =
            kept.and_then(|kept| serde_json::from_str(&kept.value).ok()).unwrap_or_default();
        let before = not_there.clone();
        not_there.retain(|number, _| *number >= lowest);
        let walked = self.walk(&gaps(&met, &not_there), &mut not_there, run);
        if not_there != before {
            let json = serde_json::to_string(&not_there).unwrap_or_else(|_| "{}".into());
            self.store.set(NOT_THERE, Some(&json), "sweep", self.now())?;
        }
        walked
    }

    fn walk(&self, gaps: &[i64], not_there: &mut NotThere, run: &mut Run) -> Result<(), Halt> {
        let share = run.calls_max.saturating_sub(run.report.calls).div_ceil(2);
        let calls_max = run.report.calls.saturating_add(share);
        let since = self.lookback();
        for number in gaps {
            if run.report.calls >= calls_max {
                return Err(Halt::Budget);
            }
            match self.call(run, |permit| self.helpdesk.ticket_by_number(permit, *number)) {
                Ok(ticket) if ticket.updated_at.is_some_and(|at| at < since) => return Ok(()),
                Ok(ticket) => self.consider(&ticket, run)?,
                Err(Halt::Api(ApiError::NotFound | ApiError::Rejected { .. } | ApiError::Malformed(_))) => {
                    *not_there.entry(*number).or_default() += 1;
                }
                Err(halt) => return Err(halt),
            }
        }
        Ok(())
    }
}

/// The numbers between those met, newest first, without those that are believed not to be there.
fn gaps(met: &[i64], not_there: &NotThere) -> Vec<i64> {
    let (Some(lowest), Some(highest)) = (met.iter().min(), met.iter().max()) else { return vec![] };
    let met: BTreeSet<i64> = met.iter().copied().collect();
    let let_be = |number: &i64| not_there.get(number).is_some_and(|looks| *looks >= LOOKS_MAX);
    (*lowest..*highest).rev().filter(|number| !met.contains(number) && !let_be(number)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gaps_are_between_what_was_met_newest_first() {
        let not_there = NotThere::from([(1405, LOOKS_MAX), (1403, 1)]);
        assert_eq!(gaps(&[1401, 1402, 1407, 1404], &not_there), [1406, 1403]);
        assert_eq!(gaps(&[1401], &not_there), Vec::<i64>::new());
        assert_eq!(gaps(&[], &not_there), Vec::<i64>::new());
    }
}
