//! The folder beside the one that is to be made, in which all is done until it is whole.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::error::GitError;

/// What the names of these folders begin with.
const PREFIX: &str = ".keyway-git.";
/// The file that is locked as long as somebody works.
const LOCK: &str = "lock";
/// As often another name is tried if somebody takes ours for left over.
const ATTEMPTS: usize = 10;

/// A private folder, removed at the end.
#[derive(Debug)]
pub(super) struct Work {
    into: PathBuf,
    folder: TempDir,
    _lock: File,
}

impl Work {
    /// Begins to make `into`, which must not be there, in a folder that is. What killed processes left
    /// beside it is removed.
    pub(super) fn begin(into: &Path) -> Result<Self, GitError> {
        if is_there(into).map_err(GitError::at(into))? {
            let path = into.to_path_buf();
            return Err(GitError::Exists { path });
        }
        let parent = match into.parent() {
            Some(parent) if parent.as_os_str().is_empty() => Path::new("."),
            Some(parent) => parent,
            None => return Err(GitError::at(into)(io::ErrorKind::InvalidInput.into())),
        };
        // Links in it stay what they are, whatever becomes of the current folder.
        let parent = fs::canonicalize(parent).map_err(GitError::at(parent))?;
        let Some(name) = into.file_name() else {
            return Err(GitError::at(into)(io::ErrorKind::InvalidInput.into()));
        };
        clean(&parent);
        for _ in 0..ATTEMPTS {
            let mut builder = tempfile::Builder::new();
            builder.prefix(PREFIX);
            #[cfg(unix)]
            builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o700));
            let folder = builder.tempdir_in(&parent).map_err(GitError::at(&parent))?;
            let Some(lock) = lock(folder.path(), true).map_err(GitError::at(folder.path()))? else {
                continue;
            };
            let work = Self {
                into: parent.join(name),
                folder,
                _lock: lock,
            };
            let content = work.content();
            fs::create_dir(&content).map_err(GitError::at(&content))?;
            return Ok(work);
        }
        Err(GitError::at(&parent)(io::ErrorKind::ResourceBusy.into()))
    }

    /// Where the content is put.
    pub(super) fn content(&self) -> PathBuf {
        self.folder.path().join("content")
    }

    /// Where objects are put that are fetched.
    pub(super) fn repository(&self) -> PathBuf {
        self.folder.path().join("repository")
    }

    /// Gives the content its name, in one step.
    pub(super) fn finish(self) -> Result<(), GitError> {
        put(&self.content(), &self.into).map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => GitError::Exists {
                path: self.into.clone(),
            },
            _ => GitError::at(&self.into)(error),
        })
    }
}

/// Removes what killed processes left in `parent`.
fn clean(parent: &Path) {
    for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
        let is_ours = entry.file_name().to_string_lossy().starts_with(PREFIX)
            && entry.file_type().is_ok_and(|kind| kind.is_dir());
        if !is_ours {
            continue;
        }
        let path = entry.path();
        let removed = match lock(&path, false) {
            Ok(Some(_lock)) => fs::remove_dir_all(&path),
            Ok(None) => Ok(()),
            // It was killed before it had a lock; or has none yet, and makes another folder then.
            Err(error) if error.kind() == io::ErrorKind::NotFound => fs::remove_dir(&path),
            Err(error) => Err(error),
        };
        match removed {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                tracing::warn!(?path, %error, "what is left of a fetch stays as it is");
            }
            _ => {}
        }
    }
}

/// Takes the lock of such a folder. `None`: somebody else has it, or has removed the folder.
fn lock(folder: &Path, make: bool) -> io::Result<Option<File>> {
    let path = folder.join(LOCK);
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    {
        use rustix::fs::OFlags;
        use std::os::unix::fs::OpenOptionsExt as _;
        // Opens no link, and waits for nobody who writes to a pipe.
        options.custom_flags((OFlags::NOFOLLOW | OFlags::NONBLOCK).bits() as i32);
    }
    let opened = options.read(true).write(true).create(make).open(&path);
    let file = match opened {
        Err(error) if make && error.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => opened?,
    };
    match file.try_lock() {
        // Who held it before may have removed it.
        Ok(()) => Ok(is_there(&path)?.then_some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// Whether anything lies at `path`, be it a link to nothing.
fn is_there(path: &Path) -> io::Result<bool> {
    match fs::symlink_metadata(path) {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Moves `from` to `to`, where nothing may be.
fn put(from: &Path, to: &Path) -> io::Result<()> {
    #[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
    {
        use rustix::fs::{CWD, RenameFlags, renameat_with};
        use rustix::io::Errno;
        match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
            // Some file systems cannot do that.
            Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => {}
            moved => return Ok(moved?),
        }
    }
    if is_there(to)? {
        return Err(io::ErrorKind::AlreadyExists.into());
    }
    fs::rename(from, to)
}
