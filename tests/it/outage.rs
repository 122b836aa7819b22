//! The helpdesk is down for a while: it is probed gently, nobody pays for it, and it goes on by itself.

use richpanel_mw::event::State;
use richpanel_mw::sim::{Action, ErrorShape, Fault, Matcher, NewMessage, RequestEntry};
use richpanel_mw::store::Alert;

use crate::world::{PATIENCE, World, plain};

const RETURN: &str = "I would like to return my shoes, please send me a return label.";
const READ: &str = "GET /tickets/{id}";
const DOWN: &str = "helpdesk-down:richpanel";
const QUICK: &str =
    "[richpanel]\nwindow_seconds = 2\n[breaker]\nprobe_first_seconds = 1\nprobe_max_seconds = 2";

fn answers_503() -> Action {
    Action::Status { status: 503, shape: ErrorShape::Gateway, applied: false }
}

fn world() -> World {
    let world = World::with("live", QUICK);
    world.sim.set_rate_limit(50, 2_000);
    world
}

fn alert(world: &World) -> Option<Alert> {
    world.reader().alerts().unwrap().into_iter().find(|alert| alert.key == DOWN)
}

fn chat(world: &World) -> String {
    let message = NewMessage { channel: Some("messenger".into()), text: RETURN.into(), ..plain() };
    world.writes(message).ticket_id
}

/// Takes the helpdesk away, lets so many customers write, and waits until the daemon has noticed.
fn outage(world: &World, mails: usize) -> Vec<String> {
    world.sim.set_fault(Fault::always(Matcher::default(), answers_503()));
    let tickets = (0..mails).map(|_| world.mail(RETURN).ticket_id).collect();
    world.until("a person is told", |world| alert(world).is_some());
    tickets
}

fn after(world: &World, seq: u64) -> Vec<RequestEntry> {
    world.sim.requests().into_iter().filter(|request| request.seq > seq).collect()
}

fn last(world: &World) -> u64 {
    world.sim.requests().last().map_or(0, |request| request.seq)
}

fn is_probe(request: &RequestEntry) -> bool {
    ["GET /tags", "GET /users", "GET /teams", "GET /channel"].contains(&request.endpoint.as_str())
}

/// Waits for so many requests after `seq`; they must all be probes, and far apart.
fn only_probes(world: &World, seq: u64, count: usize) {
    world.until("probes", |world| after(world, seq).len() >= count);
    let made = after(world, seq);
    assert!(made.iter().all(is_probe), "somebody called: {made:#?}");
    for pair in made.windows(2) {
        // The first wait is 1 s, less a quarter of jitter.
        let apart = pair[1].at_ms - pair[0].at_ms;
        assert!(apart >= 700, "hammered: {apart} ms between two probes");
    }
}

#[test]
fn a_helpdesk_that_is_down_is_probed_gently_and_the_backlog_drains_by_lane() {
    let world = world();
    let mut tickets = outage(&world, 30);
    assert!(world.sim.wait_for_firings(PATIENCE));
    // Calls that were under way when it was noticed may still arrive; a second later none is.
    let told = last(&world);
    world.until("a probe", |world| after(world, told).iter().any(is_probe));
    let noticed = last(&world);
    assert!(noticed <= 40, "{noticed} calls before it was noticed");
    let chats: Vec<String> = (0..4).map(|_| chat(&world)).collect();
    tickets.extend(chats.clone());
    assert!(world.sim.wait_for_firings(PATIENCE));
    assert!(world.sim.firings().iter().all(|firing| firing.acknowledged()), "a call was turned away");
    only_probes(&world, noticed, 3);

    // Nobody pays: what was never tried has no attempt, and nothing counts toward a dead letter.
    let events = world.events();
    assert_eq!(events.len(), 34);
    assert!(events.iter().all(|event| event.failures == 0), "{events:#?}");
    assert!(events.iter().filter(|event| event.attempt == 0).count() >= 20, "{events:#?}");
    let text = alert(&world).unwrap().text;
    assert!(text.contains("it answers 503") && text.contains("events wait, nothing is lost"), "{text}");
    let status = crate::cli::json(&world.config(), &["status"]);
    assert_eq!(status["alerts"][0]["key"], DOWN);
    assert_eq!(status["running"]["helpdesks"][0]["down"]["why"], "it answers 503");
    assert_eq!(status["backlog"]["lanes"][0]["lane"], "live-chat");
    assert_eq!(status["backlog"]["lanes"][1]["events"], 30);

    let back = last(&world);
    world.sim.clear_faults();
    world.settled();
    let reads = after(&world, back).into_iter().filter(|request| request.endpoint == READ);
    let first: Vec<String> = reads.filter_map(|request| request.ticket_id).take(6).collect();
    assert!(chats.iter().all(|chat| first.contains(chat)), "live chat did not go first: {first:?}");
    for ticket in &tickets {
        assert_eq!(world.outcome(ticket), "routed");
    }
    world.until("the alert is cleared", |world| alert(world).is_none());
    assert!(world.events().iter().all(|event| event.failures == 0));
}

