//! `status`: how the daemon and its queue stand. Works with the daemon stopped; the file says almost everything.

mod coverage;

use anyhow::Result;
use clap::Args;
use serde::Serialize;

use super::Exit;
use super::backlog::{Backlog, Pace, backlog};
use super::backup::last_line;
use super::mode::Standing;
use super::print::{Screen, Table, Tone, clean, count, cut, heading, moment, paint, pair, span};
use super::session::Session;
use super::steer::asked;
use crate::config::Config;
use crate::config::load::Loaded;
use crate::daemon::control::Request;
use crate::daemon::outside::{EventRow, Filter, OutcomeRow, Reader};
use crate::daemon::status::Status as Running;
use crate::event::{State, Timestamp};
use crate::store::Alert;
use crate::store::marks::{BACKUP_LAST, LastBackup, RESTORE_AT, RESTORE_FROM, time_of};
use crate::timer::reconcile::{LAST_SWEEP, Report};

/// Dead letters shown; `events --state dead` shows the others.
const DEAD_SHOWN: u32 = 20;
const DAY_MS: i64 = 86_400_000;

/// Show how the daemon stands.
#[derive(Debug, Args)]
pub(super) struct Status {}

/// Everything that is shown.
#[derive(Debug, Serialize)]
struct Overview {
    environment: String,
    database: String,
    mode: Standing,
    /// What the running daemon says of itself; `None`: none answers.
    running: Option<Running>,
    /// Why the daemon could not be asked, when so.
    not_asked: Option<String>,
    /// Open and dead events as they stand, other ended ones of the last 24 h.
    queue: Vec<Count>,
    oldest_open_at: Option<Timestamp>,
    last_call_at: Option<Timestamp>,
    /// Bodies kept in which nobody found a ticket.
    unusable_bodies: u64,
    outcomes_24h: Vec<OutcomeRow>,
    last_sweep: Option<Sweep>,
    coverage_24h: coverage::Coverage,
    last_backup: Option<Backup>,
    /// When a backup was last put in place, and from what.
    restored: Option<(Timestamp, String)>,
    dead_letters: Vec<Dead>,
    /// What a person should know about now.
    alerts: Vec<Alert>,
    backlog: Backlog,
    /// Replies that nothing but a cap or a brake held back in the last 24 h.
    held_back_24h: Vec<HeldBack>,
}

#[derive(Debug, Serialize)]
struct HeldBack {
    gate: String,
    replies: u64,
}

#[derive(Debug, Serialize)]
struct Count {
    state: State,
    events: u64,
}

#[derive(Debug, Serialize)]
struct Sweep {
    at: Timestamp,
    report: Report,
}

#[derive(Debug, Serialize)]
struct Backup {
    at: Timestamp,
    #[serde(flatten)]
    last: LastBackup,
}

#[derive(Debug, Serialize)]
struct Dead {
    #[serde(flatten)]
    event: EventRow,
    what_to_do: Option<String>,
}

impl Status {
    pub(super) fn run(self, session: &Session) -> Result<Exit> {
        let overview = look(session, &session.load()?)?;
        session.show(&overview, |screen| page(&overview, session.now(), *screen))?;
        Ok(Exit::Good)
    }
}

