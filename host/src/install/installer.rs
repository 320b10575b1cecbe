//! What installs packages.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::cancellation::Cancellation;
use super::decide::Operation;
use super::error::InstallError;
use super::handlers::{Handlers, Runner};
use super::plan::Plan;
use super::receipt::Receipt;
use super::removal::{Removal, Removed};
use super::source::Source;
use super::staged::Installed;
use crate::archive::{Limits, Progress};
use crate::package::metadata::MetadataFiles;
use crate::package::{Package, PackageEvent, PackageLoader, is_installable_id};
use crate::transaction::{self, LockedRoot, Root, RootError};

/// As long another process may change a package root before we give up.
const LOCK_WAIT: Duration = Duration::from_secs(30);

/// As long it takes at most until a cancellation is noticed while waiting.
const SLICE: Duration = Duration::from_millis(100);

/// Installs, upgrades and removes packages.
///
/// Where they are installed: in the [package root](Self::package_root) if one is given, else in that of
/// their type; relative ones below the user's data folder, or, if it installs for
/// [all users](Self::for_all_users), below the first one of the system. For all users it upgrades and removes a package in the data folder of the system that it lies in,
/// of several the first.
///
/// Cheap to clone. Settings are made before they are used; copies share listeners, not settings.
///
/// # Examples
///
/// ```no_run
/// use keyway::install::Installer;
/// use keyway::{PackageLoader, Registry, SearchPath};
///
/// let loader = PackageLoader::new(Registry::new(SearchPath::standard::<&str>([])));
/// let installer = Installer::new(loader);
/// let installed = installer.upgrade("clock-1.2.zip")?;
/// println!("{} is in {}", installed.receipt.id, installed.path.display());
/// installer.type_name("Plasma/Applet")?.uninstall(&installed.receipt.id)?;
/// # Ok::<(), keyway::install::InstallError>(())
/// ```
#[derive(Clone)]
pub struct Installer {
    pub(super) loader: PackageLoader,
    pub(super) settings: Settings,
    listeners: Arc<Mutex<Vec<Listener>>>,
}

type Listener = Arc<dyn Fn(&PackageEvent) + Send + Sync>;

#[derive(Clone)]
pub(super) struct Settings {
    pub(super) type_name: Option<keyway_metadata::TypeName>,
    pub(super) package_root: Option<PathBuf>,
    pub(super) for_all_users: bool,
    pub(super) force: bool,
    pub(super) allow_handlers: bool,
    pub(super) handlers: Runner,
    pub(super) limits: Limits,
    pub(super) lock_wait: Duration,
    pub(super) sync: bool,
    pub(super) for_manager: bool,
    pub(super) progress: Arc<dyn Fn(&Progress) + Send + Sync>,
}

impl fmt::Debug for Installer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Installer")
            .field("type_name", &self.settings.type_name)
            .field("package_root", &self.settings.package_root)
            .field("for_all_users", &self.settings.for_all_users)
            .finish_non_exhaustive()
    }
}

/// Settings.
impl Installer {
    /// An installer of packages of the types that `loader` knows, with the settings that the methods
    /// below name.
    #[must_use]
    pub fn new(loader: PackageLoader) -> Self {
        Self {
            loader,
            settings: Settings {
                type_name: None,
                package_root: None,
                for_all_users: false,
                force: false,
                allow_handlers: false,
                handlers: Runner {
                    handlers: Handlers::standard(),
                    cancellation: Cancellation::new(),
                },
                limits: Limits::default(),
                lock_wait: LOCK_WAIT,
                sync: true,
                for_manager: false,
                progress: Arc::new(|_| {}),
            },
            listeners: Arc::default(),
        }
    }

    /// The type of the packages. Without one it is the type that a package's metadata name.
    ///
    /// # Errors
    ///
    /// It is no type name.
    pub fn type_name(mut self, type_name: &str) -> Result<Self, InstallError> {
        let type_name = type_name.parse().map_err(crate::package::LoadError::from)?;
        self.settings.type_name = Some(type_name);
        Ok(self)
    }

    /// Where packages lie, instead of their type's own root: absolute, or below the data folder.
    /// `None` and the empty path stand for the type's own.
    #[must_use]
    pub fn package_root(mut self, package_root: Option<&Path>) -> Self {
        let root = package_root.filter(|root| !root.as_os_str().is_empty());
        self.settings.package_root = root.map(Path::to_path_buf);
        self
    }

    /// Whether packages are installed for all users, in the first data folder of the system, and
    /// upgraded and removed in all of them. Not by default.
    #[must_use]
    pub fn for_all_users(mut self, for_all_users: bool) -> Self {
        self.settings.for_all_users = for_all_users;
        self
    }

    /// Whether an upgrade also replaces the same or a newer version. Not by default.
    #[must_use]
    pub fn force(mut self, force: bool) -> Self {
        self.settings.force = force;
        self
    }

    /// Whether [handlers](Self::handlers) may run for what packages need. Not by default: a package
    /// that needs one is refused then.
    #[must_use]
    pub fn allow_handlers(mut self, allow: bool) -> Self {
        self.settings.allow_handlers = allow;
        self
    }

