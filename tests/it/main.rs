//! The daemon as a stranger sees it: the real binary, real HTTP, the simulated helpdesk as the oracle.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(unreachable_pub, missing_docs)]

mod architecture;
mod brakes;
mod cli;
mod cost;
mod demo;
mod door;
mod faults;
mod gates;
mod ledger;
mod machine;
mod models;
mod opinion;
mod outage;
mod outcomes;
mod rehearse;
mod restore;
mod resumed;
mod said;
mod socket;
mod sweeps;
mod table;
mod upgrade;
mod world;
