//! `events`: a list of events, newest first, straight from the file.

use anyhow::Result;
use clap::Args;
use serde_json::json;

use super::Exit;
use super::print::{Screen, Table, Tone, cut, moment};
use super::session::Session;
use crate::clock::{from_millis, millis};
use crate::daemon::outside::{EventRow, Filter};
use crate::event::{State, Timestamp};

/// List events, newest first.
#[derive(Debug, Args)]
pub(super) struct Events {
    /// Only this state: waiting, working, backoff, held, checking, done, duplicate, dead, discarded
    #[arg(long, value_parser = parse_state)]
    state: Option<State>,
    /// Only this ticket (the helpdesk's id)
    #[arg(long, value_name = "ID")]
    ticket: Option<String>,
    /// Only events accepted since: 30m, 24h, 7d, or a time such as 2026-02-09T08:00:00Z
    #[arg(long, value_parser = parse_since, value_name = "TIME")]
    since: Option<Since>,
    /// At most so many
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    limit: u32,
}

/// How far back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Since {
    Ago { ms: i64 },
    At(Timestamp),
}

impl Since {
    fn time(self, now: Timestamp) -> Timestamp {
        match self {
            Self::Ago { ms } => from_millis(millis(now).saturating_sub(ms)),
            Self::At(at) => at,
        }
    }
}

fn parse_state(word: &str) -> Result<State, String> {
    let words: Vec<&str> = State::ALL.iter().map(|state| state.as_str()).collect();
    State::parse(&word.to_lowercase()).ok_or_else(|| format!("one of {}", words.join(", ")))
}

fn parse_since(text: &str) -> Result<Since, String> {
    if let Ok(at) = text.parse() {
        return Ok(Since::At(at));
    }
    if let Ok(day) = text.parse::<jiff::civil::Date>() {
        let at = day.to_zoned(jiff::tz::TimeZone::UTC).map_err(|error| error.to_string())?;
        return Ok(Since::At(at.timestamp()));
    }
    let unit_ms = match text.chars().last() {
        Some('s') => 1_000,
        Some('m') => 60_000,
        Some('h') => 3_600_000,
        Some('d') => 86_400_000,
        Some('w') => 604_800_000,
        _ => 0,
    };
    let number = text.get(..text.len().saturating_sub(1)).and_then(|number| number.parse::<u32>().ok());
    match number {
        Some(number) if unit_ms > 0 => Ok(Since::Ago { ms: i64::from(number).saturating_mul(unit_ms) }),
        _ => Err("write 30m, 24h, 7d, a day (2026-02-09) or a time (2026-02-09T08:00:00Z)".into()),
    }
}

impl Events {
    pub(super) fn run(self, session: &Session) -> Result<Exit> {
        let reader = Session::reader(&session.load()?)?;
        let now = session.now();
        let filter = Filter {
            state: self.state,
            ticket: self.ticket,
            since: self.since.map(|since| since.time(now)),
            // One more than is shown tells whether there are more.
            limit: self.limit.saturating_add(1),
        };
        let mut events = reader.events(&filter)?;
        let shown = usize::try_from(self.limit).unwrap_or(usize::MAX);
        let more = events.len() > shown;
        events.truncate(shown);
        session.show(&json!({ "events": events }), |screen| {
            let mut text = list(&events, now, *screen);
            if more {
                text.push_str("There are more: --limit N shows them.\n");
            }
            text
        })?;
        Ok(Exit::Good)
    }
}

fn list(events: &[EventRow], now: Timestamp, screen: Screen) -> String {
    if events.is_empty() {
        return "No event fits.\n".to_owned();
    }
    let mut table = Table::new(&["event", "ticket", "state", "accepted", "intent", "reason"])
        .one_line()
        .first_to_go(&["accepted", "intent"]);
    for event in events {
        let (tone, state) = state_of(event);
        table.row(vec![
            (Tone::Strong, event.event.to_string()),
            (Tone::Plain, ticket_of(event)),
            (tone, state),
            (Tone::Dim, moment(event.accepted_at, now)),
            (Tone::Plain, intent_of(event)),
            (Tone::Plain, cut(&event.reason, 120)),
        ]);
    }
    table.render(screen)
}

