//! `explain`: one message through classify and decide, with every reason. Nothing is sent and nothing is written.
//!
//! It answers as if everything were switched on (mode live, an agent to write as); the `mode` gate says what the
//! configured mode would have done. `input` reads what is given, `answer` decides, `report` prints it for people.

mod answer;
pub(super) mod input;
pub(super) mod report;

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use clap::{ArgGroup, Args};

use self::answer::{Answer, Explainer};
use self::input::Message;
use super::Exit;
use super::print::clean;
use super::session::{Failure, Session, complain};
use crate::config::load::Loaded;
use crate::config::secrets::{Secrets, Surroundings};
use crate::daemon::outside;
use crate::event::Timestamp;
use crate::helpdesk::ApiError;
use crate::helpdesk::budget::Use;
use crate::store::marks::{RESTORE_AT, time_of};
use crate::ticket::{Order, OrderRef};
use crate::worker::Second;

/// Explain a message.
#[derive(Debug, Args)]
#[command(group(ArgGroup::new("what").required(true).args(["text", "file", "ticket"])))]
pub(super) struct Explain {
    /// What the customer writes; - reads standard input
    #[arg(value_name = "TEXT")]
    text: Option<String>,
    /// A file with one JSON object a line (text, subject, channel, html); one answer a line comes back
    #[arg(long, value_name = "FILE.jsonl")]
    file: Option<PathBuf>,
    /// Read this ticket from the helpdesk (its id, or #1401 for a conversation number)
    #[arg(long, value_name = "ID", conflicts_with_all = ["subject", "channel", "html", "order"])]
    ticket: Option<String>,
    /// The subject line
    #[arg(long, default_value = "")]
    subject: String,
    /// Where the customer writes: email, live_chat, instagram_message, …
    #[arg(long, default_value = "email")]
    channel: String,
    /// The text is HTML
    #[arg(long)]
    html: bool,
    /// An order in the helpdesk's JSON, as if it were the customer's own and linked to the ticket
    #[arg(long, value_name = "ORDER.json")]
    order: Option<PathBuf>,
    /// Ask the outside model of [second_opinion] too, as the daemon would; the masked text leaves this machine
    #[arg(long)]
    second_opinion: bool,
}

impl Explain {
    pub(super) fn run(self, session: &Session) -> Result<Exit> {
        let loaded = Session::in_force(session.load_or_defaults()?);
        let restored_at = restored(&loaded);
        let explainer = Explainer::new(&loaded.config, restored_at)
            .map_err(|problems| Failure::wrong(problems.join("\n")))?;
        let explainer =
            if self.second_opinion { explainer.with_second(second(session, &loaded)?) } else { explainer };
        if let Some(file) = &self.file {
            return self.each_line(session, &explainer, file);
        }
        let answer = match &self.ticket {
            Some(ticket) => at_helpdesk(session, &loaded, &explainer, ticket)?,
            None => explainer.message(&self.message()?, self.read_order(session)?.as_ref(), session.now()),
        };
        session.show(&answer, |screen| report::page(&answer, *screen))?;
        Ok(Exit::Good)
    }

    fn message(&self) -> Result<Message> {
        let text = match self.text.as_deref() {
            Some("-") => std::io::read_to_string(std::io::stdin()).context("cannot read standard input")?,
            text => text.unwrap_or_default().to_owned(),
        };
        let (text, html) = if self.html { (String::new(), Some(text)) } else { (text, None) };
        Message::new(text, html, &self.subject, &self.channel).map_err(Failure::wrong)
    }

    fn each_line(&self, session: &Session, explainer: &Explainer, file: &std::path::Path) -> Result<Exit> {
        let lines = std::fs::read_to_string(file)
            .map_err(|error| Failure::wrong(format!("cannot read {}: {error}", file.display())))?;
        let order = self.read_order(session)?;
        let mut exit = Exit::Good;
        for (number, line) in lines.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            let said = match input::of_json(line, &self.subject, &self.channel, self.html) {
                Ok(message) => {
                    serde_json::to_string(&explainer.message(&message, order.as_ref(), session.now()))?
                }
                Err(why) => {
                    exit = Exit::Wrong;
                    let why = format!("line {}: {}", number + 1, clean(&why));
                    complain(&why);
                    serde_json::json!({ "error": why }).to_string()
                }
            };
            session.say(&format!("{said}\n"))?;
        }
        Ok(exit)
    }

    fn read_order(&self, session: &Session) -> Result<Option<(OrderRef, Order)>> {
        let Some(file) = &self.order else { return Ok(None) };
        let wrong = |why: String| Failure::wrong(format!("{}: {why}", file.display()));
        let text = std::fs::read_to_string(file).map_err(|error| wrong(error.to_string()))?;
        let json = serde_json::from_str(&text).map_err(|error| wrong(error.to_string()))?;
        let order = outside::order_of_json(&json, session.now());
        Ok(Some(
            order.ok_or_else(|| {
                wrong("no order in it (orderId or orderName and what belongs to it)".into())
            })?,
        ))
    }
}

/// The outside model, with a budget of this command's own.
fn second(session: &Session, loaded: &Loaded) -> Result<Second> {
    let secrets = Secrets::find(loaded, &Surroundings::of_process());
    let reader = outside::second_opinion(&loaded.config, &secrets, &session.clock).map_err(Failure::wrong)?;
    let off = "nobody outside is asked: set [second_opinion] enabled = true, base_url and model";
    let reader = reader.ok_or_else(|| Failure::wrong(off))?;
    Ok(Second { reader, when: loaded.config.second_opinion.only_when })
}

/// When a backup was last put in place, where the file of state can be read.
fn restored(loaded: &Loaded) -> Option<Timestamp> {
    let reader = Session::reader(loaded).ok()?;
    reader.setting(RESTORE_AT).ok()?.as_ref().map(time_of)
}

/// Reads the ticket, and its order where a reply is in reach. Two to four calls, none of which writes.
fn at_helpdesk(session: &Session, loaded: &Loaded, explainer: &Explainer, ticket: &str) -> Result<Answer> {
    let secrets = Secrets::find(loaded, &Surroundings::of_process());
    let helpdesk = outside::helpdesk(&loaded.config, &secrets, &session.clock)?;
    let reserve = |calls| {
        let permit = helpdesk.budget().reserve(Use::Routing, calls, &|| false);
        permit.ok_or_else(|| Failure::cannot("no call is left"))
    };
    let mut permit = reserve(1)?;
    let number = ticket.strip_prefix('#').and_then(|number| number.parse().ok());
    let read = match number {
        Some(number) => helpdesk.ticket_by_number(&mut permit, number),
        None => helpdesk.ticket(&mut permit, &ticket.into()),
    };
    let read = read.map_err(|error| match error {
        ApiError::NotFound => Failure::no(format!("the helpdesk has no ticket {}", clean(ticket))),
        error => error.into(),
    })?;
    let by_number = loaded.config.richpanel.order_lookup_by_number;
    explainer.ticket(read, session.now(), |context| {
        let mut permit = reserve(3)?;
        Ok(crate::context::find_order(helpdesk.as_ref(), &mut permit, context, by_number)?)
    })
}
