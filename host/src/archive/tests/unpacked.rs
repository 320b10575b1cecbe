//! What becomes of archives that are allowed, those of the system's own programs above all.

use std::fs::{self, File};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use super::builder::{TarEntry, ZipEntry, tar, zip};
use super::{Place, skipped, texts};
use crate::archive::{ArchiveFormat, ArchiveWarning, Compression, Limits, unpack};

#[test]
fn only_into_an_empty_folder() {
    let place = Place::new();
    let archive = tar(&[TarEntry::file("a", "")]);
    fs::write(place.target().join("mine"), "mine").unwrap();
    let error = place.refusal(&archive);
    assert_eq!(error.code(), "archive-target-not-empty");
    assert_eq!(
        error.to_string(),
        format!(
            "`{}` is no empty folder, so nothing is unpacked to it",
            place.target().display()
        )
    );
    fs::remove_dir_all(place.target()).unwrap();
    assert_eq!(place.refusal(&archive).code(), "archive-unwritable");
}

#[test]
fn what_is_no_file_is_no_archive() {
    let place = Place::new();
    let folder = File::open(place.target()).unwrap();
    let error = unpack(folder, &place.target(), &Limits::default()).unwrap_err();
    assert_eq!(error.code(), "archive-unknown");
    assert_eq!(
        error.to_string(),
        "it is no archive: neither zip nor tar, plain or with gzip, bzip2, xz or zstd"
    );
}

#[test]
fn a_compressed_file_that_is_no_tar_is_no_archive() {
    let place = Place::new();
    let path = place.folder.path().join("picture.svgz");
    let file = File::create(&path).unwrap();
    let mut encoder = flate2::write::GzEncoder::new(file, flate2::Compression::fast());
    std::io::Write::write_all(&mut encoder, "<svg/>".repeat(1000).as_bytes()).unwrap();
    encoder.finish().unwrap();
    let mut file = File::open(&path).unwrap();
    assert_eq!(ArchiveFormat::of(&mut file).unwrap(), None);
}

#[test]
fn of_modes_only_whether_it_may_be_executed_is_kept() {
    let place = Place::new();
    // All else is left to the process's mask.
    let (file, script) = place.usual_modes();
    let modes = [
        ("script", 0o755, script),
        ("shared", 0o666, file),
        ("plain", 0o644, file),
        ("private", 0o600, file),
        ("secret", 0o400, file),
        ("nothing", 0, file),
        ("group's script", 0o610, script),
        ("setuid", 0o4755, script),
        ("setgid", 0o2655, script),
        ("sticky", 0o1666, file),
    ];
    let mut entries = Vec::new();
    for (name, mode, _) in modes {
        let file = TarEntry::file(name, "");
        entries.push(TarEntry { mode, ..file });
    }
    let mut folder = TarEntry::new(b'5', "folder");
    folder.mode = 0o7000;
    entries.push(folder);
    entries.push(TarEntry::file("folder/implied/file", ""));
    place.unpack(&tar(&entries)).unwrap();
    let mode = |name: &str| place.target().join(name).metadata().unwrap().mode() & 0o7777;
    for (name, _, expected) in modes {
        assert_eq!(mode(name), expected, "{name}");
    }
    assert_eq!(mode("folder"), script);

    // A zip from elsewhere says nothing about permissions.
    let place = Place::new();
    let setuid = ZipEntry::of_mode(0o104_755, "setuid", "");
    place
        .unpack(&zip(&[setuid, ZipEntry::of_mode(0, "plain", "")]))
        .unwrap();
    let mode = |name: &str| place.target().join(name).metadata().unwrap().mode() & 0o7777;
    assert_eq!((mode("setuid"), mode("plain")), (script, file));
}

