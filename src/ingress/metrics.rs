//! What the door counts. Labels are words of ours and the names of configured sources.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use serde::{Deserialize, Serialize};

use crate::clock::Clock;
use crate::metrics::Metrics;

crate::event::named_enum! {
    /// How a request to an inbound path ended; the `result` label.
    Ended {
        /// 200, a new event.
        Accepted = "accepted",
        /// 200, joined a waiting event.
        Duplicate = "duplicate",
        /// 415 or 422: no ticket id; the bytes are kept for a person.
        Unusable = "unusable",
        /// 401.
        Unauthorized = "unauthorized",
        /// 429.
        TooManyBadTokens = "too-many-bad-tokens",
        /// 403: not from an allowed network.
        Forbidden = "forbidden",
        /// 413.
        TooLarge = "too-large",
        /// 408.
        SlowBody = "slow-body",
        /// 400.
        Malformed = "malformed",
        /// 404.
        NotFound = "not-found",
        /// 405.
        WrongMethod = "wrong-method",
        /// 503: every connection, or the caller's share of them, is taken.
        TooManyConnections = "too-many-connections",
        /// 503: the process stops.
        Stopping = "stopping",
        /// 503: too much waits for the disk, or it took too long.
        Busy = "busy",
        /// 503: the disk is full.
        DiskFull = "disk-full",
        /// 503: the store cannot be used.
        Failed = "failed",
    }
}

impl Ended {
    /// Whether the whole body had been read by then, so that another request can follow on the connection.
    pub(crate) const fn after_body(self) -> bool {
        matches!(
            self,
            Self::Accepted | Self::Duplicate | Self::Unusable | Self::Busy | Self::DiskFull | Self::Failed
        )
    }
}

/// The `source` label where no source is known (yet).
pub(crate) const NO_SOURCE: &str = "none";

type Labels1 = [(&'static str, String); 1];

/// The door's metrics; shared by reference.
#[derive(Debug)]
pub struct IngressMetrics {
    requests: Family<[(&'static str, String); 2], Counter>,
    ack_seconds: Histogram,
    last_event_at: Family<Labels1, Gauge<f64, std::sync::atomic::AtomicU64>>,
    deduplicated: Family<Labels1, Counter>,
    salvaged: Family<Labels1, Counter>,
}

impl IngressMetrics {
    /// Adds them to the registry.
    pub fn register(metrics: &Metrics) -> Self {
        let new = Self {
            requests: Family::default(),
            // From a commit on a fast disk to one behind a long queue.
            ack_seconds: Histogram::new([
                0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
            ]),
            last_event_at: Family::default(),
            deduplicated: Family::default(),
            salvaged: Family::default(),
        };
        metrics.register(|registry| {
            registry.register("mw_ingress_requests", "Calls by source and result", new.requests.clone());
            registry.register(
                "mw_ingress_ack_duration_seconds",
                "From the last byte of a call to the store's yes",
                new.ack_seconds.clone(),
            );
            registry.register(
                "mw_ingress_last_event_timestamp_seconds",
                "When the last call was accepted, Unix time",
                new.last_event_at.clone(),
            );
            registry.register(
                "mw_events_deduplicated",
                "Calls and events that joined another, by the key that showed it",
                new.deduplicated.clone(),
            );
            registry.register(
                "mw_ingress_salvaged",
                "Accepted calls whose body was broken and had to be salvaged",
                new.salvaged.clone(),
            );
        });
        new
    }

    pub(crate) fn ended(&self, source: &str, how: Ended) {
        let labels = [("source", source.to_owned()), ("result", how.as_str().to_owned())];
        self.requests.get_or_create(&labels).inc();
    }

    pub(crate) fn acknowledged(&self, source: &str, took: std::time::Duration, clock: &dyn Clock) {
        self.ack_seconds.observe(took.as_secs_f64());
        let now = clock.now().as_millisecond();
        #[allow(clippy::cast_precision_loss, reason = "milliseconds since 1970 fit 53 bits")]
        self.last_event_at.get_or_create(&[("source", source.to_owned())]).set(now as f64 / 1000.0);
    }

    pub(crate) fn joined(&self) {
        self.deduplicated.get_or_create(&[("key", "ticket".to_owned())]).inc();
    }

    pub(crate) fn salvaged(&self, source: &str) {
        self.salvaged.get_or_create(&[("source", source.to_owned())]).inc();
    }
}
