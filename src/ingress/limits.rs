//! What one listener allows, as durations and counts. Made from the configuration, or by a test with small values.

use std::time::Duration;

use ipnet::IpNet;

use crate::config::Server;

/// Headers of one request; more: 431.
pub const HEADERS_MAX: usize = 64;

/// Bytes of one head, request line included; more: 431.
pub const HEAD_BYTES_MAX: usize = 16 * 1024;

/// Bounds on everything a caller can make the listener hold or wait for.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Only these networks may call; empty means everybody with a token.
    pub allow_from: Vec<IpNet>,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpNet>,
    /// Connections in all.
    pub connections_max: usize,
    /// Connections (behind a trusted proxy: requests in work) of one address; 0 means no limit.
    pub connections_per_address_max: usize,
    /// Bytes of one body.
    pub body_bytes_max: usize,
    /// Failed tokens a minute from one address before its bad tokens get 429.
    pub bad_tokens_per_minute: u32,
    /// Until the whole head must be here; also how long a kept-alive connection may be silent.
    pub head_timeout: Duration,
    /// Until the whole body must be here, from the moment the head was.
    pub body_timeout: Duration,
    /// Until the store must have said whether a call is kept.
    pub store_timeout: Duration,
    /// How long running requests may take to end after a stop.
    pub drain_timeout: Duration,
    /// After a last answer: how long what the caller still sends is read and thrown away, so that the answer is not
    /// destroyed by a reset.
    pub linger_timeout: Duration,
    /// When a connection is asked to end, however busy: bounds a caller that sends but never reads.
    pub connection_age_max: Duration,
    /// How long accepting rests after an error such as "too many open files".
    pub accept_pause: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self::from(&Server::default())
    }
}

impl From<&Server> for Limits {
    fn from(server: &Server) -> Self {
        Self {
            allow_from: server.allow_from.clone(),
            trusted_proxies: server.trusted_proxies.clone(),
            connections_max: server.max_connections,
            connections_per_address_max: server.max_connections_per_address,
            body_bytes_max: server.max_body_bytes,
            bad_tokens_per_minute: server.bad_tokens_per_minute,
            head_timeout: Duration::from_secs(server.head_timeout_seconds),
            body_timeout: Duration::from_secs(server.body_timeout_seconds),
            store_timeout: Duration::from_secs(30),
            drain_timeout: Duration::from_secs(5),
            linger_timeout: Duration::from_millis(500),
            connection_age_max: Duration::from_secs(300),
            accept_pause: Duration::from_millis(100),
        }
    }
}
