//! What this machine says: permissions of secret files, the state directory, its disk, its lock, the ports.

use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use rustix::fs::{Access, access, statvfs};

use super::Findings;
use crate::config::Config;
use crate::config::load::Loaded;
use crate::config::secrets::{Surroundings, files};
use crate::daemon::control::{Request, ask};
use crate::daemon::outside::{Reader, Schema, is_locked, schema};

const MIB: u64 = 1024 * 1024;

pub(super) fn check(findings: &mut Findings, loaded: &Loaded, around: &Surroundings) {
    for (key, path) in files(loaded, around) {
        secret(findings, key, &path);
    }
    let config = &loaded.config;
    let folder = config.store.path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or_else(|| Path::new("."));
    if folder_is_usable(findings, folder) {
        disk(findings, folder, config.store.min_free_mib);
        database(findings, &config.store.path);
    }
    running(findings, config);
}

/// Secrets that everybody on the machine can read. A missing file is said elsewhere.
fn secret(findings: &mut Findings, key: &str, path: &Path) {
    let Ok(about) = std::fs::metadata(path) else { return };
    let mode = about.permissions().mode() & 0o777;
    if mode & 0o077 == 0 {
        findings.fine("secrets", format!("{} is its owner's alone", path.display()));
        return;
    }
    let who = if mode & 0o007 == 0 { "its group" } else { "everybody" };
    let todo = format!("chmod 600 {} and give it to the daemon's user", path.display());
    findings.warn("secrets", format!("{key}: {} is open to {who} ({mode:o})", path.display()), &todo);
}

fn folder_is_usable(findings: &mut Findings, folder: &Path) -> bool {
    let shown = folder.display();
    if let Err(error) = std::fs::metadata(folder) {
        let todo = format!("create {shown} and give it to the daemon's user, or change [store] path");
        findings.problem("store", format!("{shown}: {error}"), &todo);
        return false;
    }
    if access(folder, Access::WRITE_OK | Access::EXEC_OK).is_err() {
        let todo = "run check as the daemon's user; if that says the same, give the folder to that user";
        findings.problem("store", format!("this user cannot write in {shown}"), todo);
        return false;
    }
    findings.fine("store", format!("{shown} can be written to"));
    true
}

fn disk(findings: &mut Findings, folder: &Path, min_free_mib: u64) {
    let free = match statvfs(folder) {
        Ok(disk) => disk.f_bavail.saturating_mul(disk.f_frsize) / MIB,
        Err(error) => {
            return findings.warn("disk", format!("free space is unknown: {error}"), "look with df");
        }
    };
    let found = format!("{free} MiB free, calls are refused below {min_free_mib} MiB");
    if free < min_free_mib {
        findings.problem("disk", found, "make room");
    } else if free < min_free_mib.saturating_mul(4) {
        findings.warn("disk", found, "make room soon");
    } else {
        findings.fine("disk", found);
    }
}

fn database(findings: &mut Findings, path: &Path) {
    if !path.exists() {
        return findings.fine("database", format!("{} will be made at the first start", path.display()));
    }
    let shown = path.display();
    match (Reader::open(path), schema(path)) {
        (Ok(_), _) => findings.fine("database", format!("{shown} is ours and can be read")),
        (Err(_), Ok(Schema::Older { file, program })) => findings.fine(
            "database",
            format!(
                "{shown} will be brought from schema {file} to {program} at the next start; the old file is kept as \
                 {shown}.v{file}"
            ),
        ),
        (Err(_), Ok(Schema::Newer)) => findings.problem(
            "database",
            format!("{shown} was written by a newer richpanel-mw"),
            "install that version again, or restore a backup",
        ),
        (Err(error), _) => findings.problem(
            "database",
            error.to_string(),
            "name another file in [store] path, or restore a backup",
        ),
    }
}

fn running(findings: &mut Findings, config: &Config) {
    let path = &config.store.path;
    match ask(path, &Request::Status) {
        Ok(Some(_)) => return findings.fine("daemon", "it is running and answers"),
        Err(error) => {
            return findings.warn(
                "daemon",
                format!("it cannot be asked: {error}"),
                "run check as the daemon's user or with sudo",
            );
        }
        Ok(None) => (),
    }
    match is_locked(path) {
        Ok(false) => findings.fine("daemon", "it is not running; the lock is free"),
        Ok(true) => findings.problem(
            "daemon",
            format!("another process holds the lock of {} and does not answer", path.display()),
            "see which with `fuser` on the .lock file; a daemon that starts or hangs looks like this",
        ),
        Err(error) => findings.warn(
            "daemon",
            format!("the lock cannot be looked at: {error}"),
            "run check as the daemon's user",
        ),
    }
    for (key, address) in [("[server] listen", config.server.listen), ("[admin] listen", config.admin.listen)]
    {
        port(findings, key, address);
    }
}

