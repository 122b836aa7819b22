//! The door against hostile, clumsy and hurried callers: each row of "At the door", over real sockets to the real
//! binary.
//!
//! Whatever was refused, the next good call is taken in and its ticket routed: [`goes_on`] ends nearly every story.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use richpanel_mw::clock::{Clock as _, SystemClock};
use richpanel_mw::daemon::control::Request;
use richpanel_mw::event::{Mode, State};
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

// --- tokens ---

#[test]
fn no_token_and_any_wrong_one_get_the_same_401_whatever_the_body() {
    let world = World::live();
    let ticket = ticket(&world);
    let (body, large) = (body(&ticket), "x".repeat(200 * 1024));
    let (prefix, longer) = (&TOKEN[..TOKEN.len() - 1], format!("{TOKEN}0"));
    let mut heard = Vec::new();
    for headers in [
        String::new(),
        BAD.to_owned(),
        "X-Middleware-Token:\r\n".to_owned(),
        format!("X-Middleware-Token: {prefix}\r\n"),
        format!("X-Middleware-Token: {longer}\r\n"),
        format!("X-Middleware-Token: {}\r\n", TOKEN.to_uppercase()),
        format!("Authorization: Bearer {TOKEN}\r\n"),
        token() + &token(),
    ] {
        heard.push(ask(&world, post(&(headers + JSON), &body)));
    }
    for body in ["{}", "{\"ticket_id\": \"", "\0\u{1}", large.as_str()] {
        heard.push(ask(&world, post(BAD, body)));
    }
    let told = |reply: &Reply| {
        let lines = reply.head.lines().filter(|line| !line.to_lowercase().starts_with("date:"));
        (lines.collect::<Vec<_>>().join("\n"), reply.body.clone())
    };
    assert_eq!((heard[0].status, heard[0].code().as_str()), (401, "unauthorized"));
    for reply in &heard {
        assert_eq!(told(reply), told(&heard[0]), "an answer that gives something away");
    }
    assert_nothing_kept(&world);
    goes_on(&world);
}

#[test]
fn a_bad_token_is_refused_before_its_body_is_sent() {
    let world = World::live();
    // Over the limit as well: neither "100 Continue" nor 413, the token comes first.
    for bytes in [200 * 1024, 99_999_999] {
        for expect in ["", "Expect: 100-continue\r\n"] {
            let mut client = Client::to(world.addr());
            client.send(format!(
                "POST {PATH} HTTP/1.1\r\nHost: mw\r\n{BAD}{expect}Content-Length: {bytes}\r\n\r\n"
            ));
            let reply = client.reply();
            assert_eq!((reply.status, reply.closes()), (401, true), "{bytes} {expect}");
            assert!(client.is_closed());
        }
    }
    let mut client = Client::to(world.addr());
    client.send(format!("POST {PATH} HTTP/1.1\r\nHost: mw\r\n{BAD}Transfer-Encoding: chunked\r\n\r\n"));
    assert_eq!(client.reply().status, 401, "nor is a chunk waited for");
    assert_nothing_kept(&world);
    goes_on(&world);
}

#[test]
fn after_twenty_bad_tokens_bad_ones_get_429_and_a_good_one_passes() {
    let world = World::live();
    for _ in 0..20 {
        assert_eq!(ask(&world, post(BAD, "{}")).status, 401);
    }
    let reply = ask(&world, post(BAD, "{}"));
    assert_eq!((reply.status, reply.code().as_str()), (429, "too-many-bad-tokens"));
    assert!((1..=60).contains(&reply.retry_after_seconds()), "{reply:?}");
    assert_nothing_kept(&world);
    goes_on(&world);
    assert_eq!(ask(&world, post("", "{}")).status, 429, "a good one pardons nobody");
    let mut other = Client::from_address(ELSEWHERE, world.addr());
    other.send(post(BAD, "{}"));
    assert_eq!(other.reply().status, 401, "another address is not punished with it");
    assert_eq!(
        (ended(&world, "richpanel", "unauthorized"), ended(&world, "richpanel", "too-many-bad-tokens")),
        (21.0, 2.0)
    );
}

#[test]
fn every_token_in_the_file_is_good_so_that_one_can_be_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("tokens");
    let new = "the-next-token-0123456789abcdef";
    std::fs::write(&file, format!("{TOKEN}\r\n\n  {new}  \n")).unwrap();
    let world = World::with("live", &format!("[server]\ntoken_file = \"{}\"", file.display()));
    for token in [TOKEN, new] {
        let ticket = ticket(&world);
        let headers = format!("X-Middleware-Token: {token}\r\n{JSON}");
        assert_eq!(ask(&world, post(&headers, &body(&ticket))).event().0, "accepted");
        is_routed(&world, &ticket);
    }
    for bad in ["", "  ", &format!("{TOKEN}\t{new}"), &format!("{TOKEN},{new}")] {
        let headers = format!("X-Middleware-Token: {bad}\r\n{JSON}");
        assert_eq!(ask(&world, post(&headers, &body("T1"))).status, 401, "{bad:?}");
    }
    goes_on(&world);
}

// --- sizes and times ---

