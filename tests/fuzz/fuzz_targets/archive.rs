//! Any bytes, taken for an archive: unpacked or refused, soon, with bounded memory, and with nothing
//! outside of the folder that it is unpacked to.
//!
//! In a plain tar the checksums of headers are put right, since few changes would get past them,
//! as long as they are numbers. The archive and the folder lie in the folder for temporary files,
//! which had better be in memory; `run` sees to that.

#![no_main]

use std::collections::VecDeque;
use std::ffi::OsString;
use std::fs::{self, File};
use std::os::unix::fs::{FileExt as _, PermissionsExt as _};
use std::path::{Component, Path, PathBuf};
use std::sync::OnceLock;

use keyway::archive::{Limits, unpack};
use keyway_tests::archives::builder::sign;
use keyway_tests::memory::{Counting, peak};
use libfuzzer_sys::fuzz_target;

#[global_allocator]
static COUNTING: Counting = Counting;

/// What decoding may need, and everything else.
const MOST: usize = (128 + 8) << 20;

static PLACE: OnceLock<Place> = OnceLock::new();

struct Place {
    archive: File,
    /// Where nothing must change.
    around: PathBuf,
    into: PathBuf,
    limits: Limits,
}

impl Place {
    fn new() -> Self {
        let around = tempfile::tempdir().expect("a temporary folder").keep();
        let into = around.join("into");
        fs::create_dir(&into).expect("the folder is ours");
        fs::write(around.join("beside"), "beside").expect("the folder is ours");
        let mut limits = Limits::default();
        (limits.entries, limits.bytes) = (100, 1 << 20);
        (limits.name_length, limits.name_bytes, limits.depth) = (300, 8 << 10, 10);
        Self {
            archive: tempfile::tempfile().expect("a temporary file"),
            around,
            into,
            limits,
        }
    }

    fn unpack(&self, bytes: &[u8]) {
        self.archive.set_len(0).expect("the file is ours");
        self.archive
            .write_all_at(bytes, 0)
            .expect("the file is ours");
        let archive = self.archive.try_clone().expect("the file is ours");
        let (held, unpacked) = peak(|| unpack(archive, &self.into, &self.limits));
        assert!(held < MOST, "{held} bytes");
        let left = names(&self.into);
        match unpacked {
            Err(_) => assert!(left.is_empty(), "{left:?}"),
            Ok(unpacked) => {
                assert!(unpacked.bytes <= self.limits.bytes);
                self.check(&self.into);
            }
        }
        if !left.is_empty() {
            fs::remove_dir_all(&self.into).expect("the folder is ours");
            fs::create_dir(&self.into).expect("the folder is ours");
        }
        assert_eq!(names(&self.around), ["beside", "into"]);
        let beside = fs::read(self.around.join("beside"));
        assert_eq!(beside.expect("the file is ours"), b"beside");
    }

    /// Checks what was unpacked to `folder`.
    fn check(&self, folder: &Path) {
        for name in names(folder) {
            let path = folder.join(name);
            let metadata = fs::symlink_metadata(&path).expect("it is there");
            if metadata.is_symlink() {
                self.follow(folder, &path);
                continue;
            }
            let mode = metadata.permissions().mode() & 0o7777;
            assert!(mode & 0o7600 == 0o600, "{mode:o}");
            if metadata.is_dir() {
                self.check(&path);
            } else {
                assert!(metadata.is_file());
            }
        }
    }

    /// Goes where a link leads, also where nothing is.
    fn follow(&self, folder: &Path, link: &Path) {
        let mut at = folder.to_path_buf();
        let mut todo = VecDeque::from([link.file_name().expect("a name").to_os_string()]);
        let mut followed = 0;
        while let Some(part) = todo.pop_front() {
            if part == ".." {
                assert_ne!(at, self.into, "{} leaves", link.display());
                at.pop();
                continue;
            }
            at.push(part);
            let Ok(target) = fs::read_link(&at) else {
                continue;
            };
            followed += 1;
            assert!(followed <= 40, "{} has no end", link.display());
            at.pop();
            for part in target.components().rev() {
                match part {
                    Component::Normal(part) => todo.push_front(part.to_os_string()),
                    Component::ParentDir => todo.push_front("..".into()),
                    Component::CurDir => {}
                    _ => panic!("{} is absolute", link.display()),
                }
            }
        }
    }
}

/// What lies in a folder, in the order of names.
fn names(folder: &Path) -> Vec<OsString> {
    let entries = fs::read_dir(folder).expect("the folder is ours");
    let mut names: Vec<OsString> = entries
        .map(|entry| entry.expect("the folder is ours").file_name())
        .collect();
    names.sort();
    names
}

/// Puts the checksums of a tar's headers right.
fn sign_headers(mut rest: &mut [u8]) {
    while let Some((header, data)) = rest.split_first_chunk_mut::<512>() {
        let is_octal = |byte: &u8| matches!(byte, b'0'..=b'7' | b' ' | 0);
        let (size, checksum) = (&header[124..136], &header[148..156]);
        if header.iter().all(|byte| *byte == 0) || !checksum.iter().all(is_octal) {
            return;
        }
        let digits = size.iter().take_while(|byte| byte.is_ascii_digit());
        let size = digits.fold(0, |size, digit| size << 3 | usize::from(digit & 7));
        sign(header);
        let end = size.next_multiple_of(512);
        rest = data.get_mut(end..).unwrap_or_default();
    }
}

fuzz_target!(|bytes: &[u8]| {
    let place = PLACE.get_or_init(Place::new);
    // A tar has a name there, others have what tells them.
    let is_other = [
        &b"PK"[..],
        b"\x1f\x8b",
        b"BZh",
        b"\xfd7zXZ",
        b"\x28\xb5\x2f\xfd",
    ];
    if is_other.iter().any(|magic| bytes.starts_with(magic)) {
        place.unpack(bytes);
    } else {
        let mut bytes = bytes.to_vec();
        sign_headers(&mut bytes);
        place.unpack(&bytes);
    }
});
