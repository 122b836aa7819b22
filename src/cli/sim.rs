//! `sim`: the simulated helpdesk alone, as a sandbox, until Ctrl-C.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context as _, Result};
use clap::{Args, ValueEnum};
use serde_json::json;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use super::Exit;
use super::print::{Tone, heading, paint, pair};
use super::session::Session;
use crate::sim::{BOT_AGENT_ID, SimHandle, SimOptions, Target, serve};

/// Run the simulated helpdesk.
#[derive(Debug, Args)]
pub(super) struct Sim {
    /// Which helpdesk
    #[arg(long, value_enum, default_value_t = Which::Richpanel)]
    helpdesk: Which,
    /// Where it listens; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8090")]
    listen: SocketAddr,
    /// Also write every applied effect to this file, one JSON object a line
    #[arg(long, value_name = "FILE")]
    journal: Option<PathBuf>,
    /// Seed of ids, shapes and odds
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The API key that is let in
    #[arg(long, default_value = "sim-key")]
    key: String,
    /// Call this address when a customer writes (a daemon's /richpanel/inbound)
    #[arg(long, value_name = "URL")]
    target: Option<String>,
    /// The token those calls carry
    #[arg(long, value_name = "TOKEN", requires = "target")]
    token: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Which {
    Richpanel,
}

impl Sim {
    pub(super) fn run(self, session: &Session) -> Result<Exit> {
        let Which::Richpanel = self.helpdesk;
        let stop = Arc::new(AtomicBool::new(false));
        stop_on_signal(&stop)?;
        let options = self.options();
        let mut said = Ok(());
        serve(options, &stop, |handle| said = introduce(session, &self, handle))?;
        said.map(|()| Exit::Good)
    }

    fn options(&self) -> SimOptions {
        let target = self.target.as_ref().map(|url| Target {
            url: url.clone(),
            headers: self
                .token
                .iter()
                .map(|token| ("X-Middleware-Token".to_owned(), token.clone()))
                .collect(),
            escaped: true,
            ..Target::default()
        });
        SimOptions {
            listen: self.listen,
            api_key: self.key.clone(),
            targets: target.into_iter().collect(),
            seed: self.seed,
            journal_path: self.journal.clone(),
            ..SimOptions::default()
        }
    }
}

/// The first signal stops it, a second one ends the process.
pub(super) fn stop_on_signal(stop: &Arc<AtomicBool>) -> Result<()> {
    let mut signals = Signals::new([SIGINT, SIGTERM]).context("cannot watch for signals")?;
    let stop = Arc::clone(stop);
    let watch = move || {
        for _ in signals.forever() {
            if stop.swap(true, Ordering::SeqCst) {
                std::process::exit(Exit::CannotRun as i32);
            }
        }
    };
    std::thread::Builder::new().name("signals".into()).spawn(watch).context("cannot watch for signals")?;
    Ok(())
}

fn introduce(session: &Session, sim: &Sim, handle: &SimHandle) -> Result<()> {
    let control = format!("http://{}/_sim", handle.addr());
    let described = json!({
        "base_url": handle.base_url(),
        "api_key": sim.key,
        "bot_agent_id": BOT_AGENT_ID,
        "control": control,
        "target": sim.target,
    });
    session.show(&described, |_| words(sim, &handle.base_url(), &control))
}

fn words(sim: &Sim, base_url: &str, control: &str) -> String {
    let mut text = pair("base URL", &paint(Tone::Strong, base_url));
    text.push_str(&pair("API key", &sim.key));
    text.push_str(&pair("bot agent", BOT_AGENT_ID));
    let calls =
        sim.target.as_deref().unwrap_or("nobody (--target URL --token TOKEN: a daemon's /richpanel/inbound)");
    text.push_str(&pair("calls", calls));
    text.push_str(&heading("control, without a key"));
    text.push_str(&pair(
        "read",
        &format!("GET {control}/snapshot  journal  requests  firings  faults  verdict"),
    ));
    text.push_str(&pair(
        "do",
        &format!(
            "POST {control}/customer_writes  agent_replies  agent_tags  set_fault  advance_clock  reset"
        ),
    ));
    text.push_str(&heading("a customer writes"));
    text.push_str(&format!(
        "curl -s {control}/customer_writes -d '{{\"email\":\"ava@example.com\",\"name\":\"Ava Doe\",\
         \"subject\":\"My order\",\"text\":\"Where is my order #10001?\"}}'\n"
    ));
    text.push_str("\nCtrl-C ends it.\n");
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sim() -> Sim {
        Sim {
            helpdesk: Which::Richpanel,
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            journal: None,
            seed: 1,
            key: "k".into(),
            target: Some("http://127.0.0.1:8080/richpanel/inbound".into()),
            token: Some("t".into()),
        }
    }

    #[test]
    fn the_message_that_it_prints_can_be_written() {
        let (sim, stop) = (sim(), AtomicBool::new(true));
        serve(sim.options(), &stop, |handle| {
            let text = words(&sim, &handle.base_url(), "http://x/_sim");
            let body = text.split("-d '").nth(1).unwrap().split('\'').next().unwrap();
            let message: crate::sim::NewMessage = serde_json::from_str(body).unwrap();
            assert!(handle.customer_writes(message).is_ok());
        })
        .unwrap();
    }

    #[test]
    fn a_target_carries_its_token() {
        let options = sim().options();
        assert_eq!(options.targets[0].headers["X-Middleware-Token"], "t");
    }
}
