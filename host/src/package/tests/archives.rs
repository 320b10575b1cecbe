//! Archives as packages.

use std::fs;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use super::recorded::{self, text};
use super::support::{Place, Structure, skipped};
use crate::archive::tests::builder::{TarEntry, ZipEntry, tar, zip};
use crate::package::{DataDirs, HashAlgorithm, Package, PackageError, PackageLoader, PassedOver};
use crate::plugin::Registry;

const METADATA: &str = r#"{"KPlugin": {"Id": "x"}, "KPackageStructure": "Test/Basic"}"#;

/// The archive that a fixture describes.
pub(super) fn recorded(kind: &str, entries: &Value) -> Vec<u8> {
    let entries = entries.as_array().unwrap();
    let tarred = || {
        let entries: Vec<TarEntry> = entries
            .iter()
            .map(|entry| match entry["link"].as_str() {
                Some(target) => TarEntry::link(text(&entry["name"]), target),
                None => TarEntry::file(text(&entry["name"]), text(&entry["text"])),
            })
            .collect();
        tar(&entries)
    };
    let zipped = || {
        let entries: Vec<ZipEntry> = entries
            .iter()
            .map(|entry| ZipEntry::deflated(text(&entry["name"]), text(&entry["text"])))
            .collect();
        zip(&entries)
    };
    match kind {
        "zip" => zipped(),
        "tar" => tarred(),
        "tar.gz" => {
            let level = flate2::Compression::default();
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), level);
            encoder.write_all(&tarred()).unwrap();
            encoder.finish().unwrap()
        }
        "tar.bz2" => {
            let level = bzip2::Compression::default();
            let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), level);
            encoder.write_all(&tarred()).unwrap();
            encoder.finish().unwrap()
        }
        "tar.xz" => {
            let options = lzma_rust2::XzOptions::default();
            let mut encoder = lzma_rust2::XzWriter::new(Vec::new(), options).unwrap();
            encoder.write_all(&tarred()).unwrap();
            encoder.finish().unwrap()
        }
        other => panic!("no archive is called `{other}`"),
    }
}

/// A package of type `Test/Basic` in a zip, below `folder`, and more.
fn package_below(folder: &str, more: &[ZipEntry]) -> Vec<u8> {
    let file = |name: &str, data: &str| ZipEntry::deflated(&format!("{folder}{name}"), data);
    let files = [
        file("metadata.json", METADATA),
        file("contents/ui/main.qml", "main"),
        file("contents/ui/b.qml", ""),
        file("contents/.hidden", ""),
    ];
    zip(&[&files, more].concat())
}

fn refusal(place: &Place, archive: &[u8]) -> PackageError {
    let path = place.write("x.zip", archive);
    let mut package = place.basic();
    let error = package.set_path(&path).unwrap_err();
    assert_eq!(error.path(), Some(path.as_path()));
    assert_eq!(package.path(), None);
    assert!(!package.is_valid() && package.file_path("mainscript", "").is_none());
    let problems = package.validate();
    assert_eq!((problems.len(), problems[0].code()), (1, error.code()));
    error
}

#[test]
fn an_archive_that_lies_is_no_package() {
    let place = Place::new();
    let evil = ZipEntry::stored("../evil", "evil");
    let error = refusal(&place, &package_below("", &[evil]));
    assert_eq!(error.code(), "archive-climbing-name");
    let path = place.at("x.zip");
    assert_eq!(
        error.to_string(),
        format!("the archive `{}` was not unpacked", path.display())
    );
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert_eq!(cause, "the name `../evil` has a component `..`");
    // What went wrong is told where there is one line for it.
    let mut package = place.basic();
    package.set_path(&path).unwrap_err();
    assert_eq!(package.validate()[0].message(), format!("{error}: {cause}"));

    let broken = ZipEntry {
        crc: 0,
        ..ZipEntry::stored("contents/a", "a")
    };
    let error = refusal(&place, &package_below("", &[broken]));
    assert_eq!(error.code(), "archive-checksum");
    assert_eq!(
        error.hint(),
        Some("fetch the archive again; it may not have arrived whole")
    );
}

#[test]
fn an_archive_holds_one_package() {
    let place = Place::new();
    let path = place.at("x.zip");
    let none = [ZipEntry::stored("contents/ui/main.qml", "main")];
    let error = refusal(&place, &zip(&none));
    assert_eq!(error.code(), "archive-without-package");
    assert_eq!(
        error.to_string(),
        format!(
            "the archive `{}` holds no package: there are no metadata at its top, or in a folder there",
            path.display()
        )
    );
    let too_deep = refusal(&place, &package_below("a/b/", &[]));
    assert_eq!(too_deep.code(), "archive-without-package");

    let other = ZipEntry::stored("other/metadata.desktop", "[Desktop Entry]\n");
    let error = refusal(&place, &package_below("one/", &[other]));
    assert_eq!(error.code(), "archive-with-packages");
    assert_eq!(
        error.to_string(),
        format!(
            "the archive `{}` holds 2 packages: `one`, `other`",
            path.display()
        )
    );
    assert_eq!(error.hint(), Some("pack each of them by itself"));
}

