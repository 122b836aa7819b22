//! The door over real sockets: a store and a source that the test holds, and raw bytes where a client would be too polite.

mod body;
mod fake;
mod fuzz;
mod head;
mod health;
mod limits;
mod stop;
mod store;
mod token;

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::watch;

use super::*;
use crate::clock::SystemClock;
use crate::event::{HelpdeskName, Lane, TicketId, Timestamp};
use crate::helpdesk::Call;
use crate::metrics::Metrics;
use crate::store::StoreError;
use fake::FakeSource;
pub(crate) use fake::FakeStore;

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
