//! Faults on demand, the rate limit, and barriers.

use serde_json::json;

use super::*;

const SEND: &str = "PUT /tickets/{id}/send-message";
const READ: &str = "GET /tickets/{id}";

fn reply(sim: &SimHandle, id: &str) -> Result<Got, ureq::Error> {
    let body = json!({"body": "On its way", "author_id": BOT_AGENT_ID}).to_string();
    ask(sim, "PUT", &at(id, "/send-message"), &body)
}

fn with_fault(action: Action) -> (SimHandle, Written) {
    let sim = start();
    let ava = written(&sim);
    sim.set_fault(Fault::once(Matcher::endpoint(SEND), action));
    (sim, ava)
}

#[test]
fn a_reset_before_applies_nothing_and_a_reset_after_applies_once() {
    let (sim, ava) = with_fault(Action::ResetBefore);
    let error = reply(&sim, &ava.ticket_id).unwrap_err();
    assert!(
        matches!(&error, ureq::Error::Io(io) if io.kind() == std::io::ErrorKind::ConnectionReset),
        "{error:?}"
    );
    assert_eq!(applied(&sim, &ava.ticket_id), []);
    sim.set_fault(Fault::once(Matcher::endpoint(SEND), Action::ApplyThenReset));
    assert!(reply(&sim, &ava.ticket_id).is_err());
    assert_eq!(applied(&sim, &ava.ticket_id), [EffectKind::Reply]);
    let log = sim.requests();
    assert_eq!((log[0].status, log[0].applied), (None, false));
    assert_eq!((log[1].status, log[1].applied), (None, true));
    assert_eq!(log[1].fault.as_deref(), Some("apply_then_reset"));
}

