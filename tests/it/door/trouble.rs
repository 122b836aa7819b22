//! Trouble of our own: no room, a held file, a stop, a sudden death.

use std::collections::BTreeMap;
use std::sync::mpsc;
use std::time::Duration;

use richpanel_mw::clock::{Clock as _, SystemClock};
use rusqlite::Connection;

use super::*;

#[test]
fn a_disk_without_room_is_503_with_a_time_to_come_back_and_not_ready() {
    let world = World::with("live", "[store]\nmin_free_mib = 1000000000");
    let ticket = ticket(&world);
    for body in [body(&ticket), "{}".to_owned()] {
        let reply = ask(&world, good(&body));
        assert_eq!((reply.status, reply.code().as_str()), (503, "disk-full"));
        assert!(reply.retry_after_seconds() >= 1);
    }
    for addr in [world.addr(), world.admin()] {
        assert_eq!(get(addr, "/livez", "").status, 200);
        let ready = get(addr, "/readyz", "");
        assert_eq!((ready.status, ready.code().as_str()), (503, "disk-full"));
    }
    assert_nothing_kept(&world);
    assert_eq!(ended(&world, "richpanel", "disk-full"), 2.0);
}

/// Takes the write lock, as a person with `sqlite3` may; gone when dropped.
fn hold(world: &World) -> Connection {
    let somebody = Connection::open(world.database()).unwrap();
    somebody.busy_timeout(PATIENCE).unwrap();
    somebody.execute_batch("begin immediate").unwrap();
    somebody
}

#[test]
fn while_the_file_is_held_calls_beyond_the_queue_are_503_and_the_others_200_afterwards() {
    let world = World::with("live", "[store]\nmax_pending = 1");
    let mut calls: Vec<_> = (0..8).map(|_| (Client::to(world.addr()), ticket(&world))).collect();
    let somebody = hold(&world);
    // One is with the writer, one waits in the queue, the third finds it full: eight are enough in any order.
    for (client, ticket) in &mut calls {
        client.send(good(&body(ticket)));
    }
    world.until("a call beyond the queue", |world| ended(world, "richpanel", "busy") >= 1.0);
    let (mut waiting, mut refused) = (Vec::new(), Vec::new());
    for (mut client, ticket) in calls {
        if client.is_silent(Duration::from_millis(50)) {
            waiting.push((client, ticket));
        } else {
            let reply = client.reply();
            assert_eq!((reply.status, reply.code().as_str()), (503, "busy"), "a 200 with nothing on disk");
            assert!(reply.retry_after_seconds() >= 1);
            refused.push(ticket);
        }
    }
    assert!(!waiting.is_empty() && !refused.is_empty(), "{} wait, {} refused", waiting.len(), refused.len());
    drop(somebody);
    for (client, ticket) in &mut waiting {
        assert_eq!(client.reply().event().0, "accepted");
        is_routed(&world, ticket);
    }
    assert!(refused.iter().all(|ticket| world.event(ticket).is_none()), "kept, and told to come back");
    goes_on(&world);
}

#[test]
fn a_file_held_for_too_long_is_503_and_the_daemon_outlives_it() {
    let world = World::live();
    let ticket = ticket(&world);
    let somebody = hold(&world);
    let reply = ask(&world, good(&body(&ticket)));
    assert_eq!(reply.status, 503, "{reply:?}");
    assert!(reply.retry_after_seconds() >= 1);
    drop(somebody);
    assert_nothing_kept(&world);
    assert_eq!(ask(&world, good(&body(&ticket))).event().0, "accepted");
    is_routed(&world, &ticket);
    goes_on(&world);
}

#[test]
fn a_call_that_waits_for_the_file_when_the_process_dies_was_promised_nothing() {
    let mut world = World::live();
    let ticket = ticket(&world);
    let somebody = hold(&world);
    let mut client = Client::to(world.addr());
    client.send(good(&body(&ticket)));
    assert!(client.is_silent(Duration::from_millis(500)), "an answer with nothing on disk");
    world.kill();
    assert!(client.is_closed());
    drop(somebody);
    world.start();
    assert_nothing_kept(&world);
    assert_eq!(ask(&world, good(&body(&ticket))).event().0, "accepted");
    is_routed(&world, &ticket);
    goes_on(&world);
}

