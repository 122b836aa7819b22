//! Training: examples in, a model with its measured figures out. The same examples give the same bytes.
//!
//! Steps: the vocabulary is learned and every text becomes numbers; a fifth at a time is held out, the rest trained on,
//! and the fifth read ([`held_out`]); from those readings come the figures, the temperature and the thresholds; the
//! model itself is then trained on everything.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use sha2::{Digest, Sha256};

use super::calibration::{HeldOut, at_temperature, temperature};
use super::examples::{Example, Flag, Source, configured, fingerprint, in_order};
use super::head::{self, HeadPlan, Heads, View};
use super::judge::{HeldOutRow, best, by_source, figures, thresholds};
use super::lens::Lens;
use super::near::{Label, Neighbours};
use super::ngrams::{Vocabulary, words};
use super::plain::{Plain, fit_plain, is_plain};
use super::regression::Row;
use super::unseen::Unseen;
use super::{Description, EXAMPLE_CHARS, EXAMPLES_KEPT_MAX, Embed, Figures, Model, version};
use crate::classify::cores::spread;

/// Fits at once at most: each takes some hundred megabytes, and spreads its rows over the cores itself.
const FITS_AT_ONCE: usize = 2;

/// How to train.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// Heads of the intents with an embedding.
    pub with_embedding: Vec<HeadPlan>,
    /// Heads of the intents without.
    pub ngrams_only: Vec<HeadPlan>,
    /// What the embedding's inner vectors count beside the first.
    pub inner_weight: f32,
    /// What the likest example of a class may add to its score: the one of these is taken that reads most of the
    /// held-out messages right; without held-out parts the middle one.
    pub near_weights: [f32; 3],
    /// Whether an intent's own name ("order status") is an example of it.
    pub names: bool,
    /// Rounds of the fit at most.
    pub rounds_max: usize,
    /// The share of right answers that a threshold must promise, 0..1.
    pub target: f64,
    /// Intents that facts answer; they share one answer, so that one read as the other is no error.
    pub factual: Vec<String>,
    /// Plain questions, and traps, from which on a model knows the one from the other.
    pub taught_min: usize,
    /// Parts that are held out in turn; 0 measures nothing (for benchmarks with a test set of their own).
    pub folds: usize,
}

impl Default for Plan {
    fn default() -> Self {
        let head = |view, c, scale, share| HeadPlan { view, c, scale, share };
        Self {
            with_embedding: vec![head(View::Both, 10.0, 2.0, 1.0)],
            ngrams_only: vec![head(View::Ngrams, 10.0, 1.0, 1.0)],
            inner_weight: 0.4,
            near_weights: [2.0, 4.0, 8.0],
            names: true,
            rounds_max: 60,
            target: 0.995,
            factual: vec!["order_status".to_owned(), "shipping_delay".to_owned()],
            taught_min: 100,
            folds: 4,
        }
    }
}

/// What a training needs.
pub struct Training<'a> {
    /// What to learn from.
    pub examples: Vec<Example>,
    /// The embedding, when there is one.
    pub embed: Option<&'a dyn Embed>,
    /// How.
    pub plan: Plan,
    /// Told the steps done and in all.
    pub progress: &'a (dyn Fn(u64, u64) + Sync),
}

/// Why nothing can be learned.
#[derive(Debug, thiserror::Error)]
pub enum TrainError {
    /// One intent is no choice.
    #[error("there are examples of {0} intents; a model needs two or more")]
    TooFewClasses(usize),
}

/// The messages as numbers.
pub(super) struct Prepared {
    pub(super) examples: Vec<Example>,
    pub(super) classes: Vec<String>,
    class_of: Vec<usize>,
    pub(super) vocabulary: Vocabulary,
    pub(super) lens: Lens,
    pub(super) rows: Vec<Row>,
    /// See [`Embed::reads_questions`].
    pub(super) reads_questions: bool,
}

