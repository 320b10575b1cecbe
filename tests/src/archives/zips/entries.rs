//! Entries that are not what they say.

use super::local;
use super::parts::{Parts, put};
use super::{other_name, script, wide_entry};
use crate::archives::builder::{ZipEntry, zip};
use crate::archives::package::descriptor;
use crate::archives::{Lies, Package};

/// Entries that are not what they say, in both of their headers.
pub(super) fn entries(package: &Package) -> Lies {
    let with = |entry: ZipEntry| zip(&[package.zip(), vec![entry]].concat());
    let script = |change: fn(&mut ZipEntry)| {
        let mut entry = script();
        change(&mut entry);
        with(entry)
    };
    let stored = |change: fn(&mut ZipEntry)| {
        let mut entry = ZipEntry::stored("contents/code/more.js", "more");
        change(&mut entry);
        with(entry)
    };
    let link = |change: fn(&mut ZipEntry)| {
        let mut entry = ZipEntry::link("contents/link", "code");
        change(&mut entry);
        with(entry)
    };
    let of_mode = |mode, name, data: &str| with(ZipEntry::of_mode(mode, name, data));
    vec![
        (
            "a socket",
            "archive-special-file",
            of_mode(0o140_644, "contents/special", ""),
        ),
        (
            "a type that no system has",
            "archive-special-file",
            of_mode(0o170_644, "contents/x", ""),
        ),
        (
            "a folder by its mode alone",
            "archive-headers-differ",
            of_mode(0o040_755, "x", ""),
        ),
        (
            "a link by its mode alone",
            "archive-headers-differ",
            of_mode(0o120_777, "x/", "code"),
        ),
        (
            "a folder with data",
            "archive-size-differs",
            of_mode(0o040_755, "x/", "data"),
        ),
        ("encrypted", "archive-encrypted", script(|it| it.flags = 1)),
        (
            "strongly encrypted",
            "archive-encrypted",
            script(|it| it.flags = 0x41),
        ),
        (
            "encrypted as a whole",
            "archive-encrypted",
            script(|it| it.flags = 0x2000),
        ),
        (
            "compressed with Deflate64",
            "archive-unsupported",
            script(|it| it.method = 9),
        ),
        (
            "compressed with bzip2",
            "archive-unsupported",
            script(|it| it.method = 12),
        ),
        (
            "compressed with what is unknown",
            "archive-unsupported",
            script(|it| it.method = 7777),
        ),
        (
            "another checksum",
            "archive-checksum",
            script(|it| it.crc ^= 1),
        ),
        (
            "another checksum of a stored file",
            "archive-checksum",
            stored(|it| it.crc ^= 1 << 31),
        ),
        (
            "another checksum of a link",
            "archive-checksum",
            link(|it| it.crc ^= 1),
        ),
        (
            "data that were changed",
            "archive-checksum",
            stored(|it| it.data[0] ^= 1),
        ),
        (
            "fewer bytes than it says",
            "archive-size-differs",
            script(|it| it.size += 1),
        ),
        (
            "more bytes than it says",
            "archive-size-differs",
            script(|it| {
                it.size = 4;
                it.crc = crc32fast::hash(b"more");
            }),
        ),
        (
            "stored in fewer bytes than it has",
            "archive-size-differs",
            stored(|it| it.size += 1),
        ),
        (
            "a link of fewer bytes than it has",
            "archive-size-differs",
            link(|it| it.size -= 1),
        ),
        (
            "three gigabytes",
            "archive-too-many-bytes",
            script(|it| it.size = 3 << 30),
        ),
        (
            "a target of three gigabytes",
            "archive-name-too-long",
            with(ZipEntry {
                mode: 0o120_777,
                size: 3 << 30,
                ..ZipEntry::deflated("contents/link", "code")
            }),
        ),
        (
            "data that are not deflated",
            "archive-damaged",
            script(|it| it.data.fill(0xff)),
        ),
        (
            "data that end too early",
            "archive-truncated",
            script(|it| it.data.truncate(it.data.len() / 2)),
        ),
        (
            "something behind deflated data",
            "archive-stray-data",
            script(|it| it.data.push(0)),
        ),
        (
            "another name in an extra field",
            "archive-headers-differ",
            script(|it| it.extra = other_name(b"../evil")),
        ),
        (
            "another name in the second extra field",
            "archive-headers-differ",
            script(|it| it.extra = [other_name(&it.name), other_name(b"../evil")].concat()),
        ),
        (
            "sizes behind the data that are not there",
            "archive-stray-data",
            script(|it| it.flags = 1 << 3),
        ),
        (
            "other sizes behind the data",
            "archive-headers-differ",
            script(|it| {
                it.flags = 1 << 3;
                it.behind = descriptor(&ZipEntry {
                    size: it.size + 1,
                    ..it.clone()
                });
            }),
        ),
        (
            "another checksum behind the data",
            "archive-headers-differ",
            script(|it| {
                it.flags = 1 << 3;
                it.behind = descriptor(&ZipEntry {
                    crc: it.crc ^ 1,
                    ..it.clone()
                });
            }),
        ),
        (
            "something behind the data",
            "archive-stray-data",
            script(|it| it.behind = vec![0]),
        ),
        (
            "an entry that is not in the directory",
            "archive-stray-data",
            script(|it| it.behind = ZipEntry::stored("hidden", "hidden").local()),
        ),
        (
            "a size of 64 bits that is huge",
            "archive-too-many-bytes",
            wide_entry(package, |extra| put(extra, 4, &[0xff; 8])).bytes(),
        ),
        (
            "a compressed size of 64 bits that is huge",
            "archive-truncated",
            wide_entry(package, |extra| put(extra, 12, &[0xff; 8])).bytes(),
        ),
        (
            "sizes of 64 bits that are nowhere",
            "archive-stray-data",
            wide_entry(package, |extra| extra[0] = 2).bytes(),
        ),
    ]
}

