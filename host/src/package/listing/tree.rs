//! What was found below a root: the folders, each before those in it, in the order of their names.

use std::borrow::Cow;
use std::ffi::OsStr;
use std::path::Path;
use std::sync::Arc;

use keyway_metadata::Document;
use serde::{Deserialize, Serialize};

use super::cache;
use super::folder::MetadataFile;
use crate::package::metadata::{self, PackageMetadata};
use crate::plugin::FileIdentity;

/// A folder that was walked.
#[derive(Debug)]
pub(super) struct Folder<'a> {
    /// 0 for the root, 1 for a folder in it, and so on.
    pub(super) depth: u32,
    pub(super) name: Cow<'a, OsStr>,
    pub(super) stamp: Stamp,
    /// Whether there is nothing in it but files, and folders that are not hidden.
    pub(super) plain: bool,
    pub(super) file: File<'a>,
    /// Whether the package is valid, if that depends on nothing outside its folder.
    pub(super) verdict: Option<bool>,
}

/// Which folder it is, and how it was.
#[derive(Debug)]
pub(super) enum Stamp {
    /// As it was remembered, at this place: the same names are in it.
    Same(usize),
    /// `None`: it changed so lately that another change might not be seen.
    New(Option<Box<FileIdentity>>),
}

impl Folder<'_> {
    /// Whether the same names are in it as were remembered.
    pub(super) fn is_unchanged(&self) -> bool {
        matches!(self.stamp, Stamp::Same(_))
    }

    /// Whether the next change of it will be seen.
    pub(super) fn is_settled(&self) -> bool {
        matches!(self.stamp, Stamp::Same(_) | Stamp::New(Some(_)))
    }

    /// Whether it has a metadata file that can be kept.
    pub(super) fn has_file(&self) -> bool {
        matches!(self.file, File::Same | File::Kept(_))
    }

    /// Whether the next change of that will be seen.
    pub(super) fn has_settled_file(&self) -> bool {
        match &self.file {
            File::Same => true,
            File::Kept(kept) => kept.identity.is_some(),
            File::None | File::Loose(..) => false,
        }
    }

    /// Lets go of what is known of its file, if it can be looked up where it was remembered.
    pub(super) fn let_go(&mut self) {
        if self.is_unchanged()
            && let File::Kept(kept) = &self.file
            && let Bytes::Stored(_) = kept.bytes
        {
            self.file = File::Same;
        }
    }
}

/// The metadata file of a folder.
#[derive(Debug)]
pub(super) enum File<'a> {
    /// There is none.
    None,
    /// As it was remembered with the folder, which is unchanged.
    Same,
    /// An ordinary `metadata.json`.
    Kept(Box<Kept<'a>>),
    /// What has to be looked at each time: a link, a `.desktop` file, whose meaning other files
    /// decide, a name in capitals, a file that is read forgivingly or not at all. With what it
    /// says.
    Loose(Box<MetadataFile>, Option<Arc<PackageMetadata>>),
}

/// What is kept of a `metadata.json`.
#[derive(Debug)]
pub(super) struct Kept<'a> {
    /// `None`: it changed so lately that another change might not be seen.
    pub(super) identity: Option<FileIdentity>,
    pub(super) says: Says<'a>,
    pub(super) bytes: Bytes,
}

/// What a `metadata.json` holds.
#[derive(Debug)]
pub(super) enum Bytes {
    Read(Arc<[u8]>),
    /// They lie there among what is kept.
    Stored(cache::Place),
}

/// What metadata say of the package.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Says<'a> {
    #[serde(borrow)]
    pub(super) id: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) name: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) version: Cow<'a, str>,
    #[serde(borrow)]
    types: Types<'a>,
    /// Whether there are names in languages.
    pub(super) translated: bool,
}

/// The types that metadata declare.
#[derive(Clone, Debug, Serialize, Deserialize)]
enum Types<'a> {
    None,
    #[serde(borrow)]
    One(Cow<'a, str>),
    More(Vec<String>),
}

impl Says<'_> {
    pub(super) fn borrowed(&self) -> Says<'_> {
        let Says {
            id,
            name,
            version,
            types,
            translated,
        } = self;
        Says {
            id: Cow::Borrowed(id),
            name: Cow::Borrowed(name),
            version: Cow::Borrowed(version),
            types: match types {
                Types::None => Types::None,
                Types::One(one) => Types::One(Cow::Borrowed(one)),
                Types::More(types) => Types::More(types.clone()),
            },
            translated: *translated,
        }
    }

    /// What a sound `metadata.json` says.
    pub(super) fn of(document: &Document) -> Self {
        let view = document.metadata();
        Self {
            id: Cow::Owned(view.id().unwrap_or("metadata").to_owned()),
            name: Cow::Owned(view.name().unwrap_or_default().to_owned()),
            version: Cow::Owned(view.version().unwrap_or_default().to_owned()),
            types: Types::of(metadata::declared_types(view)),
            translated: view.is_translated(),
        }
    }

    /// What the metadata of a loose file say; `None` if the file's name gives no id.
    pub(super) fn of_metadata(metadata: &PackageMetadata) -> Option<Self> {
        let view = metadata.view();
        Some(Self {
            id: Cow::Owned(metadata.id()?.to_owned()),
            name: Cow::Owned(view.name().unwrap_or_default().to_owned()),
            version: Cow::Owned(view.version().unwrap_or_default().to_owned()),
            types: Types::of(metadata.declared_types()),
            translated: true,
        })
    }

    /// Whether the package may be listed under `type_name`: its metadata say so, or name no type.
    pub(super) fn may_be(&self, type_name: &str) -> bool {
        match &self.types {
            Types::None => true,
            Types::One(one) => one == type_name,
            Types::More(types) => types.iter().any(|one| one == type_name),
        }
    }

    /// Whether the metadata name no type.
    pub(super) fn is_untyped(&self) -> bool {
        matches!(self.types, Types::None)
    }
}

