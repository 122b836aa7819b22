//! What any store adapter must pass. An adapter's tests call [`suite!`] with a way to make an empty store; each
//! promise of the port is one function here.

use std::sync::mpsc;
use std::time::Duration;

use crate::clock::after;
use crate::event::{
    Caps, EventId, HelpdeskName, Intent, Lane, MessageKey, Mode, Outcome, Source, State, TicketId, Timestamp,
};
use crate::store::marks::{MODEL, RESTORE_AT};
use crate::store::models::{KEPT_MAX, NewModel};
use crate::store::{
    Accepted, Answer, Begun, Claim, CoverageHour, End, Fetched, Gap, GapsDue, KnownTicket, Look, NewCall,
    Plan, ReplyPlan, ReplyState, Seen, StepPlan, StepState, Store, StoreError,
};

/// Makes one `#[test]` of every promise. The factory gives a store and whatever must outlive it.
macro_rules! suite {
    ($factory:expr) => {
        crate::store::conformance::suite!(@ $factory,
            a_call_becomes_an_event_and_a_second_one_joins_it,
            a_worked_event_gets_a_successor_and_they_are_worked_in_order,
            a_held_or_checked_event_does_not_block_its_successor,
            live_chat_goes_before_mail_and_mail_before_sweeps,
            the_same_customer_message_is_handled_once,
            a_lost_claim_can_write_nothing,
            a_stopped_process_loses_nothing_and_does_not_know_about_its_reply,
            a_lease_that_ran_out_frees_the_event,
            a_reply_begins_once_whatever_happens,
            caps_hold_in_the_transaction_that_begins_the_reply,
            a_reply_to_what_is_older_than_a_restore_never_begins,
            a_reply_without_a_time_never_begins_after_a_restore,
            a_plan_reads_back_with_how_far_it_got,
            a_plan_that_has_begun_cannot_change,
            dead_letters_come_back_only_by_a_person,
            a_clock_set_back_puts_nothing_off,
            a_dead_letter_keeps_its_plan,
            another_plan_takes_the_place_of_what_was_not_done,
            an_event_backed_off_is_not_due_before_its_time,
            settings_outlive_and_can_be_removed,
            pruning_takes_only_what_is_old_and_ended,
            bytes_that_nobody_can_read_are_kept_and_queue_nothing,
            a_refused_reply_stays_in_the_journal_as_cancelled,
            a_step_nobody_saw_can_be_proven_later,
            tags_that_nobody_ever_saw_are_a_dead_letter_that_can_be_tried_again,
            an_ended_event_leaves_nothing_planned,
            the_bell_rings_when_there_is_work,
            an_alert_is_raised_once_until_it_is_cleared,
            what_an_outage_put_off_is_brought_forward_and_nothing_else,
            bad_ends_of_replies_stop_replying_until_a_person_lets_it_go_on,
            a_message_counts_once_by_how_it_came,
            numbers_that_nothing_told_us_of_are_noted_and_closed_by_whoever_meets_them,
            a_young_file_searches_nothing_older_than_its_first_number,
            a_missing_number_is_looked_up_when_its_time_has_come,
            one_model_is_in_force_and_a_person_may_go_back,
            the_newest_models_are_kept_and_the_one_in_force,
        );
    };
    (@ $factory:expr, $($test:ident),+ $(,)?) => {
        $(
            #[test]
            fn $test() {
                let clock = std::sync::Arc::new(crate::clock::ManualClock::at(crate::store::conformance::START));
                let (store, _keep) = ($factory)(std::sync::Arc::clone(&clock));
                crate::store::conformance::$test(store.as_ref());
            }
        )+
    };
}
pub(crate) use suite;

/// When every test begins.
pub(crate) const START: Timestamp = Timestamp::constant(1_770_000_000, 0);
const LEASE: Duration = Duration::from_secs(60);
const CAPS: Caps = Caps { per_ticket_day: 1, per_customer_day: 2, per_hour: 3, bad: 0 };

fn seconds(n: u64) -> Timestamp {
    after(START, Duration::from_secs(n))
}

fn call(ticket: Option<&str>, lane: Lane, at: Timestamp) -> NewCall {
    NewCall {
        helpdesk: HelpdeskName::from("richpanel"),
        ticket: ticket.map(TicketId::from),
        source: Source::Call,
        lane,
        at,
        fields: "{}".into(),
        raw: Some((Some("application/json".into()), b"raw bytes".to_vec())),
        salvaged: false,
    }
}

fn take_in(store: &dyn Store, call: NewCall) -> Result<Accepted, StoreError> {
    let (answer, wait) = mpsc::channel();
    store.accept(call, Box::new(move |result| answer.send(result).unwrap()));
    wait.recv_timeout(Duration::from_secs(10)).unwrap()
}

/// Accepts one call and waits for its commit.
pub(crate) fn accept(
    store: &dyn Store,
    ticket: &str,
    lane: Lane,
    at: Timestamp,
) -> Result<Accepted, StoreError> {
    take_in(store, call(Some(ticket), lane, at))
}

fn new_event(store: &dyn Store, ticket: &str, at: Timestamp) -> EventId {
    match accept(store, ticket, Lane::Email, at).unwrap() {
        Accepted::New(event) => event,
        other => panic!("{other:?}"),
    }
}

fn claim(store: &dyn Store, at: Timestamp) -> Claim {
    store.claim(at, LEASE).unwrap().expect("an event is due")
}

fn end(state: State) -> End {
    End {
        state,
        outcome: (state == State::Done).then_some(Outcome::Routed),
        due_at: None,
        failed: false,
        reason: "test".into(),
        calls: 2,
    }
}

fn seen(message: &str) -> Seen {
    Seen {
        number: Some(7),
        message: Some(MessageKey::stored(message)),
        also: None,
        message_at: Some(START),
        channel: "email".into(),
        open: true,
        updated_at: Some(START),
        customer: Some("hash-of-ava".into()),
    }
}

fn plan(message: &str, customer: &str) -> Plan {
    Plan {
        intent: Intent::from("order_status"),
        confidence: 0.9,
        mode: Mode::Live,
        team: Some("email-support".into()),
        outcome: Outcome::Answered,
        reason: "every gate passed".into(),
        classifier: "test".into(),
        detail: "{}".into(),
        reply: Some(ReplyPlan {
            template: "order_status_shipped".into(),
            body: "on its way".into(),
            message: MessageKey::stored(message),
            customer: Some(customer.into()),
        }),
        steps: vec![StepPlan { kind: "close".into(), body: "{}".into(), rule: "template".into() }],
    }
}

