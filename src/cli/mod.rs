//! The command line: one file a subcommand, each a struct with `run`.
//!
//! [`start`] parses, runs and turns the result into an [`Exit`]. Commands that only look read the file directly;
//! commands that change something go through `steer` (the running daemon, or the file under its lock). What is
//! printed goes through `print`: a table for a terminal, plain text for a pipe, one JSON document with `--json`.

mod backlog;
mod backup;
mod bar;
mod check;
mod copies;
mod demo;
mod discard;
mod eval;
mod events;
mod explain;
mod export;
mod folder;
mod http_target;
mod logging;
mod mode;
mod models;
mod print;
mod reconcile;
mod rehearse;
mod restore;
mod retry;
mod run;
mod session;
mod show;
mod sim;
mod status;
mod steer;
mod story;
mod train;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use session::Session;

/// How a command ends, as the shell sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// It did what it was asked.
    Good = 0,
    /// The answer is no: a failed check, an event that is not there.
    No = 1,
    /// Wrong use or configuration.
    Wrong = 2,
    /// It could not run: a port in use, the lock held, no daemon.
    CannotRun = 3,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Reads, routes and answers helpdesk tickets: one binary, one SQLite file.
#[derive(Debug, Parser)]
#[command(name = "richpanel-mw", version, arg_required_else_help = true, disable_help_subcommand = true)]
pub struct Cli {
    /// The configuration file [default: /etc/richpanel-mw/config.toml]
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Print one JSON document instead of text for people
    #[arg(long, global = true)]
    json: bool,
    /// End when this process, the parent, ends (for processes that this program starts itself)
    #[arg(long, global = true, hide = true, value_name = "PID")]
    child_of: Option<u32>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the daemon
    Run(run::Run),
    /// Show how the daemon and its queue stand
    Status(status::Status),
    /// List events, newest first
    Events(events::Events),
    /// Show one event with its decision and its story
    Show(show::Show),
    /// Queue dead or discarded events again
    Retry(retry::Retry),
    /// Throw events away, with a reason
    Discard(discard::Discard),
    /// Show or set how far the daemon may go
    Mode(mode::Mode),
    /// Look for tickets that no call told us of
    Reconcile(reconcile::Reconcile),
    /// Copy the database while the daemon runs, or check a copy
    Backup(backup::Backup),
    /// Put a copy back in the place of the database, with the daemon stopped
    Restore(restore::Restore),
    /// Say what is wrong with the configuration, and with the helpdesk account
    Check(check::Check),
    /// Take one message through classify and decide, with every reason; nothing is sent
    Explain(explain::Explain),
    /// Train the model on the shop's own messages and put it in force
    Train(train::Train),
    /// List the models that are kept, or choose the one that reads
    Models(models::Models),
    /// Measure the classifier and its decisions on labelled messages, or its model on a public set
    Eval(eval::Eval),
    /// Print the HTTP Targets to paste into Richpanel
    HttpTarget(http_target::HttpTarget),
    /// Run the simulated helpdesk alone, as a sandbox
    Sim(sim::Sim),
    /// Play a morning against a simulated helpdesk and say what became of each message
    Demo(demo::Demo),
    /// Kill the daemon again and again beside a simulated helpdesk full of faults, and judge what became of it all
    Rehearse(rehearse::Rehearse),
}

/// Parses the arguments (the program's name first), runs the command and says how it ended.
pub fn start(arguments: impl IntoIterator<Item = OsString>) -> Exit {
    match Cli::try_parse_from(arguments) {
        Ok(cli) => cli.run(),
        Err(error) => {
            // Help and version are errors to clap, but not to a shell; a closed pipe is nobody's error.
            let _ = error.print();
            if error.use_stderr() { Exit::Wrong } else { Exit::Good }
        }
    }
}

