//! The manager.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::asked::steps_of;
use super::calls::Calls;
use super::code::{PLUGINS, Said, chain};
use super::entry::{Entry, Live};
use super::error::ManagerError;
use super::events::{ManagerEvent, Observer};
use super::files::Files;
use super::lock::StateLock;
use super::record::{Phase, Record, Wanted, WantedAdd};
use super::records::Records;
use super::request::{Answer, HookProgress, Operation};
use super::services::Stores;
use super::services::process::Processes;
use super::status::{PackageStatus, PendingOperation, Status};
use crate::install::Cancellation;
use crate::package::{DataDirs, PackageLoader};
use crate::plugin::Registry;

/// As long hooks may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Deadlines {
    /// The hooks `prepare`, `install` and `upgrade`: 30 minutes by default, since they may fetch. The
    /// construction of the lifecycle counts to the hook that it is made for, here and below.
    pub prepare: Duration,
    /// The hook `start`: one minute by default.
    pub start: Duration,
    /// The hooks `stop` and `uninstall`: one minute by default.
    pub stop: Duration,
    /// As long a hook that was told to give up may still take before it is given up: five seconds by
    /// default.
    pub grace: Duration,
}

impl Default for Deadlines {
    fn default() -> Self {
        Self {
            prepare: Duration::from_secs(30 * 60),
            start: Duration::from_secs(60),
            stop: Duration::from_secs(60),
            grace: Duration::from_secs(5),
        }
    }
}

/// Settings of a manager.
#[derive(Clone, Debug)]
pub struct PackageManagerBuilder {
    loader: PackageLoader,
    state_dir: Option<PathBuf>,
    package_root: Option<PathBuf>,
    deadlines: Deadlines,
    protected: Vec<String>,
    parallel: usize,
    socket: Option<PathBuf>,
    records_only: bool,
    observer: Observer,
}

impl PackageManagerBuilder {
    /// Where records and data lie; the default is `packages` in [`state_dir`](crate::plugin::state_dir).
    #[must_use]
    pub fn state_dir(mut self, folder: impl Into<PathBuf>) -> Self {
        self.state_dir = Some(folder.into());
        self
    }

    /// Where packages lie: absolute, or below the user's data folder; the default is the root of the
    /// type `ThreeBot/Package`.
    #[must_use]
    pub fn package_root(mut self, folder: impl Into<PathBuf>) -> Self {
        self.package_root = Some(folder.into());
        self
    }

    /// As long hooks may take.
    #[must_use]
    pub fn deadlines(mut self, deadlines: Deadlines) -> Self {
        self.deadlines = deadlines;
        self
    }

    /// Packages that can be neither stopped, disabled nor deleted, by their full names.
    #[must_use]
    pub fn protect(mut self, names: impl IntoIterator<Item = String>) -> Self {
        self.protected.extend(names);
        self
    }

    /// As many packages are started and stopped at once: 16 by default.
    #[must_use]
    pub fn parallel(mut self, packages: usize) -> Self {
        self.parallel = packages.max(1);
        self
    }

    /// Tells those who find the state folder held where this process answers.
    #[must_use]
    pub fn socket(mut self, socket: impl Into<PathBuf>) -> Self {
        self.socket = Some(socket.into());
        self
    }

    /// Calls `observer` with what happens, from whatever thread it happens in. It must return at once,
    /// and ask the manager for nothing meanwhile.
    #[must_use]
    pub fn observer(mut self, observer: Arc<dyn Fn(&ManagerEvent) + Send + Sync>) -> Self {
        self.observer = Observer(Some(observer));
        self
    }

    /// Whether no hooks run in this process: what is asked for is checked and written down, and done by
    /// the next one that opens the manager without this. Not by default.
    #[must_use]
    pub fn records_only(mut self, records_only: bool) -> Self {
        self.records_only = records_only;
        self
    }

    /// Opens the manager. No other process can until it is dropped.
    ///
    /// # Errors
    ///
    /// Another process has the state folder; it cannot be written to; the records are damaged.
    pub fn open(self) -> Result<PackageManager, ManagerError> {
        let state_dir = self.chosen_state_dir()?;
        let lock = StateLock::take(&state_dir, self.socket)?;
        let files = Files::new(&self.loader, self.package_root.as_deref(), &state_dir)?;
        let (records, found) = Records::open(&state_dir)?;
        let packages = found.into_iter().map(|mut record| {
            for pending in &mut record.pending {
                if let Wanted::Add(add) = &mut pending.wanted {
                    add.incoming = add.incoming.as_deref().map(|it| files.incoming_now(it));
                }
            }
            let entry = Entry::new(record);
            (entry.name.clone(), Arc::new(entry))
        });
        let packages = packages.collect();
        let hurry = Cancellation::new();
        let manager = PackageManager(Arc::new(Inner {
            packages: RwLock::new(packages),
            registries: Mutex::default(),
            files,
            records,
            stores: Stores::new(state_dir.join("stores")),
            processes: Processes::new(&state_dir, self.observer.clone(), hurry.clone()),
            state_dir,
            deadlines: self.deadlines,
            protected: self.protected.into_iter().collect(),
            parallel: self.parallel,
            records_only: self.records_only,
            observer: self.observer,
            calls: Calls::default(),
            stopping: Cancellation::new(),
            giving_up: Cancellation::new(),
            hurry,
            _lock: lock,
        }));
        if !self.records_only {
            manager.0.processes.take_up();
        }
        manager.take_up()?;
        Ok(manager)
    }

    /// Sets damaged records aside and makes new ones of what can be read of them, of the copy that was
    /// made when a manager last started, and of the packages that are there. Gives what was done, a
    /// line each, for people.
    ///
    /// # Errors
    ///
    /// Another process has the state folder, or it cannot be written to.
    pub fn recover(&self) -> Result<Vec<String>, ManagerError> {
        let state_dir = self.chosen_state_dir()?;
        let _lock = StateLock::take(&state_dir, None)?;
        let files = Files::new(&self.loader, self.package_root.as_deref(), &state_dir)?;
        super::recover::recover(&state_dir, &files)
    }

    fn chosen_state_dir(&self) -> Result<PathBuf, ManagerError> {
        let folder = match &self.state_dir {
            Some(folder) => std::path::absolute(folder),
            None => match PackageManager::default_state_dir() {
                Some(folder) => Ok(folder),
                None => Err(io::Error::other(
                    "HOME or XDG_STATE_HOME has to be an absolute path",
                )),
            },
        };
        folder.map_err(|source| ManagerError::Io {
            path: self.state_dir.clone().unwrap_or_default(),
            source,
        })
    }
}

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
        PackageManagerBuilder {
            loader,
            state_dir: None,
            package_root: None,
            deadlines: Deadlines::default(),
            protected: Vec::new(),
            parallel: 16,
            socket: None,
            records_only: false,
            observer: Observer::default(),
        }
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
    pub(super) fn of(inner: Arc<Inner>) -> Self {
        Self(inner)
    }

    pub(super) fn inner(&self) -> &Arc<Inner> {
        &self.0
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
