//! `train`: the shop's own messages into a model, its figures, and into force.
//!
//! In order: what to learn from is gathered (`data`), a model is trained and held against the one in force
//! (`compare`), the figures are shown (`report`), and the model goes to the running daemon or into the file.

mod compare;
mod data;
mod report;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context as _, Result};
use clap::Args;

use super::Exit;
use super::bar::Bar;
use super::print::{clean, count};
use super::session::{Failure, Session};
use super::steer::{Steering, asked, who};
use crate::classify::builtin;
use crate::classify::model::examples::{self, Example};
use crate::classify::model::{Embed, Model, Plan, Training};
use crate::config::load::Loaded;
use crate::daemon::control::Request;
use crate::daemon::{model, outside};
use compare::{Compared, compare};
use data::{Pack, gather};
use report::Report;

pub(super) use data::configured;

/// Train the model on the starter pack, the configuration's examples and the shop's own messages.
#[derive(Debug, Args)]
pub(super) struct Train {
    /// The shop's own messages: CSV whose first line names the columns, `text` and `intent` among them (`flag` may
    /// say `plain` of a status question that the order's state answers, `trap` of one that only looks like it)
    #[arg(long, value_name = "FILE", num_args = 1..)]
    data: Vec<PathBuf>,
    /// Learn from your own messages instead of the starter pack. Its urgent messages (chargeback, legal_threat,
    /// harassment, fraud, safety, privacy_request) and background are kept: without them the model would no longer see
    /// what must stop a reply
    #[arg(long, requires = "data")]
    replace: bool,
    /// With --replace: leave the urgent messages and background out too. Then the model knows as urgent only what your
    /// own messages teach it; the built-in phrases stay
    #[arg(long, requires = "replace")]
    without_starter_net: bool,
    /// Write the model to this file and leave the one in force alone
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Put it in force even when it reads clearly worse than the one that is
    #[arg(long, conflicts_with = "out")]
    anyway: bool,
    /// The built-in models, of the starter pack alone: into this folder (for those who change the starter pack)
    #[arg(long, hide = true, requires = "out", conflicts_with_all = ["data", "replace"])]
    starter: bool,
}

impl Train {
    pub(super) fn run(self, session: &Session) -> Result<Exit> {
        if let (true, Some(out)) = (self.starter, &self.out) {
            return starter(session, out);
        }
        let loaded = session.load()?;
        let gathered = gather(&loaded.config, &self.data, self.pack())?;
        match &self.out {
            Some(out) => ready_to_write(out)?,
            None => ready(&loaded)?,
        }
        let embed = builtin::embedding().map_err(Failure::cannot)?;
        let model = trained(session, gathered.examples.clone(), embed.as_ref())?;
        let in_force = outside::model(&loaded.config).map_err(Failure::cannot)?;
        let mut report = Report::of(&model, &loaded.config, &gathered);
        report.compared = compare(&model, &in_force, &gathered.examples, embed.as_deref());
        report.in_force_before = Some(in_force.version().to_owned());
        let exit = self.settle(session, &loaded, &model, &mut report)?;
        session.show(&report, |screen| report.page(*screen))?;
        Ok(exit)
    }

    const fn pack(&self) -> Pack {
        match (self.replace, self.without_starter_net) {
            (false, _) => Pack::Whole,
            (true, false) => Pack::Net,
            (true, true) => Pack::Nothing,
        }
    }

    /// Into the file that was asked for, or into force.
    fn settle(&self, session: &Session, loaded: &Loaded, model: &Model, report: &mut Report) -> Result<Exit> {
        let bytes = model.to_bytes();
        if let Some(out) = &self.out {
            write(out, &bytes)?;
            report.end = format!("written to {}; the model in force is as it was", out.display());
            return Ok(Exit::Good);
        }
        if !self.anyway && report.compared.as_ref().is_some_and(Compared::is_worse) {
            report.end =
                "not put in force: it reads worse than the one that is. Look at the intents with a low \
                          precision for messages under the wrong intent; or put it in force with --anyway"
                    .to_owned();
            return Ok(Exit::No);
        }
        let steering = Steering::find(session, loaded)?;
        let length = bytes.len() as u64;
        let request = Request::AddModel { trained_at: session.now(), by: who(), length, bytes };
        steering.ask(&request)?.map_err(|why| Failure::cannot(clean(&why)))?;
        report.installed = true;
        report.end = match (steering, &report.in_force_before) {
            (Steering::Daemon(_), Some(before)) if before != model.version() => {
                format!("in force: the next message is read with it. Back: models use {}", back(before))
            }
            (Steering::Daemon(_), _) => "in force; it is the same as before".to_owned(),
            (Steering::File { .. }, _) => "in force from the next start of the daemon".to_owned(),
        };
        Ok(Exit::Good)
    }
}

