//! The manager.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard, Weak};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::asked::steps_of;
use super::builder::{Deadlines, PackageManagerBuilder};
use super::calls::Calls;
use super::code::{PLUGINS, Said, chain};
use super::entry::{Entry, Live};
use super::error::ManagerError;
use super::events::{ManagerEvent, Observer};
use super::files::Files;
use super::lock::StateLock;
use super::record::{Phase, Record, WantedAdd};
use super::records::Records;
use super::request::{Answer, HookProgress, Operation};
use super::restart::Pauses;
use super::services::Stores;
use super::services::process::Processes;
use super::status::{PackageStatus, PendingOperation, Status};
use super::worker::Worker;
use crate::install::Cancellation;
use crate::package::{DataDirs, PackageLoader};
use crate::plugin::Registry;
#[cfg(unix)]
use crate::plugin::RemoteLog;

/// Manages packages that have a life. Cheap to clone; from any thread.
#[derive(Clone)]
pub struct PackageManager(Arc<Inner>);

pub(super) struct Inner {
    packages: RwLock<BTreeMap<String, Arc<Entry>>>,
    /// By the folder of the package: libraries stay loaded, also those of packages that are gone.
    registries: Mutex<HashMap<PathBuf, Registry>>,
    pub(super) files: Files,
    pub(super) records: Records,
    pub(super) stores: Stores,
    pub(super) processes: Processes,
    pub(super) state_dir: PathBuf,
    pub(super) deadlines: Deadlines,
    pub(super) protected: BTreeSet<String>,
    pub(super) parallel: usize,
    pub(super) records_only: bool,
    pub(super) observer: Observer,
    /// Who waits for whom.
    pub(super) calls: Calls,
    pub(super) worker: Option<Worker>,
    pub(super) isolate_all: bool,
    pub(super) pauses: Pauses,
    /// What workers log, by packages.
    #[cfg(unix)]
    logs: Mutex<HashMap<String, Arc<RemoteLog>>>,
    /// Nothing is begun any more.
    pub(super) stopping: Cancellation,
    /// Hooks that run are to give up.
    pub(super) giving_up: Cancellation,
    /// Nothing is waited for any more.
    pub(super) hurry: Cancellation,
    // Last: nobody else may come before all is closed.
    _lock: StateLock,
}

/// Who has a state folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Holder {
    /// The process.
    pub pid: u32,
    /// Since when, in seconds since 1970.
    pub since: u64,
    /// The Unix socket at which it answers; `None` if it does not.
    #[serde(default, with = "super::paths::optional")]
    pub socket: Option<PathBuf>,
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "process {}", self.pid)
    }
}

/// What came of starting all packages.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Started {
    /// Those that run now, in the order in which they began to.
    pub started: Vec<String>,
    /// Those that do not although they should, and why.
    pub failed: Vec<(String, String)>,
}

/// What came of stopping all packages.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Stopped {
    /// Those that were stopped, in that order.
    pub stopped: Vec<String>,
    /// Those whose hook failed or did not return, and why.
    pub failed: Vec<(String, String)>,
}

impl fmt::Debug for PackageManager {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PackageManager").finish_non_exhaustive()
    }
}

impl PackageManager {
    /// Settings of a manager whose packages' plugins are found as `loader` finds them, and whose
    /// packages are installed as it says.
    #[must_use]
    pub fn builder(loader: PackageLoader) -> PackageManagerBuilder {
        PackageManagerBuilder::new(loader)
    }

    /// The state folder of managers that name none; `None` without a home, and with raised privileges.
    #[must_use]
    pub fn default_state_dir() -> Option<PathBuf> {
        Some(crate::plugin::state_dir()?.join("packages"))
    }

    /// Who has the state folder now; `None` if nobody has. Waits for nobody, changes nothing.
    ///
    /// # Errors
    ///
    /// It cannot be looked at.
    pub fn holder(state_dir: &Path) -> Result<Option<Holder>, ManagerError> {
        StateLock::holder(state_dir)
    }

    /// Goes on with what is not finished, and starts what should run: packages that others need come
    /// first, those that need nothing of each other at the same time. To be called once, when the
    /// process begins to serve.
    pub fn start_all(&self) -> Started {
        self.start_those_that_should()
    }

    /// Stops all that runs, in the reverse of the order of starting; each has as long as its deadline,
    /// and all of them `within`. Nothing can be asked for any more. Hooks that run are told to give up;
    /// once `hurry` is cancelled nothing is waited for any more.
    pub fn stop_all(&self, within: Duration, hurry: &Cancellation) -> Stopped {
        self.stop_what_runs(within, hurry)
    }

    /// Does what is asked for. Returns when it is done; operations of one package wait for each other,
    /// 30 seconds at most. `progress` is called from other threads.
    ///
    /// # Errors
    ///
    /// [`ManagerError`]: nothing was done, or a step failed and the package is in error.
    pub fn perform(
        &self,
        operation: Operation,
        progress: Arc<dyn Fn(&HookProgress) + Send + Sync>,
    ) -> Result<Answer, ManagerError> {
        self.asked(operation, &progress)
    }

