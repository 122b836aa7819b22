//! Everybody outside: customers, agents, the shop's lead, whoever sets the machine's clock, and systemd.

use std::sync::Arc;
use std::time::Duration;

use super::process::Live;
use super::scheduler::WORLD;
use super::{Sim, State};
use crate::clock::{Clock, after, from_millis, millis};
use crate::daemon::mode;
use crate::decide::{TAG_HOLD, TAG_STOP};
use crate::event::{EventId, HelpdeskName, Lane, Mode, Source, Timestamp};
use crate::helpdesk::Call;
use crate::store::{Accepted, NewCall, Store};
use crate::ticket::{Author, Channel, Message, Status};

const TEXTS: &[&str] = &[
    "Where is my order #606243?",
    "Hi, where is my order #606243 now?",
    "Can I have the tracking for my order #606243?",
    "When will my order #606243 be delivered?",
    "Do you know where my order #606243 has got to?",
    "Hello, when is my order #606243 arriving?",
    "I would like to return the lamp. How does that work?",
    "My card was charged twice for this, that is fraud!",
    "Thank you so much!",
    "I am out of the office until Monday and will be back on Tuesday.",
];

const SOON: Duration = Duration::from_millis(200);

/// Things happen, as many as the weather has, and the process lives and dies.
pub(super) fn active_phase(sim: &Arc<Sim>, live: &mut Live) {
    let mut acts = sim.lock().weather.acts;
    live.start(sim);
    while !sim.failed() && acts > 0 {
        sim.step("world", u64::from(acts));
        supervise(sim, live, true);
        let mut state = sim.lock();
        let busy = state.somebody_is_awake(sim.clock.now());
        let drawn = state.rng.u8(..16);
        drop(state);
        match drawn {
            0..3 => {
                act(sim, live);
                acts -= 1;
            }
            3..13 if busy => sim.advance(Duration::from_millis(sim.lock_rng(|rng| rng.u64(..60)))),
            13 => sim.advance(Duration::from_millis(sim.lock_rng(|rng| rng.u64(..20_000)))),
            _ => skip_ahead(sim, Duration::from_secs(1_800)),
        }
    }
}

/// systemd, and the supervisor that ends a process whose store is lost.
fn supervise(sim: &Arc<Sim>, live: &mut Live, may_wait: bool) {
    let (down, lost, later) = {
        let mut state = sim.lock();
        let later = may_wait && state.rng.u8(..3) == 0;
        (state.process == 0, state.store_lost, later)
    };
    if lost && !later {
        sim.crash("the store is lost");
    }
    if down && !later && !sim.failed() {
        live.start(sim);
    }
}

/// To the next thing that anybody waits for, but not further than that.
fn skip_ahead(sim: &Sim, most: Duration) {
    let now = sim.clock.now();
    let wake = sim.lock().next_wake();
    let wait = wake.map_or(SOON, |at| crate::clock::since(now, at));
    sim.advance(wait.clamp(Duration::from_millis(1), most));
}

/// Faults end; time runs until nobody has anything left to do. Then the sweeps look for what no call told of.
pub(super) fn settle(sim: &Arc<Sim>, live: &mut Live) {
    {
        let mut state = sim.lock();
        state.calm = true;
        state.world_waits = true;
        state.disk_full_until = Duration::ZERO;
        sim.note(&mut state, "calm", 0, String::new);
    }
    let wrong = sim.clock.now().duration_since(super::START);
    let right = after(super::START, sim.clock.monotonic());
    if wrong != right.duration_since(super::START) {
        set_clock(sim, right);
    }
    for round in 0..4 {
        supervise(sim, live, false);
        until_quiet(sim, live);
        if sim.failed() {
            return;
        }
        // A sweep, and what it found; the last ones find nothing any more.
        if round < 3 {
            sim.advance(Duration::from_secs(16 * 60));
        }
    }
}

