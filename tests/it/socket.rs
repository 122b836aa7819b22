//! A client that sends the bytes it is told and nothing else: where an HTTP library would be too polite.
//!
//! Loopback only. Every wait ends with [`PATIENCE`]: a test that reaches it has failed.

use std::io::{self, Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

use rustix::net::{AddressFamily, SocketType};

use crate::world::PATIENCE;

pub struct Client {
    stream: TcpStream,
    read: Vec<u8>,
}

#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl Reply {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    pub fn closes(&self) -> bool {
        self.header("connection") == Some("close")
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("not JSON: {self:?}"))
    }

    /// The error's code; each one comes with words on what to do.
    pub fn code(&self) -> String {
        let body = self.json();
        assert!(body["message"].as_str().unwrap().len() > 10, "an error says what to do: {body}");
        body["error"].as_str().unwrap().to_owned()
    }

    /// What a 200 says: `accepted` or `duplicate`, and the event.
    pub fn event(&self) -> (String, i64) {
        assert_eq!(self.status, 200, "{self:?}");
        let body = self.json();
        (body["status"].as_str().unwrap().to_owned(), body["event_id"].as_i64().unwrap())
    }

    pub fn retry_after_seconds(&self) -> u32 {
        let value = self.header("retry-after").unwrap_or_else(|| panic!("no Retry-After: {self:?}"));
        value.parse().unwrap()
    }
}

impl Client {
    pub fn to(addr: SocketAddr) -> Self {
        Self::over(TcpStream::connect(addr).unwrap())
    }

    /// From another address of this machine (all of 127.0.0.0/8 is its own).
    pub fn from_address(source: Ipv4Addr, addr: SocketAddr) -> Self {
        assert!(source.is_loopback());
        let socket = rustix::net::socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
        rustix::net::bind(&socket, &SocketAddr::new(IpAddr::V4(source), 0)).unwrap();
        rustix::net::connect(&socket, &addr).unwrap();
        Self::over(TcpStream::from(socket))
    }

    fn over(stream: TcpStream) -> Self {
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream, read: vec![] }
    }

    pub fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).unwrap();
    }

    /// Sends as much as the other side takes; whether that was all.
    pub fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        self.stream.write_all(bytes.as_ref()).is_ok()
    }

    pub fn close_sending(&mut self) {
        let _ = self.stream.shutdown(Shutdown::Write);
    }

    /// Sends a piece again and again, slowly, until an answer or the end is there; how many pieces went.
    pub fn drip(&mut self, piece: &str, pieces_max: usize) -> usize {
        // The look for an answer is the pause: no answer in 50 ms, the next piece.
        self.stream.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
        let mut sent = 0;
        while self.stream.peek(&mut [0]).is_err_and(|error| is_late(&error)) && self.try_send(piece) {
            sent += 1;
            assert!(sent < pieces_max, "nobody counted the time");
        }
        self.stream.set_read_timeout(Some(PATIENCE)).unwrap();
        sent
    }

    /// Whether nothing is said for so long, the connection still being open.
    pub fn is_silent(&mut self, wait: Duration) -> bool {
        self.stream.set_read_timeout(Some(wait)).unwrap();
        let silent = self.stream.peek(&mut [0]).is_err_and(|error| is_late(&error));
        self.stream.set_read_timeout(Some(PATIENCE)).unwrap();
        silent && self.read.is_empty()
    }

    pub fn reply(&mut self) -> Reply {
        self.try_reply().expect("an answer before the connection ends")
    }

    /// The answer to a HEAD request: it names a length and has no body.
    pub fn reply_to_head(&mut self) -> Reply {
        self.head().expect("an answer before the connection ends")
    }

    /// The next reply; `None` when the connection ends first.
    pub fn try_reply(&mut self) -> Option<Reply> {
        let mut reply = self.head()?;
        let length = reply.header("content-length").map_or(0, |length| length.parse().unwrap());
        while self.read.len() < length {
            self.more()?;
        }
        reply.body = String::from_utf8(self.read.drain(..length).collect()).unwrap();
        Some(reply)
    }

    fn head(&mut self) -> Option<Reply> {
        let end = loop {
            if let Some(at) = self.read.windows(4).position(|window| window == b"\r\n\r\n") {
                break at + 4;
            }
            self.more()?;
        };
        let head = String::from_utf8(self.read.drain(..end).collect()).unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Some(Reply { status, head, body: String::new() })
    }

    /// Whether the connection ends with nothing more said.
    pub fn is_closed(&mut self) -> bool {
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
            Err(error) if is_late(&error) => panic!("neither an answer nor an end within {PATIENCE:?}"),
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => None,
            Err(error) => panic!("{error}"),
        }
    }
}

fn is_late(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}
