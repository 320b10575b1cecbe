//! Looking for one file, in archives that lie first.

use std::fs::File;
use std::path::Path;

use super::builder::{PROGRAMS, TarEntry, ZipEntry, compressed, tar, zip};
use super::damaged::archives;
use super::skipped;
use crate::archive::{ArchiveError, FoundEntry, Limits, read_first};

fn find_within(
    archive: &[u8],
    limits: &Limits,
    most: u64,
    rank: &dyn Fn(&Path) -> Option<u32>,
) -> Result<Option<FoundEntry>, ArchiveError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("archive");
    std::fs::write(&path, archive).unwrap();
    read_first(File::open(path).unwrap(), limits, most, rank)
}

/// The rank of a name is its place in the list.
fn find(archive: &[u8], wanted: &[&str]) -> Result<Option<FoundEntry>, ArchiveError> {
    find_within(archive, &Limits::default(), 100, &|path| {
        let at = wanted.iter().position(|name| Path::new(name) == path);
        at.and_then(|at| u32::try_from(at).ok())
    })
}

fn found(path: &str, text: &str) -> FoundEntry {
    FoundEntry {
        path: path.into(),
        bytes: text.into(),
    }
}

/// The same files in a tar and in a zip.
fn both(files: &[(&str, &str)]) -> [Vec<u8>; 2] {
    let in_tar = files.iter().map(|(name, text)| TarEntry::file(name, text));
    let in_zip = files
        .iter()
        .map(|(name, text)| ZipEntry::deflated(name, text));
    let (in_tar, in_zip): (Vec<_>, Vec<_>) = (in_tar.collect(), in_zip.collect());
    [tar(&in_tar), zip(&in_zip)]
}

fn code(found: Result<Option<FoundEntry>, ArchiveError>) -> &'static str {
    found.map_or_else(|error| error.code(), |_| "ok")
}

#[test]
fn a_file_that_is_too_large_is_refused_and_no_other_is_taken_for_it() {
    let large = "x".repeat(101);
    for archive in both(&[("a", "small"), ("wanted", &large), ("z", "small")]) {
        let error = find(&archive, &["wanted", "a", "z"]).unwrap_err();
        assert_eq!(
            (error.code(), &error.to_string()[..]),
            (
                "archive-too-many-bytes",
                "the archive unpacks to more than 100 bytes, at `wanted`"
            )
        );
        assert_eq!(code(find(&archive, &["not", "wanted", "z"])), error.code());
        // One that is wanted less may be as large as it likes.
        let best = find(&archive, &["not", "z", "wanted"]).unwrap().unwrap();
        assert_eq!(best, found("z", "small"));
    }
    let most = "x".repeat(100);
    for archive in both(&[("wanted", &most)]) {
        assert_eq!(
            find(&archive, &["wanted"]).unwrap(),
            Some(found("wanted", &most))
        );
    }
}

#[test]
fn a_wanted_file_that_lies_is_refused() {
    let lying = |lie: &dyn Fn(&mut ZipEntry)| {
        let mut entry = ZipEntry::deflated("wanted", "text text text text");
        lie(&mut entry);
        zip(&[ZipEntry::stored("other", "text"), entry])
    };
    let archives: Vec<(Vec<u8>, &str)> = vec![
        (lying(&|it| it.crc ^= 1), "archive-checksum"),
        (lying(&|it| it.size += 1), "archive-size-differs"),
        (lying(&|it| it.size -= 1), "archive-checksum"),
        (lying(&|it| it.data.truncate(3)), "archive-truncated"),
        (
            lying(&|it| it.behind = b"more".to_vec()),
            "archive-stray-data",
        ),
        (
            lying(&|it| it.local_name = Some(b"others".to_vec())),
            "archive-headers-differ",
        ),
        (lying(&|it| it.flags |= 1), "archive-encrypted"),
        (lying(&|it| it.method = 14), "archive-unsupported"),
        (
            lying(&|it| it.name = b"../wanted".to_vec()),
            "archive-climbing-name",
        ),
        (
            tar(&[TarEntry::file("/wanted", "text")]),
            "archive-absolute-name",
        ),
        (
            tar(&[TarEntry::file("wanted", "text")])[..514].to_vec(),
            "archive-truncated",
        ),
        (b"no archive at all".to_vec(), "archive-unknown"),
    ];
    for (index, (archive, expected)) in archives.iter().enumerate() {
        assert_eq!(code(find(archive, &["wanted"])), *expected, "{index}");
    }
}

