//! The verdict: the record of what truly happened at the helpdesk against what was promised to those who got a 200.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{Fault, Sim};
use crate::clock::{Clock, millis};
use crate::decide::{TAG_NEEDS_HUMAN, TAG_STOP};
use crate::event::MessageKey;
use crate::ticket::{Message, Status};

const DAY_MS: i64 = 24 * 3_600_000;

/// Less than the configuration's look-back, by what the last phase takes.
const LOOKBACK: Duration = Duration::from_secs(22 * 3_600);

/// Names the first broken promise, if any.
pub(super) fn verdict(sim: &Sim) {
    if sim.failed() {
        return;
    }
    let rules: &[fn(&Sim) -> Vec<String>] =
        &[ended, acknowledged, replies_settled, answered_once, caps, needs_human, nobody_waits];
    for rule in rules {
        if let Some(broken) = rule(sim).into_iter().next() {
            return sim.fail(&mut sim.lock(), || broken);
        }
    }
}

fn ended(sim: &Sim) -> Vec<String> {
    let rows = sim.disk.rows("select id, state, reason from events where finished_at is null");
    rows.iter().map(|row| format!("event {} is stuck in {}: {}", row[0], row[1], row[2])).collect()
}

/// Every call that got a 200 has its event. A clock set far ahead lets retention take ended ones.
fn acknowledged(sim: &Sim) -> Vec<String> {
    let state = sim.lock();
    if state.weather.jumps {
        return vec![];
    }
    let events: Vec<String> = sim.disk.rows("select id from events").into_iter().flatten().collect();
    let lost = state.acknowledged.iter().filter(|(event, ..)| !events.contains(&event.0.to_string()));
    lost.map(|(event, place, _)| format!("ticket {place}: event {event} got a 200 and is gone")).collect()
}

fn replies_settled(sim: &Sim) -> Vec<String> {
    let sql = "select r.event_id, r.state, e.state from replies r join events e on e.id = r.event_id
               where r.state in ('planned', 'sending', 'sent', 'unsure', 'not-sent')
                 and e.state not in ('dead', 'discarded')";
    let rows = sim.disk.rows(sql);
    rows.iter().map(|row| format!("event {}: {}, its reply is {}", row[0], row[2], row[1])).collect()
}

/// An answered event has one reply at the helpdesk.
fn answered_once(sim: &Sim) -> Vec<String> {
    let rows = sim.disk.rows("select id from events where outcome = 'answered'");
    let state = sim.lock();
    let count = |event: &str| {
        let mine = |said: &&super::tickets::Said| said.event.is_some_and(|own| own.0.to_string() == event);
        state.tickets.said.iter().filter(mine).count()
    };
    rows.iter()
        .map(|row| (&row[0], count(&row[0])))
        .filter(|(_, count)| *count != 1)
        .map(|(event, count)| format!("event {event} is answered, with {count} replies at the helpdesk"))
        .collect()
}

/// One reply a ticket in a day, three a customer. A clock set wrong counts wrong.
fn caps(sim: &Sim) -> Vec<String> {
    let state = sim.lock();
    if state.weather.jumps {
        return vec![];
    }
    let mut tickets: BTreeMap<usize, Vec<i64>> = BTreeMap::new();
    let mut customers: BTreeMap<String, Vec<i64>> = BTreeMap::new();
    for said in &state.tickets.said {
        let at = millis(said.sent_at);
        tickets.entry(said.ticket).or_default().push(at);
        let customer = state.tickets.held[said.ticket].now.customer.email.clone().unwrap_or_default();
        customers.entry(customer).or_default().push(at);
    }
    let most = |times: &[i64]| {
        let within = |from: &i64| times.iter().filter(|at| (0..DAY_MS).contains(&(**at - from))).count();
        times.iter().map(within).max().unwrap_or(0)
    };
    let many = tickets.iter().filter(|(_, times)| most(times) > 1);
    let mut broken: Vec<_> =
        many.map(|(ticket, _)| format!("ticket {ticket}: two replies in a day")).collect();
    let many = customers.iter().filter(|(_, times)| most(times) > 3);
    broken.extend(many.map(|(customer, _)| format!("{customer}: more than three replies in a day")));
    broken
}

/// A reply that nobody could confirm is with a person, and the ticket says so.
fn needs_human(sim: &Sim) -> Vec<String> {
    let sql = "select e.id, e.ticket_id, e.state, coalesce(e.outcome, '') from replies r join events e on e.id = r.event_id
               where r.state = 'unconfirmed'";
    let rows = sim.disk.rows(sql);
    let state = sim.lock();
    let mut broken = Vec::new();
    for row in rows {
        let held = state.tickets.held.iter().find(|held| held.now.id.as_str() == row[1]);
        let Some(held) = held.filter(|held| !held.deleted && !held.ever_stopped) else { continue };
        if row[2] != "done" || state.mode_changed {
            continue;
        }
        if row[3] != "needs-human" && row[3] != "gone" {
            broken.push(format!("event {}: its reply is unconfirmed and it ended as {}", row[0], row[3]));
        } else if !held.now.has_tag(TAG_NEEDS_HUMAN) {
            broken.push(format!("event {}: its reply is unconfirmed and nobody is told", row[0]));
        }
    }
    broken
}

