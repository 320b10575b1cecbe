//! What the author of a package's lifecycle writes.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use keyway_abi::{ConfigRef, ContextRef, FetchRef, HookRef, PackagesRef, ProcessRef, StoreRef};
use once_cell::sync::OnceCell;

use crate::{Config, Error, Fetch, Packages, Processes, Store};

/// A package's own code: what is to happen when it is prepared, installed, started, stopped,
/// upgraded and uninstalled.
///
/// One instance lives for each package and process. Its hooks may run on different threads of the
/// host, never two at once. It is dropped after `uninstall` or when the process ends; a hook that
/// never returns makes the host give it up.
///
/// A hook must stand being run again after an interruption: when the process was killed in it, an
/// administrator may retry.
///
/// ```
/// use keyway_plugin::{Context, Error, Hook, Lifecycle};
///
/// struct Hello {
///     context: Context,
/// }
///
/// impl Lifecycle for Hello {
///     fn new(context: Context) -> Result<Self, Error> {
///         Ok(Hello { context })
///     }
///
///     fn start(&mut self, hook: &Hook<'_>) -> Result<(), Error> {
///         hook.progress(0, None, "greeting");
///         std::fs::write(self.context.data_dir().join("greeting"), "hello")?;
///         Ok(())
///     }
/// }
/// ```
#[allow(unused_variables)]
pub trait Lifecycle: Send + 'static {
    /// Makes the lifecycle of the package that `context` tells about. Runs before any hook.
    ///
    /// # Errors
    ///
    /// Any error: the package then cannot be used, and the host says why.
    fn new(context: Context) -> Result<Self, Error>
    where
        Self: Sized;

    /// Brings what the package needs: code, tools, data. Called at installation.
    ///
    /// # Errors
    ///
    /// Any error: the package is then in error, and the host says why.
    fn prepare(&mut self, hook: &Hook<'_>) -> Result<(), Error> {
        Ok(())
    }

    /// Installs what was prepared.
    ///
    /// # Errors
    ///
    /// As for [`prepare`](Self::prepare).
    fn install(&mut self, hook: &Hook<'_>) -> Result<(), Error> {
        Ok(())
    }

    /// Starts to serve, and returns when that is done.
    ///
    /// # Errors
    ///
    /// As for [`prepare`](Self::prepare); `stop` is called afterwards.
    fn start(&mut self, hook: &Hook<'_>) -> Result<(), Error> {
        Ok(())
    }

    /// Stops serving. Threads that `start` made are joined here.
    ///
    /// # Errors
    ///
    /// As for [`prepare`](Self::prepare).
    fn stop(&mut self, hook: &Hook<'_>) -> Result<(), Error> {
        Ok(())
    }

    /// The package is about to be removed.
    ///
    /// # Errors
    ///
    /// As for [`prepare`](Self::prepare).
    fn uninstall(&mut self, hook: &Hook<'_>) -> Result<(), Error> {
        Ok(())
    }

    /// The package has just been upgraded from the version `from`. Does what `prepare` does unless
    /// written.
    ///
    /// # Errors
    ///
    /// As for [`prepare`](Self::prepare); the old version is then put back.
    fn upgrade(&mut self, from: &str, hook: &Hook<'_>) -> Result<(), Error> {
        self.prepare(hook)
    }
}

/// What a lifecycle knows of its package. Cheap to clone; may be kept and used from any thread.
#[derive(Clone)]
pub struct Context(Arc<Known>);

struct Known {
    context: ContextRef,
    package_root: std::path::PathBuf,
    data_dir: std::path::PathBuf,
    install_kwargs: OnceCell<String>,
    package_toml: OnceCell<String>,
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context")
            .field("package_root", &self.package_root())
            .field("data_dir", &self.data_dir())
            .finish_non_exhaustive()
    }
}

impl Context {
    pub(crate) fn new(context: ContextRef) -> Self {
        Self(Arc::new(Known {
            package_root: context.package_root(),
            data_dir: context.data_dir(),
            install_kwargs: OnceCell::new(),
            package_toml: OnceCell::new(),
            context,
        }))
    }

