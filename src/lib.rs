//! richpanel-mw: reads, routes and answers helpdesk tickets from one binary and one SQLite file.
//!
//! The modules stand in the order in which an event meets them:
//!
//! ```text
//!  HTTP Target ─► ingress ─► store.accept ─► 200        (async; no API call, no model, fsync before the 200)
//!                               │ doorbell
//!  sweep ───────► store.accept ─┤
//!                               ▼
//!  worker: claim ─► context ─► classify ─► decide ─► act ─► finish      (one plain thread, top to bottom)
//!                     │            │          │        │
//!                  helpdesk     phrase      pure     journal first, then the call,
//!                  (budgeted)   rules       gates    then the outcome; read back when unsure
//! ```
//!
//! Imports point one way only: an adapter names its port and [`event`]; only [`daemon`] names adapters. hyper and
//! tokio stay in `ingress`, `web`, `sim` and `daemon`; ureq in `helpdesk::http` and `sim`; rusqlite in
//! `store::sqlite`; rten in `classify::embedding`. `tests/it/architecture.rs` reads the imports and fails when one
//! strays.

pub mod event;
pub mod ticket;

pub mod clock;
pub mod config;
pub mod metrics;
pub mod text;

pub mod store;

pub mod helpdesk;

pub mod ingress;

pub mod context;

pub mod classify;

pub mod decide;

pub mod reply;

pub mod act;

pub mod worker;

pub mod timer;

pub mod web;

pub mod sim;

pub mod cli;

pub mod daemon;

#[cfg(test)]
mod simulation;
