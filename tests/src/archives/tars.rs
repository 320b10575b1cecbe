//! Lies that only a tar can tell.

use super::builder::{TarEntry, sign, tar};
use super::{Good, Hostile, Lies, Package, TAR, of_format};

/// Fields of a header, by their place in it.
mod header {
    pub(super) const MODE: usize = 100;
    pub(super) const SIZE: usize = 124;
    pub(super) const CHECKSUM: usize = 148;
}

fn more() -> TarEntry {
    TarEntry::file("contents/code/more.js", "more")
}

fn of_kind(kind: u8, entry: TarEntry) -> TarEntry {
    TarEntry { kind, ..entry }
}

/// GNU's header for a name, or with `K` for a target, that is too long.
fn long(kind: u8, text: &str) -> TarEntry {
    of_kind(kind, TarEntry::file("././@LongLink", format!("{text}\0")))
}

/// A PAX header with that data, whatever they are.
fn pax(data: &[u8]) -> TarEntry {
    of_kind(b'x', TarEntry::file("pax", data))
}

pub(super) fn good(package: &Package) -> Vec<Good> {
    let with = |more: &[TarEntry]| tar(&[&package.tar(), more].concat());
    let good = [
        ("as it is", tar(&package.tar())),
        ("with one more file", with(&[more()])),
        (
            "with a comment for all",
            with(&[of_kind(b'g', TarEntry::pax("comment", "1f2e"))]),
        ),
        (
            "with one more link",
            with(&[TarEntry::link("contents/link", "code")]),
        ),
        (
            "with a size that is said twice",
            with(&[TarEntry::pax("size", "4"), more()]),
        ),
        ("with one empty block at its end", {
            let mut bytes = with(&[]);
            bytes.truncate(bytes.len() - 512);
            bytes
        }),
    ];
    let good = good.into_iter();
    good.map(|(name, bytes)| Good {
        name,
        file_name: TAR,
        bytes,
    })
    .collect()
}

pub(super) fn hostile(package: &Package) -> Vec<Hostile> {
    let mut hostile = of_format(TAR, entries(package));
    hostile.extend(of_format(TAR, extensions(package)));
    hostile.extend(of_format(TAR, blocks(package)));
    hostile
}

/// Entries that are not what they say.
fn entries(package: &Package) -> Lies {
    let with = |more: &[TarEntry]| tar(&[&package.tar(), more].concat());
    let one = |entry: TarEntry| with(&[entry]);
    let hard = |target: &str| one(TarEntry::hard_link("contents/hard", target));
    let data = |kind, name: &str| one(of_kind(kind, TarEntry::file(name, "data")));
    let unsupported = "archive-unsupported";
    vec![
        (
            "a hard link to an absolute path",
            "archive-link-leaves",
            hard("/etc/passwd"),
        ),
        (
            "a hard link that climbs out",
            "archive-link-leaves",
            hard("../outside"),
        ),
        (
            "a hard link that climbs and stays",
            "archive-link-leaves",
            hard("contents/../metadata.json"),
        ),
        ("a hard link to nothing", "archive-bad-name", hard("")),
        (
            "a hard link to what is not there",
            "archive-hard-link-target",
            hard("contents/nowhere"),
        ),
        (
            "a hard link to itself",
            "archive-hard-link-target",
            hard("contents/hard"),
        ),
        (
            "a hard link to a folder",
            "archive-hard-link-target",
            hard("contents"),
        ),
        (
            "a hard link to the archive itself",
            "archive-hard-link-target",
            hard("."),
        ),
        (
            "a hard link to a link",
            "archive-hard-link-target",
            hard("contents/images/link.svg"),
        ),
        (
            "a hard link to what comes later",
            "archive-hard-link-target",
            with(&[
                TarEntry::hard_link("contents/hard", "contents/code/more.js"),
                more(),
            ]),
        ),
        (
            "a hard link through a link",
            "archive-hard-link-target",
            with(&[
                TarEntry::link("contents/link", "scripts"),
                TarEntry::hard_link("contents/hard", "contents/link/main.js"),
            ]),
        ),
        ("a hard link in place of a file", "archive-duplicate", {
            one(TarEntry::hard_link(
                "metadata.json",
                "contents/scripts/main.js",
            ))
        }),
        (
            "a folder in place of a file",
            "archive-duplicate",
            one(TarEntry::new(b'5', "metadata.json")),
        ),
        (
            "a folder twice",
            "archive-duplicate",
            one(TarEntry::new(b'5', "contents")),
        ),
        ("a folder below a file", "archive-below-no-folder", {
            one(TarEntry::new(b'5', "metadata.json/evil/"))
        }),
        (
            "a folder that climbs",
            "archive-climbing-name",
            one(TarEntry::new(b'5', "contents/../../evil/")),
        ),
        (
            "a folder with data",
            "archive-size-differs",
            data(b'5', "contents/x/"),
        ),
        (
            "a folder without its letter, with data",
            "archive-size-differs",
            data(b'0', "contents/x/"),
        ),
        (
            "a link with data",
            "archive-size-differs",
            data(b'2', "contents/x"),
        ),
        (
            "a hard link with data",
            "archive-size-differs",
            data(b'1', "contents/x"),
        ),
        (
            "holes, as GNU writes them",
            unsupported,
            data(b'S', "contents/x"),
        ),
        (
            "a folder's list, as GNU writes it",
            unsupported,
            data(b'D', "contents/x"),
        ),
        ("a part of a volume", unsupported, data(b'M', "contents/x")),
        ("a volume's name", unsupported, data(b'V', "contents")),
        (
            "an access list, as Solaris writes it",
            unsupported,
            data(b'A', "contents/x"),
        ),
        ("a type that is none", unsupported, data(0xff, "contents/x")),
    ]
}

