//! A package that a listing found.

use std::borrow::Cow;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use keyway_metadata::{Document, TypeName};

use super::cache::{Contents, Place};
use super::judge::Case;
use super::tree::{Bytes, File, Folder, Says};
use crate::package::error::LoadError;
use crate::package::metadata::{self, PackageMetadata};
use crate::package::package::Package;

/// An installed package, as a listing found it. Cheap to clone.
#[derive(Clone)]
pub struct ListedPackage(Arc<Inner>);

/// Where packages are from.
pub(super) struct Origin {
    /// A package of the type, without a path.
    pub(super) template: Package,
    /// What is kept of their root.
    pub(super) contents: Option<Arc<Contents>>,
}

struct Inner {
    origin: Arc<Origin>,
    /// Id, name and version, one behind the other.
    texts: Box<str>,
    name_at: u32,
    version_at: u32,
    path: PathBuf,
    untyped: bool,
    /// Whether there are names in languages.
    translated: bool,
    /// The metadata file is the one that whoever opens the package reads.
    opened: bool,
    source: Source,
    metadata: OnceLock<Arc<PackageMetadata>>,
    valid: OnceLock<bool>,
}

/// What a metadata file holds.
enum Source {
    /// It lies among what is kept of the root.
    Stored(Place),
    Read(Arc<[u8]>),
    /// The metadata are made already.
    Made,
}

impl fmt::Debug for ListedPackage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ListedPackage")
            .field("id", &self.id())
            .field("type_name", self.type_name())
            .field("path", &self.path())
            .finish_non_exhaustive()
    }
}

impl ListedPackage {
    /// The package in `folder`, if it is one that may be of the type.
    pub(super) fn of(
        origin: &Arc<Origin>,
        folder: &Folder<'_>,
        path: impl FnOnce() -> PathBuf,
    ) -> Option<Self> {
        let made = OnceLock::new();
        let (says, opened, source) = match &folder.file {
            File::Kept(kept) => {
                let source = match &kept.bytes {
                    Bytes::Read(bytes) => Source::Read(Arc::clone(bytes)),
                    Bytes::Stored(place) => Source::Stored(*place),
                };
                (Cow::Borrowed(&kept.says), true, source)
            }
            File::Loose(file, Some(metadata)) => {
                let says = Cow::Owned(Says::of_metadata(metadata)?);
                let _ = made.set(Arc::clone(metadata));
                (says, file.opened, Source::Made)
            }
            File::None | File::Same | File::Loose(_, None) => return None,
        };
        if !says.may_be(origin.template.type_name().as_str()) {
            return None;
        }
        let mut texts = String::with_capacity(says.id.len() + says.name.len() + says.version.len());
        texts.push_str(&says.id);
        // A metadata file has no more than some megabytes.
        let name_at = u32::try_from(texts.len()).ok()?;
        texts.push_str(&says.name);
        let version_at = u32::try_from(texts.len()).ok()?;
        texts.push_str(&says.version);
        Some(Self(Arc::new(Inner {
            origin: Arc::clone(origin),
            texts: texts.into(),
            name_at,
            version_at,
            path: path(),
            untyped: says.is_untyped(),
            translated: says.translated,
            opened,
            source,
            metadata: made,
            valid: OnceLock::new(),
        })))
    }

    /// Its id, unique in a listing.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.0.texts[..self.0.name_at as usize]
    }

    /// The name to show, in the C locale; empty if there is none.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0.texts[self.0.name_at as usize..self.0.version_at as usize]
    }

    /// The name to show in a locale, such as `de_AT.UTF-8`, by the rule of
    /// [`PluginMetadata::translated`](keyway_metadata::PluginMetadata::translated); empty if there
    /// is none.
    #[must_use]
    pub fn name_in(&self, locale: &str) -> Cow<'_, str> {
        if !self.0.translated || matches!(locale, "" | "C" | "POSIX") {
            return Cow::Borrowed(self.name());
        }
        if let Some(metadata) = self.0.metadata.get() {
            return Cow::Borrowed(metadata.view().name_in(locale).unwrap_or_default());
        }
        let metadata = self.read();
        Cow::Owned(metadata.view().name_in(locale).unwrap_or_default().into())
    }

    /// The version; empty if there is none.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.0.texts[self.0.version_at as usize..]
    }

    /// The type that was asked for.
    #[must_use]
    pub fn type_name(&self) -> &TypeName {
        self.0.origin.template.type_name()
    }

    /// Its folder, as it was found.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0.path
    }

    /// Whether its metadata name no type: it is listed because of where it lies.
    #[must_use]
    pub fn is_untyped(&self) -> bool {
        self.0.untyped
    }

    /// Its metadata, as they were when the listing was made. They are taken apart when this is
    /// first called; nothing is read again.
    #[must_use]
    pub fn metadata(&self) -> &PackageMetadata {
        self.0.metadata.get_or_init(|| self.read())
    }

    /// The metadata, without keeping them.
    pub(super) fn read(&self) -> Arc<PackageMetadata> {
        if let Some(metadata) = self.0.metadata.get() {
            return Arc::clone(metadata);
        }
        let file = self.0.path.join(metadata::JSON);
        let dirs = self.0.origin.template.loader().data_dirs();
        let metadata = match &self.0.source {
            Source::Read(bytes) => metadata::parse(&file, bytes, dirs).ok(),
            Source::Stored(place) => (self.0.origin.contents.as_ref())
                .and_then(|contents| contents.get(*place))
                .and_then(|bytes| metadata::parse(&file, &bytes, dirs).ok())
                // Somebody has damaged what is kept.
                .or_else(|| metadata::read(&file, dirs).ok()),
            Source::Made => None,
        };
        // There was an outline of it, so there is the whole of it.
        Arc::new(metadata.unwrap_or_else(|| PackageMetadata::from(Document::default())))
    }

    /// Whether it is valid, as [`Package::is_valid`] means it. It is found out when this is first
    /// called, unless the listing was [asked to](super::Listing::with_validity), and then stands.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        *self.0.valid.get_or_init(|| {
            let Ok(root) = fs::canonicalize(self.path()) else {
                return false;
            };
            let contents = self.case(&root, false).contents(&self.0.origin.template);
            contents.is_ok_and(|contents| contents.is_valid())
        })
    }

    pub(super) fn judged(&self, valid: bool) {
        let _ = self.0.valid.set(valid);
    }

    /// The package in the canonical folder `root`, to be looked at.
    pub(super) fn case(&self, root: &Path, plain: bool) -> Case {
        Case {
            root: root.to_path_buf(),
            metadata: self.0.opened.then(|| self.read()),
            plain,
        }
    }

    /// The package itself, as it is now.
    ///
    /// # Errors
    ///
    /// It is gone or not valid, or the structure's code failed.
    pub fn load(&self) -> Result<Package, LoadError> {
        let mut package = self.0.origin.template.clone();
        package.set_path(self.path())?;
        Ok(package)
    }
}
