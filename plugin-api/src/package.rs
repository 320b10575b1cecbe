//! The package that a structure's methods are handed.

use std::marker::PhantomData;
use std::path::{Path, PathBuf};

use keyway_abi::{KeyFilter, PackageAccess, PackageError, status};

use crate::Error;

/// A package while a structure describes it: what packages of the type look like, and what is
/// known of the one at hand.
///
/// It is valid for the call that it is handed to, on that call's thread. The names and meanings
/// are those of KPackage's `Package`.
pub struct Package<'call> {
    access: &'call mut dyn PackageAccess,
    this_thread_only: PhantomData<*mut ()>,
}

impl std::fmt::Debug for Package<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Package")
            .field("path", &self.path())
            .finish_non_exhaustive()
    }
}

impl<'call> Package<'call> {
    /// Makes the package that a structure's methods take; for hosts.
    #[doc(hidden)]
    #[must_use]
    pub fn new(access: &'call mut dyn PackageAccess) -> Self {
        Self {
            access,
            this_thread_only: PhantomData,
        }
    }
}

/// What packages of the type look like.
impl Package<'_> {
    /// Defines the directory `key`, or gives it one more path.
    ///
    /// `path` is relative to the contents prefix, in UTF-8 with `/`; `name` is what people see.
    /// Paths of one key are tried in order of addition.
    pub fn add_directory_definition(&mut self, key: &str, path: &str, name: &str) {
        self.access.add_directory_definition(key, path, name);
    }

    /// Defines the file `key`, or gives it one more path, as
    /// [`add_directory_definition`](Self::add_directory_definition) does for directories.
    ///
    /// Behind what is said of the key `metadata` in `init_package` the host puts `metadata.json` and
    /// `metadata.desktop`, as KPackage does. Only where it is `package.toml` and nothing else, the
    /// metadata of packages of this type are in that file, which is that of 3bot packages.
    pub fn add_file_definition(&mut self, key: &str, path: &str, name: &str) {
        self.access.add_file_definition(key, path, name);
    }

    /// Removes the definition of `key` with all its paths.
    pub fn remove_definition(&mut self, key: &str) {
        self.access.remove_definition(key);
    }

    /// Says whether a package without `key` is invalid. A key that is not defined stays so.
    pub fn set_required(&mut self, key: &str, required: bool) {
        self.access.set_required(key, required);
    }

    /// Sets the MIME types of `key`. A key that is not defined stays so.
    pub fn set_mime_types(&mut self, key: &str, mime_types: &[&str]) {
        self.access.set_mime_types(key, mime_types);
    }

    /// Sets the MIME types of those keys that have none of their own.
    pub fn set_default_mime_types(&mut self, mime_types: &[&str]) {
        self.access.set_default_mime_types(mime_types);
    }

    /// Sets the prefixes below which contents are looked for, in order. The default is
    /// `["contents/"]`; `[""]` or an empty list means the package's own folder.
    pub fn set_contents_prefix_paths(&mut self, prefixes: &[&str]) {
        self.access.set_contents_prefix_paths(prefixes);
    }

    /// Sets where packages of this type lie, relative to the XDG data folders, as
    /// `myapp/packages/`.
    pub fn set_default_package_root(&mut self, root: &str) {
        self.access.set_default_package_root(root);
    }

    /// Says whether files outside the package may be reached, by `..` or links.
    /// The default is no.
    pub fn set_allow_external_paths(&mut self, allow: bool) {
        self.access.set_allow_external_paths(allow);
    }

    /// The prefixes below which contents are looked for, in order.
    #[must_use]
    pub fn contents_prefix_paths(&self) -> Vec<String> {
        self.access.contents_prefix_paths()
    }

    /// Where packages of this type lie, relative to the XDG data folders.
    #[must_use]
    pub fn default_package_root(&self) -> Option<String> {
        self.access.default_package_root()
    }

    /// Whether files outside the package may be reached.
    #[must_use]
    pub fn allow_external_paths(&self) -> bool {
        self.access.allow_external_paths()
    }

    /// The keys that are defined as directories.
    #[must_use]
    pub fn directories(&self) -> Vec<String> {
        self.access.keys(KeyFilter::Directories)
    }

    /// The keys of the directories that a package must have.
    #[must_use]
    pub fn required_directories(&self) -> Vec<String> {
        self.access.keys(KeyFilter::RequiredDirectories)
    }

    /// The keys that are defined as files.
    #[must_use]
    pub fn files(&self) -> Vec<String> {
        self.access.keys(KeyFilter::Files)
    }

    /// The keys of the files that a package must have.
    #[must_use]
    pub fn required_files(&self) -> Vec<String> {
        self.access.keys(KeyFilter::RequiredFiles)
    }

    /// The paths that `key` is defined with, in order of addition.
    #[must_use]
    pub fn definition_paths(&self, key: &str) -> Vec<String> {
        self.access.definition_paths(key)
    }

    /// The name of `key` that people see, if it is defined.
    #[must_use]
    pub fn definition_name(&self, key: &str) -> Option<String> {
        self.access.definition_name(key)
    }

    /// Whether a package without `key` is invalid.
    #[must_use]
    pub fn is_required(&self, key: &str) -> bool {
        self.access.is_required(key)
    }

    /// The MIME types of `key`: its own or the default ones.
    #[must_use]
    pub fn mime_types(&self, key: &str) -> Vec<String> {
        self.access.mime_types(key)
    }
}

