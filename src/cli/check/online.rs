//! What the helpdesk account says. Every call only reads, and goes through the port as the daemon's would.

use std::collections::BTreeMap;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget};

use super::Findings;
use crate::classify::opinion::Question;
use crate::cli::print::clean;
use crate::cli::session::Session;
use crate::clock::{from_millis, millis};
use crate::config::Config;
use crate::config::load::Loaded;
use crate::config::secrets::Secrets;
use crate::daemon::outside;
use crate::decide::Policy;
use crate::helpdesk::budget::{Permit, Use};
use crate::helpdesk::{ApiError, Directory, DirectoryEntry, Helpdesk};

/// Names listed in a hint.
const NAMES_SHOWN: usize = 8;
const DAY_MS: i64 = 86_400_000;
/// What the outside model is asked; nobody wrote it.
const MADE_UP: &str = "Hello, where is my parcel?";

pub(super) fn check(findings: &mut Findings, session: &Session, loaded: &Loaded, secrets: &Secrets) {
    second_opinion(findings, session, loaded, secrets);
    if secrets.api_key.is_none() {
        return findings.problem("online", "not asked: there is no API key", "see above");
    }
    match outside::helpdesk(&loaded.config, secrets, &session.clock) {
        Err(error) => findings.problem("online", error.to_string(), "correct [richpanel]"),
        Ok(helpdesk) => {
            let progress = ProgressBar::new_spinner();
            // On a pipe and with --json there is nobody to watch.
            if session.json {
                progress.set_draw_target(ProgressDrawTarget::hidden());
            }
            progress.enable_steady_tick(Duration::from_millis(120));
            Account { helpdesk: helpdesk.as_ref(), config: &loaded.config, progress: &progress }
                .check(findings, session);
            progress.finish_and_clear();
        }
    }
}

/// Asks the outside model one made-up question, when it is switched on.
fn second_opinion(findings: &mut Findings, session: &Session, loaded: &Loaded, secrets: &Secrets) {
    let about = "second opinion";
    let reader = match outside::second_opinion(&loaded.config, secrets, &session.clock) {
        Ok(Some(reader)) => reader,
        Ok(None) => return,
        Err(problem) => return findings.problem(about, problem, "correct [second_opinion]"),
    };
    let Ok(policy) = Policy::new(&loaded.config, loaded.config.rollout.mode) else { return };
    let intents = policy.opinion_intents();
    match reader.ask(&Question::new(MADE_UP, &[], &intents)) {
        Some(opinion) => {
            let found = format!("asked \"{MADE_UP}\": {} {:.2}", clean(opinion.intent.as_str()), opinion.confidence);
            findings.fine(about, found);
        }
        None => findings.warn(
            about,
            format!("asked \"{MADE_UP}\" and got no opinion: {}", clean(&reader.state())),
            "check base_url, model and key, and that the endpoint knows json_schema; without it all goes on as if off",
        ),
    }
}

struct Account<'a> {
    helpdesk: &'a dyn Helpdesk,
    config: &'a Config,
    progress: &'a ProgressBar,
}

