//! The policy in force: the configuration and the mode, exchanged while the daemon runs.

use std::sync::{Arc, PoisonError, RwLock};

use crate::config::Config;
use crate::decide::Policy;
use crate::event::{Mode, Timestamp};

/// A policy that can be exchanged; readers take a copy of the pointer and keep it for one event.
#[derive(Debug)]
pub struct LivePolicy {
    current: RwLock<Arc<Policy>>,
    restored_at: Option<Timestamp>,
}

impl LivePolicy {
    /// Resolves the configuration under a mode.
    ///
    /// # Errors
    /// What does not fit together, in words for people.
    pub fn new(config: &Config, mode: Mode) -> Result<Self, Vec<String>> {
        Ok(Self { current: RwLock::new(Arc::new(Policy::new(config, mode)?)), restored_at: None })
    }

    /// The same in a state that was restored from a backup at this time; every policy put in force later knows it too.
    #[must_use]
    pub fn with_restored(mut self, restored_at: Option<Timestamp>) -> Self {
        let now = Policy::clone(&self.current()).with_restored(restored_at);
        self.current = RwLock::new(Arc::new(now));
        self.restored_at = restored_at;
        self
    }

    /// The policy in force.
    pub fn current(&self) -> Arc<Policy> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Puts another one in force from the next event on.
    ///
    /// # Errors
    /// What does not fit together; the one in force stays.
    pub fn exchange(&self, config: &Config, mode: Mode) -> Result<(), Vec<String>> {
        let next = Arc::new(Policy::new(config, mode)?.with_restored(self.restored_at));
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = next;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_of_the_mode_does_not_forget_a_restore() {
        let (config, at) = (Config::default(), Timestamp::UNIX_EPOCH);
        let policy = LivePolicy::new(&config, Mode::Shadow).unwrap().with_restored(Some(at));
        assert_eq!(policy.current().restored_at, Some(at));
        policy.exchange(&config, Mode::Live).unwrap();
        assert_eq!(policy.current().restored_at, Some(at));
    }
}
