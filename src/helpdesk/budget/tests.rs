//! The budget under a manual clock: the guarantee, the order, what it learns from the server.

use proptest::prelude::*;

use super::*;
use crate::clock::ManualClock;
use crate::event::Timestamp;

const WINDOW: Duration = Duration::from_secs(30);

fn budget(limit: u32) -> (Budget, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::at(Timestamp::UNIX_EPOCH));
    (Budget::new(limit, WINDOW, Arc::<ManualClock>::clone(&clock)), clock)
}

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn throttled(answer: Result<InFlight, ApiError>) -> Duration {
    match answer {
        Err(ApiError::Throttled { retry_after }) => retry_after,
        other => panic!("expected Throttled, got {other:?}"),
    }
}

#[test]
fn a_slot_is_free_again_one_window_after_the_call_ended() {
    let (budget, clock) = budget(2);
    let mut permit = budget.try_reserve(Use::Reply, 2).unwrap();
    let slow = permit.begin().unwrap();
    drop(permit.begin().unwrap());
    clock.advance(ms(9_000));
    drop(slow);
    drop(permit);
    assert_eq!(budget.try_reserve(Use::Reply, 1).unwrap_err(), ms(21_050));
    clock.advance(ms(21_050));
    assert_eq!(budget.status().free, 1);
    clock.advance(ms(8_999));
    assert_eq!(budget.status().free, 1);
    clock.advance(ms(1));
    assert_eq!(budget.status().free, 2);
}

#[test]
fn unused_slots_go_back_with_the_permit() {
    let (budget, _clock) = budget(6);
    let mut permit = budget.try_reserve(Use::Reply, 6).unwrap();
    drop(permit.begin().unwrap());
    assert_eq!((permit.used(), permit.remaining()), (1, 5));
    drop(permit);
    let status = budget.status();
    assert_eq!((status.in_use, status.reserved, status.free, status.calls_total), (1, 0, 5, 1));
}

#[test]
fn a_call_beyond_the_reservation_takes_a_free_slot_or_is_throttled() {
    let (budget, _clock) = budget(3);
    let mut permit = budget.try_reserve(Use::Reply, 1).unwrap();
    let mut other = budget.try_reserve(Use::Reply, 1).unwrap();
    drop(permit.begin().unwrap());
    drop(permit.begin().unwrap());
    assert_eq!(throttled(permit.begin()), ms(30_050));
    drop(other.begin().unwrap());
}

#[test]
fn a_sweep_leaves_a_quarter_of_the_window_to_the_others() {
    let (budget, _clock) = budget(50);
    let sweep = budget.try_reserve(Use::Sweep, 38).unwrap();
    assert!(budget.try_reserve(Use::Sweep, 1).is_err());
    assert_eq!(sweep.remaining(), 38);
    assert!(budget.try_reserve(Use::Routing, 12).is_ok());
    assert_eq!(budget.status().reserved, 38);
}

#[test]
fn more_than_the_limit_is_cut_to_it_instead_of_waiting_for_ever() {
    let (budget, _clock) = budget(4);
    assert_eq!(budget.try_reserve(Use::Reply, 9).unwrap().remaining(), 4);
    assert_eq!(budget.try_reserve(Use::Sweep, 9).unwrap().remaining(), 3);
}

#[test]
fn after_a_429_nobody_calls_until_the_server_allows_it() {
    let (budget, clock) = budget(10);
    let mut permit = budget.try_reserve(Use::LiveChat, 2).unwrap();
    budget.pause(ms(7_000));
    budget.pause(ms(2_000));
    assert_eq!(throttled(permit.begin()), ms(7_050));
    assert_eq!(budget.try_reserve(Use::LiveChat, 1).unwrap_err(), ms(7_050));
    clock.advance(ms(7_049));
    throttled(permit.begin());
    clock.advance(ms(1));
    drop(permit.begin().unwrap());
}

