//! A package: a folder with metadata and contents, seen through its type.

use std::borrow::Cow;
use std::error::Error as _;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::Path;
use std::sync::Arc;

use keyway_abi::KeyFilter;
use keyway_metadata::TypeName;

use super::contents::{Contents, FallbackTrouble};
use super::definition::{Definition, KeyDefinition, Kind};
use super::error::{FileError, PackageError};
use super::examination::Examination;
use super::file_url::file_url;
use super::loader::PackageLoader;
use super::locate::{Chain, Failure, MAX_FALLBACKS, Own, Site};
use super::metadata::PackageMetadata;
use super::validity::{Problem, Severity};
use crate::plugin::Structure;

/// A package of a type: what the type says about it, and, after [`set_path`](Self::set_path), the
/// folder that it lies in.
///
/// Methods have KPackage's names and give its answers. Asking changes nothing. A copy is cheap,
/// and changing one of two copies leaves the other as it is; both can be used from any thread.
#[derive(Clone)]
pub struct Package(Arc<State>);

#[derive(Clone)]
struct State {
    loader: PackageLoader,
    structure: Structure,
    own: Own,
    contents: Contents,
    /// What became of the last path, if no valid package was there.
    failed: Option<Failed>,
}

#[derive(Clone)]
struct Failed {
    contents: Option<Box<Contents>>,
    problem: Problem,
}

impl fmt::Debug for Package {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Package")
            .field("type_name", self.type_name())
            .field("path", &self.path())
            .finish_non_exhaustive()
    }
}

/// Where it is, and whether it is one.
impl Package {
    pub(super) fn new(
        loader: PackageLoader,
        structure: Structure,
        definition: Arc<Definition>,
        chain: Option<&Chain<'_>>,
    ) -> Self {
        let mut own = Own {
            definition,
            fallback: None,
            fallback_trouble: None,
        };
        if let Some((type_name, path)) = &own.definition.fallback {
            match loader.load_in_chain(type_name.as_str(), path, chain) {
                Ok(package) => own.fallback = Some(package),
                Err(error) => {
                    own.fallback_trouble = Some(FallbackTrouble {
                        code: "fallback-missing",
                        named_by: "its type",
                        why: error.to_string(),
                    });
                }
            }
        }
        let mut state = State {
            loader,
            structure,
            own,
            contents: Contents::default(),
            failed: None,
        };
        state.contents = state.site(None).fresh(None);
        Self(Arc::new(state))
    }

    /// Points the package to a folder, or, with the feature `archive`, to an archive.
    ///
    /// An absolute path is the package's own. A relative one is a name: as in KPackage 5.103 it is
    /// looked for below the type's [default root](Self::default_package_root) in the user's data
    /// folder, then in those of the system, and never in the current folder; places where no valid
    /// package lies are passed over. The empty path stands for no package.
    ///
    /// An archive is a file at an absolute path, zip or tar, plain or with gzip, bzip2, xz or zstd;
    /// its content tells, not its name. It is unpacked to a private
    /// folder, which is removed when the last copy of the package is gone; a process that is killed
    /// leaves it in the folder for temporary files. The package lies at the archive's top, or in
    /// the only folder there that has metadata. [`path`](Self::path) is that of the archive, and
    /// all else is about the folder.
    ///
    /// Each path starts from what the type's structure said in `init_package` and what the
    /// application changed with methods of this package; what the structure changed for the path
    /// before is gone.
    ///
    /// # Errors
    ///
    /// There is no such folder, or none with a valid package of the type, the archive is refused or
    /// does not hold one package, or the structure's code failed. The package then has no path; [`validate`](Self::validate) and
    /// [`examination`](Self::examination) still tell about the folder that was asked for.
    pub fn set_path(&mut self, path: impl AsRef<Path>) -> Result<(), PackageError> {
        self.set_path_in_chain(path.as_ref(), None)
    }

    /// As [`set_path`](Self::set_path), with names looked for below `package_root` instead of the
    /// type's default root: relative to each data folder, or absolute.
    ///
    /// # Errors
    ///
    /// As [`set_path`](Self::set_path).
    pub fn set_path_below(
        &mut self,
        package_root: impl AsRef<Path>,
        path: impl AsRef<Path>,
    ) -> Result<(), PackageError> {
        self.locate(Some(package_root.as_ref()), path.as_ref(), None)
    }

