//! `backup FILE`: a checked copy of the file of state while the daemon goes on. `backup --verify FILE`: the drill,
//! which opens a copy, checks all of it and compares it with the database.

use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::Args;
use serde::Serialize;

use super::Exit;
use super::copies::{Bar, command, failure, holds, require_file, size};
use super::print::{Tone, clean, clean_lines, count, moment, paint, pair};
use super::session::{Failure, Session, complain, require_database};
use super::steer::{asked, who};
use crate::config::load::Loaded;
use crate::daemon::control::Request;
use crate::daemon::outside::{self, BackupOrder, Contents};
use crate::event::Timestamp;
use crate::store::marks::LastBackup;

/// Copy the database, or look at a copy.
#[derive(Debug, Args)]
pub(super) struct Backup {
    /// The copy
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Check a copy that is there, and compare it with the database
    #[arg(long)]
    verify: bool,
    /// Put the copy over a file that is there
    #[arg(long, conflicts_with = "verify")]
    force: bool,
}

#[derive(Debug, Serialize)]
struct Made<'a> {
    file: &'a Path,
    database: &'a Path,
    seconds: f64,
    #[serde(flatten)]
    contents: Contents,
    /// Why the database does not know of it, when so.
    not_noted: Option<String>,
}

#[derive(Debug, Serialize)]
struct Looked<'a> {
    file: &'a Path,
    ok: bool,
    /// It is something else than a copy.
    no_copy: bool,
    /// What is wrong with it.
    problems: Vec<String>,
    #[serde(flatten)]
    contents: Option<Contents>,
    compared: Option<Compared>,
}

/// A copy beside the database.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Compared {
    database: PathBuf,
    newer: Newer,
    /// Events accepted after the copy's newest one.
    only_in_database: u64,
    /// Events of the copy that are newer than the database's newest one.
    only_in_copy: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Newer {
    Database,
    Copy,
    Neither,
}

impl Backup {
    pub(super) fn run(self, session: &Session) -> Result<Exit> {
        if self.verify { verify(session, &self.file) } else { self.make(session) }
    }

    fn make(&self, session: &Session) -> Result<Exit> {
        let loaded = session.load()?;
        let store = &loaded.config.store;
        require_database(&store.path)?;
        let (began, by, now) = (session.clock.monotonic(), who(), session.now());
        let order = BackupOrder {
            database: &store.path,
            file: &self.file,
            force: self.force,
            floor_bytes: store.min_free_mib.saturating_mul(1_048_576),
            by: &by,
            now,
        };
        let mut bar = Bar::default();
        let contents = outside::backup(&order, &mut |progress| bar.show(progress)).map_err(failure)?;
        drop(bar);
        let seconds = (session.clock.monotonic() - began).as_secs_f64();
        let not_noted = note(session, &loaded, &self.file, &contents, &by).err();
        let made = Made { file: &self.file, database: &store.path, seconds, contents, not_noted };
        session.show(&made, |_| page(&made, now))?;
        if let Some(why) = made.not_noted.as_ref().filter(|_| !session.json) {
            complain(&format!(
                "the backup is good, but the database could not be told of it: {}",
                clean(why)
            ));
        }
        Ok(Exit::Good)
    }
}

/// Tells the database of it: through the daemon, or in the file with none running.
fn note(
    session: &Session,
    loaded: &Loaded,
    file: &Path,
    contents: &Contents,
    by: &str,
) -> Result<(), String> {
    let database = &loaded.config.store.path;
    let file = std::path::absolute(file).unwrap_or_else(|_| file.to_owned()).display().to_string();
    let last = LastBackup { file, bytes: contents.bytes, events: contents.figures.events() };
    match asked(database, &Request::BackedUp { last: last.clone(), by: by.to_owned() }) {
        Ok(Some(answer)) => answer.map(drop),
        Ok(None) => {
            outside::note_backup(database, &last, by, session.now()).map_err(|error| error.to_string())
        }
        Err(error) => Err(format!("{error:#}")),
    }
}

