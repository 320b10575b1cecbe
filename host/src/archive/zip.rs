//! Reading a zip.
//!
//! A zip says everything twice: in a header before each entry, and in the directory at its end.
//! Readers that believe one of the two can be shown another package than readers that believe the
//! other. So here both must agree, and entries, directory and end must lie one behind the other
//! from the first byte of the file to the last, with nothing between them.

mod end;

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read};

use flate2::bufread::DeflateDecoder;
use rawzip::extra_fields::{ExtraFieldId, ExtraFields};
use rawzip::{
    CompressionMethod, CreatorSystem, FileReader, ZipArchive, ZipArchiveEntryWayfinder, ZipEntry,
    ZipFileHeaderRecord,
};

use super::error::ArchiveError;
use super::name::{check_length, shown};
use super::unpacker::{Copied, Unpacker};

/// As many bytes as a record of the directory, or a local header, may have.
const RECORD: usize = 46 + 3 * 0xffff;

/// The types of files in Unix modes.
const TYPE: u32 = 0o170_000;
const REGULAR: u32 = 0o100_000;
const FOLDER: u32 = 0o040_000;
const LINK: u32 = 0o120_000;

/// What the directory says about an entry.
struct Record {
    name: Box<[u8]>,
    way: ZipArchiveEntryWayfinder,
    start: u64,
    method: CompressionMethod,
    flags: u16,
    crc: u32,
    size: u64,
    compressed: u64,
    /// Type and permissions as on Unix; 0 where the archive does not say.
    mode: u32,
}

/// Unpacks a zip of `length` bytes.
pub(super) fn unpack(
    file: File,
    length: u64,
    unpacker: &mut Unpacker<'_>,
) -> Result<(), ArchiveError> {
    let mut buffer = vec![0; RECORD];
    let archive = ZipArchive::from_file(file, &mut buffer).map_err(|error| damaged(error, None))?;
    if archive.end_offset() != length {
        return Err(ArchiveError::StrayData { entry: None });
    }
    let mut records = directory(&archive, &mut buffer, unpacker)?;
    records.sort_by_key(|record| record.start);

    let mut position = 0;
    let ends = records.iter().skip(1).map(|next| next.start);
    let ends: Vec<u64> = ends.chain([archive.directory_offset()]).collect();
    for (record, end) in records.iter().zip(ends) {
        if record.start != position {
            return Err(stray(record));
        }
        unpack_entry(&archive, record, end, &mut buffer, unpacker)?;
        position = end;
    }
    if position != archive.directory_offset() {
        return Err(ArchiveError::StrayData { entry: None });
    }
    Ok(())
}

/// Reads the directory, which must be whole and reach up to the end record.
fn directory(
    archive: &ZipArchive<FileReader>,
    buffer: &mut [u8],
    unpacker: &Unpacker<'_>,
) -> Result<Vec<Record>, ArchiveError> {
    let limits = unpacker.limits;
    let mut records = Vec::new();
    let mut end = archive.directory_offset();
    let mut name_bytes = 0;
    let mut entries = archive.entries(buffer);
    let malformed = |error: rawzip::Error| match error.kind() {
        rawzip::ErrorKind::IO(_) => damaged(error, None),
        _ => ArchiveError::damaged("its directory is malformed"),
    };
    while let Some(record) = entries.next_entry().map_err(malformed)? {
        let record_end = record.central_directory_offset()
            + 46
            + record.file_path().len() as u64
            + record.extra_fields().remaining_bytes().len() as u64
            + record.comment().as_bytes().len() as u64;
        end = end.max(record_end);
        let record = Record::new(&record, unpacker)?;
        name_bytes += record.name.len() as u64;
        if records.len() as u64 >= limits.entries {
            let limit = limits.entries;
            return Err(ArchiveError::TooManyEntries { limit });
        }
        if name_bytes > limits.name_bytes {
            let limit = limits.name_bytes;
            return Err(ArchiveError::TooManyNames { limit });
        }
        records.push(record);
    }
    if records.len() as u64 != archive.entries_hint() {
        let what = "its directory has another number of entries than it says";
        return Err(ArchiveError::damaged(what));
    }
    end::check(archive, end)?;
    Ok(records)
}

