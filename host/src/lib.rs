//! Loads package structures and lifecycles from native plugins.

pub mod plugin;
mod version;

pub use version::compare_versions;
