//! The trained model: n-grams and a sentence embedding into logistic regression, with a class for everything that is
//! none of the shop's business.
//!
//! In the order of use: [`examples`] are read and [`train()`]ed into a [`Model`], which is kept as bytes
//! ([`Model::to_bytes`], [`Model::from_bytes`]) and asked with [`Model::read`]. Beneath: [`ngrams`] and an [`Embed`]
//! make numbers of a text, [`head`] fits ([`regression`]) and adds opinions, [`calibration`] makes the confidence
//! honest, [`bound`] says from which score on an answer is proven safe.
//!
//! A model trained with an embedding reads only with the same one; without (`--no-default-features`) n-grams alone
//! decide.

pub mod bound;
pub mod calibration;
mod dense;
pub mod examples;
mod familiar;
mod file;
pub mod head;
mod judge;
#[cfg(test)]
mod kept_tests;
mod lbfgs;
mod lens;
mod loss;
pub mod measure;
mod near;
pub mod ngrams;
mod packed;
mod plain;
pub mod regression;
mod sound;
#[cfg(test)]
mod sound_tests;
mod train;
mod unseen;

use std::collections::BTreeMap;

use bytes::Bytes;
pub use file::{BYTES_MAX, FileError};
use serde::{Deserialize, Serialize};
pub use train::{Plan, TrainError, Training, train};

use bound::Chosen;
use calibration::{Bin, at_temperature};
use examples::BACKGROUND;
use familiar::{evidence, familiarity};
use file::{Parts, bytes_of, take_numbers};
use head::{HeadPlan, Heads, Opinion};
use lens::Lens;
use near::{Label, Neighbours};
use ngrams::Vocabulary;
use plain::Plain;
use regression::Row;
use unseen::Unseen;

/// Numbers for a text's meaning, so that near means alike.
pub trait Embed: Send + Sync {
    /// [`Embed::parts`] vectors of unit length behind one another; `None` when this text cannot be read.
    fn embed(&self, text: &str) -> Option<Vec<f32>>;

    /// [`Embed::embed`] of many texts, in their order: the same numbers, in less time where an embedding reads several
    /// at once. `read` is told, from any thread, how many more are read.
    fn embed_all(&self, texts: &[&str], read: &(dyn Fn(usize) + Sync)) -> Vec<Option<Vec<f32>>> {
        crate::classify::cores::spread(texts, usize::MAX, |text| {
            let vectors = self.embed(text);
            read(1);
            vectors
        })
    }

    /// How many vectors: the first is the meaning, further ones are what the network saw on the way.
    fn parts(&self) -> usize {
        1
    }

    /// Whether it has a network beside it that was taught what a plain status question is.
    fn reads_questions(&self) -> bool {
        false
    }

    /// How probable that network holds it that a text is a plain status question, 0..=1; `None` when there is none, or it
    /// cannot read this text.
    fn plain_question(&self, _text: &str) -> Option<f64> {
        None
    }

    /// Which embedding, for the model's head.
    fn version(&self) -> &str;
}

/// What was measured when a model was trained, on messages held out of the training.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Figures {
    /// Examples by source.
    pub examples: BTreeMap<examples::Source, usize>,
    /// Share of held-out messages read right, 0..=1.
    pub accuracy: f64,
    /// Share of held-out background messages read as background, 0..=1; `None` without any.
    pub strangers_kept_out: Option<f64>,
    /// Expected calibration error before and after the temperature, 0..=1.
    pub calibration_error: (f64, f64),
    /// The reliability diagram after it.
    pub reliability: Vec<Bin>,
    /// By class: examples, precision, recall (0..=1).
    pub by_class: BTreeMap<String, (usize, f64, f64)>,
}

/// The part of a model that a person can read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Description {
    /// The classes, by place.
    pub classes: Vec<String>,
    /// The embedding it was trained with.
    pub embedding: Option<String>,
    /// The fingerprint of what it was trained on (SHA-256).
    pub data: String,
    /// The fingerprint of the configuration's examples among it ([`examples::configured`]): another one now means
    /// that they were changed since.
    #[serde(default)]
    pub configured: String,
    /// What was measured.
    pub figures: Figures,
    /// Confidence for people is the raw probability at this temperature.
    pub temperature: f64,
    /// By intent: from which raw score on the shop's own tickets prove an answer safe, or why none is.
    pub thresholds: BTreeMap<String, Result<Chosen, String>>,
    /// The share right that the thresholds promise.
    pub target: f64,
    /// Vectors of an embedding.
    parts: usize,
    /// What the vectors after the first are multiplied by.
    inner_weight: f32,
    /// What the likest example of a class adds to its score.
    near_weight: f32,
    /// The intents that facts answer.
    factual: Vec<String>,
    plans: Vec<HeadPlan>,
    plain_plans: Vec<HeadPlan>,
    /// The embedding's own network tells plain questions.
    plain_network: bool,
    /// Numbers of the embedding; 0 without.
    dense: usize,
}

