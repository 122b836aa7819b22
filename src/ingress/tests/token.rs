//! Tokens: before the body, the same answer, and 429 only for those who are wrong.

use super::*;
use crate::clock::ManualClock;

const BAD: &str = "X-Middleware-Token: bad\r\n";

#[test]
fn no_token_and_a_wrong_one_get_the_same_401() {
    let door = Door::open();
    let strip = |reply: &Reply| {
        reply.head.lines().filter(|line| !line.to_lowercase().starts_with("date")).collect::<String>()
    };
    let none = door.ask(post_with("", GOOD));
    let wrong = door.ask(post_with(BAD, GOOD));
    let twice = door.ask(post_with(&format!("{TOKEN}{TOKEN}"), GOOD));
    assert_eq!((none.status, none.code().as_str()), (401, "unauthorized"));
    assert_eq!((strip(&none), &none.body), (strip(&wrong), &wrong.body));
    assert_eq!((strip(&none), &none.body), (strip(&twice), &twice.body));
    assert!(door.store.kept().is_empty());
}

#[test]
fn a_bad_token_is_refused_before_the_body_is_read() {
    let door = Door::open();
    let mut client = door.connect();
    client.send(format!(
        "POST /richpanel/inbound HTTP/1.1\r\nHost: mw\r\n{BAD}Expect: 100-continue\r\nContent-Length: 99999999\r\n\r\n"
    ));
    let reply = client.reply();
    assert_eq!((reply.status, reply.closes()), (401, true), "neither 100 nor 413");
}

#[test]
fn a_401_reaches_a_caller_that_is_still_sending() {
    let door = Door::open();
    for _ in 0..5 {
        let mut client = door.connect();
        client.try_send(post_with(BAD, &"x".repeat(200 * 1024)));
        assert_eq!(client.reply().status, 401);
        // A reset here would on some systems have destroyed the answer.
        assert_eq!(client.stream.read(&mut [0]).unwrap(), 0, "closed in order");
    }
}

#[test]
fn after_twenty_bad_tokens_in_a_minute_only_bad_ones_get_429() {
    let clock = Arc::new(ManualClock::at(Timestamp::UNIX_EPOCH));
    let door = Door::with(quick(), Arc::clone(&clock) as Arc<dyn Clock>);
    let mut client = door.connect();
    for _ in 0..20 {
        client.send(post_with(BAD, ""));
        assert_eq!(client.reply().status, 401);
    }
    clock.advance(Duration::from_secs(10));
    let reply = door.ask(post_with(BAD, ""));
    assert_eq!((reply.status, reply.code().as_str()), (429, "too-many-bad-tokens"));
    assert_eq!(reply.header("retry-after"), Some("50"));
    assert_eq!(door.ask(post(GOOD)).status, 200, "a good token always gets in");
    assert_eq!(door.ask(post_with(BAD, "")).status, 429, "and changes nothing for the bad ones");
    clock.advance(Duration::from_secs(50));
    assert_eq!(door.ask(post_with(BAD, "")).status, 401);
    assert_eq!(
        door.figure(r#"mw_ingress_requests_total{source="richpanel",result="unauthorized"}"#),
        Some(21.0)
    );
    assert_eq!(
        door.figure(r#"mw_ingress_requests_total{source="richpanel",result="too-many-bad-tokens"}"#),
        Some(2.0)
    );
}

#[test]
fn an_expected_100_is_given_once_the_token_is_good() {
    let door = Door::open();
    let mut client = door.connect();
    let (head, body) = {
        let request = post_with(&format!("{TOKEN}Expect: 100-continue\r\n"), GOOD);
        let at = request.find("\r\n\r\n").unwrap() + 4;
        (request[..at].to_owned(), request[at..].to_owned())
    };
    client.send(head);
    assert_eq!(client.reply().status, 100);
    client.send(body);
    assert_eq!(client.reply().status, 200);
}
