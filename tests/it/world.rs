//! The stage: a simulated helpdesk, the real daemon as a process of its own, and the story's verbs.
//!
//! A scenario ends with [`World::settled`]: every call that got a 200 is an ended event, nothing was said twice, no
//! event is open.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, ChildStderr, Command, ExitStatus, Stdio};
use std::sync::{Mutex, mpsc};
use std::time::Duration;

use richpanel_mw::clock::{Clock as _, SystemClock};
use richpanel_mw::daemon::control::{self, Request};
use richpanel_mw::daemon::outside;
use richpanel_mw::event::{State, Timestamp};
use richpanel_mw::sim::{self, EffectKind, NewMessage, Sim, SimHandle, SimOptions, Target, Written};
use richpanel_mw::store::sqlite::reader::{EventRow, EventStory, Filter, Reader};
use tempfile::TempDir;

/// The longest any scenario waits for anything.
pub const PATIENCE: Duration = Duration::from_secs(30);

pub const TOKEN: &str = "scenario-token-0123456789abcdef";

pub struct World {
    pub sim: SimHandle,
    pub folder: TempDir,
    daemon: Option<Running>,
    extra: String,
    mode: &'static str,
    listen: Option<SocketAddr>,
}

struct Running {
    process: Process,
    addr: SocketAddr,
    admin: SocketAddr,
    log: Log,
}

/// The program that is tried: `MW_BINARY`, or the one that was built with these tests.
pub fn binary() -> String {
    std::env::var("MW_BINARY").unwrap_or_else(|_| env!("CARGO_BIN_EXE_richpanel-mw").to_owned())
}

/// How a daemon is started other than plainly.
#[derive(Debug, Clone, Default)]
pub struct Launch {
    /// A command that becomes the daemon: `prlimit …`, `strace -D …`. It keeps its process id.
    pub under: Vec<String>,
    pub env: Vec<(String, String)>,
}

/// A daemon that left, and its words.
#[derive(Debug)]
pub struct Gone {
    pub status: ExitStatus,
    pub log: String,
}

/// Gone when dropped, however the test ends.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What the daemon writes to stderr, line by line; ends when its last process does.
struct Log {
    lines: Mutex<mpsc::Receiver<String>>,
    seen: Vec<String>,
}

impl Log {
    fn of(stderr: ChildStderr) -> Self {
        let (tell, lines) = mpsc::channel();
        std::thread::spawn(move || {
            let show = std::env::var_os("SHOW_LOG").is_some();
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                if show {
                    eprintln!("{line}");
                }
                let _ = tell.send(line);
            }
        });
        Self { lines: Mutex::new(lines), seen: vec![] }
    }

    /// The first thing found in a line; `None` when the log ends without it.
    fn find<T>(&mut self, find: impl Fn(&str) -> Option<T>) -> Option<T> {
        let clock = SystemClock::new();
        loop {
            let lines = self.lines.get_mut().unwrap();
            let line = match lines.recv_timeout(PATIENCE.saturating_sub(clock.monotonic())) {
                Ok(line) => line,
                Err(mpsc::RecvTimeoutError::Disconnected) => return None,
                Err(mpsc::RecvTimeoutError::Timeout) => {
                    panic!("waited {PATIENCE:?}:\n{}", self.seen.join("\n"))
                }
            };
            let found = find(&line);
            self.seen.push(line);
            if found.is_some() {
                return found;
            }
        }
    }
}

impl World {
    /// A live daemon beside a helpdesk that calls it for each customer message.
    pub fn live() -> Self {
        Self::with("live", "")
    }

    /// The same in another mode, with more configuration (whole sections).
    pub fn with(mode: &'static str, extra: &str) -> Self {
        Self::on(SimOptions::default(), mode, extra)
    }

    pub fn on(options: SimOptions, mode: &'static str, extra: &str) -> Self {
        let sim = Sim::start(options).unwrap();
        sim.configure(|settings| settings.quirks = false);
        let mut world = Self {
            sim,
            folder: tempfile::tempdir().unwrap(),
            daemon: None,
            extra: extra.to_owned(),
            mode,
            listen: None,
        };
        world.start();
        world
    }

    pub fn database(&self) -> PathBuf {
        self.folder.path().join("mw.db")
    }

    pub fn config(&self) -> PathBuf {
        self.folder.path().join("config.toml")
    }

    /// More configuration from the next start on, instead of what it had.
    pub fn configured(&mut self, extra: &str) {
        extra.clone_into(&mut self.extra);
    }

