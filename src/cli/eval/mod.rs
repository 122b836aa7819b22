//! `eval`: how good the daemon's decisions are on labelled messages, or how good its model is on any public set.
//!
//! With `--data` (`shop`) every message goes through the daemon's own classifier and decision (`asked`), so that what
//! is counted is what would happen. With `--train` and `--test` (`public`) the bare model is trained anew, without
//! rules and without the shop's configuration. `data` reads the files, `require` compares figures with what must be
//! met, `show` prints for people, `html` draws. Nothing is sent and no state is written.

mod asked;
mod data;
mod gate;
mod grids;
mod html;
mod plots;
mod public;
mod require;
mod shop;
mod show;
mod vectors;

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use anyhow::Result;
use clap::{ArgGroup, Args};

use self::asked::Asked;
use self::gate::Promise;
use self::public::Sets;
use self::vectors::Remembered;
use super::Exit;
use super::bar::Bar;
use super::session::{Failure, Session};
use crate::classify::model::Embed;
use crate::classify::model::bound::CONFIDENCE;
use crate::classify::model::examples::{BACKGROUND, Example};

/// Measure.
#[derive(Debug, Args)]
#[command(group(ArgGroup::new("what").required(true).args(["data", "train"])))]
pub(super) struct Eval {
    /// Labelled messages for the daemon's classifier: CSV with text and intent, and perhaps also, flag (plain, trap,
    /// stranger, notp0), language, subject
    #[arg(long, value_name = "FILE.csv")]
    data: Option<PathBuf>,
    /// Fail (exit code 1) unless the figures meet this, for example accuracy>=0.85,traps=0,plain>=70%
    #[arg(long, value_name = "LIST")]
    require: Option<String>,
    /// Write the report with its diagrams to this file, for a browser
    #[arg(long, value_name = "FILE.html")]
    html: Option<PathBuf>,
    /// Train a model of its own on this CSV (text, intent), without rules and configuration
    #[arg(long, value_name = "FILE.csv", requires = "test")]
    train: Option<PathBuf>,
    /// Measure that model on this one
    #[arg(long, value_name = "FILE.csv", requires = "train")]
    test: Option<PathBuf>,
    #[command(flatten)]
    options: Options,
}

/// What goes with `--train`.
#[derive(Debug, Args)]
struct Options {
    /// Choose the threshold of an answer on this one
    #[arg(long, value_name = "FILE.csv", requires = "train")]
    validation: Option<PathBuf>,
    /// Messages that are of none of the intents, to be told apart from the test set
    #[arg(long, value_name = "FILE.csv", value_delimiter = ',', requires = "train")]
    strangers: Vec<PathBuf>,
    /// Such messages beside the validation set
    #[arg(long, value_name = "FILE.csv", value_delimiter = ',', requires = "validation")]
    strangers_validation: Vec<PathBuf>,
    /// Messages to learn as "none of these"
    #[arg(long, value_name = "FILE.csv", value_delimiter = ',', requires = "train")]
    background: Vec<PathBuf>,
    /// Learn from so many examples of each intent, drawn at random
    #[arg(long, value_name = "N", requires = "train", value_parser = clap::value_parser!(u32).range(1..))]
    shots: Option<u32>,
    /// Draws of that many; the figures are their means
    #[arg(long, value_name = "K", default_value_t = 3, requires = "shots",
        value_parser = clap::value_parser!(u64).range(1..=100))]
    seeds: u64,
    /// The share of right answers that the threshold must promise
    #[arg(long, value_name = "SHARE", default_value_t = 0.99, requires = "validation", value_parser = part)]
    target: f64,
    /// How sure the promise must be
    #[arg(long, value_name = "SHARE", default_value_t = CONFIDENCE, requires = "validation", value_parser = part)]
    confidence: f64,
    /// The share of strangers to promise it for: those of the validation set count as so many [default: as many as there
    /// are among what is asked]
    #[arg(long, value_name = "SHARE", requires = "strangers_validation", value_parser = part)]
    strangers_share: Option<f64>,
}

fn part(text: &str) -> Result<f64, String> {
    let share: f64 = text.parse().map_err(|_| "a number such as 0.99".to_owned())?;
    if share > 0.0 && share < 1.0 { Ok(share) } else { Err("above 0 and below 1, such as 0.99".into()) }
}