fn planned(store: &dyn Store, ticket: &str, message: &str, customer: &str, at: Timestamp) -> Claim {
    new_event(store, ticket, at);
    let claim = claim(store, at);
    store.planned(&claim, &plan(message, customer), at).unwrap();
    claim
}

pub(crate) fn a_call_becomes_an_event_and_a_second_one_joins_it(store: &dyn Store) {
    let event = new_event(store, "T-1", START);
    let other = new_event(store, "T-2", START);
    assert_eq!(accept(store, "T-1", Lane::Email, START), Ok(Accepted::Joined(event)));
    assert_ne!(event, other);
    assert_eq!(
        store.counts().unwrap().iter().find(|(state, _)| *state == State::Waiting),
        Some(&(State::Waiting, 2))
    );
}

pub(crate) fn a_worked_event_gets_a_successor_and_they_are_worked_in_order(store: &dyn Store) {
    let first = new_event(store, "T-1", START);
    let claimed = claim(store, START);
    assert_eq!((claimed.event, claimed.attempt), (first, 1));
    let second = new_event(store, "T-1", START);
    assert_ne!(first, second);
    assert_eq!(store.claim(START, LEASE).unwrap(), None, "two events of one ticket at a time");
    store.finish(&claimed, &End { due_at: Some(seconds(30)), ..end(State::Backoff) }, START).unwrap();
    assert_eq!(store.claim(seconds(1), LEASE).unwrap(), None, "the second overtook a backed-off first");
    let again = claim(store, seconds(30));
    assert_eq!((again.event, again.attempt), (first, 2));
    store.finish(&again, &end(State::Done), seconds(31)).unwrap();
    assert_eq!(claim(store, seconds(31)).event, second);
}

pub(crate) fn a_held_or_checked_event_does_not_block_its_successor(store: &dyn Store) {
    for (ticket, state) in [("T-1", State::Held), ("T-2", State::Checking)] {
        let first = new_event(store, ticket, START);
        let claimed = claim(store, START);
        store.finish(&claimed, &End { due_at: Some(seconds(600)), ..end(state) }, START).unwrap();
        let second = new_event(store, ticket, START);
        let successor = claim(store, START);
        assert_eq!(successor.event, second);
        assert_eq!(
            store.claim(seconds(600), LEASE).unwrap(),
            None,
            "the first woke while the second was worked"
        );
        store.finish(&successor, &end(State::Done), seconds(600)).unwrap();
        let woken = claim(store, seconds(600));
        assert_eq!(woken.event, first);
        store.finish(&woken, &end(State::Done), seconds(600)).unwrap();
    }
}

pub(crate) fn live_chat_goes_before_mail_and_mail_before_sweeps(store: &dyn Store) {
    for (ticket, lane) in
        [("S", Lane::Sweep), ("M-1", Lane::Email), ("M-2", Lane::Email), ("C", Lane::LiveChat)]
    {
        accept(store, ticket, lane, START).unwrap();
    }
    let due = store.next_due(START).unwrap().unwrap();
    assert_eq!((due.at, due.lane, due.state), (START, Lane::LiveChat, State::Waiting));
    let order: Vec<_> = (0..4).map(|_| claim(store, START).ticket.as_str().to_owned()).collect();
    assert_eq!(order, ["C", "M-1", "M-2", "S"]);
    // A chat line on a ticket that waits in a slower lane lifts it.
    accept(store, "slow", Lane::Sweep, START).unwrap();
    accept(store, "mail", Lane::Email, START).unwrap();
    accept(store, "slow", Lane::LiveChat, START).unwrap();
    assert_eq!(claim(store, START).ticket.as_str(), "slow");
}

pub(crate) fn the_same_customer_message_is_handled_once(store: &dyn Store) {
    let first = new_event(store, "T-1", START);
    let claimed = claim(store, START);
    assert_eq!(store.fetched(&claimed, &seen("m-1"), START), Ok(Fetched::Fresh));
    assert_eq!(
        store.fetched(&claimed, &seen("m-1"), START),
        Ok(Fetched::Fresh),
        "its own key on a second attempt"
    );
    store.finish(&claimed, &end(State::Done), START).unwrap();
    new_event(store, "T-1", START);
    let second = claim(store, START);
    assert_eq!(store.fetched(&second, &seen("m-1"), START), Ok(Fetched::DuplicateOf(first)));
    store.finish(&second, &end(State::Duplicate), START).unwrap();
    new_event(store, "T-2", START);
    let elsewhere = claim(store, START);
    assert_eq!(
        store.fetched(&elsewhere, &seen("m-1"), START),
        Ok(Fetched::Fresh),
        "another ticket's message"
    );
    let known =
        store.known_ticket(&HelpdeskName::from("richpanel"), &TicketId::from("T-1")).unwrap().unwrap();
    assert_eq!((known.number, &known.message), (Some(7), &Some(MessageKey::stored("m-1"))));
}

pub(crate) fn a_lost_claim_can_write_nothing(store: &dyn Store) {
    let lost = planned(store, "T-1", "m", "ava", START);
    store.rescue(seconds(3600)).unwrap();
    let holder = claim(store, seconds(3600));
    assert_eq!((holder.event, holder.attempt), (lost.event, 2));
    let answer = Answer::default();
    assert_eq!(store.fetched(&lost, &seen("m"), START), Err(StoreError::Lost));
    assert_eq!(store.planned(&lost, &plan("m", "ava"), START), Err(StoreError::Lost));
    assert_eq!(store.begin_reply(&lost, &CAPS, START), Err(StoreError::Lost));
    assert_eq!(store.reply_is(&lost, ReplyState::Sent, &answer, START), Err(StoreError::Lost));
    assert_eq!(store.step_is(&lost, 0, StepState::Applied, &answer, START), Err(StoreError::Lost));
    assert_eq!(store.finish(&lost, &end(State::Done), START), Err(StoreError::Lost));
    store.finish(&holder, &end(State::Done), seconds(3600)).unwrap();
    assert_eq!(
        store.finish(&holder, &end(State::Done), seconds(3600)),
        Err(StoreError::Lost),
        "finished twice"
    );
}

