//! From type names to packages.

use std::collections::HashSet;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use keyway_metadata::TypeName;
use keyway_plugin::PackageStructure;

use super::contents::Contents;
use super::definition::Definition;
use super::edit::Draft;
use super::error::{LoadError, PackageError};
use super::listing::{ListedPackage, Listing};
use super::locate::Chain;
use super::metadata::PackageMetadata;
use super::package::Package;
use super::search::DataDirs;
use crate::plugin::{Registry, Structure};
use crate::single_flight::{Cycle, SingleFlight};

/// Gives packages of types that a [`Registry`] knows.
///
/// A structure's `init_package` runs once for each type, when the type is first asked for, in
/// whichever thread asks first. Cheap to clone; copies share what was learned.
#[derive(Clone)]
pub struct PackageLoader(Arc<Inner>);

struct Inner {
    registry: Registry,
    data_dirs: DataDirs,
    types: SingleFlight<TypeName, Described>,
    /// After a refresh: the roots that were listed since.
    listed: Mutex<Option<HashSet<PathBuf>>>,
}

/// A type, and what its packages look like.
#[derive(Clone)]
struct Described {
    structure: Structure,
    definition: Arc<Definition>,
}

impl fmt::Debug for PackageLoader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PackageLoader")
            .field("data_dirs", &self.0.data_dirs)
            .finish_non_exhaustive()
    }
}

impl PackageLoader {
    /// A loader for the types of `registry`, with the data folders of the environment.
    #[must_use]
    pub fn new(registry: Registry) -> Self {
        Self::with_data_dirs(registry, DataDirs::from_env())
    }

    /// A loader for the types of `registry` that looks for packages in `data_dirs`.
    #[must_use]
    pub fn with_data_dirs(registry: Registry, data_dirs: DataDirs) -> Self {
        Self(Arc::new(Inner {
            registry,
            data_dirs,
            types: SingleFlight::default(),
            listed: Mutex::default(),
        }))
    }

    /// Where types come from.
    #[must_use]
    pub fn registry(&self) -> &Registry {
        &self.0.registry
    }

    /// Where packages are looked for.
    #[must_use]
    pub fn data_dirs(&self) -> &DataDirs {
        &self.0.data_dirs
    }

    /// A package of the type, without a path, unless the type's structure says which package is
    /// meant when nobody names one. If that one is not there, the package has no path, and
    /// [`Package::validate`] says why.
    ///
    /// # Errors
    ///
    /// The type is not known, its plugin was refused, or its code failed.
    pub fn load_package(&self, type_name: &str) -> Result<Package, LoadError> {
        let mut package = self.package_in_chain(type_name, None)?;
        let first_path = package.definition().first_path.clone();
        if let Some(path) = first_path
            && let Err(PackageError::Fault(fault)) = package.set_path(path)
        {
            return Err(fault.into());
        }
        Ok(package)
    }

    /// The package `path` of the type, by path or by name: see [`Package::set_path`].
    ///
    /// # Errors
    ///
    /// As [`load_package`](Self::load_package), and when there is no such package or it is not
    /// valid. To look at a package that is not valid, use [`load_package`](Self::load_package) and
    /// [`Package::set_path`].
    pub fn load_package_at(
        &self,
        type_name: &str,
        path: impl AsRef<Path>,
    ) -> Result<Package, LoadError> {
        self.load_in_chain(type_name, path.as_ref(), None)
    }

    /// As [`load_package_at`](Self::load_package_at), as the fallback of those in `chain`.
    pub(super) fn load_in_chain(
        &self,
        type_name: &str,
        path: &Path,
        chain: Option<&Chain<'_>>,
    ) -> Result<Package, LoadError> {
        let mut package = self.package_in_chain(type_name, chain)?;
        package.set_path_in_chain(path, chain)?;
        Ok(package)
    }

    fn package_in_chain(
        &self,
        type_name: &str,
        chain: Option<&Chain<'_>>,
    ) -> Result<Package, LoadError> {
        let Described {
            structure,
            definition,
        } = self.described(&type_name.parse()?)?;
        Ok(Package::new(self.clone(), structure, definition, chain))
    }

    /// The structure of the type.
    ///
    /// # Errors
    ///
    /// The type is not known, or its plugin was refused.
    pub fn load_package_structure(&self, type_name: &str) -> Result<Structure, LoadError> {
        Ok(self.0.registry.structure(&type_name.parse()?)?)
    }

    /// Registers a structure of the application's own. It counts before any plugin.
    ///
    /// # Errors
    ///
    /// `type_name` is not a type name.
    pub fn add_known_package_structure(
        &self,
        type_name: &str,
        structure: impl PackageStructure,
    ) -> Result<(), LoadError> {
        let type_name = type_name.parse()?;
        self.0.registry.add_known(type_name, Arc::new(structure));
        self.0.types.clear();
        Ok(())
    }

