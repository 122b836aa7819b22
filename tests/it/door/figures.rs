//! Probes and figures: what they say, and to whom.

use super::*;

#[test]
fn probes_are_on_both_listeners_and_the_figures_on_the_admin_one_alone() {
    let world = World::live();
    for addr in [world.addr(), world.admin()] {
        let (live, ready) = (get(addr, "/livez", ""), get(addr, "/readyz", ""));
        assert_eq!((live.status, live.body.as_str()), (200, "alive\n"));
        assert_eq!((ready.status, ready.body.as_str()), (200, "ready\n"));
        let mut client = Client::to(addr);
        client.send("POST /readyz HTTP/1.1\r\nHost: mw\r\nContent-Length: 0\r\n\r\n");
        let reply = client.reply();
        assert_eq!((reply.status, reply.header("allow")), (405, Some("GET, HEAD")));
    }
    for headers in [String::new(), token(), format!("Authorization: Bearer {TOKEN}\r\n")] {
        assert_eq!(
            get(world.addr(), "/metrics", &headers).status,
            404,
            "the public listener shows no figures"
        );
    }
    let mut people = Client::to(world.admin());
    people.send(good(&body("T1")));
    assert_eq!(people.reply().status, 404, "nor does the admin one take calls");
    assert_nothing_kept(&world);
    goes_on(&world);
}

#[test]
fn the_figures_move_with_every_call() {
    let world = World::live();
    assert_eq!(ended(&world, "richpanel", "accepted"), 0.0);
    goes_on(&world);
    goes_on(&world);
    ask(&world, post(BAD, "{}"));
    ask(&world, good("{}"));
    ask(&world, post("", "").replacen("POST", "PUT", 1));
    ask(&world, good("{}").replace(PATH, "/elsewhere"));
    ask(&world, chunked("", "zz\r\n"));
    ask(&world, good(&"x".repeat(BODY_BYTES_MAX + 1)));
    for (source, result, times) in [
        ("richpanel", "accepted", 2.0),
        ("richpanel", "unauthorized", 1.0),
        ("richpanel", "unusable", 1.0),
        ("richpanel", "wrong-method", 1.0),
        ("richpanel", "malformed", 1.0),
        ("richpanel", "too-large", 1.0),
        ("none", "not-found", 1.0),
    ] {
        assert_eq!(ended(&world, source, result), times, "{source} {result}");
    }
    assert_eq!(figure(&world, "mw_ingress_ack_duration_seconds_count"), 2.0);
    let last = figure(&world, "mw_ingress_last_event_timestamp_seconds{source=\"richpanel\"}");
    let age = crate::world::now().as_second() as f64 - last;
    assert!((-1.0..60.0).contains(&age), "the last call is {age} s old");
    world.settled();
}

#[test]
fn from_elsewhere_probes_and_figures_need_the_metrics_token() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("metrics");
    std::fs::write(&file, "figures-0123456789").unwrap();
    let world = World::with("live", &format!("[admin]\nmetrics_token_file = \"{}\"", file.display()));
    let far = "X-Forwarded-For: 192.0.2.1\r\n";
    for (addr, path) in [(world.addr(), "/livez"), (world.addr(), "/readyz"), (world.admin(), "/metrics")] {
        let with = |token: &str| get(addr, path, &format!("{far}Authorization: Bearer {token}\r\n")).status;
        assert_eq!(get(addr, path, far).status, 401, "{path}: a proxy on this machine makes nobody local");
        assert_eq!(with("figures-0123456789"), 200, "{path}");
        assert_eq!((with("figures"), with(""), with(TOKEN)), (401, 401, 401), "{path}");
    }
    goes_on(&world);
}