    /// The package's folder, absolute.
    #[must_use]
    pub fn package_root(&self) -> &Path {
        &self.0.package_root
    }

    /// A folder of the package's own for what it wants to keep, absolute. It exists, and stays
    /// when the package is upgraded.
    #[must_use]
    pub fn data_dir(&self) -> &Path {
        &self.0.data_dir
    }

    /// The arguments given at installation: one JSON object.
    #[must_use]
    pub fn install_kwargs(&self) -> &str {
        let known = &*self.0;
        known
            .install_kwargs
            .get_or_init(|| known.context.install_kwargs())
    }

    /// The parsed `package.toml`: one JSON object.
    #[must_use]
    pub fn package_toml(&self) -> &str {
        let known = &*self.0;
        known
            .package_toml
            .get_or_init(|| known.context.package_toml())
    }

    /// The package's store of keys and values. It is the host's, is there before and after each
    /// hook, and stays when the package is upgraded.
    ///
    /// # Errors
    ///
    /// When the host has no such service, or one of another layout.
    pub fn store(&self) -> Result<Store, Error> {
        Ok(Store::new(StoreRef::of(&self.0.context)?))
    }

    /// What the package was given, typed: [`install_kwargs`](Self::install_kwargs) by key, with defaults
    /// and with errors that name the key.
    ///
    /// # Errors
    ///
    /// When the host has no such service, or one of another layout.
    pub fn config(&self) -> Result<Config, Error> {
        Ok(Config::new(ConfigRef::of(&self.0.context)?))
    }

    /// The other packages of the manager: to list, add and start them.
    ///
    /// # Errors
    ///
    /// When the host has no such service, or one of another layout.
    pub fn packages(&self) -> Result<Packages, Error> {
        Ok(Packages::new(PackagesRef::of(&self.0.context)?))
    }

    /// Fetching of what stands behind git URLs, into the package's [data folder](Self::data_dir).
    ///
    /// # Errors
    ///
    /// When the host has no such service, or one of another layout.
    pub fn fetch(&self) -> Result<Fetch, Error> {
        let fetch = FetchRef::of(&self.0.context)?;
        Ok(Fetch::new(fetch, self.data_dir()))
    }

    /// Programs that run as long as the package does.
    ///
    /// # Errors
    ///
    /// When the host has no such service, or one of another layout.
    pub fn process(&self) -> Result<Processes, Error> {
        Ok(Processes::new(ProcessRef::of(&self.0.context)?))
    }
}

/// One run of a hook: how long it may take, whether it should give up, how far it is.
#[derive(Clone, Copy)]
pub struct Hook<'run>(pub(crate) &'run HookRef);

impl fmt::Debug for Hook<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hook")
            .field("remaining", &self.remaining())
            .field("is_cancelled", &self.0.is_cancelled())
            .finish()
    }
}

impl Hook<'_> {
    /// How long until the deadline; zero when it has passed, `None` when there is none.
    #[must_use]
    pub fn remaining(&self) -> Option<Duration> {
        self.0.remaining()
    }

    /// Whether the hook should give up.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.0.is_cancelled()
    }

    /// A handle to ask whether the hook should give up, for other threads.
    #[must_use]
    pub fn cancellation(&self) -> Cancellation {
        Cancellation(self.0.clone())
    }

    /// Says how far the hook is: `done` of `total` steps, and at what. People see it.
    pub fn progress(&self, done: u64, total: Option<u64>, message: &str) {
        self.0.progress(done, total, message);
    }
}

/// Tells whether a hook should give up. May be sent to other threads and kept; after the hook's
/// end it counts as cancelled.
#[derive(Clone)]
pub struct Cancellation(HookRef);

impl fmt::Debug for Cancellation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cancellation")
            .field("is_cancelled", &self.is_cancelled())
            .finish()
    }
}

impl Cancellation {
    /// Whether the hook should give up.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.0.is_cancelled()
    }

    /// Waits until the hook should give up, `timeout` at most; says whether it should.
    #[must_use]
    pub fn wait(&self, timeout: Duration) -> bool {
        self.0.wait_cancelled(timeout)
    }
}
