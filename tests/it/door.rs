//! The door against hostile, clumsy and hurried callers: each row of "At the door", over real sockets to the real
//! binary.
//!
//! Whatever was refused, the next good call is taken in and its ticket routed: [`goes_on`] ends nearly every story.

mod again;
mod body;
mod crowd;
mod figures;
mod head;
mod size;
mod token;
mod trouble;

use std::net::{Ipv4Addr, SocketAddr};

use richpanel_mw::event::State;
use richpanel_mw::sim::NewMessage;
use rusqlite::{Connection, OpenFlags};

use crate::socket::{Client, Reply};
use crate::world::{PATIENCE, TOKEN, World, plain};

const RETURN: &str = "I would like to return my shoes, please send me a return label.";
const PATH: &str = "/richpanel/inbound";
const BODY_BYTES_MAX: usize = 256 * 1024;
const JSON: &str = "Content-Type: application/json\r\n";
const BAD: &str = "X-Middleware-Token: not-the-token-0123456789\r\n";
const QUICK: &str = "[server]\nhead_timeout_seconds = 1\nbody_timeout_seconds = 1";
/// Another caller: still this machine, not the same address.
const ELSEWHERE: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);

fn token() -> String {
    format!("X-Middleware-Token: {TOKEN}\r\n")
}

fn post(headers: &str, body: &str) -> String {
    format!("POST {PATH} HTTP/1.1\r\nHost: mw\r\n{headers}Content-Length: {}\r\n\r\n{body}", body.len())
}

fn good(body: &str) -> String {
    post(&(token() + JSON), body)
}

fn typed(content_type: &str, body: &str) -> String {
    post(&format!("{}Content-Type: {content_type}\r\n", token()), body)
}

fn chunked(headers: &str, chunks: &str) -> String {
    format!(
        "POST {PATH} HTTP/1.1\r\nHost: mw\r\n{}{JSON}{headers}Transfer-Encoding: chunked\r\n\r\n{chunks}",
        token()
    )
}

fn one_chunk(body: &str) -> String {
    format!("{:x}\r\n{body}\r\n0\r\n\r\n", body.len())
}

fn body(ticket: &str) -> String {
    serde_json::json!({ "ticket_id": ticket, "channel": "email", "trigger": "test" }).to_string()
}

/// A customer wrote, and no rule has fired yet.
fn ticket(world: &World) -> String {
    world.writes(NewMessage { text: RETURN.into(), quiet: true, ..plain() }).ticket_id
}

fn ticket_called(world: &World, id: &str) -> String {
    let message = NewMessage { text: RETURN.into(), quiet: true, id: Some(id.into()), ..plain() };
    world.writes(message).ticket_id
}

/// One request on a connection of its own.
fn ask(world: &World, request: impl AsRef<[u8]>) -> Reply {
    let mut client = Client::to(world.addr());
    client.try_send(request);
    client.reply()
}

fn get(addr: SocketAddr, path: &str, headers: &str) -> Reply {
    let mut client = Client::to(addr);
    client.send(format!("GET {path} HTTP/1.1\r\nHost: mw\r\n{headers}\r\n"));
    client.reply()
}

/// One figure of `/metrics`; 0 while it was never counted.
fn figure(world: &World, name: &str) -> f64 {
    let figures = get(world.admin(), "/metrics", "").body;
    let line = figures.lines().find(|line| line.starts_with(name));
    line.map_or(0.0, |line| line.rsplit(' ').next().unwrap().parse().unwrap())
}

fn ended(world: &World, source: &str, result: &str) -> f64 {
    figure(world, &format!("mw_ingress_requests_total{{source=\"{source}\",result=\"{result}\"}}"))
}

/// A call as it was kept, oldest first.
#[derive(Debug, PartialEq)]
struct Kept {
    ticket: Option<String>,
    result: String,
    salvaged: bool,
    content_type: Option<String>,
    body: Vec<u8>,
}

fn open(world: &World) -> Connection {
    Connection::open_with_flags(world.database(), OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap()
}

fn kept(world: &World) -> Vec<Kept> {
    let connection = open(world);
    let mut statement = connection
        .prepare(
            "select e.ticket_id, c.result, c.salvaged, c.content_type, c.body
             from calls c left join events e on e.id = c.event_id order by c.id",
        )
        .unwrap();
    let rows = statement.query_map([], |row| {
        let (ticket, result, salvaged) = (row.get(0)?, row.get(1)?, row.get(2)?);
        Ok(Kept { ticket, result, salvaged, content_type: row.get(3)?, body: row.get(4)? })
    });
    rows.unwrap().map(Result::unwrap).collect()
}

/// Nothing of what was sent so far has left a trace in the file.
fn assert_nothing_kept(world: &World) {
    assert_eq!(world.events(), [], "a refused call became an event");
    assert_eq!(world.reader().intake().unwrap(), (None, 0), "a refused call was kept");
}

fn is_routed(world: &World, ticket: &str) {
    world.until_state(ticket, State::Done);
    assert_eq!(world.outcome(ticket), "routed");
}

/// A good call is taken in, its ticket is routed, and nothing is left over.
fn goes_on(world: &World) {
    let ticket = ticket(world);
    let reply = ask(world, good(&body(&ticket)));
    assert_eq!(reply.event().0, "accepted");
    is_routed(world, &ticket);
    world.settled();
}

/// A call that has been let in by its token and whose body is awaited: the head was answered with `100 Continue`.
fn let_in(client: &mut Client, body: &str) {
    let request = post(&format!("{}{JSON}Expect: 100-continue\r\n", token()), body);
    client.send(request.strip_suffix(body).unwrap());
    assert_eq!(client.reply().status, 100);
}
