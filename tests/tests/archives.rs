//! Hostile archives: each is refused for its lie, and changes nothing.

#![allow(clippy::unwrap_used)]
#![cfg(unix)]

use std::collections::BTreeSet;
use std::fs;
use std::io::{Seek as _, Write as _};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::PathBuf;

use keyway::archive::{ArchiveError, Limits, Unpacked, unpack};
use keyway_tests::archives::builder::{TarEntry, ZipEntry};
use keyway_tests::archives::{self, Package, TYPE, all_are_refused, corpus, good};
use keyway_tests::snapshot::Snapshot;
use keyway_tests::workspace;
use tempfile::TempDir;

/// A folder tree as packages are installed to, and in it an empty folder to unpack to.
struct Place {
    root: TempDir,
    target: PathBuf,
}

impl Place {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let packages = root.path().join("share/myapp/packages");
        let target = packages.join("staged");
        fs::create_dir_all(&target).unwrap();
        // What lies would like to reach: beside the target, and up to the top.
        for folder in [&packages, root.path()] {
            fs::create_dir(folder.join("installed")).unwrap();
            for name in ["evil", "outside", "out", "installed/metadata.json"] {
                fs::write(folder.join(name), "mine").unwrap();
            }
            symlink("installed", folder.join("link")).unwrap();
            let script = folder.join("installed/script");
            fs::write(&script, "#!/bin/sh\n").unwrap();
            fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
            fs::hard_link(&script, folder.join("installed/again")).unwrap();
        }
        Self { root, target }
    }

    fn unpack(&self, archive: &[u8]) -> Result<Unpacked, ArchiveError> {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(archive).unwrap();
        file.rewind().unwrap();
        unpack(file, &self.target, &Limits::default())
    }
}

#[test]
fn each_lie_is_refused_with_its_code_and_nothing_changes() {
    all_are_refused(|lie| {
        let place = Place::new();
        let before = Snapshot::of(place.root.path());
        let code = place
            .unpack(&lie.bytes)
            .err()
            .map(|it| it.code().to_owned());
        let mut changes = before.differences(&Snapshot::of(place.root.path()));
        changes.retain(|it| *it != OWN_TIME);
        (code, changes)
    });
}

/// The target itself had something in it for a moment.
const OWN_TIME: &str = "`share/myapp/packages/staged` was modified";

#[test]
fn without_their_lies_the_archives_are_unpacked() {
    for package in good(&Package::new(TYPE)) {
        let place = Place::new();
        let label = format!("{}: {}", package.file_name, package.name);
        if let Err(error) = place.unpack(&package.bytes) {
            panic!("{label}: {error}");
        }
        let metadata = fs::read_to_string(place.target.join("metadata.json"));
        assert_eq!(
            metadata.is_ok_and(|it| it.contains(TYPE)),
            package.name != "empty",
            "{label}"
        );
    }
}

/// Elsewhere than on Windows a backslash is a character as any other, and leads nowhere.
#[test]
fn names_with_backslashes_stay_where_they_are() {
    let name = "..\\..\\evil";
    for archive in [
        archives::builder::zip(&[ZipEntry::stored(name, "text")]),
        archives::builder::tar(&[TarEntry::file(name, "text")]),
    ] {
        let place = Place::new();
        let warnings = place.unpack(&archive).unwrap().warnings;
        let codes: Vec<&str> = warnings.iter().map(|warning| warning.code()).collect();
        assert_eq!(codes, ["archive-not-on-windows"]);
        assert_eq!(fs::read(place.target.join(name)).unwrap(), b"text");
    }
}

/// Codes of what no archive's bytes bring about.
const NOT_OF_BYTES: [&str; 8] = [
    "archive-unreadable",
    "archive-target-not-empty",
    "archive-unwritable",
    // Folders that are copied, and whoever watches.
    "archive-entry-unreadable",
    "archive-changed",
    "archive-into-itself",
    "archive-cancelled",
    // Only where the file system takes two names for one.
    "archive-same-name",
];

#[test]
fn every_code_that_bytes_can_bring_about_is_in_the_corpus() {
    let source = fs::read_to_string(workspace().join("host/src/archive/error.rs")).unwrap();
    let codes: BTreeSet<&str> = source
        .lines()
        .filter_map(|line| line.split_once("=> \"archive-"))
        .map(|(_, rest)| rest.trim_end_matches("\","))
        .collect();
    assert!(codes.len() >= 30, "{codes:?}");
    let corpus = corpus();
    let covered = corpus
        .iter()
        .map(|it| it.code.trim_start_matches("archive-"));
    let covered: BTreeSet<&str> = covered.collect();
    let missing: BTreeSet<&str> = codes.difference(&covered).copied().collect();
    assert_eq!(
        missing,
        NOT_OF_BYTES
            .map(|it| it.trim_start_matches("archive-"))
            .into()
    );
}

#[test]
fn the_corpus_is_large_and_its_archives_are_small() {
    let corpus = corpus();
    assert!(corpus.len() >= 80, "{}", corpus.len());
    let mut names = BTreeSet::new();
    for lie in &corpus {
        assert!(
            names.insert((lie.file_name, lie.name)),
            "twice: {}",
            lie.name
        );
        assert!(
            lie.bytes.len() < 10 << 20,
            "{}: {} bytes",
            lie.name,
            lie.bytes.len()
        );
    }
    // Both formats, and all compressions.
    let formats: BTreeSet<&str> = names.iter().map(|(format, _)| *format).collect();
    assert_eq!(formats.len(), 2 + archives::compress::COMPRESSORS.len());
}
