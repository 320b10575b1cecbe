//! Names of entries: what they may be, and which there are already.

use std::borrow::Borrow;
use std::collections::{HashMap, HashSet};
use std::fmt;
use std::path::{Path, PathBuf};

use keyway_metadata::foreign::Escaped;

use super::error::ArchiveError;
use super::limits::Limits;

/// As many bytes as a part of a name may have on the file systems that there are.
const PART_LENGTH: usize = 255;

/// The name of an entry: its parts, with one slash between each two. No part is empty, `.` or
/// `..`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Name(Box<[u8]>);

impl Name {
    /// Checks the name that an archive gives to an entry. `None` stands for the archive itself,
    /// `./`.
    pub(super) fn new(raw: &[u8], limits: &Limits) -> Result<Option<Self>, ArchiveError> {
        let entry = || shown(raw);
        check_length(raw, limits)?;
        if raw.is_empty() {
            let why = "it is empty";
            return Err(ArchiveError::BadName {
                entry: entry(),
                why,
            });
        }
        if raw.contains(&0) {
            return Err(ArchiveError::NulInName { entry: entry() });
        }
        if raw[0] == b'/' {
            return Err(ArchiveError::AbsoluteName { entry: entry() });
        }
        let mut name = Vec::with_capacity(raw.len());
        let mut depth = 0;
        for part in raw.split(|byte| *byte == b'/') {
            match part {
                b"" | b"." => continue,
                b".." => return Err(ArchiveError::ClimbingName { entry: entry() }),
                _ => {}
            }
            if part.len() > PART_LENGTH {
                return Err(ArchiveError::NameTooLong {
                    entry: entry(),
                    limit: PART_LENGTH,
                });
            }
            if !name.is_empty() {
                name.push(b'/');
            }
            name.extend_from_slice(part);
            depth += 1;
        }
        if cfg!(not(unix)) && std::str::from_utf8(&name).is_err() {
            let why = "it is not Unicode";
            return Err(ArchiveError::BadName {
                entry: entry(),
                why,
            });
        }
        // The last part is the entry itself.
        if depth > limits.depth + 1 {
            return Err(ArchiveError::TooDeep {
                entry: entry(),
                limit: limits.depth,
            });
        }
        Ok((depth > 0).then(|| Self(name.into())))
    }

    /// The name of something that was unpacked.
    #[cfg(feature = "install")]
    pub(super) fn of_path(path: &Path) -> Self {
        let parts = path.iter().map(std::ffi::OsStr::as_encoded_bytes);
        let parts: Vec<&[u8]> = parts.collect();
        Self(parts.join(&b'/').into())
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }

    pub(super) fn parts(&self) -> impl Iterator<Item = &[u8]> {
        self.0.split(|byte| *byte == b'/')
    }

    /// The last part.
    pub(super) fn own(&self) -> &[u8] {
        self.split().1
    }

    /// The folder that it lies in, if it does not lie at the top.
    pub(super) fn parent(&self) -> Option<Self> {
        let parent = self.split().0?;
        Some(Self(parent.into()))
    }

    /// The folder that it lies in, as bytes; empty at the top.
    pub(super) fn parent_bytes(&self) -> &[u8] {
        self.split().0.unwrap_or_default()
    }

    fn split(&self) -> (Option<&[u8]>, &[u8]) {
        match self.0.iter().rposition(|byte| *byte == b'/') {
            Some(at) => (Some(&self.0[..at]), &self.0[at + 1..]),
            None => (None, &self.0),
        }
    }

    pub(super) fn path(&self) -> PathBuf {
        shown(&self.0)
    }

    /// The folders that it lies in, the topmost first.
    fn parents(&self) -> impl Iterator<Item = &[u8]> {
        let slashes = self.0.iter().enumerate();
        slashes
            .filter(|(_, byte)| **byte == b'/')
            .map(|(at, _)| &self.0[..at])
    }

    /// Whether Windows has no such name: one with a character that it does not take, a part that
    /// ends with a dot or a space, or a part that is the name of a device there.
    fn is_none_on_windows(&self) -> bool {
        self.parts().any(|part| {
            let stem = part.split(|byte| *byte == b'.').next().unwrap_or(part);
            let stem = stem.trim_ascii_end().to_ascii_uppercase();
            let is_device = match &stem[..] {
                b"CON" | b"PRN" | b"AUX" | b"NUL" | b"CONIN$" | b"CONOUT$" => true,
                [b'C', b'O', b'M', digit] | [b'L', b'P', b'T', digit] => digit.is_ascii_digit(),
                _ => false,
            };
            let is_refused = |byte: &u8| *byte < b' ' || b"<>:\"|?*\\".contains(byte);
            is_device || matches!(part.last(), Some(b'.' | b' ')) || part.iter().any(is_refused)
        })
    }
}

/// Names are looked up by their bytes.
impl Borrow<[u8]> for Name {
    fn borrow(&self) -> &[u8] {
        &self.0
    }
}

/// A name or a link's target as a path, to be shown or handed to the system.
pub(super) fn shown(raw: &[u8]) -> PathBuf {
    #[cfg(unix)]
    {
        use std::os::unix::ffi::OsStrExt as _;
        PathBuf::from(std::ffi::OsStr::from_bytes(raw))
    }
    #[cfg(not(unix))]
    PathBuf::from(String::from_utf8_lossy(raw).into_owned())
}

