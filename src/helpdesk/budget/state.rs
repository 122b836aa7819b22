//! The budget's numbers, as plain functions of values: what is taken, what is free, who is next.
//!
//! `limit` ≥ in flight + cooling + reserved holds at every reservation. It can be broken only from outside, when the
//! server lowers the limit or counts calls that are not ours; then nothing new begins until it holds again.

use std::collections::VecDeque;
use std::time::Duration;

use super::{LANES, Use};

/// Why a slot is not free.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A call of ours that has ended.
    Call,
    /// A call that the server counted and we did not make.
    Foreign,
    /// What an earlier process or a stranger may have done, until an answer tells.
    Unsure,
    /// A call of the process before, sent and perhaps not counted by the server yet.
    UnderWay,
}

#[derive(Debug)]
pub(super) struct State {
    configured: u32,
    pub(super) limit: u32,
    pub(super) in_flight: u32,
    pub(super) reserved: u32,
    /// Slots that become free at a known time; in order of that time, since each is added at now + window.
    cooling: VecDeque<(Duration, Kind)>,
    /// Monotonic time before which nobody calls.
    pub(super) paused_until: Duration,
    /// Waiters' numbers by lane, first come first.
    pub(super) waiting: [VecDeque<u64>; LANES],
    next_waiter: u64,
    pub(super) begun_total: u64,
    /// Calls begun and strangers' calls learned of; only differences of it are used.
    pub(super) seen_total: u64,
}

impl State {
    pub(super) fn new(limit: u32) -> Self {
        Self {
            configured: limit,
            limit,
            in_flight: 0,
            reserved: 0,
            cooling: VecDeque::new(),
            paused_until: Duration::ZERO,
            waiting: Default::default(),
            next_waiter: 0,
            begun_total: 0,
            seen_total: 0,
        }
    }

    /// Frees the slots whose time has come.
    pub(super) fn expire(&mut self, now: Duration) {
        while self.cooling.front().is_some_and(|(free_at, _)| *free_at <= now) {
            self.cooling.pop_front();
        }
    }

    /// Slots taken by calls, ours and others'.
    pub(super) fn busy(&self) -> u32 {
        self.in_flight.saturating_add(u32::try_from(self.cooling.len()).unwrap_or(u32::MAX))
    }

    pub(super) fn free(&self) -> u32 {
        self.limit.saturating_sub(self.busy()).saturating_sub(self.reserved)
    }

    /// What a lane must leave free.
    const fn spare(&self, use_: Use) -> u32 {
        match use_ {
            Use::Sweep => self.limit / 4,
            _ => 0,
        }
    }

    fn is_unsure(&self) -> bool {
        self.cooling.iter().any(|(_, kind)| *kind == Kind::Unsure)
    }

    /// The most that one reservation of this lane can get. While the count is unsure that is one call, so that an
    /// event which wants six does not wait a window for slots that its first answer will release.
    pub(super) fn clamp(&self, use_: Use, calls: u32) -> u32 {
        if self.is_unsure() {
            return calls.min(1);
        }
        calls.min(self.limit.saturating_sub(self.spare(use_)))
    }

    pub(super) fn fits(&self, use_: Use, calls: u32, now: Duration) -> bool {
        now >= self.paused_until && self.free() >= calls.saturating_add(self.spare(use_))
    }

    /// Whether somebody waits who comes before `me` (or before a newcomer) in this lane.
    pub(super) fn waiter_ahead(&self, use_: Use, me: Option<u64>) -> bool {
        let lane = use_ as usize;
        let urgent = self.waiting.iter().take(lane).any(|lane| !lane.is_empty());
        urgent || self.waiting.get(lane).and_then(VecDeque::front).is_some_and(|first| Some(*first) != me)
    }

    pub(super) fn join(&mut self, use_: Use) -> u64 {
        let id = self.next_waiter;
        self.next_waiter += 1;
        if let Some(lane) = self.waiting.get_mut(use_ as usize) {
            lane.push_back(id);
        }
        id
    }

    pub(super) fn leave(&mut self, use_: Use, id: u64) {
        if let Some(lane) = self.waiting.get_mut(use_ as usize) {
            lane.retain(|waiter| *waiter != id);
        }
    }

    /// The time until `calls` slots are free if nobody else takes them; `None` when that depends on calls still under
    /// way or reserved.
    pub(super) fn wait_hint(&self, use_: Use, calls: u32, now: Duration) -> Option<Duration> {
        let wanted = calls.saturating_add(self.spare(use_));
        // Counted from what is taken, not from `free`, which hides by how much a lowered limit is exceeded.
        let taken = self.busy().saturating_add(self.reserved);
        let missing = taken.saturating_add(wanted).saturating_sub(self.limit);
        let pause = self.paused_until.saturating_sub(now);
        if missing == 0 {
            return (!pause.is_zero()).then_some(pause);
        }
        if self.is_unsure() && self.in_flight > 0 {
            return (!pause.is_zero()).then_some(pause);
        }
        let (free_at, _) = self.cooling.get(usize::try_from(missing - 1).ok()?)?;
        Some(free_at.saturating_sub(now).max(pause))
    }

    /// Puts slots away until `free_at`.
    pub(super) fn cool(&mut self, kind: Kind, slots: u32, free_at: Duration) {
        self.cooling.extend(std::iter::repeat_n((free_at, kind), usize::try_from(slots).unwrap_or(0)));
    }

    /// Takes slots for calls that somebody else made.
    pub(super) fn add(&mut self, kind: Kind, slots: u32, free_at: Duration) {
        self.cool(kind, slots, free_at);
        self.seen_total += u64::from(slots);
    }

    /// `known`: the calls that the server can have in its window as far as we know; `free_at`: when a call that
    /// arrived now leaves it.
    pub(super) fn observe(
        &mut self,
        limit: Option<u32>,
        remaining: Option<u32>,
        known: u64,
        free_at: Duration,
    ) {
        if let Some(limit) = limit {
            self.limit = limit.clamp(1, self.configured);
        }
        let Some(remaining) = remaining else { return };
        // Against the server's own limit: it may allow more than we were configured to use.
        let server_used = limit.unwrap_or(self.limit).saturating_sub(remaining);
        self.release_unsure(server_used);
        let strangers = u64::from(server_used).saturating_sub(known);
        // More strangers than the limit say nothing more.
        let strangers = u32::try_from(strangers).unwrap_or(u32::MAX).min(self.limit);
        self.add(Kind::Foreign, strangers, free_at);
    }

    /// The first truth: of what others may have done, only what the server has counted beyond our own calls stays.
    fn release_unsure(&mut self, server_used: u32) {
        let unsure = self.cooling.iter().filter(|(_, kind)| *kind == Kind::Unsure).count();
        if unsure == 0 {
            return;
        }
        let unsure = u32::try_from(unsure).unwrap_or(u32::MAX);
        let under_way = self.cooling.iter().filter(|(_, kind)| *kind == Kind::UnderWay).count();
        let under_way = u32::try_from(under_way).unwrap_or(u32::MAX);
        let others = self.busy().saturating_sub(unsure).saturating_sub(under_way);
        let mut keep = server_used.saturating_sub(others);
        for slot in &mut self.cooling {
            // What stays is from now on an ordinary stranger: released once only.
            if slot.1 == Kind::Unsure && keep > 0 {
                slot.1 = Kind::Foreign;
                keep -= 1;
            }
        }
        self.cooling.retain(|(_, kind)| *kind != Kind::Unsure);
    }
}