#[test]
fn limits_hold_while_looking() {
    let files: [(&str, &str); 3] = [("a/b", "text"), ("c", "text"), ("d", "text")];
    for archive in both(&files) {
        let mut limits = Limits::default();
        let find = |limits: &Limits| code(find_within(&archive, limits, 100, &|_| Some(1)));
        limits.entries = 2;
        assert_eq!(find(&limits), "archive-too-many-entries");
        limits.entries = 3;
        assert_eq!(find(&limits), "ok");
        limits.depth = 0;
        assert_eq!(find(&limits), "archive-too-deep");
        limits.depth = 1;
        limits.bytes = 3;
        assert_eq!(find(&limits), "archive-too-many-bytes");
    }
    let zeros = TarEntry::file("zeros", vec![0; 17 << 20]);
    let archive = tar(&[zeros, TarEntry::file("wanted", "text")]);
    match compressed("gzip", &["-c"], &archive) {
        Some(archive) => assert_eq!(code(find(&archive, &["wanted"])), "archive-ratio"),
        None => skipped("gzip"),
    }
}

#[test]
fn damaged_archives_do_no_harm() {
    let mut random: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut below = |limit: usize| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        usize::try_from(random >> 33).unwrap() % limit
    };
    for (kind, archive) in archives() {
        let whole = |archive: &[u8]| {
            find_within(archive, &Limits::default(), 1 << 20, &|path| {
                (path == Path::new("contents/text")).then_some(1)
            })
        };
        let sound = whole(&archive).unwrap();
        assert!(sound.is_some(), "{kind}");
        let mut refused = 0;
        for _ in 0..200 {
            let mut changed = archive.clone();
            for _ in 0..=below(3) {
                let at = below(changed.len());
                changed[at] = u8::try_from(below(256)).unwrap();
            }
            if below(4) == 0 {
                changed.truncate(below(changed.len()));
            }
            match whole(&changed) {
                Ok(found) if kind != "tar" && found.is_some() => assert_eq!(found, sound, "{kind}"),
                Ok(_) => {}
                Err(_) => refused += 1,
            }
        }
        assert!(refused > 20, "{kind}: {refused}");
    }
}

#[test]
fn the_file_with_the_lowest_rank_is_found_in_every_kind_of_archive() {
    let files = [
        ("./b/metadata.json", "b"),
        ("./a/metadata.json", "a"),
        ("./metadata.desktop", "desktop"),
        ("./other", "other"),
    ];
    let [plain, zipped] = both(&files);
    let mut archives = vec![("tar", plain.clone()), ("zip", zipped)];
    for (program, options) in PROGRAMS {
        match compressed(program, options, &plain) {
            Some(archive) => archives.push((program, archive)),
            None => skipped(program),
        }
    }
    for (kind, archive) in archives {
        let best = find(&archive, &["metadata.json", "metadata.desktop"]).unwrap();
        assert_eq!(best, Some(found("metadata.desktop", "desktop")), "{kind}");
        assert_eq!(find(&archive, &["metadata"]).unwrap(), None, "{kind}");
        // Of equal ranks the first by name, wherever it lies.
        let first = find_within(&archive, &Limits::default(), 100, &|path| {
            path.ends_with("metadata.json").then_some(7)
        });
        assert_eq!(
            first.unwrap(),
            Some(found("a/metadata.json", "a")),
            "{kind}"
        );
    }
}

#[test]
fn rank_0_ends_the_search() {
    let mut archive = tar(&[
        TarEntry::file("first", "text"),
        TarEntry::file("second", ""),
    ]);
    archive.truncate(archive.len() - 1536);
    archive.extend([b'x'; 512]);
    assert_eq!(
        find(&archive, &["first"]).unwrap(),
        Some(found("first", "text"))
    );
    assert_eq!(code(find(&archive, &["none", "first"])), "archive-checksum");
}

#[test]
fn what_is_no_file_is_not_found() {
    let in_tar = tar(&[
        TarEntry::new(b'5', "wanted"),
        TarEntry::file("file", "text"),
        TarEntry::link("link", "file"),
        TarEntry::hard_link("hard", "file"),
    ]);
    let in_zip = zip(&[
        ZipEntry::of_mode(0o040_755, "wanted/", ""),
        ZipEntry::link("link", "file"),
    ]);
    for archive in [in_tar, in_zip] {
        assert_eq!(find(&archive, &["wanted", "link", "hard"]).unwrap(), None);
    }
}