/// Refuses what is too long; only its beginning is shown.
pub(super) fn check_length(raw: &[u8], limits: &Limits) -> Result<(), ArchiveError> {
    let limit = limits.name_length;
    if raw.len() > limit {
        let entry = shown(&raw[..limit.min(80)]);
        return Err(ArchiveError::NameTooLong { entry, limit });
    }
    Ok(())
}

/// What an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// The name of a file, which may have others: those with the same number.
    File(usize),
    Link,
    Folder,
}

/// Something about an archive that is allowed here and would not be elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ArchiveWarning {
    /// Two names differ in nothing but upper and lower case. On file systems that do not tell them
    /// apart the archive is refused.
    SameButForCase {
        /// The second entry.
        entry: PathBuf,
    },
    /// A name that Windows does not have, such as that of a device. There the archive is refused.
    NotOnWindows {
        /// The entry.
        entry: PathBuf,
    },
}

impl ArchiveWarning {
    /// A stable code, in kebab case.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::SameButForCase { .. } => "archive-same-but-for-case",
            Self::NotOnWindows { .. } => "archive-not-on-windows",
        }
    }

    /// The entry that it is about.
    #[must_use]
    pub fn entry(&self) -> &Path {
        match self {
            Self::SameButForCase { entry } | Self::NotOnWindows { entry } => entry,
        }
    }
}

impl fmt::Display for ArchiveWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let entry = Escaped(&self.entry().to_string_lossy()).to_string();
        match self {
            Self::SameButForCase { .. } => {
                write!(
                    f,
                    "`{entry}` and another entry differ only in upper and lower case"
                )
            }
            Self::NotOnWindows { .. } => write!(f, "Windows has no names as `{entry}`"),
        }
    }
}

/// All names of an archive so far.
#[derive(Debug, Default)]
pub(super) struct Names {
    known: HashMap<Name, Known>,
    folded: HashSet<String>,
    bytes: u64,
    pub(super) warnings: Vec<ArchiveWarning>,
}

#[derive(Debug)]
struct Known {
    kind: Kind,
    /// Whether an entry stands for it, and not only for what lies below.
    listed: bool,
}

impl Names {
    pub(super) fn kind(&self, name: &Name) -> Option<Kind> {
        self.kind_of(name.bytes())
    }

    fn kind_of(&self, name: &[u8]) -> Option<Kind> {
        self.known.get(name).map(|known| known.kind)
    }

    /// The folders that `name` needs and that are not there yet, the topmost first. They are there
    /// from now on.
    pub(super) fn add_parents(
        &mut self,
        name: &Name,
        limits: &Limits,
    ) -> Result<Vec<Name>, ArchiveError> {
        let mut new = Vec::new();
        // Most entries lie in a folder that is known.
        if matches!(self.kind_of(name.parent_bytes()), Some(Kind::Folder)) {
            return Ok(new);
        }
        for parent in name.parents() {
            match self.kind_of(parent) {
                Some(Kind::Folder) => {}
                Some(_) => {
                    return Err(ArchiveError::BelowNoFolder {
                        entry: name.path(),
                        parent: shown(parent),
                    });
                }
                None => {
                    let parent = Name(parent.into());
                    self.insert(&parent, Kind::Folder, false, limits)?;
                    new.push(parent);
                }
            }
        }
        Ok(new)
    }

    /// Adds an entry, and says whether it is new: a folder may be there already for what lies
    /// below it.
    pub(super) fn add(
        &mut self,
        name: &Name,
        kind: Kind,
        limits: &Limits,
    ) -> Result<bool, ArchiveError> {
        match self.known.get_mut(name) {
            Some(known) if kind == Kind::Folder && known.kind == kind && !known.listed => {
                known.listed = true;
                Ok(false)
            }
            Some(_) => Err(ArchiveError::Duplicate { entry: name.path() }),
            None => {
                self.insert(name, kind, true, limits)?;
                Ok(true)
            }
        }
    }

    fn insert(
        &mut self,
        name: &Name,
        kind: Kind,
        listed: bool,
        limits: &Limits,
    ) -> Result<(), ArchiveError> {
        if self.known.len() as u64 >= limits.entries {
            let limit = limits.entries;
            return Err(ArchiveError::TooManyEntries { limit });
        }
        self.count(name.bytes(), limits)?;
        if name.is_none_on_windows() {
            if cfg!(windows) {
                return Err(ArchiveError::BadName {
                    entry: name.path(),
                    why: "Windows has no such names",
                });
            }
            let entry = name.path();
            self.warnings.push(ArchiveWarning::NotOnWindows { entry });
        }
        if let Ok(text) = std::str::from_utf8(name.bytes())
            && !self.folded.insert(text.to_lowercase())
        {
            let entry = name.path();
            self.warnings.push(ArchiveWarning::SameButForCase { entry });
        }
        self.known.insert(name.clone(), Known { kind, listed });
        Ok(())
    }

    /// Counts bytes of names and targets, which are kept in memory.
    pub(super) fn count(&mut self, name: &[u8], limits: &Limits) -> Result<(), ArchiveError> {
        self.bytes += name.len() as u64;
        if self.bytes > limits.name_bytes {
            let limit = limits.name_bytes;
            return Err(ArchiveError::TooManyNames { limit });
        }
        Ok(())
    }
}
