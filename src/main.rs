//! Placeholder until the command line lands: `run --config FILE` and `demo`.
use clap::Parser;
use std::sync::Arc;
#[derive(Parser)]
struct Cli {
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}
#[derive(clap::Subcommand)]
enum Command {
    Demo(richpanel_mw::cli::demo::Demo),
    Run {
        #[arg(long)]
        config: std::path::PathBuf,
    },
}
fn main() {
    env_logger::init();
    let cli = Cli::parse();
    let path = match cli.command {
        Command::Demo(demo) => match demo.run(cli.json) {
            Ok(richpanel_mw::cli::demo::Found::Good) => return,
            Ok(_) => std::process::exit(1),
            Err(e) => {
                eprintln!("{e:#}");
                std::process::exit(3)
            }
        },
        Command::Run { config } => config,
    };
    let loaded = richpanel_mw::config::load::load(&path).unwrap_or_else(|e| {
        eprintln!("{e}");
        std::process::exit(2)
    });
    let secrets = richpanel_mw::config::secrets::Secrets::find(
        &loaded,
        &richpanel_mw::config::secrets::Surroundings::of_process(),
    );
    let plan = richpanel_mw::daemon::Plan {
        loaded,
        secrets,
        mode_by: "config".into(),
        clock: Arc::new(richpanel_mw::clock::SystemClock::new()),
    };
    match richpanel_mw::daemon::Daemon::start(plan) {
        Ok(daemon) => {
            daemon.wait();
        }
        Err(e) => {
            eprintln!("{e}");
            std::process::exit(3)
        }
    }
}
