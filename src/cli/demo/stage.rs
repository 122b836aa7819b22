//! The stage: a simulated helpdesk and the daemon, all in this process and on the loopback.
//!
//! Everything is as in real life but for the clock on the wall: the helpdesk's 50 calls in 30 s are 50 in 3 s here,
//! and an unclear reply is looked for after tenths of a second.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};

use crate::cli::folder::Folder;
use crate::clock::Clock;
use crate::config::load::load;
use crate::config::secrets::{Secrets, Surroundings};
use crate::daemon::{Daemon, Plan};
use crate::sim::{BOT_AGENT_ID, BodyKind, RateLimit, Sim, SimHandle, SimOptions, Target};

/// Calls that the simulated helpdesk allows in any window.
pub(super) const CALLS: u32 = 50;
/// The window.
pub(super) const WINDOW: Duration = Duration::from_secs(3);

const CONFIG: &str = include_str!("demo.toml");

/// Starts the helpdesk, then the daemon beside it, and tells the helpdesk whom to call.
///
/// # Errors
/// When either cannot start.
pub(super) fn set(folder: &Folder, clock: &Arc<dyn Clock>) -> Result<(SimHandle, Daemon)> {
    let window_ms = i64::try_from(WINDOW.as_millis()).unwrap_or(i64::MAX);
    let options = SimOptions {
        rate_limit: RateLimit { requests: CALLS, window_ms },
        seed: 20_250_203,
        journal_path: folder.kept.then(|| folder.path.join("helpdesk.jsonl")),
        ..SimOptions::default()
    };
    let sim = Sim::start(options).context("the simulated helpdesk does not start")?;
    let token = format!("{:032x}", fastrand::u128(..));
    write_files(folder, &sim, &token)?;
    let loaded = load(&folder.config())?;
    let secrets = Secrets::find(&loaded, &Surroundings::default());
    let plan = Plan { loaded, secrets, mode_by: "config".into(), clock: Arc::clone(clock) };
    let daemon = Daemon::start(plan).context("the daemon does not start")?;
    sim.set_targets(targets(&format!("http://{}/richpanel/inbound", daemon.addr()), &token));
    Ok((sim, daemon))
}

fn write_files(folder: &Folder, sim: &SimHandle, token: &str) -> Result<()> {
    let config = CONFIG
        .replace("@DB@", &folder.database().display().to_string())
        .replace("@SIM@", &sim.base_url())
        .replace("@BOT@", BOT_AGENT_ID)
        .replace("@CALLS@", &CALLS.to_string())
        .replace("@WINDOW@", &WINDOW.as_secs().to_string());
    folder.write("config.toml", &config)?;
    folder.write("token", token)?;
    folder.write("key", "sim-key")
}

/// The rules as a shop might have clicked them together: five Targets in three formats, and none of them escapes
/// what the customer wrote.
fn targets(url: &str, token: &str) -> Vec<Target> {
    let one = |name: &str, channels: &[&str], body_kind: BodyKind, body: &str| Target {
        name: name.to_owned(),
        url: url.to_owned(),
        headers: [("X-Middleware-Token".to_owned(), token.to_owned())].into(),
        body_kind,
        body: body.to_owned(),
        channels: channels.iter().map(|channel| (*channel).to_owned()).collect(),
        escaped: body_kind == BodyKind::Form,
        ..Target::default()
    };
    let json = |channel: &str| {
        format!(
            "{{\"ticket_id\": \"{{{{ticket.id}}}}\", \"channel\": \"{channel}\", \"subject\": \
             \"{{{{ticket.subject}}}}\", \"message\": \"{{{{ticket.lastMessage.text}}}}\"}}"
        )
    };
    let xml =
        "<call><ticket_id>{{ticket.id}}</ticket_id><message>{{ticket.lastMessage.text}}</message></call>";
    let form = "ticket_id={{ticket.id}}&channel=messenger&message={{ticket.lastMessage.text}}";
    vec![
        one("e-mail", &["email"], BodyKind::Json, &json("email")),
        one("contact form", &["email_from_widget"], BodyKind::Xml, xml),
        one("chat window", &["messenger"], BodyKind::Form, form),
        one(
            "private messages",
            &["facebook_message", "instagram_message", "tiktok_shop_message", "whatsapp"],
            BodyKind::Xml,
            xml,
        ),
        one(
            "the rest",
            &["facebook_feed_comment", "instagram_comment", "phone", ""],
            BodyKind::Json,
            &json(""),
        ),
    ]
}
