//! `check`: what is wrong with the configuration and this machine, and with `--online` with the helpdesk account.
//!
//! Each check is one finding: fine, a warning, or a problem, with what to do. Nothing is changed, here or there.
//! Problems end it with [`Exit::No`]; a file that cannot be read ends it with [`Exit::Wrong`] before that.

mod files;
mod model;
mod offline;
mod online;

use anyhow::Result;
use clap::Args;
use serde::Serialize;

use super::Exit;
use super::print::{Screen, Table, Tone, clean, count, paint};
use super::session::Session;
use crate::config::secrets::{Secrets, Surroundings};

/// Check the configuration.
#[derive(Debug, Args)]
pub(super) struct Check {
    /// Also ask the helpdesk; about ten calls, all of which only read
    #[arg(long)]
    online: bool,
}

/// How a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Verdict {
    Ok,
    Warning,
    Problem,
}

/// One check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Finding {
    /// What was looked at (`secrets`).
    about: &'static str,
    verdict: Verdict,
    /// What was found.
    found: String,
    /// What to do about it; empty when fine.
    do_this: String,
}

/// The findings so far.
#[derive(Debug, Default)]
struct Findings(Vec<Finding>);

impl Findings {
    fn add(&mut self, about: &'static str, verdict: Verdict, found: impl Into<String>, do_this: &str) {
        self.0.push(Finding { about, verdict, found: found.into(), do_this: do_this.to_owned() });
    }

    fn fine(&mut self, about: &'static str, found: impl Into<String>) {
        self.add(about, Verdict::Ok, found, "");
    }

    fn warn(&mut self, about: &'static str, found: impl Into<String>, do_this: &str) {
        self.add(about, Verdict::Warning, found, do_this);
    }

    fn problem(&mut self, about: &'static str, found: impl Into<String>, do_this: &str) {
        self.add(about, Verdict::Problem, found, do_this);
    }

    fn count(&self, verdict: Verdict) -> usize {
        self.0.iter().filter(|finding| finding.verdict == verdict).count()
    }
}

#[derive(Debug, Serialize)]
struct Checked<'a> {
    /// Whether the daemon would work with this.
    ok: bool,
    problems: usize,
    warnings: usize,
    findings: &'a [Finding],
}

impl Check {
    pub(super) fn run(self, session: &Session) -> Result<Exit> {
        let loaded = Session::at_next_start(session.load()?);
        let around = Surroundings::of_process();
        let secrets = Secrets::find(&loaded, &around);
        let mut findings = Findings::default();
        findings.fine("file", format!("{} can be read", loaded.path.display()));
        offline::check(&mut findings, &loaded, &secrets);
        files::check(&mut findings, &loaded, &around);
        model::check(&mut findings, &loaded.config);
        if self.online {
            online::check(&mut findings, session, &loaded, &secrets);
        }
        let (problems, warnings) = (findings.count(Verdict::Problem), findings.count(Verdict::Warning));
        let checked = Checked { ok: problems == 0, problems, warnings, findings: &findings.0 };
        session.show(&checked, |screen| page(&checked, self.online, *screen))?;
        Ok(if checked.ok { Exit::Good } else { Exit::No })
    }
}

fn page(checked: &Checked<'_>, online: bool, screen: Screen) -> String {
    let mut table = Table::new(&["check", "verdict", "found", "do this"]);
    for finding in checked.findings {
        let (tone, verdict) = match finding.verdict {
            Verdict::Ok => (Tone::Good, "ok"),
            Verdict::Warning => (Tone::Warn, "warning"),
            Verdict::Problem => (Tone::Bad, "problem"),
        };
        table.row(vec![
            (Tone::Plain, finding.about.into()),
            (tone, verdict.into()),
            (Tone::Plain, clean(&finding.found)),
            (Tone::Plain, clean(&finding.do_this)),
        ]);
    }
    let next = match (checked.ok, online) {
        (false, _) => paint(Tone::Bad, "It would not work: mend the problems first."),
        (true, false) => "It would start. `check --online` asks the helpdesk too.".to_owned(),
        (true, true) => paint(Tone::Good, "It would work."),
    };
    let (problems, warnings) = (count(checked.problems, "problem"), count(checked.warnings, "warning"));
    format!("{}\n{problems}, {warnings}. {next}\n", table.render(screen))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_says_what_it_comes_to() {
        let mut findings = Findings::default();
        findings.fine("file", "x");
        findings.problem("secrets", "no key", "get\none");
        let checked = Checked { ok: false, problems: 1, warnings: 0, findings: &findings.0 };
        let text = page(&checked, false, Screen::Plain);
        assert!(text.contains("problem") && text.contains("get\\none"), "{text}");
        assert!(text.contains("1 problem, 0 warnings."), "{text}");
        let json = serde_json::to_value(&checked).unwrap();
        assert_eq!(json["findings"][1]["verdict"], "problem");
    }
}
