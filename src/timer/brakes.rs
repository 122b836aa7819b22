//! Brakes say so: a person is told when the cap of the hour holds, and when bad ends of replies have stopped replying.
//! The brakes themselves are in the gates and in the transaction that begins a reply; nothing here lets a reply out.

use std::time::Duration;

use super::Timer;
use crate::clock::{after, minute};
use crate::event::{ReplyCounts, TicketId, Timestamp};
use crate::store::{Alert, StoreError, brake};

const HOUR: Duration = Duration::from_secs(3_600);

impl Timer {
    /// Looks at both and raises or clears their alerts.
    pub(super) fn brakes(&self) -> bool {
        if let Err(error) = self.look_at_brakes() {
            log::error!("timer: brakes: {error}");
        }
        true
    }

    fn look_at_brakes(&self) -> Result<(), StoreError> {
        // No ticket and no customer: what counts here is all of them.
        let now = self.now();
        let counts = self.store.reply_counts(self.helpdesk.name(), &TicketId::new(""), None, now)?;
        let open = self.store.alerts()?;
        let text =
            |key: &str| open.iter().find(|alert| alert.key == key).map(|Alert { text, .. }| text.as_str());
        let cap = self.config.limits.replies_per_hour;
        self.tell(brake::HOUR_ALERT, text(brake::HOUR_ALERT), hour(&counts, cap, now))?;
        let max = self.config.limits.stop_after_unconfirmed;
        let stopped_at = match counts.stopped_at {
            _ if max == 0 => None,
            None if counts.bad >= max => {
                self.store.set(brake::HARM, Some(brake::STOPPED), "brake", now)?;
                Some(now)
            }
            stopped_at => stopped_at,
        };
        let said = match (stopped_at, text(brake::HARM_ALERT)) {
            (Some(_), Some(_)) => Say::Nothing,
            (Some(at), None) => Say::Raise(harm(at, counts.bad, now)),
            (None, _) => Say::Clear,
        };
        self.tell(brake::HARM_ALERT, text(brake::HARM_ALERT), said)
    }

    fn tell(&self, key: &str, open: Option<&str>, say: Say) -> Result<(), StoreError> {
        match say {
            Say::Raise(text) => {
                // Raising writes: not every two seconds.
                let news = open != Some(text.as_str()) && self.store.raise(key, &text, self.now())?;
                if news {
                    log::warn!("{text}");
                }
            }
            Say::Clear if open.is_some() => {
                self.store.clear(key, self.now())?;
                log::info!("{key}: over, the bot replies again");
            }
            Say::Clear | Say::Nothing => (),
        }
        Ok(())
    }
}

/// What to do with an alert.
#[derive(Debug, PartialEq, Eq)]
enum Say {
    Raise(String),
    Clear,
    Nothing,
}

/// The cap of the hour. It counts as over only when some room is there again, so that it is not told at each reply.
fn hour(counts: &ReplyCounts, cap: u32, now: Timestamp) -> Say {
    if cap == 0 || counts.hour <= cap.saturating_sub((cap / 10).max(1)) {
        return Say::Clear;
    }
    if counts.hour < cap {
        return Say::Nothing;
    }
    let until = counts.hour_oldest.map_or(now, |oldest| after(oldest, HOUR));
    Say::Raise(format!(
        "{} replies in the last hour: the bot stops replying until {} and keeps routing; if this is a normal day \
         raise [limits] replies_per_hour, if not look at what it answered (events)",
        counts.hour,
        minute(until, now)
    ))
}

fn harm(at: Timestamp, bad: u32, now: Timestamp) -> String {
    let bad = if bad == 0 { "too many".to_owned() } else { bad.to_string() };
    let last = brake::LAST;
    format!(
        "the bot stopped replying at {} and keeps routing: {bad} of the last {last} replies were never seen on their \
         ticket or were refused; look at those tickets (events), then let it go on with: richpanel-mw mode live (or \
         canary, if that is the mode now)",
        minute(at, now)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn the_hours_cap_is_told_when_it_is_reached_and_over_when_there_is_some_room() {
        let now = at("2026-02-11T14:00:00Z");
        let of = |hour| ReplyCounts {
            hour,
            hour_oldest: Some(at("2026-02-11T13:32:00Z")),
            ..ReplyCounts::default()
        };
        let Say::Raise(text) = hour(&of(60), 60, now) else { panic!("not raised") };
        assert!(
            text.starts_with("60 replies in the last hour: the bot stops replying until 14:32 UTC"),
            "{text}"
        );
        assert!(matches!(hour(&of(61), 60, now), Say::Raise(_)));
        assert_eq!(hour(&of(59), 60, now), Say::Nothing);
        assert_eq!(hour(&of(54), 60, now), Say::Clear);
        assert_eq!(hour(&of(0), 1, now), Say::Clear);
        assert!(matches!(hour(&of(1), 1, now), Say::Raise(_)));
        assert_eq!(hour(&of(0), 0, now), Say::Clear, "a cap of 0 is a choice, no alarm");
    }
}
