//! Everything that crosses the border between a Keyway host and its plugins.
//!
//! # Words
//!
//! * *host*: the program that loads plugins, or the Keyway library inside it.
//! * *plugin*: one shared library. It exports one symbol, [`ENTRY_SYMBOL`], which is an [`Entry`].
//! * *interface*: a frozen `#[repr(C)]` struct of functions, known by a name and a version.
//! * *row*: one interface that a plugin gives, listed in its entry ([`Row`]).
//! * *service*: one interface that the host gives, asked for by name and version.
//! * *call*: one invocation of a plugin's function by the host. What is handed over with it is
//!   valid until it returns, on the thread that makes it, unless its contract says otherwise.
//!
//! # The contract, common to all interfaces
//!
//! * Only integers, pointers, [`Str`], [`PathStr`], [`Bytes`], slices of frozen structs and out-pointers
//!   cross. No Rust enum, no `bool`, no zero-sized type and nothing owned.
//! * A function that can fail returns a status, see [`status`]. A status that the caller does not
//!   know counts as a failure.
//! * Text is UTF-8 and is checked by whoever receives it. It need not end with NUL. A null pointer
//!   with length 0 is the empty text.
//! * Memory is freed by who allocated it. Text that the host hands out is pushed into a sink that
//!   the plugin brings ([`StrSink`], [`PathSink`]) and is copied there; what a plugin has to say is
//!   pushed through the host's functions. Nothing is handed over.
//! * No panic, exception or `longjmp` crosses. A plugin wraps each of its functions in a
//!   [guard]; the host does the same for its own.
//! * The functions of a plugin are called from any thread, several at once, unless the interface
//!   says otherwise. The host holds no lock while it calls.
//! * A library is never unloaded: its tables, its entry and its code live as long as the process.
//!
//! # Growth
//!
//! A published struct never changes, not even by a field at its end. New capabilities are new rows
//! or services with a name or version of their own. A host takes the newest version of a name that
//! it knows and skips what it does not know. *Published* means the first tagged minor of the ABI.
//!
//! # Evidence
//!
//! A plugin written in Rust lists its interfaces in flavour [`FLAVOUR_RUST`]: the row then carries
//! the layout of the table's type, as abi_stable describes it, and the host compares that with its
//! own before it calls anything; a plugin built with the same sources of this crate need not be
//! compared type by type. Flavour [`FLAVOUR_C`] has no evidence and uses the same tables.
//!
//! # This crate's Rust side
//!
//! The frozen structs are the border. Beside each stand safe wrappers for the two sides: the
//! plugin's (used by `keyway-plugin`) and the host's (used by `keyway`). They are not part of the
//! ABI. `unsafe` code stands here and in the host's library module, nowhere else.

#![allow(unsafe_code)]

pub mod build;
mod call;
mod entry;
mod evidence;
pub mod guard;
mod host;
mod lifecycle;
mod log;
mod package;
mod plugin;
mod services;
mod structure;
mod text;

pub use call::{BoxError, Call, Fault, FaultKind, FaultReport, Location, Phase, status};
pub use entry::{
    ABI_MAJOR, ABI_MINOR, ENTRY_SYMBOL, Entry, EntryError, ExportedEntry, FLAVOUR_C, FLAVOUR_RUST,
    Interface, MAGIC, MAX_MANIFEST, MAX_ROW_SIZE, MAX_ROWS, Row, RowView, Rows,
};
pub use evidence::{Evidence, LayoutMismatch, check_evidence};
pub use host::{
    Host, HostRef, HostServices, HostV1, Service, ServiceError, ServiceHandle, ServiceOffer,
    ServiceRequest, host_v1,
};
pub use lifecycle::{
    Cancellation, CancellationAccess, ContextAccess, ContextRef, Hook, HookRef, HookV1,
    LifecycleContext, LifecycleContextV1, LifecycleInstance, LifecycleRef, LifecycleV1, Lifecycles,
    lifecycle_v1,
};
pub use log::{
    CallsiteInfo, LogCallsite, LogEvent, LogSite, LogSiteRef, LogValue, OwnedValue, value_kind,
};
pub use package::{KeyFilter, Package, PackageAccess, PackageError, PackageRef, PackageV1};
pub use plugin::{PluginRef, PluginV1, Plugins, plugin_v1};
pub use services::config::{
    ConfigAccess, ConfigDocument, ConfigHandle, ConfigRef, ConfigV1, ConfigValue,
};
pub use services::fetch::{
    FetchAccess, FetchHandle, FetchRef, FetchRequest, FetchRequestV1, FetchV1,
};
pub use services::packages::{
    PackageAdd, PackageAddV1, PackageInfo, PackageInfoV1, PackageSink, PackageSource,
    PackagesAccess, PackagesHandle, PackagesRef, PackagesV1,
};
pub use services::process::{
    MAX_ARGUMENT_BYTES, MAX_ARGUMENTS, MAX_GRACE_MS, MAX_LOG_BYTES, MAX_PROCESS_NAME,
    MIN_LOG_BYTES, PROCESS_VARIABLE, ProcessAccess, ProcessExit, ProcessFailure, ProcessHandle,
    ProcessRef, ProcessRequest, ProcessRequestV1, ProcessState, ProcessStatus, ProcessStatusV1,
    ProcessV1, ProcessVariableV1, Restart,
};
pub use services::store::{
    MAX_APPLIED, MAX_CHANGES, MAX_KEY, MAX_PAGE, MAX_VALUE, StoreAccess, StoreChange,
    StoreChangeV1, StoreExpected, StoreHandle, StoreOutcome, StoreOutcomeV1, StoreRef, StoreV1,
};
pub use services::{Bytes, BytesSink, PairSink, ServiceFailure};
pub use structure::{StructureInstance, StructureRef, StructureV1, Structures, structure_v1};
pub use text::{NotUtf8, PathSink, PathStr, Str, StrSink};
