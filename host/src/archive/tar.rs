//! Reading a tar, block by block.
//!
//! Ustar, the old format before it, GNU's long names and PAX headers. Where two places could say
//! where a file goes or how long it is, and differ, readers differ too: such archives are refused.

use std::io::{self, Read};

use tar::Header;

use super::error::ArchiveError;
use super::name::{check_length, shown};
use super::pax::{Extension, PAX_BYTES};
use super::sink::{self, Contents, Copied, Sink};

/// Bytes of a block.
pub(super) const BLOCK: usize = 512;

/// Whether a tar begins so.
pub(super) fn is_header(block: &[u8]) -> bool {
    block.len() == BLOCK && has_checksum(Header::from_byte_slice(block))
}

/// Whether a header's checksum is that of its bytes, those of the checksum counted as spaces.
fn has_checksum(header: &Header) -> bool {
    const CHECKSUM: std::ops::Range<usize> = 148..156;
    let bytes = header.as_bytes().iter().enumerate();
    let sum: u32 = bytes
        .map(|(at, byte)| match CHECKSUM.contains(&at) {
            true => u32::from(b' '),
            false => u32::from(*byte),
        })
        .sum();
    header.cksum().is_ok_and(|declared| declared == sum)
}

/// Hands the entries of a decoded tar to `sink`.
pub(super) fn read(stream: &mut dyn Read, sink: &mut dyn Sink) -> Result<(), ArchiveError> {
    let mut extension = Extension::default();
    loop {
        let Some(block) = read_block(stream, sink)? else {
            return Err(ArchiveError::Truncated { entry: None });
        };
        if is_zero(&block) {
            break;
        }
        let header = Header::from_byte_slice(&block);
        if !has_checksum(header) {
            return Err(ArchiveError::Checksum { entry: None });
        }
        let entry = Entry { header, stream };
        entry.read_whole(&mut extension, sink)?;
        if sink.is_done() {
            return Ok(());
        }
    }
    if !extension.is_empty() {
        let what = "it ends with a header that belongs to an entry";
        return Err(ArchiveError::damaged(what));
    }
    // Behind the first empty block there are others, up to the end of a record.
    while let Some(block) = read_block(stream, sink)? {
        if !is_zero(&block) {
            return Err(ArchiveError::StrayData { entry: None });
        }
    }
    Ok(())
}

fn is_zero(block: &[u8]) -> bool {
    block.iter().all(|byte| *byte == 0)
}

/// The next block, or `None` at the end.
fn read_block(
    stream: &mut dyn Read,
    sink: &mut dyn Sink,
) -> Result<Option<[u8; BLOCK]>, ArchiveError> {
    let mut block = [0; BLOCK];
    match read_full(stream, &mut block)? {
        0 => return Ok(None),
        BLOCK => {}
        _ => return Err(ArchiveError::Truncated { entry: None }),
    }
    sink.meter().count(BLOCK as u64, &shown(b""))?;
    Ok(Some(block))
}

/// Reads until `buffer` is full or the stream ends.
fn read_full(stream: &mut dyn Read, buffer: &mut [u8]) -> Result<usize, ArchiveError> {
    sink::read_full(stream, buffer).map_err(|error| ArchiveError::of_stream(error, None))
}

/// The data of a file, which end with their block.
struct Body<'a> {
    stream: &'a mut dyn Read,
    size: u64,
    name: &'a [u8],
}

impl Read for Body<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.stream.read(buffer)
    }
}

impl Contents for Body<'_> {
    fn check(&mut self, copied: &Copied) -> Result<(), ArchiveError> {
        if copied.bytes == self.size && skip_padding(self.stream, self.size)? {
            return Ok(());
        }
        let entry = Some(shown(self.name));
        Err(ArchiveError::Truncated { entry })
    }
}

/// Skips what fills the last block of `size` bytes; whether all of it was there.
fn skip_padding(stream: &mut dyn Read, size: u64) -> Result<bool, ArchiveError> {
    let used = (size % BLOCK as u64) as usize;
    if used == 0 {
        return Ok(true);
    }
    let mut padding = [0; BLOCK];
    let padding = &mut padding[used..];
    Ok(read_full(stream, padding)? == padding.len())
}

/// One header and what follows it.
struct Entry<'a> {
    header: &'a Header,
    stream: &'a mut dyn Read,
}