impl Eval {
    pub(super) fn run(self, session: &Session) -> Result<Exit> {
        match (&self.data, &self.train, &self.test) {
            (Some(file), _, _) => self.shop(session, file),
            (None, Some(train), Some(test)) => self.public(session, train, test),
            _ => Err(Failure::wrong("name a file with --data, or two with --train and --test")),
        }
    }

    /// The requirements, read before anything takes its time.
    fn required(&self, names: &[&str]) -> Result<Vec<require::Requirement>> {
        let Some(text) = &self.require else { return Ok(vec![]) };
        require::parse(text, names).map_err(|why| Failure::wrong(format!("--require: {why}")))
    }

    fn write_html(&self, page: impl FnOnce() -> String) -> Result<()> {
        let Some(file) = &self.html else { return Ok(()) };
        std::fs::write(file, page())
            .map_err(|error| Failure::cannot(format!("cannot write {}: {error}", file.display())))
    }

    fn shop(&self, session: &Session, file: &Path) -> Result<Exit> {
        let required = self.required(shop::NAMES)?;
        let messages = data::labelled(file)?;
        let loaded = session.load_or_defaults()?;
        let asked = Asked::new(&loaded.config, session.clock.as_ref())
            .map_err(|problems| Failure::wrong(problems.join("\n")))?;
        let mut bar = Bar::new("eval", "messages", messages.len(), &session.clock, session.json);
        let name = file.display().to_string();
        let report = shop::measure(&asked, &name, &messages, |done| {
            bar.show(done, messages.len(), "read and decided".into());
        });
        bar.finish();
        let mut report = report.map_err(Failure::wrong)?;
        report.requirements = require::judge(&required, &report.figures());
        self.write_html(|| html::shop(&report))?;
        session.show(&report, |screen| show::shop(&report, *screen))?;
        Ok(exit(&report.requirements))
    }

    fn public(&self, session: &Session, train: &Path, test: &Path) -> Result<Exit> {
        let required = self.required(public::NAMES)?;
        let sets = self.options.sets(train, test)?;
        let bar = Mutex::new(Bar::new("eval", "texts", 0, &session.clock, session.json));
        let show = |done: usize, of: usize, words: String| {
            bar.lock().unwrap_or_else(PoisonError::into_inner).show(done, of, words);
        };
        let embed = crate::classify::builtin::embedding().map_err(Failure::cannot)?;
        let embed = embed.map(|embed| {
            Remembered::of(embed, sets.texts(), &|done, of| show(done, of, "into vectors".into()))
        });
        let embed = embed.as_ref().map(|embed| embed as &dyn Embed);
        let settings = self.options.settings();
        let (train, test) = (train.display().to_string(), test.display().to_string());
        let messages = sets.texts().count();
        let report = public::measure(&sets, (&train, &test), &settings, embed, |training, of| {
            show(messages, messages, format!("training {} of {of}", training + 1));
        });
        bar.lock().unwrap_or_else(PoisonError::into_inner).finish();
        let mut report = report.map_err(Failure::wrong)?;
        report.requirements = require::judge(&required, &report.figures());
        self.write_html(|| html::public(&report))?;
        session.show(&report, |screen| show::public(&report, *screen))?;
        Ok(exit(&report.requirements))
    }
}

impl Options {
    fn settings(&self) -> public::Settings {
        let Self { shots, seeds, target, confidence, strangers_share, .. } = self;
        let promise = Promise { target: *target, confidence: *confidence, strangers: *strangers_share };
        public::Settings { shots: shots.map(|shots| shots as usize), seeds: *seeds, promise }
    }

    fn sets(&self, train: &Path, test: &Path) -> Result<Sets> {
        let strangers = |files: &[PathBuf]| -> Result<Vec<Example>> {
            let mut all = Vec::new();
            for file in files {
                let of_none = |one| Example { intent: BACKGROUND.to_owned(), ..one };
                all.extend(data::public(file)?.into_iter().map(of_none));
            }
            Ok(all)
        };
        Ok(Sets {
            train: data::public(train)?,
            test: data::public(test)?,
            validation: self.validation.as_deref().map_or(Ok(vec![]), data::public)?,
            background: strangers(&self.background)?,
            strangers: strangers(&self.strangers)?,
            strangers_validation: strangers(&self.strangers_validation)?,
        })
    }
}

fn exit(requirements: &[require::Judged]) -> Exit {
    if requirements.iter().all(|one| one.met) { Exit::Good } else { Exit::No }
}