#[test]
fn a_file_that_is_no_archive_is_no_package() {
    let place = Place::new();
    for data in [&b"text"[..], b"", b"PK", b"\x1f\x8b"] {
        let file = place.write("file.zip", data);
        let error = place.basic().set_path(&file).unwrap_err();
        assert_eq!(error.code(), "package-not-found", "{data:?}");
        assert_eq!(
            error.hint(),
            Some("a package is a folder, or an archive that is named by its absolute path")
        );
    }
}

#[test]
fn a_name_never_finds_an_archive() {
    let place = Place::new();
    place.write("home/test/basic/x", package_below("", &[]));
    let error = place.basic().set_path("x").unwrap_err();
    let PackageError::NotFound { tried, .. } = error else {
        panic!("{error}");
    };
    assert!(matches!(tried[0].why, PassedOver::NotAFolder));
}

#[test]
fn an_archive_with_an_invalid_package_can_be_looked_at() {
    let place = Place::new();
    let path = place.write("x", zip(&[ZipEntry::stored("metadata.json", METADATA)]));
    let mut package = place.basic();
    let error = package.set_path(&path).unwrap_err();
    assert_eq!(error.code(), "package-invalid");
    assert_eq!(error.path(), Some(path.as_path()));
    let seen = package.examination().unwrap();
    assert_eq!(seen.path(), path);
    assert_eq!(seen.metadata().unwrap().id(), Some("x"));
    let metadata = seen.file_path("metadata", "").unwrap();
    assert_eq!(fs::read_to_string(metadata).unwrap(), METADATA);
    assert_eq!(package.validate()[0].code(), "required-missing");
}

/// The folder that a package was unpacked to.
fn folder(package: &Package) -> PathBuf {
    package.contents().root.clone().unwrap()
}

#[test]
fn all_answers_come_from_what_was_unpacked() {
    let place = Place::new();
    for below in ["", "some folder/"] {
        let readme = ZipEntry::stored("README", "");
        let path = place.write("no-ending", package_below(below, &[readme]));
        let package = place.basic_at("no-ending");
        assert!(package.is_valid());
        assert_eq!(package.path(), Some(path.as_path()));
        assert_eq!(package.metadata().unwrap().id(), Some("x"));
        assert_eq!(package.entry_list("ui"), ["b.qml", "main.qml"]);
        let main = package.file_path("mainscript", "").unwrap();
        assert_eq!(*main, folder(&package).join("contents/ui/main.qml"));
        let mut read = String::new();
        let mut opened = package.open("ui", "main.qml").unwrap();
        opened.read_to_string(&mut read).unwrap();
        assert_eq!(read, "main");
        // The hash is that of the same package in a folder.
        let same = place.at("same");
        copy(&folder(&package), &same);
        let same = place.basic_at("same");
        let hash = |package: &Package| package.cryptographic_hash(HashAlgorithm::Sha256).unwrap();
        assert_eq!(hash(&package), hash(&same));
        assert_eq!(
            package.content_digest().unwrap(),
            same.content_digest().unwrap()
        );
        // What it was unpacked to has any name, so the id does not differ from it.
        assert!(package.validate().is_empty(), "{:?}", package.validate());
        fs::remove_dir_all(place.at("same")).unwrap();
    }
}

fn copy(from: &Path, to: &Path) {
    let status = Command::new("cp").arg("-r").args([from, to]).status();
    assert!(status.unwrap().success());
}

#[test]
fn the_folder_is_private_and_lives_as_long_as_the_package() {
    let place = Place::new();
    place.write("x.zip", package_below("", &[]));
    place.package("pkg");
    let mut package = place.basic_at("x.zip");
    let first = folder(&package);
    let mode = first.metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o7777, 0o700);
    // The archive is not needed any more.
    fs::remove_file(place.at("x.zip")).unwrap();
    let copy = package.clone();
    package.set_path(place.at("pkg")).unwrap();
    assert_eq!(package.path(), Some(place.at("pkg").as_path()));
    assert!(copy.is_valid() && first.exists());
    let changed = {
        let mut changed = copy.clone();
        changed.add_file_definition("hidden", ".hidden", "");
        changed
    };
    drop(copy);
    assert!(changed.file_path("hidden", "").is_some() && first.exists());
    drop(changed);
    assert!(!first.exists());

    // Refused and invalid ones leave nothing either.
    place.write("x.zip", zip(&[ZipEntry::stored("metadata.json", "{}")]));
    package.set_path(place.at("x.zip")).unwrap_err();
    let metadata = package.examination().unwrap().file_path("metadata", "");
    let metadata = metadata.unwrap().into_owned();
    assert!(metadata.exists());
    package.set_path("").unwrap();
    assert!(!metadata.exists());
}