#[test]
fn what_would_not_be_allowed_elsewhere_is_a_warning() {
    let place = Place::new();
    let names = [
        "Readme",
        "README",
        "con",
        "sub/nul.txt",
        "COM1.qml",
        "a:b",
        "a\\b",
        "dot.",
        "space ",
        "tab\t",
        "console",
        "com10",
        "lpt",
        "größe",
        "GRÖSSE",
    ];
    let entries = names.map(|name| TarEntry::file(name, ""));
    let warnings = place.unpack(&tar(&entries)).unwrap().warnings;
    let found: Vec<(&str, &str)> = warnings
        .iter()
        .map(|warning| (warning.code(), warning.entry().to_str().unwrap()))
        .collect();
    let elsewhere = names[2..10]
        .iter()
        .map(|name| ("archive-not-on-windows", *name));
    let mut expected = vec![("archive-same-but-for-case", "README")];
    expected.extend(elsewhere);
    assert_eq!(found, expected);
    assert!(
        matches!(&warnings[0], ArchiveWarning::SameButForCase { entry } if entry == Path::new("README"))
    );
}

/// Whichever folders the last entry lay in.
#[test]
fn entries_may_come_in_any_order() {
    let deep = "d/".repeat(60);
    let names = [
        "a/b/c/1",
        "ab/1",
        "a/2",
        "1",
        "a/b/c/3",
        "a/bc/4",
        "a/b/5",
        "ab/c/6",
        "2",
        "a/b/c/d/7",
    ];
    let deep = [format!("{deep}8"), "d/d/9".to_owned(), format!("{deep}10")];
    let names: Vec<&str> = names
        .into_iter()
        .chain(deep.iter().map(|it| &it[..]))
        .collect();
    let entries: Vec<ZipEntry> = names
        .iter()
        .map(|name| ZipEntry::stored(name, name))
        .collect();
    let place = Place::new();
    place.unpack(&zip(&entries)).unwrap();
    for name in names {
        assert_eq!(
            fs::read(place.target().join(name)).unwrap(),
            name.as_bytes()
        );
    }
}

#[test]
fn names_that_are_not_unicode_are_kept() {
    use std::os::unix::ffi::OsStrExt as _;
    let name = std::ffi::OsStr::from_bytes(b"no\xffunicode");
    for archive in [
        tar(&[TarEntry::file(b"no\xffunicode", "text")]),
        zip(&[ZipEntry::stored(b"no\xffunicode", "text")]),
    ] {
        let place = Place::new();
        place.unpack(&archive).unwrap();
        assert_eq!(fs::read(place.target().join(name)).unwrap(), b"text");
    }
}

/// A folder with all that a package may hold.
pub(super) fn sample(folder: &Path, long: &str) -> PathBuf {
    let root = folder.join("sample");
    fs::create_dir_all(root.join("contents/ui/größe")).unwrap();
    fs::create_dir_all(root.join("contents/empty")).unwrap();
    for (name, data) in [
        ("metadata.json", "{}"),
        (".hidden", "hidden"),
        ("contents/ui/main.qml", "main"),
        ("contents/ui/größe/日本語.qml", ""),
        (long, "long"),
    ] {
        fs::write(root.join(name), data).unwrap();
    }
    fs::write(root.join("contents/big"), vec![b'x'; 300_000]).unwrap();
    let script = root.join("contents/script.sh");
    fs::write(&script, "#!/bin/sh\n").unwrap();
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    symlink("../ui/main.qml", root.join("contents/ui/link.qml")).unwrap();
    symlink("nowhere", root.join("contents/dangling")).unwrap();
    root
}