    fn write_config(&self) {
        let listen = self.listen.map_or_else(|| "127.0.0.1:0".to_owned(), |addr| addr.to_string());
        let text = include_str!("world.toml")
            .replace("@LISTEN@", &listen)
            .replace("@DB@", &self.database().display().to_string())
            .replace("@SIM@", &self.sim.base_url())
            .replace("@BOT@", sim::BOT_AGENT_ID)
            .replace("@MODE@", self.mode);
        let text = merge(&text, &self.extra);
        std::fs::write(self.config(), text).unwrap();
        std::fs::write(self.folder.path().join("token"), TOKEN).unwrap();
        std::fs::write(self.folder.path().join("key"), "sim-key").unwrap();
    }

    /// Starts the daemon and waits until it takes calls; points the helpdesk's rules at it.
    pub fn start(&mut self) {
        if let Err(gone) = self.launch(&Launch::default()) {
            panic!("the daemon did not start:\n{}", gone.log);
        }
    }

    /// The same in a way of its own; a daemon that leaves before it takes calls is no panic.
    pub fn launch(&mut self, how: &Launch) -> Result<(), Gone> {
        let (mut process, mut log) = self.spawn(how);
        let Some((addr, admin)) = log.find(addresses) else {
            let status = process.0.wait().unwrap();
            return Err(Gone { status, log: log.seen.join("\n") });
        };
        self.listen = Some(addr);
        self.daemon = Some(Running { process, addr, admin, log });
        self.sim.set_targets(targets(addr));
        Ok(())
    }

    fn spawn(&self, how: &Launch) -> (Process, Log) {
        self.write_config();
        let mut words = how.under.clone();
        words.push(binary());
        let process = Command::new(&words[0])
            .args(&words[1..])
            .args(["run", "--config"])
            .arg(self.config())
            .env("RUST_LOG", "info")
            .env_remove("CREDENTIALS_DIRECTORY")
            .envs(how.env.iter().map(|(name, value)| (name, value)))
            .stderr(Stdio::piped())
            .stdout(Stdio::null())
            .spawn();
        let mut process = Process(process.unwrap_or_else(|error| panic!("{}: {error}", words[0])));
        let log = Log::of(process.0.stderr.take().unwrap());
        (process, log)
    }

    /// The next start takes any free port: many restarts beside other tests would lose theirs one day.
    pub fn forget_port(&mut self) {
        self.listen = None;
    }

    pub fn is_gone(&mut self) -> bool {
        self.daemon.as_mut().is_none_or(|running| running.process.0.try_wait().unwrap().is_some())
    }

    /// Waits until the daemon has left by itself; its words since it took calls.
    pub fn until_gone(&mut self) -> Gone {
        let mut running = self.daemon.take().unwrap();
        let _: Option<()> = running.log.find(|_| None);
        Gone { status: running.process.0.wait().unwrap(), log: running.log.seen.join("\n") }
    }

    /// Waits until the daemon has said this.
    pub fn until_said(&mut self, word: &str) {
        let log = &mut self.daemon.as_mut().unwrap().log;
        assert!(log.find(|line| line.contains(word).then_some(())).is_some(), "it left without: {word}");
    }

    pub fn pid(&self) -> u32 {
        self.daemon.as_ref().unwrap().process.0.id()
    }

    pub fn addr(&self) -> SocketAddr {
        self.daemon.as_ref().unwrap().addr
    }

    pub fn admin(&self) -> SocketAddr {
        self.daemon.as_ref().unwrap().admin
    }

    /// `kill -9`: nothing is said, nothing is flushed.
    pub fn kill(&mut self) {
        let mut running = self.daemon.take().unwrap();
        running.process.0.kill().unwrap();
        running.process.0.wait().unwrap();
    }

    /// SIGTERM, as systemd does; the exit code.
    pub fn stop(&mut self) -> Option<i32> {
        let mut running = self.daemon.take().unwrap();
        let pid = rustix::process::Pid::from_child(&running.process.0);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        running.process.0.wait().unwrap().code()
    }

    /// SIGTERM while the daemon is opening its file, which `held` keeps it from ending; the exit code.
    pub fn stop_while_starting<T>(&self, held: T) -> Option<i32> {
        let (mut process, mut log) = self.spawn(&Launch::default());
        self.until("the file is being opened", |world| outside::is_locked(&world.database()).unwrap());
        let pid = rustix::process::Pid::from_child(&process.0);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        drop(held);
        let _: Option<()> = log.find(|_| None);
        process.0.wait().unwrap().code()
    }

    pub fn restart(&mut self) {
        self.kill();
        self.start();
    }

    /// A customer writes by e-mail.
    pub fn mail(&self, text: &str) -> Written {
        self.writes(NewMessage { text: text.into(), ..plain() })
    }