/// Headers before an entry that lie about it.
fn extensions(package: &Package) -> Lies {
    let with = |before: &[TarEntry]| {
        let package = package.tar();
        tar(&[&package, before, &[more()]].concat())
    };
    let last = |entry| tar(&[package.tar(), vec![entry]].concat());
    let global = |key, value: &str| with(&[of_kind(b'g', TarEntry::pax(key, value))]);
    let sized = |entry: TarEntry, size| TarEntry {
        size: Some(size),
        ..entry
    };
    let (damaged, climbs) = ("archive-damaged", "archive-climbing-name");
    let mut lies = vec![
        (
            "a PAX name that climbs",
            climbs,
            with(&[TarEntry::pax("path", "../evil")]),
        ),
        (
            "a PAX name that is absolute",
            "archive-absolute-name",
            with(&[TarEntry::pax("path", "/evil")]),
        ),
        (
            "a PAX name that is empty",
            "archive-bad-name",
            with(&[TarEntry::pax("path", "")]),
        ),
        ("a PAX name that is huge", "archive-name-too-long", {
            with(&[TarEntry::pax("path", "x/".repeat(100_000))])
        }),
        (
            "GNU's long name that climbs",
            climbs,
            with(&[long(b'L', "../../evil")]),
        ),
        (
            "GNU's long name with a NUL",
            "archive-nul-in-name",
            with(&[long(b'L', "evil\0.js")]),
        ),
        (
            "GNU's long name without a length",
            "archive-bad-name",
            with(&[long(b'L', "")]),
        ),
        ("GNU's long name of a gigabyte", "archive-name-too-long", {
            with(&[sized(long(b'L', "x"), 1 << 30)])
        }),
        ("GNU's long target that leaves", "archive-link-leaves", {
            let entries = [
                long(b'K', "../../evil"),
                TarEntry::link("contents/x", "code"),
            ];
            with(&entries)
        }),
        (
            "two PAX names",
            damaged,
            with(&[TarEntry::pax("path", "a"), TarEntry::pax("path", "b")]),
        ),
        (
            "a PAX name and one of GNU's",
            damaged,
            with(&[TarEntry::pax("path", "a"), long(b'L', "b")]),
        ),
        (
            "two of GNU's long names",
            damaged,
            with(&[long(b'L', "a"), long(b'L', "b")]),
        ),
        (
            "two targets",
            damaged,
            with(&[TarEntry::pax("linkpath", "a"), long(b'K', "b")]),
        ),
        ("one name for all", damaged, global("path", "evil")),
        ("one target for all", damaged, global("linkpath", "../evil")),
        ("one size for all", damaged, global("size", "4")),
        (
            "a name for no entry",
            damaged,
            last(TarEntry::pax("path", "evil")),
        ),
        (
            "GNU's long name for no entry",
            damaged,
            last(long(b'L', "evil")),
        ),
        (
            "a PAX size that differs",
            "archive-headers-differ",
            with(&[TarEntry::pax("size", "512")]),
        ),
        (
            "a PAX size of nothing",
            "archive-headers-differ",
            with(&[TarEntry::pax("size", "0")]),
        ),
        ("a PAX size that is huge", "archive-headers-differ", {
            with(&[TarEntry::pax("size", u64::MAX.to_string())])
        }),
        ("a PAX size that is larger than any", damaged, {
            with(&[TarEntry::pax("size", "99999999999999999999")])
        }),
        (
            "a PAX size below nothing",
            damaged,
            with(&[TarEntry::pax("size", "-4")]),
        ),
        ("holes, as PAX writes them", "archive-unsupported", {
            with(&[TarEntry::pax("GNU.sparse.major", "1")])
        }),
        ("holes of an exabyte", "archive-unsupported", {
            with(&[TarEntry::pax(
                "GNU.sparse.realsize",
                (1u64 << 60).to_string(),
            )])
        }),
        (
            "a PAX header of a terabyte",
            damaged,
            with(&[sized(TarEntry::pax("comment", "x"), 1 << 40)]),
        ),
    ];
    let records: [(_, &[u8]); 8] = [
        ("a PAX record without a length", b"path=evil\n"),
        (
            "a PAX record that is longer than its header",
            b"99 path=evil\n",
        ),
        ("a PAX record that is shorter than it is", b"7 path=evil\n"),
        ("a PAX record of no length", b"0 path=evil\n"),
        ("a PAX record with a signed length", b"+13 path=evil\n"),
        ("a PAX record without a line's end", b"13 path=evil "),
        ("a PAX record without a value", b"8 path\n\n"),
        ("a PAX record before NUL characters", b"13 path=evil\n\0\0"),
    ];
    lies.extend(records.map(|(lie, data)| (lie, damaged, with(&[pax(data)]))));
    lies
}