fn until_quiet(sim: &Arc<Sim>, live: &mut Live) {
    for _ in 0..3_000 {
        sim.step("world", 0);
        supervise(sim, live, false);
        if sim.failed() {
            return;
        }
        let mode = sim.lock().mode.0;
        if mode != Mode::Live {
            set_mode(sim, live, Mode::Live);
        }
        if sim.lock().somebody_is_awake(sim.clock.now()) {
            continue;
        }
        let open = sim.disk.rows("select 1 from events where finished_at is null limit 1");
        if open.is_empty() && sim.lock().tickets.late.is_empty() {
            return;
        }
        skip_ahead(sim, Duration::from_secs(1_800));
    }
    sim.fail(&mut sim.lock(), || "events are stuck: time ran on and they did not end".into());
}

/// One thing that somebody does.
fn act(sim: &Arc<Sim>, live: &mut Live) {
    let mut state = sim.lock();
    let (jumps, steering) = (state.weather.jumps, state.weather.steering);
    let tickets = state.tickets.held.len();
    let drawn = state.rng.u8(..24);
    drop(state);
    match drawn {
        _ if tickets == 0 => customer_writes(sim, live, None),
        0..6 if tickets < 4 => customer_writes(sim, live, None),
        0..11 => customer_writes(sim, live, Some(sim.lock_rng(|rng| rng.usize(..tickets)))),
        11..17 => at_the_helpdesk(sim, drawn),
        17 | 18 => call(sim, live, sim.lock_rng(|rng| rng.usize(..tickets))),
        19 => sim.crash("killed from outside"),
        20 | 21 if steering => steer(sim, live),
        22 if jumps => jump(sim),
        _ => {
            let most =
                if drawn == 23 && sim.lock_rng(|rng| rng.u8(..3) == 0) { 100_000_000 } else { 120_000 };
            sim.advance(Duration::from_millis(sim.lock_rng(|rng| rng.u64(..most))));
        }
    }
}

/// A message, and the calls that tell of it: none, one, or two.
fn customer_writes(sim: &Arc<Sim>, live: &mut Live, ticket: Option<usize>) {
    let at = sim.now();
    let mut state = sim.lock();
    let text = TEXTS[state.rng.usize(..TEXTS.len())];
    let place = ticket.unwrap_or_else(|| {
        let channel = if state.rng.u8(..3) == 0 { Channel::LiveChat } else { Channel::Email };
        let who = if state.weather.one_customer { 0 } else { state.tickets.held.len() };
        let place = state.tickets.open(channel, &format!("ava{who}@example.com"), at);
        let (new_id, no_order) = (state.rng.u8(..4) == 0, state.rng.u8(..6) == 0);
        let unknown_for = Duration::from_millis(state.rng.u64(..9_000));
        if new_id {
            state.tickets.held[place].known_from += unknown_for;
        }
        state.tickets.held[place].has_order = !no_order;
        place
    });
    if state.tickets.held[place].deleted {
        return;
    }
    sim.note(&mut state, "customer writes", place as u64, || text.to_owned());
    state.tickets.write(place, &Author::Customer, text, at);
    let calls = [0, 1, 1, 1, 1, 1, 2, 2][state.rng.usize(..8)];
    drop(state);
    for _ in 0..calls {
        call(sim, live, place);
        let wait = sim.lock_rng(|rng| if rng.bool() { 0 } else { rng.u64(..400) });
        sim.advance(Duration::from_millis(wait));
        sim.step("world", 0);
    }
}

