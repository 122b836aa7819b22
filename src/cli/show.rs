//! `show ID`: one event, its decision with every gate, the reply with the source of each fact, and its story.

use anyhow::Result;
use clap::Args;

use super::Exit;
use super::events::{intent_of, state_of};
use super::explain::report;
use super::print::{Screen, Table, Tone, clean, count, cut, heading, moment, paint, pair};
use super::session::Session;
use crate::daemon::outside::{AuditLine, EventRow, EventStory};
use crate::decide::Decision;
use crate::event::{EventId, Lane, Timestamp};

/// Show one event.
#[derive(Debug, Args)]
pub(super) struct Show {
    /// The event's number, as `events` and the answer to a call show it
    #[arg(value_name = "ID")]
    event: i64,
}

impl Show {
    pub(super) fn run(self, session: &Session) -> Result<Exit> {
        let story = Session::reader(&session.load()?)?.story(EventId(self.event))?;
        session.show(&story, |screen| page(&story, session.now(), *screen))?;
        Ok(Exit::Good)
    }
}

fn page(story: &EventStory, now: Timestamp, screen: Screen) -> String {
    let mut text = row(&story.event, now);
    match &story.decision {
        None => (),
        Some(json) => match serde_json::from_value::<Decision>(json.clone()) {
            Ok(decision) => text.push_str(&decided(&decision, screen)),
            Err(_) => text.push_str("\nThe decision was written by another version: --json shows it.\n"),
        },
    }
    text.push_str(&heading("story"));
    text.push_str(&audit(&story.audit, screen));
    text
}

fn row(event: &EventRow, now: Timestamp) -> String {
    let (tone, state) = state_of(event);
    let number = event.number.map_or_else(String::new, |number| format!(", conversation {number}"));
    let lane = Lane::from_rank(event.lane).map_or("?", Lane::as_str);
    let mut text = pair("event", &paint(Tone::Strong, &event.event.to_string()));
    text.push_str(&pair("ticket", &format!("{}{number}", clean(&event.ticket))));
    text.push_str(&pair("state", &paint(tone, &state)));
    if !event.reason.is_empty() {
        text.push_str(&pair("", &clean(&event.reason)));
    }
    text.push_str(&pair("accepted", &moment(event.accepted_at, now)));
    match event.finished_at {
        Some(at) => text.push_str(&pair("ended", &moment(at, now))),
        None => text.push_str(&pair("due", &moment(event.due_at, now))),
    }
    let came = format!("{} {}, lane {lane}, {}", event.helpdesk, event.source, times(event.calls_in, "call"));
    text.push_str(&pair("came by", &came));
    if let Some(channel) = &event.channel {
        text.push_str(&pair("channel", &cut(channel, 60)));
    }
    if event.intent.is_some() {
        text.push_str(&pair("intent", &intent_of(event)));
    }
    let work = format!(
        "{}, {} failed, {}",
        times(event.attempt, "attempt"),
        event.failures,
        times(event.calls_out, "API call")
    );
    text.push_str(&pair("work", &work));
    if let Some(next) = super::status::next_step(event) {
        text.push_str(&pair("what to do", &paint(Tone::Warn, &next)));
    }
    text
}

fn times(number: u32, what: &str) -> String {
    count(usize::try_from(number).unwrap_or(usize::MAX), what)
}

fn decided(decision: &Decision, screen: Screen) -> String {
    let mut text = heading(&format!("decision (mode {}, {})", decision.mode, clean(&decision.classifier)));
    text.push_str(&report::understood(decision));
    text.push_str(&pair("reason", &clean(&decision.reason)));
    text.push_str(&report::gates(&decision.gates, screen));
    text.push_str(&report::reply(decision.draft.as_ref(), decision.send, screen));
    let (title, steps) = if decision.after.is_empty() {
        ("would have done", &decision.would)
    } else {
        ("steps", &decision.after)
    };
    if !steps.is_empty() {
        text.push_str(&heading(title));
        let mut table = Table::new(&["step", "rule"]);
        for step in steps {
            let words = serde_json::to_string(&step.effect).unwrap_or_default();
            table.row(vec![(Tone::Plain, cut(&words, 160)), (Tone::Dim, clean(&step.rule))]);
        }
        text.push_str(&table.render(screen));
    }
    text
}

fn audit(lines: &[AuditLine], screen: Screen) -> String {
    let mut table = Table::new(&["at (UTC)", "what", "by", "answer"]);
    for line in lines {
        table.row(vec![
            (Tone::Dim, clean(&line.at)),
            (Tone::Plain, cut(&line.what, 160)),
            (Tone::Dim, cut(&line.rule, 60)),
            (Tone::Plain, cut(&line.answer, 160)),
        ]);
    }
    table.render(screen)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dead_event_says_what_to_do() {
        let mut event =
            super::super::events::tests::row(7, "dead", "the helpdesk refuses the request (400): no");
        event.finished_at = Some(Timestamp::UNIX_EPOCH);
        let line = AuditLine {
            at: "1970-01-01 00:00:00.000".into(),
            what: "call accepted".into(),
            rule: "r".into(),
            answer: "a\nb".into(),
        };
        let story = EventStory { event, decision: None, audit: vec![line] };
        let text = page(&story, Timestamp::UNIX_EPOCH, Screen::Plain);
        assert!(text.contains("discard 7 --reason"), "{text}");
        assert!(text.contains("a\\nb"), "{text}");
    }

    #[test]
    fn a_decision_of_another_version_does_not_hide_the_story() {
        let event = super::super::events::tests::row(7, "done", "");
        let story = EventStory { event, decision: Some(serde_json::json!({"x": 1})), audit: vec![] };
        assert!(page(&story, Timestamp::UNIX_EPOCH, Screen::Plain).contains("another version"));
    }
}
