//! A package root, and holding it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::error::RootError;
use super::folders::Folders;
use super::lock::Lock;
use super::recover;
use super::remove::remove;
use super::swap;
use super::sync::sync_folder;
use super::work::Work;
use super::{FOLDER, KEPT, LOCK, MANAGED, RECEIPTS, WITHDRAWN, WORK, receipt_in, unless_absent};

/// As often a root is made anew that somebody else takes away at the same time.
const ATTEMPTS: usize = 100;

/// What went wrong after a change was made: it does not undo the change.
pub(crate) type Aftermath = Vec<RootError>;

/// A package root that is to be changed. It is made when it is first locked; what was made of it
/// and is empty in the end is taken away again.
#[derive(Debug)]
pub(crate) struct Root {
    path: PathBuf,
    /// The folders that are not there yet, the outermost first.
    missing: Vec<PathBuf>,
    /// Whether changes are brought to the disk before they count.
    sync: bool,
    /// Whether two folders may be exchanged in one step.
    exchanges: bool,
}

impl Root {
    /// The root at `path`, which is absolute and need not be there.
    pub(crate) fn new(path: &Path, sync: bool) -> Self {
        let missing = path.ancestors().take_while(|path| !path.exists());
        let mut missing: Vec<_> = missing.map(Path::to_path_buf).collect();
        missing.reverse();
        Self {
            path: path.to_path_buf(),
            missing,
            sync,
            exchanges: true,
        }
    }

    /// As on systems that cannot exchange two folders.
    #[cfg(test)]
    pub(super) fn without_exchange(mut self) -> Self {
        self.exchanges = false;
        self
    }

    /// Holds the root against all others that go by our lock, for which `wait` is waited at most.
    pub(crate) fn lock(&self, wait: Duration) -> Result<LockedRoot<'_>, RootError> {
        for attempt in 1.. {
            match self.try_lock(wait) {
                // Somebody else found it empty, and took it away.
                Err(RootError::Io { source, .. })
                    if source.kind() == io::ErrorKind::NotFound && attempt < ATTEMPTS => {}
                locked => return locked,
            }
        }
        Err(self.locked(wait))
    }

    fn try_lock(&self, wait: Duration) -> Result<LockedRoot<'_>, RootError> {
        let made = fs::create_dir_all(&self.path).map_err(|error| match error.kind() {
            // It is a file, or a link to nothing.
            io::ErrorKind::AlreadyExists => io::ErrorKind::NotADirectory.into(),
            _ => error,
        });
        made.map_err(RootError::at(&self.path))?;
        let folders = Arc::new(Folders::open(&self.path, true)?);
        let path = folders.ours().join(LOCK);
        let lock = Lock::take(&path, wait).map_err(folders.at(&path))?;
        Ok(LockedRoot {
            root: self,
            folders,
            lock: lock.ok_or_else(|| self.locked(wait))?,
        })
    }

    fn locked(&self, waited: Duration) -> RootError {
        RootError::Locked {
            path: self.path.clone(),
            waited,
        }
    }
}

impl Drop for Root {
    fn drop(&mut self) {
        // Who has the lock does the same.
        if let Ok(folders) = Folders::open(&self.path, false)
            && let Ok(Some(lock)) = Lock::try_take(&folders.ours().join(LOCK))
        {
            tidy(&folders, &lock);
        }
        for folder in self.missing.iter().rev() {
            let _ = fs::remove_dir(folder);
        }
    }
}

/// Takes away what is empty of our folder in the root.
fn tidy(folders: &Folders, lock: &Lock) {
    let ours = folders.ours();
    for part in [WORK, RECEIPTS, MANAGED, KEPT] {
        let _ = fs::remove_dir(ours.join(part));
    }
    let only_lock = fs::read_dir(ours).is_ok_and(|mut entries| {
        entries.all(|entry| entry.is_ok_and(|entry| entry.file_name() == LOCK))
    });
    if only_lock && lock.remove().is_ok() {
        let _ = fs::remove_dir(folders.root().join(FOLDER));
    }
}

/// A package root that nobody else changes.
#[derive(Debug)]
pub(crate) struct LockedRoot<'a> {
    root: &'a Root,
    folders: Arc<Folders>,
    lock: Lock,
}