#[test]
fn a_structure_sees_the_folder_and_may_move_in_it() {
    let place = Place::new();
    place.know(
        "Test/Moving",
        Structure::new(|package| {
            package.add_file_definition("file", "file", "");
            package.set_required("file", true);
            Ok(())
        })
        .on_path(|package| {
            let inner = package.path().map(|path| path.join("inner"));
            if let Some(inner) = inner.filter(|inner| inner.is_dir()) {
                package.set_path(&inner)?;
            }
            Ok(())
        }),
    );
    let entries = [
        ZipEntry::stored("metadata.json", "{}"),
        ZipEntry::stored("inner/contents/file", "text"),
    ];
    let path = place.write("x.zip", zip(&entries));
    let package = place.loader.load_package_at("Test/Moving", &path).unwrap();
    assert_eq!(package.path(), Some(path.as_path()));
    let file = package.key_path("file").unwrap();
    assert!(file.ends_with("inner/contents/file"));
    assert_eq!(fs::read_to_string(file).unwrap(), "text");
}

#[test]
fn a_compressed_picture_is_still_a_file_for_its_structure() {
    let place = Place::new();
    place.know(
        "Test/Picture",
        Structure::new(|package| {
            package.add_file_definition("picture", "../picture.svgz", "");
            package.set_allow_external_paths(true);
            Ok(())
        })
        .on_path(|package| {
            let path = package.path().filter(|path| path.is_file());
            if let Some(folder) = path.as_deref().and_then(Path::parent) {
                package.set_path(folder)?;
            }
            Ok(())
        }),
    );
    let gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    let picture = place.write("wall/picture.svgz", gzip.finish().unwrap());
    let package = place.loader.load_package_at("Test/Picture", picture);
    assert_eq!(package.unwrap().path(), Some(place.at("wall").as_path()));
}

#[test]
fn what_other_systems_refuse_is_a_warning() {
    let place = Place::new();
    let names = ["contents/ui/MAIN.qml", "contents/aux"];
    let more = names.map(|name| ZipEntry::stored(name, ""));
    place.write("x.zip", package_below("", &more));
    let problems = place.basic_at("x.zip").validate();
    let told: Vec<String> = problems.iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        [
            "warning: `contents/ui/MAIN.qml` and another entry differ only in upper and lower case",
            "warning: Windows has no names as `contents/aux`",
        ]
    );
}

/// Applets of this machine, packed in every way, are the applets that they were.
#[test]
fn real_packages_in_archives() {
    let root = Path::new("/usr/share/plasma/plasmoids");
    let names = [
        "org.kde.plasma.analogclock",
        "org.kde.plasma.notes",
        "org.kde.plasma.pager",
    ];
    let python =
        "import shutil, sys; shutil.make_archive(sys.argv[1][:-4], 'zip', '.', sys.argv[2])";
    let programs: [(&str, &[&str]); 8] = [
        ("tar", &["-cf", "OUT", "NAME"]),
        ("tar", &["-czf", "OUT", "NAME"]),
        ("tar", &["-cjf", "OUT", "NAME"]),
        ("tar", &["-cJf", "OUT", "NAME"]),
        ("tar", &["--zstd", "-cf", "OUT", "NAME"]),
        ("tar", &["-czf", "OUT", "-C", "NAME", "."]),
        ("zip", &["-qry", "OUT", "NAME"]),
        ("python3", &["-c", python, "OUT", "NAME"]),
    ];
    let dirs = DataDirs::new(None, [PathBuf::from("/usr/share")]);
    let loader = PackageLoader::with_data_dirs(Registry::default(), dirs);
    for (type_name, structure) in recorded::types() {
        loader
            .add_known_package_structure(&type_name, structure)
            .unwrap();
    }
    let place = Place::new();
    for name in names.iter().filter(|name| !root.join(name).is_dir()) {
        skipped(&format!("archives: {name} is not installed"));
    }
    for name in names.iter().filter(|name| root.join(name).is_dir()) {
        let expected = loader
            .load_package_at("Plasma/Applet", root.join(name))
            .unwrap();
        for (index, (program, arguments)) in programs.iter().enumerate() {
            let out = place.at(format!("{name}.{index}.zip"));
            let arguments = arguments.iter().map(|argument| {
                let argument = argument.replace("OUT", out.to_str().unwrap());
                argument.replace("NAME", name)
            });
            let made = Command::new(program)
                .args(arguments)
                .current_dir(root)
                .status();
            if !made.is_ok_and(|status| status.success()) {
                skipped(&format!("archives: {program} does not pack {name}"));
                continue;
            }
            let package = loader.load_package_at("Plasma/Applet", &out).unwrap();
            assert_eq!(package.path(), Some(out.as_path()));
            let same = |ask: &dyn Fn(&Package) -> String| {
                assert_eq!(ask(&package), ask(&expected), "{name} {program}");
            };
            same(&|it| it.content_digest().unwrap());
            same(&|it| it.cryptographic_hash(HashAlgorithm::Sha1).unwrap());
            for (key, _) in expected.definitions() {
                same(&|it| {
                    format!("{key} {:?}", it.entry_list(key))
                        .replace(folder(it).to_str().unwrap(), "")
                });
            }
        }
    }
}
