//! The directory at the end of a zip.

use rawzip::extra_fields::{ExtraFieldId, ExtraFields};
use rawzip::{
    CompressionMethod, CreatorSystem, ZipArchive, ZipArchiveEntryWayfinder, ZipFileHeaderRecord,
};

use super::super::error::ArchiveError;
use super::super::limits::Limits;
use super::super::name::{check_length, shown};
use super::super::sink::Copied;
use super::end;
use super::window::Window;
use super::{REGULAR, TYPE, damaged};

/// What the directory says about an entry.
pub(super) struct Record {
    pub(super) name: Box<[u8]>,
    pub(super) way: ZipArchiveEntryWayfinder,
    pub(super) start: u64,
    pub(super) method: CompressionMethod,
    pub(super) flags: u16,
    pub(super) crc: u32,
    pub(super) size: u64,
    pub(super) compressed: u64,
    /// Type and permissions as on Unix; 0 where the archive does not say.
    pub(super) mode: u32,
}

/// Reads the directory, which must be whole and reach up to the end record.
pub(super) fn read(
    archive: &ZipArchive<Window>,
    buffer: &mut [u8],
    limits: &Limits,
) -> Result<Vec<Record>, ArchiveError> {
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
        let record = Record::new(&record, limits)?;
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
    fn new(record: &ZipFileHeaderRecord<'_>, limits: &Limits) -> Result<Self, ArchiveError> {
        let path = record.file_path();
        let name = path.as_bytes();
        check_length(name, limits)?;
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
    pub(super) fn check_other_name(&self, mut fields: ExtraFields<'_>) -> Result<(), ArchiveError> {
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

    pub(super) fn differ(&self, what: &'static str) -> ArchiveError {
        let entry = shown(&self.name);
        ArchiveError::HeadersDiffer { entry, what }
    }

    pub(super) fn has_descriptor(&self) -> bool {
        self.flags & 1 << 3 != 0
    }

    pub(super) fn sized(&self, found: u64) -> Result<(), ArchiveError> {
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
    pub(super) fn check(&self, copied: &Copied) -> Result<(), ArchiveError> {
        self.sized(copied.bytes)?;
        if copied.crc != self.crc {
            let entry = Some(shown(&self.name));
            return Err(ArchiveError::Checksum { entry });
        }
        Ok(())
    }

    /// Whether it is a file, and no folder or link.
    pub(super) fn is_file(&self) -> bool {
        matches!(self.mode & TYPE, 0 | REGULAR) && !self.name.ends_with(b"/")
    }
}