/// A call whose body has exactly so many bytes.
fn body_of(ticket: &str, bytes: usize) -> String {
    let body = format!("{{\"ticket_id\": \"{ticket}\", \"message\": \"\"}}");
    let fill = "x".repeat(bytes - body.len());
    body.replace("\"\"}", &format!("\"{fill}\"}}"))
}

#[test]
fn a_declared_body_over_the_limit_is_413_at_once_and_one_at_the_limit_passes() {
    let world = World::live();
    let mut client = Client::to(world.addr());
    // Nothing of the body is ever sent.
    client.send(format!(
        "POST {PATH} HTTP/1.1\r\nHost: mw\r\n{}{JSON}Content-Length: {}\r\n\r\n",
        token(),
        BODY_BYTES_MAX + 1
    ));
    let reply = client.reply();
    assert_eq!((reply.status, reply.code().as_str(), reply.closes()), (413, "too-large", true));
    assert!(client.is_closed());
    let sent = ask(&world, good(&body_of("T1", BODY_BYTES_MAX + 1)));
    assert_eq!(sent.status, 413, "the answer reaches one that sends all of it");
    assert_nothing_kept(&world);
    let ticket = ticket(&world);
    assert_eq!(ask(&world, good(&body_of(&ticket, BODY_BYTES_MAX))).event().0, "accepted");
    is_routed(&world, &ticket);
    goes_on(&world);
}

#[test]
fn a_streamed_body_over_the_limit_is_413_without_waiting_for_its_end() {
    let world = World::live();
    let large = body_of("T1", BODY_BYTES_MAX + 1);
    let whole = format!("{:x}\r\n{large}", large.len());
    let pieces = large
        .as_bytes()
        .chunks(4096)
        .map(|piece| format!("{:x}\r\n{}\r\n", piece.len(), std::str::from_utf8(piece).unwrap()));
    for chunks in [whole, pieces.collect()] {
        let mut client = Client::to(world.addr());
        client.try_send(chunked("", &chunks));
        let reply = client.reply();
        assert_eq!((reply.status, reply.code().as_str(), reply.closes()), (413, "too-large", true));
        assert!(client.is_closed());
    }
    assert_nothing_kept(&world);
    let ticket = ticket(&world);
    let reply = ask(&world, chunked("", &one_chunk(&body_of(&ticket, BODY_BYTES_MAX))));
    assert_eq!(reply.event().0, "accepted", "at the limit, streamed");
    is_routed(&world, &ticket);
    goes_on(&world);
}

#[test]
fn a_slow_head_is_closed_without_a_word() {
    let world = World::with("live", QUICK);
    let clock = SystemClock::new();
    let mut silent = Client::to(world.addr());
    let mut half = Client::to(world.addr());
    half.send(format!("POST {PATH} HTTP/1.1\r\nHost: m"));
    let mut dripping = Client::to(world.addr());
    dripping.send(format!("POST {PATH} HTTP/1.1\r\nHost: "));
    assert!(dripping.drip("m", 400) > 0);
    assert!(silent.is_closed() && half.is_closed() && dripping.is_closed());
    let took = clock.monotonic();
    assert!(took > Duration::from_millis(900) && took < Duration::from_secs(5), "{took:?} instead of 1 s");
    assert_nothing_kept(&world);
    goes_on(&world);
}

#[test]
fn a_slow_body_is_408_and_closed_and_dripping_does_not_help() {
    let world = World::with("live", QUICK);
    let clock = SystemClock::new();
    let call = good(&body("T1"));
    let mut half = Client::to(world.addr());
    half.send(&call[..call.len() - 3]);
    let mut dripping = Client::to(world.addr());
    dripping.send(chunked("", ""));
    assert!(dripping.drip("1\r\n \r\n", 400) > 0);
    for client in [&mut half, &mut dripping] {
        let reply = client.reply();
        assert_eq!((reply.status, reply.code().as_str(), reply.closes()), (408, "slow-body", true));
        assert!(client.is_closed());
    }
    let took = clock.monotonic();
    assert!(took > Duration::from_millis(900) && took < Duration::from_secs(5), "{took:?} instead of 1 s");
    assert_nothing_kept(&world);
    goes_on(&world);
}

#[test]
fn a_body_that_ends_early_is_not_a_call() {
    let world = World::live();
    let call = good(&body("T1"));
    let mut client = Client::to(world.addr());
    client.send(&call[..call.len() - 1]);
    client.close_sending();
    assert!(client.try_reply().is_none_or(|reply| reply.status == 400));
    assert_nothing_kept(&world);
    goes_on(&world);
}

// --- heads ---

#[test]
fn sixty_four_headers_pass_and_one_more_is_431() {
    let world = World::live();
    let ticket = ticket(&world);
    // Host, token, content type and length are four.
    let head = |more: usize| {
        let more: String = (0..more).map(|number| format!("X-{number}: y\r\n")).collect();
        post(&format!("{}{JSON}{more}", token()), &body(&ticket))
    };
    for more in [61, 500] {
        let mut client = Client::to(world.addr());
        client.try_send(head(more));
        assert_eq!(client.reply().status, 431, "{more} and four");
        assert!(client.is_closed());
    }
    assert_nothing_kept(&world);
    assert_eq!(ask(&world, head(60)).event().0, "accepted");
    is_routed(&world, &ticket);
    goes_on(&world);
}

