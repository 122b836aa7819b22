//! What seeds have found, told without chance: each story breaks a promise on the code as it was.

use std::time::Duration;

use fastrand::Rng;

use super::process::Live;
use super::weather::{Fault, Sabotage, Weather};
use super::{Cue, Sim, end, people, world};
use crate::decide::TAG_STOP;
use crate::store::sqlite::direct::memory;
use crate::ticket::{Author, Channel};

const WHERE: &str = "Where is my order #606243?";
const RETURN: &str = "I would like to return the lamp. How does that work?";

/// A customer asks about an order; what else happens, the script says. Then the oracle has its word.
fn tell(channel: Channel, hold: Duration, script: Vec<Cue>, forced: Vec<(&'static str, Fault)>) {
    let weather = Weather::of_a_story(hold);
    let sim = world(Rng::with_seed(7), weather, Sabotage::None, true, &memory());
    {
        let mut state = sim.lock();
        (state.calm, state.world_waits) = (true, true);
        (state.script, state.forced) = (script, forced);
    }
    let mut live = Live::new(&sim);
    live.start(&sim);
    let place = sim.lock().tickets.open(channel, "ava@example.com", sim.now());
    sim.lock().tickets.write(place, &Author::Customer, WHERE, sim.now());
    people::call(&sim, &live, place);
    people::settle(&sim, &mut live);
    let left: Vec<_> = sim.lock().script.iter().filter(|cue| cue.nth > 0).map(|cue| cue.at).collect();
    let ended = end(&sim, live);
    assert_eq!(ended.violation, None, "{}", ended.tail);
    assert!(left.is_empty(), "it never came to {left:?}\n{}", ended.tail);
}

fn at(at: &'static str, nth: u32, what: fn(&Sim)) -> Cue {
    Cue { at, nth, what }
}

fn crash(sim: &Sim) {
    sim.crash("as the story goes");
}

/// Without a call.
fn customer_writes(sim: &Sim) {
    let at = sim.now();
    sim.lock().tickets.write(0, &Author::Customer, RETURN, at);
}

fn agent_stops_us(sim: &Sim) {
    let at = sim.now();
    sim.lock().tickets.tag(0, TAG_STOP, true, at);
}

#[test]
fn a_process_that_dies_between_plan_and_hold_still_waits_out_the_hold() {
    tell(Channel::Email, Duration::from_secs(120), vec![at("finish", 1, crash)], vec![]);
}

#[test]
fn a_close_over_a_newer_message_is_undone_also_after_a_crash() {
    let script = vec![at("close", 1, customer_writes), at("add step", 1, crash)];
    tell(Channel::Email, Duration::ZERO, script, vec![]);
}

#[test]
fn a_close_whose_answer_was_lost_is_undone_over_a_newer_message() {
    let script = vec![at("close", 1, customer_writes)];
    tell(Channel::Email, Duration::ZERO, script, vec![("close", Fault::AnswerLost)]);
}

#[test]
fn a_close_whose_answer_was_lost_is_undone_when_the_reply_never_arrived() {
    let forced = vec![("reply", Fault::OnlySaidSo), ("close", Fault::AnswerLost)];
    tell(Channel::Email, Duration::ZERO, vec![], forced);
}

#[test]
fn a_stop_that_the_reply_s_own_answer_shows_is_obeyed() {
    tell(Channel::LiveChat, Duration::ZERO, vec![at("reply", 1, agent_stops_us)], vec![]);
}

#[test]
fn a_stop_that_the_close_s_own_answer_shows_is_obeyed() {
    let script = vec![at("close", 1, customer_writes), at("close", 1, agent_stops_us)];
    tell(Channel::Email, Duration::ZERO, script, vec![]);
}

#[test]
fn a_message_that_no_call_told_of_is_found_though_our_reply_to_an_older_one_stands_after_it() {
    tell(Channel::Email, Duration::ZERO, vec![at("reply", 1, customer_writes)], vec![]);
}