fn look(session: &Session, loaded: &Loaded) -> Result<Overview> {
    let (config, now) = (&loaded.config, session.now());
    let (running, not_asked) = match asked(&config.store.path, &Request::Status) {
        Ok(None) => (None, None),
        Ok(Some(Ok(answer))) => (serde_json::from_value(answer).ok(), None),
        Ok(Some(Err(why))) => (None, Some(why)),
        Err(error) => (None, Some(format!("{error:#}"))),
    };
    let reader = Session::reader(loaded)?;
    let (last_call_at, unusable_bodies) = reader.intake()?;
    let day_ago = crate::clock::from_millis(crate::clock::millis(now).saturating_sub(DAY_MS));
    let mode = Standing::read(&reader, loaded)?;
    let outcomes_24h = reader.outcomes(day_ago)?;
    let backlog = backlog(&reader.backlog()?, &outcomes_24h, mode.mode, pace(running.as_ref(), config));
    let held_back = reader.held_back(day_ago)?.into_iter();
    Ok(Overview {
        environment: config.environment.clone(),
        database: config.store.path.display().to_string(),
        mode,
        running,
        not_asked,
        queue: reader.counts(now)?.into_iter().map(|(state, events)| Count { state, events }).collect(),
        oldest_open_at: reader.oldest_open()?,
        last_call_at,
        unusable_bodies,
        outcomes_24h,
        last_sweep: last_sweep(&reader)?,
        coverage_24h: coverage::Coverage::read(&reader, day_ago)?,
        last_backup: last_backup(&reader)?,
        restored: restored(&reader)?,
        dead_letters: dead_letters(&reader)?,
        alerts: reader.alerts()?,
        backlog,
        held_back_24h: held_back.map(|(gate, replies)| HeldBack { gate, replies }).collect(),
    })
}

/// The budget as it stands, or as configured while no daemon answers.
fn pace(running: Option<&Running>, config: &Config) -> Pace {
    let helpdesk = running.and_then(|running| running.helpdesks.first());
    let richpanel = &config.richpanel;
    let configured =
        Pace { limit: richpanel.requests_per_window, window_seconds: richpanel.window_seconds.into() };
    helpdesk.map_or(configured, |helpdesk| Pace {
        limit: helpdesk.limit,
        window_seconds: helpdesk.window_seconds,
    })
}

fn restored(reader: &Reader) -> Result<Option<(Timestamp, String)>> {
    let Some(at) = reader.setting(RESTORE_AT)? else { return Ok(None) };
    let from = reader.setting(RESTORE_FROM)?.map_or_else(|| "a backup".to_owned(), |from| from.value);
    Ok(Some((time_of(&at), from)))
}

fn last_sweep(reader: &Reader) -> Result<Option<Sweep>> {
    let kept = reader.setting(LAST_SWEEP)?;
    Ok(kept.and_then(|kept| Some(Sweep { at: kept.at, report: serde_json::from_str(&kept.value).ok()? })))
}

fn last_backup(reader: &Reader) -> Result<Option<Backup>> {
    let kept = reader.setting(BACKUP_LAST)?;
    Ok(kept.and_then(|kept| Some(Backup { at: kept.at, last: serde_json::from_str(&kept.value).ok()? })))
}

fn dead_letters(reader: &Reader) -> Result<Vec<Dead>> {
    let dead = reader.events(&Filter { state: Some(State::Dead), limit: DEAD_SHOWN, ..Filter::default() })?;
    Ok(dead.into_iter().map(|event| Dead { what_to_do: next_step(&event), event }).collect())
}

/// What a person does about a dead letter; `None` for an event that needs nobody.
pub(super) fn next_step(event: &EventRow) -> Option<String> {
    if event.state != "dead" {
        return None;
    }
    let id = event.event;
    let has = |words: &str| event.reason.contains(words);
    Some(if has("(401)") {
        format!("put a valid key in [richpanel] api_key_file, restart, then: retry {id}")
    } else if has("(403)") {
        format!("the key may not do this: ask Richpanel, then: retry {id}")
    } else if has("refuses the request") || has("not found") {
        format!(
            "it will not work next time either: answer the ticket by hand, then: discard {id} --reason \"by hand\""
        )
    } else if has("panicked") {
        format!(
            "a fault of this program: keep the log, answer the ticket by hand, then: discard {id} --reason \"by hand\""
        )
    } else {
        format!("see show {id}; when the cause is gone: retry {id}, else: discard {id} --reason \"…\"")
    })
}