#[test]
fn sigterm_lets_a_call_in_progress_end_and_tells_new_ones_to_come_back() {
    let mut world = World::live();
    let ticket = ticket(&world);
    let addr = world.addr();
    let mut client = Client::to(addr);
    let_in(&mut client, &body(&ticket));
    let answer = std::thread::scope(|scope| {
        let stopping = scope.spawn(|| world.stop());
        let clock = SystemClock::new();
        // Until the signal has arrived a probe says "ready".
        let turned_away = loop {
            assert!(clock.monotonic() < PATIENCE, "the signal has no effect");
            let probe = get(addr, "/readyz", "");
            if probe.status != 200 {
                break probe;
            }
        };
        assert_eq!((turned_away.status, turned_away.code().as_str()), (503, "stopping"));
        assert!(turned_away.closes() && turned_away.retry_after_seconds() >= 1);
        assert!(client.is_silent(Duration::from_secs(1)), "a call in progress was cut off");
        client.send(body(&ticket));
        let answer = client.reply();
        assert!(client.is_closed(), "and nothing after it");
        assert_eq!(stopping.join().unwrap(), Some(0), "an orderly end");
        answer
    });
    let (said, event) = answer.event();
    assert_eq!(said, "accepted");
    assert_eq!(world.event(&ticket).unwrap().event.0, event, "a 200 is on disk");
    world.start();
    is_routed(&world, &ticket);
    goes_on(&world);
}

#[test]
fn sigterm_during_the_start_ends_it_in_order_too() {
    let mut world = World::live();
    let ticket = ticket(&world);
    world.kill();
    assert_eq!(
        world.stop_while_starting(hold(&world)),
        Some(0),
        "ended by the signal, in the midst of things"
    );
    world.start();
    assert_eq!(ask(&world, good(&body(&ticket))).event().0, "accepted");
    is_routed(&world, &ticket);
    goes_on(&world);
}

#[test]
fn after_kill_9_every_call_that_got_200_is_in_the_file_once() {
    let mut world = World::with("off", "");
    let mut acknowledged = BTreeMap::new();
    for round in 0..8 {
        acknowledged.extend(post_and_kill(&mut world, round));
        let found = by_ticket(&world);
        for (ticket, event) in &acknowledged {
            assert_eq!(found.get(ticket), Some(event), "{ticket} got its 200 and is not in the file");
        }
        world.start();
        assert_eq!(by_ticket(&world), found, "a restart loses none and adds none");
    }
    let found = by_ticket(&world);
    let unheard = found.len() - acknowledged.len();
    assert!(unheard <= 8 * POSTING, "{unheard} events for at most {POSTING} calls on their way a round");
    let late = ask(&world, good(&body("after the last restart"))).event();
    assert_eq!(late.0, "accepted");
    assert!(found.values().all(|event| *event < late.1), "numbers are not given out again");
}

/// Threads that post at the same time.
const POSTING: usize = 32;

/// All threads post distinct tickets, the process is killed in the midst of it; who got a 200, with its event.
fn post_and_kill(world: &mut World, round: usize) -> Vec<(String, i64)> {
    let addr = world.addr();
    let clients: Vec<_> = (0..POSTING).map(|_| Client::to(addr)).collect();
    let (tell, told) = mpsc::channel();
    std::thread::scope(|scope| {
        let post = |(thread, client)| {
            let tell = tell.clone();
            scope.spawn(move || post_until_cut(client, &format!("K-{round}-{thread}"), &tell))
        };
        let posting: Vec<_> = clients.into_iter().enumerate().map(post).collect();
        // Not at the same point of every round.
        for _ in 0..500 + 37 * round {
            told.recv_timeout(PATIENCE).expect("calls are being taken in");
        }
        world.kill();
        posting.into_iter().flat_map(|one| one.join().unwrap()).collect()
    })
}

fn post_until_cut(mut client: Client, name: &str, tell: &mpsc::Sender<()>) -> Vec<(String, i64)> {
    let mut acknowledged = Vec::new();
    for number in 0..1_000 {
        let ticket = format!("{name}-{number}");
        if !client.try_send(good(&body(&ticket))) {
            break;
        }
        let Some(reply) = client.try_reply() else { break };
        let (said, event) = reply.event();
        assert_eq!(said, "accepted");
        acknowledged.push((ticket, event));
        let _ = tell.send(());
    }
    acknowledged
}

fn by_ticket(world: &World) -> BTreeMap<String, i64> {
    let events = world.events();
    let found: BTreeMap<_, _> = events.iter().map(|event| (event.ticket.clone(), event.event.0)).collect();
    assert_eq!(found.len(), events.len(), "a ticket has two events");
    found
}
