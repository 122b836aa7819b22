//! Row: bad input, as the helpdesk's answers. Something between the daemon and the helpdesk changes tickets, orders and
//! lists on their way: keys gone, values of another kind, numbers out of any range. Nothing panics, nothing is said
//! twice, every message ends.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::{Value, json};

use super::*;

/// Changes one to four values somewhere in it.
pub(super) fn mangle(value: &mut Value, rng: &mut fastrand::Rng) {
    for _ in 0..rng.u8(1..5) {
        let mut count = 0;
        each(value, &mut |_| count += 1);
        let mut left = rng.usize(..count);
        each(value, &mut |one| {
            if left == 0 {
                *one = odd(one, rng);
            }
            left = left.wrapping_sub(1);
        });
    }
}

/// Visits a value and everything in it, parents first.
fn each(value: &mut Value, visit: &mut dyn FnMut(&mut Value)) {
    visit(value);
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| each(item, visit)),
        Value::Object(fields) => fields.values_mut().for_each(|field| each(field, visit)),
        _ => (),
    }
}

fn odd(before: &Value, rng: &mut fastrand::Rng) -> Value {
    let words = [
        "",
        " ",
        "null",
        "undefined",
        "\u{0}",
        "\u{202e}",
        "9999-99-99T99:99:99Z",
        "-1",
        "1e999",
        "<p>",
        "{shop_name}",
    ];
    match rng.u8(..16) {
        0 => Value::Null,
        1 => json!(true),
        2 => json!(i64::MIN),
        3 => json!(u64::MAX),
        4 => json!(-1),
        5 => json!(1e300),
        6 => json!([]),
        7 => json!({}),
        8 => json!([before, before]),
        9 => json!({ "ticket": before }),
        10 => json!("x".repeat(rng.usize(..70_000))),
        11 => json!("é🦀\u{301}".repeat(rng.usize(..300))),
        12 => (0..rng.usize(..100)).fold(before.clone(), |inner, _| json!([inner])),
        13 => match before {
            Value::Array(items) => Value::Array(items.iter().rev().cloned().collect()),
            Value::Object(fields) => {
                fields.iter().skip(1).map(|(key, value)| (key.clone(), value.clone())).collect()
            }
            Value::String(text) => json!(text.chars().rev().collect::<String>()),
            Value::Number(number) => json!(number.to_string()),
            other => other.clone(),
        },
        _ => json!(words[rng.usize(..words.len())]),
    }
}

/// Passes requests on and mangles a share of the JSON that comes back.
struct Between {
    helpdesk: SocketAddr,
    seed: u64,
    percent: u8,
    answers: AtomicU64,
    mangled: AtomicU64,
}

impl Between {
    /// Its base URL. The thread ends with the process.
    fn start(helpdesk: SocketAddr, seed: u64, percent: u8) -> (Arc<Self>, String) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/v1", listener.local_addr().unwrap());
        let (answers, mangled) = (AtomicU64::new(0), AtomicU64::new(0));
        let between = Arc::new(Self { helpdesk, seed, percent, answers, mangled });
        let shared = Arc::clone(&between);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let between = Arc::clone(&shared);
                std::thread::spawn(move || between.pass(&stream));
            }
        });
        (between, url)
    }

    /// One request; the connection is closed after it.
    fn pass(&self, caller: &TcpStream) -> Option<()> {
        let (head, body) = message(caller)?;
        let mut there = TcpStream::connect(self.helpdesk).ok()?;
        let (first, rest) = head.split_once("\r\n")?;
        write!(there, "{first}\r\nConnection: close\r\n{rest}\r\n\r\n").ok()?;
        there.write_all(&body).ok()?;
        let (head, body) = message(&there)?;
        let body = self.maybe_mangled(body);
        let kept = head.lines().filter(|line| {
            let line = line.to_lowercase();
            !line.starts_with("content-length:") && !line.starts_with("connection:")
        });
        let head = kept.collect::<Vec<_>>().join("\r\n");
        let mut caller = caller;
        write!(caller, "{head}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n", body.len()).ok()?;
        caller.write_all(&body).ok()
    }

    fn maybe_mangled(&self, body: Vec<u8>) -> Vec<u8> {
        let number = self.answers.fetch_add(1, Ordering::Relaxed);
        let mut rng = fastrand::Rng::with_seed(self.seed ^ number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        match serde_json::from_slice::<Value>(&body) {
            Ok(mut value) if rng.u8(..100) < self.percent => {
                self.mangled.fetch_add(1, Ordering::Relaxed);
                mangle(&mut value, &mut rng);
                serde_json::to_vec(&value).unwrap()
            }
            _ => body,
        }
    }
}

/// Head (without its blank line) and body of a request or an answer.
fn message(stream: &TcpStream) -> Option<(String, Vec<u8>)> {
    stream.set_read_timeout(Some(Duration::from_secs(10))).ok()?;
    let mut stream = BufReader::new(stream);
    let mut head = String::new();
    let mut length = 0;
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).ok()? == 0 {
            return None;
        }
        if line == "\r\n" {
            break;
        }
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().ok()?;
        }
        head.push_str(&line);
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).ok()?;
    Some((head.trim_end().to_owned(), body))
}

/// No worker panicked, in any attempt.
pub(super) fn nothing_panicked(world: &World) {
    let file = Connection::open_with_flags(world.database(), OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
    let mut said = file.prepare("select reason from transitions where reason like '%panicked%'").unwrap();
    let said: Vec<String> = said.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    assert_eq!(said, [""; 0]);
}

/// So many questions of all shapes at once, every second answer mangled.
pub(super) fn answers_mangled(questions: u64, patience: Duration) {
    let mut world = fast("");
    let seed = seed();
    let (between, url) = Between::start(world.sim.addr(), seed, 50);
    world.stop();
    world.configured(&format!(
        "{FAST}limits.replies_per_hour = 1000000\nworkers.max_attempts = 3\nrichpanel.base_url = \"{url}\"\n"
    ));
    world.start();
    let mut rng = fastrand::Rng::with_seed(seed);
    for n in 0..questions {
        let channel = ["email", "messenger", "whatsapp"][rng.usize(..3)];
        let email = format!("customer{n}@example.com");
        let about = order(OrderState::ALL[rng.usize(..11)], 800_000 + n, &email, now().as_millisecond());
        world.writes(NewMessage {
            shape: Some(rng.u8(..8)),
            channel: Some(channel.into()),
            order: Some(about),
            ..question(n)
        });
    }
    all_ended(&world, patience);
    nothing_panicked(&world);
    let mut ends: BTreeMap<String, usize> = BTreeMap::new();
    outcomes(&world).into_values().for_each(|outcome| *ends.entry(outcome).or_default() += 1);
    let (answers, mangled) =
        (between.answers.load(Ordering::Relaxed), between.mangled.load(Ordering::Relaxed));
    println!("{questions} questions, {mangled} of {answers} answers mangled: {ends:?}");
    assert!(mangled >= questions, "hardly anything was mangled");
    assert!(ends["answered"] > 0 && ends["routed"] > 0, "{ends:?}");
    world.settled();
}

#[test]
fn answers_mangled_in_any_way_panic_nowhere_and_double_nothing() {
    answers_mangled(550, Duration::from_secs(30));
}
