//! Power loss.

mod disk;
mod trace;
