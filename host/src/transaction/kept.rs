//! Keeping what an upgrade replaces, until it is known which of the two versions is to stay.
//!
//! ```text
//! .keyway/kept/ID/versions.json  which folder is which
//!     package/                   one of the two: at first the new one, after an exchange the old one
//!     old/                       the old one, where the system cannot exchange two folders
//!     receipt.json               the receipt of the new one
//!     old.json                   that of the old one, if it has one
//! ```
//!
//! All of it comes with one rename, while the old version is in place, and goes with one. Between them
//! the two folders change places, as often as is asked for. Which of them lies where is told by the
//! folders themselves; where the system cannot tell one from another, it cannot exchange two either,
//! and each lies under its own name.

use std::io;
use std::path::{Path, PathBuf};

use super::folders::Folders;
use super::recover::is_malformed;
use super::swap;
use super::{KEPT, OLD, PACKAGE, Place, is_there, read_receipt};

/// Which folder is which.
pub(super) const VERSIONS: &str = "versions.json";

/// A version of a package that is being upgraded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Which {
    /// The one that was there before.
    Old,
    /// The one that took its place.
    New,
}

pub(super) const BOTH: [Which; 2] = [Which::Old, Which::New];

#[derive(Default, serde::Serialize, serde::Deserialize)]
pub(super) struct Versions {
    pub(super) old: Option<Place>,
    pub(super) new: Option<Place>,
}

impl Versions {
    pub(super) fn is(&self, which: Which, place: Place) -> bool {
        let version = match which {
            Which::Old => self.old,
            Which::New => self.new,
        };
        // All of a root is on one file system, whose number may be another one after a start.
        version.is_some_and(|it| (it.inode, it.born) == (place.inode, place.born))
    }
}

/// The folder in which both versions of a package meet.
pub(super) struct Pair {
    pub(super) folder: PathBuf,
    /// Where one of them is in place.
    pub(super) place: PathBuf,
    pub(super) versions: Versions,
}

impl Pair {
    /// `None`: nothing is kept of the package `id`.
    pub(super) fn of(folders: &Folders, id: &str) -> io::Result<Option<Self>> {
        let folder = folders.ours().join(KEPT).join(id);
        if !is_there(&folder)? {
            return Ok(None);
        }
        let versions = match read_receipt(&folder.join(VERSIONS)) {
            Ok(json) => serde_json::from_slice(&json).unwrap_or_default(),
            Err(error) if is_malformed(&error) => Versions::default(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Versions::default(),
            Err(error) => return Err(error),
        };
        Ok(Some(Self {
            folder,
            place: folders.root().join(id),
            versions,
        }))
    }

    /// The two places beside the one in the root.
    pub(super) fn slots(&self) -> [PathBuf; 2] {
        [self.folder.join(OLD), self.folder.join(PACKAGE)]
    }

    /// Where a version is kept.
    pub(super) fn kept(&self, which: Which) -> io::Result<Option<PathBuf>> {
        for (slot, named) in self.slots().into_iter().zip(BOTH) {
            let is_it = match place_of(&slot)? {
                Found::Nothing => false,
                Found::Something => named == which,
                Found::Known(place) => self.versions.is(which, place),
            };
            if is_it {
                return Ok(Some(slot));
            }
        }
        Ok(None)
    }

    /// Whether both are kept, and none is in place. Of one alone somebody else removed the other.
    fn is_unsettled(&self) -> io::Result<bool> {
        for slot in self.slots() {
            if !is_there(&slot)? {
                return Ok(false);
            }
        }
        Ok(!is_there(&self.place)?)
    }

    /// Puts the old version back if a process was killed after it took one away and before it put
    /// the other there.
    pub(super) fn settle(&self) -> io::Result<()> {
        if !self.is_unsettled()? {
            return Ok(());
        }
        // If nothing tells which one it is, one is better than none.
        let [by_name, _] = self.slots();
        let old = self.kept(Which::Old)?.unwrap_or(by_name);
        swap::put(&old, &self.place)
    }
}

/// Finishes what a killed process left of the two versions of a package, of which `kept` is the folder.
/// The caller has the root's lock.
pub(super) fn settle(folders: &Folders, kept: &Path) -> io::Result<()> {
    of_folder(folders, kept)?.map_or(Ok(()), |pair| pair.settle())
}

/// Whether a killed process left something there.
pub(super) fn is_unsettled(folders: &Folders, kept: &Path) -> io::Result<bool> {
    of_folder(folders, kept)?.map_or(Ok(false), |pair| pair.is_unsettled())
}

fn of_folder(folders: &Folders, kept: &Path) -> io::Result<Option<Pair>> {
    let id = kept.file_name().and_then(|name| name.to_str());
    Ok(id.map(|id| Pair::of(folders, id)).transpose()?.flatten())
}

/// What is found somewhere.
pub(super) enum Found {
    Nothing,
    /// What cannot be told from anything else.
    Something,
    Known(Place),
}

pub(super) fn place_of(path: &Path) -> io::Result<Found> {
    match Place::of(path) {
        Ok(Some(place)) => Ok(Found::Known(place)),
        Ok(None) => Ok(Found::Something),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Found::Nothing),
        Err(error) => Err(error),
    }
}
