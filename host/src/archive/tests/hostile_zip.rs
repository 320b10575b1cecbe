//! Zips with one lie each.

use super::builder::{ZipEntry, zip, zip_of};
use super::{Place, are_refused, texts};

fn file() -> ZipEntry {
    ZipEntry::deflated("a/file", "text")
}

fn behind(entries: &[ZipEntry]) -> Vec<u8> {
    zip(&[&[file()], entries].concat())
}

/// A zip with one entry that was changed.
fn changed(change: impl FnOnce(&mut ZipEntry)) -> Vec<u8> {
    let mut entry = ZipEntry::deflated("b", "text text text text text");
    change(&mut entry);
    behind(&[entry])
}

/// The extra field in which Info-ZIP says a name a second time.
fn other_name(name: &[u8]) -> Vec<u8> {
    let length = u16::try_from(name.len() + 5).unwrap().to_le_bytes();
    [b"up", &length[..], b"\x01\0\0\0\0", name].concat()
}

#[test]
fn zips_that_lie() {
    let named = |name: &[u8]| behind(&[ZipEntry::stored(name, "evil")]);
    let linked = |name, target| behind(&[ZipEntry::link(name, target)]);
    let of_mode = |mode| behind(&[ZipEntry::of_mode(mode, "special", "")]);
    let archives: Vec<(&str, Vec<u8>, &str, &str)> = vec![
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
            "climbs as a folder",
            named(b"a/../../evil/"),
            "archive-size-differs",
            "`a/../../evil/` says that it has 0 bytes, and has 4",
        ),
        (
            "climbs as an empty folder",
            behind(&[ZipEntry::stored("../evil/", "")]),
            "archive-climbing-name",
            "the name `../evil/` has a component `..`",
        ),
        (
            "NUL",
            named(b"evil\0.txt"),
            "archive-nul-in-name",
            "the name `evil\\u{0}.txt` holds a NUL character",
        ),
        (
            "no name",
            named(b""),
            "archive-bad-name",
            "the name `` is refused: it is empty",
        ),
        (
            "a link that leaves",
            linked("link", "../out"),
            "archive-link-leaves",
            "the link `link` leads out of the archive, to `../out`",
        ),
        (
            "an absolute link",
            linked("a/passwd", "/etc/passwd"),
            "archive-link-leaves",
            "the link `a/passwd` leads out of the archive, to `/etc/passwd`",
        ),
        (
            "NUL in a link",
            linked("link", "a\0b"),
            "archive-nul-in-name",
            "the name `link` holds a NUL character",
        ),
        (
            "a link to nothing",
            linked("link", ""),
            "archive-bad-name",
            "the name `link` is refused: it is a link to nothing",
        ),
        (
            "a link that is a folder",
            linked("link/", "a"),
            "archive-headers-differ",
            "the archive says two things about the kind of `link/`",
        ),
        (
            "a folder that is a file",
            of_mode(0o040_755),
            "archive-headers-differ",
            "the archive says two things about the kind of `special`",
        ),
        (
            "a file through a link",
            behind(&[
                ZipEntry::link("link", "/tmp"),
                ZipEntry::stored("link/evil", ""),
            ]),
            "archive-below-no-folder",
            "`link/evil` lies below `link`, which is no folder",
        ),
        (
            "a pipe",
            of_mode(0o010_644),
            "archive-special-file",
            "`special` is a device, a pipe or a socket",
        ),
        (
            "a device",
            of_mode(0o020_644),
            "archive-special-file",
            "`special` is a device, a pipe or a socket",
        ),
        (
            "a block device",
            of_mode(0o060_644),
            "archive-special-file",
            "`special` is a device, a pipe or a socket",
        ),
        (
            "a socket",
            of_mode(0o140_644),
            "archive-special-file",
            "`special` is a device, a pipe or a socket",
        ),
        (
            "one name twice",
            behind(&[file()]),
            "archive-duplicate",
            "there are two entries `a/file`",
        ),
        (
            "encrypted",
            changed(|it| it.flags = 1),
            "archive-encrypted",
            "`b` is encrypted",
        ),
        (
            "strongly encrypted",
            changed(|it| it.flags = 0x40),
            "archive-encrypted",
            "`b` is encrypted",
        ),
        (
            "masked",
            changed(|it| it.flags = 0x2000),
            "archive-encrypted",
            "`b` is encrypted",
        ),
        (
            "another compression",
            changed(|it| it.method = 12),
            "archive-unsupported",
            "`b` uses the compression method 12 of zip, which is not supported",
        ),
        (
            "another checksum",
            changed(|it| it.crc ^= 1),
            "archive-checksum",
            "the checksum at `b` is not that of the data",
        ),
        (
            "a link with another checksum",
            behind(&[ZipEntry {
                crc: 7,
                ..ZipEntry::link("b", "a")
            }]),
            "archive-checksum",
            "the checksum at `b` is not that of the data",
        ),
        (
            "fewer bytes than it says",
            changed(|it| it.size += 1),
            "archive-size-differs",
            "`b` says that it has 25 bytes, and has 24",
        ),
        (
            "more bytes than it says",
            changed(|it| it.size -= 1),
            "archive-checksum",
            "the checksum at `b` is not that of the data",
        ),
        (
            "more bytes than it says, with their checksum",
            changed(|it| {
                it.size = 4;
                it.crc = crc32fast::hash(b"text");
            }),
            "archive-size-differs",
            "`b` says that it has 4 bytes, and has 5",
        ),
        (
            "stored in fewer bytes than it has",
            changed(|it| it.method = 0),
            "archive-size-differs",
            "`b` says that it has 24 bytes, and has 9",
        ),
        (
            "something behind what was compressed",
            changed(|it| it.data.push(0)),
            "archive-stray-data",
            "the archive has data that belong to no entry at `b`",
        ),
        (
            "data that are not deflated",
            changed(|it| it.data = vec![0xff; 24]),
            "archive-damaged",
            "the archive is damaged at `b`: corrupt deflate stream",
        ),
        (
            "two names",
            changed(|it| it.local_name = Some(b"c".to_vec())),
            "archive-headers-differ",
            "the archive says two things about the name of `b`",
        ),
        (
            "two names, one in an extra field",
            changed(|it| it.extra = other_name(b"../evil")),
            "archive-headers-differ",
            "the archive says two things about the name of `b`",
        ),
        (
            "two sizes",
            changed(|it| it.local_size = Some(5)),
            "archive-headers-differ",
            "the archive says two things about the size of `b`",
        ),
        (
            "something behind an entry",
            changed(|it| it.behind = b"x".to_vec()),
            "archive-stray-data",
            "the archive has data that belong to no entry at `b`",
        ),
        (
            "an entry that no directory has",
            changed(|it| it.behind = ZipEntry::stored("hidden", "").local()),
            "archive-stray-data",
            "the archive has data that belong to no entry at `b`",
        ),
        (
            "sizes that should stand behind the data",
            changed(|it| it.flags = 8),
            "archive-stray-data",
            "the archive has data that belong to no entry at `b`",
        ),
        (
            "other sizes behind the data",
            changed(|it| {
                it.flags = 8;
                it.behind = vec![7; 12];
            }),
            "archive-headers-differ",
            "the archive says two things about the size or checksum of `b`",
        ),
    ];
    are_refused(archives);
}