/// What the system's programs make of a folder must become the same folder again.
#[test]
fn archives_of_other_programs() {
    let folder = tempfile::tempdir().unwrap();
    let long = format!("contents/{}", "long-name-".repeat(20));
    let root = sample(folder.path(), &long);
    let mut expected = super::tree(&root);
    // Whatever the mask is now.
    let (_, script) = Place::new().usual_modes();
    if let Some((mode, _)) = expected.get_mut(Path::new("contents/script.sh")) {
        *mode = *mode & !0o7777 | script;
    }
    let python = "import shutil, sys; shutil.make_archive(sys.argv[1], sys.argv[2], 'sample')";
    let tar = |format| ArchiveFormat::Tar(format);
    let programs: [(&str, &[&str], ArchiveFormat); 11] = [
        (
            "tar",
            &["-cf", "OUT", "-C", "sample", "."],
            tar(Compression::None),
        ),
        (
            "tar",
            &["--format=pax", "-cf", "OUT", "-C", "sample", "."],
            tar(Compression::None),
        ),
        (
            "tar",
            &[
                "--format=ustar",
                "--exclude=long*",
                "-cf",
                "OUT",
                "-C",
                "sample",
                ".",
            ],
            tar(Compression::None),
        ),
        (
            "tar",
            &["-czf", "OUT", "-C", "sample", "."],
            tar(Compression::Gzip),
        ),
        (
            "tar",
            &["-cjf", "OUT", "-C", "sample", "."],
            tar(Compression::Bzip2),
        ),
        (
            "tar",
            &["-cJf", "OUT", "-C", "sample", "."],
            tar(Compression::Xz),
        ),
        (
            "tar",
            &["--zstd", "-cf", "OUT", "-C", "sample", "."],
            tar(Compression::Zstd),
        ),
        (
            "sh",
            &["-c", "cd sample && zip -qry ../OUT ."],
            ArchiveFormat::Zip,
        ),
        (
            "sh",
            &["-c", "cd sample && zip -qry0 ../OUT ."],
            ArchiveFormat::Zip,
        ),
        (
            "python3",
            &["-c", python, "OUT", "gztar"],
            tar(Compression::Gzip),
        ),
        ("python3", &["-c", python, "OUT", "zip"], ArchiveFormat::Zip),
    ];
    for (index, (program, arguments, format)) in programs.into_iter().enumerate() {
        let out = format!("archive{index}");
        let arguments: Vec<String> = arguments
            .iter()
            .map(|argument| argument.replace("OUT", &out))
            .collect();
        let label = format!("{program} {arguments:?}");
        let status = Command::new(program)
            .args(&arguments)
            .current_dir(folder.path())
            .status();
        if !status.is_ok_and(|status| status.success()) {
            skipped(&label);
            continue;
        }
        let endings = ["", ".zip", ".tar.gz"];
        let mut paths = endings
            .map(|ending| folder.path().join(format!("{out}{ending}")))
            .into_iter();
        let mut file = File::open(paths.find(|path| path.exists()).unwrap()).unwrap();
        assert_eq!(
            ArchiveFormat::of(&mut file).unwrap(),
            Some(format),
            "{label}"
        );

        let place = Place::new();
        let unpacked = unpack(file, &place.target(), &Limits::default());
        let unpacked = unpacked.unwrap_or_else(|error| panic!("{label}: {error}"));
        assert!(unpacked.warnings.is_empty());
        let (mut tree, mut expected) = (place.tree(), expected.clone());
        if label.contains("ustar") {
            expected.retain(|path, _| !path.starts_with(&long));
        }
        if program == "python3" && format == ArchiveFormat::Zip {
            // Python follows links, and leaves out what leads nowhere.
            expected.retain(|path, _| !path.ends_with("dangling") && !path.ends_with("link.qml"));
            assert!(tree.remove(Path::new("contents/ui/link.qml")).is_some());
        }
        assert_eq!(tree, expected, "{label}");
    }
}

/// What cannot go back says sizes and checksums behind the data.
#[test]
fn a_zip_that_was_written_to_a_pipe() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("big"), "text ".repeat(60_000)).unwrap();
    let write = "zip -q - big | cat > archive";
    let status = Command::new("sh")
        .args(["-c", write])
        .current_dir(folder.path())
        .status();
    let Ok(archive) = fs::read(folder.path().join("archive")) else {
        return skipped("zip");
    };
    if !status.unwrap().success() || archive.is_empty() {
        return skipped("zip");
    }
    assert_eq!(archive[6] & 8, 8);
    let place = Place::new();
    assert_eq!(place.unpack(&archive).unwrap().bytes, 300_000);
}

#[test]
fn hard_links_stay_hard_links() {
    let place = Place::new();
    let archive = tar(&[
        TarEntry::file("a/file", "text"),
        TarEntry::hard_link("b/hard", "a/file"),
        TarEntry::hard_link("again", "b/hard"),
    ]);
    assert_eq!(place.unpack(&archive).unwrap().files, 3);
    assert_eq!(place.target().join("a/file").metadata().unwrap().nlink(), 3);
    let tree = place.tree();
    assert_eq!(texts(&tree)["b/hard"], "text");
}
