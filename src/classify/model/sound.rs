//! Whether what a file says of its model holds together. The checksum proves that nothing was changed on the way; it does
//! not prove that a training made it. What fails here is refused before anything is read with it.

use std::collections::BTreeSet;

use super::Description;
use super::file::FileError;

impl Description {
    /// Of a file's head.
    ///
    /// # Errors
    /// JSON that does not read, or says what no training does.
    pub(super) fn of_head(head: &[u8]) -> Result<Self, FileError> {
        let read: Self = serde_json::from_slice(head).map_err(|error| FileError::Head(error.to_string()))?;
        read.sound().map_err(FileError::Damaged)?;
        Ok(read)
    }

    fn sound(&self) -> Result<(), &'static str> {
        let classes: BTreeSet<&str> = self.classes.iter().map(String::as_str).collect();
        let holds = [
            (classes.len() >= 2, "it knows fewer than two intents"),
            (classes.len() == self.classes.len(), "it knows an intent twice"),
            (self.dense.checked_rem(self.parts) == Some(0), "its vectors do not fit their parts"),
            (self.embedding.is_some() || self.dense == 0, "it has vectors and no embedding"),
            (!self.plans.is_empty(), "it has no weights"),
            (self.temperature > 0.0, "its temperature is none"),
            (is_share(self.target), "its target is no share"),
            (
                self.thresholds.keys().all(|intent| classes.contains(intent.as_str())),
                "it has a threshold for an intent that it does not know",
            ),
            (self.are_thresholds(), "one of its thresholds is none"),
        ];
        holds.iter().find(|(holds, _)| !holds).map_or(Ok(()), |(_, problem)| Err(problem))
    }

    fn are_thresholds(&self) -> bool {
        let mut chosen = self.thresholds.values().filter_map(|chosen| chosen.as_ref().ok());
        chosen.all(|one| is_share(one.at) && is_share(one.bound) && one.wrong <= one.answered)
    }
}

fn is_share(share: f64) -> bool {
    (0.0..=1.0).contains(&share)
}

/// That the stored weights are numbers: one that is none would make every reading none.
///
/// # Errors
/// [`FileError::Damaged`].
pub(super) fn weights(numbers: &[u8]) -> Result<(), FileError> {
    let mut all = numbers.as_chunks::<4>().0.iter();
    let are_numbers = all.all(|number| f32::from_le_bytes(*number).is_finite());
    if are_numbers { Ok(()) } else { Err(FileError::Damaged("one of its weights is no number")) }
}