#[test]
fn a_stranger_on_the_same_key_is_learned_from_the_headers_and_forgotten_after_a_window() {
    let (budget, clock) = budget(50);
    let mut permit = budget.try_reserve(Use::Reply, 6).unwrap();
    let call = permit.begin().unwrap();
    call.observe(Some(50), Some(19));
    drop(call);
    let status = budget.status();
    assert_eq!((status.in_use, status.free), (31, 14), "30 strangers, 1 of ours, 5 reserved");
    let call = permit.begin().unwrap();
    call.observe(Some(50), Some(18));
    drop(call);
    assert_eq!(budget.status().in_use, 32, "the same strangers are not counted twice");
    clock.advance(ms(30_050));
    assert_eq!(budget.status().in_use, 0);
}

#[test]
fn a_reserved_call_waits_when_a_stranger_has_used_the_limit_up() {
    let (budget, clock) = budget(10);
    let mut permit = budget.try_reserve(Use::Reply, 6).unwrap();
    let call = permit.begin().unwrap();
    call.observe(Some(10), Some(0));
    drop(call);
    assert!(throttled(permit.begin()) > Duration::ZERO);
    clock.advance(ms(30_050));
    drop(permit.begin().unwrap());
}

#[test]
fn a_slow_answer_is_not_taken_for_a_stranger() {
    let (budget, clock) = budget(50);
    let mut permit = budget.try_reserve(Use::Reply, 3).unwrap();
    drop(permit.begin().unwrap());
    clock.advance(ms(29_900));
    let slow = permit.begin().unwrap();
    // The first call leaves our window while the second waits for its answer, in which the server counts both.
    clock.advance(ms(5_000));
    drop(permit.begin().unwrap());
    slow.observe(Some(50), Some(48));
    drop(slow);
    assert_eq!(budget.status().in_use, 2);
}

#[test]
fn the_limit_is_learned_down_and_never_up_beyond_the_configured_one() {
    let (budget, _clock) = budget(50);
    budget.observe(Some(20), Some(20));
    assert_eq!(budget.status().limit, 20);
    budget.observe(Some(500), Some(499));
    assert_eq!(budget.status().limit, 50);
    budget.observe(Some(0), None);
    assert_eq!(budget.status().limit, 1, "a limit of zero would stop everything for good");
}

#[test]
fn after_a_restart_one_call_goes_out_and_its_answer_tells_the_truth() {
    let (budget, _clock) = budget(50);
    budget.after_restart(0);
    assert_eq!(budget.status().free, 1);
    let mut permit = budget.try_reserve(Use::Reply, 6).unwrap();
    assert_eq!(permit.remaining(), 1);
    assert!(budget.try_reserve(Use::Reply, 6).is_err());
    let call = permit.begin().unwrap();
    throttled(permit.begin());
    call.observe(Some(50), Some(39));
    drop(call);
    assert_eq!(budget.status().in_use, 11, "this call and ten of the process before");
    drop(permit.begin().unwrap());
    assert_eq!(budget.try_reserve(Use::Reply, 6).unwrap().remaining(), 6);
}

#[test]
fn after_a_restart_without_an_answer_the_window_runs_out() {
    let (budget, clock) = budget(50);
    budget.after_restart(0);
    drop(budget.try_reserve(Use::Reply, 1).unwrap().begin().unwrap());
    assert_eq!(budget.status().free, 0);
    clock.advance(ms(30_050));
    assert_eq!(budget.status().free, 50);
}

#[test]
fn calls_that_a_killed_process_had_under_way_keep_their_slots() {
    let (budget, clock) = budget(50);
    budget.after_restart(5);
    assert_eq!(budget.status().free, 1);
    let mut permit = budget.try_reserve(Use::Reply, 6).unwrap();
    let call = permit.begin().unwrap();
    call.observe(Some(50), Some(39));
    drop(call);
    assert_eq!(budget.status().in_use, 16, "eleven that the server counted, five that it may count yet");
    clock.advance(ms(30_100));
    assert_eq!(budget.status().free, 50);
}

