//! Doing the steps of operations, one after the other, with a note before and after each.

use std::fs;
use std::sync::Arc;

use super::code::{NoCode, Said, chain};
use super::entry::{Busy, Entry};
use super::error::ManagerError;
use super::hook::{self, Call, Code, End, Report};
use super::manager::PackageManager;
use super::object::{Failure, Object};
use super::record::{Before, Journal, Pending, Phase, Record, Step, Wanted, WantedAdd};
use super::services::StoreError;
use super::status::{InstalledFrom, LastError, Status};
use crate::install::Staged;
use crate::plugin::HookName;

/// Why a step was not done.
pub(super) struct Trouble {
    pub(super) code: String,
    pub(super) message: String,
    pub(super) location: Option<String>,
    /// The hook never returned.
    pub(super) gave_up: bool,
}

/// As many bytes of what a package says are written down.
const LONGEST: usize = 8 << 10;

/// What a package says, as far as it is written down: each change of its record writes it again.
pub(super) fn bounded(text: impl Into<String>) -> String {
    let mut text = text.into();
    if text.len() > LONGEST {
        let end = (0..=LONGEST).rev().find(|at| text.is_char_boundary(*at));
        text.truncate(end.unwrap_or(0));
        text.push_str(" ...");
    }
    text
}

impl Trouble {
    pub(super) fn new(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            code: code.into(),
            message: bounded(message),
            location: None,
            gave_up: false,
        }
    }
}

impl From<Failure> for Trouble {
    fn from(failure: Failure) -> Self {
        Self {
            location: failure.location,
            ..Self::new(failure.code, failure.message)
        }
    }
}

impl From<ManagerError> for Trouble {
    fn from(error: ManagerError) -> Self {
        Self::new(error.code(), chain(&error))
    }
}

impl From<NoCode> for Trouble {
    fn from(error: NoCode) -> Self {
        Self::new(error.code(), error.to_string())
    }
}

/// One operation that is under way.
pub(super) struct Course<'a> {
    pub(super) entry: &'a Arc<Entry>,
    pub(super) busy: Busy<'a>,
    /// What was staged for it, if it was just asked for.
    pub(super) staged: Option<Staged>,
    pub(super) report: Report,
    pub(super) warnings: Vec<String>,
    /// Whether packages that it needs are started with it; else they have been tried already.
    pub(super) starts_needed: bool,
}

impl<'a> Course<'a> {
    pub(super) fn new(entry: &'a Arc<Entry>, busy: Busy<'a>, report: &Report) -> Self {
        Self {
            entry,
            busy,
            staged: None,
            report: Arc::clone(report),
            warnings: Vec::new(),
            starts_needed: true,
        }
    }
}

impl PackageManager {
    /// Writes down that an operation begins: the first one that is recorded, or else a new one, for
    /// which all others are given up.
    pub(super) fn begin(
        &self,
        entry: &Entry,
        wanted: Wanted,
        steps: Vec<Step>,
        ends: Status,
        is_recorded: bool,
    ) -> Result<(), ManagerError> {
        if !is_recorded {
            self.abandon(&entry.record().clone())?;
        }
        // Whoever asks for something may have mended what ended it again and again.
        entry.live().failures = 0;
        entry.live().restarting = None;
        self.change(entry, |record| {
            if is_recorded {
                record.pending.pop_front();
            } else {
                record.pending.clear();
            }
            if let Wanted::Reconfigure { install_kwargs } = &wanted {
                record.given_kwargs = install_kwargs.clone();
                // With these it is not.
                record.is_installed = false;
            }
            record
                .pending
                .push_front(Pending::begun(wanted, steps, ends));
        })
    }

    /// Gives up what is not finished: what it would still need goes.
    pub(super) fn abandon(&self, record: &Record) -> Result<(), ManagerError> {
        let is_add = record
            .pending
            .front()
            .is_some_and(|it| it.wanted.add().is_some());
        if let Some(journal) = record.journal().filter(|_| is_add) {
            if journal.before.is_none() && record.is_placed {
                // What is not noted to be in place is not to be there.
                self.files().put_back(&record.name)?;
            }
            self.files().accept(record)?;
        }
        for pending in &record.pending {
            if let Some(incoming) = pending.wanted.incoming() {
                self.files().drop_incoming(incoming);
            }
        }
        Ok(())
    }

