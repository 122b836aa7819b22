//! A disk whose every sync takes 200 ms: the promise waits for it, the queue is bounded, memory does not grow.

use std::collections::BTreeMap;
use std::time::Duration;

use richpanel_mw::clock::{Clock as _, SystemClock};

use super::*;
use crate::socket::Client;
use crate::world::TOKEN;

const SYNC: Duration = Duration::from_millis(200);
const CALLERS: usize = 48;

/// Kilobytes of memory in use.
fn resident_kib(world: &World) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", world.pid())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// Calls for ever new tickets on one connection; who got a 200 (with its event), and how many were told to come back.
fn calls(addr: std::net::SocketAddr, name: &str, times: usize) -> (Vec<(String, i64)>, usize) {
    let (mut kept, mut refused) = (vec![], 0);
    let mut client = Client::to(addr);
    for number in 0..times {
        let ticket = format!("{name}-{number}");
        let body =
            serde_json::json!({ "ticket_id": ticket, "channel": "email", "trigger": "test" }).to_string();
        let clock = SystemClock::new();
        client.send(format!(
            "POST /richpanel/inbound HTTP/1.1\r\nHost: mw\r\nX-Middleware-Token: {TOKEN}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        ));
        let reply = client.reply();
        if reply.status == 200 {
            assert!(clock.monotonic() >= SYNC, "promised before it was on disk: {:?}", clock.monotonic());
            kept.push((ticket, reply.event().1));
        } else {
            // The queue is full, or so many wait that no more may come in.
            let full = ["busy", "too-many-connections"].contains(&reply.code().as_str());
            assert!(reply.status == 503 && full, "{} {}", reply.status, reply.code());
            assert!(reply.retry_after_seconds() >= 1);
            refused += 1;
            if reply.closes() {
                client = Client::to(addr);
            }
        }
    }
    (kept, refused)
}

fn by_all(world: &World, round: &str, times: usize) -> (BTreeMap<String, i64>, usize) {
    let addr = world.addr();
    std::thread::scope(|scope| {
        let callers: Vec<_> = (0..CALLERS)
            .map(|caller| scope.spawn(move || calls(addr, &format!("{round}-{caller}"), times)))
            .collect();
        let mut all = (BTreeMap::new(), 0);
        for caller in callers {
            let (kept, refused) = caller.join().unwrap();
            all.0.extend(kept);
            all.1 += refused;
        }
        all
    })
}

#[test]
fn a_slow_disk_makes_slow_promises_true_ones_and_a_bounded_queue() {
    let mut world = World::with("off", "[store]\nmax_pending = 24");
    world.kill();
    let strace = Strace::inject(&world, "fsync,fdatasync", "delay_exit=200000");
    world.forget_port();
    world.launch(&strace.launch).unwrap();
    let (mut kept, _) = by_all(&world, "warm", 8);
    let warm = resident_kib(&world);
    let (more, refused) = by_all(&world, "load", 60);
    let grown = resident_kib(&world).saturating_sub(warm);
    assert!(refused > 0, "the queue of 24 was never full with {CALLERS} callers");
    assert!(more.len() > 500, "{} kept, {refused} refused", more.len());
    assert!(grown < 4 * 1024, "{grown} KiB more after {} calls ({warm} before)", more.len() + refused);
    assert!(strace.injected().len() > 20);
    kept.extend(more);
    world.kill();
    let found: BTreeMap<_, _> =
        world.events().into_iter().map(|event| (event.ticket, event.event.0)).collect();
    for (ticket, event) in &kept {
        assert_eq!(found.get(ticket), Some(event), "{ticket} got its 200");
    }
    assert_eq!(found.len(), kept.len(), "a refused call was kept");
}
