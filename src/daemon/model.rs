//! Which model reads messages: the one in force in the file of state, or the built-in starter.
//!
//! At start [`classifier`] takes the one in force; one that does not fit this program (another format, another
//! embedding) is passed over with a word in the log. [`add`] and [`choose`] change which is in force, in the file first:
//! a process that dies in between reads with the new one after its start. A message is read by one model from beginning
//! to end.

use bytes::Bytes;

use crate::classify::builtin;
use crate::classify::combined::CombinedClassifier;
use crate::classify::model::Model;
use crate::classify::phrases::PhraseClassifier;
use crate::event::Timestamp;
use crate::store::models::{ModelStore, NewModel};

/// The model of these bytes.
///
/// # Errors
/// Why they do not fit this program, in words for people.
pub fn fitting(bytes: impl Into<Bytes>) -> Result<Model, String> {
    Model::from_bytes(bytes, builtin::embedding_version()).map_err(|error| error.to_string())
}

/// The built-in starter model.
///
/// # Errors
/// A broken build.
pub fn starter() -> Result<Model, String> {
    builtin::starter().map_err(|error| format!("the built-in model: {error}"))
}

/// The rules and the model in force, whose bytes are given; the built-in one without them, or when they do not fit.
///
/// # Errors
/// A broken build.
pub fn classifier(rules: PhraseClassifier, in_force: Option<Vec<u8>>) -> Result<CombinedClassifier, String> {
    let model = match in_force.map(fitting) {
        Some(Ok(model)) => model,
        Some(Err(why)) => {
            log::warn!("model: the one in force cannot be used ({why}); the built-in starter model reads");
            starter()?
        }
        None => starter()?,
    };
    Ok(CombinedClassifier::new(rules, model, builtin::embedding()?))
}

/// Keeps a model in the file and puts it in force there.
///
/// # Errors
/// Words for people; nothing is changed then.
pub fn add(
    store: &dyn ModelStore,
    bytes: Vec<u8>,
    trained_at: Timestamp,
    by: &str,
    now: Timestamp,
) -> Result<Model, String> {
    let bytes = Bytes::from(bytes);
    let model = fitting(bytes.clone())?;
    let description = model.description();
    let kept = NewModel {
        version: model.version().to_owned(),
        trained_at,
        data: description.data.clone(),
        figures: serde_json::to_string(&description.figures).map_err(|error| error.to_string())?,
        bytes,
    };
    store.add_model(kept, by, now).map_err(|error| error.to_string())?;
    Ok(model)
}

/// Puts a kept model in force in the file, or (without a version) the built-in one.
///
/// # Errors
/// Words for people; nothing is changed then.
pub fn choose(
    store: &dyn ModelStore,
    version: Option<&str>,
    by: &str,
    now: Timestamp,
) -> Result<Model, String> {
    let model = match version {
        None => starter()?,
        Some(version) => {
            let kept = store.model(Some(version)).map_err(|error| error.to_string())?;
            let bytes = kept.ok_or_else(|| format!("no model {version} is kept here; see `models`"))?;
            fitting(bytes)?
        }
    };
    store.use_model(version, by, now).map_err(|error| error.to_string())?;
    Ok(model)
}
