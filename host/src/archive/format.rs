//! What kind of archive a file is, told by what is in it.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek as _, SeekFrom};

use super::decoder::Decoder;
use super::tar;

/// A kind of archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ArchiveFormat {
    /// A zip.
    Zip,
    /// A tar, compressed or not.
    Tar(Compression),
}

/// How a tar is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Compression {
    /// It is not.
    None,
    /// With gzip.
    Gzip,
    /// With bzip2.
    Bzip2,
    /// With xz.
    Xz,
    /// With zstd.
    Zstd,
}

impl ArchiveFormat {
    /// The kind of archive that `file` is, or `None` if it is none. Its name does not matter, its
    /// beginning does; of a compressed file also what it is when decoded.
    ///
    /// # Errors
    ///
    /// The file cannot be read.
    pub fn of(file: &mut File) -> io::Result<Option<Self>> {
        if !file.metadata()?.is_file() {
            return Ok(None);
        }
        file.rewind()?;
        let mut block = Vec::with_capacity(tar::BLOCK);
        Read::by_ref(file)
            .take(tar::BLOCK as u64)
            .read_to_end(&mut block)?;
        let compression = match &block[..] {
            // A file, or the end of an empty archive.
            [b'P', b'K', 3, 4, ..] | [b'P', b'K', 5, 6, ..] => return Ok(Some(Self::Zip)),
            [0x1f, 0x8b, 8, ..] => Compression::Gzip,
            [
                b'B',
                b'Z',
                b'h',
                b'1'..=b'9',
                b'1',
                b'A',
                b'Y',
                b'&',
                b'S',
                b'Y',
                ..,
            ] => Compression::Bzip2,
            [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Compression::Xz,
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Compression::Zstd,
            _ => {
                let is_tar = tar::is_header(&block);
                return Ok(is_tar.then_some(Self::Tar(Compression::None)));
            }
        };
        file.seek(SeekFrom::Start(0))?;
        let is_tar = match first_block(compression, file) {
            Ok(block) => tar::is_header(&block),
            Err(error) if error.raw_os_error().is_some() => return Err(error),
            // Unpacking tells what is wrong with it.
            Err(_) => true,
        };
        Ok(is_tar.then_some(Self::Tar(compression)))
    }
}

fn first_block(compression: Compression, file: &mut File) -> io::Result<Vec<u8>> {
    let mut block = Vec::with_capacity(tar::BLOCK);
    Decoder::new(compression, BufReader::new(file))?
        .take(tar::BLOCK as u64)
        .read_to_end(&mut block)?;
    Ok(block)
}
