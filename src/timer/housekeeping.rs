//! Retention: what is past its time goes, a small slice at a time, so that the writer is never held.

use std::time::Duration;

use super::Timer;
use crate::clock::{from_millis, millis};

/// Events deleted in one statement.
const SLICE: u32 = 500;

/// Slices in one run at most.
const SLICES_MAX: u32 = 20;

const HOUR: Duration = Duration::from_secs(3_600);

impl Timer {
    /// Deletes ended events past `retention_days` and keys past `dedup_hours`. Dead letters stay.
    pub(super) fn prune(&self) -> bool {
        if !self.steady.may_prune() {
            return true;
        }
        let before = |hours: u32| {
            let back = i64::try_from((HOUR * hours).as_millis()).unwrap_or(i64::MAX);
            from_millis(millis(self.now()).saturating_sub(back))
        };
        let events = before(self.config.store.retention_days.saturating_mul(24));
        let keys = before(self.config.store.dedup_hours);
        for _ in 0..SLICES_MAX {
            match self.store.prune(events, keys, SLICE) {
                Ok(gone) if gone == u64::from(SLICE) => (),
                Ok(_) => return true,
                Err(error) => {
                    log::error!("timer: prune: {error}");
                    return true;
                }
            }
        }
        false
    }
}