    /// A customer whose order is linked writes by e-mail.
    pub fn mail_about(&self, state: sim::people::OrderState, text: &str) -> Written {
        self.writes(NewMessage { text: text.into(), order: Some(self.order(state)), ..plain() })
    }

    pub fn order(&self, state: sim::people::OrderState) -> serde_json::Value {
        sim::people::order(state, 606_243, AVA, SystemClock::new().now().as_millisecond())
    }

    pub fn writes(&self, message: NewMessage) -> Written {
        self.sim.customer_writes(message).unwrap()
    }

    /// Another message of the same customer on the same ticket.
    pub fn again(&self, ticket: &str, text: &str) -> Written {
        self.writes(NewMessage { ticket: Some(ticket.into()), text: text.into(), ..plain() })
    }

    /// The helpdesk's own call, made by hand: status and body.
    pub fn call(&self, ticket: &str) -> (u16, String) {
        let body = serde_json::json!({ "ticket_id": ticket, "channel": "email", "trigger": "test" });
        self.post(&body.to_string(), "application/json")
    }

    pub fn post(&self, body: &str, content_type: &str) -> (u16, String) {
        let url = format!("http://{}/richpanel/inbound", self.addr());
        let agent = ureq::Agent::config_builder().http_status_as_error(false).build().new_agent();
        let mut answer = agent
            .post(&url)
            .header("X-Middleware-Token", TOKEN)
            .header("content-type", content_type)
            .send(body)
            .unwrap();
        (answer.status().as_u16(), answer.body_mut().read_to_string().unwrap())
    }

    pub fn reader(&self) -> Reader {
        Reader::open(&self.database()).unwrap()
    }

    /// Every event, oldest first.
    pub fn events(&self) -> Vec<EventRow> {
        let mut events = self.reader().events(&Filter { limit: 100_000, ..Filter::default() }).unwrap();
        events.reverse();
        events
    }

    /// The newest event of a ticket.
    pub fn event(&self, ticket: &str) -> Option<EventRow> {
        let filter = Filter { ticket: Some(ticket.into()), limit: 1, ..Filter::default() };
        self.reader().events(&filter).unwrap().into_iter().next()
    }

    pub fn story(&self, ticket: &str) -> EventStory {
        self.reader().story(self.event(ticket).expect("an event").event).unwrap()
    }

    /// Waits until something holds; the panic says what did not.
    pub fn until(&self, what: &str, holds: impl Fn(&Self) -> bool) {
        self.until_within(PATIENCE, what, holds);
    }

    fn until_within(&self, patience: Duration, what: &str, holds: impl Fn(&Self) -> bool) {
        let clock = SystemClock::new();
        while !holds(self) {
            if clock.monotonic() > patience {
                let events: Vec<_> = self
                    .events()
                    .iter()
                    .map(|event| {
                        format!("{} {} {:?} {}", event.ticket, event.state, event.outcome, event.reason)
                    })
                    .collect();
                panic!("waited {patience:?} for: {what}\nevents:\n{}", events.join("\n"));
            }
            // Condvar-backed wait on the helpdesk's own happenings; bounded, no fixed pause before a check.
            let _ = self.sim.wait_until(Duration::from_millis(20), |_| false);
        }
    }

    /// Waits until the newest event of the ticket is in this state.
    pub fn until_state(&self, ticket: &str, state: State) {
        self.until(&format!("{ticket} is {state}"), |world| {
            world.event(ticket).is_some_and(|event| event.state == state.as_str())
        });
    }

    /// Waits for the end of everything, then asks the oracle: nothing lost, nothing twice, nothing stuck.
    pub fn settled(&self) {
        self.settled_within(PATIENCE);
    }

    /// The same where a lease must run out first.
    pub fn settled_within(&self, patience: Duration) {
        assert!(self.sim.wait_for_firings(PATIENCE), "the helpdesk's calls did not end");
        self.until_within(patience, "every event has ended", |world| {
            world.events().iter().all(|event| State::parse(&event.state).is_some_and(State::is_final))
        });
        assert_eq!(self.sim.duplicated(), Vec::new(), "a customer message was answered twice");
        for firing in self.sim.firings().iter().filter(|firing| firing.acknowledged()) {
            assert!(self.event(&firing.ticket_id).is_some(), "an acknowledged call was lost: {firing:?}");
        }
        assert_eq!(self.sim.counts().self_made_429, 0, "the budget was exceeded");
    }

    /// The outcome of the ticket's newest event.
    pub fn outcome(&self, ticket: &str) -> String {
        let event = self.event(ticket).expect("an event");
        event.outcome.unwrap_or(event.state)
    }

    pub fn tags(&self, ticket: &str) -> Vec<String> {
        let mut tags = self.sim.tag_names(ticket);
        tags.sort();
        tags
    }