#[test]
fn zips_whose_parts_do_not_fit() {
    let good = behind(&[]);
    let (local, central) = (file().local(), file().central(0));
    let flags = |at: usize, bytes: &[u8]| {
        let mut local = local.clone();
        local[at..at + bytes.len()].copy_from_slice(bytes);
        zip_of(local, &central, 1)
    };
    let mut comment = good.clone();
    let end = comment.len();
    comment[end - 2..].copy_from_slice(&22u16.to_le_bytes());
    comment.extend(zip(&[]));
    let twice = [&central[..], &central].concat();
    for (lie, archive, code) in [
        (
            "more entries than it says",
            zip_of(local.clone(), &central, 0),
            "archive-damaged",
        ),
        (
            "fewer entries than it says",
            zip_of(local.clone(), &central, 2),
            "archive-damaged",
        ),
        (
            "two entries with the same data",
            zip_of(local.clone(), &twice, 2),
            "archive-stray-data",
        ),
        (
            "an entry that the directory has not",
            zip_of(local.clone(), b"", 0),
            "archive-stray-data",
        ),
        (
            "something before the directory",
            zip_of([&local[..], b"x"].concat(), &central, 1),
            "archive-stray-data",
        ),
        (
            "something behind the directory",
            zip_of(local.clone(), &[&central[..], b"x"].concat(), 1),
            "archive-damaged",
        ),
        ("another end in the comment", comment, "archive-damaged"),
        (
            "something behind the end",
            [&good[..], b"x"].concat(),
            "archive-stray-data",
        ),
        (
            "another archive behind the end",
            [&good[..], &good].concat(),
            "archive-damaged",
        ),
        (
            "no end",
            good[..good.len() - 22].to_vec(),
            "archive-truncated",
        ),
        (
            "half of an end",
            good[..good.len() - 1].to_vec(),
            "archive-truncated",
        ),
        (
            "only the beginning",
            good[..20].to_vec(),
            "archive-truncated",
        ),
        (
            "no header where one should be",
            zip_of(local.clone(), &file().central(4), 1),
            "archive-stray-data",
        ),
        (
            "another compression before the data",
            flags(8, &[0]),
            "archive-headers-differ",
        ),
        (
            "another flag before the data",
            flags(6, &[1]),
            "archive-headers-differ",
        ),
        (
            "another checksum before the data",
            flags(14, &[0, 0]),
            "archive-headers-differ",
        ),
        (
            "an offset behind the end",
            zip_of(local.clone(), &file().central(1 << 30), 1),
            "archive-stray-data",
        ),
    ] {
        let error = Place::new().refusal(&archive);
        assert_eq!(error.code(), code, "{lie}: {error}");
    }
}

