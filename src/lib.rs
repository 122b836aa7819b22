//! The daemon between a helpdesk and its customers.

pub mod sim;
