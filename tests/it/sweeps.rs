//! Messages that no call told us of.

use richpanel_mw::daemon::control::Request;
use richpanel_mw::event::State;
use richpanel_mw::sim::{Action, ErrorShape, Fault, Matcher, NewMessage, RateLimit, Shot, SimOptions};
use richpanel_mw::timer::reconcile::CsvRow;

use crate::world::{World, plain};

const RETURN: &str = "I would like to return my shoes, please send me a return label.";

fn lost(world: &World) -> String {
    world.sim.plan_shots(vec![Shot::Lost]);
    let written = world.mail(RETURN);
    assert!(world.sim.wait_for_firings(crate::world::PATIENCE));
    assert!(world.event(&written.ticket_id).is_none(), "the call was to be lost");
    written.ticket_id
}

/// One that changes the route.
fn a_newer_message_without_a_call_is_found(world: &World, ticket: &str) {
    world.writes(NewMessage {
        ticket: Some(ticket.to_owned()),
        text: "You will hear from my lawyer.".into(),
        quiet: true,
        ..plain()
    });
    let report = world.ask(&Request::Reconcile { csv: None });
    assert_eq!(report["found"], 1, "{report}");
    world.until("rerouted", |world| world.has_tag(ticket, "route-leadership"));
}

#[test]
fn the_list_finds_a_lost_call_and_asks_only_once() {
    let world = World::live();
    world.sim.configure(|settings| settings.list_without_comments = false);
    let ticket = lost(&world);
    let report = world.ask(&Request::Reconcile { csv: None });
    assert_eq!(report["found"], 1, "{report}");
    world.until_state(&ticket, State::Done);
    assert_eq!(world.outcome(&ticket), "routed");
    assert_eq!(world.event(&ticket).unwrap().source, "sweep");
    let again = world.ask(&Request::Reconcile { csv: None });
    assert_eq!((&again["found"], &again["calls"]), (&0.into(), &1.into()), "{again}");
    world.settled();
}

#[test]
fn a_forbidden_list_is_remembered_and_numbers_are_probed_instead() {
    let world = World::live();
    let known = world.mail(RETURN);
    world.until_state(&known.ticket_id, State::Done);
    world.sim.configure(|settings| settings.list_forbidden = true);
    let ticket = lost(&world);
    let first = world.ask(&Request::Reconcile { csv: None });
    assert!(first["notes"][0].as_str().unwrap().contains("403"), "{first}");
    let second = world.ask(&Request::Reconcile { csv: None });
    assert_eq!(second["found"], 1, "{second}");
    assert_eq!(second["methods"], serde_json::json!(["number", "known"]));
    world.until_state(&ticket, State::Done);
    world.settled();
}

#[test]
fn without_lists_a_lost_call_is_found_although_later_ones_came() {
    let rate_limit = RateLimit { requests: 500, window_ms: 30_000 };
    let world = World::on(
        SimOptions { rate_limit, ..SimOptions::default() },
        "live",
        "[richpanel]\nrequests_per_window = 500\n[reconcile]\nmethod = \"number\"",
    );
    // Numbers are skipped before every ticket: they must not be asked for for ever.
    world.sim.configure(|settings| settings.conversation_gap_percent = 100);
    let first = world.mail(RETURN);
    world.until_state(&first.ticket_id, State::Done);
    let ticket = lost(&world);
    let later = world.mail(RETURN);
    world.until_state(&later.ticket_id, State::Done);
    let report = world.ask(&Request::Reconcile { csv: None });
    assert_eq!(report["found"], 1, "{report}");
    world.until_state(&ticket, State::Done);
    assert_eq!(world.outcome(&ticket), "routed");
    for _ in 0..2 {
        let again = world.ask(&Request::Reconcile { csv: None });
        assert_eq!(again["found"], 0, "{again}");
    }
    let quiet = world.ask(&Request::Reconcile { csv: None });
    assert_eq!(quiet["calls"], 5, "only upward, the gaps are known by now: {quiet}");
    assert_eq!(world.events().len(), 3);
    world.settled();
}

#[test]
fn a_newer_message_on_a_known_ticket_is_found() {
    let world = World::with("live", "[reconcile]\nmethod = \"known\"");
    let known = world.mail(RETURN);
    world.until_state(&known.ticket_id, State::Done);
    let quiet = world.ask(&Request::Reconcile { csv: None });
    assert_eq!(quiet["found"], 0, "{quiet}");
    a_newer_message_without_a_call_is_found(&world, &known.ticket_id);
    world.settled();
}

#[test]
fn an_exported_file_brings_tickets_by_id_and_by_number() {
    let world = World::live();
    let by_id = lost(&world);
    world.sim.plan_shots(vec![Shot::Lost]);
    let by_number = world.mail(RETURN);
    let rows = vec![
        CsvRow { ticket_id: Some(by_id.clone()), conversation_no: None, updated_at: None },
        CsvRow {
            ticket_id: None,
            conversation_no: i64::try_from(by_number.conversation_no).ok(),
            updated_at: None,
        },
        CsvRow { ticket_id: None, conversation_no: Some(999_999), updated_at: None },
    ];
    let report = world.ask(&Request::Reconcile { csv: Some(rows) });
    assert_eq!(report["found"], 2, "{report}");
    for ticket in [&by_id, &by_number.ticket_id] {
        world.until_state(ticket, State::Done);
        assert_eq!(world.event(ticket).unwrap().outcome.as_deref(), Some("routed"));
    }
    world.settled();
}

#[test]
fn a_sweep_in_shadow_mode_does_not_find_the_same_ticket_twice() {
    let world = World::with("shadow", "");
    let ticket = lost(&world);
    world.ask(&Request::Reconcile { csv: None });
    world.until_state(&ticket, State::Done);
    let again = world.ask(&Request::Reconcile { csv: None });
    assert_eq!(again["found"], 0, "{again}");
    world.settled();
}

#[test]
fn a_list_without_messages_is_read_once_a_change() {
    let world = World::live();
    world.sim.configure(|settings| settings.list_without_comments = true);
    let ticket = lost(&world);
    world.ask(&Request::Reconcile { csv: None });
    world.until_state(&ticket, State::Done);
    // Our own tags changed the ticket: one more look finds nothing new, and then it is known.
    let second = world.ask(&Request::Reconcile { csv: None });
    assert_eq!(
        (&second["found"], &second["calls"]),
        (&0.into(), &2.into()),
        "the list, and one look: {second}"
    );
    let third = world.ask(&Request::Reconcile { csv: None });
    assert_eq!((&third["found"], &third["calls"]), (&0.into(), &1.into()), "{third}");
    assert_eq!(world.events().len(), 1, "a look is no event");
    world.settled();
}

#[test]
fn a_ticket_that_can_never_be_read_does_not_keep_a_sweep_from_the_others() {
    let world = World::with("live", "[reconcile]\nmethod = \"known\"");
    let poison = world.mail(RETURN);
    world.until_state(&poison.ticket_id, State::Done);
    let known = world.mail(RETURN);
    world.until_state(&known.ticket_id, State::Done);
    let broken = Action::Status { status: 500, shape: ErrorShape::Error, applied: false };
    world.sim.set_fault(Fault::always(Matcher::default().on(&poison.ticket_id), broken));
    a_newer_message_without_a_call_is_found(&world, &known.ticket_id);
}
