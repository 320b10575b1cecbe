//! Why a plugin that may be loaded cannot be used.

use std::path::{Path, PathBuf};

use keyway_abi::{EntryError, LayoutMismatch};
use keyway_metadata::{TypeKind, TypeName};

use super::process::glibc_version;
use crate::plugin::file::needs::Needs;
use crate::plugin::loaded::fault::Fault;
use crate::plugin::registry::probe::ProbeError;
use crate::plugin::trust::Distrust;

/// A plugin that passed the gates before loading, and failed then.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// The file cannot be held open.
    #[error("cannot open `{}`", path.display())]
    Open {
        /// The plugin's file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The system's loader refuses the file.
    #[error("cannot load `{}`", path.display())]
    Loader {
        /// The plugin's file.
        path: PathBuf,
        /// What the loader says.
        #[source]
        source: libloading::Error,
    },
    /// No private copy of what was verified can be made.
    #[error("cannot load a private copy of `{}`: {why}", path.display())]
    Copy {
        /// The plugin's file.
        path: PathBuf,
        /// Why.
        why: Box<Distrust>,
    },
    /// A library that the plugin needs is not there.
    #[error("cannot load `{}`: it needs the library `{}`, which is not there", path.display(), library.escape_debug())]
    MissingLibrary {
        /// The plugin's file.
        path: PathBuf,
        /// What it needs.
        library: String,
        /// What the loader says.
        #[source]
        source: libloading::Error,
    },
    /// A symbol that the plugin needs is in none of its libraries.
    #[error("cannot load `{}`: it needs the symbol `{}`, which no library has", path.display(), symbol.escape_debug())]
    MissingSymbol {
        /// The plugin's file.
        path: PathBuf,
        /// What it needs.
        symbol: String,
        /// What the loader says.
        #[source]
        source: libloading::Error,
    },
    /// The plugin needs a newer GNU C library.
    #[error("cannot load `{}`: it needs glibc {}.{}, this system has {}.{}", path.display(), needed.0, needed.1, found.0, found.1)]
    Glibc {
        /// The plugin's file.
        path: PathBuf,
        /// The version that it needs.
        needed: (u32, u32),
        /// The version that is here.
        found: (u32, u32),
    },
    /// An older generation is loaded, and the plugin cannot be loaded under another name.
    #[error("an older generation of `{}` is loaded, and it looks for libraries beside itself", path.display())]
    NeedsRestart {
        /// The plugin's file.
        path: PathBuf,
    },
    /// No other name can be made for a later generation.
    #[error("no name can be made for a later generation of `{}`", path.display())]
    Generation {
        /// The plugin's file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The plugin did not pass its probe.
    #[error("`{}` did not pass its probe: {source}", path.display())]
    Probe {
        /// The plugin's file.
        path: PathBuf,
        /// What happened there.
        source: ProbeError,
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
    /// What the loader's refusal means, as far as its words and the file tell. Nothing of the
    /// library has run by then.
    pub(super) fn loader(path: &Path, source: libloading::Error) -> Self {
        let needs = Needs::of(path);
        let path = path.to_path_buf();
        if let (Some(needed), Some(found)) = (needs.glibc, glibc_version())
            && needed > found
        {
            return Self::Glibc {
                path,
                needed,
                found,
            };
        }
        let words = words(&source);
        // glibc: "libx.so.1: cannot open shared object file: ..."
        let missing = words.split(": cannot open shared object file").next();
        if let Some(library) = missing.and_then(|text| text.rsplit(": ").next())
            && needs.libraries.iter().any(|needed| needed == library)
        {
            let library = library.to_owned();
            return Self::MissingLibrary {
                path,
                library,
                source,
            };
        }
        // glibc: "/path/plugin.so: undefined symbol: name"
        if let Some((_, symbol)) = words.split_once("undefined symbol: ") {
            let end = symbol.find([',', ' ', '\n']).unwrap_or(symbol.len());
            let symbol = symbol[..end].to_owned();
            return Self::MissingSymbol {
                path,
                symbol,
                source,
            };
        }
        Self::Loader { path, source }
    }

    /// Whether the file itself is at fault, whoever loads it and whenever.
    pub(in crate::plugin) fn is_about_the_file(&self) -> bool {
        match self {
            Self::NoEntry { .. }
            | Self::ForeignEntry { .. }
            | Self::Entry { .. }
            | Self::MissingInterface { .. }
            | Self::Layout { .. }
            | Self::Echo { .. }
            | Self::TypeNotGiven { .. } => true,
            Self::Open { .. }
            | Self::Loader { .. }
            | Self::Copy { .. }
            | Self::MissingLibrary { .. }
            | Self::MissingSymbol { .. }
            | Self::Glibc { .. }
            | Self::NeedsRestart { .. }
            | Self::Generation { .. }
            | Self::Probe { .. }
            | Self::Fault(_) => false,
        }
    }

    /// A stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Open { .. } => "cannot-open",
            Self::Loader { .. } => "cannot-load",
            Self::Copy { why, .. } => why.code(),
            Self::MissingLibrary { .. } => "missing-library",
            Self::MissingSymbol { .. } => "missing-symbol",
            Self::Glibc { .. } => "glibc-too-old",
            Self::NeedsRestart { .. } => "needs-restart",
            Self::Generation { .. } => "no-generation",
            Self::Probe { .. } => "probe",
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
            | Self::Loader { path, .. }
            | Self::Copy { path, .. }
            | Self::MissingLibrary { path, .. }
            | Self::MissingSymbol { path, .. }
            | Self::Glibc { path, .. }
            | Self::NeedsRestart { path }
            | Self::Generation { path, .. }
            | Self::Probe { path, .. }
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
            Self::Loader { .. } | Self::MissingLibrary { .. } => {
                Some("install the libraries that the plugin needs")
            }
            Self::MissingSymbol { .. } => {
                Some("the plugin was built against another version of a library: build it anew")
            }
            Self::Glibc { .. } => Some("build the plugin on an older system, or update this one"),
            Self::NeedsRestart { .. } => Some("restart this program to use the new one"),
            Self::Generation { .. } => Some("make room in the folder for temporary files"),
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
            Self::Open { .. } | Self::Copy { .. } | Self::Probe { .. } | Self::Fault(_) => None,
        }
    }
}

/// All that an error and its causes say.
fn words(error: &dyn std::error::Error) -> String {
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        words.push_str(": ");
        words.push_str(&error.to_string());
        cause = error.source();
    }
    words
}