    pub(super) fn set_path_in_chain(
        &mut self,
        path: &Path,
        chain: Option<&Chain<'_>>,
    ) -> Result<(), PackageError> {
        self.locate(None, path, chain)
    }

    fn locate(
        &mut self,
        package_root: Option<&Path>,
        path: &Path,
        chain: Option<&Chain<'_>>,
    ) -> Result<(), PackageError> {
        let state = Arc::make_mut(&mut self.0);
        match state.site(chain).locate(package_root, path) {
            Ok(contents) => {
                state.contents = contents;
                state.failed = None;
                Ok(())
            }
            Err(Failure { error, contents }) => {
                let mut message = error.to_string();
                let mut cause = error.source();
                while let Some(error) = cause {
                    message = format!("{message}: {error}");
                    cause = error.source();
                }
                let mut problem = Problem::error(error.code(), message);
                if let Some(path) = error.path() {
                    problem = problem.at(path);
                }
                state.contents = state.site(None).fresh(None);
                state.failed = Some(Failed { contents, problem });
                Err(error)
            }
        }
    }

    /// The package's folder, or the archive that it is unpacked from: absolute, links followed, no
    /// slash at the end. `None` while there is
    /// none, also after a [`set_path`](Self::set_path) that failed.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        self.0.contents.path()
    }

    /// The package's type.
    #[must_use]
    pub fn type_name(&self) -> &TypeName {
        self.0.structure.type_name()
    }

    /// The type's structure.
    #[must_use]
    pub fn structure(&self) -> &Structure {
        &self.0.structure
    }

    /// What packages of its kind are located with.
    pub(super) fn site(&self) -> Site<'_> {
        self.0.site(None)
    }

    /// A package as this one, with contents that were located elsewhere.
    pub(super) fn with_contents(&self, contents: Contents) -> Self {
        let mut package = self.clone();
        let state = Arc::make_mut(&mut package.0);
        state.contents = contents;
        state.failed = None;
        package
    }

    /// The loader that it is from.
    pub(crate) fn loader(&self) -> &PackageLoader {
        &self.0.loader
    }

    /// All that its answers come from.
    pub(super) fn contents(&self) -> &Contents {
        &self.0.contents
    }

    /// Whether the package has a structure: always, since there is no package without. Here
    /// because KPackage has it.
    #[must_use]
    pub fn has_valid_structure(&self) -> bool {
        true
    }

    /// Whether it is valid as KPackage 5.103 means it: it has a path, its metadata do not have
    /// `isHidden`, and every required key leads to something, be it in the fallback package.
    ///
    /// It is looked at anew each time, except that files which were found before are not looked
    /// for again.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        self.0.contents.is_valid()
    }

    /// Everything about the package that is not as it should be, errors first. There are errors if
    /// and only if [`is_valid`](Self::is_valid) says no. After a [`set_path`](Self::set_path) that
    /// failed it is about the folder that was asked for.
    #[must_use]
    pub fn validate(&self) -> Vec<Problem> {
        let dirs = self.loader().data_dirs();
        let Some(failed) = &self.0.failed else {
            return self.0.contents.problems(self.type_name(), dirs);
        };
        let Some(contents) = &failed.contents else {
            return vec![failed.problem.clone()];
        };
        let mut problems = contents.problems(self.type_name(), dirs);
        let is_mended = !problems
            .iter()
            .any(|problem| problem.severity() == Severity::Error);
        if is_mended {
            let message = "the package was not valid when its path was set, and now it is";
            problems.insert(0, Problem::error("path-not-set", message));
        }
        problems
    }

    /// What there is to see in the folder that was asked for last, valid or not; `None` if there
    /// is no such folder.
    #[must_use]
    pub fn examination(&self) -> Option<Examination<'_>> {
        let contents = match &self.0.failed {
            Some(failed) => failed.contents.as_deref()?,
            None => &self.0.contents,
        };
        Examination::new(contents)
    }

    /// The package's metadata: those of its file, or those that were set. `None` if there are
    /// none, if they cannot be read, and while the package has no path.
    #[must_use]
    pub fn metadata(&self) -> Option<&PackageMetadata> {
        self.0.contents.metadata.as_deref()
    }

    /// Replaces the metadata, until the next path.
    pub fn set_metadata(&mut self, metadata: impl Into<PackageMetadata>) {
        Arc::make_mut(&mut self.0).contents.metadata = Some(Arc::new(metadata.into()));
    }
}

