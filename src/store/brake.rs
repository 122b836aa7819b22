//! The names under which brakes are kept, so that whoever fires, shows and releases one means the same.
//!
//! The brake on harm: when too many of the last replies ended unconfirmed or refused, replying stops until a person
//! lets it go on. It is a setting, so that it outlives a restart and is in the audit: [`STOPPED`] since its time, or
//! [`RELEASED`], and then only replies sent later count.

/// The setting of the brake on harm.
pub const HARM: &str = "brake.unconfirmed";

/// Its value while replying is stopped.
pub const STOPPED: &str = "stopped";

/// Its value after a person let replying go on.
pub const RELEASED: &str = "released";

/// The alert while replying is stopped by it.
pub const HARM_ALERT: &str = "brake:unconfirmed";

/// The alert while the cap on all replies of an hour holds.
pub const HOUR_ALERT: &str = "brake:hour";

/// How many of the last replies are looked at.
pub const LAST: u32 = 5;