/// The helpdesk calls; whether that got a 200 is all it ever knows.
pub(super) fn call(sim: &Arc<Sim>, live: &Live, place: usize) {
    let state = sim.lock();
    let ticket = &state.tickets.held[place].now;
    let (id, channel) = (ticket.id.clone(), ticket.channel.clone());
    let newest = ticket.newest_customer_message().map(Message::key);
    drop(state);
    let call = Call {
        ticket_id: id.clone(),
        channel: Some(channel.clone()),
        message: None,
        subject: None,
        trigger: None,
        customer_email: None,
        extra: [].into(),
        salvaged: false,
    };
    let new = NewCall {
        helpdesk: HelpdeskName::from("richpanel"),
        ticket: Some(id),
        source: Source::Call,
        lane: if channel == Channel::LiveChat { Lane::LiveChat } else { Lane::Email },
        at: sim.clock.now(),
        fields: serde_json::to_string(&call).unwrap(),
        raw: Some((None, b"{}".to_vec())),
        salvaged: false,
    };
    let (tell, told) = std::sync::mpsc::channel();
    live.store.accept(new, Box::new(move |result| drop(tell.send(result))));
    let mut state = sim.lock();
    match told.recv() {
        Ok(Ok(Accepted::New(event) | Accepted::Joined(event))) => {
            sim.note(&mut state, "200", event.0.unsigned_abs(), || format!("ticket {place}"));
            state.acknowledged.push((event, place, newest));
        }
        other => sim.note(&mut state, "not taken in", place as u64, || format!("{other:?}")),
    }
}

/// What agents and their tools do to a ticket.
fn at_the_helpdesk(sim: &Sim, drawn: u8) {
    let at = sim.now();
    let mut state = sim.lock();
    let State { rng, tickets, .. } = &mut *state;
    let place = rng.usize(..tickets.held.len());
    let what = match drawn {
        11 | 12 => {
            tickets.write(place, &Author::Agent(Some("agent-7".into())), "I will look into it.", at);
            "agent answers"
        }
        13 => {
            tickets.set_status(place, Status::Closed, at);
            "agent closes"
        }
        14 => {
            tickets.tag(place, TAG_STOP, true, at);
            tickets.held[place].ever_stopped = true;
            "agent sets mw-stop"
        }
        15 => {
            let on = rng.bool();
            tickets.tag(place, TAG_HOLD, on, at);
            "agent sets or takes mw-hold"
        }
        _ if rng.u8(..4) == 0 => {
            tickets.held[place].deleted = true;
            "ticket deleted"
        }
        _ => {
            tickets.set_status(place, Status::Open, at);
            "agent opens"
        }
    };
    sim.note(&mut state, what, place as u64, String::new);
}

fn set_mode(sim: &Sim, live: &Live, mode: Mode) {
    let Some(policy) = &live.policy else { return };
    if mode::choose(live.store.as_ref(), Some(mode), "lead", sim.clock.now()).is_err() {
        return;
    }
    policy.exchange(&sim.config, mode).unwrap();
    sim.mode_is(mode);
}

/// The shop's lead at the command line.
fn steer(sim: &Sim, live: &Live) {
    let (what, nth) = sim.lock_rng(|rng| (rng.u8(..4), rng.usize(..8)));
    let pick = |sql: &str| {
        let rows = sim.disk.rows(sql);
        rows.get(nth % rows.len().max(1)).and_then(|row| row[0].parse().ok()).map(EventId)
    };
    let now = sim.clock.now();
    match what {
        0 | 1 => {
            let mode = [Mode::Live, Mode::Live, Mode::Route, Mode::Off, Mode::Shadow][nth % 5];
            set_mode(sim, live, mode);
        }
        2 => {
            if let Some(event) = pick("select id from events where finished_at is null") {
                let _ = live.store.discard(event, "not needed", "lead", now);
            }
        }
        _ => {
            if let Some(event) = pick("select id from events where state in ('dead', 'discarded')") {
                let _ = live.store.retry(event, "lead", now);
            }
        }
    }
}

/// The wall clock is set: far away, or right again.
fn jump(sim: &Sim) {
    let right = millis(super::START) + sim.clock.monotonic().as_millis() as i64;
    let days = sim.lock_rng(|rng| [0, 0, -400, 400, -1, 1][rng.usize(..6)]);
    let to = from_millis(right + days * 86_400_000);
    set_clock(sim, to);
}

/// Sleepers wake: in life they look again every few seconds.
fn set_clock(sim: &Sim, to: Timestamp) {
    sim.clock.jump_to(to);
    let mut state = sim.lock();
    sim.note(&mut state, "clock set", 0, || to.to_string());
    for actor in state.actors.iter_mut().skip(WORLD + 1) {
        actor.asleep = None;
    }
}
