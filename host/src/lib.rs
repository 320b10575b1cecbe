//! Loads package structures and lifecycles from native plugins.

pub mod package;
pub mod plugin;
mod version;

pub use package::{DataDirs, Package, PackageLoader};
pub use plugin::{Registry, SearchPath};
pub use version::compare_versions;
