//! Tars with one lie each.

use super::builder::{TarEntry, sign, tar};
use super::{Place, are_refused, texts};
use crate::archive::Limits;

fn file() -> TarEntry {
    TarEntry::file("a/file", "text")
}

/// A good entry, and those that lie.
fn behind(entries: &[TarEntry]) -> Vec<u8> {
    tar(&[&[file()], entries].concat())
}

#[test]
fn tars_that_lie() {
    let named = |name: &[u8]| behind(&[TarEntry::file(name, "evil")]);
    let linked = |entries: &[(&str, &str)]| {
        let links = entries.iter();
        let links: Vec<TarEntry> = links
            .map(|(name, target)| TarEntry::link(name, target))
            .collect();
        behind(&links)
    };
    let mut gnu = TarEntry::file("././@LongLink", "../../evil\0");
    gnu.kind = b'L';
    let mut twice = TarEntry::file("././@LongLink", "b\0");
    twice.kind = b'L';
    let sized = |kind, name| {
        let mut entry = TarEntry::file(name, "data");
        entry.kind = kind;
        behind(&[entry])
    };
    let mut global = TarEntry::pax("path", "evil");
    global.kind = b'g';
    let archives: Vec<(&str, Vec<u8>, &str, &str)> = vec![
        // The lie, the archive, the error's code, what it says.
        (
            "absolute",
            named(b"/evil"),
            "archive-absolute-name",
            "the name `/evil` is absolute",
        ),
        (
            "climbs",
            named(b"../evil"),
            "archive-climbing-name",
            "the name `../evil` has a component `..`",
        ),
        (
            "climbs later",
            named(b"a/../../evil"),
            "archive-climbing-name",
            "the name `a/../../evil` has a component `..`",
        ),
        (
            "climbs and stays",
            named(b"a/../b"),
            "archive-climbing-name",
            "the name `a/../b` has a component `..`",
        ),
        (
            "climbs as a folder",
            behind(&[TarEntry::new(b'5', "../evil/")]),
            "archive-climbing-name",
            "the name `../evil/` has a component `..`",
        ),
        (
            "climbs in a PAX header",
            behind(&[TarEntry::pax("path", "../evil"), file()]),
            "archive-climbing-name",
            "the name `../evil` has a component `..`",
        ),
        (
            "climbs in GNU's long name",
            behind(&[gnu, file()]),
            "archive-climbing-name",
            "the name `../../evil` has a component `..`",
        ),
        (
            "NUL",
            behind(&[TarEntry::pax("path", "e\0vil"), file()]),
            "archive-nul-in-name",
            "the name `e\\u{0}vil` holds a NUL character",
        ),
        (
            "no name",
            named(b""),
            "archive-bad-name",
            "the name `` is refused: it is empty",
        ),
        (
            "a file as the archive itself",
            named(b"./."),
            "archive-bad-name",
            "the name `./.` is refused: it is that of the archive itself",
        ),
        (
            "a link that leaves",
            linked(&[("link", "../out")]),
            "archive-link-leaves",
            "the link `link` leads out of the archive, to `../out`",
        ),
        (
            "an absolute link",
            linked(&[("a/passwd", "/etc/passwd")]),
            "archive-link-leaves",
            "the link `a/passwd` leads out of the archive, to `/etc/passwd`",
        ),
        (
            "two links that leave together",
            linked(&[("a/b/top", "../.."), ("out", "a/b/top/../x")]),
            "archive-link-leaves",
            "the link `out` leads out of the archive, to `a/b/top/../x`",
        ),
        (
            "a link to nothing",
            linked(&[("link", "")]),
            "archive-bad-name",
            "the name `link` is refused: it is a link to nothing",
        ),
        (
            "links in a circle",
            linked(&[("x", "y"), ("y", "x")]),
            "archive-link-loop",
            "the link `x` leads to itself, or through too many others",
        ),
        (
            "a file through a link",
            behind(&[
                TarEntry::link("link", "/tmp"),
                TarEntry::file("link/evil", ""),
            ]),
            "archive-below-no-folder",
            "`link/evil` lies below `link`, which is no folder",
        ),
        (
            "a file through a link inside",
            behind(&[TarEntry::link("link", "a"), TarEntry::file("link/evil", "")]),
            "archive-below-no-folder",
            "`link/evil` lies below `link`, which is no folder",
        ),
        (
            "a link that takes a folder's place",
            linked(&[("a", "b")]),
            "archive-duplicate",
            "there are two entries `a`",
        ),
        (
            "a file below a file",
            named(b"a/file/evil"),
            "archive-below-no-folder",
            "`a/file/evil` lies below `a/file`, which is no folder",
        ),
        (
            "a hard link that leaves",
            behind(&[TarEntry::hard_link("hard", "../beside")]),
            "archive-link-leaves",
            "the link `hard` leads out of the archive, to `../beside`",
        ),
        (
            "an absolute hard link",
            behind(&[TarEntry::hard_link("hard", "/etc/passwd")]),
            "archive-link-leaves",
            "the link `hard` leads out of the archive, to `/etc/passwd`",
        ),
        (
            "a hard link to what comes later",
            behind(&[TarEntry::hard_link("hard", "b"), TarEntry::file("b", "")]),
            "archive-hard-link-target",
            "the hard link `hard` is to `b`, which is no file before it",
        ),
        (
            "a hard link to a link",
            behind(&[
                TarEntry::link("link", "a/file"),
                TarEntry::hard_link("hard", "link"),
            ]),
            "archive-hard-link-target",
            "the hard link `hard` is to `link`, which is no file before it",
        ),
        (
            "a hard link to a folder",
            behind(&[TarEntry::hard_link("hard", "a")]),
            "archive-hard-link-target",
            "the hard link `hard` is to `a`, which is no file before it",
        ),
        (
            "a character device",
            behind(&[TarEntry::new(b'3', "null")]),
            "archive-special-file",
            "`null` is a device, a pipe or a socket",
        ),
        (
            "a block device",
            behind(&[TarEntry::new(b'4', "sda")]),
            "archive-special-file",
            "`sda` is a device, a pipe or a socket",
        ),
        (
            "a pipe",
            behind(&[TarEntry::new(b'6', "pipe")]),
            "archive-special-file",
            "`pipe` is a device, a pipe or a socket",
        ),
        (
            "one name twice",
            behind(&[file()]),
            "archive-duplicate",
            "there are two entries `a/file`",
        ),
        (
            "one name twice, written in two ways",
            named(b"./a//file"),
            "archive-duplicate",
            "there are two entries `a/file`",
        ),
        (
            "a folder twice",
            behind(&[TarEntry::new(b'5', "b"), TarEntry::new(b'5', "b/")]),
            "archive-duplicate",
            "there are two entries `b`",
        ),
        (
            "a folder instead of a file",
            behind(&[TarEntry::new(b'5', "a/file")]),
            "archive-duplicate",
            "there are two entries `a/file`",
        ),
        (
            "a hard link instead of a file",
            behind(&[TarEntry::hard_link("a/file", "a/file")]),
            "archive-duplicate",
            "there are two entries `a/file`",
        ),
        (
            "two sizes",
            behind(&[TarEntry::pax("size", "512"), file()]),
            "archive-headers-differ",
            "the archive says two things about the size of `a/file`",
        ),
        (
            "a size that is no number",
            behind(&[TarEntry::pax("size", "-1"), file()]),
            "archive-damaged",
            "the archive is damaged: a size is no number",
        ),
        (
            "two names",
            behind(&[TarEntry::pax("path", "a"), twice, file()]),
            "archive-damaged",
            "the archive is damaged: it says the name of an entry twice",
        ),
        (
            "one name for all",
            behind(&[global, file()]),
            "archive-damaged",
            "the archive is damaged: it has one name or size for all entries",
        ),
        (
            "a name for no entry",
            behind(&[TarEntry::pax("path", "evil")]),
            "archive-damaged",
            "the archive is damaged: it ends with a header that belongs to an entry",
        ),
        (
            "a folder with data",
            sized(b'5', "b"),
            "archive-size-differs",
            "`b` says that it has 0 bytes, and has 4",
        ),
        (
            "an old folder with data",
            sized(b'0', "b/"),
            "archive-size-differs",
            "`b/` says that it has 0 bytes, and has 4",
        ),
        (
            "a link with data",
            sized(b'2', "b"),
            "archive-size-differs",
            "`b` says that it has 0 bytes, and has 4",
        ),
        (
            "a hard link with data",
            sized(b'1', "b"),
            "archive-size-differs",
            "`b` says that it has 0 bytes, and has 4",
        ),
        (
            "holes",
            behind(&[TarEntry::pax("GNU.sparse.major", "1"), file()]),
            "archive-unsupported",
            "`a/file` uses holes, which is not supported",
        ),
        (
            "GNU's old holes",
            sized(b'S', "b"),
            "archive-unsupported",
            "`b` uses the type `S` of tar, which is not supported",
        ),
        (
            "a volume",
            behind(&[TarEntry::new(b'M', "b")]),
            "archive-unsupported",
            "`b` uses the type `M` of tar, which is not supported",
        ),
    ];
    are_refused(archives);
}

