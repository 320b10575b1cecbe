//! One package, in memory.

use std::ops::{Deref, DerefMut};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::calls::Way;
use super::object::Object;
use super::record::Record;
use super::request::HookProgress;
use super::status::LifecycleState;

/// A package on record.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) name: String,
    record: Mutex<Record>,
    live: Mutex<Live>,
    turn: Mutex<Turn>,
    ended: Condvar,
}

/// What is known of a package as long as the process lives, and shown.
#[derive(Clone, Debug, Default)]
pub(super) struct Live {
    pub(super) running_since: Option<u64>,
    /// It is about to run: those that it needs must not be stopped.
    pub(super) is_starting: bool,
    /// A hook of it never returned.
    pub(super) wants_restart: bool,
    /// It is gone: who still has it finds nothing.
    pub(super) is_gone: bool,
    pub(super) lifecycle: Option<LifecycleState>,
    pub(super) progress: Option<HookProgress>,
    /// Its worker ended while it ran, and it is to be started again: which time that is.
    pub(super) restarting: Option<u64>,
    /// How often its worker ended while it ran.
    pub(super) restarts: u64,
    /// How often that was soon, one after the other.
    pub(super) failures: u32,
}

impl Live {
    /// Its object is gone.
    pub(super) fn has_no_object(&mut self) {
        if let Some(lifecycle) = &mut self.lifecycle {
            lifecycle.pid = None;
        }
    }

    pub(super) fn is_up(&self) -> bool {
        self.running_since.is_some() || self.is_starting
    }
}

/// What only the one operation has that a package is busy with.
#[derive(Debug, Default)]
struct Turn {
    /// What it is busy with.
    operation: Option<&'static str>,
    object: Option<Object>,
}

impl Entry {
    pub(super) fn new(record: Record) -> Self {
        Self {
            name: record.name.clone(),
            record: Mutex::new(record),
            live: Mutex::default(),
            turn: Mutex::default(),
            ended: Condvar::new(),
        }
    }

    pub(super) fn record(&self) -> MutexGuard<'_, Record> {
        self.record.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn live(&self) -> MutexGuard<'_, Live> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn is_running(&self) -> bool {
        self.live().running_since.is_some()
    }

    /// Whether it runs, or did until its worker ended, and is to run again: who needs it runs still.
    pub(super) fn is_to_run(&self) -> bool {
        let live = self.live();
        live.running_since.is_some() || live.restarting.is_some()
    }

    fn turn(&self) -> MutexGuard<'_, Turn> {
        self.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until no other operation is busy with the package; its own begins then. The name of the
    /// other one if that takes longer than `wait`.
    pub(super) fn begin(
        &self,
        operation: &'static str,
        wait: Duration,
    ) -> Result<Busy<'_>, &'static str> {
        let end = Instant::now() + wait;
        let mut turn = self.turn();
        while let Some(other) = turn.operation {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(other);
            }
            let waited = self.ended.wait_timeout(turn, left);
            turn = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        turn.operation = Some(operation);
        Ok(Busy {
            object: turn.object.take(),
            entry: self,
            way: None,
        })
    }

    /// What it is busy with.
    pub(super) fn operation(&self) -> Option<&'static str> {
        self.turn().operation
    }
}

/// The right to change a package: one operation at a time has it.
#[derive(Debug)]
pub(super) struct Busy<'a> {
    entry: &'a Entry,
    /// The package's lifecycle, once it is made.
    object: Option<Object>,
    /// That others know of it.
    way: Option<Way>,
}

impl Busy<'_> {
    /// Keeps for as long who waits for it.
    pub(super) fn keep(&mut self, way: Way) {
        self.way = Some(way);
    }
}

impl Deref for Busy<'_> {
    type Target = Option<Object>;

    fn deref(&self) -> &Self::Target {
        &self.object
    }
}

impl DerefMut for Busy<'_> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.object
    }
}

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        let mut turn = self.entry.turn();
        turn.object = self.object.take();
        turn.operation = None;
        self.entry.live().progress = None;
        self.entry.ended.notify_one();
    }
}