    /// All packages on record, ordered by name, or those in one status.
    #[must_use]
    pub fn packages(&self, status: Option<Status>) -> Vec<PackageStatus> {
        let entries = self.entries().into_iter();
        let entries = entries.filter(|it| status.is_none_or(|status| it.record().status == status));
        entries.map(|entry| self.shown(&entry)).collect()
    }

    /// A package on record. `__` may stand for the dot of the name.
    ///
    /// # Errors
    ///
    /// [`ManagerError::NotOnRecord`]
    pub fn status(&self, name: &str) -> Result<PackageStatus, ManagerError> {
        Ok(self.shown(&*self.named(name)?))
    }

    /// The status of each package on record, and whether it runs: what can be said at once.
    #[must_use]
    pub fn states(&self) -> Vec<(Status, bool)> {
        let entries = self.entries().into_iter();
        entries
            .map(|entry| (entry.record().status, entry.is_running()))
            .collect()
    }

    /// Where records and data lie.
    #[must_use]
    pub fn state_dir(&self) -> &Path {
        &self.0.state_dir
    }

    /// The folder in which packages lie.
    #[must_use]
    pub fn package_root(&self) -> &Path {
        self.0.files.root()
    }

    /// Whether it is about to end: nothing can be asked for any more.
    #[must_use]
    pub fn is_stopping(&self) -> bool {
        self.0.stopping.is_cancelled()
    }
}

/// What the other parts of the manager go by.
impl PackageManager {
    /// The manager of a state folder that is held, and of what was found there.
    pub(super) fn new(
        settings: PackageManagerBuilder,
        state_dir: PathBuf,
        lock: StateLock,
        files: Files,
        records: Records,
        packages: BTreeMap<String, Arc<Entry>>,
    ) -> Self {
        let hurry = Cancellation::new();
        let observer = settings.observer;
        Self(Arc::new(Inner {
            packages: RwLock::new(packages),
            registries: Mutex::default(),
            files,
            records,
            stores: Stores::new(state_dir.join("stores")),
            processes: Processes::new(&state_dir, observer.clone(), hurry.clone()),
            state_dir,
            deadlines: settings.deadlines,
            protected: settings.protected.into_iter().collect(),
            parallel: settings.parallel,
            records_only: settings.records_only,
            observer,
            calls: Calls::default(),
            worker: settings.worker,
            isolate_all: settings.isolate_all,
            pauses: settings.pauses,
            #[cfg(unix)]
            logs: Mutex::default(),
            stopping: Cancellation::new(),
            giving_up: Cancellation::new(),
            hurry,
            _lock: lock,
        }))
    }

    pub(super) fn inner(&self) -> &Arc<Inner> {
        &self.0
    }

    pub(super) fn weak(&self) -> Weak<Inner> {
        Arc::downgrade(&self.0)
    }

    pub(super) fn of(inner: &Weak<Inner>) -> Option<Self> {
        inner.upgrade().map(Self)
    }

    /// The log of what runs elsewhere for a package.
    #[cfg(unix)]
    pub(super) fn log_of(&self, name: &str) -> Arc<RemoteLog> {
        let mut logs = self.0.logs.lock().unwrap_or_else(PoisonError::into_inner);
        let log = logs
            .entry(name.to_owned())
            .or_insert_with(|| Arc::new(RemoteLog::new(name.to_owned())));
        Arc::clone(log)
    }

    pub(super) fn files(&self) -> &Files {
        &self.0.files
    }

    pub(super) fn deadlines(&self) -> &Deadlines {
        &self.0.deadlines
    }

    pub(super) fn dirs(&self) -> &DataDirs {
        self.0.files.loader().data_dirs()
    }

    /// The folder with a package's data.
    pub(super) fn data_dir(&self, name: &str) -> PathBuf {
        self.0.state_dir.join("data").join(name)
    }

    /// The folder with a package's logs.
    pub(super) fn log_dir(&self, name: &str) -> PathBuf {
        self.0.state_dir.join("logs").join(name)
    }

    fn table(&self) -> RwLockReadGuard<'_, BTreeMap<String, Arc<Entry>>> {
        self.0
            .packages
            .read()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn table_mut(&self) -> RwLockWriteGuard<'_, BTreeMap<String, Arc<Entry>>> {
        self.0
            .packages
            .write()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// All packages, ordered by name.
    pub(super) fn entries(&self) -> Vec<Arc<Entry>> {
        self.table().values().cloned().collect()
    }

    pub(super) fn entry(&self, name: &str) -> Option<Arc<Entry>> {
        self.table().get(name).cloned()
    }

