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
mod fault;
mod file;
mod library;
mod lifecycle;
mod log;
mod refusal;
mod registry;
mod search_path;
pub(crate) mod single_flight;
mod structure;
mod target;

pub use candidate::{Candidate, Compatible, Look, look};
pub use catalog::{Catalog, Found, TypeVerdict, Verdict};
pub use fault::{Fault, Method};
pub use file::{Container, Header};
pub use library::{LoadError, Plugin};
pub use lifecycle::{HookName, Lifecycle};
pub use refusal::{NotAPlugin, Refusal};
pub use registry::{Registry, ResolveError, Search};
pub use search_path::{FolderOrigin, PLUGIN_PATH_VARIABLE, SearchFolder, SearchPath};
pub use structure::Structure;
