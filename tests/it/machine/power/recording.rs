//! Makes the recordings: the daemon's day under `strace`, and `sqlite3` as the control.

use std::io::{Read as _, Seek as _, SeekFrom};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use richpanel_mw::clock::{Clock as _, SystemClock};
use richpanel_mw::daemon::control::Request;
use richpanel_mw::event::Mode;
use richpanel_mw::sim::EffectKind;
use richpanel_mw::sim::people::OrderState;
use tempfile::TempDir;

use super::disk::Image;
use super::losses::scratch;
use super::trace::{Call, Heard, Reader, Trace};
use crate::machine::{WHERE, needs, world_with};
use crate::world::{Launch, PATIENCE, TOKEN, World};

/// Every call that changes files or names, or tells the outside something.
const CALLS: &str = "trace=pwrite64,pwritev,pwritev2,write,writev,sendto,sendmsg,sendmmsg,sendfile,copy_file_range,\
    fsync,fdatasync,sync_file_range,truncate,ftruncate,fallocate,open,openat,openat2,creat,rename,renameat,renameat2,\
    link,linkat,unlink,unlinkat";

/// `strace` with all that the reader needs; the program's words follow.
fn strace(out: &Path) -> Vec<String> {
    let words = ["strace", "-f", "--seccomp-bpf", "-q", "-yy", "-xx", "-s", "1000000", "-e", CALLS, "-o"];
    let mut words: Vec<String> = words.map(str::to_owned).to_vec();
    words.push(out.display().to_string());
    words
}

/// A recording, and the database as it really ended.
pub struct Recording {
    pub trace: Trace,
    /// The database file.
    pub base: PathBuf,
    /// Keeps the files.
    _folder: Box<dyn std::any::Any>,
}

const RETURN: &str = "I would like to return my shoes, please send me a return label.";
/// The rush comes over many connections from one address.
const MANY_AT_ONCE: &str = "[server]\nmax_connections_per_address = 500";

/// Starts the daemon under `strace`, each time with a trace of its own.
struct Recorder {
    folder: TempDir,
    traces: Vec<PathBuf>,
    /// The files after each process.
    left: Vec<Image>,
}

impl Recorder {
    fn start(&mut self, world: &mut World) {
        let trace = self.folder.path().join(self.traces.len().to_string());
        let mut under = strace(&trace);
        // It leaves the front to the daemon.
        under.insert(1, "-D".into());
        self.traces.push(trace);
        let started = world.launch(&Launch { under, ..Launch::default() });
        started.unwrap_or_else(|gone| panic!("the daemon did not start:\n{}", gone.log));
    }

    fn kill(&mut self, world: &mut World) {
        world.kill();
        self.left.push(left(&base(world)));
    }
}

fn base(world: &World) -> PathBuf {
    world.folder.path().canonicalize().unwrap().join("mw.db")
}

/// The files as they are.
fn left(base: &Path) -> Image {
    let ends = ["", "-wal", "-journal"].into_iter();
    ends.filter_map(|end| Some((end.into(), std::fs::read(format!("{}{end}", base.display())).ok()?)))
        .collect()
}

/// The daemon from an empty folder to its orderly end: calls, replies, both kinds of checkpoint, a kill and a restart.
pub fn daemon() -> Recording {
    daemon_for(a_day)
}

/// The daemon's shortest life: a new file, a few messages, a fold of the WAL, one message more, an orderly end.
pub fn daemon_for_a_moment() -> Recording {
    daemon_for(|world, _| {
        (0..3).for_each(|_| drop(world.mail_about(OrderState::Shipped, WHERE)));
        world.settled();
        world.until("the WAL is empty", |world| wal_bytes(world) == 0);
        world.mail(RETURN);
        world.settled();
        0
    })
}

