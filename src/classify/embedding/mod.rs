//! The sentence embedding: what a text means, as a direction in 384 dimensions. Texts that mean the same point the
//! same way, whatever their words; the product of two embeddings is their cosine.
//!
//! One [`Embedder`] is made at start and shared by the worker threads. The model is all-MiniLM-L6-v2 with int8
//! weights, in the binary (`minilm/README.md`), run by rten on the CPU: the same text gives the same bits on the
//! same kind of processor. Between processors the last digits may differ.
//!
//! It reads English best and other languages of Latin script by their shared words; a text of more than
//! [`Embedder::MAX_TOKENS`] word pieces loses its tail, so a long mail comes in windows. What may go wrong: the
//! engine refuses the model (a broken build), or a run, which is an error and never a panic.

mod question;
#[cfg(test)]
mod tests;
mod wordpiece;
mod words;

use std::sync::{Arc, Condvar, Mutex, PoisonError};

use rten::{Model, ModelOptions, NodeId, RunOptions, ThreadPool, Value, ValueOrView};

use super::cores::spread;
use super::model::Embed;
use question::QuestionReader;
use wordpiece::WordPieces;

/// The network: which operations on which weights.
const GRAPH: &[u8] = include_bytes!("minilm/minilm.onnx");
/// The name under which the graph looks for its weights.
const WEIGHTS: &str = "minilm.onnx.data";
/// The models and, shortened, the hashes of their files.
const VERSION: &str = "minilm-l6-v2-int8-81992b1e+question-cb99dfb8";

/// What the reader of status questions reads: the second of its six layers.
const QUESTION_LAYER: &str = "layer_norm_4";

/// What is read off the network: the end of it, and of its six layers the third and the fourth.
const LAYERS: [&str; 3] = ["last_hidden_state", "layer_norm_6", "layer_norm_8"];

/// Word pieces that run together at most: more of them take more memory and no less time.
const BATCH_TOKENS: usize = 512;

/// Why there is no embedding.
#[derive(Debug, thiserror::Error)]
pub enum EmbedError {
    /// The model in the binary is not one that the engine takes.
    #[error("the sentence model in this program is broken ({0}): install the program again")]
    Load(String),
    /// The engine stopped over this text.
    #[error("the sentence model cannot read this text ({0})")]
    Run(String),
}

/// The model, ready to run. All of it is shared by whoever holds a reference.
pub struct Embedder {
    network: Network,
    question: QuestionReader,
    seats: Seats,
}

/// Threads to run on: one a core, made when first needed. A text takes one, so that it costs one core; more of them at
/// once would be no faster, and each keeps some megabytes.
struct Seats {
    free: Mutex<Vec<Seat>>,
    freed: Condvar,
}

/// `None` before it was first needed.
type Seat = Option<Arc<ThreadPool>>;

impl Seats {
    fn new(count: usize) -> Self {
        Self { free: Mutex::new(vec![None; count.max(1)]), freed: Condvar::new() }
    }

    /// Waits for a thread, and gives it back when the work is done.
    fn with<T>(&self, work: impl FnOnce(Arc<ThreadPool>) -> T) -> T {
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        let seat = loop {
            if let Some(seat) = free.pop() {
                break seat;
            }
            free = self.freed.wait(free).unwrap_or_else(PoisonError::into_inner);
        };
        drop(free);
        let mut taken = Taken { seats: self, seat };
        let pool = taken.seat.get_or_insert_with(|| Arc::new(ThreadPool::with_num_threads(1)));
        work(Arc::clone(pool))
    }
}

/// A thread in use: given back when dropped, whatever became of the work.
struct Taken<'a> {
    seats: &'a Seats,
    seat: Seat,
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        self.seats.free.lock().unwrap_or_else(PoisonError::into_inner).push(self.seat.take());
        self.seats.freed.notify_one();
    }
}

struct Network {
    model: Model,
    pieces: WordPieces,
    ids: NodeId,
    mask: NodeId,
    kinds: NodeId,
    layers: Vec<NodeId>,
    question_layer: NodeId,
}

impl Embedder {
    /// The most word pieces of a text that are read, its two marks among them; some 90 to 100 English words.
    pub const MAX_TOKENS: usize = 128;
    /// Numbers in an embedding.
    pub const DIMENSIONS: usize = 384;
    /// Vectors of [`Self::embed_layers`].
    pub const LAYERS: usize = LAYERS.len();

    /// Reads the model in the binary: some 25 ms, and 60 MB of memory for as long as it lives (45 of it the weights
    /// as floats, the rest pages of the program that the system may drop again).
    ///
    /// # Errors
    /// [`EmbedError::Load`] when the build is broken.
    pub fn new() -> Result<Embedder, EmbedError> {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Ok(Embedder { network: Network::new()?, question: QuestionReader::new()?, seats: Seats::new(cores) })
    }