    /// Does all steps that are left of the operation at hand.
    pub(super) fn execute_steps(&self, course: &mut Course<'_>) -> Result<(), ManagerError> {
        loop {
            let record = course.entry.record().clone();
            let Some(pending) = record.pending.front() else {
                return Ok(());
            };
            let Some(journal) = &pending.journal else {
                return Ok(());
            };
            let Some(step) = journal.steps.front().copied() else {
                return self.settle(course, &record, journal.ends);
            };
            if self.is_stopping() && step != Step::Stop {
                return Err(ManagerError::Stopping);
            }
            if journal.is_put_back {
                match self.place_again(course, &record, pending) {
                    Ok(()) => continue,
                    Err(error @ ManagerError::NotWritten { .. }) => return Err(error),
                    Err(error) => {
                        return Err(self.failed(course, &record, journal, step, error.into()));
                    }
                }
            }
            let forces = matches!(pending.wanted, Wanted::Delete { force: true, .. });
            match self.step(course, &record, pending, journal, step) {
                Ok(()) if step == Step::Remove => return Ok(()),
                // That it is done is written down with what it changed.
                Ok(()) if step == Step::Place => {}
                Ok(()) => self.done(course.entry, step)?,
                Err(StepError::NotBegun(error)) => return Err(error),
                Err(StepError::Failed(trouble)) if forces && step != Step::Remove => {
                    let name = step.name();
                    let warning = format!("hook `{name}` was passed over: {}", trouble.message);
                    course.warnings.push(warning);
                    course.entry.live().running_since = None;
                    course.entry.live().wants_restart |= trouble.gave_up;
                    self.done(course.entry, step)?;
                }
                Err(StepError::Failed(trouble)) => {
                    return Err(self.failed(course, &record, journal, step, trouble));
                }
            }
        }
    }

    /// Writes down that a step is done.
    fn done(&self, entry: &Entry, step: Step) -> Result<(), ManagerError> {
        self.change_anyway(entry, |record| {
            match step {
                Step::Install => record.is_installed = true,
                Step::Upgrade => record.is_installed = true,
                Step::Uninstall => record.is_installed = false,
                _ => {}
            }
            if let Some(journal) = record.journal_mut() {
                journal.steps.pop_front();
                journal.phase = Phase::Waiting;
                if step == Step::Accept {
                    journal.before = None;
                }
            }
        })
    }

    /// Writes down that an operation is done.
    fn settle(
        &self,
        course: &mut Course<'_>,
        record: &Record,
        ends: Status,
    ) -> Result<(), ManagerError> {
        // What does not run needs no process.
        if !course.entry.is_running() && course.busy.as_ref().is_some_and(Object::is_isolated) {
            self.end_object(course.entry, &mut course.busy);
        }
        if let Some(incoming) = record.pending.front().and_then(|it| it.wanted.incoming()) {
            self.files().drop_incoming(incoming);
        }
        self.change_anyway(course.entry, |record| {
            record.pending.pop_front();
            record.status = ends;
            record.last_error = None;
        })
    }

    /// Writes down that a step failed, and puts things right as far as that goes.
    fn failed(
        &self,
        course: &mut Course<'_>,
        record: &Record,
        journal: &Journal,
        step: Step,
        mut trouble: Trouble,
    ) -> ManagerError {
        let Course { entry, busy, .. } = course;
        if trouble.gave_up {
            let mut live = entry.live();
            live.wants_restart = true;
            live.running_since = None;
        }
        let pending = record.pending.front();
        let operation = pending.map_or("", |it| it.wanted.name());
        let has_begun = entry.record().journal().map(|it| it.phase) == Some(Phase::Begun);
        let mut error = LastError {
            operation: operation.to_owned(),
            hook: step.is_hook().then(|| step.name().to_owned()),
            code: trouble.code.clone(),
            message: trouble.message.clone(),
            location: trouble.location.take(),
            time: super::now(),
            interrupted: false,
        };
        let noted = |error: &LastError, before: Option<&Before>| {
            self.change_anyway(entry, |record| {
                record.status = Status::Error;
                record.last_error = Some(error.clone());
                if let Some(before) = before {
                    before.clone().restore(record);
                }
                if let Some(journal) = record.journal_mut() {
                    journal.phase = Phase::Failed;
                    journal.is_put_back |= before.is_some();
                }
            })
        };
        // Nobody knows what state its object is in; but only that can stop what it does.
        let is_useless = !matches!(step, Step::Stop | Step::Start);
        if is_useless {
            self.end_object(entry, busy);
        }
        // Before it is noted: who is killed in between finds an interrupted step, and does the same.
        let mut before = journal.before.as_ref();
        if (before.is_some() || step == Step::Place)
            && let Err(put_back) = self.files().put_back(&entry.name)
        {
            let why = chain(&put_back);
            error.message = format!(
                "{}; the old files could not be put back: {why}",
                error.message
            );
            before = None;
        }
        let mut written = noted(&error, before);
        if step == Step::Start
            && has_begun
            && let Some(object) = busy.take()
            && let Some(then) = self.stop_what_began(entry, object)
        {
            error.message = bounded(format!("{}; then {then}", error.message));
            written = noted(&error, None);
        }
        if let Err(unwritten) = written {
            tracing::error!(package = entry.name, "{}", chain(&unwritten));
        }
        let hook = error.hook.as_deref().unwrap_or(step.name());
        tracing::error!(
            package = entry.name,
            hook,
            message = error.message,
            "failed"
        );
        ManagerError::Failed {
            name: entry.name.clone(),
            error: Box::new(error),
        }
    }

