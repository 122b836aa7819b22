//! The way into a running daemon: a Unix socket beside the database, mode 0600, one JSON line each way.
//!
//! Commands that change something come through here; with no daemon running they open the file themselves, under
//! the lock ([`crate::cli`] decides which).

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::classify::model::BYTES_MAX;
use crate::event::{EventId, Mode, Timestamp};
use crate::store::marks::LastBackup;
use crate::timer::reconcile::CsvRow;

/// Bytes of one request: a CSV export of some 100,000 rows fits.
const REQUEST_MAX: u64 = 16 * 1024 * 1024;

/// Patience with a client that says nothing.
const READ_TIMEOUT: Duration = Duration::from_secs(5);

/// Patience with a daemon that sweeps.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(600);

/// What can be asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "do")]
pub enum Request {
    /// How it stands.
    Status,
    /// Sets the mode, or (without one) lets the file decide again.
    Mode {
        /// Which.
        mode: Option<Mode>,
        /// Who says so.
        by: String,
    },
    /// Queues a dead or discarded event again.
    Retry {
        /// Which.
        event: EventId,
        /// Who says so.
        by: String,
    },
    /// Throws an event away.
    Discard {
        /// Which.
        event: EventId,
        /// Why.
        reason: String,
        /// Who says so.
        by: String,
    },
    /// Notes that a backup succeeded.
    BackedUp {
        /// Which.
        last: LastBackup,
        /// Who made it.
        by: String,
    },
    /// Keeps a model and puts it in force. Its bytes follow the line.
    AddModel {
        /// When it was trained.
        trained_at: Timestamp,
        /// Who says so.
        by: String,
        /// How many bytes follow.
        length: u64,
        /// The model.
        #[serde(skip)]
        bytes: Vec<u8>,
    },
    /// Puts a kept model in force, or (without one) the built-in starter.
    UseModel {
        /// Which.
        version: Option<String>,
        /// Who says so.
        by: String,
    },
    /// Sweeps now.
    Reconcile {
        /// Rows of an exported file, when given.
        csv: Option<Vec<CsvRow>>,
    },
}

/// What is answered: the result as JSON, or words for people.
pub type Answer = Result<serde_json::Value, String>;

/// Answers requests, each on a thread of its own.
pub type Handler = Arc<dyn Fn(Request) -> Answer + Send + Sync>;

/// Where the socket of this database stands.
pub fn socket_path(database: &Path) -> PathBuf {
    let mut name = database.file_name().unwrap_or_default().to_owned();
    name.push(".sock");
    database.with_file_name(name)
}

/// The listening side; gone from the disk when dropped.
#[derive(Debug)]
pub struct Control {
    path: PathBuf,
    _thread: JoinHandle<()>,
}

impl Control {
    /// Starts to listen. Whoever calls holds the lock on the state directory, so that a socket left behind by a
    /// stopped process may be removed.
    ///
    /// # Errors
    /// When the socket cannot be made.
    pub fn listen(database: &Path, handler: Handler) -> std::io::Result<Self> {
        let path = socket_path(database);
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
            _ => (),
        }
        let listener = UnixListener::bind(&path)?;
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))?;
        let thread = std::thread::Builder::new().name("control".into()).spawn(move || {
            for stream in listener.incoming().flatten() {
                // A thread each: `mode off` must not wait for a sweep that somebody asked for.
                let handler = Arc::clone(&handler);
                let answer = move || {
                    if let Err(error) = serve(&stream, &handler) {
                        log::debug!("control: {error}");
                    }
                };
                if let Err(error) = std::thread::Builder::new().name("control-request".into()).spawn(answer) {
                    log::error!("control: {error}");
                }
            }
        })?;
        Ok(Self { path, _thread: thread })
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

fn serve(stream: &UnixStream, handler: &Handler) -> std::io::Result<()> {
    stream.set_read_timeout(Some(READ_TIMEOUT))?;
    let mut line = String::new();
    let mut reader = BufReader::new(stream);
    (&mut reader).take(REQUEST_MAX).read_line(&mut line)?;
    let answer = match serde_json::from_str::<Request>(&line) {
        Ok(Request::AddModel { trained_at, by, length, .. }) => {
            let mut bytes = Vec::new();
            reader.take(length.min(BYTES_MAX as u64)).read_to_end(&mut bytes)?;
            handler(Request::AddModel { trained_at, by, length, bytes })
        }
        Ok(request) => handler(request),
        Err(error) => Err(format!("this daemon does not understand the request: {error}")),
    };
    let mut stream = stream;
    stream.write_all(&serde_json::to_vec(&answer)?)?;
    stream.write_all(b"\n")
}

