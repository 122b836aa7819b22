//! Connections: in all, from one address, from networks.

use super::*;

fn door(limits: Limits) -> Door {
    Door::with(limits, Arc::new(SystemClock::new()))
}

/// Connections that the door has certainly taken in, each kept busy by a call that the store holds.
fn busy(door: &Door, count: usize) -> Vec<Client> {
    door.store.hold();
    (0..count)
        .map(|number| {
            let mut client = door.connect();
            client.send(post(&format!(r#"{{"ticket_id":"busy {number}"}}"#)));
            door.store.wait_for(number + 1);
            client
        })
        .collect()
}

#[test]
fn over_the_limit_in_all_a_connection_gets_503_and_is_closed() {
    let door = door(Limits { connections_max: 3, connections_per_address_max: 0, ..quick() });
    let mut held = busy(&door, 3);
    let mut client = door.connect();
    let reply = client.reply();
    assert_eq!((reply.status, reply.code().as_str(), reply.closes()), (503, "too-many-connections", true));
    assert_eq!(reply.header("retry-after"), Some("1"));
    assert!(client.is_closed());
    let figure = r#"mw_ingress_requests_total{source="none",result="too-many-connections"}"#;
    assert_eq!(door.figure(figure), Some(1.0));
    door.store.release_all();
    assert!(held.iter_mut().all(|client| client.reply().status == 200));
    drop(held);
    retry_until_200(&door);
}

/// Places are given back within moments of a hang-up, not at once.
fn retry_until_200(door: &Door) {
    let served = (0..1000).any(|_| {
        let mut client = door.connect();
        client.try_send(post(r#"{"ticket_id":"again"}"#));
        client.try_reply().is_some_and(|reply| reply.status == 200)
    });
    assert!(served, "the places were never given back");
}

#[test]
fn over_its_own_limit_an_address_gets_503_and_zero_means_no_limit() {
    let door = door(Limits { connections_per_address_max: 2, ..quick() });
    let held = busy(&door, 2);
    assert_eq!(door.ask("").status, 503);
    drop(held);
    let open = self::door(Limits { connections_per_address_max: 0, ..quick() });
    assert_eq!(busy(&open, 100).len(), 100);
}

#[test]
fn behind_a_trusted_proxy_each_caller_has_its_own_share() {
    let trusted = vec!["127.0.0.0/8".parse().unwrap()];
    let door = door(Limits { connections_per_address_max: 1, trusted_proxies: trusted, ..quick() });
    let call = |from: &str, ticket: &str| {
        post_with(&format!("{TOKEN}X-Forwarded-For: {from}\r\n"), &format!(r#"{{"ticket_id":"{ticket}"}}"#))
    };
    door.store.hold();
    let mut first = door.connect();
    first.send(call("192.0.2.1", "A"));
    door.store.wait_for(1);
    let reply = door.ask(call("6.6.6.6, 192.0.2.1", "B"));
    assert_eq!((reply.status, reply.code().as_str()), (503, "too-many-connections"));
    let mut other = door.connect();
    other.send(call("192.0.2.2", "C"));
    door.store.wait_for(2);
    door.store.release_all();
    assert_eq!((first.reply().status, other.reply().status), (200, 200));
}

#[test]
fn only_allowed_networks_may_call() {
    let closed = door(Limits { allow_from: vec!["10.0.0.0/8".parse().unwrap()], ..quick() });
    let mut client = closed.connect();
    client.send(post(GOOD));
    let reply = client.reply();
    assert_eq!((reply.status, reply.code().as_str(), reply.closes()), (403, "forbidden", true));
    assert!(client.is_closed());
    assert!(closed.store.kept().is_empty());
    let open = door(Limits { allow_from: vec!["127.0.0.0/8".parse().unwrap()], ..quick() });
    assert_eq!(open.ask(post(GOOD)).status, 200);
}

#[test]
fn behind_a_trusted_proxy_the_caller_must_be_allowed_not_the_proxy() {
    let door = door(Limits {
        allow_from: vec!["192.0.2.0/24".parse().unwrap()],
        trusted_proxies: vec!["127.0.0.1/32".parse().unwrap()],
        ..quick()
    });
    let call = |from: &str| post_with(&format!("{TOKEN}X-Forwarded-For: {from}\r\n"), GOOD);
    assert_eq!(door.ask(call("192.0.2.1")).status, 200);
    assert_eq!(door.ask(call("192.0.2.1, 198.51.100.1")).status, 403);
    assert_eq!(door.ask(post(GOOD)).status, 403);
}

#[test]
fn bad_tokens_are_counted_by_the_caller_behind_a_proxy() {
    let trusted = vec!["127.0.0.1/32".parse().unwrap()];
    let door = door(Limits { bad_tokens_per_minute: 1, trusted_proxies: trusted, ..quick() });
    let bad = |from: &str| post_with(&format!("X-Forwarded-For: {from}\r\n"), "");
    assert_eq!(door.ask(bad("192.0.2.1")).status, 401);
    assert_eq!(door.ask(bad("192.0.2.1")).status, 429);
    assert_eq!(door.ask(bad("192.0.2.2")).status, 401);
}

#[test]
fn a_connection_is_ended_when_it_is_old() {
    let door =
        door(Limits { connection_age_max: Duration::from_millis(100), head_timeout: PATIENCE, ..quick() });
    let mut client = door.connect();
    client.send(post(GOOD));
    assert_eq!(client.reply().status, 200);
    assert!(client.is_closed());
}

/// Runs the test below in a process of its own, whose limit on open files hurts nobody else.
#[test]
fn with_no_open_file_left_a_call_waits_and_is_then_answered() {
    const ALONE: &str = "MW_TEST_ALONE";
    if std::env::var_os(ALONE).is_some() {
        return a_call_waits_for_an_open_file();
    }
    let this = std::env::current_exe().unwrap();
    let name = concat!(module_path!(), "::with_no_open_file_left_a_call_waits_and_is_then_answered");
    let name = name.split_once("::").unwrap().1;
    let ended = std::process::Command::new(this).args(["--exact", name]).env(ALONE, "1").output().unwrap();
    let said = String::from_utf8_lossy(&ended.stdout);
    assert!(ended.status.success() && said.contains("1 passed"), "{said}");
}

/// Uses up every open file of its process, so it runs in one of its own.
fn a_call_waits_for_an_open_file() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let few = Rlimit { current: Some(64), ..getrlimit(Resource::Nofile) };
    setrlimit(Resource::Nofile, few).unwrap();
    let door = door(Limits { head_timeout: PATIENCE, ..quick() });
    // Stays open, so that the door frees no file while the others are counted.
    let mut before = door.connect();
    before.send(post(r#"{"ticket_id":"before"}"#));
    assert_eq!(before.reply().status, 200);
    let mut files = vec![];
    while let Ok(file) = std::fs::File::open("/dev/null") {
        files.push(file);
    }
    // The one that is free is the caller's own socket; the door gets none.
    files.pop();
    let mut client = door.connect();
    client.send(post(GOOD));
    client.stream.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
    assert!(client.stream.peek(&mut [0]).is_err(), "nobody can have taken the call in");
    assert_eq!(door.store.kept().len(), 1);
    drop(files);
    client.stream.set_read_timeout(Some(PATIENCE)).unwrap();
    assert_eq!(client.reply().status, 200);
}
