//! Why a plugin that may be loaded cannot be used.

use std::path::{Path, PathBuf};

use keyway_abi::{EntryError, LayoutMismatch};
use keyway_metadata::{TypeKind, TypeName};

use crate::plugin::fault::Fault;

/// A plugin that passed the gates before loading, and failed then.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// The system's loader refuses the file.
    #[error("cannot load `{}`", path.display())]
    Open {
        /// The plugin's file.
        path: PathBuf,
        /// What the loader says.
        #[source]
        source: libloading::Error,
    },
    /// The library does not export the entry.
    #[error("`{}` exports no `keyway_entry_1`", path.display())]
    NoEntry {
        /// The plugin's file.
        path: PathBuf,
    },
    /// The entry belongs to another library that this one depends on.
    #[error("the entry found through `{}` belongs to `{}`", path.display(), found.display())]
    ForeignEntry {
        /// The plugin's file.
        path: PathBuf,
        /// The library whose entry it is.
        found: PathBuf,
    },
    /// The entry breaks the rules.
    #[error("the entry of `{}` is broken", path.display())]
    Entry {
        /// The plugin's file.
        path: PathBuf,
        /// Which rule.
        source: EntryError,
    },
    /// The plugin lacks an interface that it must have.
    #[error("`{}` does not give the interface `{interface}` {version}", path.display())]
    MissingInterface {
        /// The plugin's file.
        path: PathBuf,
        /// The interface's name.
        interface: &'static str,
        /// The version that this host knows.
        version: u32,
    },
    /// A table of the plugin is laid out otherwise than the host's.
    #[error("`{}` has another layout of `{interface}` than this host", path.display())]
    Layout {
        /// The plugin's file.
        path: PathBuf,
        /// The interface's name.
        interface: &'static str,
        /// The differences.
        source: Box<LayoutMismatch>,
    },
    /// The manifest in memory is not the one in the file.
    #[error("the manifest in memory of `{}` is not the one in the file", path.display())]
    Echo {
        /// The plugin's file.
        path: PathBuf,
    },
    /// The plugin does not give a type that its manifest names.
    #[error("`{}` names the {kind} `{type_name}` in its manifest but does not give it", path.display())]
    TypeNotGiven {
        /// The plugin's file.
        path: PathBuf,
        /// The type's name.
        type_name: TypeName,
        /// What it should be.
        kind: TypeKind,
    },
    /// The plugin's own code failed while it was attached or constructed.
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl LoadError {
    /// A stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Open { .. } => "cannot-load",
            Self::NoEntry { .. } => "no-entry",
            Self::ForeignEntry { .. } => "foreign-entry",
            Self::Entry { .. } => "broken-entry",
            Self::MissingInterface { .. } => "missing-interface",
            Self::Layout { .. } => "layout",
            Self::Echo { .. } => "echo",
            Self::TypeNotGiven { .. } => "type-not-given",
            Self::Fault(fault) => fault.code(),
        }
    }

    /// The plugin's file.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::Open { path, .. }
            | Self::NoEntry { path }
            | Self::ForeignEntry { path, .. }
            | Self::Entry { path, .. }
            | Self::MissingInterface { path, .. }
            | Self::Layout { path, .. }
            | Self::Echo { path }
            | Self::TypeNotGiven { path, .. } => Some(path),
            Self::Fault(fault) => fault.path(),
        }
    }

    /// More about it, a line each.
    #[must_use]
    pub fn details(&self) -> Vec<String> {
        match self {
            Self::Layout { source, .. } => source.summary.lines().map(str::to_owned).collect(),
            _ => Vec::new(),
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Open { .. } => Some("install the libraries that the plugin needs"),
            Self::NoEntry { .. } | Self::ForeignEntry { .. } => {
                Some("use `export_plugin!` in the crate that is built as a `cdylib`")
            }
            Self::Layout { .. } => {
                Some("build the plugin with the `keyway-plugin` that this host knows")
            }
            Self::Echo { .. } => Some("the file was replaced while it was loaded: try again"),
            Self::Entry { .. } | Self::MissingInterface { .. } | Self::TypeNotGiven { .. } => {
                Some("tell the plugin's author: its manifest and its code do not agree")
            }
            Self::Fault(_) => None,
        }
    }
}
