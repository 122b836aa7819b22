//! Work spread over the cores there are: [`spread`]. Results come in the order of the items, whoever made them, so
//! nothing hangs on how many cores there are.

use std::sync::atomic::{AtomicUsize, Ordering};

/// Threads at most, whatever the machine has.
const THREADS_MAX: usize = 8;

/// The threads that are worth starting, at most `most` of them.
pub(crate) fn threads(most: usize) -> usize {
    std::thread::available_parallelism().map_or(1, usize::from).min(THREADS_MAX).min(most).max(1)
}

/// What `work` makes of each item, in their order. The items are taken from the first on, at most `most` at once; put
/// the longest first. A panic of one of them goes on here.
pub(crate) fn spread<T: Sync, R: Send>(items: &[T], most: usize, work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let run = || {
        let mut made = Vec::new();
        loop {
            let place = next.fetch_add(1, Ordering::Relaxed);
            let Some(item) = items.get(place) else { return made };
            made.push((place, work(item)));
        }
    };
    let mut made: Vec<(usize, R)> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads(most.min(items.len()))).map(|_| scope.spawn(run)).collect();
        workers.into_iter().flat_map(|worker| joined(worker.join())).collect()
    });
    made.sort_by_key(|(place, _)| *place);
    made.into_iter().map(|(_, result)| result).collect()
}

/// What a thread made; its panic goes on here, so that nothing is missing unseen.
pub(crate) fn joined<T>(result: std::thread::Result<T>) -> T {
    result.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_come_in_the_order_of_the_items_each_once() {
        // Two threads that meet at every pair of items: each makes half of them.
        let (items, meeting): (Vec<usize>, _) = ((0..100).collect(), std::sync::Barrier::new(threads(2)));
        let made = spread(&items, 2, |item| {
            meeting.wait();
            item * 2
        });
        assert_eq!(made, items.iter().map(|item| item * 2).collect::<Vec<_>>());
        assert!(spread(&[], 8, |item: &usize| *item).is_empty());
    }

    #[test]
    #[should_panic(expected = "broken item")]
    fn a_panic_of_one_item_is_not_swallowed() {
        spread(&[1, 2, 3], 2, |item| assert!(*item != 2, "broken item"));
    }
}
