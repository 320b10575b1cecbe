//! What the operations share: which type is meant, which package, where packages lie.

use std::cell::OnceCell;
use std::env;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Component, Path, PathBuf};

use keyway::PackageLoader;
use keyway::package::{DataDirs, LoadError, Package};

use super::options::Options;
use crate::failure::Failure;
use crate::host;

/// The real tool's exit codes.
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(u8)]
pub(super) enum Code {
    Done = 0,
    /// Wrong usage, and what no other code is for.
    Failed = 1,
    /// What is to be upgraded or removed is not installed.
    NotThere = 2,
    /// There is no such package, or nothing can be read of it.
    NoPackage = 3,
    /// A package was not installed or upgraded.
    NotInstalled = 4,
    /// No plugin gives the type.
    NoType = 5,
    /// Nothing was said about what to do.
    NoOperation = 6,
    /// Options contradict each other, or a package was not removed.
    Conflict = 7,
    /// The package has no hash.
    NoHash = 9,
    /// The metadata have no name or no description.
    NoDescription = 10,
}

/// Why there is no answer, and the exit code for it.
#[derive(Debug)]
pub(super) struct Refused {
    pub(super) code: Code,
    pub(super) failure: Failure,
}

impl<F: Into<Failure>> From<F> for Refused {
    fn from(failure: F) -> Self {
        Code::Failed.because(failure)
    }
}

impl Code {
    pub(super) fn because(self, failure: impl Into<Failure>) -> Refused {
        Refused {
            code: self,
            failure: failure.into(),
        }
    }
}

/// The type where neither an option nor metadata name one.
const DEFAULT_TYPE: &str = "KPackage/Generic";

pub(super) struct Tool {
    pub(super) options: Options,
    pub(super) loader: PackageLoader,
    /// The package that is named, from the current folder.
    file: PathBuf,
    type_name: OnceCell<OsString>,
}

impl Tool {
    pub(super) fn new(options: Options) -> Result<Self, Refused> {
        let loader = PackageLoader::with_data_dirs(host::registry(), DataDirs::from_env());
        loader.add_known_package_structure(host::PLAIN, host::Plain)?;
        // Absolute paths can be used in a folder that is gone.
        let current = env::current_dir().unwrap_or_default();
        Ok(Self {
            file: current.join(options.package()),
            options,
            loader,
            type_name: OnceCell::new(),
        })
    }

    /// The name of the type that is meant, which need not be one: that of the option, else the one
    /// in the metadata of the package that is named, which is the current folder if none is.
    pub(super) fn type_name(&self) -> &OsStr {
        self.type_name.get_or_init(|| {
            let given = self.options.type_name.as_ref();
            // The one word that is no type name and counts as none.
            let given_type = given.filter(|name| !name.eq_ignore_ascii_case("wallpaper"));
            let in_metadata = || type_in_metadata(&self.loader, &self.file).map(OsString::from);
            let type_name = given_type.cloned().or_else(in_metadata);
            let type_name = type_name.or_else(|| given.cloned());
            type_name.unwrap_or_else(|| DEFAULT_TYPE.into())
        })
    }

    /// What is named, from the current folder.
    pub(super) fn file(&self) -> &Path {
        &self.file
    }

    /// The same as the real tool writes it; empty if it is not there, unless it is absolute.
    pub(super) fn written_file(&self) -> OsString {
        let is_absolute = Path::new(self.options.package()).is_absolute();
        if !is_absolute && !fs::exists(&self.file).unwrap_or(false) {
            return OsString::new();
        }
        let mut clean = PathBuf::new();
        for part in self.file.components() {
            match part {
                Component::ParentDir => _ = clean.pop(),
                part => clean.push(part),
            }
        }
        clean.into()
    }

    /// The id of the package in that file or folder.
    pub(super) fn id_of_file(&self) -> Option<String> {
        let package = plain(&self.loader, &self.file)?;
        package.metadata()?.id().map(str::to_owned)
    }

    /// A package of the type, without a path.
    pub(super) fn package_of_type(&self) -> Result<Package, Failure> {
        let loaded = self
            .loader
            .load_package(&self.type_name().to_string_lossy());
        loaded.map_err(|error: LoadError| host::no_type(&self.loader, error))
    }

    /// The package that is named: what lies in the current folder under that name, else what is
    /// installed.
    pub(super) fn package(&self) -> Result<Package, Failure> {
        let mut package = self.package_of_type()?;
        let is_there = fs::exists(&self.file).unwrap_or(false);
        if is_there {
            package.set_path(&self.file)?;
        } else {
            package.set_path(self.options.package())?;
        }
        Ok(package)
    }

    /// The package that is named, as one of no type, if a metadata file lies in its folder.
    pub(super) fn plain_package(&self) -> Option<Package> {
        let names = ["metadata.json", "metadata.desktop"];
        names
            .iter()
            .any(|name| self.file.join(name).exists())
            .then(|| plain(&self.loader, &self.file))
            .flatten()
    }

    /// Where packages of the type lie, as the real tool writes it; empty if nowhere.
    pub(super) fn package_root(&self, package: &Package) -> Result<OsString, Refused> {
        self.check_options()?;
        if let Some(root) = &self.options.packageroot {
            return Ok(root.clone());
        }
        let root = package.default_package_root().unwrap_or_default();
        let dirs = self.loader.data_dirs();
        if !self.options.global {
            let user = dirs.user().unwrap_or(Path::new(""));
            return Ok(user.join(root).into());
        }
        // The last one of all data folders that have such a folder, even if that is the user's.
        let roots = dirs.iter().map(|dir| dir.join(root));
        let last = roots.filter(|root| root.is_dir()).last();
        Ok(last.unwrap_or_default().into())
    }

    /// Refuses options that contradict each other.
    pub(super) fn check_options(&self) -> Result<(), Refused> {
        if self.options.packageroot.is_none() || !self.options.global {
            return Ok(());
        }
        let message = "`--packageroot` and `--global` contradict each other";
        Err(Code::Conflict.because(Failure::new("usage", message)))
    }
}

/// The type that the metadata in a folder name.
fn type_in_metadata(loader: &PackageLoader, folder: &Path) -> Option<String> {
    let package = plain(loader, folder)?;
    let metadata = package.metadata()?;
    let older = metadata.view().value("X-Plasma-ServiceType");
    match older.filter(|name| !name.is_empty()) {
        Some(name) => Some(name.into_owned()),
        None => metadata.declared_types().into_iter().next(),
    }
}

/// A folder as a package of no type.
fn plain(loader: &PackageLoader, folder: &Path) -> Option<Package> {
    let mut package = loader.load_package(host::PLAIN).ok()?;
    // One that is hidden can be examined all the same.
    let _ = package.set_path(folder);
    Some(package)
}
