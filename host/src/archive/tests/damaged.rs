//! Archives that were cut, changed and added to: each is refused or unpacked, none harms.

use super::builder::{PROGRAMS, TarEntry, ZipEntry, compressed, tar, zip};
use super::{Place, Tree, skipped};

pub(super) fn archives() -> Vec<(&'static str, Vec<u8>)> {
    let text = "some text that can be compressed, some text, some text. ".repeat(40);
    let tar = tar(&[
        TarEntry::new(b'5', "contents"),
        TarEntry::file("contents/text", &text),
        TarEntry::pax("path", "contents/other"),
        TarEntry::file("x", "other"),
        TarEntry::link("contents/link", "text"),
    ]);
    let zip = zip(&[
        ZipEntry::of_mode(0o040_755, "contents/", ""),
        ZipEntry::deflated("contents/text", &text),
        ZipEntry::stored("contents/other", "other"),
        ZipEntry::link("contents/link", "text"),
    ]);
    let mut archives = vec![("zip", zip)];
    for (program, options) in PROGRAMS {
        match compressed(program, options, &tar) {
            Some(archive) => archives.push((program, archive)),
            None => skipped(program),
        }
    }
    archives.push(("tar", tar));
    archives
}

/// The same files, whatever the modes.
fn data(tree: &Tree) -> Vec<(&std::path::Path, &[u8])> {
    let entries = tree.iter();
    entries
        .map(|(path, (_, data))| (path.as_path(), &data[..]))
        .collect()
}

#[test]
fn an_archive_that_was_cut_is_refused() {
    for (kind, archive) in archives() {
        // A tar may be without the second of its last blocks.
        let end = archive.len() - if kind == "tar" { 1024 } else { 0 };
        for length in (0..end).step_by(end / 97) {
            let error = Place::new().refusal(&archive[..length]);
            let codes = [
                "archive-truncated",
                "archive-damaged",
                "archive-unknown",
                "archive-checksum",
            ];
            assert!(codes.contains(&error.code()), "{kind} of {length}: {error}");
        }
    }
}

#[test]
fn something_behind_a_compressed_archive_is_refused() {
    for (kind, archive) in archives() {
        for more in [&b"x"[..], &[0; 512], b"PK\x03\x04 and so on"] {
            if kind == "tar" && more == [0; 512] {
                continue;
            }
            let error = Place::new().refusal(&[&archive[..], more].concat());
            let expected = match kind {
                "tar" => "archive-truncated",
                _ => "archive-stray-data",
            };
            assert_eq!(error.code(), expected, "{kind}: {error}");
        }
    }
}

#[test]
fn streams_of_several_members_are_whole() {
    let archive = tar(&[TarEntry::file("file", "text".repeat(1000))]);
    let (first, second) = archive.split_at(1000);
    for (program, options) in PROGRAMS {
        let Some(mut stream) = compressed(program, options, first) else {
            continue;
        };
        stream.extend(compressed(program, options, second).unwrap());
        let place = Place::new();
        assert_eq!(place.unpack(&stream).unwrap().bytes, 4000, "{program}");
    }
}

#[test]
fn bytes_that_were_changed_do_no_harm() {
    let mut random: u64 = 0x2545_f491_4f6c_dd1d;
    let mut below = |limit: usize| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        usize::try_from(random >> 33).unwrap() % limit
    };
    for (kind, archive) in archives() {
        let sound = Place::new();
        sound.unpack(&archive).unwrap();
        let sound = sound.tree();
        let mut unpacked = 0;
        for _ in 0..200 {
            let mut changed = archive.clone();
            for _ in 0..=below(3) {
                let at = below(changed.len());
                changed[at] = u8::try_from(below(256)).unwrap();
            }
            let place = Place::new();
            match place.unpack(&changed) {
                Err(_) => assert!(place.tree().is_empty(), "{kind}"),
                Ok(_) => unpacked += 1,
            }
            // A checksum covers the data of every kind but a plain tar's.
            let tree = place.tree();
            if kind != "tar" && kind != "zip" && !tree.is_empty() {
                assert_eq!(data(&tree), data(&sound), "{kind}");
            }
        }
        // The test sees both, or it sees nothing.
        assert!(unpacked < 200, "{kind}");
    }
}
