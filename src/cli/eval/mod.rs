//! `eval`: how good the daemon's decisions are on labelled messages, or how good its model is on any public set.
//!
//! With `--data` (`shop`) every message goes through the daemon's own classifier and decision (`asked`), so that what
//! is counted is what would happen. With `--train` and `--test` (`public`) the bare model is trained anew, without
//! rules and without the shop's configuration. `data` reads the files, `require` compares figures with what must be
//! met, `show` prints for people, `html` draws. Nothing is sent and no state is written.

mod asked;
mod data;
mod require;
mod shop;
mod show;

use std::path::PathBuf;

use anyhow::Result;
use clap::{ArgGroup, Args};

use self::asked::Asked;
use super::Exit;
use super::bar::Bar;
use super::session::{Failure, Session};

/// Measure.
#[derive(Debug, Args)]
#[command(group(ArgGroup::new("what").required(true).args(["data", "train"])))]
pub(super) struct Eval {
    /// Labelled messages for the daemon's classifier: CSV with text and intent, and perhaps also, flag, language,
    /// subject
    #[arg(long, value_name = "FILE.csv")]
    data: Option<PathBuf>,
    /// Fail (exit code 1) unless the figures meet this, for example accuracy>=0.85,traps=0,plain>=0.7
    #[arg(long, value_name = "LIST")]
    require: Option<String>,
    /// Train a model of its own on this CSV (text, intent) …
    #[arg(long, value_name = "FILE.csv", requires = "test")]
    train: Option<PathBuf>,
    /// … and measure it on this one
    #[arg(long, value_name = "FILE.csv", requires = "train")]
    test: Option<PathBuf>,
}

impl Eval {
    pub(super) fn run(self, session: &Session) -> Result<Exit> {
        match &self.data {
            Some(file) => self.shop(session, file),
            None => Err(Failure::wrong("name a file with --data")),
        }
    }

    /// The requirements, read before anything takes its time.
    fn required(&self, names: &[&str]) -> Result<Vec<require::Requirement>> {
        let Some(text) = &self.require else { return Ok(vec![]) };
        require::parse(text, names).map_err(|why| Failure::wrong(format!("--require: {why}")))
    }

    fn shop(&self, session: &Session, file: &std::path::Path) -> Result<Exit> {
        let required = self.required(shop::NAMES)?;
        let messages = data::labelled(file)?;
        let loaded = session.load_or_defaults()?;
        let asked = Asked::new(&loaded.config, session.clock.as_ref())
            .map_err(|problems| Failure::wrong(problems.join("\n")))?;
        let mut bar = Bar::new("eval", "messages", messages.len(), &session.clock, session.json);
        let name = file.display().to_string();
        let report = shop::measure(&asked, &name, &messages, |done| {
            bar.show(done, messages.len(), String::new());
        });
        bar.finish();
        let mut report = report.map_err(Failure::wrong)?;
        report.requirements = require::judge(&required, &report.figures());
        session.show(&report, |screen| show::shop(&report, *screen))?;
        Ok(exit(&report.requirements))
    }
}

fn exit(requirements: &[require::Judged]) -> Exit {
    if requirements.iter().all(|one| one.met) { Exit::Good } else { Exit::No }
}
