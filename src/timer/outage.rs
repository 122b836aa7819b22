//! A helpdesk that is down: one probe at a time, a person told once, and the events that it put off brought forward
//! when it is back. Events themselves are not tried meanwhile, so that none of them pays for the outage.

use crate::clock::{after, minute, since};
use crate::event::{HelpdeskName, State, Timestamp};
use crate::helpdesk::breaker::{Breaker, Circuit};
use crate::helpdesk::budget::Use;
use crate::store::StoreError;

use super::Timer;

/// The alert while this helpdesk is down. Open when the daemon starts, it says that the helpdesk was down before.
pub fn alert_key(helpdesk: &HelpdeskName) -> String {
    format!("helpdesk-down:{helpdesk}")
}

impl Timer {
    /// Whether calls are refused at the moment.
    pub(super) fn is_down(&self) -> bool {
        self.helpdesk.breaker().is_some_and(|breaker| breaker.circuit().is_open())
    }

    /// Looks at the circuit, makes its probe when it is time, tells a person.
    pub(super) fn watch(&self) -> bool {
        let Some(breaker) = self.helpdesk.breaker() else { return true };
        let told = match breaker.circuit() {
            Circuit::Open { .. } => self.while_down(breaker),
            Circuit::Closed => self.when_back(),
        };
        if let Err(error) = told {
            log::error!("timer: outage: {error}");
        }
        true
    }

    fn while_down(&self, breaker: &Breaker) -> Result<(), StoreError> {
        let due = matches!(breaker.circuit(), Circuit::Open { probe_in, .. } if probe_in.is_zero());
        let permit = due.then(|| self.helpdesk.budget().try_reserve(Use::Routing, 1).ok()).flatten();
        let probed = permit.map(|mut permit| self.helpdesk.probe(&mut permit)).is_some();
        let Circuit::Open { since, why, probe_in } = breaker.circuit() else { return self.when_back() };
        let news = self.down.get().is_none();
        if news || probed {
            let now = self.now();
            let next = after(now, probe_in);
            let text = words(self.helpdesk.name(), since, &why, self.open_events()?, next, now);
            self.store.raise(&alert_key(self.helpdesk.name()), &text, now)?;
            if news {
                log::warn!("{text}");
            }
            self.down.set(Some(since));
        }
        Ok(())
    }

    fn when_back(&self) -> Result<(), StoreError> {
        let Some(began) = self.down.get() else { return Ok(()) };
        let now = self.now();
        let due = self.store.hasten(self.helpdesk.name(), began, now)?;
        self.store.clear(&alert_key(self.helpdesk.name()), now)?;
        self.down.set(None);
        let lasted = since(began, now).as_secs();
        log::info!(
            "the helpdesk {} is back after {lasted} s; {due} events that it put off are due now",
            self.helpdesk.name()
        );
        Ok(())
    }

    fn open_events(&self) -> Result<u64, StoreError> {
        let open = |(state, _): &(State, u64)| !state.is_final();
        Ok(self.store.counts()?.into_iter().filter(open).map(|(_, events)| events).sum())
    }
}

fn words(
    helpdesk: &HelpdeskName,
    since: Timestamp,
    why: &str,
    events: u64,
    next: Timestamp,
    now: Timestamp,
) -> String {
    let wait = if events == 1 { "1 event waits".to_owned() } else { format!("{events} events wait") };
    format!(
        "the helpdesk {helpdesk} cannot be reached since {} ({why}); {wait}, nothing is lost; next try at {}, it goes \
         on by itself",
        minute(since, now),
        next.strftime("%H:%M:%S UTC")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_reads_since_when_why_how_many_and_what_comes_next() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let (since, next, now) =
            (at("2026-02-11T12:03:00Z"), at("2026-02-11T12:09:20Z"), at("2026-02-11T12:09:00Z"));
        let desk = HelpdeskName::from("richpanel");
        assert_eq!(
            words(&desk, since, "connection refused", 214, next, now),
            "the helpdesk richpanel cannot be reached since 12:03 UTC (connection refused); 214 events wait, nothing is \
             lost; next try at 12:09:20 UTC, it goes on by itself"
        );
        assert!(words(&desk, since, "it answers 503", 1, next, now).contains("1 event waits"));
    }
}
