//! A tiny HTTP responder on a thread: plays a script, one connection an act, and keeps what it was asked.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

/// What the responder does with one connection.
#[derive(Debug, Clone)]
pub(super) enum Act {
    /// Reads the request and writes these bytes.
    Answer(Vec<u8>),
    /// Waits for the first byte and resets the connection.
    Reset,
    /// Reads the request and says nothing until the other side gives up.
    Silence,
}

/// A JSON answer with this status.
pub(super) fn json(status: u16, body: &str) -> Act {
    with_headers(status, "", body)
}

/// A JSON answer with further header lines, each ending in `\r\n`.
pub(super) fn with_headers(status: u16, headers: &str, body: &str) -> Act {
    let length = body.len();
    let head = "content-type: application/json\r\nconnection: close\r\n";
    Act::Answer(
        format!("HTTP/1.1 {status} X\r\n{head}{headers}content-length: {length}\r\n\r\n{body}").into_bytes(),
    )
}

/// The responder; its thread ends with the script.
pub(super) struct Responder {
    /// Up to the port.
    pub(super) url: String,
    asked: Arc<Mutex<Vec<String>>>,
    thread: Option<JoinHandle<()>>,
}

impl Responder {
    pub(super) fn play(script: Vec<Act>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(vec![]));
        let log = Arc::clone(&asked);
        let thread = std::thread::spawn(move || {
            for act in script {
                let (stream, _) = listener.accept().unwrap();
                perform(act, stream, &log);
            }
        });
        Self { url, asked, thread: Some(thread) }
    }

    /// Requests so far: head and body as they came.
    pub(super) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }

    /// First lines of the requests, once the whole script was played.
    pub(super) fn finish(mut self) -> Vec<String> {
        self.thread.take().unwrap().join().unwrap();
        self.asked().iter().map(|request| request.lines().next().unwrap_or_default().to_owned()).collect()
    }
}

fn perform(act: Act, mut stream: TcpStream, log: &Mutex<Vec<String>>) {
    if let Act::Reset = act {
        // Closing with unread bytes makes the kernel send RST.
        let _ = stream.peek(&mut [0; 1]);
        return;
    }
    let request = read_request(&mut stream);
    log.lock().unwrap().push(request);
    match act {
        Act::Answer(bytes) => {
            let _ = stream.write_all(&bytes);
        }
        _ => {
            let _ = stream.read(&mut [0; 1]);
        }
    }
}

fn read_request(stream: &mut TcpStream) -> String {
    let (mut bytes, mut buffer) = (vec![], [0; 4096]);
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| {
                let (name, value) = line.split_once(':')?;
                name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
            });
            if body.len() >= length.unwrap_or(0) {
                return text;
            }
        }
        match stream.read(&mut buffer) {
            Ok(read) if read > 0 => bytes.extend_from_slice(&buffer[..read]),
            _ => return text,
        }
    }
}
