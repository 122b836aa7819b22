//! Row: duplicates racing. The same call on 32 connections at once, while the daemon works: one effect each.

use std::sync::Barrier;

use super::*;
use crate::socket::Client;
use crate::world::TOKEN;

const CONNECTIONS: usize = 32;

fn request(ticket: &str) -> String {
    let body = serde_json::json!({ "ticket_id": ticket, "channel": "email", "trigger": "test" }).to_string();
    format!(
        "POST /richpanel/inbound HTTP/1.1\r\nHost: mw\r\nX-Middleware-Token: {TOKEN}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// Sends the same `times` calls on every connection, each at the same moment on all of them; what was answered, by
/// event: how often `accepted` and how often `duplicate`.
fn race(world: &World, tickets: &[String], times: usize) -> BTreeMap<i64, (usize, usize)> {
    let clients: Vec<_> = (0..CONNECTIONS).map(|_| Client::to(world.addr())).collect();
    let line = Barrier::new(CONNECTIONS);
    let heard: Vec<(String, i64)> = std::thread::scope(|scope| {
        let racing: Vec<_> = clients
            .into_iter()
            .map(|mut client| {
                let line = &line;
                scope.spawn(move || {
                    let mut heard = vec![];
                    for ticket in tickets {
                        let request = request(ticket);
                        line.wait();
                        for _ in 0..times {
                            client.send(&request);
                            heard.push(client.reply().event());
                        }
                    }
                    heard
                })
            })
            .collect();
        racing.into_iter().flat_map(|one| one.join().unwrap()).collect()
    });
    assert_eq!(heard.len(), CONNECTIONS * tickets.len() * times);
    let mut by_event: BTreeMap<i64, (usize, usize)> = BTreeMap::new();
    for (said, event) in heard {
        let counted = by_event.entry(event).or_default();
        if said == "accepted" { counted.0 += 1 } else { counted.1 += 1 }
    }
    by_event
}

/// `count` questions, each called `times` on every connection at once.
pub(super) fn duplicates_race(count: u64, times: usize, patience: Duration) {
    let world = fast("");
    for n in 0..count {
        world.writes(NewMessage { quiet: true, ..question(n) });
    }
    let tickets: Vec<String> = (0..count).map(id).collect();
    let heard = race(&world, &tickets, times);
    assert!(
        heard.values().all(|(accepted, _)| *accepted == 1),
        "each event was begun by one call: {heard:?}"
    );
    all_ended(&world, patience);
    let events = world.events();
    println!("{} calls, {} events", CONNECTIONS * tickets.len() * times, events.len());
    let called: u32 = events.iter().map(|event| event.calls_in).sum();
    assert_eq!(called as usize, CONNECTIONS * tickets.len() * times, "every call is in an event");
    for event in &events {
        let (_, joined) = heard[&event.event.0];
        assert_eq!(event.calls_in as usize, joined + 1, "{event:?}");
        assert!(["done", "duplicate"].contains(&event.state.as_str()), "{event:?}");
    }
    assert_eq!(events.iter().filter(|event| event.state == "done").count() as u64, count);
    for kind in [EffectKind::Reply, EffectKind::Closed, EffectKind::TagsAdded] {
        let effects = applied(&world, kind);
        assert_eq!(effects.len() as u64, count, "{kind:?}");
        assert!(effects.values().all(|count| *count == 1), "{kind:?} more than once");
    }
    world.settled();
}

#[test]
fn the_same_call_a_thousand_times_on_thirty_two_connections_is_one_reply_and_one_set_of_tags() {
    duplicates_race(1, 1_000 / CONNECTIONS + 1, Duration::from_secs(20));
}

#[test]
fn forty_tickets_called_on_thirty_two_connections_at_once_get_one_answer_each() {
    duplicates_race(40, 1, Duration::from_secs(20));
}
