//! The door over real sockets: a store and a source that the test holds, and raw bytes where a client would be too polite.

mod body;
mod fuzz;
mod head;
mod health;
mod limits;
mod stop;
mod store;
mod token;

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::watch;

use super::*;
use crate::clock::SystemClock;
use crate::event::{Caps, EventId, HelpdeskName, Lane, ReplyCounts, State, TicketId, Timestamp};
use crate::helpdesk::{Call, Unusable};
use crate::metrics::Metrics;
use crate::store::{
    AcceptDone, Accepted, Answer, Begun, Claim, End, Fetched, Journal, KnownTicket, NewCall, Plan,
    ReplyState, Seen, Setting, StepPlan, StepState, StoreError,
};
use crate::ticket::Channel;

/// Longer than anything takes on a busy machine; a test that reaches it has failed.
const PATIENCE: Duration = Duration::from_secs(20);

/// Limits with waits that a test can sit through.
pub(crate) fn quick() -> Limits {
    Limits {
        head_timeout: Duration::from_millis(300),
        body_timeout: Duration::from_millis(300),
        drain_timeout: Duration::from_secs(2),
        linger_timeout: Duration::from_millis(100),
        ..Limits::default()
    }
}

/// A running door and everything behind it.
pub(crate) struct Door {
    pub(crate) addr: SocketAddr,
    pub(crate) store: Arc<FakeStore>,
    pub(crate) metrics: Arc<Metrics>,
    stop: watch::Sender<bool>,
    thread: Option<JoinHandle<()>>,
}

impl Door {
    pub(crate) fn open() -> Self {
        Self::with(quick(), Arc::new(SystemClock::new()))
    }

    pub(crate) fn with(limits: Limits, clock: Arc<dyn Clock>) -> Self {
        Self::with_token(limits, clock, None)
    }

    pub(crate) fn with_token(limits: Limits, clock: Arc<dyn Clock>, token: Option<&str>) -> Self {
        let store = Arc::new(FakeStore::default());
        let metrics = Arc::new(Metrics::new());
        let health = Health::new(Arc::clone(&store) as Arc<dyn Store>, token.map(Into::into));
        let ingress = Ingress::bind_with(
            SocketAddr::from(([127, 0, 0, 1], 0)),
            limits,
            vec![Arc::new(FakeSource(HelpdeskName::from("richpanel")))],
            Arc::clone(&store) as Arc<dyn Store>,
            clock,
            Arc::new(IngressMetrics::register(&metrics)),
        )
        .unwrap()
        .with_health(health);
        let addr = ingress.addr();
        let (stop, stopping) = watch::channel(false);
        let thread = std::thread::spawn(move || run(ingress.serve(stopping)));
        Self { addr, store, metrics, stop, thread: Some(thread) }
    }

    pub(crate) fn connect(&self) -> Client {
        Client::to(self.addr)
    }

    /// One request on a connection of its own.
    pub(crate) fn ask(&self, request: impl AsRef<[u8]>) -> Reply {
        let mut client = self.connect();
        client.send(request);
        client.reply()
    }

    pub(crate) fn begin_stop(&self) {
        self.stop.send(true).unwrap();
    }

    /// Waits until `serve` has returned.
    pub(crate) fn wait_closed(&mut self) {
        self.thread.take().unwrap().join().unwrap();
    }

    pub(crate) fn figure(&self, line_start: &str) -> Option<f64> {
        let text = self.metrics.encode().unwrap();
        let line = text.lines().find(|line| line.starts_with(line_start))?.to_owned();
        line.rsplit(' ').next()?.parse().ok()
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        let _ = self.stop.send(true);
        self.store.release_all();
        if let Some(thread) = self.thread.take() {
            let ended = thread.join();
            if !std::thread::panicking() {
                ended.unwrap();
            }
        }
    }
}

pub(crate) fn run(serving: impl Future<Output = io::Result<()>>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(serving).unwrap();
}

/// A client that sends what it is told and nothing else.
pub(crate) struct Client {
    stream: TcpStream,
    read: Vec<u8>,
}

#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Reply {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    pub(crate) fn closes(&self) -> bool {
        self.header("connection") == Some("close")
    }

    pub(crate) fn code(&self) -> String {
        let body: serde_json::Value = serde_json::from_str(&self.body).unwrap();
        assert!(body["message"].as_str().unwrap().len() > 10, "an error says what to do");
        body["error"].as_str().unwrap().to_owned()
    }
}