/// Blocks that are not as they should be.
fn blocks(package: &Package) -> Lies {
    let good = tar(&[package.tar(), vec![more()]].concat());
    // The last header, its data, and two empty blocks.
    let at = good.len() - 4 * 512;
    let changed = |field: usize, bytes: &[u8]| {
        let mut archive = good.clone();
        archive[at + field..][..bytes.len()].copy_from_slice(bytes);
        archive
    };
    let signed = |field, bytes: &[u8]| {
        let mut archive = changed(field, bytes);
        sign(&mut archive[at..at + 512]);
        archive
    };
    let cut = |length: usize| good[..length].to_vec();
    let first = {
        let mut archive = good.clone();
        archive[0] ^= 1;
        archive
    };
    let (damaged, truncated) = ("archive-damaged", "archive-truncated");
    vec![
        (
            "a header that was changed",
            "archive-checksum",
            changed(0, b"C"),
        ),
        (
            "a checksum that was changed",
            "archive-checksum",
            changed(header::CHECKSUM, b"7"),
        ),
        (
            "a checksum that is no number",
            "archive-checksum",
            changed(header::CHECKSUM, b"x"),
        ),
        ("a first header that was changed", "archive-unknown", first),
        (
            "a size that is no number",
            damaged,
            signed(header::SIZE, b"x"),
        ),
        (
            "a size that is nothing",
            damaged,
            signed(header::SIZE, &[0; 12]),
        ),
        (
            "a size below nothing",
            damaged,
            signed(header::SIZE, b"-0000000004"),
        ),
        (
            "a size with a sign",
            damaged,
            signed(header::SIZE, b"+0000000004"),
        ),
        (
            "a size of another base",
            damaged,
            signed(header::SIZE, b"0x000000004"),
        ),
        (
            "a size of the digit 8",
            damaged,
            signed(header::SIZE, b"00000000008"),
        ),
        (
            "a binary size below nothing",
            damaged,
            signed(header::SIZE, &[0xff; 12]),
        ),
        (
            "a binary size that is larger than any",
            damaged,
            signed(header::SIZE, b"\x80\x01\0\0\0\0\0\0\0\0\0\x04"),
        ),
        (
            "a binary size that is huge",
            "archive-too-many-bytes",
            signed(header::SIZE, b"\x80\0\0\0\x7f\xff\xff\xff\xff\xff\xff\xff"),
        ),
        (
            "eight gigabytes",
            "archive-too-many-bytes",
            signed(header::SIZE, b"77777777777"),
        ),
        (
            "a mode that is no number",
            damaged,
            signed(header::MODE, b"rwxr-xr"),
        ),
        (
            "fewer data than the header says",
            truncated,
            signed(header::SIZE, b"00000010000"),
        ),
        ("more data than the header says", "archive-checksum", {
            let mut archive = good.clone();
            let data = [b'x'; 512];
            archive.splice(at + 1024..at + 1024, data);
            archive
        }),
        (
            "something behind the end",
            "archive-stray-data",
            [&good[..], &[1; 512]].concat(),
        ),
        (
            "half a block behind the end",
            truncated,
            [&good[..], &[0; 256]].concat(),
        ),
        (
            "a whole archive behind the end",
            "archive-stray-data",
            [&good[..], &good].concat(),
        ),
        ("an entry behind one empty block", "archive-stray-data", {
            let mut archive = good.clone();
            archive.splice(at..at, [0; 512]);
            archive
        }),
        (
            "something before the first header",
            "archive-unknown",
            [&b"x"[..], &good].concat(),
        ),
        ("cut in the first header", "archive-unknown", cut(300)),
        ("cut in the data", truncated, cut(512 + 10)),
        ("cut behind the data", truncated, cut(at + 512 + 4)),
        ("cut before a header", truncated, cut(at)),
        ("cut in a header", truncated, cut(at + 100)),
        ("cut before the end", truncated, cut(good.len() - 1024)),
        ("cut in the end", truncated, cut(good.len() - 1000)),
        ("nothing but the end", "archive-unknown", vec![0; 1024]),
        ("nothing at all", "archive-unknown", Vec::new()),
        (
            "text",
            "archive-unknown",
            b"This is no archive.\n".repeat(100),
        ),
    ]
}