fn port(findings: &mut Findings, key: &str, address: SocketAddr) {
    match TcpListener::bind(address) {
        Ok(_) => findings.fine("listener", format!("{key} {address} is free")),
        Err(error) if error.kind() == ErrorKind::AddrInUse => {
            let todo = "choose another port, or stop what uses it (ss -ltnp shows it)";
            findings.problem("listener", format!("{key} {address} is in use"), todo);
        }
        Err(error) => findings.warn("listener", format!("{key} {address}: {error}"), "check the address"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Verdict;
    use super::*;

    fn found(findings: &Findings, verdict: Verdict) -> Vec<&str> {
        findings.0.iter().filter(|one| one.verdict == verdict).map(|one| one.found.as_str()).collect()
    }

    #[test]
    fn a_secret_that_others_can_read_is_a_warning() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        std::fs::write(&path, "x").unwrap();
        for (mode, words) in
            [(0o600, None), (0o400, None), (0o640, Some("its group")), (0o644, Some("everybody"))]
        {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            let mut findings = Findings::default();
            secret(&mut findings, "[server] token_file", &path);
            let warnings = found(&findings, Verdict::Warning);
            assert_eq!(
                warnings.first().map(|found| found.contains(words.unwrap_or("?"))),
                words.map(|_| true),
                "{mode:o}"
            );
        }
    }

    #[test]
    fn a_state_directory_that_is_not_there_is_a_problem() {
        let mut findings = Findings::default();
        assert!(!folder_is_usable(&mut findings, Path::new("/nonexistent/mw")));
        assert_eq!(found(&findings, Verdict::Problem).len(), 1);
    }

    #[test]
    fn a_full_disk_is_a_problem_before_it_is_full() {
        let folder = tempfile::tempdir().unwrap();
        for (min_free, verdict) in [(0, Verdict::Ok), (u64::MAX / 8, Verdict::Problem)] {
            let mut findings = Findings::default();
            disk(&mut findings, folder.path(), min_free);
            assert_eq!(found(&findings, verdict).len(), 1, "{min_free}");
        }
    }

    #[test]
    fn a_port_in_use_is_a_problem() {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut findings = Findings::default();
        port(&mut findings, "[server] listen", taken.local_addr().unwrap());
        assert_eq!(found(&findings, Verdict::Problem).len(), 1);
    }

    #[test]
    fn an_earlier_file_is_fine_and_a_later_one_wants_its_program_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("mw.db");
        let mut loaded = Loaded { config: Config::default(), path: "x".into() };
        loaded.config.store.path.clone_from(&path);
        let clock: std::sync::Arc<dyn crate::clock::Clock> =
            std::sync::Arc::new(crate::clock::ManualClock::at(crate::event::Timestamp::UNIX_EPOCH));
        drop(crate::daemon::outside::store(&loaded.config, &clock).unwrap());
        // A copy is one plain file, so what stands in its head counts.
        let copy = folder.path().join("copy.db");
        let order = crate::daemon::outside::BackupOrder {
            database: &path,
            file: &copy,
            force: false,
            floor_bytes: 0,
            by: "test",
            now: clock.now(),
        };
        crate::daemon::outside::backup(&order, &mut |_| ()).unwrap();
        let path = copy;
        for (version, verdict, words) in [
            (3_u32, Verdict::Ok, "is ours"),
            (1, Verdict::Ok, "from schema 1 to 3 at the next start"),
            (99, Verdict::Problem, "newer"),
        ] {
            // The version as SQLite's file format has it, at byte 60.
            let mut bytes = std::fs::read(&path).unwrap();
            bytes[60..64].copy_from_slice(&version.to_be_bytes());
            std::fs::write(&path, bytes).unwrap();
            let mut findings = Findings::default();
            database(&mut findings, &path);
            let found = found(&findings, verdict);
            assert!(found.len() == 1 && found[0].contains(words), "{version}: {:?}", findings.0);
            assert_eq!(findings.0[0].do_this.contains("that version again"), version == 99);
            assert!(!findings.0[0].do_this.contains("[store] path"));
        }
    }

    #[test]
    fn a_file_that_is_not_ours_is_a_problem() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("mw.db");
        std::fs::write(&path, "hello").unwrap();
        let mut findings = Findings::default();
        database(&mut findings, &path);
        assert_eq!(found(&findings, Verdict::Problem).len(), 1);
        assert_eq!(std::fs::read(&path).unwrap(), b"hello", "looking changed the file");
    }
}