impl Account<'_> {
    fn check(&self, findings: &mut Findings, session: &Session) {
        let users = match self.list(Directory::Users, "agents") {
            Ok(users) => users,
            Err(error @ (ApiError::Unauthorized(_) | ApiError::Unavailable(_))) => {
                let todo = match error {
                    ApiError::Unauthorized(_) => "put a valid key in [richpanel] api_key_file",
                    _ => "check [richpanel] base_url, the network and the helpdesk's status page",
                };
                return findings.problem("online", clean(&error.to_string()), todo);
            }
            Err(error) => {
                findings.warn(
                    "online",
                    format!("agents cannot be listed: {}", clean(&error.to_string())),
                    "the bot agent cannot be checked",
                );
                vec![]
            }
        };
        findings.fine("online", "the API key is let in");
        agents(findings, self.config, &users);
        match self.list(Directory::Teams, "teams") {
            Ok(entries) => teams(findings, self.config, &entries),
            Err(error) => findings.warn(
                "teams",
                format!("cannot be listed: {}", clean(&error.to_string())),
                "compare the names by hand",
            ),
        }
        match self.list(Directory::Tags, "tags") {
            Ok(entries) => tags(findings, self.config, &entries),
            Err(error) => findings.warn(
                "tags",
                format!("cannot be listed: {}", clean(&error.to_string())),
                "tags made in Richpanel's pages show as ids then",
            ),
        }
        self.sweeps(findings, session);
        self.limits(findings);
    }

    fn call<T>(
        &self,
        what: &str,
        call: impl FnOnce(&mut Permit) -> Result<T, ApiError>,
    ) -> Result<T, ApiError> {
        self.progress.set_message(format!("asking for {what}"));
        let permit = self.helpdesk.budget().reserve(Use::Routing, 1, &|| false);
        call(&mut permit.ok_or_else(|| ApiError::Unavailable("no call is left".into()))?)
    }

    fn list(&self, what: Directory, name: &str) -> Result<Vec<DirectoryEntry>, ApiError> {
        self.call(name, |permit| self.helpdesk.directory(permit, what))
    }

    /// Which ways of looking for missed tickets this key allows.
    fn sweeps(&self, findings: &mut Findings, session: &Session) {
        let since = from_millis(millis(session.now()).saturating_sub(DAY_MS));
        let listed = self.call("changed tickets", |permit| self.helpdesk.changed_tickets(permit, since, 1));
        let mut number = newest_number(self.config);
        match listed {
            Ok(page) => {
                findings.fine(
                    "reconcile",
                    format!("method list works: {} tickets on the first page", page.tickets.len()),
                );
                number = page.tickets.iter().filter_map(|ticket| ticket.number).max().or(number);
            }
            Err(ApiError::Forbidden(_)) => {
                findings.warn(
                    "reconcile",
                    "method list: this key may not list tickets (403)",
                    "method = \"auto\" goes by number and known tickets instead",
                );
            }
            Err(error) => findings.warn(
                "reconcile",
                format!("method list: {}", clean(&error.to_string())),
                "try again later",
            ),
        }
        let Some(number) = number else {
            return findings.warn(
                "reconcile",
                "method number: no conversation number is known yet",
                "check again after the first call",
            );
        };
        match self.call("a conversation", |permit| self.helpdesk.ticket_by_number(permit, number)) {
            Ok(_) => {
                findings.fine("reconcile", format!("method number works: conversation {number} was read"));
            }
            Err(error) => {
                let found = format!("method number: conversation {number}: {}", clean(&error.to_string()));
                findings.warn(
                    "reconcile",
                    found,
                    "imported tickets may fail so; check again with a newer one",
                );
            }
        }
    }

    /// What the answers' headers said of the limit.
    fn limits(&self, findings: &mut Findings) {
        let seen = self.helpdesk.budget().status();
        let (configured, window) = (self.config.richpanel.requests_per_window, seen.window.as_secs());
        let others = u64::from(seen.in_use).saturating_sub(seen.calls_total);
        if seen.limit < configured {
            let todo = format!("set [richpanel] requests_per_window = {}", seen.limit);
            findings.warn(
                "limit",
                format!(
                    "the helpdesk allows {} calls in {window} s, configured are {configured}",
                    seen.limit
                ),
                &todo,
            );
        } else {
            findings.fine("limit", format!("{} calls in {window} s, {} free now", seen.limit, seen.free));
        }
        if others > u64::from(configured / 2) {
            let todo = "another client uses this key; leave it less, or lower requests_per_window";
            findings.warn("limit", format!("{others} calls of this window are not ours"), todo);
        }
    }
}