#[test]
fn applied_and_then_an_answer_that_says_otherwise() {
    let rows = [
        (Action::ApplyThenBadGateway, 502, "Bad gateway"),
        (Action::ApplyThenGatewayTimeout, 504, r#"{"message":"Endpoint request timed out"}"#),
        (Action::Status { status: 500, shape: ErrorShape::Errors, applied: true }, 500, "errors"),
        (Action::Garbage, 200, "not json"),
    ];
    for (action, status, text) in rows {
        let (sim, ava) = with_fault(action);
        let got = reply(&sim, &ava.ticket_id).unwrap();
        assert_eq!(got.status, status);
        assert!(got.text.contains(text), "{}", got.text);
        assert_eq!(applied(&sim, &ava.ticket_id), [EffectKind::Reply]);
        assert_eq!(sim.faults()[0].fired, 1);
    }
}

#[test]
fn half_a_body_breaks_off_after_the_status_and_the_request_was_applied() {
    let (sim, ava) = with_fault(Action::ApplyThenHalfBody);
    assert!(reply(&sim, &ava.ticket_id).is_err());
    assert_eq!(applied(&sim, &ava.ticket_id), [EffectKind::Reply]);
    assert_eq!(sim.requests()[0].status, Some(200));
}

#[test]
fn half_a_body_really_sends_the_half() {
    use std::io::{Read, Write};
    let (sim, ava) = with_fault(Action::ApplyThenHalfBody);
    let body = json!({"body": "On its way", "author_id": BOT_AGENT_ID}).to_string();
    let path = at(&ava.ticket_id, "/send-message");
    let mut stream = std::net::TcpStream::connect(sim.addr()).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let length = body.len();
    write!(
        stream,
        "PUT /v1{path} HTTP/1.1\r\nhost: sim\r\nx-richpanel-key: sim-key\r\ncontent-length: {length}\r\n\r\n{body}"
    )
    .unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    let (head, half) = text.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    let whole: usize =
        head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap().parse().unwrap();
    assert_eq!(half.len(), whole / 2);
    assert!(half.starts_with(r#"{"ticket":"#), "{half}");
}

#[test]
fn a_body_above_four_mebibytes() {
    let (sim, ava) = with_fault(Action::Huge);
    assert!(reply(&sim, &ava.ticket_id).unwrap().text.len() > 4 << 20);
    assert_eq!(applied(&sim, &ava.ticket_id), [EffectKind::Reply]);
}

#[test]
fn a_hang_ends_in_a_reset_when_its_time_is_over() {
    let (sim, ava) = with_fault(Action::ApplyThenHang { ms: 60_000 });
    std::thread::scope(|scope| {
        let caller = scope.spawn(|| reply(&sim, &ava.ticket_id).is_err());
        assert!(sim.wait_until(PATIENCE, |sim| applied(sim, &ava.ticket_id) == [EffectKind::Reply]));
        sim.advance_clock(60_000);
        assert!(caller.join().unwrap());
    });
}

#[test]
fn a_slow_answer_comes_when_the_clock_gets_there() {
    let (sim, ava) = with_fault(Action::Slow { ms: 9_000 });
    std::thread::scope(|scope| {
        let caller = scope.spawn(|| reply(&sim, &ava.ticket_id).unwrap().status);
        assert!(sim.wait_until(PATIENCE, |sim| applied(sim, &ava.ticket_id) == [EffectKind::Reply]));
        sim.advance_clock(9_000);
        assert_eq!(caller.join().unwrap(), 200);
    });
}

#[test]
fn applied_late_means_504_now_and_the_reply_minutes_later() {
    let (sim, ava) = with_fault(Action::ApplyLate { ms: 300_000 });
    assert_eq!(reply(&sim, &ava.ticket_id).unwrap().status, 504);
    sim.advance_clock(299_000);
    assert_eq!(applied(&sim, &ava.ticket_id), []);
    sim.advance_clock(1_000);
    assert!(sim.wait_until(PATIENCE, |sim| applied(sim, &ava.ticket_id) == [EffectKind::Reply]));
}

#[test]
fn two_hundred_and_not_applied_in_every_shape() {
    let (sim, ava) = with_fault(Action::NotApplied);
    let got = reply(&sim, &ava.ticket_id).unwrap();
    assert_eq!((got.status, got.json()["ticket"]["status"].as_str()), (200, Some("OPEN")));
    for shape in ErrorShape::ALL {
        sim.set_fault(Fault::once(Matcher::endpoint(SEND), Action::OkWithError { shape }));
        let got = reply(&sim, &ava.ticket_id).unwrap();
        assert_eq!((got.status, got.json()), (200, shape.body("Something went wrong")));
        sim.set_fault(Fault::once(
            Matcher::endpoint(SEND),
            Action::Status { status: 409, shape, applied: false },
        ));
        assert_eq!(reply(&sim, &ava.ticket_id).unwrap().status, 409);
    }
    assert_eq!(applied(&sim, &ava.ticket_id), []);
    assert_eq!(reply(&sim, &ava.ticket_id).unwrap().status, 200);
    assert_eq!(applied(&sim, &ava.ticket_id), [EffectKind::Reply]);
}

#[test]
fn an_injected_429_says_when_to_come_back_and_is_not_self_made() {
    let (sim, ava) = with_fault(Action::TooMany { retry_after_s: 7 });
    let got = reply(&sim, &ava.ticket_id).unwrap();
    assert_eq!((got.status, got.number("retry-after")), (429, 7));
    assert_eq!(sim.counts().self_made_429, 0);
    assert_eq!(applied(&sim, &ava.ticket_id), []);
}

#[test]
fn a_lagging_read_shows_the_past_and_the_next_one_the_present() {
    let sim = start();
    let ava = written(&sim);
    sim.advance_clock(10_000);
    reply(&sim, &ava.ticket_id).unwrap();
    sim.advance_clock(2_000);
    sim.set_fault(Fault::once(Matcher::endpoint(READ), Action::Lag { ms: 5_000 }));
    sim.set_fault(Fault::once(Matcher::endpoint(READ), Action::Lag { ms: 60_000 }));
    let comments =
        || get(&sim, &at(&ava.ticket_id, "")).json()["ticket"]["comments"].as_array().map(Vec::len);
    assert_eq!(comments(), Some(1));
    assert_eq!(comments(), None, "a minute ago there was no such ticket");
    assert_eq!(comments(), Some(2));
}

#[test]
fn a_new_ticket_is_not_found_for_some_seconds_and_older_ones_are() {
    let sim = start();
    let old = written(&sim);
    sim.advance_clock(5_000);
    let new = sim.customer_writes(email("new")).unwrap();
    sim.set_fault(Fault::always(Matcher::endpoint(READ), Action::NotFoundWhileNew { ms: 5_000 }));
    assert_eq!(get(&sim, &at(&old.ticket_id, "")).status, 200);
    assert_eq!(get(&sim, &at(&new.ticket_id, "")).status, 404);
    sim.advance_clock(5_000);
    assert_eq!(get(&sim, &at(&new.ticket_id, "")).status, 200);
    sim.configure(|settings| settings.new_ticket_hidden_ms = 60_000);
    assert_eq!(get(&sim, &at(&new.ticket_id, "")).status, 404);
}

#[test]
fn a_route_can_be_forbidden_and_the_key_can_be_revoked() {
    let sim = start();
    let ava = written(&sim);
    sim.set_fault(Fault::times(2, Matcher::endpoint("/teams"), Action::Forbidden));
    assert_eq!([0; 3].map(|_| get(&sim, "/teams").status), [403, 403, 200]);
    sim.configure(|settings| settings.forbidden_routes = vec![SEND.into()]);
    assert_eq!(reply(&sim, &ava.ticket_id).unwrap().status, 403);
    sim.set_fault(Fault::once(Matcher::endpoint("/users"), Action::RevokeKey));
    assert_eq!(get(&sim, "/users").status, 401);
    assert_eq!(get(&sim, "/teams").status, 401);
    sim.run(Verb::RestoreKey).unwrap();
    assert_eq!(get(&sim, "/teams").status, 200);
}

#[test]
fn a_fault_hits_the_nth_request_of_its_ticket_and_no_other() {
    let sim = start();
    let ava = written(&sim);
    let ben = sim.customer_writes(email("other")).unwrap();
    sim.set_fault(Fault::once(Matcher::endpoint(READ).on(&ava.ticket_id).nth(2), Action::Garbage));
    let garbage = |id: &str| get(&sim, &at(id, "")).text.contains("not json");
    assert_eq!([garbage(&ava.ticket_id), garbage(&ben.ticket_id), garbage(&ben.ticket_id)], [false; 3]);
    assert_eq!([garbage(&ava.ticket_id), garbage(&ava.ticket_id)], [true, false]);
}

#[test]
fn fifty_requests_pass_in_any_thirty_seconds_and_every_answer_carries_the_rest() {
    let sim = start_with(|options| options.rate_limit = RateLimit::default());
    for i in 0..50 {
        let got = get(&sim, "/teams");
        assert_eq!((got.status, got.number("x-ratelimit-limit")), (200, 50));
        assert_eq!(got.number("x-ratelimit-remaining"), 49 - i);
        sim.advance_clock(100);
    }
    let refused = get(&sim, "/teams");
    assert_eq!((refused.status, refused.number("retry-after")), (429, 25));
    assert_eq!(refused.number("x-ratelimit-remaining"), 0);
    sim.advance_clock(25_000);
    assert_eq!(get(&sim, "/teams").status, 200, "the first one is thirty seconds old");
    assert_eq!(get(&sim, "/teams").status, 429);
    assert_eq!(sim.counts().self_made_429, 2);
    assert_eq!(sim.counts().most_in_any_window, 52);
    assert_eq!(sim.counts().per_endpoint["GET /teams"], 53);
}

#[test]
fn another_client_on_the_same_key_uses_up_the_window() {
    let sim = start();
    sim.set_rate_limit(5, 1_000);
    sim.use_up_window(4);
    assert_eq!(get(&sim, "/teams").number("x-ratelimit-remaining"), 0);
    assert_eq!(get(&sim, "/teams").status, 429);
    sim.advance_clock(1_000);
    assert_eq!(get(&sim, "/teams").number("x-ratelimit-remaining"), 4);
}

#[test]
fn a_script_lets_the_agent_answer_just_before_the_reply_is_applied() {
    let sim = start();
    let ava = written(&sim);
    let verbs = vec![
        Verb::AgentReplies { ticket: None, text: "I have it".into(), agent: None },
        Verb::AgentTags { ticket: None, tags: vec!["mw-stop".into()] },
        Verb::CustomerWritesAgain { ticket: None, text: "and the second one?".into() },
    ];
    sim.add_script(Script { matcher: Matcher::endpoint(SEND), verbs });
    get(&sim, &at(&ava.ticket_id, ""));
    reply(&sim, &ava.ticket_id).unwrap();
    let tail = &kinds(&sim, &ava.ticket_id)[2..];
    let expected =
        [EffectKind::AgentReply, EffectKind::TagsAdded, EffectKind::CustomerMessage, EffectKind::Reply];
    assert_eq!(tail, expected);
    assert_eq!(sim.writes_while_tagged("mw-stop").len(), 1);
    assert!(sim.replies_after_agent().is_empty(), "it answers the newer message");
    reply(&sim, &ava.ticket_id).unwrap();
    assert_eq!(sim.duplicated().len(), 1);
}
