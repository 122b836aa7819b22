//! The request log: what the daemon asked for, how often, and how densely.

use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Serialize};

/// Requests kept one by one; the counts stay exact beyond it.
const REQUESTS_KEPT_MAX: usize = 200_000;

/// One API request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestEntry {
    /// Position, from 1; effects refer to it.
    pub seq: u64,
    /// When it arrived, milliseconds since 1970, simulator's time.
    pub at_ms: i64,
    /// Method and path pattern: `GET /tickets/{id}`.
    pub endpoint: String,
    /// The ticket its path names.
    #[serde(default)]
    pub ticket_id: Option<String>,
    /// Status of the answer; none while it is open, and when none was sent.
    #[serde(default)]
    pub status: Option<u16>,
    /// Whole seconds of `Retry-After` in the answer.
    #[serde(default)]
    pub retry_after_s: Option<u64>,
    /// The fault that bent it.
    #[serde(default)]
    pub fault: Option<String>,
    /// True when the request was carried out (also when the answer said otherwise).
    #[serde(default)]
    pub applied: bool,
}

/// Numbers over all requests with the right key.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestCounts {
    /// Requests seen.
    pub total: u64,
    /// Requests by endpoint.
    pub per_endpoint: BTreeMap<String, u64>,
    /// 429 answers that the caller brought on itself (not those injected as faults).
    pub self_made_429: u64,
    /// 401 answers.
    pub unauthorized: u64,
    /// The most requests in any window of the rate limit, refused ones included.
    pub most_in_any_window: u32,
}

/// The log.
#[derive(Debug, Default)]
pub struct RequestLog {
    kept: VecDeque<RequestEntry>,
    counts: RequestCounts,
    last_seq: u64,
    window_at_ms: VecDeque<i64>,
}

impl RequestLog {
    /// An empty log whose numbers go on where `before` ended.
    #[must_use]
    pub fn after(before: &Self) -> Self {
        Self { last_seq: before.last_seq, ..Self::default() }
    }

    /// Notes an arriving request and gives its sequence number.
    pub fn arrive(&mut self, at_ms: i64, window_ms: i64, endpoint: String, ticket_id: Option<String>) -> u64 {
        self.counts.total += 1;
        *self.counts.per_endpoint.entry(endpoint.clone()).or_insert(0) += 1;
        self.window_at_ms.push_back(at_ms);
        self.window_at_ms.retain(|seen| *seen > at_ms - window_ms);
        let in_window = u32::try_from(self.window_at_ms.len()).unwrap_or(u32::MAX);
        self.counts.most_in_any_window = self.counts.most_in_any_window.max(in_window);
        if self.kept.len() == REQUESTS_KEPT_MAX {
            self.kept.pop_front();
        }
        self.last_seq += 1;
        let seq = self.last_seq;
        self.kept.push_back(RequestEntry {
            seq,
            at_ms,
            endpoint,
            ticket_id,
            status: None,
            retry_after_s: None,
            fault: None,
            applied: false,
        });
        seq
    }

    /// Notes the status a request was answered with, and how long its caller was told to wait.
    pub fn answered(&mut self, seq: u64, status: u16, retry_after_s: Option<u64>) {
        self.change(seq, |entry| {
            entry.status = Some(status);
            entry.retry_after_s = retry_after_s;
        });
    }

    /// Notes the fault that bends a request.
    pub fn faulted(&mut self, seq: u64, fault: &str) {
        self.change(seq, |entry| entry.fault = Some(fault.to_owned()));
    }

    /// Notes that a request was carried out.
    pub fn applied(&mut self, seq: u64) {
        self.change(seq, |entry| entry.applied = true);
    }

    /// Counts a 429 of the strict window.
    pub fn throttled(&mut self) {
        self.counts.self_made_429 += 1;
    }

    /// Counts a request without the right key; it is not logged further.
    pub fn unauthorized(&mut self) {
        self.counts.unauthorized += 1;
    }

    /// The numbers so far.
    #[must_use]
    pub fn counts(&self) -> &RequestCounts {
        &self.counts
    }

    /// The newest requests, oldest first; at most 200,000.
    pub fn entries(&self) -> impl Iterator<Item = &RequestEntry> {
        self.kept.iter()
    }

    fn change(&mut self, seq: u64, change: impl FnOnce(&mut RequestEntry)) {
        let from_back = usize::try_from(self.last_seq.saturating_sub(seq)).unwrap_or(usize::MAX);
        let index = self.kept.len().checked_sub(from_back.saturating_add(1));
        let entry = index.and_then(|index| self.kept.get_mut(index));
        if let Some(entry) = entry.filter(|entry| entry.seq == seq) {
            change(entry);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_high_water_mark_is_the_densest_window_not_the_total() {
        let mut log = RequestLog::default();
        for at_ms in [0, 10_000, 20_000, 40_000, 45_000, 49_999, 90_000] {
            log.arrive(at_ms, 30_000, "GET /teams".into(), None);
        }
        assert_eq!(log.counts().most_in_any_window, 4);
        assert_eq!(log.counts().per_endpoint["GET /teams"], 7);
    }

    #[test]
    fn an_answer_from_before_a_reset_does_not_land_on_another_request() {
        let mut old = RequestLog::default();
        let late = old.arrive(0, 30_000, "GET /teams".into(), None);
        let mut log = RequestLog::after(&old);
        log.arrive(1, 30_000, "GET /users".into(), None);
        log.answered(late, 200, None);
        log.answered(99, 200, None);
        assert_eq!(log.entries().next().unwrap().status, None);
        assert_eq!(log.counts().total, 1);
    }

    #[test]
    fn an_answer_is_noted_at_its_own_request() {
        let mut log = RequestLog::default();
        let first = log.arrive(0, 30_000, "GET /teams".into(), None);
        let second = log.arrive(1, 30_000, "GET /users".into(), None);
        log.answered(first, 200, None);
        log.faulted(second, "reset_before");
        let entries: Vec<_> = log.entries().collect();
        assert_eq!((entries[0].status, entries[0].fault.as_deref()), (Some(200), None));
        assert_eq!((entries[1].status, entries[1].fault.as_deref()), (None, Some("reset_before")));
    }
}