#[test]
fn a_head_over_16_kib_is_431() {
    let world = World::live();
    let ticket = ticket(&world);
    // The limit is on the head as a whole: fill it to the byte.
    let head = |bytes: usize| {
        let request = |fill: &str| post(&format!("{}{JSON}X-Fill: {fill}\r\n", token()), &body(&ticket));
        let bare = request("").len() - body(&ticket).len();
        request(&"y".repeat(bytes - bare))
    };
    for bytes in [16 * 1024 + 1, 64 * 1024] {
        let mut client = Client::to(world.addr());
        client.try_send(head(bytes));
        assert_eq!(client.reply().status, 431, "a head of {bytes} bytes");
        assert!(client.is_closed());
    }
    let line = format!("POST {PATH}?{} HTTP/1.1\r\nHost: mw\r\n\r\n", "y".repeat(40 * 1024));
    assert!(matches!(ask(&world, line).status, 431 | 414), "the request line counts too");
    assert_nothing_kept(&world);
    assert_eq!(ask(&world, head(15 * 1024)).event().0, "accepted");
    is_routed(&world, &ticket);
    goes_on(&world);
}

/// Each of these is 400 and ends its connection; none leaves a trace.
fn are_400(world: &World, requests: &[String]) {
    for request in requests {
        let mut client = Client::to(world.addr());
        client.try_send(request);
        assert_eq!(client.reply().status, 400, "{request}");
        assert!(client.is_closed(), "nothing after it is believed: {request}");
    }
    assert_nothing_kept(world);
}

#[test]
fn no_host_or_two_is_400() {
    let world = World::live();
    let call = good(&body("T1"));
    are_400(
        &world,
        &[call.replace("Host: mw\r\n", ""), call.replace("Host: mw\r\n", "Host: mw\r\nHost: mw\r\n")],
    );
    goes_on(&world);
}

#[test]
fn two_content_lengths_are_400_even_when_equal() {
    let world = World::live();
    let body = body("T1");
    let length = body.len();
    let bad = [
        format!("Content-Length: {length}\r\ncontent-length: {length}\r\n"),
        format!("Content-Length: {length}\r\nContent-Length: {}\r\n", length - 1),
        format!("Content-Length: {length}, {length}\r\n"),
        format!("Content-Length: +{length}\r\n"),
        "Content-Length: -1\r\n".to_owned(),
        "Content-Length: 99999999999999999999999\r\n".to_owned(),
    ];
    let requests = bad
        .map(|lengths| format!("POST {PATH} HTTP/1.1\r\nHost: mw\r\n{}{JSON}{lengths}\r\n{body}", token()));
    are_400(&world, &requests);
    goes_on(&world);
}

#[test]
fn bad_chunks_and_unknown_codings_are_400() {
    let world = World::live();
    let chunks = ["zz\r\nxx\r\n0\r\n\r\n", "2\r\nxxx\r\n0\r\n\r\n", "-1\r\n\r\n", "fffffffffffffffff\r\nx"];
    are_400(&world, &chunks.map(|chunks| chunked("", chunks)));
    let codings = ["gzip", "identity", "chunked, gzip", "xchunked"];
    let coded = |coding: &str| chunked("", &one_chunk("{}")).replace(": chunked", &format!(": {coding}"));
    are_400(&world, &codings.map(coded));
    goes_on(&world);
}

#[test]
fn what_is_not_http_1_1_is_400_or_closed() {
    let world = World::live();
    for request in [
        "\0\u{1}\u{2}\r\n\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "GET / HTTP/3.0\r\nHost: mw\r\n\r\n",
        "\u{16}\u{3}\u{1}\u{2}\0\u{1}\0\u{1}\u{fc}\u{3}\u{3}\r\n\r\n",
    ] {
        let mut client = Client::to(world.addr());
        client.try_send(request);
        assert!(client.try_reply().is_none_or(|reply| reply.status == 400), "{request:?}");
        assert!(client.is_closed());
    }
    assert_nothing_kept(&world);
    goes_on(&world);
}

#[test]
fn with_a_length_beside_it_chunked_wins_and_what_follows_is_no_request() {
    let world = World::live();
    let smuggled = good(&body("smuggled"));
    for length_first in [true, false] {
        let ticket = ticket(&world);
        let request = chunked("Content-Length: 3\r\n", &one_chunk(&body(&ticket)));
        let request = if length_first {
            request
        } else {
            let without = request.replace("Content-Length: 3\r\n", "");
            without.replace("chunked\r\n", "chunked\r\nContent-Length: 3\r\n")
        };
        let mut client = Client::to(world.addr());
        client.send(request + &smuggled);
        let reply = client.reply();
        assert!(reply.closes(), "{reply:?}");
        assert_eq!(reply.event().0, "accepted");
        assert!(client.is_closed(), "the connection is not believed any further");
        is_routed(&world, &ticket);
    }
    goes_on(&world);
    assert_eq!(world.event("smuggled"), None);
    assert!(kept(&world).iter().all(|call| call.ticket.as_deref() != Some("smuggled")));
}

