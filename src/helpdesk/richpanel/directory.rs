//! Teams, agents, tags and channels (richpanel-api §2), kept for a while: tags to turn ids into names and names into
//! ids, agents to tell who wrote a comment without an operator flag.
//!
//! An outdated copy is still good for names, so looking one up costs no call. An id that no copy names does, once: the
//! tag may be `mw-stop`, made by a person a minute ago.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::Value;

use super::json::{first_text, list};
use super::wire::is_uuid;
use crate::clock::Clock;
use crate::helpdesk::{Directory, DirectoryEntry};

/// Entries asked for at once: the most that the vendor gives.
pub(super) const PER_PAGE: usize = 100;
/// Pages read at most: a `next_page` that never ends must not eat the budget.
pub(super) const PAGES_MAX: u32 = 20;

pub(super) const fn route(what: Directory) -> (&'static str, &'static str) {
    match what {
        Directory::Teams => ("/teams", "teams"),
        Directory::Users => ("/users", "users"),
        Directory::Tags => ("/tags", "tags"),
        Directory::Channels => ("/channel", "channel"),
    }
}

/// The entries of one page. The array's key is singular but for channels (richpanel-api §1); the plural is accepted.
pub(super) fn entries(body: &Value, what: Directory) -> Vec<DirectoryEntry> {
    let keys = match what {
        Directory::Teams => ["team", "teams"],
        Directory::Users => ["user", "users"],
        Directory::Tags => ["tag", "tags"],
        Directory::Channels => ["channels", "channel"],
    };
    let items = keys.iter().map(|key| list(body.get(*key))).find(|items| !items.is_empty());
    items.unwrap_or_else(|| list(Some(body))).iter().filter_map(|item| entry(item, what)).collect()
}

fn entry(item: &Value, what: Directory) -> Option<DirectoryEntry> {
    let id = first_text(item, &["id"])?;
    let names: &[&str] = match what {
        Directory::Channels => &["name", "business_brand_name", "type"],
        Directory::Users => &["name", "email"],
        Directory::Teams | Directory::Tags => &["name"],
    };
    // `name` may be the string `undefined` (richpanel-api §2).
    let name = names
        .iter()
        .filter_map(|key| first_text(item, &[key]))
        .find(|name| name != "undefined" && name != "null");
    Some(DirectoryEntry { name: name.unwrap_or_else(|| id.clone()), id })
}

/// Whether another page follows: by `next_page` where it is given (pages can have gaps), else by a full page.
pub(super) fn has_more(body: &Value, count: usize) -> bool {
    match body.get("next_page") {
        Some(Value::Null) => false,
        Some(Value::String(next)) => !next.is_empty(),
        Some(Value::Number(_)) => true,
        Some(_) => false,
        None => count >= PER_PAGE,
    }
}

/// The copies.
pub(super) struct Directories {
    ttl: Duration,
    clock: Arc<dyn Clock>,
    kept: Mutex<HashMap<Directory, (Duration, Vec<DirectoryEntry>)>>,
    /// Tag ids that no listing named, and when that was found out.
    nameless: Mutex<HashMap<String, Duration>>,
}

/// How long an id that no listing named is not asked for again.
const NAMELESS_FOR: Duration = Duration::from_secs(600);

impl Directories {
    pub(super) fn new(ttl: Duration, clock: Arc<dyn Clock>) -> Self {
        Self { ttl, clock, kept: Mutex::default(), nameless: Mutex::default() }
    }

    /// Whether a listing could give one of these tags a name: it looks like an id, no copy names it, and nobody asked
    /// for it lately.
    pub(super) fn worth_asking(&self, tags: &[String]) -> bool {
        let now = self.clock.monotonic();
        let nameless = self.nameless.lock().unwrap_or_else(PoisonError::into_inner);
        let asked = |tag: &String| nameless.get(tag).is_some_and(|at| now.saturating_sub(*at) < NAMELESS_FOR);
        tags.iter().any(|tag| is_uuid(tag) && !asked(tag))
    }

    /// Remembers which of these no listing named.
    pub(super) fn note_nameless(&self, tags: &[String]) {
        let now = self.clock.monotonic();
        let mut nameless = self.nameless.lock().unwrap_or_else(PoisonError::into_inner);
        nameless.retain(|_, at| now.saturating_sub(*at) < NAMELESS_FOR);
        nameless.extend(tags.iter().filter(|tag| is_uuid(tag)).map(|tag| (tag.clone(), now)));
    }

    /// A copy younger than the TTL.
    pub(super) fn fresh(&self, what: Directory) -> Option<Vec<DirectoryEntry>> {
        let now = self.clock.monotonic();
        self.with(what, |(at, entries)| (now.saturating_sub(*at) < self.ttl).then(|| entries.clone()))
    }

    pub(super) fn put(&self, what: Directory, entries: Vec<DirectoryEntry>) {
        let now = self.clock.monotonic();
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).insert(what, (now, entries));
    }

    /// The name of a tag id, from a copy of any age.
    pub(super) fn tag_name(&self, id: &str) -> Option<String> {
        self.with(Directory::Tags, |(_, tags)| {
            tags.iter().find(|tag| tag.id == id).map(|tag| tag.name.clone())
        })
    }

    /// The ids of the tags with this name, from a copy of any age.
    pub(super) fn tag_ids(&self, name: &str) -> Vec<String> {
        let ids = self.with(Directory::Tags, |(_, tags)| {
            Some(tags.iter().filter(|tag| tag.name == name).map(|tag| tag.id.clone()).collect())
        });
        ids.unwrap_or_default()
    }

    /// Whether an id is an agent's, by a copy of any age.
    pub(super) fn is_agent(&self, id: &str) -> bool {
        self.with(Directory::Users, |(_, users)| users.iter().any(|user| user.id == id).then_some(()))
            .is_some()
    }

    fn with<T>(
        &self,
        what: Directory,
        look: impl FnOnce(&(Duration, Vec<DirectoryEntry>)) -> Option<T>,
    ) -> Option<T> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).get(&what).and_then(look)
    }
}
