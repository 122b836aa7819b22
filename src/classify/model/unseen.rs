//! What a model read its own examples as before it had learned them, so that another model can be held against it on
//! messages that neither had seen.
//!
//! Texts are known by eight bytes of their hash, not by their words: ten bytes an example.

use bytes::Bytes;
use sha2::{Digest, Sha256};

/// Bytes of the text's hash, then of the class's place.
const HASH_BYTES: usize = 8;
const BYTES: usize = HASH_BYTES + 2;

/// Ten bytes an example, sorted.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Unseen(pub(super) Bytes);

impl Unseen {
    /// Of each text and the place of the class that it was read as.
    pub(super) fn new<'a>(read: impl Iterator<Item = (&'a str, usize)>) -> Self {
        let mut entries: Vec<[u8; BYTES]> = read
            .filter_map(|(text, class)| {
                let mut entry = [0; BYTES];
                let (hash, place) = entry.split_at_mut(HASH_BYTES);
                hash.copy_from_slice(&hash_of(text));
                place.copy_from_slice(&u16::try_from(class).ok()?.to_le_bytes());
                Some(entry)
            })
            .collect();
        entries.sort_unstable();
        Self(entries.concat().into())
    }

    /// The class that the text was read as.
    pub(super) fn of(&self, text: &str) -> Option<usize> {
        let entries = self.0.as_chunks::<BYTES>().0;
        let hash = hash_of(text);
        let place = entries.partition_point(|entry| entry.as_slice() < hash.as_slice());
        let (found, class) = entries.get(place)?.split_at_checked(HASH_BYTES)?;
        let class = class.first_chunk::<2>().filter(|_| found == hash)?;
        Some(usize::from(u16::from_le_bytes(*class)))
    }
}

fn hash_of(text: &str) -> [u8; HASH_BYTES] {
    let digest = Sha256::digest(text.to_lowercase().as_bytes());
    digest.first_chunk::<HASH_BYTES>().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_found_by_its_words_and_no_other_is() {
        let texts: Vec<String> = (0..50).map(|n| format!("message {n}")).collect();
        let unseen = Unseen::new(texts.iter().enumerate().map(|(n, text)| (text.as_str(), n % 7)));
        for (n, text) in texts.iter().enumerate() {
            assert_eq!(unseen.of(&text.to_uppercase()), Some(n % 7));
        }
        assert_eq!(unseen.of("another"), None);
        assert_eq!(Unseen::default().of("message 1"), None);
        assert_eq!(Unseen(vec![1, 2, 3].into()).of("message 1"), None, "cut bytes are no entry");
    }
}
