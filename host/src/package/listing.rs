//! The packages that are installed.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use keyway_metadata::TypeName;

use super::error::is_absence;
use super::metadata::{self, PackageMetadata};
use super::package::Package;
use super::search::DataDirs;

/// An installed package, as a listing shows it.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ListedPackage {
    /// Its id, unique in a listing.
    pub id: String,
    /// The name to show, in the C locale; empty if there is none.
    pub name: String,
    /// The version; empty if there is none.
    pub version: String,
    /// The type that was asked for.
    pub type_name: TypeName,
    /// Its folder, as it was found.
    pub path: PathBuf,
    /// Whether it is valid.
    pub valid: bool,
    /// Whether its metadata name no type: it is listed because of where it lies.
    pub untyped: bool,
    /// Its metadata.
    pub metadata: PackageMetadata,
}

/// Lists the packages of the type of `package` in `roots`, best root first.
pub(super) fn list(package: &Package, roots: &[PathBuf]) -> Vec<ListedPackage> {
    let mut packages = BTreeMap::new();
    for root in roots {
        let found: Vec<Found> = metadata_files(root)
            .iter()
            .filter_map(|file| look(package, file))
            .collect();
        // Who says its type comes before who does not.
        for untyped in [false, true] {
            for found in found.iter().filter(|found| found.untyped == untyped) {
                packages
                    .entry(found.id.clone())
                    .or_insert_with(|| found.listed(package));
            }
        }
    }
    packages.into_values().collect()
}

/// A package that is of the type, or may be.
struct Found {
    id: String,
    path: PathBuf,
    metadata: PackageMetadata,
    untyped: bool,
}

/// Looks at a package that may be broken or of another type.
fn look(package: &Package, file: &Path) -> Option<Found> {
    let dirs = package.loader().data_dirs();
    let metadata = read(file, package.allow_external_paths(), dirs)?;
    let types = metadata.declared_types();
    let untyped = types.is_empty();
    let is_of_type = untyped
        || types
            .iter()
            .any(|name| package.type_name() == name.as_str());
    is_of_type.then_some(())?;
    Some(Found {
        id: metadata.id()?.to_owned(),
        path: file.parent()?.to_path_buf(),
        metadata,
        untyped,
    })
}

impl Found {
    fn listed(&self, package: &Package) -> ListedPackage {
        let view = self.metadata.view();
        ListedPackage {
            id: self.id.clone(),
            name: view.name().unwrap_or_default().to_owned(),
            version: view.version().unwrap_or_default().to_owned(),
            type_name: package.type_name().clone(),
            path: self.path.clone(),
            valid: is_valid(package, &self.path),
            untyped: self.untyped,
            metadata: self.metadata.clone(),
        }
    }
}

fn is_valid(package: &Package, path: &Path) -> bool {
    let Ok(path) = fs::canonicalize(path) else {
        return false;
    };
    package.clone().set_path(path).is_ok()
}

/// Reads the metadata of a package that may be broken.
fn read(file: &Path, external: bool, dirs: &DataDirs) -> Option<PackageMetadata> {
    if !external && leads_away(file) {
        tracing::warn!(path = ?file, "a package is not listed: its metadata file lies outside");
        return None;
    }
    metadata::read(file, dirs)
        .inspect_err(|error| tracing::warn!(path = ?file, %error, "a package is not listed"))
        .ok()
}

/// Whether a file is a link to somewhere outside its own folder.
fn leads_away(file: &Path) -> bool {
    let is_link = fs::symlink_metadata(file).is_ok_and(|metadata| metadata.is_symlink());
    let folder = file
        .parent()
        .and_then(|folder| fs::canonicalize(folder).ok());
    is_link
        && match (fs::canonicalize(file), folder) {
            (Ok(file), Some(folder)) => !file.starts_with(folder),
            _ => true,
        }
}

/// The metadata files below `root`, at any depth, in the order of their names; one for each folder.
fn metadata_files(root: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![root.to_path_buf()];
    while let Some(folder) = folders.pop() {
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) => {
                if !is_absence(&error) {
                    tracing::warn!(path = ?folder, %error, "a folder is not listed");
                }
                continue;
            }
        };
        let mut below: Vec<OsString> = Vec::new();
        let mut best: Option<(usize, OsString)> = None;
        for entry in entries.flatten() {
            let name = entry.file_name();
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                if !name.as_encoded_bytes().starts_with(b".") {
                    below.push(name);
                }
            } else if let Some(rank) = rank(&name) {
                let candidate = (rank, name);
                if best.as_ref().is_none_or(|best| candidate < *best) {
                    best = Some(candidate);
                }
            }
        }
        found.extend(best.map(|(_, name)| folder.join(name)));
        // The last one in is the first one out.
        below.sort_unstable_by(|one, other| other.cmp(one));
        folders.extend(below.into_iter().map(|name| folder.join(name)));
    }
    found
}

/// Which of the names of metadata files it is. Case does not matter, as in KPackage 5.103.
fn rank(name: &std::ffi::OsStr) -> Option<usize> {
    metadata::FILE_NAMES
        .iter()
        .position(|known| name.eq_ignore_ascii_case(known))
}