/// What is done with the daemon gives the number of calls made by hand.
fn daemon_for(life: impl FnOnce(&mut World, &mut Recorder) -> usize) -> Recording {
    needs("strace", "strace");
    let mut world = world_with(MANY_AT_ONCE);
    // The file is to be made before our eyes.
    assert_eq!(world.stop(), Some(0));
    for end in ["", "-wal", "-shm"] {
        let _ = std::fs::remove_file(world.folder.path().join(format!("mw.db{end}")));
    }
    // Some ninety megabytes of text: not in memory, which may be small.
    let mut recorder = Recorder { folder: tempfile::tempdir().unwrap(), traces: vec![], left: vec![] };
    recorder.start(&mut world);
    let calls_by_hand = life(&mut world, &mut recorder);
    assert_eq!(world.stop(), Some(0));

    let base = base(&world);
    recorder.left.push(left(&base));
    let mut reader = Reader::new(&base, &daemon_says);
    for (path, left) in recorder.traces.iter().zip(&recorder.left) {
        until_written(&world, path);
        reader.file(path, left).unwrap();
    }
    let trace = reader.done();
    let (kept, replies) = heard(&trace);
    let acknowledged = world.sim.firings().iter().filter(|firing| firing.acknowledged()).count();
    assert!(kept >= acknowledged + calls_by_hand, "the trace shows {kept} of the calls that got a 200");
    let sent = world.sim.counts().per_endpoint["PUT /tickets/{id}/send-message"];
    assert!(replies >= usize::try_from(sent).unwrap(), "the trace shows {replies} of {sent} replies");
    Recording { trace, base, _folder: Box::new(world) }
}

/// What the day was like; the number of calls made by hand.
fn a_day(world: &mut World, recorder: &mut Recorder) -> usize {
    (0..10).for_each(|_| drop(world.mail_about(OrderState::Shipped, WHERE)));
    (0..4).for_each(|_| drop(world.mail(RETURN)));
    world.settled();
    // A second without work: the WAL is folded up and cut off.
    world.until("the WAL is empty", |world| wal_bytes(world) == 0);

    // A rush of calls while nothing is worked: a checkpoint in passing, and the WAL begins again at its start.
    let mode = |mode| Request::Mode { mode: Some(mode), by: "lead".into() };
    world.ask(&mode(Mode::Off));
    let calls_by_hand = rush_until_the_wal_begins_again(world);
    world.ask(&mode(Mode::Live));
    (0..6).for_each(|_| drop(world.mail_about(OrderState::Shipped, WHERE)));
    world.settled();

    // Killed while replies go out.
    (0..6).for_each(|_| drop(world.mail_about(OrderState::Shipped, WHERE)));
    let replies = |sim: &richpanel_mw::sim::SimHandle| {
        sim.journal().iter().filter(|effect| effect.kind == EffectKind::Reply).count()
    };
    assert!(world.sim.wait_until(PATIENCE, |sim| replies(sim) >= 19), "no reply went out");
    recorder.kill(world);
    recorder.start(world);
    (0..4).for_each(|_| drop(world.mail_about(OrderState::Shipped, WHERE)));
    world.settled();
    calls_by_hand
}

/// A reader at the wrong moment, or a second without a call, keeps a checkpoint in passing from its end: then the calls
/// are made again.
fn rush_until_the_wal_begins_again(world: &World) -> usize {
    let tickets: Vec<String> = (0..4).map(|_| world.mail(RETURN).ticket_id).collect();
    let mut calls = 0;
    for _ in 0..5 {
        let (beginning, bytes) = (wal_beginning(world), wal_bytes(world));
        calls += rush(world, &tickets);
        // A WAL that was cut off has begun again too, but is short.
        if wal_beginning(world) != beginning && wal_bytes(world) >= bytes {
            break;
        }
    }
    calls
}

/// More than a thousand calls, from many connections at once; how many of them were answered with a 200.
fn rush(world: &World, tickets: &[String]) -> usize {
    let addr = world.addr();
    std::thread::scope(|scope| {
        let callers: Vec<_> = (0..32)
            .map(|caller| {
                let ticket = &tickets[caller % tickets.len()];
                scope.spawn(move || call_again_and_again(addr, ticket, 40))
            })
            .collect();
        callers.into_iter().map(|caller| caller.join().unwrap()).sum()
    })
}

/// A slow disk may have a call refused.
fn call_again_and_again(addr: SocketAddr, ticket: &str, times: usize) -> usize {
    let url = format!("http://{addr}/richpanel/inbound");
    let body = serde_json::json!({ "ticket_id": ticket, "channel": "email", "trigger": "test" }).to_string();
    let agent = ureq::Agent::new_with_defaults();
    let accepted = |_: &usize| {
        let call = agent.post(&url).header("X-Middleware-Token", TOKEN).content_type("application/json");
        call.send(&body).is_ok_and(|mut answer| answer.body_mut().read_to_string().is_ok())
    };
    (0..times).filter(accepted).count()
}

