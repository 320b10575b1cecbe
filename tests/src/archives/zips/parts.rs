//! A zip in its parts.

use super::end;
use crate::archives::builder::{ZipEntry, zip, zip_of};

/// A zip in its parts, of which each can be changed.
pub(super) struct Parts {
    pub(super) entries: Vec<u8>,
    pub(super) directory: Vec<u8>,
    pub(super) end_64: Vec<u8>,
    pub(super) end: Vec<u8>,
    /// Where the last entry begins, and its record in the directory.
    pub(super) last: (usize, usize),
}

impl Parts {
    pub(super) fn new(entries: &[ZipEntry]) -> Self {
        let size = |entries: &[ZipEntry]| -> usize {
            entries.iter().map(|entry| entry.local().len()).sum()
        };
        let (last, before) = entries.split_last().expect("an entry");
        let mut bytes = zip(entries);
        let end = bytes.split_off(bytes.len() - 22);
        let directory = bytes.split_off(size(entries));
        let last = (size(before), directory.len() - last.central(0).len());
        Self {
            entries: bytes,
            directory,
            end_64: Vec::new(),
            end,
            last,
        }
    }

    /// Adds the end with 64 bits, and has the other one leave everything to it.
    pub(super) fn widen(&mut self) {
        let count = u64::from(u16::from_le_bytes([
            self.end[end::COUNT],
            self.end[end::COUNT + 1],
        ]));
        self.end_64 = end_64(self.entries.len(), self.directory.len(), count);
        self.end[end::COUNT_HERE..end::COMMENT].fill(0xff);
    }

    pub(super) fn bytes(&self) -> Vec<u8> {
        [&self.entries[..], &self.directory, &self.end_64, &self.end].concat()
    }
}

/// The end with 64 bits: where the directory is, how large, and the number of entries.
pub(super) fn end_64(offset: usize, size: usize, count: u64) -> Vec<u8> {
    let (offset, size) = (offset as u64, size as u64);
    let mut record = b"PK\x06\x06".to_vec();
    record.extend(44u64.to_le_bytes());
    record.extend([45, 3, 45, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    for number in [count, count, size, offset] {
        record.extend(number.to_le_bytes());
    }
    record.extend(b"PK\x06\x07\0\0\0\0");
    record.extend((offset + size).to_le_bytes());
    record.extend(1u32.to_le_bytes());
    record
}

/// A zip of its parts, with a number of entries that needs 64 bits.
pub(in crate::archives) fn zip_64(entries: Vec<u8>, directory: &[u8], count: u64) -> Vec<u8> {
    let end_64 = end_64(entries.len(), directory.len(), count);
    let mut bytes = zip_of(entries, directory, usize::from(u16::MAX));
    let end = bytes.split_off(bytes.len() - 22);
    [bytes, end_64, end].concat()
}

pub(super) fn put(part: &mut [u8], at: usize, bytes: &[u8]) {
    part[at..at + bytes.len()].copy_from_slice(bytes);
}

/// Adds to the number of 32 bits at `at`.
pub(super) fn add(part: &mut [u8], at: usize, more: i32) {
    let bytes = part[at..at + 4].try_into().expect("four bytes");
    let number = u32::from_le_bytes(bytes).wrapping_add_signed(more);
    put(part, at, &number.to_le_bytes());
}
