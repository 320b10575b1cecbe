//! Opening a plugin's library: the only place of the host with `unsafe` code.
//!
//! # Why `Registry::structure` is a safe function
//!
//! Opening a library runs foreign code in this process, which nothing can make sound for every
//! file. What stands in for that:
//!
//! * only files are opened that lie in folders of the search path, and whose manifest and header
//!   say that they are plugins for this host ([`Compatible`](super::Compatible));
//! * the entry belongs to this very file, and the manifest in memory is the one that was read;
//! * a Rust plugin's tables are compared with the host's own types before one is called; a C
//!   plugin's author vouches for them by listing the row;
//! * a library is never unloaded: thread-local destructors and `'static` data of Rust code outlive
//!   any unloading, so every pointer into it stays good.
//!
//! A plugin that breaks its word after that can harm the process, as any native code can.

#![allow(unsafe_code)]

mod error;
mod open;
mod plugin;
mod process;

pub use error::LoadError;
pub(super) use open::Library;
pub use plugin::Plugin;
#[cfg(test)]
pub(super) use process::glibc_version;
pub(crate) use process::raised_privileges;