impl Prepared {
    fn label(&self, place: usize, plan: &Plan) -> Option<Label> {
        let plain = is_plain(self.examples.get(place)?, &plan.factual);
        Some(Label { class: *self.class_of.get(place)?, plain })
    }
}

/// Trains a model.
///
/// # Errors
/// Fewer than two intents.
pub fn train(training: Training<'_>) -> Result<Model, TrainError> {
    let Training { examples, embed, plan, progress } = training;
    let configured = configured(&examples);
    let mut examples = in_order(examples);
    let (data, sources) = (fingerprint(&examples), by_source(&examples));
    let classes: Vec<String> =
        examples.iter().map(|one| one.intent.clone()).collect::<BTreeSet<_>>().into_iter().collect();
    if plan.names {
        examples = in_order(examples.into_iter().chain(classes.iter().map(|class| named(class))).collect());
    }
    if classes.len() < 2 {
        return Err(TrainError::TooFewClasses(classes.len()));
    }
    let fits = plan.folds as u64 + 2;
    let all = examples.len() as u64 * (1 + fits);
    let step = examples.len() as u64;
    let prepared = prepare(examples, classes, embed, &plan, &|done| progress(done, all));
    let plans = if embed.is_some() { &plan.with_embedding } else { &plan.ngrams_only };
    let Fitted { intents, plain, mut held_out } =
        fit_all(&prepared, plans, &plan, &|fits| progress(step * (1 + fits), all));
    let near_weight = near_weight(&mut held_out, plan.near_weights);
    let logs: Vec<HeldOut> = held_out.iter().map(|one| (one.logs.clone(), one.class)).collect();
    let temperature = temperature(&logs);
    let description = Description {
        classes: prepared.classes.clone(),
        embedding: embed.map(|embed| embed.version().to_owned()),
        data,
        configured,
        figures: Figures { examples: sources, ..figures(&prepared, &held_out, temperature) },
        temperature,
        thresholds: thresholds(&prepared, &held_out, &plan),
        target: plan.target,
        parts: embed.map_or(1, Embed::parts),
        inner_weight: plan.inner_weight,
        near_weight,
        factual: plan.factual.clone(),
        plans: plans.clone(),
        plain_plans: if let Some(Plain::Heads(_)) = &plain { plans.clone() } else { Vec::new() },
        plain_network: plain == Some(Plain::Network),
        dense: prepared.rows.iter().map(|row| row.dense.len()).max().unwrap_or(0),
    };
    let everything: Vec<usize> = (0..prepared.rows.len()).collect();
    let near = neighbours(&prepared, &everything, &plan);
    let examples = shown(&prepared, &plan);
    let text_of = |place: usize| prepared.examples.get(place).map(|example| example.text.as_str());
    let unseen = Unseen::new(
        held_out
            .iter()
            .filter_map(|one| Some((text_of(one.place)?, best(&at_temperature(&one.logs, 1.0))?.0))),
    );
    let mut model = Model {
        description,
        version: String::new(),
        vocabulary: prepared.vocabulary,
        lens: prepared.lens,
        intents,
        plain,
        near,
        examples: examples.into(),
        unseen,
    };
    model.version = version(&model.to_bytes());
    Ok(model)
}

/// The weight under which most held-out messages are read right, the least of several; the rows get it.
fn near_weight(held_out: &mut [HeldOutRow], weights: [f32; 3]) -> f32 {
    let right = |weight: f32| {
        let read =
            |one: &HeldOutRow| best(&at_temperature(&head::with_likest(&one.logs, &one.likest, weight), 1.0));
        held_out.iter().filter(|one| read(one).is_some_and(|(place, _)| place == one.class)).count()
    };
    let [_, middle, _] = weights;
    let tried = weights.map(|weight| (right(weight), weight));
    let most = tried.iter().fold((0, middle), |most, one| if one.0 > most.0 { *one } else { most });
    for one in held_out {
        one.logs = head::with_likest(&one.logs, &one.likest, most.1);
    }
    most.1
}

