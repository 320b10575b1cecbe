//! All packages: taken up after another process, started, stopped.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::code::Said;
use super::engine::Course;
use super::entry::Entry;
use super::error::ManagerError;
use super::hook::Report;
use super::manager::{PackageManager, Started, Stopped};
use super::order::{Needs, Next, Schedule};
use super::record::{Pending, Phase, Step, Wanted, needs_of};
use super::status::{InstalledFrom, LastError, Status};
use super::transition::{Decision, decide};
use crate::install::Cancellation;

/// As often it is looked whether somebody is in a hurry.
const SLICE: Duration = Duration::from_millis(50);

impl PackageManager {
    /// Takes up what another process left: what it was in the middle of was interrupted.
    pub(super) fn take_up(&self) -> Result<(), ManagerError> {
        for entry in self.entries() {
            let record = entry.record().clone();
            let Some(journal) = record.journal() else {
                // Written down, and gone before anything came of it.
                if record.pending.is_empty() && !record.is_placed {
                    self.clear_away(&entry);
                }
                continue;
            };
            let step = journal.steps.front().copied();
            let front = record.pending.front();
            let can_be_placed = front.and_then(|it| it.wanted.add()).is_some_and(|add| {
                add.incoming.is_some() || matches!(add.source, InstalledFrom::Link { .. })
            });
            match step {
                Some(Step::Place) if !record.is_placed && !can_be_placed => {
                    // Nobody was told that it was added.
                    self.clear_away(&entry);
                }
                Some(step) if step.is_hook() && journal.phase == Phase::Begun => {
                    self.interrupted(&entry, step)?;
                }
                _ if journal.phase == Phase::Begun => {
                    self.change(&entry, |record| {
                        if let Some(journal) = record.journal_mut() {
                            journal.phase = Phase::Waiting;
                        }
                    })?;
                }
                _ => {}
            }
        }
        let mut used = Vec::new();
        for entry in self.entries() {
            let record = entry.record();
            let incoming = record.pending.iter().filter_map(|it| it.wanted.incoming());
            used.extend(incoming.map(std::path::Path::to_path_buf));
        }
        self.files().drop_unused(&used);
        Ok(())
    }

    /// Removes a package that came to nothing. What cannot go now stays on record, to be deleted.
    fn clear_away(&self, entry: &Entry) {
        let removed = self.files().remove(&entry.name);
        if let Err(error) = removed.and_then(|()| self.forget(entry)) {
            tracing::warn!(package = entry.name, %error, "what was not added is not removed");
        }
    }

    fn interrupted(&self, entry: &Entry, step: Step) -> Result<(), ManagerError> {
        let record = entry.record().clone();
        let before = record.journal().and_then(|it| it.before.clone());
        // One bad package must not keep the others from being managed.
        let put_back = before.as_ref().map(|_| self.files().put_back(&entry.name));
        let trouble = match put_back {
            Some(Err(error)) => format!(
                "; the old files could not be put back: {}",
                super::code::chain(&error)
            ),
            _ => String::new(),
        };
        let operation = record.pending.front().map_or("", |it| it.wanted.name());
        let error = LastError {
            operation: operation.to_owned(),
            hook: Some(step.name().to_owned()),
            code: "interrupted".to_owned(),
            message: format!(
                "interrupted: the process ended in the hook `{}`{trouble}",
                step.name()
            ),
            location: None,
            time: super::now(),
            interrupted: true,
        };
        tracing::warn!(package = entry.name, hook = step.name(), "interrupted");
        self.change(entry, |record| {
            record.status = Status::Error;
            record.last_error = Some(error);
            let is_put_back = before.is_some();
            if let Some(before) = before {
                before.restore(record);
            }
            if let Some(journal) = record.journal_mut() {
                journal.phase = Phase::Failed;
                journal.is_put_back = is_put_back;
            }
        })
    }

