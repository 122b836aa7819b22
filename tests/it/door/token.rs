//! Tokens: before the body, one answer for all of them, and 429 for those who guess.

use super::*;

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