    /// Replies that reached the customer on this ticket.
    pub fn replies(&self, ticket: &str) -> u32 {
        let counted = self.sim.replies_per_message();
        counted.iter().filter(|((of, _), _)| of == ticket).map(|(_, count)| count).sum()
    }

    pub fn status(&self, ticket: &str) -> String {
        self.sim.ticket(ticket).unwrap()["status"].as_str().unwrap_or_default().to_owned()
    }

    /// API calls for one ticket, as `METHOD /pattern`.
    pub fn calls(&self, ticket: &str) -> Vec<String> {
        let requests = self.sim.requests();
        requests
            .iter()
            .filter(|request| request.ticket_id.as_deref() == Some(ticket))
            .map(|r| r.endpoint.clone())
            .collect()
    }

    pub fn has_tag(&self, ticket: &str, tag: &str) -> bool {
        self.tags(ticket).iter().any(|has| has == tag)
    }

    /// Every public word of the shop that reached the customer, oldest first.
    pub fn said(&self, ticket: &str) -> Vec<String> {
        let effects = self.sim.effects_on(ticket);
        let spoken = effects.iter().filter(|effect| effect.delivered).filter(|effect| {
            matches!(effect.kind, EffectKind::Reply | EffectKind::Comment | EffectKind::AgentReply)
        });
        spoken.filter_map(|effect| effect.body.clone()).collect()
    }

    /// Writes of ours that the helpdesk took for this ticket, by its log.
    pub fn our_writes(&self, ticket: &str) -> usize {
        self.calls(ticket).iter().filter(|call| !call.starts_with("GET ")).count()
    }

    pub fn ask(&self, request: &Request) -> serde_json::Value {
        control::ask(&self.database(), request).unwrap().expect("a running daemon").unwrap()
    }

    pub fn gate(&self, ticket: &str, gate: &str) -> (bool, String) {
        let decision = self.story(ticket).decision.expect("a decision");
        let gates = decision["gates"].as_array().unwrap();
        let found = gates.iter().find(|one| one["gate"] == gate).unwrap_or_else(|| panic!("no gate {gate}"));
        (found["passed"].as_bool().unwrap(), found["reason"].as_str().unwrap().to_owned())
    }
}

pub const AVA: &str = "ava@example.com";

/// A mail of Ava's, with nothing odd about it.
pub fn plain() -> NewMessage {
    NewMessage {
        email: AVA.into(),
        name: "Ava Doe".into(),
        subject: "A question".into(),
        channel: Some("email".into()),
        shape: Some(0),
        ..NewMessage::default()
    }
}

fn addresses(line: &str) -> Option<(SocketAddr, SocketAddr)> {
    let rest = line.split_once("ready: calls on http://")?.1;
    let (calls, rest) = rest.split_once(", people on http://")?;
    let people = rest.split(',').next()?;
    Some((calls.parse().ok()?, people.parse().ok()?))
}

/// One Target a channel, as `http-target` prints them.
pub fn targets(addr: SocketAddr) -> Vec<Target> {
    let one = |channels: &[&str], word: &str| Target {
        name: format!("mw {word}"),
        url: format!("http://{addr}/richpanel/inbound"),
        headers: [("X-Middleware-Token".to_owned(), TOKEN.to_owned())].into_iter().collect(),
        body: format!(
            r#"{{"ticket_id": "{{{{ticket.id}}}}", "channel": "{word}", "trigger": "customer_message"}}"#
        ),
        channels: channels.iter().map(|channel| (*channel).to_owned()).collect(),
        ..Target::default()
    };
    vec![
        one(&["email", "email_from_widget"], "email"),
        one(&["messenger"], "messenger"),
        one(&["instagram_message", "facebook_message", "whatsapp", "tiktok_shop_message"], "social"),
        one(&["facebook_feed_comment", "instagram_comment"], "comment"),
        one(&["phone", "aircall", ""], "unknown"),
    ]
}

/// Puts the extra sections over the base: a key set twice takes the extra's value.
fn merge(base: &str, extra: &str) -> String {
    let mut all: toml::Table = base.parse().unwrap();
    let extra: toml::Table = extra.parse().unwrap();
    merge_tables(&mut all, extra);
    toml::to_string(&all).unwrap()
}

fn merge_tables(into: &mut toml::Table, from: toml::Table) {
    for (key, value) in from {
        match (into.get_mut(&key), value) {
            (Some(toml::Value::Table(into)), toml::Value::Table(from)) => merge_tables(into, from),
            (_, value) => {
                into.insert(key, value);
            }
        }
    }
}

pub fn now() -> Timestamp {
    SystemClock::new().now()
}
