//! `keyway.packages`: other packages, for the lifecycle of one.

use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Weak};
use std::thread;
use std::time::Duration;

use keyway_abi::{CancellationAccess, PackageAdd, PackageInfo, PackageSource, PackagesAccess};

use crate::lifecycle::calls;
use crate::lifecycle::code::chain;
use crate::lifecycle::error::ManagerError;
use crate::lifecycle::manager::{Inner, PackageManager};
use crate::lifecycle::request::{AddRequest, AddSource, Answer, HookProgress, Operation};
use crate::lifecycle::status::PackageStatus;

/// As often it is looked whether the hook is to give up.
const SLICE: Duration = Duration::from_millis(50);

/// Other packages, as one of them has them.
pub(in crate::lifecycle) struct Others {
    /// The package that asks.
    name: String,
    /// Its context must not keep the manager.
    manager: Weak<Inner>,
}

impl Others {
    pub(in crate::lifecycle) fn new(name: &str, manager: &Arc<Inner>) -> Self {
        Self {
            name: name.to_owned(),
            manager: Arc::downgrade(manager),
        }
    }

    fn manager(&self) -> Result<PackageManager, String> {
        let manager = PackageManager::of(&self.manager);
        manager.ok_or_else(|| "the manager is gone".to_owned())
    }

    /// Has an operation done in a thread of its own, and waits as long as the hook may take.
    fn perform(
        &self,
        operation: Operation,
        hook: Option<&dyn CancellationAccess>,
    ) -> Result<Result<Answer, ManagerError>, String> {
        let manager = self.manager()?;
        let what = match operation.package() {
            Some(name) => format!("{} of `{name}`", operation.name()),
            None => operation.name().to_owned(),
        };
        tracing::info!(
            package = self.name,
            operation = what,
            "asked for by a package"
        );
        let (sender, receiver) = mpsc::channel();
        let (progress, progressed) = mpsc::channel::<HookProgress>();
        // Without a hook of its own nothing of the package waits.
        let caller = hook.is_some().then(|| self.name.clone());
        let name = format!("for {}", self.name);
        let work = move || {
            let report = Arc::new(move |it: &HookProgress| drop(progress.send(it.clone())));
            let perform = || manager.perform(operation, report);
            let done = match &caller {
                Some(caller) => calls::on_behalf_of(caller, perform),
                None => perform(),
            };
            // Nobody may wait any more.
            let _ = sender.send(done);
        };
        let spawned = thread::Builder::new().name(name).spawn(work);
        spawned.map_err(|error| format!("no thread can be made for it: {error}"))?;
        loop {
            match receiver.recv_timeout(SLICE) {
                Ok(done) => return Ok(done),
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(format!("{what} failed inside the host"));
                }
                Err(RecvTimeoutError::Timeout) => {}
            }
            let Some(hook) = hook else {
                continue;
            };
            while let Ok(it) = progressed.try_recv() {
                let message = format!("{}: {} {}", it.name, it.step, it.message);
                hook.progress(it.done, it.total, &message);
            }
            if hook.is_cancelled() {
                return Err(format!(
                    "{what} goes on, and is not waited for: the hook is to end"
                ));
            }
        }
    }
}

impl PackagesAccess for Others {
    fn list(&self) -> Result<Vec<PackageInfo>, String> {
        let packages = self.manager()?.packages(None);
        Ok(packages.into_iter().map(info).collect())
    }

    fn status(&self, name: &str) -> Result<Option<PackageInfo>, String> {
        found(self.manager()?.status(name))
    }

    fn add(
        &self,
        request: &PackageAdd,
        hook: Option<&dyn CancellationAccess>,
    ) -> Result<PackageInfo, String> {
        let source = match &request.source {
            PackageSource::Path(path) => AddSource::Path { path: path.clone() },
            PackageSource::Git { url, branch, rev } => AddSource::Git {
                git_url: url.clone(),
                branch: branch.clone(),
                rev: rev.clone(),
            },
        };
        let mut add = AddRequest::new(source);
        add.start = request.start;
        if let Some(text) = &request.install_kwargs {
            let kwargs = serde_json::from_str(text);
            let kwargs =
                kwargs.map_err(|error| format!("the arguments are no JSON object: {error}"))?;
            add.install_kwargs = Some(kwargs);
        }
        let answer = self.perform(Operation::Add(add), hook)?;
        let answer = answer.map_err(|error| chain(&error))?;
        let name = answer.name;
        let package = answer.package.map(info);
        package.ok_or_else(|| format!("`{name}` is gone again"))
    }

    fn start(
        &self,
        name: &str,
        hook: Option<&dyn CancellationAccess>,
    ) -> Result<Option<PackageInfo>, String> {
        let name = name.to_owned();
        let answer = self.perform(Operation::Start { name }, hook)?;
        let package = answer.map(|answer| answer.package);
        match package {
            Ok(package) => Ok(package.map(info)),
            Err(error) => found(Err(error)),
        }
    }
}

/// What is not on record is no error.
fn found(package: Result<PackageStatus, ManagerError>) -> Result<Option<PackageInfo>, String> {
    match package {
        Ok(package) => Ok(Some(info(package))),
        Err(ManagerError::NotOnRecord { .. }) => Ok(None),
        Err(error) => Err(chain(&error)),
    }
}

fn info(package: PackageStatus) -> PackageInfo {
    let mut info = PackageInfo::new(package.name, package.status.as_str(), package.path);
    info.version = package.version;
    info.running = package.running;
    info
}
