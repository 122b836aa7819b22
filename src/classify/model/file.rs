//! A trained model as bytes: a line that names the format, a JSON head that a person can read, the numbers, a checksum.
//!
//! ```text
//! "richpanel-mw model 1\n" · three lengths (u64) · head (JSON) · weights (f32 each) · vectors (i8 each) · SHA-256
//! ```
//! All numbers are little-endian. [`write`] and [`read`] are each other's inverse; a file that was cut, changed or made
//! by a newer version is refused with a sentence.

use sha2::{Digest, Sha256};

const MAGIC: &[u8] = b"richpanel-mw model 1\n";
const CHECKSUM_BYTES: usize = 32;
/// Bytes of a model at most, so that a wrong file does not fill the memory.
pub const BYTES_MAX: usize = 256 << 20;

/// The parts of a file.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Parts {
    /// JSON.
    pub(super) head: String,
    /// Every weight, in the order that the head gives.
    pub(super) weights: Vec<f32>,
    /// The examples' vectors.
    pub(super) vectors: Vec<i8>,
}

/// Why bytes are no model that can be used.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// Something else.
    #[error("this is not a model of richpanel-mw, or one of another version; train it again")]
    NotAModel,
    /// Cut or changed.
    #[error("the model is damaged: {0}; train it again")]
    Damaged(&'static str),
    /// The head does not read.
    #[error("the model's head does not read ({0}); train it again with this version")]
    Head(String),
    /// Made for another embedding.
    #[error("the model was trained with the embedding {trained}, this binary has {here}; train it again")]
    Embedding {
        /// With which.
        trained: String,
        /// What is here.
        here: String,
    },
}

/// The bytes of a model.
pub(super) fn write(parts: &Parts) -> Vec<u8> {
    let mut bytes = MAGIC.to_vec();
    for length in [parts.head.len(), parts.weights.len(), parts.vectors.len()] {
        bytes.extend((length as u64).to_le_bytes());
    }
    bytes.extend(parts.head.as_bytes());
    bytes.extend(parts.weights.iter().flat_map(|weight| weight.to_le_bytes()));
    bytes.extend(parts.vectors.iter().flat_map(|value| value.to_le_bytes()));
    let sum = Sha256::digest(&bytes);
    bytes.extend(sum);
    bytes
}

/// The parts of a model's bytes.
///
/// # Errors
/// Anything that [`write`] did not make.
pub(super) fn read(bytes: &[u8]) -> Result<Parts, FileError> {
    let body = bytes.strip_prefix(MAGIC).ok_or(FileError::NotAModel)?;
    let split = bytes.len().checked_sub(CHECKSUM_BYTES).ok_or(FileError::Damaged("it is cut short"))?;
    let (signed, sum) = bytes.split_at(split);
    if Sha256::digest(signed).as_slice() != sum {
        return Err(FileError::Damaged("its checksum is wrong"));
    }
    let mut rest = body.get(..body.len() - CHECKSUM_BYTES).ok_or(FileError::Damaged("it is cut short"))?;
    let mut lengths = [0_usize; 3];
    for length in &mut lengths {
        let (number, behind) = rest.split_first_chunk::<8>().ok_or(FileError::Damaged("it is cut short"))?;
        *length = usize::try_from(u64::from_le_bytes(*number)).unwrap_or(usize::MAX);
        rest = behind;
    }
    let [head, weights, vectors] = lengths;
    let mut take = |length: Option<usize>| {
        let taken = length.and_then(|length| rest.split_at_checked(length));
        let (taken, behind) = taken.ok_or(FileError::Damaged("its lengths do not fit"))?;
        rest = behind;
        Ok(taken)
    };
    let head =
        String::from_utf8(take(Some(head))?.to_vec()).map_err(|error| FileError::Head(error.to_string()))?;
    let weights = take(weights.checked_mul(4))?;
    let weights = weights.as_chunks::<4>().0.iter().map(|number| f32::from_le_bytes(*number)).collect();
    let vectors = take(Some(vectors))?.iter().map(|byte| byte.cast_signed()).collect();
    Ok(Parts { head, weights, vectors })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read_and_nothing_else_is() {
        let parts = Parts {
            head: "{\"a\":1}".into(),
            weights: vec![1.5, -0.25, f32::MIN],
            vectors: vec![-128, 0, 127],
        };
        let bytes = write(&parts);
        assert_eq!(read(&bytes).unwrap(), parts);
        for cut in 0..bytes.len() {
            assert!(read(&bytes[..cut]).is_err(), "cut at {cut}");
        }
        for place in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[place] ^= 1;
            assert!(read(&changed).is_err(), "changed at {place}");
        }
        let huge =
            [MAGIC, &u64::MAX.to_le_bytes(), &u64::MAX.to_le_bytes(), &u64::MAX.to_le_bytes()].concat();
        let signed = [huge.as_slice(), Sha256::digest(&huge).as_slice()].concat();
        assert!(read(&signed).unwrap_err().to_string().contains("lengths do not fit"));
    }
}
