//! The figures that `/metrics` shows: one registry that each part adds its own metrics to.
//!
//! At start `daemon` makes one [`Metrics`], each part registers what it counts, and the admin listener calls
//! [`Metrics::encode`] at every scrape. Labels are bounded: words of ours, never a ticket, an address or a path.
//! Names: `contract.md`, "Metrics".

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

use crate::store::Store;

/// What the text of [`Metrics::encode`] is: OpenMetrics, which Prometheus reads since version 2.5.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The registry; shared by reference between the parts.
#[derive(Debug)]
pub struct Metrics {
    registry: Mutex<Registry>,
}

impl Metrics {
    /// A registry that holds `mw_build_info{version}` and nothing else yet.
    pub fn new() -> Self {
        let mut registry = Registry::default();
        let build = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
        registry.register("mw_build", "The version that runs", build);
        Self { registry: Mutex::new(registry) }
    }

    /// Lets a part add its metrics. A counter's name goes without `_total`: the encoder adds it.
    pub fn register<T>(&self, add: impl FnOnce(&mut Registry) -> T) -> T {
        add(&mut self.registry.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Adds `mw_queue_events{state}`, counted in the store at each scrape.
    pub fn watch_queue(&self, store: Arc<dyn Store>) {
        self.register(|registry| registry.register_collector(Box::new(QueueEvents { store })));
    }

    /// Everything as text. Blocks while the store counts: not for an async thread.
    ///
    /// # Errors
    /// When a part's collector fails to write itself.
    pub fn encode(&self) -> Result<String, fmt::Error> {
        let mut text = String::with_capacity(16 * 1024);
        encode(&mut text, &self.registry.lock().unwrap_or_else(PoisonError::into_inner))?;
        Ok(text)
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

struct QueueEvents {
    store: Arc<dyn Store>,
}

impl fmt::Debug for QueueEvents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("QueueEvents")
    }
}

impl Collector for QueueEvents {
    fn encode(&self, mut encoder: DescriptorEncoder) -> fmt::Result {
        // A store that cannot count must not take the other figures with it.
        let Ok(counts) = self.store.counts() else { return Ok(()) };
        let kind = ConstGauge::<i64>::new(0);
        let mut family =
            encoder.encode_descriptor("mw_queue_events", "Events by state", None, kind.metric_type())?;
        for (state, count) in counts {
            let gauge = ConstGauge::new(i64::try_from(count).unwrap_or(i64::MAX));
            gauge.encode(family.encode_family(&[("state", state.as_str())])?)?;
        }
        Ok(())
    }
}
