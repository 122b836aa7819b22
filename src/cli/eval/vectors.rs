//! Embeddings made once: a public set is read again for every seed, and a vector takes milliseconds.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::classify::model::Embed;

/// An embedding with the vectors of many texts at hand.
pub(super) struct Remembered {
    inner: Arc<dyn Embed>,
    known: HashMap<String, Option<Vec<f32>>>,
}

impl Remembered {
    /// Reads every text once. `progress` is told how many are done, and of how many.
    pub(super) fn of<'a>(
        inner: Arc<dyn Embed>,
        texts: impl Iterator<Item = &'a str>,
        progress: &(dyn Fn(usize, usize) + Sync),
    ) -> Self {
        let texts: Vec<&str> = texts.collect::<BTreeSet<_>>().into_iter().collect();
        let done = AtomicUsize::new(0);
        let read = |more| progress(done.fetch_add(more, Ordering::Relaxed) + more, texts.len());
        let vectors = inner.embed_all(&texts, &read);
        let known = texts.iter().map(|text| (*text).to_owned()).zip(vectors).collect();
        Self { inner, known }
    }
}

impl Embed for Remembered {
    fn embed(&self, text: &str) -> Option<Vec<f32>> {
        self.known.get(text).cloned().unwrap_or_else(|| self.inner.embed(text))
    }

    fn parts(&self) -> usize {
        self.inner.parts()
    }

    fn reads_questions(&self) -> bool {
        self.inner.reads_questions()
    }

    fn plain_question(&self, text: &str) -> Option<f64> {
        self.inner.plain_question(text)
    }

    fn version(&self) -> &str {
        self.inner.version()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Counting(AtomicUsize);

    impl Embed for Counting {
        fn embed(&self, text: &str) -> Option<Vec<f32>> {
            self.0.fetch_add(1, Ordering::Relaxed);
            (!text.is_empty()).then(|| vec![text.len() as f32])
        }

        fn version(&self) -> &str {
            "counting"
        }
    }

    #[test]
    fn every_text_is_read_once_and_the_unknown_when_asked() {
        let inner = Arc::new(Counting(AtomicUsize::new(0)));
        let known =
            Remembered::of(inner.clone(), ["aa", "b", "aa", ""].into_iter(), &|_, of| assert_eq!(of, 3));
        for (text, vector) in [("aa", Some(vec![2.0])), ("b", Some(vec![1.0])), ("", None)] {
            assert_eq!(known.embed(text), vector);
        }
        assert_eq!(inner.0.load(Ordering::Relaxed), 3);
        assert_eq!((known.embed("ccc"), known.version()), (Some(vec![3.0]), "counting"));
    }
}
