//! A package in an archive: unpacked to a private folder, which is there as long as it is used.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::error::PackageError;
use super::metadata::{MetadataFiles, open_without_waiting};
use crate::archive::{ArchiveError, ArchiveFormat, ArchiveWarning, Limits, unpack};

/// An archive that was unpacked.
#[derive(Debug)]
pub(super) struct Archived {
    /// The archive.
    path: PathBuf,
    /// What it was unpacked to, in canonical form.
    top: PathBuf,
    /// Where its package lies: there, or in a folder there.
    root: PathBuf,
    warnings: Vec<ArchiveWarning>,
    /// Goes away with the last package that uses it.
    _folder: TempDir,
}

/// The file at `path`, if it is an archive.
pub(super) fn open_archive(path: &Path) -> io::Result<Option<File>> {
    let mut file = open_without_waiting(path)?;
    let format = ArchiveFormat::of(&mut file)?;
    Ok(format.map(|_| file))
}

impl Archived {
    /// Unpacks `archive`, which lies at `path`.
    pub(super) fn unpack(
        path: PathBuf,
        archive: File,
        files: MetadataFiles,
    ) -> Result<Self, PackageError> {
        let refused = |source| PackageError::Archive {
            path: path.clone(),
            source,
        };
        let unwritable = |source| {
            refused(ArchiveError::Unwritable {
                entry: std::env::temp_dir(),
                source,
            })
        };
        let folder = private_folder().map_err(unwritable)?;
        let top = fs::canonicalize(folder.path()).map_err(unwritable)?;
        let unpacked = unpack(archive, &top, &Limits::default()).map_err(refused)?;
        let root = package_in(&top, files).map_err(unwritable)?;
        let root = root.map_err(|folders| PackageError::NotOnePackage {
            path: path.clone(),
            folders,
        })?;
        Ok(Self {
            path,
            top,
            root,
            warnings: unpacked.warnings,
            _folder: folder,
        })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    pub(super) fn warnings(&self) -> &[ArchiveWarning] {
        &self.warnings
    }

    /// Whether a canonical path lies in what was unpacked.
    pub(super) fn holds(&self, path: &Path) -> bool {
        path.starts_with(&self.top)
    }

    #[cfg(test)]
    pub(super) fn top(&self) -> &Path {
        &self.top
    }
}

/// A folder that nobody else looks into.
fn private_folder() -> io::Result<TempDir> {
    let mut builder = tempfile::Builder::new();
    builder.prefix("keyway-package-");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        builder.permissions(fs::Permissions::from_mode(0o700));
    }
    builder.tempdir()
}

/// Where the package lies in what was unpacked: at the top, or in the only folder there that has
/// metadata. Otherwise the names of all folders that have some.
pub(crate) fn package_in(
    top: &Path,
    files: MetadataFiles,
) -> io::Result<Result<PathBuf, Vec<OsString>>> {
    let names = files.names();
    let has_metadata = |folder: &Path| names.iter().any(|name| folder.join(name).exists());
    if has_metadata(top) {
        return Ok(Ok(top.to_path_buf()));
    }
    let mut folders = Vec::new();
    for entry in fs::read_dir(top)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() && has_metadata(&entry.path()) {
            folders.push(entry.file_name());
        }
    }
    folders.sort();
    Ok(match &folders[..] {
        [only] => Ok(top.join(only)),
        _ => Err(folders),
    })
}
