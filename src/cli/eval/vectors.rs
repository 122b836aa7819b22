//! Embeddings made once: a public set is read again for every seed, and a vector takes milliseconds.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::classify::model::Embed;

/// Threads that make vectors at most.
const THREADS_MAX: usize = 4;

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
        let threads = std::thread::available_parallelism().map_or(1, usize::from).min(THREADS_MAX);
        let next = AtomicUsize::new(0);
        let embed = || {
            let mut own = Vec::new();
            while let Some(text) = texts.get(next.fetch_add(1, Ordering::Relaxed)) {
                own.push(((*text).to_owned(), inner.embed(text)));
                progress(next.load(Ordering::Relaxed).min(texts.len()), texts.len());
            }
            own
        };
        let known = std::thread::scope(|scope| {
            let workers: Vec<_> = (0..threads).map(|_| scope.spawn(embed)).collect();
            workers.into_iter().flat_map(|worker| worker.join().unwrap_or_default()).collect()
        });
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
