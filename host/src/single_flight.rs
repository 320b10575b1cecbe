//! Making something once, however many threads ask, without holding a lock while it is made.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, ThreadId};

/// Values that are made once for each key.
///
/// The first thread that asks makes the value; others wait for it. No lock is held meanwhile, so
/// the making may call foreign code. A thread that would have to wait for itself, directly or by
/// way of other threads that wait, gets [`Cycle`] instead of waiting for ever. Threads that the
/// making starts and waits for are not seen as part of it.
#[derive(Debug)]
pub(crate) struct SingleFlight<K, V> {
    state: Mutex<State<K, V>>,
    changed: Condvar,
}

#[derive(Debug)]
struct State<K, V> {
    done: HashMap<K, V>,
    /// How often everything was forgotten.
    generation: u64,
    /// Who makes what.
    makers: HashMap<K, ThreadId>,
    /// Who waits for what.
    waiters: HashMap<ThreadId, K>,
}

/// The value that was asked for is just being made by the one who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cycle;

impl<K, V> Default for SingleFlight<K, V> {
    fn default() -> Self {
        Self {
            state: Mutex::new(State {
                done: HashMap::new(),
                generation: 0,
                makers: HashMap::new(),
                waiters: HashMap::new(),
            }),
            changed: Condvar::new(),
        }
    }
}

impl<K: Clone + Eq + Hash, V: Clone> SingleFlight<K, V> {
    fn lock(&self) -> MutexGuard<'_, State<K, V>> {
        // The state is consistent at every moment in which the lock is free.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The value for `key`, made by `make` if there is none yet. A failure is not kept: the next
    /// one who asks tries again.
    pub(crate) fn get_or_make<E>(
        &self,
        key: &K,
        make: impl FnOnce() -> Result<V, E>,
    ) -> Result<Result<V, E>, Cycle> {
        let me = thread::current().id();
        let mut state = self.lock();
        loop {
            if let Some(value) = state.done.get(key) {
                return Ok(Ok(value.clone()));
            }
            if !state.makers.contains_key(key) {
                break;
            }
            if state.leads_to(key, me) {
                return Err(Cycle);
            }
            state.waiters.insert(me, key.clone());
            state = self
                .changed
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
            state.waiters.remove(&me);
        }
        state.makers.insert(key.clone(), me);
        let generation = state.generation;
        drop(state);

        // Also when `make` panics, the others must not wait for ever.
        let landing = Landing { flight: self, key };
        let made = make();
        if let Ok(value) = &made {
            let mut state = self.lock();
            // What was begun before everything was forgotten is given, but not kept.
            if state.generation == generation {
                state.done.insert(key.clone(), value.clone());
            }
        }
        drop(landing);
        Ok(made)
    }

    /// Everything that has been made.
    pub(crate) fn values(&self) -> Vec<V> {
        self.lock().done.values().cloned().collect()
    }

    /// Forgets everything that has been made.
    pub(crate) fn clear(&self) {
        let mut state = self.lock();
        state.done.clear();
        state.generation += 1;
    }
}

impl<K: Eq + Hash, V> State<K, V> {
    /// Whether the maker of `key` is `thread`, or waits for something that `thread` makes.
    fn leads_to(&self, key: &K, thread: ThreadId) -> bool {
        let mut key = key;
        // Each step goes to another thread, so there is an end.
        for _ in 0..=self.makers.len() {
            let Some(maker) = self.makers.get(key) else {
                return false;
            };
            if *maker == thread {
                return true;
            }
            match self.waiters.get(maker) {
                Some(next) => key = next,
                None => return false,
            }
        }
        false
    }
}

struct Landing<'a, K: Clone + Eq + Hash, V: Clone> {
    flight: &'a SingleFlight<K, V>,
    key: &'a K,
}

impl<K: Clone + Eq + Hash, V: Clone> Drop for Landing<'_, K, V> {
    fn drop(&mut self) {
        self.flight.lock().makers.remove(self.key);
        self.flight.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::sync::Barrier;
    use std::sync::atomic::{AtomicUsize, Ordering};

    type Flight = SingleFlight<&'static str, usize>;

    #[test]
    fn asking_for_oneself_is_a_cycle() {
        let flight = Flight::default();
        let inner = flight.get_or_make(&"a", || -> Result<usize, ()> {
            assert_eq!(flight.get_or_make(&"a", || Ok::<_, ()>(1)), Err(Cycle));
            Ok(2)
        });
        assert_eq!(inner, Ok(Ok(2)));
    }

    #[test]
    fn two_threads_that_wait_for_each_other_are_a_cycle() {
        let flight = Flight::default();
        let barrier = Barrier::new(2);
        let cycles = AtomicUsize::new(0);
        let ask = |mine: &'static str, other: &'static str| {
            flight.get_or_make(&mine, || {
                barrier.wait();
                if flight.get_or_make(&other, || Ok::<_, ()>(0)) == Err(Cycle) {
                    cycles.fetch_add(1, Ordering::Relaxed);
                }
                Ok::<_, ()>(1)
            })
        };
        thread::scope(|scope| {
            scope.spawn(|| ask("a", "b"));
            scope.spawn(|| ask("b", "a"));
        });
        assert_eq!(cycles.load(Ordering::Relaxed), 1);
    }

    #[test]
    fn a_failure_and_a_panic_are_not_kept() {
        let flight = Flight::default();
        assert_eq!(flight.get_or_make(&"a", || Err("no")), Ok(Err("no")));
        let panicked = catch_unwind(AssertUnwindSafe(|| {
            flight.get_or_make(&"a", || -> Result<usize, ()> { panic!("in the making") })
        }));
        assert!(panicked.is_err());
        assert_eq!(flight.get_or_make(&"a", || Ok::<_, ()>(3)), Ok(Ok(3)));
    }

    #[test]
    fn what_was_begun_before_everything_was_forgotten_is_not_kept() {
        let flight = Flight::default();
        let old = flight.get_or_make(&"a", || {
            flight.clear();
            Ok::<_, ()>(1)
        });
        assert_eq!(old, Ok(Ok(1)));
        assert_eq!(flight.get_or_make(&"a", || Ok::<_, ()>(2)), Ok(Ok(2)));
    }

    #[test]
    fn many_threads_make_it_once() {
        let flight = Flight::default();
        let made = AtomicUsize::new(0);
        thread::scope(|scope| {
            for _ in 0..16 {
                scope.spawn(|| {
                    let value = flight.get_or_make(&"a", || {
                        thread::sleep(std::time::Duration::from_millis(5));
                        Ok::<_, ()>(made.fetch_add(1, Ordering::Relaxed))
                    });
                    assert_eq!(value, Ok(Ok(0)));
                });
            }
        });
        assert_eq!(made.load(Ordering::Relaxed), 1);
    }
}
