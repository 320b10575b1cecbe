//! What goes wrong with stores.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

/// Why a package's store does not do what it was asked for.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The name of a package cannot be that of a file.
    #[error("`{id}` is no name of a package that can have a store")]
    Name {
        /// The name.
        id: String,
    },
    /// The store was closed, since its package is being deleted or the host ends.
    #[error("the store of `{id}` is closed")]
    Closed {
        /// The package.
        id: String,
    },
    /// Another process, or another part of this one, has the store open.
    #[error("the store `{}` is in use by another process", file.display())]
    InUse {
        /// The store's file.
        file: PathBuf,
    },
    /// The disk is full or fails, or the file may not be read or written.
    #[error("cannot {doing} the store `{}`", file.display())]
    Io {
        /// `open`, `read or write`, `create` or `remove`.
        doing: &'static str,
        /// The store's file.
        file: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The file is no store, or not what was written.
    #[error("the store `{}` is damaged: {why}", file.display())]
    Damaged {
        /// The store's file.
        file: PathBuf,
        /// What was found.
        why: String,
    },
}

impl StoreError {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Io { source, .. } if source.kind() == io::ErrorKind::StorageFull => {
                Some("make room on that disk")
            }
            Self::Io { .. } | Self::Name { .. } | Self::Closed { .. } => None,
            Self::InUse { .. } => Some("end the other server that uses this state folder"),
            Self::Damaged { .. } => {
                Some("put back a copy of that file, or delete the package with its data")
            }
        }
    }

    /// The message with its cause, in one line.
    pub(super) fn line(&self) -> String {
        match std::error::Error::source(self) {
            Some(cause) => format!("{self}: {cause}"),
            None => self.to_string(),
        }
    }
}
