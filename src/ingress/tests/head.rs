//! Heads: what hyper refuses, what it lets through and we refuse.

use super::*;

fn accepted(door: &Door) -> usize {
    door.store.kept().len()
}

#[test]
fn a_good_call_is_answered_with_its_event() {
    let door = Door::open();
    let reply = door.ask(post(GOOD));
    assert_eq!(reply.status, 200);
    assert_eq!(reply.body, r#"{"status":"accepted","event_id":1}"#);
    assert_eq!(reply.header("content-type"), Some("application/json"));
    assert!(!reply.closes());
    let call = &door.store.kept()[0];
    assert_eq!(call.ticket, Some(TicketId::from("T1")));
    assert_eq!(call.raw, Some((Some("application/json".into()), GOOD.as_bytes().to_vec())));
    assert_eq!(call.lane, Lane::Email);
    let fields: Call = serde_json::from_str(&call.fields).unwrap();
    assert_eq!(fields.ticket_id, TicketId::from("T1"));
}

#[test]
fn a_slow_head_is_closed_without_a_word() {
    let door = Door::open();
    let mut client = door.connect();
    client.send("POST /richpanel/inbound HTTP/1.1\r\nHost: m");
    assert!(client.is_closed());
    assert!(door.connect().is_closed(), "so is a connection that says nothing");
}

#[test]
fn a_kept_alive_connection_that_falls_silent_is_closed() {
    let door = Door::open();
    let mut client = door.connect();
    client.send(post(GOOD));
    assert_eq!(client.reply().status, 200);
    assert!(client.is_closed());
}

#[test]
fn sixty_four_headers_pass_and_one_more_is_431() {
    let door = Door::open();
    // Host, token, content type and length are four.
    let more = |count: usize| (0..count).map(|number| format!("X-{number}: y\r\n")).collect::<String>();
    let head = |count| post_with(&format!("{TOKEN}Content-Type: application/json\r\n{}", more(count)), GOOD);
    assert_eq!(door.ask(head(60)).status, 200);
    let mut client = door.connect();
    client.send(head(61));
    assert_eq!(client.reply().status, 431);
    assert!(client.is_closed());
}

#[test]
fn a_head_over_16_kib_is_431() {
    let door = Door::open();
    let head = |bytes: usize| post_with(&format!("{TOKEN}X-Long: {}\r\n", "y".repeat(bytes)), GOOD);
    assert_eq!(door.ask(head(15 * 1024)).status, 200);
    assert_eq!(door.ask(head(17 * 1024)).status, 431);
    let mut client = door.connect();
    client.try_send(format!("POST /{} HTTP/1.1\r\n", "y".repeat(40 * 1024)));
    assert!(matches!(client.reply().status, 431 | 414), "a request line counts too");
}

#[test]
fn a_request_without_host_is_400_but_http_1_0_needs_none() {
    let door = Door::open();
    let without = format!("POST /richpanel/inbound HTTP/1.1\r\n{TOKEN}Content-Length: 2\r\n\r\n{{}}");
    let reply = door.ask(without);
    assert_eq!((reply.status, reply.code().as_str(), reply.closes()), (400, "malformed", true));
    let old =
        format!("POST /richpanel/inbound HTTP/1.0\r\n{TOKEN}Content-Length: {}\r\n\r\n{GOOD}", GOOD.len());
    let mut client = door.connect();
    client.send(old);
    assert_eq!(client.reply().status, 200);
    assert!(client.is_closed(), "HTTP/1.0 ends the connection");
    assert_eq!(door.ask(post_with(&format!("Host: mw\r\n{TOKEN}"), GOOD)).status, 400, "two hosts");
}

#[test]
fn two_content_lengths_are_400_even_when_equal() {
    let door = Door::open();
    for (first, second) in [("18", "18"), ("18", "17"), ("18, 18", ""), ("+18", ""), ("-1", ""), ("1e1", "")]
    {
        let second = if second.is_empty() { String::new() } else { format!("content-LENGTH: {second}\r\n") };
        let request = format!(
            "POST /richpanel/inbound HTTP/1.1\r\nHost: mw\r\n{TOKEN}Content-Length: {first}\r\n{second}\r\n{GOOD}"
        );
        let mut client = door.connect();
        client.send(request);
        assert_eq!(client.reply().status, 400, "{first} and {second}");
        assert!(client.is_closed(), "nothing after it is believed");
    }
    assert_eq!(accepted(&door), 0);
}

#[test]
fn two_equal_lengths_are_seen_on_a_later_request_and_in_pieces_too() {
    let door = Door::open();
    let mut client = door.connect();
    let bad = format!(
        "\r\n\r\nPOST /richpanel/inbound HTTP/1.1\r\nHost: mw\r\n{TOKEN}Content-Length: 2\r\nContent-Length: 2\r\n\r\n{{}}"
    );
    client.send(format!("{}{}", post(GOOD), post(r#"{"ticket_id":"T2"}"#)));
    assert_eq!(client.reply().status, 200);
    assert_eq!(client.reply().status, 200);
    for piece in bad.as_bytes().chunks(7) {
        client.send(piece);
    }
    assert_eq!(client.reply().status, 400);
    assert_eq!(accepted(&door), 2);
}

#[test]
fn a_body_that_looks_like_a_head_comes_through_untouched() {
    let door = Door::open();
    let body = "\"ticket_id\":\"T9\"\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nContent-Length: 1\r\n";
    let mut client = door.connect();
    for piece in post(body).as_bytes().chunks(11) {
        client.send(piece);
    }
    assert_eq!(client.reply().status, 200);
    assert_eq!(door.store.kept()[0].raw.as_ref().unwrap().1, body.as_bytes());
}

#[test]
fn with_a_length_beside_it_chunked_wins_and_the_connection_is_closed() {
    let door = Door::open();
    for headers in [
        "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n",
    ] {
        let mut client = door.connect();
        client.send(format!(
            "POST /richpanel/inbound HTTP/1.1\r\nHost: mw\r\n{TOKEN}{headers}\r\n12\r\n{GOOD}\r\n0\r\n\r\nGET / HTTP/1.1\r\n\r\n"
        ));
        let reply = client.reply();
        assert_eq!((reply.status, reply.closes()), (200, true));
        assert!(client.is_closed(), "what follows is not a request");
    }
    assert!(door.store.kept().iter().all(|call| call.raw.as_ref().unwrap().1 == GOOD.as_bytes()));
}

#[test]
fn a_transfer_encoding_that_is_not_chunked_is_400() {
    let door = Door::open();
    for encoding in ["gzip", "identity", "chunked, gzip", "xchunked"] {
        let request = format!(
            "POST /richpanel/inbound HTTP/1.1\r\nHost: mw\r\n{TOKEN}Transfer-Encoding: {encoding}\r\n\r\n0\r\n\r\n"
        );
        assert_eq!(door.ask(request).status, 400, "{encoding}");
    }
    assert_eq!(accepted(&door), 0);
}

#[test]
fn what_is_not_http_is_400() {
    let door = Door::open();
    for garbage in [
        "\0\u{1}\u{2}\r\n\r\n",
        "POST /richpanel/inbound HTTP/1.1\r\nHost mw\r\n\r\n",
        "POST /richpanel/inbound HTTP/1.1\r\nHost: mw\r\nX : y\r\n\r\n",
        "POST /richpanel/inbound HTTP/1.1\r\nHost: mw\r\nX: a\r\n folded\r\n\r\n",
        "POST /rich panel/inbound HTTP/1.1\r\nHost: mw\r\n\r\n",
        "GET / HTTP/3.0\r\nHost: mw\r\n\r\n",
    ] {
        assert_eq!(door.ask(garbage).status, 400, "{garbage:?}");
    }
    let mut http2 = door.connect();
    http2.send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    assert!(http2.try_reply().is_none_or(|reply| reply.status == 400));
}

#[test]
fn a_wrong_path_is_404_with_and_without_a_token() {
    let door = Door::open();
    for path in ["/", "/richpanel/inbound/", "/richpanel", "/metrics", "/RICHPANEL/inbound", "*"] {
        for token in ["", TOKEN] {
            let reply =
                door.ask(format!("POST {path} HTTP/1.1\r\nHost: mw\r\n{token}Content-Length: 0\r\n\r\n"));
            assert_eq!((reply.status, reply.code().as_str()), (404, "not-found"), "{path}");
        }
    }
    assert_eq!(door.ask(post(GOOD).replace("/inbound", "/inbound?x=y")).status, 200, "a query is no path");
    let absolute = post(GOOD).replace("POST /", "POST http://mw/");
    assert_eq!(door.ask(absolute).status, 200, "a proxy's form of the target");
}

#[test]
fn a_wrong_method_is_405_and_names_the_right_one() {
    let door = Door::open();
    for method in ["GET", "PUT", "DELETE", "OPTIONS", "BREW"] {
        let reply = door.ask(format!("{method} /richpanel/inbound HTTP/1.1\r\nHost: mw\r\n\r\n"));
        assert_eq!((reply.status, reply.header("allow")), (405, Some("POST")), "{method}");
    }
}

#[test]
fn pipelined_and_kept_alive_calls_are_answered_in_order() {
    let door = Door::open();
    let mut client = door.connect();
    let call = |number: usize| post(&format!(r#"{{"ticket_id":"T{number}"}}"#));
    client.send((0..20).map(call).collect::<String>());
    for number in 1..=20 {
        let reply = client.reply();
        assert_eq!(reply.body, format!(r#"{{"status":"accepted","event_id":{number}}}"#));
    }
    client.send(call(20));
    assert_eq!(client.reply().status, 200);
}

#[test]
fn a_caller_that_closes_its_sending_side_still_gets_the_answer() {
    let door = Door::open();
    door.store.hold();
    let mut client = door.connect();
    client.send(post(GOOD));
    client.close_sending();
    door.store.wait_for(1);
    // One thread serves all: what it answers later was seen later than the end of sending.
    assert_eq!(door.ask("GET /livez HTTP/1.1\r\nHost: mw\r\n\r\n").status, 200);
    door.store.release_all();
    assert_eq!(client.reply().status, 200);
    assert!(client.is_closed());
}

#[test]
fn a_chunked_call_ends_its_connection_because_its_end_cannot_be_checked_twice() {
    let door = Door::open();
    let reply = door.ask(format!(
        "POST /richpanel/inbound HTTP/1.1\r\nHost: mw\r\n{TOKEN}Transfer-Encoding: chunked\r\n\r\n12\r\n{GOOD}\r\n0\r\n\r\n"
    ));
    assert_eq!((reply.status, reply.closes()), (200, true));
}
