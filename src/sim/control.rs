//! Control routes under `/_sim/`, so that another process can drive the simulator.
//!
//! `POST /_sim/<verb>` takes a verb's fields as a JSON object (see [`Verb`]); `GET /_sim/<name>`
//! reads. They need no key and do not count against the rate limit.
//!
//! | GET | answer |
//! |---|---|
//! | `snapshot` | `{"tickets":[…]}`, as the API would show them in full |
//! | `journal` | `{"effects":[…]}` |
//! | `requests` | `{"counts":{…},"requests":[…]}` |
//! | `firings` | `{"firings":[…]}` |
//! | `faults` | `{"faults":[…],"scripts_waiting":n}` |
//! | `verdict` | `{"duplicated":[…],"untouched":[…],"replies":n,"after_agent":[…],"while_stopped":[…]}` |
//! | `orders`, `agents`, `settings`, `clock` | what they say |

use std::sync::Arc;

use serde_json::{Value, json};

use super::errors::{Answer, ErrorShape};
use super::journal;
use super::render;
use super::shared::Shared;
use super::verbs::Verb;
use super::world::World;

pub(super) fn answer(shared: &Arc<Shared>, method: &str, route: &str, body: &str) -> Answer {
    match method {
        "GET" => shared
            .look(|world| read(world, route))
            .map_or_else(|| Answer::not_found("Route"), |value| Answer::ok(&value)),
        "POST" => match verb(route, body) {
            Ok(verb) => match shared.with(|world| world.run(verb, None)) {
                Ok(written) => Answer::ok(&json!(written)),
                Err(error) => Answer::error(422, ErrorShape::Error, &error.to_string()),
            },
            Err(error) => Answer::error(400, ErrorShape::Error, &error),
        },
        _ => Answer::not_found("Route"),
    }
}

fn verb(name: &str, body: &str) -> Result<Verb, String> {
    let body = if body.trim().is_empty() { "{}" } else { body };
    let mut fields: Value = serde_json::from_str(body).map_err(|error| error.to_string())?;
    let object = fields.as_object_mut().ok_or("the body must be a JSON object")?;
    object.insert("verb".into(), json!(name));
    serde_json::from_value(fields).map_err(|error| error.to_string())
}

fn read(world: &World, route: &str) -> Option<Value> {
    Some(match route {
        "snapshot" => json!({"tickets": world.snapshot()}),
        "journal" => json!({"effects": world.journal.effects(), "write_error": world.journal.write_error()}),
        "requests" => {
            json!({"counts": world.log.counts(), "requests": world.log.entries().collect::<Vec<_>>()})
        }
        "firings" => json!({"firings": world.firings}),
        "faults" => {
            json!({"faults": world.faults.report(), "scripts_waiting": world.faults.scripts_waiting()})
        }
        "verdict" => verdict(world),
        "orders" => json!({"orders": world.orders.values().collect::<Vec<_>>()}),
        "agents" => json!({"agents": world.agents}),
        "settings" => json!(world.settings),
        "clock" => json!({"now_ms": world.now_ms()}),
        _ => return None,
    })
}

fn verdict(world: &World) -> Value {
    let effects = world.journal.effects();
    json!({
        "replies": journal::replies_per_message(effects).values().sum::<u32>(),
        "duplicated": journal::duplicated(effects),
        "after_agent": journal::replies_after_agent(effects),
        "while_stopped": journal::writes_while_tagged(effects, "mw-stop"),
        "untouched": world.without_tag("mw-processed"),
    })
}

impl World {
    /// Every ticket in full, oldest first.
    pub(super) fn snapshot(&self) -> Vec<Value> {
        self.ticket_ids
            .iter()
            .filter_map(|id| self.tickets.get(id))
            .map(|ticket| render::ticket(ticket, self.tenant(), true))
            .collect()
    }

    /// Ids of tickets without a tag of this name.
    pub(super) fn without_tag(&self, name: &str) -> Vec<String> {
        let lacks = |id: &&String| {
            self.tickets
                .get(*id)
                .is_some_and(|ticket| !ticket.tags.iter().any(|tag| self.tag_name(tag) == name))
        };
        self.ticket_ids.iter().filter(lacks).cloned().collect()
    }
}
