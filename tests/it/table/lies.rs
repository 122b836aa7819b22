//! Row: 200 and not applied, read-after-write lag, 403 on lists, four error bodies, ids with `<>@+`: handled as the
//! facts about the API say. One case of each is told as a story in `faults.rs`; here is every combination.

use richpanel_mw::daemon::control::Request;
use richpanel_mw::sim::{Action, ErrorShape, Fault, Matcher};

use super::*;

fn fault_on(world: &World, n: u64, endpoint: &str, action: Action) {
    world.sim.set_fault(Fault::once(Matcher::endpoint(endpoint).on(&id(n)), action));
}

/// What this ticket got: replies applied, outcome, status.
fn end_of(world: &World, n: u64) -> (u32, String, String) {
    (world.replies(&id(n)), world.outcome(&id(n)), world.status(&id(n)))
}

fn end(replies: u32, outcome: &str, status: &str) -> (u32, String, String) {
    (replies, outcome.to_owned(), status.to_owned())
}

#[test]
fn each_write_answered_200_and_not_applied_is_noticed() {
    for answer_shows_tags in [true, false] {
        let world = fast("");
        world.sim.configure(|settings| settings.tags_answer_shows_tags = answer_shows_tags);
        let writes = [SEND, CLOSE, TAGS];
        for n in 0..60 {
            fault_on(&world, n, writes[(n % 3) as usize], Action::NotApplied);
            world.writes(question(n));
        }
        all_ended(&world, Duration::from_secs(20));
        world.until("the last tags are there", |world| applied(world, EffectKind::TagsAdded).len() == 60);
        for n in 0..60 {
            let expected = match writes[(n % 3) as usize] {
                SEND => end(0, "needs-human", "OPEN"),
                _ => end(1, "answered", "CLOSED"),
            };
            assert_eq!(end_of(&world, n), expected, "{} {:?}", writes[(n % 3) as usize], world.event(&id(n)));
            let tag = if n % 3 == 0 { "mw-needs-human" } else { "mw-auto-replied" };
            assert!(world.has_tag(&id(n), tag), "{:?}", world.tags(&id(n)));
        }
        world.settled();
    }
}

/// Tickets that are a minute old by the helpdesk's clock: a read that lags half a minute shows them as they are now.
fn a_minute_later(world: &World) {
    world.sim.advance_clock(60_000);
}

const LAG: Action = Action::Lag { ms: 30_000 };

#[test]
fn reads_that_lag_behind_the_reply_delay_its_confirmation_and_never_repeat_it() {
    let world = fast("");
    for n in 0..50 {
        world.writes(NewMessage { quiet: true, ..question(n) });
    }
    a_minute_later(&world);
    // Read-backs that show the ticket as it was before the reply: none, some, all four.
    for n in 0..50 {
        fault_on(&world, n, SEND, Action::ApplyThenReset);
        let lagging = u32::try_from(n % 5).unwrap();
        if lagging > 0 {
            world.sim.set_fault(Fault::times(lagging, Matcher::endpoint(READ).on(&id(n)).nth(2), LAG));
        }
        assert_eq!(world.call(&id(n)).0, 200);
    }
    all_ended(&world, Duration::from_secs(20));
    for n in 0..50 {
        assert_eq!(applied(&world, EffectKind::Reply)[&id(n)], 1, "{}", id(n));
        let expected = if n % 5 == 4 { "needs-human" } else { "answered" };
        assert_eq!(world.outcome(&id(n)), expected, "{} lagging reads: {:?}", n % 5, world.event(&id(n)));
    }
    world.settled();
}

#[test]
fn a_read_that_lags_behind_the_customers_message_is_made_up_for_by_the_sweep() {
    let world = fast("reconcile.method = \"known\"\n");
    world.writes(NewMessage { text: RETURN.into(), ..question(0) });
    all_ended(&world, Duration::from_secs(20));
    a_minute_later(&world);
    // Called because of the second message, the read still shows the first.
    world.sim.set_fault(Fault::once(Matcher::endpoint(READ), LAG));
    world.again(&id(0), "You will hear from my lawyer.");
    all_ended(&world, Duration::from_secs(20));
    assert_eq!(world.outcome(&id(0)), "duplicate");
    assert!(!world.has_tag(&id(0), "route-leadership"));
    let swept = world.ask(&Request::Reconcile { csv: None });
    assert_eq!(swept["found"], 1, "{swept}");
    all_ended(&world, Duration::from_secs(20));
    assert!(world.has_tag(&id(0), "route-leadership"), "{:?}", world.tags(&id(0)));
    world.settled();
}

