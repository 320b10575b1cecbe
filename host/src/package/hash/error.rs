//! Why a package has no hash.

use std::io;
use std::path::{Path, PathBuf};

use super::super::shown::Shown;

/// Why a package has no hash.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HashError {
    /// The package has no path: none was set, or the last one was not valid.
    #[error("the package has no path, so it has no hash")]
    NoPackage,
    /// The package was valid when its path was set, and is not any more.
    #[error("the package {} is not valid any more, so it has no hash", Shown::new(.path))]
    Invalid {
        /// The package's folder.
        path: PathBuf,
    },
    /// A folder that contents lie in is missing.
    #[error("the package has no hash: there is no folder {}", Shown::new(.path))]
    NoContents {
        /// The folder.
        path: PathBuf,
    },
    /// A link leads nowhere, or in a circle.
    #[error("the package has no hash: the link {} leads nowhere", Shown::new(.path))]
    LeadsNowhere {
        /// The link.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A pipe, a socket or a device, or a link to one.
    #[error("the package has no hash: {} is no file, folder or link to one", Shown::new(.path))]
    NotAFile {
        /// The entry.
        path: PathBuf,
    },
    /// Something cannot be read.
    #[error("the package has no hash: {} cannot be read", Shown::new(.path))]
    Unreadable {
        /// The file or folder.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

impl HashError {
    /// A stable code, in kebab case.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoPackage => "no-package",
            Self::Invalid { .. } => "package-invalid",
            Self::NoContents { .. } => "contents-missing",
            Self::LeadsNowhere { .. } => "link-leads-nowhere",
            Self::NotAFile { .. } => "not-a-file",
            Self::Unreadable { .. } => "file-unreadable",
        }
    }

    /// What to do about it, where that is known.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::NoContents { .. } | Self::LeadsNowhere { .. } => {
                Some("the content digest is there for such packages, too")
            }
            _ => None,
        }
    }

    /// The folder or entry that it is about, if it is about one.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::NoPackage => None,
            Self::Invalid { path }
            | Self::NoContents { path }
            | Self::LeadsNowhere { path, .. }
            | Self::NotAFile { path }
            | Self::Unreadable { path, .. } => Some(path),
        }
    }
}
