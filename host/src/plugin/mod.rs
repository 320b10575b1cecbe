//! From a file on disk to a loaded plugin.
//!
//! ```text
//! SearchPath --scan, run nothing--> Catalog --who wins--> Compatible
//!    --dlopen, entry, layout gate, echo gate--> Library --attach--> Plugin
//!    --construct--> Structure | Lifecycle
//! ```
//!
//! | stage | type | what stands between it and the next |
//! |---|---|---|
//! | a file with one manifest | [`Candidate`] | the ABI gate: header and manifest fit this host |
//! | may be loaded | [`Compatible`] | the loader; the entry is this very file's; layouts agree; the manifest in memory is the one that was read |
//! | is loaded | [`Plugin`] | the plugin gives the type that its manifest names |
//! | can be used | [`Structure`], [`Lifecycle`] | |
//!
//! Each type is made only by the stage before it, so a gate that is skipped does not compile. The
//! doors of the trust gate and of the quarantine lie between [`Candidate`] and [`Compatible`].

mod candidate;
mod catalog;
mod explain;
mod fault;
mod file;
mod gates;
mod identity;
mod index;
mod install;
mod library;
mod lifecycle;
mod log;
mod needs;
mod places;
mod quarantine;
mod refusal;
mod registry;
mod resolve_error;
mod search_path;
pub(crate) mod single_flight;
mod structure;
mod target;
mod verdicts;

/// What a host gives a lifecycle, and how it tells a running hook to stop.
#[doc(inline)]
pub use keyway_abi::{Cancellation, CancellationAccess, ContextAccess, ServiceOffer};
/// What is wrong with a plugin's entry or its tables.
#[doc(inline)]
pub use keyway_abi::{EntryError, LayoutMismatch};
/// What the code of a plugin reports when it fails.
#[doc(inline)]
pub use keyway_abi::{FaultKind, FaultReport, Location, Phase};
/// How a structure reaches a package: for those who call a [`Structure`] themselves.
#[doc(inline)]
pub use keyway_abi::{KeyFilter, PackageAccess, PackageError as AccessError};
/// What a plugin says of itself.
#[doc(inline)]
pub use keyway_metadata::{
    Abi, GivenType, Manifest, ManifestError, TypeKind, TypeName, TypeNameError,
};

pub use candidate::{Candidate, Compatible, Look, look};
pub use catalog::{Catalog, FolderScan, Found, TypeVerdict, Verdict};
pub use explain::{ExplainedFile, ExplainedFolder, ExplainedVerdict, Explanation};
pub use fault::{Fault, Method};
pub use file::{Container, Header};
pub use identity::FileIdentity;
pub use install::{InstallPluginError, install_plugin, remove_plugin};
pub use library::{LoadError, Plugin};
pub use lifecycle::{HookName, Lifecycle};
pub use places::{cache_dir, state_dir};
pub use quarantine::{Quarantine, Quarantined};
pub use refusal::{Gate, NotAPlugin, Refusal};
pub use registry::{Registry, RegistryBuilder, SAFE_MODE_VARIABLE};
pub use resolve_error::{ResolveError, Search};
pub use search_path::{
    FolderOrigin, PLUGIN_PATH_VARIABLE, SearchFolder, SearchPath, Skipped, system_plugins,
    user_plugins,
};
pub use structure::Structure;
pub use verdicts::RememberedVerdict;
