//! What happened to installed packages.

use std::path::{Path, PathBuf};

use keyway_metadata::TypeName;

/// How a package changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Change {
    /// It is new.
    Added,
    /// Another version took its place, or something in it is different.
    Changed,
    /// It is gone.
    Removed,
}

/// What happened to an installed package.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PackageEvent {
    /// How it changed.
    pub change: Change,
    /// Its type.
    pub type_name: TypeName,
    /// Its id.
    pub id: String,
    /// Its folder.
    pub path: PathBuf,
}

impl PackageEvent {
    pub(crate) fn new(change: Change, type_name: &TypeName, id: &str, path: &Path) -> Self {
        Self {
            change,
            type_name: type_name.clone(),
            id: id.to_owned(),
            path: path.to_path_buf(),
        }
    }
}
