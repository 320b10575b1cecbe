//! What is done with each entry, whatever kind of archive it is from.

use std::io::{self, Read, Write as _};
use std::path::Path;

use super::error::ArchiveError;
use super::limits::{Limits, Meter};
use super::links::{Link, Links};
use super::name::{ArchiveWarning, Kind, Name, Names, check_length, shown};
use super::tree::Tree;

/// Checks entries and writes those that are allowed. Links come last, so that nothing is written
/// through one.
pub(super) struct Unpacker<'a> {
    tree: Tree,
    pub(super) limits: &'a Limits,
    pub(super) meter: Meter,
    names: Names,
    links: Links,
    buffer: Box<[u8]>,
    files: u64,
    bytes: u64,
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

/// What was found in the data of a file.
pub(super) struct Copied {
    pub(super) bytes: u64,
    pub(super) crc: u32,
}

impl<'a> Unpacker<'a> {
    /// Writes to `into`, from an archive of `length` bytes.
    pub(super) fn new(into: &Path, length: u64, limits: &'a Limits) -> io::Result<Self> {
        Ok(Self {
            tree: Tree::open(into)?,
            limits,
            meter: Meter::new(length, limits),
            names: Names::default(),
            links: Links::default(),
            buffer: vec![0; 64 << 10].into(),
            files: 0,
            bytes: 0,
        })
    }

    pub(super) fn folder(&mut self, raw: &[u8], mode: u32) -> Result<(), ArchiveError> {
        // The archive itself, `./`, is the folder that is there.
        let Some(name) = Name::new(raw, self.limits)? else {
            return Ok(());
        };
        if self.place(&name, Kind::Folder)? {
            self.tree
                .folder(&name)
                .map_err(|error| unwritable(error, &name))?;
        }
        let set = self.tree.set_folder_mode(&name, mode);
        set.map_err(|error| unwritable(error, &name))
    }

    /// Writes up to `size` bytes of `data`.
    pub(super) fn file(
        &mut self,
        raw: &[u8],
        mode: u32,
        size: u64,
        data: &mut dyn Read,
    ) -> Result<Copied, ArchiveError> {
        let name = self.named(raw)?;
        let entry = name.path();
        self.meter.check(size, &entry)?;
        self.place(&name, Kind::File)?;
        let mut file = self
            .tree
            .file(&name, mode)
            .map_err(|error| unwritable(error, &name))?;
        self.files += 1;
        let mut crc = crc32fast::Hasher::new();
        let mut bytes = 0;
        while bytes < size {
            let most = usize::try_from(size - bytes).unwrap_or(usize::MAX);
            let most = most.min(self.buffer.len());
            let read = match data.read(&mut self.buffer[..most]) {
                Ok(0) => break,
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(ArchiveError::of_stream(error, Some(&entry))),
            };
            let read = &self.buffer[..read];
            self.meter.count(read.len() as u64, &entry)?;
            crc.update(read);
            file.write_all(read)
                .map_err(|error| unwritable(error, &name))?;
            bytes += read.len() as u64;
        }
        self.bytes += bytes;
        let crc = crc.finalize();
        Ok(Copied { bytes, crc })
    }

    /// A link; it is made when all entries are known.
    pub(super) fn link(&mut self, raw: &[u8], target: &[u8]) -> Result<(), ArchiveError> {
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
        Ok(())
    }

    /// A second name for a file that is there.
    pub(super) fn hard_link(&mut self, raw: &[u8], target: &[u8]) -> Result<(), ArchiveError> {
        let name = self.named(raw)?;
        check_target(raw, target, self.limits)?;
        let to = match Name::new(target, self.limits) {
            Ok(to) => to.filter(|to| {
                let kind = self.names.kind(to);
                matches!(kind, Some(Kind::File | Kind::HardLink))
            }),
            Err(ArchiveError::AbsoluteName { .. } | ArchiveError::ClimbingName { .. }) => {
                return Err(ArchiveError::LinkLeaves {
                    entry: name.path(),
                    target: shown(target),
                });
            }
            Err(error) => return Err(error),
        };
        let Some(to) = to else {
            return Err(ArchiveError::HardLinkTarget {
                entry: name.path(),
                target: shown(target),
            });
        };
        self.place(&name, Kind::HardLink)?;
        self.files += 1;
        let made = self.tree.hard_link(&name, &to);
        made.map_err(|error| unwritable(error, &name))
    }

    /// Makes the links, if they all stay inside.
    pub(super) fn finish(self) -> Result<Unpacked, ArchiveError> {
        let links = self.links.checked()?;
        for Link { name, target } in &links {
            let made = self.tree.link(name, target);
            made.map_err(|error| unwritable(error, name))?;
        }
        // A file system for which other names are the same finds other links on the way.
        let mut links = links.iter();
        if let Some(Link { name, target }) = links.find(|link| self.tree.leaves(&link.name)) {
            return Err(ArchiveError::LinkLeaves {
                entry: name.path(),
                target: shown(target),
            });
        }
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
        }
        self.names.add(name, kind, self.limits)
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
