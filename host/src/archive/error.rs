//! What can be wrong with an archive: one variant for each way in which it can lie.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use keyway_metadata::foreign::Escaped;

use super::decoder::MAX_MEMORY;

/// Why an archive was not unpacked.
///
/// An entry is named as the archive names it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ArchiveError {
    /// The file cannot be read.
    #[error("the archive cannot be read")]
    Unreadable {
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// Something in a folder that is copied cannot be read, or the folder itself.
    #[error("{} cannot be read", Named(.entry))]
    EntryUnreadable {
        /// The entry, or the folder.
        entry: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// Something in a folder became something else while it was copied.
    #[error("{} was changed while it was copied", Named(.entry))]
    Changed {
        /// The entry.
        entry: PathBuf,
    },
    /// The folder to copy to lies in the one that is copied, or is that one.
    #[error("{} lies in the folder that is copied, {}", Named(.path), Named(.from))]
    IntoItself {
        /// The folder to copy to.
        path: PathBuf,
        /// The folder that is copied.
        from: PathBuf,
    },
    /// The [`Observer`](super::Observer) wanted no more.
    #[error("unpacking was cancelled")]
    Cancelled,
    /// The file is no archive of a kind that is known.
    #[error("it is no archive: neither zip nor tar, plain or with gzip, bzip2, xz or zstd")]
    NotAnArchive,
    /// The folder to unpack to is none, or there is something in it.
    #[error("{} is no empty folder, so nothing is unpacked to it", Named(.path))]
    NotEmpty {
        /// The folder.
        path: PathBuf,
    },
    /// What is to be written cannot be written.
    #[error("{} cannot be written", Named(.entry))]
    Unwritable {
        /// The entry; empty if it is about the folder itself.
        entry: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// The archive ends before it should.
    #[error("the archive ends too early{}", At(.entry))]
    Truncated {
        /// The entry, if it is in one.
        entry: Option<PathBuf>,
    },
    /// The archive is not made as its format wants it.
    #[error("the archive is damaged{}: {what}", At(.entry))]
    Damaged {
        /// The entry, if it is in one.
        entry: Option<PathBuf>,
        /// What is wrong.
        what: String,
    },
    /// There is something behind the archive, between its entries, or behind an entry's data.
    #[error("the archive has data that belong to no entry{}", At(.entry))]
    StrayData {
        /// The entry that they follow, if they follow one.
        entry: Option<PathBuf>,
    },
    /// A checksum is not that of the data.
    #[error("the checksum{} is not that of the data", At(.entry))]
    Checksum {
        /// The entry, if it is about one.
        entry: Option<PathBuf>,
    },
    /// An entry has more or fewer bytes than it says.
    #[error("{} says that it has {declared} bytes, and has {found}", Named(.entry))]
    Size {
        /// The entry.
        entry: PathBuf,
        /// The bytes that it says it has.
        declared: u64,
        /// The bytes that it has; with more than `declared`, as many as were seen.
        found: u64,
    },
    /// Two places of the archive say different things about one entry.
    #[error("the archive says two things about the {what} of {}", Named(.entry))]
    HeadersDiffer {
        /// The entry.
        entry: PathBuf,
        /// What they are about.
        what: &'static str,
    },
    /// An entry is encrypted.
    #[error("{} is encrypted", Named(.entry))]
    Encrypted {
        /// The entry.
        entry: PathBuf,
    },
    /// An entry uses something of its format that packages do without.
    #[error("{} uses {what}, which is not supported", Named(.entry))]
    Unsupported {
        /// The entry.
        entry: PathBuf,
        /// What it uses.
        what: String,
    },
    /// Decoding it would need too much memory.
    #[error("the archive wants more than {} MiB of memory to be decoded", MAX_MEMORY >> 20)]
    Memory,
    /// There are more entries than allowed, folders that no entry stands for included.
    #[error("the archive has more than {limit} entries")]
    TooManyEntries {
        /// As many as are allowed.
        limit: u64,
    },
    /// It would have more bytes than allowed when unpacked.
    #[error("the archive unpacks to more than {limit} bytes, at {}", Named(.entry))]
    TooManyBytes {
        /// The entry that is too much.
        entry: PathBuf,
        /// As many as are allowed.
        limit: u64,
    },
    /// It is so small for what it unpacks to that it is no package but a trap.
    #[error("the archive unpacks to more than {limit} times its size, at {}", Named(.entry))]
    Ratio {
        /// The entry that is too much.
        entry: PathBuf,
        /// As many times as are allowed.
        limit: u64,
    },
    /// A name, or the target of a link, is longer than allowed.
    #[error("the name {} is longer than {limit} bytes", Named(.entry))]
    NameTooLong {
        /// The entry, or the beginning of its name.
        entry: PathBuf,
        /// As many bytes as are allowed: for a whole name, or for a part between slashes.
        limit: usize,
    },
    /// All names together are longer than allowed.
    #[error("the archive's names have more than {limit} bytes together")]
    TooManyNames {
        /// As many as are allowed.
        limit: u64,
    },
    /// An entry lies in more folders than allowed.
    #[error("{} lies in more than {limit} folders", Named(.entry))]
    TooDeep {
        /// The entry.
        entry: PathBuf,
        /// As many as are allowed.
        limit: usize,
    },
    /// A name is an absolute path.
    #[error("the name {} is absolute", Named(.entry))]
    AbsoluteName {
        /// The entry.
        entry: PathBuf,
    },
    /// A name has a part `..`.
    #[error("the name {} has a component `..`", Named(.entry))]
    ClimbingName {
        /// The entry.
        entry: PathBuf,
    },
    /// A name, or the target of a link, holds a NUL character.
    #[error("the name {} holds a NUL character", Named(.entry))]
    NulInName {
        /// The entry.
        entry: PathBuf,
    },
    /// A name is empty, or none that this system can have.
    #[error("the name {} is refused: {why}", Named(.entry))]
    BadName {
        /// The entry.
        entry: PathBuf,
        /// What is wrong with it.
        why: &'static str,
    },
    /// Two entries have the same name.
    #[error("there are two entries {}", Named(.entry))]
    Duplicate {
        /// The second one.
        entry: PathBuf,
    },
    /// Two entries have names that are the same one for the folder that is unpacked to, since it
    /// does not tell upper case from lower case, or ways to write an accent.
    #[error("{} and another entry have the same name on this file system", Named(.entry))]
    SameName {
        /// The second one.
        entry: PathBuf,
    },
    /// An entry lies below another one that is no folder, perhaps a link.
    #[error("{} lies below {}, which is no folder", Named(.entry), Named(.parent))]
    BelowNoFolder {
        /// The entry.
        entry: PathBuf,
        /// What it lies below.
        parent: PathBuf,
    },
    /// A link or a hard link leads out of the archive.
    #[error("the link {} leads out of the archive, to {}", Named(.entry), Named(.target))]
    LinkLeaves {
        /// The link.
        entry: PathBuf,
        /// Its target.
        target: PathBuf,
    },
    /// Links lead to each other without an end.
    #[error("the link {} leads to itself, or through too many others", Named(.entry))]
    LinkLoop {
        /// The link.
        entry: PathBuf,
    },
    /// A hard link is to something that is no file before it.
    #[error("the hard link {} is to {}, which is no file before it", Named(.entry), Named(.target))]
    HardLinkTarget {
        /// The link.
        entry: PathBuf,
        /// Its target.
        target: PathBuf,
    },
    /// An entry is a device, a pipe or a socket.
    #[error("{} is a device, a pipe or a socket", Named(.entry))]
    Special {
        /// The entry.
        entry: PathBuf,
    },
}

impl ArchiveError {
    /// A stable code, in kebab case.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unreadable { .. } => "archive-unreadable",
            Self::EntryUnreadable { .. } => "archive-entry-unreadable",
            Self::Changed { .. } => "archive-changed",
            Self::IntoItself { .. } => "archive-into-itself",
            Self::Cancelled => "archive-cancelled",
            Self::NotAnArchive => "archive-unknown",
            Self::NotEmpty { .. } => "archive-target-not-empty",
            Self::Unwritable { .. } => "archive-unwritable",
            Self::Truncated { .. } => "archive-truncated",
            Self::Damaged { .. } => "archive-damaged",
            Self::StrayData { .. } => "archive-stray-data",
            Self::Checksum { .. } => "archive-checksum",
            Self::Size { .. } => "archive-size-differs",
            Self::HeadersDiffer { .. } => "archive-headers-differ",
            Self::Encrypted { .. } => "archive-encrypted",
            Self::Unsupported { .. } => "archive-unsupported",
            Self::Memory => "archive-memory",
            Self::TooManyEntries { .. } => "archive-too-many-entries",
            Self::TooManyBytes { .. } => "archive-too-many-bytes",
            Self::Ratio { .. } => "archive-ratio",
            Self::NameTooLong { .. } => "archive-name-too-long",
            Self::TooManyNames { .. } => "archive-too-many-names",
            Self::TooDeep { .. } => "archive-too-deep",
            Self::AbsoluteName { .. } => "archive-absolute-name",
            Self::ClimbingName { .. } => "archive-climbing-name",
            Self::NulInName { .. } => "archive-nul-in-name",
            Self::BadName { .. } => "archive-bad-name",
            Self::Duplicate { .. } => "archive-duplicate",
            Self::SameName { .. } => "archive-same-name",
            Self::BelowNoFolder { .. } => "archive-below-no-folder",
            Self::LinkLeaves { .. } => "archive-link-leaves",
            Self::LinkLoop { .. } => "archive-link-loop",
            Self::HardLinkTarget { .. } => "archive-hard-link-target",
            Self::Special { .. } => "archive-special-file",
        }
    }

    /// What to do about it, where that is known.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        Some(match self {
            Self::Truncated { .. }
            | Self::Damaged { .. }
            | Self::Checksum { .. }
            | Self::Size { .. } => "fetch the archive again; it may not have arrived whole",
            Self::Changed { .. } => "try again when nothing writes to the folder",
            Self::Encrypted { .. } => "unpack it, and pack it again without a password",
            Self::Unsupported { .. } => {
                "unpack it, and pack it again as a plain tar or as a zip with `deflate`"
            }
            Self::Memory => "pack it again with a lower level of compression",
            Self::LinkLeaves { .. } => "a package may have links, but only to what lies in it",
            _ => return None,
        })
    }

    /// Says what reading a stream said: what went wrong in the file itself, or in decoding it.
    pub(super) fn of_stream(error: io::Error, entry: Option<&Path>) -> Self {
        let entry = entry.map(Path::to_path_buf);
        match error.kind() {
            io::ErrorKind::OutOfMemory => Self::Memory,
            io::ErrorKind::UnexpectedEof => Self::Truncated { entry },
            _ if error.raw_os_error().is_some() => Self::Unreadable { source: error },
            _ => match error.downcast::<Self>() {
                Ok(error) => error,
                Err(error) => Self::Damaged {
                    entry,
                    what: error.to_string(),
                },
            },
        }
    }

    /// The archive is damaged, not in an entry.
    pub(super) fn damaged(what: &str) -> Self {
        Self::Damaged {
            entry: None,
            what: what.to_owned(),
        }
    }
}

/// A path in backticks, escaped.
struct Named<'a>(&'a Path);

impl fmt::Display for Named<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`", Escaped(&self.0.to_string_lossy()))
    }
}

/// Where it is, if it is in an entry.
struct At<'a>(&'a Option<PathBuf>);

impl fmt::Display for At<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(entry) => write!(f, " at {}", Named(entry)),
            None => Ok(()),
        }
    }
}
