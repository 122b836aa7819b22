//! The load: customers write at the simulated helpdesk, and its calls go to the daemon, some lost, some many at once.
//!
//! Every 200 is written to a file, a line each, before anything else is done with it: it is what the daemon is held
//! to. A call that gets no 200 is gone, as in real life: the helpdesk does not call again.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc::Sender};
use std::time::Duration;

use anyhow::{Context as _, Result};
use serde::Serialize;
use serde_json::Value;

use super::faults::Fault;
use super::helpdesk::{Desk, agent};
use super::met::Counted;
use super::nap;
use super::plan::{Body, Message, Part};
use crate::cli::story::Answer;
use crate::clock::{Clock, millis};
use crate::event::Outcome;
use crate::sim::{BodyKind, Matcher, NewMessage, Script, Target, Verb};

/// The helpdesk's patience with a call.
const TIMEOUT: Duration = Duration::from_secs(3);
const AGENT: &str = "Hi, Mia here: it left us yesterday, I will keep an eye on it.";
const AUTO_REPLY: &str = "I am out of the office until Monday and will read your message then.";
/// What a customer writes meanwhile; nothing else is in these words.
pub(super) const AGAIN: [&str; 3] = [
    "Hello? Is there any news about it?",
    "One more thing: I would like to return one of the two.",
    "Never mind the tracking, I want a refund.",
];
/// What only a person may answer wherever it stands on a ticket: all but these are.
const DEPENDS: [&str; 4] = ["order_status", "shipping_delay", "delivered_not_received", "other"];

/// A message as it stands at the helpdesk.
#[derive(Debug, Clone)]
pub(super) struct Placed {
    pub(super) ticket: String,
    pub(super) message: String,
    /// It must not be answered.
    pub(super) forbidden: bool,
    /// The daemon may let it go without a sign.
    pub(super) may_be_ignored: bool,
    text: String,
    subject: String,
    channel: String,
}

/// A 200.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Acknowledged {
    pub(super) cycle: u32,
    pub(super) at_ms: i64,
    pub(super) ticket: String,
    pub(super) message: String,
    pub(super) event: i64,
    /// It joined an event that was waiting.
    pub(super) joined: bool,
}

/// What the client saw.
#[derive(Debug, Default)]
pub(super) struct Seen {
    pub(super) placed: BTreeMap<u64, Placed>,
    pub(super) acknowledged: Vec<Acknowledged>,
    /// Answers other than 200, by status.
    pub(super) refused: BTreeMap<u16, u64>,
    /// What must never be: a 200 to a call that names no ticket, a 200 that names no event.
    pub(super) odd: Vec<String>,
    /// The faults of messages and calls.
    pub(super) met: Counted,
}

/// The client.
pub(super) struct Load {
    desk: Desk,
    url: String,
    token: String,
    agent: ureq::Agent,
    clock: Arc<dyn Clock>,
    file: Mutex<File>,
    seen: Mutex<Seen>,
    /// Calls that went out.
    pub(super) sent: AtomicU64,
    /// Calls that got no answer.
    pub(super) unanswered: AtomicU64,
}

impl Load {
    /// Calls `url` with `token`; the 200s go to `file`.
    ///
    /// # Errors
    /// When the file cannot be made.
    pub(super) fn new(
        desk: Desk,
        url: String,
        token: String,
        file: &Path,
        clock: &Arc<dyn Clock>,
    ) -> Result<Self> {
        let file = File::create(file).context("cannot make the file of acknowledged calls")?;
        Ok(Self {
            desk,
            url,
            token,
            agent: agent(TIMEOUT),
            clock: Arc::clone(clock),
            file: Mutex::new(file),
            seen: Mutex::default(),
            sent: AtomicU64::new(0),
            unanswered: AtomicU64::new(0),
        })
    }

