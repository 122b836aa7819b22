//! Who tries tokens: after so many failures in a minute an address hears 429 instead of 401.
//!
//! Only callers with a bad token are ever counted or asked; a good token passes whatever its address did before.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::address::AddressKey;

const WINDOW: Duration = Duration::from_secs(60);

/// Addresses remembered; the rest share one count, so that a botnet cannot fill the memory.
const ADDRESSES_MAX: usize = 4096;

/// What a caller with a bad token is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    /// 401. `first`: none came from this address in the minute before, so it is worth a line in the log.
    Unauthorized {
        /// See above.
        first: bool,
    },
    /// 429.
    TooMany {
        /// Until the address's minute is over.
        retry_after: Duration,
        /// The one that crossed the line: worth a line in the log.
        first: bool,
    },
}

/// Failures by address.
#[derive(Debug)]
pub(crate) struct BadTokens {
    per_minute: u32,
    seen: Mutex<HashMap<Option<AddressKey>, Failures>>,
}

#[derive(Debug, Clone, Copy)]
struct Failures {
    since: Duration,
    count: u32,
}

impl BadTokens {
    /// Allows `per_minute` failures an address.
    pub(crate) fn new(per_minute: u32) -> Self {
        Self { per_minute, seen: Mutex::default() }
    }

    /// Counts a bad token at `now` (monotonic) and says what to answer.
    pub(crate) fn failed(&self, address: AddressKey, now: Duration) -> Refused {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let mut key = Some(address);
        if seen.len() >= ADDRESSES_MAX && !seen.contains_key(&key) {
            seen.retain(|_, failures| now.saturating_sub(failures.since) < WINDOW);
            if seen.len() >= ADDRESSES_MAX {
                key = None;
            }
        }
        let failures = seen.entry(key).or_insert(Failures { since: now, count: 0 });
        if now.saturating_sub(failures.since) >= WINDOW {
            *failures = Failures { since: now, count: 0 };
        }
        failures.count = failures.count.saturating_add(1);
        if failures.count <= self.per_minute {
            return Refused::Unauthorized { first: failures.count == 1 };
        }
        let retry_after = WINDOW.saturating_sub(now.saturating_sub(failures.since));
        Refused::TooMany { retry_after, first: failures.count == self.per_minute.saturating_add(1) }
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use super::*;

    fn key(number: u32) -> AddressKey {
        AddressKey::from(IpAddr::V4(Ipv4Addr::from_bits(number)))
    }

    #[test]
    fn after_twenty_failures_in_a_minute_an_address_hears_429_and_others_do_not() {
        let throttle = BadTokens::new(20);
        for count in 0..20 {
            let said = throttle.failed(key(1), Duration::from_secs(count));
            assert_eq!(said, Refused::Unauthorized { first: count == 0 });
        }
        let said = throttle.failed(key(1), Duration::from_secs(20));
        assert_eq!(said, Refused::TooMany { retry_after: Duration::from_secs(40), first: true });
        assert_eq!(throttle.failed(key(2), Duration::from_secs(20)), Refused::Unauthorized { first: true });
        assert_eq!(throttle.failed(key(1), Duration::from_secs(60)), Refused::Unauthorized { first: true });
    }

    #[test]
    fn a_flood_of_addresses_does_not_grow_the_memory() {
        let throttle = BadTokens::new(20);
        for number in 0..20_000 {
            throttle.failed(key(number), Duration::from_secs(1));
        }
        assert!(throttle.seen.lock().unwrap().len() <= ADDRESSES_MAX + 1);
        let late = throttle.failed(key(99_999), Duration::from_secs(62));
        assert_eq!(late, Refused::Unauthorized { first: true });
        assert_eq!(throttle.seen.lock().unwrap().len(), 1, "an old minute is forgotten");
    }
}
