//! The policy in force: the configuration and the mode, exchanged while the daemon runs.

use std::sync::{Arc, PoisonError, RwLock};

use crate::config::Config;
use crate::decide::Policy;
use crate::event::Mode;

/// A policy that can be exchanged; readers take a copy of the pointer and keep it for one event.
#[derive(Debug)]
pub struct LivePolicy {
    current: RwLock<Arc<Policy>>,
}

impl LivePolicy {
    /// Resolves the configuration under a mode.
    ///
    /// # Errors
    /// What does not fit together, in words for people.
    pub fn new(config: &Config, mode: Mode) -> Result<Self, Vec<String>> {
        Ok(Self { current: RwLock::new(Arc::new(Policy::new(config, mode)?)) })
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
        let next = Arc::new(Policy::new(config, mode)?);
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = next;
        Ok(())
    }
}
