//! What is to be installed: a folder or an archive.

use std::fs::{self, File};
use std::io::Seek as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::decide::Offered;
use super::dependency;
use super::error::InstallError;
use crate::archive::{self, ArchiveFormat, FoundEntry, Limits};
use crate::package::metadata::{self, MAX_BYTES, MetadataFiles};
use crate::package::{DataDirs, PackageMetadata};

/// A package somewhere, which is looked at to be installed.
#[derive(Debug)]
pub struct Source {
    path: PathBuf,
    kind: SourceKind,
    /// The archive, open: what was looked at is what is installed.
    file: Option<File>,
    metadata: Arc<PackageMetadata>,
}

/// What a package lies in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SourceKind {
    /// A folder.
    Folder,
    /// An archive of a format.
    Archive(ArchiveFormat),
}

impl Source {
    /// Looks at what lies at `path`, whose metadata are one of `files`.
    pub(super) fn open(
        path: &Path,
        files: MetadataFiles,
        limits: &Limits,
        dirs: &DataDirs,
    ) -> Result<Self, InstallError> {
        let unreadable = |source| InstallError::Unreadable {
            path: path.to_path_buf(),
            source,
        };
        let absolute = fs::canonicalize(path).map_err(unreadable)?;
        if absolute.is_dir() {
            return Self::of_folder(absolute, files, dirs);
        }
        let not_a_package = || InstallError::NotAPackage {
            path: path.to_path_buf(),
        };
        let mut file = metadata::open_without_waiting(&absolute).map_err(unreadable)?;
        if !file.metadata().map_err(unreadable)?.is_file() {
            return Err(not_a_package());
        }
        let format = ArchiveFormat::of(&mut file).map_err(unreadable)?;
        let format = format.ok_or_else(not_a_package)?;
        let again = file.try_clone().map_err(unreadable)?;
        let found = archive::read_first(again, limits, MAX_BYTES, &|name| rank(name, files))
            .map_err(|error| InstallError::of_archive(path, error))?;
        file.rewind().map_err(unreadable)?;
        let no_metadata = || InstallError::NoMetadata {
            path: path.to_path_buf(),
            expected: files.names(),
        };
        let FoundEntry { path: name, bytes } = found.ok_or_else(no_metadata)?;
        let metadata = metadata::parse(&absolute.join(name), &bytes, dirs);
        Ok(Self {
            metadata: Arc::new(metadata.map_err(|source| bad_metadata(path, source))?),
            path: absolute,
            kind: SourceKind::Archive(format),
            file: Some(file),
        })
    }

    fn of_folder(
        path: PathBuf,
        files: MetadataFiles,
        dirs: &DataDirs,
    ) -> Result<Self, InstallError> {
        let metadata = in_folder(&path, &path, files, dirs)?;
        Ok(Self {
            path,
            kind: SourceKind::Folder,
            file: None,
            metadata,
        })
    }

    /// Where it lies: absolute, links followed.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What it lies in.
    #[must_use]
    pub fn kind(&self) -> SourceKind {
        self.kind
    }

    /// Its metadata.
    #[must_use]
    pub fn metadata(&self) -> &PackageMetadata {
        &self.metadata
    }

    /// The archive, if it is one.
    pub(super) fn file(&self) -> Option<&File> {
        self.file.as_ref()
    }

    /// What its metadata say that matters here. `counts_toml`: also what a `package.toml` says of
    /// dependencies.
    pub(super) fn offered(&self, counts_toml: bool) -> Offered {
        let view = self.metadata.view();
        let mut dependencies = dependency::of(view.raw());
        if counts_toml {
            dependencies.extend(
                dependency::of_package_toml(&self.metadata)
                    .into_iter()
                    .map(Ok),
            );
        }
        Offered {
            id: view.id().map(str::to_owned),
            types: self.metadata.declared_types(),
            version: view.version().map(str::to_owned),
            dependencies,
        }
    }
}

/// The metadata of the package in a folder; errors name `shown`.
pub(super) fn in_folder(
    folder: &Path,
    shown: &Path,
    files: MetadataFiles,
    dirs: &DataDirs,
) -> Result<Arc<PackageMetadata>, InstallError> {
    let found = metadata::find(folder, files, false, dirs);
    match (found.metadata, found.trouble) {
        (Some(metadata), _) => Ok(metadata),
        (None, Some(trouble)) => Err(InstallError::Metadata {
            path: shown.to_path_buf(),
            source: trouble,
        }),
        (None, None) => Err(InstallError::NoMetadata {
            path: shown.to_path_buf(),
            expected: files.names(),
        }),
    }
}

fn bad_metadata(path: &Path, source: metadata::MetadataError) -> InstallError {
    InstallError::Metadata {
        path: path.to_path_buf(),
        source: Arc::new(source),
    }
}

/// How good an entry of an archive is as the package's metadata: those at the top come before those
/// in a folder.
fn rank(name: &Path, files: MetadataFiles) -> Option<u32> {
    let mut components = name.components();
    let file = components.next_back()?.as_os_str();
    let names = files.names();
    let kind = names.iter().position(|known| file == *known)?;
    let depth = components.count();
    (depth <= 1).then(|| (depth * names.len() + kind) as u32)
}
