//! What can be seen of unpacking while it goes on.

use std::ops::ControlFlow;
use std::path::PathBuf;

/// Is told what [`unpack_observed`](super::unpack_observed) and
/// [`copy_folder`](super::copy_folder) do, and may end it.
///
/// What it was told counts only if they succeed: otherwise everything is removed again.
pub trait Observer {
    /// Called after each entry, after each 64 KiB of a larger file, and once more at the end.
    /// `Break` ends it with [`Cancelled`](super::ArchiveError::Cancelled).
    fn progress(&mut self, progress: &Progress) -> ControlFlow<()> {
        let _ = progress;
        ControlFlow::Continue(())
    }

    /// Called for each thing that is whole: a folder when it is made, also one that no entry stands
    /// for; a file when its data are there and are what the archive says they are; a link when it is
    /// made, which is when everything else is there.
    fn entry(&mut self, entry: UnpackedEntry) {
        let _ = entry;
    }

    /// Whether the SHA-256 of each file is wanted. Asked once, at the beginning.
    fn wants_digests(&self) -> bool {
        false
    }
}

/// Wants to know nothing.
pub(super) struct Silent;

impl Observer for Silent {}

/// How far it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// Entries that were read. Links are read before they are made.
    pub entries: u64,
    /// Bytes of files that were written.
    pub bytes: u64,
    /// Entries in all, where that is known: a zip has a directory.
    pub total_entries: Option<u64>,
    /// Bytes of all files, where that is known. It is what the archive says.
    pub total_bytes: Option<u64>,
    /// Bytes of the archive that were read; of a folder, those of its files.
    pub read: u64,
    /// Bytes of the archive; 0 of a folder, where nobody knows.
    pub length: u64,
}

/// Something that was unpacked.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct UnpackedEntry {
    /// Where it lies below the folder that was unpacked to.
    pub path: PathBuf,
    /// What it is.
    pub kind: UnpackedKind,
}

/// What something that was unpacked is.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum UnpackedKind {
    /// A folder.
    Folder,
    /// A file, or a further name of one.
    #[non_exhaustive]
    File {
        /// Its bytes.
        size: u64,
        /// The SHA-256 of its data, if it is [wanted](Observer::wants_digests).
        sha256: Option<[u8; 32]>,
        /// Whether anybody may execute it.
        executable: bool,
    },
    /// A link.
    #[non_exhaustive]
    Link {
        /// What it leads to, as it stands in it.
        target: PathBuf,
    },
}