    /// The installed packages of the type, ordered by id.
    ///
    /// They are looked for in `package_root`, or in the type's own root (without one, in a folder
    /// named after the type): relative to each data folder, or absolute. As in KPackage 5.103,
    /// folders are walked to any depth, except hidden ones and links; a package is of the type if
    /// its metadata say so; of several with one id the first data folder's counts, whether it is
    /// valid or not. Different from there: packages whose metadata name no type are listed for
    /// whoever looks in their root, and marked; inside one data folder who says its type comes
    /// before who does not, and then the first in the order of names counts.
    ///
    /// Each metadata file is read once at most. Of roots with many packages it is kept in the
    /// registry's [cache folder](crate::plugin::RegistryBuilder::cache_dir) what was found; the
    /// next time, also in another process, only what has changed is read. Whatever changes in
    /// files and folders is noticed, by their inodes, sizes and times.
    ///
    /// # Errors
    ///
    /// As [`load_package`](Self::load_package). What cannot be read is left out and logged.
    pub fn list_packages(
        &self,
        type_name: &str,
        package_root: Option<&Path>,
    ) -> Result<Vec<ListedPackage>, LoadError> {
        self.listing(type_name)
            .package_root(package_root)
            .packages()
    }

    /// Those of [`list_packages`](Self::list_packages) whose metadata `filter` takes.
    ///
    /// # Errors
    ///
    /// As [`list_packages`](Self::list_packages).
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # let loader = keyway::PackageLoader::new(Default::default());
    /// let clocks = loader.find_packages("Plasma/Applet", None, |metadata| {
    ///     metadata.view().category() == Some("Date and Time")
    /// })?;
    /// # Ok::<(), keyway::package::LoadError>(())
    /// ```
    pub fn find_packages(
        &self,
        type_name: &str,
        package_root: Option<&Path>,
        filter: impl FnMut(&PackageMetadata) -> bool,
    ) -> Result<Vec<ListedPackage>, LoadError> {
        self.listing(type_name)
            .package_root(package_root)
            .find(filter)
    }

    /// Those of [`list_packages`](Self::list_packages) that are valid, in full: what KPackage 6
    /// calls `listKPackages`.
    ///
    /// # Errors
    ///
    /// As [`list_packages`](Self::list_packages).
    pub fn load_packages(
        &self,
        type_name: &str,
        package_root: Option<&Path>,
    ) -> Result<Vec<Package>, LoadError> {
        self.listing(type_name).package_root(package_root).load()
    }

    /// A listing that tells how far it is, or finds out which packages are valid; nothing happens
    /// before it is asked for them.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # let loader = keyway::PackageLoader::new(Default::default());
    /// let listing = loader.listing("Plasma/Applet").with_validity();
    /// for package in listing.on_progress(|it| println!("{}", it.found)).packages()? {
    ///     println!("{} {}", package.id(), package.is_valid());
    /// }
    /// # Ok::<(), keyway::package::LoadError>(())
    /// ```
    pub fn listing<'a>(&'a self, type_name: &'a str) -> Listing<'a> {
        Listing::new(self, type_name)
    }

    /// A package of the type without a path.
    pub(crate) fn template(&self, type_name: &str) -> Result<Package, LoadError> {
        self.package_in_chain(type_name, None)
    }

    /// Whether what is kept on disk of a root may be used for a listing that is made now.
    pub(super) fn may_use_kept(&self, root: &Path) -> bool {
        let mut listed = self.0.listed.lock().unwrap_or_else(PoisonError::into_inner);
        match &mut *listed {
            None => true,
            Some(since) => !since.insert(root.to_path_buf()),
        }
    }

    /// Forgets what types look like, what lies in the plugin folders, and what is kept of listings:
    /// each type is resolved and asked again when it is needed, and the next listing of each root
    /// reads everything. Packages that exist stay as they are.
    pub fn refresh(&self) {
        self.0.registry.refresh();
        self.0.types.clear();
        let mut listed = self.0.listed.lock().unwrap_or_else(PoisonError::into_inner);
        *listed = Some(HashSet::new());
    }

    fn described(&self, type_name: &TypeName) -> Result<Described, LoadError> {
        self.0
            .types
            .get_or_make(type_name, || self.describe(type_name))
            .unwrap_or_else(|Cycle| {
                Err(LoadError::Cycle {
                    type_name: type_name.clone(),
                })
            })
    }

    fn describe(&self, type_name: &TypeName) -> Result<Described, LoadError> {
        let structure = self.0.registry.structure(type_name)?;
        let mut contents = Contents::default();
        structure.init_package(&mut Draft::of_type(self, &mut contents))?;
        contents.define(Definition::add_metadata_key);
        Ok(Described {
            structure,
            definition: contents.definition,
        })
    }
}
