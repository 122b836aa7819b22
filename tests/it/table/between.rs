//! Row: an agent answers first, a customer writes during processing, a sweep meets a call.
//!
//! What happens is put just before each single API call of an answered e-mail in turn. What the daemon reads before it
//! writes, it can know: then the agent wins. With `ticket_max_age_seconds = 0` the ticket is read again right before
//! every reply, so that only what happens after that read is not known in time.

use richpanel_mw::daemon::control::Request;
use richpanel_mw::sim::{Action, Effect, Fault, Matcher, Script, Verb};
use richpanel_mw::store::sqlite::reader::Filter;
use richpanel_mw::timer::reconcile::CsvRow;

use super::*;

/// A call of the flow: which endpoint, the how manieth to it.
type Call = (&'static str, u32);

/// The calls of an answered e-mail by default.
const SIX: &[Call] = &[(READ, 1), (LINK, 1), (ORDER, 1), (SEND, 1), (CLOSE, 1), (TAGS, 1)];
/// The same when every reply is preceded by a look.
const SEVEN: &[Call] = &[(READ, 1), (LINK, 1), (ORDER, 1), (READ, 2), (SEND, 1), (CLOSE, 1), (TAGS, 1)];
/// However slow the machine: no second look.
const LOOK_ONCE: &str = "gates.ticket_max_age_seconds = 60\n";
const LOOK_ALWAYS: &str = "gates.ticket_max_age_seconds = 0\n";

/// One ticket's story: what happened before which call.
struct Case<'a> {
    world: &'a World,
    ticket: String,
    before: Call,
    /// Whether the daemon still read the ticket before it replied.
    known: bool,
}

impl Case<'_> {
    fn replies(&self) -> u32 {
        self.world.replies(&self.ticket)
    }

    /// Whether the thing happened before this call was applied.
    fn happened_before(&self, call: &str, flow: &[Call]) -> bool {
        let place = |wanted: &str| flow.iter().rposition(|(endpoint, _)| *endpoint == wanted).unwrap();
        flow.iter().position(|call| *call == self.before).unwrap() <= place(call)
    }

    fn says(&self) -> String {
        format!("before {:?}: {:?}", self.before, self.world.event(&self.ticket))
    }
}

