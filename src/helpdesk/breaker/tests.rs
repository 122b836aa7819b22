//! The breaker's states, with the clock and the jitter in hand.

use super::*;
use crate::clock::{ManualClock, after};

const START: Timestamp = Timestamp::UNIX_EPOCH;
const SETTINGS: Settings =
    Settings { failures: 5, probe_first: Duration::from_secs(2), probe_max: Duration::from_secs(60) };

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// A failure of this ticket (or without a connection) at this second, without jitter.
fn fail(core: &mut Core, about: Option<&str>, at: u64) {
    core.failed(about, "503", seconds(at), after(START, seconds(at)), 0.0);
}

fn down() -> Core {
    let mut core = Core::new(SETTINGS);
    for at in 0..3 {
        fail(&mut core, None, at);
    }
    assert!(core.circuit(seconds(3)).is_open());
    core
}

#[test]
fn five_tickets_in_a_row_open_it_and_the_outage_counts_from_the_first() {
    let mut core = Core::new(SETTINGS);
    for (at, ticket) in (10..).zip(["a", "b", "c", "d"]) {
        fail(&mut core, Some(ticket), at);
        assert_eq!(core.circuit(seconds(at)), Circuit::Closed, "{ticket}");
    }
    fail(&mut core, Some("e"), 14);
    let expected =
        Circuit::Open { since: after(START, seconds(10)), why: "503".into(), probe_in: seconds(2) };
    assert_eq!(core.circuit(seconds(14)), expected);
}

#[test]
fn one_ticket_that_always_fails_opens_nothing() {
    let mut core = Core::new(SETTINGS);
    for at in 0..1_000 {
        fail(&mut core, Some("poison"), at);
    }
    assert_eq!(core.circuit(seconds(1_000)), Circuit::Closed);
}

#[test]
fn without_any_connection_three_are_enough() {
    let mut core = Core::new(SETTINGS);
    fail(&mut core, None, 0);
    fail(&mut core, None, 0);
    assert_eq!(core.circuit(seconds(0)), Circuit::Closed);
    fail(&mut core, None, 0);
    assert!(core.circuit(seconds(0)).is_open());
}

#[test]
fn a_success_in_between_begins_the_row_anew_and_so_does_time() {
    let mut core = Core::new(SETTINGS);
    for (at, ticket) in (0..).zip(["a", "b", "c", "d"]) {
        fail(&mut core, Some(ticket), at);
    }
    core.alive();
    fail(&mut core, Some("e"), 5);
    assert_eq!(core.circuit(seconds(5)), Circuit::Closed, "a success was forgotten");
    for (number, ticket) in (1..).zip(["f", "g", "h", "i", "j", "k"]) {
        fail(&mut core, Some(ticket), 5 + number * 121);
    }
    assert_eq!(core.circuit(seconds(1_000)), Circuit::Closed, "failures minutes apart made a row");
}

#[test]
fn probes_come_after_two_seconds_and_twice_as_long_each_time_up_to_a_minute() {
    let mut core = down();
    let mut now = seconds(2);
    let mut waits = Vec::new();
    for _ in 0..8 {
        let Circuit::Open { probe_in, .. } = core.circuit(now) else { panic!("it closed") };
        waits.push(probe_in.as_secs());
        assert!(!core.begin_probe(now + probe_in - seconds(1)), "too early");
        now += probe_in;
        assert!(core.begin_probe(now));
        assert!(!core.begin_probe(now), "two probes at once");
        core.probe_failed("still 503", now, 0.0);
    }
    assert_eq!(waits, [2, 4, 8, 16, 32, 60, 60, 60]);
    assert!(
        matches!(core.circuit(now), Circuit::Open { since, why, .. } if since == START && why == "still 503")
    );
}

#[test]
fn jitter_only_shortens_a_wait_and_never_by_more_than_a_quarter() {
    for jitter in [0.0, 0.3, 1.0, 7.0, -1.0] {
        let mut core = Core::new(SETTINGS);
        let waits: Vec<f64> = (0..7).map(|_| core.next_wait(jitter).as_secs_f64()).collect();
        for (wait, whole) in waits.iter().zip([2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0]) {
            assert!(*wait <= whole && *wait >= whole * 0.75 - 1e-9, "{jitter}: {waits:?}");
        }
    }
}

#[test]
fn an_answered_probe_closes_it_and_what_was_under_way_changes_nothing() {
    let mut core = down();
    fail(&mut core, Some("late"), 3);
    fail(&mut core, Some("later"), 4);
    assert!(core.begin_probe(seconds(4)));
    core.probe_answered();
    assert_eq!(core.circuit(seconds(4)), Circuit::Closed);
    fail(&mut core, Some("a"), 5);
    assert_eq!(core.circuit(seconds(5)), Circuit::Closed, "the row begins anew");
}

#[test]
fn a_helpdesk_that_answers_only_the_probe_is_not_probed_faster_and_faster() {
    let mut core = down();
    let mut now = seconds(2);
    let mut waits = Vec::new();
    for _ in 0..5 {
        let Circuit::Open { probe_in, .. } = core.circuit(now) else { panic!("it closed") };
        waits.push(probe_in.as_secs());
        now += probe_in;
        assert!(core.begin_probe(now));
        core.probe_answered();
        for _ in 0..3 {
            fail(&mut core, None, now.as_secs());
        }
    }
    assert_eq!(waits, [2, 4, 8, 16, 32]);
    assert!(core.begin_probe(now + seconds(60)));
    core.probe_answered();
    core.alive();
    for _ in 0..3 {
        fail(&mut core, None, 500);
    }
    assert!(matches!(core.circuit(seconds(500)), Circuit::Open { probe_in, .. } if probe_in == seconds(2)));
}

#[test]
fn a_probe_that_could_not_be_made_is_tried_again_and_costs_no_wait() {
    let mut core = down();
    assert!(core.begin_probe(seconds(4)));
    core.put_off(seconds(5));
    assert!(!core.begin_probe(seconds(4)) && core.begin_probe(seconds(5)));
    core.probe_failed("503", seconds(5), 0.0);
    assert!(matches!(core.circuit(seconds(5)), Circuit::Open { probe_in, .. } if probe_in == seconds(4)));
}

#[test]
fn after_a_restart_in_an_outage_one_probe_comes_first() {
    let clock = Arc::new(ManualClock::at(START));
    let breaker = Breaker::new(SETTINGS, Arc::<ManualClock>::clone(&clock));
    assert!(!breaker.begin_probe() && breaker.admit().is_ok());
    breaker.presume_down(START);
    assert!(matches!(breaker.admit(), Err(ApiError::Unavailable(_))));
    assert!(breaker.begin_probe());
    breaker.probe_failed("connection refused");
    let refused = breaker.admit().unwrap_err();
    assert!(refused.proves_not_applied() && refused.to_string().contains("connection refused"), "{refused}");
    assert!(!breaker.begin_probe());
    clock.advance(seconds(2));
    assert!(breaker.begin_probe());
    breaker.probe_answered();
    assert_eq!(breaker.admit(), Ok(()));
}
