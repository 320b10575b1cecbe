//! What a server is told.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use keyway::PackageLoader;
use keyway::lifecycle::{Deadlines, PackageManager, PackageManagerBuilder, Worker};

use crate::logs::PackageLogs;
use crate::tls::TlsFiles;

/// What a server is told.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ServeOptions {
    /// How plugins and packages are found.
    pub loader: PackageLoader,
    /// Where records and data lie; `None` for the
    /// [default](PackageManager::default_state_dir).
    pub state_dir: Option<PathBuf>,
    /// Where packages lie; `None` for the default of the manager.
    pub package_root: Option<PathBuf>,
    /// Packages that can be neither stopped, disabled nor deleted, by their full names.
    pub protected: Vec<String>,
    /// As many packages are started and stopped at once; `None` for the default of the manager.
    pub parallel: Option<usize>,
    /// As long hooks may take.
    pub deadlines: Deadlines,
    /// As long all packages together may take to stop: 90 seconds by default.
    pub stop_within: Duration,
    /// Whether damaged records are set aside first. Not by default.
    pub recover: bool,
    /// The layer by which packages' logs are written, if it is installed.
    pub package_logs: Option<PackageLogs>,
    /// Where it also answers on TCP those who have the token. Nowhere by default.
    pub listen: Vec<SocketAddr>,
    /// What it shows there; `None` for no TLS, which only addresses of this machine can do without.
    pub tls: Option<TlsFiles>,
    /// Whether all that comes over TCP comes from a proxy, which sees to TLS. Not by default.
    pub behind_proxy: bool,
    /// By which names it may be asked over TCP, each as `name`, which may have any port, or `name:port`:
    /// more than by the addresses themselves, and on this machine `localhost`.
    pub allow_hosts: Vec<String>,
    /// How the processes are started in which the code of isolated packages runs; `None`: there are
    /// none, and such packages are in error.
    pub worker: Option<Worker>,
    /// Whether all packages are isolated. Not by default.
    pub isolate: bool,
}

impl ServeOptions {
    /// The defaults, with packages and plugins as `loader` finds them.
    #[must_use]
    pub fn new(loader: PackageLoader) -> Self {
        Self {
            loader,
            state_dir: None,
            package_root: None,
            protected: Vec::new(),
            parallel: None,
            deadlines: Deadlines::default(),
            stop_within: Duration::from_secs(90),
            recover: false,
            package_logs: None,
            listen: Vec::new(),
            tls: None,
            behind_proxy: false,
            allow_hosts: Vec::new(),
            worker: None,
            isolate: false,
        }
    }

    /// The manager's settings.
    #[cfg_attr(not(unix), allow(dead_code))]
    pub(crate) fn manager(&self, state_dir: PathBuf) -> PackageManagerBuilder {
        let mut manager = PackageManager::builder(self.loader.clone())
            .state_dir(state_dir)
            .deadlines(self.deadlines)
            .protect(self.protected.iter().cloned())
            .isolate_all(self.isolate);
        if let Some(worker) = &self.worker {
            manager = manager.worker(worker.clone());
        }
        if let Some(root) = &self.package_root {
            manager = manager.package_root(root);
        }
        if let Some(parallel) = self.parallel {
            manager = manager.parallel(parallel);
        }
        manager
    }
}

/// A server that has started what should run.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Ready {
    /// Its process.
    pub pid: u32,
    /// The socket at which it answers.
    pub socket: PathBuf,
    /// The URLs at which it answers over TCP.
    pub urls: Vec<String>,
    /// The packages that run, in the order in which they were started.
    pub started: Vec<String>,
    /// Those that do not although they should, and why.
    pub failed: Vec<(String, String)>,
}

/// A server on TCP, as a client is told of it.
#[derive(Clone)]
#[non_exhaustive]
pub struct Remote {
    /// Where it is: `https://HOST[:PORT]`, or `http://`.
    pub url: String,
    /// Its token.
    pub token: String,
    /// The one authority whose certificates are believed, as PEM; `None` for those of the system.
    pub tls_ca: Option<PathBuf>,
    /// Whether the token may go to other machines in the clear. Not by default.
    pub insecure_http: bool,
}

impl Remote {
    /// A server that shows a certificate which the system believes, or is on this machine.
    #[must_use]
    pub fn new(url: impl Into<String>, token: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            token: token.into(),
            tls_ca: None,
            insecure_http: false,
        }
    }
}

impl fmt::Debug for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The token is nobody's business.
        let mut remote = f.debug_struct("Remote");
        remote.field("url", &self.url).finish_non_exhaustive()
    }
}
