//! Compressing, with encoders in Rust.

use std::io::Write as _;

use bzip2::write::BzEncoder;
use flate2::write::{DeflateEncoder, GzEncoder};
use flate2::{Compression, FlushCompress};
use lzma_rust2::{XzOptions, XzWriter};
use ruzstd::encoding::{CompressionLevel, compress_to_vec};

const TO_MEMORY: &str = "writing to memory does not fail";

/// A way to compress a tar.
#[derive(Clone, Copy, Debug)]
pub struct Compressor {
    /// What a package that is compressed so is called.
    pub file_name: &'static str,
    /// Compresses.
    pub compress: fn(&[u8]) -> Vec<u8>,
}

/// All ways to compress a tar.
pub const COMPRESSORS: [Compressor; 4] = [
    Compressor {
        file_name: "package.tar.gz",
        compress: gzip,
    },
    Compressor {
        file_name: "package.tar.bz2",
        compress: bzip2,
    },
    Compressor {
        file_name: "package.tar.xz",
        compress: xz,
    },
    Compressor {
        file_name: "package.tar.zst",
        compress: zstd,
    },
];

/// Compresses to a member of gzip.
#[must_use]
pub fn gzip(data: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(data).expect(TO_MEMORY);
    encoder.finish().expect(TO_MEMORY)
}

/// Compresses to a stream of bzip2.
#[must_use]
pub fn bzip2(data: &[u8]) -> Vec<u8> {
    let mut encoder = BzEncoder::new(Vec::new(), bzip2::Compression::fast());
    encoder.write_all(data).expect(TO_MEMORY);
    encoder.finish().expect(TO_MEMORY)
}

/// Compresses to a stream of xz.
#[must_use]
pub fn xz(data: &[u8]) -> Vec<u8> {
    let mut options = XzOptions::with_preset(1);
    // Its tables are made anew for each stream.
    options.lzma_options.dict_size = 64 << 10;
    let mut encoder = XzWriter::new(Vec::new(), options).expect(TO_MEMORY);
    encoder.write_all(data).expect(TO_MEMORY);
    encoder.finish().expect(TO_MEMORY)
}

/// Compresses to a frame of zstd.
#[must_use]
pub fn zstd(data: &[u8]) -> Vec<u8> {
    compress_to_vec(data, CompressionLevel::Fastest)
}

/// Compresses to a part of a deflate stream that ends with a whole byte and is not the last one. It
/// refers to nothing before it: such parts stand behind each other in any order.
#[must_use]
pub fn deflate_part(data: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::Compress::new(Compression::default(), false);
    let mut part = Vec::with_capacity(data.len() + 1024);
    encoder
        .compress_vec(data, &mut part, FlushCompress::Full)
        .expect(TO_MEMORY);
    part
}

/// The part of a deflate stream that ends it.
#[must_use]
pub fn deflate_end() -> Vec<u8> {
    let encoder = DeflateEncoder::new(Vec::new(), Compression::default());
    encoder.finish().expect(TO_MEMORY)
}
