//! Why a package is not installed.

use std::path::PathBuf;

use keyway_metadata::TypeName;

use super::dependency::Dependency;
use crate::package::{Shown, ShownList};

/// A reason why a package is not installed or upgraded, found before anything was unpacked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The package manager has a package of that id in that root, be it a linked one.
    #[error("{} belongs to the package manager", Shown::new(.path))]
    Managed {
        /// The folder that a package of that id has.
        path: PathBuf,
        /// The id.
        id: String,
    },
    /// The metadata name no id.
    #[error("its metadata name no id")]
    NoId,
    /// The id is none that a package can be installed under.
    #[error("its id {} is refused: letters, digits, `_`, `-` and `.` may stand in an id, no `-` or `.` at its start, no `.` at its end, no `..`, and it has at most 250 bytes", Shown::new(.id))]
    BadId {
        /// The id.
        id: String,
    },
    /// The metadata name another type.
    #[error("its metadata name the type {}, expected `{wanted}`", ShownList(.declared))]
    OtherType {
        /// The types that they name.
        declared: Vec<String>,
        /// The type that it is to be installed as.
        wanted: TypeName,
    },
    /// A package of that id is there.
    #[error("{} of that id is installed in {}", VersionOr(.version, "a package"), Shown::new(.path))]
    AlreadyInstalled {
        /// Where it is.
        path: PathBuf,
        /// Its version, if it says one.
        version: Option<String>,
    },
    /// The version that is there is the same or a newer one.
    #[error("it is {}, and {} is installed in {}", VersionOr(.version, "of no version"), VersionOr(.installed, "one of no version"), Shown::new(.path))]
    NotNewer {
        /// Where the package is.
        path: PathBuf,
        /// Its version, if it says one.
        installed: Option<String>,
        /// The version that would be installed.
        version: Option<String>,
    },
    /// The package that is there is of another type.
    #[error("the package in {} is of type {}, expected `{wanted}`", Shown::new(.path), ShownList(.installed))]
    TypeChanges {
        /// Where it is.
        path: PathBuf,
        /// Its type.
        installed: Vec<String>,
        /// The type of the new one.
        wanted: TypeName,
    },
    /// A package of another id has its folder.
    #[error("the package in {} has the id {}", Shown::new(.path), Shown::new(.id))]
    OtherPackageThere {
        /// The folder.
        path: PathBuf,
        /// The id of the package in it.
        id: String,
    },
    /// Something that is no package has its folder.
    #[error("{} is there and is no package", Shown::new(.path))]
    NoPackageThere {
        /// What is there.
        path: PathBuf,
    },
    /// A package that it needs is not installed, or of a version that will not do.
    #[error("it needs {dependency}, {}", Found(.installed))]
    MissingDependency {
        /// What it needs.
        dependency: Dependency,
        /// The version that is installed, if one is; empty if it says none.
        installed: Option<String>,
    },
    /// It needs a package of a type that is not known, or of which the plugin is refused.
    #[error("it needs {dependency}: {why}")]
    DependencyType {
        /// What it needs.
        dependency: Dependency,
        /// What is wrong with the type.
        why: String,
        /// What to do about that, where it is known.
        remedy: Option<String>,
    },
    /// What it needs would be seen to by a program, and that is not allowed.
    #[error("it needs {dependency}, for which a program would have to run")]
    HandlerNotAllowed {
        /// What it needs.
        dependency: Dependency,
    },
    /// What it needs is a URL for which there is no program.
    #[error("it needs {dependency}, and no program here sees to such URLs")]
    NoHandler {
        /// What it needs.
        dependency: Dependency,
    },
    /// What stands among the dependencies is none.
    #[error("its dependencies cannot be read: {what}")]
    BadDependency {
        /// What is wrong.
        what: String,
    },
}

impl Refusal {
    /// A stable code, in kebab case.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Managed { .. } => "managed",
            Self::NoId => "id-missing",
            Self::BadId { .. } => "id-refused",
            Self::OtherType { .. } => "type-differs",
            Self::AlreadyInstalled { .. } => "already-installed",
            Self::NotNewer { .. } => "not-newer",
            Self::TypeChanges { .. } => "type-changes",
            Self::OtherPackageThere { .. } => "folder-taken",
            Self::NoPackageThere { .. } => "no-package-there",
            Self::MissingDependency { .. } => "dependency-missing",
            Self::DependencyType { .. } => "dependency-type",
            Self::HandlerNotAllowed { .. } => "handler-not-allowed",
            Self::NoHandler { .. } => "handler-missing",
            Self::BadDependency { .. } => "dependency-bad",
        }
    }

    /// What to do about it, where that is known.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Managed { .. } => {
                "let the package manager do it: `keyway package add`".to_owned()
            }
            Self::NoId => "give it one, in `KPlugin.Id` of its metadata".to_owned(),
            Self::BadId { .. } => "change `KPlugin.Id` in its metadata".to_owned(),
            Self::OtherType { declared, .. } => match &declared[..] {
                [only] => format!("install it as `{only}`"),
                _ => return None,
            },
            Self::AlreadyInstalled { .. } => "upgrade it, or remove it first".to_owned(),
            Self::NotNewer { .. } => "use force to replace it all the same".to_owned(),
            Self::TypeChanges { .. } => "remove the installed package first".to_owned(),
            Self::OtherPackageThere { .. } | Self::NoPackageThere { .. } => {
                "move it away first".to_owned()
            }
            Self::MissingDependency { .. } => "install what it needs first".to_owned(),
            Self::DependencyType { remedy, .. } => return remedy.clone(),
            Self::HandlerNotAllowed { .. } => {
                "see to it yourself, or allow handlers to run".to_owned()
            }
            Self::NoHandler { .. } | Self::BadDependency { .. } => return None,
        })
    }
}

/// A version, or what is said where there is none.
struct VersionOr<'a>(&'a Option<String>, &'static str);

impl std::fmt::Display for VersionOr<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            Some(version) => write!(f, "version {}", Shown::new(version)),
            None => f.write_str(self.1),
        }
    }
}

/// What is installed of a dependency.
struct Found<'a>(&'a Option<String>);

impl std::fmt::Display for Found<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0.as_deref() {
            None => f.write_str("which is not installed"),
            Some("") => f.write_str("and one of no version is installed"),
            Some(version) => write!(f, "and version {} is installed", Shown::new(version)),
        }
    }
}
