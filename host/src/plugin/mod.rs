//! From a file on disk to a loaded plugin.
//!
//! ```text
//! SearchPath --scan or index, run nothing--> who wins --> Compatible --trust, quarantine--> Admitted
//!    --mark, dlopen, entry, layout gate, echo gate, attach--> Plugin
//!    --construct--> Structure | Lifecycle
//! ```
//!
//! | stage | type | what stands between it and the next |
//! |---|---|---|
//! | a file with one manifest | [`Candidate`] | the ABI gate: header and manifest fit this host |
//! | fits this host | [`Compatible`] | the [trust gate](trust): nobody else could have made or could swap it; the [`Quarantine`]: it has not ended a process |
//! | may be loaded | (inside) | the loader; the entry is this very file's; layouts agree; the manifest in memory is the one that was read |
//! | is loaded | [`Plugin`] | the plugin gives the type that its manifest names |
//! | can be used | [`Structure`], [`Lifecycle`] | |
//!
//! Each type is made only by the stage before it, so a gate that is skipped does not compile.
//! [`Registry::explain`] tells how a type name goes through all this; every "not found" carries the
//! search.
//!
//! # What is kept on disk
//!
//! * In the [cache folder](cache_dir) an index of each plugin folder with many files. With it a fresh
//!   process resolves a type without looking at every plugin. It notices files that come, go and are
//!   replaced, and winners that are changed in place; not other files that are changed in place:
//!   [`Registry::refresh`] looks at everything again. It may be deleted at any moment.
//! * In the [state folder](state_dir) the quarantine, and what loading found out about files.
//!
//! A process with raised privileges keeps neither.
//!
//! # What a crash does
//!
//! A plugin that crashes, aborts or exits ends the process that loaded it, once: if that happened
//! while it was being loaded, constructed or asked for its definition, it is in quarantine from then
//! on. A host in safe mode (`KEYWAY_SAFE_MODE=1`) loads no plugin at all. A [`Probe`] tries plugins in
//! a process of their own first.

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
mod probe;
mod quarantine;
mod refusal;
mod registry;
mod resolve_error;
mod search_path;
pub(crate) mod single_flight;
mod structure;
mod target;
pub mod trust;
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
pub use probe::{Probe, ProbeError, ProbeFault, ProbeOutcome, probe_here};
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
