//! Why a package root was not changed.

use std::io;
use std::path::{Path, PathBuf};
#[cfg(feature = "install")]
use std::time::Duration;

/// Why a package root was not changed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RootError {
    /// Somebody else is changing it.
    #[cfg(feature = "install")]
    #[error("`{}` is locked", path.display())]
    Locked {
        /// The root.
        path: PathBuf,
        /// As long was waited.
        waited: Duration,
    },
    /// Somebody else made our folder in it, or may write to it.
    #[error("`{}` belongs to the user {owner} and has the mode {mode:o}", path.display())]
    NotOurs {
        /// The folder.
        path: PathBuf,
        /// Its owner's number.
        owner: u32,
        /// Its permissions.
        mode: u32,
    },
    /// The version of a package that is to be in place is neither there nor kept.
    #[cfg(feature = "install")]
    #[error("of `{}` that version is not kept", path.display())]
    NotKept {
        /// The package.
        path: PathBuf,
    },
    /// An upgrade may still have to be taken back.
    #[cfg(feature = "install")]
    #[error("the upgrade of `{}` is not finished", path.display())]
    Unfinished {
        /// The package.
        path: PathBuf,
    },
    /// The system says no.
    #[error("`{}`", path.display())]
    Io {
        /// What it is about.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
}

impl RootError {
    pub(super) fn at(path: &Path) -> impl FnOnce(io::Error) -> Self + use<'_> {
        move |source| Self::Io {
            path: path.to_path_buf(),
            source,
        }
    }
}
