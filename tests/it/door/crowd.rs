//! Connections: in all, from one address, from networks.

use super::*;

/// A call, again until it is not told to come back: places are given back within moments of a hang-up, not at once.
fn goes_on_soon(world: &World) {
    let ticket = ticket(world);
    world.until("a place is free", |world| {
        let mut client = Client::to(world.addr());
        client.try_send(good(&body(&ticket)));
        client.try_reply().is_some_and(|reply| reply.status == 200)
    });
    is_routed(world, &ticket);
    world.settled();
}

/// Is told that there is no place, before it has said a word.
fn is_turned_away(mut client: Client) {
    let reply = client.reply();
    assert_eq!((reply.status, reply.code().as_str(), reply.closes()), (503, "too-many-connections", true));
    assert!(reply.retry_after_seconds() >= 1);
    assert!(client.is_closed());
}

#[test]
fn over_the_limit_in_all_a_connection_is_503_and_those_inside_are_served() {
    let world = World::with("live", "[server]\nmax_connections = 4");
    let mut inside: Vec<_> = (0..4).map(|_| (Client::to(world.addr()), ticket(&world))).collect();
    for (client, ticket) in &mut inside {
        let_in(client, &body(ticket));
    }
    is_turned_away(Client::to(world.addr()));
    is_turned_away(Client::from_address(ELSEWHERE, world.addr()));
    assert_eq!(ended(&world, "none", "too-many-connections"), 2.0, "the admin listener has its own places");
    for (client, ticket) in &mut inside {
        client.send(body(ticket));
        assert_eq!(client.reply().event().0, "accepted");
    }
    inside.iter().for_each(|(_, ticket)| is_routed(&world, ticket));
    drop(inside);
    goes_on_soon(&world);
}

#[test]
fn over_its_own_share_an_address_is_503_and_others_are_served() {
    let world = World::with("live", "[server]\nmax_connections_per_address = 2");
    let mut inside: Vec<_> = (0..2).map(|_| (Client::to(world.addr()), ticket(&world))).collect();
    for (client, ticket) in &mut inside {
        let_in(client, &body(ticket));
    }
    is_turned_away(Client::to(world.addr()));
    let elsewhere = ticket(&world);
    let mut other = Client::from_address(ELSEWHERE, world.addr());
    other.send(good(&body(&elsewhere)));
    assert_eq!(other.reply().event().0, "accepted");
    is_routed(&world, &elsewhere);
    for (client, ticket) in &mut inside {
        client.send(body(ticket));
        assert_eq!(client.reply().event().0, "accepted");
    }
    drop(inside);
    goes_on_soon(&world);
}

#[test]
fn only_allowed_networks_may_call() {
    let world = World::with("live", "[server]\nallow_from = [\"127.0.0.2/32\", \"10.0.0.0/8\"]");
    let ticket = ticket(&world);
    for forwarded in ["", "X-Forwarded-For: 10.1.2.3\r\n"] {
        let mut client = Client::to(world.addr());
        client.send(post(&format!("{}{JSON}{forwarded}", token()), &body(&ticket)));
        let reply = client.reply();
        assert_eq!((reply.status, reply.code().as_str(), reply.closes()), (403, "forbidden", true));
        assert!(client.is_closed());
    }
    assert_nothing_kept(&world);
    assert_eq!(get(world.addr(), "/livez", "").status, 200, "probes have a guard of their own");
    let mut allowed = Client::from_address(ELSEWHERE, world.addr());
    allowed.send(good(&body(&ticket)));
    assert_eq!(allowed.reply().event().0, "accepted");
    is_routed(&world, &ticket);
    world.settled();
}

#[test]
fn by_default_an_address_has_64_places_and_all_of_them_512() {
    let world = World::with("live", "[server]\nhead_timeout_seconds = 60");
    let from = |host: u8| Client::from_address(Ipv4Addr::new(127, 0, 0, host), world.addr());
    // Silent ones; the kernel hands connections over in the order they came.
    let mut inside: Vec<_> = (0..64).map(|_| from(11)).collect();
    is_turned_away(from(11));
    for host in 12..19 {
        inside.extend((0..64).map(|_| from(host)));
    }
    assert_eq!(inside.len(), 512);
    is_turned_away(from(19));
    assert_eq!(ended(&world, "none", "too-many-connections"), 2.0);
    drop(inside);
    goes_on_soon(&world);
}

#[test]
fn behind_a_trusted_proxy_it_is_the_caller_that_counts() {
    let world = World::with(
        "live",
        "[server]\ntrusted_proxies = [\"127.0.0.1/32\"]\nallow_from = [\"192.0.2.0/24\"]\n\
         max_connections_per_address = 1\nbad_tokens_per_minute = 1",
    );
    let call = |from: &str, ticket: &str| {
        post(&format!("{}{JSON}X-Forwarded-For: {from}\r\n", token()), &body(ticket))
    };
    let (one, other) = (ticket(&world), ticket(&world));
    let (mut first, mut second) = (Client::to(world.addr()), Client::to(world.addr()));
    first.send(call("192.0.2.1", &one));
    assert_eq!(first.reply().event().0, "accepted");
    second.send(call("198.51.100.9, 192.0.2.2", &other));
    assert_eq!(second.reply().event().0, "accepted", "the proxy has no limit of its own");
    // What the caller wrote into the header itself is not believed.
    assert_eq!(ask(&world, call("192.0.2.1, 198.51.100.9", "T1")).status, 403);
    assert_eq!(ask(&world, good(&body("T1"))).status, 403, "the proxy itself is not allowed");
    let mut elsewhere = Client::from_address(ELSEWHERE, world.addr());
    elsewhere.send(call("192.0.2.1", "T1"));
    assert_eq!(elsewhere.reply().status, 403, "nor is the word of one that is no proxy");
    let bad = |from: &str| ask(&world, post(&format!("{BAD}X-Forwarded-For: {from}\r\n"), "{}")).status;
    assert_eq!((bad("192.0.2.7"), bad("192.0.2.7"), bad("192.0.2.8")), (401, 429, 401));
    is_routed(&world, &one);
    is_routed(&world, &other);
    assert_eq!(world.event("T1"), None);
    world.settled();
}