impl Record {
    fn new(
        record: &ZipFileHeaderRecord<'_>,
        unpacker: &Unpacker<'_>,
    ) -> Result<Self, ArchiveError> {
        let path = record.file_path();
        let name = path.as_bytes();
        check_length(name, unpacker.limits)?;
        let creator = record.version_made_by().creator_system();
        let is_unix = matches!(creator, CreatorSystem::UNIX | CreatorSystem::MACOS);
        let this = Self {
            name: name.into(),
            way: record.wayfinder(),
            start: record.local_header_offset(),
            method: record.compression_method(),
            flags: record.flags().bits(),
            crc: record.crc32(),
            size: record.uncompressed_size_hint(),
            compressed: record.compressed_size_hint(),
            mode: if is_unix {
                record.external_attributes() >> 16
            } else {
                0
            },
        };
        let flags = record.flags();
        if flags.is_encrypted() || flags.has_strong_encryption() || flags.is_masked() {
            return Err(ArchiveError::Encrypted { entry: shown(name) });
        }
        this.check_other_name(record.extra_fields())?;
        Ok(this)
    }

    /// Extra fields can have the name once more.
    fn check_other_name(&self, mut fields: ExtraFields<'_>) -> Result<(), ArchiveError> {
        // A version and a checksum stand before the name.
        const BEFORE: usize = 5;
        let differs = fields.any(|(id, data)| {
            let other = data.get(BEFORE..);
            id == ExtraFieldId::INFO_ZIP_UNICODE_PATH && other.is_some_and(|it| *it != *self.name)
        });
        if differs {
            return Err(self.differ("name"));
        }
        Ok(())
    }

    fn differ(&self, what: &'static str) -> ArchiveError {
        let entry = shown(&self.name);
        ArchiveError::HeadersDiffer { entry, what }
    }

    fn has_descriptor(&self) -> bool {
        self.flags & 1 << 3 != 0
    }

    fn sized(&self, found: u64) -> Result<(), ArchiveError> {
        if found == self.size {
            return Ok(());
        }
        Err(ArchiveError::Size {
            entry: shown(&self.name),
            declared: self.size,
            found,
        })
    }

    /// Checks what came out against what was said.
    fn check(&self, copied: &Copied) -> Result<(), ArchiveError> {
        self.sized(copied.bytes)?;
        if copied.crc != self.crc {
            let entry = Some(shown(&self.name));
            return Err(ArchiveError::Checksum { entry });
        }
        Ok(())
    }
}

fn unpack_entry(
    archive: &ZipArchive<FileReader>,
    record: &Record,
    end: u64,
    buffer: &mut [u8],
    unpacker: &mut Unpacker<'_>,
) -> Result<(), ArchiveError> {
    let of_entry = |error| damaged(error, Some(record));
    let entry = archive.get_entry(record.way).map_err(of_entry)?;
    check_local(&entry, record, buffer)?;
    let (_, data_end) = entry.compressed_data_range();
    check_descriptor(archive, record, data_end, end)?;

    let mut data = Data::new(&entry, record)?;
    let is_folder = record.name.ends_with(b"/");
    let permissions = |otherwise| match record.mode & 0o777 {
        0 => otherwise,
        mode => mode,
    };
    match record.mode & TYPE {
        LINK if !is_folder => {
            let target = data.read_target(record, unpacker)?;
            unpacker.link(&record.name, &target)?;
        }
        0 | REGULAR | FOLDER if is_folder => {
            if record.size > 0 {
                return Err(ArchiveError::Size {
                    entry: shown(&record.name),
                    declared: 0,
                    found: record.size,
                });
            }
            unpacker.folder(&record.name, permissions(0o755))?;
        }
        0 | REGULAR => {
            let mode = permissions(0o644);
            let copied = unpacker.file(&record.name, mode, record.size, &mut data)?;
            record.check(&copied)?;
        }
        FOLDER | LINK => return Err(record.differ("kind")),
        _ => {
            let entry = shown(&record.name);
            return Err(ArchiveError::Special { entry });
        }
    }
    data.finish(record)
}

/// Compares the header before the data with what the directory says.
fn check_local(
    entry: &ZipEntry<'_, FileReader>,
    record: &Record,
    buffer: &mut [u8],
) -> Result<(), ArchiveError> {
    let local = entry.local_header(buffer);
    let local = local.map_err(|error| damaged(error, Some(record)))?;
    if *local.file_path().as_bytes() != *record.name {
        return Err(record.differ("name"));
    }
    if local.compression_method() != record.method {
        return Err(record.differ("compression"));
    }
    // Bits 1 and 2 tell how hard the compressor tried.
    if (local.flags().bits() ^ record.flags) & !0b110 != 0 {
        return Err(record.differ("flags"));
    }
    record.check_other_name(local.extra_fields())?;
    let crc = (u64::from(local.crc32()), u64::from(record.crc));
    let size = (local.uncompressed_size_hint(), record.size);
    let compressed = (local.compressed_size_hint(), record.compressed);
    for (what, (local, directory)) in [
        ("checksum", crc),
        ("size", size),
        ("compressed size", compressed),
    ] {
        // What was not known yet stands behind the data.
        let is_later = record.has_descriptor() && local == 0;
        if local != directory && !is_later {
            return Err(record.differ(what));
        }
    }
    Ok(())
}

