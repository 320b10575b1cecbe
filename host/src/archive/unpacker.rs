//! What is done with each entry, whatever kind of archive it is from.

use std::fs::File;
use std::io::{self, Read, Write as _};
use std::ops::ControlFlow;
use std::path::Path;

use sha2::{Digest as _, Sha256};

use super::error::ArchiveError;
use super::limits::{Limits, Meter};
use super::links::{Link, Links};
use super::name::{ArchiveWarning, Kind, Name, Names, check_length, shown};
use super::observer::{Observer, Progress, UnpackedEntry, UnpackedKind};
use super::sink::{Contents, Copied, Position, Sink, read_full};
use super::tree::Tree;

/// Checks entries and writes those that are allowed. Links come last, so that nothing is written
/// through one.
pub(super) struct Unpacker<'a> {
    tree: Tree,
    limits: &'a Limits,
    meter: Meter,
    names: Names,
    links: Links,
    buffer: Box<[u8]>,
    written: Vec<WrittenFile>,
    files: u64,
    bytes: u64,
    observer: &'a mut dyn Observer,
    wants_digests: bool,
    progress: Progress,
    position: Position,
}

/// What was unpacked.
#[derive(Debug)]
#[non_exhaustive]
pub struct Unpacked {
    /// As many files, hard links included.
    pub files: u64,
    /// Bytes of all files.
    pub bytes: u64,
    /// What is allowed here and not everywhere.
    pub warnings: Vec<ArchiveWarning>,
}

/// What a hard link to a file needs to know about it.
#[derive(Clone, Copy)]
struct WrittenFile {
    size: u64,
    sha256: Option<[u8; 32]>,
    executable: bool,
}

impl<'a> Unpacker<'a> {
    /// Writes to `into`, from an archive of `length` bytes, or from something that is no archive.
    pub(super) fn new(
        into: &Path,
        length: Option<u64>,
        limits: &'a Limits,
        observer: &'a mut dyn Observer,
    ) -> io::Result<Self> {
        Ok(Self {
            tree: Tree::open(into)?,
            limits,
            // The ratio is one of archives; nothing exceeds this one.
            meter: Meter::new(length.unwrap_or(u64::MAX), limits),
            names: Names::default(),
            links: Links::default(),
            buffer: vec![0; 64 << 10].into(),
            written: Vec::new(),
            files: 0,
            bytes: 0,
            wants_digests: observer.wants_digests(),
            observer,
            progress: Progress {
                length: length.unwrap_or(0),
                ..Progress::default()
            },
            position: Position::default(),
        })
    }

    /// Where readers count what they read.
    pub(super) fn position(&self) -> &Position {
        &self.position
    }

    /// Says how much is to come.
    pub(super) fn expect(&mut self, entries: u64, bytes: u64) {
        self.progress.total_entries = Some(entries);
        self.progress.total_bytes = Some(bytes);
    }

    /// Makes the links, if they all stay inside.
    pub(super) fn finish(mut self) -> Result<Unpacked, ArchiveError> {
        let links = std::mem::take(&mut self.links).checked()?;
        for Link { name, target } in &links {
            let made = self.tree.link(name, target);
            made.map_err(|error| unwritable(error, name))?;
        }
        // A file system for which other names are the same finds other links on the way.
        let mut outside = links.iter();
        if let Some(Link { name, target }) = outside.find(|link| self.tree.leaves(&link.name)) {
            return Err(ArchiveError::LinkLeaves {
                entry: name.path(),
                target: shown(target),
            });
        }
        for Link { name, target } in &links {
            let target = shown(target);
            self.tell(name, UnpackedKind::Link { target });
            self.go_on()?;
        }
        self.go_on()?;
        Ok(Unpacked {
            files: self.files,
            bytes: self.bytes,
            warnings: self.names.warnings,
        })
    }

    /// The name of something that is no folder.
    fn named(&self, raw: &[u8]) -> Result<Name, ArchiveError> {
        Name::new(raw, self.limits)?.ok_or_else(|| ArchiveError::BadName {
            entry: shown(raw),
            why: "it is that of the archive itself",
        })
    }

    /// Adds a name and makes the folders above it; whether it is new.
    fn place(&mut self, name: &Name, kind: Kind) -> Result<bool, ArchiveError> {
        for folder in self.names.add_parents(name, self.limits)? {
            let made = self.tree.folder(&folder);
            made.map_err(|error| unwritable(error, &folder))?;
            self.tell(&folder, UnpackedKind::Folder);
        }
        self.names.add(name, kind, self.limits)
    }

    fn tell(&mut self, name: &Name, kind: UnpackedKind) {
        let path = name.path();
        self.observer.entry(UnpackedEntry { path, kind });
    }

    /// Counts an entry that was read.
    fn count(&mut self) -> Result<(), ArchiveError> {
        self.progress.entries += 1;
        self.go_on()
    }