#[test]
fn a_key_that_may_list_nothing_still_routes_answers_and_sweeps() {
    let world = fast("");
    world.sim.configure(|settings| {
        settings.list_forbidden = true;
        settings.forbidden_routes =
            ["GET /tags", "GET /teams", "GET /users", "GET /channel"].map(String::from).into();
    });
    for n in 0..20 {
        let text = if n % 2 == 0 { WHERE } else { RETURN };
        world.writes(NewMessage { text: text.into(), ..question(n) });
    }
    all_ended(&world, Duration::from_secs(20));
    for n in 0..20 {
        assert_eq!(world.outcome(&id(n)), if n % 2 == 0 { "answered" } else { "routed" });
    }
    world.writes(NewMessage { quiet: true, text: RETURN.into(), ..question(20) });
    for _ in 0..3 {
        world.ask(&Request::Reconcile { csv: None });
    }
    all_ended(&world, Duration::from_secs(20));
    assert_eq!(world.outcome(&id(20)), "routed", "found by its number");
    assert_eq!(world.sim.counts().per_endpoint["GET /tickets"], 1, "a 403 is remembered");
    world.settled();
}

/// What must come of an error in this status on this call: replies, outcome, status of the ticket.
fn after_error(endpoint: &str, status: u16) -> (u32, String, String) {
    match (endpoint, status) {
        // A refusal is believed; whatever else may have been applied is a person's.
        (SEND, 400) => end(0, "routed", "OPEN"),
        (SEND, _) => end(0, "needs-human", "OPEN"),
        // The customer has the answer; a ticket that is not closed is no harm.
        (CLOSE, 400) => end(1, "answered", "OPEN"),
        // Refused tags are a ticket that nobody sees: a dead letter. Refused reads too.
        (TAGS, 400) => end(1, "dead", "CLOSED"),
        (READ, 400) => end(0, "dead", "OPEN"),
        _ => end(1, "answered", "CLOSED"),
    }
}

#[test]
fn every_error_body_in_every_status_is_read_as_what_it_is() {
    let world = fast("");
    let mut cases = vec![];
    for endpoint in [READ, SEND, CLOSE, TAGS] {
        for shape in ErrorShape::ALL {
            for status in [200, 400, 500, 502, 504] {
                cases.push((endpoint, shape, status));
            }
        }
    }
    for (n, (endpoint, shape, status)) in (0..).zip(&cases) {
        fault_on(&world, n, endpoint, Action::Status { status: *status, shape: *shape, applied: false });
        world.writes(question(n));
    }
    all_ended(&world, Duration::from_secs(25));
    for (n, (endpoint, shape, status)) in (0..).zip(&cases) {
        let case = format!("{endpoint} {status} {shape:?}: {:?}", world.event(&id(n)));
        assert_eq!(end_of(&world, n), after_error(endpoint, *status), "{case}");
        // Not taken for a yes first and put right afterwards.
        let closed = applied(&world, EffectKind::Closed).contains_key(&id(n));
        assert!(*endpoint != SEND || !closed, "closed without a reply: {case}");
    }
    world.settled();
}

#[test]
fn ids_in_every_odd_form_are_read_written_and_answered_on_their_own_ticket() {
    let world = fast("");
    let ids: Vec<String> = [
        "<plain@mail.example.com>",
        "<a+b@mail.example.com>",
        "<a/b@mail.example.com>",
        "a b",
        "100%",
        "%2F",
        "%253C",
        "a?page=2",
        "a#b",
        "a&b=c",
        "a;b,c",
        "a/../b",
        "~a.b_c-d",
        "ümlaut@mail.example.com",
        "日本",
        "a'b",
        "<<>>",
        "+",
        "@",
        "a:b",
        "[1]",
        "{x}",
        "$(x)",
        "*",
        "|",
        "453347427_name_186779",
    ]
    .map(String::from)
    .into();
    for (n, id) in (0..).zip(&ids) {
        world.writes(NewMessage { id: Some(id.clone()), ..question(n) });
    }
    all_ended(&world, Duration::from_secs(20));
    for firing in world.sim.firings() {
        assert_eq!(firing.status, Some(200), "{firing:?}");
    }
    for id in &ids {
        assert_eq!(world.outcome(id), "answered", "{id:?}");
        assert_eq!((world.replies(id), world.status(id).as_str()), (1, "CLOSED"), "{id:?}");
        assert!(world.has_tag(id, "mw-auto-replied"), "{id:?}: {:?}", world.tags(id));
    }
    world.settled();
}