impl Client {
    pub(crate) fn to(addr: SocketAddr) -> Self {
        let stream = TcpStream::connect(addr).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        Self { stream, read: vec![] }
    }

    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).unwrap();
    }

    /// Sends as much as the door takes.
    pub(crate) fn try_send(&mut self, bytes: impl AsRef<[u8]>) {
        let _ = self.stream.write_all(bytes.as_ref());
    }

    pub(crate) fn close_sending(&mut self) {
        let _ = self.stream.shutdown(Shutdown::Write);
    }

    pub(crate) fn reply(&mut self) -> Reply {
        self.try_reply().expect("an answer before the connection ends")
    }

    /// The next reply; `None` when the connection ends first.
    pub(crate) fn try_reply(&mut self) -> Option<Reply> {
        let end = loop {
            if let Some(at) = self.read.windows(4).position(|window| window == b"\r\n\r\n") {
                break at + 4;
            }
            self.more()?;
        };
        let head = String::from_utf8(self.read.drain(..end).collect()).unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let mut reply = Reply { status, head, body: String::new() };
        let length = reply.header("content-length").map_or(0, |length| length.parse().unwrap());
        while self.read.len() < length {
            self.more()?;
        }
        reply.body = String::from_utf8(self.read.drain(..length).collect()).unwrap();
        Some(reply)
    }

    /// Whether the door has closed the connection with nothing more to say.
    pub(crate) fn is_closed(&mut self) -> bool {
        self.read.is_empty() && self.more().is_none()
    }

    fn more(&mut self) -> Option<()> {
        let mut space = [0; 4096];
        match self.stream.read(&mut space) {
            Ok(0) => None,
            Ok(count) => {
                self.read.extend_from_slice(&space[..count]);
                Some(())
            }
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => None,
            Err(error) => panic!("neither an answer nor an end: {error}"),
        }
    }
}

pub(crate) const TOKEN: &str = "X-Middleware-Token: good-token\r\n";

/// A good call with this body.
pub(crate) fn post(body: &str) -> String {
    post_with(&format!("{TOKEN}Content-Type: application/json\r\n"), body)
}

