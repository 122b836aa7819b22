//! From the vectors of an embedding to the numbers that the heads see: [`Lens::learn`] once from all training texts,
//! [`Lens::see`] for each text.

/// How the vectors of an embedding are looked at: the first as it is; those of the inner layers, which all point much
/// the same way, from the middle of all training texts, and with less weight.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Lens {
    /// Numbers a vector.
    pub(super) size: usize,
    /// The middle of each inner vector, one behind the other.
    pub(super) centre: Vec<f32>,
    /// Their weight beside the first.
    pub(super) weight: f32,
}

impl Lens {
    /// Numbers a vector.
    pub(super) const fn size(&self) -> usize {
        self.size
    }

    /// For the vectors of the training texts.
    pub(super) fn learn(all: &[Vec<f32>], parts: usize, weight: f32) -> Self {
        let whole = all.iter().map(Vec::len).max().unwrap_or(0);
        let size = whole / parts.max(1);
        let mut centre = vec![0.0_f32; whole - size];
        let seen: Vec<&Vec<f32>> = all.iter().filter(|vectors| vectors.len() == whole).collect();
        for vectors in &seen {
            for (middle, value) in centre.iter_mut().zip(vectors.iter().skip(size)) {
                #[expect(clippy::cast_precision_loss, reason = "a count of messages")]
                let count = seen.len() as f32;
                *middle += value / count;
            }
        }
        Self { size, centre, weight }
    }

    /// One text's vectors as the heads see them.
    pub(super) fn see(&self, mut vectors: Vec<f32>) -> Vec<f32> {
        if self.size == 0 {
            return vectors;
        }
        let inner = vectors.get_mut(self.size..).unwrap_or_default();
        for (part, middle) in inner.chunks_mut(self.size).zip(self.centre.chunks(self.size)) {
            part.iter_mut().zip(middle).for_each(|(value, middle)| *value -= middle);
            let length = part.iter().map(|value| value * value).sum::<f32>().sqrt().max(f32::MIN_POSITIVE);
            part.iter_mut().for_each(|value| *value *= self.weight / length);
        }
        vectors
    }
}
