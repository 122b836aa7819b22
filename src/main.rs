//! `richpanel-mw`: everything is in the library; see `src/lib.rs` for the map and `src/cli` for the commands.

use std::process::ExitCode;

fn main() -> ExitCode {
    richpanel_mw::cli::start(std::env::args_os()).into()
}
