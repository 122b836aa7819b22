//! A disk that fills up: calls are told to come back, nothing new is said to anybody, what is on its way is recorded,
//! and all goes on within seconds of room. On a small ext4 of its own, mounted over the scenario's folder.

use std::fs::File;
use std::io::Write as _;
use std::process::Command;
use std::time::Duration;

use richpanel_mw::clock::{Clock as _, SystemClock};
use richpanel_mw::event::State;
use richpanel_mw::sim::people::OrderState;
use richpanel_mw::sim::{Action, EffectKind, ErrorShape, Fault, Matcher, NewMessage};

use super::load::all_is_well;
use super::*;
use crate::world::plain;

const SEND: &str = "PUT /tickets/{id}/send-message";
const READ: &str = "GET /tickets/{id}";
const MIB: usize = 1024 * 1024;

/// Calls are taken in again this long after room was made.
const RECOVERS_WITHIN: Duration = Duration::from_secs(5);

/// Events that were in work when their end could not be recorded come back with their lease (30 s).
const LEASE_AND_MORE: Duration = Duration::from_secs(90);

/// A disk of 24 MiB over `folder`; gone when dropped.
struct SmallDisk {
    folder: PathBuf,
}

impl SmallDisk {
    fn over(folder: &Path) -> Self {
        needs_root();
        let image = folder.join("disk.img");
        File::create(&image).unwrap().set_len(24 * MIB as u64).unwrap();
        run(Command::new(needs("mkfs.ext4", "e2fsprogs")).args(["-q", "-F", "-m", "0"]).arg(&image));
        run(Command::new(needs("mount", "mount")).args(["-o", "loop"]).arg(&image).arg(folder));
        Self { folder: folder.to_owned() }
    }

    /// Takes all but so many bytes.
    fn fill_but(&self, left: usize) {
        let mut ballast =
            File::options().create(true).append(true).open(self.folder.join("ballast")).unwrap();
        loop {
            let disk = rustix::fs::statvfs(&self.folder).unwrap();
            let free = usize::try_from(disk.f_bavail * disk.f_frsize).unwrap();
            let size = free.saturating_sub(left).min(MIB);
            if size == 0 || ballast.write_all(&vec![0; size]).is_err() {
                return;
            }
            ballast.sync_all().unwrap();
        }
    }

    fn make_room(&self) {
        std::fs::remove_file(self.folder.join("ballast")).unwrap();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: the daemon may still have files open; the disk goes with it.
        let _ = Command::new("umount").arg("--lazy").arg(&self.folder).status();
    }
}

fn run(command: &mut Command) {
    let done = command.output().unwrap();
    assert!(done.status.success(), "{command:?}: {}", String::from_utf8_lossy(&done.stderr));
}

/// A live daemon whose whole folder is on a small disk. The disk must go first.
fn on_small_disk(extra: &str) -> (SmallDisk, World) {
    let mut world = world_with(&format!("{extra}\n[workers]\nlease_seconds = 30"));
    world.kill();
    let disk = SmallDisk::over(world.folder.path());
    world.start();
    (disk, world)
}

fn quiet(world: &World) -> String {
    world.writes(NewMessage { text: WHERE.into(), quiet: true, ..plain() }).ticket_id
}

fn sends(world: &World, ticket: &str) -> usize {
    world.sim.effects_on(ticket).iter().filter(|effect| effect.kind == EffectKind::Reply).count()
}

/// A reply that is on its way, and a message whose ticket cannot be read yet.
fn one_sending_one_waiting(world: &World) -> (String, String) {
    world.sim.set_fault(Fault::once(Matcher::endpoint(SEND), Action::Slow { ms: 4_000 }));
    let sending = world.mail_about(OrderState::Shipped, WHERE).ticket_id;
    world.until("a reply is on its way", |world| world.sim.faults()[0].fired == 1);
    let down = Action::Status { status: 503, shape: ErrorShape::Gateway, applied: false };
    world.sim.set_fault(Fault::always(Matcher::endpoint(READ), down));
    let waiting = world.mail_about(OrderState::Shipped, WHERE).ticket_id;
    world.until_state(&waiting, State::Backoff);
    (sending, waiting)
}

/// The wait from now to the first 200.
fn first_200(world: &World, ticket: &str) -> Duration {
    let clock = SystemClock::new();
    world.until("a call is taken in again", |world| world.call(ticket).0 == 200);
    clock.monotonic()
}