/// Headers before the data that say something else than the directory.
pub(super) fn headers(package: &Package) -> Lies {
    let entries = [package.zip(), vec![script()]].concat();
    let changed = |at: usize, xor: &[u8]| {
        let mut parts = Parts::new(&entries);
        let at = parts.last.0 + at;
        for (byte, xor) in parts.entries[at..].iter_mut().zip(xor) {
            *byte ^= xor;
        }
        parts.bytes()
    };
    let mut wide = wide_entry(package, |_| ());
    let at = wide.last.0 + local::NAME + script().name.len() + 4;
    wide.entries[at] ^= 1;
    let differ = "archive-headers-differ";
    vec![
        ("two names", differ, changed(local::NAME, b"\x01")),
        (
            "two names, the first one climbs",
            differ,
            changed(local::NAME, &xor(b"contents", b"../../..")),
        ),
        (
            "two kinds of compression",
            differ,
            changed(local::METHOD, &[8]),
        ),
        ("two flags", differ, changed(local::FLAGS + 1, &[8])),
        (
            "encrypted in one header",
            differ,
            changed(local::FLAGS, &[1]),
        ),
        (
            "sizes behind the data in one header",
            differ,
            changed(local::FLAGS, &[8]),
        ),
        ("two checksums", differ, changed(local::CRC, &[1])),
        (
            "two compressed sizes",
            differ,
            changed(local::COMPRESSED, &[1]),
        ),
        ("two sizes", differ, changed(local::SIZE, &[1])),
        ("two sizes of 64 bits", differ, wide.bytes()),
        ("a header that is none", "archive-damaged", changed(0, &[1])),
        (
            "a name that is longer than the file",
            "archive-truncated",
            changed(27, &[0xff]),
        ),
    ]
}

/// What turns one text into another of the same length.
fn xor(from: &[u8], to: &[u8]) -> Vec<u8> {
    from.iter().zip(to).map(|(from, to)| from ^ to).collect()
}
