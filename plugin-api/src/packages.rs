//! Other packages.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use keyway_abi::{PackageAdd, PackageInfo, PackageSource, PackagesRef};

use crate::{Hook, ServiceFailure};

/// The other packages of the manager: listed, added, started. Cheap to clone; may be kept and used
/// from any thread.
///
/// Each call that changes something takes the hook that it is made in, whose cancellation and deadline
/// end the waiting (what was asked for goes on), or `None` in a thread of the package's own. What could
/// only be done when that hook has returned is refused at once, with the packages that wait for each
/// other as a path: so that what needs each other is told, and nothing hangs.
///
/// What is always needed is better said in `[dependencies]` of `package.toml`.
///
/// ```
/// use keyway_plugin::{Context, Error, Hook, Lifecycle};
///
/// struct Shop {
///     context: Context,
/// }
///
/// impl Lifecycle for Shop {
///     fn new(context: Context) -> Result<Self, Error> {
///         Ok(Shop { context })
///     }
///
///     fn prepare(&mut self, hook: &Hook<'_>) -> Result<(), Error> {
///         let packages = self.context.packages()?;
///         let payment = packages
///             .add_git("https://example.org/payment.git")
///             .install_kwargs(r#"{"currency": "EUR"}"#)
///             .run(hook)?;
///         tracing::info!(version = payment.version, "{} is here", payment.name);
///         Ok(())
///     }
///
///     fn start(&mut self, hook: &Hook<'_>) -> Result<(), Error> {
///         self.context.packages()?.start("example.payment", hook)?;
///         Ok(())
///     }
/// }
/// ```
#[derive(Clone)]
pub struct Packages(Arc<PackagesRef>);

impl fmt::Debug for Packages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Packages").finish_non_exhaustive()
    }
}

impl Packages {
    pub(crate) fn new(packages: PackagesRef) -> Self {
        Self(Arc::new(packages))
    }

    /// All packages on record, also one's own, ordered by name.
    ///
    /// # Errors
    ///
    /// What the host says.
    pub fn list(&self) -> Result<Vec<PackageInfo>, ServiceFailure> {
        self.0.list()
    }

    /// The package of a full name, `author.name`; `None` if it is not on record.
    ///
    /// # Errors
    ///
    /// What the host says.
    pub fn status(&self, name: &str) -> Result<Option<PackageInfo>, ServiceFailure> {
        self.0.status(name)
    }

    /// Starts a package, unless it runs, and gives it as it is then; `None` if it is not on record.
    ///
    /// # Errors
    ///
    /// What the host says: it is disabled, its hook failed, it waits for this package.
    pub fn start<'run>(
        &self,
        name: &str,
        hook: impl Into<Option<&'run Hook<'run>>>,
    ) -> Result<Option<PackageInfo>, ServiceFailure> {
        self.0.start(name, hook.into().map(|hook| hook.0))
    }

    /// Begins to say what is to be added: a folder or an archive, absolute. Nothing is done before
    /// [`run`](AddPackage::run).
    pub fn add_path(&self, path: impl Into<PathBuf>) -> AddPackage {
        self.add(PackageSource::Path(path.into()))
    }

    /// Begins to say what is to be added: the git repository at `url`. Nothing is done before
    /// [`run`](AddPackage::run).
    pub fn add_git(&self, url: impl Into<String>) -> AddPackage {
        self.add(PackageSource::Git {
            url: url.into(),
            branch: None,
            rev: None,
        })
    }

    fn add(&self, source: PackageSource) -> AddPackage {
        AddPackage {
            packages: self.clone(),
            request: PackageAdd {
                source,
                install_kwargs: None,
                start: true,
            },
        }
    }
}

/// A package that is to be added, made by [`Packages::add_path`] and [`Packages::add_git`].
#[derive(Clone, Debug)]
#[must_use = "nothing is added before `run`"]
pub struct AddPackage {
    packages: Packages,
    request: PackageAdd,
}

impl AddPackage {
    /// The branch of a repository, instead of its own choice.
    pub fn branch(mut self, name: impl Into<String>) -> Self {
        if let PackageSource::Git { branch, .. } = &mut self.request.source {
            *branch = Some(name.into());
        }
        self
    }

    /// The commit or tag of a repository, instead of the newest commit of the branch.
    pub fn rev(mut self, name: impl Into<String>) -> Self {
        if let PackageSource::Git { rev, .. } = &mut self.request.source {
            *rev = Some(name.into());
        }
        self
    }

    /// What it is installed with: one JSON object, over what its file says.
    pub fn install_kwargs(mut self, object: impl Into<String>) -> Self {
        self.request.install_kwargs = Some(object.into());
        self
    }

    /// Whether it is started. So unless said otherwise.
    pub fn start(mut self, start: bool) -> Self {
        self.request.start = start;
        self
    }

    /// Adds it, or a newer version of one that is there, and gives it as it is then. One that is there
    /// in that version is left as it is.
    ///
    /// # Errors
    ///
    /// What the host says: it is no package, it cannot be fetched, its hook failed, it waits for this
    /// package.
    pub fn run<'run>(
        self,
        hook: impl Into<Option<&'run Hook<'run>>>,
    ) -> Result<PackageInfo, ServiceFailure> {
        let hook = hook.into().map(|hook| hook.0);
        self.packages.0.add(&self.request, hook)
    }
}