/// The package at hand.
impl Package<'_> {
    /// The package's folder or archive, absolute; `None` while there is none. In
    /// [`path_changed`](crate::PackageStructure::path_changed) it may be another file; that is no
    /// package unless the structure [sets](Self::set_path) a folder instead.
    #[must_use]
    pub fn path(&self) -> Option<PathBuf> {
        self.access.path()
    }

    /// Whether there is a package and it has everything that is required.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        self.access.is_valid()
    }

    /// The package's metadata: one JSON document in KDE's form.
    #[must_use]
    pub fn metadata(&self) -> Option<String> {
        self.access.metadata()
    }

    /// One value of the metadata as text, as KPluginMetaData's `value` gives it: a text as it is,
    /// a list joined with `,`. `KPlugin.X` stands for `X` in `KPlugin`, and `KPlugin.Id` for the
    /// package's id: where the metadata name none, their file's name without ending.
    #[must_use]
    pub fn metadata_value(&self, key: &str) -> Option<String> {
        self.access.metadata_value(key)
    }

    /// The path of the file `file_name` below `key`, or of `key` itself if `file_name` is empty;
    /// `None` if there is none or it lies outside the package.
    #[must_use]
    pub fn file_path(&self, key: &str, file_name: &str) -> Option<PathBuf> {
        self.access.file_path(key, file_name)
    }

    /// The names of the files below the directory `key`.
    #[must_use]
    pub fn entry_list(&self, key: &str) -> Vec<PathBuf> {
        self.access.entry_list(key)
    }

    /// The path of the package that is asked when this one has no such file.
    #[must_use]
    pub fn fallback_package(&self) -> Option<PathBuf> {
        self.access.fallback_package()
    }

    /// Points the package to another folder or archive. In
    /// [`init_package`](crate::PackageStructure::init_package): what a package of this type is
    /// when nobody names one. In [`path_changed`](crate::PackageStructure::path_changed): what was
    /// said of this package before is forgotten, what is said after this counts, and the method is
    /// called again for the new path afterwards.
    ///
    /// # Errors
    ///
    /// When there is no such folder or archive.
    pub fn set_path(&mut self, path: &Path) -> Result<(), Error> {
        Ok(self.access.set_path(path)?)
    }

    /// Replaces the package's metadata by `json`, a document in KDE's form.
    ///
    /// # Errors
    ///
    /// When `json` is no JSON object.
    pub fn set_metadata(&mut self, json: &str) -> Result<(), Error> {
        Ok(self.access.set_metadata(json)?)
    }

    /// Sets the package that is asked when this one has no such file: the package `path` of type
    /// `type_name`, by name or by path.
    ///
    /// # Errors
    ///
    /// When there is no such type or package, or the type is the one that is just being
    /// initialised.
    pub fn set_fallback_package(&mut self, type_name: &str, path: &Path) -> Result<(), Error> {
        Ok(self.access.set_fallback_package(type_name, path)?)
    }

    /// Takes the fallback package away.
    pub fn clear_fallback_package(&mut self) {
        self.access.clear_fallback_package();
    }
}

/// Whether `error`, of [`Package::set_fallback_package`], says that a type asked for itself.
#[must_use]
pub fn is_cycle(error: &(dyn std::error::Error + 'static)) -> bool {
    error
        .downcast_ref::<PackageError>()
        .is_some_and(|error| error.status == status::CYCLE)
}