#[test]
fn below_the_floor_every_call_is_503_nothing_is_sent_and_what_was_sent_is_recorded() {
    let (disk, world) = on_small_disk("[store]\nmin_free_mib = 6");
    let before = world.mail_about(OrderState::Shipped, WHERE).ticket_id;
    world.until_state(&before, State::Done);
    let (sending, waiting) = one_sending_one_waiting(&world);
    disk.fill_but(3 * MIB);
    let late = quiet(&world);
    world.until("it is noticed", |world| world.call(&late).0 == 503);
    let events = world.events().len();
    for _ in 0..50 {
        let (status, body) = world.call(&quiet(&world));
        assert_eq!(status, 503, "{body}");
        assert!(body.contains("disk-full"), "{body}");
    }
    assert_eq!(world.events().len(), events, "a refused call was kept");
    world.sim.clear_faults();
    world.until_state(&sending, State::Done);
    assert_eq!((world.outcome(&sending).as_str(), sends(&world, &sending)), ("answered", 1));
    let _ = world.sim.wait_until(Duration::from_secs(4), |_| false);
    assert_eq!(sends(&world, &waiting), 0, "sent with no room to write down more");
    disk.make_room();
    let took = first_200(&world, &late);
    assert!(took <= RECOVERS_WITHIN, "back after {took:?}");
    world.settled();
    assert_eq!(sends(&world, &waiting), 1);
    drop(disk);
}

#[test]
fn with_no_floor_a_disk_that_is_really_full_promises_nothing_it_cannot_keep() {
    let (disk, mut world) = on_small_disk("[store]\nmin_free_mib = 0");
    let before = world.mail_about(OrderState::Shipped, WHERE).ticket_id;
    world.until_state(&before, State::Done);
    let (sending, waiting) = one_sending_one_waiting(&world);
    let mut acknowledged = vec![];
    let mut refused = 0;
    while refused < 50 {
        // What a checkpoint frees is taken at once.
        disk.fill_but(0);
        let (status, body) = world.call(&quiet(&world));
        let said: serde_json::Value = serde_json::from_str(&body).unwrap();
        match status {
            200 => acknowledged.push(said["event_id"].as_i64().unwrap()),
            503 => refused += 1,
            _ => panic!("{status} {body}"),
        }
        assert!(acknowledged.len() < 500, "the disk does not fill up");
    }
    world.sim.clear_faults();
    for _ in 0..20 {
        disk.fill_but(0);
        let _ = world.sim.wait_until(Duration::from_millis(200), |_| false);
    }
    assert!(sends(&world, &sending) <= 1);
    assert!(!world.is_gone(), "a full disk is no reason to leave");
    disk.make_room();
    let took = first_200(&world, &quiet(&world));
    assert!(took <= RECOVERS_WITHIN, "back after {took:?}");
    world.settled_within(LEASE_AND_MORE);
    assert_eq!((sends(&world, &sending), sends(&world, &waiting)), (1, 1));
    let kept: Vec<i64> = world.events().iter().map(|event| event.event.0).collect();
    assert!(acknowledged.iter().all(|event| kept.contains(event)), "promised and lost");
    drop(disk);
}

#[test]
fn writes_that_find_no_room_are_503_then_200_again_and_the_daemon_outlives_them() {
    for (file, when) in [("mw.db-wal", "20..120"), ("mw.db", "3..30")] {
        let mut world = world_with("[workers]\nlease_seconds = 30");
        world.kill();
        let strace = Strace::inject_at(&world, Some(file), "pwrite64", &format!("error=ENOSPC:when={when}"));
        world.forget_port();
        world.launch(&strace.launch).unwrap();
        let (mut acknowledged, mut refused) = (vec![], 0);
        for _ in 0..120 {
            world.mail_about(OrderState::Shipped, WHERE);
            let (status, body) = world.call(&quiet(&world));
            let said: serde_json::Value = serde_json::from_str(&body).unwrap();
            acknowledged.extend(said["event_id"].as_i64());
            refused += usize::from(status == 503);
            let _ = world.sim.wait_until(Duration::from_millis(20), |_| false);
        }
        assert!(file == "mw.db" || refused > 0, "no call met the full disk");
        world.settled_within(LEASE_AND_MORE);
        // A checkpoint begins when nothing else is going on.
        world.until("it met the full disk", |_| strace.injected().len() > 5);
        assert_eq!(world.call(&quiet(&world)).0, 200, "there is room again");
        assert!(!world.is_gone());
        world.kill();
        all_is_well(&mut world, &acknowledged);
    }
}
