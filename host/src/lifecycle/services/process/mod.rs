//! `keyway.process`: programs that run as long as their package does.
//!
//! ```text
//! Processes --for each package--> Package --for each name--> Process: a thread that starts it, waits
//!     |                           (a gate: open while                  for it, ends what is left of
//!     | when the manager opens     something may be started)           its group, starts it again
//!     v
//! leftovers: what a process that was killed left is ended, first of all
//! ```
//!
//! On disk, in the state folder:
//!
//! ```text
//! processes/PACKAGE/NAME.json   what was started, written before it is
//! logs/PACKAGE/NAME.log         what it writes, and NAME.log.1 to NAME.log.3
//! ```

mod child;
mod leftovers;
mod log;
mod note;
mod program;
mod system;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::thread;
use std::time::Duration;

use keyway_abi::{ProcessAccess, ProcessFailure, ProcessRequest, ProcessStatus};

use self::child::Process;
use crate::install::Cancellation;
use crate::lifecycle::events::Observer;
use crate::lifecycle::status::PackageProcess;

/// So many processes may a package have started since it was started.
const MAX_PROCESSES: usize = 64;
/// As often it is looked how large logs are.
const TICK: Duration = Duration::from_secs(1);
/// For tests: the first pause before a process is started again, in milliseconds.
const FIRST_PAUSE: &str = "KEYWAY_PROCESS_PAUSE_MS";

/// What all processes of a manager have in common.
pub(super) struct Site {
    state_dir: PathBuf,
    /// What stands in the environment of all processes of this state folder.
    mark: String,
    observer: Observer,
    /// Nothing is waited for any more.
    hurry: Cancellation,
    first_pause: Duration,
}

/// The processes of all packages. Dropping it ends them.
pub(in crate::lifecycle) struct Processes(Arc<Shared>);

struct Shared {
    site: Arc<Site>,
    packages: Mutex<HashMap<String, Arc<Package>>>,
    /// Whether there is a thread that looks after logs.
    is_looked_after: Mutex<bool>,
}

impl fmt::Debug for Processes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Processes").finish_non_exhaustive()
    }
}

impl Processes {
    pub(in crate::lifecycle) fn new(
        state_dir: &Path,
        observer: Observer,
        hurry: Cancellation,
    ) -> Self {
        let pause = std::env::var(FIRST_PAUSE).ok();
        let pause = pause.and_then(|it| it.parse().ok()).unwrap_or(1000);
        Self(Arc::new(Shared {
            site: Arc::new(Site {
                state_dir: state_dir.to_path_buf(),
                mark: note::mark_of(state_dir),
                observer,
                hurry,
                first_pause: Duration::from_millis(pause),
            }),
            packages: Mutex::default(),
            is_looked_after: Mutex::default(),
        }))
    }

    /// Ends what another manager with this state folder left.
    pub(in crate::lifecycle) fn take_up(&self) {
        leftovers::end(&self.0.site);
    }

    fn package(&self, name: &str) -> Arc<Package> {
        let mut packages = self.0.packages();
        let package = packages.entry(name.to_owned()).or_insert_with(|| {
            Arc::new(Package {
                name: name.to_owned(),
                shared: Arc::downgrade(&self.0),
                table: Mutex::default(),
            })
        });
        Arc::clone(package)
    }

    /// What the code of a package asks.
    pub(in crate::lifecycle) fn of(
        &self,
        name: &str,
        package_root: &Path,
        data_dir: &Path,
    ) -> Arc<dyn ProcessAccess> {
        Arc::new(Access {
            package: self.package(name),
            package_root: package_root.to_path_buf(),
            data_dir: data_dir.to_path_buf(),
        })
    }

    /// From here on processes of the package may be started.
    pub(in crate::lifecycle) fn open(&self, name: &str) {
        let package = self.package(name);
        let mut table = package.table();
        if table.gate == Gate::Shut {
            table.gate = Gate::Open;
            // One that could not even be killed must not be there twice.
            table.processes.retain(|_, it| it.is_live());
        }
    }

    /// Ends all processes of the package, and lets none be started until [`open`](Self::open).
    pub(in crate::lifecycle) fn end(&self, name: &str) {
        let package = self.0.packages().get(name).cloned();
        if let Some(package) = package {
            end_all(&package.shut(Gate::Shut));
        }
    }

    /// Ends all processes of all packages, for good.
    pub(in crate::lifecycle) fn end_all(&self) {
        let packages: Vec<_> = self.0.packages().values().cloned().collect();
        let live: Vec<_> = packages.iter().flat_map(|it| it.shut(Gate::Over)).collect();
        end_all(&live);
    }

