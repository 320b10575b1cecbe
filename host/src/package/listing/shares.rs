//! Sharing work out among threads.

use std::num::NonZero;
use std::panic::resume_unwind;
use std::thread;

/// Lets `work` look at all `things`, in order. Many are shared out among as many threads as there
/// are processors, four at most; each thread has at least `worth` of them.
pub(super) fn in_shares<T: Send, R: Send>(
    mut things: Vec<T>,
    worth: usize,
    work: impl Fn(Vec<T>) -> R + Sync,
) -> Vec<R> {
    let most = things.len() / worth;
    // Asking for the number of processors takes longer than a few things.
    let threads = if most < 2 {
        1
    } else {
        let processors = thread::available_parallelism().map_or(1, NonZero::get);
        processors.min(4).min(most)
    };
    let each = things.len().div_ceil(threads).max(1);
    thread::scope(|scope| {
        let work = &work;
        let mut workers = Vec::new();
        while things.len() > each {
            let share = things.split_off((things.len() - 1) / each * each);
            workers.push(scope.spawn(move || work(share)));
        }
        let mut results = vec![work(things)];
        // The last share was given away first.
        results.extend(workers.into_iter().rev().map(|worker| match worker.join() {
            Ok(result) => result,
            Err(panic) => resume_unwind(panic),
        }));
        results
    })
}
