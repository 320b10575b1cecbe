//! Lies about how a tar is compressed.

use super::builder::tar;
use super::compress::{COMPRESSORS, bzip2, gzip, xz, zstd};
use super::{Good, Hostile, Lies, Package, of_format};

pub(super) fn good(package: &Package) -> Vec<Good> {
    let tar = tar(&package.tar());
    let (first, second) = tar.split_at(tar.len() / 2);
    let mut good = Vec::new();
    for compressor in COMPRESSORS {
        let compress = compressor.compress;
        for (name, bytes) in [
            ("as it is", compress(&tar)),
            (
                "in two members",
                [compress(first), compress(second)].concat(),
            ),
        ] {
            good.push(Good {
                name,
                file_name: compressor.file_name,
                bytes,
            });
        }
    }
    good
}

pub(super) fn hostile(package: &Package) -> Vec<Hostile> {
    let tar = tar(&package.tar());
    let mut hostile = Vec::new();
    for compressor in COMPRESSORS {
        let compress = compressor.compress;
        let good = compress(&tar);
        let cut = |length: usize| good[..length].to_vec();
        let behind = |bytes: &[u8]| [&good[..], bytes].concat();
        let (stray, truncated) = ("archive-stray-data", "archive-truncated");
        let lies = vec![
            ("something behind it", stray, behind(b"x")),
            ("NUL characters behind it", stray, behind(&[0; 512])),
            ("a zip behind it", stray, behind(b"PK\x03\x04")),
            ("half a member behind it", stray, behind(&good[..4])),
            ("another archive behind it", stray, behind(&good)),
            ("a tar behind it", stray, behind(&tar)),
            ("cut in the middle", truncated, cut(good.len() / 2)),
            ("cut before its last byte", truncated, cut(good.len() - 1)),
            ("compressed twice", "archive-unknown", compress(&good)),
            (
                "no tar in it",
                "archive-unknown",
                compress(&b"<svg/>\n".repeat(1000)),
            ),
            (
                "half a tar in it",
                truncated,
                compress(&tar[..tar.len() - 1024]),
            ),
            ("nothing in it", "archive-unknown", compress(b"")),
        ];
        hostile.extend(of_format(compressor.file_name, lies));
    }
    let [of_gzip, of_bzip2, of_xz, of_zstd] = COMPRESSORS.map(|compressor| compressor.file_name);
    hostile.extend(of_format(of_gzip, gzips(&gzip(&tar))));
    hostile.extend(of_format(of_bzip2, bzip2s(&bzip2(&tar))));
    hostile.extend(of_format(of_xz, xzs(&xz(&tar))));
    hostile.extend(of_format(of_zstd, zstds(&zstd(&tar))));
    hostile
}

/// A stream with bits turned at `at`; below 0 it counts from the end.
fn turned(good: &[u8], at: isize, bits: u8) -> Vec<u8> {
    let mut bytes = good.to_vec();
    let at = match at {
        0.. => at.unsigned_abs(),
        _ => bytes.len() - at.unsigned_abs(),
    };
    bytes[at] ^= bits;
    bytes
}

fn gzips(good: &[u8]) -> Lies {
    let damaged = "archive-damaged";
    vec![
        ("another checksum", damaged, turned(good, -8, 1)),
        ("another size", damaged, turned(good, -4, 1)),
        ("a flag that there is not", damaged, turned(good, 3, 0x80)),
        ("data that are not deflated", damaged, {
            [&good[..10], &[0xff; 64]].concat()
        }),
    ]
}

fn bzip2s(good: &[u8]) -> Lies {
    let damaged = "archive-damaged";
    vec![
        ("another checksum of a block", damaged, turned(good, 10, 1)),
        ("another checksum of all", damaged, turned(good, -3, 1)),
        ("a block that was changed", damaged, turned(good, 60, 0xff)),
    ]
}

fn xzs(good: &[u8]) -> Lies {
    let damaged = "archive-damaged";
    // The dictionary of 256 MiB that a block says it needs: behind the stream's header of 12 bytes,
    // the block's size and flags, the filter's number and the size of its properties.
    let mut hungry = good.to_vec();
    hungry[16] = 32;
    let end = 12 + (usize::from(hungry[12]) + 1) * 4 - 4;
    let checksum = crc32fast::hash(&hungry[12..end]);
    hungry[end..end + 4].copy_from_slice(&checksum.to_le_bytes());
    // The index has its size in the stream's footer.
    let footer = good.len() - 12;
    let size = good[footer + 4..footer + 8].try_into().expect("four bytes");
    let index = footer - (u32::from_le_bytes(size) as usize + 1) * 4;
    let index = isize::try_from(index).expect("a small archive");
    vec![
        ("a dictionary of 256 MiB", "archive-memory", hungry),
        (
            "another checksum of the data",
            damaged,
            turned(good, index - 1, 1),
        ),
        (
            "another checksum of the block's header",
            damaged,
            turned(good, 16, 1),
        ),
        (
            "another checksum of the stream's header",
            damaged,
            turned(good, 8, 1),
        ),
        (
            "another checksum of the index",
            damaged,
            turned(good, -13, 1),
        ),
        (
            "another size in the index",
            damaged,
            turned(good, index + 2, 1),
        ),
        (
            "another checksum of the footer",
            damaged,
            turned(good, -12, 1),
        ),
        ("a footer that is none", damaged, turned(good, -1, 1)),
    ]
}

fn zstds(good: &[u8]) -> Lies {
    // Behind the magic number and the flags: 2^(10 + 18) bytes of window.
    let mut hungry = good.to_vec();
    hungry[5] = 18 << 3;
    vec![
        ("a window of 256 MiB", "archive-memory", hungry),
        ("another checksum", "archive-checksum", turned(good, -4, 1)),
        (
            "a block that is none",
            "archive-damaged",
            turned(good, 6, 0x02),
        ),
    ]
}
