//! One entry of a zip: its header, its data, and what lies behind them.

use std::io::{self, BufRead as _, BufReader, Read};

use flate2::bufread::DeflateDecoder;
use rawzip::{CompressionMethod, ZipArchive, ZipEntry, ZipReader};

use super::super::error::ArchiveError;
use super::super::name::shown;
use super::super::sink::{Contents, Copied, Counted, Position, Sink};
use super::directory::Record;
use super::window::Window;
use super::{FOLDER, LINK, REGULAR, TYPE, damaged, stray};

/// As many compressed bytes are taken from the window at once.
const BUFFER: usize = 16 << 10;

/// The compressed data of an entry.
type Source<'a> = BufReader<Counted<ZipReader<&'a Window>>>;

/// Reads entries one after the other.
pub(super) struct Reader<'a> {
    archive: &'a ZipArchive<Window>,
    buffer: &'a mut [u8],
    position: Position,
    /// The decoder of the last entry; making one takes longer than decoding a small file.
    decoder: Option<Box<DeflateDecoder<Source<'a>>>>,
}

impl<'a> Reader<'a> {
    /// A reader with a `buffer` for headers.
    pub(super) fn new(
        archive: &'a ZipArchive<Window>,
        buffer: &'a mut [u8],
        position: &Position,
    ) -> Self {
        Self {
            archive,
            buffer,
            position: Position::clone(position),
            decoder: None,
        }
    }

    /// Hands the entry to `sink`, which must end where the next one begins, at `end`.
    pub(super) fn read(
        &mut self,
        record: &Record,
        end: u64,
        sink: &mut dyn Sink,
    ) -> Result<(), ArchiveError> {
        let entry = self.archive.get_entry(record.way);
        let entry = entry.map_err(|error| damaged(error, Some(record)))?;
        check_local(&entry, record, self.buffer)?;
        let (_, data_end) = entry.compressed_data_range();
        check_descriptor(self.archive, record, data_end, end)?;

        let mut data = self.data(&entry, record)?;
        let is_folder = record.name.ends_with(b"/");
        let permissions = |otherwise| match record.mode & 0o777 {
            0 => otherwise,
            mode => mode,
        };
        match record.mode & TYPE {
            LINK if !is_folder => {
                let target = data.read_target(sink)?;
                data.finish()?;
                sink.link(&record.name, &target)?;
            }
            0 | REGULAR | FOLDER if is_folder => {
                if record.size > 0 {
                    return Err(ArchiveError::Size {
                        entry: shown(&record.name),
                        declared: 0,
                        found: record.size,
                    });
                }
                data.finish()?;
                sink.folder(&record.name)?;
            }
            0 | REGULAR => {
                let mode = permissions(0o644);
                sink.file(&record.name, mode, record.size, &mut data)?;
            }
            FOLDER | LINK => return Err(record.differ("kind")),
            _ => {
                let entry = shown(&record.name);
                return Err(ArchiveError::Special { entry });
            }
        }
        if let Stream::Deflated(decoder) = data.stream {
            self.decoder = Some(decoder);
        }
        Ok(())
    }

    fn data<'r>(
        &mut self,
        entry: &ZipEntry<'a, Window>,
        record: &'r Record,
    ) -> Result<Data<'a, 'r>, ArchiveError> {
        let source = Counted::new(entry.reader(), &self.position);
        let source = BufReader::with_capacity(BUFFER, source);
        let stream = match record.method {
            CompressionMethod::STORE => {
                record.sized(record.compressed)?;
                Stream::Stored(source)
            }
            CompressionMethod::DEFLATE => Stream::Deflated(match self.decoder.take() {
                Some(mut decoder) => {
                    decoder.reset(source);
                    decoder
                }
                None => Box::new(DeflateDecoder::new(source)),
            }),
            method => {
                return Err(ArchiveError::Unsupported {
                    entry: shown(&record.name),
                    what: format!("the compression method {} of zip", method.as_u16()),
                });
            }
        };
        Ok(Data { stream, record })
    }
}

/// Compares the header before the data with what the directory says.
fn check_local(
    entry: &ZipEntry<'_, Window>,
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
    archive: &ZipArchive<Window>,
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
struct Data<'a, 'r> {
    stream: Stream<'a>,
    record: &'r Record,
}

enum Stream<'a> {
    Stored(Source<'a>),
    Deflated(Box<DeflateDecoder<Source<'a>>>),
}

impl Data<'_, '_> {
    /// The target of a link, which is what lies in it.
    fn read_target(&mut self, sink: &mut dyn Sink) -> Result<Vec<u8>, ArchiveError> {
        let record = self.record;
        let entry = shown(&record.name);
        let limit = sink.limits().name_length;
        if record.size > limit as u64 {
            return Err(ArchiveError::NameTooLong { entry, limit });
        }
        sink.meter().count(record.size, &entry)?;
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
    fn finish(&mut self) -> Result<(), ArchiveError> {
        let record = self.record;
        let of_stream = |error| ArchiveError::of_stream(error, Some(&shown(&record.name)));
        if self.read(&mut [0]).map_err(of_stream)? > 0 {
            return record.sized(record.size.saturating_add(1));
        }
        let rest = match &mut self.stream {
            Stream::Stored(source) => source,
            Stream::Deflated(decoder) => decoder.get_mut(),
        };
        if rest.fill_buf().map_err(of_stream)?.is_empty() {
            Ok(())
        } else {
            Err(stray(record))
        }
    }
}

impl Read for Data<'_, '_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match &mut self.stream {
            Stream::Stored(source) => source.read(buffer),
            Stream::Deflated(decoder) => decoder.read(buffer),
        }
    }
}

impl Contents for Data<'_, '_> {
    fn check(&mut self, copied: &Copied) -> Result<(), ArchiveError> {
        self.record.check(copied)?;
        self.finish()
    }
}
