//! Row: bad input, as a configuration that is well-formed. Each number of it in turn at its extremes: the daemon says
//! what is wrong and does not start, or it works; it never panics.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::mangled::nothing_panicked;
use super::*;
use crate::socket::Client;

const EXTREMES: [i64; 5] = [0, 1, 65_535, u32::MAX as i64, i64::MAX];

/// Every number of the example, as `section.key = value` for each extreme.
fn settings() -> Vec<String> {
    let example: toml::Table = include_str!("../../../examples/config.toml").parse().unwrap();
    let mut lines = vec![];
    for (section, keys) in &example {
        let toml::Value::Table(keys) = keys else { continue };
        for (key, value) in keys {
            for extreme in EXTREMES {
                match value {
                    toml::Value::Integer(_) => lines.push(format!("{section}.{key} = {extreme}")),
                    toml::Value::Float(_) => lines.push(format!("{section}.{key} = {extreme}.0")),
                    toml::Value::Array(items)
                        if items.iter().all(toml::Value::is_integer) && !items.is_empty() =>
                    {
                        lines.push(format!("{section}.{key} = [{extreme}]"));
                    }
                    _ => (),
                }
            }
        }
    }
    lines
}

/// What became of a daemon with this line in its configuration.
fn try_one(line: &str) -> Result<&'static str, String> {
    let started = catch_unwind(AssertUnwindSafe(|| World::on(roomy(), "live", line)));
    let world = match started {
        Ok(world) => world,
        Err(said) => {
            let said = said.downcast_ref::<String>().cloned().unwrap_or_default();
            let refused = said.contains("did not start") && !said.contains("panicked");
            return if refused { Ok("refused") } else { Err(format!("{line}: {said}")) };
        }
    };
    world.writes(question(0));
    let seen = |world: &World| {
        world.event(&id(0)).is_some_and(|event| event.attempt > 0 || event.finished_at.is_some())
    };
    // With some of these nothing is worked, and rightly so: no thread, no calls, no room.
    let clock = SystemClock::new();
    while !seen(&world) && clock.monotonic() < Duration::from_secs(2) {
        let _ = world.sim.wait_until(Duration::from_millis(20), |_| false);
    }
    // Whatever it is at: let it come to an end, so that its ends are met too.
    while world.event(&id(0)).is_some_and(|event| event.finished_at.is_none())
        && clock.monotonic() < Duration::from_secs(4)
    {
        let _ = world.sim.wait_until(Duration::from_millis(20), |_| false);
    }
    let alive = catch_unwind(AssertUnwindSafe(|| {
        let mut client = Client::to(world.admin());
        client.send("GET /metrics HTTP/1.1\r\nHost: mw\r\n\r\n");
        client.reply().status
    }));
    if alive.is_err() {
        return Err(format!("{line}: the daemon is gone"));
    }
    catch_unwind(AssertUnwindSafe(|| nothing_panicked(&world)))
        .map_err(|_| format!("{line}: a worker panicked"))?;
    Ok(if world.event(&id(0)).is_some_and(|event| event.finished_at.is_some()) { "worked" } else { "waits" })
}

/// Every number at every extreme.
pub(super) fn every_number() {
    let lines = settings();
    let (next, ends) = (AtomicUsize::new(0), Mutex::new(BTreeMap::<String, Vec<String>>::new()));
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                while let Some(line) = lines.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let end = try_one(line).map_or_else(|why| format!("BAD {why}"), String::from);
                    ends.lock().unwrap().entry(end).or_default().push(line.clone());
                }
            });
        }
    });
    let ends = ends.into_inner().unwrap();
    println!("{} settings: {:#?}", lines.len(), ends);
    let bad: Vec<_> = ends.keys().filter(|end| end.starts_with("BAD")).collect();
    assert!(bad.is_empty(), "{bad:#?}");
}
