//! What a copy of the file of state says of itself, and what a restored one remembers: settings that backup, restore
//! and the start of the daemon agree on.

use std::time::Duration;

use super::Setting;
use crate::clock::after;
use crate::event::Timestamp;

/// A copy that was made further ahead than this was made while the clock was wrong.
const AHEAD_MAX: Duration = Duration::from_secs(24 * 3_600);

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

/// The model in force, or `starter`; says who chose it and when. The bytes are in the table of models.
pub const MODEL: &str = "model";

/// The mode in force.
pub const MODE: &str = "mode";

/// The configuration file's mode as last seen.
pub const FILE_MODE: &str = "mode.file";

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

/// When a copy that is put in place now counts as restored: now, but not before it was made, should the clock have been
/// set back since.
pub fn restored_at(now: Timestamp, made_at: Option<Timestamp>) -> Timestamp {
    made_at.filter(|made| *made <= after(now, AHEAD_MAX)).map_or(now, |made| made.max(now))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_restore_is_not_older_than_its_copy_but_a_clock_that_was_wrong_for_years_does_not_count() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let now = at("2026-02-10T08:00:00Z");
        assert_eq!(restored_at(now, None), now);
        assert_eq!(restored_at(now, Some(at("2026-02-09T03:00:00Z"))), now);
        assert_eq!(restored_at(now, Some(at("2026-02-10T09:00:00Z"))), at("2026-02-10T09:00:00Z"));
        assert_eq!(restored_at(now, Some(at("2027-02-09T03:00:00Z"))), now);
    }

    #[test]
    fn a_mark_that_cannot_be_read_means_when_it_was_set() {
        let at: Timestamp = "2026-02-10T08:00:00.123Z".parse().unwrap();
        let mark = |value: &str| Setting { value: value.into(), by: "test".into(), at };
        assert_eq!(time_of(&mark("yesterday")), at);
        assert_eq!(time_of(&mark("2026-02-09T03:00:00Z")), "2026-02-09T03:00:00Z".parse().unwrap());
    }
}
