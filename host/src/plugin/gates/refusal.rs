//! Why a file in a plugin folder is not loaded, found before any code of it runs.

use keyway_abi::{ABI_MAJOR, ABI_MINOR};
use keyway_metadata::ManifestError;

use crate::plugin::store::quarantine::Quarantined;
use crate::plugin::trust::Distrust;

/// A file that claims to be a plugin, or may be one, but must not be loaded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The file cannot be read.
    #[error("the file cannot be read")]
    Unreadable(#[source] std::io::Error),
    /// The file is shorter than its own header says: loading it would crash.
    #[error("the file is truncated: {found} bytes, its header speaks of {needed}")]
    Truncated {
        /// How many bytes it would need.
        needed: u64,
        /// How many it has.
        found: u64,
    },
    /// The file's header makes no sense.
    #[error("the file's header is malformed: {message}")]
    Malformed {
        /// What is wrong.
        message: String,
    },
    /// The manifest cannot be read.
    #[error(transparent)]
    Manifest {
        /// What is wrong.
        #[from]
        source: ManifestError,
    },
    /// The file has more than one manifest.
    #[error("the file has {count} manifests, a plugin has one")]
    DoubledManifest {
        /// How many.
        count: usize,
    },
    /// The file is for another kind of system.
    #[error("the file is {found}, this system loads {expected}")]
    Container {
        /// The file's kind.
        found: &'static str,
        /// The host's kind.
        expected: &'static str,
    },
    /// The plugin is for another architecture.
    #[error("built for the architecture {found}, this host runs on {expected}")]
    Architecture {
        /// The plugin's architecture.
        found: String,
        /// The host's.
        expected: &'static str,
    },
    /// The plugin's pointers have another width.
    #[error("built for pointers of {found} bits, this host has {expected}")]
    PointerWidth {
        /// The plugin's width in bits.
        found: u32,
        /// The host's.
        expected: u32,
    },
    /// The plugin has another byte order.
    #[error("built for {found}-endian machines, this host is {expected}-endian")]
    Endian {
        /// The plugin's byte order.
        found: &'static str,
        /// The host's.
        expected: &'static str,
    },
    /// The plugin is for another operating system.
    #[error("built for the system `{found}`, this host runs on `{expected}`")]
    System {
        /// The plugin's system.
        found: String,
        /// The host's.
        expected: &'static str,
    },
    /// The plugin is for another C library.
    #[error("built for the C library family `{found}`, this host uses `{expected}`")]
    CLibrary {
        /// The plugin's C library.
        found: String,
        /// The host's.
        expected: &'static str,
    },
    /// The plugin was built for another major of the border.
    #[error("built for ABI major {found}, this host has {ABI_MAJOR}")]
    AbiMajor {
        /// The plugin's major.
        found: u16,
    },
    /// The plugin uses something that this host does not have yet.
    #[error(
        "needs a host with ABI {ABI_MAJOR}.{found} at least, this host has {ABI_MAJOR}.{ABI_MINOR}"
    )]
    LeastHostMinor {
        /// The least minor that it needs.
        found: u16,
    },
    /// The file is another one than the one that was looked at.
    #[error("the file was changed while it was being looked at")]
    Changed,
    /// Others could have made the file, or could swap it.
    #[error("not trusted: {0}")]
    Trust(Box<Distrust>),
    /// The plugin ended a process while it was loaded.
    #[error("in quarantine: it ended process {} during {}", .0.process, .0.during)]
    Quarantined(Box<Quarantined>),
    /// A panic in the plugin would end the host's process.
    #[error("built with panic strategy `{found}`: a panic in it would end this process")]
    PanicStrategy {
        /// The plugin's strategy.
        found: String,
    },
}

