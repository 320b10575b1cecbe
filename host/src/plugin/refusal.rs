//! Why a file in a plugin folder is not loaded, found before any code of it runs.

use keyway_abi::{ABI_MAJOR, ABI_MINOR};
use keyway_metadata::ManifestError;

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
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
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
            Self::PanicStrategy { .. } => {
                "build the plugin with `panic = \"unwind\"`, cargo's default"
            }
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
