//! Sizes and times: large bodies, slow heads, slow bodies, bodies that end early.

use std::time::Duration;

use richpanel_mw::clock::{Clock as _, SystemClock};

use super::*;

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
