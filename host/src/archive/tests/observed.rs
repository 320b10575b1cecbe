//! What an observer is told, and what becomes of an archive that it ends.

use std::collections::BTreeMap;
use std::fs::File;
use std::ops::ControlFlow;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use super::builder::{TarEntry, ZipEntry, tar, zip};
use super::{Place, Tree};
use crate::archive::{
    ArchiveError, Limits, Observer, Progress, Unpacked, UnpackedEntry, UnpackedKind,
    unpack_observed,
};

/// Keeps what it is told, and ends after some calls.
#[derive(Default)]
pub(super) struct Notes {
    pub(super) entries: Vec<UnpackedEntry>,
    pub(super) progress: Vec<Progress>,
    pub(super) wants_digests: bool,
    pub(super) calls: Option<usize>,
}

impl Observer for Notes {
    fn progress(&mut self, progress: &Progress) -> ControlFlow<()> {
        self.progress.push(progress.clone());
        if self.calls == Some(self.progress.len()) {
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    }

    fn entry(&mut self, entry: UnpackedEntry) {
        self.entries.push(entry);
    }

    fn wants_digests(&self) -> bool {
        self.wants_digests
    }
}

impl Notes {
    pub(super) fn with_digests() -> Self {
        Self {
            wants_digests: true,
            ..Self::default()
        }
    }