pub(crate) fn a_stopped_process_loses_nothing_and_does_not_know_about_its_reply(store: &dyn Store) {
    let sending = planned(store, "T-1", "m-1", "ava", START);
    assert_eq!(store.begin_reply(&sending, &CAPS, START), Ok(Begun::Yes));
    let untouched = planned(store, "T-2", "m-2", "ben", START);
    assert_eq!(store.recover(seconds(1)).unwrap(), 2);
    let state = |event| store.journal(event).unwrap().unwrap().reply.unwrap().state;
    assert_eq!(state(sending.event), ReplyState::Unsure);
    assert_eq!(state(untouched.event), ReplyState::Planned, "a reply that never began is not unsure");
    let again = claim(store, seconds(1));
    assert_eq!((again.event, again.attempt), (sending.event, 2));
    assert!(matches!(store.begin_reply(&again, &CAPS, seconds(1)), Ok(Begun::No(_))), "it was sent again");
}

pub(crate) fn a_lease_that_ran_out_frees_the_event(store: &dyn Store) {
    new_event(store, "T-1", START);
    let held = claim(store, START);
    assert_eq!(store.rescue(seconds(59)).unwrap(), 0);
    assert_eq!(store.claim(seconds(59), LEASE).unwrap(), None);
    assert_eq!(store.rescue(seconds(60)).unwrap(), 1);
    assert_eq!(claim(store, seconds(60)).event, held.event);
}

pub(crate) fn a_reply_begins_once_whatever_happens(store: &dyn Store) {
    let first = planned(store, "T-1", "m-1", "ava", START);
    let wide = Caps { per_ticket_day: 9, per_customer_day: 9, per_hour: 9, bad: 0 };
    assert_eq!(store.begin_reply(&first, &wide, START), Ok(Begun::Yes));
    assert!(matches!(store.begin_reply(&first, &wide, START), Ok(Begun::No(_))), "twice in one attempt");
    // Proven not sent: it may begin again.
    store.reply_is(&first, ReplyState::NotSent, &Answer::default(), START).unwrap();
    assert_eq!(store.begin_reply(&first, &wide, START), Ok(Begun::Yes));
    store.reply_is(&first, ReplyState::Sent, &Answer::default(), START).unwrap();
    store.finish(&first, &end(State::Done), START).unwrap();
    // Another event that answers the same message, past key 2.
    let second = planned(store, "T-1", "m-1", "ava", START);
    assert!(
        matches!(store.begin_reply(&second, &wide, START), Ok(Begun::No(why)) if why.contains("already"))
    );
    store.finish(&second, &end(State::Done), START).unwrap();
    let next_message = planned(store, "T-1", "m-2", "ava", START);
    assert_eq!(store.begin_reply(&next_message, &wide, START), Ok(Begun::Yes), "a newer message was blocked");
}

pub(crate) fn caps_hold_in_the_transaction_that_begins_the_reply(store: &dyn Store) {
    let begin = |ticket: &str, message: &str, customer: &str, at| {
        let claim = planned(store, ticket, message, customer, at);
        let begun = store.begin_reply(&claim, &CAPS, at).unwrap();
        store.finish(&claim, &end(State::Done), at).unwrap();
        begun
    };
    assert_eq!(begin("T-1", "m-1", "ava", START), Begun::Yes);
    assert!(matches!(begin("T-1", "m-2", "ava", seconds(1)), Begun::No(why) if why.contains("ticket")));
    assert_eq!(begin("T-2", "m-1", "ava", seconds(2)), Begun::Yes);
    assert!(matches!(begin("T-3", "m-1", "ava", seconds(3)), Begun::No(why) if why.contains("customer")));
    assert_eq!(begin("T-4", "m-1", "ben", seconds(4)), Begun::Yes);
    assert!(matches!(begin("T-5", "m-1", "eva", seconds(5)), Begun::No(why) if why.contains("hour")));
    assert_eq!(begin("T-6", "m-1", "eva", seconds(3_601)), Begun::Yes, "the hour passed");
    assert_eq!(begin("T-1", "m-3", "ava", seconds(86_403)), Begun::Yes, "the day passed");
    let counts = store.reply_counts(
        &HelpdeskName::from("richpanel"),
        &TicketId::from("T-1"),
        Some("ava"),
        seconds(86_403),
    );
    assert_eq!(counts.unwrap().ticket_day, 1);
}

pub(crate) fn a_reply_to_what_is_older_than_a_restore_never_begins(store: &dyn Store) {
    new_event(store, "T-1", START);
    let claim = claim(store, START);
    store.fetched(&claim, &Seen { message_at: Some(START), ..seen("m-1") }, START).unwrap();
    store.planned(&claim, &plan("m-1", "ava"), START).unwrap();
    for restored in [START.to_string(), seconds(5).to_string(), "no time at all".into()] {
        store.set(RESTORE_AT, Some(&restored), "restore", seconds(5)).unwrap();
        let begun = store.begin_reply(&claim, &CAPS, seconds(9)).unwrap();
        assert!(matches!(begun, Begun::No(why) if why.contains("restored")), "{restored}");
    }
    let earlier = crate::clock::from_millis(crate::clock::millis(START) - 1).to_string();
    store.set(RESTORE_AT, Some(&earlier), "restore", seconds(5)).unwrap();
    assert_eq!(store.begin_reply(&claim, &CAPS, seconds(9)), Ok(Begun::Yes), "written after the restore");
}

pub(crate) fn a_reply_without_a_time_never_begins_after_a_restore(store: &dyn Store) {
    new_event(store, "T-1", START);
    let claim = claim(store, START);
    store.fetched(&claim, &Seen { message_at: None, ..seen("m-1") }, START).unwrap();
    store.planned(&claim, &plan("m-1", "ava"), START).unwrap();
    store.set(RESTORE_AT, Some("2020-01-01T00:00:00Z"), "restore", START).unwrap();
    assert!(matches!(store.begin_reply(&claim, &CAPS, START), Ok(Begun::No(_))));
}

