//! `models`: the models that are kept and the one that reads; `models use` goes to another.

use anyhow::Result;
use clap::{Args, Subcommand};
use serde::Serialize;

use super::Exit;
use super::print::{Screen, Table, Tone, clean, cut, moment, paint, pair};
use super::session::{Failure, Session};
use super::steer::{Steering, who};
use crate::classify::builtin::STARTER_NAME;
use crate::classify::model::Figures;
use crate::daemon::control::Request;
use crate::daemon::model;
use crate::daemon::outside::Reader;
use crate::event::Timestamp;
use crate::store::marks::MODEL;
use crate::store::models::KeptModel;

/// List the models that are kept, or choose the one that reads.
#[derive(Debug, Args)]
pub(super) struct Models {
    #[command(subcommand)]
    action: Option<Action>,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Read with another model from the next message on
    Use {
        /// A version of the list, or starter: the built-in one
        #[arg(value_name = "VERSION|starter")]
        version: String,
    },
}

/// The model in force, as the file of state has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Standing {
    /// Its version; `starter` for the built-in one.
    pub(super) model: String,
    /// Who chose it; `None`: nobody ever chose.
    pub(super) by: Option<String>,
    /// Since when, where known.
    pub(super) since: Option<Timestamp>,
}

impl Standing {
    pub(super) fn read(reader: &Reader) -> Result<Self> {
        let in_force = reader.models()?.into_iter().find(|kept| kept.in_force);
        let chosen = reader.setting(MODEL)?;
        Ok(Self {
            model: in_force.map_or_else(|| STARTER_NAME.to_owned(), |kept| kept.version),
            by: chosen.as_ref().map(|chosen| clean(&chosen.by)),
            since: chosen.map(|chosen| chosen.at),
        })
    }

    /// For people, on lines of their own. `running`: what the daemon reads with.
    pub(super) fn lines(&self, running: Option<&str>, now: Timestamp) -> String {
        let name = match running {
            Some(version) if self.model == STARTER_NAME => format!("{version}, the built-in starter"),
            _ if self.model == STARTER_NAME => "the built-in starter".to_owned(),
            _ => self.model.clone(),
        };
        let by = self.by.as_ref().map_or_else(String::new, |by| format!(", chosen by {by}"));
        let since = self.since.map_or_else(String::new, |at| format!(", {}", moment(at, now)));
        let mut text = pair("model", &format!("{}{by}{since}", clean(&name)));
        if let Some(running) = running.filter(|running| self.model != STARTER_NAME && *running != self.model)
        {
            let words =
                format!("the daemon reads with {running}: the one chosen does not fit it; train again");
            text.push_str(&pair("", &paint(Tone::Warn, &clean(&words))));
        }
        text
    }
}

#[derive(Debug, Serialize)]
struct List {
    in_force: Standing,
    kept: Vec<Row>,
    starter: Built,
}

#[derive(Debug, Serialize)]
struct Row {
    #[serde(flatten)]
    kept: KeptModel,
    figures: Option<Figures>,
}

/// The built-in model.
#[derive(Debug, Serialize)]
struct Built {
    version: String,
    data: String,
    figures: Figures,
}

impl Models {
    pub(super) fn run(self, session: &Session) -> Result<Exit> {
        let loaded = session.load()?;
        if let Some(Action::Use { version }) = &self.action {
            let version = Some(version.clone()).filter(|version| version != STARTER_NAME);
            let steering = Steering::find(session, &loaded)?;
            let request = Request::UseModel { version, by: who() };
            steering.ask(&request)?.map_err(|why| Failure::no(clean(&why)))?;
        }
        let reader = Session::reader(&loaded)?;
        let starter = model::starter().map_err(Failure::cannot)?;
        let list = List {
            in_force: Standing::read(&reader)?,
            kept: reader.models()?.into_iter().map(row).collect(),
            starter: Built {
                version: starter.version().to_owned(),
                data: starter.description().data.clone(),
                figures: starter.description().figures.clone(),
            },
        };
        session.show(&list, |screen| list.page(session.now(), *screen))?;
        Ok(Exit::Good)
    }
}

fn row(kept: KeptModel) -> Row {
    Row { figures: serde_json::from_str(&kept.figures).ok(), kept }
}

impl List {
    fn page(&self, now: Timestamp, screen: Screen) -> String {
        let mut table = Table::new(&["version", "trained", "examples", "read right", "data", ""]);
        let line = |version: &str, trained: String, figures: Option<&Figures>, data: &str, in_force: bool| {
            let examples =
                figures.map_or_else(String::new, |one| one.examples.values().sum::<usize>().to_string());
            let right = figures.map_or_else(String::new, |one| format!("{:.1} %", one.accuracy * 100.0));
            vec![
                (Tone::Strong, clean(version)),
                (Tone::Plain, trained),
                (Tone::Plain, examples),
                (Tone::Plain, right),
                (Tone::Dim, cut(data, 9)),
                (Tone::Good, if in_force { "in force".to_owned() } else { String::new() }),
            ]
        };
        for Row { kept, figures } in &self.kept {
            let trained = moment(kept.trained_at, now);
            table.row(line(&kept.version, trained, figures.as_ref(), &kept.data, kept.in_force));
        }
        let built = &self.starter;
        let in_force = self.in_force.model == STARTER_NAME;
        let trained = format!("built in ({})", built.version);
        table.row(line(STARTER_NAME, trained, Some(&built.figures), &built.data, in_force));
        format!("{}\n{}", self.in_force.lines(None, now), table.render(screen))
    }
}
