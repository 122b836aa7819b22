//! Which customers the canary answers: a fixed share, the same ones after every restart and on every machine.

use sha2::{Digest, Sha256};

use crate::event::customer_hash;

/// Where a customer stands between 0 and 100: below the configured share they are in. Follows from the hash of
/// the e-mail address or id alone, so that raising the share keeps everybody who was in.
pub fn canary_position(customer: &str) -> f64 {
    const STEPS: u32 = 1_000_000;
    let digest = Sha256::digest(format!("canary:{}", customer_hash(customer)));
    let number = digest.iter().take(8).fold(0_u64, |number, byte| (number << 8) | u64::from(*byte));
    let step = u32::try_from(number % u64::from(STEPS)).unwrap_or(0);
    f64::from(step) * 100.0 / f64::from(STEPS)
}
