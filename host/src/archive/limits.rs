//! How much an archive may be.

use std::path::Path;

use super::error::ArchiveError;

/// As many bytes may come out of any archive, however small it is, before the ratio counts.
const RATIO_FROM: u64 = 16 << 20;

/// What an archive may have at most. The defaults are far above what real packages have.
///
/// ```
/// let mut limits = keyway::archive::Limits::default();
/// limits.bytes = 64 << 20;
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Files, folders and links, also folders that no entry stands for. 100,000 by default.
    pub entries: u64,
    /// Bytes of all that is unpacked; in a tar also its headers. 2 GiB by default.
    pub bytes: u64,
    /// As many times more bytes may come out than the archive has, after the first 16 MiB. 250 by
    /// default.
    pub ratio: u64,
    /// Bytes of a name or of a link's target. 1,024 by default.
    pub name_length: usize,
    /// Bytes of all names and targets together, since they are kept in memory. 32 MiB by default.
    pub name_bytes: u64,
    /// Folders that lie in each other. 64 by default.
    pub depth: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            entries: 100_000,
            bytes: 2 << 30,
            ratio: 250,
            name_length: 1024,
            name_bytes: 32 << 20,
            depth: 64,
        }
    }
}

/// Counts what comes out of an archive.
#[derive(Debug)]
pub(super) struct Meter {
    archive: u64,
    unpacked: u64,
    bytes: u64,
    ratio: u64,
}

impl Meter {
    /// A meter for an archive of `archive` bytes.
    pub(super) fn new(archive: u64, limits: &Limits) -> Self {
        Self {
            archive,
            unpacked: 0,
            bytes: limits.bytes,
            ratio: limits.ratio,
        }
    }

    /// Whether `more` bytes are allowed.
    pub(super) fn check(&self, more: u64, entry: &Path) -> Result<(), ArchiveError> {
        if self.unpacked.saturating_add(more) > self.bytes {
            return Err(ArchiveError::TooManyBytes {
                entry: entry.to_path_buf(),
                limit: self.bytes,
            });
        }
        Ok(())
    }

    /// Counts bytes that came out.
    pub(super) fn count(&mut self, more: u64, entry: &Path) -> Result<(), ArchiveError> {
        self.check(more, entry)?;
        self.unpacked += more;
        let allowed = self.archive.saturating_mul(self.ratio).max(RATIO_FROM);
        if self.unpacked > allowed {
            return Err(ArchiveError::Ratio {
                entry: entry.to_path_buf(),
                limit: self.ratio,
            });
        }
        Ok(())
    }
}