/// A trained model.
#[derive(Debug, Clone, PartialEq)]
pub struct Model {
    description: Description,
    version: String,
    vocabulary: Vocabulary,
    lens: Lens,
    intents: Heads,
    plain: Option<Plain>,
    near: Neighbours,
    /// The texts that they are of, for people: class, tab, text; a line each.
    examples: Bytes,
    unseen: Unseen,
}

/// What the model reads in one text.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    /// Logarithms of the raw probabilities, by class.
    pub logs: Vec<f32>,
    /// The raw probability that it is a plain status question; `None` when that was never taught.
    pub plain: Option<f64>,
    /// How much spoke for any of the shop's intents ([`familiar::evidence`]).
    evidence: f64,
    /// How like the nearest example of each class is, -1..=1; 0 without an embedding.
    likest: Vec<f32>,
    row: Row,
}

impl Reading {
    /// How familiar the message is when it is read as this class: the logit of the raw probability, plus how much spoke
    /// for any intent at all, plus five times the likeness to the nearest example of the class. It ranks strangers and
    /// errors below what was read well, better than the probability does; no unit, no bounds, and minus infinity where
    /// the model has no opinion.
    pub fn familiarity(&self, class: usize) -> f64 {
        let nearest = self.likest.get(class).copied().unwrap_or_default();
        familiarity(&self.logs, class, self.evidence, nearest)
    }
}

/// An example like the message.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Near {
    /// Its text, shortened and without addresses.
    pub text: String,
    /// Its intent.
    pub intent: String,
    /// How alike, -1..=1.
    pub likeness: f64,
}

/// Below this raw probability of the factual intents a text is not asked whether it is a plain question.
const FACTUAL_MIN: f32 = 0.1;
/// Characters of an example that are kept for people.
const EXAMPLE_CHARS: usize = 160;
/// Examples whose vectors and texts are kept, at most: they are half of a model's bytes, and each is looked at for each
/// message.
const EXAMPLES_KEPT_MAX: usize = 20_000;

impl Model {
    /// What it knows and how well.
    pub const fn description(&self) -> &Description {
        &self.description
    }

    /// `model-` and the first digits of its checksum: the same data gives the same version.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The place of a class.
    pub fn class(&self, intent: &str) -> Option<usize> {
        self.description.classes.iter().position(|class| class == intent)
    }

    /// What the model had read an example of its training as before it learned it; `None` for another text.
    pub fn read_unseen(&self, text: &str) -> Option<&str> {
        self.description.classes.get(self.unseen.of(text)?).map(String::as_str)
    }

    /// Reads one text. `embed` is the embedding of the same version that it was trained with; where that cannot read
    /// the text, the model has no opinion: every class is as likely, and nothing is plain.
    pub fn read(&self, text: &str, embed: Option<&dyn Embed>) -> Reading {
        let embed = embed.filter(|_| self.description.embedding.is_some());
        let dense = embed.and_then(|embed| embed.embed(text)).map(|vectors| self.lens.see(vectors));
        let row = Row { sparse: self.vocabulary.row(text), dense: dense.unwrap_or_default() };
        if row.dense.len() != self.description.dense {
            #[expect(clippy::cast_precision_loss, reason = "a few hundred classes")]
            let each = -(self.description.classes.len() as f32).ln();
            let logs = vec![each; self.description.classes.len()];
            let plain = self.plain.as_ref().map(|_| 0.0);
            return Reading { logs, plain, evidence: f64::NEG_INFINITY, likest: Vec::new(), row };
        }
        let likest = self.near.likest(&row.dense, self.intents.classes);
        let Opinion { logs, scores } = self.intents.read(&row, &likest, self.description.near_weight);
        let evidence = evidence(&scores, self.class(BACKGROUND));
        let plain = self.plain.as_ref().map(|plain| {
            let factual = self.description.factual.iter().filter_map(|intent| logs.get(self.class(intent)?));
            // What is no status question is no plain one, and need not be asked.
            let asks = factual.map(|log| log.exp()).sum::<f32>() >= FACTUAL_MIN;
            match plain {
                Plain::Heads(heads) if asks => plain::probability(heads, &row),
                // A text that the network cannot read is not vouched for.
                Plain::Network if asks => embed.and_then(|embed| embed.plain_question(text)).unwrap_or(0.0),
                _ => 0.0,
            }
        });
        Reading { logs, plain, evidence, likest, row }
    }

    /// Calibrated probabilities, by class: for people.
    pub fn confidence(&self, reading: &Reading) -> Vec<f64> {
        at_temperature(&reading.logs, self.description.temperature)
    }

    /// The n-grams that spoke for a class (positive) and against it, strongest first, at most so many.
    pub fn spoken(&self, reading: &Reading, class: usize, count_max: usize) -> Vec<(String, f64)> {
        let mut spoken = self.intents.speaking(&reading.row, class);
        spoken.sort_by(|a, b| b.1.abs().total_cmp(&a.1.abs()).then(a.0.cmp(&b.0)));
        let named = spoken.into_iter().take(count_max);
        named.map(|(place, weight)| (self.vocabulary.label(place), f64::from(weight))).collect()
    }