impl Types<'_> {
    fn of(mut types: Vec<String>) -> Self {
        match types.len() {
            0 => Self::None,
            1 => Self::One(Cow::Owned(types.remove(0))),
            _ => Self::More(types),
        }
    }
}

/// Follows the paths of folders in their order.
#[derive(Debug, Default)]
pub(super) struct Steps {
    path: Growing,
    /// How long the path was before each step.
    before: Vec<usize>,
}

impl Steps {
    /// Goes to the next folder.
    pub(super) fn to(&mut self, depth: u32, name: &OsStr) {
        let kept = usize::try_from(depth.saturating_sub(1)).unwrap_or(usize::MAX);
        if let Some(length) = self.before.get(kept) {
            self.path.cut(*length);
            self.before.truncate(kept);
        }
        if depth > 0 {
            self.before.push(self.path.length());
            self.path.push(name);
        }
    }

    /// Its path below the root.
    pub(super) fn path(&self) -> &Path {
        self.path.path()
    }

    /// The path of what is called `name` in that folder.
    pub(super) fn with<R>(&mut self, name: &OsStr, look: impl FnOnce(&Path) -> R) -> R {
        let length = self.path.length();
        self.path.push(name);
        let result = look(self.path.path());
        self.path.cut(length);
        result
    }
}

/// A path that grows and is cut at its end; taking a [`PathBuf`](std::path::PathBuf) apart for that
/// takes longer than asking the system about it.
#[cfg(unix)]
#[derive(Debug, Default)]
struct Growing(Vec<u8>);

#[cfg(unix)]
impl Growing {
    fn length(&self) -> usize {
        self.0.len()
    }

    fn push(&mut self, name: &OsStr) {
        if !self.0.is_empty() {
            self.0.push(b'/');
        }
        self.0.extend_from_slice(name.as_encoded_bytes());
    }

    fn cut(&mut self, length: usize) {
        self.0.truncate(length);
    }

    fn path(&self) -> &Path {
        use std::os::unix::ffi::OsStrExt as _;
        Path::new(OsStr::from_bytes(&self.0))
    }
}

#[cfg(not(unix))]
#[derive(Debug, Default)]
struct Growing(std::path::PathBuf);

#[cfg(not(unix))]
impl Growing {
    fn length(&self) -> usize {
        self.0.as_os_str().len()
    }

    fn push(&mut self, name: &OsStr) {
        self.0.push(name);
    }

    fn cut(&mut self, length: usize) {
        while self.length() > length {
            self.0.pop();
        }
    }

    fn path(&self) -> &Path {
        &self.0
    }
}

/// The folders, as threads found them, one share behind the other.
#[derive(Debug, Default)]
pub(super) struct Folders<'a>(Vec<Vec<Folder<'a>>>);

/// The place of a folder: its share, and its place in that.
pub(super) type Place = (usize, usize);

impl<'a> Folders<'a> {
    pub(super) fn push(&mut self, share: Vec<Folder<'a>>) {
        self.0.push(share);
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Folder<'a>> {
        self.0.iter().flatten()
    }

    pub(super) fn get(&self, (share, at): Place) -> &Folder<'a> {
        &self.0[share][at]
    }

    /// The folders below the one at `place`, with itself.
    pub(super) fn subtree(&self, place @ (share, at): Place) -> impl Iterator<Item = &Folder<'a>> {
        let folder = self.get(place);
        let behind = self.0[share][at + 1..].iter();
        let behind = behind.chain(self.0[share + 1..].iter().flatten());
        let below = behind.take_while(|below| below.depth > folder.depth);
        std::iter::once(folder).chain(below)
    }

    /// Says whether the package in a folder is valid, or forgets it.
    pub(super) fn set_verdict(&mut self, (share, at): Place, verdict: Option<bool>) {
        self.0[share][at].verdict = verdict;
    }

    pub(super) fn forget_verdicts(&mut self) {
        for folder in self.0.iter_mut().flatten() {
            folder.verdict = None;
        }
    }

    /// Forgets verdicts on packages with changes anywhere in their folders.
    pub(super) fn forget_changed(&mut self) {
        for share in 0..self.0.len() {
            for at in 0..self.0[share].len() {
                let place = (share, at);
                if self.get(place).verdict.is_some()
                    && !self.subtree(place).all(Folder::is_unchanged)
                {
                    self.set_verdict(place, None);
                }
            }
        }
    }
}
