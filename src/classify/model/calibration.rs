//! Probabilities that mean what they say: temperature scaling, and how far off they are.
//!
//! People see the scaled number. Gates go by the raw one, because scaling slightly worsens how strangers rank
//! (decisions, The threshold).

/// Bounds on the temperature: outside them the data is odd, not the model.
const TEMPERATURE: std::ops::RangeInclusive<f64> = 0.3..=3.3;
const BINS: usize = 10;

/// Logarithms of raw probabilities of a held-out message, and its class.
pub type HeldOut = (Vec<f32>, usize);

/// Probabilities at a temperature; 1 leaves them as they are.
pub fn at_temperature(logs: &[f32], temperature: f64) -> Vec<f64> {
    let top = logs.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let powers: Vec<f64> = logs.iter().map(|log| (f64::from(log - top) / temperature).exp()).collect();
    let sum: f64 = powers.iter().sum();
    powers.into_iter().map(|power| power / sum).collect()
}

/// The temperature under which the held-out classes are likeliest (0.3..=3.3); 1 without messages.
pub fn temperature(held_out: &[HeldOut]) -> f64 {
    if held_out.is_empty() {
        return 1.0;
    }
    let loss = |temperature: f64| -> f64 {
        let own = held_out.iter().map(|(logs, class)| {
            at_temperature(logs, temperature).get(*class).copied().unwrap_or(0.0).max(1e-12).ln()
        });
        -own.sum::<f64>()
    };
    // Golden section: the loss has one valley.
    let ratio = (5.0_f64.sqrt() - 1.0) / 2.0;
    let (mut low, mut high) = (TEMPERATURE.start().ln(), TEMPERATURE.end().ln());
    for _ in 0..30 {
        let (a, b) = (high - ratio * (high - low), low + ratio * (high - low));
        if loss(a.exp()) <= loss(b.exp()) { high = b } else { low = a }
    }
    f64::midpoint(low, high).exp()
}

/// A bar of the reliability diagram: messages whose confidence falls into one tenth.
#[derive(Debug, Clone, Copy, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Bin {
    /// Messages in it.
    pub count: usize,
    /// Their mean confidence, 0..=1.
    pub confidence: f64,
    /// Their share right, 0..=1.
    pub right: f64,
}

/// The reliability diagram of (confidence, right) pairs: ten bars from 0 to 1.
pub fn reliability(pairs: &[(f64, bool)]) -> Vec<Bin> {
    let mut bins = vec![Bin::default(); BINS];
    for (confidence, right) in pairs {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a place in ten bars")]
        let place = ((confidence * BINS as f64) as usize).min(BINS - 1);
        if let Some(bin) = bins.get_mut(place) {
            bin.count += 1;
            bin.confidence += confidence;
            bin.right += f64::from(u8::from(*right));
        }
    }
    for bin in bins.iter_mut().filter(|bin| bin.count > 0) {
        bin.confidence /= bin.count as f64;
        bin.right /= bin.count as f64;
    }
    bins
}

/// The expected calibration error: how far confidence and share right are apart, over all bars (0..=1).
pub fn calibration_error(bins: &[Bin]) -> f64 {
    let all: usize = bins.iter().map(|bin| bin.count).sum();
    let off: f64 = bins.iter().map(|bin| bin.count as f64 * (bin.confidence - bin.right).abs()).sum();
    if all == 0 { 0.0 } else { off / all as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_boastful_model_is_cooled_until_its_confidence_is_true() {
        // Says 99 % and is right in 8 of 10.
        let logs = vec![0.99_f32.ln(), 0.01_f32.ln()];
        let held_out: Vec<HeldOut> = (0..100).map(|n| (logs.clone(), usize::from(n % 5 == 0))).collect();
        let temperature = temperature(&held_out);
        let says = at_temperature(&logs, temperature)[0];
        assert!(temperature > 2.0 && (says - 0.8).abs() < 0.02, "{temperature} says {says}");
        let pairs = |says: f64| (0..100).map(|n| (says, n % 5 != 0)).collect::<Vec<_>>();
        assert!(calibration_error(&reliability(&pairs(0.99))) > 0.18);
        assert!(calibration_error(&reliability(&pairs(says))) < 0.02);
    }

    #[test]
    fn the_temperature_stays_within_its_bounds() {
        let never_wrong: Vec<HeldOut> = vec![(vec![0.6_f32.ln(), 0.4_f32.ln()], 0); 50];
        assert!((0.3..0.31).contains(&temperature(&never_wrong)));
        assert_eq!(temperature(&[]), 1.0);
        assert_eq!(at_temperature(&[0.0, f32::NEG_INFINITY], 2.0), [1.0, 0.0]);
    }
}