#[test]
fn tars_that_are_damaged() {
    let good = tar(&[file(), TarEntry::file("b", "more")]);
    let changed = |at: usize, bytes: &[u8]| {
        let mut archive = good.clone();
        archive[at..at + bytes.len()].copy_from_slice(bytes);
        archive
    };
    let signed = |at: usize, bytes: &[u8]| {
        let mut archive = changed(at, bytes);
        sign(&mut archive[1024..1536]);
        archive
    };
    let mut long = TarEntry::file("b", "");
    long.size = Some(1 << 20);
    for (damage, archive, code) in [
        (
            "a header that was changed",
            changed(1024, b"c"),
            "archive-checksum",
        ),
        (
            "a checksum that is no number",
            changed(1024 + 148, b"x"),
            "archive-checksum",
        ),
        (
            "a size that is no number",
            signed(1024 + 124, b"x"),
            "archive-damaged",
        ),
        (
            "a mode that is no number",
            signed(1024 + 100, b"x"),
            "archive-damaged",
        ),
        (
            "a huge size",
            signed(1024 + 124, b"\x80\0\0\0\x7f\xff\xff\xff\xff\xff\xff\xff"),
            "archive-too-many-bytes",
        ),
        ("no end", good[..2048].to_vec(), "archive-truncated"),
        ("half a header", good[..1100].to_vec(), "archive-truncated"),
        (
            "half of the data",
            good[..514].to_vec(),
            "archive-truncated",
        ),
        (
            "data without their padding",
            good[..516].to_vec(),
            "archive-truncated",
        ),
        (
            "fewer data than the header says",
            tar(&[long]),
            "archive-truncated",
        ),
        (
            "something behind the end",
            [&good[..], b"x"].concat(),
            "archive-truncated",
        ),
        (
            "another archive behind the end",
            [&good[..], &good].concat(),
            "archive-stray-data",
        ),
        ("no archive", b"text".to_vec(), "archive-unknown"),
        ("nothing", Vec::new(), "archive-unknown"),
        ("only an end", vec![0; 10240], "archive-unknown"),
    ] {
        let error = Place::new().refusal(&archive);
        assert_eq!(error.code(), code, "{damage}: {error}");
    }
}

