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
        let probes = permit.is_some();
        if let Some(mut permit) = permit {
            // A probe takes as long as a silent helpdesk may: nobody should read of a next try in the past meanwhile.
            let told = self.tell_down(breaker);
            self.helpdesk.probe(&mut permit);
            told?;
        }
        if probes || self.down.get().is_none() { self.tell_down(breaker) } else { Ok(()) }
    }

    /// Tells a person how it stands; in the log only once.
    fn tell_down(&self, breaker: &Breaker) -> Result<(), StoreError> {
        let Circuit::Open { since, why, probe_in } = breaker.circuit() else { return self.when_back() };
        let now = self.now();
        let next = (!probe_in.is_zero()).then(|| after(now, probe_in));
        let text = words(self.helpdesk.name(), since, &why, self.open_events()?, next, now);
        self.store.raise(&alert_key(self.helpdesk.name()), &text, now)?;
        if self.down.replace(Some(since)).is_none() {
            log::warn!("{text}");
        }
        Ok(())
    }

    fn when_back(&self) -> Result<(), StoreError> {
        let Some(began) = self.down.get() else { return Ok(()) };
        let now = self.now();
        self.store.hasten(self.helpdesk.name(), began, now)?;
        self.store.clear(&alert_key(self.helpdesk.name()), now)?;
        self.down.set(None);
        let lasted = since(began, now).as_secs();
        log::info!("{}", back(self.helpdesk.name(), lasted, self.open_events()?));
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
    next: Option<Timestamp>,
    now: Timestamp,
) -> String {
    let wait = if events == 1 { "1 event waits".to_owned() } else { format!("{events} events wait") };
    let next = next
        .map_or_else(|| "trying now".to_owned(), |at| format!("next try at {}", at.strftime("%H:%M:%S UTC")));
    format!(
        "the helpdesk {helpdesk} cannot be reached since {} ({why}); {wait}, nothing is lost; {next}, it goes on by \
         itself",
        minute(since, now)
    )
}

fn back(helpdesk: &HelpdeskName, lasted: u64, events: u64) -> String {
    let wait = match events {
        0 => "no event waited".to_owned(),
        1 => "1 event that waited goes on now".to_owned(),
        _ => format!("{events} events that waited go on now"),
    };
    format!("the helpdesk {helpdesk} is back after {lasted} s; {wait}")
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
            words(&desk, since, "connection refused", 214, Some(next), now),
            "the helpdesk richpanel cannot be reached since 12:03 UTC (connection refused); 214 events wait, nothing is \
             lost; next try at 12:09:20 UTC, it goes on by itself"
        );
        let trying = words(&desk, since, "it answers 503", 1, None, now);
        assert!(
            trying.contains("1 event waits, nothing is lost; trying now, it goes on by itself"),
            "{trying}"
        );
        assert_eq!(
            back(&desk, 69, 12),
            "the helpdesk richpanel is back after 69 s; 12 events that waited go on now"
        );
        assert!(back(&desk, 69, 1).ends_with("1 event that waited goes on now"));
    }
}