    /// [`Self::DIMENSIONS`] numbers of unit length for a text, of which the first [`Self::MAX_TOKENS`] word pieces
    /// count. A text without words has one too: it is near nothing in particular.
    ///
    /// # Errors
    /// [`EmbedError::Run`] when the engine stops, or gives out something else than such numbers.
    pub fn embed(&self, text: &str) -> Result<Vec<f32>, EmbedError> {
        self.layers(text, 1)
    }

    /// [`Self::embed`] with what the network saw on its way there: [`Self::LAYERS`] vectors of [`Self::DIMENSIONS`]
    /// numbers, each of unit length, one behind the other, the last layer's first. The inner layers keep more of the
    /// words, which helps to tell like intents apart.
    ///
    /// # Errors
    /// As [`Self::embed`].
    pub fn embed_layers(&self, text: &str) -> Result<Vec<f32>, EmbedError> {
        self.layers(text, Self::LAYERS)
    }

    fn layers(&self, text: &str, count: usize) -> Result<Vec<f32>, EmbedError> {
        let ids = self.network.pieces.encode(text, Self::MAX_TOKENS);
        let mut one = self.layers_of(&[&ids], count)?;
        one.pop().ok_or_else(|| EmbedError::Run("nothing came out".to_owned()))
    }

    /// How probable it is that a text is a plain question about the state of the customer's own order, 0..=1, of which
    /// the first [`Self::MAX_TOKENS`] word pieces count.
    ///
    /// # Errors
    /// As [`Self::embed`].
    pub fn plain_question(&self, text: &str) -> Result<f64, EmbedError> {
        let ids = self.network.pieces.encode(text, Self::MAX_TOKENS);
        self.seats.with(|pool| {
            let options = || RunOptions::default().with_thread_pool(Some(Arc::clone(&pool)));
            let mut hidden = self.network.run(&[&ids], &[self.network.question_layer], options())?;
            let hidden = hidden.pop().ok_or_else(|| EmbedError::Run("nothing came out".to_owned()))?;
            self.question.probability(hidden, options())
        })
    }

    /// The vectors of texts of one length (in pieces), of each `count` layers.
    fn layers_of(&self, texts: &[&[i32]], count: usize) -> Result<Vec<Vec<f32>>, EmbedError> {
        let wanted = self.network.layers.get(..count).unwrap_or(&self.network.layers);
        let layers = self
            .seats
            .with(|pool| self.network.run(texts, wanted, RunOptions::default().with_thread_pool(Some(pool))));
        let mut all = vec![Vec::new(); texts.len()];
        for hidden in layers? {
            let size = (hidden.len() / texts.len().max(1)).max(1);
            for (text, hidden) in all.iter_mut().zip(hidden.chunks_exact(size)) {
                text.extend(pooled(hidden)?);
            }
        }
        Ok(all)
    }

    /// The vectors of texts of one length. Where one of them stops the engine, the others are read without it.
    fn together(&self, texts: &[&[i32]]) -> Vec<Option<Vec<f32>>> {
        match (self.layers_of(texts, Self::LAYERS), texts) {
            (Ok(all), _) => all.into_iter().map(Some).collect(),
            (Err(error), [_]) => {
                log::error!("{error}");
                vec![None]
            }
            (Err(_), texts) => texts.iter().flat_map(|text| self.together(&[text])).collect(),
        }
    }

    /// How many word pieces a text has, its two marks among them, without running the model. More than
    /// [`Self::MAX_TOKENS`]: [`Self::embed`] leaves the rest out.
    pub fn tokens(&self, text: &str) -> usize {
        self.network.pieces.count(text)
    }

    /// Which model; another one gives other numbers, and what was trained on these does not fit them.
    pub fn version() -> &'static str {
        VERSION
    }
}

impl Embed for Embedder {
    fn embed(&self, text: &str) -> Option<Vec<f32>> {
        self.embed_layers(text).inspect_err(|error| log::error!("{error}")).ok()
    }

    /// Texts of one length run together: half of the time of a short one goes into laying out the weights, which is
    /// then done once. Each row is multiplied as if it were alone, so the bits are the same.
    fn embed_all(&self, texts: &[&str], read: &(dyn Fn(usize) + Sync)) -> Vec<Option<Vec<f32>>> {
        let pieces = spread(texts, usize::MAX, |text| self.network.pieces.encode(text, Self::MAX_TOKENS));
        let mut places: Vec<usize> = (0..texts.len()).collect();
        let length = |place: &usize| pieces.get(*place).map_or(0, Vec::len);
        places.sort_by_key(|place| std::cmp::Reverse(length(place)));
        let batches: Vec<&[usize]> = places
            .chunk_by(|a, b| length(a) == length(b))
            .flat_map(|alike| alike.chunks((BATCH_TOKENS / alike.first().map_or(1, length).max(1)).max(1)))
            .collect();
        let made = spread(&batches, usize::MAX, |batch| {
            let ids: Vec<&[i32]> =
                batch.iter().filter_map(|place| Some(pieces.get(*place)?.as_slice())).collect();
            let vectors = self.together(&ids);
            read(batch.len());
            vectors
        });
        let mut all = vec![None; texts.len()];
        for (batch, vectors) in batches.iter().zip(made) {
            for (place, vectors) in batch.iter().zip(vectors) {
                if let Some(own) = all.get_mut(*place) {
                    *own = vectors;
                }
            }
        }
        all
    }