pub(crate) fn a_plan_reads_back_with_how_far_it_got(store: &dyn Store) {
    let claim = planned(store, "T-1", "m-1", "ava", START);
    let other = planned(store, "T-2", "m-1", "ben", START);
    store.begin_reply(&claim, &CAPS, START).unwrap();
    store.reply_is(&claim, ReplyState::Unsure, &Answer::default(), START).unwrap();
    for _ in 0..2 {
        store.reply_is(&claim, ReplyState::Unsure, &Answer::default(), seconds(2)).unwrap();
    }
    let answer = Answer { status: Some(200), text: "{}".into(), calls: 3 };
    store.step_is(&claim, 0, StepState::Applied, &answer, seconds(3)).unwrap();
    let tag = StepPlan { kind: "add-tags".into(), body: "[]".into(), rule: "unconfirmed".into() };
    store.add_step(&claim, &tag, seconds(4)).unwrap();
    let journal = store.journal(claim.event).unwrap().unwrap();
    let reply = journal.reply.unwrap();
    assert_eq!((reply.state, reply.checks, reply.sending_at), (ReplyState::Unsure, 2, Some(START)));
    let steps: Vec<_> = journal.steps.iter().map(|step| (step.seq, step.state)).collect();
    assert_eq!(steps, [(0, StepState::Applied), (1, StepState::Planned)]);
    let untouched = store.journal(other.event).unwrap().unwrap();
    assert_eq!(untouched.reply.unwrap().state, ReplyState::Planned);
    assert_eq!(untouched.steps.len(), 1);
    assert_eq!(store.journal(EventId(999)).unwrap(), None);
}

pub(crate) fn a_plan_that_has_begun_cannot_change(store: &dyn Store) {
    let claim = planned(store, "T-1", "m-1", "ava", START);
    store.planned(&claim, &plan("m-2", "ava"), START).unwrap();
    store.begin_reply(&claim, &CAPS, START).unwrap();
    assert!(matches!(store.planned(&claim, &plan("m-3", "ava"), START), Err(StoreError::Refused(_))));
}

pub(crate) fn dead_letters_come_back_only_by_a_person(store: &dyn Store) {
    let event = new_event(store, "T-1", START);
    let claimed = claim(store, START);
    store.finish(&claimed, &End { failed: true, ..end(State::Dead) }, START).unwrap();
    assert_eq!(store.claim(seconds(99_999), LEASE).unwrap(), None);
    store.retry(event, "lead", seconds(1)).unwrap();
    let again = claim(store, seconds(1));
    assert_eq!((again.event, again.failures), (event, 0));
    assert!(
        matches!(store.discard(event, "no", "lead", seconds(1)), Err(StoreError::Refused(_))),
        "while worked"
    );
    store.finish(&again, &end(State::Done), seconds(1)).unwrap();
    assert!(matches!(store.retry(event, "lead", seconds(2)), Err(StoreError::Refused(_))), "a done one");
    let other = new_event(store, "T-2", START);
    store.discard(other, "spam", "lead", seconds(2)).unwrap();
    assert_eq!(store.claim(seconds(3), LEASE).unwrap(), None);
    assert_eq!(store.retry(EventId(999), "lead", START), Err(StoreError::NoSuchEvent(EventId(999))));
}

pub(crate) fn an_event_backed_off_is_not_due_before_its_time(store: &dyn Store) {
    new_event(store, "T-1", START);
    let claimed = claim(store, START);
    let later = End { due_at: Some(seconds(10)), failed: true, ..end(State::Backoff) };
    store.finish(&claimed, &later, START).unwrap();
    assert_eq!(store.claim(seconds(9), LEASE).unwrap(), None);
    assert_eq!(store.next_due(seconds(9)).unwrap().unwrap().at, seconds(10));
    assert_eq!(claim(store, seconds(10)).failures, 1);
}

pub(crate) fn settings_outlive_and_can_be_removed(store: &dyn Store) {
    store.set("mode", Some("live"), "lead", START).unwrap();
    store.set("list", Some("forbidden"), "sweep", START).unwrap();
    store.set("mode", Some("off"), "admin", seconds(1)).unwrap();
    let mode = store.setting("mode").unwrap().unwrap();
    assert_eq!((mode.value.as_str(), mode.by.as_str(), mode.at), ("off", "admin", seconds(1)));
    store.set("mode", None, "lead", seconds(2)).unwrap();
    assert_eq!(store.setting("mode").unwrap(), None);
    assert_eq!(store.setting("list").unwrap().unwrap().value, "forbidden");
}

pub(crate) fn pruning_takes_only_what_is_old_and_ended(store: &dyn Store) {
    let finish_at = |ticket: &str, state, at| {
        let event = new_event(store, ticket, at);
        let claimed = claim(store, at);
        let number = Some(if ticket == "T-new" { 9 } else { 7 });
        store.fetched(&claimed, &Seen { number, ..seen("m") }, at).unwrap();
        store.finish(&claimed, &end(state), at).unwrap();
        event
    };
    let old = finish_at("T-old", State::Done, START);
    finish_at("T-dead", State::Dead, START);
    finish_at("T-new", State::Done, seconds(1_000));
    let open = new_event(store, "T-open", START);
    assert_eq!(store.prune(seconds(500), seconds(500), 100).unwrap(), 1);
    assert_eq!(store.prune(seconds(500), seconds(500), 100).unwrap(), 0);
    assert_eq!(store.journal(old).unwrap(), None);
    assert_eq!(claim(store, seconds(2_000)).event, open);
    let desk = HelpdeskName::from("richpanel");
    let known = |ticket: &str| store.known_ticket(&desk, &TicketId::from(ticket)).unwrap().is_some();
    assert!(
        known("T-new") && !known("T-old"),
        "a ticket nobody looked at for long is forgotten, another is not"
    );
    // Its key went too: the same message would be handled again.
    new_event(store, "T-old", seconds(2_000));
    let again = claim(store, seconds(2_000));
    assert_eq!(store.fetched(&again, &seen("m"), seconds(2_000)), Ok(Fetched::Fresh));
}

pub(crate) fn bytes_that_nobody_can_read_are_kept_and_queue_nothing(store: &dyn Store) {
    assert_eq!(take_in(store, call(None, Lane::Email, START)), Ok(Accepted::Kept));
    assert_eq!(store.next_due(START).unwrap(), None);
}

pub(crate) fn the_bell_rings_when_there_is_work(store: &dyn Store) {
    let (ring, heard) = mpsc::channel();
    store.on_work(Box::new(move || ring.send(()).unwrap()));
    new_event(store, "T-1", START);
    heard.recv_timeout(Duration::from_secs(10)).unwrap();
}

