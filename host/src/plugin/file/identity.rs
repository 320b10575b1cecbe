//! Which file it is, apart from its name.

use std::fs::Metadata;

use serde::{Deserialize, Serialize};

/// What tells a file from another one, and from what it was before it was changed.
///
/// On Unix: device, inode, size, and the times of the last change of content and of anything. On
/// Windows: size and time of the last change.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct FileIdentity {
    device: u64,
    inode: u64,
    size: u64,
    /// Nanoseconds since 1970.
    modified: i64,
    /// Nanoseconds since 1970; cannot be set by programs.
    changed: i64,
}

impl FileIdentity {
    /// The identity of the file that `metadata` is about.
    #[must_use]
    pub fn of(metadata: &Metadata) -> Self {
        #[cfg(unix)]
        {
            use std::os::unix::fs::MetadataExt as _;
            let nanoseconds = |s: i64, ns: i64| s.saturating_mul(1_000_000_000).saturating_add(ns);
            Self {
                device: metadata.dev(),
                inode: metadata.ino(),
                size: metadata.size(),
                modified: nanoseconds(metadata.mtime(), metadata.mtime_nsec()),
                changed: nanoseconds(metadata.ctime(), metadata.ctime_nsec()),
            }
        }
        #[cfg(not(unix))]
        {
            let modified = metadata
                .modified()
                .ok()
                .and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok())
                .and_then(|since| i64::try_from(since.as_nanos()).ok())
                .unwrap_or_default();
            Self {
                device: 0,
                inode: 0,
                size: metadata.len(),
                modified,
                changed: modified,
            }
        }
    }

    /// The identity of the file that `stat` is about.
    #[cfg(unix)]
    #[allow(
        clippy::unnecessary_cast,
        clippy::cast_possible_wrap,
        reason = "the types differ from system to system"
    )]
    pub(crate) fn of_stat(stat: &rustix::fs::Stat) -> Self {
        let nanoseconds = |s: i64, ns: i64| s.saturating_mul(1_000_000_000).saturating_add(ns);
        Self {
            device: stat.st_dev as u64,
            inode: stat.st_ino as u64,
            size: stat.st_size as u64,
            modified: nanoseconds(stat.st_mtime as i64, stat.st_mtime_nsec as i64),
            changed: nanoseconds(stat.st_ctime as i64, stat.st_ctime_nsec as i64),
        }
    }

    /// All of it, one number after the other.
    pub(crate) fn to_bytes(self) -> [[u8; 8]; 5] {
        [
            self.device.to_le_bytes(),
            self.inode.to_le_bytes(),
            self.size.to_le_bytes(),
            self.modified.to_le_bytes(),
            self.changed.to_le_bytes(),
        ]
    }

    /// The identity of those numbers; `None` if they are more or fewer.
    pub(crate) fn from_bytes(bytes: &[[u8; 8]]) -> Option<Self> {
        let [device, inode, size, modified, changed] = *bytes else {
            return None;
        };
        Some(Self {
            device: u64::from_le_bytes(device),
            inode: u64::from_le_bytes(inode),
            size: u64::from_le_bytes(size),
            modified: i64::from_le_bytes(modified),
            changed: i64::from_le_bytes(changed),
        })
    }

    /// Whether a change after `moment` (nanoseconds since 1970) would have another time than this
    /// one: file systems and kernels count in ticks, and some keep no times at all.
    pub(crate) fn is_settled_at(&self, moment: i64) -> bool {
        /// Longer than the tick of any file system in use.
        const TICK: i64 = 2_000_000_000;
        self.changed > TICK && self.changed.saturating_add(TICK) < moment
    }
}

/// Now, in nanoseconds since 1970.
pub(crate) fn now() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |since| i64::try_from(since.as_nanos()).unwrap_or(0))
}
