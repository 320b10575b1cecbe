//! What the host does for lifecycles.

pub(super) mod config;
mod error;
#[cfg(feature = "git")]
pub(super) mod fetch;
pub(super) mod packages;
#[cfg_attr(not(unix), path = "process/nowhere.rs")]
pub(super) mod process;
mod records;
mod store;
#[cfg(test)]
mod tests;

pub use error::StoreError;
pub use store::{PackageStore, Stores};
