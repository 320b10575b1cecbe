//! A change that is being prepared.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::folders::Folders;
use super::lock::Lock;
use super::remove::remove;
use super::sync::sync_tree;
use super::{LOCK, OLD, PACKAGE, RECEIPT, WORK, unless_absent};

/// A private folder in the root, in which a package is prepared, and what it replaced is removed.
/// It is gone with this, as far as that is possible.
#[derive(Debug)]
pub(crate) struct Work {
    folder: PathBuf,
    folders: Arc<Folders>,
    /// Whether what is in it is needed to finish or undo the change.
    is_kept: AtomicBool,
    _lock: Lock,
}

impl Work {
    /// Begins one. The caller has the root's lock, so nobody takes the new folder for one that was
    /// left.
    pub(super) fn begin(folders: &Arc<Folders>) -> io::Result<Self> {
        let all = folders.ours().join(WORK);
        fs::create_dir_all(&all)?;
        let folder = tempfile::Builder::new().prefix("").tempdir_in(all)?;
        let lock = Lock::try_take(&folder.path().join(LOCK))?;
        let lock = lock.ok_or(io::ErrorKind::ResourceBusy)?;
        Ok(Self {
            folder: folder.keep(),
            folders: Arc::clone(folders),
            is_kept: AtomicBool::new(false),
            _lock: lock,
        })
    }

    /// Where the new package is put together; where the old one lies after an exchange.
    pub(crate) fn package(&self) -> PathBuf {
        self.folder.join(PACKAGE)
    }

    /// A place for something else.
    pub(crate) fn place(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// How people know a path in it.
    pub(crate) fn shown(&self, path: &Path) -> PathBuf {
        self.folders.shown(path)
    }

    pub(super) fn old(&self) -> PathBuf {
        self.folder.join(OLD)
    }

    pub(super) fn receipt(&self) -> PathBuf {
        self.folder.join(RECEIPT)
    }

    /// Writes the receipt to be: JSON with at least the members `id` and `folder`, the
    /// [`Place`](super::Place) of the new package.
    pub(crate) fn write_receipt(&self, json: &[u8]) -> io::Result<()> {
        fs::File::create_new(self.receipt())?.write_all(json)
    }

    /// Brings all of it to the disk.
    pub(crate) fn sync(&self) -> io::Result<()> {
        sync_tree(&self.folder)
    }

    /// Leaves it all to the next one who begins something, since it is not finished.
    pub(super) fn keep(&self) {
        self.is_kept.store(true, Ordering::Relaxed);
    }

    /// Removes all of it, unless it has to be finished.
    pub(crate) fn discard(self) -> io::Result<()> {
        if self.is_kept.swap(true, Ordering::Relaxed) {
            return Ok(());
        }
        remove_work(&self.folder)
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        if !self.is_kept.load(Ordering::Relaxed) {
            // What cannot be removed now is removed by the next one who begins something.
            let _ = remove_work(&self.folder);
        }
    }
}

/// Removes the folder of a change, or what is left of it. The receipt goes first: who is killed leaves
/// none that speaks of a folder which is not there any more, and whose inode another one may get. The
/// lock goes last: nobody else takes the folder for one that was left, and removes it too.
pub(super) fn remove_work(folder: &Path) -> io::Result<()> {
    unless_absent(fs::remove_file(folder.join(RECEIPT)))?;
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let entry = entry?;
        if entry.file_name() != LOCK {
            remove(&entry.path())?;
        }
    }
    remove(folder)
}