fn page(overview: &Overview, now: Timestamp, screen: Screen) -> String {
    let mut text = pair("environment", &paint(Tone::Strong, &clean(&overview.environment)));
    text.push_str(&overview.mode.lines(now));
    text.push_str(&alerts(&overview.alerts, now));
    text.push_str(&daemon(overview, now));
    text.push_str(&intake(overview, now));
    text.push_str(&queue(&overview.queue));
    text.push_str(&waiting(overview));
    if let Some(sweep) = &overview.last_sweep {
        text.push_str(&swept(sweep, now));
    }
    text.push_str(&overview.coverage_24h.lines());
    text.push_str(&last_line(overview.last_backup.as_ref().map(|backup| (backup.at, &backup.last)), now));
    if let Some((at, from)) = &overview.restored {
        text.push_str(&super::restore::standing(*at, from, now));
    }
    text.push_str(&outcomes(&overview.outcomes_24h, screen));
    text.push_str(&dead(overview, now, screen));
    text
}

fn alerts(alerts: &[Alert], now: Timestamp) -> String {
    let line = |alert: &Alert| {
        let raised = paint(Tone::Dim, &moment(alert.raised_at, now));
        pair("look at this", &format!("{}; {raised}", paint(Tone::Bad, &clean(&alert.text))))
    };
    alerts.iter().map(line).collect()
}

fn daemon(overview: &Overview, now: Timestamp) -> String {
    let Some(running) = &overview.running else {
        let words = overview.not_asked.as_deref().map_or_else(
            || paint(Tone::Bad, "not running; start it with systemctl start richpanel-mw"),
            |why| paint(Tone::Warn, &clean(why)),
        );
        return pair("daemon", &words);
    };
    let up = format!(
        "running for {}, process {}, version {}",
        span(running.up_seconds),
        running.pid,
        running.version
    );
    let mut text = pair("daemon", &paint(Tone::Good, &up));
    text.push_str(&pair("", &format!("calls on {}, people on {}", running.listen, running.admin)));
    if let Some(why) = &running.not_ready {
        text.push_str(&pair("", &paint(Tone::Bad, &format!("takes nothing in: {}", clean(why)))));
    }
    for helpdesk in &running.helpdesks {
        let mut budget = format!(
            "{}: {} of {} calls free in {} s, {} made since the start",
            helpdesk.name, helpdesk.free, helpdesk.limit, helpdesk.window_seconds, helpdesk.calls
        );
        if helpdesk.paused_seconds > 0 {
            budget.push_str(&format!(", paused for {}", span(helpdesk.paused_seconds)));
        }
        text.push_str(&pair("budget", &budget));
        if let Some(down) = &helpdesk.down {
            let words = format!(
                "{} is down since {} ({}); nobody calls it, next try in {}",
                helpdesk.name,
                moment(down.since, now),
                clean(&down.why),
                span(down.next_probe_seconds)
            );
            text.push_str(&pair("", &paint(Tone::Bad, &words)));
        }
        if let Some(why) = &helpdesk.no_replies {
            text.push_str(&pair("", &paint(Tone::Warn, &format!("no replies: {}", clean(why)))));
        }
    }
    if let Some(state) = &running.second_opinion {
        text.push_str(&pair("second opinion", &clean(state)));
    }
    text
}

fn intake(overview: &Overview, now: Timestamp) -> String {
    let last = overview.last_call_at.map_or_else(|| "none yet".to_owned(), |at| moment(at, now));
    let mut text = pair("last call", &last);
    if overview.unusable_bodies > 0 {
        let words = format!(
            "{} in which nobody found a ticket; check the body of the HTTP Target (http-target prints one)",
            count(usize::try_from(overview.unusable_bodies).unwrap_or(usize::MAX), "call")
        );
        text.push_str(&pair("unusable", &paint(Tone::Warn, &words)));
    }
    if let Some(at) = overview.oldest_open_at {
        text.push_str(&pair("oldest open", &moment(at, now)));
    }
    text
}

