//! The package manager: packages that have a life.
//!
//! ```text
//! AddRequest --fetched, staged, validated--> the package root          what is wanted: Operation
//!                                                |                           |
//! Records (state.redb) <--begun, done-- steps <--+-- transitions: a function of record and operation
//!                                         |
//!                                      hooks of the package's lifecycle, each in a thread with a deadline
//! ```
//!
//! A [`PackageManager`] owns a state folder: what it knows of packages, and their data. Packages lie in
//! a package root, installed by the [installer](crate::install). Their code is a lifecycle: a native
//! plugin, in the package's own folder `plugins` or on the plugin search path.

mod add;
mod all;
mod asked;
mod code;
mod engine;
mod entry;
mod error;
mod files;
mod hook;
mod lock;
mod manager;
mod needs;
mod order;
mod paths;
mod record;
mod records;
mod recover;
mod request;
mod run;
mod services;
mod status;
mod transition;

#[cfg(test)]
mod tests;

pub use error::ManagerError;
pub use manager::{Deadlines, Holder, PackageManager, PackageManagerBuilder, Started, Stopped};
pub use request::{AddRequest, AddSource, Answer, DeleteRequest, HookProgress, Operation, Outcome};
pub use services::{PackageStore, StoreError, Stores};
pub use status::{
    InstalledFrom, LastError, LifecycleState, PackageStatus, PendingOperation, Status, StatusError,
};

/// Seconds since 1970.
fn now() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map(|since| since.as_secs()).unwrap_or_default()
}