    /// Runs the hook `stop` after a failed `start`, and drops the object; what went wrong then.
    fn stop_what_began(&self, entry: &Entry, object: Object) -> Option<String> {
        let call = Call {
            package: entry.name.clone(),
            hook: HookName::Stop,
            from: String::new(),
        };
        match self.call(entry, Code::Made(object), call, Arc::new(|_| {})) {
            End::Returned(object, result) => {
                self.drop_object(entry, object);
                result.err().map(|failure| failure.message)
            }
            End::NotMade(_) | End::NotBegun(_) => None,
            End::Killed(after) => Some(format!("stop did not return in {} s", after.as_secs())),
            End::GivenUp(after) => {
                entry.live().wants_restart = true;
                Some(format!("stop did not return in {} s", after.as_secs()))
            }
        }
    }

    /// Writes down that a step begins: from here on it was interrupted if nobody says that it is done.
    pub(super) fn begun(&self, entry: &Entry, step: Step) -> Result<(), StepError> {
        let changed = self.change(entry, |record| {
            if let Some(journal) = record.journal_mut() {
                journal.phase = Phase::Begun;
            }
            if step == Step::Prepare {
                record.was_prepared = true;
            }
        });
        changed.map_err(StepError::NotBegun)
    }

    fn step(
        &self,
        course: &mut Course<'_>,
        record: &Record,
        pending: &Pending,
        journal: &Journal,
        step: Step,
    ) -> Result<(), StepError> {
        let entry = course.entry;
        match step {
            Step::Place => {
                let Wanted::Add(add) = &pending.wanted else {
                    return Ok(());
                };
                self.end_object(course.entry, &mut course.busy);
                self.place(course, record, add)
            }
            Step::Accept => Ok(self.files().accept(record)?),
            Step::Read => {
                self.end_object(course.entry, &mut course.busy);
                let said = Said::read_of(&record.name, &self.files().path(record), self.dirs())?;
                Ok(self.change(entry, |record| record.has_said(&said))?)
            }
            Step::Remove => {
                let Wanted::Delete { purge, .. } = pending.wanted else {
                    return Ok(());
                };
                self.end_object(course.entry, &mut course.busy);
                self.remove(entry, record, purge)
            }
            Step::Stop if !entry.is_running() => Ok(()),
            Step::Upgrade => {
                let from = journal.before.as_ref().and_then(|it| it.version.clone());
                self.hook(course, step, HookName::Upgrade, from)
            }
            Step::Prepare => {
                if matches!(pending.wanted, Wanted::Reconfigure { .. }) {
                    self.end_object(course.entry, &mut course.busy);
                }
                self.hook(course, step, HookName::Prepare, None)
            }
            Step::Install => self.hook(course, step, HookName::Install, None),
            Step::Start => {
                entry.live().is_starting = true;
                let started = self.start(course, record);
                let mut live = entry.live();
                live.is_starting = false;
                if started.is_ok() {
                    live.running_since = Some(super::now());
                }
                started
            }
            Step::Stop => {
                let stopped = self.hook(course, step, HookName::Stop, None);
                if !matches!(stopped, Err(StepError::NotBegun(_))) {
                    self.end_processes(entry);
                }
                stopped?;
                entry.live().running_since = None;
                Ok(())
            }
            Step::Uninstall => {
                self.hook(course, step, HookName::Uninstall, None)?;
                self.end_object(course.entry, &mut course.busy);
                Ok(())
            }
        }
    }

    fn start(&self, course: &mut Course<'_>, record: &Record) -> Result<(), StepError> {
        let said = Said::read_of(&record.name, &self.files().path(record), self.dirs())?;
        if record.said_differs(&said) {
            self.change(course.entry, |record| record.has_said(&said))?;
        }
        self.see_to_needs(course.entry, course.starts_needed, &course.report)?;
        self.hook(course, Step::Start, HookName::Start, None)
    }