/// Files.
impl Package {
    /// The path of the file `file_name` below `key`; an empty name stands for `key` itself, an
    /// empty key for the contents as a whole.
    ///
    /// For each contents prefix, for each path of the key, the first that is there; else what the
    /// [fallback package](Self::fallback_package) has, unless the key is `metadata`. Folders count
    /// too. Never anything outside the package, unless its type allows that: names with `..`,
    /// absolute names, and links that lead outside are passed over. `None` if there is nothing;
    /// [`find_file`](Self::find_file) says why.
    ///
    /// A file that was found once is not looked for again until something about the package
    /// changes, so one that is deleted meanwhile may still be answered. Its path is lent out then:
    /// no lock, no copy, in any number of threads at once. Who wants to read it calls
    /// [`open`](Self::open): what a path leads to can be another file by the time it is opened.
    #[must_use]
    pub fn file_path(&self, key: &str, file_name: impl AsRef<OsStr>) -> Option<Cow<'_, Path>> {
        self.find_file(key, file_name).ok()
    }

    /// The path of `key` itself: [`file_path`](Self::file_path) with no file name.
    #[must_use]
    pub fn key_path(&self, key: &str) -> Option<Cow<'_, Path>> {
        self.file_path(key, "")
    }

    /// As [`file_path`](Self::file_path), and says why there is none.
    ///
    /// # Errors
    ///
    /// The package has no path, the key is not defined, the name is refused, what is there lies
    /// outside or must not be looked at, or nothing is there: then every path that was tried.
    pub fn find_file(
        &self,
        key: &str,
        file_name: impl AsRef<OsStr>,
    ) -> Result<Cow<'_, Path>, FileError> {
        self.0.contents.find(key, file_name.as_ref())
    }

    /// The `file:` URL of what [`file_path`](Self::file_path) gives.
    #[must_use]
    pub fn file_url(&self, key: &str, file_name: impl AsRef<OsStr>) -> Option<String> {
        self.file_path(key, file_name).map(|path| file_url(&path))
    }

    /// The names of the files below the directory `key`: no folders, nothing hidden or unreadable,
    /// and nothing that lies outside the package unless its type allows that. Ordered as KPackage
    /// 5.103 orders them (lower case, by UTF-16 units), below each contents prefix and path of the
    /// key in turn; what lies below two of them is there twice. For a file key the paths of all
    /// its files that are there. The fallback package is not asked.
    #[must_use]
    pub fn entry_list(&self, key: &str) -> Vec<OsString> {
        self.0.contents.entries(key)
    }

    /// The package that is asked when this one does not have a file.
    #[must_use]
    pub fn fallback_package(&self) -> Option<&Package> {
        self.0.contents.fallback.as_ref()
    }

    /// Sets or takes away the package that is asked when this one does not have a file. It is
    /// asked only while it is valid.
    ///
    /// # Errors
    ///
    /// `fallback` has this package as its own fallback, directly or by way of others. Nothing is
    /// changed then.
    pub fn set_fallback_package(&mut self, fallback: Option<Package>) -> Result<(), PackageError> {
        let chain = std::iter::successors(fallback.as_ref(), |package| package.fallback_package());
        for (depth, package) in chain.enumerate() {
            let path = package.path().map(Path::to_path_buf);
            if path.is_some()
                && package.path() == self.path()
                && package.type_name() == self.type_name()
            {
                return Err(PackageError::FallbackCycle {
                    type_name: package.type_name().clone(),
                    path: path.unwrap_or_default(),
                });
            }
            if depth >= MAX_FALLBACKS {
                return Err(PackageError::FallbackTooDeep {
                    type_name: package.type_name().clone(),
                    path: path.unwrap_or_default(),
                    limit: MAX_FALLBACKS,
                });
            }
        }
        let state = Arc::make_mut(&mut self.0);
        state.own.fallback.clone_from(&fallback);
        state.own.fallback_trouble = None;
        for contents in state.all_contents() {
            contents.fallback.clone_from(&fallback);
            contents.fallback_trouble = None;
        }
        Ok(())
    }
}

/// What packages of the type look like.
impl Package {
    /// All of it, as it is for the present path.
    #[must_use]
    pub fn definition(&self) -> &Definition {
        &self.0.contents.definition
    }

    /// All keys with what they stand for, ordered by key.
    pub fn definitions(&self) -> impl Iterator<Item = (&str, &KeyDefinition)> {
        self.definition().keys()
    }

    /// The keys that stand for directories.
    #[must_use]
    pub fn directories(&self) -> Vec<&str> {
        self.definition().keys_of(KeyFilter::Directories).collect()
    }