impl Entry<'_> {
    fn read_whole(
        mut self,
        extension: &mut Extension,
        sink: &mut dyn Sink,
    ) -> Result<(), ArchiveError> {
        let size = self.size()?;
        let kind = self.header.entry_type().as_byte();
        // What stands before an entry and is about it.
        match kind {
            b'x' => return extension.add_pax(&self.read(size, PAX_BYTES, sink)?),
            b'g' => return Extension::check_global(&self.read(size, PAX_BYTES, sink)?),
            b'L' => return extension.add_name(&self.read_name(size, sink)?),
            b'K' => return extension.add_target(&self.read_name(size, sink)?),
            _ => {}
        }
        let Extension {
            name,
            target,
            size: other_size,
            is_sparse,
        } = std::mem::take(extension);
        let name = name.unwrap_or_else(|| self.header.path_bytes().into_owned());
        let target = target.or_else(|| Some(self.header.link_name_bytes()?.into_owned()));
        let target = target.unwrap_or_default();
        check_length(&name, sink.limits())?;
        let entry = || shown(&name);
        if other_size.is_some_and(|other| other != size) {
            let (entry, what) = (entry(), "size");
            return Err(ArchiveError::HeadersDiffer { entry, what });
        }
        if is_sparse {
            let (entry, what) = (entry(), "holes".to_owned());
            return Err(ArchiveError::Unsupported { entry, what });
        }
        let mode = self.number(self.header.mode())?;
        let is_empty = || match size {
            0 => Ok(()),
            found => Err(ArchiveError::Size {
                entry: entry(),
                declared: 0,
                found,
            }),
        };
        match kind {
            // Before there was a letter for folders they ended with a slash.
            0 | b'0' | b'7' if name.ends_with(b"/") => {
                is_empty()?;
                sink.folder(&name)
            }
            0 | b'0' | b'7' => {
                let (stream, name) = (self.stream, &name);
                let mut body = Body { stream, size, name };
                sink.file(name, mode, size, &mut body)
            }
            b'1' => {
                is_empty()?;
                sink.hard_link(&name, &target)
            }
            b'2' => {
                is_empty()?;
                sink.link(&name, &target)
            }
            b'5' => {
                is_empty()?;
                sink.folder(&name)
            }
            b'3' | b'4' | b'6' => Err(ArchiveError::Special { entry: entry() }),
            other => Err(ArchiveError::Unsupported {
                entry: entry(),
                what: format!("the type `{}` of tar", other.escape_ascii()),
            }),
        }
    }

    /// The size in the header: octal digits, or a binary number of at most 64 bits. With a sign it
    /// is of another base for some readers.
    fn size(&self) -> Result<u64, ArchiveError> {
        let size = match self.header.as_old().size {
            [0x80, 0, 0, 0, ..] => self.header.entry_size(),
            [first, ..] if first >= 0x80 => Err(io::Error::other("a size has more than 64 bits")),
            field if field.trim_ascii_start().starts_with(b"+") => {
                Err(io::Error::other("a size has a sign"))
            }
            _ => self.header.entry_size(),
        };
        self.number(size)
    }

    fn number<T>(&self, field: io::Result<T>) -> Result<T, ArchiveError> {
        field.map_err(|error| ArchiveError::Damaged {
            entry: Some(shown(&self.header.path_bytes())),
            what: error.to_string(),
        })
    }

    /// The whole data of a header that is no file.
    fn read(
        &mut self,
        size: u64,
        limit: usize,
        sink: &mut dyn Sink,
    ) -> Result<Vec<u8>, ArchiveError> {
        let size = usize::try_from(size).ok().filter(|size| *size <= limit);
        let Some(size) = size else {
            let what = format!("a header has more than {limit} bytes");
            return Err(ArchiveError::damaged(&what));
        };
        let entry = shown(&self.header.path_bytes());
        sink.meter().count(size as u64, &entry)?;
        let mut data = vec![0; size];
        if read_full(self.stream, &mut data)? != size {
            return Err(ArchiveError::Truncated { entry: None });
        }
        if !skip_padding(self.stream, size as u64)? {
            let entry = Some(entry);
            return Err(ArchiveError::Truncated { entry });
        }
        Ok(data)
    }

    /// A name that is too long for a header, without the NUL at its end.
    fn read_name(&mut self, size: u64, sink: &mut dyn Sink) -> Result<Vec<u8>, ArchiveError> {
        let limit = sink.limits().name_length;
        if size > limit as u64 + 1 {
            let entry = shown(&self.header.path_bytes());
            return Err(ArchiveError::NameTooLong { entry, limit });
        }
        let mut name = self.read(size, limit + 1, sink)?;
        if name.last() == Some(&0) {
            name.pop();
        }
        Ok(name)
    }
}
