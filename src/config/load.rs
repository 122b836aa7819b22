//! Reading the file: syntax and unknown keys are refused with line, column and the nearest known key.

use std::path::{Path, PathBuf};

use super::{Config, starter};

/// Where the file is looked for when nobody says.
pub const DEFAULT_PATH: &str = "/etc/richpanel-mw/config.toml";

/// Why the file cannot be used. The words are for people.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LoadError {
    /// It is not there or not readable.
    #[error("cannot read {}: {why}\n{hint}", .path.display())]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// The system's word.
        why: String,
        /// What to do.
        hint: String,
    },
    /// It is not TOML, or a key or value is wrong.
    #[error("{}:{line}:{column}: {message}", .path.display())]
    Invalid {
        /// Which file.
        path: PathBuf,
        /// From 1.
        line: usize,
        /// From 1.
        column: usize,
        /// What is wrong, and what may have been meant.
        message: String,
    },
}

/// A file as read.
#[derive(Debug, Clone, PartialEq)]
pub struct Loaded {
    /// What it says.
    pub config: Config,
    /// Where it stands; `*_file` names are looked for beside it.
    pub path: PathBuf,
}

/// Reads a configuration file.
///
/// # Errors
/// [`LoadError`], in words for people.
pub fn load(path: &Path) -> Result<Loaded, LoadError> {
    let text = std::fs::read_to_string(path).map_err(|error| LoadError::Unreadable {
        path: path.to_owned(),
        why: error.to_string(),
        hint: match error.kind() {
            std::io::ErrorKind::NotFound => "Name one with --config FILE; examples/minimal.toml is a start.",
            std::io::ErrorKind::PermissionDenied => {
                "Let this user read it, or run as the daemon's user (sudo)."
            }
            std::io::ErrorKind::InvalidData => "It must be text in UTF-8.",
            _ => "It must be a readable file.",
        }
        .into(),
    })?;
    Ok(Loaded { config: parse(&text, path)?, path: path.to_owned() })
}

/// Reads a configuration from its text; `path` is only for the message.
///
/// # Errors
/// [`LoadError::Invalid`].
pub fn parse(text: &str, path: &Path) -> Result<Config, LoadError> {
    let mut config: Config = toml::from_str(text).map_err(|error| {
        let (line, column) = position(text, error.span().map_or(0, |span| span.start));
        LoadError::Invalid { path: path.to_owned(), line, column, message: with_nearest(error.message()) }
    })?;
    merge_starter(&mut config);
    Ok(config)
}

/// The starter pack's teams and replies stay unless the file says otherwise; intents merge where they are resolved.
fn merge_starter(config: &mut Config) {
    for (name, team) in starter::teams() {
        config.routing.teams.entry(name).or_insert(team);
    }
    for (name, texts) in starter::replies() {
        config.replies.0.entry(name).or_insert(texts);
    }
}

fn position(text: &str, at: usize) -> (usize, usize) {
    let before = text.get(..at).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    (before.matches('\n').count() + 1, before.get(line_start..).unwrap_or_default().chars().count() + 1)
}

/// serde lists every key it knows; a person wants the one that was meant.
fn with_nearest(message: &str) -> String {
    let message = message.trim();
    let mut quoted = message.split('`').skip(1).step_by(2);
    let (true, Some(unknown)) = (message.starts_with("unknown "), quoted.next()) else {
        return message.to_owned();
    };
    let known: Vec<&str> = quoted.collect();
    let kind = if message.starts_with("unknown variant") { "value" } else { "key" };
    let nearest = known
        .iter()
        .map(|key| (strsim::damerau_levenshtein(unknown, key), *key))
        .filter(|(distance, key)| *distance <= 2.max(key.len() / 3))
        .min();
    match nearest {
        Some((_, key)) => format!("unknown {kind} `{unknown}`; did you mean `{key}`?"),
        None => format!("unknown {kind} `{unknown}`; known here: {}", known.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> String {
        parse(text, Path::new("mw.toml")).unwrap_err().to_string()
    }

    #[test]
    fn an_empty_file_is_the_defaults() {
        assert_eq!(parse("", Path::new("x")).unwrap(), Config::default());
    }

    #[test]
    fn an_unknown_key_names_the_nearest_known_one_and_the_line() {
        let message = error("[server]\nlisten = \"127.0.0.1:1\"\ntoken_fil = \"x\"\n");
        assert!(message.starts_with("mw.toml:3:1: "), "{message}");
        assert!(message.contains("did you mean `token_file`?"), "{message}");
    }

    #[test]
    fn an_unknown_value_names_the_nearest_known_one() {
        assert!(error("[rollout]\nmode = \"shadw\"").contains("did you mean `shadow`?"));
    }

    #[test]
    fn a_key_that_resembles_nothing_lists_what_is_known() {
        let message = error("[workers]\nzzzzzzzzzz = 1");
        assert!(message.contains("known here: threads"), "{message}");
    }

    #[test]
    fn broken_syntax_says_where() {
        assert!(error("[server]\nlisten = \n").starts_with("mw.toml:2:"));
    }

    #[test]
    fn a_shops_team_stands_beside_the_starter_packs() {
        let config = parse("[routing.teams.vip]\ntag = \"route-vip\"", Path::new("x")).unwrap();
        assert_eq!(config.routing.teams.len(), starter::teams().len() + 1);
    }

    #[test]
    fn a_missing_file_says_what_to_do() {
        let message = load(Path::new("/nonexistent/mw.toml")).unwrap_err().to_string();
        assert!(message.contains("--config") && message.contains("examples/"), "{message}");
    }
}
