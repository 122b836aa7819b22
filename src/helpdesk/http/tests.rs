//! The client against a real socket: what each kind of failure proves.

use serde_json::json;

use super::*;
use crate::clock::{ManualClock, SystemClock};
use crate::event::Timestamp;
use crate::helpdesk::budget::Use;
use crate::helpdesk::testing::{Act, Responder, json as json_answer, with_headers};

fn client(url: &str, timeout_ms: u64) -> (Client, Permit) {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let budget = Budget::new(50, Duration::from_secs(30), Arc::clone(&clock));
    let permit = budget.try_reserve(Use::Reply, 10).unwrap();
    let key = SecretString::from("k-123");
    let timeout = Duration::from_millis(timeout_ms);
    (Client::new(url, "x-richpanel-key", key, timeout, budget, clock).unwrap(), permit)
}

fn write() -> Request<'static> {
    let body = Some(json!({"body": "hello"}));
    Request {
        access: Access::Write,
        method: "PUT",
        route: "/tickets/{id}",
        segments: &["tickets", "t-1"],
        query: &[],
        body,
    }
}

fn read() -> Request<'static> {
    Request { access: Access::Read, method: "GET", body: None, ..write() }
}

/// One call against one act.
fn one(act: Act, request: &Request<'_>) -> Result<Answer, ApiError> {
    let responder = Responder::play(vec![act]);
    let (client, mut permit) = client(&responder.url, 2_000);
    let result = client.call(&mut permit, request);
    responder.finish();
    result
}

#[test]
fn a_refused_connection_proves_that_nothing_was_sent() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let (client, mut permit) = client(&format!("http://{free}"), 2_000);
    for request in [write(), read()] {
        let error = client.call(&mut permit, &request).unwrap_err();
        assert!(matches!(error, ApiError::Unavailable(_)), "{error:?}");
        assert!(error.proves_not_applied());
    }
    assert_eq!(client.counts().snapshot()[0].code, "unreachable");
    assert_eq!(permit.used(), 2, "a refused call keeps its slot: the budget never guesses");
}

#[test]
fn after_three_refused_connections_nothing_is_sent_and_no_slot_is_spent() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let (client, mut permit) = client(&format!("http://{free}"), 2_000);
    for _ in 0..3 {
        client.call(&mut permit, &read()).unwrap_err();
    }
    for request in [write(), read()] {
        let refused = client.call(&mut permit, &request).unwrap_err();
        assert!(refused.proves_not_applied(), "{refused}");
        assert!(refused.to_string().contains("cannot be reached (connection refused)"), "{refused}");
    }
    client.probe(&mut permit, &read());
    assert_eq!(permit.used(), 3, "a call went out before the first probe was due");
}

#[test]
fn a_probe_goes_out_while_calls_are_refused_and_its_answer_closes_the_circuit() {
    let responder =
        Responder::play(vec![json_answer(503, "{}"), json_answer(404, "{}"), json_answer(200, "{}")]);
    let clock = Arc::new(ManualClock::at(Timestamp::UNIX_EPOCH));
    let budget = Budget::new(50, Duration::from_secs(30), Arc::<ManualClock>::clone(&clock));
    let mut permit = budget.try_reserve(Use::Reply, 10).unwrap();
    let key = SecretString::from("k-123");
    let time: Arc<dyn Clock> = Arc::<ManualClock>::clone(&clock);
    let client = Client::new(&responder.url, "x-key", key, Duration::from_secs(2), budget, time).unwrap();
    client.breaker().presume_down(Timestamp::UNIX_EPOCH);
    assert!(client.call(&mut permit, &read()).is_err());
    client.probe(&mut permit, &read());
    assert!(client.breaker().circuit().is_open(), "503 closed it");
    clock.advance(Duration::from_secs(2));
    client.probe(&mut permit, &read());
    assert!(!client.breaker().circuit().is_open(), "404 is an answer");
    assert_eq!(client.call(&mut permit, &read()).unwrap().status, 200);
    responder.finish();
}

#[test]
fn a_name_that_does_not_exist_proves_that_nothing_was_sent() {
    let (client, mut permit) = client("http://no-such-host.invalid", 5_000);
    let error = client.call(&mut permit, &write()).unwrap_err();
    assert!(matches!(error, ApiError::Unavailable(_)), "{error:?}");
}

