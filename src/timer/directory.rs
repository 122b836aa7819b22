//! Teams, agents and tags: fetched again before they grow old, so that no ticket waits for them.

use super::Timer;
use crate::helpdesk::Directory;
use crate::helpdesk::budget::Use;

/// Pages of the tag list are fetched within this many calls.
const CALLS: u32 = 4;

impl Timer {
    /// Fetches the lists that reading a ticket needs.
    pub(super) fn refresh(&self) {
        for what in [Directory::Tags, Directory::Users] {
            let Ok(mut permit) = self.helpdesk.budget().try_reserve(Use::ReadBack, CALLS) else { return };
            if let Err(error) = self.helpdesk.directory(&mut permit, what) {
                log::warn!("timer: {what:?} cannot be listed: {error}");
            }
        }
    }
}
