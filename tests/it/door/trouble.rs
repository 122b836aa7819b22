//! Trouble of our own: no room, a held file, a stop, a sudden death.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::mpsc;

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

#[test]
fn while_the_file_is_held_calls_beyond_the_queue_are_503_and_the_others_200_afterwards() {
    let world = World::with("live", "[store]\nmax_pending = 1");
    let somebody = Connection::open(world.database()).unwrap();
    somebody.busy_timeout(PATIENCE).unwrap();
    somebody.execute_batch("begin immediate").unwrap();
    // One is with the writer, one waits in the queue, the third finds it full: eight are enough in any order.
    let mut calls: Vec<_> = (0..8).map(|_| (Client::to(world.addr()), ticket(&world))).collect();
    for (client, ticket) in &mut calls {
        client.send(good(&body(ticket)));
    }
    let busy = "mw_ingress_requests_total{source=\"richpanel\",result=\"busy\"}";
    world.until("a call beyond the queue", |world| figure(world, busy) >= 1.0);
    somebody.execute_batch("rollback").unwrap();
    let mut taken = 0;
    for (client, ticket) in &mut calls {
        let reply = client.reply();
        if reply.status == 200 {
            taken += 1;
            is_routed(&world, ticket);
        } else {
            assert_eq!((reply.status, reply.code().as_str()), (503, "busy"));
            assert!(reply.retry_after_seconds() >= 1);
            assert_eq!(world.event(ticket), None, "a 503 that was kept all the same would be worked twice");
        }
    }
    assert!((1..8).contains(&taken), "{taken} of 8");
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
fn after_kill_9_every_call_that_got_200_is_in_the_file_once() {
    const THREADS: usize = 32;
    const ACKNOWLEDGED_MIN: usize = 3_000;
    let mut world = World::with("off", "");
    let addr = world.addr();
    let (tell, told) = mpsc::sync_channel(THREADS);
    let acknowledged: Vec<(String, i64)> = std::thread::scope(|scope| {
        let posting: Vec<_> = (0..THREADS)
            .map(|thread| {
                let tell = tell.clone();
                scope.spawn(move || post_until_cut(addr, thread, &tell))
            })
            .collect();
        for _ in 0..ACKNOWLEDGED_MIN {
            told.recv_timeout(PATIENCE).expect("calls are being taken in");
        }
        world.kill();
        drop(told);
        posting.into_iter().flat_map(|one| one.join().unwrap()).collect()
    });
    assert!(acknowledged.len() >= ACKNOWLEDGED_MIN);
    let found = |world: &World| -> BTreeMap<String, i64> {
        let events = world.events();
        let by_ticket: BTreeMap<_, _> =
            events.iter().map(|event| (event.ticket.clone(), event.event.0)).collect();
        assert_eq!(by_ticket.len(), events.len(), "a ticket has two events");
        by_ticket
    };
    let before = found(&world);
    for (ticket, event) in &acknowledged {
        assert_eq!(before.get(ticket), Some(event), "{ticket} got its 200 and is not in the file");
    }
    let unheard = before.len() - acknowledged.len();
    assert!(unheard <= THREADS, "{unheard} events for at most {THREADS} calls on their way");
    world.start();
    assert_eq!(found(&world), before, "a restart loses none and adds none");
    let late = ask(&world, good(&body("after the restart"))).event();
    assert_eq!(late.0, "accepted");
    assert!(before.values().all(|event| *event < late.1), "numbers are not given out again");
}

/// Posts distinct tickets until the connection is cut; those that got a 200, with their events.
fn post_until_cut(addr: SocketAddr, thread: usize, tell: &mpsc::SyncSender<()>) -> Vec<(String, i64)> {
    let mut client = Client::to(addr);
    let mut acknowledged = Vec::new();
    for number in 0..2_000 {
        let ticket = format!("K-{thread}-{number}");
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
