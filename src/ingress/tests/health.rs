//! Probes on the public listener.

use super::*;

fn get(path: &str, headers: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: mw\r\n{headers}\r\n")
}

#[test]
fn from_this_machine_probes_need_no_token() {
    let door = Door::open();
    assert_eq!(door.ask(get("/livez", "")).status, 200);
    assert_eq!(door.ask(get("/readyz", "")).body, "ready\n");
    let reply = door.ask("POST /livez HTTP/1.1\r\nHost: mw\r\nContent-Length: 0\r\n\r\n");
    assert_eq!((reply.status, reply.header("allow")), (405, Some("GET, HEAD")));
}

#[test]
fn a_store_that_cannot_take_calls_makes_it_alive_and_not_ready() {
    let door = Door::open();
    door.store.refuse(Some(StoreError::DiskFull));
    assert_eq!(door.ask(get("/livez", "")).status, 200);
    let reply = door.ask(get("/readyz", ""));
    assert_eq!((reply.status, reply.code().as_str()), (503, "disk-full"));
    assert!(reply.header("retry-after").is_some());
}

#[test]
fn from_elsewhere_probes_need_the_metrics_token() {
    let clock = Arc::new(SystemClock::new());
    let door = Door::with_token(quick(), Arc::clone(&clock) as Arc<dyn Clock>, Some("figures"));
    let far = "X-Forwarded-For: 192.0.2.1\r\n";
    assert_eq!(door.ask(get("/livez", far)).status, 401, "a proxy on this machine makes nobody local");
    let bearer = |token: &str| get("/readyz", &format!("{far}Authorization: Bearer {token}\r\n"));
    assert_eq!(door.ask(bearer("figures")).status, 200);
    assert_eq!(door.ask(bearer("figure")).status, 401);
    assert_eq!(door.ask(bearer("")).status, 401);
    let tokenless = Door::open();
    assert_eq!(tokenless.ask(bearer("")).status, 401, "no token configured opens nothing");
}

#[test]
fn during_a_stop_it_is_alive_and_not_ready() {
    let door = Door::with(Limits { head_timeout: PATIENCE, ..quick() }, Arc::new(SystemClock::new()));
    let (mut live, mut ready) = (door.connect(), door.connect());
    live.send("GET /livez HTTP/1.1\r\n");
    ready.send("GET /readyz HTTP/1.1\r\n");
    door.store.hold();
    let mut running = door.connect();
    running.send(post(GOOD));
    door.store.wait_for(1);
    door.begin_stop();
    assert_eq!(door.ask(post(GOOD)).status, 503);
    live.send("Host: mw\r\n\r\n");
    ready.send("Host: mw\r\n\r\n");
    assert_eq!(live.reply().status, 200);
    assert_eq!(ready.reply().code(), "stopping");
}