fn wal_bytes(world: &World) -> u64 {
    std::fs::metadata(world.folder.path().join("mw.db-wal")).map_or(0, |file| file.len())
}

/// What the WAL's header says that changes whenever it begins again (SQLite's file format, the WAL header: checkpoint
/// sequence number and salts).
fn wal_beginning(world: &World) -> Vec<u8> {
    let header = std::fs::read(world.folder.path().join("mw.db-wal")).unwrap_or_default();
    header.get(12..24).unwrap_or_default().to_vec()
}

/// `strace` outlives the daemon by a moment: it is done when it has noted the end of the process, threads and all.
fn until_written(world: &World, trace: &Path) {
    let clock = SystemClock::new();
    loop {
        let mut file = std::fs::File::open(trace).unwrap();
        let mut start = [0; 12];
        file.read_exact(&mut start).unwrap();
        let start = String::from_utf8_lossy(&start).into_owned();
        let process = start.split(' ').next().unwrap_or_default();
        let length = file.metadata().unwrap().len();
        file.seek(SeekFrom::Start(length.saturating_sub(100))).unwrap();
        let mut tail = Vec::new();
        file.read_to_end(&mut tail).unwrap();
        let tail = String::from_utf8_lossy(&tail).into_owned();
        let last = tail.lines().last().unwrap_or_default();
        let of = last.split_once(" +++ ").map(|(of, _)| of.trim_end());
        if of == Some(process) && tail.ends_with('\n') {
            return;
        }
        assert!(clock.monotonic() < PATIENCE, "strace did not end; its last words: {last}");
        let _ = world.sim.wait_until(Duration::from_millis(20), |_| false);
    }
}

fn heard(trace: &Trace) -> (usize, usize) {
    let said =
        trace.calls.iter().filter_map(|call| if let Call::Say(heard) = call { Some(heard) } else { None });
    let (kept, replies): (Vec<_>, Vec<_>) = said.partition(|heard| matches!(heard, Heard::Kept(_)));
    (kept.len(), replies.len())
}

/// The daemon's 200s, and its replies to the helpdesk.
fn daemon_says(bytes: &[u8]) -> Option<Heard> {
    if !bytes.starts_with(b"PUT ") && !bytes.starts_with(b"HTTP/1.1 200") {
        return None;
    }
    let text = String::from_utf8_lossy(bytes);
    if let Some(request) = text.strip_prefix("PUT ") {
        let path = request.split(' ').next()?.strip_suffix("/send-message")?;
        let ticket = percent_encoding::percent_decode_str(path.rsplit('/').next()?);
        return Some(Heard::Reply(ticket.decode_utf8_lossy().into_owned()));
    }
    let number = text.split_once(r#""event_id":"#)?.1;
    number.trim_end_matches('}').parse().ok().map(Heard::Kept)
}

/// `sqlite3` writing a row at a time and saying so after each commit.
pub fn sqlite3(synchronous: &str) -> Recording {
    needs("strace", "strace");
    needs("sqlite3", "sqlite3");
    let folder = scratch();
    let base = folder.path().canonicalize().unwrap().join("control.db");
    let mut script = format!(
        "pragma journal_mode = wal;\npragma synchronous = {synchronous};\npragma wal_autocheckpoint = 100;\n\
         create table kept (id integer primary key, body text);\n"
    );
    for _ in 0..300 {
        script.push_str("insert into kept (body) values (hex(randomblob(200))) returning 'ack ' || id;\n");
    }
    let input = folder.path().join("script.sql");
    std::fs::write(&input, script).unwrap();
    let out = folder.path().join("trace");
    let words = strace(&out);
    let ended = Command::new(&words[0])
        .args(&words[1..])
        .args(["sqlite3", "-batch", "-init", "/dev/null"])
        .arg(&base)
        .stdin(std::fs::File::open(&input).unwrap())
        .stdout(Stdio::null())
        .status();
    assert!(ended.unwrap().success());
    let says = |bytes: &[u8]| {
        let text = String::from_utf8_lossy(bytes);
        text.strip_prefix("ack ")?.trim().parse().ok().map(Heard::Kept)
    };
    let mut reader = Reader::new(&base, &says);
    reader.file(&out, &left(&base)).unwrap();
    let trace = reader.done();
    assert_eq!(heard(&trace), (300, 0));
    Recording { trace, base, _folder: Box::new(folder) }
}