#[test]
fn a_failed_tls_handshake_proves_that_nothing_was_sent() {
    let responder =
        Responder::play(vec![Act::Answer(b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec()), Act::Reset]);
    let (client, mut permit) = client(&responder.url.replace("http://", "https://"), 2_000);
    // The first act waits for a blank line that TLS never sends, so it ends with the time-out; the second resets.
    for _ in 0..2 {
        let error = client.call(&mut permit, &write()).unwrap_err();
        assert!(matches!(error, ApiError::Unavailable(_)), "{error:?}");
    }
}

#[test]
fn a_reset_before_the_answer_leaves_a_write_in_doubt_and_a_read_unanswered() {
    assert!(matches!(one(Act::Reset, &write()), Err(ApiError::Ambiguous(_))));
    assert!(matches!(one(Act::Reset, &read()), Err(ApiError::Unavailable(_))));
}

#[test]
fn a_close_without_a_word_leaves_a_write_in_doubt() {
    assert!(matches!(one(Act::Answer(vec![]), &write()), Err(ApiError::Ambiguous(_))));
}

#[test]
fn half_a_body_is_told_from_a_whole_one() {
    let half = b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"ticket\":".to_vec();
    let answer = one(Act::Answer(half), &write()).unwrap();
    assert_eq!(answer.status, 200);
    assert!(answer.broken.is_some() && answer.body.is_empty());
}

#[test]
fn a_silent_server_leaves_a_write_in_doubt_after_the_time_out() {
    let responder = Responder::play(vec![Act::Silence, Act::Silence]);
    let (client, mut permit) = client(&responder.url, 300);
    assert!(matches!(client.call(&mut permit, &write()), Err(ApiError::Ambiguous(_))));
    assert!(matches!(client.call(&mut permit, &read()), Err(ApiError::Unavailable(_))));
    assert!(client.counts().snapshot().iter().all(|count| count.code == "no-answer"));
}

#[test]
fn an_answer_that_is_not_http_leaves_a_write_in_doubt() {
    assert!(matches!(
        one(Act::Answer(b"SSH-2.0-hello\r\n\r\n".to_vec()), &write()),
        Err(ApiError::Ambiguous(_))
    ));
}

#[test]
fn no_content_is_a_good_answer_without_a_body() {
    let answer = one(Act::Answer(b"HTTP/1.1 204 No Content\r\n\r\n".to_vec()), &write()).unwrap();
    assert_eq!(answer, Answer { status: 204, body: vec![], broken: None });
}

#[test]
fn a_redirect_is_handed_back_and_not_followed() {
    let responder =
        Responder::play(vec![with_headers(307, "location: http://127.0.0.1:1/elsewhere\r\n", "")]);
    let (client, mut permit) = client(&responder.url, 2_000);
    assert_eq!(client.call(&mut permit, &write()).unwrap().status, 307);
    assert_eq!(responder.finish().len(), 1);
}

#[test]
fn a_body_over_four_mebibytes_is_refused() {
    let at_most = "x".repeat(MAX_ANSWER_BYTES);
    assert_eq!(one(json_answer(200, &at_most), &read()).unwrap().body.len(), MAX_ANSWER_BYTES);
    let too_long = "x".repeat(MAX_ANSWER_BYTES + 1);
    let answer = one(json_answer(200, &too_long), &read()).unwrap();
    assert!(answer.broken.is_some() && answer.body.is_empty());
}

#[test]
fn every_path_segment_is_escaped_and_a_get_has_no_body() {
    let responder = Responder::play(vec![json_answer(200, "{}"), json_answer(200, "{}")]);
    let (client, mut permit) = client(&format!("{}/v1/", responder.url), 2_000);
    let segments = ["tickets", "<a+b/c?d#e%f g@h.example>"];
    let query = [("updated_after", "1 &x".to_owned())];
    client.call(&mut permit, &Request { segments: &segments, query: &query, ..read() }).unwrap();
    client.call(&mut permit, &Request { body: None, ..write() }).unwrap();
    let asked = responder.asked();
    let path = "/v1/tickets/%3Ca%2Bb%2Fc%3Fd%23e%25f%20g%40h.example%3E?updated_after=1%20%26x";
    assert!(asked[0].starts_with(&format!("GET {path} HTTP/1.1\r\n")), "{}", asked[0]);
    let heads: Vec<String> = asked.iter().map(|request| request.to_lowercase()).collect();
    assert!(
        heads[0].contains("x-richpanel-key: k-123\r\n") && heads[0].contains("accept: application/json\r\n")
    );
    assert!(!heads[0].contains("content-length"), "{}", heads[0]);
    assert!(heads[1].contains("content-length: 0"), "{}", heads[1]);
}