pub(crate) fn a_refused_reply_stays_in_the_journal_as_cancelled(store: &dyn Store) {
    let claim = planned(store, "T-1", "m-1", "ava", START);
    store.begin_reply(&claim, &CAPS, START).unwrap();
    let refused = Answer { status: Some(400), text: "no".into(), calls: 4 };
    store.reply_is(&claim, ReplyState::NotSent, &refused, START).unwrap();
    store.planned(&claim, &Plan { reply: None, ..plan("m-1", "ava") }, START).unwrap();
    let reply = store.journal(claim.event).unwrap().unwrap().reply.unwrap();
    assert_eq!(reply.state, ReplyState::Cancelled);
}

pub(crate) fn a_step_nobody_saw_can_be_proven_later(store: &dyn Store) {
    let desk = HelpdeskName::from("richpanel");
    let claim = planned(store, "T-1", "m-1", "ava", START);
    store.step_is(&claim, 0, StepState::Unproven, &Answer::default(), START).unwrap();
    assert_eq!(store.unproven(&desk, seconds(60), 10).unwrap(), [], "its event is still open");
    store.finish(&claim, &end(State::Done), START).unwrap();
    assert_eq!(store.unproven(&desk, START, 10).unwrap(), [], "too early");
    let found = store.unproven(&desk, seconds(60), 10).unwrap();
    assert_eq!((found.len(), found[0].event, found[0].seq), (1, claim.event, 0));
    store.proven(&found[0], StepState::Applied, &Answer::default(), seconds(60)).unwrap();
    assert_eq!(store.unproven(&desk, seconds(60), 10).unwrap(), []);
    assert_eq!(store.journal(claim.event).unwrap().unwrap().steps[0].state, StepState::Applied);
}

pub(crate) fn tags_that_nobody_ever_saw_are_a_dead_letter_that_can_be_tried_again(store: &dyn Store) {
    let desk = HelpdeskName::from("richpanel");
    let tags = StepPlan { kind: "add-tags".into(), body: "{}".into(), rule: "route".into() };
    for (ticket, unseen, state) in
        [("T-1", 1, StepState::Failed), ("T-2", 1, StepState::Skipped), ("T-3", 0, StepState::Failed)]
    {
        let claim = planned(store, ticket, "m-1", "ava", START);
        store.add_step(&claim, &tags, START).unwrap();
        store.step_is(&claim, unseen, StepState::Unproven, &Answer::default(), START).unwrap();
        store.finish(&claim, &end(State::Done), START).unwrap();
        let found = store.unproven(&desk, seconds(60), 10).unwrap();
        store.proven(&found[0], state, &Answer::default(), seconds(60)).unwrap();
    }
    let counts = store.counts().unwrap();
    // A close that failed is no reason: its ticket is open and tagged.
    assert!(counts.contains(&(State::Dead, 1)) && counts.contains(&(State::Done, 2)), "{counts:?}");
    store.retry(EventId(1), "lead", seconds(70)).unwrap();
    let again = claim(store, seconds(70));
    assert_eq!(again.event, EventId(1));
    assert_eq!(store.journal(again.event).unwrap().unwrap().steps[1].state, StepState::Planned);
}

pub(crate) fn a_clock_set_back_puts_nothing_off(store: &dyn Store) {
    let year = Duration::from_secs(400 * 24 * 3_600);
    let wrong = after(START, year);
    accept(store, "T-1", Lane::Email, wrong).unwrap();
    let due = store.next_due(START).unwrap().unwrap();
    assert!(due.at <= START, "{due:?}");
    store.rescue(START).unwrap();
    let claim = store.claim(START, LEASE).unwrap().expect("waits for a year that was never there");
    assert_eq!(claim.accepted_at, START, "waits would count from a year ahead");
    store.finish(&claim, &End { due_at: Some(wrong), ..end(State::Backoff) }, START).unwrap();
    assert_eq!(store.claim(START, LEASE).unwrap(), None);
    store.rescue(START).unwrap();
    assert!(store.claim(START, year).unwrap().is_some());
    assert_eq!(store.rescue(START).unwrap(), 1, "a lease of a year");
    // A clock in local time is hours ahead, not years.
    let claim = store.claim(START, LEASE).unwrap().unwrap();
    let hours = after(START, Duration::from_secs(5 * 3_600));
    store.finish(&claim, &End { due_at: Some(hours), ..end(State::Backoff) }, START).unwrap();
    store.rescue(START).unwrap();
    let claim = store.claim(START, LEASE).unwrap().expect("waits for hours that were never there");
    store.finish(&claim, &end(State::Done), START).unwrap();
    // Less far ahead than the longest wait: what put it off happened in the future.
    let (hold, wrong) = (Duration::from_secs(600), after(START, Duration::from_secs(1_200)));
    for (ticket, now) in [("T-2", wrong), ("T-3", START)] {
        accept(store, ticket, Lane::Email, now).unwrap();
        let claim = store.claim(now, LEASE).unwrap().unwrap();
        store.planned(&claim, &plan("m-1", "c"), now).unwrap();
        let put_off = End { due_at: Some(after(now, hold)), ..end(State::Held) };
        store.finish(&claim, &put_off, now).unwrap();
    }
    store.rescue(START).unwrap();
    let claim = store.claim(START, LEASE).unwrap().expect("waits until the clock is there again");
    assert_eq!(claim.ticket.as_str(), "T-2");
    let reply = store.journal(claim.event).unwrap().unwrap().reply.unwrap();
    assert_eq!(reply.planned_at, START, "its hold would begin anew until then");
    assert_eq!(store.claim(START, LEASE).unwrap(), None, "what was put off with the clock right waits");
}

pub(crate) fn a_dead_letter_keeps_its_plan(store: &dyn Store) {
    let claim = planned(store, "T-1", "m-1", "ava", START);
    store.finish(&claim, &end(State::Dead), START).unwrap();
    let dead = store.journal(claim.event).unwrap().unwrap();
    assert_eq!((dead.reply.unwrap().state, dead.steps[0].state), (ReplyState::Planned, StepState::Planned));
    store.retry(claim.event, "lead", START).unwrap();
    let claim = store.claim(START, LEASE).unwrap().unwrap();
    store.step_is(&claim, 0, StepState::Failed, &Answer::default(), START).unwrap();
    store.finish(&claim, &end(State::Dead), START).unwrap();
    store.retry(claim.event, "lead", START).unwrap();
    let again = store.journal(claim.event).unwrap().unwrap();
    assert_eq!(again.steps[0].state, StepState::Planned, "what failed is to be done again");
}

