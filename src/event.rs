//! The event: one reason to look at a ticket, from the helpdesk's call to an end that a person can see.
//!
//! Everything else in the crate speaks in these types. They hold no behaviour beyond the table of allowed
//! transitions, so that a reader can check the promise "every accepted event reaches an end" in one place.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// A point in time; stored as epoch milliseconds, shown as RFC 3339 UTC.
pub type Timestamp = jiff::Timestamp;

macro_rules! string_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// Wraps the text as it came; no form is assumed.
            pub fn new(id: impl Into<String>) -> Self {
                Self(id.into())
            }

            /// The text as it came.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl From<&str> for $name {
            fn from(id: &str) -> Self {
                Self(id.to_owned())
            }
        }
    };
}

string_id! {
    /// The helpdesk's id of a ticket: opaque, may hold `<>@+` (a raw Message-ID), unique within one helpdesk.
    TicketId
}
string_id! {
    /// The helpdesk's id of one message (comment) on a ticket: opaque.
    MessageId
}
string_id! {
    /// Which helpdesk an event belongs to, as the configuration and the routes name it (`richpanel`, …).
    HelpdeskName
}
string_id! {
    /// An intent's name as in the starter pack or the shop's configuration (`order_status`).
    Intent
}

impl Intent {
    /// The name as it stands in a tag: hyphens for underscores (`order-status`).
    pub fn tag_part(&self) -> String {
        self.0.replace('_', "-")
    }
}

/// The store's number of an event; also what `show ID` takes and what the 200 answer carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EventId(pub i64);

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

macro_rules! named_enum {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum $name {
            $($(#[$vdoc])* #[serde(rename = $text)] $variant,)+
        }

        impl $name {
            /// Every value, in order.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The word in the store, in `--json` and in metrics.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }

            /// Reads the word back; `None` for any other.
            pub fn parse(word: &str) -> Option<Self> {
                match word { $($text => Some(Self::$variant),)+ _ => None }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }
    };
}
pub(crate) use named_enum;

named_enum! {
    /// What made us look at the ticket.
    Source {
        /// The helpdesk's HTTP call.
        Call = "call",
        /// A reconciliation sweep found a ticket or message no call told us of.
        Sweep = "sweep",
        /// A row of an exported file (`reconcile --csv`).
        Csv = "csv",
    }
}

named_enum! {
    /// The order in which waiting events are taken, and in which the call budget is given out.
    Lane {
        /// Somebody is looking at a chat window.
        LiveChat = "live-chat",
        /// E-mail and everything else that came by a call.
        Email = "email",
        /// Found by a sweep: nobody expects an answer within minutes.
        Sweep = "sweep",
    }
}

impl Lane {
    /// The number the store sorts by: 0 is taken first.
    pub const fn rank(self) -> i64 {
        self as i64
    }

    /// Reads [`Lane::rank`] back.
    pub fn from_rank(rank: i64) -> Option<Self> {
        usize::try_from(rank).ok().and_then(|rank| Self::ALL.get(rank)).copied()
    }
}

named_enum! {
    /// Where an event stands. The first five are open, the others final.
    State {
        /// Accepted; never fetched, nothing journalled. The only state another call may join.
        Waiting = "waiting",
        /// A worker holds it, until `lease_until`.
        Working = "working",
        /// An attempt failed in a way that can pass; tried again at `due_at`.
        Backoff = "backoff",
        /// A reply is ready and waits out `hold_seconds`; worked on at `due_at`.
        Held = "held",
        /// A reply went out and nobody knows whether it arrived: the ticket is read back at `due_at`.
        Checking = "checking",
        /// Ended as it should; `outcome` says how.
        Done = "done",
        /// The same newest customer message was already handled by another event.
        Duplicate = "duplicate",
        /// Gave up; a person must look (`dead_letters`, `retry`, `discard`).
        Dead = "dead",
        /// A person threw it away, with a reason.
        Discarded = "discarded",
    }
}

impl State {
    /// No further work will be done unless a person asks for it.
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Done | Self::Duplicate | Self::Dead | Self::Discarded)
    }

    /// The table of transitions; the store refuses every other one.
    pub const fn may_become(self, next: Self) -> bool {
        use State::{Backoff, Checking, Dead, Discarded, Done, Duplicate, Held, Waiting, Working};
        match self {
            Waiting | Held | Checking => matches!(next, Working | Discarded),
            Backoff => matches!(next, Working | Dead | Discarded),
            // Back to `Waiting` only while nothing was fetched: the mode is off, or the helpdesk is down.
            Working => matches!(next, Waiting | Backoff | Held | Checking | Done | Duplicate | Dead),
            // `retry` by a person.
            Dead | Discarded => matches!(next, Backoff),
            // Its tags were said to be there, and a later look did not find them.
            Done => matches!(next, Dead),
            Duplicate => false,
        }
    }
}

named_enum! {
    /// How a `done` event ended, in a word for tables and metrics.
    Outcome {
        /// A reply went out and is known to have arrived at the helpdesk.
        Answered = "answered",
        /// Tagged for a team.
        Routed = "routed",
        /// Tagged for a team and for a person's eyes: urgent, or a reply whose fate is unknown.
        NeedsHuman = "needs-human",
        /// Shadow mode: decided and recorded, nothing written.
        Observed = "observed",
        /// A person had answered already, or the ticket was closed: marked as seen, nothing else.
        Seen = "seen",
        /// Left alone on purpose: `mw-stop`, our own message, no customer message at all.
        Ignored = "ignored",
        /// The helpdesk says that the ticket does not exist.
        Gone = "gone",
    }
}

