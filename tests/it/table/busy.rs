//! Row: 429 storm, another client on the same key; the simulator is strict, so many requests in *any* window. No call
//! comes before `Retry-After` has gone by; left to itself the daemon never brings a 429 on.

use richpanel_mw::sim::{Action, Fault, Matcher, RequestEntry};

use super::*;

/// 50 requests in any window, which is shorter than the 30 s of the real one.
fn strict(threads: usize, window_s: i64) -> World {
    let window = RateLimit { requests: 50, window_ms: window_s * 1_000 };
    let options = SimOptions { rate_limit: window, ..SimOptions::default() };
    let more = format!(
        "richpanel.window_seconds = {window_s}\nworkers.threads = {threads}\nlimits.replies_per_hour = 1000000\n\
         reconcile.every_minutes = 0\n"
    );
    World::on(options, "live", &more)
}

/// After each 429 nothing came until its `Retry-After` was over, but for what the other threads had under way: a
/// request that left before the 429 was heard. With one thread there is none.
fn retry_after_was_kept(requests: &[RequestEntry], threads: usize) {
    for storm in requests.iter().filter(|request| request.status == Some(429)) {
        let over = storm.at_ms + i64::try_from(storm.retry_after_s.unwrap()).unwrap() * 1_000;
        let early: Vec<_> =
            requests.iter().filter(|request| request.seq > storm.seq && request.at_ms < over).collect();
        // On a busy machine a thread may finish one call and begin another before the 429 of its neighbour is heard.
        let most = if threads == 1 { 0 } else { 2 * threads };
        assert!(early.len() <= most, "{} calls during the pause: {storm:#?}\n{early:#?}", early.len());
    }
}

/// `tickets` to route and to answer, and a 429 for `storms` drawn requests of theirs.
pub(super) fn storm(threads: usize, tickets: u64, storms: u32, window_s: i64, patience: Duration) {
    let world = strict(threads, window_s);
    let mut rng = fastrand::Rng::with_seed(seed());
    for _ in 0..storms {
        let nth = rng.u32(1..=u32::try_from(tickets * 2).unwrap());
        world.sim.set_fault(Fault::once(Matcher::default().nth(nth), Action::TooMany { retry_after_s: 1 }));
    }
    for n in 0..tickets {
        // One in ten is answered, the rest are routed.
        let text = if n % 10 == 0 { WHERE } else { RETURN };
        world.writes(NewMessage { text: text.into(), ..question(n) });
    }
    all_ended(&world, patience);
    world.settled();
    let requests = world.sim.requests();
    let met = requests.iter().filter(|request| request.status == Some(429)).count();
    println!("{} requests, {met} of them met by 429", requests.len());
    assert!(met > 0);
    retry_after_was_kept(&requests, threads);
    assert!(world.sim.counts().most_in_any_window <= 50, "{:?}", world.sim.counts());
    let outcomes = outcomes(&world);
    for n in 0..tickets {
        let expected = if n % 10 == 0 { "answered" } else { "routed" };
        assert_eq!(outcomes[&id(n)], expected, "{}", id(n));
    }
}

#[test]
fn one_worker_in_a_storm_of_429_never_calls_before_retry_after() {
    storm(1, 60, 3, 1, Duration::from_secs(30));
}

#[test]
fn eight_workers_in_a_storm_of_429_never_call_before_retry_after() {
    storm(8, 90, 4, 1, Duration::from_secs(30));
}

/// Another client takes what it can get `bursts` times; then the daemon has the key to itself.
pub(super) fn another_client(tickets: u64, bursts: u32, window_s: i64, patience: Duration) {
    let threads = 8;
    let world = strict(threads, window_s);
    let mut rng = fastrand::Rng::with_seed(seed());
    let third = tickets / 3;
    let write = |range: std::ops::Range<u64>| {
        for n in range {
            world.writes(NewMessage { text: RETURN.into(), ..question(n) });
        }
    };
    write(0..third * 2);
    for _ in 0..bursts {
        world.sim.use_up_window(rng.u32(5..=50));
        let pause = rng.u64(100..1_200);
        let _ = world.sim.wait_until(Duration::from_millis(pause), |_| false);
    }
    all_ended(&world, patience);
    let met = world.sim.counts().self_made_429;
    println!("{met} calls met by 429 beside the other client");
    retry_after_was_kept(&world.sim.requests(), threads);
    // Alone again: the stranger's last calls leave the window.
    let _ = world.sim.wait_until(Duration::from_millis(window_s.unsigned_abs() * 1_000 + 200), |_| false);
    write(third * 2..third * 3);
    all_ended(&world, patience);
    assert_eq!(world.sim.counts().self_made_429, met, "a 429 that nobody else can have caused");
    assert!(outcomes(&world).values().all(|outcome| outcome == "routed"));
    assert_eq!(world.sim.duplicated(), []);
}

#[test]
fn beside_another_client_every_retry_after_is_kept_and_alone_no_429_is_met() {
    another_client(90, 5, 1, Duration::from_secs(30));
}