pub(crate) fn another_plan_takes_the_place_of_what_was_not_done(store: &dyn Store) {
    let claim = planned(store, "T-1", "m-1", "ava", START);
    let tag = StepPlan { kind: "add-tags".into(), body: "[]".into(), rule: "unconfirmed".into() };
    let why = Answer { status: None, text: "not confirmed".into(), calls: 1 };
    store.replan(&claim, &[tag.clone(), tag], &why, START).unwrap();
    let steps: Vec<_> =
        store.journal(claim.event).unwrap().unwrap().steps.into_iter().map(|s| s.state).collect();
    assert_eq!(steps, [StepState::Skipped, StepState::Planned, StepState::Planned]);
    let lost = Claim { attempt: claim.attempt + 1, ..claim };
    assert_eq!(store.replan(&lost, &[], &why, START), Err(StoreError::Lost));
}

pub(crate) fn an_ended_event_leaves_nothing_planned(store: &dyn Store) {
    let claim = planned(store, "T-1", "m-1", "ava", START);
    let other = planned(store, "T-2", "m-1", "ben", START);
    store.finish(&claim, &end(State::Duplicate), START).unwrap();
    let ended = store.journal(claim.event).unwrap().unwrap();
    assert_eq!(
        (ended.reply.unwrap().state, ended.steps[0].state),
        (ReplyState::Cancelled, StepState::Skipped)
    );
    let open = store.journal(other.event).unwrap().unwrap();
    assert_eq!((open.reply.unwrap().state, open.steps[0].state), (ReplyState::Planned, StepState::Planned));
}

pub(crate) fn an_alert_is_raised_once_until_it_is_cleared(store: &dyn Store) {
    assert_eq!(store.raise("down", "since one", seconds(1)), Ok(true));
    assert_eq!(store.raise("other", "stays", seconds(2)), Ok(true));
    assert_eq!(store.raise("down", "still", seconds(3)), Ok(false), "raised twice");
    let open = store.alerts().unwrap();
    let shown: Vec<_> = open.iter().map(|alert| (alert.key.as_str(), alert.text.as_str())).collect();
    assert_eq!(shown, [("down", "still"), ("other", "stays")]);
    assert_eq!(open[0].raised_at, seconds(1));
    assert_eq!(store.clear("down", seconds(4)), Ok(true));
    assert_eq!(store.clear("down", seconds(5)), Ok(false));
    assert_eq!(store.alerts().unwrap().len(), 1);
    assert_eq!(store.raise("down", "again", seconds(6)), Ok(true));
}

pub(crate) fn what_an_outage_put_off_is_brought_forward_and_nothing_else(store: &dyn Store) {
    let put_off = |ticket: &str, at: Timestamp, state: State| {
        new_event(store, ticket, at);
        let claimed = claim(store, at);
        let later = End { due_at: Some(seconds(9_000)), ..end(state) };
        store.finish(&claimed, &later, at).unwrap();
        claimed.event
    };
    put_off("before", seconds(1), State::Backoff);
    let inside = put_off("inside", seconds(10), State::Backoff);
    put_off("held", seconds(11), State::Held);
    let desk = HelpdeskName::from("richpanel");
    assert_eq!(store.hasten(&HelpdeskName::from("other"), seconds(5), seconds(20)), Ok(0));
    assert_eq!(store.hasten(&desk, seconds(5), seconds(20)), Ok(1));
    assert_eq!(claim(store, seconds(20)).event, inside);
    assert_eq!(store.claim(seconds(20), LEASE).unwrap(), None, "something else came forward");
}

pub(crate) fn bad_ends_of_replies_stop_replying_until_a_person_lets_it_go_on(store: &dyn Store) {
    let caps = Caps { per_ticket_day: 99, per_customer_day: 99, per_hour: 99, bad: 2 };
    let desk = HelpdeskName::from("richpanel");
    let counts = |at| store.reply_counts(&desk, &TicketId::from("none"), None, at).unwrap();
    let replied = |ticket: &str, state: Option<ReplyState>, at: Timestamp| {
        let claim = planned(store, ticket, "m-1", "ava", at);
        let begun = store.begin_reply(&claim, &caps, at).unwrap();
        if let (Begun::Yes, Some(state)) = (&begun, state) {
            let status = if state == ReplyState::NotSent { Some(400) } else { Some(200) };
            store.reply_is(&claim, state, &Answer { status, ..Answer::default() }, at).unwrap();
        }
        store.finish(&claim, &end(State::Done), at).unwrap();
        begun
    };
    assert_eq!(replied("T-1", Some(ReplyState::Unconfirmed), seconds(1)), Begun::Yes);
    assert_eq!(replied("T-2", Some(ReplyState::Confirmed), seconds(2)), Begun::Yes);
    assert_eq!(replied("T-3", None, seconds(3)), Begun::Yes, "one that is under way says nothing");
    assert_eq!(counts(seconds(4)).bad, 1);
    let lost = planned(store, "T-lost", "m-1", "ava", seconds(4));
    store.begin_reply(&lost, &caps, seconds(4)).unwrap();
    store.reply_is(&lost, ReplyState::Unconfirmed, &Answer::default(), seconds(4)).unwrap();
    assert_eq!(counts(seconds(4)).bad, 1, "whose answer was lost says nothing of the bot");
    store.finish(&lost, &end(State::Done), seconds(4)).unwrap();
    assert_eq!(replied("T-4", Some(ReplyState::NotSent), seconds(4)), Begun::Yes);
    assert_eq!(counts(seconds(5)).bad, 2, "a refused one counts too");
    assert!(matches!(replied("T-5", None, seconds(5)), Begun::No(why) if why.contains("stopped")));
    // Held by the setting, an hour later it still stops.
    store.set(crate::store::brake::HARM, Some(crate::store::brake::STOPPED), "brake", seconds(6)).unwrap();
    assert_eq!((counts(seconds(7_000)).bad, counts(seconds(7_000)).stopped_at), (0, Some(seconds(6))));
    assert!(matches!(replied("T-6", None, seconds(7_000)), Begun::No(_)));
    store.set(crate::store::brake::HARM, Some(crate::store::brake::RELEASED), "lead", seconds(7)).unwrap();
    assert_eq!((counts(seconds(8)).bad, counts(seconds(8)).stopped_at), (0, None), "the past counts again");
    assert_eq!(replied("T-7", Some(ReplyState::Unconfirmed), seconds(7_001)), Begun::Yes);
    // Five good ones after it, and the bad one is forgotten.
    assert_eq!(counts(seconds(7_002)).bad, 1);
    for number in 0..5 {
        replied(&format!("G-{number}"), Some(ReplyState::Confirmed), seconds(7_002 + number));
    }
    assert_eq!(counts(seconds(7_010)).bad, 0);
}

