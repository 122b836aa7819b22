//! What stands behind the door in its tests: a source that reads two words, and a store that the test holds.

use std::collections::BTreeMap;
use std::sync::{Condvar, Mutex};
use std::time::Duration;

use super::PATIENCE;
use crate::event::{Caps, EventId, HelpdeskName, ReplyCounts, State, TicketId, Timestamp};
use crate::helpdesk::{Call, Unusable, WebhookSource};
use crate::store::models::{ModelStore, NewModel};
use crate::store::{
    AcceptDone, Accepted, Answer, Begun, Claim, Due, End, Fetched, Journal, KnownTicket, NewCall, Plan,
    ReplyState, Seen, Setting, StepPlan, StepState, Store, StoreError, Unproven,
};
use crate::ticket::Channel;

/// Takes tokens that say "good-token" and bodies that hold `"ticket_id":"…"`.
pub(super) struct FakeSource(pub(super) HelpdeskName);

impl WebhookSource for FakeSource {
    fn name(&self) -> &HelpdeskName {
        &self.0
    }

    fn path(&self) -> &str {
        "/richpanel/inbound"
    }

    fn credential_header(&self) -> &str {
        "x-middleware-token"
    }

    fn verify(&self, credential: Option<&[u8]>) -> bool {
        credential == Some(b"good-token")
    }

    fn parse(&self, content_type: Option<&str>, body: &[u8]) -> Result<Call, Unusable> {
        let text = String::from_utf8_lossy(body);
        assert!(!text.contains("PANIC"), "the source was asked to panic");
        let id = text.split(r#""ticket_id":""#).nth(1).and_then(|rest| rest.split('"').next());
        let Some(id) = id else {
            let known = content_type.is_none_or(|kind| kind.contains("json"));
            return Err(if known { Unusable::NoTicketId } else { Unusable::ContentType });
        };
        Ok(Call {
            ticket_id: TicketId::from(id),
            channel: text.contains("live_chat").then_some(Channel::LiveChat),
            message: None,
            subject: None,
            trigger: None,
            customer_email: None,
            extra: BTreeMap::new(),
            salvaged: serde_json::from_slice::<serde_json::Value>(body).is_err(),
        })
    }
}

/// Keeps calls in memory; answers at once, or when the test lets it.
#[derive(Default)]
pub(crate) struct FakeStore {
    state: Mutex<FakeState>,
    changed: Condvar,
}

#[derive(Default)]
struct FakeState {
    kept: Vec<NewCall>,
    waiting: Vec<AcceptDone>,
    hold: bool,
    drop_answers: bool,
    refuse: Option<StoreError>,
}

impl FakeStore {
    /// From now on the store answers only when told to.
    pub(crate) fn hold(&self) {
        self.state.lock().unwrap().hold = true;
    }

    pub(crate) fn refuse(&self, error: Option<StoreError>) {
        self.state.lock().unwrap().refuse = error;
    }

    pub(crate) fn drop_answers(&self) {
        self.state.lock().unwrap().drop_answers = true;
    }

    /// Answers everybody who waits.
    pub(crate) fn release_all(&self) {
        let mut state = self.state.lock().unwrap();
        state.hold = false;
        let waiting = std::mem::take(&mut state.waiting);
        drop(state);
        for (number, done) in waiting.into_iter().enumerate() {
            done(Ok(Accepted::New(EventId(i64::try_from(number).unwrap() + 1))));
        }
    }

    /// Waits until the store was handed this many calls.
    pub(crate) fn wait_for(&self, calls: usize) -> Vec<NewCall> {
        let state = self.state.lock().unwrap();
        let (state, late) =
            self.changed.wait_timeout_while(state, PATIENCE, |state| state.kept.len() < calls).unwrap();
        assert!(!late.timed_out(), "the store was handed {} calls, not {calls}", state.kept.len());
        state.kept.clone()
    }

    pub(crate) fn kept(&self) -> Vec<NewCall> {
        self.state.lock().unwrap().kept.clone()
    }
}

impl ModelStore for FakeStore {
    fn add_model(&self, _: NewModel, _: &str, _: Timestamp) -> Result<(), StoreError> {
        unused()
    }

    fn use_model(&self, _: Option<&str>, _: &str, _: Timestamp) -> Result<(), StoreError> {
        unused()
    }

    fn model(&self, _: Option<&str>) -> Result<Option<Vec<u8>>, StoreError> {
        unused()
    }
}

impl Store for FakeStore {
    fn accept(&self, call: NewCall, done: AcceptDone) {
        let mut state = self.state.lock().unwrap();
        if let Some(error) = state.refuse.clone() {
            drop(state);
            return done(Err(error));
        }
        let joins = state.kept.iter().position(|kept| kept.ticket.is_some() && kept.ticket == call.ticket);
        let answer = match (&call.ticket, joins) {
            (None, _) => Accepted::Kept,
            (_, Some(at)) => Accepted::Joined(EventId(i64::try_from(at).unwrap() + 1)),
            (_, None) => Accepted::New(EventId(i64::try_from(state.kept.len()).unwrap() + 1)),
        };
        state.kept.push(call);
        self.changed.notify_all();
        if state.drop_answers {
            return;
        }
        if state.hold {
            state.waiting.push(done);
        } else {
            drop(state);
            done(Ok(answer));
        }
    }

