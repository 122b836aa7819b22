//! The adapter's tests: tickets as read, calls as made, calls as received.

mod calls;
mod inbound;
mod tickets;