#[test]
fn when_the_count_is_doubted_one_call_goes_out_and_the_others_wait_for_its_answer() {
    let (budget, clock) = budget(50);
    let mut permits: Vec<Permit> = (0..3).map(|_| budget.try_reserve(Use::Reply, 6).unwrap()).collect();
    drop(permits[0].begin().unwrap());
    budget.pause(ms(7_000));
    budget.distrust();
    clock.advance(ms(7_050));
    let probe = permits[0].begin().unwrap();
    assert_eq!(throttled(permits[1].begin()), UNKNOWN_WAIT, "soon: an answer is on its way");
    probe.observe(Some(50), Some(45));
    drop(probe);
    drop(permits[1].begin().unwrap());
    let status = budget.status();
    assert_eq!(status.in_use, 6, "three of ours, three strangers");
}

#[test]
fn a_permit_can_go_to_another_thread() {
    const fn is_send<T: Send + 'static>() {}
    is_send::<Permit>();
    is_send::<InFlight>();
    const fn is_shared<T: Send + Sync + Clone + 'static>() {}
    is_shared::<Budget>();
}

#[test]
fn a_waiter_stops_when_told_to_and_leaves_the_queue() {
    let (budget, _clock) = budget(1);
    let _held = budget.try_reserve(Use::Reply, 1).unwrap();
    let asked = std::sync::atomic::AtomicU32::new(0);
    let stop = || asked.fetch_add(1, std::sync::atomic::Ordering::Relaxed) > 0;
    assert!(budget.reserve(Use::Reply, 1, &stop).is_none());
    assert!(budget.status().waiting.iter().all(|(_, waiting)| *waiting == 0));
}

/// Waits until `count` threads are in the queue of `use_`.
fn until_waiting(budget: &Budget, use_: Use, count: usize) {
    while budget.status().waiting.iter().all(|(lane, waiting)| *lane != use_ || *waiting < count) {
        std::thread::yield_now();
    }
}

#[test]
fn the_urgent_come_first_and_within_a_lane_whoever_came_first() {
    let (budget, _clock) = budget(8);
    let held = budget.try_reserve(Use::Reply, 8).unwrap();
    let order = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        let wait = |use_: Use, name: &'static str| {
            let (budget, order) = (&budget, &order);
            scope.spawn(move || {
                let permit = budget.reserve(use_, 5, &|| false).unwrap();
                order.lock().unwrap().push(name);
                drop(permit);
            })
        };
        wait(Use::Sweep, "sweep");
        until_waiting(&budget, Use::Sweep, 1);
        wait(Use::Routing, "first routing");
        until_waiting(&budget, Use::Routing, 1);
        wait(Use::Routing, "second routing");
        until_waiting(&budget, Use::Routing, 2);
        wait(Use::LiveChat, "chat");
        until_waiting(&budget, Use::LiveChat, 1);
        drop(held);
    });
    assert_eq!(*order.lock().unwrap(), ["chat", "first routing", "second routing", "sweep"]);
}

#[test]
fn nobody_overtakes_a_more_urgent_waiter_by_not_waiting() {
    let (budget, _clock) = budget(8);
    let held = budget.try_reserve(Use::Reply, 6).unwrap();
    std::thread::scope(|scope| {
        let waiter =
            scope.spawn(|| budget.reserve(Use::Reply, 5, &|| false).map(|permit| permit.remaining()));
        until_waiting(&budget, Use::Reply, 1);
        assert!(budget.try_reserve(Use::Routing, 1).is_err());
        assert!(budget.try_reserve(Use::LiveChat, 1).is_ok(), "the more urgent may");
        drop(held);
        assert_eq!(waiter.join().unwrap(), Some(5));
    });
}

