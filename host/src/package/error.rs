//! What can go wrong with packages, one type for each stage.

use std::ffi::OsString;
use std::fmt;
use std::io;
use std::path::{Component, Path, PathBuf};

use keyway_metadata::{TypeName, TypeNameError};

use super::shown::{Shown, ShownItem, ShownList};
use super::validity::Problem;
#[cfg(feature = "archive")]
use crate::archive::ArchiveError;
use crate::plugin::{Fault, ResolveError};

/// A place where a package was looked for, and why it was passed over.
#[derive(Debug)]
#[non_exhaustive]
pub struct Tried {
    /// The place.
    pub path: PathBuf,
    /// Why no package was found there.
    pub why: PassedOver,
}

impl ShownItem for Tried {
    fn show(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", Shown::new(&self.path))?;
        match &self.why {
            PassedOver::Missing => Ok(()),
            why => write!(f, " ({why})"),
        }
    }
}

/// Why a place where a package could lie was passed over.
#[derive(Debug)]
#[non_exhaustive]
pub enum PassedOver {
    /// Nothing is there.
    Missing,
    /// What is there is no folder.
    NotAFolder,
    /// It cannot be looked at.
    Unreadable(io::Error),
    /// What is there is no valid package of the type: what makes it invalid.
    Invalid(Vec<Problem>),
}

impl fmt::Display for PassedOver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("nothing is there"),
            Self::NotAFolder => f.write_str("it is no folder"),
            Self::Unreadable(error) => write!(f, "it cannot be looked at: {error}"),
            Self::Invalid(problems) => write!(f, "it is not valid: {}", First(problems)),
        }
    }
}

/// The first of several problems.
struct First<'a>(&'a [Problem]);

impl fmt::Display for First<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            [] => f.write_str("no reason is known"),
            [problem] => f.write_str(problem.message()),
            [problem, more @ ..] => {
                write!(f, "{} (and {} more)", problem.message(), more.len())
            }
        }
    }
}

/// Whether the system says that nothing is there, and not that one may not look.
pub(super) fn is_absence(error: &io::Error) -> bool {
    use io::ErrorKind::{InvalidFilename, NotADirectory, NotFound};
    matches!(error.kind(), NotFound | NotADirectory | InvalidFilename)
}

/// That there is no package, where it was looked for, and why a place was passed over where it is
/// not simply that nothing is there.
struct NoPackage<'a>(&'a Path, &'a [Tried]);

impl fmt::Display for NoPackage<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(path, tried) = *self;
        let asked = Shown::new(path);
        let is_hidden = |place: &Tried| matches!(place.why, PassedOver::Unreadable(_));
        if tried.iter().any(is_hidden) {
            write!(f, "no package {asked} was found: ")?;
        } else {
            write!(f, "there is no package {asked}: ")?;
        }
        match tried {
            // The place is what was asked for, so it is not told twice.
            [place] if place.path == path => write!(f, "{}", place.why),
            tried => write!(f, "looked for {}", ShownList(tried)),
        }
    }
}

/// What packages an archive holds, if not one.
#[cfg(feature = "archive")]
struct Folders<'a>(&'a [OsString]);

#[cfg(feature = "archive")]
impl fmt::Display for Folders<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            [] => f.write_str(
                "holds no package: there are no metadata at its top, or in a folder there",
            ),
            folders => write!(
                f,
                "holds {} packages: {}",
                folders.len(),
                ShownList(folders)
            ),
        }
    }
}

