//! Reading a zip.
//!
//! A zip says everything twice: in a header before each entry, and in the directory at its end.
//! Readers that believe one of the two can be shown another package than readers that believe the
//! other. So here both must agree, and entries, directory and end must lie one behind the other
//! from the first byte of the file to the last, with nothing between them.

mod directory;
mod end;
mod entry;
mod window;

use std::fs::File;

use rawzip::{ZipArchive, ZipLocator};

use super::error::ArchiveError;
use super::limits::Limits;
use super::name::{Name, shown};
use super::peek::Peek;
use super::sink::{Position, Sink as _};
use super::unpacker::Unpacker;
use directory::Record;
use entry::Reader;
use window::Window;

/// As many bytes as a record of the directory, or a local header, may have.
const RECORD: usize = 46 + 3 * 0xffff;

/// The types of files in Unix modes.
const TYPE: u32 = 0o170_000;
const REGULAR: u32 = 0o100_000;
const FOLDER: u32 = 0o040_000;
const LINK: u32 = 0o120_000;

/// Unpacks a zip of `length` bytes.
pub(super) fn unpack(
    file: File,
    length: u64,
    unpacker: &mut Unpacker<'_>,
) -> Result<(), ArchiveError> {
    let mut buffer = vec![0; RECORD];
    let (archive, records) = open(file, length, unpacker.limits(), &mut buffer)?;
    let files = records.iter().filter(|record| record.is_file());
    let bytes = files.fold(0, |sum: u64, record| sum.saturating_add(record.size));
    unpacker.expect(records.len() as u64, bytes);

    // Of what was read only the directory counts until now.
    let at = unpacker.position().clone();
    let before = length.saturating_sub(archive.directory_offset());
    at.set(before);
    let mut reader = Reader::new(&archive, &mut buffer, &at);
    let mut position = 0;
    for (record, end) in records.iter().zip(ends(&archive, &records)) {
        if record.start != position {
            return Err(stray(record));
        }
        reader.read(record, end, unpacker)?;
        position = end;
        at.set(before + position);
    }
    if position != archive.directory_offset() {
        return Err(ArchiveError::StrayData { entry: None });
    }
    Ok(())
}

/// Hands the file that `peek` wants most to it.
pub(super) fn find(file: File, length: u64, peek: &mut Peek<'_>) -> Result<(), ArchiveError> {
    let mut buffer = vec![0; RECORD];
    let (archive, records) = open(file, length, peek.limits(), &mut buffer)?;
    let mut best: Option<(u32, Name, &Record, u64)> = None;
    for (record, end) in records.iter().zip(ends(&archive, &records)) {
        if !record.is_file() {
            continue;
        }
        let Some(name) = Name::new(&record.name, peek.limits())? else {
            continue;
        };
        let Some(rank) = peek.rank(&name) else {
            continue;
        };
        let is_better = best
            .as_ref()
            .is_none_or(|(best, other, ..)| (rank, name.bytes()) < (*best, other.bytes()));
        if is_better {
            best = Some((rank, name, record, end));
        }
    }
    let Some((_, name, record, end)) = best else {
        return Ok(());
    };
    peek.check(&name, record.size)?;
    Reader::new(&archive, &mut buffer, &Position::default()).read(record, end, peek)
}

/// A zip and its entries, in the order in which they lie in it.
fn open(
    file: File,
    length: u64,
    limits: &Limits,
    buffer: &mut [u8],
) -> Result<(ZipArchive<Window>, Vec<Record>), ArchiveError> {
    let archive = ZipLocator::new().locate_in_reader(Window::new(file), buffer, length);
    let archive = archive.map_err(|(_, error)| damaged(error, None))?;
    if archive.end_offset() != length {
        return Err(ArchiveError::StrayData { entry: None });
    }
    let mut records = directory::read(&archive, buffer, limits)?;
    records.sort_by_key(|record| record.start);
    Ok((archive, records))
}

/// Where each entry must end.
fn ends(archive: &ZipArchive<Window>, records: &[Record]) -> impl Iterator<Item = u64> {
    let starts = records.iter().skip(1).map(|next| next.start);
    starts.chain([archive.directory_offset()])
}

fn stray(record: &Record) -> ArchiveError {
    let entry = Some(shown(&record.name));
    ArchiveError::StrayData { entry }
}

fn damaged(error: rawzip::Error, record: Option<&Record>) -> ArchiveError {
    let entry = record.map(|record| shown(&record.name));
    match error.into_kind() {
        rawzip::ErrorKind::IO(error) => ArchiveError::of_stream(error, entry.as_deref()),
        rawzip::ErrorKind::Eof | rawzip::ErrorKind::MissingEndOfCentralDirectory => {
            ArchiveError::Truncated { entry }
        }
        kind => ArchiveError::Damaged {
            entry,
            what: kind.to_string(),
        },
    }
}
