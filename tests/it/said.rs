//! A command beside the daemon of a scenario: its exit code and its words.

use crate::cli;
use crate::world::World;

pub struct Said {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Said {
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {}{}", self.out, self.err))
    }
}

/// Runs a command with the world's configuration, as the user `lead`.
pub fn mw(world: &World, arguments: &[&str]) -> Said {
    let (code, out, err) = cli::said(&world.config(), arguments);
    Said { code, out, err }
}
