//! One folder, seen through the definition of its type.

use std::path::PathBuf;
use std::sync::Arc;

use super::definition::Definition;
use super::metadata::{MetadataError, PackageMetadata};
use super::package::Package;
use super::resolve::Hits;

/// All that answers about a package come from: its folder, its type's definition, its metadata,
/// and the package that is asked for what it lacks.
#[derive(Clone, Debug, Default)]
pub(super) struct Contents {
    /// Canonical; `None` while there is no package.
    pub(super) root: Option<PathBuf>,
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
    /// Changes the definition. What was found with the old one is forgotten.
    pub(super) fn define(&mut self, change: impl FnOnce(&mut Definition)) {
        change(Arc::make_mut(&mut self.definition));
        self.hits.forget();
    }

    pub(super) fn is_hidden(&self) -> bool {
        self.metadata
            .as_ref()
            .is_some_and(|metadata| metadata.view().is_hidden())
    }
}
