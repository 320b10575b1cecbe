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
//! The rooms, each of which knows only those before it (a library and what it gives know each
//! other): where plugins may lie (`search_path`, `places`); what a `file` says; whose files are to be
//! [trusted](trust); what is kept on disk (`store`); the `gates`; an open `library` and what it gives
//! (`loaded`); the `registry`.
//!
//! # What is kept on disk
//!
//! * In the [cache folder](cache_dir) an index of each plugin folder with many files. With it a fresh
//!   process resolves a type without looking at every plugin. It notices files that come, go and are
//!   replaced, and winners that are changed in place; not other files that are changed in place:
//!   [`Registry::refresh`] looks at everything again. It may be deleted at any moment. So may what
//!   listings of packages keep there.
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

mod file;
mod gates;
mod library;
mod loaded;
mod places;
mod registry;
mod search_path;
mod store;
pub mod trust;

/// What a host gives a lifecycle, and how it tells a running hook to stop.
#[doc(inline)]
pub use keyway_abi::{Cancellation, CancellationAccess, ContextAccess, ServiceOffer};
/// The services that a host may offer to a lifecycle: each is a trait, which a [`ServiceOffer`] is made
/// of.
#[doc(inline)]
pub use keyway_abi::{
    ConfigAccess, ConfigDocument, ConfigValue, FetchAccess, FetchRequest, PackageAdd, PackageInfo,
    PackageSource, PackagesAccess, StoreAccess, StoreChange, StoreExpected, StoreOutcome,
};
/// What is wrong with a plugin's entry or its tables.
#[doc(inline)]
pub use keyway_abi::{EntryError, LayoutMismatch};
/// What the code of a plugin reports when it fails.
#[doc(inline)]
pub use keyway_abi::{FaultKind, FaultReport, Location, Phase};
/// How a structure reaches a package: for those who call a [`Structure`] themselves.
#[doc(inline)]
pub use keyway_abi::{KeyFilter, PackageAccess, PackageError as AccessError};
#[doc(inline)]
pub use keyway_abi::{
    ProcessAccess, ProcessExit, ProcessFailure, ProcessRequest, ProcessState, ProcessStatus,
    Restart,
};
/// What a plugin says of itself.
#[doc(inline)]
pub use keyway_metadata::{
    Abi, GivenType, Manifest, ManifestError, TypeKind, TypeName, TypeNameError,
};

pub(crate) use file::identity::now;
pub use file::{Container, Header, identity::FileIdentity};
pub use gates::candidate::{Candidate, Compatible, Look, look};
pub use gates::refusal::{Gate, NotAPlugin, Refusal};
#[cfg(feature = "install")]
pub(crate) use library::raised_privileges;
pub use library::{LoadError, Plugin};
pub use loaded::fault::{Fault, Method};
pub use loaded::lifecycle::{HookName, Lifecycle};
#[cfg(all(unix, feature = "lifecycle"))]
pub(crate) use loaded::remote::{RemoteEvent, RemoteLog};
pub use loaded::structure::Structure;
pub use places::{cache_dir, state_dir};
pub use registry::catalog::{Catalog, FolderScan, Found, TypeVerdict, Verdict};
#[cfg(all(unix, feature = "lifecycle"))]
pub(crate) use registry::elsewhere::{Errand, ErrandError};
pub use registry::explain::{ExplainedFile, ExplainedFolder, ExplainedVerdict, Explanation};
pub use registry::install::{InstallPluginError, install_plugin, remove_plugin};
pub use registry::probe::{Probe, ProbeError, ProbeFault, ProbeOutcome, probe_here};
pub use registry::resolve_error::{ResolveError, Search};
pub use registry::{Registry, RegistryBuilder, SAFE_MODE_VARIABLE};
pub use search_path::{
    FolderOrigin, PLUGIN_PATH_VARIABLE, SearchFolder, SearchPath, Skipped, system_plugins,
    user_plugins,
};
pub use store::quarantine::{Quarantine, Quarantined};
pub use store::verdicts::RememberedVerdict;