    /// What it saw so far.
    pub(super) fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One message from its writing to its last call; every 200 is told.
    ///
    /// # Errors
    /// When the helpdesk refuses it: a mistake of ours.
    pub(super) fn play(&self, cycle: u32, message: &Message, told: &Sender<()>) -> Result<()> {
        nap(Duration::from_millis(message.at_ms));
        let Some(placed) = self.place(message)? else { return Ok(()) };
        self.note(message);
        std::thread::scope(|threads| {
            for _ in 0..message.calls {
                threads.spawn(|| self.call(cycle, &placed, message.body, told));
            }
        });
        if let Some(again_ms) = message.again_ms {
            nap(Duration::from_millis(again_ms));
            self.call(cycle, &placed, message.body, told);
        }
        Ok(())
    }

    /// Notes which faults it plays.
    fn note(&self, message: &Message) {
        let calls = u64::from(message.calls) + u64::from(message.again_ms.is_some());
        let broken = if message.body == Body::Whole(BodyKind::Json) { 0 } else { calls };
        let loops = matches!(message.part, Part::AutoReply | Part::Echo);
        let mut seen = self.seen();
        for (fault, count) in [
            (Fault::LostCalls, u64::from(calls == 0)),
            (Fault::DuplicateCalls, u64::from(message.calls > 1)),
            (Fault::BrokenBodies, broken),
            (Fault::MailLoops, u64::from(loops)),
        ] {
            *seen.met.entry(fault).or_default() += count;
        }
    }

    /// Writes it; `None` when there is nothing to call for.
    fn place(&self, message: &Message) -> Result<Option<Placed>> {
        let on = message.on.and_then(|no| self.seen().placed.get(&no).cloned());
        if message.part == Part::Echo {
            return Ok(on);
        }
        let ticket = on.as_ref().map(|on| on.ticket.as_str());
        let mut new = message.said.written(message.no, ticket, millis(self.clock.now()));
        self.set_up(message, &mut new)?;
        let (text, subject) = (new.text.clone(), new.subject.clone());
        let channel = new.channel.clone().filter(|_| !new.channel_hidden).unwrap_or_default();
        let written = self.desk.writes(new)?;
        let said = message.said;
        let depends = on.is_some() && DEPENDS.contains(&said.intent);
        let placed = Placed {
            ticket: written.ticket_id,
            message: written.message_id,
            forbidden: matches!(message.part, Part::Stopped | Part::AutoReply)
                || (said.answer == Answer::No && !depends),
            may_be_ignored: message.part == Part::Stopped || said.ends.contains(&Outcome::Ignored),
            text,
            subject,
            channel,
        };
        self.seen().placed.insert(message.no, placed.clone());
        Ok(Some(placed))
    }

    /// Arranges what belongs to the message's part.
    fn set_up(&self, message: &Message, new: &mut NewMessage) -> Result<()> {
        // An id tells of its channel: one like a mail's on a chat that hides its channel would be taken for mail.
        let mail = message.said.channel.starts_with("email");
        let ahead = if mail {
            format!("<CA+rehearsal{}@mail.example.com>", message.no)
        } else {
            format!("rehearsal-{}", message.no)
        };
        let script = |spot: &str, verb: Verb| {
            let script = Script { matcher: Matcher::endpoint(spot).on(&ahead), verbs: vec![verb] };
            self.desk.run(&Verb::AddScript { script })
        };
        match message.part {
            Part::Plain | Part::Echo => {}
            Part::AutoReply => {
                new.auto_submitted = true;
                AUTO_REPLY.clone_into(&mut new.text);
                new.subject = format!("Automatic reply: {}", new.subject);
                (new.html, new.order) = (None, None);
            }
            Part::Stopped => {
                let first = NewMessage { text: "Hello?".into(), order: None, html: None, ..new.clone() };
                let first = self.desk.writes(first)?;
                let tags = vec!["mw-stop".to_owned()];
                self.desk.run(&Verb::AgentTags { ticket: Some(first.ticket_id.clone()), tags })?;
                new.ticket = Some(first.ticket_id);
            }
            Part::Agent(spot) => {
                script(spot, Verb::AgentReplies { ticket: None, text: AGENT.into(), agent: None })?;
                new.id = Some(ahead);
            }
            Part::Meanwhile(spot) => {
                let text = usize::try_from(message.no).unwrap_or(0) % AGAIN.len();
                let text = AGAIN.get(text).copied().unwrap_or_default().to_owned();
                script(spot, Verb::CustomerWritesAgain { ticket: None, text })?;
                new.id = Some(ahead);
            }
        }
        Ok(())
    }