/// Why a package did not become what it was asked to be.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PackageError {
    /// There is no package of that name or path.
    #[error("{}", NoPackage(.asked, .tried))]
    NotFound {
        /// The name or path that was asked for.
        asked: PathBuf,
        /// Every place that was looked at.
        tried: Vec<Tried>,
    },
    /// What is there is not a valid package of the type.
    #[error("{} is not a valid package of type `{type_name}`: {}", Shown::new(.path), First(.problems))]
    Invalid {
        /// The package's type.
        type_name: TypeName,
        /// The package's folder: of several the first one.
        path: PathBuf,
        /// What makes it invalid; never empty.
        problems: Vec<Problem>,
        /// Every place that was looked at.
        tried: Vec<Tried>,
    },
    /// The name or path holds a NUL character.
    #[error("the name {} holds a NUL character, which no path has", Shown::new(.asked))]
    Nul {
        /// The name or path that was asked for.
        asked: PathBuf,
    },
    /// The file is an archive that was not unpacked: nothing of it is left.
    #[cfg(feature = "archive")]
    #[error("the archive {} was not unpacked", Shown::new(.path))]
    Archive {
        /// The archive.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: ArchiveError,
    },
    /// An archive holds no package, or several.
    #[cfg(feature = "archive")]
    #[error("the archive {} {}", Shown::new(.path), Folders(.folders))]
    NotOnePackage {
        /// The archive.
        path: PathBuf,
        /// The folders at its top that have metadata; none, or more than one.
        folders: Vec<OsString>,
    },
    /// The structure's `path_changed` sets a new path each time it is called.
    #[error("the structure of `{type_name}` changed the path {limit} times in a row, last to {}", Shown::new(.path))]
    MovedTooOften {
        /// The package's type.
        type_name: TypeName,
        /// The last path.
        path: PathBuf,
        /// As many changes as are followed.
        limit: usize,
    },
    /// A package would be its own fallback, directly or by way of others.
    #[error("the package {} of type `{type_name}` would be its own fallback", Shown::new(.path))]
    FallbackCycle {
        /// The package's type.
        type_name: TypeName,
        /// The package's folder.
        path: PathBuf,
    },
    /// A fallback has a fallback, and so on.
    #[error("more than {limit} packages are each other's fallback, the last one {} of type `{type_name}`", Shown::new(.path))]
    FallbackTooDeep {
        /// The last package's type.
        type_name: TypeName,
        /// The last package's folder.
        path: PathBuf,
        /// As many as are followed.
        limit: usize,
    },
    /// The structure's own code failed. The package has no path.
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl PackageError {
    /// A stable code, in kebab case.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotFound { .. } => "package-not-found",
            Self::Invalid { .. } => "package-invalid",
            Self::Nul { .. } => "nul-in-path",
            #[cfg(feature = "archive")]
            Self::Archive { source, .. } => source.code(),
            #[cfg(feature = "archive")]
            Self::NotOnePackage { folders, .. } if folders.is_empty() => "archive-without-package",
            #[cfg(feature = "archive")]
            Self::NotOnePackage { .. } => "archive-with-packages",
            Self::MovedTooOften { .. } => "path-changed-loop",
            Self::FallbackCycle { .. } => "fallback-cycle",
            Self::FallbackTooDeep { .. } => "fallback-too-deep",
            Self::Fault(fault) => fault.code(),
        }
    }

    /// What to do about it, where that is known.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::NotFound { tried, .. }
                if tried
                    .iter()
                    .any(|place| matches!(place.why, PassedOver::NotAFolder)) =>
            {
                Some(if cfg!(feature = "archive") {
                    "a package is a folder, or an archive that is named by its absolute path"
                } else {
                    "a package is a folder; the feature `archive` of `keyway` lets it be an archive"
                })
            }
            Self::NotFound { tried, .. }
                if tried.iter().any(|place| {
                    matches!(&place.why, PassedOver::Unreadable(error)
                        if error.kind() == io::ErrorKind::PermissionDenied)
                }) =>
            {
                Some("look at the permissions of the folders above it")
            }
            #[cfg(feature = "archive")]
            Self::Archive { source, .. } => source.hint(),
            #[cfg(feature = "archive")]
            Self::NotOnePackage { folders, .. } if !folders.is_empty() => {
                Some("pack each of them by itself")
            }
            Self::NotFound { asked, .. }
                if asked.is_relative() && asked.components().count() > 1 =>
            {
                Some(
                    "a relative path is looked for in the data folders, not in the current folder; make it absolute",
                )
            }
            _ => None,
        }
    }

    /// The folder or name that it is about, if it is about one.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::NotFound { asked: path, .. }
            | Self::Nul { asked: path }
            | Self::Invalid { path, .. }
            | Self::MovedTooOften { path, .. }
            | Self::FallbackCycle { path, .. }
            | Self::FallbackTooDeep { path, .. } => Some(path),
            #[cfg(feature = "archive")]
            Self::Archive { path, .. } | Self::NotOnePackage { path, .. } => Some(path),
            Self::Fault(_) => None,
        }
    }
}

