//! `retry ID…`: queues dead or discarded events again.

use anyhow::Result;
use clap::Args;

use super::Exit;
use super::session::Session;
use super::steer::{each_event, who};
use crate::daemon::control::Request;
use crate::event::EventId;

/// Queue dead or discarded events again.
#[derive(Debug, Args)]
pub(super) struct Retry {
    /// The events' numbers, as `events` shows them
    #[arg(required = true, value_name = "ID")]
    events: Vec<i64>,
}

impl Retry {
    pub(super) fn run(self, session: &Session) -> Result<Exit> {
        let events: Vec<EventId> = self.events.into_iter().map(EventId).collect();
        each_event(session, &events, "is queued again", |event| Request::Retry { event, by: who() })
    }
}
