//! Driving it: verbs, the control routes, the journal, starting and stopping.

use std::sync::atomic::AtomicBool;

use serde_json::json;

use super::*;

fn control(sim: &SimHandle, method: &str, name: &str, body: &Value) -> Got {
    try_call(method, &format!("http://{}/_sim/{name}", sim.addr()), None, &body.to_string()).unwrap()
}

#[test]
fn a_customer_who_writes_again_reopens_the_ticket_and_is_the_same_customer() {
    let sim = start();
    let ava = written(&sim);
    sim.agent_closes(&ava.ticket_id).unwrap();
    let again =
        NewMessage { ticket: Some(ava.ticket_id.clone()), text: "Hello?".into(), ..NewMessage::default() };
    let second = sim.customer_writes(again).unwrap();
    assert_eq!((&second.ticket_id, second.conversation_no), (&ava.ticket_id, ava.conversation_no));
    let expected = [
        EffectKind::TicketCreated,
        EffectKind::CustomerMessage,
        EffectKind::Closed,
        EffectKind::Reopened,
        EffectKind::CustomerMessage,
    ];
    assert_eq!(kinds(&sim, &ava.ticket_id), expected);
    let shown = sim.ticket(&ava.ticket_id).unwrap();
    assert_eq!(shown["comments"][0]["author_id"], shown["comments"][1]["author_id"]);
    let last = sim.effects_on(&ava.ticket_id).pop().unwrap();
    assert_eq!(last.last_customer_message_id, Some(second.message_id));
}

#[test]
fn an_order_that_comes_with_a_message_is_linked_and_fills_the_placeholder() {
    let sim = start();
    sim.set_targets(vec![Target { body: "{{ticket.customer.lastOrderNumber}}".into(), ..Target::default() }]);
    sim.plan_shots(vec![Shot::Lost]);
    let order = people::order(people::OrderState::Shipped, 10_001, "ava@example.com", MORNING_MS);
    let ava = sim.customer_writes(NewMessage { order: Some(order), ..email("Where is it?") }).unwrap();
    assert!(kinds(&sim, &ava.ticket_id).contains(&EffectKind::OrderAttached));
    assert_eq!(sim.firings()[0].body, "#10001");
}

#[test]
fn a_verb_on_something_that_is_not_there_says_so() {
    let sim = start();
    assert_eq!(sim.agent_closes("x"), Err(VerbError::UnknownTicket("x".into())));
    assert_eq!(sim.run(Verb::Reopen { ticket: None }), Err(VerbError::NoTicket));
    let ava = written(&sim);
    let same = NewMessage { id: Some(ava.ticket_id.clone()), ..email("again") };
    assert_eq!(sim.customer_writes(same), Err(VerbError::TicketExists(ava.ticket_id.clone())));
    assert_eq!(sim.agent_assigns(&ava.ticket_id, Some("y")), Err(VerbError::UnknownAgent("y".into())));
    assert_eq!(sim.link_order(&ava.ticket_id, "1"), Err(VerbError::UnknownOrder("1".into())));
    assert_eq!(sim.add_order(json!({})), Err(VerbError::BadOrder));
}

#[test]
fn another_process_drives_it_through_the_control_routes() {
    let sim = start();
    let message =
        json!({"email": "ben@example.com", "name": "Ben Holm", "text": "Hi", "channel": "messenger"});
    let ben = control(&sim, "POST", "customer_writes", &message).json();
    let id = ben["ticket_id"].as_str().unwrap();
    let fault =
        json!({"fault": {"matcher": {"endpoint": "GET /tickets/{id}"}, "action": {"kind": "slow", "ms": 1}}});
    assert_eq!(control(&sim, "POST", "set_fault", &fault).status, 200);
    assert_eq!(control(&sim, "POST", "agent_replies", &json!({"ticket": id, "text": "Hello"})).status, 200);
    assert_eq!(control(&sim, "POST", "advance_clock", &json!({"ms": 5})).status, 200);
    assert_eq!(control(&sim, "GET", "clock", &json!(null)).json()["now_ms"], MORNING_MS + 5);
    assert_eq!(control(&sim, "GET", "snapshot", &json!(null)).json()["tickets"][0]["id"], id);
    assert_eq!(control(&sim, "GET", "journal", &json!(null)).json()["effects"][2]["kind"], "agent_reply");
    assert_eq!(control(&sim, "GET", "faults", &json!(null)).json()["faults"][0]["fired"], 0);
    assert_eq!(control(&sim, "GET", "verdict", &json!(null)).json()["untouched"][0], id);
    for name in ["requests", "firings", "orders", "agents", "settings"] {
        assert_eq!(control(&sim, "GET", name, &json!(null)).status, 200, "{name}");
    }
    assert_eq!(control(&sim, "POST", "agent_closes", &json!({"ticket": "x"})).status, 422);
    assert_eq!(control(&sim, "POST", "dance", &json!({})).status, 400);
    assert_eq!(control(&sim, "GET", "dance", &json!(null)).status, 404);
    assert_eq!(sim.counts().total, 0, "control routes are no requests");
}

#[test]
fn a_reset_forgets_everything_but_how_it_was_started() {
    let sim = start();
    written(&sim);
    get(&sim, "/teams");
    sim.set_fault(Fault::always(Matcher::default(), Action::Garbage));
    sim.reset();
    assert!(sim.snapshot().is_empty() && sim.journal().is_empty() && sim.requests().is_empty());
    assert_eq!(get(&sim, "/users").json()["count"], 3);
    assert_eq!((sim.requests()[0].seq, sim.requests()[0].status), (2, Some(200)));
}

#[test]
fn the_journal_file_holds_what_the_journal_holds() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("effects.jsonl");
    let sim = start_with(|options| options.journal_path = Some(path.clone()));
    let ava = written(&sim);
    put(&sim, &at(&ava.ticket_id, "/add-tags"), &json!({"tags": ["mw-processed"]}));
    let lines = std::fs::read_to_string(&path).unwrap();
    let read: Vec<Effect> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(read, sim.journal());
    assert_eq!(read.last().unwrap().applied_by_request, Some(1));
}

#[test]
fn the_same_seed_tells_the_same_story() {
    let story = |seed| {
        let sim = start_with(|options| options.seed = seed);
        for n in 0..20 {
            let person = people::person(seed, n);
            let name = format!("{} {}", person.first_name, person.last_name);
            sim.customer_writes(NewMessage {
                email: person.email,
                name,
                text: "hi".into(),
                ..NewMessage::default()
            })
            .unwrap();
        }
        sim.snapshot()
    };
    assert_eq!(story(3), story(3));
    assert_ne!(story(3), story(4));
}

#[test]
fn dropping_the_last_handle_stops_it_and_a_taken_port_is_an_error() {
    let sim = start();
    let addr = sim.addr();
    let taken = Sim::start(SimOptions { listen: addr, ..SimOptions::default() });
    assert!(matches!(taken, Err(SimError::Bind(at, _)) if at == addr));
    let other = sim.clone();
    drop(sim);
    assert_eq!(get(&other, "/teams").status, 200);
    drop(other);
    assert!(std::net::TcpStream::connect(addr).is_err());
}

#[test]
fn serving_ends_when_the_flag_is_set() {
    let stop = AtomicBool::new(false);
    serve(SimOptions::default(), &stop, |sim| {
        assert_eq!(get(sim, "/teams").status, 200);
        stop.store(true, std::sync::atomic::Ordering::SeqCst);
    })
    .unwrap();
}
