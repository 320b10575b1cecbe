//! Packages of a type.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use keyway_metadata::TypeName;

use super::error::WatchError;
use super::worker::{Listener, Look, Worker, tell};
use crate::package::{Change, ListedPackage, PackageEvent, PackageLoader};
use crate::plugin::FileIdentity;

/// Tells what happens to the installed packages of a type, until it is dropped.
///
/// # Examples
///
/// ```no_run
/// use keyway::PackageLoader;
/// use keyway::watch::PackageWatcher;
///
/// let loader = PackageLoader::new(Default::default());
/// let watcher = PackageWatcher::new(&loader, "Plasma/Applet", None, |event| {
///     println!("{:?} {} {}", event.change, event.id, event.path.display());
/// })?;
/// # drop(watcher);
/// # Ok::<(), keyway::watch::WatchError>(())
/// ```
pub struct PackageWatcher {
    _worker: Worker,
}

impl std::fmt::Debug for PackageWatcher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PackageWatcher").finish_non_exhaustive()
    }
}

impl PackageWatcher {
    /// Calls `listener`, in a thread of its own, whenever the packages are other ones than before that
    /// [`PackageLoader::list_packages`] gives with these arguments. What happens after this returns is
    /// told, usually within a tenth of a second.
    ///
    /// A package of the user that comes before one of the system with its id is a change of that
    /// package, as the other way round: of each id there is one.
    ///
    /// If `listener` panics, that is logged as an error, and it is called for the next event.
    ///
    /// # Errors
    ///
    /// The type is not known, or the system cannot tell about changes.
    pub fn new(
        loader: &PackageLoader,
        type_name: &str,
        package_root: Option<&Path>,
        listener: impl FnMut(PackageEvent) + Send + 'static,
    ) -> Result<Self, WatchError> {
        let template = loader.template(type_name)?;
        let root = package_root.filter(|root| !root.as_os_str().is_empty());
        let listed = match root {
            Some(root) => root.to_path_buf(),
            None => template.definition().listed_root(template.type_name()),
        };
        let packages = Packages {
            loader: loader.clone(),
            type_name: template.type_name().clone(),
            package_root: root.map(Path::to_path_buf),
            roots: loader.data_dirs().places(&listed),
            known: None,
            listener: Box::new(listener),
        };
        Ok(Self {
            _worker: Worker::start(packages)?,
        })
    }
}

struct Packages {
    loader: PackageLoader,
    type_name: TypeName,
    package_root: Option<PathBuf>,
    roots: Vec<PathBuf>,
    /// `None` before the first look.
    known: Option<BTreeMap<String, Known>>,
    listener: Listener<PackageEvent>,
}

/// What tells a package from another one of its id.
#[derive(Clone, Debug, PartialEq)]
struct Known {
    path: PathBuf,
    folder: FileIdentity,
    metadata: Option<FileIdentity>,
}

impl Known {
    /// `None` if it is gone already.
    fn of(package: &ListedPackage) -> Option<Self> {
        let identity = |path: &Path| Some(FileIdentity::of(&std::fs::metadata(path).ok()?));
        let metadata = package.metadata().file();
        Some(Self {
            path: package.path().to_path_buf(),
            folder: identity(package.path())?,
            metadata: match metadata {
                Some(file) => Some(identity(file)?),
                None => None,
            },
        })
    }
}

impl Look for Packages {
    fn folders(&self) -> Vec<PathBuf> {
        let mut folders: BTreeSet<PathBuf> = self.roots.iter().cloned().collect();
        for known in self.known.iter().flat_map(BTreeMap::values) {
            // With those between the root and a package that lies deeper.
            let above = known.path.ancestors();
            let above = above.take_while(|path| !self.roots.iter().any(|root| root == path));
            folders.extend(above.map(Path::to_path_buf));
        }
        folders.into_iter().collect()
    }

    fn look(&mut self) {
        let root = self.package_root.as_deref();
        let listed = self.loader.list_packages(self.type_name.as_str(), root);
        let listed = match listed {
            Ok(listed) => listed,
            Err(error) => {
                tracing::warn!(r#type = %self.type_name, %error, "packages cannot be listed");
                return;
            }
        };
        let now = listed.iter();
        let now = now.filter_map(|it| Some((it.id().to_owned(), Known::of(it)?)));
        let now: BTreeMap<String, Known> = now.collect();
        // What goes away while it is looked at is a reason to look again, which is on its way.
        if now.len() < listed.len() && self.known.is_some() {
            return;
        }
        if let Some(before) = self.known.replace(now) {
            self.tell(&before);
        }
    }
}

impl Packages {
    fn tell(&mut self, before: &BTreeMap<String, Known>) {
        let Some(now) = &self.known else { return };
        let event =
            |change, id: &str, it: &Known| PackageEvent::new(change, &self.type_name, id, &it.path);
        let mut events = Vec::new();
        for (id, it) in before {
            if !now.contains_key(id) {
                events.push(event(Change::Removed, id, it));
            }
        }
        for (id, it) in now {
            match before.get(id) {
                None => events.push(event(Change::Added, id, it)),
                Some(known) if known != it => events.push(event(Change::Changed, id, it)),
                Some(_) => {}
            }
        }
        for event in events {
            tell(&mut self.listener, event);
        }
    }
}