    /// The examples most like a text, the nearest first. None without an embedding.
    pub fn nearest(&self, reading: &Reading, count_max: usize) -> Vec<Near> {
        let mut near: Vec<Near> = self
            .near
            .likeness(&reading.row.dense)
            .zip(lines(&self.examples))
            .filter_map(|(likeness, line)| {
                let (class, text) = line.split_once('\t')?;
                let intent = self.description.classes.get(Label::parse(class)?.class)?.clone();
                Some(Near { text: text.to_owned(), intent, likeness: f64::from(likeness) })
            })
            .collect();
        near.sort_by(|a, b| b.likeness.total_cmp(&a.likeness).then_with(|| a.text.cmp(&b.text)));
        near.truncate(count_max);
        near
    }

    /// The model as bytes; the same model gives the same ones.
    pub fn to_bytes(&self) -> Vec<u8> {
        let of_plain = match &self.plain {
            Some(Plain::Heads(heads)) => heads.heads.as_slice(),
            _ => &[],
        };
        let mut numbers = bytes_of(self.vocabulary.rarity().iter().chain(&self.lens.centre));
        let mut cells = Vec::new();
        for (_, packed) in self.intents.heads.iter().chain(of_plain) {
            let (plain, ngrams) = packed.stored();
            numbers.extend(bytes_of(plain));
            cells.extend(ngrams);
        }
        file::write(&Parts {
            head: serde_json::to_string(&self.description).unwrap_or_default().as_bytes(),
            names: self.vocabulary.names(),
            examples: &self.examples,
            unseen: &self.unseen.0,
            numbers: &numbers,
            cells: &cells,
            vectors: self.near.vectors(),
        })
    }

    /// What is known of the model that these bytes are, whatever embedding it wants.
    ///
    /// # Errors
    /// Bytes that are no model or were damaged.
    pub fn description_of(bytes: &[u8]) -> Result<Description, FileError> {
        Description::of_head(file::read(bytes)?.head)
    }

    /// The model that these bytes are; it keeps them. `embedding` is the version of the embedding that is here.
    ///
    /// # Errors
    /// Bytes that are no model, were damaged, or were trained with another embedding.
    pub fn from_bytes(bytes: impl Into<Bytes>, embedding: Option<&str>) -> Result<Self, FileError> {
        let bytes = bytes.into();
        let parts = file::read(&bytes)?;
        let description = Description::of_head(parts.head)?;
        sound::weights(parts.numbers)?;
        if description.embedding.as_deref().is_some_and(|trained| Some(trained) != embedding) {
            let trained = description.embedding.unwrap_or_default();
            return Err(FileError::Embedding { trained, here: embedding.unwrap_or("none").to_owned() });
        }
        if [parts.names, parts.examples].iter().any(|text| std::str::from_utf8(text).is_err()) {
            return Err(FileError::Damaged("its words are not UTF-8"));
        }
        let names = bytes.slice_ref(parts.names);
        let features =
            if names.is_empty() { 0 } else { names.iter().filter(|byte| **byte == b'\n').count() + 1 };
        let (mut numbers, mut cells) = (parts.numbers, bytes.slice_ref(parts.cells));
        let vocabulary = Vocabulary::new(names, take_numbers(&mut numbers, features)?);
        let dense = description.dense;
        let size = dense / description.parts.max(1);
        let centre = take_numbers(&mut numbers, dense.saturating_sub(size))?;
        let lens = Lens { size, centre, weight: description.inner_weight };
        let shape = head::Shape { features, dense };
        let classes = description.classes.len();
        let intents = Heads::load(&description.plans, classes, shape, &mut numbers, &mut cells)?;
        let plain = match (description.plain_plans.as_slice(), description.plain_network) {
            ([], false) => None,
            ([], true) => Some(Plain::Network),
            (plans, _) => Some(Plain::Heads(Heads::load(plans, 2, shape, &mut numbers, &mut cells)?)),
        };
        if !numbers.is_empty() || !cells.is_empty() {
            return Err(FileError::Damaged("there are more weights than the head names"));
        }
        let examples = bytes.slice_ref(parts.examples);
        let label = |line: &str| Label::parse(line.split_once('\t')?.0);
        let known = |label: &Label| label.class < description.classes.len();
        let labels: Option<Vec<Label>> = lines(&examples).map(|line| label(line).filter(known)).collect();
        let labels = labels.ok_or(FileError::Damaged("an example has no class"))?;
        if size.checked_mul(labels.len()) != Some(parts.vectors.len()) {
            return Err(FileError::Damaged("examples and vectors do not fit"));
        }
        let near = Neighbours::new(size, bytes.slice_ref(parts.vectors), labels);
        let unseen = Unseen(bytes.slice_ref(parts.unseen));
        Ok(Self {
            version: version(&bytes),
            description,
            vocabulary,
            lens,
            intents,
            plain,
            near,
            examples,
            unseen,
        })
    }
}

/// The lines of bytes that are text.
fn lines(bytes: &[u8]) -> std::str::Lines<'_> {
    std::str::from_utf8(bytes).unwrap_or_default().lines()
}

fn version(bytes: &[u8]) -> String {
    format!("model-{}", file::mark(bytes))
}
