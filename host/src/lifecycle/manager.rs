//! The manager.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::error::ManagerError;
use super::request::{Answer, HookProgress, Operation};
use super::status::{PackageStatus, Status};
use crate::install::Cancellation;
use crate::package::PackageLoader;

/// As long hooks may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Deadlines {
    /// The hooks `prepare`, `install` and `upgrade`: 30 minutes by default, since they may fetch.
    pub prepare: Duration,
    /// The hook `start`, and the construction of the lifecycle: one minute by default.
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
        todo!()
    }

    /// Sets damaged records aside and makes new ones of what can be read of them, of the copy that was
    /// made when a manager last started, and of the packages that are there. Gives what was done, a
    /// line each, for people.
    ///
    /// # Errors
    ///
    /// Another process has the state folder, or it cannot be written to.
    pub fn recover(&self) -> Result<Vec<String>, ManagerError> {
        todo!()
    }
}

/// Manages packages that have a life. Cheap to clone; from any thread.
#[derive(Clone)]
pub struct PackageManager(Arc<Inner>);

struct Inner {}

/// Who has a state folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Holder {
    /// The process.
    pub pid: u32,
    /// Since when, in seconds since 1970.
    pub since: u64,
    /// The Unix socket at which it answers; `None` if it does not.
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
        }
    }

    /// Who has the state folder now; `None` if nobody has. Waits for nobody, changes nothing.
    ///
    /// # Errors
    ///
    /// It cannot be looked at.
    pub fn holder(state_dir: &Path) -> Result<Option<Holder>, ManagerError> {
        todo!("{state_dir:?}")
    }

    /// Goes on with what is not finished, and starts what should run: packages that others need come
    /// first, those that need nothing of each other at the same time. To be called once, when the
    /// process begins to serve.
    pub fn start_all(&self) -> Started {
        todo!()
    }

    /// Stops all that runs, in the reverse of the order of starting; each has as long as its deadline,
    /// and all of them `within`. Nothing can be asked for any more. Hooks that run are told to give up;
    /// once `hurry` is cancelled nothing is waited for any more.
    pub fn stop_all(&self, within: Duration, hurry: &Cancellation) -> Stopped {
        todo!("{within:?} {hurry:?}")
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
        todo!("{operation:?} {}", Arc::strong_count(&progress))
    }

    /// All packages on record, ordered by name, or those in one status.
    #[must_use]
    pub fn packages(&self, status: Option<Status>) -> Vec<PackageStatus> {
        todo!("{status:?}")
    }

    /// A package on record. `__` may stand for the dot of the name.
    ///
    /// # Errors
    ///
    /// [`ManagerError::NotOnRecord`]
    pub fn status(&self, name: &str) -> Result<PackageStatus, ManagerError> {
        todo!("{name}")
    }

    /// Where records and data lie.
    #[must_use]
    pub fn state_dir(&self) -> &Path {
        todo!()
    }

    /// The folder in which packages lie.
    #[must_use]
    pub fn package_root(&self) -> &Path {
        todo!()
    }
}
