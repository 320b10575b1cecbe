//! Files that one process at a time holds.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
#[cfg(feature = "install")]
use std::thread;
#[cfg(feature = "install")]
use std::time::{Duration, Instant};

/// As long until a lock that is held is tried again.
#[cfg(feature = "install")]
const PAUSE: Duration = Duration::from_millis(10);

/// A file that is held until this is dropped, or the process ends.
#[derive(Debug)]
pub(super) struct Lock {
    #[cfg_attr(
        not(feature = "install"),
        expect(dead_code, reason = "only who changes roots removes it")
    )]
    path: PathBuf,
    file: File,
}

impl Lock {
    /// Takes the lock at `path`, for which `wait` is waited at most. `None`: it is still held by
    /// somebody else. The folder must be there.
    #[cfg(feature = "install")]
    pub(super) fn take(path: &Path, wait: Duration) -> io::Result<Option<Self>> {
        let end = Instant::now() + wait;
        loop {
            if let Some(lock) = Self::try_take(path)? {
                return Ok(Some(lock));
            }
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(None);
            }
            thread::sleep(PAUSE.min(left));
        }
    }

    /// As [`take`](Self::take), without waiting.
    pub(super) fn try_take(path: &Path) -> io::Result<Option<Self>> {
        loop {
            let mut options = options();
            #[cfg(unix)]
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
            let file = options.create(true).open(path)?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => return Ok(None),
                Err(TryLockError::Error(error)) => return Err(error),
            }
            // Who held it before may have removed it, and the file of that name be another one.
            if is_at(&file, path)? {
                let path = path.to_path_buf();
                return Ok(Some(Self { path, file }));
            }
        }
    }

    /// Whether somebody holds the lock at `path`. Nothing is made.
    pub(super) fn is_held(path: &Path) -> io::Result<bool> {
        let file = match options().open(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            file => file?,
        };
        match file.try_lock() {
            Ok(()) => Ok(false),
            Err(TryLockError::WouldBlock) => Ok(true),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    /// Removes the file; who waits for it makes a new one.
    #[cfg(feature = "install")]
    pub(super) fn remove(&self) -> io::Result<()> {
        std::fs::remove_file(&self.path)
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Closing would do, unless a process that was started meanwhile still has it.
        let _ = self.file.unlock();
    }
}

/// Nobody else may hold it: who may not write may not even open it. Some network file systems lock only
/// what may be written.
fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, super::UNLINKED);
    options.read(true).write(true);
    options
}

#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt as _;
    let (ours, there) = (file.metadata()?, std::fs::symlink_metadata(path));
    match there {
        Ok(there) => Ok((ours.dev(), ours.ino()) == (there.dev(), there.ino())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// A file that somebody has open is not replaced there.
#[cfg(not(unix))]
fn is_at(_: &File, path: &Path) -> io::Result<bool> {
    super::is_there(path)
}
