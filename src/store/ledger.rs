//! What came and what did not: counts by channel and hour, and the conversation numbers that nothing told us of.

use serde::{Deserialize, Serialize};

use crate::event::Timestamp;

/// Customer messages of one channel in one hour, by how they came. A message that came by a call and by a sweep counts
/// as a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CoverageHour {
    /// When the hour began (UTC); the message's own time counts, else when it was taken in, and for a missing number
    /// when it was noted.
    pub hour: Timestamp,
    /// The channel's word; `None` for what was not read yet, and for missing numbers.
    pub channel: Option<String>,
    /// Came by a call.
    pub calls: u32,
    /// Found by a sweep.
    pub sweeps: u32,
    /// Named by an exported file.
    pub csv: u32,
    /// Conversation numbers that nothing told us of and that nobody could read yet.
    pub missing: u32,
    /// When the last of the calls came.
    pub last_call_at: Option<Timestamp>,
    /// When the first of the sweep's finds was written.
    pub first_find_at: Option<Timestamp>,
}

/// What a look at a missing number showed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    /// A ticket; it is met like any other.
    Found,
    /// Nothing yet: looked up again later.
    NotYet,
    /// Nothing, and it is not asked for again.
    Nothing,
}

/// A conversation number that nothing told us of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gap {
    /// The number.
    pub number: i64,
    /// Looks so far.
    pub looks: u32,
}

/// Which missing numbers to look up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GapsDue {
    /// Noted at or before this.
    pub noted_by: Timestamp,
    /// Never looked up, or last at or before this.
    pub looked_by: Timestamp,
    /// The clock, so that times ahead of it (it was wrong once) put nothing off.
    pub now: Timestamp,
    /// At most so many, the highest first.
    pub limit: u32,
}
