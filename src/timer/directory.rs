//! Teams, agents and tags: fetched again before they grow old, so that no ticket waits for them.

use super::Timer;
use crate::helpdesk::budget::Use;
use crate::helpdesk::{ApiError, Directory};

impl Timer {
    /// Fetches the lists that reading a ticket needs; false when no budget is left over, or the helpdesk
    /// is down, and it must be tried again.
    pub(super) fn refresh(&self) -> bool {
        if self.is_down() {
            return false;
        }
        for what in [Directory::Tags, Directory::Users] {
            let Ok(mut permit) = self.helpdesk.budget().try_reserve(Use::ReadBack, 1) else { return false };
            match self.helpdesk.directory(&mut permit, what) {
                Ok(_) => (),
                Err(ApiError::Throttled { .. }) => return false,
                Err(error) => log::warn!("timer: {what:?} cannot be listed: {error}"),
            }
        }
        true
    }
}
