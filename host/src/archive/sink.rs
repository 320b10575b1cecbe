//! What the readers of archives hand their entries to.

use std::cell::Cell;
use std::io::{self, Read};
use std::rc::Rc;

use super::error::ArchiveError;
use super::limits::{Limits, Meter};

/// Takes entries in the order in which they are found, with their names and modes as they are there.
pub(super) trait Sink {
    fn limits(&self) -> &Limits;

    /// Counts what comes out and is no file's data; those the sink counts.
    fn meter(&mut self) -> &mut Meter;

    fn folder(&mut self, raw: &[u8]) -> Result<(), ArchiveError>;

    /// A file of `size` bytes, as its header says; `contents` knows whether that is true.
    fn file(
        &mut self,
        raw: &[u8],
        mode: u32,
        size: u64,
        contents: &mut dyn Contents,
    ) -> Result<(), ArchiveError>;

    fn link(&mut self, raw: &[u8], target: &[u8]) -> Result<(), ArchiveError>;

    /// A second name for a file.
    fn hard_link(&mut self, raw: &[u8], target: &[u8]) -> Result<(), ArchiveError>;

    /// Whether it needs no more entries.
    fn is_done(&self) -> bool {
        false
    }
}

/// The data of a file.
pub(super) trait Contents: Read {
    /// Checks that what came out is all that there is. The file counts only after that.
    fn check(&mut self, copied: &Copied) -> Result<(), ArchiveError>;
}

/// What was found in the data of a file.
pub(super) struct Copied {
    pub(super) bytes: u64,
    pub(super) crc: u32,
}

/// As many bytes of an archive as were read.
pub(super) type Position = Rc<Cell<u64>>;

/// Counts what is read.
pub(super) struct Counted<R> {
    inner: R,
    position: Position,
}

impl<R> Counted<R> {
    pub(super) fn new(inner: R, position: &Position) -> Self {
        let position = Rc::clone(position);
        Self { inner, position }
    }
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.position.set(self.position.get() + read as u64);
        Ok(read)
    }
}

/// Reads until `buffer` is full or the stream ends.
pub(super) fn read_full(stream: &mut dyn Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match stream.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}