/// The newest conversation number that the file of state knows.
fn newest_number(config: &Config) -> Option<i64> {
    let filter = outside::Filter { limit: 50, ..outside::Filter::default() };
    let events = outside::Reader::open(&config.store.path).and_then(|reader| reader.events(&filter)).ok()?;
    events.iter().filter_map(|event| event.number).max()
}

/// `Returns Admin`, `returns-admin` and `route-returns-admin` are one name.
fn plain(name: &str) -> String {
    let name = name.to_lowercase();
    name.strip_prefix("route-").unwrap_or(&name).chars().filter(|c| c.is_alphanumeric()).collect()
}

fn names(entries: &[DirectoryEntry]) -> String {
    let mut names: Vec<String> = entries.iter().take(NAMES_SHOWN).map(|entry| clean(&entry.name)).collect();
    if entries.len() > NAMES_SHOWN {
        names.push("…".into());
    }
    names.join(", ")
}

fn agents(findings: &mut Findings, config: &Config, users: &[DirectoryEntry]) {
    let by_id: BTreeMap<&str, &DirectoryEntry> = users.iter().map(|user| (user.id.as_str(), user)).collect();
    let named = |id: &str| by_id.get(id).map(|user| clean(&user.name));
    let ids = || {
        let some: Vec<String> = users
            .iter()
            .take(NAMES_SHOWN)
            .map(|user| format!("{} = {}", clean(&user.id), clean(&user.name)))
            .collect();
        format!("set it to one of: {}", some.join(", "))
    };
    match config.richpanel.bot_agent_id.as_deref().map(str::trim).filter(|id| !id.is_empty()) {
        None => findings.warn("agent", "nobody to write as: [richpanel] bot_agent_id is not set", &ids()),
        Some(_) if users.is_empty() => (),
        Some(id) => match named(id).as_deref() {
            None => findings.problem(
                "agent",
                format!("[richpanel] bot_agent_id {} is no agent", clean(id)),
                &ids(),
            ),
            Some("" | "undefined") => findings.warn(
                "agent",
                "the bot agent has no name: customers see none or \"undefined\"",
                "give the agent a name in Richpanel",
            ),
            Some(name) => findings.fine("agent", format!("replies are written as {name}")),
        },
    }
    for (team, settings) in &config.routing.teams {
        let Some(id) = settings.assignee_id.as_deref().filter(|_| !users.is_empty()) else { continue };
        if named(id).is_none() {
            let found = format!("[routing.teams.{team}] assignee_id {} is no agent", clean(id));
            findings.problem("agent", found, &ids());
        }
    }
}

fn teams(findings: &mut Findings, config: &Config, entries: &[DirectoryEntry]) {
    let known: Vec<String> = entries.iter().map(|entry| plain(&entry.name)).collect();
    let missing: Vec<&str> = config
        .routing
        .teams
        .iter()
        .filter(|(name, team)| !known.contains(&plain(name)) && !known.contains(&plain(&team.tag)))
        .map(|(name, _)| name.as_str())
        .collect();
    if missing.is_empty() {
        return findings
            .fine("teams", format!("each of the {} teams has one of its name", config.routing.teams.len()));
    }
    let todo = format!(
        "fine where an assignment rule reads the tag all the same; Richpanel has: {}",
        names(entries)
    );
    findings.warn("teams", format!("no team is called {}", missing.join(", ")), &todo);
}

fn tags(findings: &mut Findings, config: &Config, entries: &[DirectoryEntry]) {
    let missing: Vec<&str> = config
        .routing
        .teams
        .values()
        .map(|team| team.tag.as_str())
        .filter(|tag| !entries.iter().any(|entry| entry.name == *tag))
        .collect();
    if missing.is_empty() {
        return findings.fine("tags", "every route tag is known");
    }
    let todo = "make an assignment rule for each, or nobody gets those tickets; the daemon makes the tags as it goes";
    findings.warn("tags", format!("not known yet: {}", missing.join(", ")), todo);
}

#[cfg(test)]
#[path = "online_tests.rs"]
mod tests;
