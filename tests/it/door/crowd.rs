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
