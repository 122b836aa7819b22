//! The simulated helpdesk in a process of its own: driven through its control routes, read from its journal file.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow};
use serde::Deserialize;
use serde_json::Value;

use super::child::Child;
use crate::sim::{Effect, EffectKind, NewMessage, RequestCounts, RequestEntry, Verb, Written};

/// Patience with a control route: the helpdesk's process may be stopped for a moment, which is a fault of ours.
const TIMEOUT: Duration = Duration::from_secs(10);

/// What it says of itself when it has started.
#[derive(Debug, Deserialize)]
struct Introduced {
    base_url: String,
    control: String,
}

/// A running helpdesk; clones of `desk` drive it.
#[derive(Debug)]
pub(super) struct Helpdesk {
    pub(super) child: Child,
    pub(super) base_url: String,
    pub(super) desk: Desk,
}

impl Helpdesk {
    /// Starts it; every applied effect goes to `journal`.
    ///
    /// # Errors
    /// When it does not start, or says nothing that can be understood.
    pub(super) fn start(journal: &Path, log: &Path, seed: u64) -> Result<Self> {
        let (journal, seed) = (journal.display().to_string(), seed.to_string());
        let arguments = ["--json", "sim", "--listen", "127.0.0.1:0", "--journal", &journal, "--seed", &seed];
        let mut child = Child::start(&arguments, log, true)?;
        let out = child.stdout().context("the simulated helpdesk says nothing")?;
        let mut said = String::new();
        for line in BufReader::new(out).lines() {
            let line = line.context("the simulated helpdesk")?;
            said.push_str(&line);
            if line.starts_with('}') {
                break;
            }
        }
        let introduced: Introduced =
            serde_json::from_str(&said).with_context(|| format!("the simulated helpdesk said: {said}"))?;
        let desk = Desk { control: introduced.control, agent: agent(TIMEOUT) };
        Ok(Self { child, base_url: introduced.base_url, desk })
    }
}

/// An HTTP client that takes every status for an answer and keeps no connection open.
pub(super) fn agent(timeout: Duration) -> ureq::Agent {
    ureq::Agent::config_builder()
        .timeout_global(Some(timeout))
        .http_status_as_error(false)
        .max_redirects(0)
        .max_idle_connections(0)
        .proxy(None)
        .build()
        .new_agent()
}

/// The control routes.
#[derive(Debug, Clone)]
pub(super) struct Desk {
    control: String,
    agent: ureq::Agent,
}

/// The log of requests and their numbers.
#[derive(Debug, Deserialize)]
pub(super) struct Requests {
    pub(super) counts: RequestCounts,
    pub(super) requests: Vec<RequestEntry>,
}

impl Desk {
    /// Does a verb.
    ///
    /// # Errors
    /// When the helpdesk refuses it, or cannot be reached.
    pub(super) fn run(&self, verb: &Verb) -> Result<Written> {
        let mut fields = serde_json::to_value(verb)?;
        let name = fields.as_object_mut().and_then(|fields| fields.remove("verb"));
        let name = name.as_ref().and_then(Value::as_str).context("a verb without a name")?;
        let url = format!("{}/{name}", self.control);
        let mut answer = self.agent.post(&url).send(fields.to_string()).context("the simulated helpdesk")?;
        let said = answer.body_mut().read_to_string().context("the simulated helpdesk")?;
        if answer.status() != 200 {
            return Err(anyhow!("the simulated helpdesk refuses {name}: {said}"));
        }
        serde_json::from_str(&said).context("the simulated helpdesk's answer")
    }

    /// A customer writes.
    ///
    /// # Errors
    /// As [`Desk::run`].
    pub(super) fn writes(&self, message: NewMessage) -> Result<Written> {
        self.run(&Verb::CustomerWrites(Box::new(message)))
    }

    /// Every request so far.
    ///
    /// # Errors
    /// When it cannot be reached.
    pub(super) fn requests(&self) -> Result<Requests> {
        let url = format!("{}/requests", self.control);
        let answer = self.agent.get(&url).call().context("the simulated helpdesk")?;
        let reader = answer.into_body().into_with_config().limit(u64::MAX).reader();
        serde_json::from_reader(BufReader::new(reader)).context("the simulated helpdesk's requests")
    }
}

/// The journal of applied effects, read as it grows.
#[derive(Debug)]
pub(super) struct Tail {
    path: PathBuf,
    read: u64,
    rest: Vec<u8>,
}

impl Tail {
    /// From its beginning.
    pub(super) fn of(path: &Path) -> Self {
        Self { path: path.to_owned(), read: 0, rest: Vec::new() }
    }

    /// What came since the last look, oldest first.
    ///
    /// # Errors
    /// When the file cannot be read, or holds something else.
    pub(super) fn news(&mut self) -> Result<Vec<Effect>> {
        let words = || format!("the simulated helpdesk's journal {}", self.path.display());
        let mut file = File::open(&self.path).with_context(words)?;
        file.seek(SeekFrom::Start(self.read)).with_context(words)?;
        let read = file.read_to_end(&mut self.rest).with_context(words)?;
        self.read += u64::try_from(read).unwrap_or(0);
        let Some(end) = self.rest.iter().rposition(|byte| *byte == b'\n') else { return Ok(Vec::new()) };
        let whole: Vec<u8> = self.rest.drain(..=end).collect();
        let lines = whole.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        lines.map(|line| serde_json::from_slice(line).with_context(words)).collect()
    }

    /// Writes of the daemon among what came since.
    ///
    /// # Errors
    /// As [`Tail::news`].
    pub(super) fn writes(&mut self) -> Result<u32> {
        let news = self.news()?;
        let ours = news.iter().filter(|effect| effect.applied_by_request.is_some());
        Ok(u32::try_from(ours.filter(|effect| effect.kind != EffectKind::TicketCreated).count())
            .unwrap_or(u32::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    #[test]
    fn the_tail_gives_whole_lines_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        let mut file = File::create(&path).unwrap();
        let line = |seq: u64| {
            format!(
                "{{\"seq\":{seq},\"at_ms\":1,\"kind\":\"reply\",\"ticket_id\":\"t\",\"applied_by_request\":{seq}}}\n"
            )
        };
        let mut tail = Tail::of(&path);
        assert!(tail.news().unwrap().is_empty());
        let (first, second) = (line(1), line(2));
        let (begun, left) = second.split_at(20);
        write!(file, "{first}{begun}").unwrap();
        assert_eq!(tail.news().unwrap().len(), 1);
        assert_eq!(tail.writes().unwrap(), 0, "half a line is none");
        write!(file, "{left}").unwrap();
        assert_eq!(tail.writes().unwrap(), 1);
        assert!(tail.news().unwrap().is_empty());
    }
}