#[derive(Debug, Clone)]
enum Step {
    Reserve(u8, u32),
    Begin(usize),
    End(usize),
    DropPermit(usize),
    Advance(u64),
    Observe(u32),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (0u8..5, 1u32..7).prop_map(|(lane, calls)| Step::Reserve(lane, calls)),
        8 => (0usize..8).prop_map(Step::Begin),
        8 => (0usize..8).prop_map(Step::End),
        2 => (0usize..8).prop_map(Step::DropPermit),
        6 => prop_oneof![0u64..400, 0u64..5_000, 25_000u64..31_000].prop_map(Step::Advance),
        1 => (0u32..12).prop_map(Step::Observe),
    ]
}

/// The most calls that any window can hold when each call arrives at the worst moment between its start and its end:
/// a window that begins at a call's end can hold every call that began by then + 30 s and ended at or after it.
fn worst_window(calls: &[(Duration, Duration)]) -> usize {
    calls
        .iter()
        .map(|(_, end)| calls.iter().filter(|(b, e)| *b <= *end + WINDOW && *e >= *end).count())
        .max()
        .unwrap_or(0)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    fn no_window_ever_holds_more_than_the_limit(
        limit in 1u32..10,
        steps in prop::collection::vec(step(), 1..160),
    ) {
        let (budget, clock) = budget(limit);
        let mut permits: Vec<Permit> = vec![];
        let mut flying: Vec<(Duration, InFlight)> = vec![];
        let mut calls: Vec<(Duration, Duration)> = vec![];
        for step in steps {
            match step {
                Step::Reserve(lane, wanted) => {
                    permits.extend(budget.try_reserve(Use::ALL[usize::from(lane)], wanted));
                }
                Step::Begin(at) if !permits.is_empty() => {
                    let at = at % permits.len();
                    if let Ok(call) = permits[at].begin() {
                        flying.push((clock.monotonic(), call));
                    }
                }
                Step::End(at) if !flying.is_empty() => {
                    let (begin, call) = flying.swap_remove(at % flying.len());
                    drop(call);
                    calls.push((begin, clock.monotonic()));
                }
                Step::DropPermit(at) if !permits.is_empty() => drop(permits.swap_remove(at % permits.len())),
                Step::Advance(by) => clock.advance(ms(by)),
                Step::Observe(remaining) => budget.observe(Some(limit), Some(remaining)),
                _ => {}
            }
        }
        for (begin, call) in flying {
            drop(call);
            calls.push((begin, clock.monotonic()));
        }
        prop_assert!(worst_window(&calls) <= limit as usize);
        drop(permits);
        prop_assert_eq!(budget.status().reserved, 0);
    }
}

/// Four workers with a backlog of events of two to six calls of 80 to 250 ms each: how much of the limit gets used.
#[test]
fn in_a_backlog_at_least_97_percent_of_the_budget_is_used() {
    let (budget, clock) = budget(50);
    let mut random = fastrand::Rng::with_seed(7);
    let mut workers: Vec<(Option<Permit>, Option<InFlight>, Duration)> =
        (0..4).map(|_| (None, None, Duration::ZERO)).collect();
    let run = Duration::from_secs(1_800);
    while clock.monotonic() < run {
        for (permit, call, busy_until) in &mut workers {
            if *busy_until > clock.monotonic() {
                continue;
            }
            drop(call.take());
            if permit.as_ref().is_none_or(|permit| permit.remaining() == 0) {
                *permit = None;
                *permit = budget.try_reserve(Use::Reply, random.u32(2..=6)).ok();
            }
            if let Some(next) = permit.as_mut().and_then(|permit| permit.begin().ok()) {
                *call = Some(next);
                *busy_until = clock.monotonic() + ms(random.u64(80..=250));
            }
        }
        clock.advance(ms(10));
    }
    #[allow(clippy::cast_precision_loss)]
    let share = budget.status().calls_total as f64 / (50.0 * run.as_secs_f64() / WINDOW.as_secs_f64());
    assert!(share >= 0.97, "used {:.1} %", share * 100.0);
}