/// Asks a running daemon. `None`: none is running here.
///
/// # Errors
/// When the daemon hangs up or answers something else than its protocol.
pub fn ask(database: &Path, request: &Request) -> std::io::Result<Option<Answer>> {
    let mut stream = match UnixStream::connect(socket_path(database)) {
        Ok(stream) => stream,
        Err(error)
            if matches!(
                error.kind(),
                std::io::ErrorKind::NotFound | std::io::ErrorKind::ConnectionRefused
            ) =>
        {
            return Ok(None);
        }
        Err(error) => return Err(error),
    };
    stream.set_read_timeout(Some(ANSWER_TIMEOUT))?;
    stream.write_all(&serde_json::to_vec(request)?)?;
    stream.write_all(b"\n")?;
    if let Request::AddModel { bytes, .. } = request {
        stream.write_all(bytes)?;
    }
    let mut line = String::new();
    BufReader::new(&stream).read_line(&mut line)?;
    Ok(Some(serde_json::from_str(&line)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_reaches_the_daemon_and_its_answer_comes_back() {
        let folder = tempfile::tempdir().unwrap();
        let database = folder.path().join("mw.db");
        assert_eq!(ask(&database, &Request::Status).unwrap(), None, "nobody is there");
        let control = Control::listen(
            &database,
            Arc::new(|request| match request {
                Request::Status => Ok(serde_json::json!({"fine": true})),
                other => Err(format!("no: {other:?}")),
            }),
        )
        .unwrap();
        assert_eq!(ask(&database, &Request::Status).unwrap(), Some(Ok(serde_json::json!({"fine": true}))));
        let refused = ask(&database, &Request::Reconcile { csv: None }).unwrap();
        assert!(matches!(refused, Some(Err(why)) if why.contains("Reconcile")));
        let mode = std::fs::metadata(socket_path(&database)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        drop(control);
        assert!(!socket_path(&database).exists());
    }

    #[test]
    fn a_request_that_takes_its_time_keeps_no_other_waiting() {
        let folder = tempfile::tempdir().unwrap();
        let database = folder.path().join("mw.db");
        let (go_on, wait) = std::sync::mpsc::channel::<()>();
        let wait = std::sync::Mutex::new(wait);
        let _control = Control::listen(
            &database,
            Arc::new(move |request| match request {
                Request::Reconcile { .. } => {
                    let _ = wait.lock().unwrap().recv_timeout(Duration::from_secs(20));
                    Ok(serde_json::Value::Null)
                }
                _ => Ok(serde_json::json!({"fine": true})),
            }),
        )
        .unwrap();
        let mut slow = UnixStream::connect(socket_path(&database)).unwrap();
        slow.write_all(b"{\"do\":\"reconcile\",\"csv\":null}\n").unwrap();
        let mut quick = UnixStream::connect(socket_path(&database)).unwrap();
        quick.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        quick.write_all(b"{\"do\":\"mode\",\"mode\":\"off\",\"by\":\"lead\"}\n").unwrap();
        let mut line = String::new();
        BufReader::new(quick).read_line(&mut line).expect("waited for the sweep");
        assert!(line.contains("fine"), "{line}");
        go_on.send(()).unwrap();
    }

    #[test]
    fn nonsense_is_answered_and_the_next_request_too() {
        let folder = tempfile::tempdir().unwrap();
        let database = folder.path().join("mw.db");
        let _control = Control::listen(&database, Arc::new(|_| Ok(serde_json::Value::Null))).unwrap();
        let mut stream = UnixStream::connect(socket_path(&database)).unwrap();
        stream.write_all(b"what?\n").unwrap();
        let mut line = String::new();
        BufReader::new(stream).read_line(&mut line).unwrap();
        assert!(line.contains("does not understand"), "{line}");
        assert_eq!(ask(&database, &Request::Status).unwrap(), Some(Ok(serde_json::Value::Null)));
    }
}