    /// The keys of the directories without which a package is invalid.
    #[must_use]
    pub fn required_directories(&self) -> Vec<&str> {
        let keys = self.definition().keys_of(KeyFilter::RequiredDirectories);
        keys.collect()
    }

    /// The keys that stand for files.
    #[must_use]
    pub fn files(&self) -> Vec<&str> {
        self.definition().keys_of(KeyFilter::Files).collect()
    }

    /// The keys of the files without which a package is invalid.
    #[must_use]
    pub fn required_files(&self) -> Vec<&str> {
        self.definition()
            .keys_of(KeyFilter::RequiredFiles)
            .collect()
    }

    /// Whether a package without `key` is invalid.
    #[must_use]
    pub fn is_required(&self, key: &str) -> bool {
        self.definition().is_required(key)
    }

    /// The MIME types of `key`, its own or else the default ones; none if it is not defined.
    #[must_use]
    pub fn mime_types(&self, key: &str) -> &[String] {
        self.definition().mime_types(key)
    }

    /// The prefixes below which contents are looked for, in order.
    #[must_use]
    pub fn contents_prefix_paths(&self) -> &[String] {
        self.definition().contents_prefix_paths()
    }

    /// Where packages of the type lie, relative to the XDG data folders; ends with `/`.
    #[must_use]
    pub fn default_package_root(&self) -> Option<&str> {
        self.definition().default_package_root()
    }

    /// Whether files outside the package may be reached.
    #[must_use]
    pub fn allow_external_paths(&self) -> bool {
        self.definition().allow_external_paths()
    }
}

/// Changing what this package, and no other of its type, looks like. It holds for the present path
/// and for those that are set later.
impl Package {
    /// Defines the directory `key`, or gives it one more path, which is tried last. `path` is
    /// relative to the contents prefixes; `name` is what people see.
    pub fn add_directory_definition(&mut self, key: &str, path: &str, name: &str) {
        self.define(|definition| definition.add(Kind::Directory, key, path, name));
    }

    /// Defines the file `key`, or gives it one more path, which is tried last.
    pub fn add_file_definition(&mut self, key: &str, path: &str, name: &str) {
        self.define(|definition| definition.add(Kind::File, key, path, name));
    }

    /// Removes the definition of `key` with all its paths.
    pub fn remove_definition(&mut self, key: &str) {
        self.define(|definition| definition.remove(key));
    }

    /// Says whether the package is invalid without `key`. A key that is not defined stays so.
    pub fn set_required(&mut self, key: &str, required: bool) {
        self.define(|definition| definition.set_required(key, required));
    }

    /// Sets the MIME types of `key`. A key that is not defined stays so.
    pub fn set_mime_types(&mut self, key: &str, mime_types: &[&str]) {
        self.define(|definition| definition.set_mime_types(key, mime_types));
    }

    /// Sets the MIME types of those keys that have none of their own.
    pub fn set_default_mime_types(&mut self, mime_types: &[&str]) {
        self.define(|definition| definition.set_default_mime_types(mime_types));
    }

    /// Sets the prefixes below which contents are looked for; none means the package's own folder.
    pub fn set_contents_prefix_paths(&mut self, prefixes: &[&str]) {
        self.define(|definition| definition.set_prefixes(prefixes));
    }

    /// Says whether files outside the package may be reached.
    pub fn set_allow_external_paths(&mut self, allow: bool) {
        self.define(|definition| definition.set_external(allow));
    }

    /// Sets where packages of this type lie, relative to the XDG data folders or absolute.
    pub fn set_default_package_root(&mut self, root: &str) {
        self.define(|definition| definition.set_default_root(root));
    }

    fn define(&mut self, change: impl Fn(&mut Definition)) {
        let state = Arc::make_mut(&mut self.0);
        change(Arc::make_mut(&mut state.own.definition));
        for contents in state.all_contents() {
            contents.define(&change);
        }
    }
}

impl State {
    fn site<'a>(&'a self, chain: Option<&'a Chain<'a>>) -> Site<'a> {
        Site {
            loader: &self.loader,
            structure: &self.structure,
            own: &self.own,
            chain,
        }
    }

    fn all_contents(&mut self) -> impl Iterator<Item = &mut Contents> {
        let failed = self.failed.as_mut();
        std::iter::once(&mut self.contents)
            .chain(failed.and_then(|failed| failed.contents.as_deref_mut()))
    }
}
