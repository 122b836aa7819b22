//! The part of the port that keeps trained models: the newest few, at most one of them in force. With none in force
//! the built-in one reads.

use bytes::Bytes;
use serde::Serialize;

use super::StoreError;
use crate::event::Timestamp;

/// Models kept; the one in force stays however old it is.
pub const KEPT_MAX: u32 = 5;

/// A trained model to keep.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewModel {
    /// `model-…`, of its bytes.
    pub version: String,
    /// When it was trained.
    pub trained_at: Timestamp,
    /// The fingerprint of what it learned from (SHA-256, hexadecimal).
    pub data: String,
    /// What was measured, as JSON.
    pub figures: String,
    /// The model itself.
    pub bytes: Bytes,
}

/// A kept model without its bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct KeptModel {
    /// `model-…`.
    pub version: String,
    /// When it was trained.
    pub trained_at: Timestamp,
    /// The fingerprint of what it learned from.
    pub data: String,
    /// What was measured, as JSON.
    #[serde(skip)]
    pub figures: String,
    /// Bytes of it.
    pub size_bytes: u64,
    /// Whether it reads messages now.
    pub in_force: bool,
}

/// Models in the store.
pub trait ModelStore {
    /// Keeps a model and puts it in force, lets go of all but the newest [`KEPT_MAX`] and writes into the audit who did
    /// it; in one commit. A model that is kept already is only put in force.
    ///
    /// # Errors
    /// [`StoreError`].
    fn add_model(&self, model: NewModel, by: &str, now: Timestamp) -> Result<(), StoreError>;

    /// Puts a kept model in force, or (with `None`) none of them.
    ///
    /// # Errors
    /// [`StoreError::Refused`] when it is not kept.
    fn use_model(&self, version: Option<&str>, by: &str, now: Timestamp) -> Result<(), StoreError>;

    /// The bytes of a kept model, or (with `None`) of the one in force; `None` when there is none.
    ///
    /// # Errors
    /// [`StoreError`].
    fn model(&self, version: Option<&str>) -> Result<Option<Vec<u8>>, StoreError>;
}