/// A text as it may be kept: of a shop's customers without names, addresses and numbers.
fn unnamed(example: &Example) -> Cow<'_, str> {
    if example.source == Source::Shop {
        Cow::Owned(crate::text::anonymise::anonymise(&example.text, &[]))
    } else {
        Cow::Borrowed(&example.text)
    }
}

/// An intent's own name as an example of it.
fn named(class: &str) -> Example {
    let text = class.replace(['_', '-'], " ");
    Example { intent: class.to_owned(), text, flag: Flag::None, source: Source::Starter }
}

/// Whether an example is kept beside the model: of very many a part, always the same one.
fn is_kept(prepared: &Prepared, place: usize) -> bool {
    let parts = prepared.examples.len().div_ceil(EXAMPLES_KEPT_MAX);
    let is_name = prepared.examples.get(place).is_some_and(|one| one.text == named(&one.intent).text);
    let is_read = prepared.rows.get(place).is_some_and(|row| row.dense.len() >= prepared.lens.size());
    is_read && !is_name && prepared.examples.get(place).is_some_and(|example| fold(&example.text, parts) == 0)
}

/// The vectors of some of the rows that are kept: the first part says what a text means.
fn neighbours(prepared: &Prepared, places: &[usize], plan: &Plan) -> Neighbours {
    let kept = places.iter().filter(|place| is_kept(prepared, **place));
    let rows = kept.filter_map(|place| {
        Some((prepared.rows.get(*place)?.dense.as_slice(), prepared.label(*place, plan)?))
    });
    Neighbours::learn(prepared.lens.size(), rows)
}

