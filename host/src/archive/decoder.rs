//! Decoding compressed streams, with bounded memory and nothing left over.

use std::error::Error as _;
use std::io::{self, BufRead, Read};

use ruzstd::decoding::errors::FrameDecoderError;
use ruzstd::decoding::{FrameDecoder, StreamingDecoder};

use super::error::ArchiveError;
use super::format::Compression;

/// As many bytes of memory as decoding may need. `xz -9` needs 65 MiB.
pub(super) const MAX_MEMORY: u64 = 128 << 20;

/// Decodes a stream: one or more members, as `pbzip2` writes them, and nothing behind them.
pub(super) struct Decoder<R: BufRead> {
    compression: Compression,
    member: Option<Member<R>>,
    is_first: bool,
    /// Whether anything came out of the present member.
    has_begun: bool,
}

enum Member<R: BufRead> {
    Plain(R),
    Gzip(Box<flate2::bufread::GzDecoder<R>>),
    Bzip2(bzip2::bufread::BzDecoder<R>),
    Xz(Box<lzma_rust2::XzReader<R>>),
    Zstd(Box<StreamingDecoder<R, FrameDecoder>>),
}

impl<R: BufRead> Member<R> {
    fn new(compression: Compression, stream: R) -> io::Result<Self> {
        Ok(match compression {
            Compression::None => Self::Plain(stream),
            Compression::Gzip => Self::Gzip(Box::new(flate2::bufread::GzDecoder::new(stream))),
            Compression::Bzip2 => Self::Bzip2(bzip2::bufread::BzDecoder::new(stream)),
            Compression::Xz => {
                let kib = (MAX_MEMORY >> 10) as u32;
                let decoder = lzma_rust2::XzReader::new_mem_limit(stream, false, kib);
                Self::Xz(Box::new(decoder))
            }
            Compression::Zstd => {
                let decoder = StreamingDecoder::new_with_max_window_size(stream, MAX_MEMORY);
                Self::Zstd(Box::new(decoder.map_err(of_zstd)?))
            }
        })
    }

    fn into_inner(self) -> R {
        match self {
            Self::Plain(stream) => stream,
            Self::Gzip(decoder) => decoder.into_inner(),
            Self::Bzip2(decoder) => decoder.into_inner(),
            Self::Xz(decoder) => decoder.into_inner(),
            Self::Zstd(decoder) => decoder.into_inner(),
        }
    }
}

impl<R: BufRead> Read for Member<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(stream) => stream.read(buffer),
            Self::Gzip(decoder) => decoder.read(buffer),
            Self::Bzip2(decoder) => decoder.read(buffer),
            Self::Xz(decoder) => decoder.read(buffer),
            Self::Zstd(decoder) => {
                let read = decoder.read(buffer);
                let read = read.map_err(|error| match error.downcast() {
                    Ok(error) => of_zstd(error),
                    Err(error) => error,
                })?;
                let frame = &decoder.decoder;
                // The decoder computes it and leaves comparing to us.
                if read == 0
                    && let Some(declared) = frame.get_checksum_from_data()
                    && frame.get_calculated_checksum() != Some(declared)
                {
                    let error = ArchiveError::Checksum { entry: None };
                    return Err(io::Error::other(error));
                }
                Ok(read)
            }
        }
    }
}

fn of_zstd(error: FrameDecoderError) -> io::Error {
    let mut causes = std::iter::successors(error.source(), |cause| (*cause).source());
    let is_eof = causes.any(|cause| {
        let cause = cause.downcast_ref::<io::Error>();
        cause.is_some_and(|cause| cause.kind() == io::ErrorKind::UnexpectedEof)
    });
    match error {
        FrameDecoderError::WindowSizeTooBig { .. } => io::ErrorKind::OutOfMemory.into(),
        _ if is_eof => io::ErrorKind::UnexpectedEof.into(),
        error => io::Error::new(io::ErrorKind::InvalidData, error),
    }
}

impl<R: BufRead> Decoder<R> {
    pub(super) fn new(compression: Compression, stream: R) -> io::Result<Self> {
        Ok(Self {
            compression,
            member: Some(Member::new(compression, stream)?),
            is_first: true,
            has_begun: false,
        })
    }

    /// What follows the first member and is none is no part of the archive.
    fn of_member(&self, error: io::Error) -> io::Error {
        if self.is_first || self.has_begun || error.raw_os_error().is_some() {
            return error;
        }
        io::Error::other(ArchiveError::StrayData { entry: None })
    }
}

impl<R: BufRead> Read for Decoder<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        while let Some(member) = &mut self.member {
            let read = member.read(buffer);
            let read = read.map_err(|error| self.of_member(error))?;
            if read > 0 {
                self.has_begun = true;
                return Ok(read);
            }
            let Some(member) = self.member.take() else {
                break;
            };
            let mut stream = member.into_inner();
            if stream.fill_buf()?.is_empty() {
                break;
            }
            (self.is_first, self.has_begun) = (false, false);
            let next = Member::new(self.compression, stream);
            self.member = Some(next.map_err(|error| self.of_member(error))?);
        }
        Ok(0)
    }
}