/// One event from its source to an end, with a message written at `written`.
fn handled(
    store: &dyn Store,
    ticket: &str,
    source: Source,
    came: u64,
    message: &str,
    written: u64,
) -> EventId {
    take_in(store, NewCall { source, ..call(Some(ticket), Lane::Email, seconds(came)) }).unwrap();
    let claim = claim(store, seconds(came));
    let seen = Seen { number: None, message_at: Some(seconds(written)), ..seen(message) };
    let state = match store.fetched(&claim, &seen, seconds(came)).unwrap() {
        Fetched::Fresh => State::Done,
        Fetched::DuplicateOf(_) => State::Duplicate,
    };
    store.finish(&claim, &end(state), seconds(came)).unwrap();
    claim.event
}

pub(crate) fn a_message_counts_once_by_how_it_came(store: &dyn Store) {
    let hour = |n: u64| after(Timestamp::from_second(1_769_997_600).unwrap(), Duration::from_secs(n * 3_600));
    handled(store, "T-1", Source::Call, 0, "m-1", 0);
    // Found by the sweep first, its call came late; and the other way round.
    handled(store, "T-2", Source::Sweep, 10, "m-1", 5);
    handled(store, "T-2", Source::Call, 20, "m-1", 5);
    handled(store, "T-1", Source::Sweep, 30, "m-1", 0);
    handled(store, "T-1", Source::Sweep, 7_300, "m-2", 7_250);
    handled(store, "T-3", Source::Csv, 7_300, "m-1", 7_260);
    handled(store, "T-4", Source::Call, 8_000, "old", 0);
    // Joined while it waited: the call's own words stay, and it came by a call.
    take_in(store, NewCall { source: Source::Sweep, ..call(Some("T-5"), Lane::Sweep, seconds(7_400)) })
        .unwrap();
    let said = NewCall { fields: "{\"channel\":1}".into(), ..call(Some("T-5"), Lane::Email, seconds(7_500)) };
    take_in(store, said).unwrap();
    take_in(store, NewCall { source: Source::Sweep, ..call(Some("T-5"), Lane::Sweep, seconds(7_600)) })
        .unwrap();
    let row = |n: u64, calls: u32, sweeps: u32, csv: u32| CoverageHour {
        hour: hour(n),
        channel: Some("email".into()),
        calls,
        sweeps,
        csv,
        missing: 0,
        last_call_at: None,
        first_find_at: None,
    };
    let waiting = CoverageHour { channel: None, last_call_at: Some(seconds(7_400)), ..row(2, 1, 0, 0) };
    let early = CoverageHour { last_call_at: Some(seconds(8_000)), ..row(0, 3, 0, 0) };
    let late = CoverageHour { first_find_at: Some(seconds(7_250)), ..row(2, 0, 1, 1) };
    assert_eq!(store.coverage(START).unwrap(), [early, waiting, late.clone()]);
    assert_eq!(store.coverage(seconds(7_000)).unwrap().last(), Some(&late), "older ones are left out");
    let claim = claim(store, seconds(7_700));
    assert_eq!((claim.source, claim.fields.as_str()), (Source::Call, "{\"channel\":1}"));
}

fn meets(store: &dyn Store, ticket: &str, number: i64, at: Timestamp) {
    let ticket = KnownTicket {
        helpdesk: HelpdeskName::from("richpanel"),
        ticket: TicketId::from(ticket),
        number: Some(number),
        message: None,
        updated_at: None,
        open: true,
        channel: "email".into(),
    };
    store.looked_at(&ticket, at).unwrap();
}

fn all_due(store: &dyn Store, at: Timestamp) -> Vec<i64> {
    let due = GapsDue { noted_by: at, looked_by: at, now: at, limit: 100 };
    let gaps = store.gaps_due(&HelpdeskName::from("richpanel"), due).unwrap();
    gaps.into_iter().map(|gap: Gap| gap.number).collect()
}

pub(crate) fn numbers_that_nothing_told_us_of_are_noted_and_closed_by_whoever_meets_them(store: &dyn Store) {
    let desk = HelpdeskName::from("richpanel");
    assert_eq!(store.note_gaps(&desk, START, 100, START), Ok(0), "no number is known");
    meets(store, "T-1", 1401, START);
    for number in [1403, 1407] {
        meets(store, &format!("T-{number}"), number, seconds(60));
    }
    assert_eq!(store.note_gaps(&desk, seconds(1), 100, seconds(60)), Ok(4));
    assert_eq!(store.note_gaps(&desk, seconds(1), 100, seconds(61)), Ok(0), "noted twice");
    assert_eq!(all_due(store, seconds(60)), [1406, 1405, 1404, 1402]);
    assert_eq!(store.coverage(START).unwrap().iter().map(|row| row.missing).sum::<u32>(), 4);
    meets(store, "T-1405", 1405, seconds(70));
    handled(store, "T-x", Source::Call, 80, "m-1", 80);
    take_in(store, call(Some("T-1404"), Lane::Email, seconds(90))).unwrap();
    let claim = claim(store, seconds(90));
    store.fetched(&claim, &Seen { number: Some(1404), ..seen("m-9") }, seconds(90)).unwrap();
    assert_eq!(all_due(store, seconds(60)), [1406, 1402]);
    assert_eq!(store.gaps_missing(&desk), Ok(2));
    // Only the last few, and only above what was the highest before the span.
    meets(store, "T-1500", 1500, seconds(100));
    assert_eq!(store.note_gaps(&desk, seconds(100), 5, seconds(100)), Ok(5));
    store.prune(seconds(99), seconds(99), 100).unwrap();
    assert_eq!(all_due(store, seconds(100)), [1499, 1498, 1497, 1496, 1495], "older ones are pruned");
}