#[test]
fn a_wrong_path_is_404_with_and_without_a_token() {
    let world = World::live();
    let body = body("T1");
    for path in
        ["/", "/richpanel/inbound/", "/richpanel", "/RICHPANEL/inbound", "/richpanel/../richpanel/inbound"]
    {
        let told: Vec<_> = [String::new(), BAD.to_owned(), token()]
            .into_iter()
            .map(|token| {
                let reply = ask(&world, post(&(token + JSON), &body).replace(PATH, path));
                assert_eq!((reply.status, reply.code().as_str()), (404, "not-found"), "{path}");
                reply.body
            })
            .collect();
        assert!(told.iter().all(|one| *one == told[0]), "a wrong path tells nobody about tokens");
    }
    assert_nothing_kept(&world);
    goes_on(&world);
}

#[test]
fn a_wrong_method_is_405_and_names_the_right_one() {
    let world = World::live();
    for method in ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "BREW"] {
        for token in [String::new(), token()] {
            let mut client = Client::to(world.addr());
            client.send(format!("{method} {PATH} HTTP/1.1\r\nHost: mw\r\n{token}Connection: close\r\n\r\n"));
            client.close_sending();
            let head = if method == "HEAD" { client.reply_to_head() } else { client.reply() };
            assert_eq!((head.status, head.header("allow")), (405, Some("POST")), "{method}");
        }
    }
    let put = good(&body("T1")).replacen("POST", "PUT", 1);
    assert_eq!(ask(&world, put).status, 405);
    assert_nothing_kept(&world);
    goes_on(&world);
}

// --- bodies ---

#[test]
fn an_odd_content_type_is_looked_at_all_the_same() {
    let world = World::live();
    for content_type in
        ["text/plain", "image/png", "application/json; charset=latin-9", "\u{e9}", "", "nonsense"]
    {
        let ticket = ticket(&world);
        assert_eq!(ask(&world, typed(content_type, &body(&ticket))).event().0, "accepted", "{content_type}");
        is_routed(&world, &ticket);
    }
    let ticket = ticket(&world);
    assert_eq!(ask(&world, post(&token(), &body(&ticket))).event().0, "accepted", "none at all");
    is_routed(&world, &ticket);
    assert!(kept(&world).iter().all(|call| !call.salvaged), "odd is not broken");
    goes_on(&world);
}

#[test]
fn without_a_ticket_id_an_odd_type_is_415_the_others_422_and_every_byte_is_kept() {
    let world = World::live();
    let bytes: String = (0..=255_u8).map(char::from).collect();
    let (no_id, odd) = ((422, "no-ticket-id"), (415, "unsupported-content-type"));
    let calls = [
        ("application/json", "{\"hello\": 1}", no_id),
        ("application/json", "{\"ticket_id\": \"{{ticket.id}}\"}", no_id),
        ("application/json", "{\"ticket_id\": \"\"}", no_id),
        ("application/json", "", no_id),
        ("application/x-www-form-urlencoded", "a=b&c=d", no_id),
        ("application/xml", "<call><hello/></call>", no_id),
        ("image/png", bytes.as_str(), odd),
        ("text/plain", "where is my order", odd),
    ];
    for (content_type, body, (status, code)) in calls {
        let mut client = Client::to(world.addr());
        client.send(typed(content_type, body));
        let reply = client.reply();
        assert_eq!((reply.status, reply.code().as_str()), (status, code), "{content_type} {body}");
        // The body was read to its end: the connection goes on.
        client.send(typed(content_type, body));
        assert_eq!(client.reply().status, status);
    }
    assert_eq!(world.events(), []);
    assert_eq!(world.reader().intake().unwrap().1, 16);
    let expected: Vec<_> = calls
        .iter()
        .flat_map(|call| [call, call])
        .map(|(content_type, body, _)| Kept {
            ticket: None,
            result: "kept".into(),
            salvaged: false,
            content_type: Some((*content_type).to_owned()),
            body: body.as_bytes().to_vec(),
        })
        .collect();
    assert_eq!(kept(&world), expected);
    assert_eq!(ended(&world, "richpanel", "unusable"), 16.0, "what an alert looks at");
    goes_on(&world);
    assert_eq!(world.reader().intake().unwrap().1, 16);
}

#[test]
fn json_broken_by_the_customers_own_words_is_salvaged_flagged_and_routed() {
    let world = World::live();
    let id = "<CAF+=x_\"7\"@mail.example.com>";
    let message_id = ticket_called(&world, id);
    let of = |text: &str, ticket: &str| {
        format!("{{\"ticket_id\": \"{ticket}\", \"channel\": \"email\", \"message\": \"{text}\"}}")
    };
    let broken: Vec<(String, String)> = [
        "she said \"return it\" twice",
        "first line\nsecond line\r\n\tthird",
        "a back\\slash \\q and an end \\",
        "\", \"ticket_id\": \"forged",
        "{\"ticket_id\": \"forged\"}",
        "half a body",
    ]
    .into_iter()
    .map(|text| {
        let ticket = ticket(&world);
        let body = of(text, &ticket);
        let body = if text == "half a body" { body[..body.len() - 9].to_owned() } else { body };
        (ticket, body)
    })
    .chain([(message_id.clone(), of("plain", &message_id))])
    .collect();
    for (number, (ticket, body)) in broken.iter().enumerate() {
        assert!(
            number == 3 || serde_json::from_str::<serde_json::Value>(body).is_err(),
            "{body} is not broken"
        );
        assert_eq!(ask(&world, good(body)).event().0, "accepted", "{body}");
        is_routed(&world, ticket);
    }
    let kept = kept(&world);
    assert_eq!(kept.len(), broken.len());
    for (call, (ticket, body)) in kept.iter().zip(&broken) {
        assert_eq!((call.ticket.as_ref(), call.salvaged), (Some(ticket), true), "{body}");
        assert_eq!(call.body, body.as_bytes(), "as it came");
    }
    let salvaged = figure(&world, "mw_ingress_salvaged_total{source=\"richpanel\"}");
    assert_eq!(salvaged, 7.0);
    assert_eq!(world.event("forged"), None);
    goes_on(&world);
}