/// Checks what lies between the data of an entry and the `end` where the next one begins: nothing,
/// or what was not known yet before the data, with or without a signature, in 32 or 64 bits.
fn check_descriptor(
    archive: &ZipArchive<FileReader>,
    record: &Record,
    data_end: u64,
    end: u64,
) -> Result<(), ArchiveError> {
    let length = end.checked_sub(data_end).ok_or_else(|| stray(record))?;
    if !record.has_descriptor() {
        return if length == 0 {
            Ok(())
        } else {
            Err(stray(record))
        };
    }
    let (signature, wide) = match length {
        12 => (false, false),
        16 => (true, false),
        20 => (false, true),
        24 => (true, true),
        _ => return Err(stray(record)),
    };
    let mut descriptor = Vec::with_capacity(24);
    rawzip::RangeReader::new(archive.get_ref(), data_end..end)
        .read_to_end(&mut descriptor)
        .map_err(|source| ArchiveError::Unreadable { source })?;
    let mut expected = Vec::with_capacity(24);
    if signature {
        expected.extend_from_slice(b"PK\x07\x08");
    }
    expected.extend_from_slice(&record.crc.to_le_bytes());
    for size in [record.compressed, record.size] {
        let width = if wide { 8 } else { 4 };
        expected.extend_from_slice(&size.to_le_bytes()[..width]);
    }
    if descriptor != expected {
        return Err(record.differ("size or checksum"));
    }
    Ok(())
}

/// The data of an entry, as they come out.
enum Data<R: Read> {
    Stored(BufReader<R>),
    Deflated(Box<DeflateDecoder<BufReader<R>>>),
}

impl<'a> Data<rawzip::ZipReader<&'a FileReader>> {
    fn new(entry: &ZipEntry<'a, FileReader>, record: &Record) -> Result<Self, ArchiveError> {
        let reader = BufReader::with_capacity(64 << 10, entry.reader());
        match record.method {
            CompressionMethod::STORE => {
                record.sized(record.compressed)?;
                Ok(Self::Stored(reader))
            }
            CompressionMethod::DEFLATE => Ok(Self::Deflated(Box::new(DeflateDecoder::new(reader)))),
            method => Err(ArchiveError::Unsupported {
                entry: shown(&record.name),
                what: format!("the compression method {} of zip", method.as_u16()),
            }),
        }
    }
}

impl<R: Read> Data<R> {
    /// The target of a link, which is what lies in it.
    fn read_target(
        &mut self,
        record: &Record,
        unpacker: &mut Unpacker<'_>,
    ) -> Result<Vec<u8>, ArchiveError> {
        let entry = shown(&record.name);
        let limit = unpacker.limits.name_length;
        if record.size > limit as u64 {
            return Err(ArchiveError::NameTooLong { entry, limit });
        }
        unpacker.meter.count(record.size, &entry)?;
        let mut target = Vec::new();
        self.take(record.size)
            .read_to_end(&mut target)
            .map_err(|error| ArchiveError::of_stream(error, Some(&entry)))?;
        record.check(&Copied {
            bytes: target.len() as u64,
            crc: crc32fast::hash(&target),
        })?;
        Ok(target)
    }

    /// Checks that nothing more comes out, and that nothing of the data is left.
    fn finish(mut self, record: &Record) -> Result<(), ArchiveError> {
        let entry = shown(&record.name);
        let of_stream = |error| ArchiveError::of_stream(error, Some(&entry));
        if self.read(&mut [0]).map_err(of_stream)? > 0 {
            return record.sized(record.size.saturating_add(1));
        }
        let mut rest = match self {
            Self::Stored(reader) => reader,
            Self::Deflated(decoder) => decoder.into_inner(),
        };
        if rest.fill_buf().map_err(of_stream)?.is_empty() {
            Ok(())
        } else {
            Err(stray(record))
        }
    }
}

impl<R: Read> Read for Data<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Stored(reader) => reader.read(buffer),
            Self::Deflated(decoder) => decoder.read(buffer),
        }
    }
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
