//! What the demo prints at its end: the table, the sums, some replies in full, the verdict, and where to look next.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;

use serde_json::{Value, json};

use super::harvest::{Cost, Harvest, Row, Said};
use super::stage::WINDOW;
use super::verdict::Verdict;
use crate::cli::folder::Folder;
use crate::cli::print::{Screen, Table, Tone, clean, clean_lines, cut, heading, paint, pair};
use crate::sim::SimHandle;
use crate::timer::reconcile::Report;

/// Characters of a message in the table.
const TEXT_CHARS: usize = 48;
/// Replies shown in full.
const REPLIES_SHOWN: usize = 3;

/// Everything there is to show.
#[derive(Debug)]
pub(super) struct Shown {
    pub(super) verdict: Verdict,
    pub(super) seconds: f64,
    harvest: Harvest,
    swept: Report,
    kept: Option<Kept>,
}

#[derive(Debug)]
struct Kept {
    config: PathBuf,
    database: PathBuf,
}

impl Shown {
    pub(super) fn new(folder: &Folder, harvest: Harvest, verdict: Verdict, swept: Report) -> Self {
        let kept = folder.kept.then(|| Kept { config: folder.config(), database: folder.database() });
        Self { verdict, seconds: 0.0, harvest, swept, kept }
    }

    /// One document with everything.
    pub(super) fn json(&self) -> Value {
        json!({
            "good": self.verdict.good(),
            "verdict": self.verdict,
            "seconds": (self.seconds * 10.0).round() / 10.0,
            "totals": self.harvest.totals,
            "sweep": self.swept,
            "messages": self.harvest.rows,
            "replies": self.harvest.replies,
            "config": self.kept.as_ref().map(|kept| kept.config.display().to_string()),
            "database": self.kept.as_ref().map(|kept| kept.database.display().to_string()),
        })
    }

    /// For people.
    pub(super) fn people(&self, screen: Screen) -> String {
        let mut text = heading("What became of each message");
        text.push_str(&table(&self.harvest.rows).render(screen));
        text.push_str(&self.notes());
        text.push_str(&heading("What was said"));
        for said in shown_replies(&self.harvest.replies) {
            text.push_str(&reply(said));
        }
        text.push_str(&self.sums());
        text.push_str(&self.checks());
        text.push_str(&self.next());
        text
    }

    /// What ended otherwise than the story has it, in full.
    fn notes(&self) -> String {
        let mut text = String::new();
        for row in self.harvest.rows.iter().filter(|row| !row.as_expected) {
            let _ = writeln!(text, "  {:>3}  {}", row.no, clean(&row.reason));
        }
        if text.is_empty() {
            return "\nEvery message ended as the story has it.\n".to_owned();
        }
        format!(
            "\nMarked !: ended otherwise than the story has it (cautious is no harm; the reasons):\n{text}"
        )
    }

    fn sums(&self) -> String {
        let totals = &self.harvest.totals;
        let mut text = heading("The sums");
        let mut line = |name: &str, value: String| text.push_str(&pair(name, &value));
        line(
            "messages",
            format!(
                "{} in {:.0} s; {} ended as the story has it, {} intents found",
                totals.messages, self.seconds, totals.as_expected, totals.intents_found
            ),
        );
        line(
            "calls to us",
            format!(
                "{}: {} acknowledged ({} joined a waiting event, {} with a broken body); {} more never left the helpdesk, \
                 {} of them found by the sweep",
                totals.calls_in,
                totals.acknowledged,
                totals.joined,
                totals.broken,
                totals.calls_lost,
                totals.found_by_sweep
            ),
        );
        line(
            "API calls",
            format!(
                "{} in all; at most {} in any {} s, {} are allowed (50 in 30 s in real life)",
                totals.api_calls,
                totals.most_in_window,
                WINDOW.as_secs(),
                totals.limit
            ),
        );
        line("sweep", self.sweep_words());
        for (outcome, cost) in &totals.outcomes {
            line(outcome, cost_words(cost));
        }
        line("answered e-mail", cost_words(&totals.answered_mail));
        line(
            "not answered",
            format!("{} messages that facts could have answered went to a person", totals.chances_missed),
        );
        line("429", format!("{} in the storm, {} of our own making", totals.storm_429, totals.self_made_429));
        text
    }

    fn sweep_words(&self) -> String {
        let Report { looked_at, calls, found, .. } = &self.swept;
        format!(
            "{looked_at} tickets looked at in {calls} calls, {found} taken in; what was handled already is looked at once, and is no event"
        )
    }

    fn checks(&self) -> String {
        let mut text = heading("The verdict");
        let verdict = &self.verdict;
        for (name, found) in [
            ("lost", &verdict.lost),
            ("doubled", &verdict.doubled),
            ("stuck", &verdict.stuck),
            ("wrongly answered", &verdict.wrong),
            ("over the limit", &verdict.over_limit),
        ] {
            let (tone, mark) = if found.is_empty() { (Tone::Good, "✓") } else { (Tone::Bad, "✗") };
            let _ = writeln!(text, "{} {} {name}", paint(tone, mark), found.len());
            for line in found {
                let _ = writeln!(text, "    {}", clean(line));
            }
        }
        let (tone, words) = if verdict.good() {
            (
                Tone::Good,
                "Nothing was lost, nothing was said twice, nothing was said where a person must answer.",
            )
        } else {
            (Tone::Bad, "The demo FAILED: see the marks above.")
        };
        let _ = writeln!(text, "{}", paint(tone, words));
        text
    }