impl LockedRoot<'_> {
    /// The root, links followed.
    pub(crate) fn path(&self) -> &Path {
        self.folders.path()
    }

    pub(super) fn folders(&self) -> &Folders {
        &self.folders
    }

    /// Whether changes are brought to the disk before they count.
    pub(super) fn syncs(&self) -> bool {
        self.root.sync
    }

    /// Whether two folders may be exchanged in one step.
    pub(super) fn exchanges(&self) -> bool {
        self.root.exchanges
    }

    /// The folders in which a part of the root may have been made.
    pub(super) fn made_in(&self) -> impl Iterator<Item = &Path> {
        let missing = self.root.missing.iter();
        missing.map(|folder| folder.parent().unwrap_or(folder))
    }

    /// Cleans up what killed processes left, and begins a change. It goes on without the lock.
    pub(crate) fn begin(&self) -> Result<Work, RootError> {
        recover::clean(&self.folders);
        let failed = self.folders.at(&self.folders.ours().join(WORK));
        Work::begin(&self.folders).map_err(failed)
    }

    /// Puts the package of `work` into the root under the name `id`, where nothing may be, with its
    /// receipt.
    pub(crate) fn put(&self, work: &Work, id: &str) -> Result<Aftermath, RootError> {
        self.make_receipts()?;
        let to = self.folders.root().join(id);
        swap::put(&work.package(), &to).map_err(self.folders.at(&to))?;
        Ok(self.settle(work, id))
    }

    /// Puts the package of `work` into the root in place of what has the name `id`, with its
    /// receipt. What was there lies in `work` then.
    ///
    /// Where two folders cannot be exchanged, there is nothing of that name for a moment. A process
    /// that is killed just then leaves it so until [`restore`](super::restore) or
    /// [`begin`](Self::begin).
    pub(crate) fn exchange(&self, work: &Work, id: &str) -> Result<Aftermath, RootError> {
        self.make_receipts()?;
        let to = self.folders.root().join(id);
        let failed = self.folders.at(&to);
        let exchange = || -> io::Result<()> {
            if self.root.exchanges && swap::exchange(&work.package(), &to)? {
                return Ok(());
            }
            fs::rename(&to, work.old())?;
            swap::put(&work.package(), &to).inspect_err(|_| {
                if swap::put(&work.old(), &to).is_err() {
                    work.keep();
                }
            })
        };
        exchange().map_err(failed)?;
        Ok(self.settle(work, id))
    }

    /// Cleans up what killed processes left, and takes what has the name `name` out of the root, with
    /// its receipt. Nothing has to be made for it: it works on a full disk, too.
    pub(crate) fn withdraw(&self, name: &str) -> Result<(Withdrawn, Aftermath), RootError> {
        recover::clean(&self.folders);
        let from = self.folders.root().join(name);
        let to = withdraw(&from, self.folders.ours()).map_err(self.folders.at(&from))?;
        let mut aftermath = Vec::new();
        self.sync(self.folders.root(), &mut aftermath);
        // After the package: who is killed in between leaves a receipt of nothing, which goes next.
        let receipt = receipt_in(self.folders.ours(), name);
        if let Err(error) = unless_absent(fs::remove_file(&receipt)) {
            aftermath.push(self.folders.at(&receipt)(error));
        }
        Ok((Withdrawn(to), aftermath))
    }

    /// Removes what was taken out; what stays is removed by the next one who begins something. Not
    /// without the lock, since two who remove one folder get in each other's way.
    pub(crate) fn discard(&self, withdrawn: Withdrawn) -> io::Result<()> {
        remove(&withdrawn.0)
    }

    pub(super) fn make_receipts(&self) -> Result<(), RootError> {
        let receipts = self.folders.ours().join(RECEIPTS);
        match fs::create_dir(&receipts) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                Err(self.folders.at(&receipts)(error))
            }
            _ => Ok(()),
        }
    }

    /// What follows when a package is in its place.
    fn settle(&self, work: &Work, id: &str) -> Aftermath {
        let mut aftermath = Vec::new();
        let receipt = receipt_in(self.folders.ours(), id);
        // Both at once, so that the disk has to be waited for once.
        if let Err(error) = fs::rename(work.receipt(), &receipt) {
            work.keep();
            aftermath.push(self.folders.at(&receipt)(error));
        }
        self.sync(self.folders.root(), &mut aftermath);
        for folder in self.made_in() {
            self.sync(folder, &mut aftermath);
        }
        self.sync(&self.folders.ours().join(RECEIPTS), &mut aftermath);
        aftermath
    }

    pub(super) fn sync(&self, folder: &Path, aftermath: &mut Aftermath) {
        if self.root.sync
            && let Err(error) = sync_folder(folder)
        {
            aftermath.push(self.folders.at(folder)(error));
        }
    }
}

/// Moves `from` into our folder, and gives where it lies.
pub(super) fn withdraw(from: &Path, ours: &Path) -> io::Result<PathBuf> {
    let mut attempt = 0;
    loop {
        let to = ours.join(format!("{WITHDRAWN}{attempt}"));
        match swap::put(from, &to) {
            // An earlier one that cannot be removed.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && attempt < ATTEMPTS => {
                attempt += 1;
            }
            moved => return moved.map(|()| to),
        }
    }
}

/// What was taken out of a root and is to be removed.
#[derive(Debug)]
pub(crate) struct Withdrawn(PathBuf);

impl Drop for LockedRoot<'_> {
    fn drop(&mut self) {
        tidy(&self.folders, &self.lock);
    }
}
