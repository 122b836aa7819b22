//! The daemon between a helpdesk and its customers.
#![doc = ""]
pub mod text;
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

// pub mod cli;

pub mod daemon;
