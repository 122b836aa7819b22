//! The daemon between a helpdesk and its customers.
#![doc = ""]
pub mod text;