    /// Whether the observer wants more.
    fn go_on(&mut self) -> Result<(), ArchiveError> {
        self.progress.read = self.position.get();
        match self.observer.progress(&self.progress) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(ArchiveError::Cancelled),
        }
    }

    /// Writes up to `size` bytes of `data` to `file`.
    fn copy(
        &mut self,
        name: &Name,
        size: u64,
        data: &mut dyn Read,
        mut file: File,
    ) -> Result<(Copied, Option<[u8; 32]>), ArchiveError> {
        let entry = name.path();
        let mut crc = crc32fast::Hasher::new();
        let mut digest = self.wants_digests.then(Sha256::new);
        let mut bytes = 0;
        while bytes < size {
            let most = usize::try_from(size - bytes).unwrap_or(usize::MAX);
            let most = most.min(self.buffer.len());
            let piece = &mut self.buffer[..most];
            let read = read_full(data, piece)
                .map_err(|error| ArchiveError::of_stream(error, Some(&entry)))?;
            let piece = &piece[..read];
            self.meter.count(read as u64, &entry)?;
            crc.update(piece);
            if let Some(digest) = &mut digest {
                digest.update(piece);
            }
            file.write_all(piece)
                .map_err(|error| unwritable(error, name))?;
            bytes += read as u64;
            self.progress.bytes += read as u64;
            if read < most {
                break;
            }
            if bytes < size {
                self.go_on()?;
            }
        }
        let crc = crc.finalize();
        let sha256 = digest.map(|digest| digest.finalize().into());
        Ok((Copied { bytes, crc }, sha256))
    }
}

impl Sink for Unpacker<'_> {
    fn limits(&self) -> &Limits {
        self.limits
    }

    fn meter(&mut self) -> &mut Meter {
        &mut self.meter
    }

    fn folder(&mut self, raw: &[u8]) -> Result<(), ArchiveError> {
        // The archive itself, `./`, is the folder that is there.
        let Some(name) = Name::new(raw, self.limits)? else {
            return self.count();
        };
        if self.place(&name, Kind::Folder)? {
            let made = self.tree.folder(&name);
            made.map_err(|error| unwritable(error, &name))?;
            self.tell(&name, UnpackedKind::Folder);
        }
        self.count()
    }

    fn file(
        &mut self,
        raw: &[u8],
        mode: u32,
        size: u64,
        contents: &mut dyn Contents,
    ) -> Result<(), ArchiveError> {
        let name = self.named(raw)?;
        self.meter.check(size, &name.path())?;
        self.place(&name, Kind::File(self.written.len()))?;
        let executable = mode & 0o111 != 0;
        let file = self.tree.file(&name, executable);
        let file = file.map_err(|error| unwritable(error, &name))?;
        let (copied, sha256) = self.copy(&name, size, contents, file)?;
        contents.check(&copied)?;
        self.files += 1;
        self.bytes += copied.bytes;
        let written = WrittenFile {
            size: copied.bytes,
            sha256,
            executable,
        };
        self.written.push(written);
        self.tell(&name, written.into());
        self.count()
    }

    /// The link is made when all entries are known.
    fn link(&mut self, raw: &[u8], target: &[u8]) -> Result<(), ArchiveError> {
        let name = self.named(raw)?;
        check_target(raw, target, self.limits)?;
        if cfg!(not(unix)) {
            return Err(ArchiveError::Unsupported {
                entry: name.path(),
                what: "a link".to_owned(),
            });
        }
        self.place(&name, Kind::Link)?;
        self.names.count(target, self.limits)?;
        self.links.add(name, target.into());
        self.count()
    }

    fn hard_link(&mut self, raw: &[u8], target: &[u8]) -> Result<(), ArchiveError> {
        let name = self.named(raw)?;
        check_target(raw, target, self.limits)?;
        let to = match Name::new(target, self.limits) {
            Ok(to) => to.and_then(|to| match self.names.kind(&to) {
                Some(Kind::File(file)) => Some((to, file)),
                _ => None,
            }),
            Err(ArchiveError::AbsoluteName { .. } | ArchiveError::ClimbingName { .. }) => {
                return Err(ArchiveError::LinkLeaves {
                    entry: name.path(),
                    target: shown(target),
                });
            }
            Err(error) => return Err(error),
        };
        let Some((to, file)) = to else {
            return Err(ArchiveError::HardLinkTarget {
                entry: name.path(),
                target: shown(target),
            });
        };
        self.place(&name, Kind::File(file))?;
        self.files += 1;
        let made = self.tree.hard_link(&name, &to);
        made.map_err(|error| unwritable(error, &name))?;
        self.tell(&name, self.written[file].into());
        self.count()
    }
}

impl From<WrittenFile> for UnpackedKind {
    fn from(file: WrittenFile) -> Self {
        Self::File {
            size: file.size,
            sha256: file.sha256,
            executable: file.executable,
        }
    }
}

fn check_target(raw: &[u8], target: &[u8], limits: &Limits) -> Result<(), ArchiveError> {
    check_length(target, limits)?;
    let entry = || shown(raw);
    if target.contains(&0) {
        return Err(ArchiveError::NulInName { entry: entry() });
    }
    if target.is_empty() {
        let why = "it is a link to nothing";
        return Err(ArchiveError::BadName {
            entry: entry(),
            why,
        });
    }
    Ok(())
}

/// What is there although no entry before has that name has another name for us than for the file
/// system.
fn unwritable(source: io::Error, name: &Name) -> ArchiveError {
    let entry = name.path();
    if source.kind() == io::ErrorKind::AlreadyExists {
        ArchiveError::SameName { entry }
    } else {
        ArchiveError::Unwritable { entry, source }
    }
}
