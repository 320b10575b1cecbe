//! Archives that are small and unpack to much.
//!
//! All are made of parts that are compressed once and stand there often.

use super::builder::{TarEntry, ZipEntry, tar, zip};
use super::compress::{COMPRESSORS, deflate_end, deflate_part};
use super::zips::zip_64;
use super::{Hostile, Package, ZIP, of_format};

const MIB: usize = 1 << 20;

/// As many MiB as the bombs have: more than may come out of any archive.
const SIZE: usize = 20;

pub(super) fn hostile(package: &Package) -> Vec<Hostile> {
    let mut hostile = of_format(
        ZIP,
        vec![
            ("a bomb", "archive-ratio", zip_bomb(package)),
            (
                "a hundred thousand entries",
                "archive-too-many-entries",
                many_entries(),
            ),
        ],
    );
    let mut head = tar(&package.tar());
    head.truncate(head.len() - 1024);
    let good = head.clone();
    let mut zeros = TarEntry::new(b'0', "contents/zeros");
    zeros.size = Some((SIZE * MIB) as u64);
    head.extend(zeros.header());
    for compressor in COMPRESSORS {
        let [head, zeros, end] =
            [&head[..], &[0; MIB], &[0; 1024]].map(|part| (compressor.compress)(part));
        let bomb = [head, zeros.repeat(SIZE), end].concat();
        let lies = vec![("a bomb", "archive-ratio", bomb)];
        hostile.extend(of_format(compressor.file_name, lies));
    }
    let [gzip, ..] = COMPRESSORS;
    let lies = vec![(
        "too many bytes of names",
        "archive-too-many-names",
        many_names(&good),
    )];
    hostile.extend(of_format(gzip.file_name, lies));
    hostile
}

fn zip_bomb(package: &Package) -> Vec<u8> {
    let zeros = [0; MIB];
    let mut of_one = crc32fast::Hasher::new();
    of_one.update(&zeros);
    let mut crc = crc32fast::Hasher::new();
    for _ in 0..SIZE {
        crc.combine(&of_one);
    }
    let mut bomb = ZipEntry::deflated("contents/zeros", "");
    bomb.data = [deflate_part(&zeros).repeat(SIZE), deflate_end()].concat();
    bomb.size = u32::try_from(SIZE * MIB).expect("a few MiB");
    bomb.crc = crc.finalize();
    zip(&[package.zip(), vec![bomb]].concat())
}

/// More entries than are allowed, in a zip whose end says so with 64 bits.
fn many_entries() -> Vec<u8> {
    const COUNT: u32 = 100_001;
    let mut entry = ZipEntry::stored("0", "");
    let (mut entries, mut directory) = (Vec::new(), Vec::new());
    for index in 0..COUNT {
        entry.name = format!("{index:x}").into_bytes();
        let offset = u32::try_from(entries.len()).expect("a few megabytes");
        directory.extend(entry.central(offset));
        entries.extend(entry.local());
    }
    zip_64(entries, &directory, u64::from(COUNT))
}

/// A package, and tens of thousands of links whose targets have a kilobyte each.
fn many_names(package: &[u8]) -> Vec<u8> {
    const COUNT: u32 = 33_000;
    let target = TarEntry::pax("linkpath", "x".repeat(1024)).bytes();
    // A number and what it lacks to another one: all names have the same sum, and so all headers
    // the same checksum.
    let name = |index: u32| format!("{index:05}{:05}", 99_999 - index);
    let header = TarEntry::link(&name(0), "").header();
    let target = Part::of(&target);
    let rest = Part::of(&header[name(0).len()..]);
    let end = Part::of(&[0; 1024]);
    let mut archive = b"\x1f\x8b\x08\0\0\0\0\0\0\xff".to_vec();
    let mut crc = crc32fast::Hasher::new();
    let mut size = 0;
    let mut add = |part: &Part| {
        archive.extend(&part.deflated);
        crc.combine(&part.crc);
        size += part.size;
    };
    add(&Part::of(package));
    for index in 0..COUNT {
        add(&target);
        add(&Part::stored(name(index).as_bytes()));
        add(&rest);
    }
    add(&end);
    archive.extend(deflate_end());
    archive.extend(crc.finalize().to_le_bytes());
    archive.extend(size.to_le_bytes());
    archive
}

/// A part of a deflate stream.
struct Part {
    deflated: Vec<u8>,
    crc: crc32fast::Hasher,
    size: u32,
}

impl Part {
    fn of(data: &[u8]) -> Self {
        Self::new(data, deflate_part(data))
    }

    /// A part that is not compressed.
    fn stored(data: &[u8]) -> Self {
        let length = u16::try_from(data.len()).expect("a short text");
        let [length, inverted] = [length, !length].map(u16::to_le_bytes);
        Self::new(data, [&[0], &length[..], &inverted, data].concat())
    }

    fn new(data: &[u8], deflated: Vec<u8>) -> Self {
        let mut crc = crc32fast::Hasher::new();
        crc.update(data);
        let size = u32::try_from(data.len()).expect("a short text");
        Self {
            deflated,
            crc,
            size,
        }
    }
}
