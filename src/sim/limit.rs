//! The rate limit: at most so many requests in *any* window of so many milliseconds.
//!
//! Stricter than a fixed window, because the vendor does not say which one it has
//! (richpanel-api §1). Refused requests do not count against the window.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

/// How many requests a key may send in any window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RateLimit {
    /// Requests in a window.
    pub requests: u32,
    /// Length of the window in milliseconds.
    pub window_ms: i64,
}

impl Default for RateLimit {
    /// 50 requests in 30 s (richpanel-api §1).
    fn default() -> Self {
        Self { requests: 50, window_ms: 30_000 }
    }
}

/// What the window says about one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Admission {
    /// Whether the request may go on.
    pub allowed: bool,
    /// Requests left in the window after this one.
    pub remaining: u32,
    /// Whole seconds until a request would be allowed again; 0 when one is allowed now.
    pub retry_after_s: u64,
}

/// The window of one key.
#[derive(Debug, Default)]
pub struct Window {
    limit: RateLimit,
    admitted_at_ms: VecDeque<i64>,
}

impl Window {
    /// An empty window.
    #[must_use]
    pub fn new(limit: RateLimit) -> Self {
        Self { limit, admitted_at_ms: VecDeque::new() }
    }

    /// The limit in force.
    #[must_use]
    pub fn limit(&self) -> RateLimit {
        self.limit
    }

    /// Changes the limit; what was admitted stays counted.
    pub fn set_limit(&mut self, limit: RateLimit) {
        self.limit = limit;
    }

    /// Counts one request at `now_ms`, or refuses it.
    pub fn admit(&mut self, now_ms: i64) -> Admission {
        self.forget_before(now_ms);
        let used = u32::try_from(self.admitted_at_ms.len()).unwrap_or(u32::MAX);
        if used < self.limit.requests {
            self.admitted_at_ms.push_back(now_ms);
            return Admission { allowed: true, remaining: self.limit.requests - used - 1, retry_after_s: 0 };
        }
        Admission { allowed: false, remaining: 0, retry_after_s: self.seconds_until_free(now_ms) }
    }

    /// Another client with the same key uses up to `requests` of what is left at `now_ms`.
    pub fn use_up(&mut self, requests: u32, now_ms: i64) {
        for _ in 0..requests {
            if !self.admit(now_ms).allowed {
                return;
            }
        }
    }

    fn forget_before(&mut self, now_ms: i64) {
        let oldest_counted_ms = now_ms.saturating_sub(self.limit.window_ms);
        self.admitted_at_ms.retain(|at| *at > oldest_counted_ms);
    }

    fn seconds_until_free(&self, now_ms: i64) -> u64 {
        let over = self.admitted_at_ms.len().saturating_sub(self.limit.requests as usize);
        let free_at_ms = self.admitted_at_ms.get(over).map_or(now_ms, |at| at + self.limit.window_ms);
        let wait_ms = u64::try_from(free_at_ms - now_ms).unwrap_or(0);
        wait_ms.div_ceil(1000).max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fifty_in_any_thirty_seconds_pass_and_the_next_waits() {
        let mut window = Window::new(RateLimit::default());
        for i in 0..50 {
            let admission = window.admit(i * 100);
            assert!(admission.allowed);
            assert_eq!(i64::from(admission.remaining), 49 - i);
        }
        let refused = window.admit(20_000);
        assert!(!refused.allowed);
        assert_eq!(refused.retry_after_s, 10);
        assert!(!window.admit(29_999).allowed);
        assert!(window.admit(30_000).allowed);
        assert!(!window.admit(30_050).allowed, "only the first request has left the window");
    }

    #[test]
    fn another_client_takes_from_the_same_window() {
        let mut window = Window::new(RateLimit { requests: 3, window_ms: 1_000 });
        window.use_up(2, 0);
        assert!(window.admit(1).allowed);
        assert!(!window.admit(2).allowed);
    }
}
