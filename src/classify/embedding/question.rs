//! The reader of status questions: whether the state of the customer's own order answers a text completely.
//!
//! The upper four layers of the sentence model, taught this one thing on the starter pack (`question/README.md`); the
//! lower two are the sentence model's own. Where a twin of a plain question differs by one word ("is my armchair on its
//! way", "… on its way to my mother's"), vectors that mean much the same do not tell; a network that was taught to look
//! does.

use rten::{Model, ModelOptions, NodeId, RunOptions, Value, ValueOrView};

use super::{EmbedError, Embedder};

/// The network: which operations on which weights.
const GRAPH: &[u8] = include_bytes!("question/question.onnx");
/// The name under which the graph looks for its weights.
const WEIGHTS: &str = "question.onnx.data";

/// The network, ready to run.
pub(super) struct QuestionReader {
    model: Model,
    hidden: NodeId,
    log_odds: NodeId,
}

impl QuestionReader {
    pub(super) fn new() -> Result<QuestionReader, EmbedError> {
        let broken = |error: rten::LoadError| EmbedError::Load(error.to_string());
        let missing = |error: rten::RunError| EmbedError::Load(error.to_string());
        // Only what the graph names, so that the linker drops the rest.
        let operators = rten::op_registry!(
            Add,
            Cast,
            Concat,
            Div,
            DynamicQuantizeLinear,
            Erf,
            Gather,
            LayerNormalization,
            MatMul,
            MatMulInteger,
            Mul,
            ReduceMean,
            Reshape,
            Softmax,
            Transpose
        );
        let model = ModelOptions::with_ops(operators)
            .external_data_static(WEIGHTS, rten::include_external_data!("question/question.onnx.data"))
            .load_static_slice(GRAPH)
            .map_err(broken)?;
        let node = |name| model.node_id(name).map_err(missing);
        let (hidden, log_odds) = (node("hidden")?, node("log_odds")?);
        Ok(QuestionReader { model, hidden, log_odds })
    }

    /// How probable it is that a text is a plain status question, 0..=1. `hidden`: what the sentence model's second layer
    /// made of it, [`Embedder::DIMENSIONS`] numbers for every piece, one piece after the other.
    pub(super) fn probability(&self, hidden: Vec<f32>, options: RunOptions) -> Result<f64, EmbedError> {
        let wrong = |error: &dyn std::fmt::Display| EmbedError::Run(error.to_string());
        let shape = [1, hidden.len() / Embedder::DIMENSIONS, Embedder::DIMENSIONS];
        let hidden = Value::from_shape(shape, hidden).map_err(|error| wrong(&error))?;
        let input = vec![(self.hidden, ValueOrView::from(hidden))];
        let outputs =
            self.model.run(input, &[self.log_odds], Some(options)).map_err(|error| wrong(&error))?;
        let out = outputs.into_iter().next().ok_or_else(|| wrong(&"nothing came out"))?;
        let (_, numbers) = out.into_shape_vec::<f32, 2>().map_err(|error| wrong(&error))?;
        match numbers.as_slice() {
            [log_odds] if log_odds.is_finite() => Ok(1.0 / (1.0 + (-f64::from(*log_odds)).exp())),
            _ => Err(wrong(&"an output that is no number")),
        }
    }
}