/// The state, or for an event that is done its outcome.
pub(super) fn state_of(event: &EventRow) -> (Tone, String) {
    let tone = match (event.state.as_str(), event.outcome.as_deref()) {
        ("dead", _) => Tone::Bad,
        ("done", Some("needs-human")) | ("backoff" | "checking", _) => Tone::Warn,
        ("done", _) => Tone::Good,
        ("duplicate" | "discarded", _) => Tone::Dim,
        _ => Tone::Plain,
    };
    let state =
        event.outcome.as_ref().map_or_else(|| event.state.clone(), |outcome| format!("done: {outcome}"));
    (tone, state)
}

fn ticket_of(event: &EventRow) -> String {
    let id = cut(&event.ticket, 40);
    event.number.map_or_else(|| id.clone(), |number| format!("{id} (#{number})"))
}

/// The intent with its confidence, never rounded up.
pub(super) fn intent_of(event: &EventRow) -> String {
    let confidence =
        event.confidence.map_or_else(String::new, |confidence| format!(" {}", percent(confidence)));
    event.intent.as_deref().map_or_else(String::new, |intent| format!("{}{confidence}", cut(intent, 40)))
}

/// `93 %`, never rounded up.
pub(super) fn percent(confidence: f64) -> String {
    format!("{:.0} %", (confidence * 100.0 + 1e-6).floor())
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::event::EventId;

    pub(in crate::cli) fn row(id: i64, state: &str, reason: &str) -> EventRow {
        EventRow {
            event: EventId(id),
            helpdesk: "richpanel".into(),
            ticket: "<a\u{1b}[31m@mail.example>".into(),
            number: Some(1401),
            source: "call".into(),
            lane: 1,
            state: state.into(),
            outcome: (state == "done").then(|| "routed".into()),
            reason: reason.into(),
            accepted_at: Timestamp::UNIX_EPOCH,
            due_at: Timestamp::UNIX_EPOCH,
            finished_at: None,
            attempt: 1,
            failures: 0,
            calls_in: 1,
            calls_out: 2,
            channel: Some("email".into()),
            intent: Some("order_status".into()),
            confidence: Some(0.9999),
        }
    }

    #[test]
    fn a_list_is_a_line_an_event_and_nothing_in_it_moves_the_cursor() {
        let events = [row(2, "dead", "refused\nby the helpdesk"), row(1, "done", "")];
        let text = list(&events, Timestamp::UNIX_EPOCH, Screen::Plain);
        assert_eq!(text.lines().count(), 3, "{text}");
        assert!(text.contains("<a\\u{1b}[31m@mail.example> (#1401)") && !text.contains('\u{1b}'), "{text}");
        assert!(text.contains("done: routed") && text.contains("order_status 99 %"), "{text}");
        assert_eq!(list(&[], Timestamp::UNIX_EPOCH, Screen::Plain), "No event fits.\n");
    }

    #[test]
    fn since_takes_lengths_days_and_times() {
        let now: Timestamp = "2026-02-09T12:00:00Z".parse().unwrap();
        for (text, at) in [
            ("30m", "2026-02-09T11:30:00Z"),
            ("24h", "2026-02-08T12:00:00Z"),
            ("7d", "2026-02-02T12:00:00Z"),
            ("1w", "2026-02-02T12:00:00Z"),
            ("2026-02-08", "2026-02-08T00:00:00Z"),
            ("2026-02-08T01:02:03Z", "2026-02-08T01:02:03Z"),
        ] {
            assert_eq!(parse_since(text).unwrap().time(now), at.parse::<Timestamp>().unwrap(), "{text}");
        }
        for text in ["", "h", "24", "24 hours", "-1h", "1é"] {
            assert!(parse_since(text).is_err(), "{text}");
        }
    }
}
