//! Running the lifecycles of packages.

mod services;

pub use services::{PackageStore, StoreError, Stores};