#[test]
fn a_bomb_of_entries_that_share_data_is_none() {
    // As many directory entries as wanted for one piece of data.
    let data = ZipEntry::deflated("0", vec![0; 1 << 20]);
    let directory: Vec<u8> = (0..100)
        .flat_map(|index: u32| {
            let name = index.to_string().into_bytes();
            ZipEntry {
                name,
                ..data.clone()
            }
            .central(0)
        })
        .collect();
    let error = Place::new().refusal(&zip_of(data.local(), &directory, 100));
    assert_eq!(error.code(), "archive-stray-data");
}

#[test]
fn what_zip_can_say_and_is_no_lie() {
    let place = Place::new();
    let late = |length: usize| {
        let mut entry = ZipEntry::deflated(&format!("late{length}"), "late");
        entry.flags = 8;
        let size = u32::try_from(entry.data.len()).unwrap();
        let wide = length >= 20;
        if length % 8 != 4 {
            entry.behind.extend(b"PK\x07\x08");
        }
        entry.behind.extend(entry.crc.to_le_bytes());
        for size in [size, entry.size] {
            entry.behind.extend(size.to_le_bytes());
            entry.behind.extend(vec![0; if wide { 4 } else { 0 }]);
        }
        assert_eq!(entry.behind.len(), length);
        entry
    };
    let mut utf8 = ZipEntry::stored("größe", "utf-8");
    utf8.flags = 0x800;
    utf8.extra = other_name("größe".as_bytes());
    let mut archive = zip(&[
        ZipEntry::of_mode(0o040_755, "sub/", ""),
        ZipEntry::deflated("sub/file", "text"),
        utf8,
        late(12),
        late(16),
        late(20),
        late(24),
        ZipEntry::link("sub/up", "../late12"),
        ZipEntry::of_mode(0, "plain", ""),
    ]);
    // A comment, as GitHub writes one.
    let end = archive.len();
    archive[end - 2..].copy_from_slice(&3u16.to_le_bytes());
    archive.extend(b"abc");
    let unpacked = place.unpack(&archive).unwrap();
    assert_eq!((unpacked.files, unpacked.bytes), (7, 25));
    let tree = place.tree();
    let expected = [
        ("größe", "utf-8"),
        ("late12", "late"),
        ("late16", "late"),
        ("late20", "late"),
        ("late24", "late"),
        ("plain", ""),
        ("sub", ""),
        ("sub/file", "text"),
        ("sub/up", "../late12"),
    ];
    assert_eq!(texts(&tree), expected.into());
}

#[test]
fn an_empty_zip_is_an_empty_folder() {
    let place = Place::new();
    assert_eq!(place.unpack(&zip(&[])).unwrap().files, 0);
    assert!(place.tree().is_empty());
}