impl Refusal {
    /// A stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unreadable(_) => "unreadable",
            Self::Truncated { .. } => "truncated",
            Self::Malformed { .. } => "malformed-file",
            Self::Manifest { source } => match source {
                ManifestError::Format { .. } => "manifest-format",
                _ => "bad-manifest",
            },
            Self::DoubledManifest { .. } => "doubled-manifest",
            Self::Container { .. } => "wrong-file-format",
            Self::Architecture { .. } => "wrong-architecture",
            Self::PointerWidth { .. } => "wrong-pointer-width",
            Self::Endian { .. } => "wrong-endianness",
            Self::System { .. } => "wrong-system",
            Self::CLibrary { .. } => "wrong-c-library",
            Self::AbiMajor { .. } => "abi-major",
            Self::LeastHostMinor { .. } => "abi-too-new",
            Self::PanicStrategy { .. } => "panic-strategy",
            Self::Changed => "changed",
            Self::Trust(why) => why.code(),
            Self::Quarantined(_) => "quarantined",
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> String {
        let hint = match self {
            Self::Trust(why) => return why.hint(),
            Self::Changed => "try again",
            Self::Unreadable(_) => "check the file's permissions",
            Self::Truncated { .. } | Self::Malformed { .. } => "copy or build the file again",
            Self::Manifest { .. } => {
                "build the plugin again with a `keyway-plugin` that this host knows"
            }
            Self::DoubledManifest { .. } => {
                "only the plugin's own crate may use `export_plugin!`, not its dependencies"
            }
            Self::Container { .. }
            | Self::Architecture { .. }
            | Self::PointerWidth { .. }
            | Self::Endian { .. }
            | Self::System { .. }
            | Self::CLibrary { .. } => "build the plugin for this machine",
            Self::AbiMajor { found } if *found > ABI_MAJOR => "use a newer host",
            Self::AbiMajor { .. } => "build the plugin with a newer `keyway-plugin`",
            Self::LeastHostMinor { .. } => "use a newer host",
            Self::Quarantined(_) => {
                "install a mended version, or lift it: keyway quarantine clear PLUGIN"
            }
            Self::PanicStrategy { .. } => {
                "build the plugin with `panic = \"unwind\"`, cargo's default"
            }
        };
        hint.to_owned()
    }
}

/// The gates that a file passes before it is loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Gate {
    /// The file can be read and is whole.
    File,
    /// It has one manifest of a form that this host reads.
    Manifest,
    /// Its header and manifest fit this host.
    Abi,
    /// Nobody else could have made it, or could swap it.
    Trust,
    /// It is not in quarantine.
    Quarantine,
}

impl Gate {
    /// All gates, in order.
    pub const ALL: [Self; 5] = [
        Self::File,
        Self::Manifest,
        Self::Abi,
        Self::Trust,
        Self::Quarantine,
    ];
}

impl std::fmt::Display for Gate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::File => "file",
            Self::Manifest => "manifest",
            Self::Abi => "ABI",
            Self::Trust => "trust",
            Self::Quarantine => "quarantine",
        })
    }
}

impl Refusal {
    /// The gate that refused the file.
    #[must_use]
    pub fn gate(&self) -> Gate {
        match self {
            Self::Unreadable(_)
            | Self::Truncated { .. }
            | Self::Malformed { .. }
            | Self::Changed => Gate::File,
            Self::Trust(_) => Gate::Trust,
            Self::Manifest { .. } | Self::DoubledManifest { .. } => Gate::Manifest,
            Self::Quarantined(_) => Gate::Quarantine,
            Self::Container { .. }
            | Self::Architecture { .. }
            | Self::PointerWidth { .. }
            | Self::Endian { .. }
            | Self::System { .. }
            | Self::CLibrary { .. }
            | Self::AbiMajor { .. }
            | Self::LeastHostMinor { .. }
            | Self::PanicStrategy { .. } => Gate::Abi,
        }
    }
}

/// A file in a plugin folder that is no plugin, which is no fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotAPlugin {
    /// The file is empty.
    #[error("the file is empty")]
    Empty,
    /// The name leads to a folder, a FIFO or a device.
    #[error("this is no regular file")]
    NotRegular,
    /// The file is no library.
    #[error("the file is no library")]
    NotALibrary,
    /// The file is a library without a manifest.
    #[error("the library has no manifest, so it is no plugin of Keyway")]
    NoManifest,
}

impl NotAPlugin {
    /// A stable code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Empty => "empty-file",
            Self::NotRegular => "not-a-file",
            Self::NotALibrary => "not-a-library",
            Self::NoManifest => "no-manifest",
        }
    }
}
