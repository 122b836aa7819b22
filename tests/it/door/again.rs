//! The same call again, and at once from everywhere.

use std::sync::atomic::{AtomicUsize, Ordering};

use richpanel_mw::daemon::control::Request;
use richpanel_mw::event::Mode;
use richpanel_mw::store::sqlite::reader::Filter;

use super::*;

#[test]
fn the_same_call_while_the_first_waits_is_a_duplicate_of_its_event() {
    let world = World::with("off", "");
    let (one, other) = (ticket(&world), ticket(&world));
    let first = ask(&world, good(&body(&one))).event();
    let second = ask(&world, good(&body(&other))).event();
    assert_eq!((first.0.as_str(), second.0.as_str()), ("accepted", "accepted"));
    assert_ne!(first.1, second.1);
    for _ in 0..3 {
        assert_eq!(ask(&world, good(&body(&one))).event(), ("duplicate".to_owned(), first.1));
    }
    let calls_in = |ticket: &str| world.event(ticket).unwrap().calls_in;
    assert_eq!((calls_in(&one), calls_in(&other)), (4, 1));
    assert_eq!(figure(&world, "mw_events_deduplicated_total{key=\"ticket\"}"), 3.0);
    world.ask(&Request::Mode { mode: Some(Mode::Live), by: "lead".into() });
    is_routed(&world, &one);
    is_routed(&world, &other);
    goes_on(&world);
}

#[test]
fn a_thousand_equal_calls_on_thirty_two_connections_are_one_event() {
    const CALLS: usize = 1_000;
    let world = World::with("off", "");
    let ticket = ticket(&world);
    let request = good(&body(&ticket));
    let clients: Vec<_> = (0..32).map(|_| Client::to(world.addr())).collect();
    let begun = AtomicUsize::new(0);
    let answers: Vec<(String, i64)> = std::thread::scope(|scope| {
        let racing: Vec<_> = clients
            .into_iter()
            .map(|mut client| {
                let (request, begun) = (&request, &begun);
                scope.spawn(move || {
                    let mut heard = Vec::new();
                    while begun.fetch_add(1, Ordering::Relaxed) < CALLS {
                        client.send(request);
                        heard.push(client.reply().event());
                    }
                    heard
                })
            })
            .collect();
        racing.into_iter().flat_map(|one| one.join().unwrap()).collect()
    });
    let events = world.events();
    assert_eq!(events.len(), 1);
    let event = &events[0];
    assert_eq!((event.state.as_str(), event.calls_in), ("waiting", 1_000));
    assert_eq!(answers.len(), CALLS);
    assert!(answers.iter().all(|(_, id)| *id == event.event.0), "all of them hear of the same event");
    assert_eq!(answers.iter().filter(|(said, _)| said == "accepted").count(), 1);
    assert_eq!(answers.iter().filter(|(said, _)| said == "duplicate").count(), CALLS - 1);
    assert_eq!(kept(&world).len(), CALLS, "each one's bytes");
    world.ask(&Request::Mode { mode: Some(Mode::Live), by: "lead".into() });
    is_routed(&world, &ticket);
    assert_eq!(world.calls(&ticket), ["GET /tickets/{id}", "PUT /tickets/{id}/add-tags"]);
    goes_on(&world);
}

#[test]
fn a_200_is_in_the_file_the_moment_it_is_heard() {
    let world = World::with("off", "");
    let reader = world.reader();
    let mut client = Client::to(world.addr());
    for number in 0..200 {
        let ticket = format!("S-{number}");
        client.send(good(&body(&ticket)));
        let (_, event) = client.reply().event();
        let filter = Filter { ticket: Some(ticket.clone()), limit: 2, ..Filter::default() };
        let found: Vec<_> = reader.events(&filter).unwrap().iter().map(|row| row.event.0).collect();
        assert_eq!(found, [event], "{ticket}");
    }
}
