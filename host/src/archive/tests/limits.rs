//! Archives that are too much, and what is not.

use super::builder::{PROGRAMS, TarEntry, ZipEntry, compressed, tar, zip};
use super::{Place, skipped};
use crate::archive::Limits;

/// The codes of a tar and of a zip with the same files.
fn codes(files: &[(&str, &[u8])], set: impl FnOnce(&mut Limits)) -> [&'static str; 2] {
    let mut limits = Limits::default();
    set(&mut limits);
    let entries = files.iter();
    let in_tar: Vec<TarEntry> = entries
        .flat_map(|(name, data)| {
            let long = (name.len() > 100).then(|| TarEntry::pax("path", name));
            long.into_iter().chain([TarEntry::file(name, data)])
        })
        .collect();
    let entries = files.iter();
    let in_zip: Vec<ZipEntry> = entries
        .map(|(name, data)| ZipEntry::deflated(name, data))
        .collect();
    [tar(&in_tar), zip(&in_zip)].map(|archive| {
        let place = Place::new();
        match place.unpack_within(&archive, &limits) {
            Ok(_) => "ok",
            Err(error) => {
                assert!(place.tree().is_empty(), "{error}");
                error.code()
            }
        }
    })
}

#[test]
fn each_limit_holds_to_the_last_one_that_is_allowed() {
    let files: [(&str, &[u8]); 2] = [("a/b/c", b"1234"), ("a/d", b"5678")];
    // Two files and two folders.
    assert_eq!(codes(&files, |it| it.entries = 4), ["ok"; 2]);
    assert_eq!(
        codes(&files, |it| it.entries = 3),
        ["archive-too-many-entries"; 2]
    );
    // In a tar two headers and two empty blocks count, too.
    assert_eq!(codes(&files, |it| it.bytes = 4 * 512 + 8), ["ok"; 2]);
    assert_eq!(
        codes(&files, |it| it.bytes = 7),
        ["archive-too-many-bytes"; 2]
    );
    assert_eq!(codes(&files, |it| it.name_length = 5), ["ok"; 2]);
    assert_eq!(
        codes(&files, |it| it.name_length = 4),
        ["archive-name-too-long"; 2]
    );
    assert_eq!(codes(&files, |it| it.name_bytes = 12), ["ok"; 2]);
    assert_eq!(
        codes(&files, |it| it.name_bytes = 11),
        ["archive-too-many-names"; 2]
    );
    assert_eq!(codes(&files, |it| it.depth = 2), ["ok"; 2]);
    assert_eq!(codes(&files, |it| it.depth = 1), ["archive-too-deep"; 2]);
}

#[test]
fn the_defaults_hold() {
    let deep = format!("{}file", "d/".repeat(65));
    assert_eq!(codes(&[(&deep, b"")], |_| {}), ["archive-too-deep"; 2]);
    let deep = format!("{}file", "d/".repeat(64));
    assert_eq!(codes(&[(&deep, b"")], |_| {}), ["ok"; 2]);
    // Longer than a file system's names.
    let mut long = ZipEntry::stored("x".repeat(256), "");
    assert_eq!(
        Place::new().refusal(&zip(&[long.clone()])).code(),
        "archive-name-too-long"
    );
    long.name.pop();
    assert_eq!(Place::new().unpack(&zip(&[long])).unwrap().files, 1);
    let link = TarEntry::pax("linkpath", "x/".repeat(600));
    let link = tar(&[link, TarEntry::link("link", "")]);
    assert_eq!(Place::new().refusal(&link).code(), "archive-name-too-long");
}

#[test]
fn names_in_error_messages_are_cut() {
    let name = TarEntry::pax("path", "x".repeat(500_000));
    let error = Place::new().refusal(&tar(&[name, TarEntry::file("x", "")]));
    assert_eq!(error.code(), "archive-name-too-long");
    assert!(error.to_string().len() < 200, "{error}");
}

#[test]
fn bombs() {
    let zeros = vec![0; 17 << 20];
    let file = TarEntry::file("zeros", &zeros);
    let place = Place::new();
    let error = place.refusal(&zip(&[ZipEntry::deflated("zeros", &zeros)]));
    assert_eq!(error.code(), "archive-ratio");
    assert_eq!(
        error.to_string(),
        "the archive unpacks to more than 250 times its size, at `zeros`"
    );
    for (program, options) in PROGRAMS {
        let Some(bomb) = compressed(program, options, &tar(std::slice::from_ref(&file))) else {
            skipped(program);
            continue;
        };
        assert_eq!(place.refusal(&bomb).code(), "archive-ratio", "{program}");
        let limits = Limits {
            ratio: 1 << 20,
            bytes: 10 << 20,
            ..Limits::default()
        };
        let error = place.refusal_within(&bomb, &limits);
        assert_eq!(error.code(), "archive-too-many-bytes", "{program}");
    }
    // What is plain is never a bomb.
    let mut entries = vec![file; 2];
    entries[1].name = b"more".to_vec();
    assert_eq!(place.unpack(&tar(&entries)).unwrap().files, 2);
}

#[test]
fn decoders_that_want_too_much_memory() {
    let archive = tar(&[TarEntry::file("file", "text")]);
    let wishes: [(&str, &[&str], &str); 4] = [
        ("xz", &["-c", "--lzma2=dict=256MiB"], "archive-memory"),
        (
            "zstd",
            &["-q", "-c", "--ultra", "--long=28"],
            "archive-memory",
        ),
        ("xz", &["-c", "-9"], "ok"),
        ("zstd", &["-q", "-c", "--ultra", "-22", "--long=27"], "ok"),
    ];
    for (program, options, expected) in wishes {
        let Some(archive) = compressed(program, options, &archive) else {
            skipped(program);
            continue;
        };
        let found = Place::new().unpack(&archive);
        let code = found.as_ref().map_or_else(|error| error.code(), |_| "ok");
        assert_eq!(code, expected, "{program} {options:?}");
        if let Err(error) = found {
            let said = "the archive wants more than 128 MiB of memory to be decoded";
            assert_eq!(error.to_string(), said);
        }
    }
}
