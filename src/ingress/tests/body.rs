//! Bodies: size, time, chunks, and those without a ticket.

use super::*;

fn chunked(chunks: &str) -> String {
    format!(
        "POST /richpanel/inbound HTTP/1.1\r\nHost: mw\r\n{TOKEN}Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}"
    )
}

#[test]
fn a_declared_body_over_the_limit_is_413_and_one_at_the_limit_passes() {
    let door = Door::open();
    let fill = |bytes: usize| format!(r#""ticket_id":"T1"{}"#, " ".repeat(bytes - 16));
    assert_eq!(door.ask(post(&fill(256 * 1024))).status, 200);
    let mut client = door.connect();
    client.try_send(post(&fill(256 * 1024 + 1)));
    let reply = client.reply();
    assert_eq!((reply.status, reply.code().as_str(), reply.closes()), (413, "too-large", true));
    assert_eq!(door.store.kept().len(), 1);
}

#[test]
fn a_chunked_body_over_the_limit_is_413_while_it_comes() {
    let door = Door::open();
    let mut client = door.connect();
    client.try_send(chunked(&format!("{:x}\r\n{}\r\n", 300 * 1024, "x".repeat(300 * 1024))));
    assert_eq!(client.reply().status, 413, "without waiting for its end");
    assert!(door.store.kept().is_empty());
}

#[test]
fn a_slow_body_is_408_and_closed() {
    let door = Door::open();
    let mut client = door.connect();
    client.send(&post(GOOD).as_bytes()[..post(GOOD).len() - 3]);
    let reply = client.reply();
    assert_eq!((reply.status, reply.code().as_str(), reply.closes()), (408, "slow-body", true));
    assert!(client.is_closed());
    assert!(door.store.kept().is_empty());
}

#[test]
fn a_body_that_drips_is_slow_in_all_however_steadily() {
    let door = Door::open();
    let mut client = door.connect();
    client.send(chunked(""));
    client.stream.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
    let mut sent = 0;
    // Each look for an answer takes 50 ms, well below the 300 ms; the sum is what counts.
    while client.stream.peek(&mut [0]).is_err() {
        client.try_send("1\r\nx\r\n");
        sent += 1;
        assert!(sent < 200, "nobody counted");
    }
    client.stream.set_read_timeout(Some(PATIENCE)).unwrap();
    assert_eq!(client.reply().status, 408);
}

#[test]
fn bad_chunks_are_400() {
    let door = Door::open();
    for chunks in ["zz\r\nxx\r\n0\r\n\r\n", "2\r\nxxx\r\n0\r\n\r\n", "-1\r\n\r\n", "fffffffffffffffff\r\nx"] {
        let mut client = door.connect();
        client.send(chunked(chunks));
        let reply = client.reply();
        assert_eq!(
            (reply.status, reply.code().as_str(), reply.closes()),
            (400, "bad-body", true),
            "{chunks:?}"
        );
        assert!(client.is_closed());
    }
    assert!(door.store.kept().is_empty());
}

#[test]
fn good_chunks_are_put_together() {
    let door = Door::open();
    let (first, second) = GOOD.split_at(7);
    let reply = door.ask(chunked(&format!(
        "{:x};ext=1\r\n{first}\r\n{:x}\r\n{second}\r\n0\r\nX-Trailer: y\r\n\r\n",
        first.len(),
        second.len()
    )));
    assert_eq!(reply.status, 200);
    assert_eq!(door.store.kept()[0].raw.as_ref().unwrap().1, GOOD.as_bytes());
}

#[test]
fn a_body_that_ends_early_is_not_kept() {
    let door = Door::open();
    let mut client = door.connect();
    client.send(&post(GOOD).as_bytes()[..post(GOOD).len() - 1]);
    client.close_sending();
    assert!(client.try_reply().is_none_or(|reply| reply.status == 400));
    assert!(door.store.kept().is_empty());
}

#[test]
fn an_odd_content_type_is_looked_at_all_the_same() {
    let door = Door::open();
    for (number, kind) in ["text/plain", "image/png", "\u{e9}", ""].iter().enumerate() {
        let body = format!(r#"{{"ticket_id":"N{number}"}}"#);
        let reply = door.ask(post_with(&format!("{TOKEN}Content-Type: {kind}\r\n"), &body));
        assert_eq!(reply.status, 200, "{kind}");
    }
    let none = door.ask(post_with(TOKEN, r#"{"ticket_id":"N9"}"#));
    assert_eq!(none.status, 200);
}

#[test]
fn without_a_ticket_id_it_is_422_or_415_and_the_bytes_are_kept() {
    let door = Door::open();
    let reply = door.ask(post(r#"{"hello":1}"#));
    assert_eq!((reply.status, reply.code().as_str(), reply.closes()), (422, "no-ticket-id", false));
    let reply = door.ask(post_with(&format!("{TOKEN}Content-Type: image/png\r\n"), "\u{0}png"));
    assert_eq!((reply.status, reply.code().as_str()), (415, "unsupported-content-type"));
    let kept = door.store.kept();
    assert_eq!(kept.iter().map(|call| &call.ticket).collect::<Vec<_>>(), [&None, &None]);
    assert_eq!(kept[0].raw, Some((Some("application/json".into()), br#"{"hello":1}"#.to_vec())));
    assert_eq!(kept[1].raw, Some((Some("image/png".into()), b"\0png".to_vec())));
    assert_eq!(door.figure(r#"mw_ingress_requests_total{source="richpanel",result="unusable"}"#), Some(2.0));
}

#[test]
fn a_broken_body_with_a_ticket_id_is_accepted_flagged_and_counted() {
    let door = Door::open();
    let broken = r#"{"ticket_id":"T1","message":"he said "hi""}"#;
    assert_eq!(door.ask(post(broken)).status, 200);
    assert!(door.store.kept()[0].salvaged);
    assert_eq!(door.figure(r#"mw_ingress_salvaged_total{source="richpanel"}"#), Some(1.0));
}

#[test]
fn a_source_that_panics_loses_nothing() {
    let door = Door::open();
    assert_eq!(door.ask(post("PANIC")).status, 422);
    assert_eq!(door.store.kept()[0].raw.as_ref().unwrap().1, b"PANIC");
    assert_eq!(door.ask(post(GOOD)).status, 200);
}