    /// Forgets a package that is gone; with `purge` what its processes wrote goes, too.
    pub(in crate::lifecycle) fn forget(&self, name: &str, purge: bool) -> io::Result<()> {
        self.end(name);
        self.0.packages().remove(name);
        let site = &self.0.site;
        let folders = [
            Some(site.state_dir.join("processes").join(name)),
            purge.then(|| site.logs(name)),
        ];
        for folder in folders.into_iter().flatten() {
            match fs::remove_dir_all(folder) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }

    /// How it stands with the processes of a package, ordered by name.
    pub(in crate::lifecycle) fn shown(&self, name: &str) -> Vec<PackageProcess> {
        let Some(package) = self.0.packages().get(name).cloned() else {
            return Vec::new();
        };
        let processes = package.table().processes.clone();
        let shown = processes
            .iter()
            .map(|(name, it)| PackageProcess::of(name, &it.status()));
        shown.collect()
    }
}

impl Drop for Processes {
    fn drop(&mut self) {
        self.end_all();
    }
}

impl Site {
    fn logs(&self, package: &str) -> PathBuf {
        self.state_dir.join("logs").join(package)
    }
}

impl Shared {
    fn packages(&self) -> MutexGuard<'_, HashMap<String, Arc<Package>>> {
        self.packages.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All processes that have not ended.
    fn live(&self) -> Vec<Arc<Process>> {
        let packages: Vec<_> = self.packages().values().cloned().collect();
        let live = packages.iter().flat_map(|it| it.table().live());
        live.collect()
    }

    /// Sees to it that somebody looks how large logs are, as long as there is a process.
    fn look_after_logs(self: &Arc<Self>) {
        let is_looked_after = || {
            let lock = self.is_looked_after.lock();
            lock.unwrap_or_else(PoisonError::into_inner)
        };
        if *is_looked_after() {
            return;
        }
        let shared = Arc::downgrade(self);
        let looks = move || {
            loop {
                thread::sleep(TICK);
                let Some(shared) = Weak::upgrade(&shared) else {
                    return;
                };
                let lock = shared.is_looked_after.lock();
                let mut is_looked_after = lock.unwrap_or_else(PoisonError::into_inner);
                let live = shared.live();
                if live.is_empty() {
                    *is_looked_after = false;
                    return;
                }
                drop(is_looked_after);
                for process in live {
                    process.put_log_aside();
                }
            }
        };
        let spawned = thread::Builder::new()
            .name("process logs".to_owned())
            .spawn(looks);
        match spawned {
            Ok(_) => *is_looked_after() = true,
            Err(error) => {
                tracing::warn!(%error, "nobody looks how large the logs of processes are")
            }
        }
    }
}

/// Whether processes of a package may be started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Gate {
    /// The package neither runs nor is being worked on.
    #[default]
    Shut,
    Open,
    /// The manager ends.
    Over,
}

/// The processes of one package.
struct Package {
    name: String,
    shared: Weak<Shared>,
    table: Mutex<Table>,
}

#[derive(Default)]
struct Table {
    gate: Gate,
    processes: BTreeMap<String, Arc<Process>>,
}

impl Table {
    fn live(&self) -> Vec<Arc<Process>> {
        let live = self.processes.values().filter(|it| it.is_live());
        live.cloned().collect()
    }
}

impl Package {
    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn process(&self, name: &str) -> Option<Arc<Process>> {
        self.table().processes.get(name).cloned()
    }

    /// Lets nothing be started any more, and gives what runs.
    fn shut(&self, gate: Gate) -> Vec<Arc<Process>> {
        let mut table = self.table();
        if table.gate != Gate::Over {
            table.gate = gate;
        }
        table.live()
    }
}

/// Ends processes, all at the same time.
fn end_all(processes: &[Arc<Process>]) {
    for process in processes {
        process.begin_to_end(None);
    }
    for process in processes {
        process.wait_for_end();
    }
}

/// What the code of a package asks.
struct Access {
    package: Arc<Package>,
    package_root: PathBuf,
    data_dir: PathBuf,
}

impl ProcessAccess for Access {
    fn start(&self, request: &ProcessRequest) -> Result<(), ProcessFailure> {
        let package = &self.package;
        let refused = |why: String| Err(ProcessFailure::Refused(why));
        let plan = program::plan(request, &self.package_root, &self.data_dir);
        // Held while it is started: nobody else starts one of that name, and who ends all finds it.
        let mut table = package.table();
        let Some(shared) = package
            .shared
            .upgrade()
            .filter(|_| table.gate == Gate::Open)
        else {
            return refused(format!(
                "`{}` is neither started now nor does it run",
                package.name
            ));
        };
        let before = table.processes.get(&request.name);
        if before.is_some_and(|it| it.is_live()) {
            return Err(ProcessFailure::Runs);
        }
        if before.is_none() && table.processes.len() >= MAX_PROCESSES {
            return refused(format!(
                "there are {MAX_PROCESSES} processes already, which is as many as a package may have"
            ));
        }
        let plan = plan.map_err(ProcessFailure::Refused)?;
        let process = Process::start(&shared.site, &package.name, request.clone(), plan);
        let process = process.map_err(ProcessFailure::Refused)?;
        table.processes.insert(request.name.clone(), process);
        drop(table);
        shared.look_after_logs();
        Ok(())
    }

    fn stop(&self, name: &str, grace: Option<Duration>) -> Result<(), ProcessFailure> {
        let process = self.package.process(name).ok_or(ProcessFailure::Unknown)?;
        process.begin_to_end(grace);
        if process.wait_for_end() {
            return Ok(());
        }
        let why = format!("the process `{name}` does not end, though it was killed");
        Err(ProcessFailure::Refused(why))
    }

    fn status(&self, name: &str) -> Option<ProcessStatus> {
        self.package.process(name).map(|it| it.status())
    }

    fn list(&self) -> Vec<String> {
        self.package.table().processes.keys().cloned().collect()
    }
}