#[test]
fn a_segment_that_would_change_the_route_is_never_sent() {
    let (client, mut permit) = client("http://127.0.0.1:1", 2_000);
    for bad in ["", ".", ".."] {
        let segments = ["tickets", bad];
        let error = client.call(&mut permit, &Request { segments: &segments, ..read() }).unwrap_err();
        assert!(matches!(error, ApiError::Rejected { status: 0, .. }), "{error:?}");
    }
    assert_eq!(permit.used(), 0);
}

#[test]
fn a_429_pauses_everybody_for_as_long_as_it_says() {
    let responder = Responder::play(vec![with_headers(429, "retry-after: 7\r\n", "{}")]);
    let (client, mut permit) = client(&responder.url, 2_000);
    let expected = ApiError::Throttled { retry_after: Duration::from_secs(7) };
    assert_eq!(client.call(&mut permit, &write()).unwrap_err(), expected);
    let status = client.budget().status();
    assert!(status.paused_for > Duration::from_secs(5));
    assert!(matches!(client.call(&mut permit, &read()), Err(ApiError::Throttled { .. })), "nothing is sent");
    assert_eq!(client.counts().snapshot()[0].code, "429");
    responder.finish();
}

#[test]
fn the_limit_headers_reach_the_budget() {
    let headers = "X-RateLimit-Limit: 40\r\nX-RateLimit-Remaining: 10\r\n";
    let responder = Responder::play(vec![with_headers(200, headers, "{}")]);
    let (client, mut permit) = client(&responder.url, 2_000);
    client.call(&mut permit, &read()).unwrap();
    let status = client.budget().status();
    assert_eq!((status.limit, status.in_use), (40, 30));
}

#[test]
fn writes_never_share_a_connection() {
    let keep_alive = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}".to_vec();
    let responder = Responder::play(vec![Act::Answer(keep_alive.clone()), Act::Answer(keep_alive)]);
    let (client, mut permit) = client(&responder.url, 2_000);
    client.call(&mut permit, &write()).unwrap();
    client.call(&mut permit, &write()).unwrap();
    assert_eq!(responder.finish().len(), 2, "one connection an act");
}

#[test]
fn retry_after_is_read_as_seconds_and_as_a_date() {
    let now: Timestamp = "2026-02-09T00:00:00Z".parse().unwrap();
    assert_eq!(parse_retry_after("12", now), Some(Duration::from_secs(12)));
    assert_eq!(parse_retry_after("Mon, 09 Feb 2026 00:00:30 GMT", now), Some(Duration::from_secs(30)));
    assert_eq!(parse_retry_after("Sun, 08 Feb 2026 00:00:30 GMT", now), Some(Duration::ZERO));
    assert_eq!(parse_retry_after("soon", now), None);
}

#[test]
fn a_client_is_not_made_for_a_wrong_address_or_an_unusable_key() {
    let clock: Arc<dyn Clock> = Arc::new(ManualClock::at(Timestamp::UNIX_EPOCH));
    let make = |url: &str, key: &str| {
        let budget = Budget::new(1, Duration::from_secs(1), Arc::clone(&clock));
        let key = SecretString::from(key);
        Client::new(url, "x-richpanel-key", key, Duration::from_secs(1), budget, Arc::clone(&clock)).map(drop)
    };
    for url in
        ["", "api.richpanel.com", "ftp://x.example", "https://user:pw@x.example", "https://x.example/?a=b"]
    {
        assert!(matches!(make(url, "k"), Err(SetupError::BaseUrl(_))), "{url}");
    }
    assert_eq!(make("https://x.example/v1", "two\nlines"), Err(SetupError::Key));
    assert_eq!(make("https://x.example/v1/", "k"), Ok(()));
}

#[test]
fn the_key_shows_in_no_debug_output() {
    let (client, permit) = client("http://127.0.0.1:1", 2_000);
    assert!(!format!("{client:?} {permit:?}").contains("k-123"));
}