/// Plays the verb before each call of the flow, one ticket after the other, and looks at each when all is quiet.
fn before_each_call(more: &str, flow: &[Call], verb: impl Fn(&str) -> Verb, look: impl Fn(&Case<'_>)) {
    let world = fast(more);
    let reads = flow.iter().rposition(|(endpoint, _)| *endpoint == READ).map_or(0, |last| last + 1);
    for (n, before) in (0..).zip(flow) {
        let ticket = id(n);
        let matcher = Matcher::endpoint(before.0).nth(before.1);
        world.sim.add_script(Script { matcher, verbs: vec![verb(&ticket)] });
        world.writes(question(n));
        all_ended(&world, Duration::from_secs(20));
        let known = (n as usize) < reads;
        look(&Case { world: &world, ticket, before: *before, known });
    }
    world.settled();
}

fn both_flows(verb: impl Fn(&str) -> Verb, look: impl Fn(&Case<'_>, &[Call])) {
    before_each_call(LOOK_ONCE, SIX, &verb, |case| look(case, SIX));
    before_each_call(LOOK_ALWAYS, SEVEN, &verb, |case| look(case, SEVEN));
}

#[test]
fn an_agent_who_answers_before_any_call_wins_wherever_it_can_be_known() {
    let agent = |ticket: &str| Verb::AgentReplies {
        ticket: Some(ticket.into()),
        text: "I have it.".into(),
        agent: None,
    };
    both_flows(agent, |case, flow| {
        let outcome = case.world.outcome(&case.ticket);
        if case.known {
            assert_eq!((case.replies(), outcome.as_str()), (0, "seen"), "{}", case.says());
            assert_eq!(
                case.world.tags(&case.ticket),
                ["mw-intent-order-status", "mw-processed"],
                "{}",
                case.says()
            );
        } else {
            assert_eq!(case.replies(), 1, "{}", case.says());
        }
        let closed_first = !case.happened_before(CLOSE, flow);
        let status = if closed_first { "CLOSED" } else { "OPEN" };
        assert_eq!(case.world.status(&case.ticket), status, "closed over an agent's words: {}", case.says());
    });
}

#[test]
fn a_customer_who_writes_again_before_any_call_is_heard_and_never_answered_twice() {
    let again = |ticket: &str| Verb::CustomerWritesAgain {
        ticket: Some(ticket.into()),
        text: "Forget that. Please cancel my order.".into(),
    };
    both_flows(again, |case, _| {
        assert_eq!(case.replies(), u32::from(!case.known), "{}", case.says());
        assert_eq!(
            case.world.status(&case.ticket),
            "OPEN",
            "closed with an open wish on it: {}",
            case.says()
        );
        for tag in ["mw-intent-cancel-order", "mw-processed"] {
            assert!(case.world.has_tag(&case.ticket, tag), "{tag}: {}", case.says());
        }
    });
}

#[test]
fn mw_stop_set_before_any_call_ends_all_writes_wherever_it_can_be_known() {
    let stop = |ticket: &str| Verb::AgentTags { ticket: Some(ticket.into()), tags: vec!["mw-stop".into()] };
    both_flows(stop, |case, _| {
        let writes: Vec<Effect> = case.world.sim.writes_while_tagged("mw-stop");
        let writes: Vec<_> = writes
            .iter()
            .filter(|effect| effect.ticket_id == case.ticket)
            .map(|effect| effect.kind)
            .collect();
        println!("{:?}: {writes:?}", case.before);
        if case.known {
            assert_eq!(writes, [], "{}", case.says());
        }
        // No answer shows the ticket before the close's: from then on it is known.
        let tagged = writes.contains(&EffectKind::TagsAdded);
        assert_eq!(tagged, case.before == (TAGS, 1), "{}", case.says());
    });
}

#[test]
fn a_ticket_closed_before_any_call_gets_no_reply_wherever_it_can_be_known_and_stays_closed() {
    let close = |ticket: &str| Verb::AgentCloses { ticket: Some(ticket.into()) };
    both_flows(close, |case, _| {
        assert_eq!(case.replies(), u32::from(!case.known), "{}", case.says());
        assert_eq!(case.world.status(&case.ticket), "CLOSED", "{}", case.says());
        if case.known {
            assert_eq!(case.world.tags(&case.ticket), ["mw-processed"], "{}", case.says());
        }
    });
}

#[test]
fn a_ticket_deleted_before_any_call_is_gone_and_said_to_be() {
    let world = fast(LOOK_ONCE);
    for (n, before) in (0..).zip(SIX) {
        let ticket = id(n);
        let verbs = vec![Verb::DeleteTicket { ticket: Some(ticket.clone()) }];
        world.sim.add_script(Script { matcher: Matcher::endpoint(before.0), verbs });
        world.writes(question(n));
        // A ticket that was made just now may not be found yet: it is looked for over two minutes. Make them go by.
        world.until("its end, or a look for it later", |world| {
            world
                .event(&ticket)
                .is_some_and(|event| ["done", "backoff", "dead"].contains(&event.state.as_str()))
        });
        let file = Connection::open(world.database()).unwrap();
        file.busy_timeout(Duration::from_secs(5)).unwrap();
        file.execute("update events set accepted_at = accepted_at - 200000 where ticket_id = ?1", [&ticket])
            .unwrap();
        drop(file);
        all_ended(&world, Duration::from_secs(20));
        let event = world.event(&ticket).unwrap();
        println!(
            "{before:?}: {} {:?} after {} calls: {}",
            event.state, event.outcome, event.calls_out, event.reason
        );
        assert_eq!(world.outcome(&ticket), "gone", "before {before:?}: {}", event.reason);
        let sent = applied(&world, EffectKind::Reply).get(&ticket).copied().unwrap_or_default();
        assert_eq!(sent, usize::from(n > 3), "before {before:?}");
    }
    world.settled();
}

fn rows(ticket: &str) -> Request {
    let row = CsvRow { ticket_id: Some(ticket.into()), conversation_no: None, updated_at: None };
    Request::Reconcile { csv: Some(vec![row]) }
}

#[test]
fn a_sweep_and_a_call_that_meet_on_a_ticket_are_one_answer() {
    let world = fast("");
    for n in 0..30 {
        let ticket = id(n);
        world.writes(NewMessage { quiet: true, ..question(n) });
        // The worker that comes first is at its read while the other one arrives.
        world.sim.set_fault(Fault::once(Matcher::endpoint(READ).on(&ticket), Action::Slow { ms: 40 }));
        std::thread::scope(|scope| {
            let sweep = || world.ask(&rows(&ticket));
            let call = || assert_eq!(world.call(&ticket).0, 200);
            match n % 3 {
                0 => {
                    call();
                    sweep();
                }
                1 => {
                    sweep();
                    call();
                }
                _ => {
                    scope.spawn(sweep);
                    scope.spawn(call);
                }
            }
        });
    }
    all_ended(&world, Duration::from_secs(20));
    for n in 0..30 {
        let ticket = id(n);
        assert_eq!(world.replies(&ticket), 1, "{ticket}");
        let filter = Filter { ticket: Some(ticket.clone()), limit: 10, ..Filter::default() };
        let events = world.reader().events(&filter).unwrap();
        assert_eq!(events.iter().filter(|event| event.state == "done").count(), 1, "{events:#?}");
        assert!(
            events.iter().all(|event| ["done", "duplicate"].contains(&event.state.as_str())),
            "{events:#?}"
        );
    }
    for kind in [EffectKind::Reply, EffectKind::Closed, EffectKind::TagsAdded] {
        assert!(applied(&world, kind).values().all(|count| *count == 1), "{kind:?} twice");
    }
    world.settled();
}