fn queue(counts: &[Count]) -> String {
    let words: Vec<String> = counts
        .iter()
        .filter(|count| count.events > 0 && (!count.state.is_final() || count.state == State::Dead))
        .map(|count| {
            let tone = if count.state == State::Dead { Tone::Bad } else { Tone::Plain };
            paint(tone, &format!("{} {}", count.events, count.state))
        })
        .collect();
    let words = if words.is_empty() { "empty".to_owned() } else { words.join(", ") };
    pair("queue", &words)
}

/// What waits, until when, and what brakes held back.
fn waiting(overview: &Overview) -> String {
    let mut text = String::new();
    if !overview.backlog.lanes.is_empty() {
        let down =
            overview.running.iter().flat_map(|running| &running.helpdesks).any(|desk| desk.down.is_some());
        let from = if down { ", once the helpdesk is back" } else { "" };
        text.push_str(&pair("", &format!("{}{from}", overview.backlog.words())));
    }
    let held: Vec<String> = overview
        .held_back_24h
        .iter()
        .map(|HeldBack { gate, replies }| format!("{replies} by {gate}"))
        .collect();
    if !held.is_empty() {
        let words = format!("{} in the last 24 hours: routed instead of answered", held.join(", "));
        text.push_str(&pair("replies held", &paint(Tone::Warn, &words)));
    }
    text
}

fn swept(sweep: &Sweep, now: Timestamp) -> String {
    let Report { methods, looked_at, found, calls, notes, .. } = &sweep.report;
    let words = format!(
        "{}, by {}: {found} found in {looked_at} looked at, {calls} calls",
        moment(sweep.at, now),
        methods.join("+")
    );
    let mut text = pair("last sweep", &words);
    for note in notes.iter().take(5) {
        text.push_str(&pair("", &paint(Tone::Dim, &cut(note, 160))));
    }
    text
}

fn outcomes(outcomes: &[OutcomeRow], screen: Screen) -> String {
    if outcomes.is_empty() {
        return format!("{}nothing ended\n", heading("last 24 hours"));
    }
    let mut table = Table::new(&["outcome", "events", "API calls", "calls an event"]);
    for row in outcomes {
        // Counts of one day: exact in a double.
        #[allow(clippy::cast_precision_loss, reason = "for one decimal")]
        let each = row.calls as f64 / row.events.max(1) as f64;
        table.row(vec![
            (Tone::Plain, row.outcome.clone()),
            (Tone::Plain, row.events.to_string()),
            (Tone::Plain, row.calls.to_string()),
            (Tone::Plain, format!("{each:.1}")),
        ]);
    }
    format!("{}{}", heading("last 24 hours"), table.render(screen))
}

fn dead(overview: &Overview, now: Timestamp, screen: Screen) -> String {
    if overview.dead_letters.is_empty() {
        return String::new();
    }
    let mut table = Table::new(&["event", "ticket", "died", "why", "what to do"]);
    for Dead { event, what_to_do } in &overview.dead_letters {
        table.row(vec![
            (Tone::Bad, event.event.to_string()),
            (Tone::Plain, cut(&event.ticket, 40)),
            (Tone::Dim, event.finished_at.map_or_else(String::new, |at| moment(at, now))),
            (Tone::Plain, cut(&event.reason, 100)),
            (Tone::Warn, what_to_do.clone().unwrap_or_default()),
        ]);
    }
    let mut text = format!("{}{}", heading("dead letters: a person must look"), table.render(screen));
    let all = overview.queue.iter().find(|count| count.state == State::Dead).map_or(0, |count| count.events);
    if all > u64::from(DEAD_SHOWN) {
        text.push_str(&format!("and {} more: events --state dead\n", all - u64::from(DEAD_SHOWN)));
    }
    text
}

#[cfg(test)]
#[path = "status_tests.rs"]
mod tests;
