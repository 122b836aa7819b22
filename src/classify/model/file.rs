//! A trained model as bytes: a line that names the format, sections, a checksum.
//!
//! ```text
//! "richpanel-mw model 5\n" · a length (u64) for each section · the sections ([`Parts`]) · SHA-256 of all that
//! ```
//! All numbers are little-endian. Only the small head is JSON: the rest is used as it lies here, so that a model of
//! some megabytes is there in milliseconds. [`write`] and [`read`] are each other's inverse; a file that was cut,
//! changed or made by another version is refused with a sentence.

use bytes::Bytes;
use sha2::{Digest, Sha256};

const MAGIC: &[u8] = b"richpanel-mw model 5\n";
const CHECKSUM_BYTES: usize = 32;
const SECTIONS: usize = 7;
const MISSING: FileError = FileError::Damaged("weights are missing");
/// Bytes of a model at most, so that a wrong file does not fill the memory.
pub const BYTES_MAX: usize = 256 << 20;

/// The sections of a file, in their order.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Parts<'a> {
    /// JSON: what a person can read.
    pub(super) head: &'a [u8],
    /// The names of the n-grams, a line each, sorted.
    pub(super) names: &'a [u8],
    /// The examples that are shown: class, tab, text; a line each.
    pub(super) examples: &'a [u8],
    /// Ten bytes an example that was learned from: eight of its text's hash, two for what it was read as unseen.
    pub(super) unseen: &'a [u8],
    /// Rarity of the n-grams, then scales and plain weights head by head (f32 each).
    pub(super) numbers: &'a [u8],
    /// Weights of the n-grams, head by head (i8 each).
    pub(super) cells: &'a [u8],
    /// The shown examples' vectors (i8 each).
    pub(super) vectors: &'a [u8],
}

impl<'a> Parts<'a> {
    const fn sections(&self) -> [&'a [u8]; SECTIONS] {
        let Self { head, names, examples, unseen, numbers, cells, vectors } = *self;
        [head, names, examples, unseen, numbers, cells, vectors]
    }
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
pub(super) fn write(parts: &Parts<'_>) -> Vec<u8> {
    let mut bytes = MAGIC.to_vec();
    for section in parts.sections() {
        bytes.extend((section.len() as u64).to_le_bytes());
    }
    for section in parts.sections() {
        bytes.extend(section);
    }
    let sum = Sha256::digest(&bytes);
    bytes.extend(sum);
    bytes
}

/// The first digits of the checksum that ends these bytes: which model it is.
pub(super) fn mark(bytes: &[u8]) -> String {
    let from = bytes.len().saturating_sub(CHECKSUM_BYTES);
    bytes.iter().skip(from).take(4).map(|byte| format!("{byte:02x}")).collect()
}

/// The parts of a model's bytes.
///
/// # Errors
/// Anything that [`write`] did not make.
pub(super) fn read(bytes: &[u8]) -> Result<Parts<'_>, FileError> {
    const SHORT: FileError = FileError::Damaged("it is cut short");
    if !bytes.starts_with(MAGIC) {
        return Err(FileError::NotAModel);
    }
    let split = bytes.len().checked_sub(CHECKSUM_BYTES).ok_or(SHORT)?;
    let (signed, sum) = bytes.split_at(split);
    if Sha256::digest(signed).as_slice() != sum {
        return Err(FileError::Damaged("its checksum is wrong"));
    }
    let mut rest = signed.strip_prefix(MAGIC).ok_or(SHORT)?;
    let mut lengths = [0_usize; SECTIONS];
    for length in &mut lengths {
        let (number, behind) = rest.split_first_chunk::<8>().ok_or(SHORT)?;
        *length = usize::try_from(u64::from_le_bytes(*number)).unwrap_or(usize::MAX);
        rest = behind;
    }
    let mut sections: [&[u8]; SECTIONS] = [&[]; SECTIONS];
    for (section, length) in sections.iter_mut().zip(lengths) {
        let cut = rest.split_at_checked(length).ok_or(FileError::Damaged("its lengths do not fit"))?;
        (*section, rest) = cut;
    }
    if !rest.is_empty() {
        return Err(FileError::Damaged("its lengths do not fit"));
    }
    let [head, names, examples, unseen, numbers, cells, vectors] = sections;
    Ok(Parts { head, names, examples, unseen, numbers, cells, vectors })
}

/// Single-precision numbers as bytes.
pub(super) fn bytes_of<'a>(numbers: impl IntoIterator<Item = &'a f32>) -> Vec<u8> {
    numbers.into_iter().flat_map(|number| number.to_le_bytes()).collect()
}

/// Takes so many numbers off the front.
///
/// # Errors
/// [`FileError::Damaged`] when there are fewer.
pub(super) fn take_numbers(rest: &mut &[u8], count: usize) -> Result<Vec<f32>, FileError> {
    let (taken, behind) = rest.split_at_checked(count.saturating_mul(4)).ok_or(MISSING)?;
    *rest = behind;
    Ok(taken.as_chunks::<4>().0.iter().map(|number| f32::from_le_bytes(*number)).collect())
}

/// Takes so many bytes off the front, without copying them.
///
/// # Errors
/// [`FileError::Damaged`] when there are fewer.
pub(super) fn take(rest: &mut Bytes, count: usize) -> Result<Bytes, FileError> {
    if count > rest.len() { Err(MISSING) } else { Ok(rest.split_to(count)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read_and_nothing_else_is() {
        let parts = Parts {
            head: b"{\"a\":1}",
            names: b"wa\nwb",
            examples: b"0\thello",
            unseen: &[1; 10],
            numbers: &bytes_of(&[1.5, -0.25, f32::MIN]),
            cells: &[128, 0, 127],
            vectors: &[],
        };
        let bytes = write(&parts);
        assert_eq!(read(&bytes).unwrap(), parts);
        let mut rest = parts.numbers;
        assert_eq!(take_numbers(&mut rest, 3).unwrap(), [1.5, -0.25, f32::MIN]);
        assert!(rest.is_empty() && take_numbers(&mut rest, 1).is_err());
        for cut in 0..bytes.len() {
            assert!(read(&bytes[..cut]).is_err(), "cut at {cut}");
        }
        for place in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[place] ^= 1;
            assert!(read(&changed).is_err(), "changed at {place}");
        }
        let huge = [MAGIC, &[0xff; 8 * SECTIONS]].concat();
        let signed = [huge.as_slice(), Sha256::digest(&huge).as_slice()].concat();
        assert!(read(&signed).unwrap_err().to_string().contains("lengths do not fit"));
    }
}
