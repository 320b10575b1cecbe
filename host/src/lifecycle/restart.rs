//! Packages whose worker ended while they ran.

use std::sync::{Arc, Weak};
use std::thread;
use std::time::{Duration, Instant};

use super::engine::{Course, bounded};
use super::entry::{Busy, Entry};
use super::events::ManagerEvent;
use super::hook::Report;
use super::manager::{Inner, PackageManager};
use super::object::{ENDED, Object};
use super::record::{Pending, Phase, Step, Wanted};
use super::status::{LastError, Status};

/// As often it is looked whether it is still to be started again.
const SLICE: Duration = Duration::from_millis(20);
/// What a package is busy with that is started again.
const RESTART: &str = "restart";

/// How long is waited before a package is started again whose worker ended.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pauses {
    /// The first time; each further one twice as long,
    pub(super) first: Duration,
    /// but no longer.
    pub(super) longest: Duration,
    /// After it has run that long, the next time is the first.
    pub(super) settled: Duration,
}

impl Default for Pauses {
    fn default() -> Self {
        Self {
            first: Duration::from_secs(1),
            longest: Duration::from_secs(60),
            settled: Duration::from_secs(60),
        }
    }
}

impl Pauses {
    fn after(&self, failures: u32) -> Duration {
        let pause = self.first.saturating_mul(1 << failures.min(16));
        pause.min(self.longest)
    }
}

/// What came of one attempt.
enum Attempt {
    /// It runs, or nobody wants that any more.
    Over,
    Failed,
    /// Somebody else is at it.
    Busy,
}

impl PackageManager {
    /// Called when a worker ended that nobody ended: in a thread of nobody else's.
    pub(super) fn a_worker_ended(manager: &Weak<Inner>, name: &str) {
        loop {
            let Some(manager) = PackageManager::of(manager) else {
                return;
            };
            let Some(entry) = manager.entry(name) else {
                return;
            };
            // Whoever has the turn sees it, or the next one.
            if let Ok(mut busy) = entry.begin(RESTART, SLICE) {
                manager.see_what_ended(&entry, &mut busy);
                return;
            }
        }
    }

    /// Writes down that the package's worker ended, if it did, and has the package started again if it
    /// ran. To be called by whoever gets the turn.
    pub(super) fn see_what_ended(&self, entry: &Entry, busy: &mut Busy<'_>) {
        let Some(how) = busy.as_ref().and_then(Object::ended) else {
            return;
        };
        let lasted = busy
            .take()
            .map(|object| object.lasted())
            .unwrap_or_default();
        let name = &entry.name;
        let pauses = self.inner().pauses;
        // What it had running is the server's, and would be in the way when it is started again.
        self.end_processes(entry);
        let (pause, turn) = {
            let mut live = entry.live();
            live.has_no_object();
            if live.running_since.take().is_none() {
                tracing::warn!(
                    package = name,
                    "the worker process {how}; the package did not run"
                );
                return;
            }
            if lasted >= pauses.settled {
                live.failures = 0;
            }
            let pause = pauses.after(live.failures);
            live.failures = live.failures.saturating_add(1);
            live.restarts += 1;
            (pause, live.restarts)
        };
        let message = format!("the worker process {how} while the package ran");
        tracing::error!(package = name, message, "ended");
        let error = LastError {
            operation: "run".to_owned(),
            hook: None,
            code: ENDED.to_owned(),
            message: bounded(message),
            location: None,
            time: super::now(),
            interrupted: false,
        };
        let written = self.change_anyway(entry, |record| {
            record.status = Status::Error;
            record.last_error = Some(error);
            // What else is not finished waits for a retry, and nobody knows that it can start.
            if record.pending.is_empty() {
                let mut start = Pending::begun(Wanted::Start, vec![Step::Start], Status::Installed);
                if let Some(journal) = &mut start.journal {
                    journal.phase = Phase::Failed;
                }
                record.pending.push_back(start);
                entry.live().restarting = Some(turn);
            }
        });
        if let Err(unwritten) = written {
            tracing::error!(package = name, "{unwritten}");
        }
        if entry.live().restarting != Some(turn) || self.is_stopping() {
            return;
        }
        let (manager, package) = (self.weak(), name.clone());
        let spawned = thread::Builder::new()
            .name(format!("{RESTART} {name}"))
            .spawn(move || keep_restarting(&manager, &package, turn, pause));
        if let Err(error) = spawned {
            tracing::error!(package = name, %error, "it is not started again");
        }
    }

    fn restart(&self, entry: &Arc<Entry>, turn: u64) -> Attempt {
        // What it needs is waited for, and must not wait for it.
        let Ok(way) = self.inner().calls.enter(&entry.name) else {
            return Attempt::Busy;
        };
        let Ok(mut busy) = entry.begin(RESTART, SLICE) else {
            return Attempt::Busy;
        };
        busy.keep(way);
        self.see_what_ended(entry, &mut busy);
        let is_wanted = entry.record().pending.front().is_some_and(|it| {
            let journal = it.journal.as_ref();
            it.wanted == Wanted::Start && journal.is_some_and(|it| it.phase == Phase::Failed)
        });
        if !is_wanted || !is_waited_for(self, entry, turn) {
            return Attempt::Over;
        }
        if self
            .change(entry, super::record::Record::wait_again)
            .is_err()
        {
            return Attempt::Failed;
        }
        let report: Report = Arc::new(|_| {});
        let mut course = Course::new(entry, busy, &report);
        let done = self.execute(&mut course);
        drop(course);
        match done {
            Ok(()) => {
                entry.live().restarting = None;
                tracing::info!(package = entry.name, "started again");
                self.tell(&ManagerEvent::Restarted {
                    name: entry.name.clone(),
                    what: "worker".to_owned(),
                });
                Attempt::Over
            }
            Err(_) => Attempt::Failed,
        }
    }
}

/// Whether a package is still to be started again for that reason.
fn is_waited_for(manager: &PackageManager, entry: &Entry, turn: u64) -> bool {
    let live = entry.live();
    !manager.is_stopping() && !live.is_gone && live.restarting == Some(turn)
}

/// Starts a package again, as often as it takes, as long as nobody does something else with it.
fn keep_restarting(manager: &Weak<Inner>, name: &str, turn: u64, mut pause: Duration) {
    loop {
        let end = Instant::now() + pause;
        loop {
            // Held for a moment only: who drops the manager need not wait.
            let now = PackageManager::of(manager).and_then(|it| Some((it.entry(name)?, it)));
            let Some((entry, manager)) = now else { return };
            if !is_waited_for(&manager, &entry, turn) {
                return;
            }
            if Instant::now() >= end {
                match manager.restart(&entry, turn) {
                    Attempt::Over => return,
                    Attempt::Busy => continue,
                    Attempt::Failed => {}
                }
                let mut live = entry.live();
                pause = manager.inner().pauses.after(live.failures);
                live.failures = live.failures.saturating_add(1);
                break;
            }
            drop((entry, manager));
            thread::sleep(SLICE.min(end.saturating_duration_since(Instant::now())));
        }
    }
}
