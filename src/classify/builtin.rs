//! What lives in the binary beside the rules: the sentence embedding (feature `embedding`) and the starter model, which
//! reads until a shop has trained its own.
//!
//! `starter.bin` and `starter-ngrams.bin` are made of the starter pack by one command (`starter/README.md`); tests hold
//! them to it.

use std::sync::Arc;

use super::model::{Embed, FileError, Model};

/// The starter model of this build.
#[cfg(feature = "embedding")]
const STARTER: &[u8] = include_bytes!("model/starter.bin");
/// The starter model of this build.
#[cfg(not(feature = "embedding"))]
const STARTER: &[u8] = include_bytes!("model/starter-ngrams.bin");

/// The file of the starter model with an embedding, and of the one without.
pub const FILE_WITH_EMBEDDING: &str = "starter.bin";
/// See [`FILE_WITH_EMBEDDING`].
pub const FILE_WITHOUT: &str = "starter-ngrams.bin";

/// The name of the starter model, where a person chooses one.
pub const STARTER_NAME: &str = "starter";

/// The sentence embedding, ready to run; `None` in a program built without.
///
/// # Errors
/// A broken build, in words.
#[cfg(feature = "embedding")]
pub fn embedding() -> Result<Option<Arc<dyn Embed>>, String> {
    let embedder = super::embedding::Embedder::new().map_err(|error| error.to_string())?;
    Ok(Some(Arc::new(embedder)))
}

/// The sentence embedding, ready to run; `None` in a program built without.
///
/// # Errors
/// A broken build, in words.
#[cfg(not(feature = "embedding"))]
pub fn embedding() -> Result<Option<Arc<dyn Embed>>, String> {
    Ok(None)
}

/// Which embedding this program has, without making it ready.
pub fn embedding_version() -> Option<&'static str> {
    #[cfg(feature = "embedding")]
    return Some(super::embedding::Embedder::version());
    #[cfg(not(feature = "embedding"))]
    return None;
}

/// The starter model.
///
/// # Errors
/// A broken build; a test keeps this from happening.
pub fn starter() -> Result<Model, FileError> {
    Model::from_bytes(STARTER, embedding_version())
}

#[cfg(test)]
mod tests {
    use super::super::model::examples;
    use super::*;

    /// Both files, whichever this build uses.
    const FILES: [(&str, &[u8]); 2] = [
        ("starter.bin", include_bytes!("model/starter.bin")),
        ("starter-ngrams.bin", include_bytes!("model/starter-ngrams.bin")),
    ];

    #[test]
    fn the_starter_models_are_trained_on_the_starter_pack_as_it_is_now() {
        let pack = examples::fingerprint(&examples::in_order(examples::starter().unwrap()));
        for (name, bytes) in FILES {
            let trained = Model::description_of(bytes).unwrap();
            let again = "richpanel-mw train --starter --out src/classify/model";
            assert_eq!(trained.data, pack, "{name} is older than the starter pack; run: {again}");
            assert!(bytes.len() < 16 << 20, "{name} has {} bytes", bytes.len());
        }
        let model = starter().unwrap();
        assert_eq!(model.description().embedding.as_deref(), embedding_version());
    }
}
