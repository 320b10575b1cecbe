//! What the host does for lifecycles.

mod error;
#[cfg(feature = "git")]
pub(super) mod fetch;
mod records;
mod store;
#[cfg(test)]
mod tests;

pub use error::StoreError;
pub use store::{PackageStore, Stores};
