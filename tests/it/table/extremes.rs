//! Row: bad input, as a configuration that is well-formed. Each number of it in turn at its extremes: the daemon says
//! what is wrong and does not start, or it works; it never panics.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use std::path::Path;

use richpanel_mw::config::load::parse;
use richpanel_mw::config::validate::problems;
use richpanel_mw::decide::Policy;
use richpanel_mw::event::Mode;

use super::mangled::nothing_panicked;
use super::*;
use crate::socket::Client;

/// The greatest first.
const EXTREMES: [i64; 4] = [i64::MAX, u32::MAX as i64, 65_535, 0];

/// Whether it is taken as far as can be told without starting.
fn is_taken(line: &str) -> bool {
    let config = parse(line, Path::new("config.toml"));
    config.is_ok_and(|config| problems(&config).is_empty() && Policy::new(&config, Mode::Live).is_ok())
}

/// Every number of the example, as `section.key = value`: the greatest value that is taken, and 0 where it is.
fn settings() -> Vec<String> {
    let example: toml::Table = include_str!("../../../examples/config.toml").parse().unwrap();
    let mut lines = vec![];
    for (section, keys) in &example {
        let toml::Value::Table(keys) = keys else { continue };
        for (key, value) in keys {
            let line = |extreme: &i64| match value {
                toml::Value::Integer(_) => Some(format!("{section}.{key} = {extreme}")),
                toml::Value::Array(items) if items.iter().any(toml::Value::is_integer) => {
                    Some(format!("{section}.{key} = [{extreme}]"))
                }
                _ => None,
            };
            let mut taken: Vec<_> = EXTREMES.iter().filter_map(line).filter(|line| is_taken(line)).collect();
            taken.dedup_by_key(|line| line.ends_with(" 0") || line.ends_with("[0]"));
            lines.extend(taken);
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
    let heard = world.sim.wait_for_firings(crate::world::PATIENCE);
    // With some of these nothing is worked, and rightly so: no room, a hold without end.
    let clock = SystemClock::new();
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
    if !heard {
        return Err(format!("{line}: the call was never answered"));
    }
    Ok(match world.event(&id(0)) {
        Some(event) if event.finished_at.is_some() => "worked",
        Some(_) => "waits",
        None => "not taken in",
    })
}

/// Every second number at its extremes, from the first or the second on.
pub(super) fn every_second_number(from: usize) {
    let lines: Vec<String> = settings().into_iter().skip(from).step_by(2).collect();
    let (next, ends) = (AtomicUsize::new(0), Mutex::new(BTreeMap::<String, Vec<String>>::new()));
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while let Some(line) = lines.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let clock = SystemClock::new();
                    let end = try_one(line).map_or_else(|why| format!("BAD {why}"), String::from);
                    println!("{line}: {end}, {} ms", clock.monotonic().as_millis());
                    ends.lock().unwrap().entry(end).or_default().push(line.clone());
                }
            });
        }
    });
    let ends = ends.into_inner().unwrap();
    println!("{} settings: {:#?}", lines.len(), ends);
    let bad: Vec<_> = ends.keys().filter(|end| end.starts_with("BAD")).collect();
    assert!(bad.is_empty(), "{bad:#?}");
    // No disk has that much room: 503 to every call, which the helpdesk's log would show.
    let refused = ends.get("not taken in").map(Vec::as_slice).unwrap_or_default();
    assert!(refused.iter().all(|line| line.starts_with("store.min_free_mib")), "{refused:?}");
}