#[test]
fn a_header_must_not_be_endless() {
    let place = Place::new();
    let mut pax = TarEntry::pax("comment", "x");
    pax.size = Some(1 << 40);
    assert_eq!(place.refusal(&tar(&[pax])).code(), "archive-damaged");

    let mut name = TarEntry::file("././@LongLink", "x");
    name.kind = b'L';
    name.size = Some(1 << 40);
    assert_eq!(place.refusal(&tar(&[name])).code(), "archive-name-too-long");

    // Comments without an end count, although no entry comes of them.
    let comments = vec![TarEntry::pax("comment", [b'x'; 4000]); 100];
    let limits = Limits {
        bytes: 100_000,
        ..Limits::default()
    };
    let error = place.refusal_within(&tar(&comments), &limits);
    assert_eq!(error.code(), "archive-too-many-bytes");
}

#[test]
fn what_tar_can_say_and_is_no_lie() {
    let place = Place::new();
    let mut long = TarEntry::file("././@LongLink", format!("{}/long\0", "d".repeat(200)));
    long.kind = b'L';
    let mut old = TarEntry::new(0, "old/");
    old.mode = 0o700;
    let mut global = TarEntry::pax("comment", "1f2e3d");
    global.kind = b'g';
    let mut contiguous = TarEntry::file("seven", "7");
    contiguous.kind = b'7';
    let archive = tar(&[
        global,
        TarEntry::new(b'5', "./"),
        TarEntry::file("./sub/file", "text"),
        // A folder may come after what lies in it.
        TarEntry::new(b'5', "./sub"),
        TarEntry::pax("mtime", "1.5"),
        TarEntry::pax("path", "sub/größe"),
        TarEntry::file("sub/gr", "utf-8"),
        long,
        TarEntry::file("short", "long"),
        old,
        contiguous,
        TarEntry::hard_link("hard", "./sub/file"),
        TarEntry::link("sub/up", "../hard"),
        TarEntry::link(".hidden", "nowhere"),
    ]);
    let unpacked = place.unpack(&archive).unwrap();
    assert_eq!((unpacked.files, unpacked.bytes), (5, 14));
    assert!(unpacked.warnings.is_empty());
    let tree = place.tree();
    let folder = "d".repeat(200);
    let long = format!("{folder}/long");
    let expected = [
        (".hidden", "nowhere"),
        (&folder, ""),
        (&long, "long"),
        ("hard", "text"),
        ("old", ""),
        ("seven", "7"),
        ("sub", ""),
        ("sub/file", "text"),
        ("sub/größe", "utf-8"),
        ("sub/up", "../hard"),
    ];
    assert_eq!(texts(&tree), expected.into());
}