#[test]
fn a_call_that_is_no_text_at_all_is_read_as_far_as_it_goes() {
    let world = World::live();
    let ticket = ticket(&world);
    let mut bytes = format!("\u{feff}{{\"ticket_id\": \"{ticket}\", \"message\": \"caf").into_bytes();
    bytes.extend_from_slice(b"\xe9 \xff\xfe\"}");
    let head = format!(
        "POST {PATH} HTTP/1.1\r\nHost: mw\r\n{}{JSON}Content-Length: {}\r\n\r\n",
        token(),
        bytes.len()
    );
    let request = [head.as_bytes(), &bytes].concat();
    assert_eq!(ask(&world, request).event().0, "accepted");
    assert_eq!(kept(&world)[0].body, bytes);
    is_routed(&world, &ticket);
    goes_on(&world);
}

/// The newest call of a ticket, as it was read.
fn fields(world: &World, ticket: &str) -> serde_json::Value {
    let sql = "select fields from events where ticket_id = ?1 order by id desc limit 1";
    let text: String = open(world).query_row(sql, [ticket], |row| row.get(0)).unwrap();
    serde_json::from_str(&text).unwrap()
}

#[test]
fn json_a_form_and_xml_say_the_same_and_extra_fields_are_kept() {
    let world = World::live();
    let id = |number: u32| ticket_called(&world, &format!("<CA+b=c.{number}&d@mail.example.com>"));
    let (json, form, xml) = (id(1), id(2), id(3));
    let escaped = |text: &str| text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let encoded = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let message = "Return & refund, \"please\"";
    let calls = [
        (
            &json,
            "application/json",
            serde_json::json!({
                "ticket_id": json, "channel": "email", "message": message, "trigger": "t",
                "vip": "gold", "order": { "id": 7 }
            })
            .to_string(),
        ),
        (
            &form,
            "application/x-www-form-urlencoded",
            format!(
                "ticket_id={}&channel=email&message={}&trigger=t&vip=gold&order.id=7",
                encoded(&form),
                encoded(message)
            ),
        ),
        (
            &xml,
            "text/xml; charset=utf-8",
            format!(
                "<?xml version=\"1.0\"?>\n<call><ticket_id>{}</ticket_id><channel>email</channel>\
                 <message>{}</message><trigger>t</trigger><vip><![CDATA[gold]]></vip>\
                 <order><id>7</id></order></call>\n",
                escaped(&xml),
                escaped(message)
            ),
        ),
    ];
    for (ticket, content_type, body) in &calls {
        assert_eq!(ask(&world, typed(content_type, body)).event().0, "accepted", "{content_type}");
        is_routed(&world, ticket);
        let fields = fields(&world, ticket);
        assert_eq!(fields["message"], message, "{content_type}: {fields}");
        assert_eq!(fields["trigger"], "t", "{content_type}: {fields}");
        assert_eq!(fields["extra"], serde_json::json!({ "vip": "gold", "order.id": "7" }), "{content_type}");
    }
    assert!(kept(&world).iter().all(|call| !call.salvaged));
    goes_on(&world);
}

#[test]
fn xml_with_a_bare_message_id_and_a_form_with_a_bare_plus_find_their_tickets() {
    let world = World::live();
    let (xml, form) =
        (ticket_called(&world, "<CA.1@mail.example.com>"), ticket_called(&world, "<CA+2@x.example>"));
    let calls = [
        (
            &xml,
            "application/xml",
            format!("<call><ticket_id>{xml}</ticket_id><message>a & b < c</message></call>"),
        ),
        (&form, "application/x-www-form-urlencoded", format!("ticket_id={form}&message=100% sure")),
    ];
    for (ticket, content_type, body) in calls {
        assert_eq!(ask(&world, typed(content_type, &body)).event().0, "accepted", "{body}");
        is_routed(&world, ticket);
    }
    goes_on(&world);
}

// --- connections ---

/// A call, again until it is not told to come back: places are given back within moments of a hang-up, not at once.
fn goes_on_soon(world: &World) {
    let ticket = ticket(world);
    world.until("a place is free", |world| {
        let mut client = Client::to(world.addr());
        client.try_send(good(&body(&ticket)));
        client.try_reply().is_some_and(|reply| reply.status == 200)
    });
    is_routed(world, &ticket);
    world.settled();
}

