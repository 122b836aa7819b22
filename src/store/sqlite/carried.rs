//! What a restore does not undo: the mode that is more careful of the two, and a brake that only a person releases.
//! Best effort: a file in place that cannot be read takes nothing along.

use std::path::Path;

use rusqlite::Connection;

use super::open::open_any_version;
use super::upkeep::setting;
use crate::event::Mode;
use crate::store::brake::{HARM, STOPPED};
use crate::store::marks::{FILE_MODE, MODE};

/// Settings of the file in place, for the copy that takes its place.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Carried {
    /// Key and value.
    pub(super) settings: Vec<(&'static str, String)>,
}

/// What the file in place and the copy come to.
pub(super) fn carried(database: &Path, copy: &Connection) -> Carried {
    let Ok((present, _)) = open_any_version(database) else { return Carried::default() };
    let value =
        |connection: &Connection, key: &str| setting(connection, key).ok().flatten().map(|kept| kept.value);
    let mut settings = Vec::new();
    if let Some(before) = mode(&present) {
        let careful = mode(copy).map_or(before, |copied| before.min(copied));
        settings.push((MODE, careful.as_str().to_owned()));
        // As seen in the configuration so far: else the next start takes it for news.
        settings.extend(value(&present, FILE_MODE).map(|seen| (FILE_MODE, seen)));
    }
    settings.extend(value(&present, HARM).filter(|state| state == STOPPED).map(|state| (HARM, state)));
    Carried { settings }
}

/// The mode in force in a file; `None` before its first start.
fn mode(connection: &Connection) -> Option<Mode> {
    let kept = |key| setting(connection, key).ok().flatten().and_then(|kept| Mode::parse(&kept.value));
    kept(MODE).or_else(|| kept(FILE_MODE))
}

#[cfg(test)]
mod tests {
    use super::super::open::open_writer;
    use super::super::upkeep::set;
    use super::*;
    use crate::event::Timestamp;

    fn file(folder: &Path, name: &str, settings: &[(&str, &str)]) -> Connection {
        let connection = open_writer(&folder.join(name)).unwrap();
        for (key, value) in settings {
            set(&connection, key, Some(value), "test", Timestamp::UNIX_EPOCH).unwrap();
        }
        connection
    }

    #[test]
    fn the_more_careful_mode_and_a_brake_that_holds_outlive_a_restore() {
        let folder = tempfile::tempdir().unwrap();
        let copy = file(folder.path(), "copy.db", &[(MODE, "live"), (FILE_MODE, "shadow")]);
        type Settings = &'static [(&'static str, &'static str)];
        let cases: [(Settings, Settings); 4] = [
            (&[(MODE, "off"), (FILE_MODE, "live")], &[(MODE, "off"), (FILE_MODE, "live")]),
            (
                &[(FILE_MODE, "route"), (HARM, STOPPED)],
                &[(MODE, "route"), (FILE_MODE, "route"), (HARM, STOPPED)],
            ),
            (&[(MODE, "live"), (HARM, "released")], &[(MODE, "live")]),
            (&[], &[]),
        ];
        for (number, (present, wanted)) in cases.into_iter().enumerate() {
            let name = format!("mw{number}.db");
            drop(file(folder.path(), &name, present));
            let kept = carried(&folder.path().join(&name), &copy).settings;
            let kept: Vec<_> = kept.iter().map(|(key, value)| (*key, value.as_str())).collect();
            assert_eq!(kept, wanted, "{present:?}");
        }
        let careful = file(folder.path(), "careful.db", &[(MODE, "shadow")]);
        let kept = carried(&folder.path().join("mw2.db"), &careful).settings;
        assert_eq!(kept, [(MODE, "shadow".to_owned())], "the copy is the more careful one");
        assert_eq!(carried(&folder.path().join("none.db"), &copy), Carried::default());
    }
}
