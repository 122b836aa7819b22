//! Log lines on standard error, where journald picks them up: one line a record, whatever is in it.
//!
//! Under systemd (`JOURNAL_STREAM` is set) a line has no time of its own and begins with its priority in angle
//! brackets, so that `journalctl -p warning` works. `RUST_LOG` chooses what is logged.

use std::fmt::Write as _;
use std::io::{IsTerminal as _, Write as _};
use std::sync::Arc;

use clap::ValueEnum;
use log::kv::{Error, Key, Value, VisitSource};
use log::{Level, LevelFilter, Record};

use super::print::clean;
use crate::clock::Clock;

/// How a line looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum LogFormat {
    /// `2026-02-09T00:31:40Z INFO worker event=7 …`
    Text,
    /// One JSON object a line
    Json,
}

/// Sets the process's logger up. A second call changes nothing.
pub(super) fn start(format: LogFormat, clock: &Arc<dyn Clock>) {
    // A shell started by a service has the variable too, but a person in front of it.
    let journal = std::env::var_os("JOURNAL_STREAM").is_some() && !std::io::stderr().is_terminal();
    let clock = Arc::clone(clock);
    let filters = std::env::var("RUST_LOG").ok().filter(|filters| !filters.trim().is_empty());
    let mut builder = env_logger::Builder::new();
    builder.filter_level(LevelFilter::Warn).filter_module("richpanel_mw", LevelFilter::Info);
    if let Some(filters) = filters {
        builder.parse_filters(&filters);
    }
    builder.format(move |out, record| {
        let at = format!("{:.3}", clock.now());
        let line = match format {
            LogFormat::Json => json(record, &at),
            LogFormat::Text => text(record, (!journal).then_some(at.as_str())),
        };
        writeln!(out, "{line}")
    });
    // Only a test of the whole program can have set one before.
    let _ = builder.try_init();
}

/// `None` for the time: journald has it, and reads the priority.
fn text(record: &Record<'_>, at: Option<&str>) -> String {
    let mut line = at
        .map_or_else(|| format!("<{}>", priority(record.level())), |at| format!("{at} {} ", record.level()));
    let _ = write!(line, "{} {}", module(record), clean(&record.args().to_string()));
    let mut pairs = Pairs(vec![]);
    let _ = record.key_values().visit(&mut pairs);
    for (key, value) in pairs.0 {
        let _ = write!(line, " {key}={value:?}");
    }
    line
}

fn json(record: &Record<'_>, at: &str) -> String {
    let mut object = serde_json::Map::new();
    let mut put = |key: &str, value: String| {
        object.insert(key.to_owned(), value.into());
    };
    put("at", at.to_owned());
    put("level", record.level().as_str().to_lowercase());
    put("module", module(record).to_owned());
    put("message", record.args().to_string());
    let mut pairs = Pairs(vec![]);
    let _ = record.key_values().visit(&mut pairs);
    for (key, value) in pairs.0 {
        put(&key, value);
    }
    serde_json::Value::Object(object).to_string()
}

fn module<'a>(record: &'a Record<'_>) -> &'a str {
    let target = record.target();
    let path = target.strip_prefix("richpanel_mw::").unwrap_or(target);
    path.split("::").next().unwrap_or(path)
}

const fn priority(level: Level) -> u8 {
    match level {
        Level::Error => 3,
        Level::Warn => 4,
        Level::Info => 6,
        Level::Debug | Level::Trace => 7,
    }
}

struct Pairs(Vec<(String, String)>);

impl<'kvs> VisitSource<'kvs> for Pairs {
    fn visit_pair(&mut self, key: Key<'kvs>, value: Value<'kvs>) -> Result<(), Error> {
        self.0.push((key.to_string(), value.to_string()));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_record<T>(look: impl FnOnce(&Record<'_>) -> T) -> T {
        look(
            &Record::builder()
                .args(format_args!("event={} ticket={}", 7, "a\nb"))
                .level(Level::Warn)
                .target("richpanel_mw::worker::event")
                .build(),
        )
    }

    #[test]
    fn a_line_is_one_line_and_says_who_and_how_bad() {
        let line = with_record(|record| text(record, Some("2026-02-09T00:31:40.000Z")));
        assert_eq!(line, "2026-02-09T00:31:40.000Z WARN worker event=7 ticket=a\\nb");
        assert_eq!(with_record(|record| text(record, None)), "<4>worker event=7 ticket=a\\nb");
    }

    #[test]
    fn json_lines_are_json() {
        let line = with_record(|record| json(record, "t"));
        let value: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(value["level"], "warn");
        assert_eq!(value["message"], "event=7 ticket=a\nb");
        assert!(!line.contains('\n'));
    }
}