/// Is told that there is no place, before it has said a word.
fn is_turned_away(mut client: Client) {
    let reply = client.reply();
    assert_eq!((reply.status, reply.code().as_str(), reply.closes()), (503, "too-many-connections", true));
    assert!(reply.retry_after_seconds() >= 1);
    assert!(client.is_closed());
}

#[test]
fn over_the_limit_in_all_a_connection_is_503_and_those_inside_are_served() {
    let world = World::with("live", "[server]\nmax_connections = 4");
    let mut inside: Vec<_> = (0..4).map(|_| (Client::to(world.addr()), ticket(&world))).collect();
    for (client, ticket) in &mut inside {
        let_in(client, &body(ticket));
    }
    is_turned_away(Client::to(world.addr()));
    is_turned_away(Client::from_address(ELSEWHERE, world.addr()));
    assert_eq!(ended(&world, "none", "too-many-connections"), 2.0, "the admin listener has its own places");
    for (client, ticket) in &mut inside {
        client.send(body(ticket));
        assert_eq!(client.reply().event().0, "accepted");
    }
    inside.iter().for_each(|(_, ticket)| is_routed(&world, ticket));
    drop(inside);
    goes_on_soon(&world);
}

#[test]
fn over_its_own_share_an_address_is_503_and_others_are_served() {
    let world = World::with("live", "[server]\nmax_connections_per_address = 2");
    let mut inside: Vec<_> = (0..2).map(|_| (Client::to(world.addr()), ticket(&world))).collect();
    for (client, ticket) in &mut inside {
        let_in(client, &body(ticket));
    }
    is_turned_away(Client::to(world.addr()));
    let elsewhere = ticket(&world);
    let mut other = Client::from_address(ELSEWHERE, world.addr());
    other.send(good(&body(&elsewhere)));
    assert_eq!(other.reply().event().0, "accepted");
    is_routed(&world, &elsewhere);
    for (client, ticket) in &mut inside {
        client.send(body(ticket));
        assert_eq!(client.reply().event().0, "accepted");
    }
    drop(inside);
    goes_on_soon(&world);
}

#[test]
fn only_allowed_networks_may_call() {
    let world = World::with("live", "[server]\nallow_from = [\"127.0.0.2/32\", \"10.0.0.0/8\"]");
    let ticket = ticket(&world);
    for forwarded in ["", "X-Forwarded-For: 10.1.2.3\r\n"] {
        let mut client = Client::to(world.addr());
        client.send(post(&format!("{}{JSON}{forwarded}", token()), &body(&ticket)));
        let reply = client.reply();
        assert_eq!((reply.status, reply.code().as_str(), reply.closes()), (403, "forbidden", true));
        assert!(client.is_closed());
    }
    assert_nothing_kept(&world);
    assert_eq!(get(world.addr(), "/livez", "").status, 200, "probes have a guard of their own");
    let mut allowed = Client::from_address(ELSEWHERE, world.addr());
    allowed.send(good(&body(&ticket)));
    assert_eq!(allowed.reply().event().0, "accepted");
    is_routed(&world, &ticket);
    world.settled();
}

// --- the same call again ---

#[test]
fn the_same_call_while_the_first_waits_is_a_duplicate_of_its_event() {
    let world = World::with("off", "");
    let (one, other) = (ticket(&world), ticket(&world));
    let first = ask(&world, good(&body(&one))).event();
    let second = ask(&world, good(&body(&other))).event();
    assert_eq!((first.0.as_str(), second.0.as_str()), ("accepted", "accepted"));
    assert_ne!(first.1, second.1);
    for _ in 0..3 {
        assert_eq!(ask(&world, good(&body(&one))).event(), ("duplicate".to_owned(), first.1));
    }
    let calls_in = |ticket: &str| world.event(ticket).unwrap().calls_in;
    assert_eq!((calls_in(&one), calls_in(&other)), (4, 1));
    assert_eq!(figure(&world, "mw_events_deduplicated_total{key=\"ticket\"}"), 3.0);
    world.ask(&Request::Mode { mode: Some(Mode::Live), by: "lead".into() });
    is_routed(&world, &one);
    is_routed(&world, &other);
    goes_on(&world);
}

#[test]
fn a_thousand_equal_calls_on_thirty_two_connections_are_one_event() {
    const CALLS: usize = 1_000;
    let world = World::with("off", "");
    let ticket = ticket(&world);
    let request = good(&body(&ticket));
    let clients: Vec<_> = (0..32).map(|_| Client::to(world.addr())).collect();
    let begun = AtomicUsize::new(0);
    let answers: Vec<(String, i64)> = std::thread::scope(|scope| {
        let racing: Vec<_> = clients
            .into_iter()
            .map(|mut client| {
                let (request, begun) = (&request, &begun);
                scope.spawn(move || {
                    let mut heard = Vec::new();
                    while begun.fetch_add(1, Ordering::Relaxed) < CALLS {
                        client.send(request);
                        heard.push(client.reply().event());
                    }
                    heard
                })
            })
            .collect();
        racing.into_iter().flat_map(|one| one.join().unwrap()).collect()
    });
    let events = world.events();
    assert_eq!(events.len(), 1);
    let event = &events[0];
    assert_eq!((event.state.as_str(), event.calls_in), ("waiting", 1_000));
    assert_eq!(answers.len(), CALLS);
    assert!(answers.iter().all(|(_, id)| *id == event.event.0), "all of them hear of the same event");
    assert_eq!(answers.iter().filter(|(said, _)| said == "accepted").count(), 1);
    assert_eq!(answers.iter().filter(|(said, _)| said == "duplicate").count(), CALLS - 1);
    assert_eq!(kept(&world).len(), CALLS, "each one's bytes");
    world.ask(&Request::Mode { mode: Some(Mode::Live), by: "lead".into() });
    is_routed(&world, &ticket);
    assert_eq!(world.calls(&ticket), ["GET /tickets/{id}", "PUT /tickets/{id}/add-tags"]);
    goes_on(&world);
}

