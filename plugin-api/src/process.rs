//! What a package has running.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use keyway_abi::{ProcessRef, ProcessRequest, ProcessStatus};

use crate::ServiceFailure;

/// The package's processes: programs that the server runs for it. Cheap to clone; may be kept and used
/// from any thread.
///
/// A process belongs to the package, not to the hook that started it: it is ended, with its whole
/// process group, when the hook `stop` is over, whatever came of that, and when the package cannot be
/// started, is deleted, or the server ends. So a hook `stop` need not do it; it may, to have an order.
/// What a hook other than `start` starts lives on only if the package runs when the operation is over.
/// A server that was killed leaves nothing: the next one ends what is left before it starts anything.
///
/// A program sees the server's environment without what is meant for the server alone, with the
/// variables of its request over it; nothing on its standard input; and no file that the server has
/// open. What it writes to standard output and standard error is kept in `logs/PACKAGE/NAME.log` of
/// the server's state folder.
///
/// What leaves its process group *and* throws its environment away is out of reach. A program that
/// puts itself into the background ends, as far as this service knows, and its group with it: let it
/// stay in the foreground.
///
/// ```
/// use std::time::Duration;
///
/// use keyway_plugin::{Context, Error, Hook, Lifecycle, ProcessRequest, Restart};
///
/// struct Site {
///     context: Context,
/// }
///
/// impl Lifecycle for Site {
///     fn new(context: Context) -> Result<Self, Error> {
///         Ok(Site { context })
///     }
///
///     fn start(&mut self, _: &Hook<'_>) -> Result<(), Error> {
///         let html = self.context.package_root().join("html");
///         let request = ProcessRequest::new("web", "python3")
///             .args(["-m", "http.server", "8080", "--directory"])
///             .arg(html)
///             .env("PYTHONUNBUFFERED", "1")
///             .restart(Restart::Always)
///             .stop_grace(Duration::from_secs(3));
///         self.context.process()?.start(&request)?;
///         Ok(())
///     }
/// }
/// ```
#[derive(Clone)]
pub struct Processes(Arc<ProcessRef>);

impl fmt::Debug for Processes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Processes").finish_non_exhaustive()
    }
}

impl Processes {
    pub(crate) fn new(processes: ProcessRef) -> Self {
        Self(Arc::new(processes))
    }

    /// Starts what `request` asks for, and returns when the program runs. Whether it does what it
    /// should is another matter: it has only begun.
    ///
    /// # Errors
    ///
    /// What the host says: a process of that name runs already, or is about to be started again; the
    /// request is against the limits; the program or the folder is not there, or cannot be used;
    /// there are too many; the package is not being started and does not run. Nothing was started
    /// then.
    pub fn start(&self, request: &ProcessRequest) -> Result<(), ServiceFailure> {
        self.0.start(request)
    }

    /// Ends the process `name` with its group, and returns when it has ended: whether one of that name
    /// was ever started. It is not started again by itself.
    ///
    /// # Errors
    ///
    /// What the host says: it could not be ended.
    pub fn stop(&self, name: &str) -> Result<bool, ServiceFailure> {
        self.0.stop(name, None)
    }

    /// As [`stop`](Self::stop), with another grace than the request said; five minutes at most.
    ///
    /// # Errors
    ///
    /// As for [`stop`](Self::stop).
    pub fn stop_within(&self, name: &str, grace: Duration) -> Result<bool, ServiceFailure> {
        self.0.stop(name, Some(grace))
    }

    /// How it stands with the process `name`; `None`: none of that name was started since the package
    /// was last started.
    ///
    /// # Errors
    ///
    /// What the host says.
    pub fn status(&self, name: &str) -> Result<Option<ProcessStatus>, ServiceFailure> {
        self.0.status(name)
    }

    /// All that were started since the package was last started, also those that have ended, ordered
    /// by name.
    ///
    /// # Errors
    ///
    /// What the host says.
    pub fn list(&self) -> Result<Vec<(String, ProcessStatus)>, ServiceFailure> {
        let mut found = Vec::new();
        for name in self.0.list()? {
            if let Some(status) = self.0.status(&name)? {
                found.push((name, status));
            }
        }
        Ok(found)
    }
}
