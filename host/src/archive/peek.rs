//! Looking for one file of an archive.

use std::path::{Path, PathBuf};

use super::error::ArchiveError;
use super::limits::{Limits, Meter};
use super::name::{Name, shown};
use super::sink::{Contents, Copied, Sink, read_full};

/// A file of an archive.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FoundEntry {
    /// Its name in the archive, without `./`.
    pub path: PathBuf,
    /// Its data.
    pub bytes: Vec<u8>,
}

/// Keeps the file that is wanted most of those that it was handed.
pub(super) struct Peek<'a> {
    limits: &'a Limits,
    meter: Meter,
    most: u64,
    rank: &'a dyn Fn(&Path) -> Option<u32>,
    best: Option<Candidate>,
    entries: u64,
    buffer: Box<[u8]>,
}

struct Candidate {
    rank: u32,
    name: Name,
    size: u64,
    /// Its data, unless they are too many.
    bytes: Vec<u8>,
}

impl<'a> Peek<'a> {
    /// Looks into an archive of `length` bytes for a file of at most `most` bytes.
    pub(super) fn new(
        length: u64,
        limits: &'a Limits,
        most: u64,
        rank: &'a dyn Fn(&Path) -> Option<u32>,
    ) -> Self {
        Self {
            limits,
            meter: Meter::new(length, limits),
            most,
            rank,
            best: None,
            entries: 0,
            buffer: vec![0; 64 << 10].into(),
        }
    }

    pub(super) fn rank(&self, name: &Name) -> Option<u32> {
        (self.rank)(&name.path())
    }

    /// Refuses a file that is too large to be handed out.
    pub(super) fn check(&self, name: &Name, size: u64) -> Result<(), ArchiveError> {
        if size <= self.most {
            return Ok(());
        }
        Err(ArchiveError::TooManyBytes {
            entry: name.path(),
            limit: self.most,
        })
    }

    pub(super) fn finish(self) -> Result<Option<FoundEntry>, ArchiveError> {
        let Some(best) = &self.best else {
            return Ok(None);
        };
        self.check(&best.name, best.size)?;
        Ok(self.best.map(|best| FoundEntry {
            path: best.name.path(),
            bytes: best.bytes,
        }))
    }

    fn count(&mut self) -> Result<(), ArchiveError> {
        self.entries += 1;
        if self.entries > self.limits.entries {
            let limit = self.limits.entries;
            return Err(ArchiveError::TooManyEntries { limit });
        }
        Ok(())
    }

    /// The rank of a file that is wanted more than the best one until now.
    fn better(&self, name: &Name) -> Option<u32> {
        let rank = self.rank(name)?;
        let is_better = self
            .best
            .as_ref()
            .is_none_or(|best| (rank, name.bytes()) < (best.rank, best.name.bytes()));
        is_better.then_some(rank)
    }
}

impl Sink for Peek<'_> {
    fn limits(&self) -> &Limits {
        self.limits
    }

    fn meter(&mut self) -> &mut Meter {
        &mut self.meter
    }

    fn folder(&mut self, raw: &[u8]) -> Result<(), ArchiveError> {
        Name::new(raw, self.limits)?;
        self.count()
    }

    fn file(
        &mut self,
        raw: &[u8],
        _: u32,
        size: u64,
        contents: &mut dyn Contents,
    ) -> Result<(), ArchiveError> {
        self.count()?;
        let entry = shown(raw);
        self.meter.check(size, &entry)?;
        let name = Name::new(raw, self.limits)?;
        let better = name.and_then(|name| Some((self.better(&name)?, name)));
        if let Some((0, name)) = &better {
            self.check(name, size)?;
        }
        let keeps = better.is_some() && size <= self.most;
        let mut kept = Vec::new();
        let mut crc = crc32fast::Hasher::new();
        let mut bytes = 0;
        while bytes < size {
            let most = usize::try_from(size - bytes).unwrap_or(usize::MAX);
            let most = most.min(self.buffer.len());
            let read = read_full(contents, &mut self.buffer[..most])
                .map_err(|error| ArchiveError::of_stream(error, Some(&entry)))?;
            let piece = &self.buffer[..read];
            self.meter.count(read as u64, &entry)?;
            crc.update(piece);
            if keeps {
                kept.extend_from_slice(piece);
            }
            bytes += read as u64;
            if read < most {
                break;
            }
        }
        let crc = crc.finalize();
        contents.check(&Copied { bytes, crc })?;
        if let Some((rank, name)) = better {
            self.best = Some(Candidate {
                rank,
                name,
                size,
                bytes: kept,
            });
        }
        Ok(())
    }

    fn link(&mut self, raw: &[u8], _: &[u8]) -> Result<(), ArchiveError> {
        Name::new(raw, self.limits)?;
        self.count()
    }

    fn hard_link(&mut self, raw: &[u8], _: &[u8]) -> Result<(), ArchiveError> {
        Name::new(raw, self.limits)?;
        self.count()
    }

    fn is_done(&self) -> bool {
        self.best.as_ref().is_some_and(|best| best.rank == 0)
    }
}
