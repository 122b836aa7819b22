//! How many connections there may be: in all, and from one address.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::address::AddressKey;

/// Counts what is taken. A seat is given back when it is dropped, however its task ends.
#[derive(Debug)]
pub(crate) struct Seats {
    in_all_max: usize,
    per_address_max: usize,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    in_all: usize,
    by_address: HashMap<AddressKey, usize>,
}

/// One connection's place, or one request's place in its caller's share.
#[derive(Debug)]
pub(crate) struct Seat {
    seats: Arc<Seats>,
    in_all: bool,
    address: Option<AddressKey>,
}

impl Seats {
    /// `per_address_max` 0 means no limit.
    pub(crate) fn new(in_all_max: usize, per_address_max: usize) -> Arc<Self> {
        Arc::new(Self { in_all_max, per_address_max, taken: Mutex::default() })
    }

    /// A place for a connection; `address` is `None` for a proxy's. `None` when there is none left.
    pub(crate) fn for_connection(self: &Arc<Self>, address: Option<AddressKey>) -> Option<Seat> {
        self.take(true, address)
    }

    /// A place for a request that came through a trusted proxy, in its caller's share.
    pub(crate) fn for_request(self: &Arc<Self>, address: AddressKey) -> Option<Seat> {
        self.take(false, Some(address))
    }

    fn take(self: &Arc<Self>, in_all: bool, address: Option<AddressKey>) -> Option<Seat> {
        let address = address.filter(|_| self.per_address_max > 0);
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let of_address = address.map_or(0, |key| taken.by_address.get(&key).copied().unwrap_or(0));
        if (in_all && taken.in_all >= self.in_all_max)
            || (address.is_some() && of_address >= self.per_address_max)
        {
            return None;
        }
        taken.in_all += usize::from(in_all);
        if let Some(key) = address {
            taken.by_address.insert(key, of_address + 1);
        }
        Some(Seat { seats: Arc::clone(self), in_all, address })
    }

    fn give_back(&self, seat: &Seat) {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.in_all = taken.in_all.saturating_sub(usize::from(seat.in_all));
        if let Some(key) = seat.address
            && let Some(count) = taken.by_address.get_mut(&key)
        {
            *count = count.saturating_sub(1);
            if *count == 0 {
                taken.by_address.remove(&key);
            }
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.seats.give_back(self);
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;

    fn key(text: &str) -> AddressKey {
        AddressKey::from(text.parse::<IpAddr>().unwrap())
    }

    #[test]
    fn a_seat_that_is_given_back_can_be_taken_again_and_nothing_is_left_behind() {
        let seats = Seats::new(2, 1);
        let first = seats.for_connection(Some(key("192.0.2.1"))).unwrap();
        assert!(seats.for_connection(Some(key("192.0.2.1"))).is_none(), "its share is used up");
        let second = seats.for_connection(Some(key("192.0.2.2"))).unwrap();
        assert!(seats.for_connection(Some(key("192.0.2.3"))).is_none(), "all are taken");
        assert!(seats.for_request(key("192.0.2.3")).is_some(), "a request needs no connection of its own");
        drop(first);
        assert!(seats.for_connection(Some(key("192.0.2.1"))).is_some());
        drop(second);
        let taken = seats.taken.lock().unwrap();
        assert!(taken.in_all == 0 && taken.by_address.is_empty());
    }

    #[test]
    fn zero_means_no_limit_an_address() {
        let seats = Seats::new(100, 0);
        let held: Vec<_> = (0..100).filter_map(|_| seats.for_connection(Some(key("192.0.2.1")))).collect();
        assert_eq!(held.len(), 100);
    }
}