    fn names(&self) -> Vec<&str> {
        let entries = self.entries.iter();
        entries.map(|entry| entry.path.to_str().unwrap()).collect()
    }
}

fn unpack(place: &Place, archive: &[u8], notes: &mut Notes) -> Result<Unpacked, ArchiveError> {
    let path = place.folder.path().join("archive");
    std::fs::write(&path, archive).unwrap();
    let file = File::open(path).unwrap();
    unpack_observed(file, &place.target(), &Limits::default(), notes)
}

/// What an observer must have been told for a tree to be there.
pub(super) fn told_of(tree: &Tree) -> BTreeMap<PathBuf, UnpackedKind> {
    let entries = tree.iter().map(|(path, (mode, data))| {
        let kind = match mode & 0o170_000 {
            0o040_000 => UnpackedKind::Folder,
            0o120_000 => UnpackedKind::Link {
                target: Path::new(std::ffi::OsStr::from_bytes(data)).to_path_buf(),
            },
            _ => UnpackedKind::File {
                size: data.len() as u64,
                sha256: Some(Sha256::digest(data).into()),
                executable: mode & 0o111 != 0,
            },
        };
        (path.clone(), kind)
    });
    entries.collect()
}

/// What it was told, each path once.
pub(super) fn told(notes: &Notes) -> BTreeMap<PathBuf, UnpackedKind> {
    let entries = notes.entries.iter();
    let told: BTreeMap<_, _> = entries
        .map(|entry| (entry.path.clone(), entry.kind.clone()))
        .collect();
    assert_eq!(told.len(), notes.entries.len());
    told
}

/// A tar and a zip with everything that they can have.
fn archives() -> [(&'static str, Vec<u8>); 2] {
    let big = vec![b'x'; 300_000];
    let mut script = TarEntry::file("contents/code/run", "#!/bin/sh\n");
    script.mode = 0o755;
    let in_tar = tar(&[
        TarEntry::new(b'5', "./"),
        TarEntry::link("early", "contents/big"),
        TarEntry::new(b'5', "empty"),
        script,
        TarEntry::new(b'5', "contents"),
        TarEntry::file("contents/big", &big),
        TarEntry::hard_link("hard", "contents/big"),
        TarEntry::hard_link("harder", "hard"),
    ]);
    let in_zip = zip(&[
        ZipEntry::link("early", "contents/big"),
        ZipEntry::of_mode(0o040_755, "empty/", ""),
        ZipEntry::of_mode(0o100_755, "contents/code/run", "#!/bin/sh\n"),
        ZipEntry::of_mode(0o040_755, "contents/", ""),
        ZipEntry::deflated("contents/big", &big),
        ZipEntry::stored("stored", &big),
    ]);
    [("tar", in_tar), ("zip", in_zip)]
}

#[test]
fn whenever_it_is_cancelled_nothing_is_left() {
    for (kind, archive) in archives() {
        let mut whole = Notes::default();
        unpack(&Place::new(), &archive, &mut whole).unwrap();
        let calls = whole.progress.len();
        assert!(calls > 10, "{kind}: {calls}");
        for call in 1..=calls {
            let place = Place::new();
            let mut notes = Notes {
                calls: Some(call),
                ..Notes::default()
            };
            let error = unpack(&place, &archive, &mut notes).unwrap_err();
            assert_eq!(error.code(), "archive-cancelled", "{kind} at {call}");
            assert_eq!(error.to_string(), "unpacking was cancelled");
            assert_eq!(notes.progress.len(), call, "{kind}");
            assert!(place.tree().is_empty(), "{kind} at {call}");
        }
    }
}

#[test]
fn a_file_that_is_not_as_it_was_said_to_be_is_not_told() {
    let mut wrong = ZipEntry::stored("wrong", "text");
    wrong.crc ^= 1;
    let mut larger = ZipEntry::deflated("wrong", "text text text");
    larger.size -= 1;
    let good = || ZipEntry::stored("good", "text");
    let cut = tar(&[
        TarEntry::file("good", "text"),
        TarEntry::file("wrong", "text"),
    ]);
    for (archive, code) in [
        (zip(&[good(), wrong]), "archive-checksum"),
        (zip(&[good(), larger]), "archive-checksum"),
        (cut[..512 * 3 + 2].to_vec(), "archive-truncated"),
        (cut[..512 * 3 + 9].to_vec(), "archive-truncated"),
    ] {
        let mut notes = Notes::default();
        let error = unpack(&Place::new(), &archive, &mut notes).unwrap_err();
        assert_eq!(error.code(), code);
        assert_eq!(notes.names(), ["good"], "{code}");
    }
}

#[test]
fn all_that_is_there_is_told_once() {
    for (kind, archive) in archives() {
        let place = Place::new();
        let mut notes = Notes::with_digests();
        unpack(&place, &archive, &mut notes).unwrap();
        let told = told(&notes);
        assert_eq!(told, told_of(&place.tree()), "{kind}");
        // A folder that no entry stands for comes before its file, a link last.
        let beginning = ["empty", "contents", "contents/code", "contents/code/run"];
        assert_eq!(notes.names()[..4], beginning, "{kind}");
        assert_eq!(notes.names().last(), Some(&"early"), "{kind}");
        if kind == "tar" {
            let file = &told[Path::new("contents/big")];
            assert_eq!(told[Path::new("hard")], *file);
            assert_eq!(told[Path::new("harder")], *file);
        }
    }
}

#[test]
fn digests_are_made_only_for_who_wants_them() {
    for (_, archive) in archives() {
        let mut notes = Notes::default();
        unpack(&Place::new(), &archive, &mut notes).unwrap();
        for entry in notes.entries {
            let digest = match entry.kind {
                UnpackedKind::File { sha256, .. } => sha256,
                _ => None,
            };
            assert_eq!(digest, None, "{:?}", entry.path);
        }
    }
}

#[test]
fn progress_grows_to_the_end() {
    for (kind, archive) in archives() {
        let mut notes = Notes::default();
        let unpacked = unpack(&Place::new(), &archive, &mut notes).unwrap();
        for pair in notes.progress.windows(2) {
            assert!(pair[0].entries <= pair[1].entries, "{kind}: {pair:?}");
            assert!(pair[0].bytes <= pair[1].bytes, "{kind}: {pair:?}");
            assert!(
                pair[0].bytes + (64 << 10) >= pair[1].bytes,
                "{kind}: {pair:?}"
            );
            assert!(pair[0].read <= pair[1].read, "{kind}: {pair:?}");
        }
        let last = notes.progress.last().unwrap();
        let length = archive.len() as u64;
        assert_eq!((last.read, last.length), (length, length), "{kind}");
        assert_eq!(last.bytes, unpacked.bytes, "{kind}");
        let totals = match kind {
            "zip" => (Some(last.entries), Some(last.bytes)),
            _ => (None, None),
        };
        for progress in &notes.progress {
            let said = (progress.total_entries, progress.total_bytes);
            assert_eq!(said, totals, "{kind}");
        }
        assert_eq!(last.entries, if kind == "zip" { 6 } else { 8 });
    }
}