/// Every customer's newest words were looked at by an event that ended where people can see it; and no ticket is
/// closed by us with words on it that came after those we answered.
fn nobody_waits(sim: &Sim) -> Vec<String> {
    let rows = sim
        .disk
        // What has a confirmed reply was looked at, also when a later read that lagged showed the message before it.
        .rows(
            "select ticket_id, coalesce(message_key, '') from events where finished_at is not null
             union all select ticket_id, message_key from replies where state = 'confirmed'",
        );
    // What never could be read, or was thrown away by a person, stands there for everybody to see.
    let given_up = sim.disk.rows("select ticket_id from events where state in ('dead', 'discarded')");
    let known: Vec<String> = sim.disk.rows("select ticket_id from tickets").into_iter().flatten().collect();
    let now = sim.clock.monotonic();
    let state = sim.lock();
    if state.weather.jumps {
        return vec![];
    }
    let mut broken = Vec::new();
    for (place, held) in state.tickets.held.iter().enumerate() {
        let ticket = &held.now;
        let Some(newest) = ticket.newest_customer_message() else { continue };
        let given_up = given_up.iter().any(|row| row[0] == ticket.id.as_str());
        // What is older than a sweep looks back is not found any more.
        let old = held.asked_at.last().is_none_or(|(_, at)| now.saturating_sub(*at) > LOOKBACK);
        let over = ticket.agent_answered_after(newest) || ticket.has_tag(TAG_STOP) || held.deleted;
        // A read that lagged may have shown it closed earlier; who closed it since had the message before them.
        let theirs = ticket.status == Status::Closed && !held.closed_by_us && state.weather.has(Fault::Lag);
        if old || over || given_up || theirs {
            continue;
        }
        let key = newest.key();
        let seen = rows.iter().any(|row| row[0] == ticket.id.as_str() && row[1] == key.as_str());
        let closed = ticket.status == Status::Closed;
        let told = state.acknowledged.iter().any(|(_, on, key)| *on == place && *key == Some(newest.key()));
        let met = known.iter().any(|id| id == ticket.id.as_str());
        // One 403 is believed for a day.
        let listed = !state.weather.lists_forbidden && !state.weather.has(Fault::Forbidden);
        // Without a list an open ticket is looked at only while its last look is young. What a search for missing
        // numbers finds depends on the numbers met by chance: `it::ledger` tells that story.
        let found = listed || (now < LOOKBACK && met);
        let replied = answered(&state.tickets.said, place, newest);
        if !seen && (told || (found && !closed && !replied)) {
            broken.push(format!("ticket {place}: nobody looked at {key:?}"));
        }
        if closed && held.closed_by_us && !held.closed_late && !replied {
            broken.push(format!("ticket {place}: closed by us with {key:?} unanswered"));
        }
    }
    broken
}

fn answered(said: &[super::tickets::Said], place: usize, message: &Message) -> bool {
    let key: Option<MessageKey> = Some(message.key());
    said.iter().any(|said| said.ticket == place && said.to == key)
}

/// What the file and the helpdesk hold in the end, for whoever reads a failing seed.
pub(super) fn picture(sim: &Sim) -> String {
    let mut lines = vec!["-- in the file".to_owned()];
    for sql in [
        "select 'event', id, ticket_id, source, state, outcome, message_key, attempt, failures, reason from events",
        "select 'reply', event_id, message_key, state, checks, api_answer from replies",
        "select 'step', event_id, seq, kind, state, api_answer, body from steps",
        "select 'known', ticket_id, number, message_key, is_open, updated_at from tickets",
    ] {
        lines.extend(sim.disk.rows(sql).into_iter().map(|row| row.join(" | ")));
    }
    lines.push("-- at the helpdesk".to_owned());
    for held in &sim.lock().tickets.held {
        let ticket = &held.now;
        let said = ticket.messages.iter().map(|message| {
            let id = message.id.as_ref().map(|id| id.as_str()).unwrap_or_default();
            format!("{id} {:?}: {:.40}", message.author, message.plain.replace('\n', " "))
        });
        lines.push(format!(
            "{} {:?} deleted={} tags {:?}: {:#?}",
            ticket.id,
            ticket.status,
            held.deleted,
            ticket.tags,
            said.collect::<Vec<_>>()
        ));
    }
    lines.push(String::new());
    lines.join("\n")
}