// --- probes and figures ---

#[test]
fn probes_are_on_both_listeners_and_the_figures_on_the_admin_one_alone() {
    let world = World::live();
    for addr in [world.addr(), world.admin()] {
        let (live, ready) = (get(addr, "/livez", ""), get(addr, "/readyz", ""));
        assert_eq!((live.status, live.body.as_str()), (200, "alive\n"));
        assert_eq!((ready.status, ready.body.as_str()), (200, "ready\n"));
        let mut client = Client::to(addr);
        client.send("POST /readyz HTTP/1.1\r\nHost: mw\r\nContent-Length: 0\r\n\r\n");
        let reply = client.reply();
        assert_eq!((reply.status, reply.header("allow")), (405, Some("GET, HEAD")));
    }
    for headers in [String::new(), token(), format!("Authorization: Bearer {TOKEN}\r\n")] {
        assert_eq!(
            get(world.addr(), "/metrics", &headers).status,
            404,
            "the public listener shows no figures"
        );
    }
    let mut people = Client::to(world.admin());
    people.send(good(&body("T1")));
    assert_eq!(people.reply().status, 404, "nor does the admin one take calls");
    assert_nothing_kept(&world);
    goes_on(&world);
}

#[test]
fn the_figures_move_with_every_call() {
    let world = World::live();
    assert_eq!(ended(&world, "richpanel", "accepted"), 0.0);
    goes_on(&world);
    goes_on(&world);
    ask(&world, post(BAD, "{}"));
    ask(&world, good("{}"));
    ask(&world, post("", "").replacen("POST", "PUT", 1));
    ask(&world, good("{}").replace(PATH, "/elsewhere"));
    ask(&world, chunked("", "zz\r\n"));
    ask(&world, good(&"x".repeat(BODY_BYTES_MAX + 1)));
    for (source, result, times) in [
        ("richpanel", "accepted", 2.0),
        ("richpanel", "unauthorized", 1.0),
        ("richpanel", "unusable", 1.0),
        ("richpanel", "wrong-method", 1.0),
        ("richpanel", "malformed", 1.0),
        ("richpanel", "too-large", 1.0),
        ("none", "not-found", 1.0),
    ] {
        assert_eq!(ended(&world, source, result), times, "{source} {result}");
    }
    assert_eq!(figure(&world, "mw_ingress_ack_duration_seconds_count"), 2.0);
    let last = figure(&world, "mw_ingress_last_event_timestamp_seconds{source=\"richpanel\"}");
    let age = crate::world::now().as_second() as f64 - last;
    assert!((-1.0..60.0).contains(&age), "the last call is {age} s old");
    world.settled();
}

#[test]
fn from_elsewhere_probes_and_figures_need_the_metrics_token() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("metrics");
    std::fs::write(&file, "figures-0123456789").unwrap();
    let world = World::with("live", &format!("[admin]\nmetrics_token_file = \"{}\"", file.display()));
    let far = "X-Forwarded-For: 192.0.2.1\r\n";
    for (addr, path) in [(world.addr(), "/livez"), (world.addr(), "/readyz"), (world.admin(), "/metrics")] {
        let with = |token: &str| get(addr, path, &format!("{far}Authorization: Bearer {token}\r\n")).status;
        assert_eq!(get(addr, path, far).status, 401, "{path}: a proxy on this machine makes nobody local");
        assert_eq!(with("figures-0123456789"), 200, "{path}");
        assert_eq!((with("figures"), with(""), with(TOKEN)), (401, 401, 401), "{path}");
    }
    goes_on(&world);
}

// --- disk, queue, stop, death ---

#[test]
fn a_disk_without_room_is_503_with_a_time_to_come_back_and_not_ready() {
    let world = World::with("live", "[store]\nmin_free_mib = 1000000000");
    let ticket = ticket(&world);
    for body in [body(&ticket), "{}".to_owned()] {
        let reply = ask(&world, good(&body));
        assert_eq!((reply.status, reply.code().as_str()), (503, "disk-full"));
        assert!(reply.retry_after_seconds() >= 1);
    }
    for addr in [world.addr(), world.admin()] {
        assert_eq!(get(addr, "/livez", "").status, 200);
        let ready = get(addr, "/readyz", "");
        assert_eq!((ready.status, ready.code().as_str()), (503, "disk-full"));
    }
    assert_nothing_kept(&world);
    assert_eq!(ended(&world, "richpanel", "disk-full"), 2.0);
}

