//! Random packages: what `open` and `file_path` have in common.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{MetadataExt as _, symlink};
use std::path::{Path, PathBuf};

use super::opening::{WAYS, open_in};
use super::support::{Numbers, Place, Structure};
use crate::Package;
use crate::package::OpenError;

/// What files, folders and links are called.
const NAMES: [&[u8]; 8] = [
    b"a",
    b"b",
    b"ui",
    b"images",
    b"..a",
    b" ",
    "é".as_bytes(),
    b"bad\xff",
];

/// What is asked for.
const ASKED: [&[u8]; 24] = [
    b"",
    b"a",
    b"b",
    b"ui",
    b".",
    b"..",
    b"/",
    b"../a",
    b"a/../b",
    b"../../pkg-evil/a",
    b"/etc/passwd",
    b"a/b",
    b"b//a",
    b"./a",
    b"a/",
    b"a/.",
    b"a/a/a",
    b"ui/a",
    b"images/ui",
    b"a\0",
    b"..a",
    b" ",
    "é".as_bytes(),
    b"bad\xff",
];

/// Where definitions say that things lie, and prefixes.
const PATHS: [&str; 12] = [
    "ui",
    "ui/",
    "a",
    "a/b",
    "",
    ".",
    "/a",
    "..",
    "../..",
    "../../outside",
    "b/../a",
    "../contents/./images",
];
const PREFIXES: [&[&str]; 8] = [
    &["contents"],
    &["contents"],
    &["a", "contents"],
    &[],
    &[""],
    &["contents/../contents//"],
    &["/contents", "../outside"],
    &["contents/a/.."],
];

fn fill(numbers: &mut Numbers, place: &Place, folder: &Path, depth: usize) {
    fs::create_dir_all(folder).unwrap();
    for _ in 0..2 + numbers.below(5) {
        let path = folder.join(OsStr::from_bytes(numbers.one_of(&NAMES)));
        if path.symlink_metadata().is_ok() {
            continue;
        }
        let name = Path::new(OsStr::from_bytes(numbers.one_of(&NAMES)));
        match numbers.below(8) {
            0..3 => fs::write(&path, "").unwrap(),
            3..5 if depth > 0 => fill(numbers, place, &path, depth - 1),
            _ => {
                let target = match numbers.below(12) {
                    0 => name.to_path_buf(),
                    1 => Path::new("..").join(name),
                    2 => Path::new("../..").join(name),
                    3 => "..".into(),
                    4 => "nowhere".into(),
                    5 => path.clone(),
                    6 => "/etc/passwd".into(),
                    7 => place.at("outside"),
                    8 => place.at("outside").join(name),
                    9 => place.at("pkg-evil").join(name),
                    10 => place.at("base/contents").join(name),
                    _ => place.at("pkg/contents").join(name),
                };
                symlink(target, &path).unwrap();
            }
        }
    }
}

/// A package of random files, folders, links and definitions, in some rounds with a fallback.
fn random_package(numbers: &mut Numbers, place: &Place) -> Package {
    for (folder, depth) in [
        ("pkg", 1),
        ("pkg/contents", 2),
        ("base/contents", 2),
        ("outside", 0),
        ("pkg-evil", 0),
    ] {
        fill(numbers, place, &place.at(folder), depth);
    }
    place.know("Test/Any", Structure::new(|_| Ok(())));
    let load = |path| place.loader.load_package_at("Test/Any", place.at(path));
    let mut package = load("pkg").unwrap();
    package.set_contents_prefix_paths(numbers.one_of(&PREFIXES));
    package.set_allow_external_paths(numbers.below(5) == 0);
    for key in ["one", "two"] {
        for _ in 0..1 + numbers.below(2) {
            package.add_file_definition(key, numbers.one_of(&PATHS), "");
        }
    }
    if numbers.below(3) == 0 {
        let mut base = load("base").unwrap();
        base.add_directory_definition("two", numbers.one_of(&PATHS), "");
        package.set_fallback_package(Some(base)).unwrap();
    }
    package
}

/// Over random packages: no path leads outside unless that is allowed, and while nothing changes
/// `open` opens what `file_path` names if it is a file, and nothing else.
#[test]
fn open_agrees_with_file_path_and_neither_leaves_the_package() {
    let mut numbers = Numbers(0x5eed);
    let (mut files, mut folders, mut misses, mut refused) = (0, 0, 0, 0);
    for round in 0..100 {
        let place = Place::new();
        let package = random_package(&mut numbers, &place);
        let roots = [place.at("pkg"), place.at("base")];
        let is_free = package.allow_external_paths();
        for (key, name) in ["one", "two", "", "metadata", "none"]
            .iter()
            .flat_map(|key| ASKED.map(|name| (key, OsStr::from_bytes(name))))
        {
            let asked = format!("round {round}: {key:?} {name:?}");
            let path = package.file_path(key, name);
            if let Some(path) = &path {
                let real = path.canonicalize().unwrap();
                let is_inside = |root: &PathBuf| real.starts_with(root) && real != *root;
                assert!(is_free || roots.iter().any(is_inside), "{asked}: {real:?}");
            }
            for way in WAYS {
                let opened = open_in(way, &package, key, name);
                let Some(path) = &path else {
                    let is_told = matches!(&opened, Err(OpenError::File(_)));
                    assert!(is_told, "{asked}, {way:?}: {opened:?}");
                    misses += 1;
                    refused += u32::from(opened.is_err_and(|it| it.code() == "file-outside"));
                    continue;
                };
                let there = fs::metadata(path).unwrap();
                if there.is_file() {
                    let opened = opened.unwrap().metadata().unwrap();
                    let (opened, there) = (&opened, &there);
                    let [opened, there] = [opened, there].map(|it| (it.dev(), it.ino()));
                    assert_eq!(opened, there, "{asked}, {way:?}");
                    files += 1;
                } else {
                    let is_told = matches!(&opened, Err(OpenError::NotAFile { .. }));
                    assert!(is_told, "{asked}, {way:?}: {opened:?}");
                    folders += 1;
                }
            }
        }
    }
    // Each of them happened often, so that something was tried.
    for (what, count) in [
        ("files", files),
        ("folders", folders),
        ("misses", misses),
        ("refused", refused),
    ] {
        assert!(count > 300, "{what}: {count}");
    }
}
