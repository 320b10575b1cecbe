//! What the threads of one fetch share.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use super::error::GitError;
use super::fetch::Progress;

/// How much may be fetched at most.
///
/// ```
/// let mut limits = keyway::git::Limits::default();
/// limits.bytes = 64 << 20;
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Bytes of all files that are written. 2 GiB by default.
    pub bytes: u64,
    /// Files, folders and links that are written. 100,000 by default.
    pub files: u64,
    /// Bytes of one object, since it is held in memory. 256 MiB by default.
    pub object: u64,
    /// Bytes that a server sends, which may be all history. 2 GiB by default.
    pub received: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            bytes: 2 << 30,
            files: 100_000,
            object: 256 << 20,
            received: 2 << 30,
        }
    }
}

/// One fetch: whether it should end, how far it is, and what stopped it.
#[derive(Debug)]
pub(super) struct Run {
    /// What is shown to people.
    pub(super) url: String,
    pub(super) limits: Limits,
    /// As long may a server be silent.
    pub(super) patience: Duration,
    /// Set when the fetch should end; read by gix, too.
    pub(super) cancelled: AtomicBool,
    received: AtomicU64,
    files: AtomicU64,
    bytes: AtomicU64,
    failure: Mutex<Option<GitError>>,
}

impl Run {
    pub(super) fn new(url: String, limits: Limits, patience: Duration) -> Self {
        Self {
            url,
            limits,
            patience,
            cancelled: AtomicBool::new(false),
            received: AtomicU64::new(0),
            files: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            failure: Mutex::new(None),
        }
    }

    pub(super) fn cancel(&self) {
        self.cancelled.store(true, Ordering::Relaxed);
    }

    /// Fails if somebody has cancelled it.
    pub(super) fn check(&self) -> Result<(), GitError> {
        match self.cancelled.load(Ordering::Relaxed) {
            true => Err(GitError::Cancelled),
            false => Ok(()),
        }
    }

    pub(super) fn progress(&self) -> Progress {
        Progress {
            received: self.received.load(Ordering::Relaxed),
            files: self.files.load(Ordering::Relaxed),
            bytes: self.bytes.load(Ordering::Relaxed),
        }
    }

    /// Counts bytes that a server sent.
    pub(super) fn count_received(&self, bytes: u64) -> Result<(), GitError> {
        let limit = self.limits.received;
        match count(&self.received, bytes) <= limit {
            true => Ok(()),
            false => Err(GitError::TooMuchReceived { limit }),
        }
    }

    /// Counts a file, folder or link of so many bytes that is about to be written.
    pub(super) fn count_file(&self, bytes: u64) -> Result<(), GitError> {
        if count(&self.files, 1) > self.limits.files {
            let limit = self.limits.files;
            return Err(GitError::TooManyFiles { limit });
        }
        if count(&self.bytes, bytes) > self.limits.bytes {
            let limit = self.limits.bytes;
            return Err(GitError::TooManyBytes { limit });
        }
        Ok(())
    }

    /// Keeps the reason, since it does not get through gix as it is. The first one counts.
    pub(super) fn fail(&self, error: GitError) {
        self.failure().get_or_insert(error);
    }

    /// The reason that was kept.
    pub(super) fn take_failure(&self) -> Option<GitError> {
        self.failure().take()
    }

    fn failure(&self) -> std::sync::MutexGuard<'_, Option<GitError>> {
        self.failure
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// Adds, and gives the sum.
fn count(counter: &AtomicU64, more: u64) -> u64 {
    counter
        .fetch_add(more, Ordering::Relaxed)
        .saturating_add(more)
}
