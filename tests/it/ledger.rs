//! What came and what did not: missing conversation numbers, the ledger, and what a sweep owes to an older reply.

use std::time::Duration;

use richpanel_mw::clock::{Clock as _, SystemClock};
use richpanel_mw::daemon::control::{self, Request};
use richpanel_mw::event::{State, Timestamp};
use richpanel_mw::sim::people::OrderState;
use richpanel_mw::sim::{Matcher, RateLimit, Script, Shot, SimOptions, Verb, Written};
use richpanel_mw::timer::reconcile::CsvRow;
use serde_json::Value;

use crate::world::World;

const RETURN: &str = "I would like to return my shoes, please send me a return label.";
const WHERE: &str = "Hi, where is my order #606243?";
const NUMBER: &str = "GET /tickets/number/{n}";

/// A helpdesk with calls to spare, so that only the sweep's own bounds hold.
fn roomy(extra: &str) -> World {
    let rate_limit = RateLimit { requests: 1_000, ..RateLimit::default() };
    let room = "[richpanel]\nrequests_per_window = 1000\n";
    let world =
        World::on(SimOptions { rate_limit, ..SimOptions::default() }, "live", &format!("{room}{extra}"));
    world.sim.configure(|settings| settings.conversation_gap_percent = 0);
    world
}

fn handled(world: &World) -> Written {
    let written = world.mail(RETURN);
    world.until_state(&written.ticket_id, State::Done);
    written
}

fn lost(world: &World) -> Written {
    world.sim.plan_shots(vec![Shot::Lost]);
    let written = world.mail(RETURN);
    assert!(world.sim.wait_for_firings(crate::world::PATIENCE));
    assert!(world.event(&written.ticket_id).is_none(), "the call was to be lost");
    written
}

fn sweep(world: &World) -> Value {
    world.ask(&Request::Reconcile { csv: None })
}

fn number(report: &Value, field: &str) -> u64 {
    report[field].as_u64().unwrap_or_else(|| panic!("no {field} in {report}"))
}

fn asked_by_number(world: &World) -> u64 {
    world.sim.counts().per_endpoint.get(NUMBER).copied().unwrap_or(0)
}

fn file(world: &World) -> rusqlite::Connection {
    let connection = rusqlite::Connection::open(world.database()).unwrap();
    connection.busy_timeout(crate::world::PATIENCE).unwrap();
    connection
}

/// For the missing numbers half an hour goes by.
fn half_an_hour_later(world: &World) {
    let sql = "update gaps set noted_at = noted_at - 1860000, looked_at = looked_at - 1860000";
    file(world).execute(sql, []).unwrap();
}

/// Calls, sweeps and missing, as the view for people has them.
fn coverage(world: &World) -> (i64, i64, i64) {
    let sql = "select sum(calls), sum(sweeps), sum(missing) from coverage";
    file(world).query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).unwrap()
}

#[test]
fn a_call_lost_between_two_others_is_found_where_the_list_is_forbidden() {
    let world = roomy("");
    world.sim.configure(|settings| settings.list_forbidden = true);
    handled(&world);
    let lost = lost(&world);
    handled(&world);
    let first = sweep(&world);
    assert_eq!((number(&first, "missing"), number(&first, "looked_up")), (1, 0), "{first}");
    assert_eq!(coverage(&world), (2, 0, 1));
    let second = sweep(&world);
    assert_eq!((number(&second, "found"), number(&second, "numbers_found")), (1, 1), "{second}");
    world.until_state(&lost.ticket_id, State::Done);
    assert_eq!(world.outcome(&lost.ticket_id), "routed");
    let third = sweep(&world);
    assert_eq!((number(&third, "missing"), number(&third, "looked_up")), (0, 0), "{third}");
    assert_eq!(coverage(&world), (2, 1, 0));
    let hours = world.reader().coverage(Timestamp::UNIX_EPOCH).unwrap();
    let sums = hours.iter().fold((0, 0), |sums, row| (sums.0 + row.calls, sums.1 + row.sweeps));
    assert_eq!(sums, (2, 1), "{hours:?}");
    world.settled();
}

#[test]
fn numbers_that_nobody_has_are_given_up_after_three_looks() {
    let world = roomy("");
    world.sim.configure(|settings| {
        settings.list_forbidden = true;
        settings.conversation_gap_percent = 60;
    });
    let written: Vec<u64> = (0..10).map(|_| handled(&world).conversation_no).collect();
    let gaps = written[9] - written[0] - 9;
    assert!(gaps > 3, "{written:?}");
    let first = sweep(&world);
    assert_eq!(number(&first, "missing"), gaps, "{first}");
    let before = asked_by_number(&world);
    for (look, left) in [(1, gaps), (2, gaps), (3, 0)] {
        let report = sweep(&world);
        assert_eq!(
            (number(&report, "looked_up"), number(&report, "missing")),
            (gaps, left),
            "look {look}: {report}"
        );
        let soon = sweep(&world);
        assert_eq!(number(&soon, "looked_up"), 0, "asked again at once: {soon}");
        half_an_hour_later(&world);
    }
    // Beside three looks a number, only the probes above the highest: five a sweep.
    assert_eq!(asked_by_number(&world) - before, 3 * gaps + 6 * 5);
    let last = sweep(&world);
    assert_eq!((number(&last, "looked_up"), number(&last, "found")), (0, 0), "{last}");
    assert_eq!(world.events().len(), 10, "a look is no event");
    world.settled();
}