#[test]
fn while_the_file_is_held_calls_beyond_the_queue_are_503_and_the_others_200_afterwards() {
    let world = World::with("live", "[store]\nmax_pending = 1");
    let somebody = Connection::open(world.database()).unwrap();
    somebody.busy_timeout(PATIENCE).unwrap();
    somebody.execute_batch("begin immediate").unwrap();
    // One is with the writer, one waits in the queue, the third finds it full: eight are enough in any order.
    let mut calls: Vec<_> = (0..8).map(|_| (Client::to(world.addr()), ticket(&world))).collect();
    for (client, ticket) in &mut calls {
        client.send(good(&body(ticket)));
    }
    let busy = "mw_ingress_requests_total{source=\"richpanel\",result=\"busy\"}";
    world.until("a call beyond the queue", |world| figure(world, busy) >= 1.0);
    somebody.execute_batch("rollback").unwrap();
    let mut taken = 0;
    for (client, ticket) in &mut calls {
        let reply = client.reply();
        if reply.status == 200 {
            taken += 1;
            is_routed(&world, ticket);
        } else {
            assert_eq!((reply.status, reply.code().as_str()), (503, "busy"));
            assert!(reply.retry_after_seconds() >= 1);
            assert_eq!(world.event(ticket), None, "a 503 that was kept all the same would be worked twice");
        }
    }
    assert!((1..8).contains(&taken), "{taken} of 8");
    goes_on(&world);
}

#[test]
fn sigterm_lets_a_call_in_progress_end_and_tells_new_ones_to_come_back() {
    let mut world = World::live();
    let ticket = ticket(&world);
    let addr = world.addr();
    let mut client = Client::to(addr);
    let_in(&mut client, &body(&ticket));
    let answer = std::thread::scope(|scope| {
        let stopping = scope.spawn(|| world.stop());
        let clock = SystemClock::new();
        // Until the signal has arrived a probe says "ready".
        let turned_away = loop {
            assert!(clock.monotonic() < PATIENCE, "the signal has no effect");
            let probe = get(addr, "/readyz", "");
            if probe.status != 200 {
                break probe;
            }
        };
        assert_eq!((turned_away.status, turned_away.code().as_str()), (503, "stopping"));
        assert!(turned_away.closes() && turned_away.retry_after_seconds() >= 1);
        client.send(body(&ticket));
        let answer = client.reply();
        assert!(answer.closes() && client.is_closed());
        assert_eq!(stopping.join().unwrap(), Some(0), "an orderly end");
        answer
    });
    let (said, event) = answer.event();
    assert_eq!(said, "accepted");
    assert_eq!(world.event(&ticket).unwrap().event.0, event, "a 200 is on disk");
    world.start();
    is_routed(&world, &ticket);
    goes_on(&world);
}

#[test]
fn after_kill_9_every_call_that_got_200_is_in_the_file_once() {
    const THREADS: usize = 32;
    const ACKNOWLEDGED_MIN: usize = 1_000;
    let mut world = World::with("off", "");
    let addr = world.addr();
    let (tell, told) = mpsc::sync_channel(THREADS);
    let acknowledged: Vec<(String, i64)> = std::thread::scope(|scope| {
        let posting: Vec<_> = (0..THREADS)
            .map(|thread| {
                let tell = tell.clone();
                scope.spawn(move || post_until_cut(addr, thread, &tell))
            })
            .collect();
        for _ in 0..ACKNOWLEDGED_MIN {
            told.recv_timeout(PATIENCE).expect("calls are being taken in");
        }
        world.kill();
        drop(told);
        posting.into_iter().flat_map(|one| one.join().unwrap()).collect()
    });
    assert!(acknowledged.len() >= ACKNOWLEDGED_MIN);
    let found = |world: &World| -> BTreeMap<String, i64> {
        let events = world.events();
        let by_ticket: BTreeMap<_, _> =
            events.iter().map(|event| (event.ticket.clone(), event.event.0)).collect();
        assert_eq!(by_ticket.len(), events.len(), "a ticket has two events");
        by_ticket
    };
    let before = found(&world);
    for (ticket, event) in &acknowledged {
        assert_eq!(before.get(ticket), Some(event), "{ticket} got its 200 and is not in the file");
    }
    let unheard = before.len() - acknowledged.len();
    assert!(unheard <= THREADS, "{unheard} events for at most {THREADS} calls on their way");
    world.start();
    assert_eq!(found(&world), before, "a restart loses none and adds none");
    let late = ask(&world, good(&body("after the restart"))).event();
    assert_eq!(late.0, "accepted");
    assert!(before.values().all(|event| *event < late.1), "numbers are not given out again");
}

/// Posts distinct tickets until the connection is cut; those that got a 200, with their events.
fn post_until_cut(addr: SocketAddr, thread: usize, tell: &mpsc::SyncSender<()>) -> Vec<(String, i64)> {
    let mut client = Client::to(addr);
    let mut acknowledged = Vec::new();
    for number in 0..2_000 {
        let ticket = format!("K-{thread}-{number}");
        if !client.try_send(good(&body(&ticket))) {
            break;
        }
        let Some(reply) = client.try_reply() else { break };
        let (said, event) = reply.event();
        assert_eq!(said, "accepted");
        acknowledged.push((ticket, event));
        let _ = tell.send(());
    }
    acknowledged
}
