//! The examples by meaning: which are most like a message, and how like the likest of each class is.
//!
//! With few examples the likest one knows more than a line drawn between classes; with many it still helps. Vectors
//! are kept as bytes: a number is a 400th, because the components of a unit vector of 384 hardly reach a quarter.

use bytes::Bytes;

/// One number of a stored vector is this share of one.
const SCALE: f32 = 400.0;

/// The examples' vectors with their classes.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Neighbours {
    /// Numbers a vector; 0 without an embedding.
    size: usize,
    /// As they are stored: bytes of two's complement.
    vectors: Bytes,
    labels: Vec<Label>,
}

/// What an example is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Label {
    /// Its class.
    pub(super) class: usize,
    /// Whether facts answer it; `None` when nobody said.
    pub(super) plain: Option<bool>,
}

/// The class as a number, then `+` for a plain question and `-` for none: as models are stored.
impl std::fmt::Display for Label {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mark = self.plain.map_or("", |plain| if plain { "+" } else { "-" });
        write!(f, "{}{mark}", self.class)
    }
}

impl Label {
    /// Of its stored form.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (number, plain) = match text.strip_suffix('+') {
            Some(number) => (number, Some(true)),
            None => text.strip_suffix('-').map_or((text, None), |number| (number, Some(false))),
        };
        Some(Self { class: number.parse().ok()?, plain })
    }
}

impl Neighbours {
    /// Of stored vectors.
    pub(super) fn new(size: usize, vectors: Bytes, labels: Vec<Label>) -> Self {
        Self { size, vectors, labels }
    }

    /// Of vectors (of which the first `size` numbers count) and labels.
    pub(super) fn learn<'a>(size: usize, examples: impl Iterator<Item = (&'a [f32], Label)>) -> Self {
        let (mut vectors, mut labels) = (Vec::new(), Vec::new());
        for (vector, label) in examples.filter(|(vector, _)| vector.len() >= size) {
            vectors.extend(vector.iter().take(size).map(|value| quantised(*value)));
            labels.push(label);
        }
        Self::new(size, vectors.into(), labels)
    }

    pub(super) fn vectors(&self) -> &[u8] {
        &self.vectors
    }

    /// How like each example is (-1..=1), in their order. None without an embedding.
    pub(super) fn likeness<'a>(&'a self, dense: &'a [f32]) -> impl Iterator<Item = f32> + 'a {
        let known = if self.size == 0 || dense.len() < self.size { 0 } else { self.labels.len() };
        self.vectors.chunks_exact(self.size.max(1)).take(known).map(|vector| dot(vector, dense) / SCALE)
    }

    /// How like the likest example of each class is; 0 where there is none.
    pub(super) fn likest(&self, dense: &[f32], classes: usize) -> Vec<f32> {
        let mut likest = vec![0.0_f32; classes];
        for (likeness, label) in self.likeness(dense).zip(&self.labels) {
            if let Some(best) = likest.get_mut(label.class) {
                *best = best.max(likeness);
            }
        }
        likest
    }
}

/// The product, summed in sixteen lanes: one sum after another would wait for each addition.
pub(super) fn dot(vector: &[u8], dense: &[f32]) -> f32 {
    const LANES: usize = 16;
    let ((vector, rest), (dense, dense_rest)) = (vector.as_chunks::<LANES>(), dense.as_chunks::<LANES>());
    let mut sums = [0.0_f32; LANES];
    for (vector, dense) in vector.iter().zip(dense) {
        for ((sum, a), b) in sums.iter_mut().zip(vector).zip(dense) {
            *sum += f32::from(a.cast_signed()) * b;
        }
    }
    let rest = rest.iter().zip(dense_rest).map(|(a, b)| f32::from(a.cast_signed()) * b);
    sums.iter().sum::<f32>() + rest.sum::<f32>()
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
        let label = |class, plain| Label { class, plain };
        let examples: [(&[f32], Label); 3] = [
            (&[0.3, 0.0], label(0, Some(true))),
            (&[0.2, 0.2], label(1, Some(false))),
            (&[0.0, 0.3], label(1, None)),
        ];
        let known = Neighbours::learn(2, examples.into_iter());
        let near = |found: &[f32], wanted: &[f32]| {
            assert_eq!(found.len(), wanted.len());
            assert!(found.iter().zip(wanted).all(|(a, b)| (a - b).abs() < 1e-6), "{found:?} {wanted:?}");
        };
        near(&known.likest(&[0.1, 0.3], 3), &[0.03, 0.09, 0.0]);
        near(&known.likeness(&[1.0, 0.0]).collect::<Vec<_>>(), &[0.3, 0.2, 0.0]);
        near(&known.likest(&[], 2), &[0.0, 0.0]);
    }

    #[test]
    fn the_product_counts_every_number_once() {
        for size in [1, 15, 16, 17, 384, 387] {
            let vector: Vec<u8> = (0..size).map(|n| ((n * 37 % 255) as i8).cast_unsigned()).collect();
            let dense: Vec<f32> = (0..size).map(|n| (n % 7) as f32 - 3.0).collect();
            let exact: f64 =
                vector.iter().zip(&dense).map(|(a, b)| f64::from(a.cast_signed()) * f64::from(*b)).sum();
            assert_eq!(f64::from(dot(&vector, &dense)), exact, "{size}");
        }
    }

    #[test]
    fn labels_are_stored_and_read() {
        for label in [
            Label { class: 12, plain: Some(true) },
            Label { class: 0, plain: Some(false) },
            Label { class: 3, plain: None },
        ] {
            assert_eq!(Label::parse(&label.to_string()), Some(label));
        }
        assert_eq!(Label::parse("x"), None);
        assert_eq!(Label::parse("+"), None);
    }
}
