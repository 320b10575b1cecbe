//! How many connections there are at once, and which one ends for a new one.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::task::AbortHandle;

/// As many connections there are at once, if the system lets us have the files.
const MOST: u64 = 512;
/// As many of one address, unless it is this machine's own.
const MOST_OF_ONE: usize = 64;

/// The connections that there are, the oldest first.
#[derive(Debug)]
pub(super) struct Slots {
    most: usize,
    most_of_one: usize,
    all: Mutex<All>,
}

#[derive(Debug, Default)]
struct All {
    slots: BTreeMap<u64, Slot>,
    /// No number is used twice: who ends late takes nobody else with it.
    next: u64,
}

#[derive(Debug)]
struct Slot {
    address: IpAddr,
    /// The generation of the token that was shown; 0 for none.
    admitted: Arc<AtomicU64>,
    task: Option<AbortHandle>,
}

impl Slots {
    /// As many as leave most of the files that we may have to others. All come from one address where a
    /// proxy stands before us.
    pub(super) fn new(behind_proxy: bool) -> Self {
        let files = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
        let most = files.map_or(MOST, |files| (files / 4).clamp(16, MOST));
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        let most_of_one = if behind_proxy { most } else { MOST_OF_ONE };
        Self::of(most, most_of_one)
    }

    fn of(most: usize, most_of_one: usize) -> Self {
        let all = Mutex::default();
        Self {
            most,
            most_of_one,
            all,
        }
    }

    fn all(&self) -> MutexGuard<'_, All> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Room for one more connection, for which the oldest one ends that has not shown the token; `None`
    /// if there is none.
    pub(super) fn take(self: &Arc<Self>, address: IpAddr) -> Option<Taken> {
        let All { slots, next } = &mut *self.all();
        let of_one = slots.values().filter(|slot| slot.address == address);
        // Who has the token may share the address with those who have not.
        let is_one_full = !address.is_loopback() && of_one.count() >= self.most_of_one;
        if is_one_full || slots.len() >= self.most {
            let goes = |slot: &Slot| {
                let is_unknown = slot.admitted.load(Ordering::Relaxed) == 0;
                is_unknown && (!is_one_full || slot.address == address)
            };
            let oldest = slots.iter().find(|(_, slot)| goes(slot));
            let oldest = oldest.map(|(number, _)| *number)?;
            if let Some(slot) = slots.remove(&oldest) {
                slot.end();
            }
        }
        let number = *next;
        *next += 1;
        let admitted = Arc::<AtomicU64>::default();
        let slot = Slot {
            address,
            admitted: Arc::clone(&admitted),
            task: None,
        };
        slots.insert(number, slot);
        Some(Taken {
            slots: Arc::clone(self),
            number,
            admitted,
        })
    }

    /// Says which task to end for another connection.
    pub(super) fn runs(&self, number: u64, task: AbortHandle) {
        if let Some(slot) = self.all().slots.get_mut(&number) {
            slot.task = Some(task);
        }
    }

    /// Ends the connections of those who showed another token than this one.
    pub(super) fn keep_only(&self, generation: u64) {
        self.all().slots.retain(|_, slot| {
            let shown = slot.admitted.load(Ordering::Relaxed);
            let stays = shown == 0 || shown == generation;
            if !stays {
                slot.end();
            }
            stays
        });
    }
}

impl Slot {
    fn end(&self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

/// Room for a connection, until this is dropped.
#[derive(Debug)]
pub(super) struct Taken {
    slots: Arc<Slots>,
    number: u64,
    pub(super) admitted: Arc<AtomicU64>,
}

impl Taken {
    /// Its number, by which its task is known.
    pub(super) fn number(&self) -> u64 {
        self.number
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        self.slots.all().slots.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_who_wait_longest_without_the_token_make_room() {
        let slots = Arc::new(Slots::of(3, 3));
        let here: IpAddr = "127.0.0.1".parse().unwrap();
        let taken: Vec<_> = (0..3).map(|_| slots.take(here).unwrap()).collect();
        taken[0].admitted.store(1, Ordering::Relaxed);
        let known = |slots: &Slots| slots.all().slots.keys().copied().collect::<Vec<_>>();
        let fourth = slots.take(here).unwrap();
        assert_eq!(known(&slots), [0, 2, 3]);
        // What ended for another one takes nothing with it.
        drop(taken);
        assert_eq!(known(&slots), [3]);
        let more = [slots.take(here).unwrap(), slots.take(here).unwrap()];
        for it in more.iter().chain([&fourth]) {
            it.admitted.store(2, Ordering::Relaxed);
        }
        assert!(slots.take(here).is_none());
        slots.keep_only(2);
        assert_eq!(slots.all().slots.len(), 3);
        slots.keep_only(3);
        assert_eq!(slots.all().slots.len(), 0);
    }

    #[test]
    fn one_address_has_not_all_of_them() {
        let slots = Arc::new(Slots::of(1000, 3));
        let far: IpAddr = "192.0.2.1".parse().unwrap();
        let other = slots.take("192.0.2.2".parse().unwrap()).unwrap();
        let known = |slots: &Slots| slots.all().slots.keys().copied().collect::<Vec<_>>();
        let taken: Vec<_> = (0..3).map(|_| slots.take(far).unwrap()).collect();
        taken[0].admitted.store(1, Ordering::Relaxed);
        // Its own oldest one makes room, and none of another.
        let last = slots.take(far).unwrap();
        assert_eq!(known(&slots), [0, 1, 3, 4]);
        for it in [&taken[2], &last] {
            it.admitted.store(1, Ordering::Relaxed);
        }
        assert!(slots.take(far).is_none());
        drop(other);
    }
}
