//! What the end of a zip says about its directory.
//!
//! It says where the directory is in two ways, by its offset and by its size, and readers differ in
//! which one they take; and it says everything twice if it has 64 bits. All of that must agree.

use std::io::Read as _;

use rawzip::{RangeReader, ReaderAt, ZipArchive};

use crate::archive::ArchiveError;

/// Bytes of the end, without its comment.
const END: u64 = 22;

/// Bytes of an end with 64 bits: its record and its locator. It stands before the other one.
const END_64: u64 = 56 + 20;

/// Checks the end of an archive whose directory ends at `directory_end`, and that nothing lies
/// between the two.
pub(super) fn check<R: ReaderAt>(
    archive: &ZipArchive<R>,
    directory_end: u64,
) -> Result<(), ArchiveError> {
    let offset = archive.directory_offset();
    // Disk, disk of the directory, entries on this disk, entries, size, offset.
    let expected = [
        0,
        0,
        archive.entries_hint(),
        archive.entries_hint(),
        directory_end.saturating_sub(offset),
        offset,
    ];
    let stray = ArchiveError::StrayData { entry: None };
    let is_wide = match archive.eocd_offset().checked_sub(directory_end) {
        Some(0) => false,
        Some(END_64) => true,
        _ => return Err(stray),
    };
    let mut bytes = Vec::with_capacity((END_64 + END) as usize);
    RangeReader::new(
        archive.get_ref(),
        directory_end..archive.eocd_offset() + END,
    )
    .read_to_end(&mut bytes)
    .map_err(|source| ArchiveError::Unreadable { source })?;
    let mut fields = Fields(&bytes);
    if is_wide {
        if fields.number(4) != 0x0606_4b50 {
            return Err(stray);
        }
        let size = fields.number(8);
        let _versions = fields.number(4);
        let found = [4, 4, 8, 8, 8, 8].map(|width| fields.number(width));
        // The locator.
        let located = [4, 4, 8].map(|width| fields.number(width));
        let disks = fields.number(4);
        if size != 44 || located != [0x0706_4b50, 0, directory_end] || disks > 1 {
            return Err(ArchiveError::damaged("its end with 64 bits is malformed"));
        }
        differ(found != expected)?;
    }
    let _signature = fields.number(4);
    let widths = [2, 2, 2, 2, 4, 4];
    let said = widths.map(|width| (fields.number(width), u64::MAX >> (64 - 8 * width)));
    let mut both = std::iter::zip(said, expected);
    // What is all ones stands in the other end.
    differ(!both.all(|((found, ones), expected)| found == expected || is_wide && found == ones))
}

fn differ(differ: bool) -> Result<(), ArchiveError> {
    if differ {
        let what = "its end does not fit its directory, or it is on several disks";
        return Err(ArchiveError::damaged(what));
    }
    Ok(())
}

/// Fields that stand one behind the other.
struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    /// The next number, of `width` bytes.
    fn number(&mut self, width: usize) -> u64 {
        let (field, rest) = self.0.split_at(width.min(self.0.len()));
        self.0 = rest;
        let bytes = field.iter().rev();
        bytes.fold(0, |number, byte| number << 8 | u64::from(*byte))
    }
}
