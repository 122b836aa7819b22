//! The examples by meaning: which are most like a message, and how like the likest of each class is.
//!
//! With few examples the likest one knows more than a line drawn between classes; with many it still helps. Vectors
//! are kept as bytes: a number is a 400th, because the components of a unit vector of 384 hardly reach a quarter.

/// One number of a stored vector is this share of one.
const SCALE: f32 = 400.0;

/// The examples' vectors with their classes.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Neighbours {
    /// Numbers a vector; 0 without an embedding.
    size: usize,
    /// As they are stored: bytes of two's complement.
    vectors: Vec<u8>,
    classes: Vec<usize>,
}

impl Neighbours {
    /// Of stored vectors.
    pub(super) fn new(size: usize, vectors: Vec<u8>, classes: Vec<usize>) -> Self {
        Self { size, vectors, classes }
    }

    /// Of vectors (of which the first `size` numbers count) and classes.
    pub(super) fn learn<'a>(size: usize, examples: impl Iterator<Item = (&'a [f32], usize)>) -> Self {
        let mut learned = Self { size, ..Self::default() };
        for (vector, class) in examples.filter(|(vector, _)| vector.len() >= size) {
            learned.vectors.extend(vector.iter().take(size).map(|value| quantised(*value)));
            learned.classes.push(class);
        }
        learned
    }

    pub(super) fn vectors(&self) -> &[u8] {
        &self.vectors
    }

    /// How like each example is (-1..=1), in their order. None without an embedding.
    pub(super) fn likeness<'a>(&'a self, dense: &'a [f32]) -> impl Iterator<Item = f32> + 'a {
        let known = if self.size == 0 || dense.len() < self.size { 0 } else { self.classes.len() };
        self.vectors.chunks_exact(self.size.max(1)).take(known).map(|vector| dot(vector, dense) / SCALE)
    }

    /// How like the likest example of each class is; 0 where there is none.
    pub(super) fn likest(&self, dense: &[f32], classes: usize) -> Vec<f32> {
        let mut likest = vec![0.0_f32; classes];
        for (likeness, class) in self.likeness(dense).zip(&self.classes) {
            if let Some(best) = likest.get_mut(*class) {
                *best = best.max(likeness);
            }
        }
        likest
    }
}

fn dot(vector: &[u8], dense: &[f32]) -> f32 {
    vector.iter().zip(dense).map(|(a, b)| f32::from(a.cast_signed()) * b).sum()
}

#[expect(clippy::cast_possible_truncation, reason = "clamped to the range")]
fn quantised(value: f32) -> u8 {
    ((value * SCALE).round().clamp(-127.0, 127.0) as i8).cast_unsigned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_likest_of_each_class_is_found() {
        let examples: [(&[f32], usize); 3] = [(&[0.3, 0.0], 0), (&[0.2, 0.2], 1), (&[0.0, 0.3], 1)];
        let known = Neighbours::learn(2, examples.into_iter());
        assert_eq!(known.likest(&[0.1, 0.3], 3), [0.03, 0.09, 0.0]);
        assert_eq!(known.likeness(&[1.0, 0.0]).collect::<Vec<_>>(), [0.3, 0.2, 0.0]);
        assert_eq!(known.likest(&[], 2), [0.0, 0.0], "a text without an embedding has no neighbours");
    }
}