/// Why a loader did not give a package, a structure or a list.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// The type's name is none.
    #[error(transparent)]
    TypeName(#[from] TypeNameError),
    /// No plugin gives the type, or its plugin was refused.
    #[error(transparent)]
    Resolve(#[from] ResolveError),
    /// A structure asked for its own type while it was being initialised.
    #[error("cycle: the type `{type_name}` needs itself while its structure is being initialised")]
    Cycle {
        /// The type.
        type_name: TypeName,
    },
    /// The structure's `init_package` failed.
    #[error(transparent)]
    Fault(#[from] Fault),
    /// The type is there, the package is not.
    #[error(transparent)]
    Package(#[from] PackageError),
}

impl LoadError {
    /// A stable code, in kebab case.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::TypeName(_) => "bad-type-name",
            Self::Resolve(error) => error.code(),
            Self::Cycle { .. } => "type-cycle",
            Self::Fault(fault) => fault.code(),
            Self::Package(error) => error.code(),
        }
    }

    /// What to do about it, where that is known.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Package(error) => error.hint().map(str::to_owned),
            Self::TypeName(_) => {
                Some("a type name is `Vendor/Name`, as `Plasma/Applet`".to_owned())
            }
            Self::Resolve(error) => error.hint(),
            Self::Cycle { .. } | Self::Fault(_) => None,
        }
    }
}

/// Why a file of a package has no path.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FileError {
    /// The package has no path: none was set, or the last one was not valid.
    #[error("the package has no path, so it has no files")]
    NoPackage,
    /// The type does not define the key.
    #[error("the key {} is not defined", Shown::new(.key))]
    UnknownKey {
        /// The key.
        key: String,
    },
    /// The file's name could lead out of the package, and the type does not allow that.
    #[error("the file name {} is refused: {}", Shown::new(.name), .why)]
    Name {
        /// The name.
        name: OsString,
        /// What is wrong with it.
        why: NameFault,
    },
    /// What is there lies outside the package, and the type does not allow that.
    #[error("{}", Outside(.key, .path, .found))]
    Outside {
        /// The key.
        key: String,
        /// The path in the package; with `..` as the type's definition has it.
        path: PathBuf,
        /// Where it leads.
        found: PathBuf,
    },
    /// Something may be there, but it cannot be looked at.
    #[error("{} cannot be looked at: {kind}", Shown::new(.path))]
    Unreadable {
        /// The path in the package.
        path: PathBuf,
        /// What the system says, [`PermissionDenied`](io::ErrorKind::PermissionDenied) as a rule.
        kind: io::ErrorKind,
    },
    /// Nothing is there.
    #[error("there is no such file: looked for {}", ShownList(.tried))]
    NotFound {
        /// Every path that was tried, those of fallback packages last.
        tried: Vec<PathBuf>,
    },
}

impl FileError {
    /// A stable code, in kebab case.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoPackage => "no-package",
            Self::UnknownKey { .. } => "unknown-key",
            Self::Name { .. } => "file-name-refused",
            Self::Outside { .. } => "file-outside",
            Self::Unreadable { .. } => "file-unreadable",
            Self::NotFound { .. } => "file-not-found",
        }
    }
}

/// That a file lies outside. Names with `..` are refused, so a path with one is the type's doing.
struct Outside<'a>(&'a str, &'a Path, &'a Path);

impl fmt::Display for Outside<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(key, path, found) = *self;
        let by_definition = path.components().any(|part| part == Component::ParentDir);
        let (path, found) = (Shown::new(path), Shown::new(found));
        if by_definition {
            let key = Shown::new(key);
            write!(f, "the type defines the key {key} as {path}, which ")?;
            write!(f, "lies outside the package, at {found}")
        } else {
            write!(f, "{path} lies outside the package, at {found}")
        }
    }
}

/// What is wrong with the name of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NameFault {
    /// It has a component `..`.
    ParentFolder,
    /// It is an absolute path.
    Absolute,
    /// It holds a NUL character.
    Nul,
}

impl fmt::Display for NameFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ParentFolder => "it has a component `..`",
            Self::Absolute => "it is absolute",
            Self::Nul => "it holds a NUL character",
        })
    }
}
