//! Placeholder until the command line lands: `demo [--stay] [--keep DIR] [--json]`.

pub mod demo;
mod print;
