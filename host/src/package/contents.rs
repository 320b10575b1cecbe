//! One folder, seen through the definition of its type.

use std::path::{Path, PathBuf};
use std::sync::Arc;

#[cfg(feature = "archive")]
use super::archived::Archived;
use super::definition::Definition;
use super::hits::Hits;
use super::metadata::{MetadataError, MetadataFiles, PackageMetadata};
use super::package::Package;

/// All that answers about a package come from: its folder, its type's definition, its metadata,
/// and the package that is asked for what it lacks.
#[derive(Clone, Debug, Default)]
pub(super) struct Contents {
    /// Canonical; `None` while there is no package.
    pub(super) root: Option<PathBuf>,
    /// The archive that was unpacked there.
    #[cfg(feature = "archive")]
    pub(super) archive: Option<Arc<Archived>>,
    pub(super) definition: Arc<Definition>,
    pub(super) metadata: Option<Arc<PackageMetadata>>,
    /// Why the metadata file, or one of the two, does not count.
    pub(super) metadata_trouble: Option<Arc<MetadataError>>,
    pub(super) fallback: Option<Package>,
    /// Why there is no fallback, where one is named.
    pub(super) fallback_trouble: Option<FallbackTrouble>,
    /// A listing found no link in the folder, and the structure asked for nothing elsewhere: what
    /// is there lies inside, and depends on the folder alone.
    pub(super) plain: bool,
    /// The files that were found already.
    pub(super) hits: Hits,
}

/// A fallback that is named and does not count.
#[derive(Clone, Debug)]
pub(super) struct FallbackTrouble {
    /// The code of the problem.
    pub(super) code: &'static str,
    /// Who names it.
    pub(super) named_by: &'static str,
    /// Why it does not count.
    pub(super) why: String,
}

impl Contents {
    /// What the package was made from: its folder, or the archive that was unpacked to it.
    pub(super) fn path(&self) -> Option<&Path> {
        #[cfg(feature = "archive")]
        if let Some(archive) = &self.archive {
            return Some(archive.path());
        }
        self.root.as_deref()
    }

    /// Takes the place of what there was. An archive stays as long as the folder lies in it.
    pub(super) fn move_to(&mut self, contents: Self) {
        #[cfg(feature = "archive")]
        let contents = Self {
            archive: self.archive.take().filter(|archive| {
                let root = contents.root.as_deref();
                root.is_some_and(|root| archive.holds(root))
            }),
            ..contents
        };
        *self = contents;
    }

    /// Changes the definition. What was found with the old one is forgotten.
    pub(super) fn define(&mut self, change: impl FnOnce(&mut Definition)) {
        change(Arc::make_mut(&mut self.definition));
        self.hits.forget();
    }

    /// What is wrong with the metadata of a package that is none without them: the name of a 3bot
    /// package is nowhere else. KPackage's packages are valid with any metadata and with none.
    pub(super) fn namelessness(&self) -> Option<&MetadataError> {
        let is_named = self.metadata.is_some()
            || self.definition.metadata_files() != MetadataFiles::PackageToml;
        self.metadata_trouble.as_deref().filter(|_| !is_named)
    }

    pub(super) fn is_hidden(&self) -> bool {
        self.metadata
            .as_ref()
            .is_some_and(|metadata| metadata.view().is_hidden())
    }
}