    fn counts(&self) -> Result<Vec<(State, u64)>, StoreError> {
        Ok(vec![(State::Waiting, self.state.lock().unwrap().kept.len() as u64), (State::Dead, 2)])
    }

    fn ready(&self) -> Result<(), StoreError> {
        self.state.lock().unwrap().refuse.clone().map_or(Ok(()), Err)
    }

    fn claim(&self, _: Timestamp, _: Duration) -> Result<Option<Claim>, StoreError> {
        unused()
    }
    fn next_due(&self, _: Timestamp) -> Result<Option<Due>, StoreError> {
        unused()
    }
    fn fetched(&self, _: &Claim, _: &Seen, _: Timestamp) -> Result<Fetched, StoreError> {
        unused()
    }
    fn planned(&self, _: &Claim, _: &Plan, _: Timestamp) -> Result<(), StoreError> {
        unused()
    }
    fn journal(&self, _: EventId) -> Result<Option<Journal>, StoreError> {
        unused()
    }
    fn begin_reply(&self, _: &Claim, _: &Caps, _: Timestamp) -> Result<Begun, StoreError> {
        unused()
    }
    fn reply_is(&self, _: &Claim, _: ReplyState, _: &Answer, _: Timestamp) -> Result<(), StoreError> {
        unused()
    }
    fn step_is(&self, _: &Claim, _: u32, _: StepState, _: &Answer, _: Timestamp) -> Result<(), StoreError> {
        unused()
    }
    fn replan(&self, _: &Claim, _: &[StepPlan], _: &Answer, _: Timestamp) -> Result<(), StoreError> {
        unused()
    }
    fn add_step(&self, _: &Claim, _: &StepPlan, _: Timestamp) -> Result<(), StoreError> {
        unused()
    }
    fn finish(&self, _: &Claim, _: &End, _: Timestamp) -> Result<(), StoreError> {
        unused()
    }
    fn reply_counts(
        &self,
        _: &HelpdeskName,
        _: &TicketId,
        _: Option<&str>,
        _: Timestamp,
    ) -> Result<ReplyCounts, StoreError> {
        unused()
    }
    fn recover(&self, _: Timestamp) -> Result<u64, StoreError> {
        unused()
    }
    fn rescue(&self, _: Timestamp) -> Result<u64, StoreError> {
        unused()
    }
    fn known_ticket(&self, _: &HelpdeskName, _: &TicketId) -> Result<Option<KnownTicket>, StoreError> {
        unused()
    }
    fn known_tickets(&self, _: &HelpdeskName, _: Timestamp, _: u32) -> Result<Vec<KnownTicket>, StoreError> {
        unused()
    }
    fn highest_number(&self, _: &HelpdeskName) -> Result<Option<i64>, StoreError> {
        unused()
    }
    fn looked_at(&self, _: &KnownTicket, _: Timestamp) -> Result<(), StoreError> {
        unused()
    }
    fn setting(&self, _: &str) -> Result<Option<Setting>, StoreError> {
        unused()
    }
    fn set(&self, _: &str, _: Option<&str>, _: &str, _: Timestamp) -> Result<(), StoreError> {
        unused()
    }
    fn retry(&self, _: EventId, _: &str, _: Timestamp) -> Result<(), StoreError> {
        unused()
    }
    fn discard(&self, _: EventId, _: &str, _: &str, _: Timestamp) -> Result<(), StoreError> {
        unused()
    }
    fn prune(&self, _: Timestamp, _: Timestamp, _: u32) -> Result<u64, StoreError> {
        unused()
    }
    fn unproven(&self, _: &HelpdeskName, _: Timestamp, _: u32) -> Result<Vec<Unproven>, StoreError> {
        unused()
    }

    fn proven(&self, _: &Unproven, _: StepState, _: &Answer, _: Timestamp) -> Result<(), StoreError> {
        unused()
    }

    fn hasten(&self, _: &HelpdeskName, _: Timestamp, _: Timestamp) -> Result<u64, StoreError> {
        unused()
    }

    fn raise(&self, _: &str, _: &str, _: Timestamp) -> Result<bool, StoreError> {
        unused()
    }

    fn clear(&self, _: &str, _: Timestamp) -> Result<bool, StoreError> {
        unused()
    }

    fn alerts(&self) -> Result<Vec<crate::store::Alert>, StoreError> {
        unused()
    }

    fn coverage(&self, _: Timestamp) -> Result<Vec<crate::store::CoverageHour>, StoreError> {
        unused()
    }

    fn note_gaps(&self, _: &HelpdeskName, _: Timestamp, _: u32, _: Timestamp) -> Result<u64, StoreError> {
        unused()
    }

    fn gaps_due(
        &self,
        _: &HelpdeskName,
        _: crate::store::GapsDue,
    ) -> Result<Vec<crate::store::Gap>, StoreError> {
        unused()
    }

    fn gap_looked_at(
        &self,
        _: &HelpdeskName,
        _: i64,
        _: crate::store::Look,
        _: Timestamp,
    ) -> Result<(), StoreError> {
        unused()
    }

    fn gaps_missing(&self, _: &HelpdeskName) -> Result<u64, StoreError> {
        unused()
    }

    fn close(&self) {}

    fn on_work(&self, _: Box<dyn Fn() + Send + Sync>) {}
}

fn unused<T>() -> T {
    panic!("the door has no business with this part of the store")
}
