//! Placeholder until the command line lands: `run --config FILE`.
use std::sync::Arc;
fn main() {
    env_logger::init();
    let path = std::env::args().nth(3).unwrap_or_default();
    let loaded = richpanel_mw::config::load::load(std::path::Path::new(&path)).unwrap_or_else(|e| { eprintln!("{e}"); std::process::exit(2) });
    let secrets = richpanel_mw::config::secrets::Secrets::find(&loaded, &richpanel_mw::config::secrets::Surroundings::of_process());
    let plan = richpanel_mw::daemon::Plan { loaded, secrets, mode_by: "config".into(), clock: Arc::new(richpanel_mw::clock::SystemClock::new()) };
    match richpanel_mw::daemon::Daemon::start(plan) {
        Ok(daemon) => { daemon.wait(); }
        Err(e) => { eprintln!("{e}"); std::process::exit(3) }
    }
}
