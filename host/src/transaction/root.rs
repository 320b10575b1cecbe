//! A package root, and holding it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::lock::Lock;
use super::recover;
use super::remove::remove;
use super::swap;
use super::sync::sync_folder;
use super::work::Work;
use super::{FOLDER, LOCK, RECEIPTS, WITHDRAWN, WORK, receipt, unless_absent};

/// As often a root is made anew that somebody else takes away at the same time.
const ATTEMPTS: usize = 100;

/// Why a package root was not changed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RootError {
    /// Somebody else is changing it.
    #[error("`{}` is locked", path.display())]
    Locked {
        /// The root.
        path: PathBuf,
        /// As long was waited.
        waited: Duration,
    },
    /// The system says no.
    #[error("`{}`", path.display())]
    Io {
        /// What it is about.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
}

impl RootError {
    pub(super) fn at(path: &Path) -> impl FnOnce(io::Error) -> Self + use<'_> {
        move |source| Self::Io {
            path: path.to_path_buf(),
            source,
        }
    }
}

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
        let folder = self.path.join(FOLDER);
        for attempt in 1.. {
            fs::create_dir_all(&folder).map_err(RootError::at(&folder))?;
            let lock = match Lock::take(&folder.join(LOCK), wait) {
                Ok(Some(lock)) => lock,
                Ok(None) => break,
                // Somebody else found it empty.
                Err(error) if error.kind() == io::ErrorKind::NotFound && attempt < ATTEMPTS => {
                    continue;
                }
                Err(error) => return Err(RootError::at(&folder.join(LOCK))(error)),
            };
            let path = fs::canonicalize(&self.path).map_err(RootError::at(&self.path))?;
            return Ok(LockedRoot {
                root: self,
                path,
                lock,
            });
        }
        Err(RootError::Locked {
            path: self.path.clone(),
            waited: wait,
        })
    }
}

impl Drop for Root {
    fn drop(&mut self) {
        // Who has the lock does the same.
        if let Ok(Some(lock)) = Lock::try_take(&self.path.join(FOLDER).join(LOCK)) {
            tidy(&self.path, &lock);
        }
        for folder in self.missing.iter().rev() {
            let _ = fs::remove_dir(folder);
        }
    }
}

/// Takes away what is empty of our folder in the root.
fn tidy(root: &Path, lock: &Lock) {
    let folder = root.join(FOLDER);
    for folder in [folder.join(WORK), folder.join(RECEIPTS)] {
        let _ = fs::remove_dir(folder);
    }
    let only_lock = fs::read_dir(&folder).is_ok_and(|mut entries| {
        entries.all(|entry| entry.is_ok_and(|entry| entry.file_name() == LOCK))
    });
    if only_lock && lock.remove().is_ok() {
        let _ = fs::remove_dir(folder);
    }
}

/// A package root that nobody else changes.
#[derive(Debug)]
pub(crate) struct LockedRoot<'a> {
    root: &'a Root,
    /// The root, links followed.
    path: PathBuf,
    lock: Lock,
}

impl LockedRoot<'_> {
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Cleans up what killed processes left, and begins a change. It goes on without the lock.
    pub(crate) fn begin(&self) -> Result<Work, RootError> {
        recover::clean(&self.path);
        let work = self.path.join(FOLDER).join(WORK);
        Work::begin(&work).map_err(RootError::at(&work))
    }

    /// Puts the package of `work` into the root under the name `id`, where nothing may be, with its
    /// receipt.
    pub(crate) fn put(&self, work: &Work, id: &str) -> Result<Aftermath, RootError> {
        self.make_receipts()?;
        let to = self.path.join(id);
        swap::put(&work.package(), &to).map_err(RootError::at(&to))?;
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
        let to = self.path.join(id);
        let failed = RootError::at(&to);
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
        recover::clean(&self.path);
        let (from, ours) = (self.path.join(name), self.path.join(FOLDER));
        let to = withdraw(&from, &ours).map_err(RootError::at(&from))?;
        let mut aftermath = Vec::new();
        self.sync(&self.path, &mut aftermath);
        // After the package: who is killed in between leaves a receipt of nothing, which goes next.
        let receipt = receipt(&self.path, name);
        if let Err(error) = unless_absent(fs::remove_file(&receipt)) {
            aftermath.push(RootError::at(&receipt)(error));
        }
        Ok((Withdrawn(to), aftermath))
    }

    /// Removes what was taken out; what stays is removed by the next one who begins something. Not
    /// without the lock, since two who remove one folder get in each other's way.
    pub(crate) fn discard(&self, withdrawn: Withdrawn) -> io::Result<()> {
        remove(&withdrawn.0)
    }

    fn make_receipts(&self) -> Result<(), RootError> {
        let receipts = self.path.join(FOLDER).join(RECEIPTS);
        match fs::create_dir(&receipts) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                Err(RootError::at(&receipts)(error))
            }
            _ => Ok(()),
        }
    }

    /// What follows when a package is in its place.
    fn settle(&self, work: &Work, id: &str) -> Aftermath {
        let mut aftermath = Vec::new();
        self.sync(&self.path, &mut aftermath);
        for folder in &self.root.missing {
            self.sync(folder.parent().unwrap_or(folder), &mut aftermath);
        }
        let receipt = receipt(&self.path, id);
        match fs::rename(work.receipt(), &receipt) {
            Ok(()) => self.sync(receipt.parent().unwrap_or(&receipt), &mut aftermath),
            Err(error) => {
                work.keep();
                aftermath.push(RootError::at(&receipt)(error));
            }
        }
        aftermath
    }

    fn sync(&self, folder: &Path, aftermath: &mut Aftermath) {
        if self.root.sync
            && let Err(error) = sync_folder(folder)
        {
            aftermath.push(RootError::at(folder)(error));
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
        tidy(&self.path, &self.lock);
    }
}
