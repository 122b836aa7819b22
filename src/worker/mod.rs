//! The pool: plain threads that each take one event from claim to end.
//!
//! The doorbell wakes them; calls are reserved before the claim, so that an event is never held while its budget is
//! waited for, and the most urgent event is taken when the calls are there. While the helpdesk is down nothing is
//! claimed at all: the event keeps its place and its attempts. A panic is caught for its event; a
//! thread that ends any other way stops the process (see `daemon`).

mod desk;
mod event;
mod policy;
mod pool;
mod second;

pub use desk::{Desk, Ran, Settings, calls_of};
pub use policy::LivePolicy;
pub use pool::{Doorbell, Pool};
pub use second::{Heard, Second};
