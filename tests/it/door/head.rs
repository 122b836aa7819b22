//! Heads: too many headers, doubtful framing, wrong places and methods.

use super::*;

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
    assert_eq!(ask(&world, head(16 * 1024)).event().0, "accepted");
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