    fn parts(&self) -> usize {
        Self::LAYERS
    }

    fn reads_questions(&self) -> bool {
        true
    }

    fn plain_question(&self, text: &str) -> Option<f64> {
        Embedder::plain_question(self, text).inspect_err(|error| log::error!("{error}")).ok()
    }

    fn version(&self) -> &str {
        VERSION
    }
}

impl Network {
    fn new() -> Result<Network, EmbedError> {
        let broken = |error: rten::LoadError| EmbedError::Load(error.to_string());
        let missing = |error: rten::RunError| EmbedError::Load(error.to_string());
        // Only what the graph names, so that the linker drops the rest.
        let operators = rten::op_registry!(
            Add,
            And,
            Cast,
            Concat,
            Div,
            Erf,
            Expand,
            Gather,
            GatherND,
            GreaterOrEqual,
            IsNaN,
            LayerNormalization,
            MatMul,
            Max,
            Mul,
            Range,
            Reshape,
            Shape,
            Slice,
            Softmax,
            Squeeze,
            Transpose,
            Unsqueeze,
            Where
        );
        let model = ModelOptions::with_ops(operators)
            .external_data_static(WEIGHTS, rten::include_external_data!("minilm/minilm.onnx.data"))
            .load_static_slice(GRAPH)
            .map_err(broken)?;
        let node = |name| model.node_id(name).map_err(missing);
        let (ids, mask, kinds) = (node("input_ids")?, node("attention_mask")?, node("token_type_ids")?);
        let layers = LAYERS.into_iter().map(node).collect::<Result<_, _>>()?;
        let question_layer = node(QUESTION_LAYER)?;
        let pieces = WordPieces::new().ok_or_else(|| EmbedError::Load("no vocabulary".to_owned()))?;
        Ok(Network { model, pieces, ids, mask, kinds, layers, question_layer })
    }

    /// Some of its layers for texts of one length: of each, [`Embedder::DIMENSIONS`] numbers for every
    /// piece, one piece after the other, one text after the other.
    fn run(
        &self,
        texts: &[&[i32]],
        wanted: &[NodeId],
        options: RunOptions,
    ) -> Result<Vec<Vec<f32>>, EmbedError> {
        let (ids, shape) = (texts.concat(), [texts.len(), texts.first().map_or(0, |text| text.len())]);
        let rows = |numbers: Vec<i32>| {
            let value = Value::from_shape(shape, numbers);
            value.map(ValueOrView::from).map_err(|error| EmbedError::Run(error.to_string()))
        };
        // Texts of one length, nothing padded: every piece counts.
        let inputs = vec![
            (self.mask, rows(vec![1; ids.len()])?),
            (self.kinds, rows(vec![0; ids.len()])?),
            (self.ids, rows(ids)?),
        ];
        let outputs = self.model.run(inputs, wanted, Some(options));
        let outputs = outputs.map_err(|error| EmbedError::Run(error.to_string()))?;
        outputs.into_iter().map(|hidden| numbers(hidden, shape)).collect()
    }
}

fn numbers(hidden: Value, [texts, length]: [usize; 2]) -> Result<Vec<f32>, EmbedError> {
    let (shape, numbers) =
        hidden.into_shape_vec::<f32, 3>().map_err(|error| EmbedError::Run(error.to_string()))?;
    if shape != [texts, length, Embedder::DIMENSIONS] {
        return Err(EmbedError::Run(format!("an output of shape {shape:?}")));
    }
    Ok(numbers)
}

/// The mean over the pieces, at unit length.
fn pooled(hidden: &[f32]) -> Result<Vec<f32>, EmbedError> {
    let mut sum = vec![0.0_f64; Embedder::DIMENSIONS];
    for piece in hidden.chunks_exact(Embedder::DIMENSIONS) {
        for (total, number) in sum.iter_mut().zip(piece) {
            *total += f64::from(*number);
        }
    }
    let length = sum.iter().map(|number| number * number).sum::<f64>().sqrt();
    if !(length.is_finite() && length > 0.0) {
        return Err(EmbedError::Run("an output without a direction".to_owned()));
    }
    Ok(sum.iter().map(|number| (number / length) as f32).collect())
}
