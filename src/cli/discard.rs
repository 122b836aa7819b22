//! `discard ID… --reason TEXT`: throws events away; the reason stays in the audit.

use anyhow::Result;
use clap::Args;

use super::Exit;
use super::session::{Failure, Session};
use super::steer::{each_event, who};
use crate::daemon::control::Request;
use crate::event::EventId;
use crate::text::one_line;

/// The longest reason kept.
const REASON_CHARS_MAX: usize = 300;

/// Throw events away.
#[derive(Debug, Args)]
pub(super) struct Discard {
    /// The events' numbers, as `events` shows them
    #[arg(required = true, value_name = "ID")]
    events: Vec<i64>,
    /// Why; kept in the audit
    #[arg(long, value_name = "TEXT")]
    reason: String,
}

impl Discard {
    pub(super) fn run(self, session: &Session) -> Result<Exit> {
        let reason = one_line(&self.reason, REASON_CHARS_MAX);
        if reason.is_empty() {
            return Err(Failure::wrong("--reason is empty; say why, somebody may ask later"));
        }
        let events: Vec<EventId> = self.events.into_iter().map(EventId).collect();
        each_event(session, &events, "is discarded", |event| Request::Discard {
            event,
            reason: reason.clone(),
            by: who(),
        })
    }
}
