//! What a copy of the file of state says of itself, and what a restored one remembers: settings that backup, restore
//! and the start of the daemon agree on.

use super::Setting;
use crate::event::Timestamp;

/// In a copy: when it was made. Whoever finds it in the file in place looks at a copy that was put there.
pub const BACKUP_MADE_AT: &str = "backup.made_at";

/// In a copy: of which file.
pub const BACKUP_OF: &str = "backup.of";

/// In the file in place: the last backup that succeeded, as the JSON of a [`LastBackup`].
pub const BACKUP_LAST: &str = "backup.last";

/// In a restored file: when it was put in place. Nothing that a customer wrote until then is answered.
pub const RESTORE_AT: &str = "restore.at";

/// In a restored file: from what.
pub const RESTORE_FROM: &str = "restore.from";

/// The last backup.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct LastBackup {
    /// Where it stands.
    pub file: String,
    /// Its size.
    pub bytes: u64,
    /// Events in it.
    pub events: u64,
}

/// The time that a mark holds. One that cannot be read means the moment in which it was set.
pub fn time_of(mark: &Setting) -> Timestamp {
    mark.value.parse().unwrap_or(mark.at)
}
