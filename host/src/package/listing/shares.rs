//! Sharing work out among threads.

use std::panic::resume_unwind;
use std::sync::{Mutex, PoisonError};
use std::thread;

/// As many shares as there are for each thread: a thread that comes late, or is held up by another
/// program, takes fewer of them.
const SHARES: usize = 16;

/// Lets `work` look at all `things`; gives what it says of each share of them, in order. Many are
/// shared out among as many threads as there are processors, four at most; for each thread there are
/// at least `worth` of them.
pub(super) fn in_shares<T: Send, R: Send>(
    things: Vec<T>,
    worth: usize,
    work: impl Fn(Vec<T>) -> R + Sync,
) -> Vec<R> {
    let most = things.len() / worth;
    // Asking for the number of processors takes longer than a few things.
    let threads = if most < 2 {
        1
    } else {
        processors().min(4).min(most)
    };
    if threads < 2 {
        return vec![work(things)];
    }
    let each = things.len().div_ceil(threads * SHARES);
    let rest = Mutex::new((0, things.into_iter()));
    let next = || {
        let mut rest = rest.lock().unwrap_or_else(PoisonError::into_inner);
        let share: Vec<T> = rest.1.by_ref().take(each).collect();
        rest.0 += 1;
        (!share.is_empty()).then_some((rest.0, share))
    };
    let work = || {
        let shares = std::iter::from_fn(next);
        let results = shares.map(|(at, share)| (at, work(share)));
        results.collect::<Vec<_>>()
    };
    let mut results = thread::scope(|scope| {
        let workers: Vec<_> = (1..threads).map(|_| scope.spawn(work)).collect();
        let mut results = work();
        for worker in workers {
            match worker.join() {
                Ok(more) => results.extend(more),
                Err(panic) => resume_unwind(panic),
            }
        }
        results
    });
    results.sort_unstable_by_key(|(at, _)| *at);
    results.into_iter().map(|(_, result)| result).collect()
}

/// How many processors this process may use.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn processors() -> usize {
    // The standard library also reads files about quotas, which takes longer than some packages.
    let set = rustix::thread::sched_getaffinity(None);
    set.map_or(1, |set| usize::try_from(set.count()).unwrap_or(1))
}

/// How many processors this process may use.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn processors() -> usize {
    thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answers_are_in_order() {
        for count in [0, 1, 3, 64, 1000] {
            let things: Vec<usize> = (0..count).collect();
            let shares = in_shares(things.clone(), 2, |share| share);
            assert_eq!(shares.concat(), things);
        }
    }

    #[test]
    #[should_panic(expected = "the one at 77")]
    fn a_panic_goes_on() {
        in_shares((0..100).collect(), 2, |share| {
            assert!(!share.contains(&77), "the one at 77");
        });
    }
}