pub(crate) fn post_with(headers: &str, body: &str) -> String {
    format!(
        "POST /richpanel/inbound HTTP/1.1\r\nHost: mw\r\n{headers}Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

pub(crate) const GOOD: &str = r#"{"ticket_id":"T1"}"#;

/// Takes tokens that say "good-token" and bodies that hold `"ticket_id":"…"`.
struct FakeSource(HelpdeskName);

impl WebhookSource for FakeSource {
    fn name(&self) -> &HelpdeskName {
        &self.0
    }

    fn path(&self) -> &str {
        "/richpanel/inbound"
    }

    fn credential_header(&self) -> &str {
        "x-middleware-token"
    }

    fn verify(&self, credential: Option<&[u8]>) -> bool {
        credential == Some(b"good-token")
    }

    fn parse(&self, content_type: Option<&str>, body: &[u8]) -> Result<Call, Unusable> {
        let text = String::from_utf8_lossy(body);
        assert!(!text.contains("PANIC"), "the source was asked to panic");
        let id = text.split(r#""ticket_id":""#).nth(1).and_then(|rest| rest.split('"').next());
        let Some(id) = id else {
            let known = content_type.is_none_or(|kind| kind.contains("json"));
            return Err(if known { Unusable::NoTicketId } else { Unusable::ContentType });
        };
        Ok(Call {
            ticket_id: TicketId::from(id),
            channel: text.contains("live_chat").then_some(Channel::LiveChat),
            message: None,
            subject: None,
            trigger: None,
            customer_email: None,
            extra: BTreeMap::new(),
            salvaged: serde_json::from_slice::<serde_json::Value>(body).is_err(),
        })
    }
}

/// Keeps calls in memory; answers at once, or when the test lets it.
#[derive(Default)]
pub(crate) struct FakeStore {
    state: Mutex<FakeState>,
    changed: Condvar,
}

#[derive(Default)]
struct FakeState {
    kept: Vec<NewCall>,
    waiting: Vec<AcceptDone>,
    hold: bool,
    drop_answers: bool,
    refuse: Option<StoreError>,
}

impl FakeStore {
    /// From now on the store answers only when told to.
    pub(crate) fn hold(&self) {
        self.state.lock().unwrap().hold = true;
    }

    pub(crate) fn refuse(&self, error: Option<StoreError>) {
        self.state.lock().unwrap().refuse = error;
    }

    pub(crate) fn drop_answers(&self) {
        self.state.lock().unwrap().drop_answers = true;
    }

    /// Answers everybody who waits.
    pub(crate) fn release_all(&self) {
        let mut state = self.state.lock().unwrap();
        state.hold = false;
        let waiting = std::mem::take(&mut state.waiting);
        drop(state);
        for (number, done) in waiting.into_iter().enumerate() {
            done(Ok(Accepted::New(EventId(i64::try_from(number).unwrap() + 1))));
        }
    }

    /// Waits until the store was handed this many calls.
    pub(crate) fn wait_for(&self, calls: usize) -> Vec<NewCall> {
        let state = self.state.lock().unwrap();
        let (state, late) =
            self.changed.wait_timeout_while(state, PATIENCE, |state| state.kept.len() < calls).unwrap();
        assert!(!late.timed_out(), "the store was handed {} calls, not {calls}", state.kept.len());
        state.kept.clone()
    }

    pub(crate) fn kept(&self) -> Vec<NewCall> {
        self.state.lock().unwrap().kept.clone()
    }
}

impl Store for FakeStore {
    fn accept(&self, call: NewCall, done: AcceptDone) {
        let mut state = self.state.lock().unwrap();
        if let Some(error) = state.refuse.clone() {
            drop(state);
            return done(Err(error));
        }
        let joins = state.kept.iter().position(|kept| kept.ticket.is_some() && kept.ticket == call.ticket);
        let answer = match (&call.ticket, joins) {
            (None, _) => Accepted::Kept,
            (_, Some(at)) => Accepted::Joined(EventId(i64::try_from(at).unwrap() + 1)),
            (_, None) => Accepted::New(EventId(i64::try_from(state.kept.len()).unwrap() + 1)),
        };
        state.kept.push(call);
        self.changed.notify_all();
        if state.drop_answers {
            return;
        }
        if state.hold {
            state.waiting.push(done);
        } else {
            drop(state);
            done(Ok(answer));
        }
    }

    fn counts(&self) -> Result<Vec<(State, u64)>, StoreError> {
        Ok(vec![(State::Waiting, self.state.lock().unwrap().kept.len() as u64), (State::Dead, 2)])
    }

    fn ready(&self) -> Result<(), StoreError> {
        self.state.lock().unwrap().refuse.clone().map_or(Ok(()), Err)
    }

    fn claim(&self, _: Timestamp, _: Duration) -> Result<Option<Claim>, StoreError> {
        unused()
    }
    fn next_due(&self) -> Result<Option<(Timestamp, Lane)>, StoreError> {
        unused()
    }
    fn fetched(&self, _: &Claim, _: &Seen, _: Timestamp) -> Result<Fetched, StoreError> {
        unused()
    }
    fn planned(&self, _: &Claim, _: &Plan, _: Timestamp) -> Result<(), StoreError> {
        unused()
    }
    fn journal(&self, _: EventId) -> Result<Option<Journal>, StoreError> {
        unused()
    }
    fn begin_reply(&self, _: &Claim, _: &Caps, _: Timestamp) -> Result<Begun, StoreError> {
        unused()
    }
    fn reply_is(&self, _: &Claim, _: ReplyState, _: &Answer, _: Timestamp) -> Result<(), StoreError> {
        unused()
    }
    fn step_is(&self, _: &Claim, _: u32, _: StepState, _: &Answer, _: Timestamp) -> Result<(), StoreError> {
        unused()
    }
    fn add_step(&self, _: &Claim, _: &StepPlan, _: Timestamp) -> Result<(), StoreError> {
        unused()
    }
    fn finish(&self, _: &Claim, _: &End, _: Timestamp) -> Result<(), StoreError> {
        unused()
    }
    fn reply_counts(
        &self,
        _: &HelpdeskName,
        _: &TicketId,
        _: Option<&str>,
        _: Timestamp,
    ) -> Result<ReplyCounts, StoreError> {
        unused()
    }
    fn recover(&self, _: Timestamp) -> Result<u64, StoreError> {
        unused()
    }
    fn rescue(&self, _: Timestamp) -> Result<u64, StoreError> {
        unused()
    }
    fn known_ticket(&self, _: &HelpdeskName, _: &TicketId) -> Result<Option<KnownTicket>, StoreError> {
        unused()
    }
    fn known_tickets(&self, _: &HelpdeskName, _: Timestamp, _: u32) -> Result<Vec<KnownTicket>, StoreError> {
        unused()
    }
    fn highest_number(&self, _: &HelpdeskName) -> Result<Option<i64>, StoreError> {
        unused()
    }
    fn looked_at(&self, _: &KnownTicket, _: Timestamp) -> Result<(), StoreError> {
        unused()
    }
    fn setting(&self, _: &str) -> Result<Option<Setting>, StoreError> {
        unused()
    }
    fn set(&self, _: &str, _: Option<&str>, _: &str, _: Timestamp) -> Result<(), StoreError> {
        unused()
    }
    fn retry(&self, _: EventId, _: &str, _: Timestamp) -> Result<(), StoreError> {
        unused()
    }
    fn discard(&self, _: EventId, _: &str, _: &str, _: Timestamp) -> Result<(), StoreError> {
        unused()
    }
    fn prune(&self, _: Timestamp, _: Timestamp, _: u32) -> Result<u64, StoreError> {
        unused()
    }
    fn on_work(&self, _: Box<dyn Fn() + Send + Sync>) {}
}

fn unused<T>() -> T {
    panic!("the door has no business with this part of the store")
}
