//! The load under which things fail, and the look at what became of it.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::mpsc;
use std::time::Duration;

use richpanel_mw::clock::{Clock as _, SystemClock};
use richpanel_mw::sim::people::OrderState;

use super::WHERE;
use crate::world::{TOKEN, World};

/// Between two customers.
const PACE: Duration = Duration::from_millis(50);

/// Under load every death that was arranged comes in seconds; this is for a slow machine.
const LEAVES_WITHIN: Duration = Duration::from_secs(60);

/// What the repeating caller was answered, in order.
#[derive(Debug, Default)]
pub struct Heard {
    /// The events that a 200 named.
    pub acknowledged: Vec<i64>,
    pub statuses: Vec<u16>,
}

/// Customers write, and somebody repeats old calls as fast as he can: the writer never rests.
pub fn until_gone(world: &mut World, known: &[String]) -> Heard {
    let addr = world.addr();
    let (stop, stopped) = mpsc::channel();
    std::thread::scope(|scope| {
        let repeating = scope.spawn(move || repeat(addr, known, &stopped));
        let clock = SystemClock::new();
        while !world.is_gone() && clock.monotonic() < LEAVES_WITHIN {
            world.mail_about(OrderState::Shipped, WHERE);
            let _ = world.sim.wait_until(PACE, |_| false);
        }
        drop(stop);
        let heard = repeating.join().unwrap();
        assert!(world.is_gone(), "it neither died nor left within {LEAVES_WITHIN:?}");
        heard
    })
}

fn repeat(addr: SocketAddr, known: &[String], stopped: &mpsc::Receiver<()>) -> Heard {
    let mut heard = Heard::default();
    let agent = ureq::Agent::config_builder().http_status_as_error(false).build().new_agent();
    let url = format!("http://{addr}/richpanel/inbound");
    for ticket in known.iter().cycle() {
        if stopped.try_recv() == Err(mpsc::TryRecvError::Disconnected) {
            break;
        }
        let body = serde_json::json!({ "ticket_id": ticket, "channel": "email", "trigger": "test" });
        let call = agent.post(&url).header("X-Middleware-Token", TOKEN).content_type("application/json");
        let Ok(mut answer) = call.send(body.to_string()) else { break };
        let Ok(text) = answer.body_mut().read_to_string() else { break };
        let said: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
        heard.statuses.push(answer.status().as_u16());
        heard.acknowledged.extend(said["event_id"].as_i64());
    }
    heard
}

/// The longest that everything may take to end.
const SETTLES: Duration = Duration::from_secs(300);

/// A plain start, and the end of everything.
pub fn all_is_well(world: &mut World, acknowledged: &[i64]) {
    world.forget_port();
    world.start();
    // Many deaths leave much behind, and a busy machine works through it slowly.
    world.settled_within(SETTLES);
    let kept: BTreeSet<i64> = world.events().iter().map(|event| event.event.0).collect();
    let lost: Vec<i64> = acknowledged.iter().copied().filter(|event| !kept.contains(event)).collect();
    assert!(lost.is_empty(), "promised and lost: {lost:?}");
}