    /// The package on record, or a new one, and whether it is new.
    pub(super) fn entry_or_new(
        &self,
        name: &str,
        add: &WantedAdd,
    ) -> Result<(Arc<Entry>, bool), ManagerError> {
        let mut table = self.table_mut();
        if let Some(entry) = table.get(name) {
            return Ok((Arc::clone(entry), false));
        }
        let record = Record::new(name, add.source.clone(), super::now());
        let entry = Arc::new(Entry::new(record));
        table.insert(name.to_owned(), Arc::clone(&entry));
        Ok((entry, true))
    }

    /// Takes a package off the record.
    pub(super) fn forget(&self, entry: &Entry) -> Result<(), ManagerError> {
        self.0.records.remove(&entry.name)?;
        self.put_away(entry);
        Ok(())
    }

    /// Takes a package that was never there off the record. If that cannot be written, the next manager
    /// finds that nothing came of it.
    pub(super) fn forget_anyway(&self, entry: &Entry) {
        if let Err(error) = self.0.records.remove(&entry.name) {
            tracing::warn!(package = entry.name, "{}", chain(&error));
        }
        self.put_away(entry);
    }

    fn put_away(&self, entry: &Entry) {
        *entry.live() = Live {
            is_gone: true,
            ..Live::default()
        };
        self.table_mut().remove(&entry.name);
        let name = entry.name.clone();
        self.tell(&ManagerEvent::Removed { name });
    }

    /// Tells who wants to know.
    pub(super) fn tell(&self, event: &ManagerEvent) {
        self.0.observer.tell(event);
    }

    /// Tells that something about a package changed.
    pub(super) fn tell_changed(&self, entry: &Entry) {
        let name = entry.name.clone();
        self.tell(&ManagerEvent::Changed { name });
    }

    /// Changes a record: on the disk first.
    pub(super) fn change(
        &self,
        entry: &Entry,
        change: impl FnOnce(&mut Record),
    ) -> Result<(), ManagerError> {
        self.write(entry, change, false)
    }

    /// Changes a record by what has happened already: if it cannot be written now, it is with the next
    /// change.
    pub(super) fn change_anyway(
        &self,
        entry: &Entry,
        change: impl FnOnce(&mut Record),
    ) -> Result<(), ManagerError> {
        self.write(entry, change, true)
    }

    fn write(
        &self,
        entry: &Entry,
        change: impl FnOnce(&mut Record),
        anyway: bool,
    ) -> Result<(), ManagerError> {
        let mut record = entry.record();
        let mut changed = record.clone();
        change(&mut changed);
        changed.changed = super::now();
        let written = self.0.records.put(&changed);
        if written.is_ok() || anyway {
            *record = changed;
        }
        drop(record);
        self.tell_changed(entry);
        written
    }

    /// The registry for the plugins of the package in `folder`.
    pub(super) fn registry(&self, folder: &Path) -> Registry {
        let mut registries = self
            .0
            .registries
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let registry = registries.entry(folder.to_path_buf()).or_insert_with(|| {
            let registry = self.0.files.loader().registry();
            registry.preceded_by(&folder.join(PLUGINS))
        });
        registry.clone()
    }

    /// All that is known of a package.
    pub(super) fn shown(&self, entry: &Entry) -> PackageStatus {
        let record = entry.record().clone();
        let live = entry.live().clone();
        let operation = entry.operation();
        let path = self.files().path(&record);
        let said = record
            .is_placed
            .then(|| Said::read_of(&record.name, &path, self.dirs()));
        let (description, problems, install_kwargs) = match said {
            Some(Ok(said)) => {
                let kwargs = said.kwargs(&record.given_kwargs);
                (said.toml.description, said.problems, kwargs)
            }
            Some(Err(error)) => (None, vec![chain(&error)], record.given_kwargs.clone()),
            None => (None, Vec::new(), record.given_kwargs.clone()),
        };
        let given_kwargs = record.kwargs_to_be().clone();
        let pending = record.pending.iter().enumerate().map(|(index, pending)| {
            let has_failed = pending.journal.as_ref().map(|it| it.phase) == Some(Phase::Failed);
            let is_active = index == 0 && operation.is_some() && !has_failed;
            PendingOperation {
                operation: pending.wanted.name().to_owned(),
                steps: steps_of(pending),
                active: is_active,
                progress: live.progress.clone().filter(|_| is_active),
            }
        });
        PackageStatus {
            pending: pending.collect(),
            version: record.version,
            description,
            status: record.status,
            running: live.running_since.is_some(),
            running_since: live.running_since,
            source: record.source,
            path,
            data_dir: self.data_dir(&record.name),
            install_kwargs,
            given_kwargs,
            lifecycle: live.lifecycle,
            dependencies: record.dependencies,
            last_error: record.last_error,
            problems,
            wants_restart: live.wants_restart,
            protected: self.0.protected.contains(&record.name),
            processes: self.0.processes.shown(&record.name),
            name: record.name,
        }
    }
}