    fn place(
        &self,
        course: &mut Course<'_>,
        record: &Record,
        add: &WantedAdd,
    ) -> Result<(), StepError> {
        let entry = course.entry;
        let keeps = record.is_installed;
        let before = keeps.then(|| Before {
            version: record.version.clone(),
            source: record.source.clone(),
            dependencies: record.dependencies.clone(),
            given_kwargs: Some(record.given_kwargs.clone()),
        });
        self.begun(entry, Step::Place)?;
        let lies_elsewhere = matches!(record.source, InstalledFrom::Link { .. });
        let warnings = match &add.source {
            InstalledFrom::Link { .. } => self.files().place_link(&entry.name).map(|()| Vec::new()),
            _ => {
                let (staged, incoming) = (course.staged.take(), add.incoming.as_deref());
                self.files()
                    .place(&entry.name, staged, incoming, keeps && !lies_elsewhere)
            }
        };
        course.warnings.extend(warnings?);
        let changed = self.change_anyway(entry, |record| {
            record.take(add);
            record.is_placed = true;
            if record.status == Status::Init {
                record.status = Status::Config;
            }
            if let Some(journal) = record.journal_mut() {
                // What cannot be written now is done again: not instead of what was there first.
                journal.before = journal.before.take().or(before);
                journal.steps.pop_front();
                journal.phase = Phase::Waiting;
            }
        });
        Ok(changed?)
    }

    /// Puts the new version in place again, which a failure took away.
    fn place_again(
        &self,
        course: &mut Course<'_>,
        record: &Record,
        pending: &Pending,
    ) -> Result<(), ManagerError> {
        self.end_object(course.entry, &mut course.busy);
        let is_link = |from: &InstalledFrom| matches!(from, InstalledFrom::Link { .. });
        let add = pending.wanted.add();
        // Of those one does not lie where the other does: both are in place.
        if !is_link(&record.source) && add.is_some_and(|add| !is_link(&add.source)) {
            self.files().put_forth(&course.entry.name)?;
        }
        self.change(course.entry, |record| {
            if let Wanted::Add(add) = &pending.wanted {
                record.take(add);
            }
            if let Some(journal) = record.journal_mut() {
                journal.is_put_back = false;
            }
        })
    }

    fn remove(&self, entry: &Entry, record: &Record, purge: bool) -> Result<(), StepError> {
        self.end_processes(entry);
        self.files().remove(&record.name)?;
        self.inner().stores.close(&record.name);
        let forgotten = self.inner().processes.forget(&record.name, purge);
        forgotten.map_err(|error| Trouble::new("io", format!("the logs: {error}")))?;
        if purge {
            match self.inner().stores.remove(&record.name) {
                // Then it never had one.
                Err(StoreError::Name { .. }) | Ok(()) => {}
                Err(error) => return Err(Trouble::new("store", chain(&error)).into()),
            }
            for path in [self.data_dir(&record.name), self.log_dir(&record.name)] {
                if let Err(source) = fs::remove_dir_all(&path)
                    && source.kind() != std::io::ErrorKind::NotFound
                {
                    return Err(ManagerError::Io { path, source }.into());
                }
            }
        }
        for pending in &record.pending {
            if let Some(incoming) = pending.wanted.incoming() {
                self.files().drop_incoming(incoming);
            }
        }
        self.forget(entry)?;
        Ok(())
    }

    /// Drops the package's object.
    pub(super) fn end_object(&self, entry: &Entry, busy: &mut Busy<'_>) {
        if let Some(object) = busy.take() {
            self.drop_object(entry, object);
        }
    }

    /// One whose drop does not return is still in the package's code.
    fn drop_object(&self, entry: &Entry, object: Object) {
        let _span = tracing::error_span!("drop", package = entry.name).entered();
        if !hook::end(object, self.deadlines().grace) {
            entry.live().wants_restart = true;
            self.tell_changed(entry);
        }
        entry.live().has_no_object();
    }
}

/// Why a step is not done.
pub(super) enum StepError {
    /// It was not begun, since that could not be written down: nothing has changed.
    NotBegun(ManagerError),
    /// It failed.
    Failed(Trouble),
}

impl From<ManagerError> for StepError {
    fn from(error: ManagerError) -> Self {
        match error {
            ManagerError::NotWritten { .. } => Self::NotBegun(error),
            error => Self::Failed(error.into()),
        }
    }
}

impl From<Trouble> for StepError {
    fn from(trouble: Trouble) -> Self {
        Self::Failed(trouble)
    }
}