    /// The programs that see to what packages need; by default [those of KDE](Handlers::standard).
    #[must_use]
    pub fn handlers(mut self, handlers: Handlers) -> Self {
        self.settings.handlers.handlers = handlers;
        self
    }

    /// How much an archive, or a folder, may be.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.settings.limits = limits;
        self
    }

    /// How long it waits while somebody else changes the package root. 30 seconds by default.
    #[must_use]
    pub fn lock_wait(mut self, wait: Duration) -> Self {
        self.settings.lock_wait = wait;
        self
    }

    /// Whether packages are brought to the disk before they are seen. So by default; without, a power
    /// failure may leave a package of empty files. For folders that are made anew anyway, as images of
    /// systems are.
    #[must_use]
    pub fn sync(mut self, sync: bool) -> Self {
        self.settings.sync = sync;
        self
    }

    /// What ends it.
    #[must_use]
    pub fn cancellation(mut self, cancellation: Cancellation) -> Self {
        self.settings.handlers.cancellation = cancellation;
        self
    }

    /// Calls `progress` while a package is unpacked.
    #[must_use]
    pub fn on_progress(mut self, progress: impl Fn(&Progress) + Send + Sync + 'static) -> Self {
        self.settings.progress = Arc::new(progress);
        self
    }

    /// Calls `listener` after each change that this installer or a copy of it makes, in the thread
    /// that makes it. Changes of others are noticed by a watcher.
    pub fn subscribe(&self, listener: impl Fn(&PackageEvent) + Send + Sync + 'static) {
        let mut listeners = self
            .listeners
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        listeners.push(Arc::new(listener));
    }

    /// Where types come from, and what is installed.
    #[must_use]
    pub fn loader(&self) -> &PackageLoader {
        &self.loader
    }
}

/// Operations.
impl Installer {
    /// Installs the package at `path`: a folder or an archive.
    ///
    /// # Errors
    ///
    /// A package of that id is installed, or another of the reasons that [`InstallError`] has. Nothing
    /// is changed then.
    pub fn install(&self, path: impl AsRef<Path>) -> Result<Installed, InstallError> {
        self.plan(Operation::Install, path)?.stage()?.commit()
    }

    /// Installs the package at `path`, a folder or an archive, in place of an older version. As in
    /// KPackage, that there is none is no error.
    ///
    /// Versions are compared by [`compare_versions`](crate::compare_versions).
    ///
    /// # Errors
    ///
    /// The same or a newer version is installed and it is not [forced](Self::force), the one that is
    /// installed is of another type, or another of the reasons that [`InstallError`] has. Nothing is
    /// changed then.
    pub fn upgrade(&self, path: impl AsRef<Path>) -> Result<Installed, InstallError> {
        self.plan(Operation::Upgrade, path)?.stage()?.commit()
    }

    /// Removes the package `name`, which is its id.
    ///
    /// # Errors
    ///
    /// As [`plan_removal`](Self::plan_removal) and [`Removal::commit`], but that what has the name when
    /// it comes to it is removed.
    pub fn uninstall(&self, name: &str) -> Result<Removed, InstallError> {
        self.plan_removal(name)?.remove(false)
    }

    /// Finds out what would happen if the package at `path`, a folder or an archive, were installed or
    /// upgraded. Of an archive no more is read than its metadata. Nothing is written, but that a package
    /// is put back which a killed process took away, as by a listing.
    ///
    /// # Errors
    ///
    /// The package cannot be read or has no metadata, its type is not known or nobody names one. What
    /// else may be in the way is in [`Plan::refusals`].
    pub fn plan(&self, operation: Operation, path: impl AsRef<Path>) -> Result<Plan, InstallError> {
        let open = |files| {
            let Settings { limits, .. } = &self.settings;
            Source::open(path.as_ref(), files, limits, self.loader.data_dirs())
        };
        let named = self.settings.type_name.as_ref();
        let named = named.map(|type_name| self.loader.template(type_name.as_str()));
        let mut source = open(match &named {
            Some(Ok(template)) => template.definition().metadata_files(),
            _ => MetadataFiles::Any,
        })?;
        let template = match named {
            Some(template) => template?,
            None => match &source.metadata().declared_types()[..] {
                [only] => self.loader.template(only)?,
                declared => {
                    return Err(InstallError::NoType {
                        path: source.path().to_path_buf(),
                        declared: declared.to_vec(),
                    });
                }
            },
        };
        let files = template.definition().metadata_files();
        let file = source.metadata().file().and_then(Path::file_name);
        if !files.names().iter().any(|name| file == Some(name.as_ref())) {
            // It names a type whose packages have their metadata elsewhere.
            source = open(files)?;
        }
        let roots = self.roots_of(&template)?;
        let id = source
            .metadata()
            .view()
            .id()
            .filter(|id| is_installable_id(id));
        let root = match (operation, id) {
            (Operation::Upgrade, Some(id)) => roots.of(id),
            _ => roots.first,
        };
        Ok(Plan::new(self.clone(), source, operation, template, root))
    }