named_enum! {
    /// How far the daemon may go. The latest decision wins, from the command line or from the file.
    Mode {
        /// Accept and keep; do nothing.
        Off = "off",
        /// Decide and record; write nothing.
        Shadow = "shadow",
        /// Tags and teams, no replies.
        Route = "route",
        /// Replies for a share of the customers.
        Canary = "canary",
        /// Replies wherever every gate passes.
        Live = "live",
    }
}

impl Mode {
    /// Whether anything at all may be written to the helpdesk.
    pub const fn writes(self) -> bool {
        matches!(self, Self::Route | Self::Canary | Self::Live)
    }
}

/// Key 2 (design, Idempotency): one customer message of one ticket is handled once.
///
/// `message` is the newest customer message's id, or its text where it has none; the hash keeps the text out of the
/// key. Lower-case hex, 64 characters.
pub fn idempotency_key(helpdesk: &HelpdeskName, ticket: &TicketId, message: &MessageKey) -> String {
    let mut hash = Sha256::new();
    for part in [helpdesk.as_str(), ticket.as_str(), message.as_str()] {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part.as_bytes());
    }
    hex(&hash.finalize())
}

/// What tells one customer message from another: its id, or `sha256:` and a hash of its text.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MessageKey(String);

impl MessageKey {
    /// The key of a message: its id where it has one.
    pub fn of(id: Option<&MessageId>, text: &str) -> Self {
        match id {
            Some(id) => Self(id.as_str().to_owned()),
            None => Self(format!("sha256:{}", hex(&Sha256::digest(text.as_bytes())))),
        }
    }

    /// Reads a stored key back.
    pub fn stored(key: impl Into<String>) -> Self {
        Self(key.into())
    }

    /// The key as stored.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    use fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// What an e-mail address is stored and counted as: the first 16 hex digits of the SHA-256 of its trimmed,
/// lower-case form. Enough to count by, nothing to read.
pub fn customer_hash(email_or_id: &str) -> String {
    let mut digest = hex(&Sha256::digest(email_or_id.trim().to_lowercase().as_bytes()));
    digest.truncate(16);
    digest
}

/// Caps as configured.
#[derive(Debug, Clone, PartialEq)]
pub struct Caps {
    /// On one ticket in 24 h.
    pub per_ticket_day: u32,
    /// To one customer in 24 h.
    pub per_customer_day: u32,
    /// In all in one hour.
    pub per_hour: u32,
    /// Of the last five replies so many that ended badly stop all replying; 0: never.
    pub bad: u32,
}

/// Replies that count against the caps: sending, sent, unsure or confirmed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplyCounts {
    /// On this ticket in the last 24 h.
    pub ticket_day: u32,
    /// To this customer in the last 24 h.
    pub customer_day: u32,
    /// In all in the last hour.
    pub hour: u32,
    /// When the oldest of those on this ticket was sent.
    #[serde(default)]
    pub ticket_oldest: Option<Timestamp>,
    /// When the oldest of those to this customer was sent.
    #[serde(default)]
    pub customer_oldest: Option<Timestamp>,
    /// When the oldest of those of the last hour was sent.
    #[serde(default)]
    pub hour_oldest: Option<Timestamp>,
    /// Of the last five that ended within an hour and were sent since a person last let replying go on: those never
    /// seen on their ticket, or refused by the helpdesk.
    #[serde(default)]
    pub bad: u32,
    /// Since when replying is stopped for such replies, until a person lets it go on.
    #[serde(default)]
    pub stopped_at: Option<Timestamp>,
    /// The customer message that the newest reply on this ticket answers, where the journal knows of one.
    #[serde(default)]
    pub answers: Option<MessageKey>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_open_state_can_reach_an_end() {
        for state in State::ALL.iter().filter(|state| !state.is_final()) {
            let reaches = |from: State| State::ALL.iter().any(|to| from.may_become(*to) && to.is_final());
            let next_reaches = State::ALL.iter().any(|next| state.may_become(*next) && reaches(*next));
            assert!(reaches(*state) || next_reaches, "{state} is a dead end");
        }
    }

    #[test]
    fn an_ended_event_never_becomes_an_open_one_by_itself() {
        for done in [State::Done, State::Duplicate] {
            assert!(State::ALL.iter().all(|next| !done.may_become(*next) || *next == State::Dead));
        }
    }

    #[test]
    fn words_read_back_as_what_they_were() {
        for state in State::ALL {
            assert_eq!(State::parse(state.as_str()), Some(*state));
        }
        for lane in Lane::ALL {
            assert_eq!(Lane::from_rank(lane.rank()), Some(*lane));
        }
        assert_eq!(State::parse("gone fishing"), None);
    }

    #[test]
    fn the_idempotency_key_keeps_its_parts_apart() {
        let desk = HelpdeskName::from("richpanel");
        let key = |ticket: &str, message: &str| {
            idempotency_key(&desk, &TicketId::from(ticket), &MessageKey::stored(message))
        };
        assert_ne!(key("ab", "c"), key("a", "bc"));
        assert_eq!(key("ab", "c"), key("ab", "c"));
        assert_eq!(key("a", "b").len(), 64);
    }

    #[test]
    fn an_address_counts_the_same_however_it_is_written() {
        assert_eq!(customer_hash(" Ava@Example.com "), customer_hash("ava@example.com"));
        assert_ne!(customer_hash("ava@example.com"), customer_hash("ben@example.com"));
    }
}