#[test]
fn a_kill_in_the_middle_of_an_outage_does_not_begin_the_hammering_anew() {
    let mut world = world();
    let tickets = outage(&world, 8);
    assert!(world.sim.wait_for_firings(PATIENCE));
    let since = alert(&world).unwrap().raised_at;
    world.kill();
    let killed = last(&world);
    world.start();
    only_probes(&world, killed, 2);
    assert_eq!(alert(&world).unwrap().raised_at, since, "one outage, one alert");
    world.sim.clear_faults();
    world.settled();
    for ticket in &tickets {
        assert_eq!(world.outcome(ticket), "routed");
        assert_eq!(world.event(ticket).unwrap().failures, 0);
    }
    world.until("the alert is cleared", |world| alert(world).is_none());
}

#[test]
fn an_outage_that_ends_while_the_daemon_is_stopped_is_over_when_it_starts() {
    let mut world = world();
    let tickets = outage(&world, 8);
    assert!(world.sim.wait_for_firings(PATIENCE));
    world.kill();
    world.sim.clear_faults();
    world.start();
    world.until("the alert is cleared", |world| alert(world).is_none());
    world.settled();
    for ticket in &tickets {
        assert_eq!(world.outcome(ticket), "routed");
    }
}

#[test]
fn one_ticket_that_always_fails_stops_no_other() {
    let world = world();
    let poison = world.writes(NewMessage { text: RETURN.into(), quiet: true, ..plain() }).ticket_id;
    let broken = Action::Status { status: 500, shape: ErrorShape::Error, applied: false };
    world.sim.set_fault(Fault::always(Matcher::default().on(&poison), broken));
    assert_eq!(world.call(&poison).0, 200);
    world.until("it was tried a few times", |world| world.calls(&poison).len() >= 4);
    for _ in 0..10 {
        let ticket = world.mail(RETURN).ticket_id;
        world.until_state(&ticket, State::Done);
        assert_eq!(world.outcome(&ticket), "routed");
    }
    assert_eq!(alert(&world), None);
    assert_eq!(world.event(&poison).unwrap().failures, 0);
    world.sim.clear_faults();
    world.settled();
    assert_eq!(world.outcome(&poison), "routed");
}

#[test]
fn a_helpdesk_that_hangs_and_one_that_hangs_up_are_down_too() {
    for action in [Action::ApplyThenHang { ms: 60_000 }, Action::ResetBefore] {
        let extra = QUICK.replacen("[richpanel]", "[richpanel]\ntimeout_seconds = 1", 1);
        let world = World::with("live", &extra);
        world.sim.set_rate_limit(50, 2_000);
        let name = action.name();
        world.sim.set_fault(Fault::always(Matcher::default(), action));
        let tickets: Vec<String> = (0..6).map(|_| world.mail(RETURN).ticket_id).collect();
        world.until("a person is told", |world| alert(world).is_some());
        world.sim.clear_faults();
        world.settled();
        for ticket in &tickets {
            assert_eq!(world.outcome(ticket), "routed", "{name}");
        }
        world.until("the alert is cleared", |world| alert(world).is_none());
    }
}

#[test]
fn a_listing_that_stays_broken_does_not_keep_the_circuit_open() {
    let world = world();
    let tickets = outage(&world, 6);
    world.sim.clear_faults();
    world.sim.set_fault(Fault::always(Matcher::endpoint("GET /tags"), answers_503()));
    world.settled();
    for ticket in &tickets {
        assert_eq!(world.outcome(ticket), "routed");
    }
    world.until("the alert is cleared", |world| alert(world).is_none());
}
