//! Looking at a folder that may not be a valid package.

use std::borrow::Cow;
use std::ffi::{OsStr, OsString};
use std::path::Path;

use super::contents::Contents;
use super::definition::Definition;
use super::error::FileError;
use super::metadata::PackageMetadata;

/// What there is to see in a package's folder, whether the package is valid or not.
///
/// A [`Package`](super::Package) that is invalid answers nothing, as in KPackage; this is for those
/// who want to show what is wrong with it.
#[derive(Clone, Copy, Debug)]
pub struct Examination<'a> {
    path: &'a Path,
    contents: &'a Contents,
}

impl<'a> Examination<'a> {
    pub(super) fn new(contents: &'a Contents) -> Option<Self> {
        let path = contents.path()?;
        Some(Self { path, contents })
    }

    /// The folder, or the archive: absolute, links followed.
    #[must_use]
    pub fn path(&self) -> &'a Path {
        self.path
    }

    /// Its metadata, if they can be read.
    #[must_use]
    pub fn metadata(&self) -> Option<&'a PackageMetadata> {
        self.contents.metadata.as_deref()
    }

    /// What packages of the type look like, with what the structure changed for this folder.
    #[must_use]
    pub fn definition(&self) -> &'a Definition {
        &self.contents.definition
    }

    /// As [`Package::file_path`](super::Package::file_path).
    #[must_use]
    pub fn file_path(&self, key: &str, file_name: impl AsRef<OsStr>) -> Option<Cow<'a, Path>> {
        self.find_file(key, file_name).ok()
    }

    /// As [`Package::find_file`](super::Package::find_file).
    ///
    /// # Errors
    ///
    /// As [`Package::find_file`](super::Package::find_file).
    pub fn find_file(
        &self,
        key: &str,
        file_name: impl AsRef<OsStr>,
    ) -> Result<Cow<'a, Path>, FileError> {
        self.contents.find(key, file_name.as_ref())
    }

    /// As [`Package::entry_list`](super::Package::entry_list).
    #[must_use]
    pub fn entry_list(&self, key: &str) -> Vec<OsString> {
        self.contents.entries(key)
    }
}
