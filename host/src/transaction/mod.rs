//! Changing what lies in a package root: entirely, or not at all.
//!
//! ```text
//! Root --lock--> LockedRoot --begin--> Work: a private folder, in which a package is prepared
//!                    |                   |
//!                    |                   +--put, exchange: one rename--> the package root
//!                    |                   +--exchange_keeping--> the same, and what was there is kept
//!                    +--ensure_in_place: the kept one, or the one that took its place
//!                    +--withdraw: one rename--> out of the package root
//! ```
//!
//! A package root has, besides packages, a hidden folder of ours, which listings pass over:
//!
//! ```text
//! ID/                     a package
//! .keyway/lock            held by whoever changes something
//! .keyway/receipts/ID.json
//! .keyway/managed/ID      says that ID belongs to the package manager
//! .keyway/kept/ID/        the other version of a package whose upgrade may still be taken back
//! .keyway/removed.NUMBER  a package that was removed, until all of it is gone
//! .keyway/changes/NAME/   one change that is being prepared, or what a killed process left of it
//!     lock                held by the process that prepares it
//!     package/            the new package; after an exchange the old one
//!     old/                the old package, where the system cannot exchange two folders
//!     receipt.json        the receipt to be
//! ```
//!
//! What a killed process leaves is told from what is in use by its lock, which the system takes away
//! with the process. [`LockedRoot::begin`] cleans it up. Nothing in such a folder has to be written
//! before the others can be understood: a new package is in place if the folder under its name is
//! the one that its receipt speaks of.
//!
//! It knows nothing of packages but that they are folders with a name.

mod error;
mod folders;
#[cfg(feature = "install")]
mod keep;
mod kept;
mod lock;
#[cfg(feature = "install")]
mod managed;
mod recover;
#[cfg(feature = "install")]
mod remove;
#[cfg(feature = "install")]
mod root;
mod swap;
#[cfg(feature = "install")]
mod sync;
#[cfg(test)]
#[cfg(feature = "install")]
mod tests;
#[cfg(feature = "install")]
mod work;

use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
#[cfg(unix)]
use std::time::UNIX_EPOCH;

#[cfg(feature = "install")]
pub(crate) use error::RootError;
#[cfg(feature = "install")]
#[allow(unused_imports, reason = "the package manager names it")]
pub(crate) use keep::Kept;
#[cfg(feature = "install")]
pub(crate) use kept::Which;
#[cfg(feature = "install")]
pub(crate) use managed::{is_managed, managed};
pub(crate) use recover::restore;
#[cfg(feature = "install")]
pub(crate) use root::{LockedRoot, Root};
#[cfg(feature = "lifecycle")]
pub(crate) use sync::{sync_folder, sync_tree};
#[cfg(feature = "install")]
pub(crate) use work::Work;

/// The hidden folder in a package root.
const FOLDER: &str = ".keyway";
const WORK: &str = "changes";
const RECEIPTS: &str = "receipts";
#[cfg(feature = "install")]
const MANAGED: &str = "managed";
const KEPT: &str = "kept";
const LOCK: &str = "lock";
const PACKAGE: &str = "package";
const OLD: &str = "old";
/// What the names of removed packages begin with.
#[cfg(feature = "install")]
const WITHDRAWN: &str = "removed.";
const RECEIPT: &str = "receipt.json";

/// Where the receipt of the package `id` lies in the package root `root`.
#[cfg(feature = "install")]
pub(crate) fn receipt(root: &Path, id: &str) -> PathBuf {
    receipt_in(&root.join(FOLDER), id)
}

fn receipt_in(ours: &Path, id: &str) -> PathBuf {
    ours.join(RECEIPTS).join(format!("{id}.json"))
}

/// As many bytes as a receipt is read of: more than the largest archive that is allowed leads to.
const MAX_RECEIPT: u64 = 256 << 20;

/// Reads a receipt, whatever lies in its place: what is no file, or too large, is invalid.
pub(crate) fn read_receipt(path: &Path) -> io::Result<Vec<u8>> {
    let mut options = fs::OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, UNLINKED);
    let file = options.read(true).open(path)?;
    let mut json = Vec::new();
    if !file.metadata()?.is_file() {
        return Err(io::ErrorKind::InvalidData.into());
    }
    file.take(MAX_RECEIPT + 1).read_to_end(&mut json)?;
    if json.len() as u64 > MAX_RECEIPT {
        return Err(io::ErrorKind::InvalidData.into());
    }
    Ok(json)
}

/// Opens no link, and waits for nobody who writes to a pipe.
#[cfg(unix)]
const UNLINKED: i32 =
    (rustix::fs::OFlags::NOFOLLOW.union(rustix::fs::OFlags::NONBLOCK)).bits() as i32;

/// What tells a folder from all others of its file system, wherever it is moved to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct Place {
    pub(crate) device: u64,
    pub(crate) inode: u64,
    /// When it was made, in nanoseconds since 1970, where the file system knows: the inode of a folder
    /// that was removed soon is another one's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) born: Option<u64>,
}

impl Place {
    /// That of what lies at `path`, which may be a link. `None` where the system has no such thing.
    #[cfg(unix)]
    pub(crate) fn of(path: &Path) -> io::Result<Option<Self>> {
        use std::os::unix::fs::MetadataExt as _;
        let metadata = fs::symlink_metadata(path)?;
        Ok(Some(Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            born: born(&metadata),
        }))
    }

    /// That of what lies at `path`, which may be a link. `None` where the system has no such thing.
    #[cfg(not(unix))]
    pub(crate) fn of(path: &Path) -> io::Result<Option<Self>> {
        fs::symlink_metadata(path).map(|_| None)
    }
}

#[cfg(unix)]
fn born(metadata: &fs::Metadata) -> Option<u64> {
    let since = metadata.created().ok()?.duration_since(UNIX_EPOCH).ok()?;
    since.as_nanos().try_into().ok()
}

/// What `look` finds at `path` while nobody takes it away or replaces it: one who looks without the
/// lock would find a half of each.
#[cfg(feature = "install")]
pub(crate) fn unreplaced<T>(path: &Path, mut look: impl FnMut() -> T) -> T {
    const ATTEMPTS: usize = 10;
    for _ in 0..ATTEMPTS {
        let before = Place::of(path).ok();
        let found = look();
        if Place::of(path).ok() == before {
            return found;
        }
    }
    look()
}

/// Whether anything lies at `path`, be it a link to nothing.
fn is_there(path: &Path) -> io::Result<bool> {
    match fs::symlink_metadata(path) {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Passes over that something is not there.
#[cfg(feature = "install")]
fn unless_absent(done: io::Result<()>) -> io::Result<()> {
    match done {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        done => done,
    }
}
