//! `restore FILE`: puts a copy back in the place of the database, with the daemon stopped.

use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::Args;
use serde::Serialize;

use super::Exit;
use super::copies::{Bar, command, failure, holds, require_file};
use super::print::{Tone, clean, moment, paint, pair};
use super::session::Session;
use super::steer::who;
use crate::daemon::outside::{self, Contents};
use crate::event::Timestamp;

/// Put a copy back.
#[derive(Debug, Args)]
pub(super) struct Restore {
    /// The copy, as `backup` made it
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

#[derive(Debug, Serialize)]
struct Done<'a> {
    file: &'a Path,
    database: &'a Path,
    #[serde(flatten)]
    contents: Contents,
    /// The database that was there, under its new name.
    kept: Option<PathBuf>,
    /// The mode that was in force in it.
    mode_before: Option<String>,
    /// The mode that the copy had.
    mode_in_copy: Option<String>,
}

impl Restore {
    pub(super) fn run(self, session: &Session) -> Result<Exit> {
        let loaded = session.load()?;
        require_file(&self.file)?;
        let database = &loaded.config.store.path;
        let before = outside::look_into(database).ok().and_then(|before| before.mode);
        let mut bar = Bar::default();
        let restored =
            outside::restore(&self.file, database, &who(), session.clock.as_ref(), &mut |progress| {
                bar.show(progress);
            })
            .map_err(failure)?;
        drop(bar);
        let done = Done {
            file: &self.file,
            database,
            contents: restored.contents,
            kept: restored.kept,
            mode_before: before.map(|(mode, _)| mode),
            mode_in_copy: restored.mode_in_copy,
        };
        session.show(&done, |_| page(&done, session.now()))?;
        Ok(Exit::Good)
    }
}

fn page(done: &Done<'_>, now: Timestamp) -> String {
    let path = |path: &Path| clean(&path.display().to_string());
    let words = format!("{} from {}", path(done.database), path(done.file));
    let mut text = pair("restored", &paint(Tone::Good, &words));
    text.push_str(&holds(&done.contents, now));
    if let Some(kept) = &done.kept {
        text.push_str(&pair("before", &format!("the database that was there is now {}", path(kept))));
    }
    if let Some(at) = done.contents.restored_at {
        let words = format!("nothing that customers wrote until {}; it is routed to people", moment(at, now));
        text.push_str(&pair("not answered", &words));
    }
    if let Some((mode, _)) = &done.contents.mode {
        text.push_str(&pair("mode", &mode_words(mode, done)));
    }
    text.push_str(&pair("next", &command("systemctl start richpanel-mw && richpanel-mw reconcile")));
    text.push_str(&pair(
        "",
        "reconcile looks for what came since the backup was made; short of calls after a start, say it again",
    ));
    text
}

/// What `status` says of the last restore.
pub(super) fn standing(at: Timestamp, from: &str, now: Timestamp) -> String {
    let words = format!("{} from {}: nothing written until then is answered", moment(at, now), clean(from));
    pair("restored", &words)
}

/// The more careful mode of the two is in force.
fn mode_words(mode: &str, done: &Done<'_>) -> String {
    let others = [("it was", &done.mode_before), ("the copy has", &done.mode_in_copy)];
    let other = others.iter().find_map(|(who, other)| {
        other.as_deref().filter(|other| *other != mode).map(|other| (*who, clean(other)))
    });
    let mode = clean(mode);
    match other {
        None => mode,
        Some((who, other)) => paint(
            Tone::Warn,
            &format!("{mode}, the more careful one: {who} {other}. To change it: richpanel-mw mode {other}"),
        ),
    }
}
