//! L-BFGS for a smooth convex function of many variables (Nocedal and Wright, *Numerical Optimization*, algorithm 7.4),
//! with a backtracking line search.

use std::collections::VecDeque;

/// Steps remembered.
const MEMORY: usize = 8;
/// Ends when a step lowers the value by less than this share.
const GAIN_MIN: f64 = 1e-6;
const HALVINGS_MAX: usize = 25;
const ARMIJO: f64 = 1e-4;

struct Pair {
    step: Vec<f32>,
    change: Vec<f32>,
    rho: f64,
}

/// Walks down from `start`; `objective` gives the value and fills in the slopes.
pub(super) fn minimise(
    start: Vec<f32>,
    rounds_max: usize,
    mut objective: impl FnMut(&[f32], &mut Vec<f32>) -> f64,
) -> Vec<f32> {
    let mut at = start;
    let mut slopes = Vec::new();
    let mut value = objective(&at, &mut slopes);
    let mut memory: VecDeque<Pair> = VecDeque::with_capacity(MEMORY);
    let mut next_slopes = Vec::new();
    for _ in 0..rounds_max {
        let mut direction = downhill(&slopes, &memory);
        let mut slope = dot(&direction, &slopes);
        if slope >= 0.0 || slope.is_nan() {
            memory.clear();
            direction = slopes.iter().map(|slope| -slope).collect();
            slope = dot(&direction, &slopes);
        }
        let mut length = if memory.is_empty() { (1.0 / dot(&slopes, &slopes).sqrt()).min(1.0) } else { 1.0 };
        let mut found = None;
        for _ in 0..HALVINGS_MAX {
            let next = along(&at, &direction, length);
            let next_value = objective(&next, &mut next_slopes);
            if next_value <= value + ARMIJO * length * slope {
                found = Some((next, next_value));
                break;
            }
            length *= 0.5;
        }
        let Some((next, next_value)) = found else { break };
        remember(&mut memory, &at, &next, &slopes, &next_slopes);
        let gain = value - next_value;
        at = next;
        std::mem::swap(&mut slopes, &mut next_slopes);
        value = next_value;
        if gain <= GAIN_MIN * value.abs() {
            break;
        }
    }
    at
}

fn downhill(slopes: &[f32], memory: &VecDeque<Pair>) -> Vec<f32> {
    let mut direction: Vec<f32> = slopes.iter().map(|slope| -slope).collect();
    let mut shares = Vec::with_capacity(memory.len());
    for pair in memory.iter().rev() {
        let share = pair.rho * dot(&pair.step, &direction);
        add(&mut direction, &pair.change, -share);
        shares.push(share);
    }
    if let Some(last) = memory.back() {
        let scale = 1.0 / (last.rho * dot(&last.change, &last.change));
        #[expect(clippy::cast_possible_truncation, reason = "a factor for single-precision numbers")]
        direction.iter_mut().for_each(|value| *value *= scale as f32);
    }
    for (pair, share) in memory.iter().zip(shares.iter().rev()) {
        let back = pair.rho * dot(&pair.change, &direction);
        add(&mut direction, &pair.step, share - back);
    }
    direction
}

fn remember(memory: &mut VecDeque<Pair>, at: &[f32], next: &[f32], slopes: &[f32], next_slopes: &[f32]) {
    let step: Vec<f32> = next.iter().zip(at).map(|(next, at)| next - at).collect();
    let change: Vec<f32> = next_slopes.iter().zip(slopes).map(|(next, at)| next - at).collect();
    let curvature = dot(&step, &change);
    // Only a step along which the slope grew says something about the shape.
    if curvature > 1e-10 {
        if memory.len() == MEMORY {
            memory.pop_front();
        }
        memory.push_back(Pair { step, change, rho: 1.0 / curvature });
    }
}

fn dot(a: &[f32], b: &[f32]) -> f64 {
    // Short single-precision sums gathered in double precision: quick, and exact enough for long vectors.
    a.chunks(64)
        .zip(b.chunks(64))
        .map(|(a, b)| f64::from(a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>()))
        .sum()
}

#[expect(clippy::cast_possible_truncation, reason = "weights are single precision")]
fn add(to: &mut [f32], from: &[f32], scale: f64) {
    for (to, from) in to.iter_mut().zip(from) {
        *to += scale as f32 * from;
    }
}

#[expect(clippy::cast_possible_truncation, reason = "weights are single precision")]
fn along(at: &[f32], direction: &[f32], length: f64) -> Vec<f32> {
    at.iter().zip(direction).map(|(at, step)| at + length as f32 * step).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_finds_the_bottom_of_a_long_narrow_bowl() {
        let bottom = minimise(vec![-3.0, 7.0], 200, |at, slopes| {
            let (x, y) = (f64::from(at[0]) - 1.0, f64::from(at[1]) + 2.0);
            *slopes = vec![(2.0 * x) as f32, (200.0 * y) as f32];
            x * x + 100.0 * y * y
        });
        assert!((bottom[0] - 1.0).abs() < 1e-2 && (bottom[1] + 2.0).abs() < 1e-2, "{bottom:?}");
    }
}