fn page(made: &Made<'_>, now: Timestamp) -> String {
    let file = clean(&made.file.display().to_string());
    let words = format!("{file} in {:.1} s: checked, and on disk", made.seconds);
    let mut text = pair("backup", &paint(Tone::Good, &words));
    text.push_str(&pair("of", &clean(&made.database.display().to_string())));
    text.push_str(&holds(&made.contents, now));
    text.push_str(&pair("look at it", &command(&format!("richpanel-mw backup --verify {file}"))));
    text.push_str(&pair("put it back", &command(&format!("richpanel-mw restore {file}"))));
    text.push_str(&pair(
        "",
        "with the daemon stopped; it holds what customers wrote: keep it as safe as the database",
    ));
    text
}

fn verify(session: &Session, file: &Path) -> Result<Exit> {
    let loaded = session.load_or_defaults()?;
    require_file(file)?;
    let (contents, problems) = match outside::check_copy(file) {
        Ok(contents) => (Some(contents), vec![]),
        Err(problems) => (None, problems),
    };
    let compared = contents.as_ref().and_then(|contents| compare(file, contents, &loaded.config.store.path));
    let ok = problems.is_empty();
    let no_copy = !ok && !outside::has_our_head(file);
    let looked = Looked { file, ok, no_copy, problems, contents, compared };
    session.show(&looked, |_| looked_page(&looked, session.now()))?;
    if looked.ok {
        return Ok(Exit::Good);
    }
    if session.json {
        return Ok(Exit::No);
    }
    Err(Failure::no(format!("{} is not a good copy; use another one", file.display())))
}

/// `None`: there is no database here, or it cannot be read.
fn compare(file: &Path, copy: &Contents, database: &Path) -> Option<Compared> {
    let present = outside::look_into(database).ok()?;
    let only_in_database = outside::accepted_after(database, copy.figures.newest_at).ok()?;
    let only_in_copy = outside::accepted_after(file, present.figures.newest_at).ok()?;
    let newer = match (only_in_database, only_in_copy) {
        (0, 0) => Newer::Neither,
        (0, _) => Newer::Copy,
        _ => Newer::Database,
    };
    Some(Compared { database: database.to_owned(), newer, only_in_database, only_in_copy })
}

fn looked_page(looked: &Looked<'_>, now: Timestamp) -> String {
    let file = clean(&looked.file.display().to_string());
    let Some(contents) = &looked.contents else {
        let verdict = if looked.no_copy {
            format!("{file} is not a copy of a richpanel-mw database")
        } else {
            format!("{file} is broken")
        };
        let mut text = pair("copy", &paint(Tone::Bad, &verdict));
        for problem in looked.problems.iter().flat_map(|problem| clean_lines(problem)) {
            text.push_str(&pair("", &problem));
        }
        return text;
    };
    let mut text = pair("copy", &paint(Tone::Good, &format!("{file}: its structure is sound")));
    let of = contents.made_of.as_deref().map_or_else(String::new, |of| format!(" of {}", clean(of)));
    text.push_str(&pair(
        "made",
        &contents.made_at.map_or_else(
            || "not by backup: a database itself, or a copy by hand".to_owned(),
            |at| format!("{}{of}", moment(at, now)),
        ),
    ));
    text.push_str(&holds(contents, now));
    if let Some(compared) = &looked.compared {
        text.push_str(&compared_line(compared));
    }
    text
}

fn compared_line(compared: &Compared) -> String {
    let events = |number: u64| count(usize::try_from(number).unwrap_or(usize::MAX), "event");
    let database = clean(&compared.database.display().to_string());
    let words = match compared.newer {
        Newer::Neither => format!("{database} has the same newest event"),
        Newer::Database => {
            format!("{database} is newer: {} came after the copy was made", events(compared.only_in_database))
        }
        Newer::Copy => format!(
            "the copy is newer than {database}: {} in it came after the database's newest",
            events(compared.only_in_copy)
        ),
    };
    pair("compared", &words)
}

/// The last backup, for `status`.
pub(super) fn last_line(last: Option<(Timestamp, &LastBackup)>, now: Timestamp) -> String {
    let words = last.map_or_else(
        || paint(Tone::Warn, "none; richpanel-mw backup FILE makes one while the daemon runs"),
        |(at, last)| {
            let of = format!(
                "{}, {}",
                count(usize::try_from(last.events).unwrap_or(usize::MAX), "event"),
                size(last.bytes)
            );
            format!("{}: {} ({of})", moment(at, now), clean(&last.file))
        },
    );
    pair("last backup", &words)
}
