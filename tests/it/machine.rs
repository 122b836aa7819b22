//! What only the machine can do to the daemon: syncs that fail, power that goes, a full or slow disk, a clock that
//! jumps. Tools make it so (`strace`, `libfaketime`, a small disk in a file), and root. `tests/run-all` installs what
//! is missing and runs these; a plain `cargo nextest run` leaves them out, because they take minutes.
//!
//! A missing tool is a failure that names its Debian package, never a test left out in silence.

mod clock;
mod disk;
mod load;
mod locked;
mod power;
mod slow;
mod sync_fails;
mod sync_kill;

use std::path::{Path, PathBuf};

use crate::world::{Launch, World};

/// The oracle's settings: schedules in seconds, a call budget and caps that are not what is tried here.
const QUICK: &str = "
[richpanel]
requests_per_window = 1000
window_seconds = 1
[limits]
replies_per_customer_per_day = 100000
replies_per_hour = 100000
";

const WHERE: &str = "Hi, where is my order #606243?";

fn world() -> World {
    world_with("")
}

fn world_with(extra: &str) -> World {
    let world = World::with("live", &format!("{QUICK}{extra}"));
    world.sim.set_rate_limit(1_000, 1_000);
    world
}

fn needs_root() {
    assert!(rustix::process::geteuid().is_root(), "this test needs root: run it as root, as CI does");
}

/// The path of a command, or a failure that says what to install.
fn needs(command: &str, package: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(["/usr/sbin".into(), "/sbin".into()]);
    let found = folders.map(|folder| folder.join(command)).find(|file| file.exists());
    found.unwrap_or_else(|| panic!("this test needs `{command}`: apt-get install {package}"))
}

/// Syscalls tampered with by `strace`, which detaches itself (`-D`): the daemon stays our child, with its own id.
struct Strace {
    launch: Launch,
    trace: PathBuf,
}

impl Strace {
    /// `syscalls` as in `fsync,fdatasync`, `tampering` as in `error=EIO:when=3`. The count of `when` is a thread's own.
    fn inject(world: &World, syscalls: &str, tampering: &str) -> Self {
        Self::inject_at(world, None, syscalls, tampering)
    }

    /// The same for one file beside the database alone.
    fn inject_at(world: &World, file: Option<&str>, syscalls: &str, tampering: &str) -> Self {
        needs("strace", "strace");
        let trace = world.folder.path().join("trace");
        let _ = std::fs::remove_file(&trace);
        let mut under: Vec<String> =
            ["strace", "-D", "-f", "-qq", "-y", "-ttt", "-o"].map(String::from).into();
        under.push(trace.display().to_string());
        // With the filter only these syscalls stop the daemon; but strace 6.1 then loses injected signals.
        if !tampering.contains("signal=") {
            under.push("--seccomp-bpf".into());
        }
        if let Some(file) = file {
            under.extend(["-P".into(), world.folder.path().join(file).display().to_string()]);
        }
        under.extend(["-e".into(), "signal=none".into(), "-e".into(), format!("trace={syscalls}")]);
        under.extend(["-e".into(), format!("inject={syscalls}:{tampering}")]);
        Self { launch: Launch { under, ..Launch::default() }, trace }
    }

    /// Every syscall of that kind so far.
    fn calls(&self) -> Vec<String> {
        read_lines(&self.trace)
    }

    /// Those that were tampered with.
    fn injected(&self) -> Vec<String> {
        let injected = |line: &String| line.contains("(INJECTED)") || line.contains("(DELAYED)");
        self.calls().into_iter().filter(injected).collect()
    }
}

fn read_lines(file: &Path) -> Vec<String> {
    std::fs::read_to_string(file).unwrap_or_default().lines().map(str::to_owned).collect()
}