    /// Finds out what would happen if the package `name` were removed. Where neither the
    /// [type](Self::type_name) is known nor the [package root](Self::package_root), it is looked for in
    /// those of all types.
    ///
    /// # Errors
    ///
    /// The name is none that a package has, as one with a separator; there is no such package in the
    /// package root, or there are several in those of all types; what is there is no package, or one
    /// of another type; the type is not known; there is no data folder.
    pub fn plan_removal(&self, name: &str) -> Result<Removal, InstallError> {
        Removal::plan(self.clone(), name)
    }

    /// What was written down when the package `id` was installed. `None` if it was installed by other
    /// means, or there is none, or `id` is none that a package can be installed under.
    ///
    /// # Errors
    ///
    /// Neither the [type](Self::type_name) nor the [package root](Self::package_root) was said, the type
    /// is not known, or there is no data folder.
    pub fn receipt(&self, id: &str) -> Result<Option<Receipt>, InstallError> {
        let roots = self.own_roots()?;
        Ok(is_installable_id(id)
            .then(|| Receipt::read(&roots.of(id), id))
            .flatten())
    }

    /// Which files are the metadata of packages of the type, if it is known.
    pub(super) fn metadata_files(&self) -> MetadataFiles {
        let type_name = self.settings.type_name.as_ref();
        let template = type_name.and_then(|it| self.loader.template(it.as_str()).ok());
        template.map_or(MetadataFiles::Any, |it| it.definition().metadata_files())
    }

    /// The package roots, where the type is known or the root itself.
    pub(super) fn own_roots(&self) -> Result<Roots, InstallError> {
        match (&self.settings.type_name, &self.settings.package_root) {
            (Some(type_name), _) => self.roots_of(&self.loader.template(type_name.as_str())?),
            (None, Some(root)) => self.places(root),
            (None, None) => Err(InstallError::NoRoot),
        }
    }

    fn roots_of(&self, template: &Package) -> Result<Roots, InstallError> {
        match &self.settings.package_root {
            Some(root) => self.places(root),
            None => self.places(&template.definition().listed_root(template.type_name())),
        }
    }

    /// Where a package root is in the data folders that are written to.
    fn places(&self, root: &Path) -> Result<Roots, InstallError> {
        // What is there has to be seen, also if somebody was killed while it was exchanged.
        let place = |root: &Path| {
            let root = crate::package::plain(root);
            transaction::restore(&root);
            root
        };
        if root.is_absolute() {
            return Ok(Roots {
                first: place(root),
                others: Vec::new(),
            });
        }
        let places = self.data_dirs();
        let mut places = places.map(|dir| place(&dir.join(root)));
        Ok(Roots {
            first: places.next().ok_or_else(|| self.no_data_dir())?,
            others: match self.settings.for_all_users {
                true => places.collect(),
                false => Vec::new(),
            },
        })
    }

    /// The data folders that may be written to, the one that packages are installed in first.
    pub(super) fn data_dirs(&self) -> impl Iterator<Item = &Path> {
        let dirs = self.loader.data_dirs();
        let for_all_users = self.settings.for_all_users;
        // Never one of the system for a user who has none: who is root would change it for all.
        dirs.iter()
            .filter(move |dir| for_all_users != (Some(*dir) == dirs.user()))
    }

    pub(super) fn no_data_dir(&self) -> InstallError {
        InstallError::NoDataDir {
            for_all_users: self.settings.for_all_users,
        }
    }

    pub(super) fn lock<'a>(&self, root: &'a Root) -> Result<LockedRoot<'a>, InstallError> {
        let begun = Instant::now();
        loop {
            self.check_cancelled()?;
            let left = self.settings.lock_wait.saturating_sub(begun.elapsed());
            match root.lock(left.min(SLICE)) {
                Err(RootError::Locked { .. }) if left > SLICE => {}
                Err(RootError::Locked { path: root, .. }) => {
                    let waited = self.settings.lock_wait;
                    return Err(InstallError::Locked { root, waited });
                }
                locked => return Ok(locked?),
            }
        }
    }

    pub(super) fn check_cancelled(&self) -> Result<(), InstallError> {
        match self.settings.handlers.cancellation.is_cancelled() {
            true => Err(InstallError::Cancelled),
            false => Ok(()),
        }
    }

    pub(super) fn tell(&self, event: &PackageEvent) {
        // Not while the lock is held: a listener may listen for more.
        let listeners = self
            .listeners
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        for listener in listeners {
            listener(event);
        }
    }
}

/// The package roots of a type: one, or those of all data folders of the system.
#[derive(Debug)]
pub(super) struct Roots {
    /// Where packages are installed.
    pub(super) first: PathBuf,
    /// Where they may lie besides.
    others: Vec<PathBuf>,
}

impl Roots {
    /// The one that has something of that name, or of whose packages one is linked under it, else the
    /// first.
    pub(super) fn of(self, name: &str) -> PathBuf {
        let has = |root: &PathBuf| {
            std::fs::symlink_metadata(root.join(name)).is_ok()
                || transaction::is_managed(root, name).unwrap_or(false)
        };
        if has(&self.first) {
            return self.first;
        }
        self.others.into_iter().find(has).unwrap_or(self.first)
    }
}
