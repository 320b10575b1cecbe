//! Settings of a manager.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::entry::Entry;
use super::error::ManagerError;
use super::events::{ManagerEvent, Observer};
use super::files::Files;
use super::lock::StateLock;
use super::manager::PackageManager;
use super::record::Wanted;
use super::records::Records;
use super::restart::Pauses;
use super::worker::Worker;
use crate::package::PackageLoader;

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
    pub(super) loader: PackageLoader,
    pub(super) state_dir: Option<PathBuf>,
    pub(super) package_root: Option<PathBuf>,
    pub(super) deadlines: Deadlines,
    pub(super) protected: Vec<String>,
    pub(super) parallel: usize,
    pub(super) socket: Option<PathBuf>,
    pub(super) records_only: bool,
    pub(super) observer: Observer,
    pub(super) worker: Option<Worker>,
    pub(super) isolate_all: bool,
    pub(super) pauses: Pauses,
}

impl PackageManagerBuilder {
    pub(super) fn new(loader: PackageLoader) -> Self {
        Self {
            loader,
            state_dir: None,
            package_root: None,
            deadlines: Deadlines::default(),
            protected: Vec::new(),
            parallel: 16,
            socket: None,
            records_only: false,
            observer: Observer::default(),
            worker: None,
            isolate_all: false,
            pauses: Pauses::default(),
        }
    }

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

    /// How the processes are started in which the code of packages runs that ask for it
    /// (`isolation = "process"`). Without a worker such a package is in error.
    #[must_use]
    pub fn worker(mut self, worker: Worker) -> Self {
        self.worker = Some(worker);
        self
    }

    /// Whether the code of each package runs in a process of its own, also if the package does not ask
    /// for it. Not by default.
    #[must_use]
    pub fn isolate_all(mut self, isolate_all: bool) -> Self {
        self.isolate_all = isolate_all;
        self
    }

    /// How long is waited before a package is started again whose worker ended: the first time, and at
    /// most; and after how long it counts as the first time again.
    #[doc(hidden)]
    #[must_use]
    pub fn restart_pauses(mut self, first: Duration, longest: Duration, settled: Duration) -> Self {
        self.pauses = Pauses {
            first,
            longest,
            settled,
        };
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
        let lock = StateLock::take(&state_dir, self.socket.clone())?;
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
        let manager = PackageManager::new(self, state_dir, lock, files, records, packages);
        if !manager.inner().records_only {
            manager.inner().processes.take_up();
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