    fn next(&self) -> String {
        let mut text = heading("Where to look next");
        let Some(kept) = &self.kept else {
            text.push_str(
                "Nothing is left on disk. To keep the database:     richpanel-mw demo --keep DIR\n\
                 To keep everything running and look around:        richpanel-mw demo --stay\n\
                 To set it up for a shop:                           README.md, \"Ten minutes\"\n",
            );
            return text;
        };
        let (config, database) = (kept.config.display(), kept.database.display());
        let rows = &self.harvest.rows;
        let shown =
            rows.iter().find(|row| row.replies > 0).or_else(|| rows.iter().find(|row| row.event.is_some()));
        let event = shown.and_then(|row| row.event).unwrap_or(1);
        let _ = writeln!(
            text,
            "richpanel-mw --config {config} status\n\
             richpanel-mw --config {config} events\n\
             richpanel-mw --config {config} show {event}\n\
             sqlite3 -readonly {database} \"select at, what, rule, answer from audit where event = {event}\"\n\
             sqlite3 -readonly {database} \"select * from deliveries\"\n\
             README.md, \"Ten minutes\", sets it up for a shop"
        );
        text
    }
}

fn table(rows: &[Row]) -> Table {
    let mut table = Table::new(&[
        "#",
        "event",
        "channel",
        "came",
        "what was written",
        "intent",
        "conf",
        "outcome",
        "team",
        "reply",
        "calls",
    ]);
    table = table.one_line().first_to_go(&["event", "came", "conf", "channel", "team", "calls"]);
    for row in rows {
        let (tone, mark) = match (row.outcome.as_str(), row.as_expected) {
            (_, false) => (Tone::Warn, "!"),
            ("answered", _) => (Tone::Good, ""),
            ("needs-human", _) => (Tone::Strong, ""),
            _ => (Tone::Plain, ""),
        };
        table.row(vec![
            (Tone::Dim, row.no.to_string()),
            (Tone::Dim, row.event.map_or_else(String::new, |event| event.to_string())),
            (Tone::Plain, row.channel.clone()),
            (Tone::Dim, row.came.clone()),
            (Tone::Plain, cut(&row.text.replace(['\n', '\r'], " "), TEXT_CHARS)),
            (Tone::Plain, row.intent.clone().unwrap_or_default()),
            (Tone::Dim, row.confidence.map_or_else(String::new, |confidence| format!("{confidence:.2}"))),
            (tone, format!("{}{mark}", row.outcome)),
            (Tone::Plain, row.team.clone().unwrap_or_default()),
            (Tone::Good, if row.replies > 0 { "yes" } else { "" }.to_owned()),
            (Tone::Dim, row.calls.to_string()),
        ]);
    }
    table
}

/// One of each channel, the first ones.
fn shown_replies(replies: &[Said]) -> Vec<&Said> {
    let mut shown: Vec<&Said> = Vec::new();
    for reply in replies {
        let new = !shown.iter().any(|other| other.channel == reply.channel);
        if new && shown.len() < REPLIES_SHOWN {
            shown.push(reply);
        }
    }
    shown
}

fn reply(said: &Said) -> String {
    let mut text = String::new();
    let _ = writeln!(
        text,
        "{}",
        paint(Tone::Dim, &format!("to {} ({}): {}", said.no, said.channel, cut(&said.asked, 70)))
    );
    for line in clean_lines(&said.text) {
        let _ = writeln!(text, "  | {line}");
    }
    for fact in &said.facts {
        let words = format!("{} = {}  ← {}", fact.name, cut(&fact.value, 40), clean(&fact.source));
        let _ = writeln!(text, "    {}", paint(Tone::Dim, &words));
    }
    text.push('\n');
    text
}

fn cost_words(cost: &Cost) -> String {
    format!("{:>3}, {:.1} calls each", cost.events, cost.mean)
}

/// Where things are while they stay up.
pub(super) fn staying(folder: &Folder, sim: &SimHandle, admin: SocketAddr) -> String {
    let mut text = heading("Staying up until Ctrl-C");
    text.push_str(&pair("pages", &format!("http://{admin}/")));
    text.push_str(&pair("metrics", &format!("http://{admin}/metrics")));
    text.push_str(&pair("helpdesk", &format!("{} (header x-richpanel-key: sim-key)", sim.base_url())));
    let control = format!("http://{}/_sim", sim.addr());
    text.push_str(&pair("its controls", &format!("{control}/snapshot  journal  requests  firings")));
    text.push_str(&pair(
        "write to it",
        &format!(
            "curl -s {control}/customer_writes -d '{{\"email\":\"ava@example.com\",\"name\":\"Ava Doe\",\
             \"subject\":\"Return\",\"text\":\"I want to send my shoes back.\"}}'"
        ),
    ));
    text.push_str(&pair("folder (stays)", &folder.path.display().to_string()));
    text
}