    pub(super) fn start_those_that_should(&self) -> Started {
        let mut needs = self.needs(None);
        for entry in self.entries() {
            // Its developer may have changed what it needs.
            let record = entry.record().clone();
            if matches!(record.source, InstalledFrom::Link { .. })
                && let Ok(said) = Said::read(&self.files().path(&record), self.dirs())
            {
                let needed = needs_of(&said).into_keys();
                needs.entry(record.name).or_default().extend(needed);
            }
        }
        let started = Mutex::new(Started::default());
        self.in_order(Schedule::new(&needs), |name| {
            let Some(entry) = self.entry(name) else {
                return;
            };
            let outcome = self.bring_up(&entry);
            let mut started = started.lock().unwrap_or_else(PoisonError::into_inner);
            match outcome {
                Ok(true) => started.started.push(name.to_owned()),
                Ok(false) => {}
                Err(error) => started.failed.push((name.to_owned(), error.to_string())),
            }
        });
        started.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    /// Goes on with what is not finished, and starts the package if it should run; whether it does.
    fn bring_up(&self, entry: &Arc<Entry>) -> Result<bool, ManagerError> {
        let report: Report = Arc::new(|_| {});
        let busy = self.turn(entry, "start")?;
        let mut course = Course::new(entry, busy, &report);
        course.starts_needed = false;
        let mut is_wanted = true;
        loop {
            let Some(pending) = entry.record().pending.front().cloned() else {
                break;
            };
            match &pending.journal {
                // It waits for a retry, unless the server starting is one.
                Some(journal) if journal.phase == Phase::Failed => {
                    if journal.steps.front() != Some(&Step::Start)
                        || !entry.record().starts_with_server()
                    {
                        return Ok(false);
                    }
                    self.change(entry, |record| {
                        if let Some(journal) = record.journal_mut() {
                            journal.phase = Phase::Waiting;
                        }
                    })?;
                }
                Some(_) => {}
                None => {
                    let standing = self.standing(entry, pending.wanted.add());
                    match decide(&pending.wanted, &standing) {
                        Decision::Do(steps, ends) => {
                            self.begin(entry, pending.wanted.clone(), steps, ends, true)?;
                        }
                        Decision::Already(_, status) => {
                            self.pass_over(entry, &pending, Some(status))?;
                        }
                        Decision::Refuse(nonsense) => {
                            let name = &entry.name;
                            tracing::warn!(package = name, "not done: {}", nonsense.why);
                            self.pass_over(entry, &pending, None)?;
                        }
                    }
                }
            }
            is_wanted = match &pending.wanted {
                Wanted::Stop => false,
                Wanted::Add(add) => add.start || pending.journal.is_some(),
                _ => true,
            };
            self.execute(&mut course)?;
            if entry.live().is_gone {
                return Ok(false);
            }
        }
        if entry.is_running() {
            return Ok(true);
        }
        if !is_wanted || !entry.record().starts_with_server() {
            return Ok(false);
        }
        let standing = self.standing(entry, None);
        if let Decision::Do(steps, ends) = decide(&Wanted::Start, &standing) {
            self.begin(entry, Wanted::Start, steps, ends, false)?;
            self.execute(&mut course)?;
        }
        Ok(entry.is_running())
    }

    /// Nothing is to be done of what was recorded first: what it would have needed goes, too.
    fn pass_over(
        &self,
        entry: &Entry,
        pending: &Pending,
        status: Option<Status>,
    ) -> Result<(), ManagerError> {
        if let Some(incoming) = pending.wanted.incoming() {
            self.files().drop_incoming(incoming);
        }
        self.change(entry, |record| {
            record.pending.pop_front();
            record.status = status.unwrap_or(record.status);
        })
    }

    pub(super) fn stop_what_runs(&self, within: Duration, hurry: &Cancellation) -> Stopped {
        let end = Instant::now() + within;
        let inner = self.inner();
        inner.stopping.cancel();
        inner.giving_up.cancel();
        let mut needs = Needs::new();
        for (name, needed) in self.needs(None) {
            let is_up = self
                .entry(&name)
                .is_some_and(|it| it.live().is_up() || it.operation().is_some());
            if is_up {
                needs.insert(name, needed);
            }
        }
        let stopped = Mutex::new(Stopped::default());
        let is_over = Cancellation::new();
        thread::scope(|scope| {
            // Whoever is in a hurry need not wait for anything.
            scope.spawn(|| {
                while !is_over.is_cancelled() {
                    if hurry.is_cancelled() || Instant::now() >= end {
                        inner.hurry.cancel();
                        return;
                    }
                    thread::sleep(SLICE);
                }
            });
            self.in_order(Schedule::reversed(&needs), |name| {
                let Some(entry) = self.entry(name) else {
                    return;
                };
                let left = end.saturating_duration_since(Instant::now());
                let outcome = self.stop_at_the_end(&entry, left);
                let mut stopped = stopped.lock().unwrap_or_else(PoisonError::into_inner);
                match outcome {
                    Ok(true) => stopped.stopped.push(name.to_owned()),
                    Ok(false) => {}
                    Err(why) => stopped.failed.push((name.to_owned(), why)),
                }
            });
            // Of those, too, whose operation does not end.
            inner.processes.end_all();
            is_over.cancel();
        });
        let records: Vec<_> = self
            .entries()
            .iter()
            .map(|it| it.record().clone())
            .collect();
        inner.records.back_up(&records);
        stopped.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    /// Stops a package whose status stays as it is, so that it starts with the next server.
    fn stop_at_the_end(&self, entry: &Arc<Entry>, left: Duration) -> Result<bool, String> {
        let busy = self.waiting_for_end(entry, left)?;
        if !entry.is_running() {
            return Ok(false);
        }
        let before = entry.record().clone();
        let status = before.status;
        let report: Report = Arc::new(|_| {});
        let mut course = Course::new(entry, busy, &report);
        // Not instead of what is not finished: that is gone on with afterwards.
        let begun = self.change(entry, |record| {
            let stop = Pending::begun(Wanted::Stop, vec![Step::Stop], status);
            record.pending.push_front(stop);
        });
        let stopped = begun.and_then(|()| self.execute(&mut course));
        // It is to start again all the same; what went wrong, now or before, stays to be seen.
        let error = match &stopped {
            Err(ManagerError::Failed { error, .. }) => Some(LastError::clone(error)),
            _ => before.last_error,
        };
        if error.is_some() || !before.pending.is_empty() {
            let noted = self.change_anyway(entry, |record| {
                record.pending = before.pending;
                record.status = status;
                record.last_error = error;
            });
            if let Err(unwritten) = noted {
                tracing::error!(package = entry.name, "{unwritten}");
            }
        }
        self.end_object(course.entry, &mut course.busy);
        stopped.map(|()| true).map_err(|error| match error {
            ManagerError::Failed { error, .. } => error.message,
            error => error.to_string(),
        })
    }

    /// Waits for the operation that a package is busy with, which was told to give up.
    fn waiting_for_end<'a>(
        &self,
        entry: &'a Entry,
        left: Duration,
    ) -> Result<super::entry::Busy<'a>, String> {
        let end = Instant::now() + left.max(SLICE);
        loop {
            match entry.begin("stop", SLICE) {
                Ok(mut busy) => {
                    self.see_what_ended(entry, &mut busy);
                    return Ok(busy);
                }
                Err(other) if Instant::now() >= end || self.inner().hurry.is_cancelled() => {
                    return Err(format!("it is still busy with `{other}`"));
                }
                Err(_) => {}
            }
        }
    }

    /// Does something with each of a schedule, several at a time.
    fn in_order(&self, schedule: Schedule, each: impl Fn(&str) + Sync) {
        let schedule = Mutex::new(schedule);
        let changed = Condvar::new();
        let lock = || schedule.lock().unwrap_or_else(PoisonError::into_inner);
        let work = || {
            loop {
                let mut now = lock();
                let name = loop {
                    match now.next() {
                        Next::Take(name) => break name,
                        Next::End => return,
                        Next::Wait => {
                            let waited = changed.wait(now);
                            now = waited.unwrap_or_else(PoisonError::into_inner);
                        }
                    }
                };
                drop(now);
                each(&name);
                lock().done(&name);
                changed.notify_all();
            }
        };
        thread::scope(|scope| {
            for _ in 0..self.inner().parallel {
                scope.spawn(work);
            }
        });
    }
}