pub(crate) fn a_young_file_searches_nothing_older_than_its_first_number(store: &dyn Store) {
    let called = |desk: &str, number: i64, at: u64| {
        let ticket = format!("T-{number}");
        let call =
            NewCall { helpdesk: HelpdeskName::from(desk), ..call(Some(&ticket), Lane::Email, seconds(at)) };
        take_in(store, call).unwrap();
        let claim = claim(store, seconds(at));
        store.fetched(&claim, &Seen { number: Some(number), ..seen("m-1") }, seconds(at)).unwrap();
        store.finish(&claim, &end(State::Done), seconds(at)).unwrap();
    };
    let desk = HelpdeskName::from("richpanel");
    meets(store, "old", 1_301, START);
    assert_eq!(store.note_gaps(&desk, START, 100, START), Ok(0), "a sweep meets old tickets");
    for (number, at) in [(1_401, 1), (1_390, 2), (1_403, 3)] {
        called("richpanel", number, at);
    }
    assert_eq!(store.note_gaps(&desk, START, 5_000, seconds(4)), Ok(1));
    assert_eq!(all_due(store, seconds(4)), [1_402]);
    // An old conversation was the first to be taken up again: the search does not go through all since.
    for (number, at) in [(7, 5), (1_401, 6), (1_403, 7)] {
        called("other", number, at);
    }
    assert_eq!(store.note_gaps(&HelpdeskName::from("other"), START, 5_000, seconds(8)), Ok(1));
}

pub(crate) fn a_missing_number_is_looked_up_when_its_time_has_come(store: &dyn Store) {
    let desk = HelpdeskName::from("richpanel");
    meets(store, "T-1", 1, START);
    meets(store, "T-4", 4, seconds(5));
    store.note_gaps(&desk, seconds(1), 100, seconds(10)).unwrap();
    let due = |noted: u64, looked: u64, now: u64| {
        let due =
            GapsDue { noted_by: seconds(noted), looked_by: seconds(looked), now: seconds(now), limit: 10 };
        let gaps = store.gaps_due(&desk, due).unwrap();
        gaps.into_iter().map(|gap| (gap.number, gap.looks)).collect::<Vec<_>>()
    };
    assert_eq!(due(9, 9, 20), [], "noted a moment ago");
    assert_eq!(due(10, 9, 20), [(3, 0), (2, 0)]);
    store.gap_looked_at(&desk, 3, Look::NotYet, seconds(20)).unwrap();
    assert_eq!(due(10, 19, 20), [(2, 0)], "looked at a moment ago");
    assert_eq!(due(10, 20, 20), [(3, 1), (2, 0)]);
    assert_eq!(due(0, 0, 5), [(3, 1), (2, 0)], "a clock that ran ahead puts nothing off");
    store.gap_looked_at(&desk, 3, Look::Nothing, seconds(30)).unwrap();
    store.gap_looked_at(&desk, 2, Look::Found, seconds(30)).unwrap();
    assert_eq!(due(99, 99, 99), []);
    store.note_gaps(&desk, seconds(1), 100, seconds(40)).unwrap();
    assert_eq!(store.gaps_missing(&desk), Ok(0), "what is settled is not asked again");
}

fn model(number: u64) -> NewModel {
    NewModel {
        version: format!("model-{number}"),
        trained_at: seconds(number),
        data: "d".repeat(64),
        figures: "{}".into(),
        bytes: vec![number as u8; 3].into(),
    }
}

pub(crate) fn one_model_is_in_force_and_a_person_may_go_back(store: &dyn Store) {
    let chosen = || store.setting(MODEL).unwrap().map(|kept| (kept.value, kept.by, kept.at));
    assert_eq!((store.model(None), chosen()), (Ok(None), None), "the built-in one reads");
    for number in [1, 2] {
        store.add_model(model(number), "lead", seconds(10 + number)).unwrap();
        assert_eq!(store.model(None), Ok(Some(vec![number as u8; 3])));
        let wanted = (format!("model-{number}"), "lead".to_owned(), seconds(10 + number));
        assert_eq!(chosen(), Some(wanted));
    }
    assert_eq!(store.model(Some("model-1")), Ok(Some(vec![1; 3])));
    store.use_model(Some("model-1"), "ann", seconds(20)).unwrap();
    assert_eq!(store.model(None), Ok(Some(vec![1; 3])));
    let refused = store.use_model(Some("model-9"), "ann", seconds(21));
    assert!(matches!(refused, Err(StoreError::Refused(why)) if why.contains("model-9")));
    assert_eq!(store.model(None), Ok(Some(vec![1; 3])), "a refusal changes nothing");
    store.use_model(None, "ann", seconds(22)).unwrap();
    assert_eq!(store.model(None), Ok(None));
    assert_eq!(chosen(), Some(("starter".into(), "ann".into(), seconds(22))));
    store.add_model(model(2), "lead", seconds(23)).unwrap();
    assert_eq!(store.model(None), Ok(Some(vec![2; 3])), "one that is kept already");
}

pub(crate) fn the_newest_models_are_kept_and_the_one_in_force(store: &dyn Store) {
    let newest = u64::from(KEPT_MAX) + 3;
    for number in 1..=newest {
        store.add_model(model(number), "lead", seconds(number)).unwrap();
    }
    let kept = || {
        let is_kept = |number: &u64| store.model(Some(&model(*number).version)).unwrap().is_some();
        (0..=newest).filter(is_kept).collect::<Vec<_>>()
    };
    assert_eq!(kept(), (4..=newest).collect::<Vec<_>>());
    store.use_model(Some("model-4"), "lead", seconds(30)).unwrap();
    store.add_model(model(0), "lead", seconds(31)).unwrap();
    assert_eq!(kept(), [&[0][..], &(4..=newest).collect::<Vec<_>>()].concat(), "in force, however old");
    store.use_model(Some("model-5"), "lead", seconds(32)).unwrap();
    store.add_model(model(newest), "lead", seconds(33)).unwrap();
    assert_eq!(kept(), (4..=newest).collect::<Vec<_>>());
    store.prune(seconds(1_000_000), seconds(1_000_000), 100).unwrap();
    assert_eq!(kept(), (4..=newest).collect::<Vec<_>>(), "pruning takes events, not models");
}