impl Cli {
    fn run(self) -> Exit {
        if let Some(parent) = self.child_of {
            rehearse::child::end_with(parent);
        }
        let session = Session::of_process(self.config, self.json);
        let done = match self.command {
            Command::Run(run) => run.run(&session),
            Command::Status(status) => status.run(&session),
            Command::Events(events) => events.run(&session),
            Command::Show(show) => show.run(&session),
            Command::Retry(retry) => retry.run(&session),
            Command::Discard(discard) => discard.run(&session),
            Command::Mode(mode) => mode.run(&session),
            Command::Reconcile(reconcile) => reconcile.run(&session),
            Command::Backup(backup) => backup.run(&session),
            Command::Restore(restore) => restore.run(&session),
            Command::Check(check) => check.run(&session),
            Command::Explain(explain) => explain.run(&session),
            Command::Train(train) => train.run(&session),
            Command::Models(models) => models.run(&session),
            Command::Eval(eval) => eval.run(&session),
            Command::HttpTarget(target) => target.run(&session),
            Command::Sim(sim) => sim.run(&session),
            Command::Demo(demo) => demo.run(&session),
            Command::Rehearse(rehearse) => rehearse.run(&session),
        };
        done.unwrap_or_else(|error| session::report(&error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    fn parses(line: &str) -> bool {
        Cli::try_parse_from(line.split(' ')).is_ok()
    }

    #[test]
    fn the_commands_fit_together() {
        Cli::command().debug_assert();
    }

    #[test]
    fn what_the_documents_promise_parses() {
        for line in [
            "mw run --config x.toml --listen 127.0.0.1:9 --db x.db --mode off --workers 2 --log-format json",
            "mw --config x.toml status --json",
            "mw events --state dead --ticket t --since 7d --limit 5",
            "mw show 7",
            "mw retry 1 2 3",
            "mw discard 1 2 --reason spam",
            "mw mode",
            "mw mode live",
            "mw mode --clear",
            "mw reconcile --csv export.csv",
            "mw backup b.db --force --json",
            "mw backup --verify b.db",
            "mw restore b.db",
            "mw check --online",
            "mw explain hello --subject s --channel email --html --order o.json",
            "mw explain -",
            "mw explain --file x.jsonl",
            "mw explain --ticket abc",
            "mw http-target --channel email --format form --url https://mw.example.com",
            "mw sim --listen 127.0.0.1:0 --journal j --seed 3 --key k",
            "mw demo --helpdesk richpanel --stay --keep folder --json",
            "mw rehearse --cycles 1000 --faults all",
            "mw rehearse --helpdesk richpanel --cycles 5 --faults kill-9,storm-429 --seed 7 --keep folder --json",
            "mw rehearse --faults list",
            "mw rehearse --dir /srv --ready-within 5000",
            "mw train",
            "mw train --data a.csv b.csv --replace --json",
            "mw train --data a.csv --replace --without-starter-net",
            "mw train --data a.csv --out x.bin",
            "mw train --starter --out folder",
            "mw models",
            "mw models use starter",
        ] {
            assert!(parses(line), "{line}");
        }
    }

    #[test]
    fn what_makes_no_sense_is_refused_with_the_code_for_wrong_use() {
        for line in [
            "mw retry",
            "mw discard 1",
            "mw show",
            "mw show seven",
            "mw mode maybe",
            "mw mode live --clear",
            "mw events --state asleep",
            "mw events --since yesterdayish",
            "mw explain",
            "mw explain hello --ticket t",
            "mw backup",
            "mw backup --verify b.db --force",
            "mw restore",
            "mw rehearse --faults kill9",
            "mw rehearse --cycles 0",
            "mw rehearse --dir a --keep b",
            "mw nonsense",
            "mw train --replace",
            "mw train --data a.csv --without-starter-net",
            "mw train --starter",
            "mw train --data",
            "mw models use",
        ] {
            assert!(!parses(line), "{line}");
            assert_eq!(start(line.split(' ').map(OsString::from)), Exit::Wrong, "{line}");
        }
    }

    #[test]
    fn asking_for_help_is_no_mistake() {
        assert_eq!(start(["mw", "--version"].map(OsString::from)), Exit::Good);
    }
}