    /// One call of the helpdesk.
    fn call(&self, cycle: u32, placed: &Placed, body: Body, told: &Sender<()>) {
        let (kind, text) = write(body, placed);
        self.sent.fetch_add(1, Ordering::Relaxed);
        let request = self.agent.post(&self.url).header("X-Middleware-Token", &self.token);
        let answer = request.header("content-type", kind.content_type()).send(text);
        let read = answer.and_then(|mut answer| {
            let status = answer.status().as_u16();
            answer.body_mut().read_to_string().map(|said| (status, said))
        });
        match read {
            Ok((200, said)) => {
                self.keep(cycle, placed, &said, body);
                let _ = told.send(());
            }
            Ok((status, _)) => *self.seen().refused.entry(status).or_default() += 1,
            Err(_) => drop(self.unanswered.fetch_add(1, Ordering::Relaxed)),
        }
    }

    fn keep(&self, cycle: u32, placed: &Placed, said: &str, body: Body) {
        let answer: Value = serde_json::from_str(said).unwrap_or_default();
        let Some(event) = answer.get("event_id").and_then(Value::as_i64) else {
            return self.seen().odd.push(format!("{}: a 200 that names no event: {said}", placed.ticket));
        };
        let acknowledged = Acknowledged {
            cycle,
            at_ms: millis(self.clock.now()),
            ticket: placed.ticket.clone(),
            message: placed.message.clone(),
            event,
            joined: answer.get("status").and_then(Value::as_str) == Some("duplicate"),
        };
        let line = serde_json::to_string(&acknowledged).unwrap_or_default();
        let written = {
            let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
            file.write_all(format!("{line}\n").as_bytes()).and_then(|()| file.flush())
        };
        let mut seen = self.seen();
        if let Err(error) = written {
            seen.odd.push(format!("the file of acknowledged calls: {error}"));
        }
        if body == Body::Nameless {
            seen.odd.push(format!("event {event}: a call that names no ticket got a 200"));
        }
        seen.acknowledged.push(acknowledged);
    }
}

/// The call's body as the helpdesk fills it in.
fn write(body: Body, placed: &Placed) -> (BodyKind, String) {
    const JSON: &str = r#"{"ticket_id":"{{ticket.id}}","channel":"{{ticket.url}}","subject":"{{ticket.subject}}","message":"{{ticket.lastMessage.text}}"}"#;
    const XML: &str =
        "<call><ticket_id>{{ticket.id}}</ticket_id><message>{{ticket.lastMessage.text}}</message></call>";
    const FORM: &str = "ticket_id={{ticket.id}}&channel={{ticket.url}}&message={{ticket.lastMessage.text}}";
    let (kind, template, escaped) = match body {
        Body::Whole(BodyKind::Json) => (BodyKind::Json, JSON, true),
        Body::Whole(BodyKind::Form) => (BodyKind::Form, FORM, true),
        Body::Whole(BodyKind::Xml) => (BodyKind::Xml, XML, true),
        Body::Unescaped => (BodyKind::Json, JSON, false),
        Body::Nameless => (BodyKind::Json, r#"{"message":"{{ticket.subject}}"}"#, true),
    };
    let values = BTreeMap::from([
        ("ticket.id", placed.ticket.clone()),
        ("ticket.subject", placed.subject.clone()),
        // A shop types the channel into the body; there is no placeholder for it.
        ("ticket.url", placed.channel.clone()),
        ("ticket.lastMessage.text", placed.text.clone()),
    ]);
    let target = Target { body_kind: kind, body: template.to_owned(), escaped, ..Target::default() };
    (kind, target.fill(&values))
}