/// The kept examples as people see them: no addresses or phone numbers, and short.
fn shown(prepared: &Prepared, plan: &Plan) -> String {
    let kept = (0..prepared.examples.len()).filter(|place| is_kept(prepared, *place));
    let lines = kept.filter_map(|place| {
        let (example, label) = (prepared.examples.get(place)?, prepared.label(place, plan)?);
        let text = crate::text::snippet(&unnamed(example), EXAMPLE_CHARS).replace(['\n', '\r'], " ");
        Some(format!("{label}\t{text}"))
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Every text as numbers, on the cores there are: an embedding takes milliseconds.
fn prepare(
    examples: Vec<Example>,
    classes: Vec<String>,
    embed: Option<&dyn Embed>,
    plan: &Plan,
    progress: &(dyn Fn(u64) + Sync),
) -> Prepared {
    let known: Vec<Cow<'_, str>> = examples.iter().map(unnamed).collect();
    let vocabulary = Vocabulary::learn(known.iter().map(AsRef::as_ref));
    drop(known);
    let texts: Vec<&str> = examples.iter().map(|example| example.text.as_str()).collect();
    let sparse = spread(&texts, usize::MAX, |text| vocabulary.row(text));
    let done = AtomicUsize::new(0);
    let read = |more| progress((done.fetch_add(more, Ordering::Relaxed) + more) as u64);
    let vectors: Vec<Vec<f32>> = match embed {
        Some(embed) => embed.embed_all(&texts, &read).into_iter().map(Option::unwrap_or_default).collect(),
        None => vec![Vec::new(); texts.len()],
    };
    let class_of = examples
        .iter()
        .map(|one| classes.iter().position(|class| *class == one.intent).unwrap_or_default())
        .collect();
    let lens = Lens::learn(&vectors, embed.map_or(1, Embed::parts), plan.inner_weight);
    let dense = vectors.into_iter().map(|vectors| lens.see(vectors));
    let rows = sparse.into_iter().zip(dense).map(|(sparse, dense)| Row { sparse, dense }).collect();
    let reads_questions = embed.is_some_and(Embed::reads_questions);
    Prepared { examples, classes, class_of, vocabulary, lens, rows, reads_questions }
}

/// One of the fits of a training: each hangs on no other.
#[derive(Debug, Clone, Copy)]
enum Job {
    /// The intents, of everything.
    Intents,
    /// The same with one part held out, to be read.
    Fold(usize),
    /// Plain questions and others, of everything.
    Plain,
}

/// All that is fitted.
#[derive(Default)]
struct Fitted {
    intents: Heads,
    plain: Option<Plain>,
    held_out: Vec<HeldOutRow>,
}

/// Every fit, the longest first; `progress` is told how many are done.
fn fit_all(prepared: &Prepared, plans: &[HeadPlan], plan: &Plan, progress: &(dyn Fn(u64) + Sync)) -> Fitted {
    let jobs: Vec<Job> =
        [Job::Intents].into_iter().chain((0..plan.folds).map(Job::Fold)).chain([Job::Plain]).collect();
    let done = AtomicU64::new(0);
    let parts = spread(&jobs, FITS_AT_ONCE, |job| {
        let everything: Vec<usize> = (0..prepared.rows.len()).collect();
        let part = match job {
            Job::Intents => {
                Fitted { intents: fit_intents(prepared, &everything, plans, plan), ..Fitted::default() }
            }
            Job::Fold(fold) => {
                Fitted { held_out: held_out(prepared, *fold, plans, plan), ..Fitted::default() }
            }
            Job::Plain => Fitted { plain: fit_plain(prepared, plans, plan), ..Fitted::default() },
        };
        progress(done.fetch_add(1, Ordering::Relaxed) + 1);
        part
    });
    parts.into_iter().fold(Fitted::default(), |mut all, part| {
        all.held_out.extend(part.held_out);
        Fitted {
            intents: if part.intents.classes > 0 { part.intents } else { all.intents },
            plain: part.plain.or(all.plain),
            held_out: all.held_out,
        }
    })
}

/// The heads of the intents trained on some of the rows.
fn fit_intents(prepared: &Prepared, places: &[usize], plans: &[HeadPlan], plan: &Plan) -> Heads {
    let rows = chosen(prepared, places, |place| prepared.class_of.get(place).copied());
    Heads::fit(plans, &rows, prepared.classes.len(), prepared.vocabulary.len(), plan.rounds_max)
}

/// Those of the rows that have a class.
pub(super) fn chosen<'a>(
    prepared: &'a Prepared,
    places: &[usize],
    class_of: impl Fn(usize) -> Option<usize>,
) -> Vec<(&'a Row, usize, f32)> {
    places.iter().filter_map(|place| Some((prepared.rows.get(*place)?, class_of(*place)?, 1.0))).collect()
}

/// One part of the examples as a model reads it that learned the others.
fn held_out(prepared: &Prepared, part: usize, plans: &[HeadPlan], plan: &Plan) -> Vec<HeldOutRow> {
    let is_in = |one: &Example| fold(&one.text, plan.folds) == part;
    let (test, learn): (Vec<usize>, Vec<usize>) =
        (0..prepared.rows.len()).partition(|place| prepared.examples.get(*place).is_some_and(is_in));
    let intents = fit_intents(prepared, &learn, plans, plan);
    let near = neighbours(prepared, &learn, plan);
    let read = |place: usize| {
        let (row, class) = (prepared.rows.get(place)?, *prepared.class_of.get(place)?);
        let likest = near.likest(&row.dense, prepared.classes.len());
        let logs = intents.read(row, &[], 0.0).logs;
        Some(HeldOutRow { place, class, logs, likest })
    };
    test.into_iter().filter_map(read).collect()
}

/// Which part a text belongs to: by its words, so that more examples move none and the same sentence with another
/// number stays beside it.
pub(super) fn fold(text: &str, folds: usize) -> usize {
    let digest = Sha256::digest(words(text).join(" ").as_bytes());
    let number = digest.iter().take(4).fold(0_usize, |number, byte| number * 256 + usize::from(*byte));
    number % folds.max(1)
}
