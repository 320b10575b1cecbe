//! A file that is read in large pieces, whoever reads how little of it.

use std::cell::RefCell;
use std::fs::File;
use std::io;

use rawzip::{FileReader, ReaderAt};

/// Bytes of a piece.
const PIECE: usize = 64 << 10;

/// The piece of a file that was read last. Entries lie one behind the other, so the next header and
/// small data are mostly in it.
pub(super) struct Window {
    file: FileReader,
    piece: RefCell<Piece>,
}

struct Piece {
    data: Box<[u8]>,
    start: u64,
    length: usize,
}

impl Window {
    pub(super) fn new(file: File) -> Self {
        Self {
            file: file.into(),
            piece: RefCell::new(Piece {
                data: vec![0; PIECE].into(),
                start: 0,
                length: 0,
            }),
        }
    }
}

impl Piece {
    /// What it has from `offset` on.
    fn from(&self, offset: u64) -> Option<&[u8]> {
        let at = usize::try_from(offset.checked_sub(self.start)?).ok()?;
        let data = self.data[..self.length].get(at..)?;
        (!data.is_empty()).then_some(data)
    }
}

impl ReaderAt for Window {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        let piece = &mut *self.piece.borrow_mut();
        if piece.from(offset).is_none() {
            if buffer.len() >= PIECE {
                return self.file.read_at(buffer, offset);
            }
            piece.length = 0;
            piece.length = self.file.read_at(&mut piece.data, offset)?;
            piece.start = offset;
        }
        let data = piece.from(offset).unwrap_or_default();
        let read = data.len().min(buffer.len());
        buffer[..read].copy_from_slice(&data[..read]);
        Ok(read)
    }
}