#[test]
fn a_number_whose_call_comes_later_is_missing_no_more_and_costs_nothing() {
    let world = roomy("");
    world.sim.configure(|settings| settings.list_forbidden = true);
    handled(&world);
    let lost = lost(&world);
    handled(&world);
    assert_eq!(number(&sweep(&world), "missing"), 1);
    world.again(&lost.ticket_id, "Hello? I asked for a return label.");
    world.until_state(&lost.ticket_id, State::Done);
    assert_eq!(coverage(&world), (3, 0, 0));
    let report = sweep(&world);
    assert_eq!((number(&report, "missing"), number(&report, "looked_up")), (0, 0), "{report}");
    world.settled();
}

#[test]
fn where_the_list_is_allowed_only_what_it_leaves_is_asked_for_and_once() {
    let world = roomy("");
    handled(&world);
    world.sim.configure(|settings| settings.conversation_gap_percent = 100);
    let lost = lost(&world);
    let last = handled(&world);
    let report = sweep(&world);
    assert_eq!((number(&report, "found"), number(&report, "looked_up")), (1, 0), "{report}");
    world.until_state(&lost.ticket_id, State::Done);
    let report = sweep(&world);
    let gaps = number(&report, "missing");
    assert!((1..=last.conversation_no).contains(&gaps) && number(&report, "looked_up") == 0, "{report}");
    half_an_hour_later(&world);
    let report = sweep(&world);
    assert_eq!((number(&report, "looked_up"), number(&report, "missing")), (gaps, 0), "{report}");
    assert_eq!(asked_by_number(&world), gaps);
    world.settled();
}

#[test]
fn a_message_that_a_reply_overtook_is_found_by_every_way() {
    for (ways, forbidden) in [("list", false), ("known", false), ("auto", true)] {
        let world = roomy(&format!("[reconcile]\nmethod = \"{ways}\""));
        world.sim.configure(|settings| settings.list_forbidden = forbidden);
        let text = "Forget that. Please cancel my subscription.".to_owned();
        let meanwhile = vec![Verb::CustomerWritesAgain { ticket: None, text }];
        let matcher = Matcher::endpoint("PUT /tickets/{id}/send-message");
        world.sim.add_script(Script { matcher, verbs: meanwhile });
        world.sim.plan_shots(vec![Shot::Once, Shot::Lost]);
        let asked = world.mail_about(OrderState::Shipped, WHERE);
        world.settled();
        assert_eq!((world.events().len(), world.replies(&asked.ticket_id)), (1, 1), "{ways}");
        if forbidden {
            sweep(&world);
        }
        let report = sweep(&world);
        assert_eq!(number(&report, "found"), 1, "{ways}: {report}");
        world.until(&format!("{ways}: two events"), |world| world.events().len() == 2);
        world.settled();
        assert_eq!(world.outcome(&asked.ticket_id), "routed", "{ways}");
        assert_eq!(number(&sweep(&world), "found"), 0, "{ways}: found once more");
    }
}

#[test]
fn a_message_after_our_answer_is_found_by_every_way() {
    for (ways, forbidden) in [("list", false), ("known", false), ("auto", true)] {
        let world = roomy(&format!("[reconcile]\nmethod = \"{ways}\""));
        world.sim.configure(|settings| settings.list_forbidden = forbidden);
        let asked = world.mail_about(OrderState::Shipped, WHERE);
        world.until_state(&asked.ticket_id, State::Done);
        assert_eq!(world.outcome(&asked.ticket_id), "answered");
        if forbidden {
            sweep(&world);
        }
        assert_eq!(number(&sweep(&world), "found"), 0, "{ways}: nothing is missing yet");
        world.sim.plan_shots(vec![Shot::Lost]);
        world.again(&asked.ticket_id, "That is not good enough. You will hear from my lawyer.");
        let report = sweep(&world);
        assert_eq!(number(&report, "found"), 1, "{ways}: {report}");
        world.until(&format!("{ways}: two events"), |world| world.events().len() == 2);
        world.settled();
    }
}

#[test]
fn a_file_being_taken_in_does_not_keep_the_daemon_from_stopping() {
    let mut world = World::with("live", "[richpanel]\nrequests_per_window = 8\nwindow_seconds = 120");
    let rows = |number| CsvRow { ticket_id: None, conversation_no: Some(number), updated_at: None };
    let request = Request::Reconcile { csv: Some((5_000..5_050).map(rows).collect()) };
    let database = world.database();
    let asking = std::thread::spawn(move || control::ask(&database, &request));
    world.until("the first rows are looked up", |world| asked_by_number(world) > 0);
    let clock = SystemClock::new();
    assert_eq!(world.stop(), Some(0));
    assert!(clock.monotonic() < Duration::from_secs(20), "it waited for calls: {:?}", clock.monotonic());
    // The asker hears where it stopped, or that the daemon is gone.
    if let Ok(Some(Ok(report))) = asking.join().unwrap() {
        assert!(report["notes"].to_string().contains("give the file again"), "{report}");
    }
}