/// What leads back to a model.
fn back(version: &str) -> String {
    match model::starter() {
        Ok(starter) if starter.version() == version => builtin::STARTER_NAME.to_owned(),
        _ => version.to_owned(),
    }
}

/// Says before a training of minutes that its end could not be kept.
fn ready(loaded: &Loaded) -> Result<()> {
    let path = &loaded.config.store.path;
    if asked(path, &Request::Status)?.is_none() {
        super::session::require_database(path)?;
    }
    Ok(())
}

/// The same of a file; one that is there keeps what is in it.
fn ready_to_write(out: &Path) -> Result<()> {
    let is_new = !out.exists();
    let opened = std::fs::OpenOptions::new().append(true).create(true).open(out);
    opened.map_err(|error| Failure::cannot(format!("cannot write {}: {error}", out.display())))?;
    if is_new {
        std::fs::remove_file(out).with_context(|| format!("cannot write {}", out.display()))?;
    }
    Ok(())
}

/// Both built-in models into a folder, or the one of this build into a file.
fn starter(session: &Session, out: &Path) -> Result<Exit> {
    let embed = builtin::embedding().map_err(Failure::cannot)?;
    let with = (builtin::FILE_WITH_EMBEDDING, embed.as_ref());
    let without = (builtin::FILE_WITHOUT, None);
    let wanted = match (out.is_dir(), &embed) {
        (true, Some(_)) => vec![(out.join(with.0), with.1), (out.join(without.0), without.1)],
        (true, None) => vec![(out.join(without.0), without.1)],
        (false, _) => vec![(out.to_owned(), embed.as_ref())],
    };
    for (file, embed) in wanted {
        let model = trained(session, examples::starter()?, embed)?;
        let bytes = model.to_bytes();
        write(&file, &bytes)?;
        let accuracy = model.description().figures.accuracy * 100.0;
        let words = count(bytes.len(), "byte");
        session.say(&format!(
            "{}: {}, {words}, {accuracy:.2} % held out\n",
            file.display(),
            model.version()
        ))?;
    }
    Ok(Exit::Good)
}

fn write(file: &Path, bytes: &[u8]) -> Result<()> {
    std::fs::write(file, bytes).with_context(|| format!("cannot write {}", file.display()))
}

/// A model of these examples, with a bar while it is made.
fn trained(session: &Session, examples: Vec<Example>, embed: Option<&Arc<dyn Embed>>) -> Result<Model> {
    let bar = Bar::new("train", "steps", 0, &session.clock, session.json);
    let bar = Mutex::new(bar);
    let progress = |done: u64, of: u64| {
        let figure = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
        let words = "read, then learned in parts".to_owned();
        bar.lock().unwrap_or_else(PoisonError::into_inner).show(figure(done), figure(of), words);
    };
    let embed = embed.map(AsRef::as_ref);
    let training = Training { examples, embed, plan: Plan::default(), progress: &progress };
    let model = crate::classify::model::train(training).map_err(|error| Failure::no(error.to_string()));
    bar.lock().unwrap_or_else(PoisonError::into_inner).finish();
    model
}

#[cfg(test)]
mod tests {
    use clap::{Parser, Subcommand};

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(subcommand)]
        command: Command,
    }

    #[derive(Subcommand)]
    enum Command {
        Train(Train),
    }

    #[test]
    fn a_place_that_cannot_be_written_is_said_before_the_training_and_nothing_is_left_there() {
        let folder = tempfile::tempdir().unwrap();
        let (new, kept) = (folder.path().join("new.bin"), folder.path().join("kept.bin"));
        std::fs::write(&kept, "a model").unwrap();
        for place in [&new, &kept] {
            ready_to_write(place).unwrap();
        }
        assert!(!new.exists() && std::fs::read(&kept).unwrap() == b"a model");
        for nowhere in [folder.path().join("no/such/x.bin"), folder.path().to_owned()] {
            let said = ready_to_write(&nowhere).unwrap_err().to_string();
            assert!(said.contains("cannot write"), "{said}");
        }
    }

    #[test]
    fn only_whoever_says_so_trains_without_the_urgent_messages() {
        for (words, wanted) in [
            ("mw train", Pack::Whole),
            ("mw train --data a.csv", Pack::Whole),
            ("mw train --data a.csv --replace", Pack::Net),
            ("mw train --data a.csv --replace --without-starter-net", Pack::Nothing),
        ] {
            let Command::Train(train) = Line::parse_from(words.split(' ')).command;
            assert_eq!(train.pack(), wanted, "{words}");
        }
    }
}
